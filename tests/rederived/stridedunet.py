"""The U-Net of strided convolutions, from section 7 of the tables."""

import torch
from torch import nn
from torch.nn import functional

from rederived.tensorflow_ops import SameConv


def leaky(x):
    return functional.leaky_relu(x, 0.2)


class StridedUNet(nn.Module):
    def __init__(self, base=16, depth=4):
        super().__init__()
        self.skips, self.downs, self.ups, self.merges = [nn.ModuleList() for _ in range(4)]
        for i in range(depth):
            width = base * 2**i
            self.skips.append(SameConv(3 if i == 0 else width, width, 3))
            self.downs.append(SameConv(width, 2 * width, 3, 2))
            self.ups.append(nn.ConvTranspose2d(2 * width, width, 2, 2))
            self.merges.append(SameConv(2 * width, width, 3))
        self.bottleneck = SameConv(base * 2**depth, base * 2**depth, 3)
        self.last = nn.Conv2d(base, 3, 1)

    def forward(self, x):
        kept = []
        for skip, down in zip(self.skips, self.downs, strict=True):
            z = skip(x)
            kept.append(z)
            x = leaky(down(leaky(z)))
        x = leaky(self.bottleneck(x))
        for i in reversed(range(len(kept))):
            x = leaky(torch.cat([self.ups[i](x), kept[i]], dim=1))
            x = leaky(self.merges[i](x))
        return self.last(x)


def strided_unet(*, base=16, depth=4):
    return StridedUNet(base, depth)
