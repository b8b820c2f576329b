"""Pictures painted by formulas, as rich in detail as photos: sky, cobbles, lawn, plaster, posters, bark, house fronts.

Colours are sRGB bytes, skies linear radiance; the first row of a texture lies at v = 0.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from textures import blend, interior, noise, to_bytes

WORDS = (
    "HARBOUR",
    "Saturday",
    "JAZZ",
    "market",
    "No. 27",
    "fresh bread",
    "CINEMA",
    "lost cat",
    "OPEN",
    "piano",
    "LUNA",
)


def sky(rng: np.random.Generator, *, width_px: int = 1024) -> np.ndarray:
    """Cloud a bright sky, linear radiance about 1, over a dull ground."""
    height_px = width_px // 2
    rows = np.mgrid[:height_px, :width_px][0]
    height = np.pi / 2 - (rows + 0.5) / height_px * np.pi
    rise = np.clip(np.sin(height), 0, 1)
    puffs = noise(rng, (height_px, width_px), (14, 10), octaves=6)
    cloud = np.clip(0.35 + 0.55 * puffs, 0, 1)[..., None]
    blue = np.array([0.95, 1.02, 1.08]) * (1 - rise[..., None]) + np.array([0.42, 0.62, 1.05]) * rise[..., None]
    bright = blue * (1 - cloud) + np.array([1.22, 1.2, 1.18]) * cloud * (0.86 + 0.1 * puffs[..., None])
    return np.where((height > 0)[..., None], bright, np.array([0.24, 0.21, 0.17])).astype(np.float32)


def cobbles(rng: np.random.Generator, *, size_px: int = 2048, count: int = 22) -> tuple[np.ndarray, np.ndarray]:
    """Lay rounded stones with dirt between them: their colour, and their height in bytes for a bump."""
    rows, columns = np.mgrid[:size_px, :size_px] / size_px * count
    rows = rows + 0.06 * noise(rng, rows.shape, (40, 40), octaves=3)
    columns = columns + 0.06 * noise(rng, rows.shape, (40, 40), octaves=3) + 0.5 * (np.floor(rows) % 2)
    seeds = rng.uniform(0.25, 0.75, (count, count, 2))
    near, second, tone = np.full(rows.shape, 9.0), np.full(rows.shape, 9.0), np.zeros(rows.shape)
    tones = rng.normal(0.5, 0.2, (count, count))
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            row, column = np.floor(rows).astype(int) + down, np.floor(columns).astype(int) + right
            seed = seeds[row % count, column % count]
            away = np.hypot(rows - row - seed[..., 0], columns - column - seed[..., 1])
            closer = away < near
            second = np.where(closer, near, np.minimum(second, away))
            tone = np.where(closer, tones[row % count, column % count], tone)
            near = np.where(closer, away, near)
    edge = np.clip((second - near) / 0.28, 0, 1) ** 0.6
    grain = noise(rng, rows.shape, (128, 128), octaves=4)
    stain = noise(rng, rows.shape, (5, 5), octaves=5)
    stone = blend([(58, 54, 52), (108, 102, 96), (150, 140, 128), (188, 172, 150)], tone + 0.07 * grain + 0.1 * stain)
    dirt = blend([(44, 36, 26), (70, 66, 38), (92, 96, 48)], np.clip(0.5 + 0.3 * grain + 0.25 * stain, 0, 1))
    solid = np.clip((edge - 0.25) / 0.25, 0, 1)[..., None]
    colour = (dirt * (1 - solid) + stone * solid) * (0.72 + 0.28 * edge[..., None])
    return to_bytes(colour), to_bytes(255 * np.clip(edge * 0.8 + 0.03 * grain + 0.08, 0, 1))


def lawn(rng: np.random.Generator, *, size_px: int = 2048, strokes: int = 60000, dry: float = 0.25) -> np.ndarray:
    """Draw blades of grass over earth."""
    base = blend(
        [(40, 34, 20), (62, 74, 32), (88, 108, 44)], np.clip(0.5 + 0.3 * noise(rng, (size_px,) * 2, (8, 8)), 0, 1)
    )
    picture = Image.fromarray(to_bytes(base))
    draw = ImageDraw.Draw(picture)
    greens = blend(
        [(34, 58, 20), (82, 112, 40), (128, 150, 62), (176, 176, 104)], rng.beta(2, 2 / max(dry, 0.05) / 3, strokes)
    )
    at, length, angle = rng.uniform(0, size_px, (strokes, 2)), rng.uniform(10, 46, strokes), rng.normal(0, 0.7, strokes)
    ends = at + np.stack([np.sin(angle), np.cos(angle)], 1) * length[:, None]
    for start, end, green in zip(at, ends, greens, strict=True):
        draw.line([*start, *end], fill=tuple(int(value) for value in green), width=2)
    return np.array(picture)


def plaster(rng: np.random.Generator, colour=(196, 172, 138), *, size_px: int = 1024) -> np.ndarray:
    """Weather a plastered wall: stains, cracks, patches where bricks show."""
    shape = (size_px, size_px)
    grain, stain = noise(rng, shape, (160, 160), octaves=3), noise(rng, shape, (4, 8), octaves=6)
    cracks = np.abs(noise(rng, shape, (6, 6), octaves=5))
    shade = 1 + 0.05 * grain + 0.11 * stain - 0.35 * np.clip(1 - cracks / 0.03, 0, 1)
    rows, columns = np.mgrid[:size_px, :size_px] / size_px
    course = np.floor(rows * 26)
    along = columns * 11 + 0.5 * (course % 2)
    joint = (np.abs(along % 1 - 0.5) > 0.45) | (np.abs(rows * 26 % 1 - 0.5) > 0.4)
    brick = np.where(joint[..., None], (150, 140, 124), (142, 84, 62)) * (0.9 + 0.1 * grain[..., None])
    bare = np.clip((noise(rng, shape, (3, 3), octaves=6) - 1.5) / 0.05, 0, 1)[..., None]
    return to_bytes((np.array(colour) * shade[..., None]) * (1 - bare) + brick * bare)


def poster(rng: np.random.Generator, *, width_px: int = 360, height_px: int = 520, words=WORDS) -> np.ndarray:
    """Print a poster: big words, small print, blocks of colour."""
    inks = [(208, 62, 44), (28, 74, 120), (238, 190, 66), (24, 24, 28), (62, 122, 88), (236, 226, 204), (120, 60, 110)]
    paper, *rest = (inks[i] for i in rng.permutation(len(inks)))
    picture = Image.new("RGB", (width_px, height_px), paper)
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.integers(2, 5)):
        x, y = rng.uniform(0, width_px), rng.uniform(0.2, 0.8) * height_px
        r = rng.uniform(0.08, 0.35) * width_px
        shape = (draw.ellipse, draw.rectangle)[rng.integers(2)]
        shape([x - r, y - r, x + r, y + r], fill=rest[rng.integers(3)])
    for line, at in enumerate(np.linspace(0.03, 0.74, 4)):
        font = ImageFont.load_default(int(rng.uniform(0.1, 0.19) * width_px))
        ink = rest[3 + line % 3]
        draw.text((0.06 * width_px, at * height_px), words[rng.integers(len(words))], fill=ink, font=font)
    small = ImageFont.load_default(int(0.034 * width_px))
    for row in range(6):
        text = " ".join(words[i] for i in rng.integers(len(words), size=5)).lower()
        draw.text((0.06 * width_px, (0.86 + row * 0.021) * height_px), text, fill=rest[5], font=small)
    worn = 1 + 0.05 * noise(rng, (height_px, width_px), (20, 14))[..., None]
    return to_bytes(np.asarray(picture)[::-1] * worn)


def bark(rng: np.random.Generator, *, size_px: int = 1024) -> np.ndarray:
    """Crack bark along v, with lichen."""
    shape = (size_px, size_px)
    ridges = np.abs(noise(rng, shape, (6, 22), octaves=6))
    share = np.clip(0.15 + 0.4 * ridges + 0.06 * noise(rng, shape, (160, 160), octaves=2), 0, 1)
    wood = blend([(30, 22, 16), (78, 60, 46), (120, 102, 84), (156, 142, 122)], share)
    lichen = np.clip((noise(rng, shape, (7, 7), octaves=6) - 0.9) / 0.25, 0, 1)[..., None] * 0.7
    return to_bytes(wood * (1 - lichen) + np.array([150, 158, 118]) * lichen)


def mottled(
    rng: np.random.Generator, colours, *, size_px: int = 1024, cells: int = 12, speckles: float = 0.1
) -> np.ndarray:
    """Mottle a surface between colours, like clay, stone or skin of fruit."""
    shape = (size_px, size_px)
    share = (
        0.5 + 0.22 * noise(rng, shape, (cells, cells), octaves=6) + speckles * noise(rng, shape, (256, 256), octaves=2)
    )
    return to_bytes(blend(list(colours), np.clip(share, 0, 1)))


def front(
    rng: np.random.Generator, colour=(196, 172, 138), *, size_px: int = 1024, floors: int = 3, bays: int = 4
) -> np.ndarray:
    """Paint a house front: plaster, rows of windows with frames, panes, curtains and shutters, a cornice."""
    picture = plaster(rng, colour, size_px=size_px).astype(float)
    tall, wide = size_px // floors, size_px // bays
    shutter = np.array([(58, 92, 74), (120, 60, 48), (70, 84, 110)][rng.integers(3)], float)
    for floor in range(floors):
        for bay in range(bays):
            low, left = int((floor + 0.25) * tall), int((bay + 0.3) * wide)
            high, right = int((floor + 0.82) * tall), int((bay + 0.7) * wide)
            pad = int(0.035 * wide)
            picture[low - 2 * pad : low - pad, left - 2 * pad : right + 2 * pad] *= 1.18
            picture[low - 3 * pad : low - 2 * pad, left - 2 * pad : right + 2 * pad] *= 0.62
            picture[low - pad : high + pad, left - pad : right + pad] = (226, 218, 202)
            glass = blend(
                [(26, 30, 38), (70, 86, 104), (150, 170, 190)], np.linspace(0, 1, high - low) ** rng.uniform(1, 3)
            )
            picture[low:high, left:right] = glass[:, None] * rng.uniform(0.6, 1.1)
            cloth = int(rng.uniform(0.1, 0.35) * (right - left))
            folds = 0.8 + 0.2 * np.sin(np.arange(cloth) * 1.1)[:, None]
            picture[low:high, left : left + cloth] = np.array([206, 196, 178]) * folds
            picture[low:high, right - cloth : right] = np.array([206, 196, 178]) * folds
            for cut in (0.5,):
                middle = int(left + cut * (right - left))
                picture[low:high, middle - pad // 3 - 1 : middle + pad // 3 + 1] = (222, 214, 200)
            bar = int(low + 0.66 * (high - low))
            picture[bar - pad // 3 - 1 : bar + pad // 3 + 1, left:right] = (222, 214, 200)
            if bays > 2:
                slats = 0.82 + 0.18 * (np.arange(high - low) // max(3, pad // 3) % 2)[:, None, None]
                for edge in (left - pad - int(0.16 * wide), right + pad):
                    picture[low:high, edge : edge + int(0.16 * wide)] = shutter * slats
    picture[-size_px // 40 :] *= 0.55
    return to_bytes(picture * (1 + 0.03 * noise(rng, (size_px, size_px), (128, 128), octaves=3)[..., None]))


def lit_front(rng: np.random.Generator, *, size_px: int = 768, floors: int = 3, bays: int = 4, share: float = 0.45):
    """Paint a house front at night: its colour, and the linear radiance of those windows that are lit."""
    colour = front(rng, (150, 120, 96), size_px=size_px, floors=floors, bays=bays)
    light = np.zeros((size_px, size_px, 3))
    tall, wide = size_px // floors, size_px // bays
    for floor in range(floors):
        for bay in range(bays):
            if rng.random() > share:
                continue
            low, left = int((floor + 0.25) * tall), int((bay + 0.3) * wide)
            high, right = int((floor + 0.82) * tall), int((bay + 0.7) * wide)
            room = Image.fromarray((255 * np.clip(interior(rng), 0, 1)).astype(np.uint8)).resize(
                (right - left, high - low)
            )
            tint = np.array([(1.0, 0.9, 0.75), (1.0, 0.75, 0.5), (0.7, 0.9, 1.2)][rng.integers(3)])
            light[low:high, left:right] = np.asarray(room) / 255.0 * tint * rng.uniform(0.5, 1.3)
            light[low:high, (left + right) // 2 - 3 : (left + right) // 2 + 3] = 0
            light[low + (high - low) * 2 // 3 - 3 : low + (high - low) * 2 // 3 + 3, left:right] = 0
    return colour, light


STORY = """
A lens gathers the light of one point and brings it together again in another. What lies nearer or farther meets before
the film or behind it and leaves a small round patch there, the picture of the hole through which it came. Wherever many
patches overlap the picture is soft; wherever a single lamp stands alone in the dark its patch is seen for itself, with
an even face and a firm rim. Painters knew this softness long before there were cameras, for the eye does the same,
though we seldom notice it: whoever looks at a finger sees the far hills twice and dimly. The old masters of portrait
opened the lens as wide as they dared, so that the lashes were sharp and the ears were not, and behind the head the
garden melted into a few broad washes of colour.
"""


def page(rng: np.random.Generator, *, width_px: int = 1100, height_px: int = 1600) -> np.ndarray:
    """Print a page of a book: a heading, justified paragraphs, a figure, a number at the foot."""
    story = STORY.split()
    picture = Image.new("RGB", (width_px, height_px), (214, 205, 186))
    draw = ImageDraw.Draw(picture)
    ink, small = (34, 30, 28), ImageFont.load_default(38)
    left, right, line, word = 110, width_px - 100, 120, int(rng.integers(len(story)))
    title = story[word % len(story)].strip(".,;:").capitalize() + " and " + story[(word + 7) % len(story)].strip(".,;:")
    draw.text((left, line), title, fill=(120, 30, 24), font=ImageFont.load_default(64))
    line += 120
    figure = int(rng.uniform(0.3, 0.6) * height_px)
    drawn = False
    while line < height_px - 170:
        if line > figure and not drawn:
            centre, drawn = line + 130, True
            draw.rectangle([left + 60, line + 10, right - 60, line + 250], outline=ink, width=3)
            draw.ellipse(
                [width_px / 2 - 30, centre - 105, width_px / 2 + 30, centre + 105], outline=(28, 74, 120), width=5
            )
            for step in np.linspace(-90, 90, 7):
                draw.line(
                    [left + 90, centre, width_px / 2, centre + step, right - 90, centre - step / 3],
                    fill=(160, 50, 40),
                    width=2,
                )
            line += 280
        words, length = [], 0.0
        while length < right - left:
            words.append(story[word % len(story)])
            length, word = draw.textlength(" ".join(words), font=small), word + 1
        words, word = words[:-1], word - 1
        gap = (right - left - sum(draw.textlength(each, font=small) for each in words)) / max(1, len(words) - 1)
        x = float(left)
        for each in words:
            draw.text((x, line), each, fill=ink, font=small)
            x += draw.textlength(each, font=small) + gap
        line += 54
    draw.text((width_px / 2 - 20, height_px - 110), str(int(rng.integers(20, 300))), fill=ink, font=small)
    grain = 1 + 0.012 * noise(rng, (height_px, width_px), (40, 30), octaves=4)[..., None]
    return to_bytes(np.asarray(picture)[::-1] * grain)
