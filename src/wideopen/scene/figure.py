"""The subject as a figure before its ground: about one depth, and the border that the matte has."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from wideopen.optics import DepthMap
from wideopen.scene.fit import fit_depth, resize_linear
from wideopen.scene.matte import fit_matte
from wideopen.scene.parts import parts_of
from wideopen.shapes import Float

BAND_PX = 2
"""How far around a subject a network's depth is mixed from both sides of the border, in pixels of its map."""


@dataclass(frozen=True)
class Layers:
    """What a network sees of one photo, at its own size: the subject, and what is behind and around it."""

    figure: Float[np.ndarray, "h w"]
    """Dioptres of the subject, each part of which stands at about one depth; true where the matte is."""
    ground: Float[np.ndarray, "h w"]
    """Dioptres of everything else, continued behind the subject."""
    matte: Float[np.ndarray, "h w"]

    @property
    def dioptres(self) -> Float[np.ndarray, "h w"]:
        """Both in one map."""
        return np.where(self.matte > 0.5, self.figure, self.ground)

    def fit(self, pixels: Float[np.ndarray, "ph pw 3"], *, origin: str) -> DepthMap:
        """Bring both to a photo's size, the subject's border where the fitted matte has it.

        Args:
            pixels: float32 photo as encoded, in [0, 1].
            origin: Of the map.
        """
        height, width = pixels.shape[:2]
        ground = fit_depth(DepthMap(self.ground, metric=False, origin=origin), pixels)
        if self.matte.max() <= 0.5:
            return ground
        figure = resize_linear(self.figure, height=height, width=width)
        fitted = np.where(fit_matte(self.matte, pixels) > 0.5, figure, ground.dioptres)
        return DepthMap(fitted, metric=False, origin=origin)


def separate(dioptres: Float[np.ndarray, "h w"], matte: Float[np.ndarray, "h w"], *, relief: float) -> Layers:
    """Separate the subject from what is around it, and flatten each of its parts.

    What is found of depth within a band around the subject is a mixture of it and of what is behind, which a lens
    would blur as neither. There the ground's depth is continued from farther outside.

    Args:
        dioptres: As a network found them.
        matte: In [0, 1], of the same size.
        relief: Share of the subject's own relief that is kept: what is found within it is mostly error.
    """
    parts = parts_of(matte > 0.5)
    figure = dioptres.copy()
    for k in range(1, int(parts.max()) + 1):
        middle = float(np.median(dioptres[parts == k]))
        near = _grown(parts == k, 2 * BAND_PX)
        figure[near] = middle + relief * (dioptres[near] - middle)
    inside = _grown(matte > 0.5, BAND_PX)
    ground = dioptres if inside.all() else continued(dioptres, ~inside)
    return Layers(figure=figure, ground=ground, matte=matte)


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
