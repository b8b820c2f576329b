"""Crew: workers beside the server, processes of their own that are started again where they end."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread

_LOG = logging.getLogger("wideopen.challenge")
_LOOK_EVERY_S = 0.5
_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
_WELL_S = 60.0
"""Who worked so long began well."""
_LAST_WORDS_S = 10.0


class Crew:
    """Processes of one command, kept running until the end of a ``with``."""

    def __init__(self, command: Sequence[str], count: int) -> None:
        """Make ready.

        Args:
            command: That each runs.
            count: So many of them; 0 for none.
        """
        self._command, self._stop = list(command), Event()
        self._watchers = [Thread(target=self._watch, name=f"worker-{number}") for number in range(count)]

    def __enter__(self) -> "Crew":
        """Start them."""
        for each in self._watchers:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End them, gently where they let that be done."""
        self._stop.set()
        for each in self._watchers:
            each.join()

    def _watch(self) -> None:
        ended = 0
        while not self._stop.is_set():
            begun_s = time.monotonic()
            process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
            try:
                while process.poll() is None and not self._stop.wait(_LOOK_EVERY_S):
                    pass
            finally:
                _end(process)
            if self._stop.is_set():
                return
            ended = 0 if time.monotonic() - begun_s > _WELL_S else ended + 1
            pause_s = _PAUSES_S[min(ended, len(_PAUSES_S) - 1)]
            _LOG.warning("a worker ended (status %s); another starts in %.0f s", process.returncode, pause_s)
            self._stop.wait(pause_s)


def work_command(folder: Path, *, database: str | None, files: str | None) -> list[str]:
    """Write the command of a worker, which ends with this process even where that is killed."""
    words = [sys.executable, "-m", "wideopen", "challenge", "work", str(folder), "--parent", str(os.getpid())]
    words += [] if database is None else ["--database", database]
    return words + ([] if files is None else ["--files", files])


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_LAST_WORDS_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
