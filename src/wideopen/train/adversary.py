"""Adversary: two critics that learn to tell found pictures from true ones, as BG-Net's do (report, section 4.1).

Everything here takes pictures in [-1, 1], float (n, 3, h, w); those of another range are converted before.

Source: Gulrajani et al., Improved Training of Wasserstein GANs, NeurIPS 2017, and the code published for Qian et al.,
BGGAN, ECCV Workshops 2020.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from wideopen.train.recipe import Adversary
from wideopen.zoo.critics import full_critic, patch_critic

MOST_NORM = 0.01
"""Of constrained weights."""
KERAS_EPSILON = 1e-7
"""That Keras adds to a norm before it divides by it."""


class Critics(nn.Module):
    """Two critics whose word counts alike.

    Args:
        patch: Gives a map of any size and channels; its score of a picture is the mean over all.
        full: The same, with a wider view.
    """

    def __init__(self, patch: nn.Module, full: nn.Module) -> None:
        super().__init__()
        self.patch, self.full = patch, full

    def __iter__(self) -> Iterator[nn.Module]:
        """The critics, one after the other."""
        return iter((self.patch, self.full))


def double_critic(*, faithful_norm: bool = True) -> Critics:
    """Build BG-Net's critics with random weights.

    Args:
        faithful_norm: As in `wideopen.zoo.critics.patch_critic`.
    """
    return Critics(patch_critic(faithful_norm=faithful_norm), full_critic(faithful_norm=faithful_norm))


def critic_loss(
    critics: Critics, found: Float[Tensor, "n 3 h w"], wanted: Float[Tensor, "n 3 h w"], settings: Adversary
) -> Float[Tensor, ""]:
    """What the critics learn by, mean of both: ``mean D(found) - mean D(wanted) + penalty * GP``.

    ``GP = mean (|g| - 1)^2`` over the pictures, where g is the gradient of a critic at ``a wanted + (1 - a) found``
    with one random a in [0, 1] for each picture and critic, and |g| its Euclidean norm over all pixels and channels.

    Args:
        critics: Of the two.
        found: By the network, which gets no gradient.
        wanted: True pictures.
        settings: Its `penalty`, and `penalty_of_sum` for the gradient of the sum over a critic's map, as the published
            code (where the penalty counts once, not ten times); else of the mean.
    """
    found = found.detach()
    losses = []
    for critic in critics:
        loss = critic(found).float().mean() - critic(wanted).float().mean()
        if settings.penalty:
            loss = loss + settings.penalty * _gradient_penalty(critic, found, wanted, settings.penalty_of_sum)
        losses.append(loss)
    return torch.stack(losses).mean()


def _gradient_penalty(critic: nn.Module, found: Tensor, wanted: Tensor, of_sum: bool) -> Tensor:
    # Without autocast: bfloat16 has 8 bits, few for a norm that is compared with 1.
    with torch.autocast(found.device.type, enabled=False), torch.enable_grad():
        share = torch.rand(len(found), 1, 1, 1, device=found.device)
        between = (share * wanted.float() + (1 - share) * found.float()).detach().requires_grad_()
        score = critic(between).flatten(1)
        score = score.sum() if of_sum else score.mean(dim=1).sum()
        (slope,) = torch.autograd.grad(score, between, create_graph=True)
        return (torch.linalg.vector_norm(slope.flatten(1), dim=1) - 1).square().mean()


def adversarial_loss(critics: Critics, found: Float[Tensor, "n 3 h w"]) -> Float[Tensor, ""]:
    """What the network learns by: ``-mean D(found)``, mean of both critics, not weighed yet.

    The critics' weights get no gradient. In the published code the network's optimizer moves them too, by this loss;
    that is left out.
    """
    scores = []
    for critic in critics:
        fixed = {name: each.detach() for name, each in critic.named_parameters()}
        scores.append(functional_call(critic, fixed, (found,)).float().mean())
    return -torch.stack(scores).mean()


@torch.no_grad()
def constrain(critics: Critics) -> None:
    """Bound the weights of both critics in place, as the published code does after each step of theirs.

    ``w <- w * min(|w|, 0.01) / (|w| + 1e-7)``, which is Keras's ``MinMaxNorm(-0.01, 0.01)`` along its axis 0. Of a
    kernel, (height, width, in, out) in Keras and (out, in, height, width) here, that axis is the height: each *column*
    of a filter has a norm of its own. Of a bias it is all of it. The first convolution's bias is not bound, all others
    are. (The lower bound is never met. Perhaps [-0.01, 0.01] was meant for each weight, as in Arjovsky et al.,
    Wasserstein GAN, ICML 2017.)
    """
    for critic in critics:
        convolutions = [part for part in critic.modules() if isinstance(part, nn.Conv2d)]
        for k, convolution in enumerate(convolutions):
            _bound(convolution.weight, axis=2)
            if k and convolution.bias is not None:
                _bound(convolution.bias, axis=0)


def _bound(weights: Tensor, *, axis: int) -> None:
    norm = torch.linalg.vector_norm(weights, dim=axis, keepdim=True)
    weights.mul_(norm.clamp(max=MOST_NORM) / (norm + KERAS_EPSILON))
