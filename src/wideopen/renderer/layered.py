"""The fast renderer: points sorted into thin layers of depth, spread by running sums."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numba import njit, prange

from wideopen.renderer.iris import Iris
from wideopen.renderer.sheets import Sheets

BAND_ROWS = 32
PLAIN_FROM_PX = 8.0
"""Radius from which discs of ordinary light have a hard rim."""
VISIBLE = 0.002
"""Linear light at a rim, as a share of white, that an eye could find."""


class _Kernels(NamedTuple):
    """Kernels of all radii that occur, as jumps along their rows: a running sum turns them into discs.

    A plain kernel has the same value along a row, from `left` up to `right`. A fine one has the jumps
    `row_start[row]` up to `row_start[row + 1]`: at `jump_x` its value grows by `jump`. Rows of all
    kernels stand one after the other, `2 * reach + 1` each.
    """

    reach: np.ndarray
    first_row: np.ndarray
    value: np.ndarray
    """Value of a plain kernel, 0 for a fine one."""
    left: np.ndarray
    right: np.ndarray
    row_start: np.ndarray
    jump_x: np.ndarray
    jump: np.ndarray


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
    height, width = sheets.front_radius_px.shape
    radius = np.concatenate([sheets.front_radius_px.ravel(), sheets.back_radius_px])
    edges = _layer_edges(float(np.abs(radius).max()))
    layer = (len(edges) - np.searchsorted(edges, radius, side="left")).astype(np.int16)
    brightest = np.concatenate([sheets.front[..., :3].max(axis=2).ravel(), sheets.back.max(axis=1)])
    kernels, kernel = _choose_kernels(radius, brightest, iris)
    order, start = _sort_points(sheets.back_at, layer, height, width, len(edges) + 1)
    layer_reach = np.zeros(len(edges) + 1, np.int64)
    np.maximum.at(layer_reach, layer, kernels.reach[kernel])
    return _spread(
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


def _choose_kernels(radius: np.ndarray, brightest: np.ndarray, iris: Iris) -> tuple[_Kernels, np.ndarray]:
    """Choose every point's kernel, and draw those that occur.

    A large disc has an anti-aliased rim only where the point is bright enough for its rim to be seen;
    a hard one has half the jumps.
    """
    level = level_of_radius(radius)
    area = np.pi * np.square(radius, dtype=np.float32)
    fine = (np.abs(radius) < PLAIN_FROM_PX) | (brightest > VISIBLE * area)
    if iris.picture is not None or iris.cat_eye:
        fine[:] = True
    key = 2 * level + fine
    lowest = int(key.min())
    present = np.flatnonzero(np.bincount(key - lowest)) + lowest
    table = np.zeros(int(key.max()) - lowest + 1, np.int32)
    table[present - lowest] = np.arange(len(present))
    drawn = [_draw(iris, radius_of_level(int(one) >> 1), fine=bool(one & 1)) for one in present]
    return _stack(drawn), table[key - lowest]


def _draw(iris: Iris, radius_px: float, *, fine: bool) -> tuple[np.ndarray, bool]:
    """Draw a kernel, with a hard rim unless it is to be fine."""
    kernel = iris.kernel_at(radius_px, x=0, y=0, aspect=1)
    if not fine:
        kernel = (kernel >= kernel.max() / 2).astype(np.float64)
        kernel /= kernel.sum()
    return kernel, fine


def _stack(drawn: list[tuple[np.ndarray, bool]]) -> _Kernels:
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
    return _Kernels(
        reach=reach,
        first_row=np.concatenate([[0], np.cumsum(2 * reach + 1)[:-1]]),
        value=np.array([0.0 if fine else kernel.max() for kernel, fine in drawn]),
        left=np.concatenate(left),
        right=np.concatenate(right),
        row_start=np.concatenate([[0], np.cumsum(np.concatenate(counts))]),
        jump_x=np.concatenate(jump_x),
        jump=np.concatenate(jump),
    )


@njit(cache=True)
def _sort_points(
    back_at: np.ndarray, layer: np.ndarray, height: int, width: int, layers: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sort points by row, then by layer, keeping their order otherwise (counting sort)."""
    pixels = height * width
    start = np.zeros(height * layers + 1, np.int64)
    for point in range(layer.size):
        row = (point if point < pixels else back_at[point - pixels]) // width
        start[row * layers + layer[point] + 1] += 1
    for bucket in range(height * layers):
        start[bucket + 1] += start[bucket]
    following = start[:-1].copy()
    order = np.empty(layer.size, np.int32)
    for point in range(layer.size):
        row = (point if point < pixels else back_at[point - pixels]) // width
        bucket = row * layers + layer[point]
        order[following[bucket]] = point
        following[bucket] += 1
    return order, start


@njit(parallel=True, cache=True)
def _spread(
    front: np.ndarray,
    back: np.ndarray,
    back_at: np.ndarray,
    kernel: np.ndarray,
    order: np.ndarray,
    start: np.ndarray,
    layer_reach: np.ndarray,
    kernels: _Kernels,
    cat_eye: float,
    height: int,
    width: int,
) -> np.ndarray:
    """Work through the photo in bands of rows, each from the nearest layer to the farthest."""
    out = np.empty((height, width, 3), np.float32)
    layers = layer_reach.size
    pad = layer_reach.max()
    for band in prange((height + BAND_ROWS - 1) // BAND_ROWS):
        top = band * BAND_ROWS
        bottom = min(top + BAND_ROWS, height)
        sums = np.zeros((bottom - top, width + 2 * pad + 2, 4))
        light = np.zeros((bottom - top, width, 3))
        free = np.ones((bottom - top, width))
        for layer in range(layers):
            touched = False
            in_front = layer < layers // 2
            for y in range(max(top - layer_reach[layer], 0), min(bottom + layer_reach[layer], height)):
                for i in range(start[y * layers + layer], start[y * layers + layer + 1]):
                    point = order[i]
                    x, light_4 = _point(point, y, width, front, back, back_at)
                    if cat_eye > 0:
                        _write_cut_jumps(
                            sums,
                            x,
                            y,
                            light_4,
                            kernel[point],
                            kernels,
                            cat_eye,
                            in_front,
                            top,
                            bottom,
                            pad,
                            height,
                            width,
                        )
                    else:
                        _write_jumps(sums, x + pad, y, light_4, kernel[point], kernels, top, bottom)
                    touched = True
            if touched:
                _fill_from(sums, light, free, pad)
        for y in range(top, bottom):
            for x in range(width):
                share = max(1 - free[y - top, x], 1e-6)
                for c in range(3):
                    out[y, x, c] = light[y - top, x, c] / share
    return out


@njit(cache=True, inline="always")
def _point(
    point: int, y: int, width: int, front: np.ndarray, back: np.ndarray, back_at: np.ndarray
) -> tuple[int, tuple[float, float, float, float]]:
    """Look up where a point of row `y` stands, its premultiplied light and its opacity."""
    pixels = front.shape[0]
    if point < pixels:
        opacity = np.float64(front[point, 3])
        return point - y * width, (
            front[point, 0] * opacity,
            front[point, 1] * opacity,
            front[point, 2] * opacity,
            opacity,
        )
    behind = point - pixels
    return back_at[behind] - y * width, (
        np.float64(back[behind, 0]),
        np.float64(back[behind, 1]),
        np.float64(back[behind, 2]),
        1.0,
    )


@njit(cache=True, inline="always")
def _write_jumps(
    sums: np.ndarray,
    x: int,
    y: int,
    light: tuple[float, float, float, float],
    kernel: int,
    kernels: _Kernels,
    top: int,
    bottom: int,
) -> None:
    """Add a disc around the padded column `x`, as jumps along its rows, to the rows of a band."""
    half = kernels.reach[kernel]
    first = kernels.first_row[kernel] - y + half
    value = kernels.value[kernel]
    if value > 0:
        red, green, blue, weight = light[0] * value, light[1] * value, light[2] * value, light[3] * value
        for row in range(max(y - half, top), min(y + half + 1, bottom)):
            # Unsigned, for a signed index costs a test for wrapping around.
            at = np.uint64(row - top)
            column = np.uint64(x + kernels.left[first + row])
            sums[at, column, 0] += red
            sums[at, column, 1] += green
            sums[at, column, 2] += blue
            sums[at, column, 3] += weight
            column = np.uint64(x + kernels.right[first + row])
            sums[at, column, 0] -= red
            sums[at, column, 1] -= green
            sums[at, column, 2] -= blue
            sums[at, column, 3] -= weight
        return
    for row in range(max(y - half, top), min(y + half + 1, bottom)):
        at = np.uint64(row - top)
        for j in range(kernels.row_start[first + row], kernels.row_start[first + row + 1]):
            column = np.uint64(x + kernels.jump_x[j])
            jump = kernels.jump[j]
            sums[at, column, 0] += jump * light[0]
            sums[at, column, 1] += jump * light[1]
            sums[at, column, 2] += jump * light[2]
            sums[at, column, 3] += jump * light[3]


@njit(cache=True)
def _write_cut_jumps(
    sums: np.ndarray,
    x: int,
    y: int,
    light: tuple[float, float, float, float],
    kernel: int,
    kernels: _Kernels,
    cat_eye: float,
    front: bool,
    top: int,
    bottom: int,
    pad: int,
    height: int,
    width: int,
) -> None:
    """Add a disc that the barrel cuts: only what also lies in a second disc, shifted inward or outward."""
    half = kernels.reach[kernel]
    first = kernels.first_row[kernel] - y + half
    radius = max(half - 1.0, 0.0)
    shift = cat_eye * radius / np.sqrt(width * width / 4 + height * height / 4) * (1 if front else -1)
    middle_x = (x + 0.5 - width / 2) * shift
    middle_y = (y + 0.5 - height / 2) * shift
    apart = np.sqrt(middle_x**2 + middle_y**2) / max(radius, 1.0)
    # Two discs share this part of their area; it keeps the sum at 1.
    part = (2 * np.arccos(min(apart / 2, 1.0)) - apart * np.sqrt(max(1 - apart * apart / 4, 0.0))) / np.pi
    gain = 1 / max(part, 0.05)
    for row in range(max(y - half, top), min(y + half + 1, bottom)):
        inside = (radius + 0.5) ** 2 - (row - y - middle_y) ** 2
        if inside <= 0 and radius > 0:
            continue
        chord = np.sqrt(max(inside, 0.0))
        lower = int(np.ceil(middle_x - chord))
        upper = int(np.floor(middle_x + chord)) + 1
        for j in range(kernels.row_start[first + row], kernels.row_start[first + row + 1]):
            column = min(max(kernels.jump_x[j], lower), upper) + x + pad
            jump = kernels.jump[j] * gain
            for c in range(4):
                sums[row - top, column, c] += jump * light[c]


@njit(cache=True)
def _fill_from(sums: np.ndarray, light: np.ndarray, free: np.ndarray, pad: int) -> None:
    """Turn a layer's jumps into light, give it what is free of the lens, and clear the sums."""
    rows, width = free.shape
    for row in range(rows):
        red = green = blue = weight = 0.0
        for x in range(-pad, width):
            red += sums[row, x + pad, 0]
            green += sums[row, x + pad, 1]
            blue += sums[row, x + pad, 2]
            weight += sums[row, x + pad, 3]
            if x >= 0 and weight > 1e-9 and free[row, x] > 0:
                taken = min(weight, free[row, x])
                light[row, x, 0] += red * (taken / weight)
                light[row, x, 1] += green * (taken / weight)
                light[row, x, 2] += blue * (taken / weight)
                free[row, x] -= taken
        sums[row] = 0
