"""The two critics that BG-Net learns against (report, section 4.1): one sees patches, one nearly the whole picture.

Source: the authors' code, published for Qian et al., BGGAN, ECCV Workshops 2020. How weights are kept small, and what
is learned, belongs to training. Departures: none known.
"""

from jaxtyping import Float
from torch import Tensor, nn

from wideopen.zoo.layers import InstanceNorm, SameConv2d


class PatchCritic(nn.Module):
    """Filters at stride 2, one at stride 1, and a linear one; each value sees a patch of the picture.

    In goes a picture in [-1, 1]. The score of a picture is the mean over everything that comes out.

    Args:
        layers: At stride 2.
        width: Channels of the first layer; they double up to eight times as many.
        faithful_norm: See `patch_critic`.

    Source:
        Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, CVPR 2017. Here the picture is
        looked at alone, the first layer is normalised as well, and the last gives as many channels as it gets.
    """

    def __init__(self, layers: int, *, width: int = 64, faithful_norm: bool = True) -> None:
        super().__init__()
        widths = [width * min(2**k, 8) for k in range(layers + 1)]
        parts: list[nn.Module] = []
        for k, (before, after) in enumerate(zip([3, *widths], widths, strict=False)):
            conv = _glorot(SameConv2d(before, after, 4, 2 if k < layers else 1))
            parts += [conv, InstanceNorm(by_sum=faithful_norm), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*parts, _glorot(nn.Conv2d(widths[-1], widths[-1], 1)))

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c hh ww"]:
        """Score every patch, once by each channel."""
        return self.body(picture)


def _glorot(conv: nn.Conv2d) -> nn.Conv2d:
    nn.init.xavier_uniform_(conv.weight)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv


def patch_critic(*, faithful_norm: bool = True) -> PatchCritic:
    """Build the critic of patches of 46 pixels, with 3,019,200 parameters.

    Args:
        faithful_norm: Normalise as the published code, which divides by the root of the *sum* of squares. Without, by
            the root of the mean, as instance normalisation is known.
    """
    return PatchCritic(3, faithful_norm=faithful_norm)


def full_critic(*, faithful_norm: bool = True) -> PatchCritic:
    """Build the critic of patches of 190 pixels, which the authors call full, with 11,408,832 parameters.

    Args:
        faithful_norm: As in `patch_critic`.
    """
    return PatchCritic(5, faithful_norm=faithful_norm)
