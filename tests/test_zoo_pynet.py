"""PyNET: parameters, levels and their sizes, what is computed for which, and TensorFlow's ways."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from wideopen.errors import RequestError
from wideopen.zoo import pynet as module
from wideopen.zoo.layers import InstanceNorm, recalling, remembering, uses_statistics
from wideopen.zoo.pynet import PLANS, Rise, halved, pynet

SMALL = tuple(replace(plan, width=plan.width // 16) for plan in PLANS)


def counted(part):
    return sum(value.numel() for value in part.parameters())


def scene(*, count=1, height=128, width=192, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return [torch.rand(count, channels, height, width, generator=rng) for channels in (3, 1)]


def strong(network):
    """Weights with which signals pass, which the authors' first ones hardly let."""
    for value in network.parameters():
        if value.dim() == 4:
            nn.init.kaiming_uniform_(value, a=0.2)
    return network


@pytest.fixture(scope="module")
def net():
    """A narrow one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PLANS", SMALL)
        torch.manual_seed(0)
        return strong(pynet()).eval()


@pytest.fixture(scope="module")
def whole():
    """The published one, without the memory for it."""
    with torch.device("meta"):
        return pynet()


def test_parameters_and_work_are_those_of_the_published_network(whole):
    assert counted(whole) == 47_551_791
    with FlopCounterMode(display=False) as counter, torch.device("meta"):
        picture = whole(torch.rand(1, 3, 1024, 1536), torch.rand(1, 1, 1024, 1536))
    assert picture.shape == (1, 3, 1024, 1536)
    assert counter.get_total_flops() / 2 == pytest.approx(658e9, rel=1e-3)


def test_without_depth_it_has_fewer_parameters_by_those_of_its_channels():
    with torch.device("meta"):
        network = pynet(depth=False)
        assert network(torch.rand(1, 3, 64, 64)).shape == (1, 3, 64, 64)
    assert counted(network) == 47_550_639


def test_blocks_see_what_the_published_network_joins(whole):
    seen = [[block.pairs[0][0].in_channels for block in stage.blocks] for stage in whole.stages]
    assert seen == [
        [256, 512, 512, 512],
        [512, 256, 256, 256, 512],
        [256, 256, 256, 256, 512],
        [128, 192, 192, 192, 192, 256, 192],
        [64, 96, 96, 128, 128, 128, 128, 128, 128],
    ]
    largest = [[block.pairs[-1][0].kernel_size[0] for block in stage.blocks] for stage in whole.stages]
    assert largest == [[3] * 4, [3] * 5, [5] * 4 + [3], [5, 7, 7, 7, 7, 5, 3], [5, 7, 9, 9, 9, 9, 7, 5, 3]]
    assert [down.channels for down in whole.downs] == [32, 64, 128, 256]


def test_filters_are_normalised_but_at_the_finest_scale(whole):
    for part in (whole.downs[0], whole.stages[-1], whole.heads, whole.doublings):
        assert not uses_statistics(part)
    for part in (*whole.downs[1:], *whole.stages[:-1]):
        norms = [each for each in part.modules() if isinstance(each, InstanceNorm)]
        assert len(norms) == sum(isinstance(each, nn.Conv2d) for each in part.modules())
        assert {each.eps for each in norms} == {1e-3}
        assert all(each.weight is not None for each in norms)


@pytest.mark.parametrize(("level", "side"), [(7, 2), (6, 4), (5, 8), (4, 16), (3, 32), (2, 64), (1, 128)])
def test_a_level_has_its_size_and_finer_ones_are_not_computed(net, level, side):
    half_picture, half_depth = (halved(each) for each in scene())
    ran = set()
    parts = {
        f"{kind}{k}": part for kind in ("stages", "heads", "doublings") for k, part in enumerate(getattr(net, kind))
    }
    hooks = [part.register_forward_hook(lambda *_, name=name: ran.add(name)) for name, part in parts.items()]
    with torch.no_grad():
        found = net.levels(half_picture, half_depth, level)
    for hook in hooks:
        hook.remove()
    assert found.shape == (1, 3, side, side * 3 // 2)
    assert -0.08 <= found.min() < found.max() <= 1.08
    stages = {f"stages{k}" for k in range(min(8 - level, 5))}
    drawing = {f"heads{7 - level}"} if level > 2 else {f"doublings{k}" for k in range(3 - level)}
    assert ran == stages | drawing


def test_a_coarse_level_teaches_what_it_uses_and_no_more(net):
    half_picture, half_depth = (halved(each) for each in scene())
    net.zero_grad(set_to_none=True)
    net.levels(half_picture, half_depth, level=5).square().mean().backward()
    taught = {name.rsplit(".", 1)[0] for name, value in net.named_parameters() if value.grad is not None}
    net.zero_grad(set_to_none=True)
    assert all(name.startswith(("downs", "stages.0", "stages.1", "stages.2", "heads.2")) for name in taught)
    assert {name.split(".")[1] for name in taught if name.startswith("stages")} == {"0", "1", "2"}


def test_the_finest_level_teaches_everything_but_the_coarser_heads(net):
    net.zero_grad(set_to_none=True)
    (net(*scene()) - 0.3).square().mean().backward()
    untaught = {name for name, value in net.named_parameters() if value.grad is None or not value.grad.any()}
    net.zero_grad(set_to_none=True)
    # What a bias adds before a norm, the norm takes away.
    normed = {
        f"{name}.{k}.bias"
        for name, part in net.named_modules()
        if isinstance(part, nn.Sequential)
        for k, each in enumerate(part[:-1])
        if isinstance(part[k + 1], InstanceNorm)
    }
    assert untaught - normed == {f"heads.{k}.{kind}" for k in range(5) for kind in ("weight", "bias")}
    assert untaught - normed == set(net.unused)


def test_the_whole_picture_is_rendered_from_its_half(net):
    picture, depth = scene(count=2)
    with torch.no_grad():
        found = net(picture, depth)
        torch.testing.assert_close(found, net.levels(halved(picture), halved(depth)))
        assert found.shape == picture.shape
        assert not torch.allclose(found, net(picture, 1 - depth))


def test_a_picture_is_shrunk_as_pillow_does():
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    wanted = np.asarray(Image.fromarray(pixels).resize((32, 24), Image.Resampling.BICUBIC), np.float32)
    found = halved(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(found - wanted).max() < 1.6
    assert np.abs(found - wanted).mean() < 0.4


def test_a_rise_is_the_transpose_of_tensorflows_shrinking():
    torch.manual_seed(0)
    rise, x = Rise(2, 3).double(), torch.randn(1, 2, 3, 4, dtype=torch.float64)
    wanted = torch.zeros(1, 3, 7, 9, dtype=torch.float64)
    for y in range(3):
        for z in range(4):
            wanted[0, :, 2 * y : 2 * y + 3, 2 * z : 2 * z + 3] += torch.einsum(
                "i,iokl->okl", x[0, :, y, z], rise.weight
            )
    wanted = wanted[:, :, :6, :8]
    torch.testing.assert_close(rise(x), torch.where(wanted > 0, wanted, 0.2 * wanted))


@pytest.mark.parametrize(("faithful", "most"), [(True, 1.08), (False, 1.0)])
def test_the_range_goes_beyond_the_pictures_as_published_or_not(faithful, most, monkeypatch):
    monkeypatch.setattr(module, "PLANS", SMALL)
    network = pynet(depth=False, faithful_range=faithful).eval()
    picture, _ = scene(height=64, width=64)
    with torch.no_grad():
        for value, wanted in ((100.0, most), (-100.0, 1 - most)):
            network.doublings[1][1].bias.fill_(value)
            torch.testing.assert_close(network(picture), torch.full_like(picture, wanted))


def test_weights_start_as_the_published_ones():
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PLANS", SMALL)
        network = pynet()
    weights = torch.cat([value.flatten() for value in network.parameters() if value.dim() == 4])
    assert weights.abs().max() <= 0.02
    # A normal distribution cut at two deviations has 0.8796 of its deviation.
    assert weights.std().item() == pytest.approx(0.008796, rel=0.01)
    convs = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    assert all((conv.bias == 0.01).all() for conv in convs)
    first, second = network.stages[1].rises
    assert not torch.equal(first.weight, second.weight)


def test_tiles_can_borrow_the_statistics_of_the_whole(net):
    picture, depth = scene()
    other, beside = scene(seed=1)
    with torch.no_grad():
        with remembering(net):
            exact = net(picture, depth)
        with recalling(net, area_ratio=1.0):
            torch.testing.assert_close(net(picture, depth), exact)
        with recalling(net, area_ratio=1.0):
            borrowed = net(other, beside)
        assert not torch.allclose(borrowed, net(other, beside))


def test_bfloat16_leaves_a_picture_finer_than_its_own_steps(net):
    picture, depth = scene()
    with torch.no_grad():
        exact = net(picture, depth)
        with torch.autocast("cpu", torch.bfloat16):
            rough = net(picture, depth)
    assert rough.dtype is torch.float32
    assert len(rough.unique()) > 2 * len(rough.bfloat16().unique())
    # Random weights between norms make much of what is rounded.
    assert (rough - exact).abs().mean() < 0.4 * exact.std()


@pytest.mark.parametrize("level", [0, 8])
def test_a_level_that_is_not_there_is_refused(net, level):
    with pytest.raises(RequestError, match=f"level {level} came"):
        net.levels(*scene(), level=level)


def test_a_missing_depth_map_and_one_too_many_are_refused(net):
    picture, depth = scene(height=64, width=64)
    with pytest.raises(RequestError, match="needs a depth map"):
        net(picture)
    with torch.device("meta"):
        network = pynet(depth=False)
    with pytest.raises(RequestError, match="takes none"):
        network(picture.to("meta"), depth.to("meta"))
