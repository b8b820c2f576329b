"""Public desk: what anybody may ask for; the plan, boards, downloads, and what of a board is public."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.responses import FileResponse

from wideopen.challenge.board import shows_truth
from wideopen.challenge.door import Door, Number
from wideopen.challenge.downloads import Download, Downloads
from wideopen.challenge.plan import moment
from wideopen.challenge.records import Records
from wideopen.challenge.store import Submission
from wideopen.errors import RequestError

_NAME = re.compile(r"([^/\\]{1,200})\.(found|input|truth)\.jpg")
_KEPT_BY_BROWSER = {"cache-control": "private, max-age=3600"}


class PublicDesk:
    """Answers everybody about one challenge. Truth, and what is hidden, never leaves it."""

    def __init__(self, folder: Path, records: Records, downloads: Downloads, door: Door) -> None:
        self._folder, self._records, self._downloads, self._door = folder, records, downloads, door
        self._store, self._plan = records.store, records.store.plan
        self._galleries = lru_cache(maxsize=2000)(self._read_gallery)

    def challenge(self) -> dict[str, Any]:
        """Tell what the challenge is about, and how it stands."""
        plan = self._plan
        return {
            "title": plan.title,
            "about": plan.about,
            "now": self._store.stamp(),
            "development": self._records.development(),
            "phases": [self._records.phase(phase) for phase in plan.phases],
            "tracks": [asdict(track) for track in plan.tracks],
            "limits": asdict(plan.limits),
            "protocol": plan.protocol,
            "ranks_by": plan.ranks_by,
            "unranked": plan.unranked,
            "sign_up": plan.sign_up,
            "downloads": [self._download(each) for each in self._downloads.all()],
        }

    def board(self, request: Request, phase: str, track: str) -> Response:
        """Tell a board; a hidden one to the organiser alone."""
        asker = self._door.asker(request)
        try:
            self._plan.phase(phase)
            self._plan.track(track)
        except RequestError as error:
            raise HTTPException(404, str(error)) from error
        if not (asker.organises or self._store.shows_board(phase)):
            raise HTTPException(403, f"the board of the phase {phase} is hidden until the organiser opens it")
        return Response(self._records.board(phase, track).to_json(), media_type="application/json")

    def score(self, request: Request, number: Number) -> Response:
        """Give the Score of a submission."""
        key = self._seen(request, number).score
        if key is None:
            raise HTTPException(404, f"submission {number} has no Score")
        return Response(self._records.files.read(key), media_type="application/json")

    def runtime(self, request: Request, number: Number) -> Response:
        """Give the Score of a submission's runtime, as the organiser measured it."""
        key = self._records.queue.results("time").get(self._seen(request, number).id)
        if key is None:
            raise HTTPException(404, f"no runtime of submission {number} was measured")
        return Response(self._records.files.read(key), media_type="application/json")

    def sheet(self, request: Request, number: Number) -> dict[str, Any]:
        """Give the fact sheet of a submission."""
        return {"sheet": asdict(self._seen(request, number).sheet)}

    def gallery(self, request: Request, number: Number) -> dict[str, Any]:
        """List the small pictures of a submission."""
        found = self._seen(request, number)
        truth = self._shows_truth(request, found)
        pictures = [
            {"name": name, "kinds": [kind for kind in kinds if kind != "truth" or truth]}
            for name, kinds in self._gallery(found).items()
        ]
        return {"pictures": pictures}

    def picture(self, request: Request, number: Number, name: str) -> Response:
        """Give a small picture; the truth once nobody is asked for it any more."""
        found, asked = self._seen(request, number), _NAME.fullmatch(name)
        if asked is None or asked[2] not in self._gallery(found).get(asked[1], ()):
            raise HTTPException(404, f"submission {number} has no such picture")
        if asked[2] == "truth" and not self._shows_truth(request, found):
            raise HTTPException(403, "the true picture is shown once the phase is over")
        content = self._records.files.read(f"galleries/{number}/{name}")
        return Response(content, media_type="image/jpeg", headers=_KEPT_BY_BROWSER)

    def download(self, name: str) -> Response:
        """Give one of the public zips, or a range of it."""
        found = self._downloads.find(name)
        if found is None:
            raise HTTPException(404, "there is no such download")
        if (begins := self._given_out(found)) is not None:
            raise HTTPException(403, f"{name} is given out from {begins} on")
        path, kind = self._downloads.path(name), "application/zip"
        return FileResponse(path, media_type=kind, filename=name, headers={"cache-control": "no-cache"})

    def _download(self, found: Download) -> Mapping[str, Any]:
        return {
            "name": found.name,
            "bytes": found.bytes,
            "sha256": found.sha256,
            "phase": None if found.phase is None else found.phase.name,
            "from": self._given_out(found),
        }

    def _given_out(self, found: Download) -> str | None:
        """Tell from when on a file may be had; None where that is now."""
        begins = self._plan.begins if found.phase is None else found.phase.begins
        if not begins or self._store.now() >= moment(begins):
            return None
        return moment(begins).isoformat()

    def _seen(self, request: Request, number: int) -> Submission:
        """Find a submission whose results whoever asks may see; others are as if there were none."""
        asker = self._door.asker(request)
        found = self._store.submission(number)
        if found is not None and self._records.sees(found, asker):
            return found
        if found is not None and asker.team is not None and asker.team.id == found.team:
            raise HTTPException(403, f"the board of the phase {found.phase} is hidden until the organiser opens it")
        raise HTTPException(404, f"there is no submission {number} on a board that you may see")

    def _shows_truth(self, request: Request, found: Submission) -> bool:
        return self._door.asker(request).organises or shows_truth(self._store, self._plan.phase(found.phase))

    def _gallery(self, found: Submission) -> Mapping[str, tuple[str, ...]]:
        return self._galleries(found.id) if found.state == "scored" else {}

    def _read_gallery(self, number: int) -> Mapping[str, tuple[str, ...]]:
        kinds: dict[str, list[str]] = {}
        for key in self._records.files.keys(f"galleries/{number}"):
            asked = _NAME.fullmatch(key.rsplit("/", 1)[1])
            if asked is not None:
                kinds.setdefault(asked[1], []).append(asked[2])
        return {name: tuple(its) for name, its in sorted(kinds.items())}
