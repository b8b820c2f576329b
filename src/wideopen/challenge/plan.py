"""Plan: what a challenge is about, its phases, tracks and rules, as one JSON file in its folder."""

import json
import re
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from wideopen.errors import RequestError
from wideopen.photo.whole import whole_file
from wideopen.score.leaderboard import COLUMNS
from wideopen.score.protocol import protocol
from wideopen.typed import made

PLAN = "challenge.json"
FORMAT = "challenge/1"
Kind = Literal["pictures", "model"]
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
"""Of phases, tracks and parts: they become parts of addresses and folders."""


@dataclass(frozen=True)
class Phase:
    """A time in which teams submit answers to the same pictures."""

    name: str
    begins: str
    """ISO 8601, UTC."""
    ends: str
    """Of this moment on, nothing more is taken."""
    part: str
    """Of the data set: ``val`` or ``test``; its truth stays with the organiser."""
    takes: tuple[Kind, ...] = ("pictures",)
    per_day: int = 10
    """Submissions of a team that count, by the UTC day."""
    in_all: int = 100
    board: Literal["live", "hidden"] = "live"
    """Hidden until the organiser opens it."""
    keeps: Literal["best", "last"] = "best"
    """Which submission of a team stands on the board."""
    sheet: bool = False
    """Whether a fact sheet is asked for."""

    def is_open(self, now: datetime) -> bool:
        """Tell whether submissions are taken at a moment."""
        return moment(self.begins) <= now < moment(self.ends)


@dataclass(frozen=True)
class Track:
    """A ranking of its own, by the device that runs the models."""

    name: str
    title: str
    device: str = ""
    """What the organiser measures runtimes on, in words."""


@dataclass(frozen=True)
class Limits:
    """What one submission may cost."""

    upload_mb: int = 4096
    files: int = 2000
    """In a zip."""
    unpacked_mb: int = 8192
    seconds: float = 3600.0
    """For scoring it."""
    memory_mb: int = 8192
    written_mb: int = 8192
    """Files that a model's process may write, each."""


@dataclass(frozen=True)
class Plan:
    """A challenge."""

    title: str
    about: str
    """Plain text, for the first page."""
    phases: tuple[Phase, ...]
    tracks: tuple[Track, ...]
    protocol: str = "aim2020/1"
    ranks_by: str = "mos"
    """Of the last phase, as the report does; a figure of `wideopen.score.leaderboard.COLUMNS`."""
    sign_up: Literal["open", "approved"] = "approved"
    """Whether a team may submit at once, or once the organiser said so."""
    limits: Limits = Limits()
    unranked: str = "uses pre-computed depth maps"
    """Why a team whose fact sheet says that it used depth computed before is left out of the ranking."""
    begins: str = ""
    """When the pairs to learn from are given out, ISO 8601; empty for at once. Until the first phase begins, teams
    develop."""
    parts: tuple[tuple[str, str], ...] = ()
    """Each part of the data set, and the SHA-256 of its pairs."""
    command: str = ""
    """That made the challenge."""
    made: str = ""
    """When, ISO 8601."""

    def __post_init__(self) -> None:
        if not self.title.strip() or len(self.title) > 200:
            raise RequestError("a challenge needs a title of up to 200 letters")
        if not self.phases or not self.tracks:
            raise RequestError("a challenge needs phases and tracks; give one of each, or more")
        for what, names in (
            ("phase", [each.name for each in self.phases]),
            ("track", [each.name for each in self.tracks]),
        ):
            for name in names:
                if not NAME.fullmatch(name):
                    raise RequestError(f"a {what} cannot be called {name!r}; use small letters, digits and hyphens")
            if len(set(names)) < len(names):
                raise RequestError(f"two {what}s have one name; name each differently")
        for phase in self.phases:
            if moment(phase.begins) >= moment(phase.ends):
                raise RequestError(f"the phase {phase.name} ends at {phase.ends}, before it begins; correct its dates")
            if not phase.takes or min(phase.per_day, phase.in_all) < 1:
                raise RequestError(f"the phase {phase.name} would take nothing; give kinds and limits of 1 or more")
        if self.begins and moment(self.begins) > self.opens:
            raise RequestError(f"the challenge begins at {self.begins}, after its first phase; correct the dates")
        protocol(self.protocol)
        if self.ranks_by not in COLUMNS:
            raise RequestError(f"ranks_by is {self.ranks_by!r}; use one of {', '.join(COLUMNS)}")

    @property
    def opens(self) -> datetime:
        """When the first phase begins."""
        return min(moment(phase.begins) for phase in self.phases)

    def phase(self, name: str) -> Phase:
        """Find a phase by its name.

        Raises:
            RequestError: If there is none; it names those that there are.
        """
        return _found(self.phases, name, "phase")

    def track(self, name: str) -> Track:
        """Find a track by its name.

        Raises:
            RequestError: If there is none; it names those that there are.
        """
        return _found(self.tracks, name, "track")


def _found(items: tuple[Any, ...], name: str, what: str) -> Any:  # noqa: ANN401
    for item in items:
        if item.name == name:
            return item
    raise RequestError(f"there is no {what} {name[:60]!r}; there are {', '.join(item.name for item in items)}")


def moment(text: str) -> datetime:
    """Read a moment of ISO 8601, in UTC where it names no zone.

    Raises:
        RequestError: If it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise RequestError(f"{text[:60]!r} is no moment; write it as 2026-05-31T12:00:00+00:00") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def read_plan(folder: Path) -> Plan:
    """Read the plan of a challenge.

    Raises:
        RequestError: If there is none, or it says what cannot be; it names the line.
    """
    path = folder / PLAN
    try:
        record: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RequestError(
            f"{folder} holds no challenge; make one by: wideopen challenge new --pairs DIR {folder}"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"cannot read {path}: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(record, dict) or record.pop("wideopen", None) != FORMAT:
        raise RequestError(f'{path} is no plan of a challenge of this version; it must say "wideopen": "{FORMAT}"')
    plan: Plan = made(Plan, record, PLAN)
    return plan


def write_plan(plan: Plan, folder: Path) -> Path:
    """Write the plan into the folder of its challenge, whole or not at all."""
    path = folder / PLAN
    with whole_file(path) as beside:
        text = json.dumps({"wideopen": FORMAT, **asdict(plan)}, indent=1, ensure_ascii=False)
        beside.write_text(text + "\n", encoding="utf-8")
    return path


SETTINGS = tuple(each.name for each in fields(Plan))
"""Names of all that a plan says."""
