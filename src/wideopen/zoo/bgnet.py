"""BG-Net, the Bokeh-Glass Network of the team Airia-bokeh, winner of the challenge (report, section 4.1).

Two U-Nets behind each other: the first makes a picture, the second one more of it and of what is left to the photo.

Source: the authors' code, published for Qian et al., BGGAN: Bokeh-Glass Generative Adversarial Network for Rendering
Realistic Bokeh, ECCV Workshops 2020. Departures: none known.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from wideopen.zoo.layers import InstanceNorm, SameConv2d

MULTIPLE_OF = 8
"""Height and width of what goes in."""


class BGNet(nn.Module):
    """Renders twice; in goes a picture in [-1, 1], sides multiples of 8, out comes one of the same range.

    Args:
        first: Makes a picture of a picture.
        second: Makes a picture of six channels: the first one's, and what that took away.
    """

    def __init__(self, first: "FirstUNet", second: "SecondUNet") -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Render."""
        return self.both(picture)[0]

    def both(self, picture: Float[Tensor, "n 3 h w"]) -> tuple[Float[Tensor, "n 3 h w"], Float[Tensor, "n 3 h w"]]:
        """Give the final picture and the first network's."""
        first: Tensor = self.first(picture)
        return self.second(torch.cat([first, picture - first], dim=1)), first


class FirstUNet(nn.Module):
    """Three halvings, residual blocks, three doublings; a skip beside the residual blocks only.

    Args:
        width: Channels at full size; each halving doubles them.
        blocks: Residual ones.
        faithful_norm: See `bg_net`.
    """

    def __init__(self, *, width: int = 16, blocks: int = 9, faithful_norm: bool = True) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            _conv(3, width), _conv(width, 2 * width, 2), _conv(2 * width, 4 * width, 2), _conv(4 * width, 8 * width, 2)
        )
        self.blocks = _blocks(8 * width, blocks, faithful_norm=faithful_norm)
        self.decoder = nn.Sequential(
            _doubled(16 * width, 4 * width), _doubled(4 * width, 2 * width), _doubled(2 * width, width)
        )
        self.last = _last(width)

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Render."""
        deep = self.encoder(picture)
        return self.last(self.decoder(torch.cat([self.blocks(deep), deep], dim=1)))


class SecondUNet(nn.Module):
    """Three halvings, residual blocks, three doublings with skips; full size alone has none.

    Args:
        width: Channels at full size; each halving doubles them.
        blocks: Residual ones.
        faithful_norm: See `bg_net`.
    """

    def __init__(self, *, width: int = 24, blocks: int = 9, faithful_norm: bool = True) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width]
        self.stem = _conv(6, width)
        self.halvings = nn.ModuleList(_conv(widths[k], widths[k + 1], 2) for k in range(3))
        self.middle = _conv(8 * width, 8 * width)
        self.blocks = _blocks(8 * width, blocks, faithful_norm=faithful_norm)
        self.doublings = nn.ModuleList(_doubled(2 * widths[k + 1], widths[k]) for k in reversed(range(3)))
        self.last = _last(width)

    def forward(self, pictures: Float[Tensor, "n 6 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Render."""
        seen, skips = self.stem(pictures), []
        for halving in self.halvings:
            seen = halving(seen)
            skips.append(seen)
        seen = self.blocks(self.middle(seen))
        for doubling, skip in zip(self.doublings, reversed(skips), strict=True):
            seen = doubling(torch.cat([skip, seen], dim=1))
        return self.last(seen)


class ResidualBlock(nn.Module):
    """Two filters, normalised; dropout between them, and the last nonlinearity behind the sum.

    Args:
        channels: In and out.
        faithful_norm: See `bg_net`.
        dropout: Share of values that are left out in training.
    """

    def __init__(self, channels: int, *, faithful_norm: bool = True, dropout: float = 0.1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _normal(nn.Conv2d(channels, channels, 3, padding=1, bias=False)),
            InstanceNorm(by_sum=faithful_norm),
            nn.ReLU(),
            nn.Dropout(dropout),
            _normal(nn.Conv2d(channels, channels, 3, padding=1, bias=False)),
            InstanceNorm(by_sum=faithful_norm),
        )

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Filter."""
        return torch.relu(x + self.body(x))


def _conv(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(_normal(SameConv2d(before, after, 3, stride, bias=False)), nn.ReLU())


def _last(before: int) -> nn.Sequential:
    return nn.Sequential(_normal(nn.Conv2d(before, 3, 3, padding=1, bias=False)), nn.Tanh())


def _doubled(before: int, after: int) -> nn.Sequential:
    conv = nn.ConvTranspose2d(before, after, 4, 2, 1)
    nn.init.xavier_uniform_(conv.weight)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return nn.Sequential(conv, nn.ReLU())


def _blocks(channels: int, count: int, *, faithful_norm: bool) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels, faithful_norm=faithful_norm) for _ in range(count)))


def _normal(conv: nn.Conv2d) -> nn.Conv2d:
    nn.init.normal_(conv.weight, std=0.02)
    return conv


def bg_net(*, faithful_norm: bool = True) -> BGNet:
    """Build BG-Net, with 10,352,784 parameters.

    Args:
        faithful_norm: Normalise as the published code, which divides by the root of the *sum* of squares, so that
            residual blocks add next to nothing. Without, by the root of the mean, as instance normalisation is known.
    """
    return BGNet(FirstUNet(faithful_norm=faithful_norm), SecondUNet(faithful_norm=faithful_norm))
