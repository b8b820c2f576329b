"""Blocks that several networks share, and figures of the whole picture, which tiles of it can borrow."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class Statistics(nn.Module):
    """Mean and variance over height and width of a picture, per channel, in float32.

    A network that asks for them cannot be run on a tile as on the whole, so that it asks here: `remembering` keeps
    what a run on the whole (maybe shrunk) picture found, and `recalling` gives it to the runs on tiles. A module that
    is called several times remembers each.
    """

    class _Mode(Enum):
        MEASURE = auto()
        REMEMBER = auto()
        RECALL = auto()

    def __init__(self) -> None:
        super().__init__()
        self._mode = self._Mode.MEASURE
        self._kept: list[tuple[Tensor, Tensor]] = []
        self._next = 0
        self._area_ratio = 1.0

    def forward(self, x: Float[Tensor, "n c h w"]) -> tuple[Float[Tensor, "n c 1 1"], Float[Tensor, "n c 1 1"]]:
        """Mean and variance (of all, not of a sample)."""
        if self._mode is self._Mode.RECALL:
            found = self._kept[self._next % len(self._kept)]
            self._next += 1
            return found
        variance, mean = torch.var_mean(x.float(), dim=(2, 3), correction=0, keepdim=True)
        if self._mode is self._Mode.REMEMBER:
            self._kept.append((mean, variance))
        return mean, variance

    def area_of(self, x: Float[Tensor, "n c h w"]) -> float:
        """Pixels of the whole picture at the scale of ``x``."""
        return x.shape[2] * x.shape[3] * self._area_ratio


@contextmanager
def remembering(network: nn.Module) -> Iterator[None]:
    """Keep the statistics of the runs within, in the place of those kept before."""
    parts = [part for part in network.modules() if isinstance(part, Statistics)]
    for part in parts:
        part._mode, part._kept = Statistics._Mode.REMEMBER, []
    try:
        yield
    finally:
        for part in parts:
            part._mode = Statistics._Mode.MEASURE


@contextmanager
def recalling(network: nn.Module, *, area_ratio: float) -> Iterator[None]:
    """Use the kept statistics in the one run within.

    Args:
        network: That remembers.
        area_ratio: How many times larger than the tile the whole picture is.
    """
    parts = [part for part in network.modules() if isinstance(part, Statistics)]
    for part in parts:
        part._mode, part._next, part._area_ratio = Statistics._Mode.RECALL, 0, area_ratio
    try:
        yield
    finally:
        for part in parts:
            part._mode, part._area_ratio = Statistics._Mode.MEASURE, 1.0


def uses_statistics(network: nn.Module) -> bool:
    """Whether a network looks at figures of the whole picture."""
    return any(isinstance(part, Statistics) for part in network.modules())


class InstanceNorm(nn.Module):
    """Normalises each channel of each picture to mean 0 and variance 1 (Ulyanov et al., 2016).

    Args:
        channels: Of what goes in, for an affine map behind; None for none.
        eps: Added to the variance.
        by_sum: Divide by the root of the *sum* of squares in the place of their mean, as BG-Net's published code
            does: the result is smaller by the root of the number of pixels.
    """

    def __init__(self, channels: int | None = None, *, eps: float = 1e-5, by_sum: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels)) if channels else None
        self.bias = nn.Parameter(torch.zeros(channels)) if channels else None
        self.eps, self.by_sum = eps, by_sum
        self.statistics = Statistics()

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Normalise."""
        mean, variance = self.statistics(x)
        if self.by_sum:
            variance = variance * self.statistics.area_of(x)
        scale = (variance + self.eps).rsqrt()
        if self.weight is not None and self.bias is not None:
            scale = scale * self.weight[:, None, None]
            return (x * scale.to(x.dtype)) + (self.bias[:, None, None] - mean * scale).to(x.dtype)
        return (x - mean.to(x.dtype)) * scale.to(x.dtype)


class PictureBatchNorm(nn.BatchNorm2d):
    """Batch normalisation that, when evaluated, may go by the one picture's own statistics.

    That is what a network does whose authors tested it in training mode with batches of one; here each picture of a
    larger batch goes by its own as well. While training it is the ordinary one.
    """

    def __init__(self, channels: int, *, own_statistics: bool, eps: float = 1e-5) -> None:
        super().__init__(channels, eps=eps)
        self.own_statistics = own_statistics
        self.statistics = Statistics()

    def forward(self, input: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Normalise."""
        if self.training or not self.own_statistics:
            return super().forward(input)
        mean, variance = self.statistics(input)
        scale = (variance + self.eps).rsqrt() * self.weight[:, None, None]
        return input * scale.to(input.dtype) + (self.bias[:, None, None] - mean * scale).to(input.dtype)


class SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow's ``SAME``: where the padding is odd, the end has one more.

    At stride 2 this samples one pixel further than ``padding=1`` does.
    """

    def forward(self, input: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d hh ww"]:
        """Convolve."""
        sides = []
        for axis in (1, 0):
            size, kernel, stride = input.shape[2 + axis], self.kernel_size[axis], self.stride[axis]
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            sides += [total // 2, total - total // 2]
        return functional.conv2d(
            functional.pad(input, sides), self.weight, self.bias, self.stride, 0, self.dilation, self.groups
        )


def space_to_depth(x: Float[Tensor, "n c h w"], block_px: int) -> Float[Tensor, "n d hh ww"]:
    """Move blocks of pixels into channels, pixel by pixel: all channels of the first one come first.

    TensorFlow's order; ``pixel_unshuffle`` puts all pixels of the first channel first.
    """
    n, c, h, w = x.shape
    split = x.reshape(n, c, h // block_px, block_px, w // block_px, block_px)
    return split.permute(0, 3, 5, 1, 2, 4).reshape(n, c * block_px**2, h // block_px, w // block_px)


def depth_to_space(x: Float[Tensor, "n d h w"], block_px: int) -> Float[Tensor, "n c hh ww"]:
    """Undo `space_to_depth`."""
    n, d, h, w = x.shape
    split = x.reshape(n, block_px, block_px, d // block_px**2, h, w)
    return split.permute(0, 3, 4, 1, 5, 2).reshape(n, d // block_px**2, h * block_px, w * block_px)


def resized(x: Float[Tensor, "n c h w"], height: int, width: int) -> Float[Tensor, "n c hh ww"]:
    """Resize bilinearly, pixels as areas, without a filter before shrinking."""
    if x.shape[2:] == (height, width):
        return x
    return functional.interpolate(x, (height, width), mode="bilinear", align_corners=False)
