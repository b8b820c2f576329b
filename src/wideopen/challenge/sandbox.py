"""Sandbox: runs a Python module where it can harm nothing: no network, no files of others, and an end in any case."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile

from wideopen.challenge.walls import HOOK, LANDLOCK, Bounds, roots
from wideopen.challenge.warden import STOPPED
from wideopen.errors import RequestError, WideopenError

_BOOT = "import json, sys; given = json.loads(sys.argv[1]); sys.path[:] = given['path']; "
_WARDEN = f"{_BOOT}from wideopen.challenge.warden import main; main(given)"
_WALLS = f"{_BOOT}from wideopen.challenge.walls import enter; enter(given)"
_ASK_S = 0.2
_LAST_WORDS_S = 20.0
_SIGNALS = {
    4: "it crashed (illegal instruction)", 6: "it crashed (aborted)", 7: "it crashed (bus error)",
    8: "it crashed (arithmetic)", 9: "the system ended it, perhaps for want of memory",
    11: "it crashed (segmentation fault)", 24: "it used more processor time than it may",
    25: "it wrote a larger file than it may", 31: "it asked the system for what a sandbox may not",
}  # fmt: skip


class SandboxError(WideopenError):
    """A sandbox that cannot be had; no fault of what was to run in it."""


@dataclass(frozen=True)
class Ended:
    """How a process of the sandbox ended."""

    code: int
    why: str
    """Why it had to end; empty where it ended by itself."""
    log: str
    """What it printed last."""
    seconds: float
    peak_mb: float
    """Of memory, with all that it began."""
    walls: tuple[str, ...]
    """That held, by their names in `wideopen.challenge.walls`."""

    @property
    def is_stopped(self) -> bool:
        """Whether the worker itself ended it."""
        return self.why == STOPPED

    def fault(self) -> str:
        """Say why it ended before its end; empty where it did its work or said itself why it cannot."""
        return self.why or ("" if self.code >= 0 else _SIGNALS.get(-self.code, f"it crashed (signal {-self.code})"))


def run(
    module: str,
    words: Sequence[str],
    folder: Path,
    bounds: Bounds,
    *,
    readable: Sequence[Path] = (),
    listable: Sequence[Path] = (),
    secret: Path | None = None,
    stop: Callable[[], bool] = lambda: False,
    place: Path | None = None,
    without: Sequence[str] = (),
) -> Ended:
    """Run a module as ``python -m`` does, in a folder of its own.

    Args:
        module: Its name.
        words: Of its command line.
        folder: That it may write; nothing else, where `walls_say` tells of Landlock.
        bounds: What it may use.
        readable: Files and folders that it may read, besides `folder`, Python and the system's libraries.
        listable: Folders of which it may know the files' names alone.
        secret: A folder that Python's own search for modules must not open to it.
        stop: Asked again and again; it is ended once this is true.
        place: Taken away where the worker ends without doing so; None is `folder`.
        without: Walls to leave out, for tests.

    Raises:
        SandboxError: If it cannot be run at all.
        RequestError: If `secret` lies where everything may be read.
    """
    path = _search(secret)
    inside = {
        "path": path, "bounds": asdict(bounds), "folder": os.path.realpath(folder), "module": module,
        "words": list(words), "readable": [os.path.realpath(each) for each in readable],
        "listable": [os.path.realpath(each) for each in listable], "without": list(without),
    }  # fmt: skip
    python = [sys.executable, "-I", "-c"]
    given = {
        "path": path, "bounds": asdict(bounds), "folder": str(folder), "command": [*python, _WALLS], "inside": inside,
        "worker": os.getpid(), "place": str(place or folder),
    }  # fmt: skip
    with TemporaryFile() as told:
        warden = subprocess.Popen(
            [*python, _WARDEN, json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=told,
            stderr=told,
            env=_environment(folder, bounds),
            start_new_session=True,
        )
        try:
            _wait(warden, stop)
        finally:
            _end(warden)
        told.seek(0)
        lines = told.read().decode("utf-8", "replace").strip().splitlines()
    try:
        record = json.loads(lines[-1])
        return Ended(**{**record, "walls": tuple(record["walls"])})
    except (IndexError, ValueError, TypeError, KeyError) as error:
        said = lines[-1][:200] if lines else f"status {warden.returncode}"
        raise SandboxError(f"a sandbox cannot be had here ({said})") from error


def walls_say(walls: Sequence[str]) -> str:
    """Tell a person what held, and what did not."""
    network = "no network" if HOOK not in walls else "no network as far as Python is asked"
    files = "only its own files" if LANDLOCK in walls else "NOT kept from other files"
    return f"{network}, {files} ({', '.join(walls)})"


def refuse_open(secret: Path) -> None:
    """Refuse a secret that lies where every process of the sandbox may read.

    Raises:
        RequestError: If it does.
    """
    _search(secret)


def _search(secret: Path | None) -> list[str]:
    """Python's search path without places that hold the secret."""
    if secret is None:
        return [each for each in sys.path if each]
    within = [os.path.realpath(secret), *map(str, Path(os.path.realpath(secret)).parents)]
    path = [each for each in sys.path if each and os.path.realpath(each) not in within]
    dropped = {os.path.realpath(each) for each in sys.path} - {os.path.realpath(each) for each in path}
    shown = [each for each in roots() if each in within and each not in dropped]
    if shown:
        raise RequestError(f"{secret} lies in {shown[0]}, which models may read; move the challenge elsewhere")
    return path


def _environment(folder: Path, bounds: Bounds) -> dict[str, str]:
    """What a process finds in its environment: nothing of the worker's."""
    for name in ("home", "tmp"):
        (folder / name).mkdir(exist_ok=True)
    home, temporary = str((folder / "home").resolve()), str((folder / "tmp").resolve())
    made = {"HOME": home, "USERPROFILE": home, "PATH": os.defpath, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    made |= dict.fromkeys(("TMPDIR", "TMP", "TEMP"), temporary)
    if bounds.threads is not None:
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
        made |= dict.fromkeys(names, str(bounds.threads))
    # Without it, Windows begins no process that has sockets.
    return made | {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}


def _wait(warden: "subprocess.Popen[bytes]", stop: Callable[[], bool]) -> None:
    while not stop():
        with suppress(subprocess.TimeoutExpired):
            warden.wait(_ASK_S)
            return


def _end(warden: "subprocess.Popen[bytes]") -> None:
    """Let the warden end what it watches, which it does once nobody holds its standard input."""
    if warden.stdin is not None:
        with suppress(OSError):
            warden.stdin.close()
    try:
        warden.wait(_LAST_WORDS_S)
    except subprocess.TimeoutExpired:
        warden.kill()
        warden.wait()
