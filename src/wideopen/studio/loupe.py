"""Loupe: a part of the whole photo, pixel for pixel as it will be saved."""

import time
from collections.abc import Callable

import numpy as np

from wideopen.errors import RequestError
from wideopen.renderer.look import Look
from wideopen.renderer.spread import spread
from wideopen.studio.preview import jpeg_of
from wideopen.studio.session import Rendered
from wideopen.studio.sight import Sight

LARGEST_PX = 2048


def part_of(
    sight: Sight,
    look: Look,
    *,
    x: int,
    y: int,
    width: int,
    height: int,
    before: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Rendered:
    """Draw a part of a photo; what of it lies outside the frame is left out.

    Args:
        sight: Of the whole photo.
        look: Settings of the lens.
        x: Left border in pixels.
        y: Top border in pixels.
        width: In pixels, at most `LARGEST_PX`.
        height: As `width`.
        before: Whether the untouched photo is wanted.
        progress: Told the share that is done after each strip; what it raises ends the work.

    Raises:
        RequestError: If the part is too large, or none of the photo.
        WideopenError: If depth, focus or lens cannot be had.
    """
    begun = time.perf_counter()
    photo = sight.photo
    if not (1 <= width <= LARGEST_PX and 1 <= height <= LARGEST_PX):
        raise RequestError(f"a part of {width}x{height} is not shown; ask for 1x1 to {LARGEST_PX}x{LARGEST_PX}")
    rows = slice(max(0, y), min(photo.size[1], y + height))
    columns = slice(max(0, x), min(photo.size[0], x + width))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        raise RequestError(f"the part at {x},{y} lies outside the photo of {photo.size[0]}x{photo.size[1]}")
    alpha = None if photo.alpha is None else photo.alpha[rows, columns]
    if before:
        pixels, largest_px, level = photo.pixels[rows, columns], 0.0, 0.0
    else:
        seen = sight.seen(look)
        renderer, radius_px = seen.renderer, seen.defocus.radius_px
        drawn = spread(
            photo, seen.defocus, iris=renderer.iris, highlights=renderer.highlights, rows=rows, progress=progress
        )
        pixels, level = drawn[:, columns], sight.level(look)
        largest_px = float(max(radius_px.max(), -radius_px.min()))
    levels = np.rint(pixels.clip(0, 1) * np.float32(255)).astype(np.uint8)
    return Rendered(jpeg_of(levels, photo, alpha=alpha), largest_px, level, time.perf_counter() - begun)
