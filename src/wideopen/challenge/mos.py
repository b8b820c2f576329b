"""MOS: what people think of submissions, taken from the report of a study and kept beside the Scores.

An opinion is of pictures that people saw, so it belongs to a submission and not to its team: who hands in something
else later takes none of it along.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select

from wideopen.challenge.files import Files
from wideopen.challenge.store import Store, Submission
from wideopen.challenge.tables import events
from wideopen.errors import RequestError
from wideopen.study.report import Report
from wideopen.typed import made

FORMAT = "challenge-mos/1"
JOINED = "mos joined"
"""In the history; its text is the key of what was kept."""
Names = Mapping[str, str | int | list[int] | None]
"""Of methods of a study: a team's name, numbers of submissions, or None for what nobody submitted."""


@dataclass(frozen=True)
class Rated:
    """A submission that stands on a board, which a study may have asked about."""

    submission: Submission
    team: str
    """Its name."""


@dataclass(frozen=True)
class Mos:
    """What people think of a submission."""

    mos: float
    interval: tuple[float, float] | None
    """95 %."""
    raters: int
    note: str
    """Of which study it is."""


@dataclass(frozen=True)
class Join:
    """What became of a study's report."""

    key: str
    """In the challenge's files."""
    submissions: Mapping[str, tuple[int, ...]]
    """By method of the study."""
    without: tuple[str, ...]
    """Submissions of the boards that have no mean opinion score, in words."""


def join_study(
    store: Store, files: Files, phase: str, path: Path, rated: Sequence[Rated], names: Names | None = None
) -> Join:
    """Keep a study's report as the opinions of a phase; of several that name a track's submissions the last counts.

    A method is a submission's number, or what its team or its method is called, in whatever letters. Where these are
    several submissions they must be of the same file, as one model on two tracks is.

    Args:
        store: Of the challenge.
        files: Of the challenge.
        phase: Of the plan.
        path: ``report.json`` of ``wideopen study report``.
        rated: What stands on the boards of the phase.
        names: Say otherwise what methods are.

    Raises:
        RequestError: If it is no report, nobody is kept in it, or a method is nobody's; it names all that are.
        StoreError: If it cannot be kept.
    """
    report = _report_in(path)
    found = _matched([method.name for method in report.methods], rated, names or {})
    judged = {method.name for method in report.methods if method.kept.opinion.mos is not None}
    with_mos = {number for method, numbers in found.items() if method in judged for number in numbers}
    if not with_mos:
        raise RequestError(f"{path} says nothing of the submissions on the boards of {phase}; is it of another study?")
    record = {"wideopen": FORMAT, "submissions": found, "report": asdict(report)}
    with TemporaryDirectory(prefix="wideopen-") as folder:
        beside = Path(folder) / "mos.json"
        beside.write_text(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        key = _put(files, phase, beside)
    with store.database.writing() as connection:
        store.note(connection, JOINED, text=key)
    without = [each for each in rated if each.submission.id not in with_mos]
    return Join(
        key,
        {method: tuple(numbers) for method, numbers in found.items()},
        tuple(f"{each.submission.id} of {each.team} ({each.submission.track})" for each in without),
    )


def joined_keys(store: Store, phase: str | None = None) -> list[str]:
    """Keys of all reports that were joined, in their order; of one phase or of all."""
    start = "mos/" if phase is None else f"mos/{phase}."
    with store.database.reading() as connection:
        texts = connection.execute(select(events.c.text).where(events.c.what == JOINED).order_by(events.c.id))
        return [text for (text,) in texts if text.startswith(start)]


def opinions(store: Store, files: Files, phase: str, submissions: Iterable[int]) -> Mapping[int, Mos]:
    """What people think of a track's submissions, by the last report that names one of them.

    Raises:
        RequestError: If that report cannot be read.
    """
    wanted = frozenset(submissions)
    for key in reversed(joined_keys(store, phase)):
        found = {number: each for number, each in _kept(files, key).items() if number in wanted}
        if found:
            return found
    return {}


def read_names(path: Path) -> Names:
    """Read what the methods of a study are, as JSON: ``{"METHOD": "TEAM"}``, or a submission's number in its place.

    Raises:
        RequestError: If it says nothing of the kind.
    """
    try:
        record: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"{path} cannot be read ({' '.join(str(error).split())[:200]})") from error
    if not isinstance(record, dict) or not all(_is_name(each) for each in record.values()):
        raise RequestError(
            f"{path} must give each method of the study the name of a team, the number of a submission, a list of "
            "these, or null, as an object of JSON"
        )
    return record


def _is_name(value: Any) -> bool:  # noqa: ANN401
    if isinstance(value, list):
        return bool(value) and all(type(each) is int for each in value)
    return value is None or isinstance(value, str) or type(value) is int


def _report_in(path: Path) -> Report:
    try:
        report = Report.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} cannot be read ({' '.join(str(error).split())})") from error
    except (RequestError, RecursionError) as error:
        raise RequestError(f"{path} is no report of wideopen study report: {error}") from error
    if not report.kept:
        raise RequestError(f"no rater of the study '{report.title}' is kept; ask more people before it is joined")
    return report


def _put(files: Files, phase: str, source: Path) -> str:
    for number in count(1):
        key = f"mos/{phase}.json" if number == 1 else f"mos/{phase}.{number}.json"
        if files.has(key):
            continue
        try:
            files.put(key, source)
        except RequestError:
            # Another command was quicker.
            if not files.has(key):
                raise
        except OSError as error:
            raise RequestError(f"{key} cannot be kept ({error.strerror or error})") from error
        else:
            return key
    raise AssertionError


def _matched(methods: Sequence[str], rated: Sequence[Rated], names: Names) -> dict[str, list[int]]:
    """Find whose the methods of a study are."""
    unasked = sorted(names.keys() - set(methods))
    if unasked:
        raise RequestError(f"the study has no method {_listed(unasked)}; it has {_listed(methods)}")
    found, unknown = {}, []
    for method in methods:
        if method in names and names[method] is None:
            continue
        fitting = _said(names[method], rated) if method in names else _fitting(method, rated)
        if fitting:
            found[method] = [each.submission.id for each in fitting]
        else:
            unknown.append(method)
    if unknown:
        raise RequestError(
            f"no submission on the boards is the study's {_listed(unknown)}; there are "
            f"{_listed([f'{each.submission.id} of {each.team}' for each in rated])}; say by --names which they are, "
            "null for none"
        )
    everything = [number for numbers in found.values() for number in numbers]
    for number in everything:
        if everything.count(number) > 1:
            both = [method for method, numbers in found.items() if number in numbers]
            raise RequestError(f"the study's {_listed(both)} would all be submission {number}; say which by --names")
    return found


def _said(name: str | int | list[int] | None, rated: Sequence[Rated]) -> list[Rated]:
    """Find what a file of names says; numbers are taken at their word, as one model may be two files."""
    if isinstance(name, str):
        return _refuse_several(name, [each for each in rated if _plain(name) in _team(each)])
    numbers = name if isinstance(name, list) else [name]
    fitting = [each for each in rated if each.submission.id in numbers]
    return fitting if len(fitting) == len(set(numbers)) else []


def _fitting(method: str, rated: Sequence[Rated]) -> list[Rated]:
    """Find a method by all that it may be the name of; whoever takes another's name thus takes nothing."""
    asked = _plain(method)
    fitting = [each for each in rated if asked in (*_number(each), *_team(each), *_method(each))]
    return _refuse_several(method, fitting)


def _refuse_several(name: str, fitting: list[Rated]) -> list[Rated]:
    if len({each.submission.upload.sha256 for each in fitting}) > 1:
        numbers = ", ".join(f"{each.submission.id} of {each.team} ({each.submission.track})" for each in fitting)
        raise RequestError(f"'{name}' may be {numbers}, which are not the same file; say which by --names")
    return fitting


def _number(each: Rated) -> tuple[str, ...]:
    return (str(each.submission.id), f"submission {each.submission.id}")


def _team(each: Rated) -> tuple[str, ...]:
    return (_plain(each.team), _plain(f"{each.team} {each.submission.track}"))


def _method(each: Rated) -> tuple[str, ...]:
    method = each.submission.sheet.method
    return (_plain(method), _plain(f"{method} {each.submission.track}"))


def _plain(name: str) -> str:
    """What names have in common that people take for one: hyphens, lines and blanks are the same."""
    return " ".join(name.casefold().replace("-", " ").replace("_", " ").split())


@lru_cache(maxsize=64)
def _kept(files: Files, key: str) -> Mapping[int, Mos]:
    """Read what was kept; nothing is overwritten, so what was read once stays right."""
    try:
        record = json.loads(files.read(key))
        if record["wideopen"] != FORMAT:
            raise RequestError(f"it is of the format {record['wideopen']}")
        numbers: dict[str, tuple[int, ...]] = made(dict[str, tuple[int, ...]], record["submissions"], key)
        report = Report.from_json(json.dumps(record["report"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, RequestError) as error:
        raise RequestError(f"the opinions {key} cannot be used ({' '.join(str(error).split())[:200]})") from error
    found = {}
    for method in report.methods:
        opinion = method.kept.opinion
        if opinion.mos is None:
            continue
        for number in numbers.get(method.name, ()):
            found[number] = Mos(opinion.mos, opinion.interval, opinion.raters, _note(report))
    return found


def _note(report: Report) -> str:
    kept = f"{len(report.kept)} of {len(report.raters)} raters kept"
    if report.simulated:
        return f"MOS of the simulated study '{report.title}' ({kept}): no person has seen these pictures."
    return f"MOS of the study '{report.title}' of {report.created[:10]} ({kept})."


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more or "none"
