"""Exported files as renderers: the same pictures as PyTorch's, at any size, and files that are refused."""

import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wideopen import DepthMap, Photo
from wideopen.errors import RequestError
from wideopen.export.metadata import Metadata
from wideopen.export.renderer import FileRenderer, load_runner

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
onnx = pytest.importorskip("onnx")

from exports import GUIDED, Guided  # noqa: E402
from wideopen.export.onnx_file import export_onnx  # noqa: E402
from wideopen.score.exported import without_telemetry  # noqa: E402
from wideopen.score.runtime import timing_photo  # noqa: E402
from wideopen.zoo.catalog import solution  # noqa: E402
from wideopen.zoo.run import SolutionRenderer  # noqa: E402

SIZE = (64, 48)
RAMP = np.tile(np.linspace(0, 1, 20, dtype=np.float32), (15, 1))
MAPS = {"depth": DepthMap(RAMP, metric=False, origin="test"), "saliency": np.ascontiguousarray(RAMP[::-1, ::-1])}


class Shrink:
    """A Runner that darkens what it sees, and counts."""

    size_px, needs = (16, 12), ()

    def __init__(self, needs=()):
        self.calls, self.needs = 0, needs

    def __call__(self, picture, *guides):
        self.calls += 1
        assert picture.shape == (1, 12, 16, 3)
        assert [each.shape for each in guides] == [(1, 12, 16, 1)] * len(self.needs)
        assert all(each.flags["C_CONTIGUOUS"] for each in (picture, *guides))
        return picture * np.float32(0.5)


def photo_of(width, height, **settings):
    random = np.random.default_rng(width * 1000 + height)
    return Photo(pixels=random.random((height, width, 3), np.float32), **settings)


def levels(found, wanted):
    return 255 * float(np.abs(found.pixels - wanted.pixels).max())


@pytest.fixture(scope="module")
def cet_ece(tmp_path_factory):
    torch.manual_seed(0)
    found = solution("cet-ece")
    plain = SolutionRenderer(found, found.build().eval())
    return plain, export_onnx(plain, tmp_path_factory.mktemp("onnx") / "cet-ece.onnx", size_px=SIZE).path


@pytest.fixture(scope="module")
def guided(tmp_path_factory):
    torch.manual_seed(0)
    plain = SolutionRenderer(GUIDED, Guided().eval(), **MAPS)
    return plain, export_onnx(plain, tmp_path_factory.mktemp("onnx") / "guided.onnx", size_px=SIZE).path


def runtimes():
    without_telemetry()
    return ["onnxruntime", pytest.param("openvino", marks=pytest.mark.filterwarnings("ignore"))]


@pytest.mark.parametrize("runtime", runtimes())
def test_a_file_renders_as_the_solution_does_at_its_size(cet_ece, guided, runtime):
    without_telemetry()
    pytest.importorskip(runtime)
    photo = timing_photo(SIZE)
    for plain, path in (cet_ece, guided):
        maps = MAPS if plain.solution.needs else {}
        found = FileRenderer(load_runner(path, runtime, threads=1), **maps)(photo)
        assert levels(found, plain(photo)) < 1
        assert levels(found, photo) > 5


@pytest.mark.parametrize("size_px", [(200, 48), (64, 130), (150, 80), (100, 140), (30, 20), (70, 20), (1, 1)])
def test_a_file_renders_other_sizes_as_the_solution_does(guided, size_px):
    plain, path = guided
    photo = timing_photo(size_px)
    ramp = np.linspace(0, 1, size_px[0] * size_px[1], dtype=np.float32).reshape(photo.pixels.shape[:2])
    maps = MAPS | {"depth": DepthMap(ramp, metric=False, origin="test")}
    plain = replace(plain, **maps)
    found = FileRenderer(load_runner(path), **maps)(photo)
    assert found.size == size_px
    # Its convolution reaches one pixel, and beyond borders the solution's padding is another.
    inside = (slice(1, -1), slice(1, -1)) if min(size_px) > 2 else (slice(0, 0), slice(0, 0))
    difference = np.abs(found.pixels - plain(photo).pixels)[inside]
    assert 255 * difference.max(initial=0) < 1


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.booleans())
def test_any_size_is_covered_once_whatever_the_tiles(width, height, grey):
    photo = photo_of(width, height)
    if grey:
        photo = replace(photo, pixels=np.repeat(photo.pixels[..., :1], 3, axis=2), grey=True)
    found = FileRenderer(Shrink())(photo)
    np.testing.assert_allclose(found.pixels, photo.pixels * 0.5, atol=1e-6)


@pytest.mark.parametrize(
    ("size_px", "calls"), [((16, 12), 1), ((12, 16), 1), ((5, 5), 1), ((28, 12), 2), ((12, 28), 2)]
)
def test_an_upright_photo_is_turned_for_a_file_that_lies(size_px, calls):
    runner = Shrink()
    FileRenderer(runner)(photo_of(*size_px))
    assert runner.calls == calls


def test_guides_are_turned_with_the_photo():
    class Guide(Shrink):
        def __call__(self, picture, *guides):
            super().__call__(picture, *guides)
            return np.repeat(guides[0], 3, axis=3)

    photo = photo_of(24, 32)
    found = FileRenderer(Guide(needs=("saliency",)), saliency=np.ascontiguousarray(photo.pixels[..., 0]))(photo)
    low, high = photo.pixels[..., 0].min(), photo.pixels[..., 0].max()
    np.testing.assert_allclose(found.pixels[..., 1], (photo.pixels[..., 0] - low) / (high - low), atol=1e-5)


def test_what_the_photo_carries_stays_and_values_lie_in_0_to_1():
    class Wild(Shrink):
        def __call__(self, picture, *guides):
            return picture * 3 - 1

    photo = photo_of(20, 20, dpi=(72.0, 72.0), bits=16)
    found = FileRenderer(Wild())(photo)
    assert (found.dpi, found.bits) == (photo.dpi, photo.bits)
    assert (found.pixels.min(), found.pixels.max()) == (0, 1)


def test_a_file_is_run_without_torch(cet_ece, tmp_path):
    import subprocess

    code = (
        "import sys; from pathlib import Path; from wideopen.export.renderer import FileRenderer, load_runner;"
        "from wideopen.score.runtime import timing_photo;"
        f"FileRenderer(load_runner(Path({str(cet_ece[1])!r})))(timing_photo((90, 60)));"
        "assert 'torch' not in sys.modules; assert 'onnx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def with_text(path, to, **text):
    model = onnx.load(str(path))
    known = {each.key: each.value for each in model.metadata_props}
    onnx.helper.set_model_props(model, {key: value for key, value in (known | text).items() if value is not None})
    onnx.save(model, str(to))
    return to


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ({"format": None}, "was not written by wideopen export; export a network to run it here"),
        ({"format": "other/1"}, "was not written by wideopen export"),
        ({"format": "wideopen-export/2"}, "is of format 2, and this wideopen reads 1; update wideopen, or export"),
        ({"size": None}, "says nothing sensible of its size or inputs; export it again"),
        ({"size": "64 by 48"}, "says nothing sensible"),
        ({"size": "0x48"}, "says nothing sensible"),
        ({"needs": "warmth"}, "says nothing sensible"),
        ({"needs": "depth"}, "takes picture, which is not what it says of itself; export it again"),
        ({"solution": "scene"}, "is the scene network, which finds depth and renders nothing; export a solution"),
    ],
)
def test_files_that_say_what_cannot_be_are_refused(cet_ece, text, said, tmp_path):
    with pytest.raises(RequestError, match=said) as refused:
        load_runner(with_text(cet_ece[1], tmp_path / "network.onnx", **text))
    assert "\n" not in str(refused.value)


def test_a_file_of_another_size_than_it_says_is_refused_when_it_runs(cet_ece, tmp_path):
    runner = load_runner(with_text(cet_ece[1], tmp_path / "network.onnx", size="32x32"))
    with pytest.raises(RequestError, match=r"network.onnx cannot be run .*export it again") as refused:
        FileRenderer(runner)(photo_of(32, 32))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("content", [b"", b"no network", None])
def test_broken_files_are_refused_in_one_line(cet_ece, content, runtime, tmp_path):
    path = tmp_path / "network.onnx"
    path.write_bytes(cet_ece[1].read_bytes()[:100_000] if content is None else content)
    with pytest.raises(RequestError, match=r"cannot be loaded by onnxruntime .*; export it again") as refused:
        load_runner(path, runtime)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "runtime", "said"),
    [
        ("network.onnx", "auto", "there is no file"),
        ("network.pb", "auto", "is no file of wideopen export's; give one that ends in .onnx or .tflite"),
        ("network.onnx", "litert", "litert does not run .onnx files; use onnxruntime or openvino"),
        ("network.tflite", "openvino", "openvino does not run .tflite files; use litert"),
    ],
)
def test_files_and_runtimes_that_do_not_go_together_are_refused(name, runtime, said, tmp_path):
    with pytest.raises(RequestError, match=said):
        load_runner(tmp_path / name, runtime)


def test_tflite_files_go_to_the_runner_of_litert(monkeypatch, tmp_path):
    asked = []
    module = ModuleType("litert_file")
    module.LiteRtRunner = lambda path, threads: asked.append((path, threads)) or Shrink()
    monkeypatch.setitem(sys.modules, "wideopen.export.litert_file", module)
    (tmp_path / "network.tflite").touch()
    assert isinstance(load_runner(tmp_path / "network.tflite", threads=2), Shrink)
    assert asked == [(tmp_path / "network.tflite", 2)]


def test_a_runner_says_what_does_not_fit(guided):
    runner = load_runner(guided[1])
    assert (runner.size_px, runner.needs) == (SIZE, ("saliency", "depth"))
    with pytest.raises(RequestError, match=r"takes \(1, 48, 64, 3\) and .*, not \(1, 48, 64, 3\)$"):
        runner(np.zeros((1, 48, 64, 3), np.float32))


@given(
    st.builds(
        Metadata,
        solution=st.text(min_size=1),
        size_px=st.tuples(st.integers(1, 9999), st.integers(1, 9999)),
        precision=st.sampled_from(["float32", "float16", "int8"]),
        needs=st.sampled_from([(), ("depth",), ("saliency", "depth")]),
        looks_at_whole=st.booleans(),
        command=st.text(),
        wideopen=st.just("1.2.3"),
    )
)
def test_metadata_comes_back_from_its_text(metadata):
    from pathlib import Path

    assert Metadata.from_text(metadata.to_text() | {"later": "more"}, Path("it")) == metadata
