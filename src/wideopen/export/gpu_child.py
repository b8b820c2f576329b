"""Runs in a process of its own: compiles files for the GPU alone, and runs one; ``python -P gpu_child.py TASK``.

Compilers of GPUs print and may crash, and what they printed is read by `wideopen.export.gpu_check`.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def compiled(file: str, *, on_gpu: bool = True) -> Any:  # noqa: ANN401
    """Compile a file for the one accelerator, in float32."""
    from ai_edge_litert.compiled_model import CompiledModel  # type: ignore[import-not-found, unused-ignore]
    from ai_edge_litert.gpu_options import GpuOptions  # type: ignore[import-not-found, unused-ignore]
    from ai_edge_litert.hardware_accelerator import (  # type: ignore[import-not-found, unused-ignore]
        HardwareAccelerator,
    )
    from ai_edge_litert.options import Options  # type: ignore[import-not-found, unused-ignore]

    accelerator = HardwareAccelerator.GPU if on_gpu else HardwareAccelerator.CPU
    options = Options(hardware_accelerators=accelerator, gpu_options=GpuOptions(enforce_f32=True))
    return CompiledModel.from_file(file, options=options)


def ran(model: Any, given: list[np.ndarray], size: int) -> np.ndarray:  # noqa: ANN401
    """Run a compiled file once."""
    inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)
    for buffer, each in zip(inputs, given, strict=True):
        buffer.write(np.ascontiguousarray(each))
    model.run_by_index(0, inputs, outputs)
    return np.array(outputs[0].read(size, np.float32))


def main(task: str) -> None:
    """Do what a task file says: ``files`` to compile, and ``inputs`` and ``output`` to run the first one with."""
    told = json.loads(Path(task).read_text())
    for number, file in enumerate(told["files"]):
        error = ""
        try:
            model = compiled(file)
        except Exception as raised:
            error = str(raised)
        print(f"\nwideopen: {json.dumps([number, error])}", flush=True)
        if not error and told.get("output"):
            with np.load(told["inputs"]) as inputs:
                given = [inputs[name] for name in sorted(inputs)]
            np.save(told["output"], ran(model, given, told["size"]))


if __name__ == "__main__":
    main(sys.argv[1])
