"""Write networks as LiteRT files, which phones run, and run those here."""

import contextlib
import io
import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from wideopen.errors import RequestError
from wideopen.export.metadata import Exported, Metadata, Precision
from wideopen.export.onnx_file import metadata_of, plainly
from wideopen.export.parity import Parity, as_guides, as_picture, fitted, parity, refuse_beyond, worst
from wideopen.photo import Photo
from wideopen.photo.whole import whole_file
from wideopen.score.exported import quiet, reason
from wideopen.score.machine import needed
from wideopen.score.runtime import SIZE_PX, timing_photo
from wideopen.shapes import Float
from wideopen.zoo.solution import Guide

if TYPE_CHECKING:
    from torch import nn

    from wideopen.zoo.checkpoint import Record
    from wideopen.zoo.run import SolutionRenderer

METADATA = "wideopen.json"
"""Name of the text in the archive that ends a file, where TFLite's own tools look for associated files as well."""
_OPERATOR = re.compile(r"target=torch\.ops\.([\w.]+)|not found: ([\w.]+)")
_PLACE = re.compile(r'File "[^"]*?([\w]+\.py)", line (\d+), in (\w+)')


def export_litert(
    renderer: "SolutionRenderer",
    out: Path,
    *,
    size_px: tuple[int, int] = SIZE_PX,
    precision: Precision = "float32",
    overwrite: bool = False,
    photos: Sequence[Photo] = (),
    record: "Record | None" = None,
    command: str = "",
) -> Exported:
    """Write a solution as a LiteRT file of one size, and see that it answers as PyTorch does.

    The network is rewritten by `wideopen.export.rewrites.friendly`, so that GPUs of phones take it. It takes and gives
    what ONNX files do, see `wideopen.export.onnx_file.export_onnx`; all arithmetic is float32 in every precision.

    Args:
        renderer: Of a solution.
        out: ``.tflite``.
        size_px: Width and height.
        precision: That weights of convolutions are kept in: ``float16`` halves the file, ``int8``, with a scale for
            each channel, quarters it.
        overwrite: Whether a file that is there may go.
        photos: Compared beside the bundled sample, each fitted to the size.
        record: Of the checkpoint; None for random weights.
        command: That is told in the file.

    Raises:
        RequestError: If settings do not go together, a layer cannot be exported, the file differs from PyTorch by more
            than `wideopen.export.parity` allows, or it cannot be written. No file is left then.
    """
    _refuse(out, precision, overwrite)
    ready()
    plain = plainly(renderer)
    metadata = metadata_of(plain, size_px, precision, record, command)
    seen = [timing_photo(size_px), *(fitted(photo, size_px) for photo in photos)]
    try:
        with whole_file(out) as beside:
            _convert(plain, size_px, beside)
            if precision != "float32":
                _shrink_weights(beside, precision)
            _say(beside, metadata)
            found = _compared(beside, plain, seen)
            refuse_beyond(found, metadata.solution, precision)
    except OSError as error:
        raise RequestError(f"{out} cannot be written: {error.strerror or error}") from error
    return Exported(
        path=out,
        solution=metadata.solution,
        size_px=size_px,
        precision=precision,
        bytes=out.stat().st_size,
        error_levels=found.error_levels,
        mean_error_levels=found.mean_error_levels,
        psnr_db=found.psnr_db,
        contrast_levels=found.contrast_levels,
        inputs=tuple((name, shape) for name, shape in _inputs(metadata)),
        outputs=(("bokeh", (1, size_px[1], size_px[0], 3)),),
        looks_at_whole=metadata.looks_at_whole,
    )


def ready() -> None:
    """See that the packages are there.

    Raises:
        RequestError: If one is missing.
    """
    packages = {"torch": "torch", "litert_torch": "litert-torch", "ai_edge_litert": "ai-edge-litert"}
    with quiet():
        for module, package in packages.items():
            needed(module, f"export to LiteRT needs {package}; install wideopen[research,mobile], best by itself")


class LiteRtRunner:
    """A LiteRT file that is loaded; runs on the processor, by XNNPACK. A `wideopen.export.renderer.Runner`."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        """Load a file.

        Args:
            path: That `export_litert` wrote.
            threads: None leaves the choice to the runtime.

        Raises:
            RequestError: If it was not written by wideopen, is broken, or the runtime is not installed.
        """
        self.path, self.metadata = path, litert_metadata(path)
        runtime = needed(
            "ai_edge_litert.interpreter",
            "litert needs ai-edge-litert, which is not installed; install it by pip install ai-edge-litert",
        )
        try:
            self._interpreter = runtime.Interpreter(model_path=str(path), num_threads=threads)
            self._run = self._interpreter.get_signature_runner()
            given = self._run.get_input_details()
        except (ValueError, RuntimeError) as error:
            raise RequestError(f"{path} cannot be loaded by litert ({reason(error)}); export it again") from error
        shapes = {f"args_{k}": shape for k, (_, shape) in enumerate(_inputs(self.metadata))}
        if {name: tuple(map(int, each["shape"])) for name, each in given.items()} != shapes:
            raise RequestError(f"{path} takes other inputs than it says of itself; export it again")

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
        """Run it.

        Raises:
            RequestError: If inputs are of another size or number than the file takes.
        """
        given, wanted = (picture, *guides), [shape for _, shape in _inputs(self.metadata)]
        if [each.shape for each in given] != wanted:
            raise RequestError(
                f"{self.path} takes {' and '.join(map(str, wanted))}, not "
                f"{' and '.join(str(each.shape) for each in given)}"
            )
        named = {f"args_{k}": np.ascontiguousarray(each, np.float32) for k, each in enumerate(given)}
        return next(iter(self._run(**named).values()))


def litert_metadata(path: Path) -> Metadata:
    """Read what a LiteRT file says of itself.

    Raises:
        RequestError: If it is missing, broken, or was not written by wideopen.
    """
    if not path.is_file():
        raise RequestError(f"there is no file {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            text = json.loads(archive.read(METADATA))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise RequestError(f"{path} is broken, or was not written by wideopen export; export it again") from error
    return Metadata.from_text(text if isinstance(text, dict) else {}, path)


def _refuse(out: Path, precision: str, overwrite: bool) -> None:
    if out.suffix.lower() != ".tflite":
        raise RequestError(f"{out} does not end in .tflite, as LiteRT files do")
    if precision not in get_args(Precision):
        raise RequestError(f"there is no precision '{precision}'; use {', '.join(get_args(Precision))}")
    if out.exists() and not overwrite:
        raise RequestError(f"{out} is there already; choose another name or allow --overwrite")
    if not out.parent.is_dir():
        raise RequestError(f"there is no folder {out.parent}; make it, or choose another")


def _inputs(metadata: Metadata) -> list[tuple[str, tuple[int, ...]]]:
    width, height = metadata.size_px
    return [("picture", (1, height, width, 3)), *((need, (1, height, width, 1)) for need in metadata.needs)]


def _convert(plain: "SolutionRenderer", size_px: tuple[int, int], file: Path) -> None:
    import torch

    from wideopen.export.portable import Portable, example_inputs
    from wideopen.export.rewrites import friendly

    network = friendly(Portable(plain.solution, plain.network, size_px=size_px))
    try:
        with _silent(), torch.no_grad():
            import litert_torch  # type: ignore[import-not-found, unused-ignore]

            litert_torch.convert(network, example_inputs(plain.solution, size_px=size_px)).export(str(file))
    except OSError:
        raise
    except Exception as error:  # whatever a converter comes upon
        raise RequestError(
            f"{plain.solution.name} cannot be exported for LiteRT: {_culprit(error, network)}; write it with other "
            "operators, or run the solution by PyTorch or ONNX"
        ) from error


def _culprit(error: BaseException, network: "nn.Module") -> str:
    """Which operator, and where it is called, kept a network from being converted."""
    said = str(error)
    operator, places = _OPERATOR.search(said), _PLACE.findall(said)
    named = f"the operator {operator.group(1) or operator.group(2)}" if operator else "an operator"
    where = f" ({places[-1][0]}, line {places[-1][1]}, {places[-1][2]})" if places else ""
    return f"{named}{where} has no equal there: {reason(error)}"


def _shrink_weights(file: Path, precision: Precision) -> None:
    """Keep weights of convolutions in fewer bits; they become float32 when the file is loaded."""
    with _silent():
        quantizer = needed("ai_edge_quantizer.quantizer", f"{precision} needs ai-edge-quantizer; install litert-torch")
        keys = needed("ai_edge_quantizer.algorithm_manager", "").AlgorithmName
        every = needed("ai_edge_quantizer.qtyping", "").TFLOperationName.ALL_SUPPORTED
        bits, key = {"float16": (16, keys.FLOAT_CASTING), "int8": (8, keys.MIN_MAX_UNIFORM_QUANT)}[precision]
        made = quantizer.Quantizer(float_model=str(file))
        made.add_weight_only_config(regex=".*", operation_name=every, num_bits=bits, algorithm_key=key)
        with TemporaryDirectory(prefix="wideopen-", ignore_cleanup_errors=True) as folder:
            smaller = Path(folder) / "network.tflite"
            made.quantize().export_model(str(smaller))
            file.write_bytes(smaller.read_bytes())


def _say(file: Path, metadata: Metadata) -> None:
    """Put what a file says of itself behind it, as an archive, by which runtimes are not disturbed."""
    told = zipfile.ZipInfo(METADATA)  # without the time of day, so that the same network makes the same file
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(told, metadata.to_json())


def _compared(file: Path, plain: "SolutionRenderer", seen: Sequence[Photo]) -> Parity:
    """Run the file on the photos, and PyTorch beside it."""
    runner = LiteRtRunner(file)
    found = []
    for photo in seen:
        inputs = [as_picture(photo), *as_guides(plain.guides(photo))]
        found.append(parity(runner(*inputs)[0], plain(photo).pixels))
    return worst(found)


@contextlib.contextmanager
def _silent() -> Any:  # noqa: ANN401
    """Keep a converter's progress away from both streams."""
    with quiet(), contextlib.redirect_stdout(io.StringIO()):
        yield
