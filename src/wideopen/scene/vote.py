"""Compiled inner loops: where depth borders are, and how pixels near one join one of its sides.

A row is worked on in chunks whose sums fit the processor's nearest cache, one place of the window at a
time: so every innermost loop runs along neighbouring pixels, and a processor takes many at once. That needs
unsigned indices into flat arrays, for a signed one might count from the end, and slices would count
references.
"""

import numpy as np
from numba import prange

from wideopen.compiled import compiled

TRUST = 3.0
"""Weight, as an exponent, of the side that the map itself puts a pixel on."""
TWO_SIDES = 0.14
"""Mean square of the depth about the middle, as a share of the square of its range, from which a window
holds two sides: an even slope has 1/12, a step 1/4."""

CHUNK = 128
# Where in a chunk's scratch each number of its pixels stands.
_LOW, _HIGH, _MIDDLE, _SCALE, _SPREAD, _NEAR, _NEAR_SUM, _FAR, _FAR_SUM = (
    np.uint64(place * CHUNK) for place in range(9)
)
_ONE, _THREE = np.uint64(1), np.uint64(3)
_TINY = np.float32(1e-12)


@compiled(parallel=True)
def extremes_of_blocks(values: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the lowest and the highest value of each square block of `side` pixels."""
    height, width = values.shape
    rows, columns = (height + side - 1) // side, (width + side - 1) // side
    low, high = np.empty((rows, columns), np.float32), np.empty((rows, columns), np.float32)
    for row in prange(rows):
        for column in range(columns):
            lowest = highest = values[row * side, column * side]
            for y in range(row * side, min((row + 1) * side, height)):
                for x in range(column * side, min((column + 1) * side, width)):
                    lowest = min(lowest, values[y, x])
                    highest = max(highest, values[y, x])
            low[row, column], high[row, column] = lowest, highest
    return low, high


@compiled(parallel=True)
def vote_between(
    values: np.ndarray,
    active: np.ndarray,
    guide: np.ndarray,
    side: int,
    reach: int,
    stride: int,
    border: float,
    sigma_colour: float,
) -> np.ndarray:
    """Let every pixel near a border join the near or the far side.

    `active` says of each block of `side` pixels whether a border may be near; `reach` is the window's, and
    `stride` divides it. All pictures are float32 and contiguous.
    """
    height, width = values.shape
    out = values.copy()
    # A bell close to exp(-x), at a tenth of its cost, is 1 / (1 + x / 4)^4.
    per_colour = np.float32(0.25 / (2 * sigma_colour**2))
    per_distance = np.float32(0.25 / (2 * (reach / 1.5) ** 2))
    for row in prange(active.shape[0]):
        scratch = np.empty(9 * CHUNK, np.float32)
        for y in range(row * side, min((row + 1) * side, height)):
            for begin in range(0, width, CHUNK):
                left, right = begin, min(begin + CHUNK, width)
                while left < right and not active[row, left // side]:
                    left = (left // side + 1) * side
                while left < right and not active[row, (right - 1) // side]:
                    right = (right - 1) // side * side
                if left < right and _find_sides(values, scratch, y, left, right, reach, stride) > border:
                    _weigh_window(values, guide, scratch, y, left, right, reach, stride, per_colour, per_distance)
                    _choose(values, out, scratch, y, left, right, border)
    return out


@compiled()
def _find_sides(
    values: np.ndarray, scratch: np.ndarray, y: int, left: int, right: int, reach: int, stride: int
) -> float:
    """Find the lowest and the highest depth of each window; return the largest span."""
    height, width = values.shape
    flat = values.reshape(-1)
    begin, count = np.uint64(y * width + left), np.uint64(right - left)
    for i in range(count):
        scratch[_LOW + i] = scratch[_HIGH + i] = flat[begin + i]
    for ny in range(max(y % stride, y - reach), min(y + reach + 1, height), stride):
        for dx in range(-reach, reach + 1, stride):
            first, last = max(left, -dx), min(right, width - dx)
            if first < last:
                _widen(flat, scratch, ny * width + first + dx, first - left, last - first)
    largest = np.float32(0)
    for i in range(count):
        largest = max(largest, scratch[_HIGH + i] - scratch[_LOW + i])
    return float(largest)


@compiled()
def _widen(flat: np.ndarray, scratch: np.ndarray, at: int, first: int, count: int) -> None:
    there, here = np.uint64(at), np.uint64(first)
    for i in range(np.uint64(count)):
        scratch[_LOW + here + i] = min(scratch[_LOW + here + i], flat[there + i])
        scratch[_HIGH + here + i] = max(scratch[_HIGH + here + i], flat[there + i])


@compiled()
def _weigh_window(
    values: np.ndarray,
    guide: np.ndarray,
    scratch: np.ndarray,
    y: int,
    left: int,
    right: int,
    reach: int,
    stride: int,
    per_colour: float,
    per_distance: float,
) -> None:
    """Sum up what each window's pixels say for either side."""
    height, width = values.shape
    flat, colours = values.reshape(-1), guide.reshape(-1)
    for i in range(np.uint64(right - left)):
        low, high = scratch[_LOW + i], scratch[_HIGH + i]
        scratch[_MIDDLE + i] = (high + low) * np.float32(0.5)
        scratch[_SCALE + i] = np.float32(1) / max(high - low, _TINY)
        scratch[_SPREAD + i] = np.float32(0)
        scratch[_NEAR + i] = scratch[_FAR + i] = _TINY
        scratch[_NEAR_SUM + i], scratch[_FAR_SUM + i] = _TINY * high, _TINY * low
    for ny in range(max(y % stride, y - reach), min(y + reach + 1, height), stride):
        for dx in range(-reach, reach + 1, stride):
            first, last = max(left, -dx), min(right, width - dx)
            if first < last:
                distance = np.float32(1) + np.float32((ny - y) ** 2 + dx**2) * per_distance
                at, here = ny * width + first + dx, y * width + first
                _weigh(flat, colours, scratch, at, here, first - left, last - first, distance, per_colour)


@compiled()
def _weigh(
    flat: np.ndarray,
    colours: np.ndarray,
    scratch: np.ndarray,
    at: int,
    here: int,
    first: int,
    count: int,
    distance: float,
    per_colour: float,
) -> None:
    """Add what the pixels at one place of the windows say."""
    there, own, offset = np.uint64(at), np.uint64(3 * here), np.uint64(first)
    for i in range(np.uint64(count)):
        k = offset + i
        value = flat[there + i]
        # A value in the middle of a soft border speaks for neither side.
        clear = (value - scratch[_MIDDLE + k]) * scratch[_SCALE + k]
        scratch[_SPREAD + k] += clear * clear - np.float32(TWO_SIDES)
        a, b = own + _THREE * i, _THREE * (there + i)
        red, green = colours[a] - colours[b], colours[a + _ONE] - colours[b + _ONE]
        blue = colours[a + _ONE + _ONE] - colours[b + _ONE + _ONE]
        bell = np.float32(1) / (distance + (red * red + green * green + blue * blue) * per_colour)
        weight = clear * clear * (bell * bell) * (bell * bell)
        near = weight if clear > np.float32(0) else np.float32(0)
        scratch[_NEAR + k] += near
        scratch[_NEAR_SUM + k] += near * value
        scratch[_FAR + k] += weight - near
        scratch[_FAR_SUM + k] += (weight - near) * value


@compiled()
def _choose(
    values: np.ndarray, out: np.ndarray, scratch: np.ndarray, y: int, left: int, right: int, border: float
) -> None:
    """Write the side that each pixel joins, where there are two."""
    for i in range(np.uint64(right - left)):
        span = scratch[_HIGH + i] - scratch[_LOW + i]
        if span <= border or scratch[_SPREAD + i] < np.float32(0):
            continue
        x = np.uint64(left) + i
        bias = np.exp(np.float32(TRUST) * (values[y, x] - scratch[_MIDDLE + i]) / span)
        if scratch[_NEAR + i] * bias > scratch[_FAR + i]:
            out[y, x] = scratch[_NEAR_SUM + i] / scratch[_NEAR + i]
        else:
            out[y, x] = scratch[_FAR_SUM + i] / scratch[_FAR + i]
