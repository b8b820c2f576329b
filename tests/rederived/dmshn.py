"""DMSHN, stacked DMSHN and the weight-map variant, from section 5 of the tables."""

import torch
from torch import nn
from torch.nn import functional


def conv3(before, after, stride=1):
    return nn.Conv2d(before, after, 3, stride, 1)


def up2(x):
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def half(x):
    return functional.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = conv3(width, width)
        self.second = conv3(width, width)

    def forward(self, x):
        return x + self.second(functional.relu(self.first(x)))


def encoder(inputs=3):
    return nn.Sequential(
        conv3(inputs, 32),
        Residual(32),
        Residual(32),
        conv3(32, 64, 2),
        Residual(64),
        Residual(64),
        conv3(64, 128, 2),
        Residual(128),
        Residual(128),
    )


def decoder(outputs=3):
    return nn.Sequential(
        Residual(128),
        Residual(128),
        nn.ConvTranspose2d(128, 64, 4, 2, 1),
        Residual(64),
        Residual(64),
        nn.ConvTranspose2d(64, 32, 4, 2, 1),
        Residual(32),
        Residual(32),
        conv3(32, outputs),
    )


class DMSHN(nn.Module):
    def __init__(self):
        super().__init__()
        self.e1, self.e2, self.e3 = encoder(), encoder(), encoder()
        self.d1, self.d2, self.d3 = decoder(), decoder(), decoder()

    def forward(self, i1):
        i2 = half(i1)
        i3 = half(i2)
        f3 = self.e3(i3)
        r3 = self.d3(f3)
        f2 = self.e2(i2 + up2(r3))
        r2 = self.d2(f2 + up2(f3))
        f1 = self.e1(i1 + up2(r2))
        return self.d1(f1 + up2(f2))


class Stacked(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = DMSHN()
        self.b = DMSHN()

    def forward(self, picture):
        return self.b(self.a(picture))


SIDES_PX = ((25, 45, 75), (13, 23, 37), (7, 11, 19))
"""Of the Gaussians by level: the radii 12, 22, 37 halved and halved again, rounded down; the tables are silent."""


def opencv_deviation(side_px):
    """Standard deviation that OpenCV takes for a kernel of this side; the tables are silent."""
    return 0.3 * ((side_px - 1) * 0.5 - 1) + 0.8


def gaussian_blur(x, side, deviation, border):
    radius = side // 2
    along = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    line = torch.exp(-(along**2) / (2 * deviation**2))
    line = line / line.sum()
    kernel = torch.outer(line, line).expand(x.shape[1], 1, side, side)
    padded = functional.pad(x, (radius, radius, radius, radius), mode=border)
    return functional.conv2d(padded, kernel, groups=x.shape[1])


class Blend(nn.Module):
    """Weighs the sharp picture and its blurs."""

    def __init__(self, sides_px, deviations_px, border):
        super().__init__()
        self.gaussians = list(zip(sides_px, deviations_px, strict=True))
        self.border = border

    def forward(self, picture, weights):
        result = weights[:, 0:1] * picture
        for j, (side, deviation) in enumerate(self.gaussians):
            result = result + weights[:, j + 1 : j + 2] * gaussian_blur(picture, side, deviation, self.border)
        return result


class WeightMapDMSHN(nn.Module):
    """The challenge's: each level tells weights of the sharp picture and its three blurs."""

    def __init__(self, blends):
        super().__init__()
        self.blend1, self.blend2, self.blend3 = blends
        self.e1, self.e2, self.e3 = encoder(10), encoder(10), encoder(3)
        self.d1, self.d2, self.d3 = decoder(4), decoder(4), decoder(4)

    def forward(self, i1):
        i2 = half(i1)
        i3 = half(i2)
        f3 = self.e3(i3)
        w3 = torch.softmax(self.d3(f3), dim=1)
        b3 = self.blend3(i3, w3)
        f2 = self.e2(torch.cat([i2, up2(w3), up2(b3)], dim=1))
        w2 = torch.softmax(self.d2(f2 + up2(f3)), dim=1)
        b2 = self.blend2(i2, w2)
        f1 = self.e1(torch.cat([i1, up2(w2), up2(b2)], dim=1))
        w1 = torch.softmax(self.d1(f1 + up2(f2)), dim=1)
        return self.blend1(i1, w1)


def dmshn():
    return DMSHN()


def stacked_dmshn():
    return Stacked()


def dmshn_wm(*, sides_px=SIDES_PX, deviations_px=None, border="reflect"):
    if deviations_px is None:
        deviations_px = [[opencv_deviation(side) for side in sides] for sides in sides_px]
    return WeightMapDMSHN([Blend(*both, border) for both in zip(sides_px, deviations_px, strict=True)])
