"""Rows of a challenge's tables as lines of JSON, out of any database and into any."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Connection, Table, func, inspect, select

from wideopen.challenge.tables import events, jobs, metadata, submissions, workers
from wideopen.database import Database
from wideopen.errors import RequestError

TABLES: tuple[Table, ...] = tuple(metadata.sorted_tables)
"""Those that others refer to first."""
_AT_ONCE = 500


def hold_still(connection: Connection) -> None:
    """Let a transaction that only reads see one moment, whatever others write meanwhile."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def rows_of(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    """Read a table in the order of its keys."""
    query = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=_AT_ONCE)
    for row in connection.execute(query):
        yield dict(row._mapping)


def line_of(row: Mapping[str, Any]) -> bytes:
    """Write a row as a line."""
    return json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def refuse_rows(database: Database, where: str) -> None:
    """Refuse a database that holds a challenge.

    Raises:
        RequestError: If it does.
        StoreError: If it cannot be read.
    """
    with database.reading() as connection:
        known = inspect(connection)
        for table in TABLES:
            if known.has_table(table.name) and connection.execute(select(table).limit(1)).first() is not None:
                raise RequestError(f"{where} holds a challenge already; name an empty database")


def fill(connection: Connection, table: Table, lines: Iterable[bytes]) -> int:
    """Put lines into an empty table, and let the database count on from there; gives how many there were.

    Raises:
        RequestError: If a line is no row of that table.
    """
    count, batch = 0, []
    for line in lines:
        count += 1
        batch.append(_row(table, line, count))
        if len(batch) == _AT_ONCE:
            connection.execute(table.insert(), batch)
            batch = []
    if batch:
        connection.execute(table.insert(), batch)
    if count and "id" in table.c and connection.dialect.name == "postgresql":
        top = connection.execute(select(func.max(table.c.id))).scalar_one()
        connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), top)))
    return count


def wake(connection: Connection) -> None:
    """Let jobs that ran when the rows were copied wait again, for their workers are another challenge's.

    That costs no attempt, as no worker died. A job that was to stop ends.
    """
    connection.execute(workers.delete())
    running = jobs.c.state == "running"
    connection.execute(jobs.update().where(running, jobs.c.stop).values(state="cancelled"))
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    for row in connection.execute(select(jobs).where(running).order_by(jobs.c.id)).all():
        again = {"state": "waiting", "worker": "", "attempt": max(0, row.attempt - 1)}
        connection.execute(jobs.update().where(jobs.c.id == row.id).values(**again))
        mine = (submissions.c.id == row.submission) & (submissions.c.state == "running")
        connection.execute(submissions.update().where(mine).values(state="waiting"))
        happened = {"at": at, "submission": row.submission, "what": f"{row.kind} taken back"}
        connection.execute(events.insert().values(**happened, text="restored from a backup"))


def _row(table: Table, line: bytes, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"line {number} of {table.name} is no JSON ({error})") from error
    if not isinstance(record, dict) or record.keys() != set(table.c.keys()):
        raise RequestError(f"line {number} of {table.name} is no row of that table")
    for column in table.c:
        if not _fits(column, record[column.name]):
            raise RequestError(
                f"line {number} of {table.name}: {column.name} cannot be {str(record[column.name])[:40]}"
            )
    return record


def _fits(column: Column[Any], value: Any) -> bool:  # noqa: ANN401
    if value is None:
        return bool(column.nullable)
    kind = column.type.python_type
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind
