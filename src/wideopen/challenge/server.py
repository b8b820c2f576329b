"""Server: a challenge's pages and what they ask for, from one process, with workers beside it."""

import logging
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.types import Scope

from wideopen.challenge.crew import Crew, work_command
from wideopen.challenge.door import Door, Rates
from wideopen.challenge.downloads import Downloads
from wideopen.challenge.files import Files
from wideopen.challenge.links import Links
from wideopen.challenge.organiser_desk import OrganiserDesk
from wideopen.challenge.plan import read_plan
from wideopen.challenge.public_desk import PublicDesk
from wideopen.challenge.queue import Queue
from wideopen.challenge.records import Records
from wideopen.challenge.store import Store, open_store
from wideopen.challenge.team_desk import TeamDesk
from wideopen.challenge.upload import OffsetError, UnknownUploadError, Uploads
from wideopen.database import StoreError
from wideopen.errors import RequestError
from wideopen.study import web
from wideopen.study.guard import Guard

HOST, PORT = web.LOOPBACK, 8322
MOST_BODY_BYTES = 160_000
"""Of everything but an upload; a fact sheet in letters that JSON may write as six bytes each fits in."""
FILES = "files"
_UNSAVED = "this cannot be kept now, the organiser's disk or database refuses; nothing was changed, try again later"
_LOG = logging.getLogger("wideopen.challenge")
_PAGES = {"/": "index.html", "/team": "team.html", "/o/{token}": "organiser.html"}


def app(
    folder: Path,
    store: Store,
    files: Files,
    *,
    proxy: bool = False,
    root_path: str = "",
    rates: Rates | None = None,
) -> FastAPI:
    """Make the challenge's web application.

    Args:
        folder: Of the challenge.
        store: Its teams and submissions.
        files: Its files.
        proxy: Whether a reverse proxy stands before it, whose X-Forwarded-For is believed.
        root_path: What the proxy's addresses begin with, ``/bokeh``; whether it takes that away or not is alike.
        rates: How often one may ask.

    Raises:
        RequestError: If the challenge's key cannot be used.
    """
    rates = rates or Rates()
    door = Door(store, Links(folder), rates)
    records = Records(store, Queue(store), files)
    made = web.new_application()
    web.route_pages(made, "wideopen.challenge", _PAGES, shared=("copy.js",))
    _route_public(made, PublicDesk(folder, records, Downloads(folder, store.plan), door))
    uploads = Uploads(folder, files, store.plan.limits, store.now)
    _route_teams(made, TeamDesk(folder, records, uploads, door))
    _route_organiser(made, OrganiserDesk(folder, records, door))
    made.add_exception_handler(StoreError, _say_unsaved)
    made.add_exception_handler(RequestError, _say_refused)
    made.add_middleware(
        Guard,
        rate=rates.address,
        proxy=proxy,
        root_path=web.prefix_of(root_path),
        most_body_bytes=MOST_BODY_BYTES,
        streamed=_is_upload,
    )
    return made


def serve(
    folder: Path,
    host: str = HOST,
    port: int = PORT,
    database: str | None = None,
    files: str | None = None,
    proxy: bool = False,
    workers: int = 1,
    *,
    root_path: str = "",
    rates: Rates | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a challenge until Ctrl-C; then its workers end too.

    Args:
        folder: Of the challenge.
        host: Address to listen on; others than this machine can reach it only where it is not a loopback address.
        port: To listen on; 0 for any that is free.
        database: PostgreSQL in place of ``challenge.db``, as `wideopen.challenge.store.open_store` takes it.
        files: Address of the files, in place of ``files``, as `wideopen.challenge.files.Files` takes it.
        proxy: See `app`.
        workers: Processes that score beside it; they are started again where they end. 0 for none.
        root_path: See `app`.
        rates: See `app`.
        ready: Told the address once it answers.

    Raises:
        RequestError: If the challenge cannot be used, or nothing can listen there.
        StoreError: If the database cannot be opened.
    """
    with suppress(KeyboardInterrupt), closing(open_store(folder, database)) as store:
        made = app(folder, store, files_of(folder, files), proxy=proxy, root_path=root_path, rates=rates)
        command = work_command(folder, database=database, files=files)
        with web.listening(host, port) as listener, Crew(command, workers):
            if ready is not None:
                ready(web.address_of(listener, host, root_path))
            web.run(made, listener)


def files_of(folder: Path, address: str | None) -> Files:
    """Open a challenge's files: in its folder, or where an address says."""
    return Files(folder / FILES if address is None else address)


def organiser_link(folder: Path, *, address: str = f"http://{HOST}:{PORT}") -> str:
    """Give the organiser's link.

    Raises:
        RequestError: If there is no such challenge.
    """
    read_plan(folder)
    return f"{address.rstrip('/')}/o/{Links(folder).organiser_token()}"


def _route_public(made: FastAPI, desk: PublicDesk) -> None:
    made.get("/api/challenge")(desk.challenge)
    made.get("/api/boards/{phase}")(desk.board)
    made.get("/api/scores/{number}")(desk.score)
    made.get("/api/runtimes/{number}")(desk.runtime)
    made.get("/api/sheets/{number}")(desk.sheet)
    made.get("/api/galleries/{number}")(desk.gallery)
    made.api_route("/gallery/{number}/{name}", methods=["GET", "HEAD"])(desk.picture)
    made.api_route("/public/{name}", methods=["GET", "HEAD"])(desk.download)


def _route_teams(made: FastAPI, desk: TeamDesk) -> None:
    made.post("/api/teams", status_code=201)(desk.sign_up)
    made.get("/api/team")(desk.team)
    made.post("/api/uploads")(desk.begin)
    made.get("/api/uploads/{upload}")(desk.part)
    made.patch("/api/uploads/{upload}")(desk.append)
    made.post("/api/submissions", status_code=201)(desk.submit)
    made.get("/api/submissions/{number}")(desk.submission)
    made.delete("/api/submissions/{number}")(desk.cancel)


def _route_organiser(made: FastAPI, desk: OrganiserDesk) -> None:
    made.get("/api/organiser")(desk.overview)
    made.post("/api/organiser/teams/{number}")(desk.judge)
    made.post("/api/organiser/boards/{phase}")(desk.open_board)
    made.delete("/api/organiser/submissions/{number}")(desk.cancel)


def _is_upload(scope: Scope) -> bool:
    return scope["method"] == "PATCH"


async def _say_refused(request: Request, error: Exception) -> Response:
    if isinstance(error, OffsetError):
        return web.said(409, {"error": str(error), "received": error.received})
    return web.said(404 if isinstance(error, UnknownUploadError) else 422, error)


async def _say_unsaved(request: Request, error: Exception) -> Response:
    # What a disk or a database says is the organiser's affair.
    _LOG.error("%s", error)
    return web.said(503, _UNSAVED, {"retry-after": "5"})
