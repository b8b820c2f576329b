"""Worker: the process that saves, seen from the server's side."""

import multiprocessing
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from wideopen.studio.child import End, Progress, Request, save_photos

PATIENCE_S = 2.0


class Worker:
    """A process that is started when needed, kept, and ended at once when it shall do no more."""

    def __init__(self) -> None:
        self._process: SpawnProcess | None = None
        self._pipe: Connection[Any, Any] | None = None

    def start(self) -> None:
        """Start the process, if none is there.

        Raises:
            OSError: If the system has no room for it.
        """
        if self._process is not None and self._process.is_alive():
            return
        self.end()
        spawn = multiprocessing.get_context("spawn")
        self._pipe, other = spawn.Pipe()
        process = spawn.Process(target=save_photos, args=(other,), daemon=True, name="wideopen-save")
        try:
            process.start()
        finally:
            other.close()
        self._process = process

    def send(self, request: Request) -> None:
        """Give it a photo to save.

        Raises:
            OSError: If the process cannot be started.
        """
        self.start()
        assert self._pipe is not None
        with suppress(OSError):  # its end is seen when it is listened to
            self._pipe.send(request)

    def receive(self, patience_s: float) -> Progress | End | None:
        """Hear what it says; nothing if it is silent for so long.

        Args:
            patience_s: In seconds.
        """
        assert self._pipe is not None
        assert self._process is not None
        try:
            if self._pipe.poll(patience_s):
                message: Progress | End = self._pipe.recv()
                return message
            alive = self._process.is_alive()
        except (EOFError, OSError):
            alive = False
        if alive:
            return None
        self._process.join(PATIENCE_S)
        code = self._process.exitcode
        self.end()
        return End(None, why_ended(code))

    def end(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.join(PATIENCE_S)
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None


def why_ended(code: int | None) -> str:
    """Say why a process has ended by itself, by its exit code."""
    if code == -9:
        return "saving needed more memory than there is; close other programs, or make the photo smaller first"
    return f"saving was ended from outside or broke down (exit code {code}); save again"
