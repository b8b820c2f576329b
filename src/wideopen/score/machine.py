"""The machine that figures are from: its name, and how much of it others used meanwhile."""

import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from wideopen.errors import RequestError

LOADED_CORES = 0.15
"""Use by others above which a machine is not quiet. Own choice: well above what is left of ticks of 10 ms over half a
second (0.02 of a core for every core), and of two cores no more than 7.5 %."""
_BUSY = ("user", "nice", "system", "irq", "softirq", "steal")
"""Of psutil's figures; those of guests lie within user and nice, those of Windows' interrupts within system."""


@dataclass(frozen=True)
class Load:
    """What others than this process and its children used of a machine over a span of time."""

    wall_s: float
    cores: int
    """Logical cores of the machine."""
    others_cores: float | None
    """Cores that others used, on average; None where the system does not say."""
    stolen_cores: float = 0.0
    """Of them, what the host of a virtual machine gave to others."""

    @property
    def loaded(self) -> bool:
        """Whether others used more than `LOADED_CORES`; what is not known is not said to be."""
        return self.others_cores is not None and self.others_cores > LOADED_CORES


@dataclass(frozen=True)
class Moment:
    """Clocks of CPU time at one moment, in seconds."""

    wall_s: float
    busy_s: float
    """Of all cores, with what was stolen."""
    stolen_s: float
    all_s: float
    """Of all cores, idle or not."""
    own_s: float
    """Of this process and its children."""


def moment() -> Moment:
    """Read the clocks.

    Raises:
        RequestError: If psutil is not there.
    """
    psutil = needed_psutil()
    times = psutil.cpu_times()
    busy = sum(getattr(times, name, 0.0) for name in _BUSY)
    idle = times.idle + getattr(times, "iowait", 0.0)
    return Moment(time.perf_counter(), busy, getattr(times, "steal", 0.0), busy + idle, _own_s(psutil))


def load_between(begin: Moment, end: Moment) -> Load:
    """Find what others used: ``(busy - own) / wall``, where busy is of all cores and counts what was stolen.

    Time waiting for disks is idle. Not below 0, for clocks tick at different moments.
    """
    wall = max(end.wall_s - begin.wall_s, 1e-9)
    cores = os.cpu_count() or 1
    # Some sandboxes show clocks that stand still.
    if end.all_s - begin.all_s < wall / 2:
        return Load(wall, cores, None)
    others = (end.busy_s - begin.busy_s) - (end.own_s - begin.own_s)
    stolen = end.stolen_s - begin.stolen_s
    return Load(wall, cores, max(others / wall, 0.0), max(stolen / wall, 0.0))


@dataclass(frozen=True)
class Machine:
    """What a Score calls its device."""

    processor: str
    cores: int
    """Logical."""
    usable_cores: int
    """Logical, that this process may use."""
    memory_mb: int | None
    """None without psutil."""
    system: str
    """Operating system, its release, and the architecture."""
    cuda: str | None = None
    """Name of the CUDA device, where it is used."""

    def says(self) -> str:
        """Name it in one line."""
        of = f"{self.usable_cores} of {self.cores}" if self.usable_cores < self.cores else str(self.cores)
        memory = "" if self.memory_mb is None else f", {self.memory_mb / 1024:.0f} GB"
        cuda = "" if self.cuda is None else f"{self.cuda}; "
        return f"{cuda}{self.processor}, {of} logical core{'s' * (self.cores > 1)}{memory}, {self.system}"


def machine(device: str = "cpu") -> Machine:
    """Name the machine.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        RequestError: If there is no such device.
    """
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        usable_cores=usable_cores(),
        memory_mb=_memory_mb(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cuda=None if device == "cpu" else _cuda(device),
    )


def usable_cores() -> int:
    """Count the logical cores that this process may use, by its affinity and the quota of its container."""
    affinity: Any = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _text(Path("/sys/fs/cgroup/cpu.max")).split()
    if len(quota) == 2 and all(part.isdecimal() for part in quota):
        cores = min(cores, max(round(int(quota[0]) / int(quota[1])), 1))
    return cores


def needed_psutil() -> Any:  # noqa: ANN401
    """Import psutil.

    Raises:
        RequestError: If it is not there.
    """
    return needed("psutil", "timing needs psutil; install wideopen[score]")


def needed(module: str, otherwise: str) -> Any:  # noqa: ANN401
    """Import a module.

    Raises:
        RequestError: That says `otherwise`, if it is not there.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise RequestError(otherwise) from error


def _own_s(psutil: Any) -> float:  # noqa: ANN401
    """Of this process, its children that ended and those that run."""
    total, process = 0.0, psutil.Process()
    for each in (process, *process.children(recursive=True)):
        try:
            total += sum(each.cpu_times()[:4])
        except psutil.Error:  # it ended meanwhile
            continue
    return total


def _processor() -> str:
    for line in _text(Path("/proc/cpuinfo")).splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() in ("model name", "cpu model") and value.strip():
            return " ".join(value.split())
    if sys.platform == "darwin":
        try:
            words = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(words, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            pass
    return platform.processor() or platform.machine() or "unknown processor"


def _memory_mb() -> int | None:
    try:
        return int(needed_psutil().virtual_memory().total / 2**20)
    except RequestError:
        return None


def _cuda(device: str) -> str:
    try:
        import torch

        return str(torch.cuda.get_device_name(device))
    except (ModuleNotFoundError, AssertionError, RuntimeError, ValueError) as error:
        raise RequestError(f"there is no device {device!r} here; use cpu") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
