"""Parts of a mask that hang together."""

import numpy as np

from wideopen.compiled import compiled
from wideopen.shapes import Int

SMALL_SHARE = 0.15
"""Of the largest part's area, below which a part does not count."""


def parts_of(mask: np.ndarray) -> Int[np.ndarray, "h w"]:
    """Number the parts of a mask from 1 on, by their first pixel in rows; 0 is outside.

    Pixels hang together where they share a side. Parts far smaller than the largest are left out.
    """
    labels = _flood(np.ascontiguousarray(mask, dtype=np.bool_))
    areas = np.bincount(labels.ravel())[1:]
    if areas.size == 0:
        return labels
    kept = areas >= SMALL_SHARE * areas.max()
    numbers = np.concatenate([[0], np.where(kept, np.cumsum(kept), 0)]).astype(labels.dtype)
    return np.asarray(numbers[labels])


@compiled()
def _flood(mask: np.ndarray) -> np.ndarray:
    height, width = mask.shape
    labels = np.zeros((height, width), np.int32)
    stack = np.empty(height * width, np.int64)
    count = 0
    for first in range(height * width):
        if not mask[first // width, first % width] or labels[first // width, first % width]:
            continue
        count += 1
        labels[first // width, first % width] = count
        stack[0], top = first, 1
        while top:
            top -= 1
            y, x = stack[top] // width, stack[top] % width
            for k in range(4):
                row, column = y + (k == 0) - (k == 1), x + (k == 2) - (k == 3)
                if 0 <= row < height and 0 <= column < width and mask[row, column] and not labels[row, column]:
                    labels[row, column] = count
                    stack[top] = row * width + column
                    top += 1
    return labels
