"""Depth networks of others: asked as their recipe says, refused in one line, fetched and recorded."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from wideopen import Photo, render
from wideopen.errors import DepthError, RequestError
from wideopen.scene import look
from wideopen.scene.fetch import OFFERS, fetch, fetched, place_of
from wideopen.scene.guest import Recipe, checksum, see_by_guest

onnx = pytest.importorskip("onnx")
NAME = "depth-anything-v2-small"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def write_network(path, *, scale=1.0, fixed=None, rank=3):
    """Write a network of the same signature: the mean of what goes in is what comes out."""
    from onnx import TensorProto, helper

    shape = [1, 3, *(fixed or ("height", "width"))]
    given = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, shape)
    answer = helper.make_tensor_value_info(
        "predicted_depth", TensorProto.FLOAT, [1, *([1] if rank == 4 else []), "h", "w"]
    )
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    factor = helper.make_tensor("factor", TensorProto.FLOAT, [], [scale])
    nodes = [
        helper.make_node("ReduceMean", ["pixel_values", "axes"], ["mean"], keepdims=int(rank == 4)),
        helper.make_node("Mul", ["mean", "factor"], ["predicted_depth"]),
    ]
    graph = helper.make_graph(nodes, "tiny", [given], [answer], [axes, factor])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    return path


def write_recipe(path, **changes):
    record = {"input": "pixel_values", "size_rule": "long_side", "size_px": 56, "multiple_of": 14,
              "mean": MEAN, "std": STD, "output_kind": "disparity"} | changes  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps({k: v for k, v in record.items() if v is not ...}))
    return path


@pytest.fixture
def network(tmp_path):
    return write_recipe(write_network(tmp_path / "tiny.onnx"))


def pixels(height=60, width=90):
    """Bright on the right."""
    ramp = np.linspace(0.2, 0.8, width, dtype=np.float32)
    return np.broadcast_to(ramp[None, :, None], (height, width, 3)).copy()


def test_it_is_asked_at_its_size_and_answers_with_near_large(network):
    found = see_by_guest(pixels(), network)
    assert found.size == (56, 37)
    assert not found.metric
    assert found.origin == "network tiny"
    assert (np.diff(found.dioptres, axis=1) >= 0).all()
    assert (found.dioptres.min(), found.dioptres.max()) == (0, 1)


@pytest.mark.parametrize(
    ("rule", "px", "wanted"),
    [("short_side", 518, (518, 784)), ("long_side", 518, (350, 518)), ("fixed", (384, 512), (384, 512))],
)
def test_sizes_follow_the_rule(rule, px, wanted):
    recipe = Recipe(input="x", size_px=px, size_rule=rule, multiple_of=14, output_kind="disparity")
    assert recipe.inner_size(height=1000, width=1500) == wanted


@pytest.mark.parametrize("rank", [3, 4])
def test_metres_and_dioptres_are_metric(tmp_path, rank):
    path = write_network(tmp_path / "far.onnx", scale=4.0, rank=rank)
    write_recipe(path, output_kind="metres", mean=..., std=...)
    metres = see_by_guest(pixels(), path)
    write_recipe(path, output_kind="dioptres", mean=..., std=...)
    dioptres = see_by_guest(pixels(), path)
    assert metres.metric
    assert dioptres.metric
    np.testing.assert_allclose(metres.dioptres * dioptres.dioptres, 1, rtol=1e-3)
    assert dioptres.dioptres.max() == pytest.approx(3.2, abs=0.1)


def test_colours_are_normalised(tmp_path):
    path = write_recipe(write_network(tmp_path / "n.onnx"), output_kind="dioptres", mean=[0.5] * 3, std=[0.25] * 3)
    bright = np.full((28, 28, 3), 0.75, np.float32)
    assert see_by_guest(bright, path).dioptres == pytest.approx(1, abs=0.02)


def test_a_photo_is_rendered_by_it(network):
    photo = Photo(pixels=pixels())
    scene = look(photo, depth=str(network))
    assert scene.depth.size == (90, 60)
    assert scene.depth.origin == "network tiny"
    assert render(photo, depth=network).pixels.shape == (60, 90, 3)


def test_an_answer_of_another_size_is_brought_to_the_photos_aspect(tmp_path):
    path = write_network(tmp_path / "square.onnx", fixed=(28, 28))
    write_recipe(path, size_rule="fixed", size_px=[28, 28])
    assert look(Photo(pixels=pixels(60, 60)), depth=path).depth.size == (60, 60)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input": ...}, ["tiny.json", "'input'"]),
        ({"input": "image"}, ["tiny.onnx", "recipe"]),
        ({"output": "nothing"}, ["tiny.onnx", "recipe"]),
        ({"size_px": 0}, ["tiny.json", "sizes"]),
        ({"size_px": "large"}, ["tiny.json", "sizes"]),
        ({"size_px": [1, 2, 3]}, ["tiny.json", "size_px"]),
        ({"size_px": [56, 56]}, ["tiny.json", "fixed"]),
        ({"size_rule": "any"}, ["tiny.json", "size_rule"]),
        ({"output_kind": "inches"}, ["tiny.json", "output_kind"]),
        ({"std": [0, 1, 1]}, ["tiny.json", "above 0"]),
        ({"mean": ["a", 1, 1]}, ["tiny.json", "mean"]),
        ({"sha256": "00"}, ["tiny.onnx", "checksum"]),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line(network, changes, words):
    write_recipe(network, **changes)
    with pytest.raises(DepthError) as refused:
        see_by_guest(pixels(), network)
    assert "\n" not in str(refused.value)
    for word in words:
        assert word in str(refused.value)


def test_missing_and_broken_files_are_refused(network, tmp_path):
    with pytest.raises(DepthError, match=r"no network .*none\.onnx"):
        look(Photo(pixels=pixels()), depth="none.onnx")
    network.with_suffix(".json").write_text("{")
    with pytest.raises(DepthError, match=r"cannot read tiny\.json"):
        see_by_guest(pixels(), network)
    network.with_suffix(".json").write_text("[]")
    with pytest.raises(DepthError, match="no JSON object"):
        see_by_guest(pixels(), network)
    network.with_suffix(".json").unlink()
    with pytest.raises(DepthError, match=r"needs tiny\.json beside it"):
        see_by_guest(pixels(), network)
    write_recipe(network)
    network.write_bytes(b"no network")
    with pytest.raises(DepthError, match=r"cannot run tiny\.onnx"):
        see_by_guest(pixels(), network)


def test_what_is_no_map_is_refused(tmp_path):
    path = write_network(tmp_path / "nan.onnx", scale=float("nan"))
    write_recipe(path)
    with pytest.raises(DepthError, match="not finite"):
        see_by_guest(pixels(), path)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Lay out a hub's cache that holds the offer, and a cache of our own."""
    pytest.importorskip("huggingface_hub")
    offer = OFFERS[NAME]
    home = tmp_path / "hub" / f"models--{offer.repository.replace('/', '--')}"
    file = home / "snapshots" / COMMIT / offer.file
    file.parent.mkdir(parents=True)
    write_network(file)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(COMMIT)
    for name, value in (
        ("HF_HUB_CACHE", tmp_path / "hub"),
        ("HF_HUB_OFFLINE", "1"),
        ("XDG_CACHE_HOME", tmp_path / "own"),
    ):
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr("wideopen.scene.fetch.user_cache_path", lambda name, **_: tmp_path / "own" / name)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return file


def test_a_network_is_fetched_recorded_and_used(hub):
    with pytest.raises(DepthError, match=f"wideopen fetch {NAME}"):
        look(Photo(pixels=pixels()), depth=NAME)
    record = fetch(NAME)
    assert (record["state"], record["revision"], record["licence"]) == ("fetched", COMMIT, "Apache-2.0")
    assert record["sha256"] == checksum(hub) == checksum(fetched(NAME))
    assert fetch(NAME)["state"] == "already here"
    scene = look(Photo(pixels=pixels()), depth=NAME)
    assert scene.depth.origin == f"network {NAME}"
    assert scene.depth.size == (90, 60)


def test_a_changed_file_is_noticed(hub):
    fetch(NAME)
    place = place_of(NAME)
    changed = place.read_bytes() + b"!"
    place.unlink()
    place.write_bytes(changed)
    with pytest.raises(DepthError, match="changed"):
        fetch(NAME)
    with pytest.raises(DepthError, match="checksum"):
        look(Photo(pixels=pixels()), depth=NAME)
    # What the hub has must be what was recorded.
    place.unlink()
    hub.write_bytes(changed)
    with pytest.raises(DepthError, match="not the file recorded"):
        fetch(NAME)
    assert not place.exists()


def test_another_name_is_refused(hub):
    with pytest.raises(RequestError, match=NAME):
        fetch("depth-of-nothing")


def run(*words, **environment):
    command = [sys.executable, "-m", "wideopen", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the cache's place is set as on Linux")
def test_the_command_fetches_and_says_so(hub, tmp_path):
    code, out, _ = run("fetch", NAME)
    assert code == 0
    for word in ("fetched", COMMIT[:12], "Apache-2.0", f"--depth {NAME}"):
        assert word in out
    code, out, _ = run("fetch", NAME, "--json")
    assert json.loads(out)["state"] == "already here"
    Photo(pixels=pixels(), format="PNG").save(tmp_path / "a.png")
    code, out, err = run("depth", str(tmp_path / "a.png"), "--depth", NAME)
    assert code == 0, err
    assert f"network {NAME}" in out


@pytest.mark.skipif(sys.platform != "linux", reason="the cache's place is set as on Linux")
def test_without_connection_one_line_says_so(hub, tmp_path):
    code, out, err = run("fetch", NAME, HF_HUB_CACHE=str(tmp_path / "empty"))
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "cannot be reached" in err
    assert not (tmp_path / "own").exists()
