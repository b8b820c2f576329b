"""Compiled inner loop: pixels near a depth border join one of its sides."""

import numpy as np
from numba import njit, prange

TRUST = 3.0
"""Weight, as an exponent, of the side that the map itself puts a pixel on."""
TWO_SIDES = 0.14
"""Mean square of the depth about the middle, as a share of the square of its range, from which a window
holds two sides: an even slope has 1/12, a step 1/4."""


@njit(parallel=True, cache=True)
def vote_between(
    values: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    guide: np.ndarray,
    reach: int,
    stride: int,
    border: float,
    sigma_colour: float,
) -> np.ndarray:
    """Let every pixel near a border join the near or the far side."""
    height, width = values.shape
    out = values.copy()
    spatial = 2 * (reach / 1.5) ** 2
    colour = 2 * sigma_colour**2
    for y in prange(height):
        for x in range(width):
            span = high[y, x] - low[y, x]
            if span <= border:
                continue
            middle = (high[y, x] + low[y, x]) / 2
            near_weight = far_weight = 1e-12
            near_sum = near_weight * high[y, x]
            far_sum = far_weight * low[y, x]
            spread = samples = 0.0
            for dy in range(-reach, reach + 1, stride):
                for dx in range(-reach, reach + 1, stride):
                    ny, nx = y + dy, x + dx
                    if ny < 0 or nx < 0 or ny >= height or nx >= width:
                        continue
                    value = values[ny, nx]
                    # A value in the middle of a soft border speaks for neither side.
                    clear = (value - middle) / span
                    spread += clear * clear
                    samples += 1
                    difference = (
                        (guide[y, x, 0] - guide[ny, nx, 0]) ** 2
                        + (guide[y, x, 1] - guide[ny, nx, 1]) ** 2
                        + (guide[y, x, 2] - guide[ny, nx, 2]) ** 2
                    )
                    # Close to exp(-x), at a tenth of its cost.
                    bell = 1 / (1 + (difference / colour + (dy * dy + dx * dx) / spatial) / 4)
                    weight = clear * clear * (bell * bell) * (bell * bell)
                    if clear > 0:
                        near_weight += weight
                        near_sum += weight * value
                    else:
                        far_weight += weight
                        far_sum += weight * value
            if spread < TWO_SIDES * samples:
                continue
            bias = np.exp(TRUST * (values[y, x] - middle) / span)
            out[y, x] = near_sum / near_weight if near_weight * bias > far_weight else far_sum / far_weight
    return out


@njit(parallel=True, cache=True)
def extremes(values: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the smallest and the largest value in the square window around each pixel."""
    height, width = values.shape
    low, high = np.empty_like(values), np.empty_like(values)
    for y in prange(height):
        low[y] = _slide(-_with_border(values[y], reach), reach)[:width]
        high[y] = _slide(_with_border(values[y], reach), reach)[:width]
    block = 64
    for b in prange((width + block - 1) // block):
        first, last = b * block, min(b * block + block, width)
        low[:, first:last] = -_slide(_with_border(low[:, first:last], reach), reach)[:height]
        high[:, first:last] = _slide(_with_border(high[:, first:last], reach), reach)[:height]
    return low, high


@njit(cache=True)
def _with_border(values: np.ndarray, reach: int) -> np.ndarray:
    """Continue the first and last entries along the first axis."""
    length = values.shape[0]
    out = np.empty((length + 2 * reach,) + values.shape[1:], values.dtype)
    out[:reach] = values[0]
    out[reach : reach + length] = values
    out[reach + length :] = values[length - 1]
    return out


@njit(cache=True)
def _slide(values: np.ndarray, reach: int) -> np.ndarray:
    """Running maximum along the first axis over ``2 * reach + 1`` entries, by doubling the window."""
    window = 1
    count = values.shape[0]
    while window < 2 * reach + 1:
        step = min(window, 2 * reach + 1 - window)
        count -= step
        for i in range(count):
            values[i] = np.maximum(values[i], values[i + step])
        window += step
    return values
