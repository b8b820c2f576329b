"""Server: the study's pages and what they ask for, from one process."""

import ipaddress
import socket
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from wideopen.errors import RequestError
from wideopen.study.desk import Desk
from wideopen.study.guard import Guard
from wideopen.study.limits import Limits
from wideopen.study.links import Links
from wideopen.study.plan import read_study
from wideopen.study.store import ForgottenError, Store, StoreError, open_store

HOST, PORT = "127.0.0.1", 8000
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
_UNSAVED = "disk full or store cannot be written: your answer was NOT saved, try again"
_LAST_WORDS_S = 10
"""For answers that are under way when the server is stopped."""


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
    made = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    _route_pages(made, _static())
    made.get("/api/r/{token}/state")(desk.state)
    made.post("/api/r/{token}/consent")(desk.consent)
    made.post("/api/r/{token}/trained")(desk.trained)
    made.get("/api/r/{token}/trials/{number}")(desk.trial)
    made.get("/api/r/{token}/trials/{number}/{which}")(desk.trial_picture)
    made.post("/api/r/{token}/trials/{number}/vote")(desk.vote)
    made.get("/api/r/{token}/training/{number}/{which}")(desk.training_picture)
    made.get("/api/o/{token}/progress")(desk.progress)
    made.post("/api/o/{token}/links")(desk.new_links)
    made.add_exception_handler(StarletteHTTPException, _say_http)
    made.add_exception_handler(RequestValidationError, _say_invalid)
    made.add_exception_handler(ForgottenError, _say_gone)
    made.add_exception_handler(StoreError, _say_unsaved)
    made.add_middleware(Guard, rate=limits.address, proxy=proxy, root_path=_prefix(root_path))
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
        config = uvicorn.Config(
            made,
            access_log=False,  # it would write down who asked, and links that open sittings
            log_level="warning",
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_LAST_WORDS_S,
        )
        with _listening(host, port) as listener:
            if ready is not None:
                ready(f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}{_prefix(root_path)}")
            uvicorn.Server(config).run(sockets=[listener])
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


def opening_warning(host: str, *, proxy: bool = False) -> str | None:
    """Say what it means to listen on an address; nothing where only this machine can reach it."""
    try:
        wide = not ipaddress.ip_address(host).is_loopback
    except ValueError:
        wide = host != "localhost"
    if not wide:
        return None
    if proxy:
        return f"{host} is open to others than the proxy too, who could then pretend any address; prefer {HOST}"
    return (
        f"{host} is open to everyone who can reach this machine, unencrypted; for raters elsewhere, "
        f"listen on {HOST} behind a reverse proxy with HTTPS, and give --proxy"
    )


def _prefix(root_path: str) -> str:
    inner = root_path.strip("/")
    return f"/{inner}" if inner else ""


def _listening(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise RequestError(f"{port} is no port; choose one from 1 to 65535, or 0 for any that is free")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        reason = error.strerror or error
        raise RequestError(f"{host} port {port} cannot be listened on ({reason}); choose another port") from error


def _static() -> Mapping[str, tuple[bytes, str]]:
    """Read all files of the pages, so that a name can only ever be one of theirs."""
    found = {}
    for file in (files("wideopen.study") / "static").iterdir():
        kind = _TYPES.get(Path(file.name).suffix)
        if file.is_file() and kind is not None:
            found[file.name] = (file.read_bytes(), kind)
    return found


def _route_pages(made: FastAPI, static: Mapping[str, tuple[bytes, str]]) -> None:
    async def page(name: str) -> Response:
        if name not in static:
            raise HTTPException(404, "there is no such page")
        content, kind = static[name]
        return Response(content, media_type=kind, headers={"cache-control": "no-cache"})

    async def rater(token: str) -> Response:
        return await page("rater.html")

    async def organiser(token: str) -> Response:
        return await page("organiser.html")

    for path, answer in (("/static/{name}", page), ("/r/{token}", rater), ("/o/{token}", organiser)):
        made.api_route(path, methods=["GET", "HEAD"])(answer)


def _said(status: int, detail: Any, headers: Mapping[str, str] | None = None) -> JSONResponse:  # noqa: ANN401
    return JSONResponse(detail if isinstance(detail, dict) else {"error": str(detail)}, status, headers)


async def _say_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    usual = {404: "there is no such page", 405: "this cannot be asked for in this way"}
    said = error.detail if isinstance(error, HTTPException) else usual.get(error.status_code, error.detail)
    return _said(error.status_code, said, error.headers)


async def _say_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(each) for each in first["loc"] if each not in ("body", "path"))[:100]
    status = 404 if first["loc"][0] == "path" else 422
    return _said(status, " ".join(f"{where}: {first['msg']}".split()))


async def _say_gone(request: Request, error: Exception) -> Response:
    return _said(410, error)


async def _say_unsaved(request: Request, error: Exception) -> Response:
    return _said(503, _UNSAVED, {"retry-after": "2"})
