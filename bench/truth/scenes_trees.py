"""Scenes with real trees, their leaves cut out along the outline: sharp, before the subject, on both sides of it."""

from __future__ import annotations

import numpy as np
import paint
import shapes
import textures
from models import cut_out, stand
from scene import matte, painted, rgb
from scenes_plain import hedge, row_of_houses
from shapes import spline
from stage import Recipe, plane


def plant(
    stage, name: str, at, *, height_m: float, turn_deg: float = 0.0, cells: int = 48, through: float = 0.35
) -> None:
    """Plant a tree or a bush; ``cells`` is how finely its leaves are cut out."""
    bark, green = None, None
    for part in stand(stage.library.load("trees", name), at, height_m=height_m, turn_deg=turn_deg):
        leafy = len(part.mesh.vertices) == 2 * len(part.mesh.faces)
        bark, green = (bark, part) if leafy else (part, green)
    stage.put([bark])
    stage.put([cut_out(green, cells=cells)], through=through)


def lay_ground(stage, name: str, *, ground_m: float, near_m: float, far_m: float, repeat_m: float) -> None:
    """Cover the ground with a texture that repeats every so many metres."""
    wide, deep = 0.35 * far_m + 2, far_m - near_m
    corners = [(-wide, near_m, ground_m), (wide, near_m, ground_m), (-wide, far_m, ground_m), (wide, far_m, ground_m)]
    stage.add(
        plane(corners, repeat=(2 * wide / repeat_m, deep / repeat_m)), matte(painted(stage.library.texture(name)))
    )


def build_tree_sharp(stage) -> None:
    """Stand a small ash in a tub, in focus from twig to twig, on a terrace above a far street."""
    rng, ground = stage.rng, -0.36
    stage.shine(sun=(-0.75, -0.6, 0.75), strength=0.95, sky=1.1)
    lay_ground(stage, "ph_cobblestone_pavement_diff_2k", ground_m=ground, near_m=0.8, far_m=5.0, repeat_m=0.8)
    lay_ground(stage, "ph_sparse_grass_diff_2k", ground_m=ground - 0.6, near_m=5.0, far_m=60, repeat_m=2.5)
    at = np.array([-0.03, 2.3, ground])
    tub = np.array(
        [
            (0.001, 0),
            (0.075, 0),
            (0.082, 0.02),
            (0.10, 0.13),
            (0.112, 0.135),
            (0.112, 0.155),
            (0.1, 0.155),
            (0.001, 0.14),
        ]
    )
    clay = paint.mottled(rng, [(110, 58, 38), (168, 94, 62), (196, 128, 92), (214, 186, 160)], cells=5)
    stage.add(shapes.lathe(tub, segments=96).placed(at), matte(painted(clay)))
    plant(stage, "ash_medium_0", at + (0, 0, 0.13), height_m=0.50, turn_deg=30, cells=48)
    iron = matte(rgb((0.03, 0.035, 0.04)))
    rail = [
        shapes.tube(spline([(-2.5, 5, z), (0, 5, z), (2.5, 5, z)], 12), 0.012) for z in (ground + 0.06, ground + 0.5)
    ]
    rail += [
        shapes.tube(spline([(x, 5, ground), (x, 5, 0), (x, 5, ground + 0.5)], 6), 0.007)
        for x in np.arange(-2.4, 2.5, 0.11)
    ]
    stage.add(shapes.join(rail), iron)
    row_of_houses(stage, ground_m=ground - 0.6, distance_m=26, left_m=-15, right_m=12, tall=(3.4, 5.4))
    for name, x, y, tall in (
        ("aspen_large_0", -3.6, 16, 4.6),
        ("aspen_medium_0", 2.6, 14, 3.8),
        ("bush_3_0", 3.9, 18, 1.6),
    ):
        plant(stage, name, (x, y, ground - 0.6), height_m=tall, turn_deg=rng.uniform(0, 360), cells=20)
    bushes = np.stack([rng.uniform(-8, 8, 120), rng.uniform(20, 23, 120), rng.uniform(-1.0, -0.1, 120)], 1)
    hedge(stage, bushes, count=14000, spread_m=0.6, leaf_m=0.12, tints=3)


def build_tree_before(stage) -> None:
    """Let a bush stand near the lens, out of focus, before a stone lantern in a garden."""
    rng, ground = stage.rng, -0.5
    stage.shine(sun=(0.75, -0.5, 0.8), strength=1.05, sky=1.1)
    lay_ground(stage, "acg_Grass001_1K_Color", ground_m=ground, near_m=1.0, far_m=40, repeat_m=1.2)
    stone = painted(stage.library.texture("fp_stone"))
    at = (0.07, 2.5, ground + 0.02)
    stage.put_in(
        stand(stage.library.load("base_meshes", "japanese_stone_lantern_01"), at, height_m=0.72, turn_deg=20),
        matte(stone),
    )
    rock = stage.library.load("eztree_props", "rock1"), stage.library.load("eztree_props", "rock2")
    for x, y, tall, kind in ((0.42, 2.6, 0.16, 0), (-0.3, 2.7, 0.12, 1), (0.3, 2.2, 0.08, 1), (-0.55, 3.4, 0.2, 0)):
        stage.put(stand(rock[kind], (x, y, ground - 0.02), height_m=tall, turn_deg=rng.uniform(0, 360)))
    plant(stage, "bush_1_0", (-0.22, 0.72, -0.34), height_m=0.36, turn_deg=120, cells=44, through=0.5)
    plant(stage, "bush_3_0", (0.16, 0.80, -0.30), height_m=0.20, turn_deg=40, cells=44, through=0.5)
    plant(stage, "bush_2_0", (0.21, 0.88, -0.42), height_m=0.44, turn_deg=10, cells=44, through=0.5)
    for name, x, y, tall in (
        ("ash_large_0", -1.9, 9, 3.4),
        ("aspen_small_0", 1.5, 7.5, 2.6),
        ("ash_small_0", 3.0, 12, 3.6),
    ):
        plant(stage, name, (x, y, ground), height_m=tall, turn_deg=rng.uniform(0, 360), cells=24)
    for x, y in ((-0.9, 5.4), (0.75, 5.0), (1.5, 6.0), (-0.1, 6.4)):
        plant(
            stage,
            "bush_2_0" if y < 5.2 else "bush_3_0",
            (x, y, ground),
            height_m=0.6,
            turn_deg=rng.uniform(0, 360),
            cells=24,
        )
    row_of_houses(stage, ground_m=ground, distance_m=17, left_m=-10, right_m=8, tall=(3.4, 5))


def build_foliage_both(stage) -> None:
    """Hang a birdhouse in focus amid foliage: twigs near the lens, a thicket right behind, trees far off."""
    rng, ground = stage.rng, -0.75
    stage.shine(sun=(-0.6, -0.8, 0.7), strength=1.5, sky=1.4)
    stage.ambient = 0.4
    lay_ground(stage, "ph_mud_forest_diff_2k", ground_m=ground, near_m=1.2, far_m=30, repeat_m=1.5)
    pole = spline([(0.02, 1.66, ground), (0.022, 1.66, -0.4), (0.02, 1.66, -0.1)], 30)
    stage.add(shapes.tube(pole, 0.016), matte(painted(paint.bark(rng, size_px=512))))
    wood, _ = textures.planks(rng, size_px=1024, count=5)
    house = stand(stage.library.load("base_meshes", "birdhouse"), (0.02, 1.62, -0.115), height_m=0.22, turn_deg=24)
    stage.put_in(house, matte(painted(wood)))
    plant(stage, "aspen_small_0", (-0.28, 1.66, ground), height_m=1.0, turn_deg=200, cells=56)
    for name, x, y, z, tall, turn in (
        ("ash_small_0", -0.15, 0.74, -0.46, 0.56, 60),
        ("bush_1_0", 0.24, 0.72, -0.28, 0.30, 220),
        ("bush_2_0", 0.17, 0.92, -0.40, 0.36, 10),
    ):
        plant(stage, name, (x, y, z), height_m=tall, turn_deg=turn, cells=44, through=0.5)
    for name, x, y, tall in (
        ("bush_1_0", -0.6, 2.7, 0.85),
        ("bush_3_0", 0.7, 2.9, 0.8),
        ("bush_2_0", 0.15, 3.4, 0.95),
        ("bush_1_0", 1.2, 4.2, 1.1),
        ("ash_large_0", -1.3, 6, 3.2),
        ("aspen_large_0", 0.9, 7, 3.4),
        ("ash_medium_0", 2.4, 9, 4.0),
        ("aspen_medium_0", -2.6, 9, 4.2),
        ("ash_small_0", -0.4, 10, 3.6),
    ):
        plant(stage, name, (x, y, ground), height_m=tall, turn_deg=rng.uniform(0, 360), cells=22)
    far = np.stack([rng.uniform(-6, 6, 260), rng.uniform(15, 18, 260), rng.uniform(-0.7, 2.6, 260)], 1)
    hedge(stage, far, count=36000, spread_m=0.8, leaf_m=0.16, tints=3)


RECIPES = (
    Recipe("tree-sharp", "a small tree in focus before a far street", build_tree_sharp, 2.3, -1.0, 31, True),
    Recipe("tree-before", "bushes near the lens before a lantern in focus", build_tree_before, 2.45, -2.0, 32, True),
    Recipe("foliage-both", "leaves before and behind a birdhouse in focus", build_foliage_both, 1.58, 0.0, 33, True),
)
