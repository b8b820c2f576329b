"""Timing on a phone: a LiteRT file and the official ``benchmark_model`` go there by adb, and nothing stays."""

import hashlib
import secrets
import shlex
import statistics
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from wideopen.errors import RequestError
from wideopen.export.adb import PREFIX, DisconnectedError, Phone, choose
from wideopen.export.benchmarked import Benchmarked, Delegation, benchmarked, delegation, error_in, unknown_flags
from wideopen.export.handset import about_phone, cooled, heat, refuse_room
from wideopen.score.timing import Timing

MOST_LEVELS = 4.0
"""That a phone's output may differ from what was expected; GPUs count in 16 bits."""
_ROOM_FOR = 32 * 2**20
_MOST_S = 150.0
"""That the tool may take to warm up, and again to run."""
_MACHINES = {"arm64-v8a": 0xB7, "armeabi-v7a": 0x28, "x86_64": 0x3E, "x86": 0x03}


@dataclass(frozen=True)
class PhoneTiming(Timing):
    """What timing on a phone found; each of `seconds` is the mean of one start of the tool."""

    notes: tuple[str, ...] = ()
    """Spread within each start, battery and heat before and after: footnotes for a Score."""
    phone_levels: float | None = None
    """Largest difference of the phone's output from what was expected, in 8-bit levels; None where unchecked."""
    delegated: str = ""
    """How much of the network the GPU took."""

    def says(self) -> str:
        """Tell a person, in one line."""
        checked = "output not checked"
        if self.phone_levels is not None:
            checked = f"output within {self.phone_levels:.2g} levels of the CPU's"
        return "; ".join(part for part in (super().says(), checked, *self.notes) if part)


def time_on_phone(
    model: Path,
    device: str = PREFIX,
    *,
    benchmark: Path,
    size_px: tuple[int, int],
    inputs: Sequence[np.ndarray] = (),
    expected: np.ndarray | Callable[[], np.ndarray] | None = None,
    most_levels: float = MOST_LEVELS,
    repeats: int = 5,
    runs: int = 10,
    warm_up: int = 2,
    cool_down_s: float = 300,
    use_gpu: bool = True,
    fallback: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[str], None] | None = None,
) -> PhoneTiming:
    """Time a LiteRT file on a phone, and compare what it gives there with what it should.

    The tool starts once for the output, then `repeats` times for the clock; before each of these the phone cools down
    until Android says that it is not hot, for `cool_down_s` at most. All goes into a folder of its own under
    ``/data/local/tmp``, which is removed in the end, whatever happens. Timed is the network alone, its input already in
    memory; a GPU counts in 16 bits, as the tool has it.

    Args:
        model: A ``.tflite`` file.
        device: ``android`` or ``android:SERIAL``.
        benchmark: The tool's binary for the phone's processor.
        size_px: Width and height of the photo, for the record.
        inputs: Tensors of the file in their order, in its shapes and types, for the check.
        expected: What the file gives for them on this computer's CPU, or finds it; None checks nothing.
        most_levels: Difference that is still accepted, in 8-bit levels.
        repeats: Starts of the tool that count.
        runs: That count, in each start; fewer where they take longer than 150 s together.
        warm_up: Runs before them.
        cool_down_s: Longest wait before each start.
        use_gpu: Else the CPU, with as many threads as the tool chooses.
        fallback: Whether nodes that the GPU does not take may run on the CPU.
        sleep: Waits.
        progress: Told what is being done.

    Raises:
        DisconnectedError: If the phone is gone in the middle.
        RequestError: If a file is no model or no tool, there is no such phone, it has no room, the GPU does not take
            the whole network, or the output differs too much.
    """
    if expected is not None and not inputs:
        raise RequestError("the phone's output can be checked only for inputs that are given")
    if min(repeats, runs) < 1 or warm_up < 0:
        raise RequestError("timing needs at least one start and one run")
    _refuse_files(model, benchmark)
    phone = choose(device)
    told = progress or (lambda _: None)
    about = about_phone(phone)
    _refuse_machine(benchmark, about)
    told(f"pushing to {about['name']}")
    with _folder(phone) as folder:
        tool = _Tool(phone, folder, about["name"], use_gpu, fallback)
        tool.push(model, benchmark, inputs)
        before = heat(phone)
        levels, taken = tool.check(inputs, expected, most_levels)
        done, hot = [], []
        for repeat in range(repeats):
            told(f"run {repeat + 1} of {repeats}")
            hot += cooled(phone, cool_down_s, sleep, before_run=repeat + 1)
            text = tool.start(warm_up=warm_up, runs=runs)
            tool.refuse_fallback(text)
            done.append(benchmarked(text))
        after = heat(phone)
    notes = (*_spread_notes(done), f"battery and heat before: {before}; after: {after}", *hot)
    accelerator = f"GPU delegate ({taken.says()})" if use_gpu else "CPU"
    sha256 = hashlib.sha256(benchmark.read_bytes()).hexdigest()
    return PhoneTiming(
        **_figures(done),
        size_px=size_px,
        threads=None,
        warm_up=warm_up,
        repeats=repeats,
        device=f"{about['name']}, Android {about['android']}, SoC {about['soc']}, {'GPU' if use_gpu else 'CPU'}",
        backend=f"LiteRT's benchmark_model ({done[0].tool}, SHA-256 {sha256[:12]}), {accelerator}",
        precision="float16" if use_gpu else "float32",
        other_cores_before=None,
        other_cores=None,
        stolen_cores=0.0,
        cores=int(about["cores"]) if about["cores"].isdigit() else 0,
        loaded=False,
        of=f"network alone, in memory; mean of {min(each.runs or runs for each in done)} runs of each start",
        notes=notes,
        phone_levels=levels,
        delegated=taken.says() if use_gpu else "",
    )


@dataclass(frozen=True)
class _Tool:
    """The tool, and the model, in their folder on the phone."""

    phone: Phone
    folder: str
    name: str
    use_gpu: bool
    fallback: bool

    def push(self, model: Path, benchmark: Path, inputs: Sequence[np.ndarray]) -> None:
        """Bring all that it needs, once there is room."""
        libraries = sorted(benchmark.parent.glob("libLiteRt*.so"))
        files = {model: "model.tflite", benchmark: "benchmark_model"} | {each: each.name for each in libraries}
        size = sum(file.stat().st_size for file in files) + 2 * sum(each.nbytes for each in inputs) + _ROOM_FOR
        refuse_room(self.phone, size)
        for file, name in files.items():
            self.phone.push(file, f"{self.folder}/{name}")
        with TemporaryDirectory(prefix="wideopen-", ignore_cleanup_errors=True) as here:
            for index, each in enumerate(inputs):
                file = Path(here) / f"input{index}.raw"
                file.write_bytes(np.ascontiguousarray(each).tobytes())
                self.phone.push(file, f"{self.folder}/{file.name}")
        self.phone.shell(f"chmod 755 {self.folder}/benchmark_model", step="making benchmark_model executable")

    def start(self, *, warm_up: int, runs: int, more: Sequence[str] = ()) -> str:
        """Run it with just the flags that all its builds know, and `more`."""
        flags = (
            f"--graph={self.folder}/model.tflite",
            f"--use_gpu={str(self.use_gpu).lower()}",
            f"--warmup_runs={warm_up}",
            "--warmup_min_secs=0",
            f"--num_runs={runs}",
            "--min_secs=0",
            f"--max_secs={_MOST_S:g}",
            *more,
        )
        command = shlex.join([f"{self.folder}/benchmark_model", *flags])
        # The exit code is printed, so that what the tool says is kept where it fails.
        told = self.phone.shell(
            f"cd {self.folder} && LD_LIBRARY_PATH={self.folder} {command} 2>&1; echo exit code $?",
            step="running benchmark_model",
            limit_s=3 * _MOST_S,
        )
        text, _, code = told.rpartition("exit code ")
        if code.strip() != "0" and not unknown_flags(text):
            raise RequestError(f"benchmark_model failed on {self.name}: {error_in(text)} (exit code {code.strip()})")
        return text

    def refuse_fallback(self, text: str) -> Delegation:
        """Refuse a network of which the GPU takes only a part."""
        taken = delegation(text)
        if self.use_gpu and not taken.whole and not self.fallback:
            refused = f" ({', '.join(taken.refused)})" if taken.refused else ""
            raise RequestError(
                f"{self.name} runs {taken.says()}, the rest falls back to the CPU{refused}; export it with --check-gpu "
                "to see which layers, or allow it by --fallback"
            )
        return taken

    def check(
        self,
        inputs: Sequence[np.ndarray],
        expected: np.ndarray | Callable[[], np.ndarray] | None,
        most_levels: float,
    ) -> tuple[float | None, Delegation]:
        """Run it once, and compare what comes out."""
        if expected is None:
            return None, self.refuse_fallback(self.start(warm_up=0, runs=1))
        names = [f"input{index}" for index in range(len(inputs))]
        text = self.start(
            warm_up=0,
            runs=1,
            more=(
                f"--input_layer={','.join(names)}",
                f"--input_layer_shape={':'.join(','.join(map(str, each.shape)) for each in inputs)}",
                f"--input_layer_value_files={','.join(f'{name}:{self.folder}/{name}.raw' for name in names)}",
                f"--output_filepath={self.folder}/output.raw",
            ),
        )
        if unknown_flags(text):
            raise RequestError(
                f"this benchmark_model does not know --{unknown_flags(text)[0]} and cannot show its output; take the "
                "build of LiteRT's interpreter, or time without the check"
            )
        taken = self.refuse_fallback(text)
        with TemporaryDirectory(prefix="wideopen-", ignore_cleanup_errors=True) as here:
            self.phone.pull(f"{self.folder}/output.raw", Path(here) / "output.raw")
            raw = (Path(here) / "output.raw").read_bytes()
        return self._compared(raw, expected() if callable(expected) else expected, most_levels), taken

    def _compared(self, raw: bytes, expected: np.ndarray, most_levels: float) -> float:
        if len(raw) != expected.nbytes:
            raise RequestError(
                f"{self.name} gave {len(raw)} bytes where {expected.nbytes} were expected; export it anew"
            )
        found = np.frombuffer(raw, expected.dtype).astype(np.float64)
        if not np.isfinite(found).all():
            raise RequestError(f"{self.name} gives what is no number; its GPU cannot run this network in 16 bits")
        scale = 255 if np.issubdtype(expected.dtype, np.floating) else 1
        levels = float(np.abs(found - expected.astype(np.float64).ravel()).max() * scale)
        if levels > most_levels:
            raise RequestError(
                f"{self.name}'s output is {levels:.1f} of 255 levels from the CPU's, more than {most_levels:g}; its "
                "GPU does not run this network correctly"
            )
        return levels


@contextmanager
def _folder(phone: Phone) -> Iterator[str]:
    """Make a folder of our own, and remove it whatever happens."""
    name = f"wideopen-{secrets.token_hex(4)}"
    folder = f"/data/local/tmp/{name}"
    phone.shell(f"mkdir {folder}", step="making a folder")
    try:
        yield folder
    except DisconnectedError as error:
        if _removed(phone, name):
            raise
        raise DisconnectedError(f"{error}; {folder} is left on it and can be deleted") from error
    except BaseException:
        _removed(phone, name)
        raise
    else:
        if not _removed(phone, name):
            raise RequestError(f"{phone.serial} kept {folder}; delete it by adb shell rm -r {folder}")


def _removed(phone: Phone, name: str) -> bool:
    with suppress(RequestError):
        # Written so that the pattern does not match the shell that looks for it.
        phone.shell(f"pkill -f '[{name[0]}]{name[1:]}/benchmark_model' || true", step="stopping benchmark_model")
    try:
        phone.shell(f"rm -rf /data/local/tmp/{name}", step="tidying up")
    except RequestError:
        return False
    return True


def _refuse_files(model: Path, benchmark: Path) -> None:
    heads = {}
    for file in (model, benchmark):
        try:
            with file.open("rb") as opened:
                heads[file] = opened.read(20)
        except OSError as error:
            raise RequestError(f"{file} cannot be read ({error.strerror or error})") from error
    if heads[model][4:8] != b"TFL3":
        raise RequestError(f"{model} is no LiteRT file; make one by wideopen export WHAT --to litert")
    if heads[benchmark][:4] != b"\x7fELF" or len(heads[benchmark]) < 20:
        raise RequestError(
            f"{benchmark} is no program for Android; download LiteRT's benchmark_model for android_arm64"
        )


def _refuse_machine(benchmark: Path, about: dict[str, str]) -> None:
    machine = struct.unpack_from("<H", benchmark.read_bytes()[:20], 18)[0]
    wanted = _MACHINES.get(about["abi"])
    if wanted is not None and machine != wanted:
        built = next((name for name, number in _MACHINES.items() if number == machine), f"machine {machine}")
        raise RequestError(
            f"{benchmark} is built for {built}, and {about['name']} is {about['abi']}; download that build"
        )


def _figures(done: Sequence[Benchmarked]) -> dict[str, Any]:
    seconds = tuple(each.mean_s for each in done)
    low, high = np.percentile(seconds, (25, 75))
    memory = [each.memory_mib for each in done if each.memory_mib is not None]
    return {
        "seconds": seconds,
        "median_s": statistics.median(seconds),
        "spread_s": float(high - low),
        "first_s": statistics.median(each.first_s for each in done),
        "network_s": None,
        "load_s": statistics.median(each.init_s for each in done),
        "peak_mb": max(memory) if memory else None,
    }


def _spread_notes(done: Sequence[Benchmarked]) -> list[str]:
    known = [each for each in done if each.std_s is not None and each.runs]
    if not known:
        return []
    told = ", ".join(f"{each.mean_s:.4g} ± {each.std_s:.2g} s ({each.runs} runs)" for each in known)
    return [f"mean ± standard deviation of each start: {told}"]
