"""Web: what every server of pages needs; files of the pages, errors as one sentence, a port to listen on."""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from wideopen.errors import RequestError

_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
LOOPBACK = "127.0.0.1"
"""The address that only this machine reaches."""
_LAST_WORDS_S = 10
"""For answers that are under way when the server is stopped."""


def new_application() -> FastAPI:
    """Make an application that says every error in one sentence, and shows no documents of itself."""
    made = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    made.add_exception_handler(StarletteHTTPException, _say_http)
    made.add_exception_handler(RequestValidationError, _say_invalid)
    return made


def route_pages(made: FastAPI, package: str, pages: Mapping[str, str], *, shared: Sequence[str] = ()) -> None:
    """Serve the files in a package's ``static``.

    Args:
        made: The application.
        package: As ``wideopen.study``.
        pages: The file that each path shows, as ``/r/{token}``; what is in braces is not looked at here.
        shared: Names of files of the study's that the pages use too.
    """
    static = _static(package) | {name: _static("wideopen.study")[name] for name in shared}

    def shown(file: str) -> Response:
        if file not in static:
            raise HTTPException(404, "there is no such page")
        content, kind = static[file]
        return Response(content, media_type=kind, headers={"cache-control": "no-cache"})

    def page(file: str) -> Callable[[], Awaitable[Response]]:
        async def answer() -> Response:
            return shown(file)

        return answer

    async def named(name: str) -> Response:
        return shown(name)

    made.add_api_route("/static/{name}", named, methods=["GET", "HEAD"])
    for path, file in pages.items():
        made.add_api_route(path, page(file), methods=["GET", "HEAD"])


def said(status: int, detail: Any, headers: Mapping[str, str] | None = None) -> JSONResponse:  # noqa: ANN401
    """Answer with a sentence, or with what stands for one."""
    return JSONResponse(detail if isinstance(detail, dict) else {"error": str(detail)}, status, headers)


def listening(host: str, port: int) -> socket.socket:
    """Listen on a port, before anything is served.

    Raises:
        RequestError: If nothing can listen there.
    """
    if not 0 <= port <= 65535:
        raise RequestError(f"{port} is no port; choose one from 1 to 65535, or 0 for any that is free")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        reason = error.strerror or error
        raise RequestError(f"{host} port {port} cannot be listened on ({reason}); choose another port") from error


def address_of(listener: socket.socket, host: str, root_path: str = "") -> str:
    """Write where a server is reached."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}{prefix_of(root_path)}"


def run(made: FastAPI, listener: socket.socket) -> None:
    """Serve until Ctrl-C; answers that are under way are finished first."""
    config = uvicorn.Config(
        made,
        access_log=False,  # it would write down who asked, and links that open what is not public
        log_level="warning",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_LAST_WORDS_S,
    )
    uvicorn.Server(config).run(sockets=[listener])


def is_open_to_others(host: str) -> bool:
    """Tell whether others than this machine can reach what listens on an address."""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def opening_warning(host: str, whom: str, *, proxy: bool, secrets: str = "") -> str | None:
    """Say what it means to listen on an address; nothing where only this machine can reach it.

    Args:
        host: The address.
        whom: Who shall come, as ``raters``.
        proxy: Whether a reverse proxy stands before it, whose word on addresses counts.
        secrets: What else goes unencrypted, as ``, tokens too``.
    """
    if not is_open_to_others(host):
        return None
    if proxy:
        return f"{host} is open to others than the proxy too, who could then pretend any address; prefer {LOOPBACK}"
    return (
        f"{host} is open to everyone who can reach this machine, unencrypted{secrets}; for {whom} elsewhere, "
        f"listen on {LOOPBACK} behind a reverse proxy with HTTPS, and give --proxy"
    )


def prefix_of(root_path: str) -> str:
    """Write what a proxy's addresses begin with as a path without a slash at its end."""
    inner = root_path.strip("/")
    return f"/{inner}" if inner else ""


def _static(package: str) -> dict[str, tuple[bytes, str]]:
    """Read all files of the pages, so that a name can only ever be one of theirs."""
    found = {}
    for file in (files(package) / "static").iterdir():
        kind = _TYPES.get(Path(file.name).suffix)
        if file.is_file() and kind is not None:
            found[file.name] = (file.read_bytes(), kind)
    return found


async def _say_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    usual = {404: "there is no such page", 405: "this cannot be asked for in this way"}
    told = error.detail if isinstance(error, HTTPException) else usual.get(error.status_code, error.detail)
    return said(error.status_code, told, error.headers)


async def _say_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(each) for each in first["loc"] if each not in ("body", "path"))[:100]
    status = 404 if first["loc"][0] == "path" else 422
    return said(status, " ".join(f"{where}: {first['msg']}".split()))
