"""Portable: a network with all that stands around it inside, so that a picture goes in and a picture comes out."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from wideopen.errors import RequestError
from wideopen.zoo.solution import Solution


class Portable(nn.Module):
    """Takes a picture as apps hold it: channels last, sRGB as encoded, in [0, 1]; value range and padding are inside.

    It is of one size, for phones want to know sizes beforehand.
    """

    def __init__(self, solution: Solution, network: nn.Module, *, size_px: tuple[int, int]) -> None:
        """Wrap a network.

        Args:
            solution: What it is of.
            network: Its network, of which only evaluation is asked.
            size_px: Width and height.

        Raises:
            RequestError: If the size is smaller than what it is padded by.
        """
        super().__init__()
        self.network = network.eval()
        self.low, self.high = solution.value_range
        width, height = size_px
        rows, columns = (-side % solution.multiple_of for side in (height, width))
        if rows >= height or columns >= width:
            raise RequestError(
                f"{solution.name} works on multiples of {solution.multiple_of} px, and {width}x{height} is too small "
                f"to be padded to one; export it at {max(width, solution.multiple_of)}x"
                f"{max(height, solution.multiple_of)} or larger"
            )
        at_start = solution.padded_at == "start"
        self.padding = (columns, 0, rows, 0) if at_start else (0, columns, 0, rows)
        self.mode = "reflect" if solution.padding == "reflect" else "replicate"
        self.top, self.left = (rows, columns) if at_start else (0, 0)
        self.height, self.width = height, width

    def forward(self, picture: Float[Tensor, "1 h w 3"], *guides: Float[Tensor, "1 h w 1"]) -> Float[Tensor, "1 h w 3"]:
        """Render; guides are depth or saliency in [0, 1], as the solution needs them."""
        span = self.high - self.low
        x = self._padded(picture.permute(0, 3, 1, 2) * span + self.low)
        beside = [self._padded(guide.permute(0, 3, 1, 2) * self.high) for guide in guides]
        found: Tensor = self.network(x, *beside)
        found = found[:, :, self.top : self.top + self.height, self.left : self.left + self.width]
        return unit((found - self.low) / span).permute(0, 2, 3, 1)

    def _padded(self, x: Tensor) -> Tensor:
        return functional.pad(x, self.padding, mode=self.mode) if any(self.padding) else x


def unit(x: Tensor) -> Tensor:
    """Cut off at 0 and 1; ``relu6(6 x) / 6``, for GPUs of phones refuse a clamp to other ends."""
    return functional.relu6(x * 6) / 6


def example_inputs(solution: Solution, *, size_px: tuple[int, int]) -> tuple[Tensor, ...]:
    """Random inputs of a size, the same every time."""
    generator = torch.Generator().manual_seed(0)
    width, height = size_px
    guides = [torch.rand(1, height, width, 1, generator=generator) for _ in solution.needs]
    return torch.rand(1, height, width, 3, generator=generator), *guides
