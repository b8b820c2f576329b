"""The subject as a figure before its ground: one depth, and a border as sharp as the matte's."""

import numpy as np
from PIL import Image

from wideopen.scene.parts import parts_of
from wideopen.shapes import Float

BAND_PX = 2
"""How far around a subject a network's depth is mixed from both sides of the border, in pixels of its map."""
SURE = (0.35, 0.65)
"""Below the first, the matte says no; above the second, yes."""


def cut_out(
    dioptres: Float[np.ndarray, "h w"], matte: Float[np.ndarray, "h w"], *, relief: float
) -> Float[np.ndarray, "h w"]:
    """Sharpen the depth's border around the subject to that of the matte, and flatten each of its parts.

    What is found of depth within a band around the subject is a mixture of it and of what is behind, which a lens
    would blur as neither. There the ground's depth is continued from farther outside.

    Args:
        dioptres: As a network found them.
        matte: In [0, 1], of the same size.
        relief: Share of the subject's own relief that is kept: what is found within it is mostly error.
    """
    inside = matte > 0.5
    if not inside.any():
        return dioptres
    figure = dioptres.copy()
    parts = parts_of(inside)
    for k in range(1, int(parts.max()) + 1):
        middle = float(np.median(dioptres[parts == k]))
        near = _grown(parts == k, BAND_PX)
        figure[near] = middle + relief * (dioptres[near] - middle)
    wide = _grown(matte > SURE[0], BAND_PX)
    ground = dioptres if wide.all() else continued(dioptres, ~wide)
    share = ((matte - SURE[0]) / (SURE[1] - SURE[0])).clip(0, 1)
    return (share * figure + (1 - share) * ground).astype(np.float32)


def continued(values: Float[np.ndarray, "h w"], known: np.ndarray) -> Float[np.ndarray, "h w"]:
    """Fill what is not known smoothly from around it.

    Source:
        Push and pull over a pyramid (Gortler et al., The Lumigraph, SIGGRAPH 1996), each level the mean of what is
        known of four pixels.
    """
    if known.all() or not known.any():
        return values
    height, width = values.shape
    padded = [(0, height % 2), (0, width % 2)]
    weights = np.pad(known.astype(np.float32), padded).reshape((height + 1) // 2, 2, (width + 1) // 2, 2)
    sums = np.pad(np.where(known, values, 0), padded).reshape(weights.shape)
    count = weights.sum(axis=(1, 3))
    coarse = continued((sums.sum(axis=(1, 3)) / np.maximum(count, 1)).astype(np.float32), count > 0)
    size = (coarse.shape[1] * 2, coarse.shape[0] * 2)
    fine = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BILINEAR))[:height, :width]
    return np.where(known, values, fine).astype(np.float32)


def _grown(mask: np.ndarray, reach: int) -> np.ndarray:
    """Grow a mask by a square of so many pixels to each side."""
    padded = np.pad(mask, reach)
    rows = np.logical_or.reduce([padded[k : k + mask.shape[0]] for k in range(2 * reach + 1)])
    return np.asarray(np.logical_or.reduce([rows[:, k : k + mask.shape[1]] for k in range(2 * reach + 1)]))
