"""Shelf: the photos that are open, few of them in memory, all of them for a while only."""

import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wideopen.errors import WideopenError
from wideopen.photo import read
from wideopen.studio.folder import PrivateFolder, safe_name
from wideopen.studio.session import Session
from wideopen.studio.sight import Camera, Sight


class GoneError(WideopenError):
    """A photo that is not open, or no longer."""


class FullError(WideopenError):
    """No room for another photo."""


@dataclass(frozen=True)
class Limits:
    """How much is kept, and for how long."""

    photos: int = 50
    bytes: int = 8 << 30
    awake: int = 4
    """In memory; the others sleep in their files."""
    idle_s: float = 2 * 3600.0
    whole_s: float = 60.0
    """For the whole pixels of the one photo that the loupe looks at."""


@dataclass(eq=False)
class Entry:
    """One photo's place."""

    id: str
    folder: Path
    path: Path
    name: str
    """As it was sent, cleaned."""
    bytes: int = 0
    used: float = 0.0
    info: dict[str, Any] = field(default_factory=dict)
    session: Session | None = None
    holders: int = 0
    """Saves that still need the file."""
    dropped: bool = False


class Shelf:
    """Photos by names that cannot be guessed, in a private folder.

    Sessions are woken and used by one thread alone; the rest may be called from any.
    """

    def __init__(self, limits: Limits | None = None, *, now: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits or Limits()
        self._now = now
        self._folder = PrivateFolder()
        self._entries: dict[str, Entry] = {}
        self._whole: tuple[Entry, Sight] | None = None
        self._whole_used = 0.0
        self._lock = threading.RLock()

    @property
    def folder(self) -> Path:
        """Where all is kept."""
        return self._folder.path

    def place(self, name: str) -> Entry:
        """Make a place for a file that is about to come.

        Raises:
            OSError: If there is no room on the disk.
        """
        key = secrets.token_urlsafe(16)
        folder = self.folder / key
        folder.mkdir(mode=0o700)
        clean = safe_name(name)
        return Entry(key, folder, folder / clean, clean)

    def keep(self, entry: Entry) -> None:
        """Keep a file that has come; what was longest not used goes if there is too much.

        Raises:
            FullError: If nothing can go.
        """
        with self._lock:
            entry.bytes = entry.path.stat().st_size
            while self._entries and self._is_too_much(entry):
                idle = [each for each in self._entries.values() if not each.holders]
                if not idle:
                    raise FullError("too many photos are being saved; wait until some are done and open this one again")
                self._remove(min(idle, key=lambda each: each.used))
            entry.used = self._now()
            self._entries[entry.id] = entry

    def discard(self, entry: Entry) -> None:
        """Take back a place."""
        with self._lock:
            self._entries.pop(entry.id, None)
            entry.session = None
            entry.dropped = True
            if not entry.holders:
                shutil.rmtree(entry.folder, ignore_errors=True)

    def get(self, key: str) -> Entry:
        """Find a photo, which is then used anew.

        Raises:
            GoneError: If it is not open.
        """
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                raise GoneError("this photo is no longer open here; it has to be opened again")
            entry.used = self._now()
            return entry

    def drop(self, key: str) -> None:
        """Close a photo.

        Raises:
            GoneError: If it is not open.
        """
        with self._lock:
            self._remove(self.get(key))

    def hold(self, entry: Entry) -> None:
        """Keep a photo's file while it is being saved, whatever becomes of the photo."""
        with self._lock:
            entry.holders += 1

    def release(self, entry: Entry) -> None:
        """Let a file go that was held."""
        with self._lock:
            entry.holders -= 1
            entry.used = self._now()
            if entry.dropped and not entry.holders:
                shutil.rmtree(entry.folder, ignore_errors=True)

    def session(self, entry: Entry) -> Session:
        """Give a photo's session, read anew if it slept; others fall asleep for it.

        Raises:
            GoneError: If its file is no longer there.
            PhotoError: If it is no photo.
        """
        if entry.session is None:
            if not entry.path.exists():
                self.discard(entry)
                raise GoneError("this photo's file is gone; it has to be opened again")
            self._sleep(self.limits.awake - 1)
            entry.session = Session.open(entry.path, entry.name)
        entry.used = self._now()
        return entry.session

    def whole(self, entry: Entry) -> Sight:
        """Give the sight of a photo in full, of one at a time.

        Raises:
            PhotoError: If it cannot be read.
        """
        with self._lock:
            known = self._whole if self._whole is not None and self._whole[0] is entry else None
            self._whole, self._whole_used = known, self._now()
        if known is None:
            photo = read(entry.path)
            known = entry, Sight(photo, Camera(photo.size, photo.exif))
        with self._lock:
            self._whole_used = self._now()
            self._whole = None if entry.dropped else known
        return known[1]

    def sweep(self) -> None:
        """Close what was not used for long."""
        with self._lock:
            now = self._now()
            if self._whole is not None and now - self._whole_used > self.limits.whole_s:
                self._whole = None
            for entry in list(self._entries.values()):
                if not entry.holders and now - entry.used > self.limits.idle_s:
                    self._remove(entry)

    def close(self) -> None:
        """Forget all, and remove the folder."""
        with self._lock:
            self._entries.clear()
            self._whole = None
            self._folder.close()

    @property
    def awake(self) -> int:
        """How many photos are in memory."""
        with self._lock:
            return sum(entry.session is not None for entry in self._entries.values())

    def _is_too_much(self, entry: Entry) -> bool:
        total = entry.bytes + sum(each.bytes for each in self._entries.values())
        return len(self._entries) >= self.limits.photos or total > self.limits.bytes

    def _sleep(self, most: int) -> None:
        with self._lock:
            awake = sorted((e for e in self._entries.values() if e.session), key=lambda each: each.used)
            for entry in awake[: max(0, len(awake) - most)]:
                entry.session = None

    def _remove(self, entry: Entry) -> None:
        if self._whole is not None and self._whole[0] is entry:
            self._whole = None
        self.discard(entry)
