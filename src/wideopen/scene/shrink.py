"""A small picture of a photo, for what looks at it as a whole."""

import numpy as np
from PIL import Image

from wideopen.shapes import Float

SAMPLES_PER_SIDE = 8
"""Of a large photo, so many pixels across and down at least make one of the small picture."""


def shrink(pixels: Float[np.ndarray, "h w 3"], *, height: int, width: int) -> Float[np.ndarray, "sh sw 3"]:
    """Average a photo down (or repeat its pixels up) to a size, in steps of 8 bits.

    Args:
        pixels: float32 photo as encoded, in [0, 1].
        height: In pixels.
        width: In pixels.

    Returns:
        float32 in [0, 1].
    """
    step = max(1, int(min(pixels.shape[0] / height, pixels.shape[1] / width) / SAMPLES_PER_SIDE))
    picture = Image.fromarray(np.rint(pixels[::step, ::step].clip(0, 1) * 255).astype(np.uint8))
    return np.asarray(picture.resize((width, height), Image.Resampling.BOX), np.float32) / 255
