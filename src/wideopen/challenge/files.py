"""Files: what teams sent and what came of it, on disk or at any fsspec address; nothing is ever overwritten."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from wideopen.errors import RequestError

_KEY = re.compile(r"[a-z0-9]+(/[A-Za-z0-9][A-Za-z0-9._-]*)+")
_AT_ONCE = 1 << 20


class Files:
    """Files by keys such as ``uploads/7f3a.zip``."""

    def __init__(self, address: str | Path) -> None:
        """Open a place.

        Args:
            address: A folder, or an address that fsspec knows, as ``s3://bucket/challenge``.

        Raises:
            RequestError: If nothing knows the address.
        """
        self._folder: Path | None = None
        if "://" not in str(address):
            self._folder = Path(address)
            return
        try:
            import fsspec

            self._remote, root = fsspec.url_to_fs(str(address))
            self._root = str(root).rstrip("/")
        except ImportError as error:
            raise RequestError(f"{address} needs fsspec and its driver ({error}); install them") from error
        except ValueError as error:
            raise RequestError(f"nothing here knows the address {address} ({error})") from error

    def put(self, key: str, source: Path) -> None:
        """Keep a copy of a file.

        Raises:
            RequestError: If the key is taken, or none.
            OSError: If it cannot be kept; then nothing is.
        """
        _refuse_key(key)
        if self._folder is not None:
            self._put_here(self._folder / key, source, key)
            return
        place = f"{self._root}/{key}"
        if self._remote.exists(place):
            raise RequestError(f"{key} is there already, and nothing is overwritten")
        try:
            self._remote.makedirs(place.rsplit("/", 1)[0], exist_ok=True)
            self._remote.put_file(str(source), place)
        except BaseException:
            if self._remote.exists(place):
                self._remote.rm_file(place)
            raise

    @staticmethod
    def _put_here(place: Path, source: Path, key: str) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = place.with_name(f".{place.name}.{os.getpid()}.part")
        try:
            shutil.copyfile(source, beside)
            # A link refuses what is there, where a rename would replace it.
            os.link(beside, place)
        except FileExistsError:
            raise RequestError(f"{key} is there already, and nothing is overwritten") from None
        finally:
            beside.unlink(missing_ok=True)

    def has(self, key: str) -> bool:
        """Tell whether there is a file of this key."""
        _refuse_key(key)
        if self._folder is not None:
            return (self._folder / key).is_file()
        return bool(self._remote.isfile(f"{self._root}/{key}"))

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """Give a path that the file can be read from until the end of the block.

        Raises:
            RequestError: If there is none.
        """
        if not self.has(key):
            raise RequestError(f"there is no file {key}")
        if self._folder is not None:
            yield self._folder / key
            return
        with TemporaryDirectory(prefix="wideopen-") as folder:
            path = Path(folder) / key.rsplit("/", 1)[1]
            self._remote.get_file(f"{self._root}/{key}", str(path))
            yield path

    def read(self, key: str) -> bytes:
        """Read a file.

        Raises:
            RequestError: If there is none.
        """
        with self.local(key) as path:
            return path.read_bytes()

    def keys(self, under: str = "") -> list[str]:
        """List all keys, or those below one such as ``galleries/7``."""
        if under:
            _refuse_key(f"{under}/x")
        if self._folder is not None:
            found = (each for each in (self._folder / under).rglob("*") if each.is_file())
            names = [each.relative_to(self._folder).as_posix() for each in found]
        else:
            place = f"{self._root}/{under}".rstrip("/")
            listed: Any = self._remote.find(place) if self._remote.exists(place) else []
            names = [str(each).removeprefix(self._root).lstrip("/") for each in listed]
        return sorted(name for name in names if _KEY.fullmatch(name))


def _refuse_key(key: str) -> None:
    if not _KEY.fullmatch(key) or ".." in key:
        raise RequestError(f"{key[:80]!r} is no name of a file here")
