"""The depth-guided dynamic filtering dense network, DDDF, of the team IPCV IITM.

The report tells the idea (section 4.5); the exact layers are those of the code that its authors published for the
challenge's predecessor (Purohit et al., Depth-Guided Dense Dynamic Filtering Network for Bokeh Effect Rendering,
ICCV Workshops 2019). Where both disagree, the code is followed: its encoder has blocks of 6, 12 and 24 layers, as
DenseNet-121, whose weights it starts from, and not the 12, 16 and 24 of the report.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from wideopen.zoo.densenet import DenseNetBody
from wideopen.zoo.layers import InstanceNorm, PictureBatchNorm, Statistics, space_to_depth

MULTIPLE_OF = 32
"""Height and width of what goes in. The original repeats the first row and column, at the top and at the left."""


class DDDF(nn.Module):
    """Adds a picture that is made from features to one that is filtered pixel by pixel.

    In go the picture and two maps, all in 0 to 255, sides multiples of 32: saliency, and inverse depth over its
    maximum (near is large). Out comes the picture in 0 to 255, not clipped. The original takes its mean before it
    pads, so that there the padding does not count; here the mean is that of what comes in.

    Args:
        encoder: Finds features at 1, 1/2, 1/4 and 1/4 of half the size.
        bottleneck: Brings the deepest to 1/2 of half the size.
        picture_decoder: Finds features at full size for a picture.
        picture_head: Makes the picture.
        kernel_decoder: Finds features at full size for kernels.
        kernel_head: Makes the kernels.
    """

    def __init__(
        self,
        *,
        encoder: "Encoder",
        bottleneck: nn.Module,
        picture_decoder: "Decoder",
        picture_head: "PyramidHead",
        kernel_decoder: "Decoder",
        kernel_head: "KernelHead",
    ) -> None:
        super().__init__()
        self.encoder, self.bottleneck = encoder, bottleneck
        self.picture_decoder, self.picture_head = picture_decoder, picture_head
        self.kernel_decoder, self.kernel_head = kernel_decoder, kernel_head
        self.statistics = Statistics()

    def forward(
        self,
        picture: Float[Tensor, "n 3 h w"],
        saliency: Float[Tensor, "n 1 h w"],
        depth: Float[Tensor, "n 1 h w"],
    ) -> Float[Tensor, "n 3 h w"]:
        """Render."""
        mean = self.statistics(picture)[0].to(picture.dtype)
        rest = picture - mean
        fine, deep = self.features(rest, saliency, depth)
        return self.made(rest, fine, deep) + filtered(rest, self.kernels(fine, deep)) + mean

    def features(
        self,
        rest: Float[Tensor, "n 3 h w"],
        saliency: Float[Tensor, "n 1 h w"],
        depth: Float[Tensor, "n 1 h w"],
    ) -> tuple[Float[Tensor, "n c hh ww"], Float[Tensor, "n d hhh www"]]:
        """What both decoders see, at half and at a quarter of the size, of a picture less its mean."""
        fine, middle, _, deep = self.encoder(rest, saliency, depth)
        return fine, torch.cat([self.bottleneck(deep), middle], dim=1)

    def made(
        self,
        rest: Float[Tensor, "n 3 h w"],
        fine: Float[Tensor, "n c hh ww"],
        deep: Float[Tensor, "n d hhh www"],
    ) -> Float[Tensor, "n 3 h w"]:
        """The picture that is made from features."""
        return self.picture_head(self.picture_decoder(deep, fine), rest)

    def kernels(self, fine: Float[Tensor, "n c hh ww"], deep: Float[Tensor, "n d hhh www"]) -> Float[Tensor, "n k h w"]:
        """The kernel of each pixel, row by row; its weights sum to 1."""
        return self.kernel_head(self.kernel_decoder(deep, fine))


class Encoder(nn.Module):
    """Halves the size, lays the maps beside and finds dense features.

    Args:
        body: Behind the stem.
        channels: Between both.
        own_statistics: Of the stem's batch normalisation.
    """

    def __init__(self, body: DenseNetBody, *, channels: int = 64, own_statistics: bool) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(18, channels, 3, padding=1),
            PictureBatchNorm(channels, own_statistics=own_statistics),
            nn.ReLU(),
        )
        self.body = body

    def forward(
        self,
        picture: Float[Tensor, "n 3 h w"],
        saliency: Float[Tensor, "n 1 h w"],
        depth: Float[Tensor, "n 1 h w"],
    ) -> list[Tensor]:
        """Find features of the stem and of the body."""
        # Each map is there three times, for the published weights were learned with grey pictures of three channels.
        maps = [functional.avg_pool2d(guide, 2).repeat(1, 3, 1, 1) for guide in (saliency, depth)]
        fine = self.stem(torch.cat([space_to_depth(picture, 2), *maps], dim=1))
        return [fine, *self.body(fine)]


class DenseDecoderBlock(nn.Module):
    """Five dense layers, narrowed to new channels that are laid beside those that came in.

    Instance normalisation works channel by channel, so that each channel is normalised once, where the original does
    it anew for every layer, with the same result.
    """

    def __init__(self, channels: int, made: int, *, layers: int = 5, growth: int = 32) -> None:
        super().__init__()
        self.norm = InstanceNorm()
        self.layers = nn.ModuleList(
            nn.Conv2d(channels + k * growth, growth, 3, padding=1, bias=False) for k in range(layers)
        )
        self.narrow = nn.Conv2d(channels + layers * growth, 4 * made, 1, bias=False)
        self.last = nn.Conv2d(4 * made, made, 3, padding=1, bias=False)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """Add channels."""
        seen = functional.relu(self.norm(x))
        for layer in self.layers:
            seen = torch.cat([seen, functional.relu(self.norm(layer(seen)))], dim=1)
        made = self.last(functional.relu(self.norm(self.narrow(seen))))
        return torch.cat([x, made], dim=1)


class Enlarge(nn.Module):
    """IN-ReLU, then a transposed convolution to twice the size."""

    def __init__(self, channels: int, made: int) -> None:
        super().__init__()
        self.norm = InstanceNorm()
        self.conv = nn.ConvTranspose2d(channels, made, 3, stride=2, padding=1, output_padding=1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d hh ww"]:
        """Enlarge."""
        return self.conv(functional.relu(self.norm(x)))


class Decoder(nn.Module):
    """Two dense blocks, each enlarged; the stem's features come in between.

    Args:
        deep: Channels at a quarter of the size.
        fine: Channels of the stem, at half of it.
        made: Channels at full size.
    """

    def __init__(self, *, deep: int = 256, fine: int = 64, made: int = 64) -> None:
        super().__init__()
        middle = 2 * fine
        self.below = nn.Sequential(DenseDecoderBlock(deep, middle), Enlarge(deep + middle, fine))
        self.above = nn.Sequential(DenseDecoderBlock(middle, made), Enlarge(middle + made, made))

    def forward(self, deep: Float[Tensor, "n c h w"], fine: Float[Tensor, "n d hh ww"]) -> Float[Tensor, "n e hhh www"]:
        """Find features at full size."""
        return self.above(torch.cat([self.below(deep), fine], dim=1))


class PyramidHead(nn.Module):
    """Makes a picture of features and of their means over squares of several sizes."""

    def __init__(
        self, channels: int = 64, *, width: int = 20, squares_px: tuple[int, ...] = (16, 8, 4, 2), slope: float = 0.2
    ) -> None:
        super().__init__()
        self.join = nn.Conv2d(channels + 3, width, 3, padding=1)
        self.levels = nn.ModuleList(nn.Conv2d(width, 1, 1) for _ in squares_px)
        self.last = nn.Conv2d(width + len(squares_px), 3, 3, padding=1)
        self.squares_px, self.slope = squares_px, slope

    def forward(self, features: Float[Tensor, "n c h w"], rest: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Make a picture."""
        found = self._bent(self.join(torch.cat([features, rest], dim=1)))
        means = [
            functional.interpolate(self._bent(level(functional.avg_pool2d(found, side))), scale_factor=float(side))
            for side, level in zip(self.squares_px, self.levels, strict=True)
        ]
        return self.last(torch.cat([*means, found], dim=1))

    def _bent(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(x, self.slope)


class KernelHead(nn.Module):
    """Makes a kernel for every pixel; its weights are positive and sum to 1."""

    def __init__(self, channels: int = 64, *, width: int = 128, side_px: int = 9, slope: float = 0.2) -> None:
        super().__init__()
        self.widen = nn.Conv2d(channels, width, 3, padding=1)
        self.last = nn.Conv2d(width, side_px**2, 1)
        self.slope = slope

    def forward(self, features: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        """Make kernels."""
        wide = functional.leaky_relu(self.widen(functional.leaky_relu(features, self.slope)), self.slope)
        return self.last(wide).softmax(dim=1)


def filtered(picture: Float[Tensor, "n c h w"], kernels: Float[Tensor, "n k h w"]) -> Float[Tensor, "n c h w"]:
    """Filter each pixel by its own kernel, all channels alike; beyond the border is 0.

    Nothing is unfolded: shift by shift is added up, so that there is never more than a few pictures beside the kernels.

    Args:
        picture: Of any channels.
        kernels: An odd square of weights for each pixel, row by row. The first is for the pixel above and to the
            left, as in a convolution of deep learning.
    """
    side = round(kernels.shape[1] ** 0.5)
    height, width = picture.shape[2:]
    around = functional.pad(picture, [side // 2] * 4)
    total = torch.zeros_like(picture)
    for k, weight in enumerate(kernels.chunk(side**2, dim=1)):
        row, column = divmod(k, side)
        total = total + weight * around[:, :, row : row + height, column : column + width]
    return total


def dddf(*, batch_statistics: bool = True) -> DDDF:
    """Build DDDF, with 13,839,968 parameters.

    Args:
        batch_statistics: Normalise a tested picture by its own statistics in the encoder. The authors tested in
            training mode, one picture at a time. Without, the running ones are used.
    """
    body = DenseNetBody(own_statistics=batch_statistics)
    _, middle, last = body.widths
    return DDDF(
        encoder=Encoder(body, own_statistics=batch_statistics),
        bottleneck=nn.Sequential(DenseDecoderBlock(last, middle), Enlarge(last + middle, 128)),
        picture_decoder=Decoder(),
        picture_head=PyramidHead(),
        kernel_decoder=Decoder(),
        kernel_head=KernelHead(),
    )
