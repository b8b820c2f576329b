"""Strict GPU check: would a phone's GPU take a whole LiteRT file? Compiled for a software GPU, and run there.

LiteRT's WebGPU delegate knows the same operations as those of phones that it shares its code with, but not each
driver's faults, and says nothing of speed.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from wideopen.errors import RequestError
from wideopen.score.machine import needed

MOST_LEVELS = 1.0
"""8-bit levels that the GPU's picture may be off the CPU's, both in float32."""
SOFTWARE_DEVICES = (
    Path("/usr/lib/chromium/vk_swiftshader_icd.json"),
    Path("/opt/google/chrome/vk_swiftshader_icd.json"),
)
"""What describes SwiftShader, a Vulkan device in software, to the loader of Vulkan."""
_REFUSED = re.compile(r"^([A-Z][A-Z0-9_]*): (.+)$")
_TOLD = re.compile(r"^wideopen: (\[.*\])$", re.MULTILINE)


@dataclass(frozen=True)
class Refusal:
    """An operation that a GPU does not take."""

    operation: str
    """By TFLite's name."""
    layer: str
    """That it came from, by its name in the network; empty where it is not known."""
    reason: str
    """In the delegate's words."""
    shape: tuple[int, ...] = ()
    """Of what comes out."""


def check_gpu(file: Path, *, run: bool = True, timeout_s: float = 600) -> tuple[Refusal, ...]:
    """List the operations of a LiteRT file that a GPU refuses, none where it takes all.

    The file is compiled for the GPU alone, by LiteRT's WebGPU delegate, in a process of its own. Of the kinds of
    operations that it names, each is then compiled alone, which tells those that are refused from their likes.

    Args:
        file: ``.tflite``.
        run: Also run a file that is taken whole, on noise, and compare it with the CPU's answer.
        timeout_s: For all compiling and running.

    Raises:
        RequestError: If there is no device, time is over, the compiler crashes, or the GPU's picture is more than
            `MOST_LEVELS` off.
    """
    if not file.is_file():
        raise RequestError(f"there is no file {file}")
    needed("ai_edge_litert", "the GPU check needs ai-edge-litert; install it by pip install ai-edge-litert")
    with TemporaryDirectory(prefix="wideopen-", ignore_cleanup_errors=True) as folder:
        log, errors = _compiled([file], Path(folder), timeout_s)
        if errors[0]:
            return _refused(file, log, errors[0], Path(folder), timeout_s)
        if run:
            _run(file, Path(folder), timeout_s)
    return ()


def _refused(file: Path, log: str, error: str, folder: Path, timeout_s: float) -> tuple[Refusal, ...]:
    kinds: dict[str, str] = {}
    for line in log.splitlines():
        if (said := _REFUSED.match(line)) and said.group(1) not in ("ERROR", "INFO", "WARNING"):
            kinds.setdefault(said.group(1), said.group(2))
    if not kinds:
        raise RequestError(f"{file} cannot be compiled for the GPU: {_last(error)}")
    operators = Operators(file)
    alone = operators.alone(set(kinds), folder)
    errors = _compiled([each.file for each in alone], folder, timeout_s)[1]
    found = [
        Refusal(each.operation, layer, kinds[each.operation], shape)
        for each, failed in zip(alone, errors, strict=True)
        if failed
        for layer, shape in each.places
    ]
    # A kind that is taken alone is refused for what stands around it.
    rest = set(kinds) - {each.operation for each in found}
    return *found, *(Refusal(kind, "", kinds[kind]) for kind in sorted(rest))


def _run(file: Path, folder: Path, timeout_s: float) -> None:
    """Compare a run on the GPU with one on the CPU."""
    runtime = needed("ai_edge_litert.interpreter", "")
    interpreter = runtime.Interpreter(model_path=str(file))
    run = interpreter.get_signature_runner()
    random = np.random.default_rng(0)
    named = {name: random.random(each["shape"], np.float32) for name, each in sorted(run.get_input_details().items())}
    wanted = next(iter(run(**named).values()))
    np.savez(folder / "inputs.npz", **named)
    _compiled([file], folder, timeout_s, inputs=folder / "inputs.npz", output=folder / "output.npy", size=wanted.size)
    found = np.load(folder / "output.npy").reshape(wanted.shape)
    levels = 255 * float(np.abs(found - wanted).max())
    if not levels <= MOST_LEVELS:
        raise RequestError(
            f"{file} gives another picture on the GPU than on the CPU, up to {levels:.1f} of 255 levels, where "
            f"{MOST_LEVELS:g} are allowed; export it again in float32, and report it"
        )


def _compiled(
    files: list[Path],
    folder: Path,
    timeout_s: float,
    **told: Any,  # noqa: ANN401
) -> tuple[str, list[str]]:
    """Compile files in another process: what it printed, and each one's error, empty if there was none."""
    task = folder / "task.json"
    task.write_text(json.dumps({"files": [str(each) for each in files], **told}, default=str))
    child = Path(__file__).with_name("gpu_child.py")
    try:
        ended = subprocess.run(
            [sys.executable, "-P", str(child), str(task)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=timeout_s, check=False,
            env=_environment(folder), text=True, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise RequestError(
            f"{files[0]} was not compiled and run for the GPU in {timeout_s:g} s; check it at a smaller size"
        ) from error
    if "Failed to initialize WebGPU environment" in ended.stdout:
        raise RequestError(_NO_DEVICE)
    errors = [json.loads(each)[1] for each in _TOLD.findall(ended.stdout)]
    if ended.returncode != 0 or len(errors) != len(files):
        raise RequestError(
            f"the GPU's compiler ended with code {ended.returncode} at {files[0]}: {_last(ended.stdout)}"
        )
    return ended.stdout, errors


_NO_DEVICE = (
    "the GPU check needs a Vulkan device, and there is none here; install one in software by apt-get install chromium "
    "libvulkan1, or set VK_ICD_FILENAMES to that of your GPU"
)


def _environment(folder: Path) -> dict[str, str]:
    """The child's surroundings, with a software device unless another was chosen."""
    found = dict(os.environ)
    if "VK_ICD_FILENAMES" not in found and "VK_DRIVER_FILES" not in found:
        device = next((each for each in SOFTWARE_DEVICES if each.is_file()), None)
        if device is None:
            raise RequestError(_NO_DEVICE)
        found["VK_ICD_FILENAMES"] = str(device)
    found.setdefault("XDG_RUNTIME_DIR", str(folder))
    return found


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[-1] if lines else "it said nothing")[:200]


@dataclass(frozen=True)
class Alone:
    """One operation as a file of its own, and where in the network its likes are."""

    operation: str
    file: Path
    places: tuple[tuple[str, tuple[int, ...]], ...]
    """Layer, and shape of what comes out."""


class Operators:
    """The operations of a LiteRT file."""

    def __init__(self, file: Path) -> None:
        schema: Any = needed("ai_edge_litert.schema_py_generated", "")
        self.schema = schema
        self.model = schema.ModelT.InitFromPackedBuf(file.read_bytes(), 0)
        self.graph = self.model.subgraphs[0]
        self.kinds = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}

    def alone(self, kinds: set[str], folder: Path) -> list[Alone]:
        """Write each operation of some kinds as a file; those that are alike share one."""
        likes: dict[Any, list[Any]] = {}
        for operator in self.graph.operators:
            if self.kind(operator) in kinds:
                likes.setdefault(self._looks(operator), []).append(operator)
        made = []
        for number, alike in enumerate(likes.values()):
            file = folder / f"operator-{number}.tflite"
            file.write_bytes(self._single(alike[0]))
            made.append(Alone(self.kind(alike[0]), file, tuple(self._place(each) for each in alike)))
        return made

    def kind(self, operator: Any) -> str:  # noqa: ANN401
        """TFLite's name of an operation."""
        code = self.model.operatorCodes[operator.opcodeIndex]
        return self.kinds[max(code.builtinCode, code.deprecatedBuiltinCode)]

    def _place(self, operator: Any) -> tuple[str, tuple[int, ...]]:  # noqa: ANN401
        tensor = self.graph.tensors[operator.outputs[0]]
        return layer_of(tensor.name.decode()), tuple(int(side) for side in tensor.shape)

    def _is_constant(self, index: int) -> bool:
        return index >= 0 and self.model.buffers[self.graph.tensors[index].buffer].data is not None

    def _looks(self, operator: Any) -> tuple[Any, ...]:  # noqa: ANN401
        """What makes two operations alike: kind, options, shapes, and short constants, which are shapes and axes."""
        tensors = [
            (
                tuple(self.graph.tensors[k].shape),
                self.graph.tensors[k].type,
                self._is_constant(k)
                and len(data := bytes(self.model.buffers[self.graph.tensors[k].buffer].data)) <= 64
                and data,
            )
            for k in (*operator.inputs, *operator.outputs)
            if k >= 0
        ]
        return operator.opcodeIndex, str(sorted(vars(operator.builtinOptions or object).items()))[:500], tuple(tensors)

    def _single(self, operator: Any) -> bytes:  # noqa: ANN401
        """A file of one operation, whose changing inputs come from outside."""
        schema = self.schema
        import flatbuffers  # type: ignore[import-not-found, import-untyped, unused-ignore]

        used = [k for k in dict.fromkeys((*operator.inputs, *operator.outputs)) if k >= 0]
        place = {k: number for number, k in enumerate(used)} | {-1: -1}
        model, graph, own = schema.ModelT(), schema.SubGraphT(), schema.OperatorT()
        vars(own).update(vars(operator))
        own.opcodeIndex, own.inputs = 0, [place[k] for k in operator.inputs]
        own.outputs = [place[k] for k in operator.outputs]
        empty = schema.BufferT()
        model.buffers, graph.tensors = [empty], []
        for k in used:
            tensor = schema.TensorT()
            vars(tensor).update(vars(self.graph.tensors[k]))
            tensor.buffer = 0
            if self._is_constant(k):
                tensor.buffer = len(model.buffers)
                model.buffers.append(self.model.buffers[self.graph.tensors[k].buffer])
            graph.tensors.append(tensor)
        graph.operators = [own]
        graph.inputs = [place[k] for k in dict.fromkeys(operator.inputs) if k >= 0 and not self._is_constant(k)]
        graph.outputs = own.outputs
        model.version, model.subgraphs = 3, [graph]
        model.operatorCodes = [self.model.operatorCodes[operator.opcodeIndex]]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def layer_of(tensor: str) -> str:
    """The layer that a tensor of litert-torch's came from, with its class: ``first.encoder.0 (SameConv2d)``.

    Its own names are of the shape ``module.Class/module.Class_network/module.Class_first/...;2``, and several of them
    where operations were joined, of which the first counts. Lists of layers are not told there.
    """
    parts = [part.rsplit(".", 1)[-1] for part in tensor.split(";")[0].split("/")]
    split = [part.split("_", 1) for part in parts[1:] if "_" in part]
    names = dropwhile(lambda name: name == "network", (name for _, name in split))
    return f"{'.'.join(names)} ({split[-1][0] if split else parts[0]})".strip()
