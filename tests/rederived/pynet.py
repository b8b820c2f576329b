"""PyNET for bokeh, from section 9.1 of the tables."""

import torch
from torch import nn
from torch.nn import functional

from rederived.tensorflow_ops import SameConv, space_to_depth


def leaky(x):
    return functional.leaky_relu(x, 0.2)


class InstanceNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        mean = x.mean(dim=(2, 3), keepdim=True)
        variance = ((x - mean) ** 2).mean(dim=(2, 3), keepdim=True)
        y = (x - mean) / torch.sqrt(variance + 1e-3)
        return y * self.weight.reshape(1, -1, 1, 1) + self.bias.reshape(1, -1, 1, 1)


class Layer(nn.Module):
    def __init__(self, before, after, kernel, norm):
        super().__init__()
        self.conv = SameConv(before, after, kernel)
        self.norm = InstanceNorm(after) if norm else nn.Identity()

    def forward(self, x):
        return leaky(self.norm(self.conv(x)))


class Multi(nn.Module):
    """Two layers with 3x3, beside them two with 5x5 and so on up to the largest."""

    def __init__(self, before, after, largest, norm):
        super().__init__()
        self.paths = nn.ModuleList()
        for kernel in range(3, largest + 1, 2):
            self.paths.append(nn.Sequential(Layer(before, after, kernel, norm), Layer(after, after, kernel, norm)))

    def forward(self, x):
        return torch.cat([path(x) for path in self.paths], dim=1)


class Transposed(nn.Module):
    """TensorFlow's transposed convolution with padding "SAME"."""

    def __init__(self, before, after):
        super().__init__()
        self.conv = nn.ConvTranspose2d(before, after, 3, 2, 0, bias=False)

    def forward(self, x):
        return leaky(self.conv(x)[:, :, :-1, :-1])


def picture_of(x):
    return torch.tanh(x) * 0.58 + 0.5


def cat(*parts):
    return torch.cat(parts, dim=1)


class Level7(nn.Module):
    def __init__(self):
        super().__init__()
        self.m1 = Multi(256, 512, 3, True)
        self.m2 = Multi(512, 512, 3, True)
        self.m3 = Multi(512, 512, 3, True)
        self.m4 = Multi(512, 512, 3, True)
        self.ta = Transposed(512, 256)
        self.tb = Transposed(512, 256)
        self.out = SameConv(512, 3, 3)

    def forward(self, x):
        x = self.m1(x)
        x = self.m2(x) + x
        x = self.m3(x) + x
        return self.m4(x)


class Level6(nn.Module):
    def __init__(self):
        super().__init__()
        self.m1 = Multi(512, 256, 3, True)
        self.m2 = Multi(256, 256, 3, True)
        self.m3 = Multi(256, 256, 3, True)
        self.m4 = Multi(256, 256, 3, True)
        self.m5 = Multi(512, 256, 3, True)
        self.ta = Transposed(256, 128)
        self.tb = Transposed(256, 128)
        self.out = SameConv(256, 3, 3)

    def forward(self, d4, t4a, t4b):
        x = self.m1(cat(d4, t4a))
        x = self.m2(x) + x
        x = self.m3(x) + x
        x = cat(self.m4(x), t4b)
        return self.m5(x)


class Level5(nn.Module):
    def __init__(self):
        super().__init__()
        self.m1 = Multi(256, 128, 5, True)
        self.m2 = Multi(256, 128, 5, True)
        self.m3 = Multi(256, 128, 5, True)
        self.m4 = Multi(256, 128, 5, True)
        self.m5 = Multi(512, 128, 3, True)
        self.ta = Transposed(128, 64)
        self.tb = Transposed(128, 64)
        self.out = SameConv(128, 3, 3)

    def forward(self, d3, t3a, t3b):
        x = cat(d3, t3a)
        x = self.m1(x) + x
        x = self.m2(x) + x
        x = self.m3(x) + x
        x = cat(self.m4(x), d3, t3b)
        return self.m5(x)


class Level4(nn.Module):
    def __init__(self):
        super().__init__()
        self.m1 = Multi(128, 64, 5, True)
        self.m2 = Multi(192, 64, 7, True)
        self.m3 = Multi(192, 64, 7, True)
        self.m4 = Multi(192, 64, 7, True)
        self.m5 = Multi(192, 64, 7, True)
        self.m6 = Multi(256, 64, 5, True)
        self.m7 = Multi(192, 64, 3, True)
        self.ta = Transposed(64, 32)
        self.tb = Transposed(64, 32)
        self.out = SameConv(64, 3, 3)

    def forward(self, d2, t2a, t2b):
        x = cat(d2, t2a)
        x = cat(self.m1(x), d2)
        x = self.m2(x) + x
        x = self.m3(x) + x
        x = self.m4(x) + x
        x = cat(self.m5(x), d2)
        x = cat(self.m6(x), t2b)
        return self.m7(x)


class Level3(nn.Module):
    def __init__(self):
        super().__init__()
        self.m1 = Multi(64, 32, 5, False)
        self.m2 = Multi(96, 32, 7, False)
        self.m3 = Multi(96, 32, 9, False)
        self.m4 = Multi(128, 32, 9, False)
        self.m5 = Multi(128, 32, 9, False)
        self.m6 = Multi(128, 32, 9, False)
        self.m7 = Multi(128, 32, 7, False)
        self.m8 = Multi(128, 32, 5, False)
        self.m9 = Multi(128, 32, 3, False)
        self.out = SameConv(32, 3, 3)

    def forward(self, d1, t1a, t1b):
        x = cat(d1, t1a)
        x = cat(self.m1(x), d1)
        x = self.m2(x)
        x = self.m3(x)
        x = self.m4(x) + x
        x = self.m5(x) + x
        x = self.m6(x) + x
        x = cat(self.m7(x), d1)
        x = cat(self.m8(x), t1b, d1)
        return self.m9(x)


class PyNET(nn.Module):
    def __init__(self, inputs=4):
        super().__init__()
        self.down1 = Multi(4 * inputs, 32, 3, False)
        self.down2 = Multi(32, 64, 3, True)
        self.down3 = Multi(64, 128, 3, True)
        self.down4 = Multi(128, 256, 3, True)
        self.level7 = Level7()
        self.level6 = Level6()
        self.level5 = Level5()
        self.level4 = Level4()
        self.level3 = Level3()
        self.t2 = Transposed(32, 8)
        self.out2 = SameConv(8, 3, 3)
        self.t1 = Transposed(3, 3)
        self.out1 = SameConv(3, 3, 3)

    def pictures(self, half):
        """Picture of every level, from half-size RGB with depth; level 1 is twice as large as what comes in."""
        d1 = self.down1(space_to_depth(half, 2))
        d2 = self.down2(functional.max_pool2d(d1, 2))
        d3 = self.down3(functional.max_pool2d(d2, 2))
        d4 = self.down4(functional.max_pool2d(d3, 2))
        x7 = self.level7(functional.max_pool2d(d4, 2))
        x6 = self.level6(d4, self.level7.ta(x7), self.level7.tb(x7))
        x5 = self.level5(d3, self.level6.ta(x6), self.level6.tb(x6))
        x4 = self.level4(d2, self.level5.ta(x5), self.level5.tb(x5))
        x3 = self.level3(d1, self.level4.ta(x4), self.level4.tb(x4))
        o2 = self.out2(self.t2(x3))
        o1 = self.out1(self.t1(o2))
        return {
            7: picture_of(self.level7.out(x7)),
            6: picture_of(self.level6.out(x6)),
            5: picture_of(self.level5.out(x5)),
            4: picture_of(self.level4.out(x4)),
            3: picture_of(self.level3.out(x3)),
            2: picture_of(o2),
            1: picture_of(o1),
        }

    def forward(self, half):
        return self.pictures(half)[1]


def py_net(*, depth=True):
    return PyNET(4 if depth else 3)
