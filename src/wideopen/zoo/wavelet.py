"""The Dilated Wavelet CNN, one network for CET_SP and CET_CVLab (AIM 2020, 4.3), which differ in how it is learned.

A reconstruction: the report says only that it is a U-Net after the multi-level wavelet CNN (Liu et al., MWCNN, CVPR
Workshops 2018), with a discrete wavelet transform in the place of what shrinks and enlarges, and dilated convolutions.
The rest is chosen here: the transform and the dilation pyramid are those of the authors' own network of the following
weeks for another task (github.com/DensenDavis/UDC_Restoration), three levels, skips by addition and the picture added
at the end are MWCNN's, and the widths are such that the multiply-adds (86 G for 1024x1536 pixels) fit the published
runtime.
"""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

DILATIONS = (3, 2, 1, 1, 1, 1)
"""Of the pyramid, outermost first."""


def wavelet_transform(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d hh ww"]:
    """Split each channel into four bands of half its size: mean, and differences across, down and diagonally.

    On a block of pixels ``a b`` above ``c d``: (a+b+c+d)/4, (a-b+c-d)/4, (a+b-c-d)/4 and (a-b-c+d)/4. All channels of
    the first band come first.

    Source:
        Haar's wavelet, scaled as in the authors' code: the first band is the mean, so that it stays in the range of
        what goes in. MWCNN's divides by two both ways.
    """
    x = x / 4
    a, b, c, d = x[:, :, ::2, ::2], x[:, :, ::2, 1::2], x[:, :, 1::2, ::2], x[:, :, 1::2, 1::2]
    above, below, above_slope, below_slope = a + b, c + d, a - b, c - d
    bands = [above + below, above_slope + below_slope, above - below, above_slope - below_slope]
    return torch.cat(bands, dim=1)


def inverse_wavelet_transform(bands: Float[Tensor, "n d h w"]) -> Float[Tensor, "n c hh ww"]:
    """Undo `wavelet_transform`."""
    mean, across, down, diagonal = bands.chunk(4, dim=1)
    above, below = mean + down, mean - down
    above_slope, below_slope = across + diagonal, across - diagonal
    n, c, h, w = mean.shape
    # Pixels alternate by reshaping, which needs no tensor of more than four dimensions, as phones want it.
    rows = [
        torch.cat([row.reshape(n, c, h * w, 1) for row in (mid + slope, mid - slope)], dim=3).reshape(n, c, h, 2 * w)
        for mid, slope in ((above, above_slope), (below, below_slope))
    ]
    return torch.cat(rows, dim=3).reshape(n, c, 2 * h, 2 * w)


class DilationPyramid(nn.Module):
    """Convolutions of falling dilation, of which each sees all before it.

    Args:
        before: Channels that go in.
        after: Channels that each convolution finds, and that come out.
        dilations: Of the convolutions, in their order.
    """

    def __init__(self, before: int, after: int, dilations: Iterable[int] = DILATIONS) -> None:
        super().__init__()
        self.first = _filter(before, 2 * after)
        width = 2 * after
        self.dilated = nn.ModuleList()
        for dilation in dilations:
            self.dilated.append(_filter(width, after, dilation=dilation))
            width += after
        self.last = _filter(width, after, kernel=1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """Filter."""
        x = self.first(x).relu()
        for dilated in self.dilated:
            x = torch.cat([x, dilated(x).relu()], dim=1)
        return self.last(x).relu()


class PyramidBlock(nn.Module):
    """Adds a tenth of what a dilation pyramid finds.

    Args:
        channels: That go in and come out.
        pyramid: Channels of the pyramid.
        dilations: Of the pyramid.
    """

    def __init__(self, channels: int, pyramid: int, dilations: Iterable[int] = DILATIONS) -> None:
        super().__init__()
        self.pyramid = DilationPyramid(channels, pyramid, dilations)
        self.widen = _filter(pyramid, channels)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Filter."""
        return x + 0.1 * self.widen(self.pyramid(x))


class Descent(nn.Module):
    """To half the size: bands, mixed, then blocks."""

    def __init__(self, before: int, after: int, blocks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.mix = _filter(4 * before, after)
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d hh ww"]:
        """Filter."""
        return self.blocks(self.mix(wavelet_transform(x)).relu())


class Ascent(nn.Module):
    """To twice the size: filtered to bands, joined, the skip added, then blocks."""

    def __init__(self, before: int, after: int, blocks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.split = _filter(before, 4 * after)
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Float[Tensor, "n c h w"], skip: Float[Tensor, "n d hh ww"]) -> Float[Tensor, "n d hh ww"]:
        """Filter."""
        return self.blocks(inverse_wavelet_transform(self.split(x)) + skip)


class DilatedWaveletCNN(nn.Module):
    """A U-Net on wavelets.

    Args:
        descents: From the picture down.
        ascents: From the lowest level up, one fewer.
    """

    def __init__(self, descents: Sequence[nn.Module], ascents: Sequence[nn.Module], last: nn.Module) -> None:
        super().__init__()
        self.descents, self.ascents, self.last = nn.ModuleList(descents), nn.ModuleList(ascents), last

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Render bokeh.

        Args:
            picture: In 0 to 1, sides multiples of 8.

        Returns:
            In about 0 to 1, not clipped.
        """
        x, skips = picture, []
        for descent in self.descents:
            x = descent(x)
            skips.append(x)
        for ascent, skip in zip(self.ascents, skips[-2::-1], strict=True):
            x = ascent(x, skip)
        return picture + inverse_wavelet_transform(self.last(x))


def wavelet_net(widths: Sequence[int] = (32, 64, 128), *, pyramid_share: float = 0.25) -> DilatedWaveletCNN:
    """Build a network of any size with random weights.

    Convolutions start by Glorot's uniform draw and without bias, as they do by default where the authors worked.

    Args:
        widths: Channels at 1/2, 1/4, ... of the picture's size; the lowest level has two blocks.
        pyramid_share: Channels of a dilation pyramid for each channel of its level.
    """

    def blocks(level: int, count: int = 1) -> list[nn.Module]:
        return [PyramidBlock(widths[level], round(widths[level] * pyramid_share)) for _ in range(count)]

    lowest = len(widths) - 1
    descents = [
        Descent(widths[k - 1] if k else 3, widths[k], blocks(k, 2 if k == lowest else 1)) for k in range(len(widths))
    ]
    ascents = [Ascent(widths[k + 1], widths[k], blocks(k)) for k in reversed(range(lowest))]
    return DilatedWaveletCNN(descents, ascents, _filter(widths[0], 12))


def dilated_wavelet_cnn() -> DilatedWaveletCNN:
    """Build the network of the two teams, as far as it is known, with random weights."""
    return wavelet_net()


def _filter(before: int, after: int, *, kernel: int = 3, dilation: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(before, after, kernel, padding=kernel // 2 * dilation, dilation=dilation)
    nn.init.xavier_uniform_(conv.weight)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv
