"""What workers of every engine do before they work."""

import os
import pickle
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def received(pickled: bytes) -> Callable[[Any], Any]:
    """Unpickle a function; one that does not arrive is one that says why, for a worker that cannot start is mute."""
    try:
        return pickle.loads(pickled)
    except Exception as error:
        return _Raises(error)


@dataclass(frozen=True)
class _Raises:
    """Stands for a function that did not arrive."""

    error: Exception

    def __call__(self, item: object) -> None:
        """Raise why."""
        raise self.error


def limit_threads(threads: int) -> None:
    """Keep compiled loops and networks of this process to a share of the cores, also those imported later."""
    numba, torch = sys.modules.get("numba"), sys.modules.get("torch")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if numba is None:
        os.environ["NUMBA_NUM_THREADS"] = str(threads)
    else:
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    if torch is not None:
        torch.set_num_threads(threads)


_node = ""


def node() -> str:
    """Name the machine that this process works on, and its address where it works for a cluster."""
    return _node or platform.node()


def name_node(address: str) -> None:
    """Remember which node of a cluster this process works for."""
    global _node
    _node = f"{platform.node()} ({address})"
