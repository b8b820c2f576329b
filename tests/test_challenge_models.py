"""Models that a challenge takes, by the heads of their files, and that pickles and half-told ones are refused."""

import json
import pickle
import zipfile

import numpy as np
import pytest

pytest.importorskip("onnx")

import onnx
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from challenge_folder import plan_of
from challenge_models import litert_file, onnx_model, pickles, said, tensor, written
from wideopen.challenge.intake import inspect
from wideopen.challenge.model_head import inspect_model, runnable
from wideopen.challenge.onnx_head import message, metadata_bytes, read_onnx
from wideopen.challenge.plan import Limits
from wideopen.errors import RequestError
from wideopen.export.metadata import Metadata

LIMITS = Limits()
TEST = plan_of().phases[1]


@pytest.mark.parametrize("name", ["model.pt", "model.safetensors", "model.onnx", "model.tflite", "model"])
def test_pickles_are_refused_whatever_they_are_called(tmp_path, capsys, name):
    for form, data in pickles().items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(RequestError) as told:
            inspect_model(tmp_path / name, name, LIMITS)
        assert str(told.value) == f"{name} is a pickle, which runs whatever it likes; save it as safetensors", form
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"", "model.onnx", "no model that is taken|no ONNX file"),
        (b"hello", "model.txt", "no model that is taken; hand in a checkpoint"),
        (b"hello", "model.pth", "a format that may run whatever it likes"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "model.h5", "no model that is taken"),
        (b"\x93NUMPY" + bytes(100), "model.npy", "no model that is taken"),
        (bytes(1000), "model.onnx", "no ONNX file"),
        (b"#!/bin/sh\nrm -rf /\n", "model.onnx", "no ONNX file"),
        (b"\x1f\x8b\x08" + bytes(100), "model.tar.gz", "no model that is taken"),
    ],
)
def test_what_is_no_model_is_told_what_is(tmp_path, data, name, said):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(RequestError, match=said):
        inspect_model(tmp_path / name, name, LIMITS)


def test_a_large_pickle_is_known_by_its_beginning(tmp_path):
    (tmp_path / "model.pt").write_bytes(pickle.dumps(list(range(100_000)), 0))
    with pytest.raises(RequestError, match="is a pickle"):
        inspect_model(tmp_path / "model.pt", "model.pt", LIMITS)


def test_a_zip_is_no_model(tmp_path):
    with zipfile.ZipFile(tmp_path / "part", "w") as archive:
        archive.writestr("1.png", b"none")
    with pytest.raises(RequestError, match="is a zip, and no model"):
        inspect_model(tmp_path / "part", "model.onnx", LIMITS)


@pytest.fixture
def checkpoint(tmp_path):
    torch = pytest.importorskip("torch")
    from wideopen.zoo.catalog import solution
    from wideopen.zoo.checkpoint import Record, save

    torch.manual_seed(0)
    return save(solution("cet-ece").build(), tmp_path / "ece.safetensors", Record("cet-ece"))


def resaved(path, metadata=None, change=lambda weights: None):
    from safetensors import safe_open
    from safetensors.numpy import save_file

    with safe_open(path, "numpy") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        known = file.metadata()
    change(weights)
    save_file(weights, path, known if metadata is None else metadata)


def test_a_checkpoint_is_good(checkpoint, tmp_path):
    said_ = inspect(checkpoint, "model", TEST, tmp_path, LIMITS)
    assert said_ == "ece.safetensors: a checkpoint of cet-ece with 398628 weights, 1.6 MB"


@pytest.mark.parametrize(
    ("metadata", "said_"),
    [
        ({}, "does not say which solution"),
        ({"wideopen": "{"}, "header that cannot be read"),
        ({"wideopen": "[]"}, "header that cannot be read"),
        ({"wideopen": '{"solution": 5}'}, "header that cannot be read"),
        ({"wideopen": '{"solution": "cet-ece", "switches": {"x": "rm -rf"}}'}, "header that cannot be read"),
        ({"wideopen": '{"solution": "cet-ece", "switches": {"x": true}}'}, "switches that cet-ece does not have"),
        ({"wideopen": '{"solution": "cet-eec"}'}, "did you mean cet-ece"),
        ({"wideopen": '{"solution": "cet-cvlab"}'}, "weights are missing"),
    ],
)
def test_checkpoints_that_say_what_cannot_be_are_refused(checkpoint, metadata, said_):
    resaved(checkpoint, metadata)
    with pytest.raises(RequestError, match=said_) as told:
        inspect_model(checkpoint, "ours.safetensors", LIMITS)
    assert str(checkpoint.parent) not in str(told.value)


def test_weights_that_do_not_fit_are_named(checkpoint):
    def widen(weights):
        first = next(iter(weights))
        weights[first] = np.zeros((7, *weights[first].shape), np.float32)

    resaved(checkpoint, change=widen)
    with pytest.raises(RequestError, match="1 have another shape, the first is"):
        inspect_model(checkpoint, checkpoint.name, LIMITS)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_checkpoint_is_told_in_one_line(tmp_path_factory, data):
    from safetensors.numpy import save

    whole = bytearray(save({"a": np.zeros(4, np.float32)}, {"wideopen": json.dumps({"solution": "cet-ece"})}))
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "x.safetensors"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with pytest.raises(RequestError) as told:
        inspect_model(path, path.name, LIMITS)
    assert "\n" not in str(told.value)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_what_wideopen_exports_is_good(checkpoint, tmp_path, precision):
    pytest.importorskip("onnxscript")
    from wideopen.export.onnx_file import export_onnx
    from wideopen.zoo.checkpoint import load
    from wideopen.zoo.run import SolutionRenderer

    solution, network, _ = load(checkpoint)
    renderer = SolutionRenderer(solution, network.eval())
    export_onnx(renderer, tmp_path / "ece.onnx", size_px=(64, 48), precision=precision)
    assert "cet-ece for 64x48" in inspect_model(tmp_path / "ece.onnx", "ece.onnx", LIMITS)


@pytest.mark.parametrize("metadata", [None, said()])
def test_an_onnx_file_is_good_with_and_without_what_ours_say(tmp_path, metadata):
    path = written(onnx_model(metadata=metadata), tmp_path / "net.onnx")
    assert inspect_model(path, "net.onnx", LIMITS).startswith("net.onnx: an ONNX file of ")
    assert "for 64x48 px" in inspect_model(path, "net.onnx", LIMITS)


def test_guides_go_in_behind_the_picture(tmp_path):
    inputs = (("picture", (1, 48, 64, 3)), ("depth", (1, 48, 64, 1)))
    for metadata in (None, said(needs="depth")):
        path = written(onnx_model(inputs=inputs, metadata=metadata), tmp_path / "net.onnx")
        assert inspect_model(path, "net.onnx", LIMITS)
    with pytest.raises(RequestError, match=r"takes picture .*, depth \(1, 48, 64, 1\) and gives bokeh"):
        inspect_model(written(onnx_model(inputs=inputs, metadata=said()), path), "net.onnx", LIMITS)


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": (("picture", (1, 3, 48, 64)),)},
        {"inputs": (("picture", (2, 48, 64, 3)),)},
        {"inputs": (("picture", (1, "height", "width", 3)),)},
        {"inputs": (("picture", (48, 64, 3)),)},
        {"inputs": (("picture", None),)},
        {"inputs": (("picture", (1, 48, 64, 3)), ("secret", (1, 48, 64, 1)))},
        {"inputs": (("image", (1, 48, 64, 3)),), "nodes": [helper.make_node("Identity", ["image"], ["bokeh"])]},
        {"outputs": (("bokeh", (1, 96, 128, 3)),)},
        {"outputs": (("bokeh", (1, 48, 64, 3)), ("picture", (1, 48, 64, 3)))},
        {"element": TensorProto.DOUBLE},
        {"metadata": said(size="128x96")},
    ],
)
def test_onnx_files_with_other_inputs_are_told_what_is_wanted(tmp_path, changes):
    path = written(onnx_model(**changes), tmp_path / "net.onnx")
    with pytest.raises(RequestError, match=r"net\.onnx takes .* must take picture \(1, height, width, 3\)"):
        inspect_model(path, "net.onnx", LIMITS)


def subgraph(initializer):
    inner = helper.make_graph(
        [helper.make_node("Identity", ["weights"], ["out"])], "inner", [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [2])], initializer=[initializer],
    )  # fmt: skip
    return [
        helper.make_node("Constant", [], ["yes"], value=helper.make_tensor("", TensorProto.BOOL, [], [True])),
        helper.make_node("If", ["yes"], ["unused"], then_branch=inner, else_branch=inner),
        helper.make_node("Identity", ["picture"], ["bokeh"]),
    ]


@pytest.mark.parametrize(
    "model",
    [
        lambda: onnx_model(initializer=[tensor(external=True)]),
        lambda: onnx_model(nodes=subgraph(tensor(external=True))),
        lambda: onnx_model(
            nodes=[helper.make_node("Constant", [], ["unused"], value=tensor(external=True)), *onnx_model().graph.node]
        ),
    ],
)
def test_weights_in_other_files_are_refused_wherever_they_are(tmp_path, model):
    path = tmp_path / "net.onnx"
    path.write_bytes(model().SerializeToString())
    with pytest.raises(RequestError, match=r"net\.onnx keeps weights in another file; save it as one file"):
        inspect_model(path, "net.onnx", LIMITS)


def test_operators_of_strangers_are_refused_and_functions_of_its_own_taken(tmp_path):
    nodes = [helper.make_node("Magic", ["picture"], ["bokeh"], domain="my.ops")]
    model = onnx_model(nodes=nodes, domains=("my.ops",))
    with pytest.raises(RequestError, match=r"net\.onnx calls Magic of my\.ops"):
        inspect_model(written(model, tmp_path / "net.onnx"), "net.onnx", LIMITS)
    inside = [helper.make_node("Identity", ["x"], ["y"])]
    model.functions.append(helper.make_function("my.ops", "Magic", ["x"], ["y"], inside, [helper.make_opsetid("", 20)]))
    assert inspect_model(written(model, tmp_path / "net.onnx"), "net.onnx", LIMITS)


def test_a_graph_without_end_is_refused(tmp_path, monkeypatch):
    inner = b""
    for _ in range(100):
        # Model(7) > graph; inside, node(1) > attribute(5) > graph(6).
        for number in (6, 5, 1):
            inner = message(number, inner)
    (tmp_path / "net.onnx").write_bytes(message(7, inner))
    with pytest.raises(RequestError, match="40 deep"):
        inspect_model(tmp_path / "net.onnx", "net.onnx", LIMITS)
    monkeypatch.setattr("wideopen.challenge.onnx_head.MOST_FIELDS", 1000)
    (tmp_path / "net.onnx").write_bytes(message(7, message(1, b"") * 1001))
    with pytest.raises(RequestError, match="larger than any network's"):
        inspect_model(tmp_path / "net.onnx", "net.onnx", LIMITS)


def test_the_reader_finds_what_onnx_itself_finds(tmp_path):
    inputs = (("picture", (1, 48, 64, 3)), ("weights", (2,)), ("free", ("n", 3)))
    nodes = [*subgraph(tensor()), helper.make_node("Gelu", ["picture"], ["x"], domain="com.microsoft")]
    model = onnx_model(
        nodes=nodes, inputs=inputs, initializer=[tensor()], metadata={"a": "b", "c": "\u00e4" * 300},
        domains=("com.microsoft",),
    )  # fmt: skip
    head = read_onnx(written(model, tmp_path / "net.onnx"))
    found = onnx.load(tmp_path / "net.onnx")
    assert head.metadata == {each.key: each.value for each in found.metadata_props}
    assert head.nodes == len(found.graph.node) + 2
    assert [(each.name, each.shape, each.element) for each in head.inputs] == [
        ("picture", (1, 48, 64, 3), TensorProto.FLOAT),
        ("free", None, TensorProto.FLOAT),
    ]
    assert head.operators == {"": "Constant", "com.microsoft": "Gelu"}
    assert head.external == ""


@settings(max_examples=100, deadline=None)
@given(entries=st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=400), max_size=4))
def test_what_is_added_behind_a_file_onnx_reads_too(entries):
    whole = onnx_model(metadata={"kept": "yes"}).SerializeToString() + metadata_bytes(entries)
    found = [(each.key, each.value) for each in onnx.load_from_string(whole).metadata_props]
    assert found == [("kept", "yes"), *entries.items()]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_damaged_onnx_file_is_told_in_one_line(tmp_path_factory, data):
    whole = bytearray(onnx_model(metadata=said()).SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "x.onnx"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        inspect_model(path, path.name, LIMITS)
    except RequestError as error:
        assert "\n" not in str(error)


def test_a_file_of_anothers_making_runs_like_ours(tmp_path):
    from wideopen.export.renderer import FileRenderer, load_runner
    from wideopen.photo import Photo

    path = written(onnx_model(), tmp_path / "net.onnx")
    with pytest.raises(RequestError):
        load_runner(path)
    made = runnable(path, tmp_path / "ours.onnx")
    runner = load_runner(made)
    assert runner.metadata == Metadata("unnamed", (64, 48), wideopen=runner.metadata.wideopen)
    photo = Photo(pixels=np.random.default_rng(0).random((48, 64, 3), np.float32))
    assert np.array_equal(FileRenderer(runner)(photo).pixels, photo.pixels)
    ours = written(onnx_model(metadata=said()), tmp_path / "said.onnx")
    assert runnable(ours, tmp_path / "copy.onnx").read_bytes() == ours.read_bytes()


def test_a_litert_file_that_says_what_it_is_is_good(tmp_path):
    (tmp_path / "net.tflite").write_bytes(litert_file(said()))
    assert inspect_model(tmp_path / "net.tflite", "net.tflite", LIMITS) == (
        "net.tflite: a LiteRT file of cet-ece for 64x48 px, 0.0 MB"
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (litert_file(), "does not say what it is"),
        (litert_file(b"{"), "does not say what it is"),
        (litert_file([1]), "does not say what it is"),
        (litert_file({"format": 5}), "does not say what it is"),
        (litert_file(b" " * (1 << 20)), "does not say what it is"),
        (litert_file(said(), name="../wideopen.json"), "does not say what it is"),
        (litert_file(said(format="other/1")), "was not written by wideopen export"),
        (litert_file(said(format="wideopen-export/99")), "of format 99"),
        (litert_file(said(size="big")), "nothing sensible"),
        (litert_file(said(solution="scene")), "renders nothing"),
    ],
)
def test_litert_files_that_say_nothing_are_refused(tmp_path, data, words):
    (tmp_path / "net.tflite").write_bytes(data)
    with pytest.raises(RequestError, match=words) as told:
        inspect_model(tmp_path / "net.tflite", "net.tflite", LIMITS)
    assert str(tmp_path) not in str(told.value)


@pytest.mark.parametrize("name", ["net.onnx.tflite", "net", "net.bin", "\u202enet.pt"])
def test_a_model_is_called_what_it_is(tmp_path, name):
    path = written(onnx_model(), tmp_path / "part")
    with pytest.raises(RequestError, match=r"let its name end in \.onnx") as told:
        inspect_model(path, name, LIMITS)
    assert str(told.value).isprintable()
