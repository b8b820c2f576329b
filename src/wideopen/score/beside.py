"""Scores that forgive another exposure, or a shift of a few pixels; reported beside the others, never instead."""

from dataclasses import dataclass

import numpy as np

from wideopen.errors import RequestError
from wideopen.score.protocol import AIM2020, PEAK, Protocol, decibels, load, mean_square, refuse_unlike
from wideopen.shapes import Float, Int, UInt8

MOST_SHIFT_PX = 4
_MIDDLE = 128


@dataclass(frozen=True)
class Shifted:
    """The best of the shifts."""

    psnr_db: float
    """By the protocol, over the part that is common to all shifts; infinite where it is equal."""
    right_px: int
    """How far what was found lies to the right of where it is wanted; negative for the left."""
    down_px: int
    """How far it lies below."""


def matched(found: UInt8[np.ndarray, "h w 3"], wanted: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Bring a picture to the exposure and white balance of another: ``f -> a_c f + b_c`` in each channel c.

    Gain a and offset b are those of least squares over all pixels, of values as encoded; the gain is never negative,
    for no exposure turns black to white. A channel without any contrast keeps the gain 1. The result is cut to
    [0, 255] and rounded.

    Raises:
        RequestError: If the pictures are not uint8 (h, w, 3) of one size.
    """
    refuse_unlike(found, wanted)
    out = np.empty_like(found)
    levels = np.arange(PEAK + 1)
    for c in range(3):
        counts = np.bincount(found[..., c].ravel(), minlength=PEAK + 1)
        totals = np.bincount(found[..., c].ravel(), weights=wanted[..., c].ravel(), minlength=PEAK + 1)
        mean_f, mean_w = (levels * counts).sum() / counts.sum(), totals.sum() / counts.sum()
        spread = (counts * (levels - mean_f) ** 2).sum()
        gain = max(0.0, float(((levels - mean_f) * totals).sum() / spread)) if spread > 0 else 1.0
        table = np.rint((gain * (levels - mean_f) + mean_w).clip(0, PEAK)).astype(np.uint8)
        out[..., c] = table[found[..., c]]
    return out


def shifted(
    found: UInt8[np.ndarray, "h w 3"],
    wanted: UInt8[np.ndarray, "h w 3"],
    *,
    protocol: Protocol = AIM2020,
    most_px: int = MOST_SHIFT_PX,
) -> Shifted:
    """Find the whole-pixel shift with the best PSNR.

    All shifts are compared on the same pixels: those of the wanted picture that have a partner under every shift,
    that is without `most_px` at each side. Of equal shifts the shortest counts.

    Args:
        found: uint8, red, green and blue as encoded.
        wanted: The same, of the same size.
        protocol: By which PSNR is found.
        most_px: Longest shift along either axis, in px.

    Raises:
        RequestError: If the pictures are not uint8 (h, w, 3) of one size, or are too small for the shifts.
    """
    f, w = protocol.compared(found, wanted)
    height, width = w.shape[:2]
    if most_px < 0 or min(height, width) <= 2 * most_px:
        raise RequestError(
            f"shifts up to {most_px} px need sides of {max(1, 2 * most_px + 1 + 2 * protocol.border_px)} px, this "
            f"picture is {found.shape[1]}x{found.shape[0]}"
        )
    core = w[most_px : height - most_px, most_px : width - most_px]
    errors = _square_errors(f, core)
    steps = np.arange(-most_px, most_px + 1)
    lengths = np.hypot(steps[:, None], steps)
    down, right = np.unravel_index(np.lexsort((lengths.ravel(), errors.ravel()))[0], errors.shape)
    # The sums only choose; what is told is computed from the pixels.
    best = f[down : down + core.shape[0], right : right + core.shape[1]]
    return Shifted(decibels(mean_square(best, core)), int(right) - most_px, int(down) - most_px)


def _square_errors(
    whole: UInt8[np.ndarray, "h w c"], core: UInt8[np.ndarray, "hh ww c"]
) -> Int[np.ndarray, "down right"]:
    """Sum ``(f - w)^2`` for every place of the core within the whole, by ``f^2 + w^2 - 2 f w``.

    The products are found by Fourier transforms. Sums are whole numbers, below 2^53 by far, and become them again by
    rounding.
    """
    squares = np.zeros(whole.shape[:2], np.int64)
    total = 0
    fft = load("scipy.fft")
    size = [fft.next_fast_len(length, real=True) for length in whole.shape[:2]]
    spectrum: complex | np.ndarray = 0j
    for c in range(whole.shape[2]):
        f, w = whole[..., c].astype(np.int64) - _MIDDLE, core[..., c].astype(np.int64) - _MIDDLE
        squares += f * f
        total += int((w * w).sum())
        spectrum = spectrum + fft.rfft2(f.astype(np.float64), size) * fft.rfft2(w.astype(np.float64), size).conj()
    down, right = (a - b + 1 for a, b in zip(whole.shape[:2], core.shape[:2], strict=True))
    products: Float[np.ndarray, "down right"] = fft.irfft2(spectrum, size)[:down, :right]
    return _sums(squares, core.shape[:2]) + total - 2 * np.rint(products).astype(np.int64)


def _sums(values: Int[np.ndarray, "h w"], size: tuple[int, int]) -> Int[np.ndarray, "down right"]:
    """Sum over every place of a window."""
    integral = np.zeros((values.shape[0] + 1, values.shape[1] + 1), np.int64)
    integral[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
    down = integral[size[0] :] - integral[: -size[0]]
    return down[:, size[1] :] - down[:, : -size[1]]
