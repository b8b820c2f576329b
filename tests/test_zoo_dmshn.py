"""Team Horizon's networks: parameters, the released names, what helps what, and the blurs that weight maps weigh."""

import pytest
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from wideopen.zoo.dmshn import (
    BLURS_PX,
    DMSHN,
    GaussianBlend,
    StackedDMSHN,
    WeightMapDMSHN,
    decoder,
    dmshn,
    dmshn_wm,
    encoder,
    stacked_dmshn,
)
from wideopen.zoo.layers import uses_statistics

SMALL = (4, 6, 8)


def counted(part):
    return sum(value.numel() for value in part.parameters())


def picture(*, count=1, height=32, width=48, seed=0):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


def small_dmshn():
    return DMSHN([encoder(widths=SMALL) for _ in range(3)], [decoder(widths=SMALL) for _ in range(3)]).eval()


def small_dmshn_wm():
    return WeightMapDMSHN(
        [encoder(before, widths=SMALL) for before in (10, 10, 3)],
        [decoder(4, widths=SMALL) for _ in range(3)],
        [GaussianBlend(k) for k in range(3)],
    ).eval()


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("build", "parameters", "multiply_adds"),
    [(dmshn, 5_424_393, 513.0e9), (stacked_dmshn, 10_848_786, 1026.0e9), (dmshn_wm, 5_429_292, None)],
    ids=["dmshn", "stacked", "wm"],
)
def test_parameters_and_work_are_those_of_the_published_network(build, parameters, multiply_adds):
    with torch.device("meta"):
        network, counter = build(), FlopCounterMode(display=False)
        with counter:
            network(torch.rand(1, 3, 1024, 1536))
    assert counted(network) == parameters
    assert multiply_adds is None or counter.get_total_flops() / 2 == pytest.approx(multiply_adds, rel=1e-3)
    assert not uses_statistics(network)


def test_an_encoder_and_a_decoder_have_the_published_parameters():
    assert (counted(encoder()), counted(decoder())) == (868_288, 939_843)


def released():
    """Names and shapes of the authors' checkpoint, by their layers' numbers."""
    shapes = {}

    def layer(name, shape, bias):
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = shape, (bias,)

    def residual(name, width):
        for part in (0, 2):
            layer(f"{name}.{part}", (width, width, 3, 3), width)

    for level in (1, 2, 3):
        for first, (before, width) in zip((1, 5, 9), ((3, 32), (32, 64), (64, 128)), strict=True):
            layer(f"encoder_lv{level}.layer{first}", (width, before, 3, 3), width)
            residual(f"encoder_lv{level}.layer{first + 1}", width)
            residual(f"encoder_lv{level}.layer{first + 2}", width)
    for level in (1, 2, 3):
        for first, width in zip((13, 17, 21), (128, 64, 32), strict=True):
            residual(f"decoder_lv{level}.layer{first}", width)
            residual(f"decoder_lv{level}.layer{first + 1}", width)
            if width > 32:
                layer(f"decoder_lv{level}.layer{first + 3}", (width, width // 2, 4, 4), width // 2)
        layer(f"decoder_lv{level}.layer24", (3, 32, 3, 3), 3)
    return shapes


def test_parameters_come_in_the_released_order_under_the_names_of_the_table():
    numbers = {"encoder": (1, 2, 3, 5, 6, 7, 9, 10, 11), "decoder": (13, 14, 16, 17, 18, 20, 21, 22, 24)}
    with torch.device("meta"):
        ours = {name: tuple(value.shape) for name, value in dmshn().state_dict().items()}
    renamed = {}
    for name, shape in ours.items():
        part, level, layer, *rest = name.replace("body.", "").split(".")
        kind = part.removesuffix("s")
        renamed[".".join([f"{kind}_lv{int(level) + 1}", f"layer{numbers[kind][int(layer)]}", *rest])] = shape
    assert list(renamed.items()) == list(released().items())


def test_each_scale_helps_the_next_finer_one():
    network, full = small_dmshn(), picture(count=2)
    half, quarter = functional.avg_pool2d(full, 2), functional.avg_pool2d(full, 4)

    def doubled(x):
        return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    with torch.no_grad():
        deep = network.encoders[2](quarter)
        drawn_quarter = network.decoders[2](deep)
        middle = network.encoders[1](half + doubled(drawn_quarter))
        drawn_half = network.decoders[1](middle + doubled(deep))
        fine = network.encoders[0](full + doubled(drawn_half))
        wanted = network.decoders[0](fine + doubled(middle))
        found = network.pictures(full)
        torch.testing.assert_close(network(full), wanted)
    torch.testing.assert_close(found[0], wanted)
    torch.testing.assert_close(found[1], half + drawn_half)
    torch.testing.assert_close(found[2], quarter + drawn_quarter)


def test_a_stack_renders_what_was_rendered():
    first, second = small_dmshn(), small_dmshn()
    with torch.no_grad():
        torch.testing.assert_close(StackedDMSHN(first, second)(picture()), second(first(picture())))
        assert not torch.allclose(first(picture()), second(picture()))


@pytest.mark.parametrize("build", [small_dmshn, small_dmshn_wm], ids=["dmshn", "wm"])
def test_gradients_reach_every_parameter(build):
    network = build().train()
    network(picture()).square().mean().backward()
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in network.parameters())


@pytest.mark.parametrize("build", [small_dmshn, small_dmshn_wm], ids=["dmshn", "wm"])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (48, 16)])
def test_any_sides_that_are_multiples_of_16_keep_their_size(build, height, width):
    with torch.no_grad():
        found = build()(picture(height=height, width=width))
    assert found.shape == (1, 3, height, width)
    assert found.isfinite().all()


@pytest.mark.parametrize("build", [small_dmshn, small_dmshn_wm], ids=["dmshn", "wm"])
def test_bfloat16_changes_a_picture_by_a_few_levels_only(build):
    network = build()
    with torch.no_grad():
        exact = network(picture())
        with torch.autocast("cpu", torch.bfloat16):
            rough = network(picture()).float()
    assert (rough - exact).abs().max() < 4 / 255


def test_weights_add_up_to_one_and_the_bokeh_stays_in_the_range_of_the_picture():
    network, shown = small_dmshn_wm(), picture(count=2)
    for each in network.decoders:
        torch.nn.init.normal_(each[-1].weight, std=1.0)
    with torch.no_grad():
        blended = network.blended(shown)
        torch.testing.assert_close(network(shown), blended[0][1])
    for k, (weights, rendered) in enumerate(blended):
        assert weights.shape == (2, 4, 32 >> k, 48 >> k)
        assert weights.std() > 0.01
        torch.testing.assert_close(weights.sum(dim=1), torch.ones(2, 32 >> k, 48 >> k))
        assert shown.min() - 1e-5 <= rendered.min() <= rendered.max() <= shown.max() + 1e-5


def test_each_scale_sees_the_weights_and_the_bokeh_of_the_coarser_one():
    network, shown = small_dmshn_wm(), picture()
    seen = []
    for part in network.encoders:
        part.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        blended = network.blended(shown)
    for k, given in ((1, seen[1]), (0, seen[2])):
        coarser = torch.cat(blended[k + 1], dim=1)
        torch.testing.assert_close(given[:, :3], functional.avg_pool2d(shown, 2**k) if k else shown)
        torch.testing.assert_close(given[:, 3:], functional.interpolate(coarser, scale_factor=2, mode="bilinear"))


@pytest.mark.parametrize("scale", [0, 1, 2])
@pytest.mark.parametrize("blur", [0, 1, 2])
def test_a_point_spreads_by_the_deviation_of_its_kernel(scale, blur):
    side = 101
    point = torch.zeros(1, 3, side, side)
    point[:, :, side // 2, side // 2] = 1
    weights = torch.zeros(1, 4, side, side)
    weights[:, blur + 1] = 1
    spread = GaussianBlend(scale)(point, weights)[0, 0].double()
    offsets = torch.arange(side, dtype=torch.float64) - side // 2
    assert spread.sum().item() == pytest.approx(1, abs=1e-5)
    for axis in (0, 1):
        deviation = (spread.sum(dim=axis) * offsets**2).sum().sqrt().item()
        wanted = {25: 4.1, 45: 7.1, 75: 11.6}[BLURS_PX[blur]] / 2**scale
        # A kernel is cut at about three deviations.
        assert wanted * 0.96 < deviation < wanted


def test_the_first_weight_is_the_pictures_own_and_a_flat_picture_stays_flat():
    blend, shown = GaussianBlend(0), picture()
    alone = torch.zeros(1, 4, 32, 48)
    alone[:, 0] = 1
    assert torch.equal(blend(shown, alone), shown)
    torch.testing.assert_close(blend(torch.full_like(shown, 0.7), torch.full_like(alone, 0.25)), shown * 0 + 0.7)
