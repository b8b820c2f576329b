"""Queue: jobs that wait for a worker, one worker each, with a clear end.

A worker takes a job and says again and again that it lives. One that falls silent is dead; its job is taken again
once. Whatever a worker says about a job that is no longer its own is not heard, so nothing is scored twice.
"""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, select

from wideopen.challenge.store import ENDS, State, Store, Submission, submission_of
from wideopen.challenge.tables import about, jobs, submissions, workers
from wideopen.errors import RequestError

JobKind = Literal["score", "time"]
SILENT_S = 60.0
"""A worker that has said nothing for so long is dead."""
MOST_ATTEMPTS = 2
_HEARD_EVERY_S = 5.0
_GONE_S = 86_400.0
_DEAD = "the worker died twice while it worked on this; submit it again, it does not count"


@dataclass(frozen=True)
class Job:
    """Work on a submission, as it was taken."""

    id: int
    kind: JobKind
    attempt: int
    worker: str
    submission: Submission


@dataclass(frozen=True)
class Worker:
    """Who asked for work within the last day."""

    name: str
    host: str
    silent_s: float
    """Since it was last heard of."""
    job: tuple[JobKind, int] | None
    """What it works on, and of which submission."""


class Queue:
    """The jobs of a challenge."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def take(self, worker: str, host: str, *, kinds: tuple[JobKind, ...] = ("score", "time")) -> Job | None:
        """Take the oldest job that waits, or that a dead worker left.

        A runtime is measured alone: while nothing else runs on that host, and nothing else is begun there meanwhile.

        Args:
            worker: A name of its own.
            host: The machine that it runs on.
            kinds: That it can do.

        Raises:
            StoreError: If the database cannot be used.
        """
        with self.store.database.writing() as connection:
            # Workers choose one after the other.
            connection.execute(select(about).with_for_update()).all()
            self._bury(connection)
            self._hear(connection, worker, host)
            running = connection.execute(
                select(jobs.c.kind).where(jobs.c.state == "running", jobs.c.host == host)
            ).all()
            if any(row.kind == "time" for row in running):
                return None
            possible = [kind for kind in kinds if kind == "score" or not running]
            query = select(jobs).where(jobs.c.state == "waiting", jobs.c.kind.in_(possible)).order_by(jobs.c.id)
            # Scores first: a runtime asks for quiet.
            rows = sorted(connection.execute(query).all(), key=lambda row: row.kind != "score")
            if not rows:
                return None
            taken = {"state": "running", "attempt": rows[0].attempt + 1, "beat_s": self._now_s()}
            row = connection.execute(
                jobs.update().where(jobs.c.id == rows[0].id).values(**taken, worker=worker, host=host).returning(jobs)
            ).one()
            found = connection.execute(select(submissions).where(submissions.c.id == row.submission)).one()
            if row.kind == "score":
                found = self._step(connection, row.submission, "running")
            self.store.note(connection, f"{row.kind} begun", submission=row.submission, text=f"attempt {row.attempt}")
            return Job(row.id, row.kind, row.attempt, worker, submission_of(found))

    def beat(self, job: Job) -> bool:
        """Say that a job's worker lives; false where it shall stop, for the job is cancelled or another's."""
        with self.store.database.writing() as connection:
            changed = connection.execute(
                jobs.update().where(_own(job)).values(beat_s=self._now_s()).returning(jobs.c.stop)
            ).one_or_none()
            return changed is not None and not changed.stop

    def finish(self, job: Job, state: State, *, why: str = "", result: str | None = None, ours: bool = False) -> bool:
        """Say what became of a job; false where it is no longer this worker's, and nothing was changed.

        Args:
            job: As it was taken.
            state: ``scored``, ``refused`` or ``failed``.
            why: For the team, where it was not scored; may be several lines of a log.
            result: Key of the Score, or of the runtime's Score for a job of that kind.
            ours: Whether the fault is the organiser's, so that it does not count for the team.
        """
        with self.store.database.writing() as connection:
            ended = connection.execute(
                jobs.update()
                .where(_own(job) & ~jobs.c.stop)
                .values(state="done" if state == "scored" else "failed", why=why, result=result)
                .returning(jobs)
            ).one_or_none()
            if ended is None:
                self._stop(connection, job)
                return False
            if job.kind == "score":
                self._step(connection, job.submission.id, state, why=why, score=result, spent=not ours)
                if state == "scored" and job.submission.kind == "model":
                    connection.execute(jobs.insert().values(submission=job.submission.id, kind="time", state="waiting"))
            self.store.note(connection, f"{job.kind} {state}", submission=job.submission.id, text=why)
            return True

    def give_back(self, job: Job) -> bool:
        """Put back a job that its worker leaves, as if it had not been taken; false where it is no longer its own."""
        with self.store.database.writing() as connection:
            left = {"state": "waiting", "worker": "", "attempt": job.attempt - 1}
            mine = connection.execute(
                jobs.update().where(_own(job) & ~jobs.c.stop).values(**left).returning(jobs.c.id)
            ).one_or_none()
            if mine is None:
                self._stop(connection, job)
                return False
            if job.kind == "score":
                self._step(connection, job.submission.id, "waiting")
            self.store.note(connection, f"{job.kind} given back", submission=job.submission.id, text=job.worker)
            return True

    def cancel(self, submission: int) -> bool:
        """Cancel a submission that has not ended, which then does not count; false where it has."""
        with self.store.database.writing() as connection:
            connection.execute(select(about).with_for_update()).all()
            found = connection.execute(select(submissions).where(submissions.c.id == submission)).one_or_none()
            if found is None or found.state in ENDS:
                return False
            self._step(connection, submission, "cancelled", why="cancelled", spent=False)
            mine = jobs.c.submission == submission
            connection.execute(jobs.update().where(mine, jobs.c.state == "waiting").values(state="cancelled"))
            # A running one stops at its next beat; what it finds is not heard.
            connection.execute(jobs.update().where(mine, jobs.c.state == "running").values(stop=True))
            self.store.note(connection, "cancelled", submission=submission)
            return True

    def set_runtime(self, submission: int, key: str | None) -> None:
        """Say where a runtime's Score is that was measured elsewhere; without a key, have it measured again.

        Raises:
            RequestError: If the submission has no Score yet, or its runtime is being measured just now.
        """
        timing = (jobs.c.submission == submission) & (jobs.c.kind == "time")
        values = {"state": "waiting" if key is None else "done", "result": key, "attempt": 0, "why": "", "stop": False}
        with self.store.database.writing() as connection:
            connection.execute(select(about).with_for_update()).all()
            found = connection.execute(select(submissions).where(submissions.c.id == submission)).one_or_none()
            if found is None or found.state != "scored":
                raise RequestError(f"there is no submission {submission} that is scored; runtimes stand beside Scores")
            if key is None and found.kind != "model":
                raise RequestError(f"submission {submission} is pictures, whose runtime cannot be measured here")
            known = connection.execute(select(jobs.c.state).where(timing)).one_or_none()
            if known is not None and known.state == "running":
                raise RequestError(f"the runtime of submission {submission} is being measured; wait for its end")
            if known is None:
                connection.execute(jobs.insert().values(submission=submission, kind="time", **values))
            else:
                connection.execute(jobs.update().where(timing).values(**values))
            told = "time waiting" if key is None else "time given"
            self.store.note(connection, told, submission=submission, text=key or "")

    def results(self, kind: JobKind) -> dict[int, str]:
        """Keys of what the jobs of a kind gave, by submission."""
        query = select(jobs.c.submission, jobs.c.result).where(jobs.c.kind == kind, jobs.c.result.is_not(None))
        with self.store.database.reading() as connection:
            return {row.submission: row.result for row in connection.execute(query)}

    def counts(self) -> dict[tuple[str, str], int]:
        """How many jobs there are of each kind and state."""
        with self.store.database.reading() as connection:
            found: dict[tuple[str, str], int] = {}
            for row in connection.execute(select(jobs.c.kind, jobs.c.state)):
                found[row.kind, row.state] = found.get((row.kind, row.state), 0) + 1
            return found

    def workers(self) -> list[Worker]:
        """List the workers of the last day, those heard of last first."""
        with self.store.database.reading() as connection:
            heard = {row.name: (row.host, row.heard_s) for row in connection.execute(select(workers))}
            works: dict[str, tuple[JobKind, int]] = {}
            for row in connection.execute(select(jobs).where(jobs.c.state == "running")):
                works[row.worker] = (row.kind, row.submission)
                heard[row.worker] = (row.host, max(row.beat_s, heard.get(row.worker, ("", 0.0))[1]))
        now_s = self._now_s()
        found = [Worker(name, host, max(0.0, now_s - at), works.get(name)) for name, (host, at) in heard.items()]
        return sorted((each for each in found if each.silent_s < _GONE_S), key=lambda each: (each.silent_s, each.name))

    def _hear(self, connection: Connection, worker: str, host: str) -> None:
        """Keep that a worker asked, not every time."""
        now_s, mine = self._now_s(), workers.c.name == worker
        known = connection.execute(select(workers).where(mine)).one_or_none()
        if known is None:
            connection.execute(workers.delete().where(workers.c.heard_s < now_s - _GONE_S))
            connection.execute(workers.insert().values(name=worker, host=host, heard_s=now_s))
        elif known.heard_s < now_s - _HEARD_EVERY_S:
            connection.execute(workers.update().where(mine).values(host=host, heard_s=now_s))

    def _bury(self, connection: Connection) -> None:
        """Put the jobs of dead workers back once, and end them the second time."""
        silent = (jobs.c.state == "running") & (jobs.c.beat_s < self._now_s() - SILENT_S)
        for row in connection.execute(select(jobs).where(silent)).all():
            if row.stop:
                connection.execute(jobs.update().where(jobs.c.id == row.id).values(state="cancelled"))
            elif row.attempt < MOST_ATTEMPTS:
                connection.execute(jobs.update().where(jobs.c.id == row.id).values(state="waiting", worker=""))
                if row.kind == "score":
                    self._step(connection, row.submission, "waiting")
                self.store.note(connection, f"{row.kind} taken back", submission=row.submission, text=row.worker)
            else:
                connection.execute(jobs.update().where(jobs.c.id == row.id).values(state="failed", why=_DEAD))
                if row.kind == "score":
                    self._step(connection, row.submission, "failed", why=_DEAD, spent=False)
                self.store.note(connection, f"{row.kind} failed", submission=row.submission, text=_DEAD)

    def _stop(self, connection: Connection, job: Job) -> None:
        """End a job that was cancelled while it ran."""
        connection.execute(jobs.update().where(_own(job) & jobs.c.stop).values(state="cancelled"))

    @staticmethod
    def _step(connection: Connection, submission: int, state: State, **values: object) -> Row[Any]:
        """Take a submission to its next state, if it has not ended."""
        changed = submissions.update().where(submissions.c.id == submission, submissions.c.state.not_in(ENDS))
        row = connection.execute(changed.values(state=state, **values).returning(submissions)).one_or_none()
        return row or connection.execute(select(submissions).where(submissions.c.id == submission)).one()

    def _now_s(self) -> float:
        return self.store.now().timestamp()


def _own(job: Job) -> ColumnElement[bool]:
    """Rows that are this job as it was taken."""
    mine = (jobs.c.id == job.id) & (jobs.c.state == "running")
    return mine & (jobs.c.worker == job.worker) & (jobs.c.attempt == job.attempt)
