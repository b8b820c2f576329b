"""Render by an exported file: desktop runtimes run what phones run, on photos of any size."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from wideopen.errors import RequestError
from wideopen.export.metadata import SCENE, Metadata
from wideopen.export.parity import as_guides, as_picture
from wideopen.optics import DepthMap
from wideopen.photo import Photo
from wideopen.scene.scene import DepthKind
from wideopen.score.exported import reason, without_telemetry
from wideopen.score.machine import needed
from wideopen.shapes import Float
from wideopen.zoo.guides import guides_of
from wideopen.zoo.solution import Guide
from wideopen.zoo.tiles import Tile, spans_of, weights_of

if TYPE_CHECKING:
    from torch import nn

Runtime = Literal["auto", "onnxruntime", "openvino", "litert"]
OVERLAP_PX = 192
"""That tiles share at least, or a quarter of a side that is smaller than four times this."""


class Runner(Protocol):
    """A file that is loaded: one size, channels last, values in [0, 1]."""

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height that it takes."""
        ...

    @property
    def needs(self) -> tuple[Guide, ...]:
        """Guides that go in behind the picture."""
        ...

    def __call__(
        self, picture: Float[np.ndarray, "1 h w 3"], *guides: Float[np.ndarray, "1 h w 1"]
    ) -> Float[np.ndarray, "1 h w 3"]:
        """Run it."""
        ...


@dataclass(frozen=True)
class OnnxRunner:
    """A Runner of an ONNX file; see `load_runner`."""

    metadata: Metadata
    run: Callable[..., Float[np.ndarray, "1 h w 3"]]

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height that it takes."""
        return self.metadata.size_px

    @property
    def needs(self) -> tuple[Guide, ...]:
        """Guides that go in behind the picture."""
        return self.metadata.needs

    def __call__(
        self, picture: Float[np.ndarray, "1 h w 3"], *guides: Float[np.ndarray, "1 h w 1"]
    ) -> Float[np.ndarray, "1 h w 3"]:
        """Run it."""
        return self.run(picture, *guides)


def load_runner(path: Path, runtime: Runtime = "auto", *, threads: int | None = None) -> Runner:
    """Load a file that `wideopen export` wrote.

    Args:
        path: ``.onnx`` or ``.tflite``.
        runtime: ``onnxruntime`` or ``openvino`` for ``.onnx``, ``litert`` for ``.tflite``; ``auto`` takes the first
            that suits.
        threads: None leaves the choice to the runtime.

    Raises:
        RequestError: If the file is missing, broken, of another's making or of a later format, or the runtime does
            not go with it or is not installed.
    """
    suits = {".onnx": ("onnxruntime", "openvino"), ".tflite": ("litert",)}.get(path.suffix.lower())
    if suits is None:
        raise RequestError(f"{path} is no file of wideopen export's; give one that ends in .onnx or .tflite")
    if runtime != "auto" and runtime not in suits:
        raise RequestError(f"{runtime} does not run {path.suffix} files; use {' or '.join(suits)}")
    if not path.is_file():
        raise RequestError(f"there is no file {path}")
    if suits == ("litert",):
        from wideopen.export.litert_file import LiteRtRunner

        return LiteRtRunner(path, threads)
    return _by_openvino(path, threads) if runtime == "openvino" else _by_onnxruntime(path, threads)


@dataclass(frozen=True)
class FileRenderer:
    """A Renderer that runs an exported file, whose size is fixed, on photos of any size.

    A photo that is larger is run in overlapping tiles of the file's size, which fade into each other; one that is
    smaller is padded by reflection and cropped again. Where fewer tiles do if width and height change places, as for
    an upright photo and a file that lies, the photo is turned over its diagonal and back. Nothing is ever scaled.
    A network that measures the whole picture (`wideopen.export.metadata.Metadata.looks_at_whole`: instance norms,
    means) measures the tile or the padded photo instead, so that it is exact at its own size alone; export it at the
    size of the photos.
    """

    runner: Runner
    depth: str | Path | DepthMap = "auto"
    """For networks that need it; this and the others as `wideopen.zoo.run.SolutionRenderer` takes them."""
    depth_kind: DepthKind = "disparity"
    saliency: "Float[np.ndarray, 'mh mw'] | nn.Module | None" = None
    depth_front_end: "nn.Module | None" = None

    def __call__(self, photo: Photo) -> Photo:
        """Render a photo; it keeps its file's everything.

        Raises:
            DepthError: If the network needs depth and it cannot be had.
            RequestError: If the runtime fails.
        """
        maps = guides_of(
            photo,
            self.runner.needs,
            depth=self.depth,
            depth_kind=self.depth_kind,
            saliency=self.saliency,
            depth_front_end=self.depth_front_end,
        )
        given = [as_picture(photo), *as_guides(maps)]
        if self._turns(photo.size):
            found = self._run([_turned(each) for each in given])
            pixels = _turned(found)[0]
        else:
            pixels = self._run(given)[0]
        pixels = pixels.clip(0, 1)
        if photo.grey:
            pixels = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
        return photo.with_pixels(np.ascontiguousarray(pixels, np.float32))

    def _turns(self, size_px: tuple[int, int]) -> bool:
        """Whether fewer tiles do for the photo turned over its diagonal."""
        width, height = size_px
        return len(self._tiles(width, height)) < len(self._tiles(height, width))

    def _tiles(self, height: int, width: int) -> list[Tile]:
        own_width, own_height = self.runner.size_px
        rows = spans_of(height, own_height, min(OVERLAP_PX, own_height // 4))
        columns = spans_of(width, own_width, min(OVERLAP_PX, own_width // 4))
        return [Tile(row, column) for row in rows for column in columns]

    def _run(self, given: list[np.ndarray]) -> Float[np.ndarray, "1 h w 3"]:
        """Pad, run tile by tile, join and crop."""
        height, width = given[0].shape[1:3]
        own_width, own_height = self.runner.size_px
        given = [_padded(each, max(own_height - height, 0), max(own_width - width, 0)) for each in given]
        full_height, full_width = given[0].shape[1:3]
        tiles = self._tiles(full_height, full_width)
        if len(tiles) == 1:
            return self.runner(*given)[:, :height, :width]
        overlap_px = max(min(OVERLAP_PX, own_width // 4, own_height // 4), 1)
        total = np.zeros((full_height, full_width, 3), np.float32)
        weight = np.zeros((full_height, full_width, 1), np.float32)
        for tile in tiles:
            part = self.runner(*(np.ascontiguousarray(each[:, tile.rows, tile.columns]) for each in given))[0]
            share = weights_of(tile, full_height, full_width, overlap_px=overlap_px)[..., None]
            total[tile.rows, tile.columns] += part * share
            weight[tile.rows, tile.columns] += share
        return (total / weight)[None, :height, :width]


def _turned(values: Float[np.ndarray, "1 h w c"]) -> Float[np.ndarray, "1 w h c"]:
    return np.ascontiguousarray(values.transpose(0, 2, 1, 3))


def _padded(values: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Pad at the end by reflection, over and over where the picture is smaller than its padding."""
    if not rows and not columns:
        return values
    for axis, more in ((1, rows), (2, columns)):
        # One row cannot be reflected about itself.
        mode: Any = "reflect" if values.shape[axis] > 1 else "edge"
        sides = [(0, more if each == axis else 0) for each in range(4)]
        values = np.pad(values, sides, mode=mode)
    return values


def _by_onnxruntime(path: Path, threads: int | None) -> OnnxRunner:
    session = _session(path, threads)
    metadata = _metadata(session, path)
    labels = [each.name for each in session.get_inputs()]
    _expect(labels, metadata, path)

    def run(*given: np.ndarray) -> np.ndarray:
        return session.run(None, dict(zip(labels, given, strict=True)))[0]

    return OnnxRunner(metadata, _told(run, metadata, path))


def _by_openvino(path: Path, threads: int | None) -> OnnxRunner:
    import onnxruntime

    plain = _session(path, threads, level=onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)
    metadata = _metadata(plain, path)
    labels = [each.name for each in plain.get_inputs()]
    _expect(labels, metadata, path)
    without_telemetry()
    openvino = needed("openvino", "openvino is not installed; install it by pip install openvino, or use onnxruntime")
    core = openvino.Core()
    # Without a hint it takes bfloat16 by itself where the processor has it.
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = str(threads)
    try:
        request = core.compile_model(core.read_model(str(path)), "CPU", settings).create_infer_request()
    except RuntimeError as error:
        raise RequestError(f"{path} cannot be loaded by openvino ({reason(error)}); use onnxruntime") from error

    def run(*given: np.ndarray) -> np.ndarray:
        return np.array(request.infer(dict(zip(labels, given, strict=True)), share_inputs=True)[0])

    return OnnxRunner(metadata, _told(run, metadata, path))


def _session(path: Path, threads: int | None, **settings: Any) -> Any:  # noqa: ANN401
    """Load by ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads or 0
    # What is planned for the next run takes more than half as much memory again in networks of many layers.
    options.enable_mem_pattern = False
    if "level" in settings:
        options.graph_optimization_level = settings["level"]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no type of their own
        raise RequestError(f"{path} cannot be loaded by onnxruntime ({reason(error)}); export it again") from error


def _metadata(session: Any, path: Path) -> Metadata:  # noqa: ANN401
    metadata = Metadata.from_text(session.get_modelmeta().custom_metadata_map, path)
    if metadata.solution == SCENE:
        raise RequestError(f"{path} is the scene network, which finds depth and renders nothing; export a solution")
    return metadata


def _expect(labels: list[str], metadata: Metadata, path: Path) -> None:
    if labels != ["picture", *metadata.needs]:
        raise RequestError(f"{path} takes {', '.join(labels)}, which is not what it says of itself; export it again")


def _told(run: Callable[..., np.ndarray], metadata: Metadata, path: Path) -> Callable[..., np.ndarray]:
    """Run, and say in one line what went wrong or does not fit."""
    width, height = metadata.size_px

    def checked(*given: np.ndarray) -> np.ndarray:
        wanted = [(1, height, width, channels) for channels in (3, *(1 for _ in metadata.needs))]
        if [each.shape for each in given] != wanted:
            raise RequestError(
                f"{path} takes {' and '.join(map(str, wanted))}, not {' and '.join(str(each.shape) for each in given)}"
            )
        try:
            return run(*given)
        except Exception as error:  # runtimes' errors share no type
            raise RequestError(
                f"{path} cannot be run ({reason(error)}); export it again, or at a smaller size"
            ) from error

    return checked
