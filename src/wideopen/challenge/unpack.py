"""Unpack: zips of strangers, read without harm. Whatever is odd about one is refused, and nothing of it is left."""

import re
import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import IO

from wideopen.challenge.plan import Limits
from wideopen.errors import RequestError

MB = 1_000_000
MOST_RATIO = 200
"""To which a file may grow, if it grows beyond `SMALL_BYTES`."""
SMALL_BYTES = 32 * MB
"""Flat pictures of so many bytes may come out of almost nothing."""
MOST_DEPTH = 8
MOST_NAME = 150
_CHUNK_BYTES = 1 << 18
_ENTRY_BYTES = 1000
"""Of an archive's directory, for each file that is allowed."""
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")
_IGNORED = ("__macosx", "thumbs.db", "desktop.ini")
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError)
"""What the zip module raises over the bytes of a file."""
_BROKEN = (*_UNREADABLE, struct.error, RuntimeError, ValueError, OverflowError, KeyError)
"""And over a directory."""


class _Watched(FileIO):
    """A file of which nobody can read much at once, as the zip module would read a directory of any size."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self.most:
            raise zipfile.BadZipFile("its directory is too long")
        return super().read(size)


class Archive:
    """An open zip that was found harmless: every name, size and kind in its directory was looked at.

    Its files are those that count, without what systems add of their own (``__MACOSX``, names that begin with a dot)
    and without the folders that all of them lie in.
    """

    def __init__(self, zipped: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo]) -> None:
        self._zipped, self._files = zipped, files

    @property
    def sizes(self) -> dict[str, int]:
        """Names and unpacked bytes, as the directory declares them; no more than that can be read."""
        return {name: info.file_size for name, info in self._files.items()}

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Read a file.

        Raises:
            RequestError: If it is broken.
        """
        with _told(_BROKEN):
            stream = self._zipped.open(self._files[name])
        with _told(_UNREADABLE), stream:
            yield stream


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[Archive]:
    """Open a zip for reading, once all that its directory says was found harmless.

    Raises:
        RequestError: If it is no zip, broken, encrypted, too large, or has names or kinds of files that no honest one
            has; it names the file.
    """
    with _Watched(path) as file:
        file.most = max((limits.files + 1) * _ENTRY_BYTES, 2 * _CHUNK_BYTES)
        with _told(_BROKEN):
            zipped = zipfile.ZipFile(file)
        with zipped:
            yield Archive(zipped, _counted(zipped.infolist(), path.stat().st_size, limits))


def unpack(archive: Path, into: Path, limits: Limits) -> Path:
    """Unpack a zip into a folder, all or nothing of it.

    Args:
        archive: The zip.
        into: An empty folder, or one to be made.
        limits: On files and bytes.

    Returns:
        The folder that holds the files.

    Raises:
        RequestError: As `opened` does, or if a file turns out broken or longer than it should be.
        OSError: If they cannot be written.
    """
    into.mkdir(parents=True, exist_ok=True)
    if any(into.iterdir()):
        raise FileExistsError(f"{into} is not empty")
    try:
        with opened(archive, limits) as found:
            for name, size in found.sizes.items():
                _write(found, name, size, into)
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise
    return into


def _write(archive: Archive, name: str, size: int, into: Path) -> None:
    place = into.joinpath(*name.split("/"))
    place.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(name) as stream, place.open("xb") as file:
        while chunk := stream.read(_CHUNK_BYTES):
            written += len(chunk)
            if written > size:
                raise RequestError(f"{shown(name)} is longer than the zip says; zip it again")
            file.write(chunk)
    if written != size:
        raise RequestError(f"{shown(name)} ends after {written} of {size} bytes; zip it again")


@contextmanager
def _told(kinds: tuple[type[Exception], ...]) -> Iterator[None]:
    """Say in one line what the zip module says of a broken archive."""
    try:
        yield
    except kinds as error:
        reason = "".join(each for each in " ".join(str(error).split())[:100] if each.isprintable())
        raise RequestError(f"the zip is broken ({reason or type(error).__name__}); zip the files again") from error


def _counted(entries: Sequence[zipfile.ZipInfo], archive_bytes: int, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    """Look at all entries; gives those that count, by their names."""
    if len(entries) > limits.files:
        raise RequestError(f"the zip holds {len(entries)} files, and {limits.files} are taken; leave out the rest")
    total = sum(each.file_size for each in entries)
    if total > limits.unpacked_mb * MB:
        raise RequestError(f"the zip would unpack to {total / MB:.0f} MB, and {limits.unpacked_mb} MB are taken")
    found: dict[str, zipfile.ZipInfo] = {}
    for each in entries:
        _refuse_entry(each)
        parts = [part for part in each.orig_filename.split("/") if part not in ("", ".")]
        if each.is_dir() or any(part.startswith(".") or part.lower() in _IGNORED for part in parts):
            continue
        name = "/".join(parts)
        if name in found:
            raise RequestError(f"{shown(name)} is in the zip twice; keep one")
        found[name] = each
    _refuse_overlap(entries, archive_bytes)
    _refuse_clashes(list(found))
    above = len(_shared(list(found)))
    return {"/".join(name.split("/")[above:]): each for name, each in found.items()}


def _refuse_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.orig_filename
    fault = path_fault(name)
    if fault:
        raise RequestError(f"{shown(name)} {fault}; zip the pictures again under plain names")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "a link" if kind == stat.S_IFLNK else "no plain file"
        raise RequestError(f"{shown(name)} is {what}; put the files themselves into the zip")
    if entry.flag_bits & 0x41:
        raise RequestError(f"{shown(name)} is encrypted; zip the files without a password")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise RequestError(f"{shown(name)} is compressed in an uncommon way; use deflate, or none")
    if entry.file_size > max(SMALL_BYTES, MOST_RATIO * entry.compress_size):
        raise RequestError(
            f"{shown(name)} would grow from {entry.compress_size} to {entry.file_size} bytes, as no picture does"
        )


def path_fault(path: str) -> str:
    """Say why a path in an archive cannot be taken; empty where it can, on every system."""
    if path.startswith("/") or _DRIVE.match(path):
        return "is a place on your machine, and not in the zip"
    if "\\" in path:
        return "has a backslash in its name"
    parts = path.removesuffix("/").split("/")
    if ".." in parts:
        return "points out of the zip"
    if parts[-1] in ("", ".") and not path.endswith("/"):
        return "has no name"
    if len(parts) > MOST_DEPTH:
        return f"lies more than {MOST_DEPTH} folders deep"
    return next((fault for fault in map(name_fault, parts) if fault), "")


def name_fault(name: str) -> str:
    """Say why a file cannot be called so; empty where it can, on every system."""
    if name in ("", "."):
        return ""
    if len(name.encode("utf-8", "surrogatepass")) > MOST_NAME:
        return f"has a name of more than {MOST_NAME} bytes"
    if _FORBIDDEN.search(name) or any(unicodedata.category(each) in ("Cs", "Cc", "Cf") for each in name):
        return "has letters in its name that no file may have everywhere"
    if name.endswith((" ", ".")):
        return "has a name that ends in a space or a dot"
    if _DEVICE.fullmatch(name.split(".")[0].rstrip()):
        return "has the name of a device"
    return ""


def _refuse_overlap(entries: Sequence[zipfile.ZipInfo], archive_bytes: int) -> None:
    """Refuse entries that share bytes, by which a small zip unpacks to very much."""
    end = 0
    for each in sorted(entries, key=lambda entry: entry.header_offset):
        if each.header_offset < end:
            raise RequestError(f"{shown(each.orig_filename)} shares its bytes with another file of the zip")
        # A local header has 30 bytes, and the name.
        end = each.header_offset + 30 + each.compress_size
    if end > archive_bytes:
        raise RequestError("the zip ends in the middle of a file; upload it again")


def _refuse_clashes(names: Sequence[str]) -> None:
    """Refuse names that are one on some systems, and files that are folders as well."""
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(folded(name), name)
        if other != name:
            raise RequestError(f"{shown(other)} and {shown(name)} are one file on some systems; name them differently")
    for name in names:
        for parent in PurePosixPath(folded(name)).parents:
            if str(parent) in known:
                raise RequestError(f"{shown(known[str(parent)])} is a file and a folder; name them differently")


def folded(name: str) -> str:
    """What two names that some system takes for one have in common."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _shared(names: Sequence[str]) -> list[str]:
    """The folders that all files lie in."""
    folders = [name.split("/")[:-1] for name in names]
    shared = []
    for level in zip(*folders, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return shared


def shown(name: str) -> str:
    """A name of a stranger's file, fit to be shown: its end where it is long, and no letter that does not print."""
    name = "".join(each if each.isprintable() else "\ufffd" for each in name)
    return name if len(name) <= 80 else f"…{name[-79:]}"
