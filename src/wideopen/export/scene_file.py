"""The built-in scene network as a file of its own: depth and subject for whoever wants them outside wideopen."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from wideopen.errors import RequestError
from wideopen.export.metadata import SCENE, Exported, Metadata, Precision
from wideopen.export.onnx_file import written
from wideopen.export.parity import Parity, as_picture, parity
from wideopen.scene.network import MULTIPLE_OF, WEIGHTS
from wideopen.score.runtime import timing_photo

SCENE_SIZE_PX = (256, 192)
"""Its own size for the common 4:3; it has learned at long sides of 192 and works at 256 as well."""


def export_scene(
    out: Path, *, size_px: tuple[int, int] = SCENE_SIZE_PX, precision: Precision = "float32", command: str = ""
) -> Exported:
    """Write the scene network at one size, channels last.

    It takes ``picture (1, h, w, 3)``, sRGB as encoded in [0, 1], scaled to about 192 or 256 px on its long side, and
    gives ``dioptres (1, h/2, w/2, 1)``, relative inverse depth with near large and no scale of its own, and
    ``matte (1, h/2, w/2, 1)``, the subject, in [0, 1]. `wideopen.scene.network.see` does more: it looks at two sizes,
    mirrors, and separates the subject.

    Args:
        out: ``.onnx``.
        size_px: Width and height, multiples of 32.
        precision: ``float32``, no other.
        command: That is told in the file.

    Raises:
        RequestError: If size or precision do not suit, or the file cannot be written.
    """
    import onnx

    width, height = size_px
    if precision != "float32":
        raise RequestError(f"the scene network is exported in float32, not in {precision}; it has 6 MB as it is")
    if width % MULTIPLE_OF or height % MULTIPLE_OF or min(size_px) < 2 * MULTIPLE_OF:
        raise RequestError(
            f"the scene network takes multiples of {MULTIPLE_OF} px from {2 * MULTIPLE_OF} on, not {width}x{height}; "
            f"export it at {SCENE_SIZE_PX[0]}x{SCENE_SIZE_PX[1]}"
        )
    model = _channels_last(onnx.load(str(WEIGHTS)), size_px)
    own = {each.key: each.value for each in model.metadata_props}
    metadata = Metadata(
        solution=SCENE,
        size_px=size_px,
        title=own.get("name", "wideopen scene network"),
        licence="weights: Apache-2.0, learned from data of: " + own.get("data", "not told"),
        command=command,
        checkpoint=json.dumps(own, sort_keys=True),
        looks_at_whole=True,
    )
    return written(model, out, metadata, lambda file: _compared(file, size_px))


def _channels_last(model: Any, size_px: tuple[int, int]) -> Any:  # noqa: ANN401
    """Fix the size, and turn the axes of what goes in and comes out."""
    from onnx import TensorProto, helper

    width, height = size_px
    graph = model.graph
    renamed = {each.name: f"{each.name}_channels_first" for each in [*graph.input, *graph.output]}
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    first = helper.make_node("Transpose", ["picture"], [renamed["picture"]], perm=(0, 3, 1, 2))
    outputs = [each.name for each in graph.output]
    last = [helper.make_node("Transpose", [renamed[name]], [name], perm=(0, 2, 3, 1)) for name in outputs]
    nodes = [first, *graph.node, *last]
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend(nodes)
    made = helper.make_tensor_value_info
    graph.input.append(made("picture", TensorProto.FLOAT, (1, height, width, 3)))
    graph.output.extend(made(name, TensorProto.FLOAT, (1, height // 2, width // 2, 1)) for name in outputs)
    return model


def _compared(file: Path, size_px: tuple[int, int]) -> Parity:
    """With the network as it is bundled; levels of depth are 255ths of its spread."""
    import onnxruntime

    def run(path: Path, given: np.ndarray) -> list[np.ndarray]:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return session.run(None, {"picture": given})

    picture = as_picture(timing_photo(size_px))
    wanted = run(WEIGHTS, np.ascontiguousarray(picture.transpose(0, 3, 1, 2)))
    spread = [max(float(np.ptp(each)), 1.0) for each in wanted]
    found = run(file, picture)
    return parity(
        np.stack([each.transpose(0, 3, 1, 2) / s for each, s in zip(found, spread, strict=True)]),
        np.stack([each / s for each, s in zip(wanted, spread, strict=True)]),
    )
