"""Compiled inner loops: what a stroke of the brush covers, and where a photo's edges stop it.

Pictures hold three opponent colours (`OPPONENT`), places are in pixels from the middle of the first one. All pictures
and maps are float32 and contiguous.
"""

import numpy as np
from numba import prange

from wideopen.compiled import compiled

OPPONENT = np.array([[0.299, 0.587, 0.114], [0.701, -0.587, -0.114], [-0.239, -0.47, 0.709]], np.float32)
"""Of encoded red, green and blue: brightness, and how much redder and bluer than that."""
NOISE = 0.03
"""Difference of opponent colours of which nothing follows."""
BEYOND = 3
"""Steps from the cut to the first colour that is beyond it, and from one such colour to the next."""
FAR_PX = np.float32(1e6)
_SIDE, _DIAGONAL = np.float32(1), np.float32(2**0.5)


@compiled(parallel=True)
def smoothed(picture: np.ndarray, reach: int, sigma_colour: float) -> np.ndarray:
    """Smooth a picture but for its edges: a bilateral filter (Tomasi and Manduchi, ICCV 1998) with a bell of 1/x^2."""
    height, width = picture.shape[:2]
    out = np.empty_like(picture)
    per_colour, per_distance = np.float32(1 / sigma_colour**2), np.float32(1 / max(reach, 1) ** 2)
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
    one, other = np.float32(0), np.float32(1)
    if abs(dy) > 1e-6:
        one, other = max(one, min((y - limit - ay) / dy, other)), max(one, min((y + limit - ay) / dy, other))
    left, right = ax + min(one * dx, other * dx), ax + max(one * dx, other * dx)
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


@compiled(parallel=True)
def looks(
    picture: np.ndarray, away: np.ndarray, ray: np.ndarray, place: np.ndarray, colours: np.ndarray, window: int
) -> tuple[np.ndarray, np.ndarray]:
    """Compare every pixel with the middle of the brush nearby, and with its neighbours.

    Args:
        picture: Smoothed.
        away: Of `distances`.
        ray: Of `rays`.
        place: Of each ray along the path.
        colours: Under the middle of the brush, at each place.
        window: So many places before and after count too.

    Returns:
        Difference from the most similar of those colours; and the change of colour per pixel, away from the path.
    """
    height, width = away.shape
    unlike, change = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for y in prange(height):
        for x in range(width):
            if away[y, x] >= FAR_PX:
                continue
            middle = place[ray[y, x]]
            least = np.float32(1e6)
            for k in range(max(0, middle - window), min(colours.shape[0], middle + window + 1)):
                a = picture[y, x, 0] - colours[k, 0]
                b = picture[y, x, 1] - colours[k, 1]
                c = picture[y, x, 2] - colours[k, 2]
                least = min(least, a * a + b * b + c * c)
            unlike[y, x] = np.sqrt(least)
            change[y, x] = _change(picture, away, y, x)
    return unlike, change


@compiled()
def along_rays(values: np.ndarray, away: np.ndarray, ray: np.ndarray, rays: int, step: float, steps: int) -> np.ndarray:
    """Average maps along every ray, step by step outwards; not a number where no pixel lies.

    Args:
        values: One or more maps, behind each other.
        away: Of `distances`.
        ray: Of `rays`.
        rays: In number.
        step: In pixels.
        steps: In number.
    """
    out = np.zeros((rays, steps, values.shape[2]), np.float32)
    count = np.zeros((rays, steps), np.float32)
    for y in range(away.shape[0]):
        for x in range(away.shape[1]):
            if away[y, x] < step * steps:
                u, k = ray[y, x], int(away[y, x] / step)
                count[u, k] += 1
                for c in range(values.shape[2]):
                    out[u, k, c] += values[y, x, c]
    for u in range(rays):
        for k in range(steps):
            out[u, k] /= count[u, k]
    return out


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
def best_cut(price: np.ndarray, bend: float) -> np.ndarray:
    """Choose one step on every ray of a ring, so that all together cost least.

    The step on the first ray is the one that is best after a whole turn; the others are the best beside it.

    Args:
        price: Of each step on each ray.
        bend: Price of one step between neighbouring rays.

    Source:
        Dynamic programming, with the lower envelope of Felzenszwalb and Huttenlocher, Efficient Belief Propagation for
        Early Vision, IJCV 2006.
    """
    count, steps = price.shape
    origin = np.empty((2 * count, steps), np.int64)
    k = int(np.argmin(_carried(price, price[0].copy(), origin, bend)))
    for turn in range(2 * count - 1, count, -1):
        k = int(origin[turn, k])
    begin = np.full(steps, np.float32(np.inf))
    begin[k] = 0
    end = _carried(price, begin, origin[:count], bend)
    chosen = np.empty(count, np.int64)
    chosen[0] = k
    k = int(np.argmin(end + bend * np.abs(np.arange(steps) - k)))
    for turn in range(count - 1, 0, -1):
        chosen[turn] = k
        k = int(origin[turn, k])
    return chosen


@compiled()
def _carried(price: np.ndarray, total: np.ndarray, origin: np.ndarray, bend: float) -> np.ndarray:
    """Carry the least total price of each step from ray to ray; note in `origin` where each came from."""
    count, steps = price.shape
    for turn in range(1, origin.shape[0]):
        for k in range(steps):
            origin[turn, k] = k
        for k in range(1, steps):
            if total[k - 1] + bend < total[k]:
                total[k], origin[turn, k] = total[k - 1] + bend, origin[turn, k - 1]
        for k in range(steps - 2, -1, -1):
            if total[k + 1] + bend < total[k]:
                total[k], origin[turn, k] = total[k + 1] + bend, origin[turn, k + 1]
        least = total.min()
        for k in range(steps):
            total[k] += price[turn % count, k] - least
    return total


@compiled(parallel=True)
def claimed(
    picture: np.ndarray,
    away: np.ndarray,
    ray: np.ndarray,
    unlike: np.ndarray,
    cut: np.ndarray,
    colours: np.ndarray,
    step: float,
    band: int,
    window: int,
    sure: float,
) -> np.ndarray:
    """Find what lies before the cut; near it, a pixel that clearly looks like one side belongs to that side.

    Args:
        picture: Smoothed.
        away: Of `distances`.
        ray: Of `rays`.
        unlike: Of `looks`.
        cut: Of `best_cut`.
        colours: Of `along_rays`.
        step: In pixels.
        band: How near to the cut colours decide, in steps.
        window: So many rays before and after are asked what lies beyond the cut.
        sure: How much nearer to one side a colour must be than to the other, as a share of both distances.
    """
    rays, steps = colours.shape[:2]
    out = np.zeros(away.shape, np.uint8)
    for y in prange(away.shape[0]):
        for x in range(away.shape[1]):
            if away[y, x] >= FAR_PX:
                continue
            u, k = ray[y, x], int(away[y, x] / step)
            out[y, x] = k < cut[u] or cut[u] == steps
            if k < 2 or cut[u] == steps or abs(k - cut[u]) > band:
                continue
            least = np.float32(1e6)
            for side in range(-window, window + 1, 4):
                v = (u + side + rays) % rays
                for far in range(cut[v] + BEYOND, steps, BEYOND):
                    a = picture[y, x, 0] - colours[v, far, 0]
                    b = picture[y, x, 1] - colours[v, far, 1]
                    c = picture[y, x, 2] - colours[v, far, 2]
                    squared = a * a + b * b + c * c
                    # Where nothing was seen this is not a number, and so not less.
                    if squared < least:
                        least = squared
            if least < 1e6:
                beyond = np.sqrt(least)
                lean = (unlike[y, x] - beyond) / (unlike[y, x] + beyond + np.float32(NOISE))
                if abs(lean) > sure:
                    out[y, x] = lean < 0
    return out
