"""What a phone says of itself: what it is, how hot, how much room."""

import re
from collections.abc import Callable

from wideopen.errors import RequestError
from wideopen.export.adb import Phone

_POLL_S = 5.0
_HEAT = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""As Android counts its thermal status."""


def refuse_room(phone: Phone, size: int) -> None:
    """Refuse a phone that has less free than this many bytes.

    Raises:
        RequestError: If it has.
    """
    lines = phone.shell("df -k /data/local/tmp", step="asking for free space").splitlines()
    words = lines[-1].split() if lines else []
    free = next((int(word) for word, after in zip(words, [*words[1:], ""], strict=True) if after.endswith("%")), None)
    if free is not None and free * 1024 < size:
        raise RequestError(
            f"{phone.serial} has {free / 1024:.0f} MiB free, and {size / 2**20:.0f} MiB are needed; delete something "
            "on the phone"
        )


def about_phone(phone: Phone) -> dict[str, str]:
    """Ask what it is: ``name``, ``android`` (its version), ``soc``, ``abi`` and ``cores``."""
    properties = {
        "maker": "ro.product.manufacturer",
        "model": "ro.product.model",
        "android": "ro.build.version.release",
        "soc_model": "ro.soc.model",
        "board": "ro.board.platform",
        "abi": "ro.product.cpu.abi",
    }
    asked = "; ".join([*(f"getprop {name}" for name in properties.values()), "nproc || true"])
    lines = [line.strip() for line in phone.shell(asked, step="asking what it is").splitlines()]
    about = dict(zip((*properties, "cores"), [*lines, *[""] * 7], strict=False))
    maker, model = about["maker"], about["model"]
    named = model if model.lower().startswith(maker.lower()) else f"{maker} {model}"
    known = about["soc_model"] or about["board"] or "unknown"
    return about | {"name": named.strip() or phone.serial, "soc": known}


def _status(phone: Phone) -> int | None:
    told = phone.shell("dumpsys thermalservice 2>/dev/null || true", step="asking how hot it is")
    found = re.search(r"Thermal Status: (\d+)", told)
    return int(found[1]) if found else None


def heat(phone: Phone) -> str:
    """Tell a person its battery and thermal status."""
    told = phone.shell("dumpsys battery 2>/dev/null || true", step="asking for its battery")
    found = {name: re.search(rf"^\s*{name}: (\d+)", told, re.MULTILINE) for name in ("level", "temperature")}
    parts = [
        f"{found['level'][1]} %" if found["level"] else "",
        f"{int(found['temperature'][1]) / 10:.1f} °C" if found["temperature"] else "",
        f"thermal status {_named(_status(phone))}",
    ]
    return ", ".join(part for part in parts if part)


def _named(status: int | None) -> str:
    return "not known" if status is None else _HEAT[min(status, len(_HEAT) - 1)]


def cooled(phone: Phone, most_s: float, sleep: Callable[[float], None], *, before_run: int) -> list[str]:
    """Wait until Android says that it is not hot; where it does not say, as long as allowed, but not at first.

    Args:
        phone: That is to cool down.
        most_s: Longest wait.
        sleep: Waits.
        before_run: Which run comes next, from 1.

    Returns:
        A note where it is hot even so.
    """
    waited_s = 0.0
    while (status := _status(phone)) != 0 and waited_s < most_s and (status is not None or before_run > 1):
        rest_s = min(_POLL_S, most_s - waited_s)
        sleep(rest_s)
        waited_s += rest_s
    if status in (0, None):
        return []
    return [f"hot before run {before_run}: thermal status {_named(status)} after {waited_s:g} s"]
