"""The journal of a build: a line for each pair as soon as it is done, so that a killed run loses nothing."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from wideopen.pairs.manifest import Row
from wideopen.photo.whole import whole_file

JOURNAL = "manifest.journal"
"""Beside the manifest."""


@dataclass(frozen=True)
class Entry:
    """What became of a pair: its row, and the checksums of its pictures, empty where it was refused."""

    row: Row
    original_sha256: str = ""
    bokeh_sha256: str = ""


def read_journal(path: Path) -> dict[str, Entry]:
    """Read what is done, by names. Of several lines of a pair the last counts; a torn one says nothing.

    Raises:
        OSError: If it cannot be read.
    """
    entries: dict[str, Entry] = {}
    for text in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            record = json.loads(text)
            entry = Entry(Row(**record["row"]), record["original_sha256"], record["bokeh_sha256"])
        except (ValueError, KeyError, TypeError):
            continue
        entries[entry.row.name] = entry
    return entries


def append(path: Path, entry: Entry) -> None:
    """Add a line; a torn one before it, of a run that was killed, is ended first.

    Raises:
        OSError: If the place cannot be written.
    """
    text = _line(entry)
    with path.open("ab+") as file:
        if file.seek(0, os.SEEK_END) > 0:
            file.seek(-1, os.SEEK_END)
            text = text if file.read(1) == b"\n" else "\n" + text
        file.write(text.encode("utf-8"))


def rewrite(path: Path, entries: Iterable[Entry]) -> None:
    """Write it anew in the order of the names, whole or not at all; one that says the same is not touched.

    Raises:
        OSError: If the place cannot be written.
    """
    data = "".join(_line(entry) for entry in sorted(entries, key=lambda entry: entry.row.name)).encode("utf-8")
    if path.exists() and path.read_bytes() == data:
        return
    with whole_file(path) as beside:
        beside.write_bytes(data)


def _line(entry: Entry) -> str:
    return json.dumps(asdict(entry), ensure_ascii=False) + "\n"
