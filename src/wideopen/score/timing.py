"""Timing: how long a renderer took, and how quiet the machine was meanwhile."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from wideopen.photo import Photo
from wideopen.renderer import Renderer


@dataclass(frozen=True)
class Subject:
    """What is timed; a Renderer alone will do where there is nothing to say of it."""

    renderer: Renderer
    network_s: Callable[[], float] | None = None
    """Gives the seconds that the network alone took since this was asked last; None where there is no network."""
    backend: str = ""
    """That runs the network, and its version."""
    precision: str = "float32"
    device: str = "cpu"
    threads: int | None = None
    """That it was built for, where it cannot be told later."""
    error_levels: float | None = None
    """See `Timing`."""
    check: Callable[[Photo], float] | None = None
    """Finds `error_levels` once all is timed, or refuses; for what would not be cold if it were asked before."""


@dataclass(frozen=True)
class Timing:
    """What timing found."""

    seconds: tuple[float, ...]
    """Of each run, photo in to photo out, both in memory: no file is read or written."""
    median_s: float
    spread_s: float
    """Range between the quartiles, these interpolated linearly between runs."""
    first_s: float
    """Of the first run, which warms up; it is cold in a process of its own only, see `time_in_process`."""
    network_s: float | None
    """Median of the network alone, within the same runs; None where there is none."""
    size_px: tuple[int, int]
    """Width and height."""
    threads: int | None
    """None leaves the choice to each library."""
    warm_up: int
    repeats: int
    """Runs that count; fewer than asked for where the time was used up."""
    device: str
    backend: str
    precision: str
    other_cores_before: float | None
    """That others used before the runs; None where the system does not say."""
    other_cores: float | None
    """The same during the runs."""
    stolen_cores: float
    """Of them, what the host of a virtual machine gave to others."""
    cores: int
    """Logical cores of the machine."""
    loaded: bool
    """Whether others used more than `wideopen.score.machine.LOADED_CORES`, before or during the runs."""
    load_s: float | None = None
    """Seconds to import libraries and load the renderer; only in a process of its own."""
    peak_mb: float | None = None
    """Peak of the process's resident memory above that before loading, in MiB; only in a process of its own."""
    peak_absolute_mb: float | None = None
    """The same with what Python itself takes."""
    error_levels: float | None = None
    """Largest difference of the network's output from torch's in float32, in 8-bit levels."""
    of: str = "photo to photo, in memory"
    """What was timed."""

    def to_record(self) -> dict[str, Any]:
        """Give it as JSON takes it; goes into `Score.timing`."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def says(self) -> str:
        """Tell a person, in one line."""
        width, height = self.size_px
        parts = [
            f"{width}x{height}: {_told_s(self.median_s)} (median of {self.repeats}, "
            f"interquartile range {_told_s(self.spread_s)})",
            "" if self.network_s is None else f"network alone {_told_s(self.network_s)}",
            f"first run {_told_s(self.first_s)}",
            "" if self.load_s is None else f"loading {_told_s(self.load_s)}",
            "" if self.peak_mb is None else f"peak memory {self.peak_mb:.0f} MiB",
            " ".join(part for part in (self.backend, self.precision) if part),
            "" if self.error_levels is None else f"within {self.error_levels:.2g} levels of torch",
            "threads as each library chooses" if self.threads is None else f"threads {self.threads}",
            self.device,
        ]
        return "; ".join([*(part for part in parts if part), self._load_says()])

    def _load_says(self) -> str:
        known = {"before": self.other_cores_before, "during": self.other_cores}
        if None in known.values():
            return "what others used of the machine is not known"
        used = " and ".join(f"{value:.2g} {when}" for when, value in known.items())
        if self.loaded:
            return f"machine under load: others used {used} the runs, of {self.cores} cores; not a quiet measurement"
        return f"quiet machine: others used {used} the runs, of {self.cores} cores"


def _told_s(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds < 100 else f"{seconds:.0f} s"
