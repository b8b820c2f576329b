"""Losses that recipes name: functions of two pictures, 0 where they are equal.

All take float (n, 3, h, w) of what was found and what was wanted, red, green and blue, in the network's own range of
values, and `span`, the width of that range: 1 for [0, 1], 2 for [-1, 1]. Errors are not divided by it, because the
authors weigh their losses in the range of their network; only SSIM's constants go by it. All give one number, are
computed in float32 whatever comes in and whether or not autocast is on, and have finite gradients everywhere.
"""

from collections.abc import Sequence
from functools import wraps
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from wideopen.errors import RequestError

WINDOW_PX, SIGMA_PX = 11, 1.5
"""Of SSIM's Gaussian window."""
K1, K2 = 0.01, 0.03
"""Of SSIM's constants, in parts of the span."""
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of MS-SSIM's scales, the finest first."""
LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue (ITU-R BT.601)."""
LEAST_SIMILARITY = 1e-4
"""That is raised to a broken power, for below 0 there is none and at 0 its slope is infinite."""


class Loss(Protocol):
    """What a loss looks like."""

    def __call__(self, found: Tensor, wanted: Tensor, *, span: float) -> Tensor:
        """Compare."""


def _in_float32(loss: Loss) -> Loss:
    """Compute a loss in float32 (doubles stay), out of autocast's reach."""

    @wraps(loss)
    def exact(found: Tensor, wanted: Tensor, *, span: float) -> Tensor:
        with torch.autocast(found.device.type, enabled=False):
            return loss(_wide(found), _wide(wanted), span=span)

    return exact


def _wide(picture: Tensor) -> Tensor:
    return picture if picture.dtype == torch.float64 else picture.float()


@_in_float32
def l1(found: Tensor, wanted: Tensor, *, span: float) -> Tensor:
    """Mean absolute error, ``mean |f - w|``."""
    return (found - wanted).abs().mean()


@_in_float32
def mse(found: Tensor, wanted: Tensor, *, span: float) -> Tensor:
    """Mean squared error, ``mean (f - w)^2``."""
    return (found - wanted).square().mean()


@_in_float32
def charbonnier(found: Tensor, wanted: Tensor, *, span: float) -> Tensor:
    """Mean absolute error, rounded at 0: ``mean sqrt((f - w)^2 + e^2)`` with e = 0.001. Equal pictures have e.

    Source:
        Charbonnier et al., Two Deterministic Half-Quadratic Regularization Algorithms, ICIP 1994, without the constant
        that makes it 0 at 0. The size of e is that of other code of CET's for [0, 1]; it does not go by the span.
    """
    return ((found - wanted).square() + 1e-3**2).sqrt().mean()


@_in_float32
def ssim(found: Tensor, wanted: Tensor, *, span: float) -> Tensor:
    """``1 - SSIM``, of windows that lie wholly inside.

    Source:
        Wang et al., Image Quality Assessment, TIP 2004: Gaussian window of 11 pixels and deviation 1.5, variances of
        all (not of a sample), each channel by itself, mean over all. As ``tf.image.ssim``, into which BG-Net's code
        puts pictures in [-1, 1] as they are: means may be negative there.

    Raises:
        RequestError: If a side is below 11 pixels.
    """
    similarity, _ = _similarities(found, wanted, span)
    return 1 - similarity.mean()


@_in_float32
def ssim_padded(found: Tensor, wanted: Tensor, *, span: float) -> Tensor:
    """``1 - SSIM``, of windows around every pixel, with zeros beyond the border.

    Source:
        The package pytorch_ssim (Po-Hsun Su), which code that shares team Horizon's loader learns with: as `ssim`, with
        5 zeros around. Its constants are for [0, 1]; here they go by the span.
    """
    similarity, _ = _similarities(found, wanted, span, padding_px=WINDOW_PX // 2)
    return 1 - similarity.mean()


@_in_float32
def ms_ssim(found: Tensor, wanted: Tensor, *, span: float) -> Tensor:
    """``1 - MS-SSIM``, where ``MS-SSIM = ssim_5^w_5 * prod_{j<5} cs_j^w_j``, mean over the pictures.

    ``cs_j`` is the contrast and structure at scale j, ``ssim_5`` the whole SSIM at the coarsest, both means over
    pixels and channels of a picture; below 0.0001 they count as that. Each scale is the last one, averaged over 2x2
    pixels.

    Source:
        Wang et al., Multi-Scale Structural Similarity for Image Quality Assessment, Asilomar 2003; windows as in
        `ssim`. Channels are averaged before the powers, as torchmetrics does; ``tf.image.ssim_multiscale`` does so
        after. Five scales need 176 pixels. Smaller pictures are compared at as many as have 11, the finest first, with
        their weights divided by the sum; with one scale it is `ssim`.

    Raises:
        RequestError: If a side is below 11 pixels.
    """
    contrasts, similarity, weights = _scales(found, wanted, span)
    product = _power(similarity.mean(dim=(1, 2, 3)), weights[-1])
    for contrast, weight in zip(contrasts, weights, strict=False):
        product = product * _power(contrast.mean(dim=(1, 2, 3)), weight)
    return 1 - product.mean()


@_in_float32
def ms_ssim_horizon(found: Tensor, wanted: Tensor, *, span: float) -> Tensor:
    """``1 - prod_{j<5} (cs_j^w_j * ssim_5^w_5)``: as `ms_ssim`, but the coarsest scale counts four times.

    Source:
        The package pytorch-msssim (Jorge Pessoa), which team Horizon learned with. Means are over the whole batch, as
        there. It guesses the span from the pictures; here it is told. With fewer than five scales, which are chosen as
        in `ms_ssim` (the package narrows the window), the coarsest counts as often as there are others, and once if
        there are none.

    Raises:
        RequestError: If a side is below 11 pixels.
    """
    contrasts, similarity, weights = _scales(found, wanted, span)
    product = _power(similarity.mean(), weights[-1] * max(len(contrasts), 1))
    for contrast, weight in zip(contrasts, weights, strict=False):
        product = product * _power(contrast.mean(), weight)
    return 1 - product


@_in_float32
def sobel(found: Tensor, wanted: Tensor, *, span: float) -> Tensor:
    """Mean absolute difference of edges: ``(mean |Sx f - Sx w| + mean |Sy f - Sy w|) / 2``.

    Sx is Sobel's filter across, rows 1 2 1 times columns -1 0 1, not divided by anything; Sy is the same down. Only
    pixels with all eight neighbours count. A reconstruction: the report says only that CET CVLab had a Sobel loss.
    """
    error = found - wanted
    smooth = error[..., :-2, :] + 2 * error[..., 1:-1, :] + error[..., 2:, :]
    across = smooth[..., 2:] - smooth[..., :-2]
    smooth = error[..., :-2] + 2 * error[..., 1:-1] + error[..., 2:]
    down = smooth[..., 2:, :] - smooth[..., :-2, :]
    return (across.abs().mean() + down.abs().mean()) / 2


@_in_float32
def gradient(found: Tensor, wanted: Tensor, *, span: float) -> Tensor:
    """Mean absolute difference of differences of neighbours: ``mean |Dx f - Dx w| + mean |Dy f - Dy w|``.

    Dx is a pixel less its left neighbour, Dy less its upper one. A reconstruction: the report says only that AIA-Smart
    learned with a gradient loss.
    """
    error = found - wanted
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


@_in_float32
def grey_l1(found: Tensor, wanted: Tensor, *, span: float) -> Tensor:
    """Mean absolute error of luma, ``Y = 0.299 R + 0.587 G + 0.114 B`` (ITU-R BT.601), of encoded values."""
    return ((found - wanted) * found.new_tensor(LUMA)[:, None, None]).sum(dim=1).abs().mean()


LOSSES: dict[str, Loss] = {
    "l1": l1,
    "mse": mse,
    "charbonnier": charbonnier,
    "ssim": ssim,
    "ssim_padded": ssim_padded,
    "ms_ssim": ms_ssim,
    "ms_ssim_horizon": ms_ssim_horizon,
    "sobel": sobel,
    "gradient": gradient,
    "grey_l1": grey_l1,
}
"""By the names in recipes. The loss ``vgg19`` needs a file, see `wideopen.train.vgg`."""


def _similarities(found: Tensor, wanted: Tensor, span: float, *, padding_px: int = 0) -> tuple[Tensor, Tensor]:
    """SSIM, and its contrast and structure alone, around each pixel."""
    height, width = found.shape[2:]
    if min(height, width) + 2 * padding_px < WINDOW_PX:
        raise RequestError(
            f"SSIM looks through windows of {WINDOW_PX} pixels, and a picture has {height} x {width}; learn from "
            "larger crops or without it"
        )
    maps = torch.cat([found, wanted, found * found, wanted * wanted, found * wanted])
    mean_f, mean_w, square_f, square_w, product = _blurred(maps, padding_px).chunk(5)
    covariance = product - mean_f * mean_w
    variances = square_f - mean_f.square() + square_w - mean_w.square()
    c1, c2 = (K1 * span) ** 2, (K2 * span) ** 2
    contrast = (2 * covariance + c2) / (variances + c2)
    return (2 * mean_f * mean_w + c1) / (mean_f.square() + mean_w.square() + c1) * contrast, contrast


def _blurred(maps: Tensor, padding_px: int) -> Tensor:
    """Filter each channel by SSIM's window."""
    away = torch.arange(WINDOW_PX, dtype=maps.dtype, device=maps.device) - WINDOW_PX // 2
    window = (-away.square() / (2 * SIGMA_PX**2)).exp()
    window = (window / window.sum()).expand(maps.shape[1], 1, 1, WINDOW_PX)
    # By channel and with channels outermost, a GPU filters in float32. Elsewise it may round to the 10 bits of TF32,
    # by more than the variances that are found by subtraction.
    maps, channels = maps.contiguous(), maps.shape[1]
    maps = functional.conv2d(maps, window, padding=(0, padding_px), groups=channels)
    return functional.conv2d(maps, window.transpose(2, 3), padding=(padding_px, 0), groups=channels)


def _scales(found: Tensor, wanted: Tensor, span: float) -> tuple[list[Tensor], Tensor, Sequence[float]]:
    """Contrast and structure of each scale but the coarsest, SSIM of the coarsest, and the weights of all."""
    least_px = min(found.shape[2:])
    count = max(sum(least_px // 2**k >= WINDOW_PX for k in range(len(SCALE_WEIGHTS))), 1)
    # Wang's five add up to 1.0001 and are taken as they are.
    whole = sum(SCALE_WEIGHTS[:count]) if count < len(SCALE_WEIGHTS) else 1.0
    weights = [weight / whole for weight in SCALE_WEIGHTS[:count]]
    contrasts = []
    for _ in range(count - 1):
        contrasts.append(_similarities(found, wanted, span)[1])
        found, wanted = functional.avg_pool2d(found, 2), functional.avg_pool2d(wanted, 2)
    return contrasts, _similarities(found, wanted, span)[0], weights


def _power(similarity: Tensor, exponent: float) -> Tensor:
    return similarity.clamp(min=LEAST_SIMILARITY) ** exponent
