"""Discs: what an iris makes of a small lamp behind the plane in focus, as a small picture."""

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image

from wideopen.errors import RequestError
from wideopen.photo.profile import from_linear
from wideopen.renderer.character import FRINGE
from wideopen.renderer.iris import Iris
from wideopen.renderer.presets import find

SMALLEST_PX, LARGEST_PX = 16, 512
_ASPECT = 1.5
_LARGEST_SHARE = 0.42


def disc_png(iris: Iris, *, side: int, corner: bool) -> bytes:
    """Draw the disc of an iris, in colour on transparent ground.

    Args:
        iris: Whose disc.
        side: Of the picture, in pixels.
        corner: Whether as in the upper right corner of the frame, else in its middle.

    Raises:
        RequestError: If the side is out of reason.
    """
    if not SMALLEST_PX <= side <= LARGEST_PX:
        raise RequestError(f"a disc of {side} px is not drawn; ask for {SMALLEST_PX} to {LARGEST_PX}")
    extent = iris.barrel_scale * (1 + FRINGE * abs(iris.fringe))
    radius_px = min(_LARGEST_SHARE * side, (side / 2 - 1) / extent)
    x, y = (1.0, -1.0) if corner else (0.0, 0.0)
    kernel = iris.kernel_rgb_at(-radius_px, x=x, y=y, aspect=_ASPECT)
    light = _fitted(kernel / kernel.max(), side)
    opacity = light.max(axis=2, keepdims=True)
    colour = np.divide(light, opacity, out=np.ones_like(light), where=opacity > 0)
    encoded = [from_linear(each.astype(np.float32), None) for each in (colour, opacity)]
    levels = np.rint(np.concatenate(encoded, axis=2).clip(0, 1) * 255).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


@lru_cache(maxsize=200)
def preset_png(name: str, *, side: int, corner: bool) -> bytes:
    """Draw the disc of a preset; see `disc_png`.

    Raises:
        OpticsError: If there is none of this name.
    """
    return disc_png(find(name).iris, side=side, corner=corner)


def _fitted(kernel: np.ndarray, side: int) -> np.ndarray:
    """Bring a kernel into the middle of a square of this side."""
    drawn = np.zeros((side, side, 3))
    taken = min(side, kernel.shape[0])
    inner, outer = (kernel.shape[0] - taken) // 2, (side - taken) // 2
    drawn[outer : outer + taken, outer : outer + taken] = kernel[inner : inner + taken, inner : inner + taken]
    return drawn
