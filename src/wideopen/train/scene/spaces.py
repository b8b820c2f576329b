"""Spaces to stand things in: open ground, streets and rooms before a camera, with exact depth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from wideopen.compiled import compiled
from wideopen.shapes import Float

NOTHING = -1
FLOOR, CEILING, LEFT, RIGHT, BACK = range(5)
BOX = 5
"""Surfaces from here on are those of boxes."""
NONE_M = 1e9
"""Distance of a wall that is not there."""


@dataclass(frozen=True)
class Camera:
    """Looks along a space, at `height_m` above its floor, turned down by `pitch` and aside by `yaw` (radians)."""

    height_m: float
    pitch: float
    yaw: float
    focal: float
    """In picture heights."""

    def row_of_floor(self, depth_m: float) -> float:
        """Find where the floor at a depth straight ahead lies, as a share of the height from the top."""
        along = (depth_m - self.height_m * np.sin(self.pitch)) / np.cos(self.pitch)
        down = self.height_m * np.cos(self.pitch) - along * np.sin(self.pitch)
        return float(0.5 + self.focal * down / depth_m)


@dataclass
class Space:
    """A picture of a space."""

    picture: Float[np.ndarray, "h w 3"]
    dioptres: Float[np.ndarray, "h w"]
    """0 where nothing stands before the sky."""
    camera: Camera
    deepest_m: float
    """Before its back."""


@compiled()
def trace(
    height: int, width: int, camera: np.ndarray, walls: np.ndarray, boxes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Find what every pixel sees first: depth, surface, and where on it, in metres.

    Args:
        height: Of the picture.
        width: Of the picture.
        camera: Height, pitch, yaw, focal length.
        walls: Height of the ceiling, distance of left, right and back wall, their height.
        boxes: (n, 6) least and greatest x, y (up from the floor) and z.
    """
    high, pitch, yaw, focal = camera
    ceiling, left, right, back, tall = walls
    depth = np.full((height, width), NONE_M, np.float32)
    surface = np.full((height, width), NOTHING, np.int32)
    u, v = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    cp, sp, cy, sy = np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)
    for row in range(height):
        for column in range(width):
            x = ((column + 0.5) - width / 2) / height / focal
            y = ((row + 0.5) / height - 0.5) / focal
            # Up is positive in the space and negative in the picture.
            up, ahead = -(y * cp + sp), cp - y * sp
            dx, dz = x * cy + ahead * sy, ahead * cy - x * sy
            best, found, a, b = NONE_M, NOTHING, 0.0, 0.0
            if up < -1e-6:
                t = -high / up
                if t < best:
                    best, found, a, b = t, FLOOR, dx * t, dz * t
            elif up > 1e-6:
                t = (ceiling - high) / up
                if t < best:
                    best, found, a, b = t, CEILING, dx * t, dz * t
            for which in (LEFT, RIGHT):
                side = -left if which == LEFT else right
                if dx * side > 1e-9:
                    t = side / dx
                    if t < best and 0 <= high + up * t <= tall:
                        best, found, a, b = t, which, dz * t, high + up * t
            if dz > 1e-6:
                t = back / dz
                if t < best and high + up * t <= tall:
                    best, found, a, b = t, BACK, dx * t, high + up * t
            for k in range(len(boxes)):
                enter, leave, axis = 0.0, best, -1
                for i in range(3):
                    start = high if i == 1 else 0.0
                    step = dx if i == 0 else (up if i == 1 else dz)
                    if abs(step) < 1e-9:
                        if not boxes[k, 2 * i] <= start <= boxes[k, 2 * i + 1]:
                            leave = -1.0
                        continue
                    one, other = (boxes[k, 2 * i] - start) / step, (boxes[k, 2 * i + 1] - start) / step
                    if one > other:
                        one, other = other, one
                    if one > enter:
                        enter, axis = one, i
                    leave = min(leave, other)
                if axis >= 0 and enter < leave and enter > 0.05:
                    best, found = enter, BOX + 3 * k + axis
                    a = dz * enter if axis == 0 else dx * enter
                    b = dz * enter if axis == 1 else high + up * enter
            depth[row, column], surface[row, column] = best, found
            u[row, column], v[row, column] = a, b
    return depth, surface, u, v


def make_space(
    photos: Sequence[np.ndarray],
    textures: Sequence[Sequence[np.ndarray]],
    size: tuple[int, int],
    rng: np.random.Generator,
) -> Space:
    """Make a space by chance: a third open ground, a third street, a third room.

    Args:
        photos: uint8, for skies, views and what hangs on walls.
        textures: Each at several sizes, every one a quarter of the one before.
        size: Width and height.
        rng: For everything.
    """
    width, height = size
    kind = rng.choice(3)
    camera = Camera(
        height_m=float(np.exp(rng.uniform(np.log(0.35), np.log(2.4)))),
        pitch=float(rng.normal(0.08 if kind else 0.02, 0.12)),
        yaw=float(rng.normal(0, 0.3)) if kind else 0.0,
        focal=float(np.exp(rng.uniform(np.log(0.7), np.log(2.2)))),
    )
    if kind == 0:
        walls = np.array([NONE_M, NONE_M, NONE_M, NONE_M, 0.0])
    elif kind == 1:
        walls = np.array([NONE_M, rng.uniform(2, 9), rng.uniform(2, 9), rng.uniform(15, 90), rng.uniform(3, 14)])
    else:
        ceiling = max(rng.uniform(2.3, 4.0), camera.height_m + 0.2)
        walls = np.array([ceiling, rng.uniform(1.0, 4.5), rng.uniform(1.0, 4.5), rng.uniform(2.5, 10), ceiling])
    deepest = float(min(walls[3] * 0.9, 60.0))
    boxes = _boxes(int(rng.integers(0, 7)), walls, deepest, rng)
    view = np.array([camera.height_m, camera.pitch, camera.yaw, camera.focal])
    depth, surface, u, v = trace(height, width, view, walls, boxes)
    picture = crop(photos, size, rng) if photos else np.full((height, width, 3), 0.8, np.float32)
    sky = picture.copy()
    shades, seed = rng.uniform(0.55, 1.05, 3), int(rng.integers(2**32))
    for which in np.unique(surface[surface >= 0]):
        here = surface == which
        axis = 1 if which in (FLOOR, CEILING) else 0 if which in (LEFT, RIGHT) else 2 if which == BACK else which % 3
        if which >= BOX:
            axis = (which - BOX) % 3
        # Every face of a box is of one stuff.
        stuff = np.random.default_rng((seed, int(which - axis if which >= BOX else which)))
        colour = _stuff(photos, textures, u[here], v[here], depth[here] / (camera.focal * height), which, stuff)
        picture[here] = colour * shades[axis]
    if kind != 2 and rng.random() < 0.4:
        clear = np.exp(-depth / rng.uniform(15, 120))[..., None]
        picture = picture * clear + (1 - clear) * (0.5 * sky + 0.5 * sky.mean(axis=(0, 1)))
    dioptres = np.where(surface >= 0, 1 / np.maximum(depth, 0.05), 0).astype(np.float32)
    return Space(picture.clip(0, 1).astype(np.float32), dioptres, camera, deepest)


def _boxes(count: int, walls: np.ndarray, deepest: float, rng: np.random.Generator) -> np.ndarray:
    """Stand boxes on the floor: furniture, crates, cars, houses, pillars."""
    found = np.zeros((count, 6))
    for k in range(count):
        z = np.exp(rng.uniform(np.log(1.5), np.log(max(deepest, 2))))
        room = min(walls[1], walls[2], 2 + 0.5 * z)
        wide, high, deep = np.exp(rng.normal(np.log(0.25 * z**0.5), 0.6, 3)) * (0.8, 1.2, 0.8)
        x = rng.uniform(-room, room)
        found[k] = x - wide, x + wide, 0, min(2 * high, 0.95 * walls[4]) if walls[4] else 2 * high, z, z + 2 * deep
    return found


def _stuff(
    photos: Sequence[np.ndarray],
    textures: Sequence[Sequence[np.ndarray]],
    u: np.ndarray,
    v: np.ndarray,
    footprint_m: np.ndarray,
    which: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Colour a surface: a texture, a photo hung on it (mirrored at its borders), or one colour."""
    kind = rng.random()
    tint = rng.uniform(0.5, 1.15) * rng.uniform(0.85, 1.15, 3)
    if kind < 0.7 and textures:
        sizes = textures[int(rng.integers(len(textures)))]
        dense = len(sizes[0]) / np.exp(rng.uniform(np.log(0.4), np.log(3.0)))
    elif kind < 0.85 and photos and which != FLOOR:
        photo = photos[int(rng.integers(len(photos)))]
        doubled = np.concatenate([photo, photo[:, ::-1]], axis=1)
        doubled = np.concatenate([doubled[::-1], doubled])
        sizes = [doubled, doubled[::4, ::4], doubled[::16, ::16]]
        dense = len(photo) / np.exp(rng.uniform(np.log(1.5), np.log(6.0)))
    else:
        return np.broadcast_to(rng.uniform(0.15, 1.0) * rng.uniform(0.7, 1.2, 3), (len(u), 3))
    if rng.random() < 0.5:
        u, v = v, u
    level = np.clip(np.rint(np.log2(np.maximum(footprint_m * dense, 1)) / 2), 0, len(sizes) - 1).astype(int)
    colour = np.zeros((len(u), 3), np.float32)
    for k in np.unique(level):
        here, texture = level == k, sizes[k]
        across, down = (u[here] * dense / 4**k).astype(np.int64), (-v[here] * dense / 4**k).astype(np.int64)
        colour[here] = texture[down % texture.shape[0], across % texture.shape[1]]
    return colour * (tint / 255)


def crop(photos: Sequence[np.ndarray], size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Take a part of a photo at a size."""
    photo = Image.fromarray(photos[int(rng.integers(len(photos)))])
    zoom = rng.uniform(0.5, 1.0)
    wide, high = photo.width * zoom, photo.height * zoom
    left, top = rng.uniform(0, photo.width - wide), rng.uniform(0, photo.height - high)
    part = photo.resize(size, Image.Resampling.BILINEAR, box=(left, top, left + wide, top + high))
    return np.asarray(part, np.float32) / 255
