"""The network of the team AIA-Smart: bokeh from an estimated defocus map (report, section 4.2).

A network looks for the defocus of each pixel, a small one weighs its light, and layers of equal defocus are blurred
and laid over each other at half the size. The sharp foreground of the original may be pasted at the end.

Source: Luo, Peng, Xian, Wu and Cao, Bokeh Rendering from Defocus Estimation, ECCV Workshops 2020, and the code of its
journal version with the compiled older parts that lie beside it. Which part of their four stages was which of their
two submissions is not told; their runtimes say that six layers without paste were for the CPU, all else for the GPU.
The rendering of six layers is not in that code; here it is that of the fifteen, with probabilities as masks.
"""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from wideopen.zoo.foreground import ForegroundPaste, PoissonFusion
from wideopen.zoo.layers import resized
from wideopen.zoo.resnext import ResNeXt
from wideopen.zoo.softdisc import LayeredRendering

SIX_KERNELS_PX = (9, 21, 37, 53, 69)
"""Of the layers behind the sharp one, at half the size of the photo."""
FIFTEEN_KERNELS_PX = (3, 5, 7, 11, 15, 19, 23, 27, 33, 39, 45, 53, 61, 69)
_MULTIPLE_OF = 64
_HIGHLIGHT = 0.99


class DefocusNet(nn.Module):
    """Estimates defocus, weighs light, renders, enlarges and, if wanted, pastes.

    In goes a picture in [0, 1] of any size, out comes one of the same. The rest happens at half the size, rounded to
    multiples of 64. Training works with `render` at the size that comes in, whose sides are multiples of 32.

    Args:
        estimator: Finds a raw estimate at the picture's size.
        layers: Reads masks and defocus from it.
        radiance: Weighs the light.
        rendering: Blurs by the masks.
        paste: Brings the foreground back, if any.
        shrink: How many times smaller a picture is rendered.
    """

    unused = tuple(
        f"estimator.fusions.0.beside.{name}" for name in ("conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias")
    )
    """Parameters that the published network has, though nothing goes through them."""

    def __init__(
        self,
        *,
        estimator: "DefocusEstimator",
        layers: "SoftmaxLayers | DefocusLayers",
        radiance: "Radiance",
        rendering: LayeredRendering,
        paste: ForegroundPaste | PoissonFusion | None = None,
        shrink: int = 2,
    ) -> None:
        super().__init__()
        self.estimator, self.layers, self.radiance, self.rendering = estimator, layers, radiance, rendering
        self.paste, self.shrink = paste, shrink

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Render a photo at its full size."""
        height, width = picture.shape[2:]
        small = resized(picture, self.working_side(height), self.working_side(width))
        bokeh, defocus = self.render_with_defocus(small)
        bokeh = resized(bokeh, height, width)
        if self.paste is None:
            return bokeh
        return self.paste(picture, bokeh, resized(defocus, height, width))

    def working_side(self, side_px: int) -> int:
        """Height or width at which a picture of this one is rendered; half a multiple goes to the even one."""
        step_px = self.shrink * _MULTIPLE_OF
        # In whole numbers and torch's own maximum, for a network that is exported for any size.
        steps = (side_px + step_px // 2 - 1 + side_px // step_px % 2) // step_px
        return torch.sym_max(steps, 1) * _MULTIPLE_OF  # type: ignore[no-untyped-call]

    def render(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Render a picture at its own size, which training needs; nothing is pasted."""
        return self.render_with_defocus(picture)[0]

    def defocus(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
        """Estimate the defocus: 0 is sharp, 1 has the largest disc."""
        return self.layers(self.estimator(picture))[1]

    def render_with_defocus(
        self, picture: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, "n 3 h w"], Float[Tensor, "n 1 h w"]]:
        """Do `render` and `defocus` in one."""
        masks, defocus = self.layers(self.estimator(picture))
        return self.rendering(picture, self.radiance(picture), masks), defocus

    def learning_in_stage_3(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Name what learns in stage 3: the head of the estimator. All else is kept as stage 2 left it."""
        for name, parameter in self.named_parameters():
            if name.startswith(("estimator.head.", "estimator.last.")):
                yield name, parameter

    def freeze_for_stage_3(self) -> None:
        """Let nothing learn but `learning_in_stage_3`; running figures of batch normalisation are not stopped."""
        self.requires_grad_(False)
        for _, parameter in self.learning_in_stage_3():
            parameter.requires_grad_(True)


class DefocusEstimator(nn.Module):
    """Finds features at four scales, fuses them from coarse to fine, and gives a raw estimate at the picture's size.

    Its parameters come in the order of the published ones. The first unit of the coarsest fusion is there as well,
    though nothing goes through it.

    Args:
        encoder: Finds the features.
        features: Channels while they are fused.
        outputs: Channels that come out.

    Source:
        Ranftl et al., Towards Robust Monocular Depth Estimation, TPAMI 2022, whose fusion blocks are those of Lin et
        al., RefineNet, CVPR 2017.
    """

    def __init__(self, encoder: ResNeXt, *, features: int = 256, outputs: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.laterals = nn.ModuleList(nn.Conv2d(width, features, 3, padding=1, bias=False) for width in encoder.widths)
        self.fusions = nn.ModuleList(FeatureFusion(features) for _ in encoder.widths)
        self.head = nn.Sequential(
            nn.Conv2d(features, features // 2, 3, padding=1),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            nn.Conv2d(features // 2, features // 8, 3, padding=1),
            nn.ReLU(),
        )
        self.last = nn.Conv2d(features // 8, outputs, 1)

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n outputs h w"]:
        """Estimate, for sides that are multiples of 32."""
        found = [lateral(each) for lateral, each in zip(self.laterals, self.encoder(picture), strict=True)]
        fused: Tensor | None = None
        for fusion, each in zip(self.fusions, reversed(found), strict=True):
            fused = fusion(each, fused)
        return self.last(self.head(fused))


class FeatureFusion(nn.Module):
    """Adds the finer features to the coarser, and doubles the size.

    Args:
        channels: Of both.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.beside = ResidualUnit(channels)
        self.together = ResidualUnit(channels)

    def forward(
        self, fine: Float[Tensor, "n c h w"], coarse: Float[Tensor, "n c h w"] | None
    ) -> Float[Tensor, "n c hh ww"]:
        """Fuse; where there is nothing coarser, the fine ones are alone, and go through the second unit only."""
        fused = self.together(fine if coarse is None else coarse + self.beside(fine))
        return functional.interpolate(fused, scale_factor=2.0, mode="bilinear", align_corners=True)


class ResidualUnit(nn.Module):
    """Two filters added to what came in, of which the original keeps the positive part only.

    Its first nonlinearity works in place, so that ``relu(x)`` is what is added to.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Filter."""
        positive = functional.relu(x)
        return positive + self.conv2(functional.relu(self.conv1(positive)))


class SoftmaxLayers(nn.Module):
    """Reads the estimate as scores of the layers (stages 1 and 2).

    Args:
        kernels_px: Of the layers behind the sharp one.
    """

    radii: Tensor

    def __init__(self, kernels_px: Sequence[int]) -> None:
        super().__init__()
        radii_px = torch.tensor([0, *(size_px // 2 for size_px in kernels_px)], dtype=torch.float32)
        self.register_buffer("radii", (radii_px / radii_px[-1])[:, None, None], persistent=False)

    def forward(
        self, raw: Float[Tensor, "n layers h w"]
    ) -> tuple[Float[Tensor, "n layers h w"], Float[Tensor, "n 1 h w"]]:
        """Give masks, which are probabilities, and the defocus that is to be expected: radius by largest radius."""
        masks = raw.float().softmax(dim=1)
        return masks, (masks * self.radii).sum(dim=1, keepdim=True)


class DefocusLayers(nn.Module):
    """Reads the estimate as defocus, and cuts it into layers (from stage 3 on).

    ``M_i = 0.5 + 0.5 tanh(100 (1/N - |D - i/N|))`` for layers 0 to N; each pixel lies in about two.

    Args:
        count: Of layers, with the sharp one.
        clamped: Cut the defocus to [0, 1], beyond which nothing is learned. The journal's version does not.
    """

    centres: Tensor

    def __init__(self, count: int, *, clamped: bool = True) -> None:
        super().__init__()
        self.register_buffer("centres", (torch.arange(count) / (count - 1))[:, None, None], persistent=False)
        self.interval, self.clamped = 1 / (count - 1), clamped

    def forward(self, raw: Float[Tensor, "n 1 h w"]) -> tuple[Float[Tensor, "n layers h w"], Float[Tensor, "n 1 h w"]]:
        """Give masks and defocus."""
        defocus = raw.float()
        if self.clamped:
            defocus = defocus.clamp(0, 1)
        return 0.5 + 0.5 * torch.tanh(100 * (self.interval - (defocus - self.centres).abs())), defocus


class Radiance(nn.Module):
    """Weighs the light of each pixel, by its colour alone.

    Pixels of which one channel or more is at least 0.99 weigh ``3 I^5`` in each channel in the place of what was
    learned, for nobody knows how much light was cut off there.
    """

    def __init__(self, *, width: int = 16) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, 1, 1)
        )

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Weigh, in [0, 3]."""
        weight = torch.sigmoid(self.body(picture)).to(picture.dtype)
        bright = picture.amax(dim=1, keepdim=True) >= _HIGHLIGHT
        return torch.where(bright, 3 * picture**5, weight)


def aia_smart() -> DefocusNet:
    """Build the network of stages 1 and 2, with six layers and 41,601,031 parameters."""
    return DefocusNet(
        estimator=DefocusEstimator(ResNeXt(), outputs=len(SIX_KERNELS_PX) + 1),
        layers=SoftmaxLayers(SIX_KERNELS_PX),
        radiance=Radiance(),
        rendering=LayeredRendering(SIX_KERNELS_PX),
    )


def aia_smart_layered(
    *, clamped: bool = True, adaptive_paste: bool = False, poisson_fusion: bool = False
) -> DefocusNet:
    """Build the network of stages 3 and 4, with fifteen layers, a paste and 41,600,866 parameters.

    Args:
        clamped: Cut the defocus to [0, 1]. The journal's version does not.
        adaptive_paste: Paste by the picture's range of defocus, as a later version of the code, and not by 1/8.
        poisson_fusion: Paste by the journal's refined mask, with 12,913 parameters more.
    """
    estimator = DefocusEstimator(ResNeXt(), outputs=1)
    assert estimator.last.bias is not None
    # A defocus below 0 learns nothing, and where all pixels begin there the whole head would not.
    nn.init.constant_(estimator.last.bias, 0.5)
    return DefocusNet(
        estimator=estimator,
        layers=DefocusLayers(len(FIFTEEN_KERNELS_PX) + 1, clamped=clamped),
        radiance=Radiance(),
        rendering=LayeredRendering(FIFTEEN_KERNELS_PX),
        paste=PoissonFusion() if poisson_fusion else ForegroundPaste(adaptive=adaptive_paste),
    )
