"""Uploads: files that come in parts, and go on after a lost connection, a reload or a server that was killed.

The bytes that came lie in ``uploads/ID.part`` of the challenge's folder, and what is known of them in ``ID.json``.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from wideopen.challenge.files import Files
from wideopen.challenge.plan import Limits
from wideopen.challenge.store import Upload
from wideopen.challenge.unpack import MB
from wideopen.database import StoreError
from wideopen.errors import RequestError
from wideopen.photo.whole import whole_file
from wideopen.typed import made

PARTS = "uploads"
MOST_UNFINISHED = 4
"""Uploads of one team at a time."""
MOST_TIMES = 2
"""All uploads of a team together may have so many times the bytes that one may have."""
KEPT = timedelta(days=2)
"""Since the last byte came."""
SPARE_BYTES = 256 * MB
"""Stay free on the organiser's disk."""
SUFFIXES = (".zip", ".onnx", ".tflite", ".safetensors")
_ID = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class UnknownUploadError(RequestError):
    """There is no such upload of this team."""


class OffsetError(RequestError):
    """Bytes that do not follow those that are there: another window sent them, or an answer was lost."""

    def __init__(self, received: int) -> None:
        self.received = received
        super().__init__(f"{received} bytes are there already, perhaps from another window; go on from there")


@dataclass(frozen=True)
class UploadPart:
    """How far an upload is."""

    id: str
    received: int
    """Bytes, which are on disk."""


@dataclass(frozen=True)
class _Record:
    team: int
    file_name: str
    bytes: int
    sha256: str
    done: bool = False
    """Whether a submission of it is kept."""

    @property
    def id(self) -> str:
        """Follows from what it is, so that one upload begun twice is one."""
        return hashlib.sha256(f"{self.team}:{self.bytes}:{self.sha256}".encode()).hexdigest()[:32]

    @property
    def key(self) -> str:
        suffix = Path(self.file_name).suffix.lower()
        return f"uploads/{self.id}{suffix if suffix in SUFFIXES else '.bin'}"


class Uploads:
    """The uploads of one challenge. Any number of threads may use it at once."""

    def __init__(self, folder: Path, files: Files, limits: Limits, clock: Callable[[], datetime] | None = None) -> None:
        """Make ready.

        Args:
            folder: Of the challenge; parts lie in its ``uploads``.
            files: Whole files go there.
            limits: On their bytes.
            clock: Tells the time, for tests.
        """
        self._folder, self._files, self._limits = folder / PARTS, files, limits
        self._clock = clock or (lambda: datetime.now(UTC))
        self._lock = Lock()
        self._turns: dict[str, Lock] = {}

    def begin(self, team: int, file_name: str, bytes: int, sha256: str) -> UploadPart:
        """Announce a file; one that was announced before goes on where it stopped.

        Args:
            team: Whose it is.
            file_name: As the team calls it; what tells its kind is the ending.
            bytes: Its length.
            sha256: Its checksum, in hexadecimal digits.

        Raises:
            RequestError: If it is too large, the checksum is none, or the team has too much under way.
            StoreError: If there is no room for it.
        """
        record = _Record(team, _cleaned(file_name), bytes, sha256.lower())
        self._refuse(record)
        with self._lock, _kept():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._tidy()
            self._make_room(record)
            before = self._find(record.id)
            record = replace(record, done=before is not None and before.done and before.key == record.key)
            self._write(record)
            self._part(record.id).touch()
            self._touch(record.id)
            return UploadPart(record.id, self._received(record.id))

    def part(self, team: int, id_: str) -> UploadPart:
        """Tell how far an upload is.

        Raises:
            UnknownUploadError: If there is none, or it is another team's.
        """
        record = self._known(team, id_)
        return UploadPart(record.id, self._received(record.id))

    def append(self, team: int, id_: str, offset: int, chunks: Iterable[bytes]) -> int:
        """Add bytes; they are on disk when this returns.

        What came before the chunks break off stays, so that the upload goes on from there.

        Args:
            team: Whose it is.
            id_: From `begin`.
            offset: Where the first byte belongs: after all that are there.
            chunks: Of any lengths.

        Returns:
            The bytes that are there now.

        Raises:
            UnknownUploadError: If there is no such upload, or it is another team's.
            OffsetError: If the offset is not where the file ends.
            RequestError: If more come than were announced.
            StoreError: If they cannot be kept; those before stay.
        """
        record = self._known(team, id_)
        with _kept():
            file = self._part(id_).open("r+b", buffering=0)
        try:
            for chunk in chunks:
                if offset + len(chunk) > record.bytes:
                    raise RequestError(f"more came than the {record.bytes} bytes that were announced; begin it again")
                # Others may send the same meanwhile: whoever is first goes on.
                with self._lock, _kept():
                    self._refuse_offset(id_, offset)
                    file.seek(offset)
                    rest = memoryview(chunk)
                    while rest:
                        rest = rest[file.write(rest) :]
                offset += len(chunk)
            self._refuse_offset(id_, offset)
        finally:
            with file, _kept():
                os.fsync(file.fileno())
            self._touch(id_)
        return offset

    def path(self, team: int, id_: str) -> Path:
        """Give the path of a whole file, to look at before it is finished.

        Raises:
            UnknownUploadError: If there is no such upload, or it is another team's.
            RequestError: If bytes are missing.
        """
        record = self._known(team, id_)
        received = self._received(id_)
        if received != record.bytes:
            raise RequestError(f"{received} of {record.bytes} bytes are there; send the rest first")
        return self._part(id_)

    def file_name(self, team: int, id_: str) -> str:
        """Tell how the team calls a file.

        Raises:
            UnknownUploadError: If there is no such upload, or it is another team's.
        """
        return self._known(team, id_).file_name

    def finish(self, team: int, id_: str) -> Upload:
        """Check a file and put it among the challenge's files; done again, it gives the same.

        The upload stays, for the server may be killed before the submission is kept; `settle` says that it is.

        Raises:
            UnknownUploadError: If there is no such upload, or it is another team's.
            RequestError: If bytes are missing, or the checksum is another: then what came is thrown away.
            StoreError: If it cannot be kept.
        """
        record = self._known(team, id_)
        # Two windows may finish one upload at once.
        with self._turns.setdefault(record.id, Lock()), _kept():
            path = self.path(team, id_)
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != record.sha256:
                self._remove(id_)
                raise RequestError(
                    f"{record.file_name} came with the checksum {found[:12]} and not {record.sha256[:12]}; upload it "
                    "again"
                )
            if not self._files.has(record.key):
                self._files.put(record.key, path)
        return Upload(record.key, record.file_name, record.bytes, record.sha256)

    def settle(self, team: int, id_: str) -> None:
        """Say that a submission of a file is kept.

        It stays known until the team's next one, so that the same file can be submitted again without being sent.

        Raises:
            StoreError: If that cannot be written down.
        """
        with self._lock, _kept():
            record = self._find(id_)
            if record is None or record.team != team:
                return
            for other in self._records():
                if other.team == team and other.done and other.id != record.id:
                    self._remove(other.id)
            self._write(replace(record, done=True))

    def _refuse(self, record: _Record) -> None:
        most = self._limits.upload_mb * MB
        if not 0 < record.bytes <= most:
            raise RequestError(
                f"{record.file_name} has {record.bytes} bytes; files of 1 to {most} bytes ({self._limits.upload_mb} "
                "MB) are taken"
            )
        if not _SHA256.fullmatch(record.sha256):
            raise RequestError("the checksum is none; give the SHA-256 of the file as 64 hexadecimal digits")

    def _make_room(self, record: _Record) -> None:
        """See that neither the team nor all together take too much."""
        mine = [each for each in self._records() if each.team == record.team and each.id != record.id]
        unfinished = [each for each in mine if not each.done]
        if len(unfinished) >= MOST_UNFINISHED:
            raise RequestError(
                f"{MOST_UNFINISHED} uploads are under way, the first is {unfinished[0].file_name}; finish one, or wait "
                f"{KEPT.days} days until they are forgotten"
            )
        total = record.bytes + sum(each.bytes for each in unfinished)
        if total > MOST_TIMES * self._limits.upload_mb * MB:
            raise RequestError(f"uploads of {total / MB:.0f} MB would be under way; finish those before")
        missing = record.bytes - self._received(record.id)
        if shutil.disk_usage(self._folder).free < missing + SPARE_BYTES:
            raise OSError(errno.ENOSPC, "no space left")

    def _tidy(self) -> None:
        """Forget uploads of which nothing was heard for long."""
        oldest_s = (self._clock() - KEPT).timestamp()
        for path in [*self._folder.glob("*.part"), *self._folder.glob("*.json")]:
            with suppress(OSError):
                if _ID.fullmatch(path.stem) and self._heard_s(path.stem) < oldest_s:
                    self._remove(path.stem)

    def _heard_s(self, id_: str) -> float:
        part = self._part(id_)
        return (part if part.exists() else self._beside(id_)).stat().st_mtime

    def _touch(self, id_: str) -> None:
        now_s = self._clock().timestamp()
        with suppress(OSError):
            os.utime(self._part(id_), (now_s, now_s))

    def _known(self, team: int, id_: str) -> _Record:
        record = self._find(id_)
        if record is None or record.team != team or not self._part(id_).exists():
            raise UnknownUploadError("there is no such upload; begin it again")
        return record

    def _find(self, id_: str) -> _Record | None:
        if not _ID.fullmatch(id_):
            return None
        try:
            record: _Record = made(_Record, json.loads(self._beside(id_).read_text(encoding="utf-8")), "upload")
        except (OSError, ValueError, RequestError):
            return None
        return record

    def _records(self) -> list[_Record]:
        found = (self._find(path.stem) for path in sorted(self._folder.glob("*.json")))
        return [each for each in found if each is not None]

    def _write(self, record: _Record) -> None:
        with whole_file(self._beside(record.id)) as beside, beside.open("w", encoding="utf-8") as file:
            json.dump(asdict(record), file)
            file.flush()
            os.fsync(file.fileno())

    def _remove(self, id_: str) -> None:
        self._part(id_).unlink(missing_ok=True)
        self._beside(id_).unlink(missing_ok=True)

    def _received(self, id_: str) -> int:
        try:
            return self._part(id_).stat().st_size
        except FileNotFoundError:
            return 0

    def _refuse_offset(self, id_: str, offset: int) -> None:
        received = self._received(id_)
        if offset != received:
            raise OffsetError(received)

    def _part(self, id_: str) -> Path:
        return self._folder / f"{id_}.part"

    def _beside(self, id_: str) -> Path:
        return self._folder / f"{id_}.json"


@contextmanager
def _kept() -> Iterator[None]:
    """Say in one line what a disk says."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the organiser's disk is full" if full else f"the upload cannot be kept ({error.strerror or error})"
        raise StoreError(f"{reason}; what came before stays, so go on later") from error


def _cleaned(name: str) -> str:
    """A file's name without folders and letters that do not print."""
    name = re.split(r"[/\\]", name)[-1]
    name = " ".join("".join(each for each in name if each.isprintable()).split())
    return (name[-100:].strip(".") and name[-100:]) or "upload"
