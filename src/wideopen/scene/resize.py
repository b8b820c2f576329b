"""Compiled inner loop: a map at another size."""

import numpy as np
from numba import prange

from wideopen.compiled import compiled


@compiled(parallel=True)
def interpolate(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize by linear interpolation between pixel centres, across and then down; the border is continued."""
    own_height, own_width = values.shape
    left, right = np.empty(width, np.int64), np.empty(width, np.int64)
    share = np.empty(width, np.float32)
    for x in range(width):
        place = min(max((x + 0.5) * own_width / width - 0.5, 0.0), own_width - 1.0)
        left[x] = int(place)
        right[x] = min(int(place) + 1, own_width - 1)
        share[x] = place - int(place)
    out = np.empty((height, width), np.float32)
    for y in prange(height):
        place = min(max((y + 0.5) * own_height / height - 0.5, 0.0), own_height - 1.0)
        upper = int(place)
        lower = min(upper + 1, own_height - 1)
        down = np.float32(place - upper)
        for x in range(width):
            before = values[upper, left[x]] + (values[lower, left[x]] - values[upper, left[x]]) * down
            after = values[upper, right[x]] + (values[lower, right[x]] - values[upper, right[x]]) * down
            out[y, x] = before + (after - before) * share[x]
    return out
