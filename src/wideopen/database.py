"""Database: SQLite in a file or PostgreSQL by its address, safe under many threads and processes.

What was written and acknowledged is on disk.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from wideopen.errors import RequestError, WideopenError

_WAIT_S = 30
"""For another process that writes, or for a connection."""
_PAUSE_S = 0.02


class StoreError(WideopenError):
    """The store cannot be written or read: the disk is full, the database is gone. Nothing was kept of this."""


class Database:
    """Connections to one database."""

    def __init__(self, engine: Engine, *, what: str) -> None:
        self.engine = engine
        self._what = what
        # SQLite has one writer at a time; waiting in line is fairer, and quicker, than asking again and again.
        self._turn = Lock() if engine.dialect.name == "sqlite" else nullcontext()

    @classmethod
    def open(cls, file: Path, address: str | None = None, *, what: str, extra: str) -> "Database":
        """Make ready to connect.

        Args:
            file: Holds the database where no address is given.
            address: ``postgresql://...``, of a database for this alone.
            what: Is kept there, for messages, as ``the votes``.
            extra: Of wideopen that brings what PostgreSQL needs.

        Raises:
            RequestError: If the address is none of PostgreSQL, or what it needs is missing.
        """
        return cls(_sqlite(file) if address is None else _postgresql(address, what, extra), what=what)

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read in one transaction.

        Raises:
            StoreError: If that cannot be done.
        """
        with self._told(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Write in one transaction; it is on disk once the block is left, or nothing of it is.

        Raises:
            StoreError: If that cannot be done.
        """
        with self._told(), self._turn, self.engine.execution_options(writes=True).begin() as connection:
            yield connection

    def wait_in_line(self, connection: Connection) -> None:
        """Let one process at a time make tables, until the end of its transaction."""
        if self.engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(3217410254)")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in one line what a database says in many."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            raise StoreError(f"the store of {self._what} cannot be used ({reason}); nothing was changed") from error


def _sqlite(file: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(file)), connect_args={"timeout": _WAIT_S}, pool_timeout=_WAIT_S
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(address: str, what: str, extra: str) -> Engine:
    try:
        url = make_url(address)
        if url.drivername in ("postgres", "postgresql"):
            url = url.set(drivername="postgresql+psycopg")
        if url.drivername != "postgresql+psycopg":
            raise RequestError(
                f"{url.drivername} is no database for {what.removeprefix('the ')}; name one as postgresql://HOST/NAME"
            )
        return create_engine(url, pool_size=10, max_overflow=10, pool_timeout=_WAIT_S, pool_pre_ping=True)
    except (ArgumentError, ValueError) as error:
        raise RequestError("that is no address of a database; name one as postgresql://HOST/NAME") from error
    except ModuleNotFoundError as error:
        raise RequestError(f"PostgreSQL needs psycopg; install wideopen[{extra}]") from error


def _set_up_sqlite(connection: Any, _: object) -> None:  # noqa: ANN401
    # Transactions are begun below, by name, and not by the driver.
    connection.isolation_level = None
    _choose_wal(connection)
    for setting in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {setting}")


def _choose_wal(connection: Any) -> None:  # noqa: ANN401
    """Choose the journal; SQLite itself does not wait for others that do so at the same time."""
    until_s = time.monotonic() + _WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until_s:
                raise
            time.sleep(_PAUSE_S)


def _begin_sqlite(connection: Connection) -> None:
    # Whoever reads first and writes then would be refused where another wrote between.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
