"""Warden: a process that watches one of the sandbox, and ends it with all that it began where something is too much.

It ends it as well when the worker that asked is gone, whatever ended that.
"""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any

from wideopen.challenge.walls import MARK, Bounds

MOST_PROCESSES = 64
MOST_FILES = 100_000
"""In its folder."""
KEPT_BYTES = 1 << 15
"""Of what it printed last."""
STOPPED = "stopped by the worker"
_FOLDER_EVERY_S = 2.0
_LAST_WORDS_S = 5.0
_MB = 1_000_000
_SUBREAPER = 36


def main(given: dict[str, Any]) -> None:
    """Run a command until it ends or has to; print what became of it, as one line of JSON.

    Args:
        given: ``bounds``, ``folder``, ``command`` (to which what `wideopen.challenge.walls.enter` is given is added),
            and ``inside``, which is that; ``worker``, and the ``place`` that is its own.
    """
    bounds = Bounds(**given["bounds"])
    if sys.platform == "linux":
        # Whatever loses its parent becomes this one's.
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    gone = Event()
    Thread(target=_wait_for_end, args=(gone,), daemon=True).start()
    begun_s = time.monotonic()
    inside = {**given["inside"], "warden": os.getpid()}
    child = subprocess.Popen(
        [*given["command"], json.dumps(inside)],
        cwd=given["folder"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    printed = _Printed(child.stdout)  # type: ignore[arg-type]  # it is a pipe
    watch = _Watch(child, bounds, Path(given["folder"]), printed)
    try:
        why = watch.until_end(gone)
    finally:
        watch.end_all()
    printed.join(_LAST_WORDS_S)
    text = printed.text()
    first, _, rest = text.partition("\n")
    walls = json.loads(first.removeprefix(MARK)) if first.startswith(MARK) else []
    record = {
        "code": child.returncode,
        "why": why,
        "log": rest if walls else text,
        "seconds": time.monotonic() - begun_s,
        "peak_mb": watch.peak_mb,
        "walls": walls,
    }
    print("\n" + json.dumps(record), flush=True)
    if os.getppid() != given["worker"]:
        # Nobody is left to take it away.
        shutil.rmtree(given["place"], ignore_errors=True)


def _wait_for_end(gone: Event) -> None:
    """Wait until the worker closes standard input, or ends."""
    with suppress(OSError):
        while os.read(0, 1):
            pass
    gone.set()


class _Printed(Thread):
    """Reads what a process prints, and keeps the first line and the end."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._stream, self._first, self._last = stream, b"", deque[bytes]()
        self.bytes = self._kept = 0
        self.start()

    def run(self) -> None:
        """Read until the end."""
        while part := os.read(self._stream.fileno(), 1 << 16):
            self.bytes += len(part)
            if b"\n" not in self._first:
                self._first += part
                head, end, part = self._first.partition(b"\n")
                self._first = head + end
            self._last.append(part)
            self._kept += len(part)
            while self._kept - len(self._last[0]) > KEPT_BYTES:
                self._kept -= len(self._last.popleft())

    def text(self) -> str:
        """Give the first line and the end."""
        return (self._first + b"".join(list(self._last))[-KEPT_BYTES:]).decode("utf-8", "replace")


class _Watch:
    """Looks at a process and all that it began."""

    def __init__(self, child: "subprocess.Popen[bytes]", bounds: Bounds, folder: Path, printed: _Printed) -> None:
        import psutil

        self._psutil, self._child, self._bounds, self._folder, self._printed = psutil, child, bounds, folder, printed
        self._begun_s = self._looked_s = time.monotonic()
        self.peak_mb = 0.0

    def until_end(self, gone: Event) -> str:
        """Wait until it ends; says why where it has to."""
        while self._child.poll() is None:
            why = STOPPED if gone.is_set() else self._too_much()
            if why:
                return why
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(min(self._bounds.look_s, 0.2))
                break
            if self._bounds.look_s > 0.2:
                gone.wait(self._bounds.look_s - 0.2)
        return self._printed_too_much()

    def end_all(self) -> None:
        """End it and what it began; what is asleep begins nothing, so all are put to sleep first."""
        for _ in range(100):
            alive = self._alive()
            if not alive:
                break
            for step in ("suspend", "kill"):
                for each in alive:
                    with suppress(self._psutil.Error):
                        getattr(each, step)()
            time.sleep(0.02)
        self._child.wait()

    def _too_much(self) -> str:
        now_s, alive = time.monotonic(), self._alive()
        if now_s - self._begun_s > self._bounds.seconds:
            return f"stopped after {self._bounds.seconds:.0f} s"
        if len(alive) > MOST_PROCESSES:
            return f"stopped: it began more than {MOST_PROCESSES} processes"
        memory_mb = 0.0
        for each in alive:
            with suppress(self._psutil.Error):
                memory_mb += each.memory_info().rss / _MB
        self.peak_mb = max(self.peak_mb, memory_mb)
        if memory_mb > self._bounds.memory_mb:
            return f"stopped: it used more than {self._bounds.memory_mb} MB of memory"
        if now_s - self._looked_s > _FOLDER_EVERY_S:
            self._looked_s = now_s
            return self._printed_too_much() or self._wrote_too_much()
        return self._printed_too_much()

    def _alive(self) -> list[Any]:
        try:
            found = self._psutil.Process().children(recursive=True)
        except self._psutil.Error:
            return []
        return [each for each in found if self._is_alive(each)]

    def _is_alive(self, process: Any) -> bool:  # noqa: ANN401
        try:
            return bool(process.status() != self._psutil.STATUS_ZOMBIE)
        except self._psutil.Error:
            return False

    def _printed_too_much(self) -> str:
        if self._printed.bytes > self._bounds.printed_mb * _MB:
            return f"stopped: it printed more than {self._bounds.printed_mb} MB"
        return ""

    def _wrote_too_much(self) -> str:
        total = count = 0
        for path in islice(self._folder.rglob("*"), MOST_FILES + 1):
            count += 1
            with suppress(OSError):
                total += path.lstat().st_size
        if count > MOST_FILES:
            return f"stopped: it wrote more than {MOST_FILES} files"
        if total > self._bounds.folder_mb * _MB:
            return f"stopped: it wrote more than {self._bounds.folder_mb} MB"
        return ""
