"""Team Horizon's Deep Multi-scale Hierarchical Network, as released and as the report has it (AIM 2020, 4.4).

`dmshn` and `stacked_dmshn` are the networks that the authors released (github.com/saikatdutta/Stacked_DMSHN_bokeh). The
parameters come in the order of the released files, under these names:

| released | here |
|---|---|
| ``encoder_lv1`` to ``encoder_lv3`` | ``encoders.0`` to ``encoders.2`` |
| ``decoder_lv1`` to ``decoder_lv3`` | ``decoders.0`` to ``decoders.2`` |
| of an encoder: ``layer1 2 3 5 6 7 9 10 11`` | ``0`` to ``8`` |
| of a decoder: ``layer13 14 16 17 18 20 21 22 24`` | ``0`` to ``8`` |
| of a residual layer: ``0``, ``2`` | ``body.0``, ``body.2`` |
| stacked: ``module.net1``, ``module.net2`` | ``first``, ``second`` |

`dmshn_wm` is a reconstruction: the report says only that an encoder and decoder at each scale give weight maps, of
which, with the picture, a module makes bokeh, that both are enlarged and joined to the picture of the next scale, and
that enlarged features of the encoder are added to those of the next. The rest is chosen here: encoders, decoders and
scales are those released, and the bokeh is a mean of the picture and three blurred ones, weighed by pixel, as in the
first author's network of the year before (Dutta, Depth-aware Blending of Smoothed Images, JVCIR 2021).
"""

from collections.abc import Sequence
from contextlib import nullcontext
from math import ceil

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from wideopen.zoo.layers import resized

SCALES = 3
WIDTHS = (32, 64, 128)
"""Channels of an encoder at its picture's size, at half and at a quarter of it."""
BLURS_PX = (25, 45, 75)
"""Sides of the Gaussian kernels at the full scale."""


class Residual(nn.Module):
    """Adds what two filters find."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1)
        )

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Filter."""
        return self.body(x) + x


def encoder(before: int = 3, *, widths: Sequence[int] = WIDTHS) -> nn.Sequential:
    """Build what sees a picture, to features at a quarter of its size."""
    parts: list[nn.Module] = []
    for k, width in enumerate(widths):
        parts.append(nn.Conv2d(widths[k - 1] if k else before, width, 3, stride=2 if k else 1, padding=1))
        parts += [Residual(width), Residual(width)]
    return nn.Sequential(*parts)


def decoder(after: int = 3, *, widths: Sequence[int] = WIDTHS) -> nn.Sequential:
    """Build what draws from features, at four times their size."""
    parts: list[nn.Module] = []
    for k in reversed(range(len(widths))):
        parts += [Residual(widths[k]), Residual(widths[k])]
        if k:
            parts.append(nn.ConvTranspose2d(widths[k], widths[k - 1], 4, stride=2, padding=1))
    return nn.Sequential(*parts, nn.Conv2d(widths[0], after, 3, padding=1))


class DMSHN(nn.Module):
    """Three encoders and decoders at three scales; each helps the next finer one.

    Args:
        encoders: From the full scale to the coarsest.
        decoders: In the same order.
    """

    def __init__(self, encoders: Sequence[nn.Module], decoders: Sequence[nn.Module]) -> None:
        super().__init__()
        self.encoders, self.decoders = nn.ModuleList(encoders), nn.ModuleList(decoders)

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Render bokeh.

        Args:
            picture: In 0 to 1, sides multiples of 16.

        Returns:
            In about 0 to 1, not clipped.
        """
        return self.pictures(picture)[0]

    def pictures(self, picture: Float[Tensor, "n 3 h w"]) -> list[Float[Tensor, "n 3 _ _"]]:
        """Render at every scale, the full one first.

        The coarser pictures are what was seen plus what was drawn. The released network makes them and leaves them
        unused; the full one is what was drawn alone.
        """
        scales = _scales(picture, len(self.encoders))
        rendered: list[Tensor] = []
        drawn = features = None
        for k in reversed(range(len(scales))):
            seen = scales[k] if drawn is None else scales[k] + _doubled(drawn)
            found = self.encoders[k](seen)
            drawn = self.decoders[k](found if features is None else found + _doubled(features))
            features = found
            rendered.insert(0, scales[k] + drawn if k else drawn)
        return rendered


class StackedDMSHN(nn.Module):
    """Two networks, of which the second sees what the first rendered."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Render bokeh; values and sides as in `DMSHN.forward`."""
        return self.second(self.first(picture))


class GaussianBlend(nn.Module):
    """A mean of a picture and blurred ones, weighed by pixel.

    The standard deviation of a kernel of side s is 0.3 ((s - 1) / 2 - 1) + 0.8 pixels, OpenCV's default. A coarser
    scale halves the deviations, not the sides, which would no longer be odd. Pixels at the border are repeated.

    Args:
        scale: 0 for the full scale, 1 for half of it, ...
        blurs_px: Sides of the kernels at the full scale.
    """

    def __init__(self, scale: int, blurs_px: Sequence[int] = BLURS_PX) -> None:
        super().__init__()
        for k, side_px in enumerate(blurs_px):
            deviation_px = (0.3 * ((side_px - 1) / 2 - 1) + 0.8) / 2**scale
            radius_px = ceil((side_px - 1) / 2 / 2**scale)
            taps = torch.exp(-0.5 * (torch.arange(-radius_px, radius_px + 1) / deviation_px) ** 2)
            self.register_buffer(f"taps_{k}", taps / taps.sum(), persistent=False)

    def forward(self, picture: Float[Tensor, "n 3 h w"], weights: Float[Tensor, "n m h w"]) -> Float[Tensor, "n 3 h w"]:
        """Blend; the first weight is the picture's own."""
        shown = weights[:, :1] * picture
        for k, taps in enumerate(self.buffers()):
            shown = shown + weights[:, k + 1 : k + 2] * _blurred(picture, taps)
        return shown


class WeightMapDMSHN(nn.Module):
    """As `DMSHN`, but decoders weigh blurred pictures, and each scale sees weights and bokeh of the coarser one.

    Args:
        encoders: From the full scale to the coarsest.
        decoders: In the same order; they give one map more than there are blurred pictures.
        blends: In the same order.
    """

    def __init__(
        self, encoders: Sequence[nn.Module], decoders: Sequence[nn.Module], blends: Sequence[nn.Module]
    ) -> None:
        super().__init__()
        self.encoders, self.decoders = nn.ModuleList(encoders), nn.ModuleList(decoders)
        self.blends = nn.ModuleList(blends)

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Render bokeh; values and sides as in `DMSHN.forward`, and never beyond the picture's own."""
        return self.pictures(picture)[0]

    def pictures(self, picture: Float[Tensor, "n 3 h w"]) -> list[Float[Tensor, "n 3 _ _"]]:
        """Render at every scale, the full one first."""
        return [rendered for _, rendered in self.blended(picture)]

    def blended(
        self, picture: Float[Tensor, "n 3 h w"]
    ) -> list[tuple[Float[Tensor, "n m _ _"], Float[Tensor, "n 3 _ _"]]]:
        """Weigh and render at every scale, the full one first; weights of a pixel add up to 1."""
        scales = _scales(picture, len(self.encoders))
        found_by_scale: list[tuple[Tensor, Tensor]] = []
        features = None
        for k in reversed(range(len(scales))):
            coarser = found_by_scale[0] if found_by_scale else ()
            found = self.encoders[k](torch.cat([scales[k], *(_doubled(each) for each in coarser)], dim=1))
            weights = self.decoders[k](found if features is None else found + _doubled(features)).softmax(dim=1)
            features = found
            found_by_scale.insert(0, (weights, self.blends[k](scales[k], weights)))
        return found_by_scale


def dmshn() -> DMSHN:
    """Build the released network with random weights: PyTorch's own draws, as in the authors' code."""
    return DMSHN([encoder() for _ in range(SCALES)], [decoder() for _ in range(SCALES)])


def stacked_dmshn() -> StackedDMSHN:
    """Build the released stack of two with random weights."""
    return StackedDMSHN(dmshn(), dmshn())


def dmshn_wm() -> WeightMapDMSHN:
    """Build the network of the report with random weights."""
    maps = 1 + len(BLURS_PX)
    encoders = [encoder(3 if k == SCALES - 1 else 3 + maps + 3) for k in range(SCALES)]
    return WeightMapDMSHN(encoders, [decoder(maps) for _ in range(SCALES)], [GaussianBlend(k) for k in range(SCALES)])


def _scales(picture: Tensor, count: int) -> list[Tensor]:
    """Halve a picture again and again; between two pixels bilinear is the mean of four."""
    scales = [picture]
    for _ in range(count - 1):
        scales.append(resized(scales[-1], scales[-1].shape[2] // 2, scales[-1].shape[3] // 2))
    return scales


def _doubled(x: Tensor) -> Tensor:
    return resized(x, 2 * x.shape[2], 2 * x.shape[3])


def _blurred(picture: Tensor, taps: Tensor) -> Tensor:
    """Filter rows, then columns; each channel for itself, for filters in groups are slow in bfloat16."""
    radius_px = len(taps) // 2
    with nullcontext() if picture.is_meta else torch.autocast(picture.device.type, enabled=False):
        planes = picture.float().reshape(-1, 1, *picture.shape[2:])
        padded = functional.pad(planes, (radius_px, radius_px, 0, 0), mode="replicate")
        across = functional.conv2d(padded, taps.float()[None, None, None])
        padded = functional.pad(across, (0, 0, radius_px, radius_px), mode="replicate")
        return functional.conv2d(padded, taps.float()[None, None, :, None]).reshape(picture.shape)
