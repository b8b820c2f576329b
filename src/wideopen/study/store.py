"""Store: raters and their votes, in SQLite in the study's folder or in PostgreSQL.

An answer that was acknowledged is on disk, and stays: votes are only ever added, and what was last said counts. They
are ordered by their numbers, never by the clock.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, inspect, select

from wideopen.database import Database, StoreError
from wideopen.errors import RequestError, WideopenError
from wideopen.study.plan import Study, read_study
from wideopen.study.sitting import fingerprint, trials_of
from wideopen.study.tables import VERSION, about, metadata, raters, votes
from wideopen.study.vote import Vote

FILE = "votes.db"
__all__ = ["Answer", "AnsweredError", "ForgottenError", "Rater", "Screen", "Sheet", "Store", "StoreError", "open_store"]


class AnsweredError(WideopenError):
    """The trial was answered meanwhile, so this answer was given without knowing of that one."""


class ForgottenError(WideopenError):
    """The rater was deleted."""


@dataclass(frozen=True)
class Screen:
    """What is known of a rater's screen; nothing else is kept of a person or a browser."""

    width_px: int
    height_px: int
    pixel_ratio: float
    zoom: float
    """As the page says."""
    touch: bool


@dataclass(frozen=True)
class Rater:
    """One who may vote."""

    name: str
    """Random, and opaque."""
    number: int | None
    """Decides the sitting; given with the consent, so that links that nobody opens leave no gap in the balance."""
    consented: str | None
    """UTC, ISO 8601; so are the other times."""
    trained: str | None
    forgotten: str | None


@dataclass(frozen=True)
class Answer:
    """One vote as it was stored."""

    order: int
    """Grows with every vote of the store."""
    rater: str
    trial: int
    level: int
    shown_s: float
    at: str
    request: str
    """Chosen by the page; the same answer sent twice has the same."""
    revision: int
    """How many answers to this trial there were before."""


@dataclass(frozen=True)
class Sheet:
    """A rater, and the last answer to each trial."""

    rater: Rater
    answers: Mapping[int, Answer]


def open_store(folder: Path, database: str | None = None, *, clock: Callable[[], datetime] | None = None) -> "Store":
    """Open the votes of a study, and make what is missing.

    Args:
        folder: Of the study; ``votes.db`` in it holds the votes where no database is named.
        database: Address of a PostgreSQL database for this study alone, ``postgresql://...``.
        clock: Tells the time, for tests.

    Raises:
        RequestError: If there is no study, the database is another study's or of a later version, or its address is
            none.
        StoreError: If it cannot be opened.
    """
    study = read_study(folder)
    opened = Database.open(folder / FILE, database, what="the votes", extra="study")
    store = Store(opened, clock or (lambda: datetime.now(UTC)))
    try:
        store._prepare(study)
    except BaseException:
        store.close()
        raise
    return store


class Store:
    """All that was said in one study. Any number of threads and processes may use it at once."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    @property
    def engine(self) -> Engine:
        """What connects."""
        return self._database.engine

    def close(self) -> None:
        """Give all connections back."""
        self._database.close()

    def add_rater(self) -> str:
        """Add a rater and give its name."""
        name = secrets.token_hex(8)
        with self._database.writing() as connection:
            connection.execute(raters.insert().values(name=name, created=self._now()))
        return name

    def raters(self) -> list[Rater]:
        """List all raters, deleted ones too, in the order in which they were added."""
        with self._database.reading() as connection:
            return [_rater(row) for row in connection.execute(select(raters).order_by(raters.c.id))]

    def sheet(self, rater: str) -> Sheet | None:
        """Give what a rater has answered; nothing where there is no such rater."""
        with self._database.reading() as connection:
            row = connection.execute(select(raters).where(raters.c.name == rater)).one_or_none()
            return None if row is None else self._sheet(connection, row)

    def consent(self, rater: str, screen: Screen) -> Sheet:
        """Keep that a rater agreed, and give it a number; what was said the first time stays.

        Raises:
            ForgottenError: If the rater was deleted.
            StoreError: If this cannot be kept.
        """
        with self._database.writing() as connection:
            # Whoever asks for a number waits here for the one before.
            connection.execute(select(about).with_for_update()).all()
            row = self._locked(connection, rater)
            if row.consented is None:
                highest = connection.execute(select(func.max(raters.c.number))).scalar_one()
                row = self._change(
                    connection,
                    rater,
                    number=0 if highest is None else highest + 1,
                    consented=self._now(),
                    screen_width_px=screen.width_px,
                    screen_height_px=screen.height_px,
                    pixel_ratio=screen.pixel_ratio,
                    zoom=screen.zoom,
                    touch=screen.touch,
                )
            return self._sheet(connection, row)

    def train(self, rater: str) -> Sheet:
        """Keep that a rater has seen the examples.

        Raises:
            ForgottenError: If the rater was deleted.
            StoreError: If this cannot be kept.
        """
        with self._database.writing() as connection:
            row = self._locked(connection, rater)
            if row.trained is None:
                row = self._change(connection, rater, trained=self._now())
            return self._sheet(connection, row)

    def answer(self, rater: str, trial: int, level: int, *, shown_s: float, request: str, revision: int) -> Sheet:
        """Add an answer; once this returns it is on disk.

        Args:
            rater: Its name.
            trial: Number within the sitting.
            level: 1 to 5.
            shown_s: Seconds for which the picture was looked at.
            request: An answer that was stored under this before is not stored again.
            revision: How many answers to this trial the page knows of.

        Raises:
            AnsweredError: If there are more or fewer, or the request was used for another answer.
            ForgottenError: If the rater was deleted.
            StoreError: If this cannot be kept; then nothing was.
        """
        with self._database.writing() as connection:
            row = self._locked(connection, rater)
            sheet = self._sheet(connection, row)
            known = connection.execute(select(votes).where(votes.c.rater == rater, votes.c.request == request))
            same = known.one_or_none()
            if same is not None:
                if (same.trial, same.level) != (trial, level):
                    raise AnsweredError("this request was used for another answer; load the trial again")
                return sheet
            last = sheet.answers.get(trial)
            if revision != (0 if last is None else last.revision + 1):
                raise AnsweredError("this was answered in another window meanwhile; load the trial again")
            values = {"rater": rater, "trial": trial, "level": level, "shown_s": shown_s, "request": request}
            added = connection.execute(
                votes.insert().values(**values, revision=revision, at=self._now()).returning(votes)
            )
            return Sheet(sheet.rater, {**sheet.answers, trial: _answer(added.one())})

    def forget(self, rater: str) -> bool:
        """Delete a rater's votes and all that is known of it but that it was there; false where there is no such one.

        Raises:
            StoreError: If this cannot be done.
        """
        with self._database.writing() as connection:
            found = connection.execute(select(raters.c.name).where(raters.c.name == rater).with_for_update())
            if found.one_or_none() is None:
                return False
            connection.execute(votes.delete().where(votes.c.rater == rater))
            facts = ("consented", "trained", "screen_width_px", "screen_height_px", "pixel_ratio", "zoom", "touch")
            self._change(connection, rater, forgotten=self._now(), **dict.fromkeys(facts))
            return True

    def history(self) -> list[Answer]:
        """List all answers ever given, those that were changed later too, in the order in which they came."""
        with self._database.reading() as connection:
            return [_answer(row) for row in connection.execute(select(votes).order_by(votes.c.id))]

    def votes(self, study: Study) -> list[Vote]:
        """List the last answer to each trial, by rater and trial, with what was shown in it."""
        last = {(answer.rater, answer.trial): answer for answer in self.history()}
        by_rater: dict[str, list[Answer]] = {}
        for _, answer in sorted(last.items()):
            by_rater.setdefault(answer.rater, []).append(answer)
        listed = []
        numbered = [(each.name, each.number) for each in self.raters() if each.number is not None]
        for name, number in sorted(numbered, key=lambda rater: rater[1]):
            trials = trials_of(study, number) if name in by_rater else ()
            for answer in by_rater.get(name, []):
                shown = trials[answer.trial]
                listed.append(
                    Vote(
                        rater=name,
                        trial=answer.trial,
                        picture=shown.picture,
                        method=shown.method,
                        level=answer.level,
                        kind=shown.kind,
                        repeat=shown.repeat,
                        shown_s=answer.shown_s,
                        at=answer.at,
                    )
                )
        return listed

    def _prepare(self, study: Study) -> None:
        found = self._facts()
        if not found:
            facts = [{"name": "version", "value": str(VERSION)}, {"name": "plan", "value": fingerprint(study)}]
            with self._database.writing() as connection:
                self._database.wait_in_line(connection)
                metadata.create_all(connection)
                if not connection.execute(select(about)).all():
                    connection.execute(about.insert(), facts)
            found = self._facts()
        version = found.get("version", "")
        if version != str(VERSION):
            raise RequestError(
                f"the votes of this study are of version {version}, and this wideopen knows {VERSION}; "
                "use a newer wideopen"
            )
        if found.get("plan") != fingerprint(study):
            raise RequestError(
                "these votes were given to another plan than the study's; bring study.json back as it was, "
                "or name another database"
            )

    def _facts(self) -> dict[str, str]:
        with self._database.reading() as connection:
            if not inspect(connection).has_table(about.name):
                return {}
            return {row.name: row.value for row in connection.execute(select(about))}

    def _locked(self, connection: Connection, rater: str) -> Row[Any]:
        """Keep others from changing anything of a rater until the end of the transaction."""
        row = connection.execute(select(raters).where(raters.c.name == rater).with_for_update()).one_or_none()
        if row is None or row.forgotten is not None:
            raise ForgottenError("this rater was deleted, and so were the answers")
        return row

    @staticmethod
    def _change(connection: Connection, rater: str, **values: object) -> Row[Any]:
        return connection.execute(
            raters.update().where(raters.c.name == rater).values(**values).returning(raters)
        ).one()

    @staticmethod
    def _sheet(connection: Connection, row: Row[Any]) -> Sheet:
        rows = connection.execute(select(votes).where(votes.c.rater == row.name).order_by(votes.c.id))
        return Sheet(_rater(row), {each.trial: _answer(each) for each in rows})

    def _now(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="milliseconds")


def _rater(row: Row[Any]) -> Rater:
    return Rater(row.name, row.number, row.consented, row.trained, row.forgotten)


def _answer(row: Row[Any]) -> Answer:
    return Answer(row.id, row.rater, row.trial, row.level, row.shown_s, row.at, row.request, row.revision)
