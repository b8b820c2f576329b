"""Highlights: the light of lamps that the file could not hold."""

import numpy as np
from jaxtyping import Float

CLIPPED = 0.9
"""Linear light from which a channel may have been cut off."""
MOST = 30.0
"""Light, as a multiple of white, that a small clipped lamp gets at full strength."""
SMALL_PERCENT = 0.6
"""Side of the window, in percent of the diagonal, within which a lamp counts as small."""


def restore_highlights(linear: Float[np.ndarray, "h w 3"], *, strength: float) -> Float[np.ndarray, "h w 3"]:
    """Give small clipped spots back some of the light that clipping took.

    A file holds no more than white, yet a lamp is many times brighter: without its light, its disc
    vanishes. A pixel gains as its brightest channel nears the limit, and as the share of clipped pixels
    around it is small: lamps and glints are small, skies and white walls are large. The gain is this
    project's rule of thumb, not a measurement.

    Args:
        linear: float32 linear light.
        strength: 0 leaves the light as it is, 1 is full strength.

    Returns:
        float32, above 1 where light was restored.
    """
    if strength <= 0:
        return linear
    peak = linear.max(axis=2)
    near_limit = np.clip((peak - CLIPPED) / (1 - CLIPPED), 0, 1)
    if not near_limit.any():
        return linear
    side_px = max(3, round(SMALL_PERCENT / 100 * float(np.hypot(*peak.shape))))
    crowd = _box_mean(near_limit, 4 * side_px)
    small = np.clip(1 - 4 * crowd, 0, 1)
    gain = 1 + strength * (MOST - 1) * (near_limit * small) ** 2
    return np.asarray(linear * gain[..., None], np.float32)


def _box_mean(values: np.ndarray, reach: int) -> np.ndarray:
    """Mean over the square window around each pixel, cut at the border."""
    for axis in (0, 1):
        total = np.cumsum(values, axis=axis, dtype=np.float64)
        total = np.concatenate([np.zeros_like(np.take(total, [0], axis)), total], axis)
        length = values.shape[axis]
        upper = np.minimum(np.arange(length) + reach + 1, length)
        lower = np.maximum(np.arange(length) - reach, 0)
        shape = [1, 1]
        shape[axis] = length
        values = (np.take(total, upper, axis) - np.take(total, lower, axis)) / (upper - lower).reshape(shape)
    return values
