"""The modified U-Net: sizes, and skips from before the nonlinearity."""

import pytest
import torch
from torch.nn import functional

from wideopen.zoo.stridedunet import Doubling, Halving, strided_unet


@pytest.mark.parametrize(("width", "count"), [(8, 436_171), (16, 1_742_739), (24, 3_919_707), (32, 6_967_075)])
def test_parameters_are_so_many(width, count):
    with torch.device("meta"):
        assert sum(each.numel() for each in strided_unet(width=width).parameters()) == count


def test_the_default_is_the_one_of_sixteen_channels():
    with torch.device("meta"):
        default, named = strided_unet().state_dict(), strided_unet(width=16, levels=4).state_dict()
    assert {name: each.shape for name, each in default.items()} == {name: each.shape for name, each in named.items()}


def test_a_picture_keeps_its_size():
    torch.manual_seed(0)
    network = strided_unet(width=2).eval()
    photo = torch.rand(2, 3, 32, 48)
    with torch.no_grad():
        assert network(photo).shape == photo.shape
        assert torch.equal(network(photo), network(photo))


@torch.no_grad()
def test_a_skip_is_taken_before_the_nonlinearity_and_bent_behind_the_joint():
    torch.manual_seed(0)
    halving, doubling = Halving(3, 4), Doubling(4)
    x = torch.rand(1, 3, 8, 8) - 0.5
    below, skip = halving(x)
    assert torch.equal(skip, halving.conv(x))
    assert below.shape == (1, 8, 4, 4)
    joint = torch.cat([doubling.enlarge(below), skip], dim=1)
    assert joint.min() < 0
    bent = torch.where(joint < 0, 0.2 * joint, joint)
    assert torch.allclose(doubling(below, skip), functional.leaky_relu(doubling.conv(bent), 0.2))


def test_gradient_reaches_every_parameter():
    torch.manual_seed(0)
    network = strided_unet(width=2)
    network(torch.rand(1, 3, 32, 32)).square().mean().backward()
    assert all(each.grad is not None and each.grad.any() for each in network.parameters())
