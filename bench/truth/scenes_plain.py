"""Scenes made of formulas alone, which need no model files: planes, stems, a fence, a near branch."""

from __future__ import annotations

import numpy as np
import paint
import shapes
import textures
from scene import glossy, matte, painted, rgb, thin
from shapes import rotation, spline
from stage import Recipe, leaves, plane, scatter, turned
from street import box


def leaf_material(stage, dark, light, *, through: float = 0.35):
    """Paint a leaf that lets some light through."""
    return thin(painted(textures.leaf_colours(dark, light, stage.rng)), through=through)


def hedge(stage, centres, *, count: int, spread_m: float, leaf_m: float, tints=1) -> None:
    """Grow leaves around centres, in a few tints."""
    for tint in range(tints):
        dark = np.array([(34, 56, 22), (48, 62, 20), (28, 54, 34)][tint % 3])
        green = matte(
            painted(textures.leaf_colours(tuple(dark), tuple(np.array([104, 140, 58]) + 14 * tint), stage.rng))
        )
        stage.add(leaves(stage.rng, centres, count=count // tints, spread_m=spread_m, leaf_m=leaf_m), green)


def row_of_houses(stage, *, ground_m: float, distance_m: float, left_m: float, right_m: float, tall=(5, 9)) -> None:
    """Line up house fronts across the view."""
    left = left_m
    colours = [(206, 178, 134), (178, 112, 88), (200, 196, 180), (150, 164, 160), (214, 160, 120)]
    index = 0
    while left < right_m:
        wide, height = stage.rng.uniform(5, 8), stage.rng.uniform(*tall)
        face = paint.front(
            stage.rng, colours[index % len(colours)], floors=int(height // 2.6) + 1, bays=int(wide // 1.7)
        )
        y = distance_m + stage.rng.uniform(0, 1.5)
        corners = [(left, y, ground_m), (left + wide, y, ground_m)]
        corners += [(left, y, ground_m + height), (left + wide, y, ground_m + height)]
        stage.add(plane(corners), matte(painted(face)))
        roof = [(left - 0.2, y - 0.3, ground_m + height), (left + wide + 0.2, y - 0.3, ground_m + height)]
        roof += [(left, y + 3, ground_m + height + 2), (left + wide, y + 3, ground_m + height + 2)]
        tiles = textures.bricks(stage.rng, width_px=1024, height_px=512, courses=24)
        stage.add(plane(roof), matte(painted(tiles)))
        left, index = left + wide, index + 1


def potted_flowers(stage, at, *, height_m: float = 0.16, blooms: int = 9, reach_m: float = 0.13) -> None:
    """Stand a clay pot with flowers and leaves on a point."""
    rng, at = stage.rng, np.array(at, float)
    h = height_m
    profile = [(0.001, 0), (0.36 * h, 0), (0.44 * h, 0.5 * h), (0.53 * h, 0.82 * h), (0.6 * h, 0.84 * h), (0.6 * h, h)]
    profile += [(0.53 * h, h), (0.5 * h, 0.85 * h), (0.001, 0.84 * h)]
    clay = paint.mottled(rng, [(110, 58, 38), (168, 94, 62), (196, 128, 92), (214, 186, 160)], cells=5)
    stage.add(shapes.lathe(np.array(profile), segments=64).placed(at), matte(painted(clay)))
    mouth = at + (0, 0, 0.85 * h)
    stalks, foliage, daisies, hearts, roses = [], [], [], [], []
    for bloom in range(blooms):
        angle, out = bloom * 2.4, reach_m * np.sqrt((bloom + 0.4) / blooms)
        tip = mouth + (
            out * np.cos(angle),
            out * np.sin(angle) * 0.8,
            1.25 * reach_m + rng.normal(0, 0.2) * reach_m - 0.5 * out,
        )
        middle = (mouth + tip) / 2 + (0, 0, 0.02)
        stalks.append(shapes.tube(spline([mouth, middle, tip], 24), 0.0016, sides=6))
        look = tip - mouth + (0, -0.8 * reach_m, 0)
        turn = shapes.facing(look + rng.normal(0, 0.2 * reach_m, 3))
        if bloom % 3 == 2:
            roses.append(shapes.ranunculus(rng, radius_m=0.02, petals=40).placed(tip, turn=turn))
        else:
            rays, dome = shapes.daisy(rng, length_m=0.021)
            daisies.append(rays.placed(tip, turn=turn))
            hearts.append(dome.placed(tip, turn=turn))
    for _ in range(46):
        angle = rng.uniform(0, 2 * np.pi)
        turn = rotation("z", np.degrees(angle) - 90) @ rotation("x", rng.uniform(5, 75))
        size = reach_m * rng.uniform(0.55, 1.0)
        leaf = shapes.blade(size, size * 0.34, bend_deg=-70, cup=0.2, ripple=0.08, phase=rng.uniform(0, 6))
        start = mouth + (0.25 * h * np.cos(angle), 0.25 * h * np.sin(angle), 0)
        foliage.append(leaf.placed(start, turn=turn))
    stage.add(shapes.join(stalks), matte(rgb((0.10, 0.18, 0.05))))
    stage.add(shapes.join(foliage), leaf_material(stage, (40, 70, 30), (118, 152, 78)))
    white = textures.petal_colours([(206, 204, 176), (228, 226, 218), (222, 220, 214)], rng)
    red = textures.petal_colours([(150, 30, 40), (206, 58, 70), (236, 120, 112)], rng)
    stage.add(shapes.join(daisies), matte(painted(white)))
    stage.add(shapes.join(hearts), matte(painted(paint.mottled(rng, [(150, 84, 10), (226, 160, 24)], size_px=256))))
    if roses:
        stage.add(shapes.join(roses), matte(painted(red)))


def fallen_leaves(stage, *, count: int, ground_m: float, near_m: float, far_m: float, leaf_m: float = 0.035) -> None:
    """Strew autumn leaves over the ground."""
    rng = stage.rng
    tints = [((120, 44, 20), (206, 120, 50)), ((150, 96, 22), (228, 186, 76)), ((84, 52, 30), (150, 104, 66))]
    for dark, light in tints:
        each = count // len(tints)
        y = near_m * (far_m / near_m) ** rng.uniform(0, 1, each)
        at = np.stack([rng.uniform(-0.32, 0.32, each) * y, y, np.full(each, ground_m + 0.004)], 1)
        up = np.array([0, 0, 1.0]) + rng.normal(0, 0.22, (each, 3))
        turns = turned(rng, up)
        template = shapes.blade(1.0, 0.62, bend_deg=30, cup=0.35, ripple=0.2)
        stage.add(
            scatter(template, at, turns, leaf_m * rng.uniform(0.6, 1.2, each)),
            matte(painted(textures.leaf_colours(dark, light, rng))),
        )


def build_slanted_floor(stage) -> None:
    """Lay cobbles to the horizon, with leaves on them and a pot of flowers in focus."""
    ground = -0.235
    stage.shine(sun=(-0.8, -0.35, 0.75))
    colour, height = paint.cobbles(stage.rng)
    stone = matte(painted(colour), bump=height, depth=0.012)
    stage.add(
        plane([(-40, 0.3, ground), (40, 0.3, ground), (-40, 80.3, ground), (40, 80.3, ground)], repeat=(60, 60)), stone
    )
    fallen_leaves(stage, count=420, ground_m=ground, near_m=0.62, far_m=9)
    potted_flowers(stage, (0.085, 1.27, ground), height_m=0.105, blooms=10, reach_m=0.085)
    row_of_houses(stage, ground_m=ground, distance_m=24, left_m=-14, right_m=14, tall=(3.2, 4.6))
    trees = np.stack([stage.rng.uniform(-5, 6, 30), stage.rng.uniform(13, 20, 30), stage.rng.uniform(0.3, 1.6, 30)], 1)
    hedge(stage, trees, count=16000, spread_m=0.7, leaf_m=0.11, tints=3)
    for x in (-3.2, -0.7, 2.6):
        trunk = spline([(x, 15, ground), (x + 0.05, 15, 0.3), (x - 0.02, 15, 0.9)], 20)
        stage.add(shapes.tube(trunk, 0.11), matte(painted(paint.bark(stage.rng, size_px=256))))


def build_fence(stage) -> None:
    """Stretch a lattice of slats before the lens; a pot of flowers stands in focus behind it."""
    rng, ground = stage.rng, -0.26
    stage.shine(sun=(0.7, -0.6, 0.8), strength=1.15, sky=1.2)
    colour, height = textures.planks(rng, size_px=1024, count=6)
    wood = matte(painted(colour), bump=height, depth=0.002)
    slat_m, pitch_m = 0.0085, 0.052
    for layer, angle in ((0, 38), (1, -38)):
        turn = rotation("y", angle)
        slats = []
        for k in range(-7, 8):
            slat = box((slat_m, 0.004, 0.7), (0, 0, 0)).placed((0, 0, -0.35))
            slats.append(slat.placed((k * pitch_m, 0, 0)).placed((0.01, 0.64 + 0.005 * layer, 0), turn=turn))
        stage.add(shapes.join(slats), wood)
    stage.add(
        plane([(-1.6, 1.2, ground), (1.6, 1.2, ground), (-1.6, 2.5, ground), (1.6, 2.5, ground)], repeat=(2, 1)), wood
    )
    potted_flowers(stage, (-0.03, 1.72, ground), height_m=0.16, blooms=16, reach_m=0.15)
    wall = textures.bricks(rng)
    stage.add(
        plane([(-4, 4.6, -1.2), (4, 4.4, -1.2), (-4, 4.6, 2.0), (4, 4.4, 2.0)], repeat=(2, 1.4)), matte(painted(wall))
    )
    for x, z in ((-0.62, -0.1), (0.16, 0.1), (0.62, -0.16)):
        corners = [(x, 4.35, z), (x + 0.36, 4.34, z), (x, 4.35, z + 0.5), (x + 0.36, 4.34, z + 0.5)]
        stage.add(plane(corners), matte(painted(paint.poster(rng))))
    bushes = np.stack([rng.uniform(-1.6, 1.6, 50), rng.uniform(3.3, 3.9, 50), rng.uniform(-1.1, -0.35, 50)], 1)
    hedge(stage, bushes, count=7000, spread_m=0.22, leaf_m=0.06, tints=2)


def build_thin_stems(stage) -> None:
    """Let grasses and flowers stand in focus before a house front and a hedge."""
    rng, ground = stage.rng, -0.42
    stage.shine(sun=(-0.55, -0.75, 0.7))
    grass = paint.lawn(rng)
    stage.add(
        plane([(-9, 0.5, ground), (9, 0.5, ground), (-9, 18.5, ground), (9, 18.5, ground)], repeat=(8, 8)),
        matte(painted(grass)),
    )
    stalks, ears, daisies, hearts, blades = [], [], [], [], []
    for k in range(46):
        foot = np.array([rng.uniform(-0.26, 0.26), 1.06 + rng.normal(0, 0.018), -0.24])
        top = foot + (rng.normal(0, 0.05), rng.normal(0, 0.02), rng.uniform(0.16, 0.36))
        path = spline([foot, (foot + top) / 2 + rng.normal(0, 0.008, 3), top], 40)
        if k % 5 == 0:
            stalk, buds = shapes.lavender(rng, path)
            stalks.append(stalk)
            ears.append(buds)
        elif k % 5 == 1:
            stalks.append(shapes.tube(path, 0.0011, sides=6))
            turn = shapes.facing((rng.normal(0, 0.4), -0.9, rng.uniform(0.2, 0.9)))
            rays, dome = shapes.daisy(rng, length_m=0.017)
            daisies.append(rays.placed(top, turn=turn))
            hearts.append(dome.placed(top, turn=turn))
        else:
            stalks.append(shapes.tube(path, np.linspace(0.0011, 0.0003, 40), sides=5))
            for share in np.linspace(0.55, 1, 14):
                at = path[int(share * 39)]
                turn = shapes.facing(rng.normal(0, 0.5, 3) + (0, 0, 1))
                ears.append(
                    shapes.ball(0.0042, rows=5, sides=5).stretched(0.35, 0.35, 1.2).placed(at, turn=turn)
                ) if k % 2 else None
    for _ in range(70):
        turn = rotation("z", rng.uniform(0, 360)) @ rotation("x", rng.uniform(62, 86))
        length = rng.uniform(0.16, 0.34)
        blade = shapes.blade(length, 0.005, bend_deg=rng.uniform(-80, -10), widest=0.35, tip=1.0, rows=24, columns=3)
        blades.append(blade.placed((rng.uniform(-0.28, 0.28), 1.06 + rng.normal(0, 0.025), -0.25), turn=turn))
    stage.add(shapes.join(stalks), matte(rgb((0.26, 0.27, 0.09))))
    stage.add(
        shapes.join(ears),
        matte(painted(paint.mottled(rng, [(90, 66, 120), (150, 120, 170), (190, 168, 128)], size_px=256))),
    )
    white = textures.petal_colours([(206, 204, 176), (228, 226, 218), (222, 220, 214)], rng)
    stage.add(shapes.join(daisies), matte(painted(white)))
    stage.add(shapes.join(hearts), matte(painted(paint.mottled(rng, [(150, 84, 10), (226, 160, 24)], size_px=256))))
    stage.add(shapes.join(blades), leaf_material(stage, (60, 92, 34), (150, 178, 86)))
    bushes = np.stack([rng.uniform(-2.4, 2.4, 90), rng.uniform(6.5, 7.4, 90), rng.uniform(ground, 0.1, 90)], 1)
    hedge(stage, bushes, count=14000, spread_m=0.3, leaf_m=0.075, tints=3)
    row_of_houses(stage, ground_m=ground, distance_m=11, left_m=-7.5, right_m=6, tall=(3.4, 4.5))


def build_near_branch(stage) -> None:
    """Let a branch cross the frame near the lens; a laid table is in focus behind it."""
    rng, top = stage.rng, -0.19
    stage.shine(sun=(-0.9, -0.5, 0.65))
    colour, height = textures.planks(rng, size_px=2048)
    board = plane([(-1.0, 0.9, top), (1.0, 0.9, top), (-1.0, 2.3, top), (1.0, 2.3, top)])
    stage.add(board, matte(painted(colour), bump=height, depth=0.003))
    colour, height = textures.linen(rng)
    cloth = plane([(-0.3, -0.26, 0), (0.3, -0.26, 0), (-0.3, 0.26, 0), (0.3, 0.26, 0)]).placed(
        (0.0, 1.62, top + 0.003), turn=rotation("z", 24)
    )
    stage.add(cloth, matte(painted(colour), bump=height, depth=0.0006))
    jug = [(0.001, 0), (0.05, 0), (0.068, 0.04), (0.072, 0.075), (0.05, 0.12), (0.04, 0.15), (0.05, 0.185)]
    jug += [(0.047, 0.185), (0.037, 0.15), (0.047, 0.12)]
    stage.add(
        shapes.lathe(spline(jug, 160), segments=128).placed((-0.06, 1.62, top + 0.004)),
        glossy(painted(textures.glaze(rng)), alpha=0.3),
    )
    lemon = paint.mottled(rng, [(206, 150, 20), (236, 196, 48), (244, 218, 96)], size_px=512, cells=60)
    for x, y, a in ((0.07, 1.55, 10), (0.12, 1.60, 80), (0.115, 1.515, 140)):
        fruit = (
            shapes.ball(0.029, rows=40, sides=60)
            .stretched(1.25, 1, 1)
            .placed((x, y, top + 0.032), turn=rotation("z", a))
        )
        stage.add(fruit, matte(painted(lemon)))
    for k, (x, y, a) in enumerate(((0.30, 1.74, 24), (0.295, 1.735, 33), (0.30, 1.745, 16))):
        cover = paint.poster(rng, width_px=420, height_px=300)
        book = box((0.19, 0.135, 0.03), (x, y, top + 0.031 * k), turn=rotation("z", a))
        stage.add(book, matte(painted(cover)))
    stage.add(
        plane([(-12, 2, -1), (12, 2, -1), (-12, 26, -1), (12, 26, -1)], repeat=(10, 10)),
        matte(painted(paint.lawn(rng))),
    )
    row_of_houses(stage, ground_m=-1, distance_m=13, left_m=-8, right_m=8, tall=(4.2, 6))
    bushes = np.stack([rng.uniform(-2.2, 2.6, 80), rng.uniform(6, 7.5, 80), rng.uniform(-1, -0.1, 80)], 1)
    hedge(stage, bushes, count=12000, spread_m=0.35, leaf_m=0.08, tints=3)
    bough = spline(
        [(-0.30, 0.66, -0.10), (-0.12, 0.62, -0.015), (0.02, 0.64, 0.012), (0.14, 0.60, 0.06), (0.32, 0.64, 0.085)], 120
    )
    skin = matte(painted(paint.bark(rng, size_px=512)))
    stage.add(shapes.tube(bough, np.linspace(0.0085, 0.0045, 120), sides=20), skin)
    for start, tip in (
        (20, (-0.16, 0.60, 0.10)),
        (48, (0.0, 0.66, -0.085)),
        (74, (0.10, 0.63, 0.125)),
        (92, (0.22, 0.60, -0.03)),
    ):
        path = spline([bough[start], (bough[start] + tip) / 2 + (0.01, 0, 0.012), tip], 50)
        twig, green = shapes.leafy_branch(rng, path, leaf_m=0.042, roundness=0.6, first=0.35, pairs=5)
        stage.add(twig, skin)
        stage.add(green, leaf_material(stage, (70, 104, 44), (156, 186, 100), through=0.5))


RECIPES = (
    Recipe("slanted-floor", "cobbles to the horizon, flowers in focus", build_slanted_floor, 1.27, -6.5, 11),
    Recipe("fence", "a lattice near the lens, flowers in focus behind it", build_fence, 1.70, -2.0, 12),
    Recipe("thin-stems", "grasses and flowers in focus before a street", build_thin_stems, 1.06, 0.0, 13),
    Recipe("near-branch", "a branch across the frame, a table in focus", build_near_branch, 1.60, -3.0, 14),
)
