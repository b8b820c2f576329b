"""Door: stands before all that the studio serves; who asks, from where, and how much is sent."""

import asyncio
import hmac
import ipaddress
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: Mapping[str, str] = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
MOST_BODY_BYTES = 9 << 20
"""Of everything but a photo: a look with very many strokes."""
UPLOADS = "/api/photos"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MOST_WRONG, WRONG_S = 10, 60.0
LISTEN_S = 5.0
_LOG = logging.getLogger("wideopen.studio")
_ENTERED = b'<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>wideopen</title>'


@dataclass(frozen=True)
class Opening:
    """How wide the door stands open."""

    upload_bytes: int
    token: str | None = None
    """Wanted of everybody, where others than this machine can reach it."""


class Door:
    """Refuses who must not come in and what is too long, and puts `HEADERS` on every answer.

    Only this machine may ask, under its own name: another name in `Host` is a foreign page whose name was made to
    lead here. With a token, whoever has it may ask from anywhere. Beyond the page itself, only that page may ask.
    """

    def __init__(self, app: ASGIApp, *, opening: Opening, now: Callable[[], float] = time.monotonic) -> None:
        self._app, self._opening, self._now = app, opening, now
        self._wrong: dict[str, list[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1000})
            return
        begun = False

        async def careful(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        try:
            await self._serve(scope, receive, careful)
        except Exception:
            _LOG.exception("a request failed")
            if begun:
                raise
            await _refuse(careful, 500, "the studio failed at this; the photo stays open, try again")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refused = self._stranger(scope, headers)
        if refused is not None:
            await _refuse(send, 403, refused)
            return
        if self._opening.token is not None and not await self._knows_token(scope, headers, send):
            return
        most = self._opening.upload_bytes if scope["path"] == UPLOADS else MOST_BODY_BYTES
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 18 or int(length) > most:
            await _refuse_unread(receive, send, too_long(most))
            return
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > most:
                raise HTTPException(413, too_long(most), {"connection": "close"})
            return message

        await self._app(scope, counted, send)

    def _stranger(self, scope: Scope, headers: Headers) -> str | None:
        """Say why a request is not the page's own."""
        host = headers.get("host", "")
        if self._opening.token is None and not _is_here(host, scope["server"]):
            return "the studio is for this computer only; open it by the address that it has printed"
        changes = scope["method"] not in ("GET", "HEAD")
        if not changes and not scope["path"].startswith("/api/"):
            return None
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return "this came from another page than the studio's"
        if site is not None and site != "same-origin" and (changes or site != "none"):
            return "this came from another page than the studio's"
        return None

    async def _knows_token(self, scope: Scope, headers: Headers, send: Send) -> bool:
        """Let in who has the token; who brings it in the link gets it as a cookie."""
        token = self._opening.token or ""
        address = str((scope.get("client") or ("",))[0])
        name = f"wideopen-{(scope['server'] or ('', 0))[1]}"
        if _is_same(_cookie(headers, name), token):
            return True
        now = self._now()
        wrong = [each for each in self._wrong.get(address, []) if now - each < WRONG_S]
        if len(wrong) >= MOST_WRONG:
            await _refuse(send, 429, "too many wrong links were tried; wait a minute")
            return False
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[-1]
        if scope["path"] == "/" and _is_same(given, token):
            cookie = f"{name}={token}; HttpOnly; SameSite=Strict; Path=/"
            # A redirect would not carry the cookie where the link came from another page.
            await _answer(send, 200, _ENTERED, b"text/html; charset=utf-8", [(b"set-cookie", cookie.encode())])
            return False
        if given or _cookie(headers, name):
            if len(self._wrong) > 1000:
                self._wrong.clear()
            self._wrong[address] = [*wrong, now]
        gone = [(b"set-cookie", f"{name}=; Max-Age=0; Path=/".encode())]
        text = "this studio wants the whole link that it has printed, with its token"
        await _answer(send, 401, _error(text), b"application/json", gone)
        return False


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def too_long(most: int) -> str:
    """Say that something is too long."""
    return f"this is larger than the {most / 1e6:.0f} MB that are taken; start wideopen studio with --upload-limit MB"


def _is_here(host: str, server: tuple[str, int | None] | None) -> bool:
    """Whether a Host header names this machine's loopback, and the port that is listened on."""
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    here = name in LOOPBACK or (server is not None and name == server[0] and is_loopback(name))
    return here and (server is None or (port or 80) == server[1])


def _cookie(headers: Headers, name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _is_same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


def _error(text: str) -> bytes:
    return json.dumps({"error": text}).encode()


async def _refuse(send: Send, status: int, error: str) -> None:
    await _answer(send, status, _error(error), b"application/json", [])


async def _refuse_unread(receive: Receive, send: Send, error: str) -> None:
    """Refuse a body without reading it, but listen on for a moment: browsers hear nothing while they send."""
    body = _error(error)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with suppress(TimeoutError):
        async with asyncio.timeout(LISTEN_S):
            while (await receive()).get("more_body", False):
                pass
    await send({"type": "http.response.body", "body": b""})


async def _answer(send: Send, status: int, body: bytes, kind: bytes, more: list[tuple[bytes, bytes]]) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
