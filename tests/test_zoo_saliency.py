"""The saliency network: parameters, unpooling, masks of its levels, TensorFlow's resize."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from wideopen.zoo.saliency import JOINED, SIDES, SaliencyNet, enlarged, pooled, saliency_net, unpooled


def tiny(*, batch_statistics=False, tensorflow_resize=True):
    torch.manual_seed(0)
    return SaliencyNet(
        widths=(4, 6, 8, 10, 12),
        depths=(1, 1, 2, 1, 1),
        batch_statistics=batch_statistics,
        tensorflow_resize=tensorflow_resize,
    ).eval()


def picture(height=64, width=96):
    return 255 * torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_it_has_as_many_parameters_as_the_published_network():
    net = saliency_net()
    assert sum(value.numel() for value in net.parameters()) == 28_301_077
    running = [value for name, value in net.named_buffers() if "running" in name]
    assert sum(value.numel() for value in running) == 3_072
    assert "mean" not in net.state_dict()
    vgg16 = sum(value.numel() for value in net.encoder.parameters())
    assert vgg16 == 14_714_688
    assert all(part.eps == 1e-3 for part in net.modules() if isinstance(part, nn.BatchNorm2d))


def test_levels_have_the_published_scales():
    sizes = [tuple(level.shape[1:]) for level in tiny()._levels(picture())]
    encoder = [(4, 64, 96), (6, 32, 48), (8, 16, 24), (10, 8, 12), (12, 4, 6)]
    decoder = [(12, 2, 3), (10, 4, 6), (8, 8, 12), (6, 16, 24), (4, 32, 48), (4, 64, 96)]
    assert sizes == encoder + decoder


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    levels=st.sampled_from((2, 3, 1000)),
    seed=st.integers(0, 2**31),
)
def test_unpooling_is_that_by_indices_with_its_gradient(height, width, levels, seed):
    # Few levels, so that most maxima are there several times, as zeros are behind a ReLU.
    rng = torch.Generator().manual_seed(seed)
    x = torch.randint(levels, (2, 3, 2 * height, 2 * width), generator=rng).double().requires_grad_()
    small = torch.rand(2, 3, height, width, generator=rng, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(2, 3, 2 * height, 2 * width, generator=rng, dtype=torch.float64)
    maxima, places = pooled(x)
    plain_maxima, indices = functional.max_pool2d(x, 2, return_indices=True)
    found, plain = unpooled(small * maxima, places), functional.max_unpool2d(small * plain_maxima, indices, 2)
    assert torch.equal(maxima, plain_maxima)
    assert torch.equal(found, plain)
    mine = torch.autograd.grad((found * weight).sum(), (x, small))
    theirs = torch.autograd.grad((plain * weight).sum(), (x, small))
    assert all(torch.equal(one, other) for one, other in zip(mine, theirs, strict=True))


@pytest.mark.parametrize("times", [1, 2, 4, 16])
def test_masks_are_enlarged_by_the_corners_of_pixels(times):
    small = np.random.default_rng(0).random((3, 5))

    def across(line):
        where = np.arange(len(line) * times) / times
        low = np.floor(where).astype(int)
        high = np.minimum(low + 1, len(line) - 1)
        return line[low] * (1 - (where - low)) + line[high] * (where - low)

    wanted = np.apply_along_axis(across, 1, np.apply_along_axis(across, 0, small))
    found = enlarged(torch.from_numpy(small)[None, None], times)[0, 0].numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_where_pixels_lie_can_be_chosen():
    corners, middles = tiny(), tiny(tensorflow_resize=False)
    first, second = corners.sides(picture()), middles.sides(picture())
    assert torch.equal(first["d0"], second["d0"]) and torch.equal(first["e1"], second["e1"])
    assert not torch.allclose(first["d3"], second["d3"])


def test_the_last_mask_is_made_of_nine_of_the_levels():
    assert SIDES == ("e1", "e2", "e3", "e4", "e5", "d5", "d4", "d3", "d2", "d1", "d0")
    net = tiny()
    sides = net.sides(picture())
    assert tuple(sides) == SIDES and len(JOINED) == 9
    for mask in sides.values():
        assert mask.shape == (2, 1, 64, 96)
        assert 0 <= mask.min() <= mask.max() <= 1
    assert torch.equal(net(picture()), net.joined(sides))
    changed = sides | {name: 1 - sides[name] for name in ("e1", "e2")}
    assert torch.equal(net.joined(changed), net.joined(sides))


def test_the_last_mask_starts_as_a_vote():
    net = tiny()
    ones = torch.ones(1, 1, 2, 2)
    for votes in range(10):
        mask = net.joined({name: ones * (k < votes) for k, name in enumerate(JOINED)})
        assert ((mask > 0.5) == (votes > 4)).all()


def test_a_picture_is_seen_less_the_mean():
    net = tiny()
    seen = []
    net.encoder[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    net(torch.tensor([126.88, 120.24, 112.19])[None, :, None, None].expand(1, 3, 32, 32))
    assert not seen[0].any()


def test_statistics_may_be_the_pictures_own():
    net = tiny(batch_statistics=True)
    training = copy.deepcopy(net).train()
    alone = torch.cat([training(one[None]) for one in picture()])
    torch.testing.assert_close(net(picture()), alone, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(tiny()(picture()), alone, rtol=1e-3)


def test_the_map_for_dddf_has_the_pictures_size_and_all_of_its_range():
    net = tiny()
    exact = net.guide(picture(320, 320))
    assert exact.amin(dim=(1, 2, 3)).tolist() == [0, 0]
    assert exact.amax(dim=(1, 2, 3)).tolist() == [255, 255]
    # Of doubled pixels the network sees the single ones.
    large = picture(320, 320).repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    found = net.guide(large)
    assert found.shape == (2, 1, 640, 640)
    assert 0 <= found.min() <= found.max() <= 255
    torch.testing.assert_close(functional.avg_pool2d(found, 2)[..., 1:-1, 1:-1], blurred(exact), atol=0.01, rtol=0)


def blurred(x):
    """Means of 2x2 of what is enlarged to twice the size: 1/8, 3/4, 1/8 along each axis."""
    weight = torch.tensor([0.125, 0.75, 0.125])
    return functional.conv2d(x, (weight[:, None] * weight)[None, None])


def test_gradients_reach_every_parameter():
    net = tiny().train()
    sides = net.sides(picture())
    sum(mask.square().mean() for mask in (*sides.values(), net.joined(sides))).backward()
    still = {name for name, value in net.named_parameters() if value.grad is None or not value.grad.abs().any()}
    assert not still
    net.zero_grad()
    net(picture()).mean().backward()
    unused = {name for name, value in net.named_parameters() if value.grad is None}
    assert unused == {f"heads.{name}.{kind}" for name in ("e1", "e2") for kind in ("weight", "bias")}
