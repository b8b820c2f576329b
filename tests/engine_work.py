"""What the tests of engines have done: workers import it, which they cannot do with a test's own functions."""

import os
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Square:
    """Squares numbers, but for some."""

    deadly: frozenset[int] = frozenset()
    """These end their process, always."""
    shaky: frozenset[int] = frozenset()
    """These end their process once."""
    memory: Path | None = None
    """A folder that remembers which did."""
    wrong: frozenset[int] = frozenset()
    """These raise."""
    seconds: float = 0

    def __call__(self, number: int) -> int:
        if number in self.deadly:
            os._exit(1)
        if number in self.shaky and self.memory is not None and not (self.memory / f"{number}").exists():
            (self.memory / f"{number}").touch()
            os._exit(1)
        if number in self.wrong:
            raise ValueError(f"{number} is wrong")
        time.sleep(self.seconds)
        return number**2


class Unreadable:
    """A function that no worker can unpickle."""

    def __reduce__(self):
        return int, ("no number",)

    def __call__(self, number: int) -> int:
        return number


def where(number: int) -> tuple[int, str]:
    """Tell the process, and the node as a cluster names it."""
    from wideopen.engine.worker import node

    time.sleep(0.3)
    return os.getpid(), node()


def threads(number: int) -> tuple[int, int, str]:
    """Tell the cores that there are, and of how many compiled loops and others make use."""
    import numba

    return os.cpu_count() or 1, numba.get_num_threads(), os.environ["OMP_NUM_THREADS"]


def torch_threads(number: int) -> tuple[bool, int]:
    """Tell whether torch was there before, and how many threads it takes."""
    import sys

    before = "torch" in sys.modules
    import torch

    return before, torch.get_num_threads()
