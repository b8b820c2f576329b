"""What every network of the zoo owes, whatever it is built of."""

import io

import numpy as np
import pytest

from wideopen import DepthMap, Photo

torch = pytest.importorskip("torch")

from wideopen.zoo.catalog import SOLUTIONS, solution  # noqa: E402
from wideopen.zoo.checkpoint import Record, load, save  # noqa: E402
from wideopen.zoo.run import SolutionRenderer, prepared  # noqa: E402

# Solutions that share a network are asked once; the heaviest first, so that workers end together.
NAMES = sorted(
    (each.name for each in SOLUTIONS if each.name not in ("cet-sp", "xuehuapiaopiao", "terminator")),
    key=lambda name: -solution(name).parameters,
)


def build(name):
    """With all weights a little off their first values, so that no zero hides a part."""
    torch.manual_seed(1)
    made = solution(name).build()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.01)
    return made.eval()


def inputs(name, batch=1, seed=0):
    each = solution(name)
    side = 128 if "pynet" in each.build.__name__ else 64
    random = torch.Generator().manual_seed(seed)
    low, high = each.value_range
    picture = torch.rand(batch, 3, side, side, generator=random) * (high - low) + low
    return [picture, *(torch.rand(batch, 1, side, side, generator=random) * high for _ in each.needs)]


VARIANTS = ("aia-smart-layered", "team-horizon-stacked", "team-horizon-wm")
"""Made of the same parts as their solutions, and among those that take longest."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in VARIANTS else []) for name in NAMES]
)
def test_contract(name, tmp_path):
    # One test per network, for building them is what takes long.
    made = build(name)
    assert sum(each.numel() for each in made.parameters()) == solution(name).parameters
    a_saved_network_is_the_same(name, made, tmp_path)
    two_at_once_are_as_one_by_one(name, made)
    the_gradient_reaches_every_parameter(name, made)
    # Last, for it changes the layout in memory, and so the last bits.
    any_size_keeps_its_size_and_gives_the_same_bytes(name, made)


def any_size_keeps_its_size_and_gives_the_same_bytes(name, made):
    photo = Photo(pixels=np.random.default_rng(0).random((47, 61, 3), np.float32))
    ramp = np.tile(np.linspace(0, 1, 61, dtype=np.float32), (47, 1))
    depth = DepthMap(ramp, metric=False, origin="test")
    renderer = prepared(SolutionRenderer(solution(name), made, depth=depth))
    found = renderer(photo)
    assert found.size == (61, 47)
    assert np.isfinite(found.pixels).all()
    assert found.pixels.tobytes() == renderer(photo).pixels.tobytes()


def two_at_once_are_as_one_by_one(name, made):
    given = inputs(name, batch=2)
    with torch.inference_mode():
        both = made(*given)
        alone = torch.cat([made(*(each[k : k + 1] for each in given)) for k in (0, 1)])
    assert both.shape == given[0].shape
    spread = float(both.max() - both.min())
    assert spread > 1e-3, "a network that answers with one value would pass the rest"
    assert float((both - alone).abs().max()) < 2e-4 * max(spread, 1)


def the_gradient_reaches_every_parameter(name, made):
    # Some of few attention channels may start dead with another draw.
    (made(*inputs(name)) - 0.3).square().mean().backward()
    unused = set(getattr(made, "unused", ()))
    for label, parameter in made.named_parameters():
        reached = parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        assert reached != (label in unused), label
    made.zero_grad()


def a_saved_network_is_the_same(name, made, tmp_path):
    _, again, _ = load(save(made, tmp_path / "a.safetensors", Record(solution=name)))
    given = inputs(name)
    with torch.inference_mode():
        assert torch.equal(made(*given), again.eval()(*given))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_it_leaves_for_onnx_and_answers_alike(name, tmp_path):
    ort = pytest.importorskip("onnxruntime")
    made = build(name)
    given = inputs(name)
    labels = ["picture", *solution(name).needs]
    file = io.BytesIO()
    torch.onnx.export(
        made, tuple(given), file, input_names=labels, output_names=["bokeh"], dynamo=True, opset_version=20
    )
    session = ort.InferenceSession(file.getvalue())
    found = session.run(None, {label: each.numpy() for label, each in zip(labels, given, strict=True)})[0]
    with torch.inference_mode():
        wanted = made(*given)
    spread = float(wanted.max() - wanted.min())
    assert np.abs(found - wanted.numpy()).max() < 1e-3 * max(spread, 1)
