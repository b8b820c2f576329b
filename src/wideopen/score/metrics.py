"""PSNR and SSIM by the protocol that the literature uses on this challenge's data."""

import numpy as np

from wideopen.errors import RequestError
from wideopen.shapes import UInt8

PROTOCOL = "aim2020/1"
"""8-bit sRGB; PSNR over all values of a picture with peak 255; SSIM in 7x7 windows; means over pictures.

The variant is that of the evaluation script published with Stacked DMSHN (Dutta et al., 2021): scikit-image's, uniform
windows, covariance of a sample, mean over channels. Scores by other variants of SSIM do not compare.
"""


def psnr_db(found: UInt8[np.ndarray, "h w 3"], wanted: UInt8[np.ndarray, "h w 3"]) -> float:
    """Peak signal-to-noise ratio, ``10 log10(255^2 / mean((a - b)^2))``; infinite for equal pictures.

    Raises:
        RequestError: If sizes differ.
    """
    _refuse_other_sizes(found, wanted)
    error = float(np.square(found.astype(np.float64) - wanted).mean())
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


def ssim(found: UInt8[np.ndarray, "h w 3"], wanted: UInt8[np.ndarray, "h w 3"]) -> float:
    """Structural similarity (Wang et al., 2004) of `PROTOCOL`.

    Raises:
        RequestError: If sizes differ, or a side is under 7 px.
    """
    from skimage.metrics import structural_similarity

    _refuse_other_sizes(found, wanted)
    if min(found.shape[:2]) < 7:
        raise RequestError(f"SSIM needs sides of 7 px, this picture is {found.shape[1]}x{found.shape[0]}")
    return float(structural_similarity(found, wanted, channel_axis=2, data_range=255))


def _refuse_other_sizes(found: np.ndarray, wanted: np.ndarray) -> None:
    if found.shape != wanted.shape:
        raise RequestError(
            f"pictures of {found.shape[1]}x{found.shape[0]} and {wanted.shape[1]}x{wanted.shape[0]} do not compare"
        )
