"""MegaDepth's hourglass: parameters, shape, what its depth means."""

import pytest
import torch
from torch import nn

from wideopen.zoo.megadepth import Hourglass, Inception, mega_depth


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return mega_depth().eval()


def picture(*size):
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))


def test_it_has_as_many_parameters_as_the_published_network(net):
    assert sum(value.numel() for value in net.parameters()) == 5_357_153


def test_it_is_made_of_22_inceptions_of_which_five_have_large_filters(net):
    assert sum(isinstance(part, Inception) for part in net.modules()) == 22
    sides = [part.kernel_size[0] for part in net.modules() if isinstance(part, nn.Conv2d)]
    assert [sides.count(side) for side in (3, 5, 7, 11)] == [22 + 1, 17, 22 + 1, 5]


def test_only_the_first_normalisation_has_an_affine_map(net):
    affine = [part for part in net.modules() if isinstance(part, nn.BatchNorm2d) and part.affine]
    assert affine == [net.stem[1]]


def test_its_state_has_the_published_order(net):
    shapes = [tuple(value.shape) for name, value in net.state_dict().items() if name.endswith("weight")]
    # The stem, the first inception at half the size; at the end the full size, then the head.
    assert shapes[:2] == [(128, 3, 7, 7), (128,)]
    assert shapes[2:9] == [(32, 128, 1, 1)] + [s for k in (3, 5, 7) for s in ((32, 128, 1, 1), (32, 32, k, k))]
    assert shapes[-8:-1] == [(16, 128, 1, 1)] + [s for k in (3, 7, 11) for s in ((64, 128, 1, 1), (16, 64, k, k))]
    assert shapes[-1] == (1, 64, 3, 3)
    # At a quarter and an eighth the full size comes first.
    quarter = [name for name, _ in net.hourglass.half_size[2].half_size[2].named_children()]
    assert quarter == ["full_size", "half_size"]


@pytest.mark.parametrize("size", [(16, 16), (32, 48)])
def test_depth_has_the_size_of_the_picture(net, size):
    assert net(picture(*size)).shape == (2, 1, *size)


def test_inverse_depth_is_over_its_maximum_and_near_is_large(net):
    with torch.no_grad():
        inverse, log_depth = net.inverse_depth(picture(32, 32)), net(picture(32, 32))
    plain = 1 / log_depth.exp()
    torch.testing.assert_close(inverse, plain / plain.amax(dim=(1, 2, 3), keepdim=True))
    assert inverse.amax(dim=(1, 2, 3)).tolist() == [1, 1]
    assert inverse.min() > 0
    assert (inverse.flatten(1).argmin(dim=1) == log_depth.flatten(1).argmax(dim=1)).all()


@pytest.mark.parametrize(("means", "small"), [(True, 2.5), (False, 4.0)])
def test_an_hourglass_adds_both_sizes(means, small):
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None, None]
    hourglass = Hourglass(full_size=[nn.Identity()], half_size=[nn.Identity()], means=means)
    assert torch.equal(hourglass(x), x + small)


def test_gradients_reach_every_parameter():
    torch.manual_seed(0)
    net = mega_depth().eval()
    net(picture(32, 32)).square().mean().backward()
    still = {name for name, value in net.named_parameters() if value.grad is None or not value.grad.abs().any()}
    assert not still
