"""Compiled inner loops of the layered renderer: from sorted points to light, band by band."""

from typing import NamedTuple

import numpy as np
from numba import prange

from wideopen.compiled import compiled
from wideopen.renderer.points import Layered, in_turn

BAND_ROWS = 32
"""Rows that one thread works on at a time."""
OPACITY_GAIN = 1.04
"""Discs of a slanted surface do not add up to exactly 1; the gain keeps what lies behind from glimmering through."""
ENOUGH = 1e-4
"""Share of the lens that may stay empty."""


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


class Frame(NamedTuple):
    """Where in the whole photo the rows stand, for what depends on the place: the cat's eye."""

    width: int
    height: int
    top: int
    cat_eye: float


@compiled(parallel=True)
def scatter(
    fine: Layered,
    coarse: Layered,
    first_bucket: np.ndarray,
    level_of_layer: np.ndarray,
    fine_reach: np.ndarray,
    coarse_reach: np.ndarray,
    table: np.ndarray,
    kernels: Kernels,
    frame: Frame,
    height: int,
) -> np.ndarray:
    """Work through the rows in bands, each from the nearest layer to the farthest.

    `fine_reach` and `coarse_reach` say for each layer how far its kernels reach, in pixels and in cells;
    -1 where there are none. `table` leads from a kernel's key to its place.
    """
    out = np.empty((height, frame.width, 3), np.float32)
    bands = in_turn((height + BAND_ROWS - 1) // BAND_ROWS)
    for turn in prange(bands.size):
        _fill_band(
            out,
            bands[turn] * BAND_ROWS,
            fine,
            coarse,
            first_bucket,
            level_of_layer,
            fine_reach,
            coarse_reach,
            table,
            kernels,
            frame,
        )
    return out


@compiled()
def _fill_band(
    out: np.ndarray,
    top: int,
    fine: Layered,
    coarse: Layered,
    first_bucket: np.ndarray,
    level_of_layer: np.ndarray,
    fine_reach: np.ndarray,
    coarse_reach: np.ndarray,
    table: np.ndarray,
    kernels: Kernels,
    frame: Frame,
) -> None:
    width, layers = out.shape[1], level_of_layer.size
    bottom = min(top + BAND_ROWS, out.shape[0])
    light = np.zeros((bottom - top, width, 3), np.float32)
    free = np.ones((bottom - top, width), np.float32)
    seen = np.zeros((width, 4), np.float32)
    pad = max(fine_reach.max(), 0)
    sums = np.zeros((bottom - top, width + 2 * pad + 2, 4))
    low, low_level = np.zeros((1, 1, 4)), 0
    for layer in range(layers):
        # Spread the points of full resolution
        reach = fine_reach[layer]
        touched = False
        for y in range(max(top - reach, 0), min(bottom + reach, out.shape[0]) if reach >= 0 else 0):
            bucket = y * layers + layer
            touched |= _spread(sums, fine, bucket, y, pad, top, bottom, table, kernels, frame, np.int64(1))

        # Spread the cells, onto rows that enclose the band
        level = level_of_layer[layer]
        side = 2**level
        low_touched, low_top, low_pad = False, 0, 0
        if level > 0 and coarse_reach[layer] >= 0:
            low_pad = coarse_reach[layer]
            columns, rows = (width - 1) // side + 1, (out.shape[0] - 1) // side + 1
            low_top = (2 * top + 1 - side) // (2 * side)
            low_bottom = (2 * bottom - 1 - side) // (2 * side) + 2
            if level != low_level or low.shape[1] != columns + 2 * low_pad + 3:
                low, low_level = np.zeros((low_bottom - low_top, columns + 2 * low_pad + 3, 4)), level
            for y in range(max(low_top - low_pad, 0), min(low_bottom + low_pad, rows)):
                bucket = first_bucket[level] + y * layers + layer
                low_touched |= _spread(
                    low, coarse, bucket, y, low_pad + 1, low_top, low_bottom, table, kernels, frame, side
                )
            if low_touched:
                _add_up(low)

        # Give the layer what is free of the lens
        if touched or low_touched:
            left_over = False
            for row in range(bottom - top):
                if touched:
                    _read_out(sums[row], seen, pad)
                    sums[row] = 0
                else:
                    seen[:] = 0
                if low_touched:
                    _add_interpolated(low, seen, (top + row + 0.5) / side - 0.5 - low_top, side, low_pad)
                left_over |= _take(seen, light[row], free[row])
            if low_touched:
                low[:] = 0
            if not left_over:
                break
    for row in range(bottom - top):
        for x in range(width):
            share = max(1 - free[row, x], np.float32(1e-6))
            for c in range(3):
                out[top + row, x, c] = light[row, x, c] / share


@compiled()
def _take(seen: np.ndarray, light: np.ndarray, free: np.ndarray) -> bool:
    """Fill one row with what a layer shows; tell whether any of the lens is left."""
    left_over = False
    for x in range(free.size):
        weight = seen[x, 3]
        if weight > 1e-6 and free[x] > 0:
            taken = min(weight * np.float32(OPACITY_GAIN), free[x])
            scale = taken / weight
            light[x, 0] += seen[x, 0] * scale
            light[x, 1] += seen[x, 1] * scale
            light[x, 2] += seen[x, 2] * scale
            free[x] -= taken
        left_over |= free[x] > ENOUGH
    return left_over


@compiled()
def _spread(
    sums: np.ndarray,
    points: Layered,
    bucket: int,
    y: int,
    pad: int,
    top: int,
    bottom: int,
    table: np.ndarray,
    kernels: Kernels,
    frame: Frame,
    side: int,
) -> bool:
    """Write the discs of one bucket's points, as jumps, to the rows from `top` up to `bottom`."""
    for i in range(points.start[bucket], points.end[bucket]):
        light = (
            np.float64(points.light[i, 0]),
            np.float64(points.light[i, 1]),
            np.float64(points.light[i, 2]),
            np.float64(points.light[i, 3]),
        )
        kernel = table[points.key[i]]
        if frame.cat_eye > 0:
            front = points.key[i] & 1 == 1
            _write_cut_jumps(sums, points.x[i], pad, y, light, kernel, kernels, front, top, bottom, frame, side)
        else:
            _write_jumps(sums, points.x[i] + pad, y, light, kernel, kernels, top, bottom)
    return points.end[bucket] > points.start[bucket]


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
    """Add a disc around the padded column `x`, as jumps along its rows."""
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
    else:
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
    pad: int,
    y: int,
    light: tuple[float, float, float, float],
    kernel: int,
    kernels: Kernels,
    front: bool,
    top: int,
    bottom: int,
    frame: Frame,
    side: int,
) -> None:
    """Add a disc that the barrel cuts: only what also lies in a second disc, shifted inward or outward.

    Where the barrel hides all the light, the disc stays whole.
    """
    half = kernels.reach[kernel]
    first = kernels.first_row[kernel] - y + half
    shift = frame.cat_eye * kernels.radius_px[kernel] / np.sqrt(frame.width**2 / 4 + frame.height**2 / 4)
    middle_x = ((x + 0.5) * side - frame.width / 2) * (shift if front else -shift)
    middle_y = ((y + 0.5) * side + frame.top - frame.height / 2) * (shift if front else -shift)

    # Add up what the barrel leaves, which is then made 1 again
    left_over = 0.0
    for row in range(y - half, y + half + 1):
        lower, upper = _chord(row - y - middle_y, middle_x, kernels.barrel_px[kernel])
        for j in range(kernels.row_start[first + row], kernels.row_start[first + row + 1]):
            left_over -= kernels.jump[j] * min(max(kernels.jump_x[j], lower), upper)
    if left_over < 1e-3:
        _write_jumps(sums, x + pad, y, light, kernel, kernels, top, bottom)
        return

    for row in range(max(y - half, top), min(y + half + 1, bottom)):
        lower, upper = _chord(row - y - middle_y, middle_x, kernels.barrel_px[kernel])
        for j in range(kernels.row_start[first + row], kernels.row_start[first + row + 1]):
            place = min(max(float(kernels.jump_x[j]), lower), upper)
            column = int(np.floor(place))
            part = place - column
            jump = kernels.jump[j] / left_over
            # Beyond the padding is beyond the frame.
            column = min(max(column + x + pad, 0), sums.shape[1] - 2)
            for c in range(4):
                sums[row - top, column, c] += jump * (1 - part) * light[c]
                sums[row - top, column + 1, c] += jump * part * light[c]


@compiled(inline=True)
def _chord(off_y: float, middle_x: float, barrel_px: float) -> tuple[float, float]:
    """Find where a row enters and leaves the barrel, in columns that begin half a pixel left of their middle."""
    inside = barrel_px * barrel_px - off_y * off_y
    half_chord = np.sqrt(inside) if inside > 0 else 0.0
    return middle_x - half_chord + 0.5, middle_x + half_chord + 0.5


@compiled()
def _read_out(jumps: np.ndarray, seen: np.ndarray, pad: int) -> None:
    """Turn one row of jumps into light."""
    red = green = blue = weight = 0.0
    for x in range(pad):
        red += jumps[x, 0]
        green += jumps[x, 1]
        blue += jumps[x, 2]
        weight += jumps[x, 3]
    for x in range(seen.shape[0]):
        red += jumps[x + pad, 0]
        green += jumps[x + pad, 1]
        blue += jumps[x + pad, 2]
        weight += jumps[x + pad, 3]
        seen[x, 0] = red
        seen[x, 1] = green
        seen[x, 2] = blue
        seen[x, 3] = weight


@compiled()
def _add_up(sums: np.ndarray) -> None:
    """Turn jumps into light, in place."""
    for row in range(sums.shape[0]):
        red = green = blue = weight = 0.0
        for x in range(sums.shape[1]):
            red += sums[row, x, 0]
            green += sums[row, x, 1]
            blue += sums[row, x, 2]
            weight += sums[row, x, 3]
            sums[row, x, 0] = red
            sums[row, x, 1] = green
            sums[row, x, 2] = blue
            sums[row, x, 3] = weight


@compiled()
def _add_interpolated(low: np.ndarray, seen: np.ndarray, place: float, side: int, pad: int) -> None:
    """Add one row of a coarse picture, interpolated between the middles of its cells.

    Pixels from ``cell * side - side / 2`` on lie between the cells before and at `cell`.
    """
    upper = int(place)
    down = place - upper
    width = seen.shape[0]
    before = _between(low, upper, pad, down)
    for cell in range((width + side // 2 - 1) // side + 1):
        after = _between(low, upper, pad + 1 + cell, down)
        begin = cell * side - side // 2
        for x in range(max(begin, 0), min(begin + side, width)):
            part = np.float32((x - begin + 0.5) / side)
            seen[x, 0] += before[0] + (after[0] - before[0]) * part
            seen[x, 1] += before[1] + (after[1] - before[1]) * part
            seen[x, 2] += before[2] + (after[2] - before[2]) * part
            seen[x, 3] += before[3] + (after[3] - before[3]) * part
        before = after


@compiled(inline=True)
def _between(low: np.ndarray, upper: int, column: int, down: float) -> tuple[np.float32, ...]:
    """Interpolate between two cells, one above the other."""
    a, b = low[upper, column], low[upper + 1, column]
    return (
        np.float32(a[0] + (b[0] - a[0]) * down),
        np.float32(a[1] + (b[1] - a[1]) * down),
        np.float32(a[2] + (b[2] - a[2]) * down),
        np.float32(a[3] + (b[3] - a[3]) * down),
    )
