"""The reference: every point spreads its light, one after the other, the nearest first."""

import numpy as np

from wideopen.renderer.iris import Iris
from wideopen.renderer.sheets import Sheets
from wideopen.shapes import Float


def spread_exactly(sheets: Sheets, iris: Iris) -> Float[np.ndarray, "h w 3"]:
    """Spread every point's light as the iris, nearest points first, until each pixel is full.

    A pixel sees the scene through the whole lens. A point whose disc covers the pixel is seen through
    a part of the lens as large as its kernel there; points of one surface share the lens out between
    them, so their parts add up to 1 without overlap. Taken from near to far, each point gets what is
    left of the lens; what stays empty in the end (past the frame's border) takes the colour of the rest.
    Slow and plain on purpose: `spread_in_layers` is held against it.

    Args:
        sheets: Points of light.
        iris: Shape of every disc.

    Returns:
        float32, linear light.

    Source:
        The order by depth follows Lee, Kim and Choi, Real-Time Depth-of-Field Rendering Using Point
        Splatting on Per-Pixel Layers, 2008; filling up instead of multiplying transparencies is this
        project's variant, exact for a surface parallel to the sensor.
    """
    if iris.coloured:
        return np.stack([_spread(sheets, iris, channel)[..., channel] for channel in range(3)], axis=2)
    return _spread(sheets, iris, None)


def _spread(sheets: Sheets, iris: Iris, channel: int | None) -> Float[np.ndarray, "h w 3"]:
    """Spread as one colour does, which has discs of its own where the iris is coloured."""
    draw = iris.kernel_at if channel is None else iris.kernel_rgb_at
    height, width = sheets.front_radius_px.shape
    light = np.concatenate([sheets.front.reshape(-1, 4), sheets.back]).astype(np.float64)
    colour, opacity = light[:, :3], light[:, 3]
    radius = np.concatenate([sheets.front_radius_px.ravel(), sheets.back_radius_px])
    place = np.concatenate([np.arange(height * width), sheets.back_at])

    light = np.zeros((height, width, 3))
    free = np.ones((height, width))
    for point in np.argsort(-radius, kind="stable"):
        y, x = divmod(int(place[point]), width)
        kernel = draw(
            float(radius[point]),
            x=(x + 0.5) / width * 2 - 1,
            y=(y + 0.5) / height * 2 - 1,
            aspect=width / height,
        )
        kernel = kernel if channel is None else kernel[..., channel]
        reach = kernel.shape[0] // 2
        top, left = max(y - reach, 0), max(x - reach, 0)
        bottom, right = min(y + reach + 1, height), min(x + reach + 1, width)
        inside = kernel[top - y + reach : bottom - y + reach, left - x + reach : right - x + reach]
        window = (slice(top, bottom), slice(left, right))
        taken = np.minimum(inside * opacity[point], free[window])
        light[window] += taken[..., None] * colour[point]
        free[window] -= taken
    return (light / np.maximum(1 - free, 1e-6)[..., None]).astype(np.float32)
