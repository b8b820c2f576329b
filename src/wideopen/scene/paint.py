"""Compiled inner loops: the border of what a stroke covers, put onto a photo's edges, and the paint itself.

A mask of bytes says of each pixel of the small picture whether the stroke reaches it. The photo itself may be larger:
each of its pixels near the mask's border joins the side whose pixels in the small picture look more like it.
"""

import numpy as np
from numba import prange

from wideopen.compiled import compiled
from wideopen.scene.brush import FAR_PX, OPPONENT

TRUST = 2.0
"""Weight, as an exponent, of the side of a border that the mask itself puts a pixel on."""
SIGMA_VOTE = 0.06
"""Difference of opponent colours that tells the two sides of a border apart."""
SAME_SURFACE = 0.05
"""Share of the range of depth within which neighbours are on one surface."""
REACH = 4
"""Of the window in which a photo's pixels join a side, in pixels of the small picture."""
SMALL_CHANGE = 0.04
"""Change of depth, as a share of its range, that is blended even beside an edge."""
LARGE_CHANGE = 0.16
"""Change from which a pixel beside an edge is on one depth or the other, for between two surfaces there is none."""
STEEP_AT = 0.25
"""Where in its rim a stroke ends beside an edge, from the outside in."""
_SIDE, _DIAGONAL = np.float32(1), np.float32(2**0.5)


@compiled(inline=True)
def _joins(
    mask: np.ndarray,
    picture: np.ndarray,
    corner: tuple[int, int],
    y: float,
    x: float,
    colour: tuple[float, float, float],
    reach: int,
) -> bool:
    """Let a pixel near the mask's border join the side whose pixels look more like it and lie closer."""
    row, column = int(y + 0.5), int(x + 0.5)
    inside = outside = np.float32(1e-12)
    per_distance, per_colour = np.float32(1 / (reach / 1.5) ** 2), np.float32(1 / SIGMA_VOTE**2)
    for ny in range(max(0, row - reach), min(mask.shape[0], row + reach + 1)):
        for nx in range(max(0, column - reach), min(mask.shape[1], column + reach + 1)):
            a = picture[corner[1] + ny, corner[0] + nx, 0] - colour[0]
            b = picture[corner[1] + ny, corner[0] + nx, 1] - colour[1]
            c = picture[corner[1] + ny, corner[0] + nx, 2] - colour[2]
            off = np.float32((ny - y) ** 2 + (nx - x) ** 2) * per_distance
            bell = np.float32(1) / (np.float32(1) + np.float32(0.25) * (off + (a * a + b * b + c * c) * per_colour))
            weight = (bell * bell) * (bell * bell)
            if mask[ny, nx] & 1:
                inside += weight
            else:
                outside += weight
    trust = np.float32(np.exp(TRUST / 2 if mask[row, column] & 1 else -TRUST / 2))
    return bool(inside * trust > outside)


@compiled(inline=True)
def _is_left_over(mask: np.ndarray, before: np.ndarray, y: int, x: int, own: float, same: float) -> bool:
    """Tell whether a pixel lies in a thin strip between the mask and the map's own border beside it.

    It then has the depth of what is painted, and most of what is not painted nearby has another.
    """
    inside_same = inside = outside_same = outside = 0
    for ny in range(max(0, y - REACH), min(mask.shape[0], y + REACH + 1)):
        for nx in range(max(0, x - REACH), min(mask.shape[1], x + REACH + 1)):
            is_same = abs(before[ny, nx] - own) < same
            if mask[ny, nx] & 1:
                inside += 1
                inside_same += is_same
            else:
                outside += 1
                outside_same += is_same
    return 2 * inside_same > inside and 2 * outside_same < outside and inside_same > outside_same


@compiled(parallel=True)
def bordered(mask: np.ndarray, reach: int) -> np.ndarray:
    """Mark where a mask's border is within reach: 0 is outside, 1 inside, and 2 and 3 the same near the border."""
    height, width = mask.shape
    rows, out = np.empty((height, width), np.uint8), np.empty((height, width), np.uint8)
    for y in prange(height):
        for x in range(width):
            every = some = mask[y, x] & 1
            for nx in range(max(0, x - reach), min(width, x + reach + 1)):
                every &= mask[y, nx] & 1
                some |= mask[y, nx] & 1
            rows[y, x] = 2 * every + some
    for y in prange(height):
        for x in range(width):
            every, some = np.uint8(1), np.uint8(0)
            for ny in range(max(0, y - reach), min(height, y + reach + 1)):
                every &= rows[ny, x] >> 1
                some |= rows[ny, x] & 1
            out[y, x] = (mask[y, x] & 1) + (2 if every != some else 0)
    return out


@compiled(parallel=True)
def settled(mask: np.ndarray, picture: np.ndarray, reach: int) -> np.ndarray:
    """Put a mask's border onto a picture's edges; `mask` is of `bordered`."""
    out = np.empty(mask.shape, np.uint8)
    for y in prange(mask.shape[0]):
        for x in range(mask.shape[1]):
            out[y, x] = mask[y, x] & 1
            if mask[y, x] & 2:
                colour = picture[y, x, 0], picture[y, x, 1], picture[y, x, 2]
                out[y, x] = _joins(mask, picture, (0, 0), float(y), float(x), colour, reach)
    return out


@compiled()
def from_cut(mask: np.ndarray, away: np.ndarray, radius: float) -> np.ndarray:
    """Find how far every pixel is from where an edge cuts the brush, in pixels (chamfer 1 and the root of 2)."""
    height, width = mask.shape
    out = np.full((height, width), FAR_PX)
    for y in range(height):
        for x in range(width):
            if away[y, x] < radius and not mask[y, x] & 1:
                out[y, x] = 0
    for turn in range(2):
        step = 1 - 2 * turn
        for row in range(height):
            y = row if turn == 0 else height - 1 - row
            for column in range(width):
                x = column if turn == 0 else width - 1 - column
                least = out[y, x]
                if 0 <= x - step < width:
                    least = min(least, out[y, x - step] + _SIDE)
                if 0 <= y - step < height:
                    least = min(least, out[y - step, x] + _SIDE)
                    if x > 0:
                        least = min(least, out[y - step, x - 1] + _DIAGONAL)
                    if x < width - 1:
                        least = min(least, out[y - step, x + 1] + _DIAGONAL)
                out[y, x] = least
    return out


@compiled(parallel=True)
def paint(
    dioptres: np.ndarray,
    pixels: np.ndarray,
    picture: np.ndarray,
    before: np.ndarray,
    mask: np.ndarray,
    away: np.ndarray,
    cut: np.ndarray,
    corner: tuple[int, int],
    brush: tuple[float, float],
    change: tuple[bool, float],
    ends: tuple[float, float],
) -> None:
    """Paint a stroke into a map.

    Args:
        dioptres: Of the photo's size; written into.
        pixels: The photo as encoded, in [0, 1].
        picture: The small picture, in opponent colours.
        before: The same map, at the pixels of a part of the small picture.
        mask: What the stroke reaches in that part; of `bordered`.
        away: Of `distances`, in that part.
        cut: Of `from_cut`, in that part.
        corner: Left and top of that part, in pixels of the small picture.
        brush: Radius, and width of the fading rim, in pixels of the small picture.
        change: Whether depth moves to a value, and that value; or else by how much it moves.
        ends: Of the depth before it was mended; none is moved beyond.
    """
    down, across = picture.shape[0] / dioptres.shape[0], picture.shape[1] / dioptres.shape[1]
    left, top = corner
    same = SAME_SURFACE * (ends[1] - ends[0])
    first, last = int(np.floor(top / down)), min(dioptres.shape[0], int(np.ceil((top + mask.shape[0]) / down)))
    begin, end = int(np.floor(left / across)), min(dioptres.shape[1], int(np.ceil((left + mask.shape[1]) / across)))
    for row in prange(first, last):
        y = min(max((row + 0.5) * down - 0.5 - top, 0.0), mask.shape[0] - 1.0)
        for column in range(begin, end):
            x = min(max((column + 0.5) * across - 0.5 - left, 0.0), mask.shape[1] - 1.0)
            side = mask[int(y + 0.5), int(x + 0.5)]
            distance = _between(away, y, x) if side > 0 else FAR_PX
            if distance >= brush[0]:
                continue
            here = dioptres[row, column]
            within = side == 1 or _joins(mask, picture, corner, y, x, _colour(pixels, row, column), REACH)
            if within or _is_left_over(mask, before, int(y + 0.5), int(x + 0.5), here, same):
                dioptres[row, column] = _changed(here, distance, _between(cut, y, x), brush, change, ends)


@compiled(inline=True)
def _colour(pixels: np.ndarray, row: int, column: int) -> tuple[float, float, float]:
    """Opponent colours of a pixel, a little smoothed with those around it."""
    red = green = blue = total = np.float32(0)
    for y in range(max(0, row - 1), min(pixels.shape[0], row + 2)):
        for x in range(max(0, column - 1), min(pixels.shape[1], column + 2)):
            weight = np.float32((2 - abs(y - row)) * (2 - abs(x - column)))
            red += weight * min(pixels[y, x, 0], np.float32(1))
            green += weight * min(pixels[y, x, 1], np.float32(1))
            blue += weight * min(pixels[y, x, 2], np.float32(1))
            total += weight
    return (
        (OPPONENT[0, 0] * red + OPPONENT[0, 1] * green + OPPONENT[0, 2] * blue) / total,
        (OPPONENT[1, 0] * red + OPPONENT[1, 1] * green + OPPONENT[1, 2] * blue) / total,
        (OPPONENT[2, 0] * red + OPPONENT[2, 1] * green + OPPONENT[2, 2] * blue) / total,
    )


@compiled(inline=True)
def _changed(
    here: float,
    distance: float,
    cut: float,
    brush: tuple[float, float],
    change: tuple[bool, float],
    ends: tuple[float, float],
) -> float:
    """The depth of a pixel after the stroke."""
    (radius, rim), (is_value, amount), (low, high) = brush, change, ends
    inward = (radius - distance) / rim if rim > 0 else 1.0
    if is_value and rim > 0 and high > low:
        # Beside an edge that cuts the brush the rim is steep, the more so the larger the change.
        large = _smooth((abs(amount - here) / (high - low) - SMALL_CHANGE) / (LARGE_CHANGE - SMALL_CHANGE))
        beside = 1 - _smooth(cut / rim * 2 - 1.5)
        inward = (inward - STEEP_AT) / max(1 - large * beside, 1e-6) + STEEP_AT
    weight = _smooth(inward)
    moved = here + weight * (amount - here) if is_value else here + weight * amount
    return min(max(moved, min(low, here)), max(high, here))


@compiled(inline=True)
def _smooth(share: float) -> float:
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)


@compiled(inline=True)
def _between(values: np.ndarray, y: float, x: float) -> float:
    """Interpolate linearly."""
    row, column = int(y), int(x)
    below, right = min(row + 1, values.shape[0] - 1), min(column + 1, values.shape[1] - 1)
    upper = values[row, column] + (values[row, right] - values[row, column]) * (x - column)
    lower = values[below, column] + (values[below, right] - values[below, column]) * (x - column)
    return upper + (lower - upper) * (y - row)
