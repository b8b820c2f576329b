"""Saving: photos in full by a process of its own, one after another, with progress and cancel."""

import errno
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from wideopen.errors import RequestError
from wideopen.photo.write import SUFFIXES
from wideopen.renderer.look import Look
from wideopen.studio.child import End, Progress, Request
from wideopen.studio.shelf import Entry, FullError, GoneError, Shelf
from wideopen.studio.worker import Worker

MOST_WAITING = 200
PAUSE_S = 0.05
State = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class Times:
    """How long things are kept, in seconds."""

    unasked: float = 30.0
    """A save that nobody asks about any more, unless it goes to a folder."""
    done: float = 1800.0
    """A file that nobody fetches."""
    fetched: float = 600.0
    idle: float = 600.0
    """The process that saves, while there is nothing to save."""


@dataclass(eq=False)
class Save:
    """One photo's save."""

    id: str
    entry: Entry
    look: str
    output: Path
    quality: int
    asked: float
    state: State = "waiting"
    step: str = "read"
    share: float = 0.0
    error: str | None = None
    bytes: int | None = None
    place: Path | None = None
    ended: float = 0.0
    fetched: float | None = None


class Saves:
    """All saves, and the thread that sees to them."""

    def __init__(
        self,
        shelf: Shelf,
        save_to: Path | None = None,
        *,
        times: Times | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shelf, self._save_to, self._times, self._now = shelf, save_to, times or Times(), now
        self._saves: dict[str, Save] = {}
        self._changed = threading.Condition()
        self._worker = Worker()
        self._worker_used = now()
        self._warm = False
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="studio-saves", daemon=True)
        self._thread.start()

    def start(self, entry: Entry, look: Look, *, suffix: str | None, quality: int) -> str:
        """Let a photo be saved when its turn comes.

        Args:
            entry: The photo.
            look: How it shall look.
            suffix: Of the format, or that of the photo.
            quality: From 1 to 100, for formats that lose something.

        Returns:
            The save's name.

        Raises:
            RequestError: If it cannot be saved so.
            FullError: If too many wait.
        """
        if not 1 <= quality <= 100:
            raise RequestError(f"quality is {quality}, but it lies between 1 and 100")
        key = secrets.token_urlsafe(16)
        output = self._shelf.folder / f"save-{key}" / output_name(entry.name, suffix)
        with self._changed:
            if sum(each.state == "waiting" for each in self._saves.values()) >= MOST_WAITING:
                raise FullError(f"{MOST_WAITING} photos wait to be saved already; wait until some are done")
            self._shelf.hold(entry)
            self._saves[key] = Save(key, entry, look.to_json(), output, quality, self._now())
            self._changed.notify_all()
        return key

    def state(self, key: str) -> dict[str, Any]:
        """What has become of a save; who asks wants it still.

        Raises:
            GoneError: If there is no such save.
        """
        with self._changed:
            save = self._get(key)
            save.asked = self._now()
            return {
                "state": save.state,
                "step": save.step,
                "share": round(save.share, 3),
                "error": save.error,
                "name": save.output.name if save.place is None else save.place.name,
                "bytes": save.bytes,
                "place": None if save.place is None else str(save.place),
            }

    def cancel(self, key: str) -> None:
        """End a save; what it has written goes.

        Raises:
            GoneError: If there is no such save.
        """
        with self._changed:
            save = self._get(key)
            if save.state == "waiting":
                self._end(save, "cancelled")
            elif save.state == "running":
                save.state = "cancelled"
            elif save.state == "done" and save.place is None:
                self._forget(save)

    def file(self, key: str) -> Path:
        """Give the file of a save that is done, to be fetched.

        Raises:
            GoneError: If there is none, or no longer.
        """
        with self._changed:
            save = self._get(key)
            if save.state != "done" or not (save.place or save.output).is_file():
                raise GoneError("this save has no file to fetch; save the photo again")
            save.fetched = self._now()
            return save.place or save.output

    def warm_up(self) -> None:
        """Start the process that saves, so that the first save need not wait for it."""
        with self._changed:
            self._warm = True
            self._changed.notify_all()

    def sweep(self) -> None:
        """Delete files that were fetched or that nobody wants."""
        with self._changed:
            now = self._now()
            for save in list(self._saves.values()):
                if save.state == "waiting" and self._is_unwanted(save):
                    self._end(save, "cancelled")
                ended = save.state not in ("waiting", "running") and save.ended
                fetched = save.fetched is not None and now - save.fetched > self._times.fetched
                if ended and (fetched or now - save.ended > self._times.done):
                    self._forget(save)

    def close(self) -> None:
        """End all saves."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=10)

    def _work(self) -> None:
        """See to one save after another, until closed."""
        try:
            while (save := self._next()) is not None:
                try:
                    self._save(save)
                except Exception as error:  # a fault in one save must not cost the others
                    self._worker.end()
                    self._fail(save, f"saving met a fault, please report it: {error!r}")
        finally:
            self._worker.end()

    def _next(self) -> Save | None:
        with self._changed:
            while not self._closed:
                for save in self._saves.values():
                    if save.state == "waiting":
                        save.state = "running"
                        return save
                if self._warm:
                    self._warm = False
                    self._worker_used = self._now()
                    with suppress(Exception):  # the first save tries again, and says what is wrong
                        self._worker.start()
                elif self._now() - self._worker_used > self._times.idle:
                    self._worker.end()
                self._changed.wait(1.0)
            return None

    def _save(self, save: Save) -> None:
        try:
            save.output.parent.mkdir(mode=0o700)
        except OSError as error:
            self._fail(save, _plain(f"{save.output} cannot be written ({error.strerror})", save))
            return
        try:
            self._worker.send(Request(save.entry.path, save.output, save.look, save.quality))
        except OSError as error:
            self._fail(save, f"no process could be started to save in ({error.strerror}); close other programs")
            return
        end: End | None = None
        while end is None and save.state == "running" and not self._closed:
            message = self._worker.receive(PAUSE_S)
            if isinstance(message, Progress):
                save.step, save.share = message.step, message.share
            elif isinstance(message, End):
                end = message
            elif self._is_unwanted(save):
                save.state = "cancelled"
        if end is None:
            self._worker.end()
        self._worker_used = self._now()
        self._finish(save, end)

    def _finish(self, save: Save, end: End | None) -> None:
        if end is None or save.state == "cancelled":
            with self._changed:
                self._end(save, "cancelled")
        elif end.error is not None:
            self._fail(save, _plain(end.error, save))
        else:
            place = None
            try:
                if self._save_to is not None:
                    place = moved(save.output, self._save_to)
                size = (place or save.output).stat().st_size
            except OSError as error:
                self._fail(save, _plain(f"{self._save_to} cannot be written ({error.strerror})", save))
                return
            with self._changed:
                save.place, save.bytes, save.share = place, size, 1.0
                self._end(save, "done")

    def _fail(self, save: Save, error: str) -> None:
        with self._changed:
            save.error = error
            self._end(save, "failed")

    def _end(self, save: Save, state: State) -> None:
        save.state, save.ended = state, self._now()
        if state != "done":
            shutil.rmtree(save.output.parent, ignore_errors=True)
        self._shelf.release(save.entry)

    def _forget(self, save: Save) -> None:
        self._saves.pop(save.id, None)
        shutil.rmtree(save.output.parent, ignore_errors=True)

    def _get(self, key: str) -> Save:
        save = self._saves.get(key)
        if save is None:
            raise GoneError("there is no such save, or no longer; save the photo again")
        return save

    def _is_unwanted(self, save: Save) -> bool:
        """Whether nobody asks any more: its page was closed."""
        return self._save_to is None and self._now() - save.asked > self._times.unasked


def output_name(name: str, suffix: str | None) -> str:
    """Name the result as the command line does.

    Raises:
        RequestError: If the suffix is of no format that is written.
    """
    photo = Path(name)
    if suffix is None:
        suffix = photo.suffix if photo.suffix.lower() in SUFFIXES else ".png"
    elif suffix.lower() not in SUFFIXES:
        raise RequestError(f"'{suffix[:20]}' is no format that is written; use one of {' '.join(SUFFIXES)}")
    return f"{photo.stem}.bokeh{suffix}"


def moved(file: Path, folder: Path) -> Path:
    """Move a file into a folder under a name that is free: NAME.bokeh.jpg, NAME.bokeh-2.jpg and so on.

    Raises:
        OSError: If it cannot be written; then nothing of it is left there.
    """
    beside = folder / f".wideopen-{secrets.token_hex(8)}{file.suffix}"
    try:
        shutil.copyfile(file, beside)
        number = 1
        while True:
            place = folder / (file.name if number == 1 else f"{file.stem}-{number}{file.suffix}")
            try:
                place.touch(exist_ok=False)
                break
            except FileExistsError:
                number += 1
        try:
            os.replace(beside, place)  # noqa: PTH105
        except OSError:
            place.unlink(missing_ok=True)
            raise
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    shutil.rmtree(file.parent, ignore_errors=True)
    return place


def _plain(error: str, save: Save) -> str:
    """Say an error by the names that people know."""
    if os.strerror(errno.ENOSPC) in error:
        return f"the disk is full, so that {save.output.name} was not saved; free some space and save again"
    return error.replace(str(save.output), save.output.name).replace(str(save.entry.path), save.entry.name)
