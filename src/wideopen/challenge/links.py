"""Links: the organiser's, signed by the key in the challenge's folder, so that nobody can guess it."""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from wideopen.errors import RequestError

KEY = "key"
KEY_BYTES = 32
_SIGNED = b"wideopen.challenge.organiser"


class Links:
    """Makes and checks the organiser's token of one challenge: an HMAC-SHA-256 by its key."""

    def __init__(self, folder: Path) -> None:
        """Read the key of a challenge; make one where there is none, readable by its owner alone.

        Args:
            folder: Of the challenge.

        Raises:
            RequestError: If there is none and none can be made, or what is there is no key.
        """
        digest = hmac.new(_key(folder / KEY), _SIGNED, hashlib.sha256).digest()
        self._token = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def organiser_token(self) -> str:
        """Give the organiser's token; always the same."""
        return self._token

    def is_organiser(self, token: str) -> bool:
        """Tell whether a token is the organiser's, in a time that tells nothing of it."""
        return hmac.compare_digest(self._token.encode(), token.encode("utf-8", "surrogatepass"))


def _key(path: Path) -> bytes:
    """Read the key, or make one; of several processes that make one at once, one wins."""
    try:
        if not path.exists():
            _make(path)
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except OSError as error:
        raise RequestError(f"{path} cannot be read or made ({error.strerror}); make the folder writable") from error
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise RequestError(f"{path} is no key of {KEY_BYTES} bytes; bring the right one back, or no link works")
    return key


def _make(path: Path) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(secrets.token_bytes(KEY_BYTES).hex().encode())
            stream.flush()
            os.fsync(stream.fileno())
        # A link refuses what is there, where a rename would replace it.
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink(missing_ok=True)
