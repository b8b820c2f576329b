"""Partners: which shallow shot belongs to which wide one."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from wideopen.errors import RequestError
from wideopen.pairs.source import RAW_SUFFIXES, SUFFIXES, checksum, is_raw, is_shot, taken_s, without_rawpy

By = Literal["auto", "name", "time", "order"]
WITHIN_S = 60.0
"""Time enough to turn the aperture, and too little to build up the next scene."""

_Named = tuple[str, Path, Path]


@dataclass(frozen=True)
class Partners:
    """Two shots of one scene."""

    name: str
    """What the pair will be called."""
    wide: Path
    """Sharp throughout."""
    shallow: Path
    """With a shallow depth of field."""


@dataclass(frozen=True)
class Matching:
    """What belongs together."""

    partners: list[Partners]
    """In the order of their names, which differ also where a file system takes ``A`` and ``a`` for one."""
    by: By
    """How they were found; never ``auto``."""
    lines: list[str] = field(default_factory=list)
    """What was left out and why, a line each."""


def partner(
    wide: Path | Sequence[Path], shallow: Path | Sequence[Path], *, by: By = "auto", within_s: float = WITHIN_S
) -> Matching:
    """Match wide shots and shallow ones.

    By name: names without suffix are the same, or become so when what all names of a side begin and end with is
    taken off (``12_f16`` and ``12_f1.8``). By time: as many pairs as can be, no shot in two, with the least time
    between them in all. By order: the first of each side, and so on, 2 before 10. ``auto`` takes name, then time,
    each only if no shot of the smaller side stays alone.

    Args:
        wide: A folder, which stands for the shots directly in it, or files.
        shallow: Likewise.
        by: How.
        within_s: Most seconds between two partners, by the times in their EXIF.

    Raises:
        RequestError: If there are no shots or no partners, two shots of a side have one name, a RAW file came and
            rawpy is not installed, or the counts differ where the order decides.
    """
    if by not in ("auto", "name", "time", "order"):
        raise RequestError(f"shots are matched by auto, name, time or order, not by {by!r}")
    if isinstance(wide, Path) and isinstance(shallow, Path) and wide.is_dir() and wide.resolve() == shallow.resolve():
        raise RequestError(f"{wide} was given for both; wide and shallow shots lie in two folders")
    lines: list[str] = []
    sharp, blurred = _shots(wide, "wide", lines), _shots(shallow, "shallow", lines)
    if by == "order":
        pairs = _by_order(sharp, blurred)
    else:
        by, pairs = _found(sharp, blurred, by, within_s)
    for what, side, place in (("wide", sharp, 1), ("shallow", blurred, 2)):
        taken = {pair[place] for pair in pairs}
        alone = [path for path in side if path not in taken]
        if alone:
            lines.append(f"without a partner and left out: {len(alone)} of the {what} shots, the first is {alone[0]}")
    return Matching([Partners(*pair) for pair in sorted(pairs, key=lambda pair: _natural(pair[0]))], by, lines)


def _shots(place: Path | Sequence[Path], what: str, lines: list[str]) -> list[Path]:
    """Find the shots of a side, each picture once and each name once."""
    if isinstance(place, Path):
        try:
            inside = sorted(place.iterdir(), key=lambda path: _natural(path.name))
        except OSError as error:
            reason = error.strerror or error
            raise RequestError(f"{place}, the {what} shots, cannot be listed ({reason}); give a folder") from None
        entries = [path for path in inside if not path.name.startswith(".") and not path.is_dir()]
        shots = [path for path in entries if is_shot(path)]
        others = [path for path in entries if path not in set(shots)]
        if others:
            lines.append(f"no shots and left alone: {len(others)} files of {place}, the first is {others[0].name}")
    else:
        shots = list(dict.fromkeys(place))
        other = next((path for path in shots if not is_shot(path)), None)
        if other is not None:
            raise RequestError(f"{other} is no shot; shots end in {' '.join((*SUFFIXES, *RAW_SUFFIXES))}")
    shots = _each_name_once(_each_picture_once(shots, lines), lines)
    if not shots:
        where = place if isinstance(place, Path) else "the list"
        raise RequestError(f"{where} holds no {what} shots; they end in {' '.join((*SUFFIXES, *RAW_SUFFIXES))}")
    raw = next((path for path in shots if is_raw(path)), None)
    if raw is not None and find_spec("rawpy") is None:
        raise RequestError(without_rawpy(raw))
    return shots


def _each_picture_once(shots: Iterable[Path], lines: list[str]) -> list[Path]:
    """Leave out what cannot be read, and files that hold the same bytes as an earlier one."""
    sizes: dict[Path, int] = {}
    for path in shots:
        try:
            sizes[path] = path.stat().st_size
        except OSError as error:
            lines.append(f"{path} cannot be read ({error.strerror or error}) and is left out")
    counts = Counter(sizes.values())
    known: dict[str, Path] = {}
    kept: list[Path] = []
    for path, size in sizes.items():
        try:
            # Files of different sizes differ, so that few have to be read.
            same = known.setdefault(checksum(path), path) if counts[size] > 1 else path
        except OSError as error:
            lines.append(f"{path} cannot be read ({error.strerror or error}) and is left out")
            continue
        if size == 0:
            lines.append(f"{path} is empty and left out")
        elif same != path:
            lines.append(f"{path} is the same file as {same.name} and left out")
        else:
            kept.append(path)
    return kept


def _each_name_once(shots: Iterable[Path], lines: list[str]) -> list[Path]:
    """Of a RAW file and the camera's own picture of one name, keep the picture."""
    named: dict[str, Path] = {}
    for path in shots:
        name = path.stem.casefold()
        other = named.get(name)
        if other is None:
            named[name] = path
            continue
        raw, picture = (path, other) if is_raw(path) else (other, path)
        if not is_raw(raw) or is_raw(picture):
            raise RequestError(f"{other} and {path} have one name; rename one, or move it away")
        lines.append(f"{raw} is left out: {picture.name} is the same shot, developed by the camera")
        named[name] = picture
    return list(named.values())


def _found(sharp: list[Path], blurred: list[Path], by: By, within_s: float) -> tuple[By, list[_Named]]:
    """Match by name or by time, whichever is asked for or leaves no shot of the smaller side alone."""
    wanted = min(len(sharp), len(blurred))
    counts = f"{len(sharp)} wide and {len(blurred)} shallow shots"
    named = _by_name(sharp, blurred) if by != "time" else []
    if (by == "name" and named) or (by == "auto" and len(named) == wanted):
        return "name", named
    if by == "name":
        raise RequestError(f"of {counts} no two match by name; name partners alike, or match by time or order")
    timed = _by_time(sharp, blurred, within_s)
    if (by == "time" and timed) or (by == "auto" and len(timed) == wanted):
        return "time", timed
    if by == "time":
        raise RequestError(
            f"of {counts} no two were taken within {within_s:g} s by their EXIF; allow more seconds, or match by name "
            "or order"
        )
    raise RequestError(
        f"of {counts} {len(named)} pairs match by name and {len(timed)} by time within {within_s:g} s, not all; "
        "say by which, or by order"
    )


def _by_order(sharp: list[Path], blurred: list[Path]) -> list[_Named]:
    if len(sharp) != len(blurred):
        raise RequestError(
            f"there are {len(sharp)} wide and {len(blurred)} shallow shots; by order the counts must be equal"
        )
    return [(wide.stem, wide, shallow) for wide, shallow in zip(sharp, blurred, strict=True)]


def _by_name(sharp: list[Path], blurred: list[Path]) -> list[_Named]:
    """Match equal names, or what is left of them, whichever gives more pairs."""
    best: list[_Named] = []
    for keys_of in (_stems, _cores):
        wide, shallow = keys_of(sharp), keys_of(blurred)
        found = [(key, *both) for key, both in _joined(wide, shallow)]
        if len(found) > len(best):
            best = found
    return best


def _joined(wide: dict[str, Path], shallow: dict[str, Path]) -> list[tuple[str, tuple[Path, Path]]]:
    other = {key.casefold(): path for key, path in shallow.items()}
    return [(key, (path, other[key.casefold()])) for key, path in wide.items() if key.casefold() in other]


def _stems(shots: list[Path]) -> dict[str, Path]:
    return {path.stem: path for path in shots}


def _cores(shots: list[Path]) -> dict[str, Path]:
    """Take off what all names begin and end with, never cutting a number or a word in two."""
    stems = [path.stem for path in shots]
    begin = _whole_prefix(stems)
    end = _whole_prefix([stem[begin:][::-1] for stem in stems])
    cores = {stem[begin : len(stem) - end]: path for stem, path in zip(stems, shots, strict=True)}
    return cores if len(cores) == len(shots) and "" not in cores else {}


def _whole_prefix(texts: list[str]) -> int:
    first, last = min(texts), max(texts)
    length = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    while length and any(_joint(text, length) for text in texts):
        length -= 1
    return length


def _joint(text: str, at: int) -> bool:
    """Whether a cut would part two digits or two letters."""
    if at >= len(text):
        return False
    before, after = text[at - 1], text[at]
    return (before.isdigit() and after.isdigit()) or (before.isalpha() and after.isalpha())


def _by_time(sharp: list[Path], blurred: list[Path], within_s: float) -> list[_Named]:
    """Match as many shots as can be within the seconds allowed, with the least time between them in all."""
    wide, shallow = (
        sorted((time, number, path) for number, path in enumerate(side) if (time := taken_s(path)) is not None)
        for side in (sharp, blurred)
    )
    return [
        (wide[i][2].stem, wide[i][2], shallow[j][2])
        for i, j in _nearest([shot[0] for shot in wide], [shot[0] for shot in shallow], within_s)
    ]


def _nearest(left: list[float], right: list[float], within_s: float) -> list[tuple[int, int]]:
    """Match two rising rows of times; partners never cross, so that it is an alignment of two sequences.

    Runs between which nobody can be partners are matched apart, and need memory apart.
    """
    times = sorted([*left, *right])
    borders = [-np.inf, *(before for before, after in pairwise(times) if after - before > within_s), np.inf]
    pairs: list[tuple[int, int]] = []
    for low, high in pairwise(borders):
        lefts, rights = (
            range(*np.searchsorted(side, (low, high), "right").tolist()) for side in (np.array(left), np.array(right))
        )
        found = _aligned([left[i] for i in lefts], [right[j] for j in rights], within_s)
        pairs += [(lefts[i], rights[j]) for i, j in found]
    return pairs


def _aligned(left: list[float], right: list[float], within_s: float) -> list[tuple[int, int]]:
    """Needleman and Wunsch's alignment, a row at a time; a pair is always worth more than any time it takes."""
    apart = np.abs(np.subtract.outer(np.array(left), np.array(right)))
    worth = np.where(apart <= within_s, 1 - apart / (2 * max(within_s, 1e-9) * (min(apart.shape) + 1)), -np.inf)
    best = np.zeros((len(left) + 1, len(right) + 1))
    for i in range(len(left)):
        row = np.maximum(best[i, 1:], best[i, :-1] + worth[i])
        best[i + 1, 1:] = np.maximum.accumulate(row)
    pairs, i, j = [], len(left), len(right)
    while i and j:
        if best[i, j] == best[i, j - 1]:
            j -= 1
        elif best[i, j] == best[i - 1, j]:
            i -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]


def _natural(text: str) -> tuple[tuple[str | int, ...], str]:
    """Order 2 before 10."""
    parts = re.split(r"(\d+)", text.casefold())
    return tuple(int(part) if number % 2 else part for number, part in enumerate(parts)), text
