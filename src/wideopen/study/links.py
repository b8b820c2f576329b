"""Links: signed, so that nobody can guess one; the key lies in the study's folder."""

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path
from typing import Literal

from itsdangerous import BadData, URLSafeSerializer

from wideopen.errors import RequestError

KEY = "key"
KEY_BYTES = 32
_LONGEST_TOKEN = 200
_ORGANISER = "organiser"
Role = Literal["rater", "organiser"]


class Links:
    """Makes and checks the tokens of one study, by the key in its folder.

    A token is what it names, and an HMAC-SHA-256 of that. Raters' and organisers' are signed by different keys, both
    derived from the study's.
    """

    def __init__(self, folder: Path) -> None:
        key = _key(folder / KEY)
        self._serializers: dict[Role, URLSafeSerializer] = {
            role: URLSafeSerializer(
                key,
                salt=f"wideopen.study.{role}",
                signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
            )
            for role in ("rater", "organiser")
        }

    def rater_token(self, rater: str) -> str:
        """Sign the name of a rater."""
        return self._sign("rater", rater)

    def organiser_token(self) -> str:
        """Sign for the organiser; always the same."""
        return self._sign("organiser", _ORGANISER)

    def rater(self, token: str) -> str | None:
        """Tell whose token this is; nobody's where it was not made here, whatever is wrong with it."""
        return self._named("rater", token)

    def is_organiser(self, token: str) -> bool:
        """Tell whether a token is the organiser's."""
        return self._named("organiser", token) == _ORGANISER

    def _sign(self, role: Role, name: str) -> str:
        token = self._serializers[role].dumps(name)
        return token if isinstance(token, str) else token.decode()

    def _named(self, role: Role, token: str) -> str | None:
        if len(token) > _LONGEST_TOKEN:
            return None
        try:
            name = self._serializers[role].loads(token)
        except BadData:
            return None
        # Base64 may write the same bytes in several ways; one token has one.
        if not isinstance(name, str) or not hmac.compare_digest(self._sign(role, name).encode(), token.encode()):
            return None
        return name


def _key(path: Path) -> bytes:
    """Read the key; make one where there is none, readable by its owner alone."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise RequestError(f"{path} cannot be written ({error.strerror}); choose another folder") from error
    with os.fdopen(file, "wb") as stream:
        key = secrets.token_bytes(KEY_BYTES)
        stream.write(key.hex().encode())
    return key


def _read(path: Path) -> bytes:
    # Another process may be about to write it.
    for wait_s in (0.05, 0.2, 1.0, None):
        try:
            key = bytes.fromhex(path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            key = b""
        if len(key) == KEY_BYTES:
            return key
        if wait_s is not None:
            time.sleep(wait_s)
    raise RequestError(f"{path} is no key of {KEY_BYTES} bytes; without the right one no link of this study works")
