"""Write networks as ONNX files: a picture goes in, a picture comes out, and the file says what it is."""

import copy
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from wideopen.errors import RequestError
from wideopen.export.culprit import culprit
from wideopen.export.metadata import SCENE, Exported, Metadata, Precision
from wideopen.export.parity import Parity, as_guides, as_picture, fitted, parity, refuse_beyond, worst
from wideopen.export.precision import crops_of, halved, quantised
from wideopen.export.renderer import load_runner
from wideopen.photo import Photo
from wideopen.photo.whole import whole_file
from wideopen.score.exported import quiet
from wideopen.score.machine import needed
from wideopen.score.runtime import SIZE_PX, timing_photo

if TYPE_CHECKING:
    from wideopen.export.portable import Portable
    from wideopen.zoo.checkpoint import Record
    from wideopen.zoo.run import SolutionRenderer
    from wideopen.zoo.solution import Solution

OPSET = 20


def export_onnx(
    what: "SolutionRenderer | str",
    out: Path,
    *,
    size_px: tuple[int, int] | None = None,
    precision: Precision = "float32",
    overwrite: bool = False,
    photos: Sequence[Photo] = (),
    record: "Record | None" = None,
    command: str = "",
) -> Exported:
    """Write a network as an ONNX file of one size, and see that it answers as PyTorch does.

    A solution's file takes ``picture (1, h, w, 3)``, sRGB as encoded in [0, 1], and behind it its guides in the order
    of `Solution.needs`, each ``(1, h, w, 1)`` in [0, 1] with near or salient 1; it gives ``bokeh (1, h, w, 3)`` in
    [0, 1]. All are float32 in every precision; value range and padding are inside. For the scene network see
    `wideopen.export.scene_file.export_scene`.

    Args:
        what: A solution's renderer, or ``"scene"`` for the built-in scene network.
        out: ``.onnx``.
        size_px: Width and height; None is the challenge's 1536x1024, and 256x192 for the scene network.
        precision: Of weights and arithmetic: ``float16`` keeps sums over the picture in float32; ``int8`` has 8-bit
            convolutions, calibrated on crops of the bundled sample and on `photos`.
        overwrite: Whether a file that is there may go.
        photos: Compared (and calibrated with) beside the bundled sample, each fitted to the size.
        record: Of the checkpoint; None for random weights.
        command: That is told in the file.

    Raises:
        RequestError: If settings do not go together, a layer cannot be exported, the file differs from PyTorch by more
            than `wideopen.export.parity` allows, or it cannot be written. No file is left then.
    """
    _refuse(out, precision, overwrite)
    ready()
    if isinstance(what, str):
        if what != SCENE:
            raise RequestError(f"there is no built-in network '{what}'; the only one is {SCENE}")
        from wideopen.export.scene_file import SCENE_SIZE_PX, export_scene

        return export_scene(out, size_px=size_px or SCENE_SIZE_PX, precision=precision, command=command)
    from wideopen.export.portable import Portable

    size_px = size_px or SIZE_PX
    plain = plainly(what)
    model = traced(
        Portable(plain.solution, plain.network, size_px=size_px).eval(),
        plain.solution,
        given_for(plain, timing_photo(size_px)),
    )
    return finish(
        model, plain, out, size_px=size_px, precision=precision, photos=photos, record=record, command=command
    )


def ready() -> None:
    """See that the packages are there.

    Raises:
        RequestError: If one is missing.
    """
    for module in ("onnx", "onnxscript", "torch"):
        needed(module, f"export to ONNX needs {module}; install wideopen[research]")


def _refuse(out: Path, precision: str, overwrite: bool) -> None:
    if out.suffix.lower() != ".onnx":
        raise RequestError(f"{out} does not end in .onnx, as ONNX files do")
    if precision not in get_args(Precision):
        raise RequestError(f"there is no precision '{precision}'; use {', '.join(get_args(Precision))}")
    if out.exists() and not overwrite:
        raise RequestError(f"{out} is there already; choose another name or allow --overwrite")
    if not out.parent.is_dir():
        raise RequestError(f"there is no folder {out.parent}; make it, or choose another")


def finish(
    model: Any,  # noqa: ANN401
    plain: "SolutionRenderer",
    out: Path,
    *,
    size_px: tuple[int, int],
    precision: Precision = "float32",
    photos: Sequence[Photo] = (),
    record: "Record | None" = None,
    command: str = "",
) -> Exported:
    """Bring what `traced` gave to a precision, compare it with PyTorch, and write it.

    Args:
        model: Stays as it is.
        plain: The reference, by `plainly`.
        out: And the others as `export_onnx` takes them.
        size_px: That it was traced at.
        precision: Of weights and arithmetic.
        photos: Beside the bundled sample.
        record: Of the checkpoint.
        command: That is told in the file.

    Raises:
        RequestError: If the file differs from PyTorch by too much, or cannot be written.
    """
    metadata = metadata_of(plain, size_px, precision, record, command)
    seen = [timing_photo(size_px), *(fitted(photo, size_px) for photo in photos)]
    inputs = [given_for(plain, photo) for photo in seen]
    if precision == "float16":
        model = halved(model)
    elif precision == "int8":
        model = quantised(model, (given_for(plain, crop) for crop in crops_of(seen, size_px)))

    def compare(file: Path) -> Parity:
        runner = load_runner(file)
        found = [runner(*given) for given in inputs]
        return worst([parity(each, as_picture(plain(photo))) for each, photo in zip(found, seen, strict=True)])

    return written(model, out, metadata, compare)


def plainly(renderer: "SolutionRenderer") -> "SolutionRenderer":
    """The renderer as the reference: on the processor, in float32, whole, its network a copy that lies contiguous."""
    import torch

    network: Any = copy.deepcopy(renderer.network).eval().cpu().float()
    network = network.to(memory_format=torch.contiguous_format)
    return replace(renderer, network=network, device="cpu", precision="float32", whole_px=sys.maxsize)


def metadata_of(
    plain: "SolutionRenderer", size_px: tuple[int, int], precision: Precision, record: "Record | None", command: str
) -> Metadata:
    """What any file says of a solution, whatever its format."""
    from wideopen.zoo.layers import uses_statistics

    return Metadata(
        solution=plain.solution.name,
        size_px=size_px,
        precision=precision,
        needs=plain.solution.needs,
        looks_at_whole=uses_statistics(plain.network),
        title=plain.solution.title,
        licence=licence_of(plain, record),
        command=command,
        checkpoint=record.to_json() if record is not None else "",
    )


def licence_of(renderer: "SolutionRenderer", record: "Record | None") -> str:
    """What is known of licences, in one line."""
    weights = (record.licence or "none stated") if record is not None else "none, they are random"
    return f"weights: {weights}; authors' code: {renderer.solution.licence or 'none published'}"


def given_for(renderer: "SolutionRenderer", photo: Photo) -> list[np.ndarray]:
    """What an exported file takes for a photo: the picture and its guides."""
    return [as_picture(photo), *as_guides(renderer.guides(photo))]


def traced(portable: "Portable", solution: "Solution", given: Sequence[np.ndarray]) -> Any:  # noqa: ANN401
    """Bring a network to ONNX, as a model in memory.

    Raises:
        RequestError: That says which layer and operator cannot be exported.
    """
    import onnx
    import torch

    inputs = tuple(torch.from_numpy(each) for each in given)
    program: Any = None
    with TemporaryDirectory(prefix="wideopen-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "network.onnx"
        try:
            with quiet(), torch.no_grad():
                program = torch.export.export(portable, inputs, strict=False)
                torch.onnx.export(
                    program, (), str(file), input_names=["picture", *solution.needs], output_names=["bokeh"],
                    dynamo=True, opset_version=OPSET, verbose=False, external_data=False,
                )  # fmt: skip
        except Exception as error:  # whatever an exporter comes upon
            raise RequestError(
                f"{solution.name} cannot be exported to ONNX: {culprit(error, portable, program)}"
            ) from error
        return onnx.load(str(file))


def written(model: Any, out: Path, metadata: Metadata, compare: Callable[[Path], Parity]) -> Exported:  # noqa: ANN401
    """Write a model with its metadata, if it answers as it should; else the place stays as it was.

    Raises:
        RequestError: If it differs by too much or cannot be written.
    """
    import onnx

    _forget_source(model)
    onnx.helper.set_model_props(model, metadata.to_text())
    try:
        with whole_file(out) as beside:
            beside.write_bytes(model.SerializeToString())
            found = compare(beside)
            refuse_beyond(found, metadata.solution, metadata.precision)
    except OSError as error:
        raise RequestError(f"{out} cannot be written ({error.strerror}); choose another place") from error
    opsets = {each.domain: each.version for each in model.opset_import}
    return Exported(
        path=out,
        solution=metadata.solution,
        size_px=metadata.size_px,
        precision=metadata.precision,
        bytes=out.stat().st_size,
        error_levels=found.error_levels,
        mean_error_levels=found.mean_error_levels,
        psnr_db=found.psnr_db,
        contrast_levels=found.contrast_levels,
        opset=opsets.get("", opsets.get("ai.onnx")),
        inputs=tuple(_shape(each) for each in model.graph.input),
        outputs=tuple(_shape(each) for each in model.graph.output),
        looks_at_whole=metadata.looks_at_whole,
    )


def _shape(value: Any) -> tuple[str, tuple[int, ...]]:  # noqa: ANN401
    return value.name, tuple(each.dim_value for each in value.type.tensor_type.shape.dim)


def _forget_source(model: Any) -> None:  # noqa: ANN401
    """Take out what the exporter keeps of the code and folders that a network came from."""
    graph = model.graph
    parts = [graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer, *model.functions]
    for part in parts:
        del part.metadata_props[:]
