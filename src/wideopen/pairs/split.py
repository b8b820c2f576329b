"""Split: which pairs train, which choose between networks, and which only measure."""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from wideopen.errors import RequestError
from wideopen.pairs.manifest import MANIFEST, Row, read_manifest, write_manifest
from wideopen.pairs.pair import SUFFIXES, pairs_in

PARTS = ("train", "val", "test")
SHARES = {"train": 0.9, "val": 0.1}
"""Of a data set where nothing else is asked; EBB! itself keeps 294 of 4694 pairs for validation."""


@dataclass(frozen=True)
class Split:
    """What a data set was split into."""

    counts: dict[str, int]
    """Accepted pairs of each part; nothing names those that have no part."""
    moved: tuple[str, ...]
    """Pairs that were of another part before: whatever was trained may have seen them."""
    unknown: tuple[str, ...] = field(default=())
    """Names in lists that the data set lacks."""


def split(
    folder: Path,
    *,
    shares: Mapping[str, float] = SHARES,
    lists: Mapping[str, Iterable[str]] | None = None,
    seed: int = 0,
    scenes: bool = False,
) -> Split:
    """Give every pair of a data set its part, and write the manifest, whole or not at all.

    A part follows from the seed and the checksum of the pair's own wide shot (its name, where the manifest knows no
    checksum), whatever else the data set holds: pairs that come later move none of those that are there. Pairs that
    are not accepted get a part too, and keep it should they be.

    Args:
        folder: With pairs; a manifest is made where there is none.
        shares: Of ``train``, ``val`` and ``test``; they add up to 1. Parts of small sets come out near them.
        lists: Names of each part instead of shares; a pair on no list has no part.
        seed: Another one gives another split.
        scenes: Names that differ only after their last ``_`` or ``-`` show one scene, and stay together.

    Raises:
        RequestError: If shares or lists contradict themselves, or the data set is broken.
    """
    rows = rows_of(folder)
    unknown: list[str] = []
    if lists is None:
        bounds = _bounds(shares)
        # Several views of one photo, and one photo under two names, stay together.
        own = {name: _scene(name) if scenes else row.wide_sha256 or name for name, row in rows.items()}
        parts = {name: _drawn(key, bounds, seed) for name, key in own.items()}
    else:
        parts = _listed(lists)
        unknown = [name for name in parts if name not in rows]
        if len(unknown) == len(parts):
            raise RequestError(f"no name in the lists is of {folder}; the first is {unknown[0] if unknown else 'none'}")
        if scenes:
            _refuse_torn(rows, parts)
    after = {name: replace(row, split=parts.get(name, "")) for name, row in rows.items()}
    try:
        write_manifest(folder / MANIFEST, after.values())
    except OSError as error:
        raise RequestError(f"cannot write {folder / MANIFEST} ({error.strerror}); make the folder writable") from error
    counts = Counter(row.split for row in after.values() if row.accepted)
    moved = tuple(name for name, row in rows.items() if row.split not in ("", after[name].split))
    return Split({part: counts[part] for part in (*PARTS, "") if counts[part]}, moved, tuple(unknown))


def rows_of(folder: Path) -> dict[str, Row]:
    """Read a data set's manifest; where there is none, make rows that accept every pair.

    Raises:
        RequestError: If the manifest is broken, or there is none and the folder holds no whole pairs.
    """
    if (folder / MANIFEST).exists():
        return read_manifest(folder / MANIFEST)
    return {pair.name: Row(pair.name, accepted=True) for pair in pairs_in(folder)}


def read_names(path: Path) -> list[str]:
    """Read a list of pairs: one name or file name a line; empty lines and lines after ``#`` are left alone.

    Raises:
        RequestError: If it cannot be read or is empty.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot read the list {path}: {' '.join(str(error).split())}") from error
    names = [_stem(line.strip()) for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not names:
        raise RequestError(f"{path} lists no names; give one a line")
    return list(dict.fromkeys(names))


def _stem(name: str) -> str:
    """Take folders and the suffix of a picture from a name."""
    name = re.split(r"[/\\]", name)[-1]
    ending = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")
    return name.removesuffix(name[len(name) - len(ending) :])


def _scene(name: str) -> str:
    return re.sub(r"(?<=.)[_-][^_-]*$", "", name)


def _bounds(shares: Mapping[str, float]) -> dict[str, float]:
    """Add up shares in the order of the parts."""
    other = sorted(shares.keys() - set(PARTS))
    if other:
        raise RequestError(f"there is no part '{other[0]}'; give shares of {', '.join(PARTS)}")
    if not all(math.isfinite(share) and share >= 0 for share in shares.values()):
        raise RequestError(f"shares are {dict(shares)}; none may be below 0")
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise RequestError(f"shares add up to {sum(shares.values()):g}; they must add up to 1")
    total, bounds = 0.0, {}
    for part in PARTS:
        if shares.get(part):
            total += shares[part]
            bounds[part] = total
    return bounds


def _drawn(name: str, bounds: Mapping[str, float], seed: int) -> str:
    """Draw a part by a number in [0, 1) that is fixed for a name and a seed."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    return next((part for part, bound in bounds.items() if place < bound), list(bounds)[-1])


def _listed(lists: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Find the part of every name that is on a list."""
    parts: dict[str, str] = {}
    for part, names in lists.items():
        if part not in PARTS:
            raise RequestError(f"there is no part '{part}'; give lists of {', '.join(PARTS)}")
        for name in names:
            if parts.setdefault(name, part) != part:
                raise RequestError(f"{name} is on the lists of {parts[name]} and {part}; keep it on one")
    return parts


def _refuse_torn(names: Iterable[str], parts: Mapping[str, str]) -> None:
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(_scene(name), name)
        if parts.get(other, "") != parts.get(name, ""):
            raise RequestError(f"the lists tear {other} and {name} apart, which show one scene; put both into one part")
