"""ONNX files: they answer as PyTorch does, in whole or not at all."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
onnx = pytest.importorskip("onnx")

from exports import GUIDED, Branching, Guided, Rooted  # noqa: E402
from wideopen import Photo  # noqa: E402
from wideopen.errors import RequestError  # noqa: E402
from wideopen.export import onnx_file, parity  # noqa: E402
from wideopen.export.metadata import Metadata  # noqa: E402
from wideopen.export.onnx_file import export_onnx, finish, plainly  # noqa: E402
from wideopen.export.parity import refuse_beyond  # noqa: E402
from wideopen.export.portable import Portable, example_inputs  # noqa: E402
from wideopen.export.precision import crops_of, halved  # noqa: E402
from wideopen.export.renderer import load_runner  # noqa: E402
from wideopen.scene.network import _ask as ask_scene  # noqa: E402
from wideopen.score.runtime import timing_photo  # noqa: E402
from wideopen.zoo.catalog import SOLUTIONS, solution  # noqa: E402
from wideopen.zoo.checkpoint import Record  # noqa: E402
from wideopen.zoo.run import SolutionRenderer  # noqa: E402
from wideopen.zoo.solution import Solution  # noqa: E402

ODD = (62, 45)
"""No multiple of what any of the three works on: padding is inside."""


def renderer_of(name):
    torch.manual_seed(0)
    found = solution(name)
    return SolutionRenderer(found, found.build().eval())


def small(build, **settings):
    torch.manual_seed(0)
    return SolutionRenderer(Solution("small", build, **settings), build().eval())


def traced(renderer, size_px):
    portable = Portable(renderer.solution, renderer.network, size_px=size_px).eval()
    inputs = example_inputs(renderer.solution, size_px=size_px)
    return onnx_file.traced(portable, renderer.solution, [each.numpy() for each in inputs])


def nothing_left(folder):
    return not list(folder.iterdir())


@pytest.fixture(scope="module")
def traced_cet_ece():
    """The reference, and what was traced."""
    plain = plainly(renderer_of("cet-ece"))
    return plain, traced(plain, ODD)


@pytest.fixture(scope="module")
def cet_ece(traced_cet_ece, tmp_path_factory):
    plain, model = traced_cet_ece
    out = tmp_path_factory.mktemp("onnx") / "cet-ece.onnx"
    record = Record("cet-ece", licence="CC0-1.0", step=7)
    return finish(model, plain, out, size_px=ODD, record=record, command="wideopen export cet-ece")


@pytest.fixture(scope="module")
def traced_guided():
    torch.manual_seed(0)
    return traced(SolutionRenderer(GUIDED, Guided().eval()), ODD)


def checked(found, size_px=ODD):
    width, height = size_px
    assert found.inputs[0] == ("picture", (1, height, width, 3))
    assert found.outputs == (("bokeh", (1, height, width, 3)),)
    assert found.opset == 20
    assert found.bytes == found.path.stat().st_size
    assert found.error_levels < 0.01
    assert found.mean_error_levels <= found.error_levels
    assert found.psnr_db > 90


def test_a_file_answers_as_pytorch_does_channels_last_at_a_size_that_is_no_multiple(cet_ece):
    checked(cet_ece)


@pytest.mark.parametrize("name", ["cet-cvlab", "team-horizon"])
def test_so_do_those_of_other_families(name, tmp_path):
    checked(export_onnx(renderer_of(name), tmp_path / "network.onnx", size_px=ODD))


@pytest.mark.slow
@pytest.mark.parametrize("name", [each.name for each in SOLUTIONS])
def test_all_solutions_leave_pytorch(name, tmp_path):
    found = export_onnx(renderer_of(name), tmp_path / "network.onnx", size_px=(130, 100))
    checked(found, (130, 100))
    assert [name for name, _ in found.inputs[1:]] == list(solution(name).needs)


def test_the_model_is_valid_and_tells_nothing_of_the_folders_it_came_from(cet_ece):
    model = onnx.load(str(cet_ece.path))
    onnx.checker.check_model(model, full_check=True)
    assert b"/wideopen/" not in cet_ece.path.read_bytes()
    assert b".py" not in cet_ece.path.read_bytes()


def test_a_file_says_what_it_is(cet_ece):
    text = {each.key: each.value for each in onnx.load(str(cet_ece.path)).metadata_props}
    assert text["format"] == "wideopen-export/1"
    found = Metadata.from_text(text, cet_ece.path)
    assert found.to_text() == text
    assert (found.solution, found.size_px, found.precision, found.needs) == ("cet-ece", ODD, "float32", ())
    assert found.licence.startswith("weights: CC0-1.0;")
    assert found.command == "wideopen export cet-ece"
    assert Record.from_json(found.checkpoint).step == 7
    assert found.looks_at_whole  # by its channel attention


def test_half_precision_halves_the_file_and_is_near(cet_ece, traced_cet_ece, tmp_path):
    plain, model = traced_cet_ece
    found = finish(model, plain, tmp_path / "half.onnx", size_px=ODD, precision="float16")
    assert found.bytes < 0.6 * cet_ece.bytes
    assert cet_ece.error_levels < found.error_levels < 2
    kinds = {each.type.tensor_type.elem_type for each in onnx.load(str(found.path)).graph.input}
    assert kinds == {onnx.TensorProto.FLOAT}


def test_eight_bits_quarter_the_file_and_cost_more(cet_ece, traced_cet_ece, tmp_path):
    plain, model = traced_cet_ece
    found = finish(model, plain, tmp_path / "eight.onnx", size_px=ODD, precision="int8")
    assert found.bytes < 0.4 * cet_ece.bytes
    assert 30 < found.psnr_db < 60
    assert "QuantizeLinear" in {each.op_type for each in onnx.load(str(found.path)).graph.node}


def test_sums_over_the_picture_stay_in_single_precision():
    import onnxruntime
    from onnx import TensorProto, helper

    made = helper.make_tensor_value_info
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["x", "mean"], ["rest"]),
        helper.make_node("Mul", ["rest", "rest"], ["square"]),
        helper.make_node("ReduceMean", ["square"], ["variance"], keepdims=1),
        helper.make_node("Add", ["variance", "least"], ["more"]),
        helper.make_node("Sqrt", ["more"], ["deviation"]),
        helper.make_node("Div", ["rest", "deviation"], ["y"]),
    ]
    shape = (1, 3, 32, 32)
    least = onnx.numpy_helper.from_array(np.float32([1e-5]), "least")
    ends = [[made(name, TensorProto.FLOAT, shape)] for name in "xy"]
    graph = helper.make_graph(nodes, "norm", *ends, [least])
    model = halved(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9))
    x = np.where(np.arange(3 * 32 * 32).reshape(shape) % 2, 900, -900).astype(np.float32)  # squares end above 65504
    found = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]
    np.testing.assert_allclose(found, x / 900, rtol=2e-3)


def corrupted(model, by):
    model = onnx.ModelProto.FromString(model.SerializeToString())
    weight = next(each for each in model.graph.initializer if "convolution.weight" in each.name)
    values = onnx.numpy_helper.to_array(weight).copy()
    values.flat[4] += by
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    return model


def test_guides_go_in_their_order_and_one_wrong_weight_is_refused(traced_guided, monkeypatch, tmp_path):
    torch.manual_seed(0)
    plain = SolutionRenderer(GUIDED, Guided().eval())
    monkeypatch.setattr(onnx_file, "traced", lambda *_: corrupted(traced_guided, 0.0))
    found = export_onnx(plain, tmp_path / "right.onnx", size_px=ODD)
    assert [name for name, _ in found.inputs] == ["picture", "saliency", "depth"]
    assert found.error_levels < 0.01
    monkeypatch.setattr(onnx_file, "traced", lambda *_: corrupted(traced_guided, 0.5))
    with pytest.raises(RequestError, match=r"^guided in float32 differs from PyTorch by up to .* levels .*report it$"):
        export_onnx(plain, tmp_path / "wrong.onnx", size_px=ODD)
    assert [each.name for each in tmp_path.iterdir()] == ["right.onnx"]


def test_what_was_there_stays_when_an_export_is_refused(traced_guided, monkeypatch, tmp_path):
    torch.manual_seed(0)
    out = tmp_path / "network.onnx"
    out.write_bytes(b"before")
    monkeypatch.setattr(onnx_file, "traced", lambda *_: corrupted(traced_guided, 0.5))
    with pytest.raises(RequestError, match="differs"):
        export_onnx(SolutionRenderer(GUIDED, Guided().eval()), out, size_px=ODD, overwrite=True)
    assert out.read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("precision", "off", "fine"),
    [("float32", 1.1, 0.9), ("float16", 8.5, 2.0), ("int8", 9.0, 8.0)],
)
def test_tolerances(precision, off, fine):
    wanted = np.full((1, 8, 8, 3), 0.5, np.float32)
    refuse_beyond(parity.parity(wanted + fine / 255, wanted), "it", precision)
    with pytest.raises(RequestError, match=f"^it in {precision} differs"):
        refuse_beyond(parity.parity(wanted + off / 255, wanted), "it", precision)


def test_what_is_no_number_is_refused_and_equal_pictures_are_not():
    wanted = np.full((1, 8, 8, 3), 0.5, np.float32)
    found = wanted.copy()
    refuse_beyond(parity.parity(found, wanted), "it", "float32")
    found[0, 3, 3, 1] = np.nan
    figures = parity.worst([parity.parity(wanted, wanted), parity.parity(found, wanted)])
    with pytest.raises(RequestError, match="nan"):
        refuse_beyond(figures, "it", "int8")


def test_the_reference_is_in_float32_whatever_the_renderer_computes_in(tmp_path):
    plain = small(lambda: torch.nn.Conv2d(3, 3, 3, padding=1))
    rough = replace(plain, precision="bfloat16", whole_px=100, tile_px=16)
    found = export_onnx(rough, tmp_path / "network.onnx", size_px=(40, 40))
    assert found.error_levels < 0.01
    assert next(plain.network.parameters()).is_contiguous()


def test_a_layer_that_cannot_be_traced_is_named(tmp_path):
    with pytest.raises(
        RequestError, match=r"^small cannot be exported to ONNX: layer network.bend \(Bend\) .*PyTorch$"
    ):
        export_onnx(small(Branching), tmp_path / "network.onnx", size_px=(32, 32))
    assert nothing_left(tmp_path)


def test_an_operator_that_onnx_lacks_is_named_with_its_layer(tmp_path):
    with pytest.raises(RequestError) as refused:
        export_onnx(small(Rooted), tmp_path / "network.onnx", size_px=(32, 32))
    said = str(refused.value)
    assert "bessel_j0" in said
    assert "layer network.root (Root)" in said
    assert "\n" not in said
    assert nothing_left(tmp_path)


def test_a_size_smaller_than_the_padding_is_refused_in_one_line(tmp_path):
    with pytest.raises(RequestError, match=r"export it at 32x32 or larger$"):
        export_onnx(SolutionRenderer(GUIDED, Guided().eval()), tmp_path / "network.onnx", size_px=(10, 10))
    assert nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("network.txt", {}, "does not end in .onnx"),
        ("network.onnx", {"precision": "float8"}, "there is no precision 'float8'; use float32, float16, int8"),
        ("none/network.onnx", {}, "there is no folder .*; make it"),
        ("there.onnx", {}, "is there already; choose another name or allow --overwrite"),
    ],
)
def test_requests_that_cannot_be_met_are_refused_before_any_work(name, settings, said, tmp_path):
    (tmp_path / "there.onnx").touch()
    with pytest.raises(RequestError, match=said):
        export_onnx("scene", tmp_path / name, **settings)


def test_crops_of_a_photo_are_photos_of_the_size():
    crops = list(crops_of([timing_photo((40, 30))], (40, 30)))
    assert len(crops) == 7
    assert {each.size for each in crops} == {(40, 30)}
    assert len({each.pixels.tobytes() for each in crops}) == 7


def test_more_photos_are_compared_too(monkeypatch, tmp_path):
    seen = []
    plain = small(lambda: torch.nn.Conv2d(3, 3, 1))
    own = onnx_file.parity
    monkeypatch.setattr(onnx_file, "parity", lambda found, wanted: seen.append(wanted) or own(found, wanted))
    white = Photo(pixels=np.ones((50, 90, 3), np.float32))
    export_onnx(plain, tmp_path / "network.onnx", size_px=(32, 24), photos=[white])
    assert [each.shape for each in seen] == [(1, 24, 32, 3)] * 2


def test_the_scene_network_is_exported_channels_last_at_one_size(tmp_path):
    import onnxruntime

    found = export_onnx("scene", tmp_path / "scene.onnx", size_px=(128, 96), command="wideopen export scene")
    assert found.inputs == (("picture", (1, 96, 128, 3)),)
    assert found.outputs == (("dioptres", (1, 48, 64, 1)), ("matte", (1, 48, 64, 1)))
    onnx.checker.check_model(onnx.load(str(found.path)), full_check=True)
    pixels = timing_photo((128, 96)).pixels
    session = onnxruntime.InferenceSession(str(found.path))
    dioptres, matte = session.run(None, {"picture": pixels[None]})
    wanted = ask_scene(pixels)
    np.testing.assert_allclose(dioptres[0, ..., 0], wanted[0], atol=1e-4)
    np.testing.assert_allclose(matte[0, ..., 0].clip(0, 1), wanted[1], atol=1e-5)
    assert session.get_modelmeta().custom_metadata_map["command"] == "wideopen export scene"
    with pytest.raises(RequestError, match="is the scene network"):
        load_runner(found.path)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"size_px": (250, 192)}, "takes multiples of 32 px from 64 on, not 250x192; export it at 256x192"),
        ({"size_px": (256, 192), "precision": "int8"}, "is exported in float32, not in int8"),
    ],
)
def test_the_scene_network_refuses_other_sizes_and_precisions(settings, said, tmp_path):
    with pytest.raises(RequestError, match=said):
        export_onnx("scene", tmp_path / "scene.onnx", **settings)
    assert nothing_left(tmp_path)


def test_there_is_one_built_in_network(tmp_path):
    with pytest.raises(RequestError, match="there is no built-in network 'scenery'; the only one is scene"):
        export_onnx("scenery", tmp_path / "scene.onnx")
