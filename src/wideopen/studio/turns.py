"""Turns: one picture is worked on at a time, and what nobody waits for any more is not worked on at all."""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from wideopen.errors import WideopenError

MOST_WAITING = 32
MOST_REMEMBERED = 1000
Result = TypeVar("Result")


class StaleError(WideopenError):
    """A newer request of the same window has come."""


Going = Callable[[float], None]
"""Told by long work how far it is; raises `StaleError` where nobody waits for it any more."""


class BusyError(WideopenError):
    """More waits than is worked on in any time that a person would wait."""


@dataclass(eq=False)
class _Waiting:
    work: Callable[[Going], Any]
    future: "asyncio.Future[Any]"
    key: Hashable = None
    number: int = 0
    stale: threading.Event = field(default_factory=threading.Event)
    """Set once a newer one has come."""

    def going(self, share: float) -> None:
        """See `Going`."""
        if share < 1 and self.stale.is_set():
            raise StaleError(f"a newer picture was asked for, when {share:.0%} of this one was done")


class Turns:
    """Gives work to one thread, for compiled loops must not be entered by two.

    All methods belong to the event loop.
    """

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="studio")
        self._waiting: list[_Waiting] = []
        self._newest: OrderedDict[Hashable, int] = OrderedDict()
        self._most_waiting = most_waiting
        self._running: _Waiting | None = None

    async def take(self, work: Callable[[], Result]) -> Result:
        """Wait for a turn and do it.

        Raises:
            BusyError: If too many wait.
        """
        return await self._queued(lambda _: work(), None, 0)

    async def take_live(self, key: Hashable, number: int, work: Callable[[Going], Result]) -> Result:
        """Wait for a turn and do it, unless a higher number comes under the same key before it has begun.

        Work that has begun and takes long asks by what it is given whether to go on. A short one need not: a picture
        that is a little late is better than none while a control moves.

        Raises:
            StaleError: If a higher number came.
            BusyError: If too many wait.
        """
        if number < self._newest.get(key, number):
            raise StaleError("a newer picture was asked for")
        self._newest[key] = number
        self._newest.move_to_end(key)
        if len(self._newest) > MOST_REMEMBERED:
            self._newest.popitem(last=False)
        for each in [each for each in self._waiting if each.key == key and each.number < number]:
            self._waiting.remove(each)
            if not each.future.done():
                each.future.set_exception(StaleError("a newer picture was asked for"))
        if self._running is not None and self._running.key == key and self._running.number < number:
            self._running.stale.set()
        return await self._queued(work, key, number)

    async def _queued(self, work: Callable[[Going], Result], key: Hashable, number: int) -> Result:
        if len(self._waiting) >= self._most_waiting:
            raise BusyError("too many pictures are waited for; wait a moment and try again")
        one = _Waiting(work, asyncio.get_running_loop().create_future(), key, number)
        self._waiting.append(one)
        self._next()
        try:
            result: Result = await one.future
            return result
        finally:
            if one in self._waiting:
                self._waiting.remove(one)

    def _next(self) -> None:
        if self._running is not None or not self._waiting:
            return
        one = self._running = self._waiting.pop(0)
        done = asyncio.get_running_loop().run_in_executor(self._thread, one.work, one.going)
        done.add_done_callback(lambda finished: self._finish(one, finished))

    def _finish(self, one: _Waiting, finished: "asyncio.Future[Any]") -> None:
        self._running = None
        error = None if finished.cancelled() else finished.exception()
        if one.future.done() or finished.cancelled():
            pass  # who asked has gone
        elif error is not None:
            one.future.set_exception(error)
        else:
            one.future.set_result(finished.result())
        self._next()

    def close(self) -> None:
        """Begin nothing more, and wait for what has begun."""
        self._thread.shutdown(wait=True, cancel_futures=True)
