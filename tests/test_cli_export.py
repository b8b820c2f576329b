"""Networks out of PyTorch, as a shell calls it, and back as renderers."""

import json

import numpy as np
import pytest
from PIL import Image

from command import refuses
from wideopen.zoo.catalog import solution
from wideopen.zoo.checkpoint import Record, save


@pytest.fixture
def checkpoint(tmp_path):
    import torch

    torch.manual_seed(0)
    return save(solution("cet-ece").build(), tmp_path / "ece.safetensors", Record("cet-ece", licence="CC0"))


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_a_checkpoint_leaves_pytorch_and_renders_the_same(wideopen, checkpoint, photo, tmp_path):
    words = ("export", checkpoint, "--to", "onnx", "--size", "64x48", "-o", "ece.onnx", "--json")
    code, out, err = wideopen(*words)
    assert code == 0, err
    record = json.loads(out)
    assert record["solution"] == "cet-ece"
    assert record["error_levels"] < 1
    assert wideopen("render", photo, "-o", "near.png", "--with", "ece.onnx")[0] == 0
    assert wideopen("render", photo, "-o", "far.png", "--with", checkpoint, "--precision", "float32")[0] == 0
    near, far = (np.asarray(Image.open(tmp_path / name)).astype(int) for name in ("near.png", "far.png"))
    assert np.abs(near - far).max() <= 1
    refuses(wideopen(*words), 2, "there already")


def test_an_exported_file_is_scored_and_timed(wideopen, checkpoint, photo, tmp_path):
    wideopen("export", checkpoint, "--to", "onnx", "--size", "64x48", "-o", "ece.onnx")
    for part in ("original", "bokeh"):
        (tmp_path / "pairs" / part).mkdir(parents=True)
        (tmp_path / "pairs" / part / "1.png").write_bytes(photo.read_bytes())
    code, out, err = wideopen("score", "ece.onnx", "--pairs", "pairs", "--json")
    assert code == 0, err
    score = json.loads(out)
    assert score["solution"] == "cet-ece"
    assert score["checkpoint"].startswith("ece.onnx sha256:")
    timing = json.loads(wideopen("time", "ece.onnx", "--size", "64x48", "--repeats", "3", "--json")[1])
    assert len(timing["seconds"]) == 3
    refuses(wideopen("time", "ece.onnx", "--device", "android"), 2, ".tflite")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cet-ece", "--to", "onnx"), "--random-weights"),
        (("cet-cee", "--to", "onnx"), "no checkpoint and no solution"),
        (("none.safetensors", "--to", "onnx"), "none.safetensors"),
        (("cet-ece", "--to", "onnx", "--random-weights", "-o", "a.tflite"), ".onnx"),
        (("cet-ece", "--to", "onnx", "--random-weights", "--size", "64"), "1536x1024"),
        (("cet-ece", "--to", "onnx", "--random-weights", "--check-gpu"), "--to litert"),
        (("scene", "--to", "litert"), "--to onnx"),
    ],
)
def test_what_cannot_be_exported_is_bad_usage(wideopen, words, said):
    refuses(wideopen("export", *words), 2, said)


def test_a_file_of_anothers_making_is_refused(wideopen, photo, tmp_path):
    (tmp_path / "other.onnx").write_bytes(b"no network")
    (tmp_path / "other.tflite").write_bytes(b"no network")
    refuses(wideopen("render", photo, "--with", "other.onnx"), 2, "other.onnx")
    refuses(wideopen("render", photo, "--with", "other.tflite"), 2)
    refuses(wideopen("render", photo, "--with", "none.onnx"), 2, "no file none.onnx")
