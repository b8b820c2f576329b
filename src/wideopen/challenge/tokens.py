"""Tokens: what opens one's team at each challenge, in a file that its owner alone can read."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from wideopen.errors import RequestError

VARIABLE = "WIDEOPEN_TOKEN"
FILE = "challenges.json"


def place() -> Path:
    """Where tokens are kept: ``challenges.json`` in the user's settings of wideopen."""
    return Path(user_config_path("wideopen", appauthor=False)) / FILE


def keep(address: str, team: str, token: str) -> Path:
    """Keep the token of a team; gives the file.

    Raises:
        RequestError: If it cannot be kept.
    """
    path = place()
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        known = _read(path) | {address: {"team": team, "token": token}}
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "w", encoding="utf-8") as stream:
                stream.write(json.dumps(known, indent=1, ensure_ascii=False) + "\n")
            os.replace(beside, path)  # noqa: PTH105
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise RequestError(f"{path} cannot be written ({error.strerror or error})") from error
    return path


def token_of(address: str, given: str | None) -> str:
    """Find the token for a challenge: what was given, the variable ``WIDEOPEN_TOKEN``, or what signing up kept.

    Raises:
        RequestError: If there is none.
    """
    found = given or os.environ.get(VARIABLE)
    if found is None:
        found = _read(place()).get(address, {}).get("token")
    if not found:
        raise RequestError(
            f"there is no token for {address}; sign up by wideopen challenge sign-up, or give one by --token or the "
            f"variable {VARIABLE}"
        )
    token = str(found).strip()
    if not token.isascii() or not token.isprintable():
        raise RequestError("that is no token of a team; copy it whole")
    return token


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"{path} cannot be read ({error}); mend or remove it") from error
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise RequestError(f"{path} holds no tokens; mend or remove it")
    return found
