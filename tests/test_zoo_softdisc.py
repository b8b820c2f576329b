"""Soft discs and layered rendering: the kernels, and what a picture made of layers must be true to."""

import io

import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from wideopen.zoo.defocusnet import FIFTEEN_KERNELS_PX, SIX_KERNELS_PX, DefocusLayers
from wideopen.zoo.softdisc import LayeredRendering, blurred, soft_disc

KERNELS = {"six": SIX_KERNELS_PX, "fifteen": FIFTEEN_KERNELS_PX}


def draw(height=40, width=48, seed=0, channels=3):
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(seed))


def convolved(x, disc):
    """Filter in float64, term by term."""
    size_px, channels = disc.shape[0], x.shape[1]
    mirrored = functional.pad(x.double(), (size_px // 2,) * 4, mode="reflect")
    return functional.conv2d(mirrored, disc.double().expand(channels, 1, size_px, size_px), groups=channels)


def rendered(picture, weight, masks, kernels_px):
    """Render in float64, as the formulas are written."""
    picture, weight, masks = picture.double(), weight.double(), masks.double()

    def render(x):
        cover = total = 0.0
        for k in range(len(kernels_px), -1, -1):
            mask, part = masks[:, k : k + 1], masks[:, k : k + 1] * x
            if k:
                disc = soft_disc(kernels_px[k - 1])
                mask, part = convolved(mask, disc), convolved(part, disc)
            cover, total = cover * (1 - mask) + mask, total * (1 - mask) + part
        return total / (cover + 1e-10)

    return render(picture * weight) / (render(weight) + 1e-10)


@pytest.mark.parametrize(
    ("size_px", "row", "column", "value"),
    [(9, 4, 4, 0.0177113), (9, 4, 0, 0.0129496), (37, 18, 18, 9.75775e-4), (69, 34, 34, 2.75116e-4)],
)
def test_a_disc_has_the_published_values(size_px, row, column, value):
    assert soft_disc(size_px)[row, column].item() == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("size_px", sorted({*SIX_KERNELS_PX, *FIFTEEN_KERNELS_PX}))
def test_a_disc_keeps_energy_and_is_the_same_from_all_sides(size_px):
    disc = soft_disc(size_px)
    assert disc.double().sum().item() == pytest.approx(1, abs=1e-6)
    assert torch.equal(disc, disc.T)
    assert torch.equal(disc, disc.flip(0))
    middle = size_px // 2
    assert (disc[middle, middle:].diff() <= 0).all()
    assert disc[0, 0] < disc[0, middle] < disc[middle, middle]


@pytest.mark.parametrize("size_px", [3, 9, 15, 19, 37, 69])
def test_a_blur_is_a_convolution_with_mirrored_borders_whichever_way_it_goes(size_px):
    disc, x = soft_disc(size_px), draw(37, 53, channels=2)
    assert (blurred(x, disc) - convolved(x, disc)).abs().max() < 1e-6
    fast, slow = x.clone().requires_grad_(), x.clone().requires_grad_()
    wanted = draw(37, 53, seed=1, channels=2)
    (blurred(fast, disc) * wanted).sum().backward()
    (convolved(slow, disc) * wanted).sum().backward()
    assert (fast.grad - slow.grad).abs().max() < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("name", KERNELS)
def test_rendering_is_as_its_formulas_say(name):
    kernels_px = KERNELS[name]
    masks = draw(channels=len(kernels_px) + 1).softmax(dim=1)
    picture, weight = draw(seed=1), draw(seed=2)
    picture[:, :, 10:20, 10:30] = 1
    weight[:, :, 10:20, 10:30] = 3
    found = LayeredRendering(kernels_px)(picture, weight, masks)
    assert (found - rendered(picture, weight, masks, kernels_px)).abs().max() < 1e-5


@torch.no_grad()
def test_light_without_weight_leaves_no_noise():
    # A wide part whose green and blue weigh nothing or next to it, as where a red lamp is cut off.
    picture, weight = draw(96, 96), draw(96, 96, seed=1) + 0.5
    picture[:, :, :, 16:] = torch.tensor([1.0, 0.0, 1 / 255])[:, None, None]
    weight[:, :, :, 16:] = 3 * picture[:, :, :, 16:] ** 5
    masks = torch.full((1, 2, 96, 96), 0.5)
    found = LayeredRendering((69,))(picture, weight, masks)
    assert (found - rendered(picture, weight, masks, (69,))).abs().max() < 1e-4


@torch.no_grad()
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), colour=st.tuples(*[st.floats(0.01, 1)] * 3))
def test_one_colour_stays_whatever_the_defocus(seed, colour):
    defocus = draw(seed=seed, channels=1)
    masks, _ = DefocusLayers(len(FIFTEEN_KERNELS_PX) + 1)(defocus)
    picture = torch.tensor(colour)[None, :, None, None].expand(1, 3, 40, 48)
    weight = 0.1 + draw(seed=seed + 1)
    found = LayeredRendering(FIFTEEN_KERNELS_PX)(picture, weight, masks)
    assert (found - picture).abs().max() < 1e-5


@torch.no_grad()
def test_what_lies_in_front_is_not_lit_from_behind():
    # Sharp on the left, blurred on the right: behind the border only the blurred part is seen to mix.
    picture = torch.zeros(1, 3, 40, 48)
    picture[..., 24:] = 1
    masks = torch.zeros(1, 6, 40, 48)
    masks[:, 0, :, :24] = 1
    masks[:, 3, :, 24:] = 1
    found = LayeredRendering(SIX_KERNELS_PX)(picture, torch.ones_like(picture), masks)
    assert (found[..., :24] == 0).all()
    assert (found[..., 24:] > 0.999).all()


def test_rendering_stays_in_float32_where_networks_do_not():
    rendering = LayeredRendering((5, 21))
    picture, weight, masks = draw(), draw(seed=1), draw(seed=2).softmax(dim=1)
    with torch.autocast("cpu", torch.bfloat16):
        found = rendering(picture, weight, masks)
    assert found.dtype == torch.float32
    assert torch.equal(found, rendering(picture, weight, masks))


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_what_is_exported_convolves_and_renders_the_same():
    rendering = LayeredRendering((3, 21)).eval()
    given = (draw(), draw(seed=1), draw(seed=2).softmax(dim=1))
    with torch.no_grad():
        program = torch.onnx.export(rendering, given, dynamo=True, verbose=False)
        wanted = rendering(*given)
    assert not {"DFT", "STFT"} & {node.op_type for node in program.model.graph}
    file = io.BytesIO()
    program.save(file)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    (found,) = session.run(None, {name: each.numpy() for name, each in zip(names, given, strict=True)})
    assert abs(found - wanted.numpy()).max() < 1e-5
