"""The fast renderer: points sorted into thin layers of depth, spread by running sums."""

import numpy as np
from jaxtyping import Float

from wideopen.renderer.iris import Iris
from wideopen.renderer.scatter import Kernels, scatter, sort_points
from wideopen.renderer.sheets import Sheets

PLAIN_FROM_PX = 8.0
"""Radius from which discs of ordinary light have a hard rim."""
VISIBLE = 0.002
"""Linear light at a rim, as a share of white, that an eye could find."""


def spread_in_layers(sheets: Sheets, iris: Iris) -> Float[np.ndarray, "h w 3"]:
    """Spread every point's light as the iris; occlusion as in `spread_exactly`, layer by layer.

    Points are sorted into layers of similar blur. Within a layer, light simply adds up; between
    layers, near ones take their part of the lens first. A disc is written as its jumps along each
    row, and one running sum per layer and row turns jumps into light, so that the work for a point
    grows with its radius and not with its area. Rows are worked on in bands, each by one thread in a
    fixed order: the result does not depend on the number of threads. Sums are float64, for running
    sums in float32 leave traces of bright lights.

    Args:
        sheets: Points of light.
        iris: Shape of every disc.

    Returns:
        float32, linear light.
    """
    if iris.coloured:
        # Every colour has its own discs, and so its own share of the lens.
        return np.stack([_spread(sheets, iris, channel)[..., channel] for channel in range(3)], axis=2)
    return _spread(sheets, iris, None)


def _spread(sheets: Sheets, iris: Iris, channel: int | None) -> Float[np.ndarray, "h w 3"]:
    height, width = sheets.front_radius_px.shape
    radius = np.concatenate([sheets.front_radius_px.ravel(), sheets.back_radius_px])
    edges = _layer_edges(float(np.abs(radius).max()))
    layer = (len(edges) - np.searchsorted(edges, radius, side="left")).astype(np.int16)
    brightest = np.concatenate([sheets.front[..., :3].max(axis=2).ravel(), sheets.back.max(axis=1)])
    kernels, kernel = _choose_kernels(radius, brightest, iris, channel)
    order, start = sort_points(sheets.back_at, layer, height, width, len(edges) + 1)
    layer_reach = np.zeros(len(edges) + 1, np.int64)
    np.maximum.at(layer_reach, layer, kernels.reach[kernel])
    return scatter(
        sheets.front.reshape(-1, 4),
        sheets.back,
        sheets.back_at,
        kernel,
        order,
        start,
        layer_reach,
        kernels,
        iris.cat_eye,
        height,
        width,
    )


def level_of_radius(radius_px: np.ndarray) -> np.ndarray:
    """Round radii to levels: sixteenths of a pixel up to 4 px, then steps of 1.6 percent.

    Finer than an eye can tell, coarse enough that a few hundred kernels serve every photo. The level
    carries the radius' sign; level 0 is in focus.
    """
    size = np.abs(radius_px).astype(np.float32)
    fine = np.rint(size * 16)
    coarse = 64 + np.rint(np.log(np.maximum(size, 4) / 4) * 64)
    level = np.where(size <= 4, fine, coarse)
    level[size <= 0.5] = 0
    return (np.sign(radius_px) * level).astype(np.int32)


def radius_of_level(level: int) -> float:
    """Turn a level back into its signed radius in pixels."""
    size = abs(level)
    radius = size / 16 if size <= 64 else 4 * float(np.exp((size - 64) / 64))
    return radius if level >= 0 else -radius


def _layer_edges(largest_px: float) -> np.ndarray:
    """Radii between layers: thin near the plane in focus, a fifth of the radius far from it."""
    edges = [0.5]
    while edges[-1] < largest_px:
        edges.append(edges[-1] * 1.2 + 1)
    return np.array([-edge for edge in reversed(edges)] + edges, np.float32)


def _choose_kernels(
    radius: np.ndarray, brightest: np.ndarray, iris: Iris, channel: int | None
) -> tuple[Kernels, np.ndarray]:
    """Choose every point's kernel, and draw those that occur.

    A large disc has an anti-aliased rim only where the point is bright enough for its rim to be seen;
    a hard one has half the jumps.
    """
    level = level_of_radius(radius)
    area = np.pi * np.square(radius, dtype=np.float32)
    fine = (np.abs(radius) < PLAIN_FROM_PX) | (brightest > VISIBLE * area)
    if iris.cat_eye or not iris.flat or iris.coloured:
        fine[:] = True
    key = 2 * level + fine
    lowest = int(key.min())
    present = np.flatnonzero(np.bincount(key - lowest)) + lowest
    table = np.zeros(int(key.max()) - lowest + 1, np.int32)
    table[present - lowest] = np.arange(len(present))
    radius_px = np.array([radius_of_level(int(one) >> 1) for one in present])
    drawn = [_draw(iris, radius, channel, fine=bool(one & 1)) for radius, one in zip(radius_px, present, strict=True)]
    return _stack(drawn, np.abs(radius_px), iris.barrel_scale), table[key - lowest]


def _draw(iris: Iris, radius_px: float, channel: int | None, *, fine: bool) -> tuple[np.ndarray, bool]:
    """Draw a kernel, with a hard rim unless it is to be fine."""
    if channel is None:
        kernel = iris.kernel_at(radius_px, x=0, y=0, aspect=1)
    else:
        kernel = iris.kernel_rgb_at(radius_px, x=0, y=0, aspect=1)[..., channel]
    if not fine:
        kernel = (kernel >= kernel.max() / 2).astype(np.float64)
        kernel /= kernel.sum()
    return kernel, fine


def _stack(drawn: list[tuple[np.ndarray, bool]], radius_px: np.ndarray, barrel_scale: float) -> Kernels:
    """Write kernels as spans or as jumps along their rows."""
    left, right, counts, jump_x, jump = [], [], [], [], []
    for kernel, fine in drawn:
        half = kernel.shape[0] // 2
        jumps = np.diff(kernel, axis=1, prepend=0, append=0)
        jumps[np.abs(jumps) < 1e-9 * kernel.max()] = 0
        left.append((jumps > 0).argmax(axis=1) - half)
        right.append((jumps < 0).argmax(axis=1) - half)
        rows, columns = np.nonzero(jumps if fine else np.zeros_like(jumps))
        jump_x.append(columns - half)
        jump.append(jumps[rows, columns])
        counts.append(np.bincount(rows, minlength=kernel.shape[0]))
    reach = np.array([kernel.shape[0] // 2 for kernel, _ in drawn])
    return Kernels(
        radius_px=radius_px,
        barrel_px=radius_px * barrel_scale,
        reach=reach,
        first_row=np.concatenate([[0], np.cumsum(2 * reach + 1)[:-1]]),
        value=np.array([0.0 if fine else kernel.max() for kernel, fine in drawn]),
        left=np.concatenate(left),
        right=np.concatenate(right),
        row_start=np.concatenate([[0], np.cumsum(np.concatenate(counts))]),
        jump_x=np.concatenate(jump_x),
        jump=np.concatenate(jump),
    )
