"""Other runtimes: they answer as torch does, or are refused."""

import pickle
import subprocess
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from timed import make_cet_ece

torch = pytest.importorskip("torch")
pytest.importorskip("psutil")

from torch import nn  # noqa: E402

from wideopen import Photo  # noqa: E402
from wideopen.errors import RequestError  # noqa: E402
from wideopen.score import backends, exported, runtime  # noqa: E402
from wideopen.score.backends import by_torch, ready, time_by  # noqa: E402
from wideopen.score.backends import exported as bring  # noqa: E402
from wideopen.score.runtime import time_renderer, timing_photo  # noqa: E402
from wideopen.zoo.run import SolutionRenderer, prepared  # noqa: E402
from wideopen.zoo.solution import Solution  # noqa: E402

SMALL = (64, 48)
MODULES = {
    "onnxruntime": ("onnx", "onnxscript", "onnxruntime"),
    "openvino": ("onnx", "onnxscript", "openvino"),
    "litert": ("litert_torch", "ai_edge_litert"),
}
RUNTIMES = list(MODULES)


class Guided(nn.Module):
    """Its inputs cannot change places unseen, and its weights are read wrongly where they lie otherwise."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.convolution = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, picture, depth, saliency):
        return 0.5 * picture + 0.1 * self.convolution(picture) * depth - 0.2 * saliency


class Branching(nn.Module):
    """Cannot be exported, for what it does hangs on values."""

    def forward(self, picture):
        return picture * 0.5 if float(picture.mean()) > 0.3 else picture


GUIDED = Solution("guided", Guided, needs=("depth", "saliency"), multiple_of=32, value_range=(-1.0, 1.0))


def guided(**settings):
    ramp = np.tile(np.linspace(0, 1, 20, dtype=np.float32), (15, 1))
    return SolutionRenderer(
        GUIDED, Guided().eval(), depth=_depth(ramp), saliency=np.ascontiguousarray(ramp[::-1, ::-1]), **settings
    )


def _depth(ramp):
    from wideopen import DepthMap

    return DepthMap(ramp, metric=False, origin="test")


def plain(build, **settings):
    return SolutionRenderer(Solution("plain", build, **settings), build().eval())


def need(backend):
    if backend == "openvino":
        exported.without_telemetry()
    for module in MODULES[backend]:
        pytest.importorskip(module)


@pytest.fixture
def no_waiting(monkeypatch):
    monkeypatch.setattr(runtime, "WATCH_S", 0.0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("backend", RUNTIMES)
@pytest.mark.parametrize("make", [make_cet_ece, guided])
def test_a_runtime_answers_as_torch_does(backend, make, tmp_path):
    need(backend)
    renderer = make()
    found = bring(renderer, backend, tmp_path, size_px=(60, 45), threads=1)
    assert 0 <= found.error_levels < 0.05
    subject = pickle.loads(pickle.dumps(found))()
    photo = timing_photo((60, 45))
    wanted = prepared(renderer)(photo)
    assert np.abs(subject.renderer(photo).pixels - wanted.pixels).max() < 1e-4
    assert np.abs(wanted.pixels - photo.pixels).max() > 0.05, "a network that does nothing would be matched by anything"
    assert (subject.precision, subject.threads, subject.backend.split()[0]) == ("float32", 1, backend)
    assert subject.network_s() > 0
    assert subject.network_s() == 0, "what was told is not told again"
    with pytest.raises(RequestError, match=f"brought to {backend} at "):
        subject.renderer(timing_photo((100, 75)))


def test_torch_itself_is_counted_and_changed_in_nothing(no_waiting):
    renderer = guided()
    subject = by_torch(renderer)
    photo = timing_photo(SMALL)
    assert np.array_equal(subject.renderer(photo).pixels, prepared(renderer)(photo).pixels)
    found = time_renderer(subject, size_px=SMALL, repeats=3)
    assert 0 < found.network_s < found.median_s
    assert found.backend.startswith("torch 2")
    assert found.error_levels is None


def test_tiles_of_large_photos_borrow_statistics_through_the_counter():
    from wideopen.zoo.layers import InstanceNorm

    made = replace(plain(lambda: nn.Sequential(nn.Conv2d(3, 3, 1), InstanceNorm(3))), whole_px=2000)
    renderer = replace(made, tile_px=48, overlap_px=16)
    photo = timing_photo((120, 90))
    assert np.array_equal(by_torch(renderer).renderer(photo).pixels, prepared(renderer)(photo).pixels)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_network_is_compared_once_it_is_timed(no_waiting):
    found = time_renderer(by_torch(make_cet_ece(), compiled=True), size_px=SMALL, repeats=3)
    assert found.error_levels < 0.05
    assert found.first_s > found.median_s, "the first run compiles"


@pytest.mark.parametrize("wrong", [lambda found: found + 0.05, lambda found: np.full_like(found, np.nan)])
def test_another_network_is_not_timed(wrong, monkeypatch, tmp_path):
    need("onnxruntime")
    own = exported._by_onnxruntime
    monkeypatch.setattr(exported, "_by_onnxruntime", lambda *given: lambda *inputs: wrong(own(*given)(*inputs)))
    with pytest.raises(RequestError, match=r"differs from torch by .* of 255 levels, more than 4") as error:
        bring(guided(), "onnxruntime", tmp_path, size_px=SMALL)
    assert "\n" not in str(error.value)


def test_the_difference_is_in_levels_between_black_and_white():
    renderer = guided()  # black is -1, white is 1
    wanted = np.zeros((1, 3, 4, 4), np.float32)
    assert backends._compared(renderer, "x", "float32", wanted + 0.02, wanted) == pytest.approx(255 * 0.02 / 2)
    wide = wanted.copy()
    wide[0, 0, 0, 0] = 10
    assert backends._compared(renderer, "x", "float32", wide + 0.02, wide) == pytest.approx(255 * 0.02 / 10, rel=1e-4)
    assert backends._compared(renderer, "x", "bfloat16", wanted + 0.2, wanted) > 4, "told, not refused"


@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_exported_is_named_with_the_reason(tmp_path, capfd):
    need("onnxruntime")
    with pytest.raises(RequestError, match=r"^plain cannot be exported for onnxruntime: .") as error:
        bring(plain(Branching), "onnxruntime", tmp_path, size_px=SMALL)
    assert "\n" not in str(error.value)
    assert capfd.readouterr().out == ""


def test_openvino_computes_in_what_is_asked_for(tmp_path):
    need("openvino")
    from wideopen.zoo.run import computes_bfloat16

    if not computes_bfloat16("cpu"):
        with pytest.raises(RequestError, match="ask for float32"):
            bring(guided(precision="bfloat16"), "openvino", tmp_path, size_px=SMALL)
        return
    exact = bring(guided(), "openvino", tmp_path, size_px=SMALL)
    found = bring(guided(precision="auto"), "openvino", tmp_path, size_px=SMALL)
    assert (exact.precision, found.precision) == ("float32", "bfloat16")
    assert exact.error_levels < found.error_levels


def test_openvino_tells_nobody_that_it_is_used():
    need("openvino")
    code = (
        "import sys\nfrom wideopen.score.backends import ready\nready('openvino')\n"
        "assert 'openvino' in sys.modules\nassert 'openvino_telemetry.main' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


@pytest.mark.parametrize(
    ("backend", "settings", "words"),
    [
        ("onnxruntime", {"precision": "bfloat16"}, "onnxruntime computes in float32"),
        ("onnxruntime", {"device": "cuda"}, "runs guided on cpu here, not on cuda"),
        ("onnxruntime", {"whole_px": 3000}, "whole photos of up to 3,000 px, not 64x48"),
        ("torch", {}, "torch needs no export"),
        ("tvm", {}, "there is no runtime 'tvm'; use torch, torch-compile, onnxruntime, openvino, litert"),
    ],
)
def test_what_a_runtime_cannot_do_is_refused(backend, settings, words, tmp_path):
    if backend in MODULES:
        need(backend)
    with pytest.raises(RequestError, match=words) as error:
        bring(guided(**settings), backend, tmp_path, size_px=SMALL)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("backend", "module", "words"),
    [
        ("openvino", "openvino", "openvino needs openvino, which is not installed; install it by pip install openvino"),
        ("onnxruntime", "onnxscript", "onnxruntime needs onnxscript"),
        ("litert", "litert_torch", "litert needs litert-torch"),
        ("torch", "torch", r"torch needs torch; install wideopen\[research\]"),
    ],
)
def test_a_missing_package_is_named(backend, module, words, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RequestError, match=words) as error:
        ready(backend)
    assert "\n" not in str(error.value)


def test_litert_is_given_dense_weights_and_inputs_by_place(monkeypatch, tmp_path):
    # A stand-in: what converts for LiteRT brings more than a gigabyte along.
    told = {}

    class Interpreter:
        def __init__(self, *, model_path, num_threads):
            told["threads"] = num_threads
            self.network = told[model_path]

        def get_signature_runner(self):
            def run(*, args_0, args_1, args_2):
                with torch.no_grad():
                    given = [torch.from_numpy(each) for each in (args_0, args_1, args_2)]
                    return {"output_0": self.network(*given).numpy()}

            return run

    class Model:
        def __init__(self, network):
            self.network = network

        def export(self, path):
            told[path] = self.network

    def convert(network, given):
        told["dense"] = all(each.is_contiguous() for each in network.state_dict().values())
        return Model(network)

    converter, package, interpreter = (ModuleType(name) for name in ("litert_torch", "ai_edge_litert", "interpreter"))
    converter.convert, interpreter.Interpreter = convert, Interpreter
    monkeypatch.setitem(sys.modules, "litert_torch", converter)
    monkeypatch.setitem(sys.modules, "ai_edge_litert", package)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", interpreter)
    found = bring(guided(), "litert", tmp_path, size_px=SMALL, threads=2)
    assert found.error_levels < 0.05
    assert (told["threads"], told["dense"]) == (2, True)


def test_in_a_process_of_its_own_a_runtime_is_timed_without_its_export():
    need("onnxruntime")
    found = time_by(make_cet_ece, "onnxruntime", size_px=SMALL, threads=1, repeats=3)
    assert (found.threads, found.repeats, found.backend.split()[0]) == (1, 3, "onnxruntime")
    assert 0 < found.network_s < found.median_s
    assert found.error_levels < 0.05
    assert found.load_s > 0
    assert found.peak_mb > 0


def test_a_photo_stays_a_photo(tmp_path):
    need("onnxruntime")
    subject = bring(guided(), "onnxruntime", tmp_path, size_px=SMALL)()
    photo = replace(timing_photo(SMALL), exif=b"Exif\0\0kept")
    found = subject.renderer(photo)
    assert isinstance(found, Photo)
    assert found.exif == b"Exif\0\0kept"
