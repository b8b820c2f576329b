"""The subject's matte: brought to a photo's size along its edges, and painted to look at."""

import numpy as np

from wideopen.scene.fit import resize_linear
from wideopen.scene.shrink import shrink
from wideopen.shapes import Float, UInt8

GUIDE_PX = 512
"""Long side of the picture in which colours are compared."""
REACH = 3.0
"""Of the window, in pixels of the matte as it was found."""
CONTRAST = 2.5
"""By which the result is stretched about a half, for the lines of windows that the border only touches do not reach
0 and 1."""
SMOOTHNESS = 1e-3
"""Variance of encoded colour that does not yet count as an edge."""
DIMMED = 0.18
"""What is left of the light of what is not the subject, when painted."""


def fit_matte(matte: Float[np.ndarray, "mh mw"], pixels: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
    """Bring a matte to a photo's size, its border onto the photo's edges.

    Args:
        matte: In [0, 1], of any size and the same frame.
        pixels: float32 photo as encoded, in [0, 1].

    Returns:
        float32 in [0, 1]. In every window it is a linear function of colour, so that hair keeps its strands where
        they differ from what is behind.

    Source:
        He, Sun and Tang, Guided Image Filtering, TPAMI 2013, with a guide in colour; the coefficients are found in a
        picture of 512 pixels and interpolated (He and Sun, Fast Guided Filter, 2015).
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, GUIDE_PX / max(height, width))
    size = {"height": max(1, round(height * scale)), "width": max(1, round(width * scale))}
    guide = shrink(pixels, **size)
    wanted = resize_linear(matte, **size)
    if wanted.max() <= 0 or wanted.min() >= 1:
        return resize_linear(matte, height=height, width=width)
    reach = max(2, round(REACH * max(size.values()) / max(matte.shape)))
    mean = np.stack([_mean(guide[..., k], reach) for k in range(3)], axis=2)
    level = _mean(wanted, reach)
    common = np.stack([_mean(guide[..., k] * wanted, reach) for k in range(3)], axis=2) - mean * level[..., None]
    spread = np.empty((*wanted.shape, 3, 3), np.float32)
    for i in range(3):
        for j in range(i, 3):
            spread[..., i, j] = _mean(guide[..., i] * guide[..., j], reach) - mean[..., i] * mean[..., j]
            spread[..., j, i] = spread[..., i, j]
    spread += SMOOTHNESS * np.eye(3, dtype=np.float32)
    slope = np.linalg.solve(spread.astype(np.float64), common[..., None].astype(np.float64))[..., 0]
    offset = level - (slope * mean).sum(axis=2)
    found = resize_linear(_mean(offset, reach), height=height, width=width).copy()
    for k in range(3):
        found += resize_linear(_mean(slope[..., k], reach), height=height, width=width) * pixels[..., k]
    found = (found - 0.5) * CONTRAST + 0.5
    # Far from the border the matte is sure, whatever the colours say.
    sure = resize_linear(_mean(wanted, reach), height=height, width=width)
    found = np.where(sure < 0.02, 0, np.where(sure > 0.98, 1, found))
    return found.clip(0, 1).astype(np.float32)


def view_matte(matte: Float[np.ndarray, "h w"], pixels: Float[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Paint the subject as it is and the rest dim and grey.

    Args:
        matte: Of the photo's size.
        pixels: float32 photo as encoded, in [0, 1].
    """
    grey = pixels @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    share = matte[..., None]
    painted = pixels * share + (1 - share) * DIMMED * (1 + 2 * grey[..., None])
    return np.rint(painted.clip(0, 1) * 255).astype(np.uint8)


def _mean(values: np.ndarray, reach: int) -> np.ndarray:
    """Mean over a square window, which at the frame is cut off."""
    found = values.astype(np.float64)
    for axis in (0, 1):
        length = found.shape[axis]
        sums = np.concatenate([np.zeros_like(found.take([0], axis)), found.cumsum(axis)], axis)
        last, first = np.minimum(np.arange(length) + reach + 1, length), np.maximum(np.arange(length) - reach, 0)
        shape = [1, 1]
        shape[axis] = length
        found = (sums.take(last, axis) - sums.take(first, axis)) / (last - first).reshape(shape)
    return found.astype(np.float32)
