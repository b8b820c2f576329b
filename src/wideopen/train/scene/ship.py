"""Shipping: a checkpoint becomes the ONNX file that `wideopen.scene.network` runs, with its record inside."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wideopen.train.scene.network import MULTIPLE_OF, SceneNetwork
from wideopen.train.scene.sources import LICENCES


class _WithMatte(nn.Module):
    """The network with its matte as shares."""

    def __init__(self, network: SceneNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        dioptres, logits = self.network(picture)
        return dioptres, logits.sigmoid()


def ship(checkpoint: Path, file: Path, *, commit: str, command: str) -> dict[str, Any]:
    """Write a checkpoint as ONNX for any size that is a multiple of 32, and return the record put inside.

    Args:
        checkpoint: ``best.pt`` of a run.
        file: Where the ONNX file goes.
        commit: Of the code that trained it.
        command: That trained it.

    Raises:
        ArithmeticError: If the file's results differ from PyTorch's by more than 1e-3.
    """
    import onnx
    import onnxruntime

    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = SceneNetwork()
    network.load_state_dict(saved["network"])
    model = _WithMatte(network).eval()
    height, width = (torch.export.Dim(name, min=2, max=32) for name in ("h", "w"))
    picture = torch.rand(1, 3, 192, 128, generator=torch.Generator().manual_seed(0))
    program = torch.onnx.export(
        model,
        (picture,),
        dynamo=True,
        input_names=["picture"],
        output_names=["dioptres", "matte"],
        dynamic_shapes=({2: MULTIPLE_OF * height, 3: MULTIPLE_OF * width},),
        verbose=False,
    )
    record = {
        "name": "wideopen scene network",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "settings": saved["settings"],
        "validation": saved["record"],
        "data": LICENCES,
        "commit": commit,
        "command": command,
        "torch": torch.__version__,
    }
    assert program is not None
    model_proto = program.model_proto
    for key, value in record.items():
        entry = model_proto.metadata_props.add()
        entry.key, entry.value = key, value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    _forget_places(model_proto)
    unfinished = file.with_suffix(".unfinished")
    onnx.save(model_proto, unfinished)
    session = onnxruntime.InferenceSession(unfinished.read_bytes(), providers=["CPUExecutionProvider"])
    for size in ((192, 128), (128, 192), (160, 160)):
        picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            wanted = [value.numpy() for value in model(picture)]
        found = session.run(None, {"picture": picture.numpy()})
        worst = max(float(abs(a - b).max()) for a, b in zip(wanted, found, strict=True))
        if worst > 1e-3:
            os.unlink(unfinished)  # noqa: PTH108
            raise ArithmeticError(f"at {size} the file differs from PyTorch by {worst:.2g}")
    unfinished.replace(file)
    return record


def _forget_places(model: Any) -> None:  # noqa: ANN401
    """Take out what the exporter notes of this machine's folders."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info, *model.graph.initializer):
        del value.metadata_props[:]
    for function in model.functions:
        del function.metadata_props[:]
        for node in function.node:
            del node.metadata_props[:]
    del model.graph.metadata_props[:]
