"""Adversary: the critics' loss and its penalty by hand, and the bound on their weights."""

import math

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from wideopen.train.adversary import (  # noqa: E402
    Critics,
    adversarial_loss,
    constrain,
    critic_loss,
    double_critic,
)
from wideopen.train.recipe import Adversary  # noqa: E402
from wideopen.zoo.critics import PatchCritic  # noqa: E402

HEIGHT, WIDTH, SCORES = 5, 4, 2


class LinearCritic(nn.Module):
    """Gives two scores, of which the second is three times the first: factor times the sum of red."""

    def __init__(self, factor):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(float(factor)))

    def forward(self, picture):
        score = self.factor * picture[:, :1].sum(dim=(2, 3), keepdim=True)
        return torch.cat([score, 3 * score], dim=1)


def pictures(count=2):
    generator = torch.Generator().manual_seed(0)
    return (2 * torch.rand(2, count, 3, HEIGHT, WIDTH, generator=generator) - 1).unbind()


def small_critics():
    torch.manual_seed(0)
    return Critics(PatchCritic(2, width=4), PatchCritic(3, width=4, faithful_norm=False))


def mean_red_sum(picture):
    return picture[:, 0].sum(dim=(1, 2)).mean().item()


@pytest.mark.parametrize("of_sum", [False, True], ids=["mean", "sum"])
@pytest.mark.parametrize("penalty", [0.0, 1.0, 10.0])
def test_the_loss_of_linear_critics_is_as_counted_by_hand(of_sum, penalty):
    found, wanted = pictures()
    factors = 0.3, -0.02
    expected = 0
    for factor in factors:
        # Mean of 1 and 3 times the score, or their sum.
        slope = abs(factor) * math.sqrt(HEIGHT * WIDTH) * (4 if of_sum else 2)
        expected += factor * 2 * (mean_red_sum(found) - mean_red_sum(wanted)) + penalty * (slope - 1) ** 2
    loss = critic_loss(
        Critics(*map(LinearCritic, factors)), found, wanted, Adversary(penalty=penalty, penalty_of_sum=of_sum)
    )
    assert loss.item() == pytest.approx(expected / 2, rel=1e-5)


def test_the_gradient_of_the_penalty_reaches_the_critics_as_counted_by_hand():
    critics, (same, _) = Critics(LinearCritic(0.3), LinearCritic(1.0)), pictures()
    critic_loss(critics, same, same, Adversary(penalty=10)).backward()
    for critic in critics:
        length = 2 * math.sqrt(HEIGHT * WIDTH)
        expected = 10 * 2 * (critic.factor.item() * length - 1) * length / 2
        assert critic.factor.grad.item() == pytest.approx(expected, rel=1e-5)


class SquareCritic(nn.Module):
    """Scores half the squares, so that its slope is the picture itself."""

    def forward(self, picture):
        return picture.square().sum(dim=(1, 2, 3), keepdim=True) / 2


def test_the_penalty_is_taken_at_one_share_for_each_picture():
    wanted = torch.zeros(3, 3, HEIGHT, WIDTH)
    found = torch.ones_like(wanted)
    torch.manual_seed(4)
    shares = torch.rand(3, 1, 1, 1), torch.rand(3, 1, 1, 1)
    assert len(set(torch.cat(shares).flatten().tolist())) == 6
    length = math.sqrt(3 * HEIGHT * WIDTH)
    expected = torch.stack([((1 - share) * length - 1).square().mean() for share in shares]).mean()
    torch.manual_seed(4)
    loss = critic_loss(Critics(SquareCritic(), SquareCritic()), found, wanted, Adversary(penalty=2.0))
    assert loss.item() == pytest.approx((length**2 / 2 + 2 * expected).item(), rel=1e-5)


def test_the_critics_learn_and_the_network_does_not_by_their_loss():
    critics, (found, wanted) = small_critics(), pictures()
    found, wanted = (each.repeat(1, 1, 4, 4) for each in (found, wanted))
    found.requires_grad_()
    critic_loss(critics, found, wanted, Adversary()).backward()
    assert found.grad is None
    for critic in critics:
        for part in critic.modules():
            if isinstance(part, nn.Conv2d):
                assert part.weight.grad.isfinite().all()
                assert part.weight.grad.abs().max() > 0


def test_the_network_learns_and_the_critics_do_not_by_its_loss():
    critics, (found, _) = small_critics(), pictures()
    found = found.repeat(1, 1, 4, 4).requires_grad_()
    loss = adversarial_loss(critics, found)
    loss.backward()
    expected = -sum(critic(found).mean() for critic in critics) / 2
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    (slope,) = torch.autograd.grad(expected, found)
    assert slope.abs().max() > 0
    assert torch.allclose(found.grad, slope, rtol=1e-4, atol=1e-9)
    assert all(each.grad is None and each.requires_grad for each in critics.parameters())


def test_critics_learn_that_true_pictures_are_worth_more():
    torch.manual_seed(0)
    critics = Critics(*(PatchCritic(2, width=4, faithful_norm=False) for _ in range(2)))
    wanted = torch.rand(2, 3, 16, 16) - 0.5
    found = functional.avg_pool2d(wanted, 5, 1, 2)
    optimizer = torch.optim.Adam(critics.parameters(), 5e-3, betas=(0.0, 0.9))
    advantages = []
    for _ in range(20):
        with torch.no_grad():
            advantages.append((adversarial_loss(critics, found) - adversarial_loss(critics, wanted)).item())
        optimizer.zero_grad()
        critic_loss(critics, found, wanted, Adversary()).backward()
        optimizer.step()
    assert advantages[-1] > 3 * abs(advantages[0])


def test_losses_are_in_float32_under_autocast():
    critics, (found, wanted) = small_critics(), (each.repeat(1, 1, 4, 4) for each in pictures())
    with torch.autocast("cpu", torch.bfloat16):
        losses = critic_loss(critics, found, wanted, Adversary()), adversarial_loss(critics, found.bfloat16())
    for loss in losses:
        assert loss.dtype == torch.float32
        assert loss.isfinite()


def test_the_critics_of_bg_net_are_as_large_as_theirs():
    with torch.device("meta"):
        critics = double_critic()
    assert sum(each.numel() for each in critics.parameters()) == 3_019_200 + 11_408_832
    assert [name for name, _ in critics.named_children()] == ["patch", "full"]


def convolutions(critics):
    return [[part for part in critic.modules() if isinstance(part, nn.Conv2d)] for critic in critics]


@given(size=st.sampled_from([1e-9, 1e-4, 4e-3, 0.02, 1.0, 1e4]), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_constrained_columns_are_short_and_point_where_they_did(size, seed):
    critics = small_critics()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for each in critics.parameters():
            each.copy_(size * torch.randn(each.shape, generator=generator))
    before = {name: each.clone() for name, each in critics.named_parameters()}
    constrain(critics)
    for part in (*convolutions(critics)[0], *convolutions(critics)[1]):
        norms = part.weight.detach().square().sum(dim=2).sqrt()
        assert norms.max() <= 0.01 * (1 + 1e-6)
    for name, each in critics.named_parameters():
        was, now = before[name], each.detach()
        axis = 2 if now.dim() == 4 else 0
        norm = was.double().square().sum(dim=axis, keepdim=True).sqrt()
        if name.endswith("0.bias") and name.split(".")[2] == "0":
            assert torch.equal(now, was)
            continue
        expected = was.double() * norm.clamp(max=0.01) / (norm + 1e-7)
        assert torch.allclose(now.double(), expected, rtol=1e-5, atol=0)


def test_the_first_bias_is_free_and_all_others_are_bound():
    critics = small_critics()
    with torch.no_grad():
        for each in critics.parameters():
            each.fill_(1)
    constrain(critics)
    for first, *others in convolutions(critics):
        assert (first.bias == 1).all()
        assert len(others) >= 3
        for part in others:
            assert part.bias.detach().norm().item() == pytest.approx(0.01, rel=1e-4)
        # A kernel of 4 rows has columns of 4 weights, one of 1 row single weights.
        assert first.weight.unique().item() == pytest.approx(0.005, rel=1e-4)
        assert others[-1].weight.unique().item() == pytest.approx(0.01, rel=1e-4)


def test_weights_of_nothing_stay_nothing():
    critics = small_critics()
    with torch.no_grad():
        for each in critics.parameters():
            each.zero_()
    constrain(critics)
    assert all((each == 0).all() for each in critics.parameters())
