"""BG-Net and its two critics, from section 2 of the tables."""

import torch
from torch import nn
from torch.nn import functional

from rederived.tensorflow_ops import SameConv


class PictureNorm(nn.Module):
    """Instance normalisation without gain; faithfully, its variance is a sum and not a mean."""

    def __init__(self, faithful):
        super().__init__()
        self.faithful = faithful

    def forward(self, x):
        mean = x.mean(dim=(2, 3), keepdim=True)
        variance = ((x - mean) ** 2).mean(dim=(2, 3), keepdim=True)
        if self.faithful:
            variance = variance * x.shape[2] * x.shape[3]
        return (x - mean) / torch.sqrt(variance + 1e-5)


class Residual(nn.Module):
    def __init__(self, width, faithful):
        super().__init__()
        self.first = SameConv(width, width, 3, bias=False)
        self.first_norm = PictureNorm(faithful)
        self.dropout = nn.Dropout(0.1)
        self.second = SameConv(width, width, 3, bias=False)
        self.second_norm = PictureNorm(faithful)

    def forward(self, x):
        y = functional.relu(self.first_norm(self.first(x)))
        y = self.dropout(y)
        y = self.second_norm(self.second(y))
        return functional.relu(x + y)


def up(before, after):
    return nn.ConvTranspose2d(before, after, 4, 2, 1, bias=True)


class FirstUNet(nn.Module):
    def __init__(self, c=16, faithful=True):
        super().__init__()
        self.x1 = SameConv(3, c, 3, 1, bias=False)
        self.x2 = SameConv(c, 2 * c, 3, 2, bias=False)
        self.x3 = SameConv(2 * c, 4 * c, 3, 2, bias=False)
        self.x4 = SameConv(4 * c, 8 * c, 3, 2, bias=False)
        self.r = nn.Sequential(*[Residual(8 * c, faithful) for _ in range(9)])
        self.u1 = up(16 * c, 4 * c)
        self.u2 = up(4 * c, 2 * c)
        self.u3 = up(2 * c, c)
        self.y1 = SameConv(c, 3, 3, 1, bias=False)

    def forward(self, x):
        x1 = functional.relu(self.x1(x))
        x2 = functional.relu(self.x2(x1))
        x3 = functional.relu(self.x3(x2))
        x4 = functional.relu(self.x4(x3))
        r = self.r(x4)
        u1 = functional.relu(self.u1(torch.cat([r, x4], dim=1)))
        u2 = functional.relu(self.u2(u1))
        u3 = functional.relu(self.u3(u2))
        return torch.tanh(self.y1(u3))


class SecondUNet(nn.Module):
    def __init__(self, c=24, faithful=True):
        super().__init__()
        self.a0 = SameConv(6, c, 3, 1, bias=False)
        self.a1 = SameConv(c, 2 * c, 3, 2, bias=False)
        self.a2 = SameConv(2 * c, 4 * c, 3, 2, bias=False)
        self.a3 = SameConv(4 * c, 8 * c, 3, 2, bias=False)
        self.m = SameConv(8 * c, 8 * c, 3, 1, bias=False)
        self.r = nn.Sequential(*[Residual(8 * c, faithful) for _ in range(9)])
        self.u1 = up(16 * c, 4 * c)
        self.u2 = up(8 * c, 2 * c)
        self.u3 = up(4 * c, c)
        self.y = SameConv(c, 3, 3, 1, bias=False)

    def forward(self, x):
        a0 = functional.relu(self.a0(x))
        a1 = functional.relu(self.a1(a0))
        a2 = functional.relu(self.a2(a1))
        a3 = functional.relu(self.a3(a2))
        m = functional.relu(self.m(a3))
        r = self.r(m)
        u1 = functional.relu(self.u1(torch.cat([a3, r], dim=1)))
        u2 = functional.relu(self.u2(torch.cat([a2, u1], dim=1)))
        u3 = functional.relu(self.u3(torch.cat([a1, u2], dim=1)))
        return torch.tanh(self.y(u3))


class BGNet(nn.Module):
    def __init__(self, faithful=True):
        super().__init__()
        self.first = FirstUNet(16, faithful)
        self.second = SecondUNet(24, faithful)

    def both(self, x):
        y1 = self.first(x)
        y = self.second(torch.cat([y1, x - y1], dim=1))
        return y, y1

    def forward(self, x):
        return self.both(x)[0]


class Critic(nn.Module):
    """Convolution, norm, LeakyReLU again and again; the last convolution stands alone."""

    def __init__(self, strided, faithful=True):
        super().__init__()
        layers = []
        before = 3
        for after in strided:
            layers.append(SameConv(before, after, 4, 2))
            layers.append(PictureNorm(faithful))
            layers.append(nn.LeakyReLU(0.2))
            before = after
        layers.append(SameConv(before, 512, 4, 1))
        layers.append(PictureNorm(faithful))
        layers.append(nn.LeakyReLU(0.2))
        layers.append(SameConv(512, 512, 1, 1))
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


def bg_net(*, faithful_norm=True):
    return BGNet(faithful_norm)


def patch_critic(*, faithful_norm=True):
    return Critic((64, 128, 256), faithful_norm)


def full_critic(*, faithful_norm=True):
    return Critic((64, 128, 256, 512, 512), faithful_norm)
