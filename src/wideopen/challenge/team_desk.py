"""Team desk: what teams ask for; signing up, uploads, submissions."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Annotated, Any

from fastapi import HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from wideopen.challenge.door import Asker, Door, Number
from wideopen.challenge.intake import inspect
from wideopen.challenge.plan import Kind, Phase
from wideopen.challenge.records import Records, answered
from wideopen.challenge.sheet import FactSheet
from wideopen.challenge.store import QuotaError, Submission, Team
from wideopen.challenge.upload import Uploads

MOST_PIECE_BYTES = 32 << 20
"""Of an upload, in one request."""
ASKED = ("authors", "framework", "hardware", "description")
"""Fields of a fact sheet that must be filled in where the phase asks for one."""
Offset = Annotated[int, Query(ge=0, le=1 << 50)]
"""Of bytes that come, in an upload."""
_KEPT_AT_ONCE = 1 << 20
_MOST_INSPECTIONS = 2
_INSPECTION_WAIT_S = 60.0


class _Sent(BaseModel):
    """What is sent: these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class SentName(_Sent):
    """A team that signs up."""

    name: Annotated[str, Field(strict=True, max_length=500)]


class SentUpload(_Sent):
    """A file that will come."""

    file_name: Annotated[str, Field(strict=True, min_length=1, max_length=500)]
    bytes: Annotated[int, Field(strict=True, ge=0, le=1 << 50)]
    sha256: Annotated[str, Field(strict=True, max_length=64)]


class SentSubmission(_Sent):
    """A file that came, and what is said of it."""

    upload: Annotated[str, Field(strict=True, max_length=64)]
    phase: Annotated[str, Field(strict=True, max_length=40)]
    track: Annotated[str, Field(strict=True, max_length=40)]
    kind: Kind
    sheet: dict[str, Any]
    request: Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9-]{8,64}$")]


class TeamDesk:
    """Answers the teams of one challenge."""

    def __init__(self, folder: Path, records: Records, uploads: Uploads, door: Door) -> None:
        self._folder, self._records, self._uploads, self._door = folder, records, uploads, door
        self._store, self._plan = records.store, records.store.plan
        self._inspections = BoundedSemaphore(_MOST_INSPECTIONS)

    def sign_up(self, request: Request, sent: SentName) -> dict[str, Any]:
        """Keep a new team; its token is told this once."""
        self._door.sign_up(request)
        team, token = self._store.add_team(sent.name)
        return {"team": self._records.team(team), "token": token, "approved": team.approved is not None}

    def team(self, request: Request) -> Response:
        """Tell a team all of itself."""
        team = self._door.team(request)
        asker, timed = Asker(team=team), self._records.queue.results("time")
        left = {}
        for phase in self._plan.phases:
            today, in_all = self._store.left(team.id, phase.name)
            left[phase.name] = {"today": today, "in_all": in_all}
        submissions = self._store.submissions(team=team.id)
        return answered(
            {
                "team": self._records.team(team),
                "left": left,
                "waiting": self._records.queue.counts().get(("score", "waiting"), 0),
                "submissions": [self._records.submission(each, asker, timed) for each in submissions],
            }
        )

    def begin(self, request: Request, sent: SentUpload) -> dict[str, Any]:
        """Announce an upload, or find the one begun before."""
        team = self._approved(request)
        if not any(self._records.state(phase) == "open" for phase in self._plan.phases):
            raise HTTPException(*self._not_now(self._plan.phases))
        part = self._uploads.begin(team.id, sent.file_name, sent.bytes, sent.sha256)
        return {"id": part.id, "received": part.received}

    def part(self, request: Request, upload: str) -> dict[str, Any]:
        """Tell how far an upload is."""
        part = self._uploads.part(self._door.team(request).id, upload)
        return {"id": part.id, "received": part.received}

    async def append(
        self, request: Request, upload: str, offset: Annotated[int, Query(ge=0, le=1 << 50)]
    ) -> dict[str, Any]:
        """Keep more of an upload; what came before a lost connection stays."""
        team = await run_in_threadpool(self._approved, request)
        await run_in_threadpool(self._uploads.part, team.id, upload)
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > MOST_PIECE_BYTES:
            raise _too_long()
        coming, total = bytearray(), 0

        async def keep(at: int) -> int:
            piece = bytes(coming)
            coming.clear()
            return await run_in_threadpool(self._uploads.append, team.id, upload, at, [piece])

        try:
            async for chunk in request.stream():
                total += len(chunk)
                if total > MOST_PIECE_BYTES:
                    raise _too_long()
                coming += chunk
                if len(coming) >= _KEPT_AT_ONCE:
                    offset = await keep(offset)
        except ClientDisconnect:
            pass
        return {"received": await keep(offset)}

    def submit(self, request: Request, sent: SentSubmission) -> Response:
        """Look at what came and keep it as a submission; what is refused here does not count."""
        team = self._approved(request)
        known = self._store.requested(team.id, sent.request)
        if known is None:
            known = self._submit(team, sent)
        return answered(self._record(known, team), 201)

    def _submit(self, team: Team, sent: SentSubmission) -> Submission:
        phase = self._plan.phase(sent.phase)
        self._plan.track(sent.track)
        sheet = FactSheet.from_json(json.dumps(sent.sheet, ensure_ascii=False))
        _refuse_thin(sheet, phase)
        with self._told(phase, team):
            self._store.refuse_early(team.id, phase.name, sent.kind)
        with self._turn():
            path, name = self._uploads.path(team.id, sent.upload), self._uploads.file_name(team.id, sent.upload)
            inspect(path, sent.kind, phase, self._folder, self._plan.limits, name=name)
            upload = self._uploads.finish(team.id, sent.upload)
        with self._told(phase, team):
            made = self._store.submit(team.id, phase.name, sent.track, sent.kind, upload, sheet, request=sent.request)
        self._uploads.settle(team.id, sent.upload)
        return made

    def submission(self, request: Request, number: Number) -> Response:
        """Tell a team all of one of its submissions."""
        team = self._door.team(request)
        found = self._own(team, number)
        history = [{"at": at, "what": what} for at, what, _ in self._store.history(number)]
        sheet = json.loads(found.sheet.to_json())
        return answered(self._record(found, team) | {"sheet": sheet, "history": history})

    def cancel(self, request: Request, number: Number) -> dict[str, Any]:
        """Cancel a submission that has not ended; it then does not count."""
        team = self._door.team(request)
        self._own(team, number)
        cancelled = self._records.queue.cancel(number)
        found = self._own(team, number)
        if not cancelled and found.state != "cancelled":
            raise HTTPException(409, f"submission {number} has ended already ({found.state}); it stays")
        return self._record(found, team)

    def _record(self, submission: Submission, team: Team) -> dict[str, Any]:
        return self._records.submission(submission, Asker(team=team), self._records.queue.results("time"))

    def _approved(self, request: Request) -> Team:
        team = self._door.team(request)
        if team.approved is None:
            raise HTTPException(403, "the organiser has to approve this team before it can submit; ask, or wait")
        return team

    def _own(self, team: Team, number: int) -> Submission:
        found = self._store.submission(number)
        if found is None or found.team != team.id:
            raise HTTPException(404, f"this team has no submission {number}")
        return found

    def _not_now(self, phases: tuple[Phase, ...]) -> tuple[int, str]:
        """Say when submissions are taken: 403 where that is to come, 410 where it is over."""
        coming = [phase for phase in phases if self._records.state(phase) == "soon"]
        if coming:
            return 403, f"the phase {coming[0].name} begins at {coming[0].begins}; nothing is taken before"
        return 410, f"the phase {phases[-1].name} ended at {phases[-1].ends}; nothing more is taken"

    @contextmanager
    def _told(self, phase: Phase, team: Team) -> Iterator[None]:
        """Say over a limit what kind of limit it is."""
        try:
            yield
        except QuotaError as error:
            state, now = self._records.state(phase), self._store.now()
            if state != "open":
                raise HTTPException(403 if state == "soon" else 410, str(error)) from error
            if self._store.left(team.id, phase.name)[1] < 1:
                raise HTTPException(403, str(error)) from error
            midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
            wait_s = max(1, round((midnight - now).total_seconds()))
            raise HTTPException(429, str(error), {"retry-after": str(wait_s)}) from error

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let few files be looked at together."""
        if not self._inspections.acquire(timeout=_INSPECTION_WAIT_S):
            raise HTTPException(503, "many submissions are looked at now; try again", {"retry-after": "10"})
        try:
            yield
        finally:
            self._inspections.release()


def _too_long() -> HTTPException:
    return HTTPException(413, f"at most {MOST_PIECE_BYTES} bytes of an upload are taken at a time; send smaller pieces")


def _refuse_thin(sheet: FactSheet, phase: Phase) -> None:
    missing = [name for name in ASKED if not getattr(sheet, name).strip()]
    if phase.sheet and missing:
        raise HTTPException(
            422, f"the phase {phase.name} asks for a fact sheet; fill in {', '.join(missing)}, then submit again"
        )
