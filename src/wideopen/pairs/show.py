"""Show a data set: a page on which pairs flicker between their pictures, with differences and figures."""

import base64
import html
import io
import math
import re
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from wideopen.errors import RequestError, WideopenError
from wideopen.pairs.manifest import Row
from wideopen.pairs.measures import Measures, fingerprint, measure, measure_files, measures_in
from wideopen.pairs.pair import Pair, pairs_in
from wideopen.pairs.split import rows_of
from wideopen.photo import read
from wideopen.photo.whole import whole_file
from wideopen.shapes import Float

Worst = Literal["colour_mismatch_lab", "sharpness_kept", "motion_px", "misalignment_px"]
DIFFERENCE_GAIN = 3
MOST_EMBEDDED_BYTES = 64 * 2**20
"""Browsers take long over a page with more pictures inside."""
_OURS = re.compile(r"\d{5}-(original|bokeh|difference)\.jpg")
_UNITS = {
    "colour_mismatch_lab": ("Colour mismatch", "CIELAB"),
    "sharpness_kept": ("Sharpness kept", ""),
    "motion_px": ("Motion", "px"),
    "misalignment_px": ("Misalignment", "px"),
}


@dataclass
class _Card:
    """What the page holds of a pair."""

    name: str
    pictures: dict[str, bytes] = field(default_factory=dict)
    """JPEG of ``original``, ``bokeh`` and ``difference``; none where a file cannot be read."""
    size: tuple[int, int] = (1, 1)
    figures: list[tuple[str, str]] = field(default_factory=list)
    trouble: str = ""


def show(
    folder: Path,
    out: Path,
    *,
    split: str | None = None,
    names: Collection[str] = (),
    worst: Worst | None = None,
    most: int | None = None,
    side_px: int = 640,
    measured: bool = True,
    embed: bool = False,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write a page that shows pairs of a data set; it needs no server, and asks no other address for anything.

    A click, Space or Enter turns a pair over; all can flicker on their own. Figures are PSNR (over all pixels and
    channels as encoded, peak 1), the measures, and what the manifest knows.

    Args:
        folder: With pairs; of a manifest only those that it accepts.
        out: An HTML file. Pictures go into ``NAME.files/`` beside it.
        split: Only this part.
        names: Only these pairs, where any is named.
        worst: Begin with the pair that is worst by this measure; all pairs are measured for it.
        most: Show no more pairs than this.
        side_px: Longest side of the pictures on the page; they are never enlarged.
        measured: Measure pairs whose measures the manifest lacks.
        embed: Put the pictures into the page itself, up to 64 MiB.
        overwrite: Whether a page of before may be replaced.
        progress: Told how many pairs are done, of how many.

    Returns:
        How many pairs are shown.

    Raises:
        RequestError: If there are no such pairs, the page is there already, or cannot be written.
    """
    pairs, rows = _chosen(folder, split, names), rows_of(folder)
    if worst is not None:
        pairs = _by_badness(pairs, rows, worst)
    pairs = pairs[:most]
    files = None if embed else out.with_name(f"{out.stem}.files")
    _refuse_place(out, files, overwrite=overwrite)
    cards = _told((_card(pair, rows[pair.name], side_px, measured=measured) for pair in pairs), len(pairs), progress)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _write(out, files, f"Pairs of {folder.resolve().name}", cards)
    except OSError as error:
        raise RequestError(f"{out} cannot be written ({error.strerror or error}); choose another place") from error
    return len(pairs)


def thumbnail(pixels: Float[np.ndarray, "h w 3"], *, side_px: int) -> bytes:
    """Make a JPEG whose longer side is at most `side_px` of float32 pixels as encoded, in [0, 1]."""
    picture = Image.fromarray(np.rint(pixels.clip(0, 1) * 255).astype(np.uint8))
    picture.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return file.getvalue()


def data_uri(jpeg: bytes) -> str:
    """Write a JPEG as an address that holds it."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def write_page(path: Path, title: str, body: str, *, script: str = "") -> None:
    """Write an HTML document, whole or not at all.

    Args:
        path: Of the file.
        title: As text; it is escaped here.
        body: As HTML, in which everything is escaped.
        script: JavaScript that holds nothing from outside.

    Raises:
        OSError: If the place cannot be written.
    """
    text = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n"
        + (f"<script>{script}</script>\n" if script else "")
        + "</body>\n</html>\n"
    )
    with whole_file(path) as beside:
        # A file's name may hold what is no Unicode.
        beside.write_bytes(text.encode("utf-8", "replace"))


def figures_of(measures: Measures) -> list[tuple[str, str]]:
    """Name the measures and write them with their units."""
    values = asdict(measures).items()
    return [
        (_UNITS[name][0], "nothing to measure by" if value is None else f"{value:.3g} {_UNITS[name][1]}".rstrip())
        for name, value in values
    ]


def figure_list(figures: list[tuple[str, str]]) -> str:
    """Write figures as HTML."""
    rows = (f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in figures)
    return f'<dl class="figures">{"".join(rows)}</dl>'


def _chosen(folder: Path, split: str | None, names: Collection[str]) -> list[Pair]:
    pairs = pairs_in(folder, split=split)
    if not pairs:
        raise RequestError(f"{folder} accepts none of its pairs; to have back what cleaning dropped, restore it")
    unknown = sorted(set(names) - {pair.name for pair in pairs})
    if unknown:
        raise RequestError(f"{folder} has no accepted pair {unknown[0]}; give names of its pairs")
    return [pair for pair in pairs if not names or pair.name in names]


def _refuse_place(out: Path, files: Path | None, *, overwrite: bool) -> None:
    if out.suffix.lower() not in (".html", ".htm"):
        raise RequestError(f"{out} is no page; give a name that ends in .html")
    for place in (out, files):
        if place is not None and place.exists() and not overwrite:
            raise RequestError(f"{place} is there already; choose another name or allow --overwrite")
    if files is None or not files.is_dir():
        return
    foreign = sorted(path for path in files.iterdir() if not _OURS.fullmatch(path.name))
    if foreign:
        raise RequestError(f"{files} holds {foreign[0].name}, which is of no page and stays; choose another name")


def _by_badness(pairs: list[Pair], rows: dict[str, Row], worst: Worst) -> list[Pair]:
    sign = 1 if worst == "sharpness_kept" else -1

    def badness(pair: Pair) -> float:
        try:
            value = getattr(_measures(pair, rows[pair.name]), worst)
        except (WideopenError, OSError):
            return -math.inf  # what cannot be read is worst
        return math.inf if value is None else sign * value

    return sorted(pairs, key=badness)


def _measures(pair: Pair, row: Row) -> Measures:
    known = measures_in(row.settings, of=fingerprint(pair.original, pair.bokeh))
    return measure_files(pair.original, pair.bokeh) if known is None else known


def _card(pair: Pair, row: Row, side_px: int, *, measured: bool) -> _Card:
    card = _Card(pair.name)
    try:
        original, bokeh = (read(path).pixels.clip(0, 1) for path in (pair.original, pair.bokeh))
        known = measures_in(row.settings, of=fingerprint(pair.original, pair.bokeh))
        if original.shape == bokeh.shape:
            card.figures.append(("PSNR", _psnr(original, bokeh)))
            apart = np.abs(original - bokeh) * np.float32(DIFFERENCE_GAIN)
            card.pictures["difference"] = thumbnail(apart, side_px=side_px)
        card.pictures["original"] = thumbnail(original, side_px=side_px)
        card.pictures["bokeh"] = thumbnail(bokeh, side_px=side_px)
        card.size = (original.shape[1], original.shape[0])
        if known is None and measured:
            known = measure(original, bokeh)
    except (WideopenError, OSError) as error:
        known, card.trouble = None, str(error)
    if known is not None:
        card.figures += figures_of(known)
    card.figures += _of_manifest(row)
    return card


def _psnr(original: Float[np.ndarray, "h w 3"], bokeh: Float[np.ndarray, "h w 3"]) -> str:
    error = float(np.square(original - bokeh, dtype=np.float64).mean())
    return "infinite" if error == 0 else f"{-10 * math.log10(error):.2f} dB"


def _of_manifest(row: Row) -> list[tuple[str, str]]:
    """Name what the manifest knows of a pair."""
    size = f"{row.width}x{row.height} px" if row.width is not None and row.height is not None else None
    residual = None if row.residual_px is None else f"{row.residual_px:.3g} px"
    overlap = None if row.overlap is None else f"{100 * row.overlap:.1f} %"
    known = (
        ("Part", row.split),
        ("Size", size),
        ("Inliers", row.inliers),
        ("Residual", residual),
        ("Overlap", overlap),
        ("Gain and offset", row.gain),
        ("Original from", row.wide),
        ("Bokeh from", row.shallow),
    )
    return [(name, str(value)) for name, value in known if value not in (None, "")]


def _told(cards: Iterator[_Card], total: int, progress: Callable[[int, int], None] | None) -> Iterator[_Card]:
    for done, card in enumerate(cards, 1):
        yield card
        if progress is not None:
            progress(done, total)


def _write(out: Path, files: Path | None, title: str, cards: Iterator[_Card]) -> None:
    """Write the pictures beside the page, then the page; with no folder for them, into it."""
    beside = out.with_name(f".wideopen-{secrets.token_hex(8)}")
    articles, embedded_bytes = [], 0
    try:
        if files is not None:
            beside.mkdir()
        for number, card in enumerate(cards, 1):
            sources = {}
            for kind, jpeg in card.pictures.items():
                if files is None:
                    sources[kind] = data_uri(jpeg)
                    embedded_bytes += len(sources[kind])
                else:
                    (beside / f"{number:05}-{kind}.jpg").write_bytes(jpeg)
                    sources[kind] = f"{_address(files.name)}/{number:05}-{kind}.jpg"
            if embedded_bytes > MOST_EMBEDDED_BYTES:
                raise RequestError(
                    f"{number} pairs are more than {MOST_EMBEDDED_BYTES >> 20} MiB of pictures inside one page; "
                    "show fewer, smaller, or keep them beside it"
                )
            articles.append(_article(number, card, sources))
        if files is not None:
            if files.exists():
                shutil.rmtree(files)
            beside.rename(files)
        write_page(out, title, _body(title, articles), script=_SCRIPT)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _address(name: str) -> str:
    from urllib.parse import quote

    return html.escape("./" + quote(name, errors="replace"))


def _body(title: str, articles: list[str]) -> str:
    count = f"{len(articles)} pair{'s' if len(articles) != 1 else ''}"
    return (
        f"<header>\n<h1>{html.escape(title)}</h1>\n<p>{count}. Click a photo, or press Space on it, to turn it over "
        "between original and bokeh. On a photo, arrow keys go to the next one and F makes all flicker.</p>\n"
        '<p class="controls"><button type="button" id="automatic" aria-pressed="false">Flicker on its own</button> '
        '<label>every <select id="pace"><option value="500">0.5 s</option>'
        '<option value="1000" selected>1 s</option><option value="2000">2 s</option></select></label></p>\n'
        "</header>\n<main>\n" + "\n".join(articles) + "\n</main>"
    )


def _article(number: int, card: _Card, sources: dict[str, str]) -> str:
    name = html.escape(card.name)
    shape = f'width="{card.size[0]}" height="{card.size[1]}" loading="lazy" decoding="async"'
    parts = [f'<article aria-labelledby="pair-{number}">', f'<h2 id="pair-{number}">{name}</h2>']
    if "original" in sources and "bokeh" in sources:
        parts.append(
            f'<button type="button" class="flicker" aria-pressed="false" aria-label="{name}: bokeh shown">'
            f'<img class="original" src="{sources["original"]}" alt="" {shape}>'
            '<span class="original" aria-hidden="true">original</span>'
            f'<img class="bokeh" src="{sources["bokeh"]}" alt="" {shape}>'
            '<span class="bokeh" aria-hidden="true">bokeh</span></button>'
        )
    if "difference" in sources:
        parts.append(
            f'<figure><img src="{sources["difference"]}" alt="Difference of the pair {name}" {shape}>'
            f"<figcaption>difference, {DIFFERENCE_GAIN} times as strong</figcaption></figure>"
        )
    if card.trouble:
        parts.append(f'<p class="trouble">{html.escape(card.trouble)}</p>')
    return "".join([*parts, figure_list(card.figures), "</article>"])


_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1a1a1a; --soft: #595959; --line: #d0d0d0; --mark: #0b57d0; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #141414; --ink: #ececec; --soft: #ababab; --line: #3a3a3a; --mark: #8ab4f8; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 110rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
header p { max-width: 48rem; }
main { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); }
article { border-top: 1px solid var(--line); padding-top: .75rem; min-width: 0; content-visibility: auto;
  contain-intrinsic-size: auto 48rem; }
img { display: block; width: 100%; height: auto; }
button, select { font: inherit; color: inherit; background: transparent; border: 1px solid var(--soft);
  border-radius: .25rem; padding: .4rem .8rem; }
option { background: var(--ground); color: var(--ink); }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
#automatic[aria-pressed="true"] { border-color: var(--mark); color: var(--mark); }
.controls { display: none; } .scripted .controls { display: block; }
.flicker { display: grid; width: 100%; padding: 0; border: 0; border-radius: 0; cursor: pointer; }
.flicker span { justify-self: start; align-self: end; margin: .5rem; padding: 0 .5rem; background: #000; color: #fff; }
.scripted .flicker > * { grid-area: 1 / 1; }
.scripted .flicker .bokeh { opacity: 0; }
.scripted .flicker[aria-pressed="true"] .bokeh, .scripted.turned .flicker .bokeh { opacity: 1; }
.scripted.turned .flicker[aria-pressed="true"] .bokeh { opacity: 0; }
figure { margin: .5rem 0; } figcaption { color: var(--soft); }
.figures { margin: .5rem 0; } .figures div { display: flex; gap: .75rem; } .figures dt { flex: 0 0 9rem;
  color: var(--soft); } .figures dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
.two { display: grid; gap: .5rem; grid-template-columns: 1fr 1fr; } .trouble { overflow-wrap: anywhere; }
"""

# Half a second is the fastest: lights that flash more than three times a second can harm (WCAG 2.2, 2.3.1).
_SCRIPT = """
(() => {
  const root = document.documentElement;
  const automatic = document.getElementById("automatic"), pace = document.getElementById("pace");
  const photos = [...document.querySelectorAll(".flicker")];
  let timer = 0;
  root.classList.add("scripted");
  const stop = () => {
    clearInterval(timer); timer = 0;
    root.classList.remove("turned"); automatic.setAttribute("aria-pressed", "false");
  };
  const start = () => {
    timer = setInterval(() => root.classList.toggle("turned"), Number(pace.value));
    automatic.setAttribute("aria-pressed", "true");
  };
  const turn = () => { if (timer) stop(); else start(); };
  automatic.addEventListener("click", turn);
  pace.addEventListener("change", () => { if (timer) { stop(); start(); } });
  document.addEventListener("click", (event) => {
    const photo = event.target.closest(".flicker");
    if (photo) photo.setAttribute("aria-pressed", String(photo.getAttribute("aria-pressed") !== "true"));
  });
  document.addEventListener("keydown", (event) => {
    const at = photos.indexOf(document.activeElement);
    if (at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) { photos[at + step]?.focus(); event.preventDefault(); }
    else if (event.key.toLowerCase() === "f") turn();
  });
})();
"""
