"""Pages of boards: tables as in the report, and what each row links to, as HTML without an outside address."""

import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wideopen.challenge.board import STAR, Board, BoardRow
from wideopen.challenge.board_style import BOARD_STYLE
from wideopen.challenge.board_table import REPORT_COLUMNS, heading
from wideopen.challenge.plan import Phase, Plan
from wideopen.score.details import details_html
from wideopen.score.gallery import GALLERY_HTML, script_json
from wideopen.score.leaderboard import COLUMNS, direction_of, figure_of
from wideopen.score.page import document, scale
from wideopen.score.score import Score
from wideopen.score.tables import UNKNOWN, cell, printable

IMAGES = "'self' file: data:"
"""Where pictures of pages lie that are read from a disk or a server."""
HIDDEN = "Not public yet: the organiser has not opened every board on this page."
_MOST_LETTERS = 60
"""Of a cell; the fact sheet has them all."""
_UNITS = {"runtime_s": "s", "psnr_db": "dB"}


@dataclass(frozen=True)
class Links:
    """Where a row leads to."""

    sheet: str
    score: str
    runtime: str | None = None


@dataclass(frozen=True)
class Shown:
    """A picture of a gallery, and where its versions lie."""

    name: str
    width_px: int
    height_px: int
    choices: Mapping[str, str]
    """Addresses by what they are called."""


def page(title: str, body: str) -> str:
    """Frame a page's body."""
    return document(printable(title), body, style=BOARD_STYLE, images=IMAGES)


def boards_html(
    plan: Plan,
    tables: Sequence[Board],
    states: Mapping[str, str],
    links: Callable[[BoardRow], Links],
    galleries: Mapping[tuple[str, str], str],
    at: str,
) -> str:
    """Write the body of the first page: all tables, those of the last phase first.

    Args:
        plan: Of the challenge.
        tables: In the order of the plan.
        states: Of phases, how they stand, as HTML-free text.
        links: Of a row.
        galleries: Addresses of pages with pictures, by phase and track.
        at: When this is, as text.
    """
    parts = [band(tables), f"<header><h1>{text(plan.title)}</h1>"]
    if plan.about.strip():
        parts.append(f'<p class="about">{lines(plan.about.strip())}</p>')
    parts.append(f"<p>As of {text(at)}.</p></header><main>")
    for phase in reversed(plan.phases):
        of_phase = [table for table in tables if table.phase.name == phase.name]
        parts.append(_phase(phase, states[phase.name], of_phase, links, galleries))
    return "\n".join([*filter(None, parts), "</main>"])


def band(tables: Sequence[Board]) -> str:
    """Say that a page is not for everybody; empty where it is."""
    return "" if all(table.is_shown for table in tables) else f'<p class="band" role="note">{HIDDEN}</p>'


def _phase(
    phase: Phase,
    state: str,
    tables: Sequence[Board],
    links: Callable[[BoardRow], Links],
    galleries: Mapping[tuple[str, str], str],
) -> str:
    inner = [_standing(table, links, galleries.get((phase.name, table.track.name))) for table in tables]
    if not tables:
        inner = ["<p>Its boards are not part of this page.</p>"]
    return (
        f'<section class="phase" aria-labelledby="phase-{phase.name}"><h2 id="phase-{phase.name}">Phase '
        f"{text(phase.name)}</h2><p>{text(state)}</p>{''.join(inner)}</section>"
    )


def _standing(table: Board, links: Callable[[BoardRow], Links], gallery: str | None) -> str:
    parts = [f'<section class="standing"><h3>{text(heading(table))}</h3><p>{text(table.says)}']
    if table.track.device:
        parts.append(f" Runtimes are of {text(table.track.device)}.")
    parts.append(f' <a href="{gallery}">Pictures of all teams, side over side</a>.</p>' if gallery else "</p>")
    if table.warnings:
        items = "".join(f"<li>{text(_capital(line))}.</li>" for line in table.warnings)
        parts.append(f'<aside class="warnings"><h2>Before you compare</h2><ul>{items}</ul></aside>')
    if not table.rows:
        parts.append("<p>No team has a score yet.</p></section>")
        return "".join(parts)
    head = "".join(_heading(column, title, table.by) for column, title in REPORT_COLUMNS.items())
    groups = "".join(_group(row, table, links(row)) for row in table.rows)
    label = f"Table {table.number}, phase {table.phase.name}"
    parts.append(
        f'<div class="scroller board" tabindex="0" role="region" aria-label="{label}"><table class="ranking">'
        f'<thead><tr>{head}<th scope="col" class="plain">Links</th></tr></thead>{groups}</table></div>'
    )
    items = "".join(
        f'<li id="{_note_id(table, note.mark)}"><b>{text(note.mark)}</b> <span>{text(note.text)}</span></li>'
        if note.mark
        else f"<li><span>{text(note.text)}</span></li>"
        for note in table.notes
    )
    parts.append(f'<ul class="marks" aria-label="Footnotes">{items}</ul></section>' if items else "</section>")
    return "".join(parts)


def _heading(column: str, title: str, by: str) -> str:
    is_number = column in ("rank", *COLUMNS)
    first = direction_of(column) if column in COLUMNS else "ascending"
    unit = f" <small>{_UNITS[column]}</small>" if column in _UNITS else ""
    classes = " ".join(["number"] * is_number + ["chosen"] * (column == by))
    return (
        f'<th scope="col" class="{classes}" data-first="{first}" data-kind="{"number" if is_number else "text"}"'
        f'{" aria-sort=ascending" if column == "rank" else ""}><button type="button">'
        f'<span>{title.split(",")[0]}{unit}</span><i aria-hidden="true"></i></button></th>'
    )


def _group(row: BoardRow, table: Board, links: Links) -> str:
    cells = "".join(_cell(row, column, table, links) for column in REPORT_COLUMNS)
    runtime = f' <a href="{links.runtime}">Runtime</a>' if links.runtime else ""
    kind = "first" if row.rank == 1 else "out" if row.rank is None else ""
    return (
        f'<tbody class="{kind}"><tr>{cells}<td class="links"><a href="{links.sheet}">Fact sheet</a> '
        f'<a href="{links.score}">Score</a>{runtime}</td></tr></tbody>'
    )


def _cell(row: BoardRow, column: str, table: Board, links: Links) -> str:
    score, said = row.score, cell(row.place, column)
    shown = "–" if said == UNKNOWN else text(said)  # noqa: RUF001
    if column == "team":
        marks = "".join(_mark(mark, table) for mark in row.marks if STAR not in mark)
        above = f"<sup>{marks}</sup>" if marks else ""
        return (
            f'<th scope="row" data-value="{text(row.team.name)}"><a href="{links.sheet}"><bdi>{shown}</bdi></a>{above}'
            f'<span class="method"><bdi>{text(score.solution)}</bdi></span></th>'
        )
    if column not in ("rank", *COLUMNS):
        value = "" if said == UNKNOWN else f' data-value="{shown}"'
        short = shown if len(said) <= _MOST_LETTERS else f"{text(said[:_MOST_LETTERS])}…"
        return f'<td class="text"{value}><bdi>{short}</bdi></td>'
    figure = row.rank if column == "rank" else figure_of(score, column)
    if isinstance(figure, float) and math.isinf(figure):
        figure, shown = math.copysign(1e999, figure), "∞" if figure > 0 else "-∞"
    data = "" if figure is None else f' data-value="{str(figure).replace("inf", "Infinity")}"'
    inner = shown
    if column == "mos":
        inner += "".join(_mark(mark, table) for mark in row.marks if STAR in mark)
        inner += scale(score.mos, score.mos_interval)
    return f'<td class="{"rank" if column == "rank" else "number"}"{data}>{inner}</td>'


def _mark(mark: str, table: Board) -> str:
    return f'<a href="#{_note_id(table, mark)}" aria-label="Footnote {mark}">{mark}</a>'


def _note_id(table: Board, mark: str) -> str:
    return f"note-{table.phase.name}-{table.track.name}-{mark.replace(STAR, 'star')}"


def sheet_html(row: BoardRow, table: Board, score: Score, *, level: int = 2) -> str:
    """Write a row's figures, its fact sheet and the whole of its Score; all of it is shown as it stands.

    Args:
        row: Of a board.
        table: Its board.
        score: With figures of single pictures.
        level: Of the headings.
    """
    figures = "".join(_figure(row, column, title) for column, title in REPORT_COLUMNS.items() if column in COLUMNS)
    notes = [note.text for note in table.notes if note.mark in ("", *row.marks)]
    below = "".join(f"<li><span>{text(note)}</span></li>" for note in notes)
    marks = f'<ul class="marks">{below}</ul>' if below else ""
    facts = "".join(f"<div><dt>{name}</dt><dd>{text(value)}</dd></div>" for name, value in _facts(row) if value)
    description = row.submission.sheet.description.strip()
    described = f'<p class="description">{lines(description)}</p>' if description else ""
    measured = details_html(score, row.submission.id)
    return (
        f'<dl class="figures">{figures}</dl>{marks}'
        f'<section class="sheet"><h{level}>Fact sheet</h{level}><dl class="facts">{facts}</dl>{described}</section>'
        f'<section class="sheet"><h{level}>How it was measured</h{level}>{measured}</section>'
    )


def _figure(row: BoardRow, column: str, title: str) -> str:
    said = cell(row.place, column)
    drawn = scale(row.score.mos, row.score.mos_interval) if column == "mos" else ""
    return f"<div><dt>{title}</dt><dd>{'–' if said == UNKNOWN else text(said)}{drawn}</dd></div>"  # noqa: RUF001


def _facts(row: BoardRow) -> list[tuple[str, str]]:
    sheet, submission = row.submission.sheet, row.submission
    runtime = (
        "" if sheet.runtime_s is None else f"{sheet.runtime_s:g} s on {sheet.runtime_device or 'a device unnamed'}"
    )
    return [
        ("Team", row.team.name),
        ("Method", sheet.method),
        ("Authors", sheet.authors),
        ("Affiliation", sheet.affiliation),
        ("Framework", sheet.framework),
        ("Trained on", sheet.hardware),
        ("Parameters", "" if sheet.parameters is None else f"{sheet.parameters:,}"),
        ("Extra data", sheet.extra_data or "none named"),
        ("Depth computed before", "yes" if sheet.precomputed_depth else "no"),
        ("Runtime, by the team", runtime),
        ("Code", sheet.code),
        ("Submission", f"{submission.id}, {submission.kind}, {submission.at[:19].replace('T', ' ')} UTC"),
        ("File", f"{submission.upload.file_name}, {submission.upload.bytes:,} bytes"),
        ("SHA-256 of the file", submission.upload.sha256),
    ]


def gallery_html(pictures: Sequence[Shown], *, has_truth: bool) -> str:
    """Write the slider over pictures and what it shows; empty where there is none."""
    if not pictures:
        return ""
    records = [_picture_record(each, has_truth=has_truth) for each in pictures]
    missing = "" if has_truth else "<p>The true pictures are left out until no phase asks for them any more.</p>"
    return f'{missing}{GALLERY_HTML}<script type="application/json" id="pictures">{script_json(records)}</script>'


def _picture_record(picture: Shown, *, has_truth: bool) -> dict[str, Any]:
    given = sorted(picture.choices, key=lambda label: {"truth": 1, "input": 2}.get(label, 0))
    choices = [
        {"label": label, "blind": label != "input", "source": picture.choices[label]}
        for label in given
        if has_truth or label != "truth"
    ]
    return {"name": picture.name, "width": picture.width_px, "height": picture.height_px, "choices": choices}


def text(value: str) -> str:
    """Write text of anybody's as HTML, on one line, as it stands."""
    return html.escape(printable(value))


def lines(value: str) -> str:
    """Write text of anybody's as HTML, its line breaks kept."""
    return "\n".join(text(line) for line in value.splitlines())


def _capital(line: str) -> str:
    return line[:1].upper() + line[1:]
