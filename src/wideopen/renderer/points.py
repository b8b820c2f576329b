"""Compiled inner loops that lay sheets out as points, sort them, and merge large discs into coarse cells.

A disc of 8 pixels and more is drawn on a grid of cells 2, 4, 8 ... pixels wide, where its radius is 4 to
8 cells: so a large disc costs no more than a small one.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from wideopen.compiled import compiled

COARSE_FROM_PX = 8.0
COARSEST = 6
CRISP = COARSEST + 1
"""Level of points at full resolution whose rim must be crisp."""
FINE_STEPS = 5
STEPS_PER_LEVEL = 3
KERNELS_PER_PX = 16
KERNELS_PER_OCTAVE = 64
HARD_FROM_PX = 4.0
"""Radius from which discs of ordinary light at full resolution have a hard rim, which halves the work."""
BLOCK_PX = 32
"""Side of the squares whose mean light tells whether a point stands out."""
WHITE = 1.0
STANDS_OUT = 0.05
"""Light of a disc, as a share of its surroundings, from which its own rim could be seen."""
DARKEST = 0.001
"""The same in the dark, as linear light."""
GOLDEN_RATIO = (np.sqrt(5) - 1) / 2


class Points(NamedTuple):
    """Points of light, sorted by row."""

    row_start: np.ndarray
    x: np.ndarray
    light: np.ndarray
    """float32 red, green and blue times opacity, and opacity."""
    radius_px: np.ndarray


class Layered(NamedTuple):
    """Points sorted by row (of pixels or of cells), then by layer: those of a bucket from `start` up to `end`."""

    x: np.ndarray
    key: np.ndarray
    """Number of the kernel, as `key_of` counts."""
    light: np.ndarray
    start: np.ndarray
    end: np.ndarray


def find_step(radius_px: float) -> int:
    """Number a layer from the plane in focus, which is 0: thin ones up to 8 px, then three to the octave."""
    size = abs(radius_px)
    if size <= COARSE_FROM_PX:
        return int(size > 0.5) + int(size > 1.6) + int(size > 2.9) + int(size > 4.4) + int(size > 6.0)
    return FINE_STEPS + 1 + int(np.log2(size / COARSE_FROM_PX) * STEPS_PER_LEVEL)


def find_level(step: int) -> int:
    """Find the power of two that a cell of this layer is wide."""
    return 0 if step <= FINE_STEPS else min((step - FINE_STEPS - 1) // STEPS_PER_LEVEL + 1, COARSEST)


def find_key(radius: float, hard: bool) -> int:
    """Number a kernel: radii in sixteenths up to 8, then in steps of about one percent."""
    size = abs(radius)
    if size <= COARSE_FROM_PX:
        number = int(size * KERNELS_PER_PX + 0.5)
    else:
        number = int((COARSE_FROM_PX * KERNELS_PER_PX) + np.log2(size / COARSE_FROM_PX) * KERNELS_PER_OCTAVE + 0.5)
    return 0 if number <= KERNELS_PER_PX // 2 else (2 * number + hard) * 2 + (radius > 0)


step_of, level_of, key_of = (compiled(inline=True)(one) for one in (find_step, find_level, find_key))


@compiled()
def in_turn(count: int) -> np.ndarray:
    """Order jobs so that every run of them, such as a thread takes, holds some from all over: fair shares."""
    return np.argsort(np.arange(count) * GOLDEN_RATIO % 1)


@compiled(parallel=True)
def lay_out(
    front: np.ndarray,
    front_radius: np.ndarray,
    back_at: np.ndarray,
    back: np.ndarray,
    back_radius: np.ndarray,
    row_start: np.ndarray,
) -> Points:
    """Write front and back sheet as one list, sorted by row; each row begins at its `row_start`."""
    height, width = front_radius.shape
    x = np.empty(row_start[height], np.int32)
    light = np.empty((row_start[height], 4), np.float32)
    radius = np.empty(row_start[height], np.float32)
    for y in prange(height):
        at = row_start[y]
        for column in range(width):
            opacity = front[y, column, 3]
            for c in range(3):
                light[at, c] = front[y, column, c] * opacity
            light[at, 3] = opacity
            x[at], radius[at] = column, front_radius[y, column]
            at += 1
        for j in range(row_start[y] - y * width, row_start[y + 1] - (y + 1) * width):
            opacity = back[j, 3]
            for c in range(3):
                light[at, c] = back[j, c] * opacity
            light[at, 3] = opacity
            x[at], radius[at] = back_at[j] - y * width, back_radius[j]
            at += 1
    return Points(row_start, x, light, radius)


@compiled(parallel=True)
def mean_of_blocks(points: Points, width: int) -> np.ndarray:
    """Find the mean light, of the brightest channel, in each square block and its eight neighbours."""
    row_start, x, light, _ = points
    height = row_start.size - 1
    rows, columns = (height - 1) // BLOCK_PX + 1, (width - 1) // BLOCK_PX + 1
    sums, count = np.zeros((rows, columns), np.float32), np.zeros((rows, columns), np.float32)
    for row in prange(rows):
        for y in range(row * BLOCK_PX, min((row + 1) * BLOCK_PX, height), 2):
            for i in range(row_start[y], row_start[y + 1]):
                # A lamp alone must not pass for bright surroundings.
                sums[row, x[i] // BLOCK_PX] += min(max(light[i, 0], light[i, 1], light[i, 2]), np.float32(WHITE))
                count[row, x[i] // BLOCK_PX] += 1
    mean = np.empty((rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            total = number = np.float32(0)
            for y in range(max(row - 1, 0), min(row + 2, rows)):
                for near in range(max(column - 1, 0), min(column + 2, columns)):
                    total += sums[y, near]
                    number += count[y, near]
            mean[row, column] = total / number
    return mean


@compiled(parallel=True)
def find_levels(points: Points, mean: np.ndarray, layers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Find each point's layer and level, and how many there are in each row.

    A point that shines so much more than its surroundings that its disc could be told from theirs stays
    at full resolution, for the rim must be crisp; neighbours are added up, in squares of four pixels.

    Returns:
        Layer and level of each point; points at full resolution by row and layer; others by row and level.
    """
    row_start, x, light, radius = points
    rows = row_start.size - 1
    middle = layers // 2
    layer, level = np.empty(x.size, np.int16), np.empty(x.size, np.uint8)
    fine = np.zeros((rows, layers), np.int64)
    coarse = np.zeros((rows, COARSEST + 1), np.int64)
    squares = mean.shape[1] * BLOCK_PX // 4 + 1
    for four in prange((rows + 3) // 4):
        excess, largest = np.zeros(squares, np.float32), np.zeros(squares, np.float32)
        top, bottom = four * 4, min(four * 4 + 4, rows)
        for y in range(top, bottom):
            for i in range(row_start[y], row_start[y + 1]):
                size = abs(radius[i])
                if size > HARD_FROM_PX:
                    peak = max(light[i, 0], light[i, 1], light[i, 2])
                    excess[x[i] >> 2] += max(peak - 2 * mean[y // BLOCK_PX, x[i] // BLOCK_PX], np.float32(0))
                    largest[x[i] >> 2] = max(largest[x[i] >> 2], size)
        for y in range(top, bottom):
            for i in range(row_start[y], row_start[y + 1]):
                step = step_of(radius[i])
                layer[i] = middle - step if radius[i] > 0 else middle + step
                own = level_of(step)
                if excess[x[i] >> 2] > 0 and abs(radius[i]) > HARD_FROM_PX:
                    around = mean[y // BLOCK_PX, x[i] // BLOCK_PX]
                    area = np.pi * largest[x[i] >> 2] ** 2
                    if (
                        excess[x[i] >> 2] > area * (STANDS_OUT * around + DARKEST)
                        and max(light[i, 0], light[i, 1], light[i, 2]) > 2 * around
                    ):
                        own = CRISP
                level[i] = own
                if own == 0 or own == CRISP:
                    fine[y, layer[i]] += 1
                else:
                    coarse[y, own] += 1
    return layer, level, fine, coarse


@compiled(parallel=True)
def sort_fine(
    points: Points, layer: np.ndarray, level: np.ndarray, start: np.ndarray, end: np.ndarray, used: np.ndarray
) -> Layered:
    """Sort the points of full resolution by row and layer, each bucket from its `start` to its `end`."""
    row_start, x, light, radius = points
    rows = row_start.size - 1
    layers = start.size // rows
    at, key = np.empty(end[-1], np.int32), np.empty(end[-1], np.int32)
    sorted_light = np.empty((end[-1], 4), np.float32)
    following = start.copy()
    for y in prange(rows):
        for i in range(row_start[y], row_start[y + 1]):
            if level[i] == 0 or level[i] == CRISP:
                bucket = y * layers + layer[i]
                to = following[bucket]
                following[bucket] += 1
                at[to] = x[i]
                for c in range(4):
                    sorted_light[to, c] = light[i, c]
                hard = abs(radius[i]) >= HARD_FROM_PX and level[i] != CRISP
                key[to] = key_of(radius[i], hard)
                if not used[key[to]]:
                    used[key[to]] = True
    return Layered(at, key, sorted_light, start, end)


@compiled(parallel=True)
def merge(
    points: Points,
    layer: np.ndarray,
    level: np.ndarray,
    count: np.ndarray,
    total: int,
    layers: int,
    width: int,
    used: np.ndarray,
) -> tuple[Layered, np.ndarray]:
    """Merge the points of each level, `total` in all, into cells: sorted by level, row of cells and layer.

    A merged point stands in the middle of its cell with the mean radius of those that it is made of.

    Returns:
        The merged points, and where the buckets of each level begin.
    """
    row_start, x, light, radius = points
    rows = row_start.size - 1
    first_bucket = np.zeros(COARSEST + 2, np.int64)
    for own in range(1, COARSEST + 1):
        first_bucket[own + 1] = first_bucket[own] + ((rows - 1) // 2**own + 1) * layers
    start = np.zeros(first_bucket[COARSEST + 1], np.int64)
    end = np.zeros(first_bucket[COARSEST + 1], np.int64)
    at, key = np.empty(total, np.int32), np.empty(total, np.int32)
    merged = np.empty((total, 4), np.float32)
    # Give every row of cells of every level its place, so that all can be worked on at once
    jobs = first_bucket[COARSEST + 1] // layers
    begin = np.zeros(jobs + 1, np.int64)
    for own in range(1, COARSEST + 1):
        for y in range(rows):
            begin[first_bucket[own] // layers + y // 2**own + 1] += count[y, own]
    for job in range(jobs):
        begin[job + 1] += begin[job]
    turns = in_turn(jobs)
    for turn in prange(jobs):
        job = turns[turn]
        if begin[job] < begin[job + 1]:
            own = 1
            while first_bucket[own + 1] <= job * layers:
                own += 1
            side = 2**own
            top = (job - first_bucket[own] // layers) * side
            first, last = row_start[top], row_start[min(top + side, rows)]
            low, high = layers, -1
            for i in range(first, last):
                if level[i] == own:
                    low, high = min(low, layer[i]), max(high, layer[i])
            sums = np.zeros((high - low + 1, (width - 1) // side + 1, 5), np.float32)
            for i in range(first, last):
                if level[i] == own:
                    for c in range(4):
                        sums[layer[i] - low, x[i] >> own, c] += light[i, c]
                    sums[layer[i] - low, x[i] >> own, 4] += light[i, 3] * radius[i]
            _write_cells(sums, side, job * layers + low, begin[job], start, end, at, key, merged, used)
    return Layered(at, key, merged, start, end), first_bucket


@compiled()
def _write_cells(
    sums: np.ndarray,
    side: int,
    bucket: int,
    to: int,
    start: np.ndarray,
    end: np.ndarray,
    at: np.ndarray,
    key: np.ndarray,
    merged: np.ndarray,
    used: np.ndarray,
) -> None:
    """Write one row of cells as points.

    Merging and interpolating blur by a box and by a tent of a cell's width: together a quarter of a
    squared cell of variance, as a disc of radius 1 has. The kernel's radius makes up for it.
    """
    share = np.float32(1 / side**2)
    for one in range(sums.shape[0]):
        start[bucket + one] = to
        for cell in range(sums.shape[1]):
            weight = sums[one, cell, 3]
            if weight > 0:
                at[to] = cell
                for c in range(4):
                    merged[to, c] = sums[one, cell, c] * share
                radius = sums[one, cell, 4] / (weight * side)
                size = np.sqrt(max(radius * radius - 1, 1.0))
                # Few cells make a disc, so that its rim must be smooth.
                key[to] = key_of(size if radius > 0 else -size, False)
                # Writing the same again would make threads wait for each other.
                if not used[key[to]]:
                    used[key[to]] = True
                to += 1
        end[bucket + one] = to
