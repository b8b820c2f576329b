"""The eight orientations of EXIF: turning arrays and points upright."""

import numpy as np

from wideopen.shapes import Shaped


def turn_array(array: Shaped[np.ndarray, "..."], *, orientation: int) -> Shaped[np.ndarray, "..."]:
    """Turn what is stored upright; the result is a view.

    Args:
        array: Any array whose first two axes are rows and columns as stored.
        orientation: Value of EXIF tag 0x0112, from 1 to 8; any other value is taken as 1.

    Source:
        CIPA DC-008 (Exif 2.32), 4.6.4 A, "Orientation".
    """
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array


def turn_point(x: float, y: float, *, orientation: int) -> tuple[float, float]:
    """Turn a point upright.

    Args:
        x: Share of the stored width.
        y: Share of the stored height.
        orientation: As for `turn_array`.

    Returns:
        Share of the upright width and of the upright height.

    Example:
        >>> turn_point(0.0, 0.25, orientation=6)  # a portrait photo, stored lying on its left side
        (0.75, 0.0)
    """
    if orientation in (5, 6, 7, 8):
        x, y = y, x
    if orientation in (3, 4, 7, 8):
        y = 1 - y
    if orientation in (2, 3, 6, 7):
        x = 1 - x
    return x, y
