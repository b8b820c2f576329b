"""MegaDepth's network: an hourglass of inception modules that finds log depth.

The second input of DDDF is made by it. The layers are those of the published network (Li and Snavely, MegaDepth,
CVPR 2018), which has the shape of Chen et al., Single-Image Depth Perception in the Wild, NeurIPS 2016.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

MULTIPLE_OF = 16
"""Height and width of what goes in. DDDF repeats the last row and column up to the next multiple of 32, and adds a
whole 32 where the side is one already."""

_SMALL_PX, _LARGE_PX = (1, 3, 5, 7), (1, 3, 7, 11)


class MegaDepth(nn.Module):
    """Finds depth up to an unknown scale.

    In goes float (n, 3, h, w) in [0, 1], encoded as sRGB, sides multiples of 16. Out comes the natural logarithm of
    depth: far is large.

    Args:
        hourglass: From ``width`` to ``last`` channels.
        width: Channels in front of it.
        last: Channels behind.
    """

    def __init__(self, hourglass: nn.Module, *, width: int = 128, last: int = 64) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 7, padding=3), nn.BatchNorm2d(width), nn.ReLU())
        self.hourglass = hourglass
        self.head = nn.Conv2d(last, 1, 3, padding=1)

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
        """Find log depth."""
        return self.head(self.hourglass(self.stem(picture)))

    def inverse_depth(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
        """Find 1 / depth over its maximum in the picture, in (0, 1]: near is large."""
        log_depth = self(picture).float()
        return (log_depth.amin(dim=(2, 3), keepdim=True) - log_depth).exp()


class Inception(nn.Module):
    """Filters of several sizes, side by side; each but the 1x1 sees fewer channels.

    Normalised without an affine map behind, as the original.

    Args:
        channels: Of what goes in.
        made: Channels of each of the filters.
        narrow: Channels in front of each but the first.
        sides_px: Of the filters; the first is 1.
    """

    def __init__(self, channels: int, made: int, narrow: int, sides_px: Sequence[int] = _SMALL_PX) -> None:
        super().__init__()
        self.branches = nn.ModuleList([_convolution(channels, made, 1)])
        for side in sides_px[1:]:
            self.branches.append(nn.Sequential(*_convolution(channels, narrow, 1), *_convolution(narrow, made, side)))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """Filter."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Hourglass(nn.Module):
    """Sums what is found at full and at half the size.

    Args:
        full_size: Modules at full size.
        half_size: Modules at half of it; another hourglass may be among them.
        means: Halve by means of 2x2 pixels, in the place of their maxima.
        half_first: Which of both comes first in the state, as in the published one. The sum is the same.
    """

    def __init__(
        self, *, full_size: Sequence[nn.Module], half_size: Sequence[nn.Module], means: bool, half_first: bool = False
    ) -> None:
        super().__init__()
        if half_first:
            self.half_size, self.full_size = nn.Sequential(*half_size), nn.Sequential(*full_size)
        else:
            self.full_size, self.half_size = nn.Sequential(*full_size), nn.Sequential(*half_size)
        self.means = means

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """Look at both sizes."""
        small = functional.avg_pool2d(x, 2) if self.means else functional.max_pool2d(x, 2)
        return functional.interpolate(self.half_size(small), scale_factor=2.0) + self.full_size(x)


def mega_depth() -> MegaDepth:
    """Build MegaDepth's network, with 5,357,153 parameters.

    The state has the published one's order, though not its names.
    """
    eighth = Hourglass(
        full_size=[Inception(256, 64, 32) for _ in range(2)],
        half_size=[Inception(256, 64, 32) for _ in range(3)],
        means=True,
    )
    quarter = Hourglass(
        full_size=[Inception(256, 64, 32), Inception(256, 64, 64, _LARGE_PX)],
        half_size=[
            *(Inception(256, 64, 32) for _ in range(2)),
            eighth,
            Inception(256, 64, 32),
            Inception(256, 64, 64, _LARGE_PX),
        ],
        means=True,
    )
    half = Hourglass(
        full_size=[Inception(128, 32, 32), Inception(128, 32, 64, _LARGE_PX)],
        half_size=[
            Inception(128, 32, 32),
            Inception(128, 64, 32),
            quarter,
            Inception(256, 64, 32),
            Inception(256, 32, 32),
        ],
        means=False,
        half_first=True,
    )
    whole = Hourglass(
        full_size=[Inception(128, 16, 64, _LARGE_PX)],
        half_size=[
            *(Inception(128, 32, 32) for _ in range(2)),
            half,
            Inception(128, 32, 64),
            Inception(128, 16, 32, _LARGE_PX),
        ],
        means=False,
        half_first=True,
    )
    return MegaDepth(whole)


def _convolution(channels: int, made: int, side_px: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, made, side_px, padding=side_px // 2), nn.BatchNorm2d(made, affine=False), nn.ReLU()
    )
