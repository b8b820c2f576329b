"""Compiled inner loop: pixels near a depth border join one of its sides."""

import numpy as np
from numba import njit, prange

TRUST = 3.0
"""Weight, as an exponent, of the side that the map itself puts a pixel on."""


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
            for dy in range(-reach, reach + 1, stride):
                for dx in range(-reach, reach + 1, stride):
                    ny = min(max(y + dy, 0), height - 1)
                    nx = min(max(x + dx, 0), width - 1)
                    value = values[ny, nx]
                    # A value in the middle of a soft border speaks for neither side.
                    clear = (value - middle) / span
                    difference = (
                        (guide[y, x, 0] - guide[ny, nx, 0]) ** 2
                        + (guide[y, x, 1] - guide[ny, nx, 1]) ** 2
                        + (guide[y, x, 2] - guide[ny, nx, 2]) ** 2
                    )
                    weight = clear * clear * np.exp(-difference / colour - (dy * dy + dx * dx) / spatial)
                    if clear > 0:
                        near_weight += weight
                        near_sum += weight * value
                    else:
                        far_weight += weight
                        far_sum += weight * value
            bias = np.exp(TRUST * (values[y, x] - middle) / span)
            out[y, x] = near_sum / near_weight if near_weight * bias > far_weight else far_sum / far_weight
    return out
