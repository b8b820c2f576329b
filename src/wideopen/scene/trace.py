"""Trace: what a stroke of the brush reaches in a photo, whatever it does there."""

from dataclasses import dataclass

import numpy as np

from wideopen.scene import brush, paint
from wideopen.scene.shrink import shrink
from wideopen.shapes import Float

WORKING_PX = 1024
"""Longer side of the picture in which strokes find the photo's edges, so that they find the same ones at any size."""
SMOOTHED_PX, SIGMA_SMOOTHED = 2, 0.04
THINNED, LEAST_THINNED_PX = 0.01, 0.2
"""How far a path may be off when points are left out, in radii; and in pixels of the working picture."""
ASIDE = 0.15
"""How far beside the path colours are looked at too, in radii."""
SHORTEST_PX = 1e-3
PLACES = 16
STEPS = 40
END = 0.5
RIM = 1.1
UNLIKE = 0.037
TAKEN = 0.2
LEFT = 4.0
FAINT = 0.001
EDGE_FROM, EDGE_SPAN = 2.8, 2.5
BEND = 4.0
NONE = 1.0
MARGIN, MARGIN_PX = 1.15, 6
"""How far beyond its rim a stroke looks for edges, in radii, and in pixels of the working picture."""
SAMPLES_PER_RADIUS = 6
"""So often along the path colours are looked at."""
SETTLED_PX = (6, 3)
"""Of the windows in which the border is put onto the photo's edges, in pixels of the working picture."""


@dataclass(frozen=True)
class Sight:
    """A photo as the brush sees it: small, in opponent colours."""

    picture: Float[np.ndarray, "h w 3"]
    smooth: Float[np.ndarray, "h w 3"]
    """Without noise and fine texture."""

    @property
    def diagonal_px(self) -> float:
        """Of the small picture."""
        return float(np.hypot(*self.picture.shape[:2]))


@dataclass(frozen=True)
class Trace:
    """What a stroke reaches in the part of the small picture that it may touch."""

    left: int
    top: int
    radius_px: float
    mask: np.ndarray
    """Of `wideopen.scene.paint.bordered`."""
    away: Float[np.ndarray, "h w"]
    """Distance from the path in pixels."""
    cut: Float[np.ndarray, "h w"]
    """Distance from where an edge cuts the brush, in pixels."""

    @property
    def size(self) -> int:
        """In bytes."""
        return self.mask.nbytes + self.away.nbytes + self.cut.nbytes


def see(pixels: Float[np.ndarray, "h w 3"]) -> Sight:
    """Prepare a photo: 1024 pixels on its longer side at most.

    Args:
        pixels: float32 photo as encoded, in [0, 1].
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, WORKING_PX / max(height, width))
    small = shrink(pixels, height=max(1, round(height * scale)), width=max(1, round(width * scale)))
    picture = np.ascontiguousarray(small @ brush.OPPONENT.T)
    return Sight(picture, brush.smoothed(picture, SMOOTHED_PX, SIGMA_SMOOTHED))


def trace(sight: Sight, path: tuple[tuple[float, float], ...], radius: float, *, edges: bool) -> Trace | None:
    """Find what a stroke reaches; nothing where it lies outside the frame.

    Args:
        sight: The photo.
        path: x and y as shares of width and height.
        radius: Of the brush, as a share of the diagonal.
        edges: Whether the stroke stops at the photo's edges.
    """
    height, width = sight.picture.shape[:2]
    radius_px = radius * sight.diagonal_px
    line = np.array(path, np.float64) * [width, height] - 0.5
    line = brush.thinned(line, max(LEAST_THINNED_PX, THINNED * radius_px))
    if len(line) == 1 or np.ptp(line, axis=0).max() < SHORTEST_PX:
        line = line[:1] + np.array([[-SHORTEST_PX / 2, 0], [SHORTEST_PX / 2, 0]])
    limit_px = MARGIN * radius_px + MARGIN_PX
    left, top = (max(0, int(np.floor(low - limit_px))) for low in line.min(axis=0))
    right, bottom = (int(np.ceil(high + limit_px)) + 1 for high in line.max(axis=0))
    right, bottom = min(right, width), min(bottom, height)
    if left >= right or top >= bottom:
        return None
    line -= [left, top]
    away, along, side = brush.distances(line, bottom - top, right - left, limit_px)
    if not edges:
        everywhere = np.ones(away.shape, np.uint8)
        return Trace(left, top, radius_px, everywhere, away, np.full_like(away, brush.FAR_PX))
    part = slice(top, bottom), slice(left, right)
    mask = _reached(np.ascontiguousarray(sight.smooth[part]), line, radius_px, away, along, side)
    picture = np.ascontiguousarray(sight.picture[part])
    for reach in SETTLED_PX:
        mask = paint.settled(paint.bordered(mask, reach), picture, reach)
    return Trace(left, top, radius_px, paint.bordered(mask, paint.REACH), away, paint.from_cut(mask, away, radius_px))


def _reached(
    smooth: np.ndarray, line: np.ndarray, radius_px: float, away: np.ndarray, along: np.ndarray, side: np.ndarray
) -> np.ndarray:
    """Find how far the stroke reaches on every ray that goes out from its path."""
    length_px = float(np.hypot(*np.diff(line, axis=0).T).sum())
    spacing = max(1.0, radius_px / PLACES)
    count = int(np.ceil(length_px / spacing)) + 1
    fan = 2 * PLACES
    ray = brush.rays(line, along, side, count, spacing, fan, END * radius_px)
    there = np.arange(count)
    place = np.concatenate([there, np.full(fan, count - 1), there[::-1], np.zeros(fan, np.int64)])
    unlike, change = brush.looks(smooth, away, ray, place, _under(smooth, line, radius_px, spacing), PLACES)
    step_px = max(1.0, radius_px / STEPS)
    steps = int(np.ceil(RIM * radius_px / step_px)) + 1
    strange, change = (brush.along_rays(each, away, ray, place.size, step_px, steps) for each in (unlike, change))
    cut = brush.best_cut(_prices(strange, change), BEND / steps)
    limit_px = np.where(cut == steps, brush.FAR_PX, cut * step_px)
    return np.asarray(away < limit_px[ray]).astype(np.uint8)


def _under(smooth: np.ndarray, line: np.ndarray, radius_px: float, spacing: float) -> np.ndarray:
    """Colours under the middle of the brush, along the path; for a dab also a little beside it."""
    lengths = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    steps = np.arange(int(np.ceil(lengths[-1] / spacing)) + 1) * spacing
    places = np.stack([np.interp(steps, lengths, line[:, axis]) for axis in (0, 1)], axis=1)
    if lengths[-1] < radius_px / 2:
        aside = ASIDE * radius_px * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
        places = np.concatenate([places, places.mean(axis=0) + aside])
    x, y = np.rint(places).astype(np.int64).T
    return smooth[y.clip(0, smooth.shape[0] - 1), x.clip(0, smooth.shape[1] - 1)]


def _prices(unlike: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Price every step at which a ray may be cut; and the last price is not to cut it."""
    rays, steps = unlike.shape
    seen = unlike >= 0
    usual = np.where(seen, change, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    around = PLACES // 2
    usual = np.mean([np.roll(usual, turn) for turn in range(-around, around + 1)], axis=0)
    edge = ((change / (usual[:, None] + FAINT) - EDGE_FROM) / EDGE_SPAN).clip(0, 1)
    strange = (unlike / UNLIKE).clip(0, 1)
    taken = np.where(seen, strange, 0).cumsum(axis=1) / steps
    left = np.where(seen, 1 - strange, 0)[:, ::-1].cumsum(axis=1)[:, ::-1] / steps
    price = np.zeros((rays, steps + 1), np.float32)
    price[:, 1:] = TAKEN * taken
    price[:, :steps] += LEFT * left - edge
    price[:, 0] += NONE
    return price
