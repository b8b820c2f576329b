"""Compiled inner loops along depth edges."""

import numpy as np
from numba import prange

from wideopen.compiled import compiled
from wideopen.renderer.behind import STEP_PX, continue_behind, look_around, visible_share

IN_FOCUS_PX = 0.5
"""Up to this radius a point's light stays in its own pixel."""


@compiled(parallel=True)
def start_sheets(linear: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Write the front sheet, all opaque, and find both ends of every depth edge.

    Returns:
        The front sheet; for each pixel the flat index of the neighbour that lies farthest beyond it, and of
        the one that stands farthest before it, -1 where the jump is no edge.
    """
    height, width = radius.shape
    front = np.empty((height, width, 4), np.float32)
    beyond = np.empty(height * width, np.int32)
    before = np.empty(height * width, np.int32)
    for y in prange(height):
        for x in range(width):
            for c in range(3):
                front[y, x, c] = linear[y, x, c]
            front[y, x, 3] = 1
            far = near = -1
            lowest, highest = radius[y, x] - np.float32(STEP_PX), radius[y, x] + np.float32(STEP_PX)
            for k in range(4):
                ny = min(max(y + (k == 0) - (k == 1), 0), height - 1)
                nx = min(max(x + (k == 2) - (k == 3), 0), width - 1)
                if radius[ny, nx] < lowest:
                    lowest, far = radius[ny, nx], ny * width + nx
                if radius[ny, nx] > highest:
                    highest, near = radius[ny, nx], ny * width + nx
            beyond[y * width + x], before[y * width + x] = far, near
    return front, beyond, before


@compiled()
def pass_on(radius: np.ndarray, other: np.ndarray, band_px: int, toward_far: bool) -> None:
    """Find, for pixels near a depth edge, the nearest pixel on its other side, from the ends of the edges.

    Breadth first from the edge, so that the work is that of the zone and not of the photo. On the near
    side the zone is as wide as the lens can look around the edge (the difference of the radii); on the
    far side it is the mixing band alone.
    """
    height, width = radius.shape
    flat = radius.ravel()
    queue = np.empty(2 * height * width + 16, np.int32)
    head = tail = 0
    sign = np.float32(1) if toward_far else np.float32(-1)
    for here in range(height * width):
        if other[here] >= 0:
            queue[tail] = here
            tail += 1

    # Pass the nearest one on to the neighbours
    size = queue.size
    while head < tail:
        here = queue[head % size]
        head += 1
        y, x = here // width, here % width
        seed = other[here]
        sy, sx = seed // width, seed % width
        for k in range(4):
            ny = y + (k == 0) - (k == 1)
            nx = x + (k == 2) - (k == 3)
            if ny < 0 or nx < 0 or ny >= height or nx >= width:
                continue
            there = ny * width + nx
            jump = sign * (flat[there] - flat[seed])
            if jump <= STEP_PX:
                continue
            distance2 = (ny - sy) ** 2 + (nx - sx) ** 2
            reach = jump + band_px if toward_far else np.float32(band_px)
            if distance2 > reach * reach:
                continue
            if other[there] >= 0:
                oy, ox = other[there] // width, other[there] % width
                if (ny - oy) ** 2 + (nx - ox) ** 2 <= distance2:
                    continue
            other[there] = seed
            if tail - head < size:
                queue[tail % size] = there
                tail += 1


@compiled()
def _step_from(here: int, there: int, length: float, width: int, height: int) -> int:
    """Go from `there` on by `length` pixels, in the direction that leads from `here` to it."""
    y, x = here // width, here % width
    ty, tx = there // width, there % width
    dy, dx = ty - y, tx - x
    norm = np.sqrt(dy * dy + dx * dx)
    ny = round(ty + dy / norm * length)
    nx = round(tx + dx / norm * length)
    ny = min(max(ny, 0), height - 1)
    nx = min(max(nx, 0), width - 1)
    return ny * width + nx


@compiled()
def _share(colour: np.ndarray, near: np.ndarray, far: np.ndarray, otherwise: float) -> float:
    """Find how much of a mixed colour is the near one.

    The projection onto the line between both, as far as the mixture explains the colour.
    """
    span = np.float32(1e-12)
    dot = np.float32(0)
    for c in range(3):
        span += (near[c] - far[c]) ** 2
        dot += (colour[c] - far[c]) * (near[c] - far[c])
    share = min(max(dot / span, np.float32(0)), np.float32(1))
    residual = np.float32(0)
    for c in range(3):
        residual += (colour[c] - far[c] - share * (near[c] - far[c])) ** 2
    trust = np.exp(-4 * residual / span) * span / (span + np.float32(1e-4))
    return trust * share + (1 - trust) * otherwise


@compiled(parallel=True)
def split_pixels(
    linear: np.ndarray,
    radius2d: np.ndarray,
    beyond: np.ndarray,
    before: np.ndarray,
    places: np.ndarray,
    front: np.ndarray,
    front_radius: np.ndarray,
    band_px: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Write the mixed pixels' foreground into `front`, and return what stands behind, with its opacity."""
    height, width = radius2d.shape
    radius = radius2d.ravel()
    colour = linear.reshape(-1, 3)
    flat_front = front.reshape(-1, 4)
    flat_front_radius = front_radius.ravel()
    count = places.size
    has_back = np.zeros(count, np.bool_)
    back = np.zeros((count, 4), np.float32)
    back_radius = np.zeros(count, np.float32)
    for i in prange(count):
        here = places[i]
        if beyond[here] >= 0:
            edge = beyond[here]
            far = _step_from(here, edge, float(band_px - 1), width, height)
            if abs(radius[far] - radius[edge]) > STEP_PX:
                far = edge
            near = _step_from(edge, here, float(band_px), width, height)
            near_here = True
        else:
            edge = before[here]
            far = _step_from(edge, here, float(band_px), width, height)
            near = _step_from(here, edge, float(band_px), width, height)
            near_here = False
        dy, dx = here // width - edge // width, here % width - edge % width
        mixed = dy * dy + dx * dx <= band_px * band_px
        if not near_here and (abs(radius[far] - radius[here]) > STEP_PX or radius[near] - radius[here] < STEP_PX):
            continue
        has_back[i] = True
        back_radius[i] = radius[far] if near_here else radius[here]
        if near_here:
            if mixed:
                continue_behind(colour, radius, here, edge, band_px, width, height, back[i])
            else:
                back_radius[i] = look_around(colour, radius, here, edge, band_px, width, height, back[i])
            back[i, 3] = visible_share(radius, here, back_radius[i], width, height)
        else:
            for c in range(3):
                back[i, c] = colour[far, c]
            back[i, 3] = 1
        # What is in focus stays as it is, and a pixel on the near side is not taken for the far one.
        if not mixed or (
            near_here and (abs(radius[here]) <= IN_FOCUS_PX or abs(radius[near] - radius[here]) > STEP_PX)
        ):
            continue

        # Split the mixed pixel
        share = _share(colour[here], colour[near], colour[far], 1.0 if near_here else 0.0)
        if near_here:
            share = max(share, np.float32(0.5))
            if share > 0.97:
                continue
        if not near_here and share < 0.03:
            has_back[i] = False
            continue
        flat_front[here, 3] = share
        for c in range(3):
            clean = (colour[here, c] - (1 - share) * colour[far, c]) / max(share, np.float32(0.03))
            limit = max(colour[near, c], colour[here, c])
            flat_front[here, c] = min(max(clean, np.float32(0)), limit)
        if not near_here:
            flat_front_radius[here] = radius[near]
    return has_back, back, back_radius
