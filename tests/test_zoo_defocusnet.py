"""AIA-Smart's network: kernels, layers, light, pastes, and what its rendering must be true to."""

import pytest
import torch
from torch.nn import functional

from wideopen.zoo.defocusnet import (
    FIFTEEN_KERNELS_PX,
    SIX_KERNELS_PX,
    DefocusEstimator,
    DefocusLayers,
    DefocusNet,
    Radiance,
    ResidualUnit,
    SoftmaxLayers,
    aia_smart,
    aia_smart_layered,
)
from wideopen.zoo.foreground import ForegroundPaste, PoissonFusion, foreground_threshold
from wideopen.zoo.layers import resized
from wideopen.zoo.resnext import ResNeXt
from wideopen.zoo.softdisc import LayeredRendering

KERNELS_PX = (3, 9, 21)


def small(*, layered=False, paste=None):
    torch.manual_seed(0)
    encoder = ResNeXt((1, 1, 1, 1), groups=2, group_width=2, width=4)
    estimator = DefocusEstimator(encoder, features=16, outputs=1 if layered else len(KERNELS_PX) + 1)
    if layered:
        torch.nn.init.constant_(estimator.last.bias, 0.5)
    return DefocusNet(
        estimator=estimator,
        layers=DefocusLayers(len(KERNELS_PX) + 1) if layered else SoftmaxLayers(KERNELS_PX),
        radiance=Radiance(),
        rendering=LayeredRendering(KERNELS_PX),
        paste=paste,
    )


def picture(height=64, width=64, seed=0, channels=3):
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(seed))


def parameters(network):
    return sum(each.numel() for each in network.parameters())


def test_parameters_are_as_many_as_in_the_published_code():
    with torch.device("meta"):
        six, fifteen = aia_smart(), aia_smart_layered()
        assert parameters(six) == 41_601_031
        assert parameters(six.estimator.encoder) == 22_979_904
        assert parameters(six.estimator) == 41_600_678
        assert parameters(six.radiance) == 353
        assert parameters(fifteen) == 41_600_866
        assert parameters(PoissonFusion()) == 12_913
        assert parameters(aia_smart_layered(poisson_fusion=True)) == 41_600_866 + 12_913


def test_constants_are_not_weights():
    with torch.device("meta"):
        assert all(name.startswith(("estimator.", "radiance.")) for name in aia_smart_layered().state_dict())


def test_switches_choose_paste_and_clamping():
    with torch.device("meta"):
        assert aia_smart().paste is None
        assert aia_smart_layered().paste.extremes is None
        assert aia_smart_layered(adaptive_paste=True).paste.extremes is not None
        assert aia_smart_layered().layers.clamped
        assert not aia_smart_layered(clamped=False).layers.clamped


def test_the_encoder_takes_weights_under_torchvisions_names():
    with torch.device("meta"):
        shapes = {name: tuple(each.shape) for name, each in ResNeXt().state_dict().items()}
    assert len(shapes) == 318
    assert shapes["conv1.weight"] == (64, 3, 7, 7)
    assert shapes["layer1.0.conv2.weight"] == (128, 4, 3, 3)
    assert shapes["layer1.0.downsample.0.weight"] == (256, 64, 1, 1)
    assert shapes["layer3.5.bn3.running_var"] == (1024,)
    assert shapes["layer4.2.conv3.weight"] == (2048, 1024, 1, 1)
    assert "layer4.1.downsample.0.weight" not in shapes
    torch.manual_seed(0)
    given, taking = (ResNeXt((1, 1, 1, 1), groups=2, group_width=2, width=4) for _ in range(2))
    weights = {**given.state_dict(), "fc.weight": torch.rand(10, 128), "fc.bias": torch.rand(10)}
    assert not torch.equal(taking.conv1.weight, given.conv1.weight)
    taking.take_weights(weights)
    assert all(torch.equal(each, given.state_dict()[name]) for name, each in taking.state_dict().items())
    with pytest.raises(RuntimeError, match=r"layer2\.0\.conv1\.weight"):
        taking.take_weights({name: each for name, each in weights.items() if name != "layer2.0.conv1.weight"})


def test_the_encoder_halves_five_times():
    encoder = ResNeXt((1, 2, 1, 1), groups=2, group_width=2, width=4).eval()
    assert [tuple(each.shape[1:]) for each in encoder(picture(64, 96))] == [
        (16, 16, 24),
        (32, 8, 12),
        (64, 4, 6),
        (128, 2, 3),
    ]


@torch.no_grad()
def test_a_residual_unit_adds_to_the_positive_part():
    unit, x = ResidualUnit(4), torch.randn(1, 4, 5, 5)
    given = x.clone()
    unit.conv2.weight.zero_()
    unit.conv2.bias.zero_()
    assert torch.equal(unit(x), x.relu())
    assert torch.equal(x, given)


def test_softmax_layers_expect_the_radius():
    layers = SoftmaxLayers(SIX_KERNELS_PX)
    raw = picture(2, 3, channels=6) * 4
    masks, defocus = layers(raw)
    assert torch.allclose(masks, raw.softmax(dim=1))
    units = torch.tensor([0.0, 2, 5, 9, 13, 17])[:, None, None] / 17
    assert torch.allclose(defocus, (masks * units).sum(dim=1, keepdim=True))


def test_defocus_cuts_into_about_two_layers():
    layers = DefocusLayers(len(FIFTEEN_KERNELS_PX) + 1)
    masks, defocus = layers(torch.tensor([-0.3, 0.0, 0.5, 2.5 / 14, 1.0, 1.2]).reshape(1, 1, 1, 6))
    assert masks.shape[1] == 15
    assert torch.allclose(defocus.flatten(), torch.tensor([0, 0, 0.5, 2.5 / 14, 1, 1]))
    for sharp in (masks[0, :, 0, 0], masks[0, :, 0, 1]):
        assert sharp[0].item() == pytest.approx(0.9999994, abs=2e-7)
        assert sharp[1].item() == pytest.approx(0.5, abs=1e-5)
        assert sharp[2:].max() < 1e-5
    assert torch.allclose(masks[0, 6:9, 0, 2], torch.tensor([0.5, 1, 0.5]), atol=1e-5)
    between = torch.zeros(15)
    between[2:4] = 1
    assert torch.allclose(masks[0, :, 0, 3], between, atol=1e-3)
    unclamped = DefocusLayers(15, clamped=False)
    assert unclamped(torch.full((1, 1, 1, 1), 1.2))[1].item() == pytest.approx(1.2)


@torch.no_grad()
def test_cut_off_light_weighs_by_its_channels():
    torch.manual_seed(0)
    radiance = Radiance()
    pixels = torch.tensor([[0.99, 0.5, 0.0], [0.98, 0.98, 0.98], [0.2, 1.0, 1.0]])
    weight = radiance(pixels.T.reshape(1, 3, 1, 3))[0, :, 0].T
    assert torch.allclose(weight[0], 3 * pixels[0] ** 5)
    assert torch.allclose(weight[2], 3 * pixels[2] ** 5)
    assert weight[1].unique().numel() == 1
    assert 0 < weight[1, 0] < 1


@torch.no_grad()
@pytest.mark.parametrize("kernels_px", [SIX_KERNELS_PX, FIFTEEN_KERNELS_PX], ids=["six", "fifteen"])
def test_a_picture_without_defocus_stays_as_it_is(kernels_px):
    photo = picture(48, 56)
    if kernels_px is SIX_KERNELS_PX:
        masks = torch.zeros(1, 6, 48, 56)
        masks[:, 0] = 1
    else:
        masks, _ = DefocusLayers(15)(torch.zeros(1, 1, 48, 56))
    weight = 0.2 + picture(48, 56, seed=1)
    assert (LayeredRendering(kernels_px)(photo, weight, masks) - photo).abs().max() < 1e-6


def test_a_picture_keeps_its_size_and_is_rendered_at_half_of_it():
    network, photo = small().eval(), picture(130, 250)
    assert network.working_side(1024) == 512
    assert network.working_side(1536) == 768
    assert network.working_side(1088) == 512
    assert network.working_side(1216) == 640
    assert network.working_side(40) == 64
    with torch.no_grad():
        found = network(photo)
        assert found.shape == photo.shape
        assert torch.equal(found, resized(network.render(resized(photo, 64, 128)), 130, 250))
        assert 0 <= found.min() <= found.max() <= 1 + 1e-6


@torch.no_grad()
@pytest.mark.parametrize("adaptive", [False, True], ids=["fixed", "adaptive"])
def test_the_foreground_is_pasted_at_full_size(adaptive):
    network, photo = small(layered=True, paste=ForegroundPaste(adaptive=adaptive)).eval(), picture(128, 128)
    bokeh, defocus = network.render_with_defocus(resized(photo, 64, 64))
    assert torch.equal(network.render(resized(photo, 64, 64)), bokeh)
    assert torch.equal(network.defocus(resized(photo, 64, 64)), defocus)
    assert defocus.shape == (1, 1, 64, 64)
    mask = network.paste.mask(resized(defocus, 128, 128))
    assert torch.allclose(network(photo), mask * photo + (1 - mask) * resized(bokeh, 128, 128))


def test_the_fixed_paste_is_a_sigmoid_about_an_eighth():
    mask = ForegroundPaste().mask(torch.tensor([0.0, 0.125, 1.0]).reshape(1, 1, 1, 3)).flatten()
    assert torch.allclose(mask, torch.tensor([0.924142, 0.5, 2.5110e-8]), atol=1e-6)


def test_the_adaptive_paste_goes_by_the_range_of_each_picture():
    ranges = torch.tensor([[0.0, 0.125, 0.8], [0.2, 0.3, 1.0], [0.4, 0.4, 0.4]]).reshape(3, 1, 1, 3)
    mask = ForegroundPaste(adaptive=True).mask(ranges)[:, 0, 0]
    sharpest = torch.sigmoid(torch.tensor(20.0))
    assert torch.allclose(mask[0, :2], torch.stack([sharpest, torch.tensor(0.5)]))
    assert torch.allclose(mask[1, :2], torch.stack([sharpest, torch.tensor(0.5)]), atol=1e-4)
    assert mask[:2, 2].max() < 1e-20
    assert torch.allclose(mask[2], torch.full((3,), 0.5))


def test_the_threshold_is_an_eighth_or_an_eighth_of_the_range():
    least, most = torch.tensor([0.0, 0.1249, 0.125, 0.5]), torch.tensor([1.0, 0.9, 0.925, 0.9])
    found = foreground_threshold(least.reshape(4, 1, 1, 1), most.reshape(4, 1, 1, 1)).flatten()
    assert torch.allclose(found, torch.tensor([0.125, 0.125, 0.225, 0.55]))


def test_poisson_fusion_refines_a_mask_by_defocus_and_grey():
    torch.manual_seed(0)
    fusion, photo, bokeh, defocus = PoissonFusion(), picture(8, 9), picture(8, 9, 1), picture(8, 9, 2, channels=1)
    grey = (photo * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=1, keepdim=True)
    mask = fusion.mask(photo, defocus)
    assert torch.allclose(mask, fusion.refine(torch.cat([1 - defocus, grey], dim=1)), atol=1e-6)
    clamped = mask.clamp(0, 1)
    assert torch.allclose(fusion(photo, bokeh, defocus), clamped * photo + (1 - clamped) * bokeh)
    assert torch.equal(fusion.target(defocus), (defocus < 0.125).float())


@pytest.mark.parametrize("layered", [False, True], ids=["six", "fifteen"])
def test_gradient_reaches_every_parameter_that_is_used(layered):
    network = small(layered=layered, paste=PoissonFusion() if layered else None)
    network(picture(128, 128)).square().mean().backward()
    unused = [name for name, each in network.named_parameters() if each.grad is None or not each.grad.any()]
    assert tuple(unused) == network.unused
    assert {name.rpartition(".conv")[0] for name in unused} == {"estimator.fusions.0.beside"}


def test_only_the_head_learns_in_stage_3():
    network = small(layered=True)
    network.freeze_for_stage_3()
    names = [name for name, _ in network.learning_in_stage_3()]
    assert names == [f"estimator.{part}.{kind}" for part in ("head.0", "head.2", "last") for kind in ("weight", "bias")]
    network.render(picture()).mean().backward()
    assert [name for name, each in network.named_parameters() if each.grad is not None] == names


def test_stage_3_starts_from_all_of_stage_2_but_the_last_filter():
    before, after = small().state_dict(), small(layered=True).state_dict()
    assert before.keys() == after.keys()
    assert [name for name in before if before[name].shape != after[name].shape] == [
        "estimator.last.weight",
        "estimator.last.bias",
    ]


def test_the_head_doubles_the_size_once_more():
    network = small().eval()
    assert network.estimator(picture(64, 96)).shape == (1, 4, 64, 96)
    features = picture(4, 4, channels=16)
    wide = network.estimator.fusions[0](features, None)
    together = network.estimator.fusions[0].together(features)
    assert torch.equal(wide, functional.interpolate(together, size=(8, 8), mode="bilinear", align_corners=True))
