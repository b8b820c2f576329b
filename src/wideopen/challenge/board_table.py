"""Boards as text for terminals, Markdown and CSV, with the report's columns."""

import csv
import io
from collections.abc import Sequence

from wideopen.challenge.board import STAR, Board, BoardRow
from wideopen.score.leaderboard import COLUMNS
from wideopen.score.tables import aligned, cell, csv_cell, cut, markdown_row, markdown_text, printable

REPORT_COLUMNS = {
    "rank": "#",
    "team": "Team",
    "author": "Author",
    "framework": "Framework",
    "hardware": "Training hardware",
    "runtime_s": "Runtime, s",
    "psnr_db": "PSNR, dB",
    "ssim": "SSIM",
    "mos": "MOS",
}
"""Those of the report's Tables 1 and 2 in their order, with the place in front."""
_CSV = (
    "phase", "track", "rank", "tied", "team", "method", "author", "framework", "hardware", "runtime_s", "psnr_db",
    "ssim", "mos", "mos_low", "mos_high", "raters", "device", "unranked", "notes", "submission", "at", "shown",
)  # fmt: skip


def heading(table: Board) -> str:
    """Name a table as the report does, by the number of its track."""
    hidden = "" if table.is_shown else " (not public yet)"
    return f"Table {table.number}. {table.track.title}, phase {table.phase.name}{hidden}"


def board_cell(row: BoardRow, column: str) -> str:
    """Write what a row has in a column; stars stand behind its MOS, as in the report, and further marks do not."""
    text = cell(row.place, column)
    if column != "mos":
        return text
    return text + "".join(mark for mark in row.marks if STAR in mark)


def numbers_of(row: BoardRow) -> list[str]:
    """The marks of a row that are numbers."""
    return [mark for mark in row.marks if STAR not in mark]


def as_text(tables: Sequence[Board]) -> str:
    """Write tables for a terminal; nothing in a name can control it."""
    return "\n\n".join(map(_text, tables))


def as_markdown(tables: Sequence[Board], *, title: str) -> str:
    """Write tables in GitHub's Markdown; names are text, never markup."""
    parts = [f"# {markdown_text(title)}"]
    for table in tables:
        parts.append(f"## {markdown_text(heading(table))}")
        parts.append(markdown_text(table.says))
        parts += [f"> **Mind:** {markdown_text(warning)}" for warning in table.warnings]
        if not table.rows:
            parts.append("No team has a score yet.")
            continue
        lines = [markdown_row(list(REPORT_COLUMNS.values()))]
        lines.append(markdown_row(["--:" if _is_figure(column) else "---" for column in REPORT_COLUMNS]))
        for row in table.rows:
            cells = {column: markdown_text(board_cell(row, column)) for column in REPORT_COLUMNS}
            cells["team"] += "".join(f" <sup>{mark}</sup>" for mark in numbers_of(row))
            lines.append(markdown_row(list(cells.values())))
        parts.append("\n".join(lines))
        parts += [f"{markdown_text(note.mark)} {markdown_text(note.text)}".strip() for note in table.notes]
    return "\n\n".join(parts) + "\n"


def as_csv(tables: Sequence[Board]) -> str:
    """Write one row for each team of each table; unknown is empty, and no text can be taken for a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV)
    for table in tables:
        for row in table.rows:
            writer.writerow([csv_cell(value) for value in _csv_values(table, row)])
    return text.getvalue()


def _csv_values(table: Board, row: BoardRow) -> list[object]:
    score, marks = row.score, {"", *row.marks}
    low, high = score.mos_interval or (None, None)
    return [
        *(table.phase.name, table.track.name, row.rank, row.tied, row.team.name, score.solution, score.author),
        *(score.framework, score.hardware, score.runtime_s, score.psnr_db, score.ssim, score.mos, low, high),
        *(score.raters, str(score.timing.get("device", "")), score.unranked),
        *(
            tuple(note.text for note in table.notes if note.mark in marks),
            row.submission.id,
            row.submission.at,
            table.is_shown,
        ),
    ]


def _text(table: Board) -> str:
    cells = [list(REPORT_COLUMNS.values())]
    for row in table.rows:
        marks = "".join(f" [{mark}]" for mark in numbers_of(row))
        line = {column: cut(printable(board_cell(row, column))) for column in REPORT_COLUMNS}
        cells.append(list((line | {"team": line["team"] + marks}).values()))
    lines = [printable(heading(table)), printable(table.says), ""]
    lines += aligned(cells, right=[_is_figure(column) for column in REPORT_COLUMNS])
    if not table.rows:
        lines[-1] = "No team has a score yet."
    below = [f"{_bracketed(note.mark)} {printable(note.text)}".strip() for note in table.notes]
    below += [f"! {printable(warning)}" for warning in table.warnings]
    return "\n".join([*lines, *([""] if below else []), *below])


def _bracketed(mark: str) -> str:
    return mark if STAR in mark or not mark else f"[{mark}]"


def _is_figure(column: str) -> bool:
    return column in ("rank", *COLUMNS)
