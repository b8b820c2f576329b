"""Wide activation with channel attention, from section 8 of the tables."""

import torch
from torch import nn
from torch.nn import functional

from rederived.tensorflow_ops import depth_to_space, space_to_depth


class WideBlock(nn.Module):
    def __init__(self, width=32, wide=128, reduction=8):
        super().__init__()
        self.widen = nn.Conv2d(width, wide, 3, 1, 1)
        self.narrow = nn.Conv2d(wide, width, 3, 1, 1)
        self.squeeze = nn.Conv2d(width, width // reduction, 1)
        self.excite = nn.Conv2d(width // reduction, width, 1)

    def forward(self, x):
        y = self.narrow(functional.relu(self.widen(x)))
        mean = y.mean(dim=(2, 3), keepdim=True)
        attention = torch.sigmoid(self.excite(functional.relu(self.squeeze(mean))))
        return x + y * attention


class WideActivationNet(nn.Module):
    def __init__(self, blocks=5, global_residual=False):
        super().__init__()
        self.first = nn.Conv2d(48, 32, 3, 1, 1)
        self.blocks = nn.Sequential(*[WideBlock() for _ in range(blocks)])
        self.last = nn.Conv2d(32, 48, 3, 1, 1)
        self.global_residual = global_residual

    def forward(self, picture):
        seen = space_to_depth(picture, 4)
        y = self.last(self.blocks(self.first(seen)))
        if self.global_residual:
            y = y + seen
        return depth_to_space(y, 4)


def wide_activation_net(*, blocks=5, global_residual=False):
    return WideActivationNet(blocks, global_residual)
