"""Intake: what a submission must be, found out at once by the heads of its files, at the server and at home."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from PIL import Image

from wideopen.challenge.model_head import inspect_model
from wideopen.challenge.plan import Kind, Limits, Phase
from wideopen.challenge.unpack import MB, opened, shown
from wideopen.challenge.unpack import unpack as unpack
from wideopen.errors import RequestError
from wideopen.pairs.pair import ORIGINAL, by_number
from wideopen.photo.metadata import orientation_of
from wideopen.score.submission import BESIDE, SUFFIXES, some
from wideopen.typed import made

PUBLIC, HIDDEN = "public", "hidden"
"""Folders of a challenge."""
Size = tuple[int, int]
"""Width and height, upright."""
RULES = "phase.json"
"""In the zip of a phase, so that a team can look at home."""
RULES_FORMAT = "challenge-phase/1"
_MOST_RULES_BYTES = 1 << 16
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP")


@dataclass(frozen=True)
class Rules:
    """What a phase takes."""

    challenge: str = ""
    phase: str = ""
    takes: tuple[Kind, ...] = ("pictures", "model")
    limits: Limits = field(default_factory=Limits)

    def to_json(self) -> str:
        """As text that `rules_in` reads."""
        return json.dumps({"wideopen": RULES_FORMAT, **asdict(self)}, indent=1, ensure_ascii=False) + "\n"


def inspect(path: Path, kind: Kind, phase: Phase, folder: Path, limits: Limits, *, name: str | None = None) -> str:
    """Look at what a team hands in, before it counts; nothing of it is run, and nothing is said of the truth.

    Whether pictures can be decoded to their end, and what a model makes, shows when they are scored.

    Args:
        path: A zip or folder of pictures, or a model's file.
        kind: Which of them.
        phase: That it is for.
        folder: Of the challenge.
        limits: Of the challenge.
        name: As the team calls the file.

    Returns:
        What it is, in one line.

    Raises:
        RequestError: If it cannot be scored; it names the files.
    """
    if kind == "model":
        return inspect_model(path, name or path.name, limits)
    return inspect_pictures(path, inputs_in(folder / HIDDEN / phase.part), limits, name=name)


def check(path: Path, place: Path) -> tuple[Kind, str]:
    """Look at a submission at home, before it is sent: as `inspect` does, against the photos that are public.

    Args:
        path: A zip or folder of pictures, or a model's file.
        place: The phase's zip, or a folder of its photos.

    Returns:
        Which of them it is, and what, in one line.

    Raises:
        RequestError: If it cannot be scored, or the phase does not take such; it names the files.
    """
    for each in (path, place):
        if not each.exists():
            raise RequestError(f"there is no {each}; give what you would hand in, and the photos of the phase")
    rules = rules_in(place)
    limits = rules.limits
    kind: Kind = "pictures" if path.is_dir() or path.suffix.lower() == ".zip" else "model"
    if kind not in rules.takes:
        raise RequestError(f"the phase {shown(rules.phase)} takes {' and '.join(rules.takes)}, not {kind}")
    if path.is_file() and path.stat().st_size > limits.upload_mb * MB:
        raise RequestError(f"{path} has {path.stat().st_size / MB:.0f} MB, and {limits.upload_mb} MB are taken")
    if kind == "model":
        return kind, inspect_model(path, path.name, limits)
    return kind, inspect_pictures(path, inputs_in(place), limits)


def inspect_pictures(path: Path, inputs: Mapping[str, Size], limits: Limits, *, name: str | None = None) -> str:
    """Look whether pictures answer inputs: one each, under its name, of its size, all in one format.

    Args:
        path: A zip or folder.
        inputs: Names and sizes, from `inputs_in`.
        limits: On files and bytes.
        name: As the team calls the file.

    Returns:
        What it is, in one line.

    Raises:
        RequestError: If they do not; it names the first files of each fault.
    """
    with _listing(path, limits, shown(name or path.name)) as listing:
        pictures = sorted((each for each in listing.sizes if _is_picture(each)), key=_in_order)
        foreign = [each for each in listing.sizes if not _is_picture(each) and each.lower() not in BESIDE]
        if not pictures:
            inside = f"; it holds {some(_shown(foreign), most=3)}" if foreign else ""
            raise RequestError(f"there are no pictures ({' '.join(SUFFIXES)}){inside}")
        by_name: dict[str, list[str]] = {}
        for each in pictures:
            by_name.setdefault(_stem(each), []).append(each)
        _refuse_strangers(by_name, inputs)
        missing = [f"{each}{Path(pictures[0]).suffix}" for each in inputs if each not in by_name]
        twice = [" and ".join(_shown(two)) for two in by_name.values() if len(two) > 1]
        answers = {each: by_name[each][0] for each in inputs if each in by_name}
        sizes = {file: listing.size_px(file) for file in answers.values()}
        faults = [
            _fault("missing", missing),
            _fault("of no input", _shown([each for each in pictures if _stem(each) not in inputs])),
            _fault("there twice", twice),
            _fault("no pictures", _shown(foreign)),
            _mixed(pictures),
            _fault("broken", _shown([file for file, size in sizes.items() if size is None])),
            _fault("of another size", _of_other_size(answers, sizes, inputs)),
        ]
        if any(faults):
            raise RequestError(
                f"{'; '.join(fault for fault in faults if fault)}. Hand in one picture for each of the {len(inputs)} "
                "inputs, under its name, of its size, all in one format"
            )
        total = sum(listing.sizes.values())
    return f"{len(pictures)} pictures, {_suffix(pictures[0])}, {total / MB:.1f} MB"


def inputs_in(place: Path) -> dict[str, Size]:
    """Find the pictures that a phase asks about, and their sizes.

    Args:
        place: The phase's zip, or a folder; where there is an ``original`` inside, what is in it counts.

    Raises:
        RequestError: If there are none, or one is broken.
    """
    with _listing(place, _ANY, place.name) as listing:
        inner = [each for each in listing.sizes if each.startswith(f"{ORIGINAL}/")]
        files = [each for each in inner or listing.sizes if Path(each).suffix.lower() in SUFFIXES]
        found = {_stem(file): listing.size_px(file) for file in sorted(files, key=_in_order)}
    if not found:
        raise RequestError(f"{place} holds no inputs; give the zip of a phase, or a folder of its pictures")
    sizes = {each: size for each, size in found.items() if size is not None}
    if len(sizes) < len(found):
        raise RequestError(f"{place}: {min(found.keys() - sizes.keys())} is broken; get the inputs again")
    return sizes


def rules_in(place: Path) -> Rules:
    """Find what a phase takes, where its zip or folder says so; else the usual.

    Raises:
        RequestError: If it cannot be read.
    """
    with _listing(place, _ANY, place.name) as listing:
        if listing.sizes.get(RULES, _MOST_RULES_BYTES) >= _MOST_RULES_BYTES:
            return Rules()
        with listing.open(RULES) as file:
            text = file.read()
    try:
        record: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{RULES} of {place} cannot be read; get the zip of the phase again") from error
    if not isinstance(record, dict) or record.pop("wideopen", None) != RULES_FORMAT:
        raise RequestError(f"{RULES} of {place} is of another version than this wideopen; update wideopen")
    rules: Rules = made(Rules, record, RULES)
    return rules


_ANY = Limits(files=100_000, unpacked_mb=1 << 30)
"""For the organiser's own."""


@dataclass(frozen=True)
class _Listing:
    """Files of a zip or a folder."""

    sizes: Mapping[str, int]
    """Bytes."""
    open: Callable[[str], AbstractContextManager[IO[bytes]]]

    def size_px(self, name: str) -> Size | None:
        """Read a picture's size from its head; None where that cannot be."""
        # With formats named, Pillow looks for no readers of its own.
        Image.init()
        try:
            with self.open(name) as file, Image.open(file, formats=_FORMATS) as image:
                turned = orientation_of(image.info.get("exif"), xmp=image.info.get("xmp")) >= 5
                return image.size[::-1] if turned else image.size
        except Exception:  # what a decoder raises over a broken file is its own affair
            return None


@contextmanager
def _listing(path: Path, limits: Limits, name: str) -> Iterator[_Listing]:
    """List what a zip or a folder holds; folders that hold all the rest are stepped into."""
    if path.is_dir():
        yield _folder(path, limits)
        return
    try:
        with path.open("rb") as file:
            mark = file.read(2)
    except OSError as error:
        raise RequestError(f"{name} cannot be read ({error.strerror or error})") from error
    if mark != b"PK":
        raise RequestError(f"{name} is no zip; put the pictures into one zip")
    with opened(path, limits) as archive:
        yield _Listing(archive.sizes, archive.open)


def _folder(path: Path, limits: Limits) -> _Listing:
    while len(inner := [each for each in path.iterdir() if not each.name.startswith(".")]) == 1 and inner[0].is_dir():
        path = inner[0]
    files = [each for each in sorted(path.rglob("*")) if each.is_file()]
    names = [each.relative_to(path).as_posix() for each in files]
    sizes = {
        name: file.stat().st_size
        for name, file in zip(names, files, strict=True)
        if not any(part.startswith(".") for part in name.split("/"))
    }
    if len(sizes) > limits.files or sum(sizes.values()) > limits.unpacked_mb * MB:
        raise RequestError(
            f"{path} holds {len(sizes)} files of {sum(sizes.values()) / MB:.0f} MB; {limits.files} files of "
            f"{limits.unpacked_mb} MB are taken"
        )
    return _Listing(sizes, lambda name: (path / name).open("rb"))


def _refuse_strangers(by_name: Mapping[str, list[str]], inputs: Mapping[str, Size]) -> None:
    """Say at once when all is of another phase or data set, instead of listing everything."""
    known = len(inputs.keys() & by_name.keys())
    if known < len(inputs) / 2 and known < len(by_name) / 2:
        files = _shown([each[0] for each in by_name.values()])
        raise RequestError(
            f"these look like pictures of another phase or data set: {some(files)}, and the inputs are called "
            f"{some(list(inputs))}; hand in one picture for each input, under its name"
        )


def _of_other_size(
    answers: Mapping[str, str], sizes: Mapping[str, Size | None], inputs: Mapping[str, Size]
) -> list[str]:
    other = []
    for name, file in answers.items():
        size, wanted = sizes[file], inputs[name]
        if size is not None and size != wanted:
            other.append(f"{shown(file)} is {size[0]}x{size[1]} and not {wanted[0]}x{wanted[1]}")
    return other


def _mixed(files: list[str]) -> str:
    counts: dict[str, int] = {}
    for file in files:
        counts[_suffix(file)] = counts.get(_suffix(file), 0) + 1
    if len(counts) < 2:
        return ""
    return "mixed formats (" + ", ".join(f"{count} {suffix}" for suffix, count in sorted(counts.items())) + ")"


def _fault(what: str, names: list[str]) -> str:
    return f"{len(names)} {what} ({some(names)})" if names else ""


def _is_picture(name: str) -> bool:
    """Whether a file is a picture, and not in a folder below."""
    return "/" not in name and Path(name).suffix.lower() in SUFFIXES


def _suffix(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return {".jpeg": ".jpg", ".tiff": ".tif"}.get(suffix, suffix)


def _stem(name: str) -> str:
    return Path(name).stem


def _in_order(name: str) -> tuple[int, str]:
    return by_number(_stem(name))


def _shown(names: list[str]) -> list[str]:
    return [shown(each) for each in names]
