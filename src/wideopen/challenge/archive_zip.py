"""The zip of a backup: its last entry lists all others with their checksums, and no name is odd."""

import hashlib
import json
import os
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wideopen.challenge.unpack import folded, path_fault, shown
from wideopen.errors import RequestError
from wideopen.photo.whole import whole_file
from wideopen.typed import made

LIST = "backup.json"
_AT_ONCE = 1 << 20
_DATED = (1980, 1, 1, 0, 0, 0)
"""The oldest date that a zip knows; the same files make the same zip."""
_MOST_LIST_BYTES = 1 << 30
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OverflowError, KeyError, OSError)
"""What the zip module raises over a broken archive."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """What an entry must be."""

    bytes: int
    sha256: str


class Writer:
    """A zip that is being written."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names: set[str] = set()
        self.entries: dict[str, Entry] = {}

    @contextmanager
    def entry(self, name: str, *, packed: bool = False) -> Iterator[Callable[[bytes], None]]:
        """Give what writes into a new entry.

        Raises:
            RequestError: If it cannot be called so everywhere.
        """
        _refuse_name(name, self._names)
        info = zipfile.ZipInfo(name, _DATED)
        info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o600) << 16
        info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        digest, count = hashlib.sha256(), 0
        with self._archive.open(info, "w", force_zip64=True) as place:

            def write(content: bytes) -> None:
                nonlocal count
                digest.update(content)
                count += len(content)
                place.write(content)

            yield write
        self.entries[name] = Entry(count, digest.hexdigest())

    def copy(self, name: str, source: Path) -> None:
        """Copy a file as it is."""
        with source.open("rb") as stream, self.entry(name) as write:
            while piece := stream.read(_AT_ONCE):
                write(piece)

    def close_with(self, facts: Mapping[str, Any]) -> None:
        """Write the list of all entries, and what else is to be known of them."""
        record = {**facts, "entries": {name: asdict(entry) for name, entry in self.entries.items()}}
        with self.entry(LIST, packed=True) as write:
            write(json.dumps(record, indent=0).encode() + b"\n")


class Reader:
    """A zip whose list fits its entries; what is in them is checked as it is read."""

    def __init__(self, archive: zipfile.ZipFile, facts: Mapping[str, Any], entries: Mapping[str, Entry]) -> None:
        self._archive, self.facts, self.entries = archive, facts, entries

    @contextmanager
    def open(self, name: str) -> Iterator[Iterator[bytes]]:
        """Read an entry in pieces; its end is reached only where length and checksum are right.

        Raises:
            RequestError: If it is broken.
        """
        with _told():
            stream = self._archive.open(name)
        with stream:
            yield self._pieces(name, stream)

    def lines(self, name: str) -> Generator[bytes, None, None]:
        """Read an entry line by line.

        Raises:
            RequestError: If it is broken.
        """
        rest = b""
        with self.open(name) as pieces:
            for piece in pieces:
                *whole, rest = (rest + piece).split(b"\n")
                yield from whole
        if rest:
            yield rest

    def copy(self, name: str, place: Path) -> None:
        """Write an entry to a new file, readable by its owner alone.

        Raises:
            RequestError: If it is broken.
            OSError: If it cannot be written.
        """
        place.parent.mkdir(parents=True, exist_ok=True)
        with self.open(name) as pieces, os.fdopen(_new(place), "wb") as file:
            for piece in pieces:
                file.write(piece)

    def _pieces(self, name: str, stream: Any) -> Iterator[bytes]:  # noqa: ANN401
        wanted, digest, count = self.entries[name], hashlib.sha256(), 0
        while True:
            with _told():
                piece = stream.read(_AT_ONCE)
            if not piece:
                break
            count += len(piece)
            if count > wanted.bytes:
                break
            digest.update(piece)
            yield piece
        if count != wanted.bytes or digest.hexdigest() != wanted.sha256:
            raise RequestError(f"{shown(name)} of the backup is broken; take another copy of it")


@contextmanager
def writing(out: Path) -> Iterator[Writer]:
    """Write a zip that is on disk as a whole, or not at all, and that its owner alone may read.

    Raises:
        OSError: If the place cannot be written.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(out) as beside, os.fdopen(_new(beside), "wb") as file:
        with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
            yield Writer(archive)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def opened(path: Path, form: str, *, is_known: Callable[[str], bool]) -> Iterator[Reader]:
    """Open a zip, once its list was found to be of its entries and all their names harmless.

    Args:
        path: Of the zip.
        form: What its list must say that it is.
        is_known: Whether there may be an entry of that name.

    Raises:
        RequestError: If it cannot be read, is another thing, or has entries that none of ours has.
    """
    if not path.is_file():
        raise RequestError(f"{path} is not there; name a file that wideopen challenge backup wrote")
    try:
        file = path.open("rb")
    except OSError as error:
        raise RequestError(f"{path} cannot be read ({error.strerror or error})") from error
    with file:
        with _told():
            archive = zipfile.ZipFile(file)
        facts = _list_of(archive, path, form)
        entries: dict[str, Entry] = made(dict[str, Entry], facts.pop("entries", None), LIST)
        sizes = _sizes(archive)
        if sizes.keys() != entries.keys():
            odd = min(sizes.keys() ^ entries.keys())
            raise RequestError(f"{shown(odd)} is in the backup and not in its list, or the other way; it is no backup")
        for name, entry in entries.items():
            if not is_known(name) or not _SHA256.fullmatch(entry.sha256):
                raise RequestError(f"{shown(name)} is nothing that a backup has; it is none of ours")
            if sizes[name] != entry.bytes:
                raise RequestError(f"{shown(name)} of the backup is broken; take another copy of it")
        yield Reader(archive, facts, entries)


def refuse_room(place: Path, wanted: int) -> None:
    """Refuse a disk with less room than that.

    Raises:
        RequestError: If it is so.
    """
    there = next(each for each in (place, *place.resolve().parents) if each.exists())
    free = shutil.disk_usage(there).free
    if free < wanted:
        raise RequestError(f"{place} has {free / 1e6:.0f} MB free, and the backup needs {wanted / 1e6:.0f} MB")


def _list_of(archive: zipfile.ZipFile, path: Path, form: str) -> dict[str, Any]:
    names = archive.namelist()
    if names.count(LIST) != 1 or archive.getinfo(LIST).file_size > _MOST_LIST_BYTES:
        raise RequestError(f"{path} is no backup of a challenge, for it has no {LIST}")
    with _told():
        facts = json.loads(archive.read(LIST))
    if not isinstance(facts, dict) or facts.get("wideopen") != form:
        came = facts.get("wideopen") if isinstance(facts, dict) else facts
        raise RequestError(f"{path} is of the format {str(came)[:40]!r}, and this wideopen knows {form}")
    return facts


def _sizes(archive: zipfile.ZipFile) -> dict[str, int]:
    """Look at all names; gives the sizes that the directory says."""
    known: set[str] = {folded(LIST)}
    sizes = {}
    for info in archive.infolist():
        if info.orig_filename != LIST:
            _refuse_name(info.orig_filename, known)
            sizes[info.orig_filename] = info.file_size
    return sizes


def _refuse_name(name: str, known: set[str]) -> None:
    """Refuse a name that some system could not have, or would take for another."""
    fault = path_fault(name) if name and not name.endswith("/") else "is no file"
    if fault:
        raise RequestError(f"{shown(name)} {fault}; a backup cannot hold it")
    if folded(name) in known:
        raise RequestError(f"{shown(name)} is there twice, or in other letters; a backup cannot hold both")
    known.add(folded(name))


def _new(place: Path) -> int:
    return os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)


@contextmanager
def _told() -> Iterator[None]:
    """Say in one line what the zip module says of a broken archive."""
    try:
        yield
    except RequestError:
        raise
    except _BROKEN as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise RequestError(f"the backup is broken ({reason}); take another copy of it") from error
