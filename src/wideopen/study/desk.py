"""Desk: what raters and the organiser ask for, and what they are told."""

import statistics
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from wideopen.errors import RequestError
from wideopen.study.limits import Limiter, Limits, place_of
from wideopen.study.links import Links
from wideopen.study.plan import PICTURES, TRUTH, Study
from wideopen.study.sitting import Trial, trials_of
from wideopen.study.store import AnsweredError, ForgottenError, Screen, Sheet, Store
from wideopen.study.training import training_of
from wideopen.study.vote import LEVELS, QUESTION

Which = Literal["result", "truth"]
_TYPES = {".png": "image/png", ".webp": "image/webp", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
"""By name, for what a system knows of types differs."""
_KEPT_BY_BROWSER = {"cache-control": "private, max-age=31536000, immutable"}
_Pixels = Annotated[int, Field(strict=True, ge=1, le=100_000)]
_Ratio = Annotated[float, Field(strict=True, gt=0, le=1000, allow_inf_nan=False)]


class _Sent(BaseModel):
    """What a page sends: these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class SentScreen(_Sent):
    """A rater's screen."""

    screen_width_px: _Pixels
    screen_height_px: _Pixels
    pixel_ratio: _Ratio
    zoom: _Ratio
    touch: Annotated[bool, Field(strict=True)]


class SentVote(_Sent):
    """A rater's answer."""

    level: Annotated[int, Field(strict=True, ge=1, le=5)]
    shown_s: Annotated[float, Field(strict=True, ge=0, le=1e6, allow_inf_nan=False)]
    request: UUID
    revision: Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


class SentCount(_Sent):
    """How many links are wanted."""

    count: Annotated[int, Field(strict=True, ge=1, le=500)]


class Desk:
    """Answers for one study. Names of methods and of files never leave it."""

    def __init__(self, folder: Path, study: Study, store: Store, links: Links, limits: Limits) -> None:
        self._folder, self._study, self._store, self._links = folder, study, store, links
        self._by_link, self._by_wrong = Limiter(limits.link), Limiter(limits.wrong)
        self._examples = training_of(study)
        # Sittings are pure, and take milliseconds each.
        self._trials = lru_cache(maxsize=10_000)(lambda number: trials_of(study, number))
        _refuse_missing(study, folder)

    def state(self, request: Request, token: str) -> dict[str, Any]:
        """Tell a rater how far it is."""
        return self._state(self._sheet(request, token))

    def consent(self, request: Request, token: str, screen: SentScreen) -> dict[str, Any]:
        """Keep that a rater agrees."""
        rater = self._sheet(request, token).rater
        return self._state(self._store.consent(rater.name, Screen(**_renamed(screen))))

    def trained(self, request: Request, token: str) -> dict[str, Any]:
        """Keep that a rater has seen the examples."""
        sheet = self._sheet(request, token)
        self._refuse_unready(sheet, trained=False)
        return self._state(self._store.train(sheet.rater.name))

    def trial(self, request: Request, token: str, number: int) -> dict[str, Any]:
        """Tell of one trial; nothing of what is shown but its size."""
        sheet = self._sheet(request, token)
        width, height = self._study.sizes[self._at(sheet, number).picture]
        answer = sheet.answers.get(number)
        return {
            "trial": number,
            "width": width,
            "height": height,
            "level": None if answer is None else answer.level,
            "revision": 0 if answer is None else answer.revision + 1,
        }

    def trial_picture(self, request: Request, token: str, number: int, which: Which) -> Response:
        """Give one of the two pictures of a trial."""
        trial = self._at(self._sheet(request, token), number)
        return self._picture(trial.picture, TRUTH if which == "truth" else trial.method)

    def training_picture(self, request: Request, token: str, number: int, which: Which) -> Response:
        """Give one of the two pictures of an example."""
        self._sheet(request, token)
        if not 0 <= number < len(self._examples):
            raise HTTPException(404, "there is no such example")
        example = self._examples[number]
        return self._picture(example.picture, TRUTH if which == "truth" else example.method)

    def vote(self, request: Request, token: str, number: int, vote: SentVote) -> Any:  # noqa: ANN401
        """Keep an answer; once this is answered it is on disk."""
        sheet = self._sheet(request, token)
        self._at(sheet, number)
        try:
            sheet = self._store.answer(
                sheet.rater.name,
                number,
                vote.level,
                shown_s=vote.shown_s,
                request=str(vote.request),
                revision=vote.revision,
            )
        except AnsweredError as error:
            now = self._store.sheet(sheet.rater.name) or sheet
            raise HTTPException(409, {"error": str(error), "state": self._state(now)}) from error
        return self._state(sheet)

    def progress(self, request: Request, token: str) -> dict[str, Any]:
        """Tell the organiser how many answers there are, and nothing of what they say."""
        self._refuse_stranger(request, token)
        methods = [name for name, kind in self._study.methods.items() if kind == "result"]
        each = Counter({(picture, method): 0 for picture in self._study.pictures for method in methods})
        votes = self._store.votes(self._study)
        each.update((vote.picture, vote.method) for vote in votes if vote.kind == "result" and not vote.repeat)
        given, counts = Counter(vote.rater for vote in votes), list(each.values()) or [0]
        raters = [rater for rater in self._store.raters() if rater.forgotten is None]
        return {
            "title": self._study.title,
            "simulated": self._study.simulated,
            "links": len(raters),
            "begun": sum(rater.consented is not None for rater in raters),
            "finished": sum(given[rater.name] >= self._total() for rater in raters),
            "votes": len(votes),
            "votes_wanted": self._study.votes_wanted,
            "votes_per_picture_and_method": {
                "min": min(counts),
                "median": statistics.median(counts),
                "max": max(counts),
            },
        }

    def new_links(self, request: Request, token: str, wanted: SentCount) -> dict[str, Any]:
        """Make links for raters, as seen from the organiser's page."""
        self._refuse_stranger(request, token)
        made = (self._links.rater_token(self._store.add_rater()) for _ in range(wanted.count))
        return {"links": [f"../r/{each}" for each in made]}

    def _sheet(self, request: Request, token: str) -> Sheet:
        """Tell who asks."""
        name = self._links.rater(token)
        sheet = None
        if name is not None:
            self._refuse_hurry(self._by_link, name)
            sheet = self._store.sheet(name)
        if sheet is None:
            raise self._unknown(request)
        if sheet.rater.forgotten is not None:
            raise ForgottenError("this link's answers were deleted, and it cannot be used again")
        return sheet

    def _refuse_stranger(self, request: Request, token: str) -> None:
        if not self._links.is_organiser(token):
            raise self._unknown(request)
        self._refuse_hurry(self._by_link, "")

    def _unknown(self, request: Request) -> HTTPException:
        self._refuse_hurry(self._by_wrong, place_of(request.client.host if request.client else ""))
        return HTTPException(404, "this link is not known; copy it whole, or ask the organiser for another")

    @staticmethod
    def _refuse_hurry(limiter: Limiter, who: str) -> None:
        wait_s = limiter.wait_s(who)
        if wait_s:
            raise HTTPException(429, f"this is asked for too often; wait {wait_s} s", {"retry-after": str(wait_s)})

    def _refuse_unready(self, sheet: Sheet, *, trained: bool = True) -> None:
        if sheet.rater.consented is None:
            raise HTTPException(403, "first agree to take part")
        if trained and sheet.rater.trained is None:
            raise HTTPException(403, "first look at the examples")

    def _at(self, sheet: Sheet, number: int) -> Trial:
        """Give a trial that was answered or is the next."""
        self._refuse_unready(sheet)
        if not 0 <= number < self._total():
            raise HTTPException(404, f"there is no such picture; the last is {self._total() - 1}")
        if number > len(sheet.answers):
            raise HTTPException(403, f"the next picture is {len(sheet.answers)}; answer it first")
        return self._trials(sheet.rater.number)[number]

    def _total(self) -> int:
        return len(self._trials(0))

    def _state(self, sheet: Sheet) -> dict[str, Any]:
        study, position = self._study, len(sheet.answers)
        return {
            "title": study.title,
            "consent": study.consent,
            "question": QUESTION,
            "levels": [{"level": level, "text": text} for level, text in sorted(LEVELS.items(), reverse=True)],
            "phones": study.phones,
            "simulated": study.simulated,
            "consented": sheet.rater.consented is not None,
            "trained": sheet.rater.trained is not None,
            "position": position,
            "total": self._total(),
            "done": position >= self._total(),
            "training": [
                {
                    "index": index,
                    "width": study.sizes[example.picture][0],
                    "height": study.sizes[example.picture][1],
                    "expected": list(example.expected),
                    "explanation": example.explanation,
                }
                for index, example in enumerate(self._examples)
            ],
        }

    def _picture(self, picture: str, method: str) -> Response:
        path = self._study.file(self._folder, picture, method)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise HTTPException(503, "this picture cannot be read now; try again, or tell the organiser") from error
        # Not as a file with its date, from which methods could be told apart.
        return Response(content, media_type=_TYPES[path.suffix], headers=_KEPT_BY_BROWSER)


def _renamed(screen: SentScreen) -> dict[str, Any]:
    return {name.removeprefix("screen_"): value for name, value in screen.model_dump().items()}


def _refuse_missing(study: Study, folder: Path) -> None:
    """Refuse a plan whose pictures are missing or lie elsewhere than they must."""
    inside = (folder / PICTURES).resolve()
    for picture in study.pictures:
        for method in (TRUTH, *study.methods):
            try:
                path = study.file(folder, picture, method).resolve()
                size = study.sizes[picture]
            except KeyError as error:
                raise RequestError(f"the plan of {folder} lacks {error} for {picture}; make the study anew") from error
            if path.parent != inside or not path.is_file():
                raise RequestError(f"{path} of {folder} is missing, or lies outside of {PICTURES}; make the study anew")
            if path.suffix not in _TYPES or min(size) < 1:
                raise RequestError(f"{path} is no picture for browsers ({', '.join(_TYPES)}); make the study anew")
