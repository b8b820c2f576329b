"""Store: the teams of a challenge and what they submitted.

What was acknowledged is on disk. Rows are added or go on to their next state, and every such step stays in the history.
"""

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, func, inspect, select

from wideopen.challenge.plan import Kind, Phase, Plan, read_plan
from wideopen.challenge.sheet import FactSheet
from wideopen.challenge.tables import VERSION, about, events, jobs, metadata, opened, submissions, teams
from wideopen.database import Database
from wideopen.errors import RequestError

FILE = "challenge.db"
MOST_NAME = 60
State = Literal["waiting", "running", "scored", "refused", "failed", "cancelled"]
"""Of a submission. ``refused``: it cannot be scored, and the team can mend that; ``failed``: scoring ended badly."""
ENDS = ("scored", "refused", "failed", "cancelled")


class QuotaError(RequestError):
    """More submissions than the phase allows, or at another time."""


@dataclass(frozen=True)
class Team:
    """One that takes part."""

    id: int
    name: str
    created: str
    """UTC, ISO 8601; so are the other times."""
    approved: str | None
    blocked: str | None


@dataclass(frozen=True)
class Upload:
    """A file that came in whole, was looked at, and is kept."""

    file: str
    """Its key in the challenge's files."""
    file_name: str
    """As the team calls it."""
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Submission:
    """An answer of a team to a phase, and what became of it."""

    id: int
    team: int
    phase: str
    track: str
    kind: Kind
    upload: Upload
    sheet: FactSheet
    at: str
    state: State
    spent: bool
    """Whether it counts against the team's limits."""
    why: str
    """What ended it, where it was not scored."""
    score: str | None
    """Key of its Score in the challenge's files."""


def open_store(folder: Path, database: str | None = None, *, clock: Callable[[], datetime] | None = None) -> "Store":
    """Open the store of a challenge, and make what is missing.

    Args:
        folder: Of the challenge; ``challenge.db`` in it is the store where no database is named.
        database: Address of a PostgreSQL database for this challenge alone, ``postgresql://...``.
        clock: Tells the time, for tests.

    Raises:
        RequestError: If there is no challenge, or the database is of another version.
        StoreError: If it cannot be opened.
    """
    plan = read_plan(folder)
    opened_database = Database.open(folder / FILE, database, what="the challenge", extra="challenge")
    store = Store(plan, opened_database, clock or (lambda: datetime.now(UTC)))
    try:
        store._prepare()
    except BaseException:
        store.close()
        raise
    return store


class Store:
    """Teams, submissions and boards of one challenge. Any number of threads and processes may use it at once."""

    def __init__(self, plan: Plan, database: Database, clock: Callable[[], datetime]) -> None:
        self.plan = plan
        self.database = database
        self._clock = clock

    @property
    def engine(self) -> Engine:
        """What connects."""
        return self.database.engine

    def close(self) -> None:
        """Give all connections back."""
        self.database.close()

    def now(self) -> datetime:
        """The moment, in UTC."""
        return self._clock().astimezone(UTC)

    def stamp(self) -> str:
        """The moment as it is stored."""
        return self.now().isoformat(timespec="milliseconds")

    def add_team(self, name: str) -> tuple[Team, str]:
        """Sign a team up; gives it and its token, which is told this once and kept as a checksum alone.

        Raises:
            RequestError: If the name cannot be, or is taken, in whatever letters.
            StoreError: If it cannot be kept.
        """
        name = " ".join(unicodedata.normalize("NFC", name).split())
        if not 1 <= len(name) <= MOST_NAME or not name.isprintable():
            raise RequestError(f"a team's name has 1 to {MOST_NAME} letters that can be printed")
        token = secrets.token_urlsafe(24)
        values = {"name": name, "folded": _folded(name), "token_sha256": _digest(token), "created": self.stamp()}
        if self.plan.sign_up == "open":
            values["approved"] = values["created"]
        with self.database.writing() as connection:
            # Others that sign up wait here.
            connection.execute(select(about).with_for_update()).all()
            if connection.execute(select(teams.c.id).where(teams.c.folded == values["folded"])).first():
                raise RequestError(f"there is a team {name!r} already; choose another name")
            row = connection.execute(teams.insert().values(**values).returning(teams)).one()
            self.note(connection, "signed up", team=row.id)
            return team_of(row), token

    def team(self, token: str) -> Team | None:
        """Tell whose token this is; nobody's where the organiser blocked the team."""
        digest = _digest(token)
        with self.database.reading() as connection:
            row = connection.execute(select(teams).where(teams.c.token_sha256 == digest)).one_or_none()
        if row is None or not hmac.compare_digest(row.token_sha256, digest) or row.blocked is not None:
            return None
        return team_of(row)

    def teams(self) -> list[Team]:
        """List all teams in the order in which they came."""
        with self.database.reading() as connection:
            return [team_of(row) for row in connection.execute(select(teams).order_by(teams.c.id))]

    def judge_team(self, team: int, *, welcome: bool) -> Team:
        """Let a team submit, or keep it out.

        Raises:
            RequestError: If there is no such team.
            StoreError: If it cannot be kept.
        """
        values = {"approved": self.stamp(), "blocked": None} if welcome else {"blocked": self.stamp()}
        with self.database.writing() as connection:
            changed = connection.execute(teams.update().where(teams.c.id == team).values(**values).returning(teams))
            row = changed.one_or_none()
            if row is None:
                raise RequestError(f"there is no team {team}")
            self.note(connection, "approved" if welcome else "blocked", team=team)
            return team_of(row)

    def submit(
        self, team: int, phase: str, track: str, kind: Kind, upload: Upload, sheet: FactSheet, *, request: str
    ) -> Submission:
        """Take a submission, if the phase is open and the team has some left; its scoring then waits for a worker.

        Args:
            team: Of `Team.id`.
            phase: Of the plan.
            track: Of the plan.
            kind: Pictures or a model.
            upload: What was kept of it.
            sheet: Its fact sheet.
            request: Chosen by whoever submits; the same one again gives what the first one gave.

        Raises:
            QuotaError: If the phase is closed, or there are no submissions left; it says until when.
            RequestError: If the team may not submit, or the phase takes no such thing.
            StoreError: If it cannot be kept; then nothing was.
        """
        asked = self.plan.phase(phase)
        self.plan.track(track)
        with self.database.writing() as connection:
            # Two submissions of one team wait for one another here.
            row = connection.execute(select(teams).where(teams.c.id == team).with_for_update()).one_or_none()
            if row is None or row.blocked is not None or row.approved is None:
                raise RequestError("this team may not submit yet; the organiser has to approve it")
            mine = (submissions.c.team == team) & (submissions.c.request == request)
            same = connection.execute(select(submissions).where(mine)).one_or_none()
            if same is not None:
                return submission_of(same)
            self._refuse(connection, team, asked, kind)
            values = {
                "team": team, "phase": phase, "track": track, "kind": kind, "sheet": sheet.to_json(),
                "request": request,
                "at": self.stamp(), "day": self.now().date().isoformat(), "state": "waiting", "spent": True, "why": "",
                "file": upload.file, "file_name": upload.file_name, "bytes": upload.bytes, "sha256": upload.sha256,
            }  # fmt: skip
            added = connection.execute(submissions.insert().values(**values).returning(submissions)).one()
            connection.execute(jobs.insert().values(submission=added.id, kind="score", state="waiting"))
            self.note(connection, "waiting", submission=added.id, team=team)
            return submission_of(added)

    def requested(self, team: int, request: str) -> Submission | None:
        """Find what a team submitted by a request, if it did."""
        mine = (submissions.c.team == team) & (submissions.c.request == request)
        with self.database.reading() as connection:
            row = connection.execute(select(submissions).where(mine)).one_or_none()
        return None if row is None else submission_of(row)

    def refuse_early(self, team: int, phase: str, kind: Kind) -> None:
        """Refuse what `submit` would refuse now, before anything is kept.

        Raises:
            QuotaError: If the phase is closed, or there are no submissions left; it says until when.
            RequestError: If there is no such phase, or it takes no such thing.
        """
        with self.database.reading() as connection:
            self._refuse(connection, team, self.plan.phase(phase), kind)

    def left(self, team: int, phase: str) -> tuple[int, int]:
        """How many submissions a team has left in a phase, today and in all."""
        asked = self.plan.phase(phase)
        with self.database.reading() as connection:
            return self._left(connection, team, asked)

    def _left(self, connection: Connection, team: int, phase: Phase) -> tuple[int, int]:
        spent = (submissions.c.team == team) & (submissions.c.phase == phase.name) & submissions.c.spent
        count = select(func.count()).select_from(submissions)
        today = connection.execute(count.where(spent, submissions.c.day == self.now().date().isoformat())).scalar_one()
        total = connection.execute(count.where(spent)).scalar_one()
        in_all = max(0, phase.in_all - total)
        return min(in_all, max(0, phase.per_day - today)), in_all

    def _refuse(self, connection: Connection, team: int, phase: Phase, kind: Kind) -> None:
        if not phase.is_open(self.now()):
            raise QuotaError(
                f"the phase {phase.name} takes submissions from {phase.begins} until {phase.ends}, not now"
            )
        if kind not in phase.takes:
            raise RequestError(f"the phase {phase.name} takes {' and '.join(phase.takes)}, not {kind}")
        today, in_all = self._left(connection, team, phase)
        if in_all < 1:
            raise QuotaError(f"all {phase.in_all} submissions of the phase {phase.name} are used")
        if today < 1:
            raise QuotaError(f"all {phase.per_day} submissions of today are used; the next day begins at 00:00 UTC")

    def submission(self, id_: int) -> Submission | None:
        """Find a submission."""
        with self.database.reading() as connection:
            row = connection.execute(select(submissions).where(submissions.c.id == id_)).one_or_none()
        return None if row is None else submission_of(row)

    def submissions(self, *, team: int | None = None, phase: str | None = None) -> list[Submission]:
        """List submissions in the order in which they came."""
        query = select(submissions).order_by(submissions.c.id)
        if team is not None:
            query = query.where(submissions.c.team == team)
        if phase is not None:
            query = query.where(submissions.c.phase == phase)
        with self.database.reading() as connection:
            return [submission_of(row) for row in connection.execute(query)]

    def open_board(self, phase: str) -> None:
        """Show a hidden board to everybody, for good.

        Raises:
            RequestError: If there is no such phase.
            StoreError: If it cannot be kept.
        """
        self.plan.phase(phase)
        with self.database.writing() as connection:
            connection.execute(select(about).with_for_update()).all()
            if not connection.execute(select(opened).where(opened.c.phase == phase)).first():
                connection.execute(opened.insert().values(phase=phase, at=self.stamp()))
                self.note(connection, "board opened", text=phase)

    def shows_board(self, phase: str) -> bool:
        """Tell whether everybody may see a phase's board."""
        if self.plan.phase(phase).board == "live":
            return True
        with self.database.reading() as connection:
            return connection.execute(select(opened).where(opened.c.phase == phase)).first() is not None

    def history(self, submission: int) -> list[tuple[str, str, str]]:
        """All that happened to a submission: when, what, and a text."""
        query = select(events).where(events.c.submission == submission).order_by(events.c.id)
        with self.database.reading() as connection:
            return [(row.at, row.what, row.text) for row in connection.execute(query)]

    def note(
        self,
        connection: Connection,
        what: str,
        *,
        submission: int | None = None,
        team: int | None = None,
        text: str = "",
    ) -> None:
        """Add a line to the history, in a transaction of the caller's."""
        values = {"at": self.stamp(), "submission": submission, "team": team, "what": what, "text": text}
        connection.execute(events.insert().values(**values))

    def _prepare(self) -> None:
        with self.database.reading() as connection:
            there = inspect(connection).has_table(about.name)
        if not there:
            with self.database.writing() as connection:
                self.database.wait_in_line(connection)
                metadata.create_all(connection)
                if not connection.execute(select(about)).all():
                    connection.execute(about.insert().values(name="version", value=str(VERSION)))
        with self.database.reading() as connection:
            found = {row.name: row.value for row in connection.execute(select(about))}
        if found.get("version") != str(VERSION):
            raise RequestError(
                f"this challenge's database is of version {found.get('version')}, and this wideopen knows {VERSION}; "
                "use the wideopen that made it"
            )


def team_of(row: Row[Any]) -> Team:
    """Make a team of its row."""
    return Team(row.id, row.name, row.created, row.approved, row.blocked)


def submission_of(row: Row[Any]) -> Submission:
    """Make a submission of its row."""
    return Submission(
        id=row.id,
        team=row.team,
        phase=row.phase,
        track=row.track,
        kind=row.kind,
        upload=Upload(row.file, row.file_name, row.bytes, row.sha256),
        sheet=FactSheet.from_json(row.sheet),
        at=row.at,
        state=row.state,
        spent=row.spent,
        why=row.why,
        score=row.score,
    )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
