"""Time a solution by several runtimes: torch, ONNX Runtime, OpenVINO, LiteRT; all in wideopen's own Renderer."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from wideopen.errors import RequestError
from wideopen.photo import Photo
from wideopen.score.exported import Backend, Exported, counted, export, named, quiet, reason, without_telemetry
from wideopen.score.machine import needed
from wideopen.score.runtime import SIZE_PX, time_in_process, timing_photo
from wideopen.score.timing import Subject, Timing

if TYPE_CHECKING:
    from torch import Tensor

    from wideopen.zoo.run import SolutionRenderer

MOST_LEVELS = 4.0
"""8-bit levels that a network in float32 may differ from torch's; more is another network."""
_MODULES = {
    "onnxruntime": {"onnx": "onnx", "onnxscript": "onnxscript", "onnxruntime": "onnxruntime"},
    "openvino": {"onnx": "onnx", "onnxscript": "onnxscript", "openvino": "openvino"},
    "litert": {"litert_torch": "litert-torch", "ai_edge_litert": "ai-edge-litert"},
}
"""And the packages that hold them, the runtime last."""


def time_by(
    make: "Callable[[], SolutionRenderer]",
    backend: str = "torch",
    *,
    size_px: tuple[int, int] = SIZE_PX,
    threads: int | None = None,
    warm_up: int = 1,
    repeats: int = 5,
    budget_s: float | None = None,
) -> Timing:
    """Time a solution's renderer by a runtime, in a process of its own, in which nothing is exported.

    Torch is loaded there for every runtime, for it brings pictures to the network; memory and loading count it.

    Args:
        make: Loads the renderer; pickle must carry it, as `wideopen.score.runtime.time_in_process` says.
        backend: ``torch``, ``torch-compile``, ``onnxruntime``, ``openvino`` or ``litert``.
        size_px: And the others as `wideopen.score.runtime.time_renderer` takes them.
        threads: Of all libraries.
        warm_up: Runs that do not count.
        repeats: Runs that count.
        budget_s: For all runs.

    Raises:
        RequestError: If there is no such runtime here, or the solution cannot be brought to it.
    """
    ready(backend)
    timed = partial(
        time_in_process, size_px=size_px, threads=threads, warm_up=warm_up, repeats=repeats, budget_s=budget_s
    )
    if backend in ("torch", "torch-compile"):
        return timed(partial(_made_by_torch, make, compiled=backend == "torch-compile"))
    with TemporaryDirectory(prefix="wideopen-", ignore_cleanup_errors=True) as folder:
        return timed(exported(make(), backend, Path(folder), size_px=size_px, threads=threads))


def ready(backend: str) -> None:
    """See that all is there that a runtime needs.

    Raises:
        RequestError: If the runtime is unknown or a package is missing.
    """
    if backend not in get_args(Backend):
        raise RequestError(f"there is no runtime '{backend}'; use {', '.join(get_args(Backend))}")
    needed("torch", f"{backend} needs torch; install wideopen[research]")
    without_telemetry()
    with quiet():
        for module, package in _MODULES.get(backend, {}).items():
            needed(module, f"{backend} needs {package}, which is not installed; install it by pip install {package}")


def by_torch(renderer: "SolutionRenderer", *, compiled: bool = False) -> Subject:
    """Bring a solution's renderer to its device, eager or compiled by torch, as what is timed.

    A compiled network is compared with the eager one once all is timed, so that its first run is cold; shorter, where
    torch has kept on disk what it compiled before.

    Raises:
        RequestError: If the device is not there.
    """
    from wideopen.zoo.run import is_lack_of_memory, prepared

    eager = prepared(renderer)
    own: Any = prepared(renderer, compiled=True).network if compiled else eager.network

    def timed(clock: Callable[[], float], *given: "Tensor") -> tuple["Tensor", float]:
        _wait(renderer.device)
        begin = clock()
        try:
            found = own(*given)
        except RuntimeError as error:
            if not compiled or is_lack_of_memory(error):
                raise
            raise RequestError(f"{renderer.solution.name} cannot be compiled by torch: {reason(error)}") from error
        _wait(renderer.device)
        return found, clock() - begin

    module, taken_s = counted(timed, inside=own)
    precision = _precision(renderer, "torch")
    made = replace(eager, network=module)

    def check(photo: Photo) -> float:
        wanted = _recorded(replace(eager, precision="float32"), photo)[1]
        return _compared(made, "torch-compile", precision, _recorded(made, photo)[1], wanted)

    return Subject(
        made,
        taken_s,
        backend=named("torch-compile" if compiled else "torch"),
        precision=precision,
        device=renderer.device,
        check=check if compiled else None,
    )


def exported(
    renderer: "SolutionRenderer",
    backend: str,
    folder: Path,
    *,
    size_px: tuple[int, int] = SIZE_PX,
    threads: int | None = None,
) -> Exported:
    """Bring a solution's network to another runtime at one size, and compare it there with torch's.

    Both look at `wideopen.score.runtime.timing_photo`, padded as the renderer does, torch in float32. Differences are
    in 8-bit levels: 255 of them lie between the solution's black and white, or between the least and greatest value of
    torch's output where these are farther apart, as those of random weights.

    Args:
        renderer: On the processor; of its networks only the solution's own is exported.
        backend: ``onnxruntime``, ``openvino`` or ``litert``.
        folder: Where the files go.
        size_px: Width and height of the photo.
        threads: None leaves the choice to the runtime.

    Raises:
        RequestError: If the runtime is not there, does not take the device, size or precision, the network cannot be
            exported, or differs by more than `MOST_LEVELS` in float32.
    """
    from torch import nn

    from wideopen.zoo.run import prepared

    ready(backend)
    if backend not in _MODULES:
        raise RequestError(f"{backend} needs no export; use {', '.join(_MODULES)}")
    name = renderer.solution.name
    if renderer.device != "cpu":
        raise RequestError(f"{backend} runs {name} on cpu here, not on {renderer.device}; use torch")
    if size_px[0] * size_px[1] > renderer.whole_px:
        raise RequestError(
            f"{backend} runs whole photos of up to {renderer.whole_px:,} px, not {size_px[0]}x{size_px[1]}"
        )
    precision = _precision(renderer, backend)
    plain = prepared(replace(renderer, precision="float32", whole_px=sys.maxsize))
    inputs, wanted = _recorded(plain, timing_photo(size_px))
    made = Exported(
        file=export(plain, backend, folder, inputs),
        backend=backend,  # type: ignore[arg-type]  # `ready` has looked
        around=replace(plain, network=nn.Identity()),
        sizes=tuple(tuple(each.shape) for each in inputs),
        threads=threads,
        precision=precision,
    )
    found = made.network()(*(each.numpy() for each in inputs))
    return replace(made, error_levels=_compared(renderer, backend, precision, found, wanted))


def _made_by_torch(make: "Callable[[], SolutionRenderer]", *, compiled: bool) -> Subject:
    return by_torch(make(), compiled=compiled)


def _recorded(renderer: "SolutionRenderer", photo: Photo) -> "tuple[list[Tensor], np.ndarray]":
    """What the network is given for a photo, and what it answers; of tiles the last."""
    import torch

    kept: list[Any] = []

    def keep(module: Any, given: Any, found: Any) -> None:  # noqa: ANN401
        kept[:] = [[each.clone() for each in given], found.float().cpu().numpy()]

    handle = renderer.network.register_forward_hook(keep)
    try:
        renderer(photo)
    finally:
        handle.remove()
    # Tensors of inference mode cannot be exported.
    return [torch.from_numpy(each.cpu().contiguous().numpy().copy()) for each in kept[0]], kept[1]


def _compared(
    renderer: "SolutionRenderer", backend: str, precision: str, found: np.ndarray, wanted: np.ndarray
) -> float:
    """The largest difference in 8-bit levels."""
    low, high = renderer.solution.value_range
    levels = 255 * float(np.abs(found - wanted).max()) / max(high - low, float(np.ptp(wanted)))
    if not levels <= MOST_LEVELS and precision == "float32":
        raise RequestError(
            f"{renderer.solution.name} by {backend} differs from torch by {levels:.1f} of 255 levels, more than "
            f"{MOST_LEVELS:g}; its time would be that of another network"
        )
    return levels


def _precision(renderer: "SolutionRenderer", backend: str) -> str:
    """What is computed in."""
    from wideopen.zoo.run import computes_bfloat16

    if renderer.precision == "bfloat16" and backend not in ("torch", "openvino"):
        raise RequestError(f"{backend} computes in float32, not in bfloat16; use torch or openvino")
    if renderer.precision != "auto":
        return renderer.precision
    return "bfloat16" if backend in ("torch", "openvino") and computes_bfloat16(renderer.device) else "float32"


def _wait(device: str) -> None:
    """Let a device that works on its own come to an end."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)
