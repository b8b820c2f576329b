"""Trace: what a stroke of the brush reaches in a photo, whatever it does there."""

from dataclasses import dataclass

import numpy as np

from wideopen.scene import brush, paint
from wideopen.scene.shrink import shrink
from wideopen.shapes import Float

WORKING_PX = 1024
"""Longer side of the picture in which strokes find the photo's edges, so that they find the same ones at any size."""
SMOOTHINGS, SMOOTHED_PX = 2, 2
THINNED, LEAST_THINNED_PX = 0.01, 0.2
"""How far a path may be off when points are left out, in radii; and in pixels of the working picture."""
ASIDE = 0.15
"""How far beside the path colours are looked at too, in radii."""
ONE_COLOUR = 0.03
RARE = 0.12
WINDOW = 1.0
ALIKE, ALIKE_ROUGH = 0.02, 2.0
SPAN, SPAN_ROUGH = 0.06, 4.0
STEP, STEP_ROUGH = 0.06, 3.0
FALL = 0.2
THIN = 0.08
STRAY = 0.4
DETOUR = 4.0
CORE = 0.1
ROUGHER = 1.5
"""How much rougher than under the middle of the brush a surface may be."""
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
    smooth = picture
    for _ in range(SMOOTHINGS):
        smooth = brush.smoothed(smooth, SMOOTHED_PX)
    return Sight(picture, smooth)


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
    if len(line) == 1:
        line = np.repeat(line, 2, axis=0)
    limit_px = MARGIN * radius_px + MARGIN_PX
    left, top = (max(0, int(np.floor(low - limit_px))) for low in line.min(axis=0))
    right, bottom = (int(np.ceil(high + limit_px)) + 1 for high in line.max(axis=0))
    right, bottom = min(right, width), min(bottom, height)
    if left >= right or top >= bottom:
        return None
    line -= [left, top]
    away, along = brush.distances(line, bottom - top, right - left, limit_px)
    if not edges:
        everywhere = np.ones(away.shape, np.uint8)
        return Trace(left, top, radius_px, everywhere, away, np.full_like(away, brush.FAR_PX))
    part = slice(top, bottom), slice(left, right)
    mask = _reached(np.ascontiguousarray(sight.smooth[part]), line, radius_px, away, along)
    picture = np.ascontiguousarray(sight.picture[part])
    for reach in SETTLED_PX:
        mask = paint.settled(paint.bordered(mask, reach), picture, reach)
    return Trace(left, top, radius_px, paint.bordered(mask, paint.REACH), away, paint.from_cut(mask, away, radius_px))


def _reached(smooth: np.ndarray, line: np.ndarray, radius_px: float, away: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Find what looks like what is under the middle of the brush, and hangs together with it."""
    lengths = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    spacing = max(1.0, radius_px / SAMPLES_PER_RADIUS)
    steps = np.arange(int(np.ceil(lengths[-1] / spacing)) + 1) * spacing
    places = np.stack([np.interp(steps, lengths, line[:, axis]) for axis in (0, 1)], axis=1)
    aside_px = ASIDE * radius_px if lengths[-1] < radius_px else 0.0
    window = round(WINDOW * SAMPLES_PER_RADIUS)
    colours, rough = brush.palettes(smooth, places, aside_px, window, ONE_COLOUR, RARE)
    nearest = np.where(away < brush.FAR_PX, np.rint(along / spacing), -1).astype(np.int64).clip(-1, len(places) - 1)
    alike = np.minimum(ALIKE + ALIKE_ROUGH * rough, 0.12).astype(np.float32)
    span = np.minimum(SPAN + SPAN_ROUGH * rough, 0.25).astype(np.float32)
    strange = brush.unlike(smooth, nearest, colours, alike, span)
    free = np.maximum(FALL / radius_px, ROUGHER * rough).astype(np.float32)[nearest.clip(0)]
    price = (1 / (STEP + STEP_ROUGH * rough)).astype(np.float32)[nearest.clip(0)]
    seeds = away <= max(1.0, CORE * radius_px)
    # Where the middle of the brush is beyond the frame, what is nearest to it stands for it.
    x, y = np.rint(places).astype(np.int64).T
    column, row = x.clip(0, away.shape[1] - 1), y.clip(0, away.shape[0] - 1)
    beyond = (column != x) | (row != y)
    seeds[row[beyond], column[beyond]] = away[row[beyond], column[beyond]] < radius_px
    cost = brush.spent(
        smooth, strange, away, seeds, free, price, THIN, 1 / (STRAY * radius_px), 1 / (DETOUR * radius_px)
    )
    return np.asarray(cost < 1).astype(np.uint8)
