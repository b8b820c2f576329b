"""The private folder of one studio, and the names of files in it."""

import atexit
import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

MOST_NAME_BYTES = 120
_PREFIX = "wideopen-studio-"
_FOLDER = re.compile(re.escape(_PREFIX) + r"(\d{1,9})-\w+")
_HELD = "held"
_UNWANTED = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_own: set[Path] = set()


class PrivateFolder:
    """A folder that only this user can look into, and that goes with the program."""

    def __init__(self) -> None:
        remove_leftovers()
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        _own.add(self.path)
        self._held = (self.path / _HELD).open("wb")
        atexit.register(self.close)

    def close(self) -> None:
        """Remove it."""
        atexit.unregister(self.close)
        self._held.close()
        shutil.rmtree(self.path, ignore_errors=True)
        _own.discard(self.path)


def remove_leftovers() -> None:
    """Remove folders of studios that could not do it themselves."""
    with suppress(OSError):
        for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            match = _FOLDER.fullmatch(path.name)
            if match and path not in _own and not path.is_symlink() and not _is_alive(path, int(match[1])):
                shutil.rmtree(path, ignore_errors=True)


def _is_alive(folder: Path, process: int) -> bool:
    """Whether the process that made a folder still runs."""
    if os.name == "nt":  # where a signal of 0 would be Ctrl-C, but no file can go that is held open
        try:
            (folder / _HELD).unlink()
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def safe_name(name: str) -> str:
    """Make a file's name out of whatever was sent: no folder, nothing hidden, nothing that a system refuses.

    Example:
        >>> safe_name("../../etc/passwd")
        'passwd'
    """
    last = re.split(r"[/\\]", name.encode(errors="replace").decode())[-1]
    clean = _UNWANTED.sub("_", last).strip(" .")
    if not clean or _DEVICES.fullmatch(clean):
        clean = f"photo{clean and '-'}{clean}"
    stem, dot, suffix = clean.rpartition(".")
    if not dot or len(suffix) > 10:
        stem, suffix = clean, ""
    room = MOST_NAME_BYTES - len(suffix.encode()) - 1
    stem = stem.encode()[:room].decode(errors="ignore")
    return f"{stem}.{suffix}" if suffix else stem
