"""Compiled guesses of what stands behind a near thing, and of how much of the lens sees it."""

import numpy as np

from wideopen.compiled import compiled

STEP_PX = 1.5
"""A jump of the blur radius between neighbours that counts as a depth edge."""
SMOOTHNESS = 0.7
"""Radius of what is averaged beyond an edge, as a share of the distance to it."""
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
LENS = np.array(
    [
        (np.sqrt((k + 0.5) / 32) * np.sin(k * GOLDEN_ANGLE), np.sqrt((k + 0.5) / 32) * np.cos(k * GOLDEN_ANGLE))
        for k in range(32)
    ],
    np.float32,
)
"""Places all over the unit disc, each for as much of it: Vogel's spiral (Mathematical Biosciences 44, 1979)."""
WAYS = np.array([(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)])
FARTHEST = 3
"""Ends of a thing so many times as far as the nearest have no say."""
PLACES_BEYOND = 4
"""So many are looked at where a way leaves the thing."""


@compiled()
def continue_behind(
    colour: np.ndarray, radius: np.ndarray, here: int, edge: int, band_px: int, width: int, height: int, out: np.ndarray
) -> None:
    """Guess what `here` hides: the mean of what is visible beyond the edge, of more the farther it is.

    A mean errs least where nothing is known; a copy of the texture would stand there as a second thing.
    """
    y, x = here // width, here % width
    edge_y, edge_x = edge // width, edge % width
    distance = np.sqrt((y - edge_y) ** 2.0 + (x - edge_x) ** 2)
    wide = max(1.5, SMOOTHNESS * distance)
    off = (band_px - 1 + wide / 2) / distance
    middle_y, middle_x = edge_y + (edge_y - y) * off, edge_x + (edge_x - x) * off
    wanted = radius[edge]
    slack = max(np.float32(STEP_PX), np.float32(0.3) * abs(wanted))
    total = np.float32(0)
    out[:] = 0
    for row in range(-2, 3):
        for column in range(-2, 3):
            weight = np.float32(9 - row * row - column * column)
            sample_y, sample_x = round(middle_y + row * wide / 2.5), round(middle_x + column * wide / 2.5)
            if 0 <= sample_y < height and 0 <= sample_x < width:
                sample = sample_y * width + sample_x
                if abs(radius[sample] - wanted) <= slack:
                    total += weight
                    for c in range(3):
                        out[c] += weight * colour[sample, c]
    for c in range(3):
        out[c] = out[c] / total if total > 0 else colour[edge, c]


@compiled()
def look_around(
    colour: np.ndarray, radius: np.ndarray, here: int, edge: int, band_px: int, width: int, height: int, out: np.ndarray
) -> float:
    """Guess what `here` hides from what is visible all around the thing before it; return its radius.

    Each of eight ways has a say by how near the thing ends there, as in mean value coordinates (Floater,
    Computer Aided Geometric Design 20, 2003): on the colour by the mean, on the radius by the median.
    """
    y, x = here // width, here % width
    nearest = np.sqrt((y - edge // width) ** 2.0 + (x - edge % width) ** 2)
    behind = np.float32(0.5) * (radius[here] + radius[edge])
    farthest = min(FARTHEST * nearest, radius[here] - radius[edge]) + 2 * band_px
    radius_found = np.full(len(WAYS), np.float32(np.inf))
    weight_found = np.zeros(len(WAYS), np.float32)
    total = np.float32(0)
    out[:] = 0
    for k in range(len(WAYS)):
        down, right = WAYS[k]
        length = np.float32(1) if down * right == 0 else np.float32(np.sqrt(2))
        room = min(
            (height - 1 - y if down > 0 else y) if down != 0 else width,
            (width - 1 - x if right > 0 else x) if right != 0 else height,
        )
        last = min(int(farthest / length), room)
        along = down * width + right
        steps = max(1, int((nearest - 1) / length))
        while steps <= last and radius[here + steps * along] >= behind:
            steps += 1
        if steps > last:
            continue
        weight_found[k] = 1 / (steps * length)
        radius_found[k] = min(radius[here + min(steps + band_px, room) * along], behind)
        for j in range(PLACES_BEYOND):
            beyond = steps + band_px - 1 + int(np.float32(SMOOTHNESS / PLACES_BEYOND) * j * steps)
            if beyond <= room and radius[here + beyond * along] < behind:
                total += weight_found[k]
                for c in range(3):
                    out[c] += weight_found[k] * colour[here + beyond * along, c]
    if total == 0:
        out[:3] = colour[edge]
        return radius[edge]
    out /= total
    return _median(radius_found, weight_found)


@compiled()
def _median(values: np.ndarray, weights: np.ndarray) -> float:
    """Find the smallest value up to which half of the weight lies."""
    half = np.float32(0.5) * weights.sum()
    median = np.float32(np.inf)
    for k in range(len(values)):
        if weights[k] > 0 and values[k] < median:
            below = np.float32(0)
            for j in range(len(values)):
                if values[j] <= values[k]:
                    below += weights[j]
            if below >= half:
                median = values[k]
    return float(median)


@compiled()
def visible_share(radius: np.ndarray, here: int, back_radius: float, width: int, height: int) -> float:
    """Find the part of the lens that sees a point behind the pixel `here`.

    From the point, what stands before it covers the lens as it lies around the pixel, the lens being as
    large as the difference of the blur radii.
    """
    y, x = here // width, here % width
    jump = radius[here] - back_radius
    seen = 0
    for k in range(len(LENS)):
        row = min(max(round(y + jump * LENS[k, 0]), 0), height - 1)
        column = min(max(round(x + jump * LENS[k, 1]), 0), width - 1)
        seen += radius[row * width + column] - back_radius <= max(np.float32(STEP_PX), np.float32(0.5) * jump)
    return seen / len(LENS)
