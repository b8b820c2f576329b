"""LPIPS: against torchmetrics' network on the same random bodies, for no body with real weights can be shipped."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchmetrics")

from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402

from wideopen.errors import RequestError  # noqa: E402
from wideopen.score.lpips import LEAST_LPIPS_PX, load_lpips  # noqa: E402


def alexnet():
    parts = []
    for before, width, side, stride, pooled in [
        (3, 64, 11, 4, True), (64, 192, 5, 1, True), (192, 384, 3, 1, False), (384, 256, 3, 1, False),
        (256, 256, 3, 1, True),
    ]:  # fmt: skip
        parts += [nn.Conv2d(before, width, side, stride, 2 if side > 3 else 1), nn.ReLU()]
        parts += [nn.MaxPool2d(3, 2)] if pooled else []
    return nn.Sequential(*parts)


def vgg(depths=(2, 2, 3, 3, 3)):
    parts, before = [], 3
    for width, depth in zip((64, 128, 256, 512, 512), depths, strict=True):
        for _ in range(depth):
            parts += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
            before = width
        parts.append(nn.MaxPool2d(2))
    return nn.Sequential(*parts)


def randomised(features, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for part in features:
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, generator=generator)
            nn.init.normal_(part.bias, std=0.05, generator=generator)
    return features


def state_of(features):
    state = {f"features.{name}": each for name, each in features.state_dict().items()}
    return state | {"classifier.6.bias": torch.zeros(1000)}


def named_as_vgg19():
    """Its names, and the one shape that tells VGG from AlexNet."""
    with torch.device("meta"):
        names = vgg((2, 2, 4, 4, 4)).state_dict()
    return {f"features.{name}": torch.zeros(1) for name in names} | {"features.0.weight": torch.zeros(64, 3, 3, 3)}


BODIES = {"alex": alexnet, "vgg": vgg}


@pytest.fixture(scope="module", params=BODIES)
def body(request, tmp_path_factory):
    """A body's kind, its random features, and the file of its weights."""
    features = randomised(BODIES[request.param]())
    path = tmp_path_factory.mktemp("body") / f"{request.param}.pth"
    torch.save(state_of(features), path)
    return SimpleNamespace(kind=request.param, features=features, path=path)


@pytest.fixture(scope="module")
def alex_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("alex") / "alexnet.pth"
    torch.save(state_of(randomised(alexnet())), path)
    return path


def pictures(height=44, width=39, seed=0):
    random = np.random.default_rng(seed)
    wanted = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
    found = (wanted + random.normal(0, 40, wanted.shape)).clip(0, 255).astype(np.uint8)
    return found, wanted


def torchmetrics_lpips(kind, features, monkeypatch):
    """Torchmetrics' network, whose bodies are torchvision's, which a stand-in gives it."""
    from torchmetrics.functional.image import lpips

    torchvision = ModuleType("torchvision")
    name = {"alex": "alexnet", "vgg": "vgg16"}[kind]
    torchvision.models = SimpleNamespace(**{name: lambda weights: SimpleNamespace(features=features)})
    monkeypatch.setitem(sys.modules, "torchvision", torchvision)
    monkeypatch.setattr(lpips, "_TORCHVISION_AVAILABLE", True)
    network = lpips._LPIPS(net=kind, pnet_rand=True)

    def score(found, wanted):
        f, w = (torch.from_numpy(each.transpose(2, 0, 1) / 127.5 - 1).float()[None] for each in (found, wanted))
        return network(f, w).item()

    return score


def test_it_is_torchmetrics_network_on_the_same_body(body, monkeypatch):
    ours, theirs = load_lpips(body.path), torchmetrics_lpips(body.kind, body.features, monkeypatch)
    assert ours.body == body.kind
    # Tall enough for more than one band of rows of features.
    for height, width in [(32, 41), (300, 40) if body.kind == "alex" else (66, 33)]:
        found, wanted = pictures(height, width)
        assert ours(found, wanted) > 0.01
        assert ours(found, wanted) == pytest.approx(theirs(found, wanted), rel=2e-5)


def test_equal_pictures_are_not_apart_and_order_does_not_matter(body):
    lpips = load_lpips(body.path)
    found, wanted = pictures(33, 40)
    assert lpips(wanted, wanted) == 0
    assert lpips(found, wanted) == lpips(wanted, found)
    assert lpips((found // 2 + wanted // 2).astype(np.uint8), wanted) < lpips(found, wanted)


def test_both_bodies_measure_differently(tmp_path):
    found, wanted = pictures()
    figures = []
    for kind, make in BODIES.items():
        torch.save(state_of(randomised(make())), tmp_path / f"{kind}.pth")
        figures.append(load_lpips(tmp_path / f"{kind}.pth")(found, wanted))
    assert abs(figures[0] - figures[1]) > 1e-3


def test_safetensors_and_wrapped_files_give_the_same(alex_file, tmp_path):
    found, wanted = pictures()
    expected = load_lpips(alex_file)(found, wanted)
    state = torch.load(alex_file, weights_only=True)
    save_file(state, tmp_path / "body.safetensors")
    torch.save({"state_dict": {f"module.{name}": each for name, each in state.items()}}, tmp_path / "body.pt")
    for name in ("body.safetensors", "body.pt"):
        assert load_lpips(tmp_path / name)(found, wanted) == expected


def test_pixels_need_not_lie_in_order(alex_file):
    lpips = load_lpips(alex_file)
    found, wanted = pictures()
    assert lpips(found[::-1, ::-1], wanted[::-1, ::-1]) == lpips(found[::-1, ::-1].copy(), wanted[::-1, ::-1].copy())


def test_no_body_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(RequestError, match=r"there is no file .*body\.pth; try python -c .*alexnet") as refusal:
        load_lpips(tmp_path / "body.pth")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"conv.weight": torch.zeros(2)}, "has no features.0.weight, so it is neither"),
        ({"features.0.weight": torch.zeros(64, 3, 7, 7)}, r"begins with a filter of \(64, 3, 7, 7\), so it is neither"),
        (named_as_vgg19, "torchvision's vgg16: .*missing, .*; .*left over"),
        ({"features.0.weight": torch.zeros(64, 3, 11, 11)}, "torchvision's alexnet: 9 weights are missing"),
        (lambda: {**state_of(alexnet()), "features.3.bias": torch.zeros(7)}, r"features.3.bias, \(7,\) where \(192,\)"),
    ],
    ids=["other", "filter", "vgg19", "part", "shape"],
)
def test_a_file_that_is_no_such_body_is_refused(state, words, tmp_path):
    torch.save(state() if callable(state) else state, tmp_path / "body.pth")
    with pytest.raises(RequestError, match=words) as refusal:
        load_lpips(tmp_path / "body.pth")
    assert str(tmp_path / "body.pth") in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_pickle_that_would_run_code_is_not_opened(tmp_path):
    torch.save({"features.0.weight": nn.Conv2d(3, 64, 11)}, tmp_path / "body.pth")
    with pytest.raises(RequestError, match="a pickle can run any code"):
        load_lpips(tmp_path / "body.pth")


def test_without_torch_one_line_says_what_to_install(alex_file, monkeypatch):
    monkeypatch.delitem(sys.modules, "wideopen.zoo.checkpoint")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(RequestError, match=r"^LPIPS needs torch; install wideopen\[research\]$"):
        load_lpips(alex_file)


def test_without_torchmetrics_one_line_says_what_to_install(alex_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    with pytest.raises(RequestError, match=r"torchmetrics ships; install wideopen\[research\]$"):
        load_lpips(alex_file)


def test_pictures_that_cannot_be_compared_are_refused(alex_file):
    lpips = load_lpips(alex_file)
    found, wanted = pictures(LEAST_LPIPS_PX, 40)
    assert lpips(found, wanted) > 0
    with pytest.raises(RequestError, match="LPIPS needs sides of 32 px, this picture is 40x31"):
        lpips(found[1:], wanted[1:])
    with pytest.raises(RequestError, match="40x32 and 39x32 do not compare"):
        lpips(found, wanted[:, 1:])
    with pytest.raises(RequestError, match="uint8"):
        lpips(found / 255, wanted / 255)
