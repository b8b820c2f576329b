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
def distances(path: np.ndarray, height: int, width: int, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Find every pixel's distance from a path, up to a limit, and how far along the path the nearest place is.

    Args:
        path: x and y of at least two points.
        height: Of the map, in pixels.
        width: See `height`.
        limit: In pixels; what lies farther is `FAR_PX` away.
    """
    segments = path.shape[0] - 1
    starts = np.zeros(segments + 1, np.float32)
    for k in range(segments):
        length = np.hypot(path[k + 1, 0] - path[k, 0], path[k + 1, 1] - path[k, 1])
        starts[k + 1] = starts[k] + np.float32(length)
    out, along = np.empty((height, width), np.float32), np.zeros((height, width), np.float32)
    for y in prange(height):
        out[y] = FAR_PX * FAR_PX
        for k in range(segments):
            _measure(out, along, path, starts, y, k, limit)
        out[y] = np.sqrt(out[y])
    return out, along


@compiled()
def _measure(
    out: np.ndarray, along: np.ndarray, path: np.ndarray, starts: np.ndarray, y: int, k: int, limit: float
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
    for x in range(max(0, int(np.floor(left - limit))), min(out.shape[1], int(np.ceil(right + limit)) + 1)):
        across = np.float32(x) - ax
        share = min(max((across * dx + down * dy) * per, np.float32(0)), np.float32(1))
        off_x, off_y = across - share * dx, down - share * dy
        squared = off_x * off_x + off_y * off_y
        if squared < out[y, x] and squared <= np.float32(limit * limit):
            out[y, x] = squared
            along[y, x] = starts[k] + share * length


@compiled()
def palettes(
    picture: np.ndarray, places: np.ndarray, aside: float, window: int, alike: float, rare: float
) -> tuple[np.ndarray, np.ndarray]:
    """Find the colours under the middle of the brush, for each of many places along its path.

    Args:
        picture: Smoothed.
        places: x and y along the path, evenly spaced.
        aside: How far beside the path colours are looked at too, in pixels; they count a quarter each.
        window: So many places before and after belong together.
        alike: Difference up to which colours are taken for one.
        rare: Share of the middle of the brush below which a colour in it is a slip of the hand.

    Returns:
        Of each place its colours, the unused ones far from any; and how rough the picture is there, as the mean
        change of colour from pixel to pixel.
    """
    height, width = picture.shape[:2]
    count = places.shape[0]
    found, rough = np.empty((count, 5, 3), np.float32), np.empty(count, np.float32)
    for k in range(count):
        for side in range(5):
            x = places[k, 0] + aside * ((side == 1) - (side == 2))
            y = places[k, 1] + aside * ((side == 3) - (side == 4))
            column, row = min(max(int(x + 0.5), 0), width - 1), min(max(int(y + 0.5), 0), height - 1)
            found[k, side] = picture[row, column]
            if side == 0:
                up, back = max(row - 1, 0), max(column - 1, 0)
                rough[k] = (_apart(picture, row, column, up, column) + _apart(picture, row, column, row, back)) / 2
    colours = np.full((count, MOST_COLOURS, 3), np.float32(1e3))
    roughness = np.empty(count, np.float32)
    for k in range(count):
        first, last = max(0, k - window), min(count, k + window + 1)
        _gather(found[first:last], colours[k], np.float32(alike), np.float32(rare))
        roughness[k] = np.median(rough[first:last])
    return colours, roughness


@compiled()
def _apart(picture: np.ndarray, y: int, x: int, ny: int, nx: int) -> float:
    a = picture[y, x, 0] - picture[ny, nx, 0]
    b = picture[y, x, 1] - picture[ny, nx, 1]
    c = picture[y, x, 2] - picture[ny, nx, 2]
    return np.sqrt(a * a + b * b + c * c)


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
def unlike(
    picture: np.ndarray, nearest: np.ndarray, colours: np.ndarray, alike: np.ndarray, span: np.ndarray
) -> np.ndarray:
    """Say of each pixel of a picture, from 0 to 1, how unlike the colours of its nearest place it looks.

    Args:
        picture: Smoothed.
        nearest: Number of the place; below 0 where it does not matter.
        colours: Of `palettes`.
        alike: Of each place, the difference of colours that does not yet tell two things apart.
        span: And how much more it is where they have nothing in common.
    """
    height, width = nearest.shape
    out = np.ones((height, width), np.float32)
    for y in prange(height):
        for x in range(width):
            k = nearest[y, x]
            if k < 0:
                continue
            least = np.float32(1e6)
            for each in range(colours.shape[1]):
                a = picture[y, x, 0] - colours[k, each, 0]
                b = picture[y, x, 1] - colours[k, each, 1]
                c = picture[y, x, 2] - colours[k, each, 2]
                least = min(least, a * a + b * b + c * c)
            share = (np.sqrt(least) - alike[k]) / span[k]
            out[y, x] = min(max(share, np.float32(0)), np.float32(1))
    return out


@compiled()
def spent(
    picture: np.ndarray,
    strange: np.ndarray,
    away: np.ndarray,
    seeds: np.ndarray,
    free: np.ndarray,
    price: np.ndarray,
    thin: float,
    stray: float,
    detour: float,
) -> np.ndarray:
    """Find what the way from the path to each pixel costs: below 1 the stroke reaches it.

    Args:
        picture: Smoothed.
        strange: Of `unlike`.
        away: Of `distances`; the stroke goes nowhere that is `FAR_PX` away.
        seeds: Where the way begins.
        free: Change of colour from pixel to pixel that costs nothing.
        price: Of further change, towards what looks unlike.
        thin: Part of the price between two pixels that both look alike, for there may be a thin line between them.
        stray: Price of a pixel's way through what looks unlike.
        detour: Price of a pixel's way.

    Source:
        Raster scans of Toivanen, New geodesic distance transforms for gray-scale images, Pattern Recognition
        Letters 1996, as Criminisi et al., GeoS, ECCV 2008, select with; the price of a step is this project's.
    """
    height, width = away.shape
    cost = np.full((height, width), np.float32(2))
    for y in range(height):
        for x in range(width):
            if seeds[y, x] and strange[y, x] < 0.5:
                cost[y, x] = 0
    prices = np.float32(thin), np.float32(stray), np.float32(detour)
    for _ in range(3):
        for turn in range(2):
            step = 1 - 2 * turn
            for row in range(height):
                y = row if turn == 0 else height - 1 - row
                for column in range(width):
                    x = column if turn == 0 else width - 1 - column
                    if away[y, x] < FAR_PX:
                        _reach(picture, strange, free, price, cost, prices, y, x, y, x - step)
                        for side in range(-1, 2):
                            _reach(picture, strange, free, price, cost, prices, y, x, y - step, x + side)
    return cost


@compiled(inline=True)
def _reach(
    picture: np.ndarray,
    strange: np.ndarray,
    free: np.ndarray,
    price: np.ndarray,
    cost: np.ndarray,
    prices: tuple[float, float, float],
    y: int,
    x: int,
    from_y: int,
    from_x: int,
) -> None:
    """Reach a pixel from its neighbour, if that is cheaper than before."""
    if 0 <= from_y < cost.shape[0] and 0 <= from_x < cost.shape[1] and cost[from_y, from_x] < cost[y, x]:
        length = _SIDE if from_y == y or from_x == x else _DIAGONAL
        apart = _apart(picture, y, x, from_y, from_x)
        most = max(strange[y, x], strange[from_y, from_x])
        thin, stray, detour = prices
        edge = max(apart - length * free[y, x], np.float32(0)) * price[y, x] * (thin + (_SIDE - thin) * most)
        cost[y, x] = min(cost[y, x], cost[from_y, from_x] + edge + length * (detour + most * most * stray))
