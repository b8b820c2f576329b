"""A picture as a file stores it: what every decoder gives and `read` makes a `Photo` of."""

from dataclasses import dataclass

import numpy as np

from wideopen.errors import PhotoError
from wideopen.shapes import Shaped

MAX_MEGAPIXELS = 500


@dataclass(frozen=True)
class Stored:
    """Decoded samples and the raw metadata beside them."""

    samples: Shaped[np.ndarray, "h w c"]
    """uint8, uint16 or float32. By the last axis: grey, grey and alpha, colour, or colour and alpha."""
    white: float
    """The sample that means 1."""
    bits: int
    """As in `Photo`."""
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    orientation: int = 1
    """How EXIF's coordinates, and unless `upright` the samples, have to be turned."""
    upright: bool = False
    """Whether the decoder has turned the samples already."""


def refuse_bomb(size: tuple[int, int]) -> None:
    """Stop before a picture too large is decoded.

    Raises:
        PhotoError: If it has more than `MAX_MEGAPIXELS`, or no pixels at all.
    """
    width, height = size
    megapixels = width * height / 1e6
    if megapixels > MAX_MEGAPIXELS:
        raise PhotoError(
            f"is {width}x{height} = {megapixels:.0f} megapixels, more than the {MAX_MEGAPIXELS} that are read; "
            "make it smaller first"
        )
    if width < 1 or height < 1:
        raise PhotoError("has no pixels; a photo was wanted")
