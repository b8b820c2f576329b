"""Make a challenge: what everybody may have goes into zips, and the truth of its phases into a folder apart."""

import json
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from wideopen.challenge.intake import HIDDEN, PUBLIC, RULES, Rules
from wideopen.challenge.links import Links
from wideopen.challenge.plan import FORMAT, Phase, Plan, Track, moment, write_plan
from wideopen.challenge.unpack import folded, name_fault
from wideopen.challenge.upload import PARTS
from wideopen.errors import RequestError
from wideopen.pairs.pair import BOKEH, DEPTH, FOCUS, MATTE, ORIGINAL, Pair, pairs_in
from wideopen.score.evaluate import refuse_unequal
from wideopen.score.provenance import command, sha256_of, sha256_of_pairs
from wideopen.typed import made

DEVELOPMENT = "development"
"""Begins a challenge: its pairs are public, and nothing is handed in."""
TRAIN = "train"
TRACKS = {
    "cpu": Track("cpu", "Desktop CPU", "a desktop processor"),
    "gpu": Track("gpu", "Smartphone GPU", "the GPU of a phone, by TensorFlow Lite"),
}
"""Of the report."""
ABOUT = """\
Given one photo that is sharp throughout, render it as a camera with a wide aperture takes it: the subject sharp, the \
rest in bokeh.

Learn from the development pairs, compare yourself on the validation board, and hand in your final pictures, model and \
fact sheet in the test phase."""
_README = "README.txt"
_DATED = (1980, 1, 1, 0, 0, 0)
"""The oldest date that a zip knows; the same files make the same zip."""
_Entry = tuple[str, Path]


@dataclass(frozen=True)
class Asked:
    """What an organiser decides, where the usual three phases are wanted."""

    title: str = "Realistic bokeh"
    about: str = ABOUT
    begins: str = ""
    """ISO 8601; empty for now."""
    days: tuple[float, float, float] = (30, 30, 14)
    """Of development, validation and test, which follow each other."""
    per_day: int | None = None
    in_all: int | None = None
    """Of submissions in each phase; None for 10 and 100 in validation, 3 and 10 in the test."""
    tracks: tuple[str, ...] = ("cpu", "gpu")
    sign_up: Literal["open", "approved"] = "approved"
    protocol: str = "aim2020/1"


def usual_plan(asked: Asked) -> Plan:
    """Make the plan of a challenge as the report's: development, validation, test.

    Raises:
        RequestError: If dates, days or limits cannot be.
    """
    begins = moment(asked.begins) if asked.begins else datetime.now(UTC).replace(second=0, microsecond=0)
    if not (asked.days[0] >= 0 and min(asked.days[1:]) > 0 and max(asked.days) <= 3660):
        raise RequestError(f"the days are {asked.days}; give those of development, validation and test, as 30,30,14")
    try:
        ends = [begins + timedelta(days=sum(asked.days[: count + 1])) for count in range(3)]
    except OverflowError as error:
        raise RequestError(f"a challenge that begins at {asked.begins} ends after all calendars; correct it") from error
    day, all_ = asked.per_day, asked.in_all
    validation = Phase(
        "validation", ends[0].isoformat(), ends[1].isoformat(), "val", per_day=day or 10, in_all=all_ or 100
    )
    test = Phase(
        "test", ends[1].isoformat(), ends[2].isoformat(), "test", ("pictures", "model"),
        per_day=day or 3, in_all=all_ or 10, board="hidden", keeps="last", sheet=True,
    )  # fmt: skip
    return Plan(
        asked.title,
        asked.about,
        (validation, test),
        tuple(TRACKS.get(name, Track(name, name)) for name in asked.tracks),
        asked.protocol,
        sign_up=asked.sign_up,
        begins=begins.isoformat(),
    )


def given_plan(path: Path) -> Plan:
    """Read a plan that an organiser wrote, whatever its file is called.

    Raises:
        RequestError: If it cannot be read, or says what cannot be.
    """
    try:
        record: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"cannot read the plan {path}: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(record, dict) or record.pop("wideopen", FORMAT) != FORMAT:
        raise RequestError(f'{path} is no plan of this version; it may say "wideopen": "{FORMAT}"')
    plan: Plan = made(Plan, record, path.name)
    return plan


def new_challenge(pairs: Path, folder: Path, plan: Plan, *, progress: Callable[[int, int], None] | None = None) -> Plan:
    """Make the folder of a challenge, whole or not at all; it needs nothing of the data set any more.

    Args:
        pairs: A data set, split into ``train``, which becomes public, and the parts of the phases.
        folder: Of the challenge: empty, or not there yet.
        plan: Of `usual_plan` or `given_plan`.
        progress: Told how many pairs are done, of how many.

    Returns:
        The plan with checksums of the parts.

    Raises:
        RequestError: If a part is missing, the truth of a phase would be public, pictures of a pair do not go together,
            or the place is taken or cannot be written.
        PhotoError: If a picture is broken.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RequestError(f"{folder} is there already; a challenge never replaces anything, so choose another name")
    _refuse_phases(plan)
    parts = {part: _part(pairs, part) for part in (TRAIN, *dict.fromkeys(each.part for each in plan.phases))}
    for of in parts.values():
        _refuse_pairs(of)
    _refuse_shared(parts)
    count = sum(map(len, parts.values()))
    told = _Told(count, progress)
    beside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        for name in (PUBLIC, PARTS):
            (beside / name).mkdir(parents=True)
        plan = replace(
            plan,
            parts=tuple((part, sha256_of_pairs(of)) for part, of in parts.items()),
            command=command(),
            made=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        _development(parts[TRAIN], plan, beside / PUBLIC / f"{DEVELOPMENT}.zip", told)
        for part in list(parts)[1:]:
            _hide(parts[part], beside / HIDDEN / part, told)
        for phase in plan.phases:
            _inputs(parts[phase.part], phase, plan, beside / PUBLIC / f"{phase.name}.zip")
        write_plan(plan, beside)
        Links(beside)
        if folder.exists():
            folder.rmdir()
        beside.rename(folder)
    except OSError as error:
        raise RequestError(f"{folder} cannot be written ({error.strerror or error}); choose another place") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return plan


class _Told:
    """Counts pairs that are done."""

    def __init__(self, total: int, progress: Callable[[int, int], None] | None) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def one(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)


def _refuse_phases(plan: Plan) -> None:
    for phase in plan.phases:
        if phase.part == TRAIN:
            raise RequestError(f"the phase {phase.name} asks about {TRAIN}, whose truth is public; use val or test")
        if phase.name == DEVELOPMENT:
            raise RequestError(f"no phase of submissions can be called {DEVELOPMENT}; its pairs are public")


def _part(folder: Path, part: str) -> list[Pair]:
    try:
        return pairs_in(folder, split=part)
    except RequestError as error:
        if "no pairs of the part" not in str(error):
            raise
        raise RequestError(
            f"{folder} has no pairs of the part '{part}'; run: wideopen pairs split {folder} --train 0.8 --val 0.1 "
            "--test 0.1"
        ) from error


def _refuse_pairs(pairs: Sequence[Pair]) -> None:
    """Refuse pairs that nobody could answer, before a picture is copied."""
    known: dict[str, str] = {}
    for pair in pairs:
        fault = name_fault(pair.name) or name_fault(f"{pair.name}.png")
        if fault or pair.name.startswith("."):
            raise RequestError(f"pair {pair.name!r} {fault or 'has a name that begins with a dot'}; name it otherwise")
        other = known.setdefault(folded(pair.name), pair.name)
        if other != pair.name:
            raise RequestError(f"the pairs {other} and {pair.name} have one name on some systems; rename one")
        refuse_unequal(pair)


def _refuse_shared(parts: Mapping[str, Sequence[Pair]]) -> None:
    """Refuse parts that share a picture, by which the truth of one would lie in another."""
    known: dict[str, tuple[str, str]] = {}
    for part, pairs in parts.items():
        for pair in pairs:
            sums = (sha256_of(pair.original), sha256_of(pair.bokeh))
            if sums[0] == sums[1]:
                raise RequestError(f"pair {pair.name}: the original and the bokeh are one picture; leave the pair out")
            for each in sums:
                where, other = known.setdefault(each, (part, pair.name))
                if where != part:
                    raise RequestError(
                        f"pair {pair.name} of {part} has a picture of pair {other} of {where}, which would give its "
                        "truth away; leave one out"
                    )


def _development(pairs: Sequence[Pair], plan: Plan, place: Path, told: _Told) -> None:
    """Write the public pairs."""
    text = (
        f"{plan.title}: development\n\n{len(pairs)} pairs: original/NAME is sharp throughout, bokeh/NAME shows the "
        "same with a shallow depth of field.\nWhere they are known, depth/ holds disparity (near is bright), matte/ "
        "the subject, and focus/ what is in focus.\n"
    )
    files = [file for folder in (ORIGINAL, BOKEH, DEPTH, MATTE, FOCUS) for file in _files(pairs, folder)]
    _zip(files, {_README: text}, place, told.one)


def _inputs(pairs: Sequence[Pair], phase: Phase, plan: Plan, place: Path) -> None:
    """Write what a phase asks about, and what is to be handed in; nothing of the truth."""
    rules = Rules(plan.title, phase.name, phase.takes, plan.limits)
    texts = {_README: _asked(pairs, phase, plan), RULES: rules.to_json()}
    _zip(_files(pairs, ORIGINAL), texts, place, lambda: None)


def _asked(pairs: Sequence[Pair], phase: Phase, plan: Plan) -> str:
    lines = [
        f"{plan.title}: {phase.name}, from {phase.begins} until {phase.ends}",
        "",
        f"{len(pairs)} photos in original/, sharp throughout. Hand in what your method makes of them:",
    ]
    if "pictures" in phase.takes:
        lines += [
            f"- pictures: one for each photo, under its name ({pairs[0].name}.png answers {pairs[0].original.name}),",
            "  of its width and height, 8 bits a value, sRGB, all in one format: .png (best), .jpg, .tif or .webp;",
            f"  in one zip of up to {plan.limits.upload_mb} MB, by themselves or in one folder;",
        ]
    if "model" in phase.takes:
        lines += [
            "- or a model: a checkpoint of wideopen's (.safetensors), or a file of wideopen export (.onnx, .tflite);",
            "  an .onnx of another's making takes picture (1, height, width, 3) of a fixed size and gives one such,",
            "  sRGB in [0, 1] as float32. Pickles (.pt, .pth, .ckpt) are refused.",
        ]
    lines += [
        "",
        f"{phase.per_day} a day and {phase.in_all} in all count. Look beforehand whether yours can be scored:",
        f"  wideopen challenge check YOURS --inputs {phase.name}.zip",
        "",
    ]
    return "\n".join(lines)


def _hide(pairs: Sequence[Pair], folder: Path, told: _Told) -> None:
    """Copy pairs whose truth stays with the organiser."""
    folder.mkdir(parents=True, mode=0o700)
    for each in (ORIGINAL, BOKEH, DEPTH, MATTE, FOCUS):
        for name, path in _files(pairs, each):
            place = folder / name
            place.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, place)
            if each == BOKEH:
                told.one()


def _files(pairs: Iterable[Pair], folder: str) -> list[_Entry]:
    """Names in a data set, and files, of one of its folders."""
    paths = ((pair.name, getattr(pair, folder)) for pair in pairs)
    return [(f"{folder}/{name}{path.suffix.lower()}", path) for name, path in paths if path is not None]


def _zip(files: Sequence[_Entry], texts: Mapping[str, str], place: Path, done: Callable[[], None]) -> None:
    """Write a zip whose bytes follow from its files alone."""
    with zipfile.ZipFile(place, "w") as archive:
        for name, text in texts.items():
            archive.writestr(_entry(name, len(text)), text)
        for name, path in files:
            with path.open("rb") as source, archive.open(_entry(name, path.stat().st_size), "w") as target:
                shutil.copyfileobj(source, target)
            if name.startswith(f"{BOKEH}/"):
                done()


def _entry(name: str, size_bytes: int) -> zipfile.ZipInfo:
    # Pictures are compressed already, so all is stored as it is.
    entry = zipfile.ZipInfo(name, _DATED)
    entry.create_system, entry.external_attr, entry.file_size = 3, 0o100644 << 16, size_bytes
    return entry
