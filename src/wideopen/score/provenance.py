"""Where a figure is from: commit, command, checksums."""

import hashlib
import shlex
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

import wideopen
from wideopen.errors import RequestError
from wideopen.pairs.pair import Pair


@cache
def commit() -> str | None:
    """The commit of the checkout that wideopen runs from, ``+`` behind it where files differ; else None."""
    here = Path(wideopen.__file__).parent
    try:
        words = ["git", "-C", str(here), "rev-parse", "--short=12", "HEAD"]
        found = subprocess.run(words, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
        words = ["git", "-C", str(here), "status", "--porcelain", "--untracked-files=no", "--", str(here)]
        changed = subprocess.run(words, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
        # An installed package may lie within someone else's checkout, which does not hold its files.
        held = subprocess.run(
            ["git", "-C", str(here), "ls-files", "--error-unmatch", "__init__.py"], capture_output=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return None if held.returncode else found + ("+" if changed else "")


def release() -> str:
    """The version of the package."""
    return version("wideopen")


def command() -> str:
    """What was typed, without places of this machine: of an absolute path only its last part stays."""
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return shlex.join(["wideopen", *words])


def sha256_of(path: Path) -> str:
    """The checksum of a file.

    Raises:
        RequestError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RequestError(f"{path} cannot be read ({error.strerror or error})") from error


def sha256_of_pairs(pairs: Sequence[Pair]) -> str:
    """One checksum of the names and pictures of pairs, so that scores on other pairs are told apart."""
    total = hashlib.sha256()
    for pair in sorted(pairs, key=lambda pair: pair.name):
        total.update(f"{pair.name}\n{sha256_of(pair.original)}\n{sha256_of(pair.bokeh)}\n".encode())
    return total.hexdigest()
