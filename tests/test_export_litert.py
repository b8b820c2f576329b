"""LiteRT files: what they hold, how near PyTorch they are, and what a GPU takes of them."""

import json
import zipfile

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("litert_torch")
pytest.importorskip("ai_edge_litert")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from wideopen import DepthMap  # noqa: E402
from wideopen.errors import RequestError  # noqa: E402
from wideopen.export import gpu_check  # noqa: E402
from wideopen.export.gpu_check import check_gpu, layer_of  # noqa: E402
from wideopen.export.litert_file import METADATA, LiteRtRunner, export_litert, litert_metadata  # noqa: E402
from wideopen.export.parity import as_picture  # noqa: E402
from wideopen.score.runtime import timing_photo  # noqa: E402
from wideopen.zoo.run import SolutionRenderer  # noqa: E402
from wideopen.zoo.solution import Solution  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # of the converter's own
SIZE_PX = (45, 35)
no_device = not any(each.is_file() for each in gpu_check.SOFTWARE_DEVICES)


class Refused(nn.Module):
    """All that delegates refuse, in one small network."""

    def __init__(self, channels=3):
        super().__init__()
        self.first = nn.Conv2d(channels, 8, 3, stride=2, padding=1)
        self.norm = nn.GroupNorm(2, 8)
        self.enlarge = nn.Sequential(nn.ConvTranspose2d(8, 8, 2, 2), nn.ReLU())
        self.cut = nn.ConvTranspose2d(8, 6, 3, 2, 1, 1)
        self.last = nn.Conv2d(6, 3, 3)

    def forward(self, picture, *guides):
        seen = self.enlarge(self.norm(self.first(torch.cat([picture, *guides], dim=1))))
        seen = functional.avg_pool2d(self.cut(seen), 2).clamp(-0.8, 0.9)
        return picture + self.last(functional.pad(seen, (1, 1, 1, 1), mode="replicate"))


def renderer(*needs, network=None):
    torch.manual_seed(0)
    built = network or Refused(3 + len(needs))
    own = Solution(name="own", build=Refused, title="Own", needs=needs, multiple_of=4, value_range=(-1.0, 1.0))
    ramp = DepthMap(np.tile(np.linspace(0.1, 1, 45, dtype=np.float32), (35, 1)), metric=False, origin="test")
    return SolutionRenderer(own, built.eval(), depth=ramp)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    out = tmp_path_factory.mktemp("litert") / "own.tflite"
    return export_litert(renderer(), out, size_px=SIZE_PX, command="wideopen export own")


def test_a_file_answers_as_pytorch_and_says_what_it_is(exported):
    assert exported.error_levels < 0.01
    assert exported.bytes == exported.path.stat().st_size
    assert exported.contrast_levels > 50
    metadata = litert_metadata(exported.path)
    assert (metadata.solution, metadata.size_px, metadata.command) == ("own", SIZE_PX, "wideopen export own")
    with zipfile.ZipFile(exported.path) as archive:
        assert json.loads(archive.read(METADATA))["size"] == "45x35"
    photo = timing_photo(SIZE_PX)
    runner = LiteRtRunner(exported.path, threads=1)
    assert (runner.size_px, runner.needs) == (SIZE_PX, ())
    np.testing.assert_allclose(runner(as_picture(photo))[0], renderer()(photo).pixels, atol=1e-5)


def test_nothing_but_the_file_is_left(exported):
    assert [each.name for each in exported.path.parent.iterdir()] == ["own.tflite"]


def test_guides_go_in_behind_the_picture(tmp_path):
    found = export_litert(renderer("saliency", "depth"), tmp_path / "guided.tflite", size_px=SIZE_PX)
    assert found.inputs == (("picture", (1, 35, 45, 3)), ("saliency", (1, 35, 45, 1)), ("depth", (1, 35, 45, 1)))
    assert found.error_levels < 0.01
    runner = LiteRtRunner(found.path)
    picture, guides = np.full((1, 35, 45, 3), 0.5, np.float32), np.random.default_rng(0).random((2, 1, 35, 45, 1))
    first, second = guides.astype(np.float32)
    assert np.abs(runner(picture, first, second) - runner(picture, second, first)).max() > 1e-3


@pytest.mark.parametrize(("precision", "most"), [("float16", 0.5), ("int8", 8)])
def test_weights_in_fewer_bits_make_a_smaller_file(tmp_path, precision, most):
    network = nn.Sequential(*(nn.Conv2d(before, after, 3, padding=1) for before, after in ((3, 64), (64, 3))))
    wide = renderer(network=network)
    whole = export_litert(wide, tmp_path / "whole.tflite", size_px=SIZE_PX)
    smaller = export_litert(wide, tmp_path / "smaller.tflite", size_px=SIZE_PX, precision=precision)
    assert smaller.bytes < whole.bytes
    assert 1e-4 < smaller.error_levels < most
    assert litert_metadata(smaller.path).precision == precision


class Strange(nn.Module):
    def forward(self, picture):
        return torch.special.bessel_j0(picture)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"out": "own.onnx"}, "does not end in .tflite"),
        ({"out": "nowhere/own.tflite"}, "there is no folder"),
        ({"precision": "float8"}, "there is no precision 'float8'; use float32, float16, int8"),
        ({"size_px": (2, 2)}, "too small to be padded"),
        ({"network": Strange()}, "own cannot be exported for LiteRT: the operator aten"),
    ],
)
def test_bad_requests_are_refused_and_leave_nothing(tmp_path, settings, said):
    out = tmp_path / settings.pop("out", "own.tflite")
    with pytest.raises(RequestError, match=said) as error:
        export_litert(renderer(network=settings.pop("network", None)), out, **{"size_px": SIZE_PX} | settings)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_stays(exported):
    before = exported.path.read_bytes()
    with pytest.raises(RequestError, match="is there already"):
        export_litert(renderer(), exported.path, size_px=SIZE_PX)
    assert exported.path.read_bytes() == before


def test_files_of_others_and_broken_ones_are_refused(exported, tmp_path):
    with pytest.raises(RequestError, match="there is no file"):
        LiteRtRunner(tmp_path / "none.tflite")
    whole = exported.path.read_bytes()
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RequestError, match="is broken, or was not written by wideopen"):
        LiteRtRunner(cut)
    empty = tmp_path / "empty.tflite"
    with zipfile.ZipFile(exported.path) as archive, zipfile.ZipFile(empty, "w") as other:
        other.writestr(METADATA, archive.read(METADATA))
    with pytest.raises(RequestError, match="cannot be loaded by litert"):
        LiteRtRunner(empty)


def test_inputs_of_another_size_are_refused(exported):
    with pytest.raises(RequestError, match=r"takes \(1, 35, 45, 3\), not \(1, 45, 35, 3\)"):
        LiteRtRunner(exported.path)(np.zeros((1, 45, 35, 3), np.float32))


@pytest.mark.skipif(no_device, reason="no Vulkan device in software: apt-get install chromium libvulkan1")
def test_a_gpu_takes_a_rewritten_network_whole_and_gives_the_same(exported):
    assert check_gpu(exported.path) == ()


@pytest.mark.skipif(no_device, reason="no Vulkan device in software: apt-get install chromium libvulkan1")
def test_what_a_gpu_refuses_is_listed_with_its_layer(tmp_path):
    import litert_torch

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = Refused()
            self.more = nn.ReflectionPad2d(1)

        def forward(self, picture):
            return self.more(self.inside(picture))

    file = tmp_path / "plain.tflite"
    network = Plain().eval()
    network.inside.cut = nn.Upsample(scale_factor=2)
    network.inside.last = nn.Conv2d(8, 3, 3)
    litert_torch.convert(network, (torch.rand(1, 3, 16, 16),)).export(str(file))
    refused = check_gpu(file)
    assert {(each.operation, each.layer) for each in refused} >= {
        ("BROADCAST_TO", "inside.norm (GroupNorm)"),
        ("TRANSPOSE_CONV", "inside.enlarge.1 (ReLU)"),
        ("MIRROR_PAD", "inside (Refused)"),
    }
    assert all(each.reason for each in refused)
    assert not [each for each in refused if "more" in each.layer]


def test_a_gpu_check_without_a_device_says_what_to_install(exported, monkeypatch):
    monkeypatch.setattr(gpu_check, "SOFTWARE_DEVICES", ())
    monkeypatch.delenv("VK_ICD_FILENAMES", raising=False)
    monkeypatch.delenv("VK_DRIVER_FILES", raising=False)
    with pytest.raises(RequestError, match="apt-get install chromium libvulkan1"):
        check_gpu(exported.path)


def test_a_device_that_does_not_work_is_told(exported, monkeypatch, tmp_path):
    monkeypatch.setenv("VK_ICD_FILENAMES", str(tmp_path / "none.json"))
    with pytest.raises(RequestError, match="apt-get install chromium libvulkan1"):
        check_gpu(exported.path)


@pytest.mark.skipif(no_device, reason="no Vulkan device in software: apt-get install chromium libvulkan1")
def test_a_gpu_check_ends_in_time(exported):
    with pytest.raises(RequestError, match=r"not compiled and run for the GPU in 0\.01 s"):
        check_gpu(exported.path, timeout_s=0.01)


def test_layers_are_named_as_in_pytorch():
    joined = "a.Friendly/a.Portable_network/b.Net_network/torch.nn.Sequential_first/c.Same_0;2;;a.Friendly/x.Y_z"
    assert layer_of(joined) == "first.0 (Same)"
    assert layer_of("a.Friendly/a.Portable_network;3") == "(Portable)"
