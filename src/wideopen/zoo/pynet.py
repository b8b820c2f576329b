"""PyNET, the challenge's baseline, and what Xuehuapiaopiao-team and Terminator slightly modified (AIM 2020, 4.8).

As published in github.com/aiff22/PyNET-Bokeh (Ignatov et al., Rendering Natural Camera Bokeh Effect with Deep Learning,
CVPR Workshops 2020). What the two teams modified is not said, so that their solutions here are this network; they
differ in how it is learned.

Levels are counted as in the paper: 7 sees least, level 2 has the size of what goes in, and level 1 doubles it. The
authors' code counts two less. Their checkpoint holds, in this order: `downs`; then for each of `stages` its blocks, the
rises of the next stage, and its one of `heads`; then `doublings`. A block holds its pairs by growing kernel, a filter
its kernel (rows, columns, in, out), its bias, and where it is normalised shift and scale; a rise its kernel (rows,
columns, out, in) alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from wideopen.errors import RequestError
from wideopen.zoo.layers import InstanceNorm, space_to_depth

LEVELS = range(1, 8)
SLOPE = 0.2
"""Of leaky ReLU, below zero."""


@dataclass(frozen=True)
class Step:
    """A block of a stage, and what happens to what it finds."""

    largest: int
    """Kernel of its largest filters."""
    adds: bool = False
    """Whether what went in is added."""
    beside: tuple[str, ...] = ()
    """What is joined behind: ``down``, the features of the way down, or ``rise``, the second ones from below."""


@dataclass(frozen=True)
class Plan:
    """A stage: channels of its filters, whether they are normalised, and its steps."""

    width: int
    normed: bool
    steps: tuple[Step, ...]


PLANS = (
    Plan(512, True, (Step(3), Step(3, adds=True), Step(3, adds=True), Step(3))),
    Plan(256, True, (Step(3), Step(3, adds=True), Step(3, adds=True), Step(3, beside=("rise",)), Step(3))),
    Plan(128, True, (*[Step(5, adds=True)] * 3, Step(5, beside=("down", "rise")), Step(3))),
    Plan(
        64,
        True,
        (
            Step(5, beside=("down",)),
            *[Step(7, adds=True)] * 3,
            Step(7, beside=("down",)),
            Step(5, beside=("rise",)),
            Step(3),
        ),
    ),
    Plan(
        32,
        False,
        (
            Step(5, beside=("down",)),
            Step(7),
            Step(9),
            *[Step(9, adds=True)] * 3,
            Step(7, beside=("down",)),
            Step(5, beside=("rise", "down")),
            Step(3),
        ),
    ),
)
"""Levels 7 to 3."""


class MultiBlock(nn.Module):
    """Pairs of filters of several sizes beside each other, of which the channels are joined.

    Args:
        before: Channels that go in.
        width: Channels that each pair finds.
        largest: Kernel of the last pair; the first one's is 3.
        normed: Whether filters are normalised by instance.
    """

    def __init__(self, before: int, width: int, largest: int, *, normed: bool) -> None:
        super().__init__()
        kernels = range(3, largest + 1, 2)
        self.channels = width * len(kernels)
        self.pairs = nn.ModuleList(
            nn.Sequential(*_filter(before, width, kernel, normed), *_filter(width, width, kernel, normed))
            for kernel in kernels
        )

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """Filter."""
        return torch.cat([pair(x) for pair in self.pairs], dim=1)


class Rise(nn.ConvTranspose2d):
    """A transposed convolution to twice the size, without bias, cut as TensorFlow's ``SAME``, then leaky ReLU."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, 3, stride=2, bias=False)

    def forward(self, input: Float[Tensor, "n c h w"], output_size: list[int] | None = None) -> Tensor:
        """Enlarge."""
        # TensorFlow shrinks with one pixel of padding, behind, and this is the transpose of that.
        whole = super().forward(input, output_size)
        return functional.leaky_relu(whole[:, :, :-1, :-1], SLOPE)


class Stage(nn.Module):
    """One level: what comes from below beside what comes from the way down, then blocks.

    Args:
        rises: Two, or none at the lowest level.
        blocks: One for each step.
        steps: What happens around the blocks.
    """

    def __init__(self, rises: Sequence[nn.Module], blocks: Sequence[nn.Module], steps: Sequence[Step]) -> None:
        super().__init__()
        self.rises, self.blocks, self.steps = nn.ModuleList(rises), nn.ModuleList(blocks), tuple(steps)

    def forward(
        self, below: Float[Tensor, "n c h w"], down: Float[Tensor, "n d hh ww"] | None
    ) -> Float[Tensor, "n e hh ww"]:
        """Filter."""
        x, beside = below, {}
        if down is not None:
            first, second = (rise(below) for rise in self.rises)
            beside = {"down": down, "rise": second}
            x = torch.cat([down, first], dim=1)
        for block, step in zip(self.blocks, self.steps, strict=True):
            found = block(x)
            if step.adds:
                found = found + x
            x = torch.cat([found, *(beside[name] for name in step.beside)], dim=1) if step.beside else found
        return x


class PyNET(nn.Module):
    """Renders bokeh level by level, coarse to fine, each level learned before the next is added.

    A forward pass uses all parameters but those of `heads`, which draw the levels 7 to 3 that only learning looks at.

    Args:
        channels: 4 with a depth map, 3 without.
        downs: Of the way down, for the levels 3 to 6.
        stages: For the levels 7 to 3.
        heads: To three channels, for the same.
        doublings: For the levels 2 and 1, each a rise and a filter to three channels.
        spread: The picture is ``spread * tanh(x) + 0.5``.
    """

    def __init__(
        self,
        channels: int,
        downs: Sequence[nn.Module],
        stages: Sequence[nn.Module],
        heads: Sequence[nn.Module],
        doublings: Sequence[nn.Module],
        *,
        spread: float,
    ) -> None:
        super().__init__()
        self.channels, self.spread = channels, spread
        self.downs, self.stages = nn.ModuleList(downs), nn.ModuleList(stages)
        self.heads, self.doublings = nn.ModuleList(heads), nn.ModuleList(doublings)

    @property
    def unused(self) -> tuple[str, ...]:
        """Parameters that a forward pass leaves alone."""
        return tuple(f"heads.{name}" for name, _ in self.heads.named_parameters())

    def forward(
        self, picture: Float[Tensor, "n 3 h w"], depth: Float[Tensor, "n 1 h w"] | None = None
    ) -> Float[Tensor, "n 3 h w"]:
        """Render bokeh.

        Args:
            picture: In 0 to 1, sides multiples of 64.
            depth: In 0 to 1, near is large; None where the network was built without.

        Returns:
            In about 0 to 1, never clipped here; the authors clip when they test, not when they train.
        """
        return self.levels(halved(picture), None if depth is None else halved(depth))

    def levels(
        self,
        half_picture: Float[Tensor, "n 3 h w"],
        half_depth: Float[Tensor, "n 1 h w"] | None = None,
        level: int = 1,
    ) -> Float[Tensor, "n 3 hh ww"]:
        """Render one level; finer ones are not computed.

        Args:
            half_picture: As `halved` makes it, sides multiples of 32.
            half_depth: Of the same size.
            level: 7 gives 1/32 of the size that goes in, 3 half of it, 2 the same, and 1 twice the size.

        Raises:
            RequestError: If there is no such level, or depth is missing or not wanted.
        """
        if level not in LEVELS:
            raise RequestError(f"level {level} came; PyNET has the levels 1 to 7")
        if (half_depth is None) == (self.channels == 4):
            raise RequestError("PyNET with depth needs a depth map, and without depth takes none; build the other one")
        downs, x = self._descend(half_picture if half_depth is None else torch.cat([half_picture, half_depth], dim=1))
        for k, (stage, head, down) in enumerate(zip(self.stages, self.heads, [None, *reversed(downs)], strict=True)):
            x = stage(x, down)
            if level == 7 - k:
                return self._shown(head(x))
        for doubling in self.doublings[: 3 - level]:
            x = doubling(x)
        return self._shown(x)

    def _descend(self, whole: Tensor) -> tuple[list[Tensor], Tensor]:
        x, found = space_to_depth(whole, 2), []
        for down in self.downs:
            found.append(down(x))
            x = functional.max_pool2d(found[-1], 2)
        return found, x

    def _shown(self, x: Tensor) -> Tensor:
        # In bfloat16 the sum would have steps as large as an 8-bit picture's.
        return torch.tanh(x.to(torch.promote_types(x.dtype, torch.float32))) * self.spread + 0.5


def halved(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c hh ww"]:
    """Shrink to half the size, bicubically and with a filter, as the authors shrink photos.

    They do so with Pillow on bytes; this leaves out the rounding, and like it cuts what overshoots 0 to 1.
    """
    size = x.shape[2] // 2, x.shape[3] // 2
    return functional.interpolate(x, size, mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)


def pynet(*, depth: bool = True, faithful_range: bool = True) -> PyNET:
    """Build the network with random weights: normal with a deviation of 0.01, cut at twice that, and biases of 0.01.

    The authors draw every weight from one and the same seed, so that weights of the same shape begin alike; not here.

    Args:
        depth: Whether a depth map goes in beside the picture. Without one it learns too, say the authors.
        faithful_range: Draw ``0.58 tanh(x) + 0.5``, in -0.08 to 1.08, as the authors do: black and white are then
            reached where tanh still has a slope. Else ``0.5 tanh(x) + 0.5``, in 0 to 1.
    """
    channels = 4 if depth else 3
    downs, before = [], 4 * channels
    for plan in reversed(PLANS[1:]):
        downs.append(MultiBlock(before, plan.width, 3, normed=plan.normed))
        before = plan.width
    stages = [_stage(before, plan, lowest=k == 0) for k, plan in enumerate(PLANS)]
    heads = [_drawing(plan.width) for plan in PLANS]
    doublings = [nn.Sequential(Rise(PLANS[-1].width, 8), _drawing(8)), nn.Sequential(Rise(3, 3), _drawing(3))]
    network = PyNET(channels, downs, stages, heads, doublings, spread=0.58 if faithful_range else 0.5)
    network.apply(_draw)
    return network


def _stage(below: int, plan: Plan, *, lowest: bool) -> Stage:
    rises = [] if lowest else [Rise(2 * plan.width, plan.width) for _ in range(2)]
    before, blocks = below if lowest else 2 * plan.width, []
    for step in plan.steps:
        block = MultiBlock(before, plan.width, step.largest, normed=plan.normed)
        before = block.channels + plan.width * len(step.beside)
        blocks.append(block)
    return Stage(rises, blocks, plan.steps)


def _filter(before: int, after: int, kernel: int, normed: bool) -> list[nn.Module]:
    norm = [InstanceNorm(after, eps=1e-3)] if normed else []
    return [nn.Conv2d(before, after, kernel, padding=kernel // 2), *norm, nn.LeakyReLU(SLOPE)]


def _drawing(before: int) -> nn.Conv2d:
    return nn.Conv2d(before, 3, 3, padding=1)


def _draw(part: nn.Module) -> None:
    if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
        _draw_truncated(part.weight)
        if part.bias is not None:
            nn.init.constant_(part.bias, 0.01)


@torch.no_grad()
def _draw_truncated(weight: Tensor, std: float = 0.01) -> None:
    """Draw normal numbers, and again what lies beyond two deviations; ``trunc_normal_`` takes twenty times as long."""
    weight.normal_(0, std)
    if weight.is_meta:
        return
    beyond = weight.abs() > 2 * std
    while beyond.any():
        weight[beyond] = torch.randn(int(beyond.sum())) * std
        beyond = weight.abs() > 2 * std
