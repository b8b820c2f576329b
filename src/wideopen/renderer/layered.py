"""The fast renderer: points sorted into thin layers of depth, spread by running sums, large discs on coarse cells."""

import numpy as np

from wideopen.renderer.iris import Iris
from wideopen.renderer.kernels import KEYS, draw_kernels
from wideopen.renderer.points import (
    COARSE_FROM_PX,
    FINE_STEPS,
    STEPS_PER_LEVEL,
    find_level,
    find_levels,
    find_step,
    lay_out,
    mean_of_blocks,
    merge,
    sort_fine,
)
from wideopen.renderer.scatter import Frame, scatter
from wideopen.renderer.sheets import Sheets
from wideopen.shapes import Float

UPPER_PX = (0.5, 1.6, 2.9, 4.4, 6.0, 8.0)
"""Radii at which the layers of full resolution end."""


def spread_in_layers(
    sheets: Sheets, iris: Iris, *, top: int = 0, whole_height: int | None = None
) -> Float[np.ndarray, "h w 3"]:
    """Spread every point's light as the iris; occlusion as in `spread_exactly`, layer by layer.

    Points are sorted into layers of similar blur. Within a layer, light simply adds up; between
    layers, near ones take their part of the lens first. A disc is written as its jumps along each
    row, and one running sum per layer and row turns jumps into light. Discs of 8 pixels and more are
    drawn on cells so wide that their radius is 4 to 8 cells, from points merged into these cells, and
    interpolated: so time hardly depends on the radius. Points that stand out of their surroundings keep
    their full resolution, and so a crisp rim. Rows are worked on in bands, each by one thread in a
    fixed order: the result does not depend on the number of threads. Sums are float64, for running
    sums in float32 leave traces of bright lights.

    Args:
        sheets: Points of light, of the whole photo or of some rows of it.
        iris: Shape of every disc.
        top: Where in the photo the rows begin.
        whole_height: Height of the photo, if these are some rows of it.

    Returns:
        float32, linear light.
    """
    height, width = sheets.front_radius_px.shape
    row_at = np.arange(height + 1) * width
    row_start = row_at + np.searchsorted(sheets.back_at, row_at)
    points = lay_out(
        sheets.front, sheets.front_radius_px, sheets.back_at, sheets.back, sheets.back_radius_px, row_start
    )
    frame = Frame(width, whole_height or height, top, iris.cat_eye)
    largest_px = float(max(points.radius_px.max(), -points.radius_px.min()))
    layers = 2 * find_step(largest_px) + 1
    layer, level, fine_count, coarse_count = find_levels(points, mean_of_blocks(points, width), layers)
    used = np.zeros(KEYS, np.bool_)
    fine_end = np.cumsum(fine_count)
    fine = sort_fine(points, layer, level, fine_end - fine_count.ravel(), fine_end, used)
    total = int(coarse_count.sum())
    coarse, first_bucket = merge(points, layer, level, coarse_count, total, layers, width, used)
    del points, layer, level
    steps = np.abs(np.arange(layers) - layers // 2)
    level_of_layer = np.array([find_level(int(step)) for step in steps])
    coarse_of_layer = (coarse.end - coarse.start).reshape(-1, layers).sum(axis=0)
    farthest_px = [_largest_of_step(int(step)) for step in steps]
    farthest_fine_px = np.where(level_of_layer > 0, largest_px, farthest_px)
    farthest_cells = np.array(farthest_px) / 2**level_of_layer
    seen = []
    # Every colour may have its own discs, and so its own share of the lens.
    for channel in range(3) if iris.coloured else (None,):
        kernels, table = draw_kernels(iris, used, channel=channel)
        fine_reach = _reach(iris, farthest_fine_px, fine_count.any(axis=0))
        coarse_reach = _reach(iris, farthest_cells, coarse_of_layer > 0)
        seen.append(
            scatter(fine, coarse, first_bucket, level_of_layer, fine_reach, coarse_reach, table, kernels, frame, height)
        )
    return np.stack([seen[c][..., c] for c in range(3)], axis=2) if iris.coloured else seen[0]


def _largest_of_step(step: int) -> float:
    """Find the radius in pixels that a layer reaches up to, the rounding of kernels' radii included."""
    edge_px = UPPER_PX[step] if step < len(UPPER_PX) else COARSE_FROM_PX * 2 ** ((step - FINE_STEPS) / STEPS_PER_LEVEL)
    return edge_px * 1.006 + 0.04


def _reach(iris: Iris, radius: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Find for each layer how far its kernels reach; -1 where there is nothing."""
    return np.array(
        [iris.reach_px(float(one) * 1.006 + 0.04) if there else -1 for one, there in zip(radius, present, strict=True)]
    )
