"""Sheets: a photo taken apart into points of light, two deep where one thing hides another.

One photo shows only the nearest surface. A wide lens looks around edges, so next to every depth edge a
second point stands behind the first: the background, continued smoothly, and only as opaque as the part
of the lens that sees it. Pixels on the edge itself mix both sides; they are split into a foreground share
and the background behind it.
"""

from dataclasses import dataclass

import numpy as np

from wideopen.renderer.behind import SMOOTHNESS
from wideopen.renderer.edges import pass_on, split_pixels, start_sheets
from wideopen.shapes import Float, Int


@dataclass(frozen=True)
class Sheets:
    """Points of light in linear light.

    The front sheet has one point per pixel. The back sheet is sparse: points `back_at` stand behind
    the front ones at the same (flat) place.
    """

    front: Float[np.ndarray, "h w 4"]
    """float32 red, green, blue (not premultiplied) and opacity."""
    front_radius_px: Float[np.ndarray, "h w"]
    back_at: Int[np.ndarray, " n"]
    """Flat indices ``y * w + x``, ascending."""
    back: Float[np.ndarray, "n 4"]
    """float32 red, green, blue (not premultiplied) and opacity."""
    back_radius_px: Float[np.ndarray, " n"]


def take_apart(linear: Float[np.ndarray, "h w 3"], radius_px: Float[np.ndarray, "h w"], *, band_px: int = 1) -> Sheets:
    """Take a photo apart into front and back points.

    Args:
        linear: float32 photo in linear light.
        radius_px: Signed blur radius, above 0 in front of the plane in focus.
        band_px: Half the width of the zone along depth edges where pixels may mix both sides.
    """
    radius = np.ascontiguousarray(radius_px, np.float32)
    linear = np.ascontiguousarray(linear, np.float32)
    front, beyond, before = start_sheets(linear, radius)
    pass_on(radius, beyond, band_px, True)
    pass_on(radius, before, band_px, False)
    front_radius = radius.copy()
    places = np.flatnonzero((beyond >= 0) | (before >= 0))
    has_back, back, back_radius = split_pixels(linear, radius, beyond, before, places, front, front_radius, band_px)
    return Sheets(
        front=front,
        front_radius_px=front_radius,
        back_at=places[has_back],
        back=back[has_back],
        back_radius_px=back_radius[has_back],
    )


def reach_of_edges_px(span_px: float, *, band_px: int = 1) -> int:
    """Find how far from an edge sheets may depend on what is around.

    Args:
        span_px: Difference of the largest and the smallest signed blur radius.
        band_px: As for `take_apart`.
    """
    return int(np.ceil((1 + 1.4 * SMOOTHNESS) * (span_px + band_px))) + 4
