"""The network that finds what stands out in a picture, for the first input of DDDF.

DDDF's authors take a public network that calls itself that of Hou et al., Deeply Supervised Salient Object Detection
with Short Connections, CVPR 2017. It is another one: VGG-16 with a decoder that unpools, as in Xu et al., Deep Image
Matting, CVPR 2017, and a mask from every level. Its layers and its number of parameters are known from the published
graph. Chosen here, from code of the same author or as TensorFlow does where nothing is said: that masks are joined
behind their sigmoid, 0.001 beside the variance, running statistics when it is evaluated, and where TensorFlow's first
version puts the pixels of a bilinear resize. How it starts is chosen freely.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from wideopen.zoo.layers import PictureBatchNorm, depth_to_space, resized, space_to_depth

SIDE_PX = 320
"""Height and width of what goes in, for which the published weights were learned. Any multiple of 32 works."""
MEAN = 126.88, 120.24, 112.19
"""Of red, green and blue in 0 to 255, of the pictures that it learned from."""
SIDES = ("e1", "e2", "e3", "e4", "e5", "d5", "d4", "d3", "d2", "d1", "d0")
"""Masks: behind the blocks of the encoder, behind the deepest layer, and behind each of the decoder."""
JOINED = SIDES[2:]
"""Of which the last mask is made. The first two only learn."""


class SaliencyNet(nn.Module):
    """Finds a mask of what stands out.

    In goes float (n, 3, h, w) in 0 to 255, red, green, blue, encoded as sRGB; see `SIDE_PX`. Out comes (n, 1, h, w)
    in [0, 1]. It was learned with a mask of its own for each of `SIDES` and the last; the loss of each was
    ``-log(1 - sqrt((p - g)^2 + e) + e)`` for a mask p and its truth g.

    Args:
        widths: Of the encoder's blocks.
        depths: Convolutions in each of them.
        batch_statistics: Evaluate by the picture's own statistics, see `PictureBatchNorm`.
        tensorflow_resize: Enlarge masks as TensorFlow's first version did.
    """

    mean: Tensor

    def __init__(
        self, *, widths: Sequence[int], depths: Sequence[int], batch_statistics: bool, tensorflow_resize: bool
    ) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(
            _block(before, wide, deep) for before, wide, deep in zip((3, *widths[:-1]), widths, depths, strict=True)
        )
        last = widths[-1]
        self.deepest = nn.Sequential(
            nn.Conv2d(last, last, 3, padding=1), nn.ReLU(), *_normalised(last, last, 1, batch_statistics)
        )
        # What is unpooled has as many channels as what was pooled.
        ends = (*reversed(widths[:-1]), widths[0])
        self.decoder = nn.ModuleList(
            _normalised(before, after, 5, batch_statistics)
            for before, after in zip((last, *ends[:-1]), ends, strict=True)
        )
        self.heads = nn.ModuleDict(
            {name: nn.Conv2d(wide, 1, 1) for name, wide in zip(SIDES, (*widths, last, *ends), strict=True)}
        )
        self.join = nn.Conv2d(len(JOINED), 1, 1)
        self.tensorflow_resize = tensorflow_resize
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self._start()

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
        """Find the last mask."""
        return self.joined(self.sides(picture, JOINED))

    def sides(self, picture: Float[Tensor, "n 3 h w"], names: Sequence[str] = SIDES) -> dict[str, Tensor]:
        """Find masks (n, 1, h, w) in [0, 1] of single levels, by names of `SIDES`."""
        found = dict(zip(SIDES, self._levels(picture), strict=True))
        return {name: self._enlarged(self.heads[name](found[name]), picture).sigmoid() for name in names}

    def joined(self, sides: dict[str, Tensor]) -> Float[Tensor, "n 1 h w"]:
        """Make the last mask of those of single levels."""
        return self.join(torch.cat([sides[name] for name in JOINED], dim=1)).sigmoid()

    def guide(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
        """Find the map that DDDF wants, for a picture of any size in 0 to 255.

        The nearest pixels of the picture are taken to `SIDE_PX`; the mask is stretched to all of 0 to 255, and enlarged
        bilinearly. The original rounds to whole numbers in between.
        """
        mask = self(functional.interpolate(picture, (SIDE_PX, SIDE_PX), mode="nearest-exact")).float()
        low, high = mask.amin(dim=(2, 3), keepdim=True), mask.amax(dim=(2, 3), keepdim=True)
        return resized((mask - low) / (high - low).clamp(min=1e-12) * 255, *picture.shape[2:])

    def _levels(self, picture: Tensor) -> list[Tensor]:
        """Features of each level, in the order of `SIDES`."""
        x = picture - self.mean
        levels, places = [], []
        for block in self.encoder:
            levels.append(block(x))
            x, place = pooled(levels[-1])
            places.append(place)
        levels.append(self.deepest(x))
        for block in self.decoder:
            levels.append(block(unpooled(levels[-1], places.pop())))
        return levels

    def _enlarged(self, x: Tensor, picture: Tensor) -> Tensor:
        height, width = picture.shape[2:]
        return enlarged(x, height // x.shape[2]) if self.tensorflow_resize else resized(x, height, width)

    def _start(self) -> None:
        """He's initialisation for layers, small ones for masks; the last mask starts as a vote of the others."""
        for name, value in self.named_parameters():
            if name.endswith("bias"):
                nn.init.constant_(value, -len(JOINED) / 2 if name.startswith("join") else 0.0)
            elif name.startswith("join"):
                nn.init.ones_(value)
            elif name.startswith("heads"):
                nn.init.normal_(value, std=0.01)
            elif value.ndim == 4:
                nn.init.kaiming_normal_(value, nonlinearity="relu")


def pooled(x: Float[Tensor, "n c h w"]) -> tuple[Float[Tensor, "n c hh ww"], tuple[Tensor, ...]]:
    """Take the maximum of 2x2 pixels, and tell where it was.

    Told by four maps in the place of indices, so that `unpooled` multiplies, where by indices it would have to scatter
    pixels, for which few runtimes of phones have an operation.

    Returns:
        The maxima, and for each of the four places, row by row, 1 where the maximum was and 0 elsewhere. Of several
        the first one counts, as for PyTorch and TensorFlow.
    """
    maxima = functional.max_pool2d(x, 2)
    with torch.no_grad():
        free, places = torch.ones_like(maxima), []
        for pixel in space_to_depth(x, 2).chunk(4, dim=1):
            here = (pixel == maxima).to(x.dtype) * free
            free = free - here
            places.append(here)
    return maxima, tuple(places)


def unpooled(x: Float[Tensor, "n c h w"], places: tuple[Tensor, ...]) -> Float[Tensor, "n c hh ww"]:
    """Put pixels where the maxima were that `pooled` took, among zeros."""
    return depth_to_space(torch.cat([x * here for here in places], dim=1), 2)


def enlarged(x: Float[Tensor, "n c h w"], times: int) -> Float[Tensor, "n c hh ww"]:
    """Enlarge bilinearly as TensorFlow's first version did: by the corners of pixels, not by their middles.

    What comes out at ``times * i`` is what went in at ``i``; behind the last one it is repeated.
    """
    if times == 1:
        return x
    height, width = x.shape[2:]
    # With one more row and column, the distance of the new corners to those of the old ones is the wanted one.
    more = functional.pad(x, (0, 1, 0, 1), mode="replicate")
    size = height * times + 1, width * times + 1
    return functional.interpolate(more, size, mode="bilinear", align_corners=True)[:, :, :-1, :-1]


def saliency_net(*, batch_statistics: bool = False, tensorflow_resize: bool = True) -> SaliencyNet:
    """Build the network, with 28,301,077 parameters that learn and 3,072 running statistics.

    Args:
        batch_statistics: Normalise a picture by its own statistics. Which of both the published graph does is not
            known to us; it keeps running ones.
        tensorflow_resize: Enlarge masks by corners of pixels, as the first version of TensorFlow did, in which it was
            written; by their middles otherwise.
    """
    return SaliencyNet(
        widths=(64, 128, 256, 512, 512),
        depths=(2, 2, 3, 3, 3),
        batch_statistics=batch_statistics,
        tensorflow_resize=tensorflow_resize,
    )


def _block(before: int, wide: int, deep: int) -> nn.Sequential:
    parts: list[nn.Module] = []
    for k in range(deep):
        parts += [nn.Conv2d(before if k == 0 else wide, wide, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*parts)


def _normalised(before: int, after: int, side_px: int, own_statistics: bool) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, side_px, padding=side_px // 2),
        PictureBatchNorm(after, own_statistics=own_statistics, eps=1e-3),
        nn.ReLU(),
    )
