"""Models and textures from folders of archives: unpacked, turned so that z is up, leaves cut out along their outline.

A folder of models holds ``NAME.tar.xz`` with binary glTF inside, and ``textures/*.jpg``.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapes
import trimesh
from PIL import Image
from scene import matte, painted, rgb, thin


@dataclass(frozen=True)
class Part:
    """One mesh of a model with its colours: sRGB bytes with alpha, or None, times a linear tint."""

    mesh: shapes.Mesh
    picture: np.ndarray | None
    tint: tuple[float, float, float]

    def colours(self) -> np.ndarray | None:
        """Multiply the picture by the tint, first row at v = 0."""
        if self.picture is None:
            return None
        encoded = np.array(self.tint) ** (1 / 2.2)
        return np.ascontiguousarray((self.picture[::-1, :, :3] * encoded + 0.5).astype(np.uint8))

    def material(self, *, through: float = 0.0):
        """Make a dull surface of its own colours; ``through``: the share of light that a leaf lets through."""
        colours = self.colours()
        wrapped = rgb(self.tint) if colours is None else painted(colours)
        return thin(wrapped, through=through) if through else matte(wrapped)


@dataclass(frozen=True)
class Library:
    """Finds models and textures below ``folder``; unpacks archives into ``cache`` when first asked."""

    folder: Path
    cache: Path

    def load(self, archive: str, name: str) -> list[Part]:
        """Load the model whose file name starts with ``name``, z up, its front towards -y."""
        place = self.cache / archive
        if not place.exists():
            with tarfile.open(self.folder / f"{archive}.tar.xz") as packed:
                packed.extractall(place, filter="data")
        (path,) = (path for path in place.rglob("*.glb") if path.stem.split("__")[0] == name or path.stem == name)
        loaded = trimesh.load(path, force="scene")
        parts = []
        for node in loaded.graph.nodes_geometry:
            matrix, key = loaded.graph[node]
            parts.append(_read(loaded.geometry[key], matrix))
        return parts

    def texture(self, name: str, *, size_px: int | None = None) -> np.ndarray:
        """Read a texture, sRGB bytes."""
        picture = Image.open(self.folder / "textures" / f"{name}.jpg").convert("RGB")
        if size_px:
            picture = picture.resize((size_px, size_px), Image.Resampling.LANCZOS)
        return np.array(picture)


def _read(geometry, matrix) -> Part:
    material = getattr(geometry.visual, "material", None)
    picture = getattr(material, "baseColorTexture", None)
    factor = getattr(material, "baseColorFactor", None)
    tint = (1.0, 1.0, 1.0) if factor is None else tuple(float(value) / 255 for value in factor[:3])
    uv = getattr(geometry.visual, "uv", None)
    uv = np.zeros((len(geometry.vertices), 2)) if uv is None else np.array(uv)
    swap = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float)
    vertices = (geometry.vertices @ matrix[:3, :3].T + matrix[:3, 3]) @ swap.T
    normals = _normals(geometry) @ np.linalg.inv(matrix[:3, :3]) @ swap.T
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    pixels = None if picture is None or min(picture.size) < 4 else np.array(picture.convert("RGBA"))
    return Part(shapes.Mesh(np.array(vertices), normals, uv, np.array(geometry.faces)), pixels, tint)


def _normals(geometry) -> np.ndarray:
    if "vertex_normals" in geometry._cache:  # as stored in the file; trimesh would need SciPy to make new ones
        return np.array(geometry.vertex_normals)
    a, b, c = (geometry.vertices[geometry.faces[:, k]] for k in range(3))
    normals = np.zeros((len(geometry.vertices), 3))
    for k in range(3):
        np.add.at(normals, geometry.faces[:, k], np.cross(b - a, c - a))
    return normals


def stand(parts: list[Part], at, *, height_m: float | None = None, turn_deg: float = 0.0) -> list[Part]:
    """Turn about the vertical, scale to a height (or leave as it is), and stand the middle of the foot on a point."""
    turn = shapes.rotation("z", turn_deg)
    corners = np.concatenate([part.mesh.vertices for part in parts]) @ turn.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    scale = 1.0 if height_m is None else height_m / (high[2] - low[2])
    foot = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]]) * scale
    return [replace(part, mesh=part.mesh.placed(np.array(at) - foot, turn=turn, scale=scale)) for part in parts]


def cut_out(part: Part, *, cells: int = 56) -> Part:
    """Replace every leaf, a square with a picture of a twig, by a flat mesh along the twig's outline."""
    u, v, faces = outline(part.picture[::-1, :, 3] / 255.0, cells=cells)
    squares = part.mesh.vertices.reshape(-1, 4, 3)  # corners at uv (0, 1), (0, 0), (1, 0), (1, 1)
    origin, across, along = squares[:, 1], squares[:, 2] - squares[:, 1], squares[:, 0] - squares[:, 1]
    vertices = origin[:, None] + across[:, None] * u[:, None] + along[:, None] * v[:, None]
    normals = np.broadcast_to(part.mesh.normals.reshape(-1, 4, 3)[:, :1], vertices.shape)
    count = len(squares)
    indices = faces[None] + (np.arange(count) * len(u))[:, None, None]
    uv = np.broadcast_to(np.stack([u, v], axis=1), (count, len(u), 2))
    mesh = shapes.Mesh(vertices.reshape(-1, 3), normals.reshape(-1, 3), uv.reshape(-1, 2), indices.reshape(-1, 3))
    return replace(part, mesh=mesh)


def outline(alpha: np.ndarray, *, cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """March through squares: cover the unit square where alpha is above one half.

    Args:
        alpha: Picture in [0, 1], first row at v = 0.
        cells: Squares along each side.

    Returns:
        u and v of the corners, and triangles between them.
    """
    small = Image.fromarray(alpha.astype(np.float32)).resize((cells + 1, cells + 1), Image.Resampling.BOX)
    values = np.asarray(small) - 0.35
    spots, faces = [], []
    for row in range(cells):
        start = None
        for column in range(cells + 1):
            corners = values[row : row + 2, column : column + 2]
            full = column < cells and bool((corners > 0).all())
            if full and start is None:
                start = column
            if not full and start is not None:
                _fan(spots, faces, [(start, row), (column, row), (column, row + 1), (start, row + 1)])
                start = None
            if column < cells and not full and (corners > 0).any():
                _fan(spots, faces, _corner_cut(corners, column, row))
    u, v = np.array(spots).T / cells
    return u, v, np.array(faces)


def _corner_cut(corners: np.ndarray, column: int, row: int) -> list[tuple[float, float]]:
    ring = [(0, 0), (1, 0), (1, 1), (0, 1)]
    polygon = []
    for (x, y), (to_x, to_y) in zip(ring, ring[1:] + ring[:1], strict=True):
        here, there = corners[y, x], corners[to_y, to_x]
        if here > 0:
            polygon.append((column + x, row + y))
        if (here > 0) != (there > 0):
            share = here / (here - there)
            polygon.append((column + x + share * (to_x - x), row + y + share * (to_y - y)))
    return polygon


def _fan(spots: list, faces: list, polygon: list) -> None:
    start = len(spots)
    spots.extend(polygon)
    faces.extend((start, start + k, start + k + 1) for k in range(1, len(polygon) - 1))
