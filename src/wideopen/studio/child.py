"""The process that saves: it takes one photo after another, and may be ended at any moment."""

import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Request:
    """One photo to save."""

    photo: Path
    output: Path
    look: str
    """As JSON."""
    quality: int


@dataclass(frozen=True)
class Progress:
    """How far it is."""

    step: str
    share: float


@dataclass(frozen=True)
class End:
    """What became of it."""

    record: dict[str, Any] | None
    error: str | None


def save_photos(connection: "Connection[Any, Any]") -> None:
    """Save what comes through the pipe until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this process itself
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    from wideopen.batch import Job, render_one
    from wideopen.renderer.look import Look

    while True:
        try:
            request: Request = connection.recv()
            renderer = Look.from_json(request.look).renderer()
            outcome = render_one(
                Job(request.photo, request.output),
                renderer,
                "lens",
                False,
                quality=request.quality,
                tell=lambda step, share: connection.send(Progress(step, share)),
            )
            connection.send(End(outcome.record, outcome.error))
        except (EOFError, OSError):  # the server has gone
            return
