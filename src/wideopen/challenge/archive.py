"""Archive: all of a challenge in one zip, and a challenge out of one.

```
backup.json            format, version of the tables, when; bytes and SHA-256 of each of the others
challenge.json  key
tables/NAME.jsonl      the rows
public/…  hidden/…
files/KEY              what the rows name
```

Whoever has it has the hidden truth and the organiser's link.
"""

import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wideopen.challenge.archive_rows import TABLES, fill, hold_still, line_of, refuse_rows, rows_of, wake
from wideopen.challenge.archive_zip import LIST, Entry, Reader, Writer, opened, refuse_room, writing
from wideopen.challenge.files import Files
from wideopen.challenge.links import KEY
from wideopen.challenge.mos import JOINED
from wideopen.challenge.plan import PLAN, read_plan
from wideopen.challenge.store import ENDS, FILE, open_store
from wideopen.challenge.tables import VERSION, events, jobs, metadata, submissions
from wideopen.database import Database
from wideopen.errors import RequestError, WideopenError
from wideopen.typed import made

FORMAT = "challenge-backup/1"
FILES = "files"
FOLDERS = ("public", "hidden")
_ROWS = {f"tables/{table.name}.jsonl": table for table in TABLES}
_PART = "part"
"""On its way to files that are elsewhere."""
_NAMED = ("uploads", "scores", "mos")
"""Kinds of files that a row names each; those of other kinds belong to the submission whose number they bear."""
Progress = Callable[[int, int], None]
"""Told how many files are done, of how many."""


@dataclass(frozen=True)
class Copied:
    """What a backup holds."""

    made: str
    """When; ISO 8601, UTC."""
    rows: Mapping[str, int]
    """By table."""
    files: int
    """Besides rows."""
    bytes: int
    missing: tuple[str, ...]
    """Keys that rows name, of which there was no file."""


def backup(
    folder: Path, out: Path, database: str | None = None, files: str | None = None, *, progress: Progress | None = None
) -> Copied:
    """Copy a challenge into a zip, whole or not at all; it may be served and worked on meanwhile.

    Rows are of one moment. Files never change and are there before a row names them, so those that the rows name are
    of that moment too. The same challenge gives the same bytes, but for the moment. Uploads under way are left out.

    Args:
        folder: Of the challenge.
        out: The zip, which its owner alone may read.
        database: Its address, if it is PostgreSQL.
        files: Their address, if they are not in the folder.
        progress: See `Progress`.

    Raises:
        RequestError: If there is no challenge, the place is taken or cannot be written, or a file cannot be read.
        StoreError: If the database cannot be read.
    """
    _refuse_out(folder, out)
    place = Files(files or folder / FILES)
    try:
        with closing(open_store(folder, database)) as store, writing(out) as archive:
            for name in (PLAN, KEY):
                if (folder / name).is_file():
                    archive.copy(name, folder / name)
            rows, named = _write_rows(store.database, archive)
            keys = named.among(place.keys())
            _copy_files(archive, folder, place, keys, progress)
            missing = tuple(sorted(named.keys - set(keys)))
            facts = _Facts(FORMAT, VERSION, datetime.now(UTC).isoformat(timespec="seconds"), rows, missing)
            archive.close_with(asdict(facts))
            return _copied(facts, archive.entries)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise RequestError(f"{out} cannot be made ({where}{error.strerror or error})") from error


def restore(
    archive: Path,
    folder: Path,
    database: str | None = None,
    files: str | None = None,
    *,
    progress: Progress | None = None,
) -> Copied:
    """Make a challenge out of a backup, all or nothing of it; tokens and links are those of before.

    All checksums are checked before anything is written. Jobs that ran wait again.

    Args:
        archive: The zip.
        folder: Of the challenge: empty, or not there yet.
        database: Address of an empty PostgreSQL database; SQLite in the folder without.
        files: Address of an empty place for files; in the folder without.
        progress: See `Progress`; each file counts twice, once checked and once written.

    Raises:
        RequestError: If a place holds something, or the archive is broken, of another version, or no honest one.
        StoreError: If the database cannot be used.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RequestError(f"{folder} is there already; a backup never replaces anything, so choose another name")
    place = None if files is None else Files(files)
    if place is not None and place.keys():
        raise RequestError(f"{files} holds files already; name an empty place")
    if database is not None:
        with closing(_database(folder, database)) as there:
            refuse_rows(there, "the database")
    with opened(archive, FORMAT, is_known=_is_known) as found:
        facts = _facts_of(found)
        _check(found, progress)
        refuse_room(folder, sum(entry.bytes for entry in found.entries.values()))
        restoring = _Restoring(found, folder, database, place, progress)
        try:
            restoring.run()
        except (OSError, WideopenError) as error:
            if isinstance(error, WideopenError) and not restoring.put:
                raise
            reason = f"{folder} cannot be written ({error.strerror or error})" if isinstance(error, OSError) else error
            left = f"; {restoring.put} files are left at {files}, so remove them" if restoring.put else ""
            raise RequestError(f"{reason}{left}") from error
        return _copied(facts, found.entries)


@dataclass(frozen=True)
class _Facts:
    """What a backup's list says besides entries."""

    wideopen: str
    tables: int
    made: str
    rows: dict[str, int]
    missing: tuple[str, ...]


class _Named:
    """What rows say of files."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self._ended: set[str] = set()

    def look(self, table: str, row: Mapping[str, Any]) -> None:
        """Note what a row names."""
        if table == submissions.name:
            self.keys.update(key for key in (row["file"], row["score"]) if key)
            if row["state"] in ENDS:
                self._ended.add(str(row["id"]))
        elif table == jobs.name and row["result"]:
            self.keys.add(row["result"])
        elif table == events.name and row["what"] == JOINED:
            self.keys.add(row["text"])

    def among(self, keys: list[str]) -> list[str]:
        """Choose the keys that belong to the rows; what a worker had only begun does not."""
        return [key for key in keys if key in self.keys or self._is_of_ended(key)]

    def _is_of_ended(self, key: str) -> bool:
        kind, rest = key.split("/", 1)
        return kind not in _NAMED and rest.split("/")[0].split(".")[0] in self._ended


def _write_rows(database: Database, archive: Writer) -> tuple[dict[str, int], _Named]:
    counts, named = {}, _Named()
    with database.reading() as connection:
        hold_still(connection)
        for name, table in _ROWS.items():
            count = 0
            with archive.entry(name, packed=True) as write:
                for row in rows_of(connection, table):
                    named.look(table.name, row)
                    write(line_of(row))
                    count += 1
            counts[table.name] = count
    return counts, named


def _copy_files(archive: Writer, folder: Path, place: Files, keys: list[str], progress: Progress | None) -> None:
    paths = [path for name in FOLDERS for path in sorted((folder / name).rglob("*")) if path.is_file()]
    total = len(paths) + len(keys)
    for done, path in enumerate(paths, 1):
        archive.copy(path.relative_to(folder).as_posix(), path)
        _tell(progress, done, total)
    for done, key in enumerate(keys, len(paths) + 1):
        with place.local(key) as path:
            archive.copy(f"{FILES}/{key}", path)
        _tell(progress, done, total)


def _copied(facts: _Facts, entries: Mapping[str, Entry]) -> Copied:
    count = sum(name not in _ROWS and name != LIST for name in entries)
    total = sum(entry.bytes for name, entry in entries.items() if name != LIST)
    return Copied(facts.made, facts.rows, count, total, facts.missing)


def _refuse_out(folder: Path, out: Path) -> None:
    if out.suffix.lower() != ".zip":
        raise RequestError(f"{out} is no backup; give a name that ends in .zip")
    if out.exists():
        raise RequestError(f"{out} is there already; a backup never replaces anything, so choose another name")
    inside = [name for name in (*FOLDERS, FILES) if (folder / name).resolve() in out.resolve().parents]
    if inside:
        raise RequestError(f"{out} would lie in the challenge's own {inside[0]}; choose another place")


def _is_known(name: str) -> bool:
    """Tell whether a backup may hold such an entry."""
    if name in (PLAN, KEY, *_ROWS):
        return True
    top, _, rest = name.partition("/")
    return bool(rest) and top in (*FOLDERS, FILES)


def _facts_of(found: Reader) -> _Facts:
    """Read what the list says besides entries."""
    tables = found.facts.get("tables")
    if tables != VERSION:
        raise RequestError(
            f"the backup's tables are of version {str(tables)[:20]}, and this wideopen knows {VERSION}; use the "
            "wideopen that made it"
        )
    facts: _Facts = made(_Facts, found.facts, LIST)
    missing = {PLAN, *_ROWS} - found.entries.keys()
    if missing:
        raise RequestError(f"the backup has no {min(missing)}; take another copy of it")
    return facts


def _check(found: Reader, progress: Progress | None) -> None:
    """Read all of it once, before anything is written."""
    keys = Files(".")
    for done, name in enumerate(found.entries, 1):
        if name.startswith(f"{FILES}/"):
            keys.has(name.removeprefix(f"{FILES}/"))
        with found.open(name) as pieces:
            for _ in pieces:
                pass
        _tell(progress, done, 2 * len(found.entries))


class _Restoring:
    """A backup that is being unpacked."""

    def __init__(
        self, found: Reader, folder: Path, database: str | None, place: Files | None, progress: Progress | None
    ) -> None:
        self._found, self._folder, self._address = found, folder, database
        self._rows: Mapping[str, int] = found.facts["rows"]
        self._place, self._progress = place, progress
        self._done = len(found.entries)
        self.put = 0
        """Files that lie outside of the folder."""

    def run(self) -> None:
        """Unpack all beside the folder, and let it become the folder at last."""
        beside = self._folder.with_name(f".{self._folder.name}.{secrets.token_hex(4)}")
        try:
            beside.mkdir(parents=True)
            for name in self._found.entries:
                if name not in _ROWS:
                    self._unpack(name, beside)
            read_plan(beside)
            with closing(_database(beside, self._address)) as database:
                self._fill(database)
            if self._folder.exists():
                self._folder.rmdir()
            beside.rename(self._folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def _unpack(self, name: str, beside: Path) -> None:
        if self._place is None or not name.startswith(f"{FILES}/"):
            self._found.copy(name, beside / name)
        else:
            self._found.copy(name, beside / _PART)
            self._place.put(name.removeprefix(f"{FILES}/"), beside / _PART)
            self.put += 1
            (beside / _PART).unlink()
        self._tell()

    def _fill(self, database: Database) -> None:
        """Put all rows, or none, into an empty database."""
        with database.writing() as connection:
            database.wait_in_line(connection)
            metadata.create_all(connection)
            for name, table in _ROWS.items():
                with closing(self._found.lines(name)) as lines:
                    count = fill(connection, table, lines)
                if count != self._rows.get(table.name):
                    raise RequestError(f"{name} of the backup has {count} rows, which its list does not say")
                self._tell()
            wake(connection)

    def _tell(self) -> None:
        self._done += 1
        _tell(self._progress, self._done, 2 * len(self._found.entries))


def _database(folder: Path, address: str | None) -> Database:
    return Database.open(folder / FILE, address, what="the challenge", extra="challenge")


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)
