"""All figures of one picture."""

from collections.abc import Callable

import numpy as np

from wideopen.score.beside import MOST_SHIFT_PX, matched, shifted
from wideopen.score.lpips import LEAST_LPIPS_PX
from wideopen.score.metrics import LEAST_MS_SSIM_PX, ms_ssim
from wideopen.score.protocol import AIM2020, Protocol
from wideopen.score.within import above_half, edge_band, mean_within, psnr_within_db
from wideopen.shapes import Float, UInt8

FIGURES: dict[str, str] = {
    "psnr_db": "Peak signal-to-noise ratio by the protocol, in dB; higher is better.",
    "ssim": "Structural similarity by the protocol, at most 1; higher is better.",
    "ms_ssim": "Structural similarity over five scales, 0 to 1, the same by every protocol; higher is better.",
    "psnr_matched_db": "PSNR after one gain and one offset per channel, in dB; higher is better.",
    "ssim_matched": "SSIM after one gain and one offset per channel, at most 1; higher is better.",
    "psnr_shifted_db": "PSNR of the best shift up to 4 px, without 4 px at each side, in dB; higher is better.",
    "psnr_edges_db": "PSNR within 1 % of the diagonal of a depth edge, in dB; higher is better.",
    "ssim_edges": "SSIM within 1 % of the diagonal of a depth edge, at most 1; higher is better.",
    "psnr_in_focus_db": "PSNR of what is in focus, in dB; higher is better.",
    "ssim_in_focus": "SSIM of what is in focus, at most 1; higher is better.",
    "lpips": "LPIPS 0.1 with the body that was given, 0 for equal pictures; lower is better.",
}
"""Every figure by its name, and what it says."""


def figures(
    found: UInt8[np.ndarray, "h w 3"],
    wanted: UInt8[np.ndarray, "h w 3"],
    *,
    protocol: Protocol = AIM2020,
    disparity: Float[np.ndarray, "hh ww"] | None = None,
    in_focus: Float[np.ndarray, "hhh www"] | None = None,
    lpips: Callable[[np.ndarray, np.ndarray], float] | None = None,
) -> dict[str, float | None]:
    """Find all of `FIGURES` of one picture.

    Args:
        found: uint8, red, green and blue as encoded.
        wanted: The same, of the same size.
        protocol: By which PSNR and SSIM are found, of the whole and of parts.
        disparity: Near is large, of any size and unit; tells where depth edges are.
        in_focus: Share in [0, 1], of any size; above a half counts as in focus.
        lpips: As `wideopen.score.lpips.load_lpips` makes it.

    Returns:
        None for what cannot be had: there is no map or next to nothing in it, or the picture is too small for it.
        ``lpips`` is only there if it was asked for.

    Raises:
        RequestError: If the pictures are not uint8 (h, w, 3) of one size, or too small for the protocol's SSIM, or a
            map is broken.
    """
    ssim, around = protocol.similarity(found, wanted)
    like = matched(found, wanted)
    least_px = min(found.shape[:2])
    found_of: dict[str, float | None] = {
        "psnr_db": protocol.psnr_db(found, wanted),
        "ssim": ssim,
        "ms_ssim": ms_ssim(found, wanted) if least_px >= LEAST_MS_SSIM_PX else None,
        "psnr_matched_db": protocol.psnr_db(like, wanted),
        "ssim_matched": protocol.ssim(like, wanted),
        "psnr_shifted_db": None,
    }
    if least_px > 2 * (protocol.border_px + MOST_SHIFT_PX):
        found_of["psnr_shifted_db"] = shifted(found, wanted, protocol=protocol).psnr_db
    size = (found.shape[0], found.shape[1])
    masks = {
        "edges": None if disparity is None else edge_band(disparity, size=size),
        "in_focus": None if in_focus is None else above_half(in_focus, size),
    }
    for part, mask in masks.items():
        found_of[f"psnr_{part}_db"] = None if mask is None else psnr_within_db(found, wanted, mask, protocol=protocol)
        found_of[f"ssim_{part}"] = None if mask is None else mean_within(around, mask)
    if lpips is not None:
        found_of["lpips"] = lpips(found, wanted) if least_px >= LEAST_LPIPS_PX else None
    return found_of
