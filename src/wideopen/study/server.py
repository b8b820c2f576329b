"""Server: the study's pages and what they ask for, from one process."""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, Request, Response

from wideopen.errors import RequestError
from wideopen.study import web
from wideopen.study.desk import Desk
from wideopen.study.guard import Guard
from wideopen.study.limits import Limits
from wideopen.study.links import Links
from wideopen.study.plan import read_study
from wideopen.study.store import ForgottenError, Store, StoreError, open_store

HOST, PORT = web.LOOPBACK, 8400
_UNSAVED = "disk full or store cannot be written: your answer was NOT saved, try again"


def app(
    folder: Path, store: Store, *, proxy: bool = False, root_path: str = "", limits: Limits | None = None
) -> FastAPI:
    """Make the study's web application.

    Args:
        folder: Of the study.
        store: Its votes.
        proxy: Whether a reverse proxy stands before it, whose X-Forwarded-For is believed.
        root_path: What the proxy's addresses begin with, ``/study``; whether it takes that away or not is alike.
        limits: How often one may ask.

    Raises:
        RequestError: If the plan cannot be used, or a picture of it is missing.
    """
    limits = limits or Limits()
    desk = Desk(folder, read_study(folder), store, Links(folder), limits)
    made = web.new_application()
    web.route_pages(made, "wideopen.study", {"/r/{token}": "rater.html", "/o/{token}": "organiser.html"})
    made.get("/api/r/{token}/state")(desk.state)
    made.post("/api/r/{token}/consent")(desk.consent)
    made.post("/api/r/{token}/trained")(desk.trained)
    made.get("/api/r/{token}/trials/{number}")(desk.trial)
    made.get("/api/r/{token}/trials/{number}/{which}")(desk.trial_picture)
    made.post("/api/r/{token}/trials/{number}/vote")(desk.vote)
    made.get("/api/r/{token}/training/{number}/{which}")(desk.training_picture)
    made.get("/api/o/{token}/progress")(desk.progress)
    made.post("/api/o/{token}/links")(desk.new_links)
    made.add_exception_handler(ForgottenError, _say_gone)
    made.add_exception_handler(StoreError, _say_unsaved)
    made.add_middleware(Guard, rate=limits.address, proxy=proxy, root_path=web.prefix_of(root_path))
    return made


def serve(
    folder: Path,
    host: str = HOST,
    port: int = PORT,
    database: str | None = None,
    proxy: bool = False,
    *,
    root_path: str = "",
    limits: Limits | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a study until Ctrl-C; answers that are under way are finished first.

    Args:
        folder: Of the study.
        host: Address to listen on; others than this machine can reach it only where it is not a loopback address.
        port: To listen on; 0 for any that is free.
        database: PostgreSQL in place of ``votes.db``, as `wideopen.study.store.open_store` takes it.
        proxy: See `app`.
        root_path: See `app`.
        limits: See `app`.
        ready: Told the address once it answers.

    Raises:
        RequestError: If the study cannot be used, or nothing can listen there.
        StoreError: If the votes cannot be opened.
    """
    store = open_store(folder, database)
    try:
        made = app(folder, store, proxy=proxy, root_path=root_path, limits=limits)
        with web.listening(host, port) as listener:
            if ready is not None:
                ready(web.address_of(listener, host, root_path))
            web.run(made, listener)
    except KeyboardInterrupt:
        return
    finally:
        store.close()


def create_links(
    folder: Path, count: int, *, address: str = f"http://{HOST}:{PORT}", database: str | None = None
) -> list[str]:
    """Make links for raters, each for one person.

    Args:
        folder: Of the study.
        count: So many.
        address: Where raters reach the study.
        database: See `serve`.

    Raises:
        RequestError: If there is no such study.
        StoreError: If they cannot be kept.
    """
    if count < 1:
        raise RequestError(f"{count} links cannot be made; ask for 1 or more")
    store, links = open_store(folder, database), Links(folder)
    try:
        return [f"{address.rstrip('/')}/r/{links.rater_token(store.add_rater())}" for _ in range(count)]
    finally:
        store.close()


def organiser_link(folder: Path, *, address: str = f"http://{HOST}:{PORT}") -> str:
    """Give the organiser's link.

    Raises:
        RequestError: If there is no such study.
    """
    read_study(folder)
    return f"{address.rstrip('/')}/o/{Links(folder).organiser_token()}"


async def _say_gone(request: Request, error: Exception) -> Response:
    return web.said(410, error)


async def _say_unsaved(request: Request, error: Exception) -> Response:
    return web.said(503, _UNSAVED, {"retry-after": "2"})
