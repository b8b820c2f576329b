"""Meshes made from formulas: everything on the table is a bent grid.

Axes as in a room: x to the right, y away from the camera, z up; metres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Mesh:
    """Triangles with a normal and a texture coordinate at every corner."""

    vertices: Array
    normals: Array
    uv: Array
    faces: Array

    def placed(self, at=(0.0, 0.0, 0.0), *, turn: Array | None = None, scale: float = 1.0) -> Mesh:
        """Scale, then turn about the origin, then move to ``at``."""
        turn = np.eye(3) if turn is None else turn
        return replace(self, vertices=self.vertices * scale @ turn.T + np.asarray(at), normals=self.normals @ turn.T)

    def stretched(self, x: float, y: float, z: float) -> Mesh:
        """Scale each axis by its own factor, normals included."""
        factors = np.array([x, y, z])
        normals = self.normals / factors
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        return replace(self, vertices=self.vertices * factors, normals=normals)


def join(meshes: list[Mesh]) -> Mesh:
    """Make one mesh of many."""
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.uv for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]),
    )


def grid(points: Array, *, closed: bool = False) -> Mesh:
    """Skin a grid of points ``(rows, columns, 3)``; ``closed``: first and last column coincide."""
    rows, columns, _ = points.shape
    along = np.gradient(points, axis=0)
    across = np.gradient(points, axis=1)
    if closed:
        across[:, 0] = across[:, -1] = (points[:, 1] - points[:, -2]) / 2
    normals = np.cross(across, along)
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-12)
    v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij")
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + columns], axis=1),
            np.stack([corner + 1, corner + columns + 1, corner + columns], axis=1),
        ]
    )
    return Mesh(points.reshape(-1, 3), normals.reshape(-1, 3), np.stack([u, v], axis=2).reshape(-1, 2), faces)


def rotation(axis: str, degrees: float) -> Array:
    """Rotate about ``x``, ``y`` or ``z``, counter-clockwise as seen from the axis' tip."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrices = {
        "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
        "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }
    return np.array(matrices[axis])


def facing(direction) -> Array:
    """Rotate the z axis onto ``direction``."""
    z = np.asarray(direction, float) / np.linalg.norm(direction)
    helper = np.array([0.0, 0.0, 1.0]) if abs(z[2]) < 0.9 else np.array([0.0, 1.0, 0.0])
    x = np.cross(helper, z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


def spline(knots, count: int) -> Array:
    """Draw a Catmull-Rom curve through the knots, ``count`` points long."""
    knots = np.asarray(knots, float)
    padded = np.concatenate([[2 * knots[0] - knots[1]], knots, [2 * knots[-1] - knots[-2]]])
    position = np.linspace(0, len(knots) - 1, count)
    index = np.minimum(position.astype(int), len(knots) - 2)
    t = (position - index)[:, None]
    a, b, c, d = (padded[index + k] for k in range(4))
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def lathe(profile: Array, *, segments: int = 96) -> Mesh:
    """Turn a profile of (radius, height) about the z axis; ``u`` runs round, ``v`` along the profile."""
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    radius, height = np.maximum(profile[:, :1], 1e-4), profile[:, 1:]
    ring = [radius * np.cos(angle), radius * np.sin(angle), height + 0 * angle]
    return grid(np.stack(ring, axis=2), closed=True)


def tube(path: Array, radius_m, *, sides: int = 12) -> Mesh:
    """Sweep a circle along a path; the radius may change along it."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    helper = np.eye(3)[abs(tangent).max(axis=0).argmin()]
    first = np.cross(tangent, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(tangent, first)
    angle = np.linspace(0, 2 * np.pi, sides + 1)[None, :, None]
    radius_m = np.broadcast_to(radius_m, len(path))[:, None, None]
    ring = np.cos(angle) * first[:, None] + np.sin(angle) * second[:, None]
    return grid(path[:, None] + radius_m * ring, closed=True)


def ball(radius_m: float, *, rows: int = 8, sides: int = 12) -> Mesh:
    """Make a sphere about the origin."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, rows)
    return lathe(radius_m * np.stack([np.cos(angle), np.sin(angle)], axis=1), segments=sides)


def blade(
    length_m: float,
    width_m: float,
    *,
    start_deg: float = 0.0,
    bend_deg: float = 0.0,
    cup: float = 0.3,
    widest: float = 0.6,
    tip: float = 0.75,
    ripple: float = 0.0,
    phase: float = 0.0,
    rows: int = 14,
    columns: int = 7,
) -> Mesh:
    """Bend a petal or a leaf: it leaves the origin along +y and rises by ``start_deg``, then curls by ``bend_deg``.

    Args:
        length_m: Length along the spine.
        width_m: Width where it is widest.
        start_deg: Angle of the spine against the ground at its foot.
        bend_deg: Change of that angle up to the tip.
        cup: How far the rims stand up, as a share of the half width.
        widest: Where along the length it is widest, in [0, 1].
        tip: Shape of the outline: below 1 blunt, above 1 pointed.
        ripple: Height of the waves along the rim, as a share of the half width.
        phase: Where those waves start, radians.
        rows: Points along it.
        columns: Points across it.

    Returns:
        One sheet, with ``v`` of its texture running from foot to tip.
    """
    t = np.linspace(0, 1, rows)
    slope = np.radians(start_deg + bend_deg * t)
    step = length_m / (rows - 1)
    middle = (slope[1:] + slope[:-1]) / 2
    away = np.concatenate([[0], np.cumsum(np.cos(middle))]) * step
    up = np.concatenate([[0], np.cumsum(np.sin(middle))]) * step
    bent = t ** (np.log(0.5) / np.log(widest))
    half = width_m / 2 * np.maximum(np.sin(np.pi * bent), 0.0) ** tip + width_m * 0.02
    side = np.linspace(-1, 1, columns)
    lift = half[:, None] * (cup * side**2 + ripple * abs(side) * np.sin(9 * t[:, None] + 2 * side + phase))
    x = half[:, None] * side
    y = away[:, None] - np.sin(slope)[:, None] * lift
    z = up[:, None] + np.cos(slope)[:, None] * lift
    return grid(np.stack([x, y, z], axis=2))


def daisy(rng: np.random.Generator, *, petals: int = 19, length_m: float = 0.02) -> tuple[Mesh, Mesh]:
    """Make a daisy that looks up: its petals, and its dome of florets in a golden-angle spiral."""
    rays = []
    for ring, count in enumerate((petals, petals - 3)):
        for i in range(count):
            petal = blade(
                length_m * rng.uniform(0.9, 1.06),
                length_m * 0.34,
                start_deg=8 + 10 * ring + rng.normal(0, 4),
                bend_deg=-18 + rng.normal(0, 9),
                cup=0.22,
                widest=0.66,
                tip=0.55,
                ripple=0.06,
                phase=rng.uniform(0, 6),
            )
            turn = rotation("z", 360 * (i + 0.5 * ring) / count + rng.normal(0, 2.5))
            rays.append(petal.placed(turn @ [0, length_m * 0.22, ring * 0.0006], turn=turn))
    florets = [ball(length_m * 0.36, rows=12, sides=24).stretched(1, 1, 0.45)]
    for i in range(150):
        share = (i + 0.5) / 150
        radius, angle = length_m * 0.36 * np.sqrt(share), i * 2.39996
        height = length_m * 0.36 * 0.45 * np.sqrt(max(1 - share, 0)) - 0.05 * length_m * np.exp(-share * 12)
        at = (radius * np.cos(angle), radius * np.sin(angle), height)
        florets.append(ball(length_m * 0.033, rows=4, sides=5).placed(at))
    return join(rays), join(florets)


def ranunculus(rng: np.random.Generator, *, radius_m: float = 0.026, petals: int = 58) -> Mesh:
    """Make a many-layered flower that looks up: cups within cups, the outermost lying open."""
    layers = []
    for i in range(petals):
        share = (i + 0.5) / petals
        length = radius_m * (0.5 + 0.72 * share)
        petal = blade(
            length,
            length * rng.uniform(0.95, 1.15),
            start_deg=96 - 58 * share**1.6 + rng.normal(0, 3),
            bend_deg=44 - 26 * share + rng.normal(0, 5),
            cup=0.5,
            widest=0.62,
            tip=0.5,
            ripple=0.07,
            phase=rng.uniform(0, 6),
            rows=12,
            columns=9,
        )
        turn = rotation("z", i * 137.5 + rng.normal(0, 8))
        layers.append(petal.placed(turn @ [0, radius_m * (0.04 + 0.42 * share), -radius_m * 0.3 * share], turn=turn))
    return join(layers)


def lavender(rng: np.random.Generator, path: Array) -> tuple[Mesh, Mesh]:
    """Make a sprig along a path: its stem, and whorls of buds over its upper part."""
    buds = []
    for share in np.linspace(0.62, 1, 17):
        at = path[int(share * (len(path) - 1))]
        size = 0.0034 * (1.15 - 0.6 * (share - 0.62) / 0.38)
        for angle in rng.uniform(0, 60) + np.arange(0, 360, 60):
            turn = rotation("z", angle + rng.normal(0, 8)) @ rotation("x", -38 + rng.normal(0, 10))
            bud = ball(size, rows=6, sides=7).stretched(0.55, 0.55, 1).placed((0, 0.1 * size, 0.9 * size))
            buds.append(bud.placed(at, turn=turn))
    return tube(path, np.linspace(0.0011, 0.0006, len(path)), sides=7), join(buds)


def leafy_branch(
    rng: np.random.Generator,
    path: Array,
    *,
    leaf_m: float,
    roundness: float = 0.8,
    first: float = 0.25,
    pairs: int = 8,
) -> tuple[Mesh, Mesh]:
    """Make a branch along a path: its stem, and pairs of leaves that shrink towards the tip."""
    leaves = []
    for k, share in enumerate(np.linspace(first, 0.97, pairs)):
        index = min(int(share * (len(path) - 1)), len(path) - 2)
        frame = facing(path[index + 1] - path[index])
        size = leaf_m * (1.1 - 0.55 * share) * rng.uniform(0.85, 1.1)
        for side in (0, 180):
            turn = frame @ rotation("z", side + 90 * k + rng.normal(0, 14)) @ rotation("x", 42 + rng.normal(0, 9))
            leaf = blade(
                size,
                size * roundness,
                cup=0.2,
                bend_deg=rng.normal(-22, 10),
                widest=0.5,
                tip=0.8,
                ripple=0.05,
                phase=rng.uniform(0, 6),
            )
            leaves.append(leaf.placed(path[index], turn=turn))
    return tube(path, np.linspace(0.0018, 0.0008, len(path)), sides=8), join(leaves)


def foliage(rng: np.random.Generator, centres: Array, *, leaf_m: float, spread_m: float, leaves: int) -> Mesh:
    """Scatter leaves over the shells of blobs, for hedges and trees far away."""
    scattered = []
    for _ in range(leaves):
        outward = rng.normal(size=3)
        outward /= np.linalg.norm(outward)
        at = centres[rng.integers(len(centres))] + outward * spread_m * rng.uniform(0.55, 1.05)
        turn = facing(outward + rng.normal(0, 0.5, 3)) @ rotation("z", rng.uniform(0, 360))
        scattered.append(blade(leaf_m, leaf_m * 0.5, rows=4, columns=3, bend_deg=-30).placed(at, turn=turn))
    return join(scattered)
