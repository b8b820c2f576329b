"""The first three blocks of DenseNet-121, by torchvision's names, so that weights learned on ImageNet fit."""

import re
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from wideopen.errors import RequestError
from wideopen.zoo.layers import PictureBatchNorm

_OLD_NAME = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")
_COUNTER = "num_batches_tracked"


class DenseLayer(nn.Module):
    """BN-ReLU-c1 to four times the growth, BN-ReLU-c3 to the growth; gives the new channels only."""

    def __init__(self, channels: int, *, growth: int, own_statistics: bool) -> None:
        super().__init__()
        self.norm1 = PictureBatchNorm(channels, own_statistics=own_statistics)
        self.conv1 = nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.norm2 = PictureBatchNorm(4 * growth, own_statistics=own_statistics)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """Find new channels."""
        return self.conv2(functional.relu(self.norm2(self.conv1(functional.relu(self.norm1(x))))))


class DenseBlock(nn.Module):
    """Layers that each see all channels before them."""

    def __init__(self, channels: int, *, layers: int, growth: int, own_statistics: bool) -> None:
        super().__init__()
        for k in range(layers):
            layer = DenseLayer(channels + k * growth, growth=growth, own_statistics=own_statistics)
            self.add_module(f"denselayer{k + 1}", layer)
        self.channels = channels + layers * growth

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """Add channels to those that come in."""
        for layer in self.children():
            x = torch.cat([x, layer(x)], dim=1)
        return x


class Transition(nn.Module):
    """BN-ReLU-c1 to half the channels; then, as a rule, the mean of 2x2 pixels."""

    def __init__(self, channels: int, *, pools: bool, own_statistics: bool) -> None:
        super().__init__()
        self.norm = PictureBatchNorm(channels, own_statistics=own_statistics)
        self.conv = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.pools, self.channels = pools, channels // 2

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d hh ww"]:
        """Narrow."""
        x = self.conv(functional.relu(self.norm(x)))
        return functional.avg_pool2d(x, 2) if self.pools else x


class DenseNetBody(nn.Module):
    """Dense blocks, each with its transition; the last transition keeps the size.

    Its parameters are called as those of torchvision's ``densenet121().features``, of which it holds three blocks
    and transitions: the stem, the last block and its normalisation are left out.

    Args:
        channels: Of what goes in.
        layers: Of each block.
        growth: Channels that a layer adds.
        own_statistics: Evaluate by the picture's own statistics, see `PictureBatchNorm`.

    Source:
        Huang et al., Densely Connected Convolutional Networks, CVPR 2017: DenseNet-BC, compression 0.5.
    """

    def __init__(
        self, channels: int = 64, *, layers: Sequence[int] = (6, 12, 24), growth: int = 32, own_statistics: bool
    ) -> None:
        super().__init__()
        self.widths: list[int] = []
        for k, deep in enumerate(layers):
            block = DenseBlock(channels, layers=deep, growth=growth, own_statistics=own_statistics)
            pools = k + 1 < len(layers)
            transition = Transition(block.channels, pools=pools, own_statistics=own_statistics)
            self.add_module(f"denseblock{k + 1}", block)
            self.add_module(f"transition{k + 1}", transition)
            channels = transition.channels
            self.widths.append(channels)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight)

    def forward(self, x: Float[Tensor, "n c h w"]) -> list[Tensor]:
        """Find features, `widths` channels each.

        Returns:
            After each transition, at 1/2, 1/4, ... of the size that came in; the last two have the same size.
        """
        found = []
        for k in range(len(self.widths)):
            x = self.get_submodule(f"transition{k + 1}")(self.get_submodule(f"denseblock{k + 1}")(x))
            found.append(x)
        return found


def torchvision_names(body: DenseNetBody) -> list[str]:
    """Name what a body takes from the state of a torchvision DenseNet-121."""
    return [f"features.{name}" for name in body.state_dict() if not name.endswith(_COUNTER)]


def load_torchvision(body: DenseNetBody, state: Mapping[str, Tensor]) -> None:
    """Take weights from the state of a torchvision DenseNet-121.

    Args:
        body: To be filled.
        state: By names. Those of torchvision's files, older than its code, are understood as well:
            ``denselayer1.norm.1.weight`` for ``denselayer1.norm1.weight``. What the body does not have is left.

    Raises:
        RequestError: If something is missing or has another shape.
    """
    found = {_OLD_NAME.sub(r"\1\2.", name): value for name, value in state.items()}
    own = body.state_dict()
    for name in torchvision_names(body):
        shape = tuple(own[name.removeprefix("features.")].shape)
        if name not in found:
            raise RequestError(f"the weights have no {name}; a state of torchvision's densenet121 is wanted")
        if tuple(found[name].shape) != shape:
            came = tuple(found[name].shape)
            raise RequestError(f"{name} has the shape {came}, {shape} is wanted: torchvision's densenet121 has it")
    body.load_state_dict({name: found.get(f"features.{name}", value) for name, value in own.items()})
