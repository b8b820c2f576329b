"""Portraits of statues: one with hair of thin strands, one before a street full of detail."""

from __future__ import annotations

import numpy as np
import paint
import shapes
import textures
from models import stand
from scene import matte, painted, rgb
from scenes_plain import hedge, row_of_houses
from scenes_trees import lay_ground, plant
from stage import Recipe, plane
from street import box


def hair(rng: np.random.Generator, head: shapes.Mesh, *, above_m: float, count: int, wild: float = 0.0) -> shapes.Mesh:
    """Grow strands on the scalp: the part of a head that looks along -y which lies above, behind and beside the face.

    Args:
        rng: Draws roots, lengths and curls.
        head: Mesh of the head, metres.
        above_m: Height below which nothing grows at the front; it grows 45 mm lower behind.
        count: Strands.
        wild: 0 hangs down, 1 stands off.

    Returns:
        Thin tubes of three sides; u is random for each strand, v runs from root to tip.
    """
    a, b, c = (head.vertices[head.faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    normal = head.normals[head.faces].mean(axis=1)
    middle = (a + b + c) / 3
    behind = np.clip((middle[:, 1] - head.vertices[:, 1].min()) / np.ptp(head.vertices[:, 1]), 0, 1)
    grows = (
        (middle[:, 2] > above_m - 0.10 * np.clip((behind - 0.35) / 0.4, 0, 1))
        & (normal[:, 2] > -0.4)
        & ((normal[:, 1] > -0.75) | (middle[:, 2] > above_m + 0.015))
    )
    pick = rng.choice(len(a), size=count, p=area * grows / (area * grows).sum())
    share = rng.dirichlet((1, 1, 1), count)
    at = sum(share[:, k : k + 1] * corner[pick] for k, corner in enumerate((a, b, c)))
    normal = normal[pick] / np.linalg.norm(normal[pick], axis=1, keepdims=True)
    steps = 18
    length = rng.uniform(0.05, 0.12, (count, 1)) * (1 + 0.5 * wild)
    flow = np.array([0, 0.35, -0.35]) + np.sign(at[:, :1] - head.vertices[:, 0].mean()) * [0.45, 0, 0]
    way = normal * (0.75 + wild) + flow + rng.normal(0, 0.16 + 0.35 * wild, (count, 3))
    curl, phase = rng.normal(0, 1, (count, 3)), rng.uniform(0, 6.3, (count, 1))
    path = [at]
    for step in range(1, steps):
        way = way / np.linalg.norm(way, axis=1, keepdims=True)
        path.append(path[-1] + way * length / steps)
        bend = 0.22 * np.sin(phase + 1.1 * step) * np.cross(way, curl)
        way = way + np.array([0, 0, -0.20 * (1 - 0.8 * wild)]) + bend
    return _strands(rng, np.stack(path, axis=1), radius_m=0.00026)


def _strands(rng: np.random.Generator, path: np.ndarray, *, radius_m: float) -> shapes.Mesh:
    count, steps, sides = *path.shape[:2], 3
    tangent = np.gradient(path, axis=1)
    tangent /= np.linalg.norm(tangent, axis=2, keepdims=True)
    first = np.cross(tangent, rng.normal(size=(count, 1, 3)))
    first /= np.linalg.norm(first, axis=2, keepdims=True)
    second = np.cross(tangent, first)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)[:, None]
    out = np.cos(angle) * first[:, :, None] + np.sin(angle) * second[:, :, None]
    taper = radius_m * np.linspace(1, 0.35, steps)[None, :, None, None]
    vertices = path[:, :, None] + taper * out
    corner = (np.arange(steps - 1)[:, None] * sides + np.arange(sides)).ravel()
    beside = (np.arange(steps - 1)[:, None] * sides + (np.arange(sides) + 1) % sides).ravel()
    faces = np.concatenate(
        [np.stack([corner, beside, corner + sides], 1), np.stack([beside, beside + sides, corner + sides], 1)]
    )
    faces = faces[None] + (np.arange(count) * steps * sides)[:, None, None]
    u = np.broadcast_to(rng.random((count, 1, 1)), (count, steps, sides))
    v = np.broadcast_to(np.linspace(0.02, 0.98, steps)[None, :, None], u.shape)
    uv = np.stack([u, v], axis=3)
    return shapes.Mesh(vertices.reshape(-1, 3), out.reshape(-1, 3), uv.reshape(-1, 2), faces.reshape(-1, 3))


def build_statue_hair(stage) -> None:
    """Grow hair on the head of a philosopher, a garden in sun and shade far behind."""
    rng, ground = stage.rng, -1.3
    stage.shine(sun=(-0.85, -0.3, 0.6), strength=1.2, sky=1.1)
    at = np.array([0.0, 1.4, -0.225])
    clay = paint.mottled(rng, [(178, 132, 104), (196, 150, 120), (206, 164, 134)], cells=50)
    (bust,) = stand(stage.library.load("statues", "Plato_Plato"), at, height_m=0.37, turn_deg=-28)
    stage.put_in([bust], matte(painted(clay)))
    (head,) = stand([bust], (0, 0, 0), turn_deg=28)
    turn = shapes.rotation("z", -28)
    tint = rng.uniform(0.75, 1.25, (1, 256, 1)) * np.linspace(0.8, 1.25, 256)[:, None, None]
    brown = matte(painted(textures.to_bytes(np.array([112, 74, 44]) * tint)))
    middle = (bust.mesh.vertices.min(axis=0) + bust.mesh.vertices.max(axis=0)) / 2
    for count, wild in ((5200, 0.0), (420, 0.8)):
        strands = hair(rng, head.mesh, above_m=0.33, count=count, wild=wild)
        stage.add(strands.placed((middle[0], middle[1], at[2]), turn=turn), brown)
    stage.add(box((0.36, 0.3, 1.0), (*at[:2], at[2] - 1.0)), matte(painted(paint.plaster(rng, (176, 168, 154)))))
    lay_ground(stage, "ph_sparse_grass_diff_2k", ground_m=ground, near_m=3, far_m=40, repeat_m=2)
    for name, x, y, tall in (
        ("aspen_large_0", -1.2, 6, 3.2),
        ("ash_large_0", 1.7, 7.5, 3.6),
        ("ash_medium_0", 0.3, 10, 4.0),
    ):
        plant(stage, name, (x, y, ground), height_m=tall, turn_deg=rng.uniform(0, 360), cells=28)
    for x, y in ((-1.7, 5.2), (-0.5, 5.6), (0.9, 5.0), (1.9, 6.0)):
        plant(stage, "bush_1_0", (x, y, ground), height_m=1.0, turn_deg=rng.uniform(0, 360), cells=28)
    row_of_houses(stage, ground_m=ground, distance_m=16, left_m=-9, right_m=7, tall=(5, 6.5))


def build_statue_street(stage) -> None:
    """Set a bust before a street: shop fronts, posters, trees, a bench, crates, a lamp post."""
    rng, ground = stage.rng, -1.4
    stage.shine(sun=(-0.9, -0.25, 0.6), strength=1.0, sky=0.95)
    at = np.array([-0.13, 1.7, -0.245])
    marble = paint.mottled(rng, [(172, 164, 152), (192, 185, 174), (206, 200, 190)], cells=60, speckles=0.05)
    bust = stand(stage.library.load("statues", "EpicMetro_EpicMetro"), at, height_m=0.44, turn_deg=16)
    stage.put_in(bust, matte(painted(marble)))
    stage.add(box((0.34, 0.34, 1.15), (*at[:2], ground)), matte(painted(paint.plaster(rng, (160, 150, 136)))))
    lay_ground(stage, "ph_cobblestone_pavement_diff_2k", ground_m=ground, near_m=2, far_m=40, repeat_m=2)
    load = stage.library.load
    wood = matte(painted(textures.planks(rng, size_px=1024)[0]))
    green, iron = matte(rgb((0.03, 0.12, 0.07))), matte(rgb((0.04, 0.045, 0.05)))
    stage.put_in(stand(load("base_meshes", "park_bench"), (0.55, 5.6, ground), height_m=0.85, turn_deg=-8), wood)
    for x, y, tall in ((1.35, 6.8, 2.9), (-1.7, 8.5, 2.9)):
        stage.put_in(stand(load("base_meshes", "lamp_post_01"), (x, y, ground), height_m=tall), iron)
    stage.put_in(stand(load("base_meshes", "outdoor_bin"), (1.25, 5.4, ground), height_m=0.95), green)
    for k, (x, y) in enumerate(((-0.95, 6.2), (-0.55, 6.3), (-0.9, 6.6))):
        stage.put_in(
            stand(
                load("base_meshes", "wooden_crate_01"), (x, y, ground + 0.36 * (k == 2)), height_m=0.36, turn_deg=12 * k
            ),
            wood,
        )
    for k, x in enumerate(np.arange(-2.4, 2.6, 0.62)):
        board = [(x, 9.88, -0.75), (x + 0.46, 9.88, -0.75), (x, 9.88, -0.1), (x + 0.46, 9.88, -0.1)]
        stage.add(plane(board), matte(painted(paint.poster(rng))))
        if k % 3 == 0:
            plant(stage, "bush_2_0", (x, 9.0, ground), height_m=0.8, turn_deg=rng.uniform(0, 360), cells=24)
    wall = [(-3.2, 9.9, ground), (3.4, 9.9, ground), (-3.2, 9.9, 0.05), (3.4, 9.9, 0.05)]
    stage.add(plane(wall, repeat=(2, 0.45)), matte(painted(textures.bricks(rng))))
    plant(stage, "aspen_medium_0", (-1.0, 7.6, ground), height_m=3.0, turn_deg=80, cells=32)
    plant(stage, "ash_large_0", (2.2, 8.4, ground), height_m=3.6, turn_deg=10, cells=32)
    hedge(
        stage, np.stack([rng.uniform(-5, 5, 90), rng.uniform(11, 12, 90), rng.uniform(-0.4, 0.5, 90)], 1), count=9000,
        spread_m=0.5, leaf_m=0.1, tints=3,
    )  # fmt: skip
    row_of_houses(stage, ground_m=ground, distance_m=15, left_m=-9, right_m=7, tall=(4.6, 6.5))


RECIPES = (
    Recipe("statue-hair", "a head with loose strands of hair in focus", build_statue_hair, 1.36, 0.0, 41, True),
    Recipe("statue-street", "a bust in focus before a busy street", build_statue_street, 1.66, 0.0, 42, True),
)
