"""Client: what a team asks of a challenge's server; by the standard library alone."""

import hashlib
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

from wideopen.challenge.parcel import kind_of, zipped
from wideopen.challenge.sheet import FactSheet
from wideopen.errors import RequestError, WideopenError

Progress = Callable[[str, int, int], None]
"""Told what is done (``reading``, ``sending``), how many bytes of it, and of how many."""
PIECE_BYTES = 8 << 20
"""Sent at a time."""
_AT_ONCE = 1 << 20
_TIMEOUT_S = 120.0
_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0)
_LONGEST_PAUSE_S = 60.0


class ServerError(WideopenError):
    """The server cannot be reached, or failed."""


class RefusedError(RequestError):
    """The server refused; its text is what it said."""

    def __init__(self, status: int, told: Mapping[str, Any], wait_s: float = 0.0) -> None:
        super().__init__(" ".join(str(told.get("error") or f"the server refused (status {status})").split())[:2000])
        self.status, self.told, self.wait_s = status, told, wait_s


@dataclass(frozen=True)
class Asked:
    """Where a submission goes."""

    phase: str
    track: str
    sheet: FactSheet


class Client:
    """Asks one server, again where an answer got lost."""

    def __init__(
        self,
        address: str,
        token: str | None = None,
        *,
        pauses_s: tuple[float, ...] = _PAUSES_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make ready to ask; proxies are those of the environment, but for this machine's own addresses.

        Args:
            address: Of the challenge's first page.
            token: Of the team.
            pauses_s: Before each further try.
            sleep: Waits.

        Raises:
            RequestError: If that is no address.
        """
        self.address, self._token = address_of(address), token
        self.pauses_s, self.sleep = pauses_s, sleep
        handlers: list[urllib.request.BaseHandler] = [_Stay()]
        if is_here(self.address):
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Ask once more and again until there is an answer.

        Args:
            method: Of HTTP.
            path: As ``/api/team``.
            body: Bytes, or what becomes JSON.

        Raises:
            RefusedError: If the server refuses.
            ServerError: If there is none, or it fails again and again.
        """
        for pause_s in (*self.pauses_s, None):
            try:
                return self.ask_once(method, path, body)
            except RefusedError as error:
                if error.status != 429 or pause_s is None or not 0 < error.wait_s <= _LONGEST_PAUSE_S:
                    raise
                pause_s = error.wait_s
            except ServerError:
                if pause_s is None:
                    raise
            self.sleep(pause_s)
        raise AssertionError

    def ask_once(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Ask once; raises as `ask` does."""
        headers = {"accept": "application/json"}
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token}"
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["content-type"] = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        try:
            request = urllib.request.Request(self.address + path, data, headers, method=method)
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                return _record(answer.read(), self.address)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error) from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLError):
                raise RequestError(f"{self.address} cannot be trusted ({error.reason})") from error
            raise self._lost(error.reason) from error
        except (OSError, HTTPException) as error:
            raise self._lost(error) from error
        except ValueError as error:
            raise RequestError(f"this cannot be asked of {self.address} ({error}); check address and token") from error

    def _lost(self, reason: object) -> ServerError:
        text = " ".join(str(getattr(reason, "strerror", None) or reason or type(reason).__name__).split())
        return ServerError(f"{self.address} does not answer ({text}); is the address right, and the server running?")

    def _refusal(self, error: urllib.error.HTTPError) -> WideopenError:
        if error.code in (301, 302, 303, 307, 308):
            place = error.headers.get("location", "")[:200]
            return RequestError(f"{self.address} sends on to {place!r}, and a token goes nowhere else; give that one")
        try:
            told = json.loads(error.read(1 << 20))
        except (OSError, ValueError, RecursionError, HTTPException):
            told = None
        if not isinstance(told, dict):
            told = {"error": f"{self.address} answers with status {error.code}; is it the address of a challenge?"}
        if error.code >= 500:
            return ServerError(str(RefusedError(error.code, told)))
        wait = error.headers.get("retry-after", "")
        return RefusedError(error.code, told, float(wait[:6]) if wait.isascii() and wait.isdigit() else 0.0)


def sign_up(address: str, name: str) -> dict[str, Any]:
    """Sign a team up; gives ``team``, ``token`` and ``approved``. The token is told this once."""
    # Asked once: were the answer lost, the name would be taken already.
    return Client(address).ask_once("POST", "/api/teams", {"name": name})


def submit(client: Client, path: Path, asked: Asked, *, progress: Progress | None = None) -> dict[str, Any]:
    """Send a submission, and go on where an earlier try of the same file stopped.

    Args:
        client: With the team's token.
        path: A zip or a folder of pictures, or a model's file.
        asked: Phase, track and fact sheet.
        progress: See `Progress`.

    Returns:
        The submission, as the server keeps it.

    Raises:
        RequestError: If the file is none of these, or the server refuses it; it says why.
        ServerError: If the server is not to be reached.
    """
    kind = kind_of(path)
    _refuse_early(client, kind, asked)
    with TemporaryDirectory(prefix="wideopen-") as folder:
        file = zipped(path, Path(folder) / f"{path.resolve().name}.zip") if path.is_dir() else path
        upload = _sent(client, file, progress or (lambda *_: None))
    where = {"upload": upload, "phase": asked.phase, "track": asked.track, "kind": kind}
    return client.ask("POST", "/api/submissions", {**where, "sheet": asdict(asked.sheet), "request": uuid4().hex})


def _refuse_early(client: Client, kind: str, asked: Asked) -> None:
    """Refuse what the server would refuse after all has been sent."""
    plan = client.ask("GET", "/api/challenge")
    phases = {each["name"]: each for each in plan["phases"]}
    tracks = [each["name"] for each in plan["tracks"]]
    for what, name, known in (("phase", asked.phase, phases), ("track", asked.track, tracks)):
        if name not in known:
            raise RequestError(f"there is no {what} {name!r}; there are {', '.join(known)}")
    phase = phases[asked.phase]
    if phase["state"] != "open":
        raise RequestError(
            f"the phase {asked.phase} takes submissions from {phase['begins']} until {phase['ends']}, not now"
        )
    if kind not in phase["takes"]:
        raise RequestError(f"the phase {asked.phase} takes {' and '.join(phase['takes'])}, not {kind}")
    mine = client.ask("GET", "/api/team")
    left = mine["left"][asked.phase]
    if left["in_all"] < 1:
        raise RequestError(f"all {phase['in_all']} submissions of the phase {asked.phase} are used")
    if left["today"] < 1:
        raise RequestError(f"all {phase['per_day']} submissions of today are used; the next day begins at 00:00 UTC")


def _sent(client: Client, file: Path, progress: Progress) -> str:
    """Send a file; gives the upload's name."""
    try:
        size, digest = _checksum(file, progress)
        begun = client.ask("POST", "/api/uploads", {"file_name": file.name, "bytes": size, "sha256": digest})
        at, place = int(begun["received"]), f"/api/uploads/{quote(str(begun['id']), safe='')}"
        with file.open("rb") as stream:
            while at < size:
                progress("sending", at, size)
                stream.seek(at)
                piece = stream.read(PIECE_BYTES)
                if not piece:
                    raise RequestError(f"{file} became shorter while it was sent; send it again")
                at = _piece_sent(client, place, at, piece)
        progress("sending", size, size)
    except OSError as error:
        raise RequestError(f"{file} cannot be read ({error.strerror or error}); give a file that can") from error
    return str(begun["id"])


def _piece_sent(client: Client, place: str, at: int, piece: bytes) -> int:
    """Send a piece until some of it is there; gives where to go on."""
    for pause_s in (*client.pauses_s, None):
        try:
            return int(client.ask_once("PATCH", f"{place}?offset={at}", piece)["received"])
        except RefusedError as error:
            if error.status not in (409, 429) or pause_s is None:
                raise
            pause_s = max(pause_s, min(error.wait_s, _LONGEST_PAUSE_S))
        except ServerError:
            if pause_s is None:
                raise
        received = int(client.ask("GET", place)["received"])
        if received != at:
            return received
        client.sleep(pause_s)
    raise AssertionError


def _checksum(file: Path, progress: Progress) -> tuple[int, str]:
    size, done, digest = file.stat().st_size, 0, hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(_AT_ONCE):
            digest.update(piece)
            done += len(piece)
            progress("reading", done, size)
    return done, digest.hexdigest()


def address_of(text: str) -> str:
    """Read the address of a challenge.

    Raises:
        RequestError: If it is none.
    """
    try:
        parts = urlsplit(text.strip())
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        whole = False
    if not whole or parts.username is not None or parts.query or parts.fragment:
        raise RequestError(f"{text[:200]!r} is no address of a challenge; give it as https://HOST or https://HOST/PATH")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def is_here(address: str) -> bool:
    """Tell whether an address is this machine's own."""
    return urlsplit(address).hostname in ("localhost", "127.0.0.1", "::1")


def is_unsafe(address: str) -> bool:
    """Tell whether a token could be read on its way to an address."""
    return urlsplit(address).scheme == "http" and not is_here(address)


def _record(content: bytes, address: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RequestError(f"{address} is no challenge of wideopen; give the address of its first page")
    return found


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nobody, for a token would go with it."""

    def redirect_request(self, *_: Any, **__: Any) -> None:  # noqa: ANN401
        """Give nothing to follow."""
        return
