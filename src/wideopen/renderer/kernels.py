"""Drawing the kernels that occur in a photo, and keeping them for the next one."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wideopen.renderer.iris import Iris
from wideopen.renderer.points import COARSE_FROM_PX, KERNELS_PER_OCTAVE, KERNELS_PER_PX
from wideopen.renderer.scatter import Kernels

KEYS = 4 * int(COARSE_FROM_PX * KERNELS_PER_PX + 12 * KERNELS_PER_OCTAVE)
"""More than the key of any radius: eight pixels times two to the twelfth."""


def radius_of_key(key: int) -> float:
    """Turn a kernel's key back into its signed radius; within half a percent, or a thirty-second of a pixel."""
    number, front = key >> 2, key & 1
    finest = int(COARSE_FROM_PX * KERNELS_PER_PX)
    if number <= finest:
        size = number / KERNELS_PER_PX
    else:
        size = COARSE_FROM_PX * 2 ** ((number - finest) / KERNELS_PER_OCTAVE)
    return size if front else -size


class Drawn(NamedTuple):
    """One kernel, as `Kernels` holds it."""

    reach: int
    value: float
    left: np.ndarray
    right: np.ndarray
    jumps_in_row: np.ndarray
    jump_x: np.ndarray
    jump: np.ndarray


@lru_cache(maxsize=4096)
def _draw(iris: Iris, key: int, channel: int | None) -> Drawn:
    """Draw a kernel, with a hard rim where its key says so and the iris lets it, as spans or as jumps."""
    radius = radius_of_key(key)
    if channel is None:
        kernel = iris.kernel_at(radius, x=0, y=0, aspect=1)
    else:
        kernel = iris.kernel_rgb_at(radius, x=0, y=0, aspect=1)[..., channel]
    hard = bool(key & 2) and iris.flat and not iris.cat_eye and channel is None
    if hard:
        kernel = (kernel >= kernel.max() / 2).astype(np.float64)
        kernel /= kernel.sum()
    half = kernel.shape[0] // 2
    jumps = np.diff(kernel, axis=1, prepend=0, append=0)
    jumps[np.abs(jumps) < 1e-9 * kernel.max()] = 0
    rows, columns = np.nonzero(np.zeros_like(jumps) if hard else jumps)
    return Drawn(
        reach=half,
        value=float(kernel.max()) if hard else 0.0,
        left=(jumps > 0).argmax(axis=1) - half,
        right=(jumps < 0).argmax(axis=1) - half,
        jumps_in_row=np.bincount(rows, minlength=kernel.shape[0]),
        jump_x=columns - half,
        jump=jumps[rows, columns],
    )


def draw_kernels(iris: Iris, used: np.ndarray, *, channel: int | None) -> tuple[Kernels, np.ndarray]:
    """Draw the kernels whose keys are used, and the table that leads from a key to its kernel.

    Args:
        iris: Shape of the discs.
        used: bool, by key.
        channel: Of three, where the iris is coloured.
    """
    keys = [int(key) for key in np.flatnonzero(used)]
    table = np.zeros(len(used), np.int32)
    table[keys] = np.arange(len(keys))
    drawn = [_draw(iris, key, channel) for key in keys]
    radius_px = np.abs([radius_of_key(key) for key in keys])
    reach = np.array([one.reach for one in drawn])
    kernels = Kernels(
        radius_px=radius_px,
        barrel_px=radius_px * iris.barrel_scale,
        reach=reach,
        first_row=np.concatenate([[0], np.cumsum(2 * reach + 1)[:-1]]),
        value=np.array([one.value for one in drawn]),
        left=np.concatenate([one.left for one in drawn]),
        right=np.concatenate([one.right for one in drawn]),
        row_start=np.concatenate([[0], np.cumsum(np.concatenate([one.jumps_in_row for one in drawn]))]),
        jump_x=np.concatenate([one.jump_x for one in drawn]),
        jump=np.concatenate([one.jump for one in drawn]),
    )
    return kernels, table
