"""The engine of one machine: this process, or a pool of others."""

import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wideopen.engine.engine import Done, Item, Lost, Result
from wideopen.engine.worker import limit_threads, received

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

MOST_PROCESSES = 61
"""Windows waits for no more processes than this."""


@dataclass(frozen=True)
class Local:
    """Works in this process, or in several of its own where `processes` is more than 1.

    Several share the cores between them, and each needs memory of its own.
    """

    processes: int = 1

    @property
    def remote(self) -> bool:
        """Never."""
        return False

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Generator[tuple[int, Done[Result] | Lost]]:
        """Give each item's number and result as they are done; see `Engine`."""
        workers = min(self.processes, len(items), MOST_PROCESSES)
        if workers > 1:
            yield from _spread(function, items, workers)
            return
        for index, item in enumerate(items):
            yield index, Done(function(item))


def _spread(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Generator[tuple[int, Done[Result] | Lost]]:
    """Work in a pool; when a worker's death breaks it, try alone what it may have died of, and go on in a new one."""
    from concurrent.futures import as_completed
    from concurrent.futures.process import BrokenProcessPool

    pickled = pickle.dumps(function)
    left = list(range(len(items)))
    while left:
        undone = []
        with _pool(pickled, workers) as pool:
            waiting = {}
            with _ignored_interrupts():
                for index in left:
                    try:
                        waiting[pool.submit(_work, items[index])] = index
                    except BrokenProcessPool:
                        undone.append(index)
            for future in as_completed(waiting):
                try:
                    yield waiting[future], Done(future.result())
                except BrokenProcessPool:
                    undone.append(waiting[future])
        undone.sort()
        # Items are begun in order, one each and one in reserve: only these can have been at work.
        for index in undone[: workers + 1]:
            yield index, _alone(pickled, items[index])
        left = undone[workers + 1 :]


def _alone(pickled: bytes, item: Any) -> Done[Any] | Lost:  # noqa: ANN401
    """Give an item a process of its own."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        with _pool(pickled, 1) as pool:
            with _ignored_interrupts():
                future = pool.submit(_work, item)
            return Done(future.result())
    except BrokenProcessPool:
        return Lost()


@contextmanager
def _pool(pickled: bytes, workers: int) -> Iterator["ProcessPoolExecutor"]:
    """Give processes that are ended when the block is left by an error."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import active_children, get_context

    others = set(active_children())
    threads = max(1, (os.cpu_count() or 1) // workers)
    with ProcessPoolExecutor(workers, get_context("spawn"), _prepare_worker, (pickled, threads)) as pool:
        try:
            yield pool
        except BaseException:
            # Whoever interrupts wants no further item. Workers take away what they were writing, but on
            # Windows, where a process cannot be told to end, a hidden temporary file may stay.
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(active_children()) - others:
                child.terminate()
            raise


@contextmanager
def _ignored_interrupts() -> Iterator[None]:
    """Let workers be born deaf to Ctrl-C, which is for the parent to hear."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_function: Callable[[Any], Any]
"""Of this worker; it is sent once, for it may hold a network."""


def _prepare_worker(pickled: bytes, threads: int) -> None:
    """Take the function, use a share of the cores, leave Ctrl-C to the parent, and unwind when it says stop."""
    global _function
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_threads(threads)
    _function = received(pickled)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))


def _work(item: Any) -> Any:  # noqa: ANN401
    """Do an item in a worker, which ends once a half-written file is taken away."""
    try:
        return _function(item)
    except SystemExit:
        os._exit(1)
