"""Door: who asks, and how often they may."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import HTTPException, Path, Request

from wideopen.challenge.links import Links
from wideopen.challenge.store import Store, Team
from wideopen.study.limits import Limiter, Rate, place_of

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
"""Of a team or a submission, in an address."""
_LONGEST_TOKEN = 200


@dataclass(frozen=True)
class Rates:
    """How often a challenge may be asked for anything; a whole university may sit behind one address."""

    team: Rate = field(default_factory=lambda: Rate(20, 100))
    """By one team."""
    address: Rate = field(default_factory=lambda: Rate(200, 1000))
    """By one address."""
    wrong: Rate = field(default_factory=lambda: Rate(0.5, 30))
    """By one address, with tokens that are none: guesses."""
    sign_up: Rate = field(default_factory=lambda: Rate(1 / 60, 20))
    """Of new teams, by one address."""


@dataclass(frozen=True)
class Asker:
    """Who asks: a team, the organiser, or anybody."""

    team: Team | None = None
    organises: bool = False


class Door:
    """Tells who asks by the header ``Authorization``, and by nothing that a browser would send by itself.

    ``Bearer TOKEN`` is a team's, ``Organiser TOKEN`` the organiser's.
    """

    def __init__(self, store: Store, links: Links, rates: Rates) -> None:
        self._store, self._links = store, links
        self._by_team, self._by_wrong = Limiter(rates.team), Limiter(rates.wrong)
        self._by_sign_up = Limiter(rates.sign_up)

    def team(self, request: Request) -> Team:
        """Tell which team asks.

        Raises:
            HTTPException: 401 where it is none, 429 where it asks too often.
        """
        team = self.asker(request).team
        if team is None:
            raise HTTPException(401, "this needs a team's token; sign up, or give the one that you have")
        return team

    def organiser(self, request: Request) -> None:
        """Let the organiser pass alone.

        Raises:
            HTTPException: 401 where it is another.
        """
        if not self.asker(request).organises:
            raise HTTPException(401, "this needs the organiser's link; wideopen challenge link shows it")

    def asker(self, request: Request) -> Asker:
        """Tell who asks, where anybody may.

        Raises:
            HTTPException: 401 where there is a token that is none, 429 where it is asked too often.
        """
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if not kind:
            return Asker()
        found: Asker | None = None
        if 0 < len(token) <= _LONGEST_TOKEN:
            if kind.lower() == "bearer" and (team := self._store.team(token)) is not None:
                found = Asker(team=team)
            elif kind.lower() == "organiser" and self._links.is_organiser(token):
                found = Asker(organises=True)
        if found is None:
            _refuse_hurry(self._by_wrong, _place(request))
            raise HTTPException(401, "this token is not known; copy it whole, or ask the organiser")
        _refuse_hurry(self._by_team, str(found.team.id) if found.team is not None else "organiser")
        return found

    def sign_up(self, request: Request) -> None:
        """Let somebody sign up.

        Raises:
            HTTPException: 429 where too many do from one place.
        """
        _refuse_hurry(self._by_sign_up, _place(request))


def _place(request: Request) -> str:
    return place_of(request.client.host if request.client else "")


def _refuse_hurry(limiter: Limiter, who: str) -> None:
    wait_s = limiter.wait_s(who)
    if wait_s:
        raise HTTPException(429, f"this is asked for too often; wait {wait_s} s", {"retry-after": str(wait_s)})
