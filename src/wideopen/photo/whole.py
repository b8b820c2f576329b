"""Files that appear whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path beside the wanted one to write to, and move it there when that is done.

    Whatever fails, Ctrl-C included, the file of before stays and nothing else is left.

    Raises:
        OSError: If the place cannot be written.
    """
    beside = path.with_name(f".wideopen-{secrets.token_hex(8)}{path.suffix}")
    try:
        yield beside
        os.replace(beside, path)  # noqa: PTH105
    finally:
        beside.unlink(missing_ok=True)
