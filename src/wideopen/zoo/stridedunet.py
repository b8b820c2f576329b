"""The modified U-Net of the team CET21 CV (report, section 4.6).

A reconstruction: the report says only that strided convolutions replace the pooling, that skips are laid beside
before the nonlinearity of the decoder, and that nonlinearities are leaky; the rest is chosen here: four halvings, one
filter per level, 16 channels at full size, a slope of 0.2, and skips from before the encoder's nonlinearity.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from wideopen.zoo.layers import SameConv2d

MULTIPLE_OF = 16
"""Height and width of what goes in."""


class StridedUNet(nn.Module):
    """Filters and halves, then doubles and filters; pictures are in [0, 1], not clipped when they come out.

    Args:
        encoder: From fine to coarse.
        bottom: Filters what is coarsest.
        decoder: From coarse to fine.
        last: Makes a picture.
    """

    def __init__(
        self, *, encoder: "Sequence[Halving]", bottom: nn.Module, decoder: "Sequence[Doubling]", last: nn.Module
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.ModuleList(encoder), nn.ModuleList(decoder)
        self.bottom, self.last = bottom, last

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Render."""
        seen, skips = picture, []
        for halving in self.encoder:
            seen, skip = halving(seen)
            skips.append(skip)
        seen = self.bottom(seen)
        for doubling, skip in zip(self.decoder, reversed(skips), strict=True):
            seen = doubling(seen, skip)
        return self.last(seen)


class Halving(nn.Module):
    """Filters, and halves by a strided filter.

    Args:
        before: Channels that go in.
        after: Of the skip; twice as many go on.
        slope: Of the nonlinearity below 0.
    """

    def __init__(self, before: int, after: int, *, slope: float = 0.2) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, padding=1)
        self.halve = SameConv2d(after, 2 * after, 3, 2)
        self.slope = slope

    def forward(self, x: Float[Tensor, "n c h w"]) -> tuple[Float[Tensor, "n d hh ww"], Float[Tensor, "n e h w"]]:
        """Give what goes on, and the skip before its nonlinearity."""
        skip = self.conv(x)
        return functional.leaky_relu(self.halve(functional.leaky_relu(skip, self.slope)), self.slope), skip


class Doubling(nn.Module):
    """Doubles, lays the skip beside, bends both, and filters.

    Args:
        after: Channels of the skip and of what comes out; twice as many go in.
        slope: Of the nonlinearity below 0.
    """

    def __init__(self, after: int, *, slope: float = 0.2) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(2 * after, after, 2, 2)
        self.conv = nn.Conv2d(2 * after, after, 3, padding=1)
        self.slope = slope

    def forward(self, x: Float[Tensor, "n c h w"], skip: Float[Tensor, "n e hh ww"]) -> Float[Tensor, "n e hh ww"]:
        """Double."""
        both = functional.leaky_relu(torch.cat([self.enlarge(x), skip], dim=1), self.slope)
        return functional.leaky_relu(self.conv(both), self.slope)


def strided_unet(*, width: int = 16, levels: int = 4, slope: float = 0.2) -> StridedUNet:
    """Build the network, with 1,742,739 parameters at the defaults; weights are drawn as Keras draws them.

    Args:
        width: Channels at full size; each halving doubles them. 8, 24 and 32 make 436,171, 3,919,707 and 6,967,075.
        levels: Halvings; sides are multiples of 2 to this power.
        slope: Of nonlinearities below 0.
    """
    widths = [width * 2**k for k in range(levels)]
    deepest = width * 2**levels
    network = StridedUNet(
        encoder=[Halving(before, after, slope=slope) for before, after in zip([3, *widths[1:]], widths, strict=True)],
        bottom=nn.Sequential(nn.Conv2d(deepest, deepest, 3, padding=1), nn.LeakyReLU(slope)),
        decoder=[Doubling(after, slope=slope) for after in reversed(widths)],
        last=nn.Conv2d(width, 3, 1),
    )
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(part.weight)
            assert part.bias is not None
            nn.init.zeros_(part.bias)
    return network
