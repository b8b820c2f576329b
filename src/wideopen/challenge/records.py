"""Records: how phases, teams and submissions are told as JSON, and to whom."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from threading import Lock
from typing import Any, Literal

from fastapi import Response

from wideopen.challenge.board import Board, board
from wideopen.challenge.door import Asker
from wideopen.challenge.files import Files
from wideopen.challenge.plan import Phase, moment
from wideopen.challenge.queue import Queue
from wideopen.challenge.store import Store, Submission, Team
from wideopen.errors import RequestError
from wideopen.score.score import Score
from wideopen.score.tables import json_text

PhaseState = Literal["soon", "open", "closed"]
_BOARD_S = 3.0
"""A board is as old as that, at most."""
FIGURES = ("psnr_db", "ssim", "runtime_s")


class Records:
    """Tells of one challenge, and to nobody what is still hidden."""

    def __init__(self, store: Store, queue: Queue, files: Files) -> None:
        self.store, self.queue, self.files = store, queue, files
        self._boards: dict[tuple[str, str], tuple[float, Board]] = {}
        self._lock = Lock()
        # Nothing is ever overwritten, so what was read once stays right.
        self._figures = lru_cache(maxsize=10_000)(self._read_figures)

    def state(self, phase: Phase) -> PhaseState:
        """Tell where a phase stands now."""
        return self._state(moment(phase.begins), moment(phase.ends))

    def _state(self, begins: datetime, ends: datetime) -> PhaseState:
        now = self.store.now()
        return "soon" if now < begins else "open" if now < ends else "closed"

    def development(self) -> dict[str, Any] | None:
        """Tell of the time before the first phase, in which teams learn and hand nothing in; None where none is."""
        plan = self.store.plan
        ends = plan.opens
        begins = moment(plan.begins) if plan.begins else ends
        if begins == ends:
            return None
        return {"begins": begins.isoformat(), "ends": ends.isoformat(), "state": self._state(begins, ends)}

    def phase(self, phase: Phase) -> dict[str, Any]:
        """Tell of a phase."""
        facts: dict[str, Any] = asdict(phase)
        for name in ("begins", "ends"):
            facts[name] = moment(facts[name]).isoformat()
        return facts | {"state": self.state(phase), "shown": self.store.shows_board(phase.name)}

    def board(self, phase: str, track: str) -> Board:
        """Give a board, as it was a moment ago."""
        with self._lock:
            at_s, found = self._boards.get((phase, track), (float("-inf"), None))
            if found is None or time.monotonic() - at_s > _BOARD_S:
                found = board(self.store, self.queue, self.files, phase, track)
                self._boards[phase, track] = (time.monotonic(), found)
            return found

    def stands(self, submission: Submission) -> bool:
        """Tell whether a submission is its team's on a board that everybody sees."""
        if submission.state != "scored" or not self.store.shows_board(submission.phase):
            return False
        try:
            rows = self.board(submission.phase, submission.track).rows
        except RequestError:
            # Opinions that cannot be read; the board itself says so.
            return False
        return any(row.submission.id == submission.id for row in rows)

    @staticmethod
    def team(team: Team) -> dict[str, Any]:
        """Tell a team, or the organiser, of that team."""
        return {"id": team.id, "name": team.name, "created": team.created, "approved": team.approved is not None}

    def submission(self, submission: Submission, asker: Asker, timed: Mapping[int, str]) -> dict[str, Any]:
        """Tell a team of its submission, or the organiser of any.

        Args:
            submission: Which.
            asker: Who is told; figures of a hidden board are the organiser's alone.
            timed: Keys of the runtimes, by `Queue.results`.
        """
        seen = asker.organises or self.store.shows_board(submission.phase)
        figures = None
        if submission.score is not None and seen:
            figures = dict(self._figures(submission.score))
            if submission.id in timed:
                figures["runtime_s"] = self._figures(timed[submission.id])["runtime_s"]
        return {
            "id": submission.id,
            "team": submission.team,
            "phase": submission.phase,
            "track": submission.track,
            "kind": submission.kind,
            "method": submission.sheet.method,
            "file_name": submission.upload.file_name,
            "bytes": submission.upload.bytes,
            "sha256": submission.upload.sha256,
            "at": submission.at,
            "state": submission.state,
            "spent": submission.spent,
            "why": submission.why,
            "hidden": not seen,
            "stands": self.stands(submission),
            "figures": figures,
        }

    def sees(self, submission: Submission, asker: Asker) -> bool:
        """Tell whether somebody may see what a submission scored: its Score, its fact sheet, its pictures."""
        if asker.organises or self.stands(submission):
            return True
        mine = asker.team is not None and asker.team.id == submission.team
        return mine and self.store.shows_board(submission.phase)

    def _read_figures(self, key: str) -> dict[str, float | None]:
        try:
            score = Score.from_json(self.files.read(key).decode("utf-8"))
        except (RequestError, OSError, ValueError):
            return dict.fromkeys(FIGURES)
        return {name: getattr(score, name) for name in FIGURES}


def answered(record: Mapping[str, Any], status: int = 200) -> Response:
    """Answer with JSON in which a figure may be infinite, written as 1e999."""
    return Response(json_text(record), status, media_type="application/json")
