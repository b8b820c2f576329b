"""Rows: figures that are known already, a line for each, so that a stopped run loses nothing."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from wideopen.errors import RequestError


class Rows:
    """Rows by their keys, in memory and, where there is a file, on disk as soon as they are added."""

    def __init__(self, path: Path | None, *, known: Collection[str]) -> None:
        """Read what an earlier run left; rows of other keys and a torn line count for nothing.

        Raises:
            RequestError: If the file cannot be read.
        """
        self._path = path
        self._rows: dict[str, Mapping[str, Any]] = {}
        for key, row in _read(path) if path is not None and path.exists() else ():
            if key in known:
                self._rows[key] = row

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __getitem__(self, key: str) -> Mapping[str, Any]:
        return self._rows[key]

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, key: str, row: Mapping[str, Any]) -> None:
        """Keep a row.

        Raises:
            RequestError: If it cannot be written.
        """
        self._rows[key] = row
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                # The line break in front ends a line that a killed run left torn.
                file.write("\n" + json.dumps({"key": key, "row": row}))
        except OSError as error:
            raise RequestError(f"{self._path} cannot be written ({error.strerror}); choose another place") from error

    def forget(self) -> None:
        """Remove the file, once all is in its Score."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _read(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise RequestError(f"{path} cannot be read ({error.strerror}); make it readable or remove it") from error
    found: list[tuple[str, Mapping[str, Any]]] = []
    for line in lines:
        try:
            record = json.loads(line)
            key, row = record["key"], record["row"]
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(key, str) and isinstance(row, dict):
            found.append((key, row))
    return found
