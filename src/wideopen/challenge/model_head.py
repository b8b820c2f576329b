"""What a team's model is, by the head of its file: a checkpoint, an ONNX file or a LiteRT file, and never a pickle."""

import json
import pickletools
import shutil
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from wideopen.challenge.onnx_head import FLOAT, OnnxHead, Port, metadata_bytes, read_onnx
from wideopen.challenge.plan import Limits
from wideopen.challenge.unpack import MB, opened, shown
from wideopen.errors import RequestError
from wideopen.export.metadata import SCENE, Metadata

Format = Literal["safetensors", "onnx", "tflite"]
TAKEN = "a checkpoint of wideopen's as .safetensors, an .onnx or a .tflite file"
METADATA = "wideopen.json"
"""In the archive at the end of a LiteRT file."""
OPERATORS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Domains that ONNX Runtime knows by itself."""
_PICKLE_NAMES = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".bin")
_LOOKED_AT_BYTES = 1 << 16
_MOST_SAYS_BYTES = 1 << 20


def inspect_model(path: Path, name: str, limits: Limits) -> str:
    """Look at a model's file without running or loading anything of it.

    Args:
        path: The file.
        name: As the team calls it.
        limits: On archives.

    Returns:
        What it is, in one line.

    Raises:
        RequestError: If it is a pickle or of another format, is broken, or does not say what is needed to run it.
    """
    called = shown(name)
    size_bytes = path.stat().st_size
    format_ = _format_of(path, called)
    if not name.lower().endswith(f".{format_}"):
        raise RequestError(f"{called} is a file of the format {format_}; let its name end in .{format_}")
    if format_ == "safetensors":
        said = _checkpoint(path, called)
    elif format_ == "onnx":
        metadata, _ = _onnx(path, called)
        said = f"an ONNX file {_described(metadata)}"
    else:
        said = f"a LiteRT file {_described(_litert(path, called, limits))}"
    return f"{called}: {said}, {size_bytes / MB:.1f} MB"


def runnable(path: Path, into: Path) -> Path:
    """Copy an ONNX file that was inspected, and let it say of itself what it does not, so that it is run like ours.

    Raises:
        RequestError: If it is none, or cannot be run.
        OSError: If it cannot be written.
    """
    metadata, head = _onnx(path, path.name)
    shutil.copyfile(path, into)
    if "format" not in head.metadata:
        with into.open("ab") as file:
            file.write(metadata_bytes(metadata.to_text()))
    return into


def _described(metadata: Metadata) -> str:
    width, height = metadata.size_px
    return f"of {shown(metadata.solution)} for {width}x{height} px"


def _format_of(path: Path, name: str) -> Format:
    """Tell a format by what is in a file, whatever it is called."""
    with path.open("rb") as file:
        head = file.read(_LOOKED_AT_BYTES)
    if zipfile.is_zipfile(path) and head[:2] == b"PK":
        _refuse_zip(path, name)
    if head[4:8] == b"TFL3":
        return "tflite"
    if len(head) > 8 and head[8:9] == b"{" and 8 + int.from_bytes(head[:8], "little") <= path.stat().st_size:
        return "safetensors"
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        raise _pickled(name)
    try:
        if head:
            read_onnx(path)
            return "onnx"
    except ValueError as error:
        if _is_old_pickle(head, whole=len(head) < _LOOKED_AT_BYTES):
            raise _pickled(name) from error
        if name.lower().endswith(".onnx"):
            raise RequestError(f"{name} is no ONNX file, or a broken one ({error}); export it again") from error
    if name.lower().endswith(_PICKLE_NAMES):
        raise RequestError(f"{name} is of a format that may run whatever it likes; hand in {TAKEN}")
    raise RequestError(f"{name} is no model that is taken; hand in {TAKEN}")


def _pickled(name: str) -> RequestError:
    return RequestError(f"{name} is a pickle, which runs whatever it likes; save it as safetensors")


def _refuse_zip(path: Path, name: str) -> None:
    """Say what is wrong with an archive in a model's place: those of PyTorch hold pickles."""
    try:
        with opened(path, Limits(files=100_000, unpacked_mb=1 << 40)) as archive:
            inside = list(archive.sizes)
    except RequestError:
        inside = []
    if any(each.rsplit("/", 1)[-1].endswith((".pkl", ".pickle")) for each in inside):
        raise _pickled(name)
    raise RequestError(f"{name} is a zip, and no model; hand in {TAKEN} by itself, or pictures as pictures")


def _is_old_pickle(head: bytes, *, whole: bool) -> bool:
    """Whether a file without a mark of its own reads as a pickle of the first two protocols."""
    steps = 0
    try:
        for _ in pickletools.genops(head):
            steps += 1
    except Exception:  # whatever a stranger's bytes bring about
        return not whole and steps > 8
    return steps > 1


def _checkpoint(path: Path, name: str) -> str:
    shapes, text = _header(path, name)
    if text is None:
        raise RequestError(
            f"{name} does not say which solution it is of; make a checkpoint of it by wideopen convert, or export it "
            "as ONNX"
        )
    try:
        record: Any = json.loads(text)
        solution, switches = record["solution"], record.get("switches", {})
        if not isinstance(solution, str) or not all(isinstance(each, bool) for each in switches.values()):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RequestError(f"{name} has a header that cannot be read; make the checkpoint again") from error
    from wideopen.zoo.catalog import solution as find

    found = find(solution)
    if find_spec("torch") is not None:
        _refuse_unfit(shapes, found, switches, name)
    count = sum(_product(shape) for shape in shapes.values())
    return f"a checkpoint of {found.name} with {count} weights"


def _header(path: Path, name: str) -> tuple[dict[str, tuple[int, ...]], str | None]:
    """Shapes of all weights, and what wideopen wrote beside them."""
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError as error:
        raise RequestError("checkpoints need safetensors here; install wideopen[research]") from error
    try:
        with safe_open(path, "numpy") as file:
            shapes = {each: tuple(file.get_slice(each).get_shape()) for each in file.keys()}  # noqa: SIM118
            return shapes, (file.metadata() or {}).get("wideopen")
    except (SafetensorError, OSError, ValueError) as error:
        raise RequestError(f"{name} is no safetensors file, or a broken one; save it again") from error


def _refuse_unfit(
    shapes: Mapping[str, tuple[int, ...]],
    solution: Any,  # noqa: ANN401
    switches: dict[str, bool],
    name: str,
) -> None:
    """Refuse weights that do not fit the solution, by its names and shapes alone."""
    import torch

    from wideopen.zoo.checkpoint import fill

    with torch.device("meta"):
        try:
            network = solution.build(**switches)
        except TypeError as error:
            raise RequestError(f"{name} names switches that {solution.name} does not have; make it again") from error
        fill(network, {each: torch.empty(shape) for each, shape in shapes.items()}, f"{name} for {solution.name}")


def _onnx(path: Path, name: str) -> tuple[Metadata, OnnxHead]:
    try:
        head = read_onnx(path)
    except ValueError as error:
        raise RequestError(f"{name} is no ONNX file, or a broken one ({error}); export it again") from error
    if head.external:
        raise RequestError(
            f"{name} keeps {shown(head.external)} in another file; save it as one file, without external data"
        )
    for domain, operator in head.operators.items():
        if domain not in (*OPERATORS, *head.functions):
            raise RequestError(
                f"{name} calls {shown(operator)} of {shown(domain)}, which plain ONNX Runtime lacks; use its operators"
            )
    metadata = Metadata.from_text(head.metadata, Path(name)) if "format" in head.metadata else _assumed(head, name)
    _refuse_scene(metadata, name)
    width, height = metadata.size_px
    wanted = [("picture", (1, height, width, 3)), *((need, (1, height, width, 1)) for need in metadata.needs)]
    if [(each.name, each.shape) for each in head.inputs] != wanted or not _answers(head.outputs, wanted[0][1]):
        raise _unlike(head, name)
    if any(each.element != FLOAT for each in head.inputs):
        raise _unlike(head, name)
    return metadata, head


def _assumed(head: OnnxHead, name: str) -> Metadata:
    """What a file of another's making would say of itself."""
    shape = head.inputs[0].shape if head.inputs else None
    if shape is None or len(shape) != 4:
        raise _unlike(head, name)
    known: list[Any] = [each.name for each in head.inputs[1:] if each.name in ("depth", "saliency")]
    return Metadata("unnamed", (shape[2], shape[1]), needs=tuple(known))


def _answers(outputs: list[Port], shape: tuple[int, ...]) -> bool:
    return len(outputs) == 1 and outputs[0].element == FLOAT and outputs[0].shape in (None, shape)


def _unlike(head: OnnxHead, name: str) -> RequestError:
    def told(ports: list[Port]) -> str:
        shapes = (f"{shown(each.name)} {'of any shape' if each.shape is None else each.shape}" for each in ports[:4])
        return ", ".join(shapes) or "nothing"

    return RequestError(
        f"{name} takes {told(head.inputs)} and gives {told(head.outputs)}; it must take picture (1, height, width, 3) "
        "of a fixed size and give one such, sRGB in [0, 1] as float32, as files of wideopen export do"
    )


def _litert(path: Path, name: str, limits: Limits) -> Metadata:
    try:
        with opened(path, limits) as archive:
            if archive.sizes.get(METADATA, _MOST_SAYS_BYTES) >= _MOST_SAYS_BYTES:
                raise ValueError
            with archive.open(METADATA) as file:
                text: Any = json.loads(file.read())
        if not isinstance(text, dict) or not all(isinstance(each, str) for each in text.values()):
            raise ValueError
    except (RequestError, ValueError, RecursionError) as error:
        raise RequestError(
            f"{name} does not say what it is, as files of wideopen export do; export it so, or as ONNX"
        ) from error
    metadata = Metadata.from_text(text, Path(name))
    _refuse_scene(metadata, name)
    return metadata


def _refuse_scene(metadata: Metadata, name: str) -> None:
    if metadata.solution == SCENE:
        raise RequestError(f"{name} is the scene network, which renders nothing; export a solution")


def _product(shape: tuple[int, ...]) -> int:
    total = 1
    for length in shape:
        total *= length
    return total
