"""Guard: stands before all that a study or a challenge serves; small bodies, few requests, careful headers."""

import ipaddress
import json
import logging
from collections.abc import Callable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wideopen.study.limits import Limiter, Rate, place_of

MOST_BODY_BYTES = 4096
HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
}
_LOG = logging.getLogger("wideopen.study")


class Guard:
    """Refuses what is too much, and puts `HEADERS` on every answer.

    Behind a proxy, the address of a request is the last one in X-Forwarded-For, which that proxy
    added, and only where the proxy itself is on a private network; else the header is what anyone may write.

    Bodies are read whole before they are handed on, but for those of paths that ``streamed`` names.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        rate: Rate,
        proxy: bool = False,
        root_path: str = "",
        most_body_bytes: int = MOST_BODY_BYTES,
        streamed: Callable[[Scope], bool] = lambda _: False,
    ) -> None:
        self._app, self._proxy, self._root_path = app, proxy, root_path
        self._most_body_bytes, self._streamed = most_body_bytes, streamed
        self._addresses = Limiter(rate)

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
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            await self._serve(scope, receive, careful)
        except Exception:
            _LOG.exception("a request failed")
            if begun:
                raise
            await _refuse(careful, 500, "the server failed at this; nothing was saved, try again")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        scope = {**scope, "root_path": self._root_path, "client": (self._address(scope, headers), 0)}
        wait_s = self._addresses.wait_s(place_of(scope["client"][0]))
        if wait_s:
            await _refuse(send, 429, f"too much is asked for from your address; wait {wait_s} s", wait_s)
            return
        if self._streamed(scope):
            await self._app(scope, receive, send)
            return
        body = await _body(headers, receive, self._most_body_bytes)
        if body is None:
            await _refuse(send, 413, f"what was sent is longer than {self._most_body_bytes} bytes")
            return
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)

    def _address(self, scope: Scope, headers: Headers) -> str:
        client = scope.get("client")
        address = str(client[0]) if client else ""
        forwarded = headers.getlist("x-forwarded-for")
        if not self._proxy or not forwarded or not _is_near(address):
            return address
        return forwarded[-1].rsplit(",", 1)[-1].strip() or address


async def _body(headers: Headers, receive: Receive, most_bytes: int) -> bytes | None:
    """Read what was sent; nothing where it is too long."""
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:10]) > most_bytes:
        return None
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most_bytes:
            return None
    return body


def _is_near(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False


async def _refuse(send: Send, status: int, error: str, wait_s: int = 0) -> None:
    body = json.dumps({"error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if wait_s:
        headers.append((b"retry-after", str(wait_s).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
