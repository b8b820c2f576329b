"""Where to focus: the subject, a point, or a distance."""

import re
from dataclasses import dataclass

import numpy as np

from wideopen.errors import FocusError
from wideopen.optics import DepthMap
from wideopen.scene.fit import resize_linear
from wideopen.scene.parts import parts_of
from wideopen.shapes import Float

LEAST_SUBJECT = 0.25
"""Highest value of a matte below which a photo has no subject."""

_POINT_PX = re.compile(r"(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)")
_POINT_PERCENT = re.compile(r"(-?\d+(?:\.\d+)?)\s*%\s*,\s*(-?\d+(?:\.\d+)?)\s*%")
_DISTANCE = re.compile(r"(\d+(?:\.\d+)?)\s*m")


@dataclass(frozen=True)
class Focus:
    """A wish for the plane in focus; without point and distance it is the subject."""

    point_px: tuple[float, float] | None = None
    """x and y in pixels of the upright photo, from its upper left corner."""
    point_share: tuple[float, float] | None = None
    """x and y as a share of width and height."""
    distance_m: float | None = None
    """Distance from the camera; needs a metric depth map."""

    def __post_init__(self) -> None:
        if self.distance_m is not None and not self.distance_m > 0:
            raise FocusError(f"focus at {self.distance_m:g} m, but a distance is above 0 m")

    @classmethod
    def parse(cls, text: str) -> "Focus":
        """Read ``auto``, ``X,Y``, ``X%,Y%`` or ``1.87m``.

        Raises:
            FocusError: If the text is none of these.

        Example:
            >>> Focus.parse("30%,45%").point_share
            (0.3, 0.45)
        """
        word = text.strip().lower()
        if word == "auto":
            return cls()
        if match := _POINT_PX.fullmatch(word):
            return cls(point_px=(float(match[1]), float(match[2])))
        if match := _POINT_PERCENT.fullmatch(word):
            return cls(point_share=(float(match[1]) / 100, float(match[2]) / 100))
        if match := _DISTANCE.fullmatch(word):
            return cls(distance_m=float(match[1]))
        raise FocusError(f"focus '{text}' is not understood; give auto, X,Y in pixels, X%,Y%, or a distance like 1.87m")

    def place(self, *, width: int, height: int) -> tuple[int, int] | None:
        """Find the pixel that was pointed at, or None.

        Raises:
            FocusError: If the point lies outside the photo.
        """
        if self.point_px is not None:
            x, y = self.point_px
            shown = f"{x:g},{y:g}"
        elif self.point_share is not None:
            x, y = self.point_share[0] * width, self.point_share[1] * height
            shown = f"{self.point_share[0]:.4g},{self.point_share[1]:.4g} of the frame"
        else:
            return None
        if not (0 <= x <= width and 0 <= y <= height):
            raise FocusError(f"focus at {shown} lies outside the photo of {width}x{height}")
        return min(int(x), width - 1), min(int(y), height - 1)


@dataclass(frozen=True)
class FocusRange:
    """Distances between which everything is kept sharp."""

    near_m: float
    far_m: float

    def __post_init__(self) -> None:
        if not 0 < self.near_m <= self.far_m:
            raise FocusError(f"in focus from {self.near_m:g} m to {self.far_m:g} m: give the nearer distance first")

    def ends(self, depth: DepthMap) -> tuple[float, float]:
        """Vergence of the far and the near end, 1/m.

        Raises:
            FocusError: If the map is relative.
        """
        if not depth.metric:
            raise FocusError(
                f"a range in metres needs metric depth, and the depth here ({depth.origin}) is relative; "
                "leave out --in-focus"
            )
        return 1 / self.far_m, 1 / self.near_m

    @classmethod
    def parse(cls, text: str) -> "FocusRange":
        """Read ``1.5m..2.5m``.

        Raises:
            FocusError: If the text is something else.
        """
        ends = [_DISTANCE.fullmatch(part.strip().lower()) for part in text.split("..")]
        if len(ends) != 2 or ends[0] is None or ends[1] is None:
            raise FocusError(f"in-focus range '{text}' is not understood; give two distances like 1.5m..2.5m")
        return cls(near_m=float(ends[0][1]), far_m=float(ends[1][1]))


@dataclass(frozen=True)
class FocusSpan:
    """A part of the photo's depth in which everything is kept sharp, whatever the depth is measured in.

    Shares go from 0, the farthest thing in the photo, to 1, the nearest, evenly in dioptres.
    """

    far_share: float
    near_share: float

    def __post_init__(self) -> None:
        if not 0 <= self.far_share <= self.near_share <= 1:
            raise FocusError(
                f"in focus from {self.far_share:g} to {self.near_share:g} of the depth: give the farther end first, "
                "both from 0 to 1"
            )

    def ends(self, depth: DepthMap) -> tuple[float, float]:
        """Dioptres of the far and the near end in a map."""
        return depth.at(self.far_share), depth.at(self.near_share)

    @classmethod
    def of_box(cls, depth: DepthMap, *, left: float, top: float, right: float, bottom: float) -> "FocusSpan":
        """Find the span of what lies in a rectangle: nine tenths of its pixels, a twentieth left out at each end.

        Args:
            depth: The scene.
            left: Borders as shares of width and height, within the frame.
            top: See `left`.
            right: See `left`.
            bottom: See `left`.

        Raises:
            FocusError: If the rectangle is empty or outside the frame.
        """
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise FocusError(
                f"the rectangle from {left:.3g},{top:.3g} to {right:.3g},{bottom:.3g} does not lie in the frame; "
                "give shares of width and height from 0 to 1"
            )
        width, height = depth.size
        rows = slice(int(top * height), max(int(top * height) + 1, round(bottom * height)))
        columns = slice(int(left * width), max(int(left * width) + 1, round(right * width)))
        found = np.quantile(depth.dioptres[rows, columns], [0.05, 0.95])
        far, near = depth.ends
        shares = ((found - far) / ((near - far) or 1.0)).clip(0, 1)
        return cls(far_share=float(shares[0]), near_share=float(shares[1]))


def dioptres_at(depth: DepthMap, x: int, y: int) -> float:
    """Read the depth at a pixel, as the median of its immediate surroundings on the same surface."""
    width, height = depth.size
    reach = max(1, round(0.002 * float(np.hypot(width, height))))
    window = depth.dioptres[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    here = float(depth.dioptres[y, x])
    span = float(np.ptp(depth.dioptres)) or 1.0
    same = window[np.abs(window - here) <= 0.05 * span]
    return float(np.median(same))


def dioptres_of_subject(depth: DepthMap, matte: Float[np.ndarray, "mh mw"]) -> float:
    """Find the depth of the subject: the median under the nearest part of its matte.

    Without a subject it is the 60 % quantile of what lies near the middle, for photographers lean toward what is
    near. A quarter of a million pixels are enough to find it.

    Args:
        depth: The scene.
        matte: float32, how much each part of the same frame belongs to the subject, of any size.
    """
    step = max(1, round((depth.dioptres.size / 250_000) ** 0.5))
    sampled = depth.dioptres[::step, ::step]
    height, width = sampled.shape
    weights = resize_linear(matte, height=height, width=width)
    peak = float(weights.max())
    if peak >= LEAST_SUBJECT:
        parts = parts_of(weights > 0.5 * peak)
        return max(float(np.median(sampled[parts == k])) for k in range(1, int(parts.max()) + 1))
    y, x = ((np.arange(length) + 0.5) / length * 2 - 1 for length in (height, width))
    middle = np.exp(-(x[None] ** 2) / 0.35 - y[:, None] ** 2 / 0.55).ravel()
    order = np.argsort(sampled, axis=None, kind="stable")
    total = np.cumsum(middle[order])
    return float(sampled.ravel()[order[np.searchsorted(total, 0.6 * total[-1])]])
