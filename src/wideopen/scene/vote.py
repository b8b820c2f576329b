"""Compiled inner loop: pixels near a depth border join one of its sides."""

import numpy as np
from numba import prange

from wideopen.compiled import compiled

TRUST = 3.0
"""Weight, as an exponent, of the side that the map itself puts a pixel on."""
TWO_SIDES = 0.14
"""Mean square of the depth about the middle, as a share of the square of its range, from which a window
holds two sides: an even slope has 1/12, a step 1/4."""


@compiled(parallel=True)
def vote_between(
    values: np.ndarray,
    active: np.ndarray,
    guide: np.ndarray,
    reach: int,
    stride: int,
    border: float,
    sigma_colour: float,
) -> np.ndarray:
    """Let every pixel near a border join the near or the far side.

    `active` says of each block of `reach` pixels whether a border may be near; `stride` divides `reach`.
    """
    height, width = values.shape
    out = values.copy()
    spatial = 2 * (reach / 1.5) ** 2
    colour = 2 * sigma_colour**2
    for y in prange(height):
        for x in range(width):
            if not active[y // reach, x // reach]:
                continue
            low = high = values[y, x]
            for ny in range(max(y % stride, y - reach), min(y + reach + 1, height), stride):
                for nx in range(max(x % stride, x - reach), min(x + reach + 1, width), stride):
                    low = min(low, values[ny, nx])
                    high = max(high, values[ny, nx])
            span = high - low
            if span <= border:
                continue
            middle = (high + low) / 2
            near_weight = far_weight = 1e-12
            near_sum = near_weight * high
            far_sum = far_weight * low
            spread = samples = 0.0
            for ny in range(max(y % stride, y - reach), min(y + reach + 1, height), stride):
                for nx in range(max(x % stride, x - reach), min(x + reach + 1, width), stride):
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
                    bell = 1 / (1 + (difference / colour + ((ny - y) ** 2 + (nx - x) ** 2) / spatial) / 4)
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
