"""Mends: strokes of a brush by which a person puts a photo's depth right."""

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Literal, get_args

import numpy as np

from wideopen.errors import DepthError
from wideopen.optics import DepthMap
from wideopen.scene.paint import SAME_SURFACE, paint
from wideopen.scene.shrink import shrink
from wideopen.scene.trace import Sight, Trace, see, trace
from wideopen.shapes import Float

StrokeKind = Literal["nearer", "farther", "level", "as-point"]

MOST_POINTS, MOST_STROKES = 2000, 500
OUTSIDE = 0.5
"""How far outside the frame a path may go, as a share of it."""
MOST_RADIUS = 0.5
GRID, SAMPLES_PER_CELL = 8, 16
"""Parts across and down that a fingerprint has, and samples across and down that each is the mean of."""
SAME_PHOTO = 8
"""Levels of 255 by which the means of one photo at two sizes may differ."""
KEPT_BYTES = 64 << 20
"""Of what strokes reach, for strokes that come again."""
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class Stroke:
    """One stroke of the brush, in shares of the upright photo, so that it fits the photo at any size."""

    kind: StrokeKind
    """``nearer`` and ``farther`` move what is under the brush by `amount`; ``level`` puts it on `level`;
    ``as-point`` puts it where the depth at `point` was when the stroke began."""
    path: tuple[tuple[float, float], ...]
    """Where the brush went: x and y as shares of width and height; one point is a dab."""
    radius: float
    """Of the brush, as a share of the photo's diagonal."""
    feather: float = 0.5
    """Part of the radius, from the rim inwards, over which the stroke fades; 0 is hard, 1 fades from the middle."""
    amount: float = 0.1
    """Of the whole range of depth."""
    level: float = 0.0
    """From 0, the farthest, to 1, the nearest, of the depth before it was mended."""
    point: tuple[float, float] = (0.0, 0.0)
    """x and y as shares of width and height."""
    edges: bool = True
    """Whether the stroke stops at the photo's edges."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(StrokeKind):
            raise DepthError(f"a stroke is of the kind {self.kind!r}; there are {', '.join(get_args(StrokeKind))}")
        if not 1 <= len(self.path) <= MOST_POINTS:
            raise DepthError(f"the path of a stroke has {len(self.path)} points; give 1 to {MOST_POINTS}")
        for x, y in self.path:
            if not (-OUTSIDE <= x <= 1 + OUTSIDE and -OUTSIDE <= y <= 1 + OUTSIDE):
                raise DepthError(
                    f"the path of a stroke goes to {x:g},{y:g}; give shares of width and height, "
                    f"from {-OUTSIDE:g} to {1 + OUTSIDE:g}"
                )
        if not 0 < self.radius <= MOST_RADIUS:
            raise DepthError(
                f"the radius of a stroke is {self.radius:g} of the diagonal; give more than 0 and at most {MOST_RADIUS}"
            )
        shares = {"feather": self.feather, "amount": self.amount, "level": self.level}
        shares |= {"point's x": self.point[0], "point's y": self.point[1]}
        for name, value in shares.items():
            if not 0 <= value <= 1:
                raise DepthError(f"the {name} of a stroke is {value:g}; give a share from 0 to 1")


@dataclass(frozen=True)
class Mends:
    """Strokes in their order, and the photo that they belong to."""

    strokes: tuple[Stroke, ...]
    fingerprint: tuple[int, ...] = ()
    """Of that photo, as `fingerprint` finds it; empty where any photo will do."""

    def __post_init__(self) -> None:
        if len(self.strokes) > MOST_STROKES:
            raise DepthError(f"there are {len(self.strokes)} strokes; at most {MOST_STROKES} mend a photo's depth")
        levels = self.fingerprint
        if levels and not (len(levels) == GRID**2 and all(0 <= level <= 255 for level in levels)):
            raise DepthError(
                f"the fingerprint of {len(levels)} numbers is none; it has {GRID**2}, from 0 to 255, or is left out"
            )

    def mended(self, depth: DepthMap, pixels: Float[np.ndarray, "h w 3"]) -> DepthMap:
        """Mend a photo's depth; `Mender` is faster where strokes come one by one.

        Args:
            depth: Of the photo's size.
            pixels: float32 photo as encoded, in [0, 1].

        Raises:
            DepthError: If the strokes belong to another photo, or the map is not of the photo's size.
        """
        return Mender(depth, pixels).mended(self)


def fingerprint(pixels: Float[np.ndarray, "h w 3"]) -> tuple[int, ...]:
    """Describe a photo by the mean brightness of 8 x 8 parts, row by row, by which it is known again at any size.

    Args:
        pixels: float32 photo as encoded, in [0, 1].

    Returns:
        Weighted by Rec. 709, as encoded, from 0 to 255.
    """
    side = GRID * SAMPLES_PER_CELL
    small = shrink(pixels, height=side, width=side) @ _LUMA
    means = small.reshape(GRID, SAMPLES_PER_CELL, GRID, SAMPLES_PER_CELL).mean(axis=(1, 3), dtype=np.float64)
    return tuple(int(level) for level in np.rint(means * 255).ravel())


class Mender:
    """Mends one photo's depth again and again while a person paints.

    It keeps what strokes reach, and the last map, so that one more stroke costs no more than itself. What it gives
    does not depend on what was asked before.
    """

    def __init__(self, depth: DepthMap, pixels: Float[np.ndarray, "h w 3"]) -> None:
        """Prepare a photo.

        Args:
            depth: Of the photo's size.
            pixels: float32 photo as encoded, in [0, 1].

        Raises:
            DepthError: If the map is not of the photo's size.
        """
        height, width = pixels.shape[:2]
        if depth.size != (width, height):
            raise DepthError(
                f"the depth map is {depth.size[0]}x{depth.size[1]} and the photo {width}x{height}; "
                "strokes mend a map that fits its photo"
            )
        self._depth, self._pixels = depth, np.require(pixels, np.float32, ["C"])
        self._states: list[tuple[tuple[Stroke, ...], DepthMap]] = [((), depth)]
        self._traces: OrderedDict[tuple[object, ...], Trace] = OrderedDict()
        self._lock = Lock()

    @cached_property
    def _sights(self) -> tuple[Sight, ...]:
        return see(self._pixels)

    @cached_property
    def _fingerprint(self) -> tuple[int, ...]:
        return fingerprint(self._pixels)

    def mended(self, mends: Mends) -> DepthMap:
        """Mend the depth; see `Mends.mended`."""
        if not mends.strokes:
            return self._depth
        with self._lock:
            self._refuse_strokes_of_another_photo(mends.fingerprint)
            strokes = mends.strokes
            known, base = max(
                ((done, found) for done, found in self._states if strokes[: len(done)] == done),
                key=lambda state: len(state[0]),
            )
            if len(known) == len(strokes):
                return base
            dioptres = np.array(base.dioptres, np.float32, order="C")
            for stroke in strokes[len(known) :]:
                self._paint(dioptres, stroke)
            count = f"{len(strokes)} stroke{'s' if len(strokes) > 1 else ''}"
            mended = DepthMap(dioptres, metric=self._depth.metric, origin=f"{self._depth.origin} + {count}")
            # What a growing stroke began from stays at hand.
            self._states = [((), self._depth), (known, base), (strokes, mended)]
            return mended

    def _refuse_strokes_of_another_photo(self, expected: tuple[int, ...]) -> None:
        if expected and max(abs(a - b) for a, b in zip(self._fingerprint, expected, strict=True)) > SAME_PHOTO:
            raise DepthError(
                "these strokes belong to another photo; leave them out of the look, or paint them anew on this one"
            )

    def _paint(self, dioptres: np.ndarray, stroke: Stroke) -> None:
        found = self._trace(stroke)
        if found is not None:
            paint(
                dioptres,
                self._pixels,
                found.picture,
                found.part_of(dioptres),
                found.mask,
                found.away,
                found.cut,
                (found.left, found.top),
                (found.radius_px, stroke.feather * found.radius_px),
                self._change(stroke, dioptres),
                self._depth.ends,
            )

    def _change(self, stroke: Stroke, dioptres: np.ndarray) -> tuple[bool, float]:
        """Whether depth moves to a value, and that value; or else by how much it moves."""
        far, near = self._depth.ends
        if stroke.kind == "level":
            return True, self._depth.at(stroke.level)
        if stroke.kind == "as-point":
            return True, _dioptres_around(dioptres, stroke.point, SAME_SURFACE * (near - far))
        return False, stroke.amount * (near - far) * (1 if stroke.kind == "nearer" else -1)

    def _trace(self, stroke: Stroke) -> Trace | None:
        # A path painted backwards is the same path.
        path = min(stroke.path, stroke.path[::-1])
        key = (path, stroke.radius, stroke.edges)
        if key in self._traces:
            self._traces.move_to_end(key)
            return self._traces[key]
        found = trace(self._sights, path, stroke.radius, edges=stroke.edges)
        if found is not None:
            self._traces[key] = found
            while sum(each.size for each in self._traces.values()) > KEPT_BYTES and len(self._traces) > 1:
                self._traces.popitem(last=False)
        return found


def _dioptres_around(dioptres: np.ndarray, point: tuple[float, float], same: float) -> float:
    """The depth at a point, as the median of what is around it on the same surface."""
    height, width = dioptres.shape
    x, y = min(int(point[0] * width), width - 1), min(int(point[1] * height), height - 1)
    reach = max(1, round(0.002 * float(np.hypot(height, width))))
    window = dioptres[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    return float(np.median(window[np.abs(window - dioptres[y, x]) <= same]))
