"""Asked: what a request's body asks for, checked."""

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

from fastapi import Request

from wideopen.errors import RequestError
from wideopen.renderer.look import FORMAT, Look
from wideopen.scene.fetch import OFFERS
from wideopen.scene.mend import Stroke
from wideopen.typed import made

DEPTHS = ("auto", "embedded", "built-in", "prior", *OFFERS)
"""Depth by name; a path of the server's machine is never taken from a page."""
_MOST_WINDOW = 100
Ask = TypeVar("Ask")


@dataclass(frozen=True)
class Picture:
    """A rendered preview."""

    side: int
    window: str
    number: int

    def __post_init__(self) -> None:
        _check_window(self.window)


@dataclass(frozen=True)
class Part:
    """A part of the whole photo, in its pixels."""

    x: int
    y: int
    width: int
    height: int
    window: str
    number: int
    before: bool = False

    def __post_init__(self) -> None:
        _check_window(self.window)


@dataclass(frozen=True)
class Depth:
    """Depth to look at."""

    side: int


@dataclass(frozen=True)
class Box:
    """The depth within a rectangle."""

    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class File:
    """A file to save."""

    suffix: str | None = None
    quality: int = 95


async def asked(request: Request, kind: type[Ask]) -> tuple[Ask, Look]:
    """Read a body of JSON: what is asked for, and the look that it is asked for with.

    Raises:
        RequestError: If it is neither; it says why.
        WideopenError: If the look cannot be.
    """
    record = _object(await request.body())
    look = look_of(record.pop("look", {}))
    return made(kind, record, "request"), look


async def asked_look(request: Request) -> Look:
    """Read a body that is a look.

    Raises:
        RequestError: If it is none.
        WideopenError: If the look cannot be.
    """
    return look_of(_object(await request.body()))


def look_of(record: Any) -> Look:  # noqa: ANN401
    """Make a look out of what JSON gave, with or without its format.

    Raises:
        RequestError: If it is none.
        WideopenError: If the look cannot be.
    """
    if not isinstance(record, dict):
        raise RequestError("the look is no JSON object")
    record = {"wideopen": FORMAT, **record}
    strokes = _strokes(json.dumps(record.pop("strokes", [])))
    return checked(replace(Look.from_json(json.dumps(record)), strokes=strokes))


def checked(look: Look) -> Look:
    """Refuse a look whose depth is a file.

    Raises:
        RequestError: If it is.
    """
    if look.depth not in DEPTHS:
        raise RequestError(f"depth '{look.depth[:40]}' is not known here; use one of {', '.join(DEPTHS)}")
    return look


@lru_cache(maxsize=16)
def _strokes(text: str) -> tuple[Stroke, ...]:
    """Read strokes; most looks that come have those of the look before."""
    found: tuple[Stroke, ...] = made(tuple[Stroke, ...], json.loads(text), "look.strokes")
    return found


def _object(body: bytes) -> dict[str, Any]:
    try:
        record = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"what was sent is no JSON ({' '.join(str(error).split())[:100]})") from error
    if not isinstance(record, dict):
        raise RequestError("what was sent is no JSON object")
    return record


def _check_window(window: str) -> None:
    if len(window) > _MOST_WINDOW:
        raise RequestError(f"a window's name has {len(window)} letters; use {_MOST_WINDOW} or fewer")
