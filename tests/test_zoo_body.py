"""Bodies from ImageNet, and front ends, from files that the user has."""

import numpy as np
import pytest
from PIL import Image

from wideopen import Photo
from wideopen.errors import RequestError

torch = pytest.importorskip("torch")

from wideopen.zoo.body import body_of, take_body  # noqa: E402
from wideopen.zoo.catalog import solution  # noqa: E402
from wideopen.zoo.checkpoint import Record, save  # noqa: E402
from wideopen.zoo.frontends import ask, front_end  # noqa: E402
from wideopen.zoo.resnext import ResNeXt  # noqa: E402


def test_a_body_takes_its_weights_and_nothing_else_changes(tmp_path):
    torch.manual_seed(0)
    network, other = solution("aia-smart").build(), solution("aia-smart").build()
    state = body_of(other).state_dict()
    torch.save({**state, "fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}, tmp_path / "a.pth")
    head = network.estimator.last.weight.clone()
    assert take_body(network, tmp_path / "a.pth") == "resnext50_32x4d"
    assert isinstance(body_of(network), ResNeXt)
    assert all(torch.equal(body_of(network).state_dict()[name], value) for name, value in state.items())
    assert torch.equal(network.estimator.last.weight, head)


@pytest.mark.parametrize("name", ["aia-smart", "ipcv-iitm"])
def test_a_file_of_another_network_is_refused_in_one_line(tmp_path, name):
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "a.pth")
    with pytest.raises(RequestError, match=r"is not torchvision's (resnext50_32x4d|densenet121)") as error:
        take_body(solution(name).build(), tmp_path / "a.pth")
    assert "\n" not in str(error.value)
    with pytest.raises(RequestError, match="there is no file"):
        take_body(solution(name).build(), tmp_path / "none.pth")


def test_a_network_without_a_body_says_so(tmp_path):
    with pytest.raises(RequestError, match="no body that learns on ImageNet"):
        take_body(solution("cet-ece").build(), tmp_path / "a.pth")


@pytest.mark.parametrize("name", ["megadepth", "saliency"])
def test_front_ends_give_maps_of_the_pictures_size_in_0_to_1(name):
    torch.manual_seed(0)
    found = ask(front_end(name).build().eval(), torch.rand(1, 3, 40, 64))
    assert found.shape == (40, 64)
    assert 0 <= float(found.min()) < float(found.max()) <= 1


def test_a_photo_is_rendered_with_front_ends_and_with_a_map(wideopen, tmp_path):
    torch.manual_seed(0)
    save(solution("ipcv-iitm").build(), tmp_path / "dddf.safetensors", Record(solution="ipcv-iitm"))
    save(front_end("megadepth").build(), tmp_path / "mega.safetensors", Record(solution="megadepth"))
    Photo(pixels=np.random.default_rng(0).random((40, 64, 3), np.float32)).save(tmp_path / "a.png")
    Image.fromarray(np.eye(40, 64, dtype=np.uint8) * 255).save(tmp_path / "subject.png")
    words = ("render", "a.png", "--with", "dddf.safetensors", "--precision", "float32")
    results = []
    for k, more in enumerate(((), ("--depth", "mega.safetensors"), ("--saliency", "subject.png"))):
        code, _, err = wideopen(*words, "-o", f"{k}.png", *more)
        assert (code, err) == (0, ""), more
        results.append((tmp_path / f"{k}.png").read_bytes())
    assert len(set(results)) == 3
    code, _, err = wideopen(*words, "-o", "9.png", "--saliency", "mega.safetensors")
    assert code == 2
    assert "finds depth, not saliency" in err
    assert wideopen("render", "a.png", "--saliency", "subject.png")[0] == 2
