"""Trace: what a stroke of the brush reaches in a photo, whatever it does there."""

from dataclasses import dataclass

import numpy as np

from wideopen.scene import brush, paint
from wideopen.scene.shrink import shrink
from wideopen.shapes import Float

WORKING_PX = 1024
"""Longer side of the picture in which strokes find the photo's edges, so that they find the same ones at any size."""
LARGEST_RADIUS_PX = 64
"""For a larger brush the picture is halved, and halved again: it need not see what is small beside it."""
SMALLEST_PX = 128
SMOOTHED_PX, SIGMA_SMOOTHED = 2, 0.04
"""Reach of the smoothing that takes noise away, and the difference of opponent colours that it takes for noise."""
THINNED, LEAST_THINNED_PX = 0.01, 0.2
"""How far a path may be off when points are left out, in radii; and in pixels of the working picture."""
SHORTEST_PX = 1e-3
MARGIN, MARGIN_PX = 1.15, 6
"""How far beyond its rim a stroke looks for edges, in radii, and in pixels of the working picture."""
PLACES, STEPS = 16, 40
"""In a radius: places along the path that rays go out from, and steps along a ray, if there are so many pixels."""
RIM = 1.1
"""Length of the rays in radii."""
END = 0.5
"""How much of the path says where its ends point to, in radii."""
ASIDE = 0.15
"""How far beside a dab colours are looked at too, in radii."""
UNLIKE = 0.037
"""Difference of opponent colours from which two things look unlike."""
TAKEN, LEFT = 0.2, 4.0
"""Price of a radius of what looks unlike and is painted, and of what looks alike and is not, for an edge's price 1."""
FAINT, EDGE_FROM, EDGE_SPAN = 0.001, 2.8, 2.5
"""Change of colour per pixel that is none; how many times the usual change an edge has at least, and how many times
more a full edge."""
BEND = 4.0
"""Price of a border that goes out or in by a radius."""
NOWHERE = 1.0
"""Price of painting nothing at all on a ray."""
BAND, SURE = 0.4, 0.5
"""How near to the border colours decide pixel by pixel, in radii; and how clearly they must."""


@dataclass(frozen=True)
class Sight:
    """A photo as the brush sees it, in opponent colours."""

    picture: Float[np.ndarray, "h w 3"]
    smooth: Float[np.ndarray, "h w 3"]
    """Without noise."""

    @property
    def diagonal_px(self) -> float:
        """Of the picture."""
        return float(np.hypot(*self.picture.shape[:2]))


@dataclass(frozen=True)
class Trace:
    """What a stroke reaches in the part of a small picture that it may touch."""

    picture: Float[np.ndarray, "sh sw 3"]
    """The whole picture."""
    left: int
    top: int
    radius_px: float
    mask: np.ndarray
    """Of `wideopen.scene.paint.bordered`, of the part."""
    away: Float[np.ndarray, "ph pw"]
    """Distance from the path in pixels."""
    cut: Float[np.ndarray, "ph pw"]
    """Distance from where an edge cuts the brush, in pixels."""

    @property
    def size(self) -> int:
        """In bytes, without the picture."""
        return self.mask.nbytes + self.away.nbytes + self.cut.nbytes

    def part_of(self, values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "ph pw"]:
        """A map of the photo's size, at the pixels of the part."""
        rows, columns = (
            ((np.arange(first, first + own) + 0.5) / whole * full).astype(np.int64).clip(0, full - 1)
            for first, own, whole, full in zip(
                (self.top, self.left), self.away.shape, self.picture.shape, values.shape, strict=False
            )
        )
        return values[rows[:, None], columns]


def see(pixels: Float[np.ndarray, "h w 3"]) -> tuple[Sight, ...]:
    """Prepare a photo for brushes of all sizes: 1024 pixels on its longer side at most, and half as many each time.

    Args:
        pixels: float32 photo as encoded, in [0, 1].
    """
    height, width = pixels.shape[:2]
    side = min(WORKING_PX, max(height, width))
    small, sights = pixels, list[Sight]()
    while not sights or side > SMALLEST_PX:
        scale = side / max(height, width)
        small = shrink(small, height=max(1, round(height * scale)), width=max(1, round(width * scale)))
        picture = np.ascontiguousarray(small @ brush.OPPONENT.T)
        sights.append(Sight(picture, brush.smoothed(picture, SMOOTHED_PX, SIGMA_SMOOTHED)))
        side /= 2
    return tuple(sights)


def trace(
    sights: tuple[Sight, ...], path: tuple[tuple[float, float], ...], radius: float, *, edges: bool
) -> Trace | None:
    """Find what a stroke reaches; nothing where it lies outside the frame.

    Args:
        sights: The photo.
        path: x and y as shares of width and height.
        radius: Of the brush, as a share of the diagonal.
        edges: Whether the stroke stops at the photo's edges.
    """
    sight = next((each for each in sights if radius * each.diagonal_px <= LARGEST_RADIUS_PX), sights[-1])
    height, width = sight.picture.shape[:2]
    radius_px = radius * sight.diagonal_px
    line = np.array(path, np.float64) * [width, height] - 0.5
    line = brush.thinned(line, max(LEAST_THINNED_PX, THINNED * radius_px))
    if np.ptp(line, axis=0).max() < SHORTEST_PX:
        line = line[:1] + np.array([[-SHORTEST_PX / 2, 0], [SHORTEST_PX / 2, 0]])
    limit_px = MARGIN * radius_px + MARGIN_PX
    left, top = (max(0, int(np.floor(low - limit_px))) for low in line.min(axis=0))
    right, bottom = (int(np.ceil(high + limit_px)) + 1 for high in line.max(axis=0))
    part = slice(top, min(bottom, height)), slice(left, min(right, width))
    picture, smooth = (np.ascontiguousarray(each[part]) for each in (sight.picture, sight.smooth))
    if picture.size == 0:
        return None
    line -= [left, top]
    away, along, side = brush.distances(line, *picture.shape[:2], limit_px)
    if edges:
        mask = _reached(smooth, line, radius_px, away, along, side)
        mask = paint.settled(paint.bordered(mask, paint.REACH), picture, paint.REACH)
        mask, cut = paint.bordered(mask, paint.REACH), paint.from_cut(mask, away, radius_px)
    else:
        mask, cut = np.ones(away.shape, np.uint8), np.full_like(away, brush.FAR_PX)
    return Trace(sight.picture, left, top, radius_px, mask, away, cut)


def _reached(
    smooth: np.ndarray, line: np.ndarray, radius_px: float, away: np.ndarray, along: np.ndarray, side: np.ndarray
) -> np.ndarray:
    """Find how far the stroke reaches on the rays that go out from its path all around.

    On each it may end at an edge, or not before the brush does. What looks like the middle of the brush shall be
    painted, the rest not, and the border shall bend little: all together as cheap as can be.
    """
    spacing = max(1.0, radius_px / PLACES)
    lengths = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    there = np.arange(int(np.ceil(lengths[-1] / spacing)) + 1)
    places = np.stack([np.interp(there * spacing, lengths, line[:, axis]) for axis in (0, 1)], axis=1)
    fan = 2 * PLACES
    ray = brush.rays(line, along, side, len(there), spacing, fan, END * radius_px)
    place = np.concatenate([there, np.full(fan, there[-1]), there[::-1], np.zeros(fan, np.int64)])
    if lengths[-1] < radius_px / 2:
        aside = ASIDE * radius_px * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
        # From within the frame, so that a dab in a corner does not see one pixel alone, which may be noise.
        middle = places.mean(axis=0).clip(0, [smooth.shape[1] - 1, smooth.shape[0] - 1])
        places = np.concatenate([places, middle + aside])
    x, y = np.rint(places).astype(np.int64).T
    under = smooth[y.clip(0, smooth.shape[0] - 1), x.clip(0, smooth.shape[1] - 1)]
    unlike, change = brush.looks(smooth, away, ray, place, under, PLACES)
    step_px = max(1.0, radius_px / STEPS)
    steps = int(np.ceil(RIM * radius_px / step_px)) + 1
    seen = brush.along_rays(np.dstack([unlike, change, smooth]), away, ray, place.size, step_px, steps)
    cut = brush.best_cut(_prices(seen[..., 0], seen[..., 1]), BEND / steps * radius_px / (PLACES * spacing))
    colours = np.ascontiguousarray(seen[..., 2:])
    return np.asarray(
        brush.claimed(smooth, away, ray, unlike, cut, colours, step_px, round(BAND * STEPS), PLACES // 2, SURE)
    )


def _prices(unlike: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Price every step at which a ray may be cut; and the last price is not to cut it."""
    rays, steps = unlike.shape
    seen = np.isfinite(unlike)
    usual = np.where(seen, change, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    # Rays beyond the frame see nothing, which must not make what the others see look like an edge.
    sees = seen.any(axis=1).astype(np.float32)
    turns = range(-(PLACES // 2), PLACES // 2 + 1)
    usual = sum(np.roll(usual, turn) for turn in turns) / np.maximum(sum(np.roll(sees, turn) for turn in turns), 1)
    edge = ((change / (usual[:, None] + FAINT) - EDGE_FROM) / EDGE_SPAN).clip(0, 1)
    strange = (unlike / UNLIKE).clip(0, 1)
    price = np.zeros((rays, steps + 1), np.float32)
    price[:, 1:] = TAKEN / steps * np.where(seen, strange, 0).cumsum(axis=1)
    price[:, :-1] += LEFT / steps * np.where(seen, 1 - strange, 0)[:, ::-1].cumsum(axis=1)[:, ::-1]
    price[:, :-1] -= np.where(seen, edge, 0)
    price[:, 0] += NOWHERE
    return price
