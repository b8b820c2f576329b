"""Spreading a photo's light by its defocus: in linear light, and strip by strip where the photo is large."""

from collections.abc import Callable, Iterator

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
CELL_PX = 2**COARSEST
"""Rows of cells begin at multiples of it."""


def spread(
    photo: Photo,
    defocus: DefocusMap,
    *,
    iris: Iris,
    highlights: float,
    rows: slice | None = None,
    progress: Callable[[float], None] | None = None,
) -> Float[np.ndarray, "rows w 3"]:
    """Spread a photo's light by its defocus, in linear light.

    Args:
        photo: Upright, encoded by its own profile.
        defocus: Of the photo's size.
        iris: Shape of the discs.
        highlights: How much light small clipped lamps get back where they are out of focus.
        rows: Only these, with first and last row given; drawn from the light that reaches them.
        progress: Told the share that is done, from 0 to 1, after each strip; what it raises ends the work.

    Returns:
        float32, encoded as the photo is. Where a pixel in focus receives no other light, its value is
        exactly the photo's.
    """
    whole_height, width = defocus.radius_px.shape
    first, last, _ = (rows or slice(None)).indices(whole_height)
    nearest_px, farthest_px = float(defocus.radius_px.max()), float(defocus.radius_px.min())
    if max(nearest_px, -farthest_px) <= IN_FOCUS_PX:
        return photo.pixels[first:last]
    reach = reach_px(defocus.radius_px, iris)
    top = max(0, (first - reach) // CELL_PX * CELL_PX)
    pixels, radius_px = (each[top : min(whole_height, last + reach)] for each in (photo.pixels, defocus.radius_px))
    light = to_linear(pixels, photo.icc)
    # Floating point holds all light that there was.
    light = restore_highlights(light, radius_px, strength=0.0 if photo.bits == 32 else highlights)
    rendered = np.empty((last - first, width, 3), photo.pixels.dtype)
    wanted = slice(first - top, last - top)
    for strip, seen in spread_in_strips(light, radius_px, iris, wanted, reach, top=top, whole_height=whole_height):
        encoded = from_linear(seen.clip(0, None if photo.bits == 32 else 1), photo.icc)
        drawn = encoded if photo.bits == 32 else encoded.clip(0, 1)
        # In focus the light is the photo's own, so that what is untouched needs no way there and back.
        untouched = (np.abs(radius_px[strip]) <= IN_FOCUS_PX) & (np.abs(seen - light[strip]).max(axis=2) < 1e-5)
        drawn[untouched] = pixels[strip][untouched]
        place = slice(strip.start + top - first, strip.stop + top - first)
        rendered[place] = drawn
        if progress is not None:
            progress(place.stop / len(rendered))
    return rendered


def spread_in_strips(
    light: Float[np.ndarray, "h w 3"],
    radius_px: Float[np.ndarray, "h w"],
    iris: Iris,
    wanted: slice,
    reach: int,
    *,
    top: int = 0,
    whole_height: int | None = None,
    strip_px: int | None = None,
) -> Iterator[tuple[slice, Float[np.ndarray, "sh w 3"]]]:
    """Spread linear light strip by strip; who asks for no further strip has no further work done.

    Args:
        light: Linear, of the whole photo or of some rows of it.
        radius_px: Blur radius of its size, positive before the plane in focus.
        iris: Shape of the discs.
        wanted: Rows of `light` that are wanted, with first and last row given.
        reach: Of `reach_px`, for the whole photo.
        top: Where in the photo the rows begin.
        whole_height: Height of the photo, if these are some rows of it.
        strip_px: About so many pixels in a strip, with what reaches it; None is `STRIP_PX`.

    Yields:
        The rows of each strip, and its linear light in float32.
    """
    height, width = radius_px.shape
    for strip, around in _strips(wanted, height, width, reach, strip_px or STRIP_PX):
        sheets = take_apart(light[around], radius_px[around])
        seen = spread_in_layers(sheets, iris, top=top + around.start, whole_height=whole_height or height)
        del sheets
        yield strip, seen[strip.start - around.start : strip.stop - around.start]


def reach_px(radius_px: Float[np.ndarray, "h w"], iris: Iris) -> int:
    """Tell from how many rows away light may come to a pixel."""
    nearest_px, farthest_px = float(radius_px.max()), float(radius_px.min())
    return iris.reach_px(max(nearest_px, -farthest_px)) + reach_of_edges_px(nearest_px - farthest_px)


def _strips(wanted: slice, height: int, width: int, reach: int, strip_px: int) -> Iterator[tuple[slice, slice]]:
    """Cut the wanted rows into strips, each with the rows around it whose light may reach it.

    They depend on the photo's size and blur alone, so that its bytes do not depend on the machine, and
    begin where the coarsest cells do.
    """
    rows = max(strip_px // width - 2 * reach, reach, CELL_PX)
    rows = height if height * width <= strip_px * 4 // 3 else -(-rows // CELL_PX) * CELL_PX
    for top in range(wanted.start, wanted.stop, rows):
        bottom = min(top + rows, wanted.stop)
        yield slice(top, bottom), slice(max(0, (top - reach) // CELL_PX * CELL_PX), min(height, bottom + reach))
