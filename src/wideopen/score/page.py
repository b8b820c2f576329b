"""The leaderboard as one page: sorted, filtered and folded out in a browser, with pictures to compare blind."""

import base64
import hashlib
import html
import math
from collections.abc import Sequence
from pathlib import Path

from wideopen.errors import RequestError
from wideopen.photo.whole import whole_file
from wideopen.score.details import details_html
from wideopen.score.gallery import GALLERY_HTML, Gallery, gallery_of, script_json
from wideopen.score.leaderboard import COLUMNS, Row, direction_of, figure_of, warnings_of
from wideopen.score.pagescript import SCRIPT
from wideopen.score.pagestyle import STYLE
from wideopen.score.published import CONTRADICTIONS, Contradiction
from wideopen.score.tables import TITLES, UNKNOWN, Footnotes, cell, footnotes_of

_TITLES = {**TITLES, "rank": "#", "psnr_db": "PSNR", "runtime_s": "Runtime"}
_UNITS = {"psnr_db": "dB", "runtime_s": "s"}


def write_board(
    rows: Sequence[Row], path: Path, *, by: str = "mos", title: str = "Leaderboard", overwrite: bool = False
) -> None:
    """Write a page that holds all it shows; it asks no other address for anything and needs no server.

    Small pictures come from the folders that `Score.pictures` names, as `wideopen.score.leaderboard.collect` gives
    them; those of published rows are not looked at.

    Args:
        rows: As `wideopen.score.leaderboard.ranked` gives them.
        path: Of the HTML file.
        by: What they are ranked by.
        title: As text.
        overwrite: Whether a file of before may be replaced.

    Raises:
        RequestError: If the file is there already or cannot be written, or a picture is broken.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise RequestError(f"{path} is no page; give a name that ends in .html")
    if path.exists() and not overwrite:
        raise RequestError(f"{path} is there already; choose another name or allow --overwrite")
    text = document(title, _body(rows, by, title, gallery_of(rows)))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as beside:
            # A file's name may hold what is no Unicode.
            beside.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        raise RequestError(f"{path} cannot be written ({error.strerror or error}); choose another place") from error


def document(title: str, body: str, *, style: str = STYLE, images: str = "data:") -> str:
    """Frame the body of a page; the policy lets no script run but `SCRIPT`, and nothing be loaded but pictures.

    Args:
        title: As text.
        body: As HTML.
        style: As CSS.
        images: Where pictures may come from, as the policy has it.
    """
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src {images}; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n"
        f"<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _body(rows: Sequence[Row], by: str, title: str, gallery: Gallery) -> str:
    notes = footnotes_of(rows)
    origins = [row.score.origin for row in rows]
    parts = [_header(rows, by, title), "<main>", _warnings(rows, gallery), _filter(rows)]
    parts += [_table(rows, by, notes), _notes(notes)]
    if gallery.pictures:
        records = script_json([picture.record() for picture in gallery.pictures])
        parts += [GALLERY_HTML, f'<script type="application/json" id="pictures">{records}</script>']
    if "published" in origins:
        parts.append(_contradictions())
    return "\n".join([*filter(None, parts), "</main>"])


def _header(rows: Sequence[Row], by: str, title: str) -> str:
    name = _TITLES.get(by, by)
    name = name.lower() if by == "runtime_s" else name
    first = "highest" if direction_of(by) == "descending" else "lowest"
    tracks = len({row.score.track for row in rows})
    within = ", within each track" if tracks > 1 else ""
    counts = {
        origin: sum(row.score.origin == origin for row in rows)
        for origin in dict.fromkeys(row.score.origin for row in rows)
    }
    badges = " ".join(f"{_badge(origin)} {count}" for origin, count in counts.items())
    return (
        f"<header><h1>{html.escape(title)}</h1>"
        f"<p>Ranked by {html.escape(name)}, {first} first{within}. Equal figures share a place (=).</p>"
        f'<p class="legend">{badges}</p></header>'
    )


def _warnings(rows: Sequence[Row], gallery: Gallery) -> str:
    lines = list(warnings_of(row.score for row in rows))
    if gallery.missing:
        lines.append(f"the small pictures of {', '.join(gallery.missing)} are not beside the Score files")
    if gallery.left_out:
        were = "1 picture was" if gallery.left_out == 1 else f"{gallery.left_out} pictures were"
        lines.append(f"{were} left out of the gallery, as the page would be too large")
    if not lines:
        return ""
    items = "".join(f"<li>{html.escape(line[:1].upper() + line[1:])}.</li>" for line in lines)
    return (
        f'<aside class="warnings" aria-labelledby="mind"><h2 id="mind">Before you compare</h2><ul>{items}</ul></aside>'
    )


def _filter(rows: Sequence[Row]) -> str:
    tracks = list(dict.fromkeys(row.score.track for row in rows))
    if len(tracks) < 2:
        return ""
    choices = "".join(
        f'<label><input type="radio" name="track" value="{number}"{" checked" if number == 0 else ""}>'
        f"<span>{html.escape(name)}</span></label>"
        for number, name in enumerate(["all", *tracks])
    )
    return f'<fieldset class="filter"><legend>Track</legend>{choices}<output id="shown"></output></fieldset>'


def _table(rows: Sequence[Row], by: str, notes: Footnotes) -> str:
    figures = [by, *(column for column in COLUMNS if column != by)]
    columns = ["rank", "solution", *figures, "track", "device", "protocol"]
    tracks = list(dict.fromkeys(row.score.track for row in rows))
    head = "".join(_heading(column, by, is_sorted=column == "rank" and len(tracks) == 1) for column in columns)
    groups = "".join(
        _group(row, number, columns, marks, tracks.index(row.score.track) + 1)
        for number, (row, marks) in enumerate(zip(rows, notes.marks, strict=True), 1)
    )
    return (
        '<div class="scroller board" tabindex="0" role="region" aria-label="Leaderboard">'
        f'<table id="board" class="ranking"><thead><tr>{head}</tr></thead>{groups}</table></div>'
    )


def _heading(column: str, by: str, *, is_sorted: bool) -> str:
    is_number = column in ("rank", *COLUMNS, by)
    first = "ascending" if column not in (*COLUMNS, by) else direction_of(column)
    unit = f" <small>{_UNITS[column]}</small>" if column in _UNITS else ""
    classes = " ".join(["number"] * is_number + ["chosen"] * (column == by))
    return (
        f'<th scope="col" class="{classes}" data-first="{first}" data-kind="{"number" if is_number else "text"}"'
        f'{" aria-sort=ascending" if is_sorted else ""}><button type="button">'
        f'<span>{html.escape(_capital(_TITLES.get(column, column)))}{unit}</span><i aria-hidden="true"></i>'
        "</button></th>"
    )


def _group(row: Row, number: int, columns: Sequence[str], marks: Sequence[int], track: int) -> str:
    cells = "".join(_cell(row, column, number, marks) for column in columns)
    return (
        f'<tbody class="{row.score.origin}" data-track="{track}"><tr>{cells}</tr>'
        f'<tr class="details" id="details-{number}"><td colspan="{len(columns)}"><div class="inside">'
        f"{details_html(row.score, number)}</div></td></tr></tbody>"
    )


def _cell(row: Row, column: str, number: int, marks: Sequence[int]) -> str:
    score, text = row.score, cell(row, column)
    shown = html.escape("-" if text == UNKNOWN else text)
    if column == "solution":
        links = "".join(f'<a href="#note-{mark}" aria-label="Footnote {mark}">{mark}</a>' for mark in marks)
        return (
            f'<th scope="row" data-value="{html.escape(score.solution)}"><div class="contestant">'
            f'<button type="button" class="fold" aria-expanded="false" aria-controls="details-{number}">'
            f"<span>{shown}</span></button>{f'<sup>{links}</sup>' if links else ''}</div>"
            f'<div class="under">{_badge(score.origin)} <span>{html.escape(score.team)}</span></div></th>'
        )
    if column == "rank":
        value: float | str | None = row.rank
    elif column in TITLES and column not in COLUMNS:
        value = None if text == UNKNOWN else text
    else:
        value = figure_of(score, column)
    if isinstance(value, float) and math.isinf(value):
        value = "Infinity" if value > 0 else "-Infinity"
    data = "" if value is None else f' data-value="{html.escape(str(value))}"'
    inner = f"{shown}{scale(score.mos, score.mos_interval)}" if column == "mos" else shown
    is_text = column in TITLES and column not in ("rank", *COLUMNS)
    kind = "rank" if column == "rank" else f"text {column}" if is_text else "number"
    return f'<td class="{kind}"{data}>{inner}</td>'


def scale(mos: float | None, interval: tuple[float, float] | None) -> str:
    """Draw a mean opinion score on a line from 1 to 5, with its interval."""
    if mos is None:
        return ""

    def place(value: float) -> float:
        return min(max((value - 1) / 4, 0), 1) * 100

    low, high = interval if interval is not None and all(map(math.isfinite, interval)) else (mos, mos)
    bar = f'<i style="left:{place(low):.1f}%;width:{place(high) - place(low):.1f}%"></i>' if high > low else ""
    return f'<span class="scale" aria-hidden="true">{bar}<b style="left:{place(mos):.1f}%"></b></span>'


def _badge(origin: str) -> str:
    return f'<span class="badge {origin}">{origin}</span>'


def _notes(notes: Footnotes) -> str:
    items = "".join(f'<li id="note-{number}">{html.escape(text)}</li>' for number, text in enumerate(notes.texts, 1))
    return f'<ol class="notes" aria-label="Footnotes">{items}</ol>' if items else ""


def _contradictions() -> str:
    items = "".join(_contradiction(each) for each in CONTRADICTIONS)
    return (
        '<details class="contradictions">'
        f"<summary>Where the report contradicts itself ({len(CONTRADICTIONS)})</summary>"
        f"<p>Quoted, not resolved: which is right is not known.</p>{items}</details>"
    )


def _contradiction(each: Contradiction) -> str:
    quotes = "".join(
        f"<li><q>{html.escape(quote.text)}</q> <cite>{html.escape(quote.where)}</cite></li>"
        for quote in each.quotations
    )
    return f"<h3>{html.escape(each.question)}</h3><ul>{quotes}</ul>"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
