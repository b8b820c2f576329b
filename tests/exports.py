"""Networks that are exported in tests."""

from torch import nn

from wideopen.zoo.solution import Solution


class Guided(nn.Module):
    """Its inputs cannot change places unseen."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, picture, saliency, depth):
        return 0.5 * picture + 0.1 * self.convolution(picture) * depth / 255 - 0.2 * saliency


class Bend(nn.Module):
    """What it does hangs on values."""

    def forward(self, picture):
        return picture * 0.5 if float(picture.mean()) > 0.3 else picture


class Branching(nn.Module):
    """Cannot be traced, for one of its layers cannot."""

    def __init__(self):
        super().__init__()
        self.first, self.bend = nn.Conv2d(3, 3, 1), Bend()

    def forward(self, picture):
        return self.bend(self.first(picture))


class Root(nn.Module):
    """Asks for what ONNX has no operator for."""

    def forward(self, picture):
        import torch

        return torch.special.bessel_j0(picture)


class Rooted(nn.Module):
    """Can be traced, and not be translated."""

    def __init__(self):
        super().__init__()
        self.root = Root()

    def forward(self, picture):
        return self.root(picture)


GUIDED = Solution(
    "guided", Guided, needs=("saliency", "depth"), multiple_of=32, padded_at="start", value_range=(0.0, 255.0)
)
