"""PSNR and SSIM by the protocol that the literature uses on this challenge's data, and SSIM of many scales."""

import numpy as np

from wideopen.errors import RequestError
from wideopen.score.protocol import AIM2020, PEAK, SIGMA_PX, WINDOW_PX, load, refuse_unlike
from wideopen.shapes import UInt8

PROTOCOL = AIM2020.name
"""8-bit sRGB; PSNR over all values of a picture with peak 255; SSIM in 7x7 windows; means over pictures.

The variant is that of the evaluation script published with Stacked DMSHN (Dutta et al., 2021): scikit-image's, uniform
windows, covariance of a sample, mean over channels. Scores by other variants of SSIM do not compare; those that have
names are in `wideopen.score.protocol`.
"""
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of MS-SSIM's scales, the finest first."""
LEAST_MS_SSIM_PX = WINDOW_PX["gaussian"] * 2 ** (len(SCALE_WEIGHTS) - 1)
"""Sides that leave room for a window at the coarsest scale."""


def psnr_db(found: UInt8[np.ndarray, "h w 3"], wanted: UInt8[np.ndarray, "h w 3"]) -> float:
    """Find the peak signal-to-noise ratio of `PROTOCOL`, see `wideopen.score.protocol.Protocol.psnr_db`.

    Raises:
        RequestError: If the pictures are not uint8 (h, w, 3) of one size.
    """
    return AIM2020.psnr_db(found, wanted)


def ssim(found: UInt8[np.ndarray, "h w 3"], wanted: UInt8[np.ndarray, "h w 3"]) -> float:
    """Find the structural similarity (Wang et al., 2004) of `PROTOCOL`.

    Raises:
        RequestError: If the pictures are not uint8 (h, w, 3) of one size, or a side is under 7 px.
    """
    return AIM2020.ssim(found, wanted)


def ms_ssim(found: UInt8[np.ndarray, "h w 3"], wanted: UInt8[np.ndarray, "h w 3"]) -> float:
    """Find the structural similarity over five scales, ``ssim_5^w_5 * prod_{j<5} cs_j^w_j``, w of `SCALE_WEIGHTS`.

    ``cs_j`` is the contrast and structure at scale j, ``ssim_5`` the whole SSIM at the coarsest, all means over the
    windows that lie inside and over channels. A mean below 0 counts as 0. Each scale is the last one averaged over
    2x2 pixels; an odd last row or column is left out.

    Source:
        Wang et al., Multi-Scale Structural Similarity for Image Quality Assessment, Asilomar 2003, for the weights,
        the Gaussian window (11 px, 1.5 px) and SSIM's constants. That is for grey; here channels are averaged before
        the powers and negatives are 0, as torchmetrics does, which however mirrors the border at the coarsest scale.
        ``tf.image.ssim_multiscale`` averages after the powers.

    Raises:
        RequestError: If the pictures are not uint8 (h, w, 3) of one size, a side is under `LEAST_MS_SSIM_PX`, or
            SciPy is missing.
    """
    refuse_unlike(found, wanted)
    if min(found.shape[:2]) < LEAST_MS_SSIM_PX:
        raise RequestError(
            f"MS-SSIM needs sides of {LEAST_MS_SSIM_PX} px, this picture is {found.shape[1]}x{found.shape[0]}"
        )
    means = np.mean([_scales(found[..., c], wanted[..., c]) for c in range(3)], axis=0)
    return float(np.prod(np.maximum(means, 0) ** SCALE_WEIGHTS))


def _scales(found: np.ndarray, wanted: np.ndarray) -> list[float]:
    """Contrast and structure of each scale of a plane, of the coarsest its SSIM."""
    f, w = found.astype(np.float64), wanted.astype(np.float64)
    last = len(SCALE_WEIGHTS) - 1
    figures = []
    for scale in range(last + 1):
        figures.append(_mean_similarity(f, w, with_luminance=scale == last))
        f, w = _halved(f), _halved(w)
    return figures


def _mean_similarity(f: np.ndarray, w: np.ndarray, *, with_luminance: bool) -> float:
    mean_f, mean_w = _blurred(f), _blurred(w)
    product, squares = mean_f * mean_w, mean_f * mean_f + mean_w * mean_w
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    # Variances only occur as their sum, which spares a filter.
    similarity = (2 * (_blurred(f * w) - product) + c2) / (_blurred(f * f + w * w) - squares + c2)
    if with_luminance:
        similarity *= (2 * product + c1) / (squares + c1)
    return float(similarity.mean())


def _blurred(plane: np.ndarray) -> np.ndarray:
    """Filter by SSIM's Gaussian window where it lies inside."""
    reach_px = WINDOW_PX["gaussian"] // 2
    window = np.exp(-(np.arange(-reach_px, reach_px + 1) ** 2) / (2 * SIGMA_PX**2))
    window /= window.sum()
    correlate1d = load("scipy.ndimage").correlate1d
    across = correlate1d(plane, window, axis=1)[:, reach_px:-reach_px]
    return correlate1d(across, window, axis=0)[reach_px:-reach_px]


def _halved(plane: np.ndarray) -> np.ndarray:
    height, width = plane.shape[0] // 2 * 2, plane.shape[1] // 2 * 2
    down = plane[0:height:2] + plane[1:height:2]
    return (down[:, 0:width:2] + down[:, 1:width:2]) / 4
