"""Highlights: the light of lamps that the file could not hold."""

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageFilter

CLIPPED = 0.93
"""Linear light from which a channel may have been cut off."""
MOST = 60.0
"""Light, as a multiple of white, that a small clipped lamp gets at most."""
GROWTH_PERCENT = 0.25
"""Blur radius, in percent of the diagonal, at which the light is doubled; it grows with the disc's area."""
RIM_PX = 3
"""How far around a clipped pixel its colour is looked for."""
NEAR_PERCENT = 2.4
"""Reach of a light's surroundings, in percent of the diagonal."""
BRIGHT = 0.2
"""Mean linear light of the surroundings from which a clipped spot is no lamp but a piece of sky."""


def restore_highlights(
    linear: Float[np.ndarray, "h w 3"], radius_px: Float[np.ndarray, "h w"], *, strength: float
) -> Float[np.ndarray, "h w 3"]:
    """Give small clipped spots out of focus back some of the light that clipping took.

    A file holds no more than white, yet a lamp is many times brighter: without its light, its disc
    vanishes. A pixel gains as its brightest channel nears the limit, as its surroundings are dark (lamps
    and glints stand in the dark; sky, also between branches, and white walls do not), and as its disc is
    large. What it gains has the colour of its rim, which is not clipped. Nothing in focus gains. The
    amount is this project's rule of thumb, not a measurement.

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
    diagonal_px = float(np.hypot(*peak.shape))
    around = _local_mean(peak, max(8.0, NEAR_PERCENT / 100 * diagonal_px))
    dark = np.clip(1 - around / BRIGHT, 0, 1)
    beyond_focus = np.maximum(np.abs(radius_px) - 0.5, 0)
    growth_px = max(1.0, GROWTH_PERCENT / 100 * diagonal_px)
    most = np.minimum((beyond_focus / growth_px) ** 2, MOST - 1)
    gain = strength * most * (near_limit * dark) ** 2
    places = np.nonzero(gain > 0)
    restored = linear.copy()
    restored[places] += linear[places] * gain[places][:, None] * _rim_colours(linear, peak, places)
    return restored


def _rim_colours(linear: np.ndarray, peak: np.ndarray, places: tuple[np.ndarray, ...]) -> np.ndarray:
    """Find the colour of clipped pixels by their rim, where the light is too weak to be clipped."""
    height, width = peak.shape
    total = np.full((len(places[0]), 3), 1e-3, np.float32)
    for dy in range(-RIM_PX, RIM_PX + 1):
        for dx in range(-RIM_PX, RIM_PX + 1):
            y, x = (places[0] + dy).clip(0, height - 1), (places[1] + dx).clip(0, width - 1)
            bright = peak[y, x]
            weight = np.where((bright > 0.25) & (bright < CLIPPED), bright, 0)
            total += linear[y, x] * weight[:, None]
    return np.asarray(total / total.max(axis=1, keepdims=True))


def _local_mean(peak: np.ndarray, reach_px: float) -> np.ndarray:
    """Mean over the square around each pixel, found on a smaller picture."""
    height, width = peak.shape
    factor = max(1, round(reach_px / 6))
    picture = Image.fromarray(np.rint(peak.clip(0, 1) * 255).astype(np.uint8)).reduce(factor)
    blurred = picture.filter(ImageFilter.BoxBlur(reach_px / factor))
    return np.asarray(blurred.resize((width, height), Image.Resampling.BILINEAR), np.float32) / 255
