"""Files of models, honest and others, for the tests of what a challenge takes."""

import io
import json
import pickle
import zipfile

import onnx
from onnx import TensorProto, helper

SHAPE = (1, 48, 64, 3)


def onnx_model(
    *,
    nodes=None,
    inputs=(("picture", SHAPE),),
    outputs=(("bokeh", SHAPE),),
    element=TensorProto.FLOAT,
    metadata=None,
    domains=(),
    **graph,
):
    """Make a model; it gives back what goes in, where nothing else is asked for."""
    nodes = nodes or [helper.make_node("Identity", ["picture"], ["bokeh"])]
    ports = [
        [helper.make_tensor_value_info(name, element, shape) for name, shape in each] for each in (inputs, outputs)
    ]
    made = helper.make_model(
        helper.make_graph(nodes, "net", *ports, **graph),
        opset_imports=[helper.make_opsetid("", 20), *(helper.make_opsetid(name, 1) for name in domains)],
    )
    made.ir_version = 10
    if metadata:
        helper.set_model_props(made, metadata)
    return made


def tensor(name="weights", *, values=(1.0, 2.0), external=False):
    made = helper.make_tensor(name, TensorProto.FLOAT, [len(values)], values)
    if external:
        made.ClearField("float_data")
        made.data_location = TensorProto.EXTERNAL
        made.external_data.add(key="location", value="/etc/passwd")
    return made


def said(**others):
    """What a file of wideopen's says of itself."""
    known = {"format": "wideopen-export/1", "solution": "cet-ece", "size": "64x48", "needs": ""}
    return known | others


def litert_file(text=None, *, name="wideopen.json"):
    """Bytes that begin and end as a LiteRT file of wideopen's; no runtime would take them."""
    buffer = io.BytesIO(b"\x1c\0\0\0TFL3" + bytes(100))
    if text is not None:
        buffer.seek(0, 2)
        with zipfile.ZipFile(buffer, "a") as archive:
            archive.writestr(name, text if isinstance(text, bytes) else json.dumps(text))
    return buffer.getvalue()


class Evil:
    """A pickle of it would run a program when it is loaded."""

    def __reduce__(self):
        return (print, ("it ran",))


def pickles():
    """The same thing in all that pickles come in."""
    import torch

    found = {f"protocol-{number}": pickle.dumps({"weights": [Evil()]}, number) for number in range(6)}
    for key, form in (("torch", True), ("torch-legacy", False)):
        buffer = io.BytesIO()
        torch.save({"weights": torch.zeros(3)}, buffer, _use_new_zipfile_serialization=form)
        found[key] = buffer.getvalue()
    return found


def written(model, path):
    onnx.save(model, path)
    return path
