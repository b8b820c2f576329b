"""The network of wide activations and channel attention of the team CET ECE (report, section 4.7).

A reconstruction: the report says only that blocks of 4 x 4 pixels become channels, that a block finds features, that
residual blocks with wide activation and channel attention follow, and that channels become pixels at the end; the
rest is chosen here: 32 channels, 5 blocks, an activation 4 times as wide, attention by an eighth of the channels
behind the second filter, one filter to find features, and no skip around all.
"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from wideopen.zoo.layers import Statistics, depth_to_space, space_to_depth

_BLOCK_PX = 4


class WideActivationNet(nn.Module):
    """Works at a quarter of the size; pictures are in [0, 1], sides multiples of 4, not clipped when they come out.

    Args:
        first: Finds features of the 48 channels.
        blocks: Work on them.
        last: Makes 48 channels of them.
        adds_picture: Add the picture at the end.
    """

    def __init__(self, *, first: nn.Module, blocks: nn.Module, last: nn.Module, adds_picture: bool = False) -> None:
        super().__init__()
        self.first, self.blocks, self.last, self.adds_picture = first, blocks, last, adds_picture

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Render."""
        made = self.last(self.blocks(self.first(space_to_depth(picture, _BLOCK_PX))))
        made = depth_to_space(made, _BLOCK_PX)
        return made + picture if self.adds_picture else made


class WideBlock(nn.Module):
    """Widens before the nonlinearity, narrows behind it, weighs the channels, and adds.

    Args:
        channels: In and out.
        expansion: How many times wider it is within.
        reduction: Of the attention.

    Source:
        Yu et al., Wide Activation for Efficient and Accurate Image Super-Resolution, 2018, variant A, without its
        weight normalisation.
    """

    def __init__(self, channels: int, *, expansion: int = 4, reduction: int = 8) -> None:
        super().__init__()
        self.widen = nn.Conv2d(channels, channels * expansion, 3, padding=1)
        self.narrow = nn.Conv2d(channels * expansion, channels, 3, padding=1)
        self.attention = ChannelAttention(channels, reduction=reduction)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Filter."""
        return x + self.attention(self.narrow(functional.relu(self.widen(x))))


class ChannelAttention(nn.Module):
    """Weighs channels by what their means over the picture say.

    Args:
        channels: In and out.
        reduction: How many times fewer there are within.

    Source:
        Zhang et al., Image Super-Resolution Using Very Deep Residual Channel Attention Networks, ECCV 2018.
    """

    def __init__(self, channels: int, *, reduction: int = 8) -> None:
        super().__init__()
        self.statistics = Statistics()
        self.narrow = nn.Conv2d(channels, channels // reduction, 1)
        self.widen = nn.Conv2d(channels // reduction, channels, 1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Weigh."""
        mean = self.statistics(x)[0].to(x.dtype)
        weight = self.widen(functional.relu(self.narrow(mean))).sigmoid()
        return x * weight.to(x.dtype)


def wide_activation_net(
    *, channels: int = 32, blocks: int = 5, expansion: int = 4, reduction: int = 8, adds_picture: bool = False
) -> WideActivationNet:
    """Build the network, with 398,628 parameters at the defaults; weights are drawn as Keras draws them.

    Args:
        channels: Of the features.
        blocks: How many. 4 and 8 make 324,448 and 621,168 parameters.
        expansion: How many times wider activations are.
        reduction: Of the attention.
        adds_picture: Add the picture at the end, so that the network learns the difference.
    """
    depth = 3 * _BLOCK_PX**2
    network = WideActivationNet(
        first=nn.Conv2d(depth, channels, 3, padding=1),
        blocks=nn.Sequential(*(WideBlock(channels, expansion=expansion, reduction=reduction) for _ in range(blocks))),
        last=nn.Conv2d(channels, depth, 3, padding=1),
        adds_picture=adds_picture,
    )
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.xavier_uniform_(part.weight)
            assert part.bias is not None
            nn.init.zeros_(part.bias)
    return network
