"""Pictures painted by formulas: wood, linen, glaze, brick as sRGB bytes, lights as linear radiance.

The first row of a picture lies at v = 0, the foot of a petal or the lower end of a profile.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def noise(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int], *, octaves: int = 5) -> Array:
    """Sum smooth random fields, each twice as fine and half as strong, to a mean of 0 and a deviation of 1."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        rows, columns = (min(count * 2**octave, size) for count, size in zip(cells, shape, strict=True))
        values = rng.normal(size=(rows + 1, columns + 1)).astype(np.float32)
        values[:, -1] = values[:, 0]
        total += _smooth(_smooth(values, shape[0]).T, shape[1]).T * 0.5**octave
    return (total - total.mean()) / total.std()


def _smooth(values: Array, count: int) -> Array:
    position = np.arange(count, dtype=np.float32) / count * (len(values) - 1)
    index = position.astype(int)
    t = (position - index)[:, None]
    t = t * t * (3 - 2 * t)
    return values[index] * (1 - t) + values[index + 1] * t


def blend(colours: list[tuple[int, int, int]], share: Array) -> Array:
    """Run through colours, sRGB bytes, as ``share`` goes from 0 to 1."""
    stops = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(share, stops, channel) for channel in np.array(colours, float).T], axis=-1)


def to_bytes(picture: Array) -> Array:
    """Round to bytes."""
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def planks(rng: np.random.Generator, *, size_px: int = 4096, count: int = 11) -> tuple[Array, Array]:
    """Paint old boards that run along the rows' axis: their colour, and their height in [0, 1] for a bump."""
    width = size_px // count + 1
    colours, heights = [], []
    for _ in range(count):
        warp = noise(rng, (size_px, width), (5, 2), octaves=3)
        across = np.arange(width)[None, :] / width * rng.uniform(9, 15) + 1.3 * warp + rng.uniform(0, 9)
        rings = np.abs(across % 1.0 - 0.35) * 1.6
        fibre = noise(rng, (size_px, width), (24, 90), octaves=3)
        stain = noise(rng, (size_px, width), (6, 3), octaves=4)
        share = np.clip(0.5 + 0.22 * (0.6 - rings) + 0.075 * fibre + 0.08 * stain + rng.normal(0, 0.06), 0, 1)
        colour = blend([(52, 30, 19), (104, 66, 42), (146, 101, 67), (183, 140, 101)], share)
        edge = np.minimum(np.arange(width), width - 1 - np.arange(width))[None, :, None] / size_px
        groove = np.clip(edge / 0.0012, 0, 1)
        colours.append(colour * (0.12 + 0.88 * groove))
        heights.append(np.clip(0.55 + 0.06 * fibre + 0.1 * rings, 0, 1) * groove[..., 0])
    return to_bytes(np.concatenate(colours, 1)[:, :size_px]), to_bytes(255 * np.concatenate(heights, 1)[:, :size_px])


def linen(rng: np.random.Generator, *, size_px: int = 2048, checks: int = 16) -> tuple[Array, Array]:
    """Weave a checked cloth: its colour, and the height of its threads for a bump."""
    rows, columns = np.mgrid[:size_px, :size_px]
    slub = noise(rng, (size_px, size_px), (260, 12), octaves=2) + noise(rng, (size_px, size_px), (12, 260), octaves=2)
    dyed = [((axis * checks // size_px) % 2).astype(float) for axis in (rows, columns)]
    line = [(np.abs((axis * checks / size_px) % 2 - 0.5) < 0.04) * -0.25 for axis in (rows, columns)]
    share = np.clip((dyed[0] + dyed[1] + line[0] + line[1]) / 2 + 0.025 * slub, 0, 1)
    colour = blend([(236, 229, 214), (150, 170, 186), (47, 84, 124)], share)
    threads = np.sin(rows * 2 * np.pi / 6) * np.sin(columns * 2 * np.pi / 6)
    return to_bytes(colour * (0.965 + 0.035 * threads[..., None])), to_bytes(128 + 70 * threads + 12 * slub)


def glaze(rng: np.random.Generator, *, width_px: int = 2048, height_px: int = 1024, motifs: int = 9) -> Array:
    """Brush a blue pattern on white: lines, a band of flowers with leaves between them, a band of scales."""
    rows, columns = np.mgrid[:height_px, :width_px]
    v = rows / height_px
    u = columns / width_px * motifs
    wobble = 0.02 * noise(rng, rows.shape, (12, 24), octaves=3)
    blue = np.zeros(rows.shape)
    for centre, reach in (
        (0.10, 0.006),
        (0.125, 0.0025),
        (0.29, 0.004),
        (0.31, 0.0025),
        (0.74, 0.0025),
        (0.76, 0.006),
    ):
        blue = np.maximum(blue, np.clip(2 - abs(v - centre + 0.1 * wobble) / reach, 0, 1))
    x, y = (u % 1 - 0.5 + wobble), (v - 0.52) * 3.6 + wobble
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    outline = 0.2 + 0.11 * np.abs(np.cos(4 * angle)) ** 0.6
    petal = np.clip((outline - radius) / 0.015, 0, 1) * (0.45 + 0.5 * np.clip(radius / 0.3, 0, 1))
    petal *= 1 - 0.75 * (np.abs(np.sin(4 * angle)) > 0.93) * (radius > 0.08)
    petal = np.where(radius < 0.075, 0.12, petal)
    petal = np.maximum(petal, np.clip(1.6 - abs(radius - 0.075) / 0.012, 0, 1))
    x = (u + 0.5) % 1 - 0.5 + wobble
    for tilt in (-1, 1):
        for rise in (-0.28, 0.0, 0.28):
            along, across = x * 0.9 + tilt * (y - rise) * 0.55, (y - rise) * 0.8 - tilt * x * 0.75
            leaf = (along / 0.05) ** 2 + ((across - 0.1) / 0.13) ** 2
            petal = np.maximum(petal, np.clip((1 - leaf) / 0.18, 0, 1) * (0.55 + 0.4 * (along > 0)))
    stem = np.clip(1.6 - abs(x - 0.02 * np.sin(9 * y)) / 0.012, 0, 1) * (abs(y) < 0.62)
    band = (v > 0.325) & (v < 0.725)
    blue = np.where(band, np.maximum(blue, np.maximum(petal, stem)), blue)
    lower = (v > 0.14) & (v < 0.275)
    scale_x, scale_y = (u * 4 + np.floor((v - 0.14) / 0.034) % 2 * 0.5) % 1 - 0.5, ((v - 0.14) / 0.034) % 1
    scale = np.clip(1.7 - abs(np.hypot(scale_x, scale_y * 0.55) - 0.42) / 0.05, 0, 1)
    blue = np.where(lower, np.maximum(blue, scale * 0.9), blue)
    rim = (v > 0.79) & (v < 0.93)
    dots = np.hypot((u * 3) % 1 - 0.5, (v - 0.86) * 14)
    blue = np.where(rim, np.maximum(blue, np.clip((0.3 - dots) / 0.06, 0, 1)), blue)
    blue = np.clip(blue * (0.86 + 0.1 * noise(rng, rows.shape, (20, 40), octaves=4)), 0, 1)
    return to_bytes(blend([(243, 240, 231), (120, 146, 196), (34, 62, 134), (20, 36, 92)], blue))


def petal_colours(colours: list[tuple[int, int, int]], rng: np.random.Generator, *, veins: int = 13) -> Array:
    """Paint a petal or leaf from foot to tip, with faint veins."""
    share = np.linspace(0, 1, 256)[:, None] + 0 * np.arange(256)
    side = np.linspace(-1, 1, 256)[None, :]
    vein = np.cos(side * veins * np.pi / 2 * (0.6 + 0.6 * share)) * 0.05
    mottle = 0.02 * noise(rng, (256, 256), (8, 8))
    return to_bytes(blend(colours, np.clip(share, 0, 1)) * (1 + vein + mottle)[..., None])


def leaf_colours(dark: tuple[int, int, int], light: tuple[int, int, int], rng: np.random.Generator) -> Array:
    """Paint a leaf with a pale midrib and slanting side veins."""
    along, side = np.mgrid[0:1:256j, -1:1:256j]
    rib = np.exp(-((side / 0.035) ** 2))
    veins = np.clip(1 - abs((along * 9 - abs(side) * 2.2) % 1 - 0.5) / 0.09, 0, 1) * 0.45
    share = np.clip(0.28 + 0.12 * noise(rng, (256, 256), (6, 6)) + 0.7 * np.maximum(rib, veins), 0, 1)
    return to_bytes(blend([dark, light], share))


def bricks(rng: np.random.Generator, *, width_px: int = 2048, height_px: int = 1024, courses: int = 40) -> Array:
    """Lay a brick wall whose bricks differ."""
    rows, columns = np.mgrid[:height_px, :width_px].astype(np.float32)
    course = np.floor(rows / height_px * courses)
    along = columns / width_px * courses * 0.75 + 0.5 * (course % 2)
    tone = rng.normal(0.5, 0.2, (courses, courses * 2))[course.astype(int), np.floor(along).astype(int)]
    joint = (np.abs(along % 1 - 0.5) > 0.475) | (np.abs((rows / height_px * courses) % 1 - 0.5) > 0.43)
    colour = blend([(92, 52, 40), (136, 82, 62), (160, 108, 84)], np.clip(tone, 0, 1))
    colour = np.where(joint[..., None], [128, 118, 106], colour)
    return to_bytes(colour * (1 + 0.08 * noise(rng, rows.shape, (24, 48)))[..., None])


def dusk(*, width_px: int = 512, height_px: int = 256) -> Array:
    """Light up the sky after sunset, linear radiance: glow at the horizon ahead, deep blue overhead."""
    rows, columns = np.mgrid[:height_px, :width_px]
    height = np.pi / 2 - (rows + 0.5) / height_px * np.pi
    heading = (columns + 0.5) / width_px * 2 * np.pi
    rise = np.clip(np.sin(height), 0, 1)[..., None]
    glow = np.exp(-rise / 0.045) * np.array([0.62, 0.26, 0.12])
    band = np.exp(-rise / 0.16) * np.array([0.20, 0.17, 0.26])
    above = np.array([0.035, 0.06, 0.14]) * (1 - 0.4 * rise)
    west = (0.35 + 0.65 * np.clip(np.cos(heading - np.pi), 0, 1))[..., None]
    ground = np.array([0.02, 0.018, 0.02])
    return np.where((height > 0)[..., None], glow * west + band + above, ground).astype(np.float32)


def interior(rng: np.random.Generator, *, size_px: int = 256, shelves: int = 5) -> Array:
    """Light up a shop window, linear radiance: a warm room, shelves, and dark things standing on them."""
    rows, columns = np.mgrid[:size_px, :size_px] / size_px
    warm = np.exp(-((columns - rng.uniform(0.3, 0.7)) ** 2 + (rows - 0.75) ** 2) / 0.16)
    light = warm[..., None] * np.array([1.0, 0.5, 0.17])
    for shelf in range(shelves):
        foot = (shelf + 0.15) / shelves
        light[(rows > foot - 0.018) & (rows < foot)] *= 0.25
        left = 0.02
        while left < 0.96:
            width, tall = rng.uniform(0.015, 0.07), rng.uniform(0.04, 0.13)
            thing = (columns > left) & (columns < left + width) & (rows >= foot) & (rows < foot + tall)
            light[thing] *= rng.uniform(0.1, 0.7) * rng.uniform(0.6, 1.0, 3)
            left += width + rng.exponential(0.03)
    return light.astype(np.float32)
