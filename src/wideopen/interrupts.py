"""Interrupts: Ctrl-C and a request to end wait until compiled code is done."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def deferred() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back until the end of the block; one that comes again is heard at once.

    An exception that a handler raises inside compiled code comes out as a SystemError, or ends the process.
    Signals reach the main thread alone, so in others this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {int(number): signal.getsignal(number) for number in SIGNALS}
    came: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        handler = before[number]
        if number in came and callable(handler):
            handler(number, frame)
        came.append(number)

    held = [number for number, handler in before.items() if callable(handler)]
    for number in held:
        signal.signal(number, hold)
    try:
        yield
    finally:
        for number in held:
            signal.signal(number, before[number])
        if came:
            signal.raise_signal(came[0])
