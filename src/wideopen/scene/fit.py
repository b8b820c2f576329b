"""Bring a depth map to a photo's size, its borders onto the photo's edges."""

import numpy as np

from wideopen.errors import DepthError
from wideopen.optics import DepthMap
from wideopen.scene.resize import interpolate
from wideopen.scene.vote import extremes_of_blocks, vote_between
from wideopen.shapes import Float

ASPECT_TOLERANCE = 0.02
SIGMA_COLOUR = 0.07
"""Difference of encoded colour, over three channels, that tells two surfaces apart."""
SOFT_BORDER = 0.003
"""How far a map of full size may blur its borders, as a share of the diagonal."""
EDGE_SHARE = 0.04
"""Range of depth within the window, as a share of the whole range, that makes a border."""
ONE_STEP = 0.7
"""Share of a border that one step between neighbours takes where the border is sharp."""
SOFT_SHARE = 0.5
"""Places at soft borders, as a share of those at sharp ones, up to which most borders are sharp."""
SAMPLES = 1_000_000
"""So many pixels are enough to learn about a map as a whole."""
SMALLEST_BLOCK_PX = 8


def fit_depth(depth: DepthMap, pixels: Float[np.ndarray, "h w 3"]) -> DepthMap:
    """Bring a depth map to a photo's size and snap its borders to the photo's edges.

    Depth between borders is interpolated linearly. Near a border every pixel joins either the near or
    the far side: the one whose pixels nearby look more like it and lie closer. No depth in between is
    left, for a blur radius between two surfaces belongs to neither. One round places the border, one
    refines it, and one without colour takes stray pixels away. A map of the photo's own size whose borders
    are sharp already is left as it is: it knows of thin things that no vote would keep.

    Args:
        depth: Of any size and the photo's aspect ratio (within 2 percent).
        pixels: float32 photo as encoded, in [0, 1].

    Raises:
        DepthError: If the aspect ratio differs.

    Source:
        The weights are those of Kopf et al., Joint Bilateral Upsampling, SIGGRAPH 2007; the vote
        between two sides instead of a mean is this project's variant, near to the weighted median of
        Ma et al., Constant Time Weighted Median Filtering, ICCV 2013.
    """
    height, width = pixels.shape[:2]
    map_width, map_height = depth.size
    if abs(map_width / map_height / (width / height) - 1) > ASPECT_TOLERANCE and min(map_width, map_height) > 1:
        raise DepthError(
            f"the depth map is {map_width}x{map_height} and the photo {width}x{height}; "
            "both must show the same frame, so give a map of the same proportions"
        )
    low, high = _range_of(depth.dioptres)
    border = EDGE_SHARE * (high - low)
    fitted = resize_linear(depth.dioptres, height=height, width=width)
    if high > low and not (depth.size == (width, height) and is_sharp(fitted, border=border)):
        guide = np.require(pixels, np.float32, ["C", "W"])
        scale = max(width / map_width, height / map_height, 1.0)
        wide = max(round(2 * scale) + 2, round(SOFT_BORDER * float(np.hypot(height, width))))
        for reach, sigma in ((wide, SIGMA_COLOUR), (wide // 2, SIGMA_COLOUR), (2, np.inf)):
            fitted = _vote(fitted, guide, min(reach, 60), border, sigma)
    return DepthMap(fitted, metric=depth.metric, origin=depth.origin)


def is_sharp(dioptres: Float[np.ndarray, "h w"], *, border: float) -> bool:
    """Tell whether a map's borders are jumps from one pixel to the next.

    Among runs of four pixels that span a border, along some rows and columns, hardly any needs more than
    one step for it.
    """
    clean = soft = 0
    step = max(1, round(dioptres.size / SAMPLES))
    for lines in (dioptres[::step], dioptres[:, ::step].T):
        if lines.shape[1] > 3:
            steps = np.abs(np.diff(lines))
            largest = np.maximum(np.maximum(steps[:, :-2], steps[:, 1:-1]), steps[:, 2:])
            span = np.abs(lines[:, 3:] - lines[:, :-3])
            one_step = largest > ONE_STEP * span
            clean += int(np.count_nonzero((span > border) & one_step))
            soft += int(np.count_nonzero((span > border) & ~one_step))
    return soft <= SOFT_SHARE * clean


def resize_linear(values: Float[np.ndarray, "mh mw"], *, height: int, width: int) -> Float[np.ndarray, "h w"]:
    """Resize a map by linear interpolation between pixel centres; the border is continued.

    Where it has the size already it is given back itself.
    """
    values = np.require(values, np.float32, ["C", "W"])
    return values if values.shape == (height, width) else np.asarray(interpolate(values, height, width))


def _range_of(dioptres: np.ndarray) -> tuple[float, float]:
    """Find the range of depth, single stray pixels left out where it is not they alone that differ."""
    step = max(1, round((dioptres.size / SAMPLES) ** 0.5))
    low, high = np.quantile(dioptres[::step, ::step], [0.01, 0.99])
    return (float(low), float(high)) if high > low else (float(dioptres.min()), float(dioptres.max()))


def _vote(values: np.ndarray, guide: np.ndarray, reach: int, border: float, sigma_colour: float) -> np.ndarray:
    stride = max(1, reach // 3)
    reach = stride * (reach // stride)
    side = max(reach, SMALLEST_BLOCK_PX)
    active = blocks_near_border(values, side, border)
    return np.asarray(vote_between(values, active, guide, side, reach, stride, border, sigma_colour))


def blocks_near_border(values: np.ndarray, side: int, border: float) -> np.ndarray:
    """Find the square blocks whose own depth and that of their neighbours spans a border."""
    low, high = (np.pad(extreme, 1, mode="edge") for extreme in extremes_of_blocks(values, side))
    rows, columns = low.shape[0] - 2, low.shape[1] - 2
    around = [(slice(y, y + rows), slice(x, x + columns)) for y in range(3) for x in range(3)]
    span = np.max([high[place] for place in around], axis=0) - np.min([low[place] for place in around], axis=0)
    return np.asarray(span > border)
