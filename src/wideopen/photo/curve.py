"""Tone curves: from the encoded values of a file to linear light, and back."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from wideopen.shapes import Float

_CELLS = 65535  # so that samples of 8 and 16 bits fall on the table's own entries
_BAND = 1 << 14  # values whose work fits the processor's cache

Values = Float[np.ndarray, "..."]


@dataclass(frozen=True)
class Parametric:
    """The curve ``y = (a x + b)^gamma + e`` where ``x >= d``, and ``y = c x + f`` below it.

    Source:
        ICC.1:2022, 10.18, function type 4, of which the other types and a plain gamma are cases.
    """

    gamma: float
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 0.0
    f: float = 0.0

    def decode(self, encoded: Values) -> Values:
        """Find the linear light of encoded values, also of those above 1; float64, not below 0."""
        power = np.maximum(self.a * encoded + self.b, 0) ** self.gamma + self.e
        return np.maximum(np.where(encoded >= self.d, power, self.c * encoded + self.f), 0)

    def encode(self, linear: Values) -> Values:
        """Invert `decode`; below 0 for light darker than the curve's black.

        Where a range of encoded values is black, black becomes 0.
        """
        root = (np.maximum(linear - self.e, 0) ** (1 / self.gamma) - self.b) / self.a
        knee = max(self.a * self.d + self.b, 0) ** self.gamma + self.e
        if self.c > 0:
            return np.where(linear >= knee, root, (linear - self.f) / self.c)
        return np.where(linear > max(knee, 0), root, 0) if self.d > 0 else root


@dataclass(frozen=True)
class Sampled:
    """A curve of straight pieces between points, which rise strictly in both coordinates.

    Above the last point the last piece goes on.
    """

    encoded: tuple[float, ...]
    linear: tuple[float, ...]

    def decode(self, encoded: Values) -> Values:
        """Find the linear light of encoded values; float64."""
        return self._interpolated(encoded, self.encoded, self.linear)

    def encode(self, linear: Values) -> Values:
        """Invert `decode`."""
        return self._interpolated(linear, self.linear, self.encoded)

    @staticmethod
    def _interpolated(values: Values, along: tuple[float, ...], up: tuple[float, ...]) -> Values:
        slope = (up[-1] - up[-2]) / (along[-1] - along[-2])
        beyond = up[-1] + (values - along[-1]) * slope
        return np.where(values > along[-1], beyond, np.interp(values, along, up))


Curve = Parametric | Sampled

SRGB = Parametric(gamma=2.4, a=1 / 1.055, b=0.055 / 1.055, c=1 / 12.92, d=0.04045)
"""IEC 61966-2-1:1999, 5.2: the exact curve of sRGB, in two pieces."""


def decoded(encoded: Values, curve: Curve) -> Values:
    """Bring encoded values to linear light, fast.

    Between 0 and 1 a table of 65536 entries with straight pieces is read, above 1 the curve itself is
    computed; what is below 0 counts as 0.

    Args:
        encoded: float32 of any shape.
        curve: How it is encoded.

    Returns:
        float32 of the same shape.
    """
    return _converted(encoded, curve, encode=False)


def encoded(linear: Values, curve: Curve) -> Values:
    """Invert `decoded`.

    The table stands over the fourth root, where the steep beginning of every tone curve is smooth.
    """
    return _converted(linear, curve, encode=True)


@dataclass(frozen=True)
class _Table:
    """A function between 0 and `top`, in straight pieces over its argument or its fourth root."""

    base: Float[np.ndarray, "n"]
    step: Float[np.ndarray, "n"]
    top: float
    rooted: bool


@lru_cache(maxsize=16)
def _table(curve: Curve, *, encode: bool) -> _Table:
    places = np.arange(_CELLS + 1) / _CELLS
    if encode:
        top = float(curve.decode(np.array([1.0]))[0])
        base = curve.encode((places * top**0.25) ** 4)
        base[-1] = 1.0  # what rounding has taken from white
    else:
        top = 1.0
        base = curve.decode(places)
    step = np.append(np.diff(base), 0).astype(np.float32)
    base = base.astype(np.float32)

    # No piece may end above the next one's beginning, or white could come out above 1.
    over = base + step > np.append(base[1:], base[-1])
    step[over] = np.nextafter(step[over], np.float32(-1))
    return _Table(base, step, top, rooted=encode)


def _converted(values: Values, curve: Curve, *, encode: bool) -> Values:
    table = _table(curve, encode=encode)
    source = values.reshape(-1)
    result = np.empty(source.shape, np.float32)
    for begin in range(0, source.size, _BAND):
        band = slice(begin, begin + _BAND)
        _look_up(source[band], result[band], table, curve)
    return result.reshape(values.shape)


def _look_up(source: Values, result: Values, table: _Table, curve: Curve) -> None:
    """Convert one band of values."""
    place = np.maximum(source, np.float32(0), dtype=np.float32)
    if table.rooted:
        np.sqrt(place, out=place)
        np.sqrt(place, out=place)
    np.multiply(place, np.float32(_CELLS / (table.top**0.25 if table.rooted else 1.0)), out=place)
    np.minimum(place, np.float32(_CELLS), out=place)
    cell = place.astype(np.int32)
    np.subtract(place, cell, out=place, dtype=np.float32, casting="unsafe")
    np.multiply(place, table.step.take(cell), out=place)
    np.add(place, table.base.take(cell), out=result)
    if table.base[0] < 0:
        np.maximum(result, 0, out=result)

    beyond = source > np.float32(table.top)
    if beyond.any():
        exact = source[beyond].astype(np.float64)
        result[beyond] = curve.encode(exact) if table.rooted else curve.decode(exact)
