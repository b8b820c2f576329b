"""Bring a depth map to a photo's size, its borders onto the photo's edges."""

import numpy as np
from jaxtyping import Float

from wideopen.errors import DepthError
from wideopen.optics import DepthMap
from wideopen.scene.vote import vote_between

ASPECT_TOLERANCE = 0.02
SIGMA_COLOUR = 0.07
"""Difference of encoded colour, over three channels, that tells two surfaces apart."""
SOFT_BORDER = 0.003
"""How far a map of full size may blur its borders, as a share of the diagonal."""
EDGE_SHARE = 0.04
"""Range of depth within the window, as a share of the whole range, that makes a border."""


def fit_depth(depth: DepthMap, pixels: Float[np.ndarray, "h w 3"]) -> DepthMap:
    """Bring a depth map to a photo's size and snap its borders to the photo's edges.

    Depth between borders is interpolated linearly. Near a border every pixel joins either the near or
    the far side: the one whose pixels nearby look more like it and lie closer. No depth in between is
    left, for a blur radius between two surfaces belongs to neither. One round places the border, one
    refines it, and one without colour takes stray pixels away.

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
    fitted = resize_linear(depth.dioptres, height=height, width=width)
    low, high = np.quantile(depth.dioptres, [0.01, 0.99])
    if high <= low:
        low, high = depth.dioptres.min(), depth.dioptres.max()
    if high <= low:
        return DepthMap(fitted, metric=depth.metric, origin=depth.origin)
    scale = max(width / map_width, height / map_height, 1.0)
    guide = np.ascontiguousarray(pixels, np.float32)
    border = float(EDGE_SHARE * (high - low))
    wide = max(round(2 * scale) + 2, round(SOFT_BORDER * float(np.hypot(height, width))))
    for reach, sigma in ((wide, SIGMA_COLOUR), (wide // 2, SIGMA_COLOUR), (2, np.inf)):
        fitted = _vote(fitted, guide, min(reach, 60), border, sigma)
    return DepthMap(fitted, metric=depth.metric, origin=depth.origin)


def resize_linear(values: Float[np.ndarray, "mh mw"], *, height: int, width: int) -> Float[np.ndarray, "h w"]:
    """Resize a map by linear interpolation between pixel centres; the border is continued."""
    rows = _resize_axis(np.asarray(values, np.float32), height)
    return np.ascontiguousarray(_resize_axis(rows.T, width).T)


def _resize_axis(values: np.ndarray, length: int) -> np.ndarray:
    if len(values) == length:
        return values
    place = ((np.arange(length) + 0.5) * len(values) / length - 0.5).clip(0, len(values) - 1)
    lower = np.floor(place).astype(np.intp)
    upper = np.minimum(lower + 1, len(values) - 1)
    share = (place - lower).astype(np.float32)[:, None]
    return np.asarray(values[lower] + (values[upper] - values[lower]) * share, np.float32)


def _vote(values: np.ndarray, guide: np.ndarray, reach: int, border: float, sigma_colour: float) -> np.ndarray:
    stride = max(1, reach // 3)
    reach = stride * (reach // stride)
    active = _blocks_near_border(values, reach, border)
    return np.asarray(vote_between(values, active, guide, reach, stride, border, sigma_colour))


def _blocks_near_border(values: np.ndarray, side: int, border: float) -> np.ndarray:
    """Find the square blocks whose own depth and that of their neighbours spans a border."""
    height, width = values.shape
    padded = np.pad(values, ((0, -height % side), (0, -width % side)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // side, side, padded.shape[1] // side, side)
    low, high = (np.pad(extreme, 1, mode="edge") for extreme in (blocks.min(axis=(1, 3)), blocks.max(axis=(1, 3))))
    around = [(slice(y, y + blocks.shape[0]), slice(x, x + blocks.shape[2])) for y in range(3) for x in range(3)]
    span = np.max([high[place] for place in around], axis=0) - np.min([low[place] for place in around], axis=0)
    return np.asarray(span > border)
