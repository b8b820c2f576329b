"""Server: the studio's page and what it asks for, from one process on one's own machine."""

import asyncio
import errno
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect

from wideopen.errors import RequestError, WideopenError
from wideopen.photo import read
from wideopen.studio.desk import Desk
from wideopen.studio.door import Door, Opening, is_loopback
from wideopen.studio.saving import Saves
from wideopen.studio.shelf import FullError, GoneError, Limits, Shelf
from wideopen.studio.turns import BusyError, StaleError

HOST, PORT = "127.0.0.1", 8321
UPLOAD_MB = 300
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
_SWEEP_S = 5.0
_LAST_WORDS_S = 3
_TRIED_PORTS = 20


def app(
    *,
    photos: Sequence[Path] = (),
    save_to: Path | None = None,
    upload_mb: float = UPLOAD_MB,
    token: str | None = None,
    shelf: Shelf | None = None,
    saves: Saves | None = None,
) -> FastAPI:
    """Make the studio's web application; its lifespan ends all that it has begun.

    Args:
        photos: Opened at start.
        save_to: Folder that saved photos go to; without it the browser fetches them.
        upload_mb: Largest file that is taken.
        token: Wanted of everybody, where others than this machine can reach it.
        shelf: In place of the usual one.
        saves: In place of the usual ones.

    Raises:
        RequestError: If the folder cannot be used.
        OSError: If there is no room for the photos.
    """
    if save_to is not None and not save_to.is_dir():
        raise RequestError(f"{save_to} is no folder to save to; make it first")
    shelf = shelf or Shelf(Limits())
    saves = saves or Saves(shelf, save_to)
    desk = Desk(shelf, saves, upload_bytes=round(upload_mb * 1e6), save_to=save_to)
    for photo in photos:
        desk.add(photo)

    @asynccontextmanager
    async def lifespan(made: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(each) for each in (_sweep(desk), desk.warm_up())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            desk.close()
            saves.close()
            shelf.close()

    made = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, lifespan=lifespan)
    made.state.desk = desk
    _route_pages(made, _static())
    _route(made, desk)
    made.add_exception_handler(StarletteHTTPException, _say_http)
    made.add_exception_handler(RequestValidationError, _say_invalid)
    made.add_exception_handler(WideopenError, _say_refused)
    made.add_exception_handler(ClientDisconnect, _say_nothing)
    made.add_exception_handler(OSError, _say_disk)
    made.add_exception_handler(MemoryError, _say_memory)
    made.add_middleware(Door, opening=Opening(round(upload_mb * 1e6), token))
    return made


def serve(
    host: str = HOST,
    port: int = PORT,
    photos: Sequence[Path] = (),
    save_to: Path | None = None,
    upload_mb: float = UPLOAD_MB,
    *,
    next_free: bool = False,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the studio until Ctrl-C.

    Args:
        host: Address to listen on; with one that others can reach too, the address that is told holds a token.
        port: To listen on; 0 for any that is free.
        photos: Opened at start.
        save_to: See `app`.
        upload_mb: See `app`.
        next_free: Whether the next free port will do as well.
        ready: Told the address once it answers.

    Raises:
        RequestError: If nothing can listen there, or the folder cannot be used.
        PhotoError: If one of the photos cannot be read.
        OSError: If there is no room for the photos.
    """
    most = Limits().photos
    if len(photos) > most:
        raise RequestError(f"{len(photos)} photos are more than the {most} that are open at a time; give fewer")
    for photo in photos:
        read(photo)
    token = None if is_loopback(host) else secrets.token_urlsafe(32)
    with _listening(host, port, next_free=next_free) as listener:
        made = app(photos=photos, save_to=save_to, upload_mb=upload_mb, token=token)
        address = f"http://{shown(host)}:{listener.getsockname()[1]}/{'' if token is None else f'?token={token}'}"
        config = uvicorn.Config(
            made,
            access_log=False,  # it would write down tokens
            log_level="warning",
            lifespan="on",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_LAST_WORDS_S,
        )
        server = _Told(config, lambda: None if ready is None else ready(address))
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


def shown(host: str) -> str:
    """How an address that is listened on is reached: all addresses of a machine are reached by its name."""
    if host in ("0.0.0.0", "::", ""):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


class _Told(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()


def _listening(host: str, port: int, *, next_free: bool) -> socket.socket:
    if not 0 <= port <= 65535:
        raise RequestError(f"{port} is no port; choose one from 1 to 65535, or 0 for any that is free")
    last = min(65535, port + _TRIED_PORTS) if next_free and port else port
    for tried in range(port, last + 1):
        try:
            family = socket.getaddrinfo(host, tried, type=socket.SOCK_STREAM)[0][0]
            return socket.create_server((host, tried), family=family, backlog=128)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and tried < last:
                continue
            reason = error.strerror or error
            raise RequestError(f"{host} port {port} cannot be listened on ({reason}); choose another port") from error
    raise AssertionError


async def _sweep(desk: Desk) -> None:
    while True:
        await asyncio.sleep(_SWEEP_S)
        desk.sweep()


def _static() -> Mapping[str, tuple[bytes, str]]:
    """Read all files of the page, so that a name can only ever be one of theirs."""
    found = {}
    folder = files("wideopen.studio") / "static"
    for file in folder.iterdir() if folder.is_dir() else ():
        kind = _TYPES.get(Path(file.name).suffix)
        if file.is_file() and kind is not None:
            found[file.name] = (file.read_bytes(), kind)
    return found


def _route_pages(made: FastAPI, static: Mapping[str, tuple[bytes, str]]) -> None:
    async def page(name: str) -> Response:
        if name not in static:
            raise HTTPException(404, "there is no such page")
        content, kind = static[name]
        return Response(content, media_type=kind)

    async def index() -> Response:
        return await page("index.html")

    for path, answer in (("/static/{name}", page), ("/", index)):
        made.api_route(path, methods=["GET", "HEAD"])(answer)


def _route(made: FastAPI, desk: Desk) -> None:
    made.get("/api/studio")(desk.about)
    made.get("/api/presets/{name}.png")(desk.preset)
    made.post("/api/disc.png")(desk.disc)
    made.post("/api/photos")(desk.upload)
    made.post("/api/sample")(desk.sample)
    made.get("/api/photos/{key}")(desk.info)
    made.delete("/api/photos/{key}")(desk.close_photo)
    made.get("/api/photos/{key}/before")(desk.before)
    made.post("/api/photos/{key}/render")(desk.render)
    made.post("/api/photos/{key}/loupe")(desk.loupe)
    made.post("/api/photos/{key}/depth")(desk.depth)
    made.post("/api/photos/{key}/box")(desk.box)
    made.post("/api/photos/{key}/save")(desk.save)
    made.get("/api/saves/{job}")(desk.saved)
    made.delete("/api/saves/{job}")(desk.cancel)
    made.get("/api/saves/{job}/file")(desk.file)
    made.post("/api/look")(desk.look)


def _said(status: int, error: object, headers: Mapping[str, str] | None = None, **more: object) -> JSONResponse:
    return JSONResponse({"error": str(error), **more}, status, headers)


async def _say_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    usual: dict[int, Any] = {404: "there is no such page", 405: "this cannot be asked for in this way"}
    said = error.detail if isinstance(error, HTTPException) else usual.get(error.status_code, error.detail)
    return _said(error.status_code, said, error.headers)


async def _say_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(each) for each in first["loc"] if each not in ("body", "path", "query"))[:100]
    return _said(422, " ".join(f"{where}: {first['msg']}".split()))


async def _say_refused(request: Request, error: Exception) -> Response:
    if isinstance(error, GoneError):
        return _said(410, error, gone=True)
    if isinstance(error, StaleError):
        return _said(409, error, stale=True)
    if isinstance(error, BusyError | FullError):
        return _said(503, error, {"retry-after": "2"})
    return _said(422, error)


async def _say_disk(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _said(507, "the disk is full; free some space and try again, open photos stay open")
    return _said(500, f"the studio's files cannot be used ({error.strerror or error}); try again")


async def _say_nothing(request: Request, error: Exception) -> Response:
    """Who has gone hears nothing."""
    return Response(status_code=400)


async def _say_memory(request: Request, error: Exception) -> Response:
    return _said(507, "this needs more memory than there is; close other programs, or make the photo smaller first")
