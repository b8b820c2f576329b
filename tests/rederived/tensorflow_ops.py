"""What TensorFlow does where PyTorch does it otherwise."""

from torch import nn
from torch.nn import functional


class SameConv(nn.Module):
    """Convolution with padding "SAME": what is odd about the padding goes to the bottom and to the right."""

    def __init__(self, before, after, kernel, stride=1, *, bias=True):
        super().__init__()
        self.kernel = kernel
        self.stride = stride
        self.conv = nn.Conv2d(before, after, kernel, stride, padding=0, bias=bias)

    def forward(self, x):
        top, bottom = self.both_ends(x.shape[2])
        left, right = self.both_ends(x.shape[3])
        return self.conv(functional.pad(x, (left, right, top, bottom)))

    def both_ends(self, size):
        after = -(-size // self.stride)
        total = max((after - 1) * self.stride + self.kernel - size, 0)
        return total // 2, total - total // 2


def space_to_depth(x, block):
    """Put the channels pixel-major: all channels of the block's first pixel, then all of its second."""
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // block, block, w // block, block)
    return x.permute(0, 3, 5, 1, 2, 4).reshape(n, block * block * c, h // block, w // block)


def depth_to_space(x, block):
    n, c, h, w = x.shape
    x = x.reshape(n, block, block, c // (block * block), h, w)
    return x.permute(0, 3, 4, 1, 5, 2).reshape(n, c // (block * block), h * block, w * block)
