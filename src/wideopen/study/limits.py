"""Limits: how often one may ask."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True)
class Rate:
    """So many requests per second in the long run, and so many at once."""

    per_s: float
    at_once: int


@dataclass(frozen=True)
class Limits:
    """How often the study may be asked for anything; a whole lecture room may sit behind one address."""

    link: Rate = Rate(20, 100)
    """By one link."""
    address: Rate = Rate(400, 2000)
    """By one address."""
    wrong: Rate = Rate(0.5, 30)
    """By one address, with links that are none: guesses."""


class Limiter:
    """Counts what is asked by whom: a bucket of tokens for each, filled at a steady rate."""

    _MOST_KNOWN = 20_000

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def wait_s(self, who: str) -> int:
        """Count one request; give the whole seconds after which to ask again, or 0 where it is granted."""
        with self._lock:
            now = self._clock()
            left, since = self._known.pop(who, (float(self._rate.at_once), now))
            left = min(self._rate.at_once, left + (now - since) * self._rate.per_s)
            granted = left >= 1
            self._known[who] = (left - granted, now)
            if len(self._known) > self._MOST_KNOWN:
                self._known.popitem(last=False)
            return 0 if granted else max(1, math.ceil((1 - left) / self._rate.per_s))


def place_of(address: str) -> str:
    """Name whom an address belongs to: itself in IPv4, without a port; its /64 in IPv6, all of one person's."""
    if address.count(":") == 1:
        address = address.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
