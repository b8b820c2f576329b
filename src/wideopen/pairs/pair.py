"""A pair: one scene, taken sharp throughout and with a shallow depth of field."""

from dataclasses import dataclass
from pathlib import Path

from wideopen.errors import RequestError
from wideopen.pairs.manifest import MANIFEST, read_manifest

SUFFIXES = (".jpg", ".jpeg", ".png")
ORIGINAL, BOKEH, DEPTH, MATTE, FOCUS = "original", "bokeh", "depth", "matte", "focus"
"""Folders of a data set."""


@dataclass(frozen=True)
class Pair:
    """Two pictures of the same size and frame."""

    name: str
    original: Path
    """Sharp throughout."""
    bokeh: Path
    """With a shallow depth of field."""
    depth: Path | None = None
    """Disparity, near is bright, where it is known."""
    matte: Path | None = None
    """The subject, where it is known."""
    split: str = ""
    """``train``, ``val``, ``test``, or nothing."""
    focus: Path | None = None
    """What is in focus in the bokeh picture, bright, where it is known."""


def pairs_in(folder: Path, *, split: str | None = None) -> list[Pair]:
    """List the pairs of a data set, in the order of their names.

    Args:
        folder: With ``original/`` and ``bokeh/``; where there is a ``manifest.csv``, only pairs that it accepts count.
        split: Only those of this part; needs a manifest that tells.

    Raises:
        RequestError: If there are no pairs, a picture has no partner, or the manifest does not tell the parts.
    """
    originals, bokeh = _pictures(folder / ORIGINAL), _pictures(folder / BOKEH)
    if not originals or not bokeh:
        raise RequestError(f"{folder} holds no pairs; it needs pictures in {ORIGINAL}/ and {BOKEH}/")
    rows = read_manifest(folder / MANIFEST) if (folder / MANIFEST).exists() else None
    if rows is None:
        alone = sorted(set(originals) ^ set(bokeh), key=by_number)
        if alone:
            raise RequestError(f"{folder}: {len(alone)} pictures have no partner, the first is {alone[0]}")
        names, parts = list(originals), dict.fromkeys(originals, "")
    else:
        names = [name for name, row in rows.items() if row.accepted]
        missing = [name for name in names if name not in originals or name not in bokeh]
        if missing:
            raise RequestError(f"{folder}: the manifest accepts {missing[0]}, but a picture of it is missing")
        parts = {name: row.split for name, row in rows.items()}
    if split is not None:
        names = [name for name in names if parts[name] == split]
        if not names:
            raise RequestError(f"{folder} has no pairs of the part '{split}'; run: wideopen pairs split {folder}")
    depths, mattes, focus = (_pictures(folder / each) for each in (DEPTH, MATTE, FOCUS))
    return [
        Pair(name, originals[name], bokeh[name], depths.get(name), mattes.get(name), parts[name], focus.get(name))
        for name in sorted(names, key=by_number)
    ]


def _pictures(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    found = (path for path in sorted(folder.iterdir()) if not path.name.startswith("."))
    return {path.stem: path for path in found if path.suffix.lower() in SUFFIXES}


def by_number(name: str) -> tuple[int, str]:
    """Order 2 before 10, and names that are no numbers after those that are."""
    return (int(name), name) if name.isdecimal() else (1 << 62, name)
