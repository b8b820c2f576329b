"""Bokeh from estimated defocus, from section 3 of the tables."""

import torch
from torch import nn
from torch.nn import functional

SIX_LAYERS = (1, 9, 21, 37, 53, 69)
FIFTEEN_LAYERS = (1, 3, 5, 7, 11, 15, 19, 23, 27, 33, 39, 45, 53, 61, 69)
"""Sides of the kernels, in pixels; 1 is no blur at all."""


class Bottleneck(nn.Module):
    """A block of ResNeXt-50 (32 groups 4 wide)."""

    def __init__(self, before, inner, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, groups=32, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, after, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(after)
        self.projects = stride != 1 or before != after
        if self.projects:
            self.projection = nn.Conv2d(before, after, 1, stride, bias=False)
            self.projection_bn = nn.BatchNorm2d(after)

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        if self.projects:
            x = self.projection_bn(self.projection(x))
        return functional.relu(x + y)


class Encoder(nn.Module):
    """ResNeXt50-32x4d without its head."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn = nn.BatchNorm2d(64)
        self.layer1 = self.layer(64, 128, 256, 3, 1)
        self.layer2 = self.layer(256, 256, 512, 4, 2)
        self.layer3 = self.layer(512, 512, 1024, 6, 2)
        self.layer4 = self.layer(1024, 1024, 2048, 3, 2)

    def layer(self, before, inner, after, count, stride):
        blocks = [Bottleneck(before, inner, after, stride)]
        for _ in range(count - 1):
            blocks.append(Bottleneck(after, inner, after, 1))
        return nn.Sequential(*blocks)

    def forward(self, x):
        x = functional.relu(self.bn(self.conv(x)))
        x = functional.max_pool2d(x, 3, 2, 1)
        c1 = self.layer1(x)
        c2 = self.layer2(c1)
        c3 = self.layer3(c2)
        c4 = self.layer4(c3)
        return c1, c2, c3, c4


class ResidualUnit(nn.Module):
    """The ReLU in front works in place, so what is added is ReLU(x)."""

    def __init__(self, width=256):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, 1, 1)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1)

    def forward(self, x):
        x = functional.relu(x)
        y = self.conv1(x)
        y = functional.relu(y)
        y = self.conv2(y)
        return x + y


class Fusion(nn.Module):
    def __init__(self):
        super().__init__()
        self.unit1 = ResidualUnit()
        self.unit2 = ResidualUnit()

    def forward(self, a, b=None):
        if b is not None:
            a = a + self.unit1(b)
        a = self.unit2(a)
        return functional.interpolate(a, scale_factor=2, mode="bilinear", align_corners=True)


class Defocus(nn.Module):
    """Everything up to the numbers of the last 1x1 convolution."""

    def __init__(self, outputs):
        super().__init__()
        self.encoder = Encoder()
        self.lateral1 = nn.Conv2d(256, 256, 3, 1, 1, bias=False)
        self.lateral2 = nn.Conv2d(512, 256, 3, 1, 1, bias=False)
        self.lateral3 = nn.Conv2d(1024, 256, 3, 1, 1, bias=False)
        self.lateral4 = nn.Conv2d(2048, 256, 3, 1, 1, bias=False)
        self.fusion4 = Fusion()
        self.fusion3 = Fusion()
        self.fusion2 = Fusion()
        self.fusion1 = Fusion()
        self.head1 = nn.Conv2d(256, 128, 3, 1, 1)
        self.head2 = nn.Conv2d(128, 32, 3, 1, 1)
        self.last = nn.Conv2d(32, outputs, 1)

    def forward(self, picture):
        c1, c2, c3, c4 = self.encoder(picture)
        l1 = self.lateral1(c1)
        l2 = self.lateral2(c2)
        l3 = self.lateral3(c3)
        l4 = self.lateral4(c4)
        path = self.fusion4(l4)
        path = self.fusion3(path, l3)
        path = self.fusion2(path, l2)
        path = self.fusion1(path, l1)
        y = self.head1(path)
        y = functional.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
        y = functional.relu(self.head2(y))
        return self.last(y)


class Radiance(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 1)
        self.second = nn.Conv2d(16, 16, 1)
        self.third = nn.Conv2d(16, 1, 1)

    def forward(self, picture):
        w = functional.relu(self.first(picture))
        w = functional.relu(self.second(w))
        w = torch.sigmoid(self.third(w))
        w = w.expand_as(picture)
        burnt = (picture >= 0.99).any(dim=1, keepdim=True)
        return torch.where(burnt, 3 * picture**5, w)


def disk(size, like):
    radius = size // 2
    along = torch.arange(-radius, radius + 1, dtype=like.dtype, device=like.device)
    y, x = torch.meshgrid(along, along, indexing="ij")
    kernel = 0.5 + 0.5 * torch.tanh(0.25 * (radius**2 - x**2 - y**2) + 0.5)
    return kernel / kernel.sum()


def blur(x, size):
    if size == 1:
        return x
    radius = size // 2
    h, w = x.shape[2:]
    kernel = disk(size, x)
    padded = functional.pad(x, (radius, radius, radius, radius), mode="reflect")
    result = torch.zeros_like(x)
    for row in range(size):
        for column in range(size):
            result = result + kernel[row, column] * padded[:, :, row : row + h, column : column + w]
    return result


def composite(x, masks, sizes):
    """Render X from the farthest blur to none."""
    covered = torch.zeros_like(masks[0])
    result = torch.zeros_like(x)
    for i in range(len(sizes) - 1, -1, -1):
        m = blur(masks[i], sizes[i])
        q = blur(masks[i] * x, sizes[i])
        covered = covered * (1 - m) + m
        result = result * (1 - m) + q
    return result / (covered + 1e-10)


def masks_of_map(defocus, count):
    delta = 1 / (count - 1)
    return [0.5 + 0.5 * torch.tanh(100 * (delta - (defocus - i * delta).abs())) for i in range(count)]


def render(picture, w, masks, sizes):
    return composite(picture * w, masks, sizes) / (composite(w, masks, sizes) + 1e-10)


class PoissonFusion(nn.Module):
    """Finds the mask of the journal's paste."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 64, 3, 1, 1)
        self.conv2 = nn.Conv2d(64, 16, 3, 1, 1)
        self.conv3 = nn.Conv2d(16, 16, 3, 1, 1)
        self.conv4 = nn.Conv2d(16, 1, 3, 1, 1)

    def forward(self, defocus, picture):
        red, green, blue = picture[:, 0:1], picture[:, 1:2], picture[:, 2:3]
        grey = 0.299 * red + 0.587 * green + 0.114 * blue
        y = functional.relu(self.conv1(torch.cat([1 - defocus, grey], dim=1)))
        y = functional.relu(self.conv2(y))
        y = functional.relu(self.conv3(y))
        return self.conv4(y).clamp(0, 1)


def fixed_mask(defocus):
    return torch.sigmoid(20 * (0.125 - defocus))


def adaptive_mask(defocus):
    b = defocus.amin(dim=(1, 2, 3), keepdim=True)
    a = defocus.amax(dim=(1, 2, 3), keepdim=True)
    t = torch.where(b >= 1 / 8, (a - b) / 8 + b, torch.full_like(b, 1 / 8))
    return torch.sigmoid(20 / (t - b) * (t - defocus))


class DefocusNet(nn.Module):
    """The whole system: layers "classes" or "map"; paste "none", "fixed", "adaptive" or "poisson"."""

    def __init__(self, layers, paste, clamped=True):
        super().__init__()
        self.layers = layers
        self.paste = paste
        self.clamped = clamped
        self.defocus = Defocus(6 if layers == "classes" else 1)
        self.radiance = Radiance()
        if paste == "poisson":
            self.fusion = PoissonFusion()

    def read(self, raw):
        """Masks, sizes of their kernels, and map of defocus."""
        if self.layers == "classes":
            masks = list(torch.softmax(raw, dim=1).chunk(6, dim=1))
            defocus = sum(mask * radius / 17 for mask, radius in zip(masks, (0, 2, 5, 9, 13, 17), strict=True))
            return masks, SIX_LAYERS, defocus
        defocus = raw.clamp(0, 1) if self.clamped else raw
        return masks_of_map(defocus, 15), FIFTEEN_LAYERS, defocus

    def forward(self, picture):
        h, w = picture.shape[2:]
        half = (round(h / 2 / 64) * 64, round(w / 2 / 64) * 64)
        small = functional.interpolate(picture, size=half, mode="bilinear", align_corners=False)
        masks, sizes, defocus = self.read(self.defocus(small))
        bokeh = render(small, self.radiance(small), masks, sizes)
        bokeh = functional.interpolate(bokeh, size=(h, w), mode="bilinear", align_corners=False)
        defocus = functional.interpolate(defocus, size=(h, w), mode="bilinear", align_corners=False)
        if self.paste == "none":
            return bokeh
        if self.paste == "fixed":
            mask = fixed_mask(defocus)
        elif self.paste == "adaptive":
            mask = adaptive_mask(defocus)
        else:
            mask = self.fusion(defocus, picture)
        return mask * picture + (1 - mask) * bokeh


def layered_defocus_net():
    """Of track 1: six layers, no paste."""
    return DefocusNet("classes", "none")


def single_map_defocus_net(*, paste="fixed", clamped=True):
    """Of track 2: fifteen layers of one map, the original's foreground pasted."""
    return DefocusNet("map", paste, clamped)
