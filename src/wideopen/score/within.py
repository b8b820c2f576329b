"""Scores of a part of the picture: along depth edges, and of what is in focus."""

import math

import numpy as np
from PIL import Image

from wideopen.errors import RequestError
from wideopen.score.protocol import AIM2020, Protocol, decibels, load, mean_square
from wideopen.shapes import Float, Shaped, UInt8

EDGE_STEP = 0.1
"""Of disparity within 3x3 pixels of a map that is stretched to [0, 1]; what steps further is a depth edge."""
EDGE_WIDTH = 0.01
"""Of the band on either side of an edge, as a share of the diagonal."""
LEAST_PX = 64
"""Parts with fewer pixels have no score."""

Mask = Shaped[np.ndarray, "h w"]


def edge_band(
    disparity: Float[np.ndarray, "hh ww"], *, size: tuple[int, int] | None = None, width_px: float | None = None
) -> Mask:
    """Mark what is near a depth edge, where renderers differ most.

    The map is stretched so that its least value is 0 and its largest 1. An edge is where the largest and the least of
    3x3 pixels of the map, as it is, are more than `EDGE_STEP` apart. The definition is this project's own.

    Args:
        disparity: Near is large, in any unit; it need not have the picture's size.
        size: Height and width of the picture, in px; those of the map by default.
        width_px: Largest distance from the edge that still counts, in px of the picture; by default `EDGE_WIDTH` of
            its diagonal.

    Returns:
        True near edges. All False where the map has none.

    Raises:
        RequestError: If the map is not (h, w), holds what is no number, or SciPy is missing.
    """
    _refuse_broken(disparity, "disparity map")
    height, width = size or disparity.shape
    if width_px is None:
        width_px = EDGE_WIDTH * math.hypot(height, width)
    values = disparity.astype(np.float64)
    span = float(np.ptp(values))
    ndimage = load("scipy.ndimage")
    steps = ndimage.maximum_filter(values, 3) - ndimage.minimum_filter(values, 3)
    edges = steps > EDGE_STEP * span
    if not edges.any():
        return np.zeros((height, width), bool)
    pitch_px = (height / values.shape[0], width / values.shape[1])
    return _resized(ndimage.distance_transform_edt(~edges, sampling=pitch_px), (height, width)) <= width_px


def above_half(share: Float[np.ndarray, "hh ww"], size: tuple[int, int]) -> Mask:
    """Mark where a map of shares in [0, 1], as of what is in focus, is above a half.

    Args:
        share: Need not have the picture's size; it is interpolated.
        size: Height and width of the picture, in px.

    Raises:
        RequestError: If the map is not (h, w), or holds what is no number or outside of [0, 1].
    """
    _refuse_broken(share, "map of what is in focus")
    if share.min() < 0 or share.max() > 1:
        raise RequestError(
            f"a map of what is in focus lies in [0, 1], this one in [{share.min():g}, {share.max():g}]; scale it"
        )
    return _resized(share, size) > 0.5


def psnr_within_db(
    found: UInt8[np.ndarray, "h w 3"], wanted: UInt8[np.ndarray, "h w 3"], mask: Mask, *, protocol: Protocol = AIM2020
) -> float | None:
    """Find PSNR over the pixels of a mask alone; None where there are fewer than `LEAST_PX`.

    Raises:
        RequestError: If pictures and mask are not of one size and kind, or the protocol's border leaves nothing.
    """
    f, w = protocol.compared(found, wanted)
    _refuse_other_mask(mask, found)
    border_px = protocol.border_px
    inside = mask[border_px : mask.shape[0] - border_px, border_px : mask.shape[1] - border_px]
    return decibels(mean_square(f[inside], w[inside])) if np.count_nonzero(inside) >= LEAST_PX else None


def ssim_within(
    found: UInt8[np.ndarray, "h w 3"], wanted: UInt8[np.ndarray, "h w 3"], mask: Mask, *, protocol: Protocol = AIM2020
) -> float | None:
    """Average the protocol's map of SSIM over a mask; None where it has fewer than `LEAST_PX` pixels with an SSIM.

    Windows around pixels of the mask reach beyond it.

    Raises:
        RequestError: If pictures and mask are not of one size and kind, or too small for the protocol.
    """
    around = protocol.ssim_map(found, wanted)
    _refuse_other_mask(mask, found)
    return mean_within(around, mask)


def mean_within(values: Float[np.ndarray, "h w"], mask: Mask) -> float | None:
    """Average a map over a mask, but for what is no number; None where fewer than `LEAST_PX` pixels are left."""
    kept = values[mask]
    kept = kept[~np.isnan(kept)]
    return float(kept.mean()) if kept.size >= LEAST_PX else None


def _refuse_broken(values: np.ndarray, what: str) -> None:
    if values.ndim != 2 or values.size == 0:
        raise RequestError(f"a {what} is (h, w), this one {values.shape}")
    if not np.isfinite(values).all():
        raise RequestError(f"this {what} holds what is no number; mend it")


def _refuse_other_mask(mask: Mask, picture: np.ndarray) -> None:
    if mask.dtype != np.bool_ or mask.shape != picture.shape[:2]:
        raise RequestError(
            f"a mask is bool of the picture's {picture.shape[:2]}, this one is {mask.dtype} {mask.shape}"
        )


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Interpolate linearly between pixel centres; where it shrinks, average."""
    if values.shape == size:
        return values
    picture = Image.fromarray(values.astype(np.float32))
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))
