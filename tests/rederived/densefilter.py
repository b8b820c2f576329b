"""The dense network of dynamic filters (DDDF), from section 6 of the tables."""

import torch
from torch import nn
from torch.nn import functional

from rederived.tensorflow_ops import space_to_depth


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation; by default the tested picture is the batch, as the original leaves its net in train mode."""

    def __init__(self, width, batch_stats):
        super().__init__(width)
        self.batch_stats = batch_stats

    def forward(self, x):
        mean, variance = self.running_mean.reshape(1, -1, 1, 1), self.running_var.reshape(1, -1, 1, 1)
        if self.batch_stats:
            mean = x.mean(dim=(0, 2, 3), keepdim=True)
            variance = ((x - mean) ** 2).mean(dim=(0, 2, 3), keepdim=True)
        y = (x - mean) / torch.sqrt(variance + 1e-5)
        return y * self.weight.reshape(1, -1, 1, 1) + self.bias.reshape(1, -1, 1, 1)


def instance_norm(x):
    mean = x.mean(dim=(2, 3), keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=(2, 3), keepdim=True)
    return (x - mean) / torch.sqrt(variance + 1e-5)


def leaky(x):
    return functional.leaky_relu(x, 0.2)


class DenseLayer(nn.Module):
    """Of DenseNet-121."""

    def __init__(self, before, batch_stats):
        super().__init__()
        self.norm1 = BatchNorm(before, batch_stats)
        self.conv1 = nn.Conv2d(before, 128, 1, bias=False)
        self.norm2 = BatchNorm(128, batch_stats)
        self.conv2 = nn.Conv2d(128, 32, 3, 1, 1, bias=False)

    def forward(self, x):
        y = self.conv1(functional.relu(self.norm1(x)))
        y = self.conv2(functional.relu(self.norm2(y)))
        return torch.cat([x, y], dim=1)


class Transition(nn.Module):
    def __init__(self, before, pools, batch_stats):
        super().__init__()
        self.norm = BatchNorm(before, batch_stats)
        self.conv = nn.Conv2d(before, before // 2, 1, bias=False)
        self.pools = pools

    def forward(self, x):
        y = self.conv(functional.relu(self.norm(x)))
        return functional.avg_pool2d(y, 2) if self.pools else y


def dense_block(before, count, batch_stats):
    return nn.Sequential(*[DenseLayer(before + 32 * k, batch_stats) for k in range(count)])


class DecoderBlock(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.grow = nn.ModuleList([nn.Conv2d(before + 32 * k, 32, 3, 1, 1, bias=False) for k in range(5)])
        self.conv1 = nn.Conv2d(before + 160, 4 * after, 1, bias=False)
        self.conv3 = nn.Conv2d(4 * after, after, 3, 1, 1, bias=False)

    def forward(self, x):
        y = x
        for conv in self.grow:
            y = torch.cat([y, conv(functional.relu(instance_norm(y)))], dim=1)
        y = self.conv1(functional.relu(instance_norm(y)))
        y = self.conv3(functional.relu(instance_norm(y)))
        return torch.cat([x, y], dim=1)


class Up(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.conv = nn.ConvTranspose2d(before, after, 3, 2, 1, output_padding=1)

    def forward(self, x):
        return self.conv(functional.relu(instance_norm(x)))


class TwoStages(nn.Module):
    """The decoder's last two stages, of which either branch has its own."""

    def __init__(self):
        super().__init__()
        self.block1 = DecoderBlock(256, 128)
        self.up1 = Up(384, 64)
        self.block2 = DecoderBlock(128, 64)
        self.up2 = Up(192, 64)

    def forward(self, x5, x0):
        y = self.up1(self.block1(x5))
        y = torch.cat([y, x0], dim=1)
        return self.up2(self.block2(y))


def filter_pixels(x, kernels):
    """Sum the 9x9 neighbourhood of each pixel with the pixel's own weights, row by row."""
    h, w = x.shape[2:]
    padded = functional.pad(x, (4, 4, 4, 4))
    result = torch.zeros_like(x)
    for row in range(9):
        for column in range(9):
            k = 9 * row + column
            result = result + kernels[:, k : k + 1] * padded[:, :, row : row + h, column : column + w]
    return result


class DenseFilterNet(nn.Module):
    def __init__(self, bn_batch_stats=True):
        super().__init__()
        self.stem = nn.Conv2d(18, 64, 3, 1, 1)
        self.stem_norm = BatchNorm(64, bn_batch_stats)
        self.dense1 = dense_block(64, 6, bn_batch_stats)
        self.transition1 = Transition(256, True, bn_batch_stats)
        self.dense2 = dense_block(128, 12, bn_batch_stats)
        self.transition2 = Transition(512, True, bn_batch_stats)
        self.dense3 = dense_block(256, 24, bn_batch_stats)
        self.transition3 = Transition(1024, False, bn_batch_stats)
        self.block4 = DecoderBlock(512, 256)
        self.up4 = Up(768, 128)
        self.branch1 = TwoStages()
        self.refine = nn.Conv2d(67, 20, 3, 1, 1)
        self.pyramid = nn.ModuleList([nn.Conv2d(20, 1, 1) for _ in range(4)])
        self.join = nn.Conv2d(24, 3, 3, 1, 1)
        self.branch2 = TwoStages()
        self.kernel1 = nn.Conv2d(64, 128, 3, 1, 1)
        self.kernel2 = nn.Conv2d(128, 81, 1)

    def forward(self, rgb, saliency, depth):
        average = rgb.mean(dim=(2, 3), keepdim=True)
        centred = rgb - average
        saliency = functional.avg_pool2d(saliency.expand(-1, 3, -1, -1), 2)
        depth = functional.avg_pool2d(depth.expand(-1, 3, -1, -1), 2)
        seen = torch.cat([space_to_depth(centred, 2), saliency, depth], dim=1)
        x0 = functional.relu(self.stem_norm(self.stem(seen)))
        x1 = self.transition1(self.dense1(x0))
        x2 = self.transition2(self.dense2(x1))
        x3 = self.transition3(self.dense3(x2))
        x4 = self.up4(self.block4(x3))
        x5 = torch.cat([x4, x1], dim=1)
        joined = self.joined(torch.cat([self.branch1(x5, x0), centred], dim=1))
        filtered = filter_pixels(centred, self.kernels(x5, x0))
        return joined + filtered + average

    def joined(self, y):
        f = leaky(self.refine(y))
        contexts = []
        for conv, size in zip(self.pyramid, (16, 8, 4, 2), strict=True):
            context = leaky(conv(functional.avg_pool2d(f, size)))
            contexts.append(functional.interpolate(context, scale_factor=size, mode="nearest"))
        return self.join(torch.cat([*contexts, f], dim=1))

    def kernels(self, x5, x0):
        y = leaky(self.branch2(x5, x0))
        y = leaky(self.kernel1(y))
        return torch.softmax(self.kernel2(y), dim=1)


def dense_filter_net(*, bn_batch_stats=True):
    return DenseFilterNet(bn_batch_stats)
