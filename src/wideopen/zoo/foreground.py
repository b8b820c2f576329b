"""How the sharp foreground of the original photo comes back into a picture that was rendered at half the size."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from wideopen.zoo.layers import Statistics

THRESHOLD = 0.125
"""What is less defocused counts as foreground."""
_STEEPNESS = 20.0


class ForegroundPaste(nn.Module):
    """Lays the photo over its bokeh where there is no defocus: ``m I + (1 - m) B``.

    The mask is ``m = sigmoid(20 (1/8 - D))``, by which even what has no defocus is blended, 0.92 to 0.08.

    Args:
        adaptive: By the least ``b`` and most ``a`` defocus of the picture: ``m = sigmoid(20 / (t - b) (t - D))``,
            where ``t`` is 1/8, or ``b + (a - b) / 8`` if no pixel lies below 1/8.

    Source:
        The code of the ECCV Workshops 2020 authors, Luo et al., as it was in December 2020.
    """

    def __init__(self, *, adaptive: bool = False) -> None:
        super().__init__()
        self.extremes = Extremes() if adaptive else None

    def forward(
        self, picture: Float[Tensor, "n 3 h w"], bokeh: Float[Tensor, "n 3 h w"], defocus: Float[Tensor, "n 1 h w"]
    ) -> Float[Tensor, "n 3 h w"]:
        """Paste.

        Args:
            picture: The photo.
            bokeh: The same, rendered.
            defocus: In [0, 1]; 0 is sharp.
        """
        return blended(picture, bokeh, self.mask(defocus))

    def mask(self, defocus: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 1 h w"]:
        """How much of the photo is laid over."""
        if self.extremes is None:
            return torch.sigmoid(_STEEPNESS * (THRESHOLD - defocus))
        least, most = self.extremes(defocus)
        threshold = foreground_threshold(least, most)
        # Where all have one defocus, nothing is to be divided.
        return torch.sigmoid(_STEEPNESS / (threshold - least).clamp_min(1e-6) * (threshold - defocus))


class PoissonFusion(nn.Module):
    """Lays the photo over its bokeh by a mask that a small network refines; the journal's, not the challenge's.

    Args:
        width: Channels of the first layer.
        narrow: Channels of the others.

    Source:
        Luo et al., Defocus to Focus: Photo-realistic Bokeh Rendering by Fusing Defocus and Radiance Priors,
        Information Fusion 2023, and its published code. The loss by gradients is not part of that code.
    """

    def __init__(self, *, width: int = 64, narrow: int = 16) -> None:
        super().__init__()
        self.extremes = Extremes()
        self.refine = nn.Sequential(
            nn.Conv2d(2, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, narrow, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(narrow, narrow, 3, padding=1),
            nn.ReLU(),
            last := nn.Conv2d(narrow, 1, 3, padding=1),
        )
        assert last.bias is not None
        # Beyond [0, 1] nothing is learned through the paste.
        nn.init.constant_(last.bias, 0.5)

    def forward(
        self, picture: Float[Tensor, "n 3 h w"], bokeh: Float[Tensor, "n 3 h w"], defocus: Float[Tensor, "n 1 h w"]
    ) -> Float[Tensor, "n 3 h w"]:
        """Paste; takes what `ForegroundPaste` takes."""
        return blended(picture, bokeh, self.mask(picture, defocus).clamp(0, 1))

    def mask(self, picture: Float[Tensor, "n 3 h w"], defocus: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 1 h w"]:
        """How much of the photo is laid over, not clamped yet."""
        red, green, blue = picture.chunk(3, dim=1)
        grey = 0.299 * red + 0.587 * green + 0.114 * blue
        return self.refine(torch.cat([1 - defocus, grey], dim=1))

    def target(self, defocus: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 1 h w"]:
        """The mask of 0 and 1 that training starts from: what lies below the adaptive threshold is foreground."""
        return (defocus < foreground_threshold(*self.extremes(defocus))).to(defocus.dtype)


class Extremes(nn.Module):
    """Least and most of a map over the whole picture, which tiles borrow."""

    def __init__(self) -> None:
        super().__init__()
        self.least, self.most = Statistics(), Statistics()

    def forward(self, x: Float[Tensor, "n 1 h w"]) -> tuple[Float[Tensor, "n 1 1 1"], Float[Tensor, "n 1 1 1"]]:
        """Find both."""
        # The mean of one value is the value.
        least, _ = self.least(x.amin(dim=(2, 3), keepdim=True))
        most, _ = self.most(x.amax(dim=(2, 3), keepdim=True))
        return least, most


def foreground_threshold(least: Float[Tensor, "n 1 1 1"], most: Float[Tensor, "n 1 1 1"]) -> Float[Tensor, "n 1 1 1"]:
    """Find the defocus below which there is foreground: 1/8, or an eighth of the range where all lie above that."""
    return torch.where(least >= THRESHOLD, least + (most - least) * THRESHOLD, torch.full_like(least, THRESHOLD))


def blended(
    over: Float[Tensor, "n 3 h w"], under: Float[Tensor, "n 3 h w"], mask: Float[Tensor, "n 1 h w"]
) -> Float[Tensor, "n 3 h w"]:
    """Lay one picture over another."""
    return mask * over + (1 - mask) * under
