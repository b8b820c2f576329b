"""Each network does the same as a second one, derived from the same table and sharing no code with it."""

import pytest
import torch
from torch.nn import functional

from rederived import bgnet, defocusnet, densefilter, pynet, stridedunet, wavelet, wideactivation
from rederived import dmshn as rederived_dmshn
from wideopen.zoo.bgnet import bg_net
from wideopen.zoo.critics import full_critic, patch_critic
from wideopen.zoo.defocusnet import aia_smart, aia_smart_layered
from wideopen.zoo.densefilter import dddf
from wideopen.zoo.dmshn import dmshn, dmshn_wm, stacked_dmshn
from wideopen.zoo.foreground import ForegroundPaste, PoissonFusion
from wideopen.zoo.pynet import pynet as zoo_pynet
from wideopen.zoo.stridedunet import strided_unet
from wideopen.zoo.wavelet import dilated_wavelet_cnn
from wideopen.zoo.wideactivation import wide_activation_net

TOLERANCE = 1e-6
"""Of the spread of what comes out."""
RESIDUAL_GAIN = 0.5
"""Many blocks that add and have no norm would grow beyond what a softmax shows."""


@pytest.fixture(autouse=True)
def float64_everywhere(monkeypatch):
    # What the zoo keeps in float32 on purpose would hide small differences.
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    threads = torch.get_num_threads()
    # Small filters gain nothing by threads, and lose much where the machine is busy.
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    with torch.no_grad():
        yield
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(threads)


def uniform(channels, height, width, *, least=0.0, most=1.0, seed=0):
    """Noise at two scales, so that there is something at every level."""
    draw = torch.Generator().manual_seed(seed)
    fine = torch.rand(1, channels, height, width, generator=draw)
    coarse = torch.rand(1, channels, height // 16, width // 16, generator=draw)
    coarse = coarse.repeat_interleave(16, dim=2).repeat_interleave(16, dim=3)
    return least + (most - least) * (fine + 2 * coarse) / 3


def redraw(network, gain):
    """Draw all parameters and running figures, so that no 0 or 1 they begin with hides anything."""
    draw = torch.Generator().manual_seed(1)
    for name, values in network.state_dict().items():
        if values.dim() == 0:
            continue
        values.uniform_(-1, 1, generator=draw)
        if values.dim() == 4:
            values.mul_(gain * (6 / values[0].numel()) ** 0.5)
        elif name.endswith("running_var"):
            values.add_(1.5)
        elif name.endswith("weight"):
            values.mul_(0.4).add_(1)
        else:
            values.mul_(0.2)


def owners(network):
    """Parts that have parameters of their own."""
    return [part for part in network.modules() if any(True for _ in part.parameters(recurse=False))]


def as_called(network, inputs, left_out):
    """Give the owners of parameters in the order of their first call."""
    called = {}
    hooks = [part.register_forward_pre_hook(lambda part, _: called.setdefault(part)) for part in owners(network)]
    network(*inputs)
    for hook in hooks:
        hook.remove()
    return [part for part in called if part not in left_out]


def hand_over(ours, theirs, our_inputs, their_inputs, told):
    """Copy all that `ours` learned to `theirs`, in the order of calls; other parts are told in pairs."""
    pairs = [pair for both in told for pair in zip(*map(owners, both), strict=True)]
    ordered = [
        as_called(network, inputs, [pair[side] for pair in pairs])
        for side, (network, inputs) in enumerate(((ours, our_inputs), (theirs, their_inputs)))
    ]
    pairs += zip(*ordered, strict=True)
    for side, network in enumerate((ours, theirs)):
        reached = [id(values) for pair in pairs for values in pair[side].parameters(recurse=False)]
        assert sorted(reached) == sorted(id(values) for values in network.parameters())
    for source, target in pairs:
        target.load_state_dict(source.state_dict())


def both(ours, theirs, our_inputs, their_inputs=None, told=(), gain=1.0):
    """Make the two the same network."""
    ours.eval()
    theirs.eval()
    redraw(ours, gain)
    hand_over(ours, theirs, our_inputs, their_inputs or our_inputs, told)
    return ours, theirs


def assert_same(found, expected):
    assert found.shape == expected.shape
    spread = expected.std().item()
    assert spread > 1e-3
    assert (found - expected).abs().max().item() <= TOLERANCE * spread


@pytest.mark.parametrize("faithful_norm", [True, False])
def test_bg_net(faithful_norm):
    picture = uniform(3, 64, 96, least=-1)
    ours, theirs = both(bg_net(faithful_norm=faithful_norm), bgnet.bg_net(faithful_norm=faithful_norm), [picture])
    assert_same(ours(picture), theirs(picture))
    assert_same(ours.both(picture)[1], theirs.both(picture)[1])


@pytest.mark.parametrize("faithful_norm", [True, False])
@pytest.mark.parametrize("name", ["patch_critic", "full_critic"])
def test_critics(name, faithful_norm):
    build = {"patch_critic": patch_critic, "full_critic": full_critic}[name]
    picture = uniform(3, 112, 96, least=-1)[:, :, :99, :90]
    ours, theirs = both(
        build(faithful_norm=faithful_norm), getattr(bgnet, name)(faithful_norm=faithful_norm), [picture]
    )
    assert_same(ours(picture), theirs(picture))


def spread_defocus(estimator, picture):
    """Scale the last filter until all layers are met."""
    raw = estimator(picture)
    estimator.last.weight.div_(raw.std())
    estimator.last.bias.zero_()
    if raw.shape[1] == 1:
        estimator.last.weight.mul_(0.3)
        estimator.last.bias.copy_(0.4 - estimator(picture).mean())
        found = estimator(picture)
        assert found.min() < 0
        assert found.max() > 1


def same_defocus_nets(ours, theirs):
    picture = uniform(3, 128, 128, most=1.1).clamp(max=1)
    assert (picture >= 0.99).any()
    # No forward calls the first unit of the coarsest fusion.
    both(ours, theirs, [picture], told=[(ours.estimator.fusions[0].beside, theirs.defocus.fusion4.unit1)])
    small = functional.interpolate(picture, scale_factor=0.5, mode="bilinear")
    spread_defocus(ours.estimator, small)
    theirs.defocus.last.load_state_dict(ours.estimator.last.state_dict())
    assert_same(ours.defocus(small), theirs.read(theirs.defocus(small))[2])
    assert_same(ours(picture), theirs(picture))


def test_aia_smart():
    same_defocus_nets(aia_smart(), defocusnet.layered_defocus_net())


PASTES = {
    "fixed": {},
    "adaptive": {"adaptive_paste": True},
    "poisson": {"poisson_fusion": True, "clamped": False},
}


@pytest.mark.parametrize(
    "paste",
    ["fixed", pytest.param("adaptive", marks=pytest.mark.slow), pytest.param("poisson", marks=pytest.mark.slow)],
)
def test_aia_smart_layered(paste):
    options = PASTES[paste]
    theirs = defocusnet.single_map_defocus_net(paste=paste, clamped=options.get("clamped", True))
    same_defocus_nets(aia_smart_layered(**options), theirs)


@pytest.mark.parametrize("least", [0.05, 0.3])
def test_adaptive_paste(least):
    defocus = uniform(1, 32, 32, least=least)
    assert_same(ForegroundPaste(adaptive=True).mask(defocus), defocusnet.adaptive_mask(defocus))


def test_poisson_fusion():
    picture, bokeh, defocus = uniform(3, 32, 48), uniform(3, 32, 48, seed=1), uniform(1, 32, 48, seed=2)
    inputs = [picture, bokeh, defocus]
    ours, theirs = both(PoissonFusion(), defocusnet.PoissonFusion(), inputs, [defocus, picture])
    mask = theirs(defocus, picture)
    assert mask.min() < mask.max()
    assert_same(ours(*inputs), mask * picture + (1 - mask) * bokeh)


def test_dilated_wavelet_cnn():
    picture = uniform(3, 64, 96)
    ours, theirs = both(dilated_wavelet_cnn(), wavelet.wavelet_net(), [picture])
    assert_same(ours(picture), theirs(picture))


@pytest.mark.parametrize("build", [dmshn, stacked_dmshn], ids=["single", "stacked"])
def test_dmshn(build):
    picture = uniform(3, 64, 96)
    ours, theirs = both(build(), getattr(rederived_dmshn, build.__name__)(), [picture], gain=RESIDUAL_GAIN)
    assert_same(ours(picture), theirs(picture))


def test_dmshn_wm():
    picture = uniform(3, 64, 96)
    # Neither the report nor the table tells the deviations, nor what lies beyond the border.
    deviations_px = [[(0.15 * side + 0.35) / 2**level for side in (25, 45, 75)] for level in range(3)]
    sides_px = ((25, 45, 75), (13, 23, 39), (7, 13, 21))
    theirs = rederived_dmshn.dmshn_wm(sides_px=sides_px, deviations_px=deviations_px, border="replicate")
    ours, theirs = both(dmshn_wm(), theirs, [picture], gain=RESIDUAL_GAIN)
    assert_same(ours(picture), theirs(picture))


@pytest.mark.parametrize("batch_statistics", [True, False])
def test_dddf(batch_statistics):
    inputs = [uniform(channels, 64, 96, most=255, seed=seed) for seed, channels in enumerate((3, 1, 1))]
    theirs = densefilter.dense_filter_net(bn_batch_stats=batch_statistics)
    ours, theirs = both(dddf(batch_statistics=batch_statistics), theirs, inputs)
    assert_same(ours(*inputs), theirs(*inputs))


@pytest.mark.parametrize("width", [16, 8])
def test_strided_unet(width):
    picture = uniform(3, 64, 96)
    ours, theirs = both(strided_unet(width=width), stridedunet.strided_unet(base=width), [picture])
    assert_same(ours(picture), theirs(picture))


@pytest.mark.parametrize("adds_picture", [True, False])
def test_wide_activation_net(adds_picture):
    picture = uniform(3, 64, 96)
    theirs = wideactivation.wide_activation_net(global_residual=adds_picture)
    ours, theirs = both(wide_activation_net(adds_picture=adds_picture), theirs, [picture])
    assert_same(ours(picture), theirs(picture))


@pytest.mark.parametrize("depth", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_pynet(depth):
    halves = [uniform(3, 64, 64), uniform(1, 64, 64, seed=1)][: 2 if depth else 1]
    ours, theirs = zoo_pynet(depth=depth), pynet.py_net(depth=depth)
    levels = (theirs.level7, theirs.level6, theirs.level5, theirs.level4, theirs.level3)
    heads = [(head, level.out.conv) for head, level in zip(ours.heads, levels, strict=True)]
    # For the order of calls, half the size does; ours halves what comes in.
    both(ours, theirs, halves, [functional.avg_pool2d(torch.cat(halves, dim=1), 2)], heads)
    expected = theirs.pictures(torch.cat(halves, dim=1))
    for level in range(1, 8):
        assert_same(ours.levels(*halves, level=level), expected[level])
