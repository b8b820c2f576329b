"""Organiser desk: what the organiser sees and decides."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from wideopen.challenge.door import Asker, Door, Number
from wideopen.challenge.records import Records, answered
from wideopen.challenge.store import Team
from wideopen.errors import RequestError

AWAKE_S = 30.0
"""A worker that was heard of so long ago may still work."""
_USUAL_ROWS = 200
Rows = Annotated[int, Query(ge=1, le=1_000_000)]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SentJudgement(_Sent):
    """Whether a team may take part."""

    welcome: Annotated[bool, Field(strict=True)]


class SentOpening(_Sent):
    """That a board is shown; it cannot be hidden again."""

    open: Literal[True]


class OrganiserDesk:
    """Answers the organiser of one challenge."""

    def __init__(self, folder: Path, records: Records, door: Door) -> None:
        self._folder, self._records, self._door = folder, records, door
        self._store, self._queue = records.store, records.queue

    def overview(self, request: Request, rows: Rows = _USUAL_ROWS) -> Response:
        """Tell all there is; of the submissions the last ``rows``."""
        self._door.organiser(request)
        asker, timed = Asker(organises=True), self._queue.results("time")
        submissions = self._store.submissions()
        by_team, by_phase = Counter(each.team for each in submissions), Counter(each.phase for each in submissions)
        shown = reversed(submissions[-rows:])
        counts = sorted(self._queue.counts().items())
        workers = self._queue.workers()
        record = {
            "title": self._store.plan.title,
            "now": self._store.stamp(),
            "command": f"wideopen challenge work {self._folder}",
            "awake": sum(each.silent_s < AWAKE_S for each in workers),
            "workers": [
                {"name": each.name, "host": each.host, "silent_s": each.silent_s, "job": each.job} for each in workers
            ],
            "queue": [{"kind": kind, "state": state, "count": count} for (kind, state), count in counts],
            "phases": [
                self._records.phase(phase) | {"submissions": by_phase[phase.name]} for phase in self._store.plan.phases
            ],
            "teams": [self._team(team) | {"submissions": by_team[team.id]} for team in self._store.teams()],
            "total": len(submissions),
            "submissions": [self._records.submission(each, asker, timed) for each in shown],
        }
        return answered(record)

    def judge(self, request: Request, number: Number, sent: SentJudgement) -> dict[str, Any]:
        """Let a team take part, or keep it out."""
        self._door.organiser(request)
        try:
            return self._team(self._store.judge_team(number, welcome=sent.welcome))
        except RequestError as error:
            raise HTTPException(404, str(error)) from error

    def open_board(self, request: Request, phase: str, sent: SentOpening) -> dict[str, Any]:
        """Show a board to everybody, for good."""
        self._door.organiser(request)
        try:
            self._store.open_board(phase)
        except RequestError as error:
            raise HTTPException(404, str(error)) from error
        return self._records.phase(self._store.plan.phase(phase))

    def cancel(self, request: Request, number: Number) -> dict[str, Any]:
        """Cancel any submission that has not ended; it then does not count for its team."""
        self._door.organiser(request)
        cancelled = self._queue.cancel(number)
        found = self._store.submission(number)
        if found is None:
            raise HTTPException(404, f"there is no submission {number}")
        if not cancelled and found.state != "cancelled":
            raise HTTPException(409, f"submission {number} has ended already ({found.state}); it stays")
        return self._records.submission(found, Asker(organises=True), self._queue.results("time"))

    def _team(self, team: Team) -> dict[str, Any]:
        return self._records.team(team) | {"blocked": team.blocked is not None}
