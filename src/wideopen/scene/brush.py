"""Compiled inner loops: what a stroke of the brush covers, and where a photo's edges stop it.

Pictures hold three opponent colours (`OPPONENT`), places are in pixels from the middle of the first one. All pictures
and maps are float32 and contiguous.
"""

import numpy as np
from numba import prange

from wideopen.compiled import compiled

OPPONENT = np.float32([[0.299, 0.587, 0.114], [0.701, -0.587, -0.114], [-0.239, -0.47, 0.709]])
"""Of encoded red, green and blue: brightness, and how much redder and bluer than that."""
SIGMA_SMOOTHED = 0.06
"""Difference of opponent colours that smoothing takes for noise."""
MOST_COLOURS = 16
FAR_PX = np.float32(1e6)
_SIDE, _DIAGONAL = np.float32(1), np.float32(2**0.5)


@compiled(parallel=True)
def smoothed(picture: np.ndarray, reach: int) -> np.ndarray:
    """Smooth a picture but for its edges: a bilateral filter (Tomasi and Manduchi, ICCV 1998) with a bell of 1/x^2."""
    height, width = picture.shape[:2]
    out = np.empty_like(picture)
    per_colour, per_distance = np.float32(1 / SIGMA_SMOOTHED**2), np.float32(1 / max(reach, 1) ** 2)
    for y in prange(height):
        for x in range(width):
            total = first = second = third = np.float32(0)
            for ny in range(max(0, y - reach), min(height, y + reach + 1)):
                for nx in range(max(0, x - reach), min(width, x + reach + 1)):
                    a = picture[ny, nx, 0] - picture[y, x, 0]
                    b = picture[ny, nx, 1] - picture[y, x, 1]
                    c = picture[ny, nx, 2] - picture[y, x, 2]
                    distance = np.float32((ny - y) ** 2 + (nx - x) ** 2) * per_distance
                    bell = np.float32(1) / (np.float32(1) + distance + (a * a + b * b + c * c) * per_colour)
                    weight = bell * bell
                    total += weight
                    first += weight * a
                    second += weight * b
                    third += weight * c
            out[y, x, 0] = picture[y, x, 0] + first / total
            out[y, x, 1] = picture[y, x, 1] + second / total
            out[y, x, 2] = picture[y, x, 2] + third / total
    return out


@compiled()
def thinned(path: np.ndarray, tolerance: float) -> np.ndarray:
    """Leave out points of a path that lie within a tolerance of the line without them.

    Source:
        Douglas and Peucker, Algorithms for the reduction of the number of points, Cartographica 1973.
    """
    count = path.shape[0]
    kept = np.zeros(count, np.bool_)
    kept[0] = kept[count - 1] = True
    stack = [(0, count - 1)]
    while len(stack) > 0:
        first, last = stack.pop()
        dx, dy = path[last, 0] - path[first, 0], path[last, 1] - path[first, 1]
        squared = max(dx * dx + dy * dy, 1e-12)
        worst, farthest = tolerance * tolerance, -1
        for k in range(first + 1, last):
            x, y = path[k, 0] - path[first, 0], path[k, 1] - path[first, 1]
            along = min(max((x * dx + y * dy) / squared, 0.0), 1.0)
            off = (x - along * dx) ** 2 + (y - along * dy) ** 2
            if off > worst:
                worst, farthest = off, k
        if farthest >= 0:
            kept[farthest] = True
            stack.append((first, farthest))
            stack.append((farthest, last))
    return path[kept]


@compiled(parallel=True)
def distances(path: np.ndarray, height: int, width: int, limit: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find every pixel's distance from a path, up to a limit, how far along it the nearest place is, and on which side.

    Args:
        path: x and y of at least two points.
        height: Of the map, in pixels.
        width: See `height`.
        limit: In pixels; what lies farther is `FAR_PX` away.

    Returns:
        Distance and way along the path in pixels, and the side: 1 and -1 beside it, 2 beyond its end, -2 before its
        beginning.
    """
    segments = path.shape[0] - 1
    starts = np.zeros(segments + 1, np.float32)
    for k in range(segments):
        length = np.hypot(path[k + 1, 0] - path[k, 0], path[k + 1, 1] - path[k, 1])
        starts[k + 1] = starts[k] + np.float32(length)
    out, along = np.empty((height, width), np.float32), np.zeros((height, width), np.float32)
    side = np.zeros((height, width), np.int8)
    for y in prange(height):
        out[y] = FAR_PX * FAR_PX
        for k in range(segments):
            _measure(out, along, side, path, starts, y, k, limit)
        out[y] = np.sqrt(out[y])
    return out, along, side


@compiled()
def _measure(
    out: np.ndarray,
    along: np.ndarray,
    side: np.ndarray,
    path: np.ndarray,
    starts: np.ndarray,
    y: int,
    k: int,
    limit: float,
) -> None:
    """Measure one row against one segment, squared."""
    ax, ay = np.float32(path[k, 0]), np.float32(path[k, 1])
    dx, dy = np.float32(path[k + 1, 0]) - ax, np.float32(path[k + 1, 1]) - ay
    if min(ay, ay + dy) > y + limit or max(ay, ay + dy) < y - limit:
        return
    first, last = 0.0, 1.0
    if abs(dy) > 1e-6:
        one, other = (y - limit - ay) / dy, (y + limit - ay) / dy
        first, last = max(0.0, min(one, other)), min(1.0, max(one, other))
    left, right = min(ax + first * dx, ax + last * dx), max(ax + first * dx, ax + last * dx)
    per = np.float32(1) / max(dx * dx + dy * dy, np.float32(1e-12))
    down = np.float32(y) - ay
    length = starts[k + 1] - starts[k]
    is_first, is_last = k == 0, k == path.shape[0] - 2
    for x in range(max(0, int(np.floor(left - limit))), min(out.shape[1], int(np.ceil(right + limit)) + 1)):
        across = np.float32(x) - ax
        free = (across * dx + down * dy) * per
        share = min(max(free, np.float32(0)), np.float32(1))
        off_x, off_y = across - share * dx, down - share * dy
        squared = off_x * off_x + off_y * off_y
        if squared < out[y, x] and squared <= np.float32(limit * limit):
            out[y, x] = squared
            along[y, x] = starts[k] + share * length
            if is_last and free > 1:
                side[y, x] = 2
            elif is_first and free < 0:
                side[y, x] = -2
            else:
                side[y, x] = 1 if dx * off_y - dy * off_x >= 0 else -1


@compiled()
def palettes(
    picture: np.ndarray, places: np.ndarray, aside: float, window: int, alike: float, rare: float
) -> np.ndarray:
    """Find the colours under the middle of the brush, for each of many places along its path.

    Args:
        picture: Smoothed.
        places: x and y along the path, evenly spaced.
        aside: How far beside the path colours are looked at too, in pixels; they count a quarter each.
        window: So many places before and after belong together.
        alike: Difference up to which colours are taken for one.
        rare: Share of the middle of the brush below which a colour in it is a slip of the hand.

    Returns:
        Of each place its colours, the unused ones far from any.
    """
    height, width = picture.shape[:2]
    count = places.shape[0]
    found = np.empty((count, 5, 3), np.float32)
    for k in range(count):
        for side in range(5):
            x = places[k, 0] + aside * ((side == 1) - (side == 2))
            y = places[k, 1] + aside * ((side == 3) - (side == 4))
            column, row = min(max(int(x + 0.5), 0), width - 1), min(max(int(y + 0.5), 0), height - 1)
            found[k, side] = picture[row, column]
    colours = np.full((count, MOST_COLOURS, 3), np.float32(1e3))
    for k in range(count):
        first, last = max(0, k - window), min(count, k + window + 1)
        _gather(found[first:last], colours[k], np.float32(alike), np.float32(rare))
    return colours


@compiled()
def _gather(found: np.ndarray, colours: np.ndarray, alike: float, rare: float) -> None:
    """Write colours that are not rare, each for what is like it; those in the middle of the brush come first."""
    weights = np.zeros(MOST_COLOURS, np.float32)
    used, total = 0, np.float32(0)
    for side in range(5):
        weight = np.float32(4 if side == 0 else 1)
        for k in range(found.shape[0]):
            nearest, least = -1, alike
            for each in range(used):
                off = found[k, side] - colours[each]
                apart = np.sqrt(off[0] * off[0] + off[1] * off[1] + off[2] * off[2])
                if apart < least:
                    nearest, least = each, apart
            if nearest < 0 and used < MOST_COLOURS:
                nearest = used
                colours[used] = found[k, side]
                used += 1
            if nearest >= 0:
                weights[nearest] += weight
            total += weight
    heaviest = weights.max()
    for each in range(used):
        if weights[each] < rare * total and weights[each] < heaviest:
            colours[each] = np.float32(1e3)


@compiled(parallel=True)
def rays(
    path: np.ndarray, along: np.ndarray, side: np.ndarray, places: int, spacing: float, fan: int, reach: float
) -> np.ndarray:
    """Number the rays that go out from a path all around, and find the one that every pixel lies on.

    There is one for each place along one side, a fan around the end, the places back along the other side, and a fan
    around the beginning.

    Args:
        path: x and y of at least two points.
        along: Of `distances`.
        side: Of `distances`.
        places: How many there are, evenly spaced.
        spacing: From one place to the next, in pixels.
        fan: Rays around each end.
        reach: How much of the path says where its ends point to, in pixels.
    """
    height, width = along.shape
    out = np.empty((height, width), np.int64)
    last = path.shape[0] - 1
    start_x, start_y = _direction(path, reach, 1)
    end_x, end_y = _direction(path, reach, -1)
    for y in prange(height):
        for x in range(width):
            place = min(int(along[y, x] / spacing + 0.5), places - 1)
            if side[y, x] == 2:
                off_x, off_y = x - path[last, 0], y - path[last, 1]
                turn = np.arctan2(end_x * off_x + end_y * off_y, end_x * off_y - end_y * off_x) / np.pi
                out[y, x] = places + min(max(int(turn * fan), 0), fan - 1)
            elif side[y, x] == -2:
                off_x, off_y = x - path[0, 0], y - path[0, 1]
                turn = np.arctan2(-start_x * off_x - start_y * off_y, start_y * off_x - start_x * off_y) / np.pi
                out[y, x] = 2 * places + fan + min(max(int(turn * fan), 0), fan - 1)
            else:
                out[y, x] = place if side[y, x] > 0 else 2 * places + fan - 1 - place
    return out


@compiled()
def _direction(path: np.ndarray, reach: float, step: int) -> tuple[float, float]:
    """Where a path points to at its beginning (`step` is 1) or its end (-1), as a unit vector along it."""
    first = 0 if step > 0 else path.shape[0] - 1
    k = first
    x = y = 0.0
    for _ in range(path.shape[0] - 1):
        k += step
        x, y = step * (path[k, 0] - path[first, 0]), step * (path[k, 1] - path[first, 1])
        if x * x + y * y > reach * reach:
            break
    length = np.hypot(x, y)
    return (x / length, y / length) if length > 1e-9 else (1.0, 0.0)


@compiled()
def survey(
    picture: np.ndarray,
    away: np.ndarray,
    ray: np.ndarray,
    place: np.ndarray,
    colours: np.ndarray,
    unlike: float,
    step: float,
    steps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Look along every ray, step by step outwards.

    Args:
        picture: Smoothed.
        away: Of `distances`.
        ray: Of `rays`.
        place: Of each ray, whose colours it is compared with.
        colours: Of `palettes`.
        unlike: Difference of colours from which two things have nothing in common.
        step: In pixels.
        steps: In number.

    Returns:
        How unlike the middle of the brush it looks at each step, from 0 to 1, and below 0 where no pixel lies; and how
        much the colour changes outwards there, per pixel.
    """
    height, width = away.shape
    strange = np.zeros((place.size, steps), np.float32)
    change, count = np.zeros_like(strange), np.zeros_like(strange)
    for y in range(height):
        for x in range(width):
            k = int(away[y, x] / step)
            if k >= steps:
                continue
            u = ray[y, x]
            least = np.float32(1e6)
            for each in range(colours.shape[1]):
                if colours[place[u], each, 0] > 100:
                    break
                a = picture[y, x, 0] - colours[place[u], each, 0]
                b = picture[y, x, 1] - colours[place[u], each, 1]
                c = picture[y, x, 2] - colours[place[u], each, 2]
                least = min(least, a * a + b * b + c * c)
            strange[u, k] += min(np.sqrt(least) / np.float32(unlike), np.float32(1))
            change[u, k] += _change(picture, away, y, x)
            count[u, k] += 1
    for u in range(place.size):
        for k in range(steps):
            if count[u, k] > 0:
                strange[u, k] /= count[u, k]
                change[u, k] /= count[u, k]
            else:
                strange[u, k] = -1
    return strange, change


@compiled(inline=True)
def _change(picture: np.ndarray, away: np.ndarray, y: int, x: int) -> float:
    """Change of colour from pixel to pixel along the ray: where the distance from the path grows."""
    up, down = max(y - 1, 0), min(y + 1, away.shape[0] - 1)
    left, right = max(x - 1, 0), min(x + 1, away.shape[1] - 1)
    across, along = away[y, right] - away[y, left], away[down, x] - away[up, x]
    length = max(np.sqrt(across * across + along * along), np.float32(1e-3))
    across, along = across / length, along / length
    total = np.float32(0)
    for c in range(3):
        each = across * (picture[y, right, c] - picture[y, left, c]) + along * (picture[down, x, c] - picture[up, x, c])
        total += each * each
    return np.sqrt(total) / 2


@compiled()
def best_cut(price: np.ndarray, bend: float, jump: float) -> np.ndarray:
    """Choose one step on every ray of a ring, so that all together cost least.

    Args:
        price: Of each step on each ray.
        bend: Price of one step between neighbouring rays.
        jump: The most that neighbouring rays cost.

    Source:
        Dynamic programming along the ring, twice around, with the lower envelope of Felzenszwalb and Huttenlocher,
        Efficient Belief Propagation for Early Vision, IJCV 2006.
    """
    count, steps = price.shape
    total = price[0].copy()
    origin = np.empty((2 * count, steps), np.int64)
    reached = np.empty(steps, np.float32)
    for turn in range(1, 2 * count):
        cheapest = np.argmin(total)
        for k in range(steps):
            reached[k], origin[turn, k] = total[k], k
        for k in range(1, steps):
            if reached[k - 1] + bend < reached[k]:
                reached[k], origin[turn, k] = reached[k - 1] + bend, origin[turn, k - 1]
        for k in range(steps - 2, -1, -1):
            if reached[k + 1] + bend < reached[k]:
                reached[k], origin[turn, k] = reached[k + 1] + bend, origin[turn, k + 1]
        least = total[cheapest]
        for k in range(steps):
            if least + jump < reached[k]:
                reached[k], origin[turn, k] = least + jump, cheapest
            total[k] = reached[k] - least + price[turn % count, k]
    chosen = np.empty(count, np.int64)
    k = np.argmin(total)
    for turn in range(2 * count - 1, 0, -1):
        if count // 2 <= turn < count // 2 + count:
            chosen[turn % count] = k
        k = origin[turn, k]
    return chosen
