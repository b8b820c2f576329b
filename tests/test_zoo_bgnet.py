"""BG-Net and its critics: sizes, skips, and the norm that is not quite one."""

import pytest
import torch
from torch import nn

from wideopen.zoo.bgnet import BGNet, FirstUNet, ResidualBlock, SecondUNet, bg_net
from wideopen.zoo.critics import PatchCritic, full_critic, patch_critic
from wideopen.zoo.layers import recalling, remembering


def small(*, faithful_norm=False):
    torch.manual_seed(0)
    first = FirstUNet(width=4, blocks=2, faithful_norm=faithful_norm)
    return BGNet(first, SecondUNet(width=4, blocks=2, faithful_norm=faithful_norm))


def picture(height=24, width=32, seed=0):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def parameters(network):
    return sum(each.numel() for each in network.parameters())


def test_parameters_are_as_many_as_in_the_published_code():
    with torch.device("meta"):
        network = bg_net()
        assert parameters(network.first) == 3_055_056
        assert parameters(network.second) == 7_297_728
        assert parameters(network) == 10_352_784
        assert parameters(patch_critic()) == 3_019_200
        assert parameters(full_critic()) == 11_408_832


def test_the_second_network_sees_the_first_picture_and_what_it_took_away():
    network, photo = small().eval(), picture()
    seen = []
    network.second.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    final, first = network.both(photo)
    assert torch.equal(seen[0], torch.cat([first, photo - first], dim=1))
    assert torch.equal(network(photo), final)
    assert final.shape == photo.shape
    assert first.abs().max() < 1
    assert final.abs().max() < 1


@torch.no_grad()
def test_only_the_bottom_of_the_first_network_has_a_skip():
    first, photo = small().first.eval(), picture()
    first.decoder[0][0].weight.zero_()
    first.decoder[0][0].bias.fill_(1)
    assert torch.allclose(first(photo), first(-photo), atol=0)


@torch.no_grad()
def test_the_second_network_has_skips_at_all_sizes_but_the_full():
    second, pictures = small().second.eval(), torch.cat([picture(), picture(seed=1)], dim=1)
    for doubling in second.doublings[:2]:
        doubling[0].weight.zero_()
    assert not torch.equal(second(pictures), second(-pictures))
    second.doublings[2][0].weight.zero_()
    second.doublings[2][0].bias.fill_(1)
    assert torch.equal(second(pictures), second(-pictures))


@pytest.mark.parametrize(("faithful", "deviation"), [(True, 0.00666), (False, 1.0)])
def test_a_faithful_residual_block_adds_next_to_nothing(faithful, deviation):
    torch.manual_seed(0)
    block = ResidualBlock(4, faithful_norm=faithful).eval()
    with torch.no_grad():
        added = block.body(torch.rand(1, 4, 128, 176))
    assert added.std().item() == pytest.approx(deviation, rel=5e-3 if not faithful else 0.08)


def test_values_are_left_out_in_training_only():
    network, photo = small(), picture()
    network.eval()
    assert torch.equal(network(photo), network(photo))
    network.train()
    assert not torch.equal(network(photo), network(photo))


def test_weights_are_drawn_as_in_the_published_code():
    torch.manual_seed(0)
    network = FirstUNet(width=16, blocks=1)
    convs = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    assert all(conv.bias is None for conv in convs)
    drawn = torch.cat([conv.weight.flatten() for conv in convs])
    assert drawn.std().item() == pytest.approx(0.02, rel=0.01)
    for part in network.modules():
        if isinstance(part, nn.ConvTranspose2d):
            bound = (6 / (16 * (part.in_channels + part.out_channels))) ** 0.5
            assert part.weight.abs().max().item() == pytest.approx(bound, rel=0.01)
            assert not part.bias.any()


@pytest.mark.parametrize("faithful", [True, False])
def test_gradient_reaches_every_parameter(faithful):
    network = small(faithful_norm=faithful)
    final, first = network.both(picture())
    (final.square().mean() + first.square().mean()).backward()
    assert all(each.grad is not None and each.grad.any() for each in network.parameters())


@pytest.mark.parametrize(("layers", "size", "shape"), [(3, (64, 72), (8, 9)), (5, (64, 96), (2, 3))])
def test_a_critic_scores_patches(layers, size, shape):
    critic = PatchCritic(layers, width=4)
    assert critic(picture(*size)).shape == (1, 32, *shape)


@pytest.mark.parametrize(("layers", "sees_px"), [(3, 46), (5, 190)])
def test_a_critic_sees_so_far(layers, sees_px):
    torch.manual_seed(0)
    critic = PatchCritic(layers, width=2, faithful_norm=False)
    photo = picture(256, 256).requires_grad_()
    with torch.no_grad(), remembering(critic):
        critic(photo)
    with recalling(critic, area_ratio=1):
        scores = critic(photo)
    middle = scores.shape[2] // 2
    (gradient,) = torch.autograd.grad(scores[:, :, middle, middle].sum(), photo)
    touched = gradient.abs().amax(dim=(0, 1)).nonzero()
    assert (touched.amax(dim=0) - touched.amin(dim=0) + 1).tolist() == [sees_px, sees_px]


def test_a_critic_can_be_held_to_its_gradient():
    torch.manual_seed(0)
    critic, photo = PatchCritic(3, width=4), picture(32, 32).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(photo).mean(), photo, create_graph=True)
    ((gradient.norm() - 1) ** 2).backward()
    weights = [part.weight for part in critic.modules() if isinstance(part, nn.Conv2d)]
    assert all(torch.isfinite(each.grad).all() and each.grad.any() for each in weights)


@pytest.mark.parametrize("build", [patch_critic, full_critic])
def test_the_norm_of_a_critic_is_a_switch(build):
    with torch.device("meta"):
        assert build().body[1].by_sum
        assert not build(faithful_norm=False).body[1].by_sum
