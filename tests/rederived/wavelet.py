"""The dilated wavelet network, from section 4 of the tables."""

import torch
from torch import nn
from torch.nn import functional

RATES = (3, 2, 1, 1, 1, 1)


def dwt(x):
    a = x[:, :, 0::2, 0::2]
    b = x[:, :, 0::2, 1::2]
    c = x[:, :, 1::2, 0::2]
    d = x[:, :, 1::2, 1::2]
    band1 = (a + b + c + d) / 4
    band2 = (a - b + c - d) / 4
    band3 = (a + b - c - d) / 4
    band4 = (a - b - c + d) / 4
    return torch.cat([band1, band2, band3, band4], dim=1)


def iwt(x):
    band1, band2, band3, band4 = torch.chunk(x, 4, dim=1)
    n, c, h, w = band1.shape
    y = x.new_zeros(n, c, 2 * h, 2 * w)
    y[:, :, 0::2, 0::2] = band1 + band2 + band3 + band4
    y[:, :, 0::2, 1::2] = band1 - band2 + band3 - band4
    y[:, :, 1::2, 0::2] = band1 + band2 - band3 - band4
    y[:, :, 1::2, 1::2] = band1 - band2 - band3 + band4
    return y


def conv3(before, after, dilation=1):
    return nn.Conv2d(before, after, 3, 1, dilation, dilation=dilation)


class PyramidBlock(nn.Module):
    def __init__(self, n, f):
        super().__init__()
        self.first = conv3(n, 2 * f)
        width = 2 * f
        self.dilated = nn.ModuleList()
        for rate in RATES:
            self.dilated.append(conv3(width, f, rate))
            width += f
        self.narrow = nn.Conv2d(width, f, 1)
        self.last = conv3(f, n)

    def forward(self, x):
        t = functional.relu(self.first(x))
        for dilated in self.dilated:
            t = torch.cat([t, functional.relu(dilated(t))], dim=1)
        t = functional.relu(self.narrow(t))
        return x + 0.1 * self.last(t)


class WaveletNet(nn.Module):
    def __init__(self, widths=(32, 64, 128)):
        super().__init__()
        a, b, c = widths
        self.in1 = conv3(12, a)
        self.block1 = PyramidBlock(a, a // 4)
        self.in2 = conv3(4 * a, b)
        self.block2 = PyramidBlock(b, b // 4)
        self.in3 = conv3(4 * b, c)
        self.block3a = PyramidBlock(c, c // 4)
        self.block3b = PyramidBlock(c, c // 4)
        self.out3 = conv3(c, 4 * b)
        self.block4 = PyramidBlock(b, b // 4)
        self.out2 = conv3(b, 4 * a)
        self.block5 = PyramidBlock(a, a // 4)
        self.out1 = conv3(a, 12)

    def forward(self, x):
        x1 = self.block1(functional.relu(self.in1(dwt(x))))
        x2 = self.block2(functional.relu(self.in2(dwt(x1))))
        x3 = self.block3b(self.block3a(functional.relu(self.in3(dwt(x2)))))
        y2 = self.block4(iwt(self.out3(x3)) + x2)
        y1 = self.block5(iwt(self.out2(y2)) + x1)
        return iwt(self.out1(y1)) + x


def wavelet_net():
    return WaveletNet()
