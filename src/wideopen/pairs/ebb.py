"""EBB!: the pairs of the AIM 2020 challenge, in the folder layouts that were published."""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Literal

from PIL import Image

from wideopen.errors import PhotoError, RequestError
from wideopen.pairs.manifest import MANIFEST, Row, write_manifest
from wideopen.pairs.pair import BOKEH, DEPTH, ORIGINAL, SUFFIXES, Pair
from wideopen.photo import read

TRAINING_IDS = range(4400)
VALIDATION_IDS = range(4400, 4694)
"""Val294: the last 294 pairs, which papers since 2020 report on, as the challenge's truth was never released."""
HEIGHT_PX = 1024
_ORIENTATION = 274
_LISTED = re.compile(r"(?:.*[/\\])?0*(\d+)(?:\.(?:jpe?g|png))?", re.IGNORECASE)

Progress = Callable[[int, int], None]
"""Is told how many are done, of how many."""
Fault = Literal["missing", "damaged", "sizes", "height", "name"]


@dataclass(frozen=True)
class Finding:
    """What is odd about a file."""

    fault: Fault
    """``missing`` (one side only), ``damaged`` (cannot be decoded), ``sizes`` (unequal inside a pair), ``name`` (no
    number of EBB!, or a number that another file has): left out. ``height`` (not 1024 px): kept."""
    file: Path
    text: str
    """One line for a person, with the file's name."""


@dataclass(frozen=True)
class Ebb:
    """What a folder holds of EBB!."""

    folder: Path
    layout: str
    """``PyNET``, ``CodaLab`` or ``flat``."""
    training: tuple[Pair, ...]
    """Ids 0 to 4399."""
    validation: tuple[Pair, ...]
    """Val294: ids 4400 to 4693."""
    test: tuple[Pair, ...]
    """Pairs of the PyNET layout's ``test/``, named ``test-ID``: their numbers begin at 0 again."""
    inputs: tuple[Path, ...]
    """Sharp photos of which no truth was released."""
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class IdList:
    """A list of ids that a team kept, as published."""

    source: Path
    training: frozenset[int]
    validation: frozenset[int]
    """Ids of Val294 that the list names as well; they stay out of training."""

    @property
    def warning(self) -> str:
        """One line where the list names ids of Val294, else nothing."""
        if not self.validation:
            return ""
        return (
            f"{self.source} lists {len(self.validation)} pairs of Val294 (ids {VALIDATION_IDS[0]} to "
            f"{VALIDATION_IDS[-1]}); they stay out of training, where {len(self.training)} are left"
        )


@dataclass(frozen=True)
class Adopted:
    """A data set that was made from EBB!."""

    folder: Path
    pairs: int
    dropped: int
    """Of these, how many a list left out."""
    linked: int
    """Files that are hard links to the originals: they take no room, but a change in place changes both."""
    copied: int


@dataclass(frozen=True)
class _Layout:
    name: str
    pairs: str
    test: str | None = None
    inputs: tuple[str, ...] = ()


_LAYOUTS = (
    _Layout("PyNET", "train", test="test"),
    _Layout("CodaLab", "Training", inputs=("ValidationBokehFree", "TestBokehFree")),
    _Layout("flat", "."),
)
_ORIGINAL_DEPTH = "original_depth"


_Side = dict[int, Path]


def read_ebb(folder: Path, *, check: bool = False, progress: Progress | None = None) -> Ebb:
    """Find the pairs of EBB! in a folder; no picture is changed.

    Args:
        folder: ``train|test / original, bokeh (, original_depth)`` as PyNET has it; ``Training / original, bokeh``,
            ``TestBokehFree`` as CodaLab has it; or ``original`` and ``bokeh`` directly. Depth is half as large.
        check: Decode every picture, which takes minutes; without, damage shows only where a file has no proper header.
        progress: Told of every pair that was looked at.

    Raises:
        RequestError: If there is no such folder in it, or it cannot be listed.
    """
    findings: list[Finding] = []
    try:
        layout = _layout_of(folder)
        originals, bokeh, depths = _sides(folder, layout.pairs, findings)
        tests: tuple[_Side, _Side, _Side] = _sides(folder, layout.test, findings) if layout.test else ({}, {}, {})
        apart = [_pictures(_below(folder, name), findings) for name in layout.inputs]
    except OSError as error:
        raise RequestError(f"{folder} cannot be listed ({error.strerror}); make it readable") from error
    # Without any truth beside them, the test's originals are inputs and miss nothing.
    if not tests[1]:
        apart.append(tests[0])
        tests = {}, {}, {}
    total = len(originals.keys() & bokeh.keys()) + len(tests[0].keys() & tests[1].keys())
    sorter = _Sorter(findings, check=check, total=total, progress=progress)
    pairs = {identity: Pair(str(identity), *files) for identity, files in sorter.sound(originals, bokeh, depths)}
    held = {identity: Pair(f"test-{identity}", *files) for identity, files in sorter.sound(*tests)}
    # Some keep Val294 in test/, where its numbers differ from the challenge's 0 to 199.
    for identity in (held.keys() & set(VALIDATION_IDS)) - pairs.keys():
        pairs[identity] = replace(held.pop(identity), name=str(identity))
    return Ebb(
        folder=folder,
        layout=layout.name,
        training=tuple(replace(pairs[n], split="train") for n in sorted(pairs) if n in TRAINING_IDS),
        validation=tuple(replace(pairs[n], split="val") for n in sorted(pairs) if n in VALIDATION_IDS),
        test=tuple(replace(held[n], split="test") for n in sorted(held)),
        inputs=tuple(path for side in apart for _, path in sorted(side.items())),
        findings=tuple(findings),
    )


def read_list(path: Path) -> IdList:
    """Read a list of pairs to train on, as teams published them: one id or file name a line.

    A line may name several files of one pair, with commas between; empty lines and lines after ``#`` are left alone.

    Raises:
        RequestError: If it cannot be read, a line names no pair of EBB!, or it is empty.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot read the list {path}: {' '.join(str(error).split())}") from error
    found: set[int] = set()
    for number, line in enumerate(lines, 1):
        cells = [cell.strip().strip('"') for cell in line.split(",")]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if number == 1 and len(cells) > 1 and not re.search(r"\d", line):
            continue  # the names of the columns
        found.add(_listed(cells, f"{path}, line {number}"))
    if not found:
        raise RequestError(f"{path} lists no pairs; give one id or file name a line")
    validation = frozenset(found & set(VALIDATION_IDS))
    return IdList(path, frozenset(found) - validation, validation)


def adopt(ebb: Ebb, out: Path, *, keep: IdList | None = None, progress: Progress | None = None) -> Adopted:
    """Make a data set of what was found: ``original/``, ``bokeh/``, ``depth/`` and a manifest with the parts.

    Pictures become hard links where the place allows, else copies. The folder appears whole or not at all.

    Args:
        ebb: As `read_ebb` found it. `Ebb.inputs` have no truth and stay where they are.
        out: A new or empty folder.
        keep: Training pairs that are not listed are marked as not accepted; validation is not touched by it.
        progress: Told of every pair.

    Raises:
        RequestError: If there are no pairs, `out` holds something, or cannot be written.
    """
    pairs = [*ebb.training, *ebb.validation, *ebb.test]
    if not pairs:
        raise RequestError(f"{ebb.folder} holds no whole pair of EBB!; get both sides of the pairs first")
    beside = out.with_name(f".wideopen-{secrets.token_hex(8)}")
    rows, links = [], []
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise RequestError(f"{out} is there already and not empty; give a new folder")
        for number, pair in enumerate(pairs, 1):
            links += _place(pair, beside)
            rows.append(_row(pair, ebb, keep))
            if progress is not None:
                progress(number, len(pairs))
        write_manifest(beside / MANIFEST, rows)
        if out.is_dir():
            out.rmdir()
        beside.rename(out)
    except OSError as error:
        reason = error.strerror or error
        raise RequestError(f"{out} cannot be made from {ebb.folder} ({reason}); choose another place") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    dropped = sum(not row.accepted for row in rows)
    return Adopted(out, len(rows), dropped, linked=sum(links), copied=len(links) - sum(links))


@dataclass
class _Sorter:
    """Tells sound pairs from others, and notes what is odd."""

    findings: list[Finding]
    check: bool
    total: int
    progress: Progress | None
    done: int = 0

    def sound(
        self, originals: _Side, bokeh: _Side, depths: _Side
    ) -> Iterator[tuple[int, tuple[Path, Path, Path | None]]]:
        """Give what can be trained on, in the order of the numbers."""
        for identity in sorted(originals.keys() & bokeh.keys()):
            wide, shallow, depth = originals[identity], bokeh[identity], depths.get(identity)
            if self._fit(wide, shallow):
                yield identity, (wide, shallow, depth if depth is not None and self._size(depth) else None)
            self.done += 1
            if self.progress is not None:
                self.progress(self.done, self.total)
        for side, other, folder in ((originals, bokeh, BOKEH), (bokeh, originals, ORIGINAL)):
            for identity in sorted(side.keys() - other.keys()):
                _note(self.findings, "missing", side[identity], f"has no partner in {folder}/; get that file")

    def _fit(self, wide: Path, shallow: Path) -> bool:
        size, other = self._size(wide), self._size(shallow)
        if size is None or other is None:
            return False
        if size != other:
            text = f"has {other[0]}x{other[1]} px, but its original {size[0]}x{size[1]}; get both anew"
            _note(self.findings, "sizes", shallow, text)
            return False
        if size[1] != HEIGHT_PX:
            _note(self.findings, "height", wide, f"has a height of {size[1]} px; EBB! was published at {HEIGHT_PX}")
        return True

    def _size(self, path: Path) -> tuple[int, int] | None:
        """Find width and height of the upright picture; None where it is damaged."""
        try:
            return read(path).size if self.check else _size_by_header(path)
        except (PhotoError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            _note(self.findings, "damaged", path, "cannot be decoded; get the file anew")
            return None


def _note(findings: list[Finding], fault: Fault, file: Path, text: str) -> None:
    findings.append(Finding(fault, file, f"{file} {text}"))


def _size_by_header(path: Path) -> tuple[int, int]:
    # Thousands of pictures are not decoded just to learn their sizes.
    with Image.open(path) as picture:
        turned = picture.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
        return (picture.height, picture.width) if turned else picture.size


def _layout_of(folder: Path) -> _Layout:
    for layout in _LAYOUTS:
        sides = [_below(folder, layout.pairs, side) for side in (ORIGINAL, BOKEH)]
        others = [_below(folder, name) for name in layout.inputs]
        if layout.test is not None:
            others.append(_below(folder, layout.test, ORIGINAL))
        if any(place is not None for place in (*sides, *others)):
            return layout
    raise RequestError(
        f"{folder} is no folder of EBB!; it needs train/original and train/bokeh (PyNET), "
        "Training/original and Training/bokeh (CodaLab), or original and bokeh"
    )


def _below(folder: Path, *names: str) -> Path | None:
    """Find a folder whose name may differ in case; None where there is none."""
    for name in chain.from_iterable(Path(name).parts for name in names):
        if not folder.is_dir():
            return None
        near = [path for path in sorted(folder.iterdir()) if path.name.casefold() == name.casefold() and path.is_dir()]
        if not near:
            return None
        folder = next((path for path in near if path.name == name), near[0])
    return folder


def _sides(folder: Path, name: str, findings: list[Finding]) -> tuple[_Side, _Side, _Side]:
    depth = _below(folder, name, _ORIGINAL_DEPTH) or _below(folder, name, DEPTH)
    return (
        _pictures(_below(folder, name, ORIGINAL), findings),
        _pictures(_below(folder, name, BOKEH), findings),
        _pictures(depth, findings),
    )


def _pictures(folder: Path | None, findings: list[Finding]) -> _Side:
    """List the pictures of a folder by their numbers."""
    found: _Side = {}
    for path in sorted(folder.iterdir()) if folder is not None else ():
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        identity = int(path.stem) if path.stem.isdecimal() and path.stem.isascii() else None
        if identity is None or identity not in range(VALIDATION_IDS.stop):
            _note(findings, "name", path, f"is no number from 0 to {VALIDATION_IDS[-1]}; name it by its id in EBB!")
        elif identity in found:
            _note(findings, "name", path, f"has the same number as {found[identity].name}; keep one of both")
        else:
            found[identity] = path
    return found


def _listed(cells: list[str], place: str) -> int:
    """Find the one pair that all cells of a line name."""
    matches = [_LISTED.fullmatch(cell) for cell in cells if cell]
    numbers = {int(match[1]) for match in matches if match is not None}
    if None in matches or len(numbers) != 1 or max(numbers) >= VALIDATION_IDS.stop:
        raise RequestError(
            f"{place}: {', '.join(cells)!r} names no pair of EBB!; give an id or a file name such as 12.jpg"
        )
    return numbers.pop()


def _place(pair: Pair, folder: Path) -> list[bool]:
    """Put the files of a pair into a data set; tells of each whether it is a link."""
    placed = []
    for side, source in ((ORIGINAL, pair.original), (BOKEH, pair.bokeh), (DEPTH, pair.depth)):
        if source is None:
            continue
        target = folder / side / f"{pair.name}{source.suffix.lower()}"
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source.resolve(), target)
            placed.append(True)
        except OSError:  # another disk, or one without links
            shutil.copyfile(source, target)
            placed.append(False)
    return placed


def _row(pair: Pair, ebb: Ebb, keep: IdList | None) -> Row:
    width, height = _size_by_header(pair.original)
    dropped = keep is not None and pair.split == "train" and int(pair.name) not in keep.training
    return Row(
        name=pair.name,
        accepted=not dropped,
        reason=f"not in the list {keep.source.name}" if keep is not None and dropped else "",
        width=width,
        height=height,
        split=pair.split,
        wide=pair.original.relative_to(ebb.folder).as_posix(),
        shallow=pair.bokeh.relative_to(ebb.folder).as_posix(),
        wide_sha256=_checksum(pair.original),
        shallow_sha256=_checksum(pair.bokeh),
        settings=json.dumps({"source": "EBB!", "layout": ebb.layout}),
    )


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
