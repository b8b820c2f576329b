"""Lower precision for ONNX files: half precision, and convolutions of 8 bits."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from wideopen.photo import Photo
from wideopen.score.exported import quiet

_SUMS = frozenset(
    {"ReduceMean", "ReduceSum", "ReduceSumSquare", "GlobalAveragePool", "InstanceNormalization", "CumSum"}
)
"""Sums over a picture have more terms than half precision has numbers."""
_ROOTS = frozenset({"Sqrt", "Reciprocal", "Pow"})
_EXPONENTIALS = frozenset({"Exp", "Softmax"})
_FEEDING = frozenset({"Sub", "Mul", "Add", "Div", "Max", "Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
_INTEGER = frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm"})


def halved(model: Any) -> Any:  # noqa: ANN401
    """Bring weights and arithmetic to float16; what goes in and comes out stays float32.

    Sums over the picture, roots and exponentials stay float32, and so does what feeds sums and roots alone (squares of
    differences, a variance to which something is added), for half precision ends at 65504.
    """
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

    with quiet():
        made = convert_float_to_float16(
            copy.deepcopy(model),
            keep_io_types=True,
            op_block_list=[*DEFAULT_OP_BLOCK_LIST, *_SUMS, *_ROOTS, *_EXPONENTIALS],
            node_block_list=_feeding(model),
        )
    _spare_casts(made.graph)
    return made


def _spare_casts(graph: Any) -> None:  # noqa: ANN401
    """Hand float32 on from node to node; the converter goes through float16, where a large sum is lost."""
    from onnx import TensorProto

    def casts(to: int) -> dict[str, str]:
        found = (each for each in graph.node if each.op_type == "Cast" and each.attribute[0].i == to)
        return {each.output[0]: each.input[0] for each in found}

    lowered, raised = casts(TensorProto.FLOAT16), casts(TensorProto.FLOAT)
    direct = {after: lowered[middle] for after, middle in raised.items() if middle in lowered}
    for node in graph.node:
        node.input[:] = [direct.get(name, name) for name in node.input]
    used = {name for node in graph.node for name in node.input} | {each.name for each in graph.output}
    kept = [node for node in graph.node if node.op_type != "Cast" or node.output[0] in used]
    used = {name for node in kept for name in node.input} | {each.name for each in graph.output}
    kept = [node for node in kept if node.op_type != "Cast" or node.output[0] in used]
    del graph.node[:]
    graph.node.extend(kept)


def _feeding(model: Any) -> list[str]:  # noqa: ANN401
    """Names of sums and roots, of nodes whose results go into them and nowhere else, and of what is made of them."""
    nodes = list(model.graph.node)
    readers: dict[str, list[Any]] = {}
    for k, node in enumerate(nodes):
        node.name = node.name or f"node_{k}"
        for name in node.input:
            readers.setdefault(name, []).append(node)
    kept: set[str] = {node.name for node in nodes if node.op_type in _SUMS | _ROOTS}
    for node in reversed(nodes):  # nodes stand in the order in which they run
        after = [reader for name in node.output for reader in readers.get(name, [])]
        if node.op_type in _FEEDING and after and all(reader.name in kept for reader in after):
            kept.add(node.name)
    # What is made of sums alone comes next: a sum is too large before it is divided by its number of terms.
    constant = {each.name for each in model.graph.initializer}
    constant |= {node.output[0] for node in nodes if node.op_type == "Constant"}
    summed = {name for node in nodes if node.name in kept for name in node.output}
    for node in nodes:
        given = [name for name in node.input if name and name not in constant]
        if node.op_type in _FEEDING and given and all(name in summed for name in given):
            kept.add(node.name)
            summed.update(node.output)
    return sorted(kept)


def quantised(model: Any, photos: Iterable[Sequence[np.ndarray]]) -> Any:  # noqa: ANN401
    """Bring convolutions to 8 bits, statically, between quantise and dequantise operators.

    Weights have a scale per output channel and 7 bits, for processors without VNNI overflow at 8; activations have 8
    bits between the least and the greatest value that any of the photos brings about.

    Args:
        model: In float32.
        photos: Pictures with their guides, as the model takes them.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    labels = [each.name for each in model.graph.input]
    given = iter(photos)

    class Reader(CalibrationDataReader):  # type: ignore[misc, unused-ignore]
        def get_next(self) -> dict[str, np.ndarray] | None:
            found = next(given, None)
            return None if found is None else dict(zip(labels, found, strict=True))

    with TemporaryDirectory(prefix="wideopen-", ignore_cleanup_errors=True) as folder, quiet():
        source, target = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, str(source))
        quantize_static(
            str(source), str(target), Reader(), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            op_types_to_quantize=sorted(_INTEGER),
        )  # fmt: skip
        return onnx.load(str(target))


def crops_of(photos: Sequence[Photo], size_px: tuple[int, int]) -> Iterator[Photo]:
    """Views of photos to calibrate with: whole, mirrored, darker, and each corner enlarged."""
    for photo in photos:
        yield photo
        yield Photo(pixels=np.ascontiguousarray(photo.pixels[:, ::-1]))
        yield Photo(pixels=photo.pixels * np.float32(0.5))
        width, height = photo.size
        for right in (False, True):
            for lower in (False, True):
                columns = slice(width // 3, None) if right else slice(None, -(width // 3) or None)
                rows = slice(height // 3, None) if lower else slice(None, -(height // 3) or None)
                picture = Image.fromarray((photo.pixels[rows, columns] * 255).round().astype(np.uint8))
                enlarged = picture.resize(size_px, Image.Resampling.BICUBIC)
                yield Photo(pixels=np.asarray(enlarged, np.float32) / np.float32(255))
