"""Highlights: the light of lamps that the file could not hold.

The numbers below are fitted on HDR pictures whose light was cut off as a file cuts it, as 8 bits and as JPEG
of quality 92: three photographs of the OpenEXR images (CandleGlass, StillLife, GoldenGate) and both halves of
five environments (esplanade, hall, lab, workshop, and sunset for the regression alone). The regression has one
row a spot, at exposures that clip 0.03 to 4 percent. What scores, costs and gains is the PSNR of the zone that
clipped light reaches, blurred by 16 px, where 0.1, 0.5 and 2 percent clip (`bench/light.py`): 18.0 dB when
nothing is restored, 21.1 dB with these numbers at strength 0.5. These pictures chose the numbers; of those that
did not, Carrots goes from 31.2 to 34.2 dB and one half of sunset from 26.2 to 26.5 dB (radii of 8, 16 and 30 px).
"""

from math import ceil

import numpy as np

from wideopen.renderer.edges import IN_FOCUS_PX
from wideopen.renderer.spots import STEPS, Rule, find_spots, measure_spots, refill_spots
from wideopen.shapes import Float

CLIPPED = (0.93, 0.98)
"""Linear light from which a channel may have been cut off, and from which it was: 247 and 253 of 255.

JPEG leaves clipped light a little below white. From 0.88 on scores the same within 0.1 dB.
"""
AGREED_POWER = 2.0
"""Power of the light that a pixel's channels and its rim's colour agree on.

Regression of the log of true over clipped light, spot by spot: 1.4 for 8 bits, 2.3 for JPEG, which washes the
rim's colour out. 1.5 costs 0.3 dB.
"""
GROWTH_POWER = 0.28
"""Power by which the mean light of a core, where all channels are clipped, grows with the area of its spot.

By the same regression 0.26 for 8 bits and 0.29 for JPEG. With one picture left out, the regression is wrong
about a spot's light by a factor of 1.6 (8 bits) and 2.0 (JPEG) on average, clipped light by 2.5 and 2.9.
"""
GROWTH_FROM = 0.6e-6
"""Area at which growth begins, as a share of the squared diagonal: the constant of that regression."""
MOST = 60.0
"""Light at strength 0.5, as a multiple of white, that a clipped pixel gets at most: a rule of thumb."""
RIM_PX = 2
"""Reach of a spot's rim; 1 and 3 score the same within 0.1 dB."""
LARGE_PERCENT = (3.5, 6.0)
"""Extent, in percent of the diagonal, from which a spot may be no lamp but a wall, paper or sky, and is none.

From 2.5 to 5 costs 0.6 dB: the lamps of ceilings stay dull.
"""
NEAR_PERCENT = (2.4, 2.4)
"""How far above and below, and how far beside, in percent of the diagonal, near surroundings reach."""
DARK_NEAR = (0.2, 0.4)
"""Mean linear light of near surroundings up to which a spot is a lamp, and from which it is not.

From 0.12 to 0.3 costs 0.3 dB; from 0.25 to 0.5 scores 0.1 dB better, but lights up white paint by daylight.
"""
BAND_PERCENT = (10.0, 30.0)
"""Reach of the band that tells day from night: a hole in a tree's leaves is dark around, but has sky beside."""
DARK_BAND = (0.17, 0.3)
"""As `DARK_NEAR`, for that band: 0.05 to 0.16 around lamps by night, 0.25 to 0.4 around a white ball, a porch
or leaves in the sun, in photos looked at by hand."""
FULL_BLUR_PERCENT = 0.15
"""Blur beyond focus, in percent of the diagonal (but 1.5 px at least), from which all light is restored.

A rule of thumb: light comes in with the blur, lest a lamp at the edge of focus burst.
"""


def reach_px(diagonal_px: float) -> int:
    """Tell how far a pixel can be from those that its restored light depends on, in rows.

    A strip of rows with that many more on both sides comes out as it does within the whole photo.

    Args:
        diagonal_px: Of the whole photo.
    """
    return ceil(LARGE_PERCENT[1] / 100 * diagonal_px) + _reach_px(BAND_PERCENT, diagonal_px)[0] + RIM_PX + 1


def restore_highlights(
    linear: Float[np.ndarray, "h w 3"],
    radius_px: Float[np.ndarray, "h w"],
    *,
    strength: float,
    diagonal_px: float | None = None,
) -> Float[np.ndarray, "h w 3"]:
    """Give small clipped spots out of focus back some of the light that clipping took.

    A file holds no more than white, yet a lamp is many times brighter: without its light, its disc
    vanishes. Clipped pixels that touch each other are a spot. Where a channel is left, it tells with the
    colour of the spot's rim how much the others lost; the core, where none is left, grows with the spot's
    area, most in its middle. Spots that are large, or not dark around, stay as they are: they are walls,
    paper, snow or sky. Nothing in focus gains. All of it is a guess, and right within a factor of 2 at best.

    Args:
        linear: float32 linear light, in [0, 1].
        radius_px: Blur radius, of either sign.
        strength: 0 leaves the light as it is, 0.5 adds what the HDR pictures say, 1 adds four times as much.
        diagonal_px: Of the whole photo, where `linear` is a strip of its rows (see `reach_px`).

    Returns:
        float32, nowhere darker than `linear`, above 1 where light was restored; `linear` itself where
        nothing is.
    """
    if strength <= 0 or linear.max() < CLIPPED[0]:
        return linear
    diagonal = float(np.hypot(*radius_px.shape)) if diagonal_px is None else diagonal_px
    linear = np.ascontiguousarray(linear, np.float32)
    radius = np.ascontiguousarray(radius_px, np.float32)
    label, box, sums = find_spots(linear, CLIPPED[0])
    extent = np.maximum(box[:, 1] - box[:, 0], box[:, 3] - box[:, 2]) + 1
    share = (2 * strength) ** 2 * (1 - _rise(extent / diagonal * 100, LARGE_PERCENT))
    area, light, blur_px, rim = measure_spots(linear, radius, label, box, share > 0, RIM_PX)
    for percent, dark in ((NEAR_PERCENT, DARK_NEAR), (BAND_PERCENT, DARK_BAND)):
        around = _surroundings(sums, box, area, light, _reach_px(percent, diagonal))
        share *= 1 - _rise(around, dark)
    share[blur_px <= IN_FOCUS_PX] = 0
    if not (share > 0).any():
        return linear
    rule = Rule(
        clipped=CLIPPED,
        blur_px=(IN_FOCUS_PX, IN_FOCUS_PX + max(1.5, FULL_BLUR_PERCENT / 100 * diagonal)),
        power=AGREED_POWER,
        most=MOST,
    )
    growth = np.maximum(area / (GROWTH_FROM * diagonal**2), 1) ** GROWTH_POWER
    restored = linear.copy()
    refill_spots(linear, radius, label, box, share, growth, rim / rim.max(axis=1, keepdims=True), rule, restored)
    return restored


def _reach_px(percent: tuple[float, float], diagonal_px: float) -> tuple[int, int]:
    """Turn a reach from percent of the diagonal into rows and columns; less than 8 tell too little."""
    rows, columns = (max(8, round(each / 100 * diagonal_px)) for each in percent)
    return rows, columns


def _surroundings(
    sums: np.ndarray, box: np.ndarray, area: np.ndarray, light: np.ndarray, reach_px: tuple[int, int]
) -> np.ndarray:
    """Find the mean light of the brightest channel around every spot, the spot itself left out."""
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    rows, columns = reach_px
    top, bottom = np.maximum(box[:, 0] - rows, 0), np.minimum(box[:, 1] + rows + 1, height)
    left, right = np.maximum(box[:, 2] - columns, 0), np.minimum(box[:, 3] + columns + 1, width)
    total = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    pixels = (bottom - top) * (right - left)
    return np.asarray((total - light) / STEPS / np.maximum(pixels - area, 1))


def _rise(value: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Rise smoothly from 0 at the first limit to 1 at the second."""
    none, full = limits
    part = np.clip((value - none) / (full - none), 0, 1)
    return np.asarray(part * part * (3 - 2 * part))
