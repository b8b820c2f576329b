"""Compiled inner loops of the layered renderer."""

from typing import NamedTuple

import numpy as np
from numba import prange

from wideopen.compiled import compiled

BAND_ROWS = 32
"""Rows that one thread works on at a time."""

OPACITY_GAIN = 1.08
"""Discs of a slanted surface do not add up to exactly 1; the gain keeps what lies behind from glimmering through."""


class Kernels(NamedTuple):
    """Kernels of all radii that occur, as jumps along their rows: a running sum turns them into discs.

    A plain kernel has the same value along a row, from `left` up to `right`. A fine one has the jumps
    `row_start[row]` up to `row_start[row + 1]`: at `jump_x` its value grows by `jump`. Rows of all
    kernels stand one after the other, `2 * reach + 1` each.
    """

    radius_px: np.ndarray
    barrel_px: np.ndarray
    """Radius of the barrel's opening, which cuts the disc for a cat's eye."""
    reach: np.ndarray
    first_row: np.ndarray
    value: np.ndarray
    """Value of a plain kernel, 0 for a fine one."""
    left: np.ndarray
    right: np.ndarray
    row_start: np.ndarray
    jump_x: np.ndarray
    jump: np.ndarray


@compiled()
def sort_points(
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


@compiled(parallel=True)
def scatter(
    front: np.ndarray,
    back: np.ndarray,
    back_at: np.ndarray,
    kernel: np.ndarray,
    order: np.ndarray,
    start: np.ndarray,
    layer_reach: np.ndarray,
    kernels: Kernels,
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


@compiled(inline=True)
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


@compiled(inline=True)
def _write_jumps(
    sums: np.ndarray,
    x: int,
    y: int,
    light: tuple[float, float, float, float],
    kernel: int,
    kernels: Kernels,
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


@compiled()
def _write_cut_jumps(
    sums: np.ndarray,
    x: int,
    y: int,
    light: tuple[float, float, float, float],
    kernel: int,
    kernels: Kernels,
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
    shift = cat_eye * kernels.radius_px[kernel] / np.sqrt(width * width / 4 + height * height / 4)
    middle_x = (x + 0.5 - width / 2) * (shift if front else -shift)
    middle_y = (y + 0.5 - height / 2) * (shift if front else -shift)

    # Add up what the barrel leaves, which is then made 1 again
    left_over = 0.0
    for row in range(y - half, y + half + 1):
        lower, upper = _chord(row - y - middle_y, middle_x, kernels.barrel_px[kernel])
        for j in range(kernels.row_start[first + row], kernels.row_start[first + row + 1]):
            left_over -= kernels.jump[j] * min(max(kernels.jump_x[j], lower), upper)

    for row in range(max(y - half, top), min(y + half + 1, bottom)):
        lower, upper = _chord(row - y - middle_y, middle_x, kernels.barrel_px[kernel])
        for j in range(kernels.row_start[first + row], kernels.row_start[first + row + 1]):
            place = min(max(float(kernels.jump_x[j]), lower), upper)
            column = int(np.floor(place))
            part = place - column
            jump = kernels.jump[j] / max(left_over, 1e-3)
            for c in range(4):
                sums[row - top, column + x + pad, c] += jump * (1 - part) * light[c]
                sums[row - top, column + x + pad + 1, c] += jump * part * light[c]


@compiled(inline=True)
def _chord(off_y: float, middle_x: float, barrel_px: float) -> tuple[float, float]:
    """Find where a row enters and leaves the barrel, in columns that begin half a pixel left of their middle."""
    inside = barrel_px * barrel_px - off_y * off_y
    half_chord = np.sqrt(inside) if inside > 0 else 0.0
    return middle_x - half_chord + 0.5, middle_x + half_chord + 0.5


@compiled()
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
                taken = min(weight * OPACITY_GAIN, free[row, x])
                light[row, x, 0] += red * (taken / weight)
                light[row, x, 1] += green * (taken / weight)
                light[row, x, 2] += blue * (taken / weight)
                free[row, x] -= taken
        sums[row] = 0
