"""Charts of a study, as SVG that scales with the page while its text does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

COLOURS: dict[int, str] = {1: "#a6611a", 2: "#dfc27d", 3: "#d5d5cf", 4: "#80cdc1", 5: "#018571"}
"""Of the five levels: brown to teal, which people who see red and green alike can tell apart."""
_ROW_PX, _CELL_PX = 52, (52, 24)
_EDGE = 2.0
"""Per cent that the scale keeps free at either side, for the marks."""


@dataclass(frozen=True)
class Mark:
    """One method on the scale."""

    name: str
    mos: float | None
    interval: tuple[float, float] | None
    everyone: float | None
    said: str
    """The figures in words."""


def scale_chart(marks: Sequence[Mark], label: str) -> str:
    """Draw mean opinions with their intervals on a scale from 1 to 5.

    Args:
        marks: From top to bottom; a hollow mark stands for all raters.
        label: What a reader who does not see it is told.
    """
    height = _ROW_PX * len(marks) + 26
    grid = "".join(
        f'<line class="grid" x1="{_place(level)}" x2="{_place(level)}" y1="4" y2="{height - 22}"/>'
        f'<text class="axis" x="{_place(level)}" y="{height - 6}" text-anchor="middle">{level}</text>'
        for level in COLOURS
    )
    rows = "".join(_scale_row(mark, _ROW_PX * number) for number, mark in enumerate(marks))
    return _svg(height, label, grid + rows)


def levels_chart(counts: Mapping[str, Sequence[int]], label: str) -> str:
    """Draw how often each level was given, as one bar of shares for each method.

    Args:
        counts: Of levels 1 to 5, by method.
        label: What a reader who does not see it is told.
    """
    rows = "".join(_levels_row(name, numbers, _ROW_PX * row) for row, (name, numbers) in enumerate(counts.items()))
    return _svg(_ROW_PX * len(counts), label, rows)


def heat_chart(
    pictures: Sequence[str], methods: Sequence[str], scores: Mapping[tuple[str, str], float], label: str
) -> str:
    """Draw the opinion of every picture of every method as a coloured field with its figure.

    Args:
        pictures: From top to bottom.
        methods: From left to right.
        scores: Mean opinions, by picture and method; a field without one is empty.
        label: What a reader who does not see it is told.
    """
    wide, high = _CELL_PX
    left = 12 + 7 * min(max(map(len, pictures), default=1), 24)
    top = 14 + 5 * min(max(map(len, methods), default=1), 22)
    width, height = left + wide * len(methods) + top, top + high * len(pictures) + 2
    parts = [
        f'<text class="axis" transform="translate({left + wide * (column + 0.5):g} {top - 8}) rotate(-40)">'
        f"{escape(_cut(name, 22))}<title>{escape(name)}</title></text>"
        for column, name in enumerate(methods)
    ]
    for row, picture in enumerate(pictures):
        y = top + high * row
        parts.append(
            f'<text class="axis" x="{left - 8}" y="{y + 16}" text-anchor="end">{escape(_cut(picture, 24))}'
            f"<title>{escape(picture)}</title></text>"
        )
        parts += [
            _field(scores.get((picture, name)), left + wide * column, y, f"{picture}, {name}")
            for column, name in enumerate(methods)
        ]
    return (
        f'<svg class="heat" role="img" aria-label="{escape(label)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{"".join(parts)}</svg>'
    )


def colour_of(level: float) -> tuple[str, str]:
    """Find the colour of an opinion between 1 and 5, and that of text on it."""
    low = min(max(int(level), 1), 4)
    share = min(max(level - low, 0.0), 1.0)
    ends = [[int(COLOURS[each][start : start + 2], 16) for start in (1, 3, 5)] for each in (low, low + 1)]
    channels = [round(first + (second - first) * share) for first, second in zip(*ends, strict=True)]
    linear = [(each / 255 + 0.055) ** 2.4 / 1.055**2.4 if each > 10 else each / 255 / 12.92 for each in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    # Black and white differ as much from this grey (WCAG 2.2, relative luminance).
    ink = "#000" if luminance > 0.179 else "#fff"
    return f"#{channels[0]:02x}{channels[1]:02x}{channels[2]:02x}", ink


def _scale_row(mark: Mark, top: int) -> str:
    y = top + 34
    parts = [
        f'<text class="name" x="{_EDGE}%" y="{top + 18}">{escape(mark.name)}</text>',
        f'<text class="said" x="{100 - _EDGE}%" y="{top + 18}" text-anchor="end">{escape(mark.said)}</text>',
        f'<line class="track" x1="{_place(1)}" x2="{_place(5)}" y1="{y}" y2="{y}"/>',
    ]
    if mark.interval is not None:
        low, high = map(_place, mark.interval)
        parts.append(f'<line class="span" x1="{low}" x2="{high}" y1="{y}" y2="{y}"/>')
        parts += [f'<line class="end" x1="{end}" x2="{end}" y1="{y - 6}" y2="{y + 6}"/>' for end in (low, high)]
    if mark.everyone is not None:
        parts.append(f'<circle class="everyone" cx="{_place(mark.everyone)}" cy="{y}" r="5"/>')
    if mark.mos is not None:
        parts.append(f'<circle class="mos" cx="{_place(mark.mos)}" cy="{y}" r="5"/>')
    return "".join(parts)


def _levels_row(name: str, numbers: Sequence[int], top: int) -> str:
    total = sum(numbers)
    said = f"{total} votes" if total != 1 else "1 vote"
    parts = [
        f'<text class="name" x="0" y="{top + 18}">{escape(name)}</text>',
        f'<text class="said" x="100%" y="{top + 18}" text-anchor="end">{said}</text>',
    ]
    left = 0.0
    for level, number in enumerate(numbers, 1):
        if not number:
            continue
        share = 100 * number / total
        fill, ink = colour_of(level)
        parts.append(
            f'<rect class="part" x="{left:.3f}%" y="{top + 25}" width="{share:.3f}%" height="22" fill="{fill}">'
            f"<title>{level}: {number} of {total}</title></rect>"
        )
        if share >= 9:
            parts.append(
                f'<text class="inside" x="{left + share / 2:.3f}%" y="{top + 40}" text-anchor="middle" '
                f'style="fill:{ink}">{share:.0f} %</text>'
            )
        left += share
    return "".join(parts)


def _field(score: float | None, x: int, y: int, name: str) -> str:
    wide, high = _CELL_PX[0] - 2, _CELL_PX[1] - 2
    if score is None:
        return (
            f'<rect class="empty" x="{x}" y="{y}" width="{wide}" height="{high}">'
            f"<title>{escape(name)}: no vote</title></rect>"
        )
    fill, ink = colour_of(score)
    return (
        f'<rect x="{x}" y="{y}" width="{wide}" height="{high}" fill="{fill}">'
        f"<title>{escape(name)}: {score:.2f}</title></rect>"
        f'<text class="inside" x="{x + wide / 2:g}" y="{y + 15}" text-anchor="middle" '
        f'style="fill:{ink}">{score:.1f}</text>'
    )


def _svg(height: int, label: str, inner: str) -> str:
    return f'<svg role="img" aria-label="{escape(label)}" width="100%" height="{height}">{inner}</svg>'


def _place(level: float) -> str:
    share = min(max((level - 1) / 4, 0.0), 1.0)
    return f"{_EDGE + (100 - 2 * _EDGE) * share:.2f}%"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
