"""Wide activation with channel attention: sizes, and what blocks add."""

import pytest
import torch

from wideopen.zoo.layers import recalling, remembering
from wideopen.zoo.wideactivation import ChannelAttention, WideBlock, wide_activation_net


def small(**switches):
    torch.manual_seed(0)
    return wide_activation_net(channels=8, blocks=2, reduction=2, **switches)


@pytest.mark.parametrize(
    ("channels", "blocks", "count"), [(32, 4, 324_448), (32, 5, 398_628), (32, 8, 621_168), (64, 2, 648_064)]
)
def test_parameters_are_so_many(channels, blocks, count):
    with torch.device("meta"):
        network = wide_activation_net(channels=channels, blocks=blocks)
    assert sum(each.numel() for each in network.parameters()) == count


def test_the_default_has_five_blocks_of_32_channels():
    with torch.device("meta"):
        assert sum(each.numel() for each in wide_activation_net().parameters()) == 398_628


@torch.no_grad()
def test_a_picture_keeps_its_size_and_may_be_added():
    photo = torch.rand(2, 3, 12, 20)
    assert small()(photo).shape == photo.shape
    for adds, expected in ((False, torch.zeros_like(photo)), (True, photo)):
        network = small(adds_picture=adds)
        network.last.weight.zero_()
        assert torch.equal(network(photo), expected)


@torch.no_grad()
def test_attention_weighs_channels_by_their_means():
    torch.manual_seed(0)
    attention = ChannelAttention(8)
    x = torch.rand(1, 8, 6, 6)
    scrambled = x.flatten(2)[:, :, torch.randperm(36)].reshape(x.shape)
    weight, again = attention(x) / x, attention(scrambled) / scrambled
    assert torch.allclose(weight, weight.mean(dim=(2, 3), keepdim=True).expand_as(weight), rtol=1e-5)
    assert torch.allclose(weight.mean(dim=(2, 3)), again.mean(dim=(2, 3)))
    attention.widen.weight.zero_()
    attention.widen.bias.zero_()
    assert torch.allclose(attention(x), x / 2)


@torch.no_grad()
def test_a_block_adds_to_what_came_in():
    torch.manual_seed(0)
    block = WideBlock(8)
    assert block.widen.out_channels == 32
    block.narrow.weight.zero_()
    block.narrow.bias.zero_()
    x = torch.rand(1, 8, 5, 5)
    assert torch.equal(block(x), x)


@torch.no_grad()
def test_a_tile_borrows_the_means_of_the_whole():
    network = small().eval()
    photo = torch.rand(1, 3, 64, 64)
    photo[:, :, :, 32:] *= 0.1
    with remembering(network):
        whole = network(photo)
    tile = photo[:, :, :, :48]
    with recalling(network, area_ratio=64 / 48):
        borrowed = network(tile)
    inside = slice(0, 8)  # beyond the reach of the filters from the tile's border
    assert torch.allclose(borrowed[..., inside], whole[..., inside], atol=1e-5)
    assert not torch.allclose(network(tile)[..., inside], whole[..., inside], atol=1e-4)


def test_gradient_reaches_every_parameter():
    network = small()
    network(torch.rand(1, 3, 32, 32)).square().mean().backward()
    assert all(each.grad is not None and each.grad.any() for each in network.parameters())
