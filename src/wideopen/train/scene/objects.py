"""Cut-outs of things: meshes, turned by chance, lit, with their own colours or painted."""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from wideopen.compiled import compiled
from wideopen.shapes import Float, Int, UInt8

SIZE_PX = 144
FLAT = ("icon", "moulding", "molding", "symbol", "letter", "trim", "arrow", "plane", "sign", "rug_", "pictureframe")
"""Words in the names of what is no thing to photograph."""
UNSTATED = ("living_room", "curtain")
"""Words in the names of what has no licence."""
PLAIN = np.full((1, 1, 4), 255, np.uint8)


@dataclass(frozen=True)
class Part:
    """A part of a thing that has one colour or picture."""

    vertices: Float[np.ndarray, "v 3"]
    """Y up."""
    faces: Int[np.ndarray, "f 3"]
    on_picture: Float[np.ndarray, "v 2"] | None = None
    """Across and up, in the picture's widths and heights."""
    picture: UInt8[np.ndarray, "h w 4"] | None = None
    """Without one the part is painted."""


@compiled()
def rasterise(
    corners: np.ndarray,
    faces: np.ndarray,
    on_picture: np.ndarray,
    opacity: np.ndarray,
    first: int,
    index: np.ndarray,
    depth: np.ndarray,
    place: np.ndarray,
) -> None:
    """Draw triangles: the index of the nearest one for each pixel, its depth, and the place on its picture.

    Where `opacity` is under a half there are holes.
    """
    height, width = index.shape
    for k in range(len(faces)):
        i, j, m = faces[k, 0], faces[k, 1], faces[k, 2]
        a, b, c = corners[i], corners[j], corners[m]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if abs(area) < 1e-9:
            continue
        left, right = int(min(a[0], b[0], c[0])), int(max(a[0], b[0], c[0])) + 1
        top, bottom = int(min(a[1], b[1], c[1])), int(max(a[1], b[1], c[1])) + 1
        for y in range(max(top, 0), min(bottom + 1, height)):
            for x in range(max(left, 0), min(right + 1, width)):
                u = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
                v = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
                if u < 0 or v < 0 or u + v > 1:
                    continue
                z = a[2] + u * (b[2] - a[2]) + v * (c[2] - a[2])
                if z >= depth[y, x]:
                    continue
                across = on_picture[i, 0] * (1 - u - v) + on_picture[j, 0] * u + on_picture[m, 0] * v
                up = on_picture[i, 1] * (1 - u - v) + on_picture[j, 1] * u + on_picture[m, 1] * v
                column = int(np.floor((across % 1) * opacity.shape[1])) % opacity.shape[1]
                row = int(np.floor((-up % 1) * opacity.shape[0])) % opacity.shape[0]
                if opacity[row, column] < 128:
                    continue
                depth[y, x], index[y, x] = z, first + k
                place[y, x, 0], place[y, x, 1] = row, column


def draw(
    parts: list[Part], paint: UInt8[np.ndarray, "h w 3"], rng: np.random.Generator
) -> tuple[UInt8[np.ndarray, "h w 4"], Float[np.ndarray, "h w"]]:
    """Draw a thing from a chance side.

    Args:
        parts: Of the thing.
        paint: For parts without a picture.
        rng: For side, light and tint.

    Returns:
        Red, green, blue and opacity, cut to its bounds, and relief in [-0.5, 0.5] of its size, larger is nearer.
    """
    everything = np.concatenate([part.vertices for part in parts])
    middle = (everything.min(axis=0) + everything.max(axis=0)) / 2
    size = max(float(np.ptp(everything, 0).max()), 1e-9)
    view = _turned(rng)
    large = 2 * SIZE_PX
    index = np.full((large, large), -1, np.int32)
    depth = np.full((large, large), np.inf, np.float32)
    place = np.zeros((large, large, 2), np.int32)
    light = rng.normal(size=3) + np.array([0, 1.2, 0])
    light /= np.linalg.norm(light)
    tint = rng.uniform(0.35, 1.15, 3) if rng.random() < 0.7 else np.ones(3)
    repeat = rng.uniform(0.7, 2.5)
    picture = np.zeros((large, large, 4), np.float32)
    first, drawn = 0, []
    for part in parts:
        points = (part.vertices - middle) / size
        seen = points @ view
        spots = [large / 2 + seen[:, 0] * large * 0.68, large / 2 - seen[:, 1] * large * 0.68, -seen[:, 2]]
        own = PLAIN if part.picture is None else part.picture
        on_picture = np.zeros((len(points), 2)) if part.on_picture is None else part.on_picture
        rasterise(
            np.stack(spots, axis=1).astype(np.float32),
            part.faces.astype(np.int32),
            on_picture.astype(np.float32),
            np.ascontiguousarray(own[..., 3]),
            first,
            index,
            depth,
            place,
        )
        drawn.append((first, points[part.faces], own, part.picture is None))
        first += len(part.faces)
    for start, edges, own, is_painted in drawn:
        inside = (index >= start) & (index < start + len(edges))
        face = index[inside] - start
        normal = np.cross(edges[:, 1] - edges[:, 0], edges[:, 2] - edges[:, 0])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        shade = 0.45 + 0.35 * np.abs(normal @ light) + 0.3 * np.clip(normal @ light, 0, 1)
        if is_painted:
            colour = _painted(edges, normal, face, np.argwhere(inside), paint, repeat) * tint
        else:
            colour = own[place[inside, 0], place[inside, 1], :3] / 255
        picture[inside, :3] = np.clip(colour * shade[face, None], 0, 1)
        picture[inside, 3] = 1
    relief = np.where(index >= 0, -depth, 0).astype(np.float32)
    picture = picture.reshape(SIZE_PX, 2, SIZE_PX, 2, 4).mean(axis=(1, 3))
    relief = relief.reshape(SIZE_PX, 2, SIZE_PX, 2).mean(axis=(1, 3)) / np.maximum(picture[..., 3], 0.25)
    rows, columns = (np.flatnonzero(picture[..., 3].any(axis=axis)) for axis in (1, 0))
    if rows.size == 0:
        return np.zeros((0, 0, 4), np.uint8), np.zeros((0, 0), np.float32)
    cut = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    picture[..., :3] /= np.maximum(picture[..., 3:], 1e-6)
    return np.rint(picture[cut] * 255).astype(np.uint8), relief[cut]


def _turned(rng: np.random.Generator) -> np.ndarray:
    """Turn about the upright axis, then tilt a little towards the viewer."""
    turn, tilt = rng.uniform(0, 2 * np.pi), rng.normal(0.25, 0.2)
    c, s = np.cos(turn), np.sin(turn)
    upright = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    c, s = np.cos(tilt), np.sin(tilt)
    return np.asarray(upright @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]]))


def _painted(
    edges: np.ndarray, normal: np.ndarray, face: np.ndarray, pixels: np.ndarray, paint: np.ndarray, repeat: float
) -> np.ndarray:
    """Colour pixels from a texture that runs over the screen within a face, from where its middle lies on it."""
    large = 2 * SIZE_PX
    middle = edges.mean(axis=1) * repeat * len(paint)
    axis = np.abs(normal).argmax(axis=1)
    across = np.where(axis[face] == 0, middle[face, 2], middle[face, 0]) + (pixels[:, 1] - large / 2) * 0.7
    down = np.where(axis[face] == 1, middle[face, 2], -middle[face, 1]) + (pixels[:, 0] - large / 2) * 0.7
    return np.asarray(paint[down.astype(int) % len(paint), across.astype(int) % paint.shape[1]] / 255)


def things(archive: Path, *, most_faces: int = 60_000) -> Iterator[tuple[str, list[Part]]]:
    """Read name and parts of every GLB in a tar archive that is a thing."""
    import trimesh

    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).stem
            if not member.name.endswith(".glb") or any(word in name.lower() for word in (*FLAT, *UNSTATED)):
                continue
            file = tar.extractfile(member)
            if file is None:
                continue
            loaded = trimesh.load(io.BytesIO(file.read()), file_type="glb")
            meshes = loaded.dump(concatenate=False) if isinstance(loaded, trimesh.Scene) else [loaded]
            if 4 <= sum(len(mesh.faces) for mesh in meshes) <= most_faces:
                yield name, [_part(mesh) for mesh in meshes]


def _part(mesh: "trimesh.Trimesh") -> Part:
    """Take a mesh with the colours it has."""
    vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
    material = getattr(mesh.visual, "material", None)
    on_picture = getattr(mesh.visual, "uv", None)
    image = getattr(material, "baseColorTexture", None)
    factor = getattr(material, "baseColorFactor", None)
    tint = np.ones(4) if factor is None else np.asarray(factor, float) / 255
    # Factors of glTF are linear.
    tint[:3] **= 1 / 2.2
    if image is not None and on_picture is not None:
        small = image.convert("RGBA").resize((256, 256), Image.Resampling.BOX)
        return Part(vertices, faces, np.asarray(on_picture), np.rint(np.asarray(small) * tint).astype(np.uint8))
    if factor is not None and np.ptp(tint[:3]) > 0.02:
        colour = np.rint(np.full((1, 1, 4), 255) * tint).astype(np.uint8)
        return Part(vertices, faces, np.zeros((len(vertices), 2)), colour)
    return Part(vertices, faces)
