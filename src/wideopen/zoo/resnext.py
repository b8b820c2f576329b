"""ResNeXt's body, which finds features at four scales.

The parameters are named as torchvision names them, so that a file of weights trained on ImageNet fits.
"""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class Bottleneck(nn.Module):
    """Narrow, filter in groups, widen, add.

    Args:
        before: Channels that go in.
        inner: Channels of the grouped filter.
        after: Channels that come out.
        stride: Of the grouped filter.
        groups: Of the grouped filter.
    """

    def __init__(self, before: int, inner: int, after: int, *, stride: int, groups: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, after, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(after)
        self.downsample = nn.Sequential()
        if stride > 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d hh ww"]:
        """Filter."""
        inner = functional.relu(self.bn1(self.conv1(x)))
        inner = functional.relu(self.bn2(self.conv2(inner)))
        return functional.relu(self.bn3(self.conv3(inner)) + self.downsample(x))


class ResNeXt(nn.Module):
    """Features at 1/4, 1/8, 1/16 and 1/32 of the picture's size; ResNeXt-50 32x4d unless told otherwise.

    Args:
        depths: Blocks of the four stages.
        groups: Of the grouped filters.
        group_width: Channels of a group in the first stage; each stage doubles them.
        width: Channels of the stem. A stage has four times as many, and each stage doubles them.

    Source:
        Xie et al., Aggregated Residual Transformations for Deep Neural Networks, CVPR 2017, table 1; the stride is
        in the grouped filter. Drawn as there: He et al.'s normal by the channels that come out.
    """

    def __init__(
        self, depths: tuple[int, ...] = (3, 4, 6, 3), *, groups: int = 32, group_width: int = 4, width: int = 64
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        before, after, self.widths = width, 4 * width, []
        for k, depth in enumerate(depths):
            inner, stage = groups * group_width * 2**k, nn.Sequential()
            for i in range(depth):
                stride = 2 if i == 0 and k else 1
                stage.append(Bottleneck(before, inner, after, stride=stride, groups=groups))
                before = after
            self.add_module(f"layer{k + 1}", stage)
            self.widths.append(after)
            after *= 2
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> list[Tensor]:
        """Find features of a picture with sides that are multiples of 32, finest first."""
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(picture))), 3, 2, 1)
        found = []
        for k in range(len(self.widths)):
            x = self.get_submodule(f"layer{k + 1}")(x)
            found.append(x)
        return found

    def take_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take over torchvision's weights of the whole network, without its classifier.

        Raises:
            RuntimeError: If weights are missing, too many, or of another shape.
        """
        self.load_state_dict({name: weight for name, weight in weights.items() if not name.startswith("fc.")})
