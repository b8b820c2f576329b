"""Spreading a photo's light by its defocus: in linear light, and strip by strip where the photo is large."""

from collections.abc import Iterator

import numpy as np

from wideopen.optics import DefocusMap
from wideopen.photo import Photo
from wideopen.photo.profile import from_linear, to_linear
from wideopen.renderer.edges import IN_FOCUS_PX
from wideopen.renderer.highlights import restore_highlights
from wideopen.renderer.iris import Iris
from wideopen.renderer.layered import spread_in_layers
from wideopen.renderer.points import COARSEST
from wideopen.renderer.sheets import reach_of_edges_px, take_apart
from wideopen.shapes import Float

STRIP_PX = 3_000_000
"""About so many pixels are worked on at a time, for the points of light take ten times a photo's memory."""


def spread(photo: Photo, defocus: DefocusMap, *, iris: Iris, highlights: float) -> Float[np.ndarray, "h w 3"]:
    """Spread a photo's light by its defocus, in linear light.

    Args:
        photo: Upright, encoded by its own profile.
        defocus: Of the photo's size.
        iris: Shape of the discs.
        highlights: How much light small clipped lamps get back where they are out of focus.

    Returns:
        float32, encoded as the photo is. Where a pixel in focus receives no other light, its value is
        exactly the photo's.
    """
    radius_px = defocus.radius_px
    nearest_px, farthest_px = float(radius_px.max()), float(radius_px.min())
    if max(nearest_px, -farthest_px) <= IN_FOCUS_PX:
        return photo.pixels
    light = to_linear(photo.pixels, photo.icc)
    # Floating point holds all light that there was.
    light = restore_highlights(light, radius_px, strength=0.0 if photo.bits == 32 else highlights)
    reach = iris.reach_px(max(nearest_px, -farthest_px)) + reach_of_edges_px(nearest_px - farthest_px)
    height, width = radius_px.shape
    rendered = np.empty_like(photo.pixels)
    for strip, around in _strips(height, width, reach):
        sheets = take_apart(light[around], radius_px[around])
        seen = spread_in_layers(sheets, iris, top=around.start, whole_height=height)
        del sheets
        seen = seen[strip.start - around.start : strip.stop - around.start]
        encoded = from_linear(seen.clip(0, None if photo.bits == 32 else 1), photo.icc)
        rendered[strip] = encoded if photo.bits == 32 else encoded.clip(0, 1)
        # In focus the light is the photo's own, so that what is untouched needs no way there and back.
        untouched = (np.abs(radius_px[strip]) <= IN_FOCUS_PX) & (np.abs(seen - light[strip]).max(axis=2) < 1e-5)
        rendered[strip][untouched] = photo.pixels[strip][untouched]
    return rendered


def _strips(height: int, width: int, reach: int) -> Iterator[tuple[slice, slice]]:
    """Cut the rows into strips, each with the rows around it whose light may reach it.

    They depend on the photo's size and blur alone, so that its bytes do not depend on the machine, and
    begin where the coarsest cells do.
    """
    cell = 2**COARSEST
    rows = max(STRIP_PX // width - 2 * reach, reach, cell)
    rows = height if height * width <= STRIP_PX * 4 // 3 else -(-rows // cell) * cell
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        yield slice(top, bottom), slice(max(0, (top - reach) // cell * cell), min(height, bottom + reach))
