"""Bokeh from layers: each is blurred by a soft disc of its own size, then laid over those behind it."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

_EPSILON = 1e-10
_FOURIER_FROM_PX = 19
"""A CPU convolves faster in the frequency domain from here on."""


def soft_disc(size_px: int) -> Float[Tensor, "size size"]:
    """Draw a disc with a soft edge whose sum is 1.

    ``K(x, y) ~ 0.5 + 0.5 tanh(0.25 (r^2 - x^2 - y^2) + 0.5)`` with the radius ``r`` of half the size, rounded down.

    Args:
        size_px: Odd.

    Source:
        The published code of Luo et al., Bokeh Rendering from Defocus Estimation, ECCV Workshops 2020.
    """
    radius_px = size_px // 2
    squared = torch.arange(-radius_px, radius_px + 1, dtype=torch.float64) ** 2
    disc = 0.5 + 0.5 * torch.tanh(0.25 * (radius_px**2 - squared[:, None] - squared) + 0.5)
    return (disc / disc.sum()).float()


def blurred(x: Float[Tensor, "n c h w"], disc: Float[Tensor, "size size"]) -> Float[Tensor, "n c h w"]:
    """Blur each channel by a symmetric kernel; the borders are mirrors.

    Large kernels go through the frequency domain, in float64: where a weight is zero over a wide part, float32 would
    leave noise there that the division of two blurs takes for light. What is exported has convolutions alone.

    Args:
        x: float32, larger than half the kernel.
        disc: Of an odd size.
    """
    size_px, (height, width) = disc.shape[0], x.shape[2:]
    mirrored = functional.pad(x, (size_px // 2,) * 4, mode="reflect")
    # Apple's GPUs have no float64.
    if size_px < _FOURIER_FROM_PX or torch.compiler.is_exporting() or x.device.type == "mps":
        channels = x.shape[1]
        with torch.autocast(x.device.type, enabled=False):
            return functional.conv2d(mirrored, disc.expand(channels, 1, size_px, size_px), groups=channels)
    sides = [_fast_side(side) for side in mirrored.shape[2:]]
    spectrum = torch.fft.rfft2(mirrored.double(), s=sides) * torch.fft.rfft2(disc.double(), s=sides)
    whole = torch.fft.irfft2(spectrum, s=sides)
    return whole[:, :, size_px - 1 :, size_px - 1 :][:, :, :height, :width].to(x.dtype)


def _fast_side(least_px: int) -> int:
    """Find the next side that has no prime factor above 5."""
    side = least_px
    while True:
        rest = side
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return side
        side += 1


class LayeredRendering(nn.Module):
    """Blurs layers and lays them over each other, the most blurred at the back.

    With the mask ``M_i`` of each layer, from the back to the sharp layer 0, whose blur is none:
    ``cover <- cover (1 - blur_i(M_i)) + blur_i(M_i)`` and ``X <- X (1 - blur_i(M_i)) + blur_i(M_i X)``, then
    ``Render(X) = X / (cover + 1e-10)``. The bokeh is ``Render(I w) / (Render(w) + 1e-10)`` with the weight ``w`` of
    the light of each pixel.

    Args:
        kernels_px: Sizes of the discs of the layers from 1 on, odd.

    Source:
        The published code of Luo et al. (2020), after Busam et al., Sterefo: Efficient Image Refocusing with Stereo
        Vision, ICCV Workshops 2019.

    Where a burnt, saturated colour has no light in a channel, that channel takes its neighbours' even at zero defocus,
    for it is divided by a weight of nothing. That is so in the original.
    """

    def __init__(self, kernels_px: Sequence[int]) -> None:
        super().__init__()
        self.kernels_px = tuple(kernels_px)
        for k, size_px in enumerate(kernels_px):
            self.register_buffer(f"disc_{k + 1}", soft_disc(size_px), persistent=False)

    def forward(
        self, picture: Float[Tensor, "n 3 h w"], weight: Float[Tensor, "n 3 h w"], masks: Float[Tensor, "n layers h w"]
    ) -> Float[Tensor, "n 3 h w"]:
        """Render a picture in [0, 1] that is larger than half the largest disc, in float32.

        Args:
            picture: What is there.
            weight: Of its light, not negative.
            masks: Of the layers in [0, 1], the sharp one first.
        """
        picture, weight, masks = picture.float(), weight.float(), masks.float()
        light = torch.cat([picture * weight, weight], dim=1)
        behind, cover = torch.zeros_like(light), torch.zeros_like(masks[:, :1])
        for k in range(len(self.kernels_px), -1, -1):
            mask = masks[:, k : k + 1]
            layer = torch.cat([mask, mask * light], dim=1)
            if k:
                layer = blurred(layer, self.get_buffer(f"disc_{k}"))
            mask = layer[:, :1]
            cover = cover * (1 - mask) + mask
            behind = behind * (1 - mask) + layer[:, 1:]
        rendered, weights = (behind / (cover + _EPSILON)).chunk(2, dim=1)
        return rendered / (weights + _EPSILON)
