"""What a study leaves behind: its report as files, and opinions in the Score files of its methods."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from wideopen.errors import RequestError
from wideopen.photo.whole import whole_file
from wideopen.score.score import Score, read_score, write_score
from wideopen.study.opinion import counted, last_votes
from wideopen.study.plan import Study
from wideopen.study.report import Method, Report
from wideopen.study.report_page import page_of
from wideopen.study.vote import LEVELS, Vote

REPORT, OPINIONS, METHODS, PAGE = "report.json", "opinions.csv", "methods.csv", "report.html"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NOTE = "Opinions of the "


def write_report(report: Report, votes: Sequence[Vote], folder: Path, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Write ``report.json``, ``opinions.csv``, ``methods.csv`` and ``report.html``, each whole or not at all.

    Args:
        report: Of these votes.
        votes: That the report was made of; one row each in ``opinions.csv``.
        folder: Is made where it is not.
        overwrite: Whether files of before may be replaced.

    Returns:
        The files.

    Raises:
        RequestError: If a file is there already, or cannot be written.
    """
    writers: dict[str, Callable[[], str]] = {
        REPORT: report.to_json,
        OPINIONS: lambda: opinions_csv(report, votes),
        METHODS: lambda: methods_csv(report),
        PAGE: lambda: page_of(report),
    }
    paths = [folder / name for name in writers]
    there = [path for path in paths if path.exists()]
    if there and not overwrite:
        raise RequestError(f"{there[0]} is there already; choose another folder or allow --overwrite")
    texts = [write() for write in writers.values()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, texts, strict=True):
            with whole_file(path) as beside:
                # A picture's name may hold what is no Unicode.
                beside.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        raise RequestError(f"{folder} cannot be written ({error.strerror or error}); choose another place") from error
    return tuple(paths)


def opinions_csv(report: Report, votes: Sequence[Vote]) -> str:
    """Write one row for each vote, of each trial the last.

    A text that a spreadsheet would take for a formula gets an apostrophe in front. Numbers never do.
    """
    counting, kept = set(counted(votes)), {rater.name for rater in report.kept}
    head = ["rater", "trial", "picture", "method", "kind", "repeat", "level", "opinion", "shown_s", "at"]
    rows = (
        [
            *(vote.rater, vote.trial, vote.picture, vote.method, vote.kind, vote.repeat, vote.level),
            *(LEVELS[vote.level], vote.shown_s, vote.at, vote in counting, vote.rater in kept, report.simulated),
        ]
        for vote in last_votes(votes)
    )
    return _csv([*head, "counted", "rater_kept", "simulated"], rows)


def methods_csv(report: Report) -> str:
    """Write one row for each method, the best first; opinions of kept raters, and beside them those of all."""
    head = ["place", "shared", "method", "mos", "low", "high", "without_bias", "most_likely", "votes", "raters"]
    head += ["pictures", *(f"level_{level}" for level in sorted(LEVELS)), "mos_everyone", "low_everyone"]
    head += ["high_everyone", "without_bias_everyone", "most_likely_everyone", "votes_everyone", "raters_everyone"]
    head += ["votes_still_needed", "pictures_needed", "simulated"]
    return _csv(head, ([*_method_cells(method), report.simulated] for method in report.methods))


def into_scores(report: Report, study: Study, *, folder: Path = Path()) -> tuple[Path, ...]:
    """Write the kept raters' opinions into the Score files of a study.

    ``mos``, ``mos_interval`` and ``raters`` are set, and a note names the study; a note of an earlier report of the
    same study is replaced. All files are read before the first is written. Methods without a score are left out.

    Args:
        report: Of the study.
        study: Its plan, with ``scores``.
        folder: That the plan's paths are relative to.

    Returns:
        The files that were written.

    Raises:
        RequestError: If the report is of another study, the plan names no files, no rater is kept, a method is
            unknown, or a file is no Score or cannot be written.
    """
    if (report.title, report.created, report.simulated) != (study.title, study.created, study.simulated):
        raise RequestError(f"the report is of '{report.title}', not of the study '{study.title}'; make its report anew")
    if not study.scores:
        raise RequestError(f"the study '{study.title}' names no Score files; name them when the study is made")
    if not report.kept:
        raise RequestError(f"no rater of the study '{study.title}' is kept; ask more people before scores are written")
    methods = {method.name: method for method in report.methods}
    unknown = sorted(study.scores.keys() - methods.keys())
    if unknown:
        raise RequestError(f"the report has no method '{unknown[0]}', which a Score file is named for; mend the plan")
    changed = [
        (folder / name, _with_opinion(read_score(folder / name), methods[method], report))
        for method, name in study.scores.items()
        if methods[method].kept.opinion.mos is not None
    ]
    for path, score in changed:
        write_score(score, path)
    return tuple(path for path, _ in changed)


def _with_opinion(score: Score, method: Method, report: Report) -> Score:
    opinion = method.kept.opinion
    start = f"{_NOTE}{'simulated ' if report.simulated else ''}study '{report.title}'"
    note = (
        f"{start} ({report.created}): {opinion.raters} of {method.everyone.opinion.raters} raters kept, "
        f"{opinion.votes} votes on {opinion.pictures} pictures"
    )
    if report.simulated:
        note += "; simulated: no person has seen these pictures"
    notes = (*(each for each in score.notes if not each.startswith(start)), note)
    return replace(score, mos=opinion.mos, mos_interval=opinion.interval, raters=opinion.raters, notes=notes)


def _method_cells(method: Method) -> list[Any]:
    kept, everyone = method.kept, method.everyone
    low, high = kept.opinion.interval or (None, None)
    low_all, high_all = everyone.opinion.interval or (None, None)
    return [
        *(method.place, method.shared, method.name, kept.opinion.mos, low, high, kept.without_bias, kept.most_likely),
        *(kept.opinion.votes, kept.opinion.raters, kept.opinion.pictures, *kept.opinion.levels),
        *(everyone.opinion.mos, low_all, high_all, everyone.without_bias, everyone.most_likely),
        *(everyone.opinion.votes, everyone.opinion.raters, method.demand.votes, method.demand.pictures),
    ]


def _csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:  # noqa: ANN401
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return json.dumps(value)
