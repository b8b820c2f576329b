"""Highlights: the light of lamps that the file could not hold."""

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageFilter

CLIPPED = 0.93
"""Linear light from which a channel may have been cut off."""
MOST = 30.0
"""Light, as a multiple of white, that a small clipped lamp gets at most."""
GROWTH_PX = 6.0
"""Blur radius at which the light is doubled; it grows with the area of the disc that it must fill."""
SMALL_PERCENT = 2.4
"""Reach of the window, in percent of the diagonal, within which a lamp counts as small."""


def restore_highlights(
    linear: Float[np.ndarray, "h w 3"], radius_px: Float[np.ndarray, "h w"], *, strength: float
) -> Float[np.ndarray, "h w 3"]:
    """Give small clipped spots out of focus back some of the light that clipping took.

    A file holds no more than white, yet a lamp is many times brighter: without its light, its disc
    vanishes. A pixel gains as its brightest channel nears the limit, as the share of clipped pixels
    around it is small (lamps and glints are small, skies and white walls are large), and as its disc is
    large. Nothing in focus gains. The gain is this project's rule of thumb, not a measurement.

    Args:
        linear: float32 linear light.
        radius_px: Blur radius, of either sign.
        strength: 0 leaves the light as it is, 1 is full strength.

    Returns:
        float32, above 1 where light was restored.
    """
    peak = linear.max(axis=2)
    if strength <= 0 or not (peak > CLIPPED).any():
        return linear
    near_limit = np.clip((peak - CLIPPED) / (1 - CLIPPED), 0, 1)
    crowd = _crowd(near_limit, max(8.0, SMALL_PERCENT / 100 * float(np.hypot(*peak.shape))))
    small = np.clip(1 - 4 * crowd, 0, 1)
    beyond_focus = np.maximum(np.abs(radius_px) - 0.5, 0)
    most = np.minimum((beyond_focus / GROWTH_PX) ** 2, MOST - 1)
    gain = 1 + strength * most * (near_limit * small) ** 2
    return np.asarray(linear * gain[..., None], np.float32)


def _crowd(near_limit: np.ndarray, reach_px: float) -> np.ndarray:
    """Share of clipped pixels in the square around each pixel, found on a smaller picture."""
    height, width = near_limit.shape
    factor = max(1, round(reach_px / 6))
    picture = Image.fromarray(np.rint(near_limit * 255).astype(np.uint8)).reduce(factor)
    blurred = picture.filter(ImageFilter.BoxBlur(reach_px / factor))
    return np.asarray(blurred.resize((width, height), Image.Resampling.BILINEAR), np.float32) / 255
