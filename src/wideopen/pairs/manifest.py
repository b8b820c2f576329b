"""The manifest: one row per pair with all figures, the face of a data set."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from wideopen.errors import RequestError
from wideopen.photo.whole import whole_file

MANIFEST = "manifest.csv"


@dataclass(frozen=True)
class Row:
    """What is known of one pair; a figure that was not measured is None."""

    name: str
    accepted: bool
    reason: str = ""
    """Why it was refused or dropped; nothing where it is accepted."""
    inliers: int | None = None
    """Matches that the homography explains."""
    residual_px: float | None = None
    """Median distance of the inliers from where the homography puts them, at the built height."""
    overlap: float | None = None
    """Share of the wide photo's frame that the common part covers."""
    width: int | None = None
    height: int | None = None
    gain: str = ""
    """Gain and offset per channel that was applied to match exposure: six numbers; nothing where none was."""
    split: str = ""
    wide: str = ""
    """File that the original came from, below its folder."""
    shallow: str = ""
    wide_sha256: str = ""
    shallow_sha256: str = ""
    settings: str = ""
    """What else decided the pictures, as JSON: alignment, lens, seed."""
    other: tuple[tuple[str, str], ...] = ()
    """Names and cells of columns that are not known here; they stay in the file."""


COLUMNS = tuple(field.name for field in fields(Row) if field.name != "other")


def read_manifest(path: Path) -> dict[str, Row]:
    """Read a manifest by names.

    Raises:
        RequestError: If it is broken or names a pair twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot read {path}: {' '.join(str(error).split())}") from error
    rows: dict[str, Row] = {}
    for number, record in enumerate(csv.DictReader(io.StringIO(text)), 2):
        try:
            row = _parse(record)
        except (KeyError, ValueError) as error:
            raise RequestError(f"{path}, line {number}: {' '.join(str(error).split())}") from error
        if row.name in rows:
            raise RequestError(f"{path}, line {number}: {row.name} was there before")
        rows[row.name] = row
    return rows


def write_manifest(path: Path, rows: Iterable[Row]) -> None:
    """Write a manifest, whole or not at all, in the order given.

    Raises:
        OSError: If the place cannot be written.
    """
    rows = list(rows)
    others = tuple(dict.fromkeys(name for row in rows for name, _ in row.other))
    with whole_file(path) as beside:
        beside.write_text(header(others) + "".join(line(row, others) for row in rows), encoding="utf-8")


def header(others: tuple[str, ...] = ()) -> str:
    """Name the columns."""
    return _joined((*COLUMNS, *others))


def line(row: Row, others: tuple[str, ...] = ()) -> str:
    """Write a row as one line, so that a run may add it to a file when a pair is done."""
    cells = dict(row.other)
    return _joined([_cell(getattr(row, name)) for name in COLUMNS] + [cells.get(name, "") for name in others])


def _joined(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _parse(record: dict[str, Any]) -> Row:
    given: dict[str, Any] = {}
    for name, kind in get_type_hints(Row).items():
        if name == "other":
            continue
        cell = record.get(name)
        if cell is None or (cell == "" and kind is not str):
            if name in ("name", "accepted"):
                raise ValueError(f"the column {name} is empty or missing")
            continue
        if kind is bool:
            if cell not in ("yes", "no"):
                raise ValueError(f"{name} is {cell!r}; it must be yes or no")
            given[name] = cell == "yes"
        elif kind is str:
            given[name] = cell
        else:
            given[name] = int(cell) if "int" in str(kind) else float(cell)
    # A row that is longer than the header has its rest under None.
    others = tuple((name, cell or "") for name, cell in record.items() if name not in COLUMNS and isinstance(name, str))
    return Row(**given, other=others)
