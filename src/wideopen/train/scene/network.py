"""The scene network: a small encoder and decoder with two heads."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (16, 24, 48, 104, 176)
DEPTHS = (1, 2, 3, 5, 3)
MULTIPLE_OF = 32
"""Height and width of what goes in."""


class SceneNetwork(nn.Module):
    """Finds dioptres up to scale and shift, and a matte of the subject.

    In goes float32 (n, 3, h, w) in [0, 1], encoded as sRGB, sides multiples of 32. Out come dioptres (n, 1, h/2, w/2),
    larger is nearer, and the matte's logits of the same shape.

    Source:
        The blocks are inverted residuals (Sandler et al., MobileNetV2, CVPR 2018), where there are many pixels with
        whole filters in the place of filters of single channels (Tan and Le, EfficientNetV2, ICML 2021), which a CPU
        learns twice as fast. The coordinates are two more channels in front (Liu et al., CoordConv, NeurIPS 2018),
        for the ground is below and the sky above.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(5, WIDTHS[0], 3, 2, 1, bias=False), nn.BatchNorm2d(WIDTHS[0]), nn.ReLU6())
        stages, width = [], WIDTHS[0]
        for k, (wide, deep) in enumerate(zip(WIDTHS, DEPTHS, strict=True)):
            blocks = [block(k)(width if i == 0 else wide, wide, 2 if i == 0 and k else 1) for i in range(deep)]
            stages.append(nn.Sequential(*blocks))
            width = wide
        self.stages = nn.ModuleList(stages)
        self.context = Context(WIDTHS[-1])
        self.merges = nn.ModuleList(Merge(WIDTHS[k + 1], WIDTHS[k], block(k)) for k in reversed(range(len(WIDTHS) - 1)))
        self.depth_head = nn.Conv2d(WIDTHS[0], 1, 3, 1, 1)
        self.matte_head = nn.Conv2d(WIDTHS[0], 1, 3, 1, 1)

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


class Plain(nn.Module):
    """One whole filter, then its nonlinearity."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        conv = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.body = nn.Sequential(conv, nn.BatchNorm2d(after), nn.ReLU6())

    def forward(self, seen: Tensor) -> Tensor:
        """Filter."""
        return self.body(seen)


class FusedResidual(nn.Module):
    """Widen by whole filters, narrow; add where the shape stays."""

    def __init__(self, before: int, after: int, stride: int, *, expansion: int = 3) -> None:
        super().__init__()
        inner = before * expansion
        self.adds = before == after and stride == 1
        self.body = nn.Sequential(
            nn.Conv2d(before, inner, 3, stride, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU6(),
            nn.Conv2d(inner, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )

    def forward(self, seen: Tensor) -> Tensor:
        """Filter."""
        return seen + self.body(seen) if self.adds else self.body(seen)


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

    def __init__(self, below: int, beside: int, kind: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(below, beside, 1, bias=False)
        self.body = kind(2 * beside, beside, 1) if kind is Plain else kind(2 * beside, beside, 1, expansion=2)

    def forward(self, below: Tensor, beside: Tensor) -> Tensor:
        """Merge both."""
        below = functional.interpolate(self.narrow(below), scale_factor=2.0, mode="bilinear", align_corners=False)
        return self.body(torch.cat([below, beside], dim=1))


def block(level: int) -> Callable[..., nn.Module]:
    """Tell the kind of block of a level, 0 at half the picture's size."""
    return (Plain, FusedResidual, InvertedResidual)[min(level, 2)]
