"""The scene network: a small encoder and decoder with two heads."""

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (16, 24, 48, 96, 160)
DEPTHS = (1, 2, 3, 4, 3)
MULTIPLE_OF = 32
"""Height and width of what goes in."""


class SceneNetwork(nn.Module):
    """Finds dioptres up to scale and shift, and a matte of the subject.

    In goes float32 (n, 3, h, w) in [0, 1], encoded as sRGB, sides multiples of 32. Out come dioptres (n, 1, h/2, w/2),
    larger is nearer, and the matte's logits of the same shape.

    Source:
        The blocks are inverted residuals (Sandler et al., MobileNetV2, CVPR 2018) with the coordinates as two more
        channels in front (Liu et al., CoordConv, NeurIPS 2018), for the ground is below and the sky above.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(5, WIDTHS[0], 3, 2, 1, bias=False), nn.BatchNorm2d(WIDTHS[0]), nn.ReLU6())
        stages, width = [], WIDTHS[0]
        for k, (wide, deep) in enumerate(zip(WIDTHS, DEPTHS, strict=True)):
            blocks = [InvertedResidual(width if i == 0 else wide, wide, 2 if i == 0 and k else 1) for i in range(deep)]
            stages.append(nn.Sequential(*blocks))
            width = wide
        self.stages = nn.ModuleList(stages)
        self.context = Context(WIDTHS[-1])
        self.merges = nn.ModuleList(
            Merge(below, beside) for below, beside in zip(WIDTHS[:0:-1], WIDTHS[-2::-1], strict=True)
        )
        self.depth_head = _head(WIDTHS[0])
        self.matte_head = _head(WIDTHS[0])

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Look at pictures."""
        # Counted, not written by size, for an exported network takes any size.
        one = picture[:, :1] * 0 + 1
        row, column = (2 * (one.cumsum(dim=axis) - 1) / (one.sum(dim=axis, keepdim=True) - 1) - 1 for axis in (2, 3))
        seen = self.stem(torch.cat([picture * 4 - 2, row, column], dim=1))
        levels = []
        for stage in self.stages:
            seen = stage(seen)
            levels.append(seen)
        seen = self.context(seen)
        for merge, beside in zip(self.merges, levels[-2::-1], strict=True):
            seen = merge(seen, beside)
        return self.depth_head(seen), self.matte_head(seen)


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow; add where the shape stays."""

    def __init__(self, before: int, after: int, stride: int, *, expansion: int = 4) -> None:
        super().__init__()
        inner = before * expansion
        self.adds = before == after and stride == 1
        self.body = nn.Sequential(
            nn.Conv2d(before, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU6(),
            nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU6(),
            nn.Conv2d(inner, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )

    def forward(self, seen: Tensor) -> Tensor:
        """Filter."""
        return seen + self.body(seen) if self.adds else self.body(seen)


class Context(nn.Module):
    """Tells every place of the whole picture: means of rows, of columns and of all."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(nn.Conv2d(4 * width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU6())

    def forward(self, seen: Tensor) -> Tensor:
        """Add the context."""
        rows = seen.mean(dim=3, keepdim=True).expand_as(seen)
        columns = seen.mean(dim=2, keepdim=True).expand_as(seen)
        everything = seen.mean(dim=(2, 3), keepdim=True).expand_as(seen)
        return seen + self.mix(torch.cat([seen, rows, columns, everything], dim=1))


class Merge(nn.Module):
    """Bring a coarse level to twice its size, beside the encoder's."""

    def __init__(self, below: int, beside: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(below, beside, 1, bias=False)
        self.body = InvertedResidual(2 * beside, beside, 1, expansion=2)

    def forward(self, below: Tensor, beside: Tensor) -> Tensor:
        """Merge both."""
        below = functional.interpolate(self.narrow(below), scale_factor=2.0, mode="bilinear", align_corners=False)
        return self.body(torch.cat([below, beside], dim=1))


def _head(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(width, 24, 3, 1, 1), nn.ReLU6(), nn.Conv2d(24, 1, 1))
