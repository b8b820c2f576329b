"""Networks of solutions as files of other runtimes than torch: write, load, run inside wideopen's own Renderer."""

import contextlib
import copy
import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wideopen.errors import RequestError
from wideopen.score.machine import needed
from wideopen.score.timing import Subject

if TYPE_CHECKING:
    from torch import Tensor, nn

    from wideopen.zoo.run import SolutionRenderer

Backend = Literal["torch", "torch-compile", "onnxruntime", "openvino", "litert"]
Network = Callable[..., np.ndarray]
"""The picture ``(1, 3, h, w)`` and its guides, each ``(1, 1, h, w)``, to a picture; all float32."""


@dataclass(frozen=True)
class Exported:
    """A network as a file of another runtime's, with the renderer around it; pickle carries it, a call loads it."""

    file: Path
    backend: Backend
    around: "SolutionRenderer"
    """Its own network is empty."""
    sizes: tuple[tuple[int, ...], ...]
    """Shapes that go in."""
    threads: int | None = None
    precision: str = "float32"
    error_levels: float | None = None

    def network(self) -> Network:
        """Load the network alone.

        Raises:
            RequestError: When it is called with other sizes than it was made for.
        """
        load = {"onnxruntime": _by_onnxruntime, "openvino": _by_openvino, "litert": _by_litert}[self.backend]
        run = load(self.file, self.threads, self.precision)

        def checked(*given: np.ndarray) -> np.ndarray:
            if tuple(each.shape for each in given) != self.sizes:
                shown = [f"{each.shape[-1]}x{each.shape[-2]}" for each in given[:1]]
                raise RequestError(
                    f"{self.around.solution.name} was brought to {self.backend} at {self.sizes[0][-1]}x"
                    f"{self.sizes[0][-2]}, not at {' '.join(shown)}; time it at the one size"
                )
            return run(*given)

        return checked

    def __call__(self) -> Subject:
        """Load it as what `wideopen.score.runtime` times."""
        import torch

        network = self.network()

        def timed(clock: Callable[[], float], *given: "Tensor") -> tuple["Tensor", float]:
            arrays = [np.ascontiguousarray(each.numpy()) for each in given]
            begin = clock()
            found = network(*arrays)
            return torch.from_numpy(found), clock() - begin

        module, taken_s = counted(timed)
        return Subject(
            replace(self.around, network=module),
            taken_s,
            backend=named(self.backend),
            precision=self.precision,
            threads=self.threads,
            error_levels=self.error_levels,
        )


def export(renderer: "SolutionRenderer", backend: str, folder: Path, inputs: "list[Tensor]") -> Path:
    """Write the network of a prepared renderer as a file, for inputs of these sizes.

    Raises:
        RequestError: That says why the exporter cannot.
    """
    import torch

    # litert-torch misreads weights that lie channels last, as `prepared` leaves them.
    network: Any = copy.deepcopy(renderer.network)
    network = network.to(memory_format=torch.contiguous_format)
    given = tuple(inputs)
    try:
        with quiet(), torch.no_grad():
            if backend == "litert":
                file = folder / "network.tflite"
                needed("litert_torch", "").convert(network, given).export(str(file))
                return file
            file = folder / "network.onnx"
            labels = ["picture", *renderer.solution.needs]
            torch.onnx.export(
                network, given, str(file), input_names=labels, output_names=["bokeh"], dynamo=True, opset_version=20,
                verbose=False,
            )  # fmt: skip
            return file
    except RequestError:
        raise
    except Exception as error:
        raise RequestError(f"{renderer.solution.name} cannot be exported for {backend}: {reason(error)}") from error


def counted(
    timed: "Callable[..., tuple[Tensor, float]]", *, inside: "nn.Module | None" = None
) -> "tuple[nn.Module, Callable[[], float]]":
    """A network that adds up the seconds it takes, and what gives them and begins again."""
    from torch import nn

    spent_s = [0.0]

    class Counted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = inside  # tiles look for parts that measure the whole picture

        def forward(self, *given: "Tensor") -> "Tensor":
            found, seconds = timed(time.perf_counter, *given)
            spent_s[0] += seconds
            return found

    def taken_s() -> float:
        seconds, spent_s[0] = spent_s[0], 0.0
        return seconds

    return Counted().eval(), taken_s


def named(backend: str) -> str:
    """A runtime and its version."""
    package = {"litert": "ai-edge-litert", "torch-compile": "torch"}.get(backend, backend)
    return f"{backend} {version(package)}"


def without_telemetry() -> None:
    """Keep OpenVINO from telling its makers of every import, which it does unasked; call it before any."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None forbids an import


def _by_onnxruntime(file: Path, threads: int | None, precision: str) -> Network:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads or 0
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    labels = [each.name for each in session.get_inputs()]
    return lambda *given: session.run(None, dict(zip(labels, given, strict=True)))[0]


def _by_openvino(file: Path, threads: int | None, precision: str) -> Network:
    without_telemetry()
    openvino = needed("openvino", "openvino is not installed")
    core = openvino.Core()
    # Without a hint it takes bfloat16 by itself where the processor has it.
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": {"float32": "f32"}.get(precision, "bf16")}
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = str(threads)
    compiled = core.compile_model(core.read_model(str(file)), "CPU", settings)
    own = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    if own != settings["INFERENCE_PRECISION_HINT"]:
        raise RequestError(f"openvino computes in {own} on this processor, not in {precision}; ask for float32")
    request = compiled.create_infer_request()
    return lambda *given: request.infer(list(given), share_inputs=True)[0]


def _by_litert(file: Path, threads: int | None, precision: str) -> Network:
    litert = needed("ai_edge_litert.interpreter", "litert needs ai-edge-litert, which is not installed")
    runner = litert.Interpreter(model_path=str(file), num_threads=threads).get_signature_runner()
    return lambda *given: next(iter(runner(**{f"args_{k}": each for k, each in enumerate(given)}).values()))


def reason(error: BaseException) -> str:
    """The first line of what went wrong first."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what exporters tell away from standard output, and their warnings from everyone."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
