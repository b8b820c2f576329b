"""What stands behind and before the still life: a kettle, a candle, the street with its lamps, a near branch."""

from __future__ import annotations

import mitsuba as mi
import numpy as np
import shapes
import textures
from scene import (
    AMBER,
    COOL,
    GREEN,
    GROUND_M,
    RED,
    ROSE,
    TABLE_M,
    WARM,
    WHITE,
    Scene,
    glossy,
    matte,
    painted,
    rgb,
    thin,
)
from shapes import rotation, spline


def box(size_m, at, *, turn=None) -> shapes.Mesh:
    """Make a box of six sheets that stands on ``at``."""
    face = np.array([[[-1, -1, 1], [1, -1, 1]], [[-1, 1, 1], [1, 1, 1]]], float)
    turns = [rotation("x", angle) for angle in (0, 90, 180, 270)] + [rotation("y", 90), rotation("y", 270)]
    cube = shapes.join([shapes.grid(face).placed(turn=side) for side in turns])
    half = np.array(size_m) / 2
    return shapes.Mesh(cube.vertices * half + (0, 0, half[2]), cube.normals, cube.uv, cube.faces).placed(at, turn=turn)


def light_scene(scene: Scene) -> None:
    """Light the table: dusk all round, a large warm lamp at the left, a rim light from behind at the right."""
    sky = {"type": "envmap", "bitmap": mi.Bitmap(textures.dusk()), "scale": 1.0, "sampling_weight": 1.0}
    sky["to_world"] = mi.ScalarTransform4f().rotate([1, 0, 0], 90)
    scene.items["sky"] = sky
    for name, origin, target, size_m, radiance in (
        ("key", (-1.15, 0.55, 0.95), (-0.05, 1.5, 0.0), 0.36, (27.0, 21.5, 15.5)),
        ("rim", (1.05, 2.55, 0.75), (0.0, 1.5, 0.0), 0.22, (34.0, 20.0, 9.5)),
        ("fill", (0.75, -0.15, 0.55), (0.05, 1.3, -0.05), 0.30, (7.0, 6.4, 6.0)),
    ):
        place = mi.ScalarTransform4f().look_at(origin, target, [0, 0, 1]).scale([size_m, size_m, 1])
        emitter = {"type": "area", "radiance": rgb(radiance), "sampling_weight": 3.0}
        scene.items[name] = {"type": "disk", "to_world": place, "emitter": emitter}


def set_middle(scene: Scene) -> None:
    """Put a copper kettle, books and a candle at the far end of the table, a second table behind it."""
    turn = rotation("z", 14)
    at = np.array([0.245, 1.93, TABLE_M])
    for size, colour, angle in (
        ((0.20, 0.14, 0.032), (0.20, 0.035, 0.03), 0),
        ((0.18, 0.13, 0.026), (0.03, 0.09, 0.10), -9),
    ):
        turned = turn @ rotation("z", angle)
        scene.add(
            box(
                (size[0] - 0.008, size[1] - 0.006, size[2] - 0.006),
                at + np.array((0, -0.002, 0.003)),
                turn=turned,
            ),
            matte(rgb((0.66, 0.58, 0.43))),
        )
        for lid in (0.0, size[2] - 0.003):
            scene.add(box((size[0], size[1], 0.003), at + np.array((0, 0, lid)), turn=turned), matte(rgb(colour)))
        at = at + np.array((0.0, 0.0, size[2]))
    bowl = [
        (0.001, 0),
        (0.024, 0),
        (0.034, 0.012),
        (0.036, 0.026),
        (0.033, 0.026),
        (0.030, 0.012),
        (0.001, 0.008),
    ]
    scene.add(shapes.lathe(spline(bowl, 60)).placed(at), glossy(rgb((0.02, 0.10, 0.12))))
    wax = [(0.001, 0.006), (0.019, 0.006), (0.019, 0.052), (0.017, 0.055), (0.008, 0.051), (0.001, 0.050)]
    scene.add(shapes.lathe(spline(wax, 60)).placed(at), glossy(rgb((0.80, 0.66, 0.46)), alpha=0.3))
    flame = [
        (0.0003, 0.058),
        (0.0034, 0.061),
        (0.0046, 0.067),
        (0.0032, 0.077),
        (0.0012, 0.086),
        (0.0002, 0.092),
    ]
    scene.add(
        shapes.lathe(spline(flame, 30), segments=24).placed(at),
        matte(rgb((0, 0, 0))),
        radiance=(10.0, 5.2, 1.5),
    )

    copper = mi.load_dict({"type": "twosided", "bsdf": {"type": "roughconductor", "material": "Cu", "alpha": 0.2}})
    body = [
        (0.001, 0.0),
        (0.055, 0.0),
        (0.072, 0.018),
        (0.080, 0.05),
        (0.070, 0.085),
        (0.046, 0.106),
        (0.042, 0.110),
        (0.040, 0.116),
        (0.022, 0.127),
        (0.006, 0.131),
        (0.006, 0.137),
        (0.012, 0.145),
        (0.008, 0.153),
        (0.001, 0.155),
    ]
    spout = spline([(0.06, 0, 0.035), (0.096, 0, 0.052), (0.108, 0, 0.09), (0.138, 0, 0.118)], 50)
    arm = spline([(-0.06, 0, 0.09), (-0.062, 0, 0.15), (0, 0, 0.205), (0.062, 0, 0.15), (0.06, 0, 0.09)], 50)
    pot = shapes.join(
        [
            shapes.lathe(spline(body, 140)),
            shapes.tube(spout, np.linspace(0.019, 0.0085, 50), sides=20),
            shapes.tube(arm, 0.0045, sides=16),
        ]
    )
    scene.add(pot.placed((-0.30, 1.98, TABLE_M), turn=rotation("z", 155)), copper)

    table = np.array([(0.001, 0.0), (0.36, 0.0), (0.37, 0.012), (0.36, 0.024), (0.001, 0.024)])
    scene.add(shapes.lathe(table).placed((0.62, 4.1, TABLE_M - 0.07)), matte(rgb((0.16, 0.10, 0.06))))
    bottle = [(0.001, 0), (0.036, 0), (0.037, 0.17), (0.014, 0.235), (0.0135, 0.30), (0.001, 0.30)]
    scene.add(shapes.lathe(np.array(bottle)).placed((0.80, 4.12, TABLE_M - 0.046)), glossy(rgb((0.015, 0.06, 0.03))))
    for x, y in ((0.57, 4.0), (0.66, 4.2)):
        scene.add_lamp((x, y, TABLE_M + 0.012), 0.013, AMBER, 12, lights=0.15)


def build_street(scene: Scene) -> None:
    """Build a house with lit windows at the left, a hedge, a tree and far roofs at the right."""
    rng = scene.rng
    paving = {"type": "roughplastic", "diffuse_reflectance": rgb((0.09, 0.085, 0.08)), "alpha": 0.2}
    scene.items["ground"] = {
        "type": "rectangle",
        "bsdf": paving,
        "to_world": mi.ScalarTransform4f().translate([0, 30, GROUND_M]).scale([60, 32, 1]),
    }
    turn = rotation("z", -24)
    origin = np.array([-3.9, 10.6, GROUND_M])

    def on_wall(x, out, z):
        """Find a point on the house: along the wall, out of it towards the street, up."""
        return origin + turn @ np.array([x, -out, z])

    wall = np.array([[[0, 0, 0], [4.9, 0, 0]], [[0, 0, 5], [4.9, 0, 5]]], float)
    scene.add(shapes.grid(wall).placed(origin, turn=turn), matte(painted(textures.bricks(rng))))
    frame = matte(rgb((0.05, 0.09, 0.08)))
    for x, width, foot, tall in ((0.55, 1.0, 0.45, 1.5), (1.95, 0.75, 0.05, 2.0), (3.1, 1.3, 0.45, 1.5)):
        light = painted(0.62 * textures.interior(rng), height=True)
        emitter = {"type": "area", "radiance": light, "sampling_weight": 0.25}
        corners = mi.ScalarTransform4f().translate(list(on_wall(x + width / 2, 0.02, foot + tall / 2)))
        corners = corners.rotate([0, 0, 1], -24).rotate([1, 0, 0], 90).scale([width / 2, tall / 2, 1])
        scene.items[f"window_{len(scene.items):03d}"] = {
            "type": "rectangle",
            "to_world": corners,
            "emitter": emitter,
        }
        bars = [(step * width - 0.025, 0.05, -0.03, tall + 0.06) for step in (0, 0.5, 1)]
        bars += [(0, width, step * tall - 0.025, 0.05) for step in (0, 0.68, 1)]
        for left, wide, low, high in bars:
            scene.add(box((wide, 0.06, high), on_wall(x + left + wide / 2, 0.03, foot + low), turn=turn), frame)
        cloth = np.array(
            [[[-0.1, 0.6, -0.34], [width + 0.1, 0.6, -0.34]], [[-0.1, 0, 0], [width + 0.1, 0, 0]]], float
        ) * (1, -1, 1)
        if width > 0.8:
            scene.add(
                shapes.grid(cloth).placed(on_wall(x, 0, foot + tall + 0.2), turn=turn),
                matte(rgb((0.30, 0.05, 0.045))),
            )
    for x in (1.75, 2.9):
        scene.add_lamp(on_wall(x, 0.22, 1.72), 0.04, WARM, 9, lights=0.5)

    hedge = np.stack(
        [rng.uniform(0.75, 4.2, 90), rng.uniform(7.3, 8.2, 90), rng.uniform(GROUND_M, TABLE_M + 0.12, 90)], 1
    )
    leaf = matte(rgb((0.035, 0.075, 0.025)))
    scene.add(shapes.foliage(rng, hedge, leaf_m=0.06, spread_m=0.2, leaves=9000), leaf)
    crown = np.stack([rng.normal(1.75, 0.38, 60), rng.normal(9.2, 0.35, 60), rng.uniform(0.42, 2.0, 60)], 1)
    scene.add(shapes.foliage(rng, crown, leaf_m=0.08, spread_m=0.24, leaves=7000), leaf)
    trunk = spline([(1.62, 9.2, GROUND_M), (1.68, 9.2, 0.0), (1.60, 9.2, 0.6), (1.75, 9.2, 1.2)], 30)
    scene.add(shapes.tube(trunk, np.linspace(0.085, 0.05, 30)), matte(rgb((0.05, 0.035, 0.025))))
    dark = matte(rgb((0.012, 0.014, 0.022)))
    left = -4.0
    while left < 9:
        wide, tall = rng.uniform(1.2, 2.6), rng.uniform(1.25, 2.5)
        scene.add(box((wide, 2, tall), (left + wide / 2, 30, GROUND_M)), dark)
        for _ in range(3):
            x, z = left + rng.uniform(0.1, 0.9) * wide, GROUND_M + rng.uniform(0.5, 0.92) * tall
            scene.add_lamp((x, 28.9, z), 0.045, [WARM, AMBER, COOL, WHITE][rng.integers(4)], rng.uniform(14, 40))
        left += wide - 0.05


def hang_lamps(scene: Scene) -> None:
    """Hang strings of bulbs across the street, fairy lights in the leaves, street lamps and signs far off."""
    rng = scene.rng
    wire = matte(rgb((0.01, 0.01, 0.01)))
    strings = (
        ((-1.9, 6.2, 0.78), (1.75, 5.2, 0.56), 0.30, 12, (WARM, WARM, WHITE)),
        ((-2.6, 9.0, 1.02), (2.4, 7.2, 0.92), 0.42, 15, (AMBER, ROSE, WARM, GREEN, WARM, COOL)),
        ((-0.6, 11.5, 1.15), (3.2, 8.6, 0.62), 0.40, 12, (WHITE, WARM)),
    )
    for start, end, sag, count, colours in strings:
        share = np.linspace(0, 1, 8 * count)[:, None]
        path = np.array(start) * (1 - share) + np.array(end) * share - np.array([0, 0, 4 * sag]) * share * (1 - share)
        scene.add(shapes.tube(path, 0.004, sides=5), wire)
        for i, point in enumerate(path[4::8]):
            at = point + np.array((0, 0, -0.045 + rng.normal(0, 0.006)))
            lit = rng.uniform(0.75, 1.2)
            scene.add_lamp(at, 0.017, colours[i % len(colours)], 11.5 * lit)
    for _ in range(95):
        at = (rng.uniform(0.62, 2.6), rng.uniform(6.75, 6.98), rng.uniform(TABLE_M - 0.45, TABLE_M + 0.33))
        scene.add_lamp(at, 0.0045, [WARM, AMBER, WHITE][rng.integers(3)], rng.uniform(40, 170))
    for _ in range(45):
        at = (rng.normal(1.75, 0.42), rng.uniform(8.6, 8.85), rng.uniform(0.3, 1.1))
        scene.add_lamp(at, 0.005, [WARM, WHITE, COOL][rng.integers(3)], rng.uniform(50, 170))
    for at, radius_m, colour, strength in (
        ((0.42, 14.5, 0.62), 0.055, AMBER, 11),
        ((-0.25, 13.0, 0.12), 0.04, RED, 18),
        ((0.28, 13.4, 0.02), 0.032, GREEN, 20),
        ((0.62, 12.6, 0.10), 0.03, COOL, 26),
        ((-0.12, 15.0, 0.40), 0.05, WHITE, 10),
        ((0.16, 12.0, -0.12), 0.025, ROSE, 36),
        ((0.9, 14.8, 0.30), 0.04, RED, 18),
        ((0.75, 15.0, 0.74), 0.04, COOL, 16),
    ):
        scene.add_lamp(at, radius_m, colour, strength)


def hang_branch(scene: Scene) -> None:
    """Let a branch hang into the right of the frame, near the lens, in two sprays."""
    rng = scene.rng
    leaf = thin(painted(textures.leaf_colours((98, 128, 58), (176, 198, 122), rng)), through=0.6)
    for path in (
        [(0.26, 0.72, 0.13), (0.185, 0.68, 0.075), (0.132, 0.66, 0.02), (0.118, 0.65, -0.035)],
        [(0.24, 0.80, -0.02), (0.20, 0.72, -0.035), (0.150, 0.68, -0.07), (0.130, 0.66, -0.10)],
    ):
        twig, leaves = shapes.leafy_branch(rng, spline(path, 50), leaf_m=0.046, roundness=0.6, first=0.3, pairs=6)
        scene.add(twig, matte(rgb((0.12, 0.08, 0.04))))
        scene.add(leaves, leaf)
