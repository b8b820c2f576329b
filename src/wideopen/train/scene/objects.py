"""Cut-outs of things without colour: meshes, turned by chance, painted with a texture and lit."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wideopen.compiled import compiled
from wideopen.shapes import Float

SIZE_PX = 144
FLAT = ("icon", "moulding", "molding", "symbol", "letter", "trim", "arrow", "plane", "sign")
"""Words in the names of what is no thing to photograph."""


@compiled()
def rasterise(corners: np.ndarray, faces: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw triangles: the index of the nearest one for each pixel, -1 for none, and its depth."""
    index = np.full((size, size), -1, np.int32)
    depth = np.full((size, size), np.inf, np.float32)
    for k in range(len(faces)):
        a, b, c = corners[faces[k, 0]], corners[faces[k, 1]], corners[faces[k, 2]]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if abs(area) < 1e-9:
            continue
        left, right = int(min(a[0], b[0], c[0])), int(max(a[0], b[0], c[0])) + 1
        top, bottom = int(min(a[1], b[1], c[1])), int(max(a[1], b[1], c[1])) + 1
        for y in range(max(top, 0), min(bottom + 1, size)):
            for x in range(max(left, 0), min(right + 1, size)):
                u = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
                v = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
                if u >= 0 and v >= 0 and u + v <= 1:
                    z = a[2] + u * (b[2] - a[2]) + v * (c[2] - a[2])
                    if z < depth[y, x]:
                        depth[y, x], index[y, x] = z, k
    return index, depth


def draw(
    vertices: Float[np.ndarray, "v 3"], faces: np.ndarray, texture: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a mesh, Y up, from a chance side.

    Returns:
        uint8 red, green, blue and opacity, cut to its bounds, and float32 relief in [-0.5, 0.5] of its size, larger
        is nearer.
    """
    points = (vertices - (vertices.min(axis=0) + vertices.max(axis=0)) / 2) / max(
        float(np.ptp(vertices, 0).max()), 1e-9
    )
    turn, tilt = rng.uniform(0, 2 * np.pi), rng.normal(0.25, 0.2)
    c, s = np.cos(turn), np.sin(turn)
    view = points @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T
    c, s = np.cos(tilt), np.sin(tilt)
    view = view @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]).T
    large = 2 * SIZE_PX
    corners = np.stack(
        [large / 2 + view[:, 0] * large * 0.68, large / 2 - view[:, 1] * large * 0.68, -view[:, 2]], axis=1
    )
    index, depth = rasterise(corners.astype(np.float32), faces.astype(np.int32), large)
    inside = index >= 0
    edges = points[faces]
    normal = np.cross(edges[:, 1] - edges[:, 0], edges[:, 2] - edges[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    light = rng.normal(size=3) + np.array([0, 1.2, 0])
    light /= np.linalg.norm(light)
    shade = 0.45 + 0.35 * np.abs(normal @ light) + 0.3 * np.clip(normal @ light, 0, 1)
    middle = edges.mean(axis=1) * rng.uniform(0.7, 2.5) * len(texture)
    axis = np.abs(normal).argmax(axis=1)
    y, x = np.mgrid[:large, :large]
    # Texture runs over the screen within a face, from where its middle lies on the texture
    face = index[inside]
    across = np.where(axis[face] == 0, middle[face, 2], middle[face, 0]) + (x[inside] - large / 2) * 0.7
    down = np.where(axis[face] == 1, middle[face, 2], -middle[face, 1]) + (y[inside] - large / 2) * 0.7
    colour = texture[down.astype(int) % len(texture), across.astype(int) % texture.shape[1]] / 255
    tint = rng.uniform(0.35, 1.15, 3) if rng.random() < 0.7 else np.ones(3)
    picture = np.zeros((large, large, 4), np.float32)
    picture[inside, :3] = np.clip(colour * tint * shade[face, None], 0, 1)
    picture[inside, 3] = 1
    relief = np.where(inside, -depth, 0).astype(np.float32)
    picture = picture.reshape(SIZE_PX, 2, SIZE_PX, 2, 4).mean(axis=(1, 3))
    relief = relief.reshape(SIZE_PX, 2, SIZE_PX, 2).mean(axis=(1, 3)) / np.maximum(picture[..., 3], 0.25)
    rows, columns = (np.flatnonzero(picture[..., 3].any(axis=axis)) for axis in (1, 0))
    if rows.size == 0:
        return np.zeros((0, 0, 4), np.uint8), np.zeros((0, 0), np.float32)
    cut = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    picture[..., :3] /= np.maximum(picture[..., 3:], 1e-6)
    return np.rint(picture[cut] * 255).astype(np.uint8), relief[cut]


def meshes(archive: Path, *, most_faces: int = 60_000) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Read name, vertices and faces of every GLB in a tar archive that is a thing."""
    import io
    import tarfile

    import trimesh

    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).stem.split("__")[0]
            if not member.name.endswith(".glb") or any(word in name.lower() for word in FLAT):
                continue
            file = tar.extractfile(member)
            if file is None:
                continue
            loaded = trimesh.load(io.BytesIO(file.read()), file_type="glb", force="mesh")
            if 20 <= len(loaded.faces) <= most_faces:
                yield name, np.asarray(loaded.vertices, np.float64), np.asarray(loaded.faces, np.int64)
