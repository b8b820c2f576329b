"""Perceptual loss: how far two pictures are apart for VGG-19, whose weights the user brings."""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from wideopen.errors import RequestError
from wideopen.zoo.checkpoint import fill, read_tensors

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of red, green and blue of ImageNet in [0, 1], by which torchvision's weights want pictures normalised."""
WIDTHS, DEPTHS = (64, 128, 256, 512, 512), (2, 2, 4, 4, 4)
"""Channels and convolutions of VGG-19's five blocks."""
SAVE_IT = (
    'python -c "import torch, torchvision; '
    "torch.save(torchvision.models.vgg19(weights='DEFAULT').state_dict(), 'vgg19.pth')\""
)


class VGG19Features(nn.Module):
    """VGG-19 up to the activation of its last convolution, relu5_4, under torchvision's names.

    In goes float (n, 3, h, w) normalised by `MEAN` and `DEVIATION`, with sides of at least 16 pixels. Out comes
    (n, 512, h // 16, w // 16), never negative.

    Args:
        widths: Channels of the blocks.

    Source:
        Simonyan and Zisserman, Very Deep Convolutional Networks, ICLR 2015, configuration E. Random weights are those
        of He et al., ICCV 2015, by fan out, always the same ones: a run that is resumed must find its loss again.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        before = 3
        for width, depth in zip(widths, DEPTHS, strict=True):
            for _ in range(depth):
                parts += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU(inplace=True)]
                before = width
            parts.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*parts[:-1])
        generator = torch.Generator().manual_seed(0)
        for part in self.features:
            if isinstance(part, nn.Conv2d) and part.bias is not None and not part.weight.is_meta:
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu", generator=generator)
                nn.init.zeros_(part.bias)

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c hh ww"]:
        """Find features."""
        return self.features(picture)


class Perceptual(nn.Module):
    """Mean squared difference of the features of two pictures; a loss as `wideopen.train.losses` has them.

    It must be moved to the pictures' device. Its weights never learn, and what is wanted gets no gradient. The
    convolutions go by autocast, the difference is in float32.

    Args:
        network: That finds features in pictures normalised by `MEAN` and `DEVIATION`.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.requires_grad_(False).eval()
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def forward(
        self, found: Float[Tensor, "n 3 h w"], wanted: Float[Tensor, "n 3 h w"], *, span: float
    ) -> Float[Tensor, ""]:
        """Compare.

        Args:
            found: Red, green and blue, encoded as sRGB.
            wanted: The same.
            span: Of the range of values. 2 means [-1, 1], any other one starts at 0.
        """
        with torch.no_grad():
            goal = self.network(self._normalised(wanted, span))
        return functional.mse_loss(self.network(self._normalised(found, span)).float(), goal.float())

    def _normalised(self, picture: Tensor, span: float) -> Tensor:
        low = -1.0 if span == 2 else 0.0
        return ((picture.float() - low) / span - self.mean) / self.deviation


def perceptual(weights_file: Path | None, *, allow_random: bool = False) -> Perceptual:
    """Make the loss ``vgg19``: ``mean (F(f) - F(w))^2`` of the features F of VGG-19 at relu5_4.

    Args:
        weights_file: State dict of torchvision's vgg19, in any format that `read_tensors` reads; its classifier is not
            used and may be missing.
        allow_random: Take random weights if there is no file, to try out a recipe.

    Source:
        Ledig et al., SRGAN, CVPR 2017, for the layer, behind its activation as the code of BG-Net and PyNET has it.
        That code is for Keras: the authors' weights of VGG-19 as learned in Caffe, for blue, green and red in 0 to 255
        less 103.939, 116.779 and 123.68, not divided by a deviation. torchvision's weights were learned anew, for red,
        green and blue in [0, 1] less `MEAN` over `DEVIATION`. Their features are of another size, so that a weight of
        the authors' does not mean quite the same here.

    Raises:
        RequestError: If there is no file and random weights are not allowed, or the file is not VGG-19's.
    """
    if weights_file is None and not allow_random:
        raise RequestError(
            f"the loss vgg19 needs VGG-19's weights and got no file; write one by {SAVE_IT} and name it, or allow "
            "random weights (allow_random) to only try the recipe out"
        )
    network = VGG19Features()
    if weights_file is not None:
        state = {name: each for name, each in read_tensors(weights_file).items() if not name.startswith("classifier.")}
        fill(network, state, f"{weights_file} for torchvision's vgg19")
    return Perceptual(network)
