"""Downloads: the zips that anybody may have, and their checksums."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from wideopen.challenge.plan import Phase, Plan

PUBLIC = "public"
DEVELOPMENT = "development.zip"
_SMALL_BYTES = 64 << 20
"""Files that are read while somebody waits."""


@dataclass(frozen=True)
class Download:
    """A file that anybody may have, from the beginning of its phase on."""

    name: str
    bytes: int
    sha256: str | None
    """None until all of it was read."""
    phase: Phase | None
    """Whose pictures are in it; None for the pairs to learn from."""


class Downloads:
    """The public files of one challenge; a name can only ever be one of theirs."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder = folder / PUBLIC
        self._phases: dict[str, Phase | None] = {DEVELOPMENT: None}
        for phase in plan.phases:
            self._phases[f"{phase.name}.zip"] = phase
        self._checksums: dict[tuple[str, int, int], str | None] = {}
        self._lock = Lock()

    def all(self) -> list[Download]:
        """List what is there."""
        return [found for name in self._phases if (found := self.find(name)) is not None]

    def find(self, name: str) -> Download | None:
        """Find one by its name; the checksum of a large file is found beside, the first time."""
        if name not in self._phases:
            return None
        try:
            facts = self.path(name).stat()
        except OSError:
            return None
        version = (name, facts.st_size, facts.st_mtime_ns)
        with self._lock:
            is_new = version not in self._checksums
            if is_new:
                self._checksums[version] = None
        if is_new:
            reader = Thread(target=self._read, args=version, daemon=True)
            reader.start()
            if facts.st_size <= _SMALL_BYTES:
                reader.join()
        return Download(name, facts.st_size, self._checksums.get(version), self._phases[name])

    def path(self, name: str) -> Path:
        """Give the path of one that `find` found."""
        return self._folder / name

    def _read(self, *version: Any) -> None:  # noqa: ANN401
        try:
            with self.path(version[0]).open("rb") as file:
                self._checksums[version] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            with self._lock:
                self._checksums.pop(version, None)
