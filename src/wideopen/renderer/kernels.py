"""Drawing the kernels that occur in a photo, and keeping them for the next one."""

from functools import lru_cache

import numpy as np

from wideopen.renderer.iris import Iris
from wideopen.renderer.points import COARSE_FROM_PX, KERNELS_PER_OCTAVE, KERNELS_PER_PX
from wideopen.renderer.scatter import Kernels
from wideopen.shapes import Float

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


@lru_cache(maxsize=4096)
def _draw(iris: Iris, key: int, channel: int | None) -> tuple[Float[np.ndarray, "k k"], bool]:
    """Draw a kernel, with a hard rim where its key says so and the iris lets it; and whether it is fine."""
    radius = radius_of_key(key)
    if channel is None:
        kernel = iris.kernel_at(radius, x=0, y=0, aspect=1)
    else:
        kernel = iris.kernel_rgb_at(radius, x=0, y=0, aspect=1)[..., channel]
    hard = bool(key & 2) and iris.flat and not iris.cat_eye and channel is None
    if hard:
        kernel = (kernel >= kernel.max() / 2).astype(np.float64)
        kernel /= kernel.sum()
    return kernel, not hard


def draw_kernels(iris: Iris, used: np.ndarray, *, channel: int | None) -> tuple[Kernels, np.ndarray]:
    """Draw the kernels whose keys are used, and the table that leads from a key to its kernel.

    Args:
        iris: Shape of the discs.
        used: bool, by key.
        channel: Of three, where the iris is coloured.
    """
    keys = np.flatnonzero(used)
    table = np.zeros(len(used), np.int32)
    table[keys] = np.arange(len(keys))
    radius_px = np.array([abs(radius_of_key(int(key))) for key in keys])
    return _stack([_draw(iris, int(key), channel) for key in keys], radius_px, iris.barrel_scale), table


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
