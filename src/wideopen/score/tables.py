"""Leaderboards as text for terminals, Markdown, CSV and records for JSON."""

import csv
import html
import io
import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from wideopen.errors import RequestError
from wideopen.photo.whole import whole_file
from wideopen.score.leaderboard import COLUMNS, Row, figure_of, warnings_of
from wideopen.score.score import Score

UNKNOWN = "-"
OVERLAPS = (
    "The 95 % interval of its MOS overlaps that of the next place; which of the two people prefer is not certain."
)
TITLES: Mapping[str, str] = {
    "rank": "rank",
    "solution": "solution",
    "team": "team",
    "track": "track",
    "psnr_db": "PSNR, dB",
    "ssim": "SSIM",
    "mos": "MOS",
    "runtime_s": "runtime, s",
    "device": "device",
    "protocol": "protocol",
    "origin": "origin",
}
_TEXTS = ("solution", "team", "author", "framework", "hardware", "track", "device", "protocol", "origin")
_MOST_WIDE = 34
"""Characters of a cell on a terminal."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]|~])")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Footnotes:
    """What stands below a table."""

    texts: tuple[str, ...]
    marks: tuple[tuple[int, ...], ...]
    """Of each row, the numbers of its footnotes, from 1."""


def footnotes_of(rows: Sequence[Row]) -> Footnotes:
    """Number the notes of rows; those that say the same share a number."""
    numbers: dict[str, int] = {}
    marks = []
    for row in rows:
        notes = [f"Not ranked: {row.score.unranked}."] if row.score.unranked else []
        notes += [*row.score.notes, *([OVERLAPS] if row.overlaps_next else [])]
        marks.append(tuple(sorted({numbers.setdefault(note, len(numbers) + 1) for note in notes})))
    return Footnotes(tuple(numbers), tuple(marks))


def columns_of(by: str) -> tuple[str, ...]:
    """Name the columns of a table that is ranked by a figure; one of `Score.others` gets a column of its own."""
    names = list(TITLES)
    if by not in COLUMNS:
        names.insert(names.index("device"), by)
    return tuple(names)


def cell(row: Row, column: str) -> str:
    """Write what a row has in a column; ``-`` where it is unknown.

    PSNR has 2 decimals, SSIM 4, runtime 2 (2 digits below 0.1 s), MOS 1 as published and 2 as measured, with half its
    95 % interval, or both ends where they are not equally far.
    """
    score = row.score
    if column == "rank":
        return UNKNOWN if row.rank is None else f"{row.rank}{'=' if row.tied else ''}"
    if column in _TEXTS:
        return str(getattr(score, column)) or UNKNOWN
    value = figure_of(score, column)
    if value is None:
        return UNKNOWN
    if column == "mos":
        return _mos(score, value)
    if column == "runtime_s":
        return f"{value:.2f}" if value >= 0.1 or value == 0 else f"{value:.2g}"
    return f"{value:.{2 if column.endswith('_db') else 4}f}"


def as_text(rows: Sequence[Row], *, by: str = "mos") -> str:
    """Write a table for a terminal, with footnotes and warnings below; tracks are apart by an empty line.

    Long cells are cut, and nothing in a name can control the terminal.
    """
    columns, notes = columns_of(by), footnotes_of(rows)
    table = [[TITLES.get(column, column) for column in columns]]
    for row, marks in zip(rows, notes.marks, strict=True):
        cells = [cut(printable(cell(row, column))) for column in columns]
        cells[columns.index("solution")] += "".join(f" [{mark}]" for mark in marks)
        table.append(cells)
    lines = aligned(table, right=[column in ("rank", *COLUMNS, by) for column in columns])
    for at in range(len(rows) - 1, 0, -1):
        if rows[at].score.track != rows[at - 1].score.track:
            lines.insert(at + 1, "")
    below = [f"[{number}] {printable(text)}" for number, text in enumerate(notes.texts, 1)]
    below += [f"! {printable(warning)}" for warning in warnings_of(row.score for row in rows)]
    return "\n".join([*lines, *([""] if below else []), *below])


def as_markdown(rows: Sequence[Row], *, by: str = "mos", title: str = "") -> str:
    """Write a table in GitHub's Markdown, with warnings above and footnotes below; names are text, never markup."""
    columns, notes = columns_of(by), footnotes_of(rows)
    lines = [f"# {markdown_text(title)}", ""] if title else []
    warnings = warnings_of(row.score for row in rows)
    lines += [f"> **Mind:** {markdown_text(warning)}  " for warning in warnings] + [""] * bool(warnings)
    lines.append(markdown_row([markdown_text(TITLES.get(column, column)) for column in columns]))
    lines.append(markdown_row(["--:" if column in ("rank", *COLUMNS, by) else "---" for column in columns]))
    for row, marks in zip(rows, notes.marks, strict=True):
        cells = [markdown_text(cell(row, column)) for column in columns]
        cells[columns.index("solution")] += "".join(f" <sup>{mark}</sup>" for mark in marks)
        lines.append(markdown_row(cells))
    lines += [""] * bool(notes.texts)
    lines += [f"{number}. {markdown_text(text)}" for number, text in enumerate(notes.texts, 1)]
    return "\n".join(lines) + "\n"


def as_csv(rows: Sequence[Row]) -> str:
    """Write all fields but those of single pictures, with a column for each further figure; unknown is empty.

    A text that a spreadsheet would take for a formula, as it begins with ``=``, ``+``, ``-``, ``@``, a tab or a line
    break, gets an apostrophe in front. Numbers never do.
    """
    others = sorted({key for row in rows for key in row.score.others})
    names = [each.name for each in fields(Score) if each.name not in ("others", "per_image")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rank", "tied", "overlaps_next", *names, *(f"others.{key}" for key in others)])
    for row in rows:
        values = [row.rank, row.tied, row.overlaps_next, *(getattr(row.score, name) for name in names)]
        writer.writerow([csv_cell(value) for value in [*values, *(row.score.others.get(key) for key in others)]])
    return text.getvalue()


def as_records(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Give rows as dictionaries: all fields but those of single pictures, ``rank``, ``tied`` and ``overlaps_next``."""
    records = []
    for row in rows:
        record = asdict(replace(row.score, per_image=()))
        del record["per_image"]
        records.append({"rank": row.rank, "tied": row.tied, "overlaps_next": row.overlaps_next, **record})
    return records


def as_json(rows: Sequence[Row]) -> str:
    """Write `as_records`, one object per line; an infinite figure is 1e999, as in a Score file."""
    return "\n".join(json_text(record) for record in as_records(rows))


def write_table(
    rows: Sequence[Row], path: Path, *, by: str = "mos", title: str = "Leaderboard", overwrite: bool = False
) -> None:
    """Write a ``.md`` or ``.csv`` file, whole or not at all.

    Raises:
        RequestError: If the name ends otherwise, the file is there already, or the place cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in (".md", ".csv"):
        raise RequestError(f"{path} is no table; give a name that ends in .md or .csv")
    if path.exists() and not overwrite:
        raise RequestError(f"{path} is there already; choose another name or allow --overwrite")
    text = as_csv(rows) if kind == ".csv" else as_markdown(rows, by=by, title=title)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as beside:
            # A file's name may hold what is no Unicode.
            beside.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        raise RequestError(f"{path} cannot be written ({error.strerror or error}); choose another place") from error


def json_text(value: Any) -> str:  # noqa: ANN401
    """Write JSON on one line; infinite is 1e999, which readers take for infinity, and what is no number null."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {json_text(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(json_text, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return "null" if math.isnan(value) else "1e999" if value > 0 else "-1e999"
    return json.dumps(value)


def markdown_text(text: str) -> str:
    """Write text so that Markdown shows it as it is, on one line."""
    return html.escape(_MARKDOWN.sub(r"\\\1", " ".join(printable(text).split())), quote=False)


def _mos(score: Score, value: float) -> str:
    if score.origin == "published":
        return f"{value:.1f}"
    if score.mos_interval is None:
        return f"{value:.2f}"
    low, high = score.mos_interval
    if abs((high - value) - (value - low)) < 0.01:
        return f"{value:.2f} ±{(high - low) / 2:.2f}"
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def csv_cell(value: Any) -> str:  # noqa: ANN401
    """Write a value so that no spreadsheet takes it for a formula; unknown is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple) and all(isinstance(each, str) for each in value):
        value = "; ".join(value)
    text = value if isinstance(value, str) else json_text(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def markdown_row(cells: Sequence[str]) -> str:
    """Write a line of a table in Markdown; what is in the cells is Markdown already."""
    return f"| {' | '.join(cells)} |"


def printable(text: str) -> str:
    """Put a sign in the place of what would control a terminal; line breaks become spaces."""
    return "".join(each if each.isprintable() else " " if each.isspace() else "\ufffd" for each in text)


def aligned(table: Sequence[Sequence[str]], *, right: Sequence[bool]) -> list[str]:
    """Write lines whose columns are as wide as their widest cell on a terminal.

    Args:
        table: Lines of cells.
        right: For each column, whether its cells end below one another.
    """
    widths = [max(_width(line[at]) for line in table) for at in range(len(right))]
    return ["  ".join(map(_padded, line, widths, right)).rstrip() for line in table]


def cut(text: str) -> str:
    """Shorten what is too wide for a cell on a terminal."""
    return text if len(text) <= _MOST_WIDE else text[: _MOST_WIDE - 1] + "…"


def _width(text: str) -> int:
    """Columns on a terminal."""
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(unicodedata.combining(each) > 0 for each in text)


def _padded(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space
