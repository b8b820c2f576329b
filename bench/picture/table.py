"""What stands on the near table: a jug of flowers on a checked cloth, lemons, a cup, fallen petals."""

from __future__ import annotations

import mitsuba as mi
import numpy as np
import shapes
import textures
from scene import TABLE_M, Scene, glossy, matte, painted, rgb, thin
from shapes import rotation, spline

JUG_M = np.array((-0.085, 1.5, TABLE_M + 0.003))


def lay_table(scene: Scene) -> None:
    """Lay old boards and a checked linen cloth."""
    colour, height = textures.planks(scene.rng)
    corners = np.array([[[-1.0, 0.3, 0], [1.0, 0.3, 0]], [[-1.0, 2.25, 0], [1.0, 2.25, 0]]])
    board = shapes.grid(corners.astype(float)).placed((0, 0, TABLE_M))
    wood = {"type": "roughplastic", "diffuse_reflectance": painted(colour), "alpha": 0.32}
    bump = {"type": "bumpmap", "nested": painted(height, height=True), "scale": 0.004, "bsdf": wood}
    scene.add(board, mi.load_dict({"type": "twosided", "bsdf": bump}))
    u, v = np.meshgrid(np.linspace(-1, 1, 240), np.linspace(-1, 1, 240))
    folds = 0.0022 * (1 + np.sin(7 * u + 3 * v + 1.5 * np.sin(4 * v))) * (abs(u) ** 2 + abs(v) ** 2) / 2
    hem = 0.0015 * (np.maximum(abs(u), abs(v)) > 0.965)
    wave = 0.012 * np.sin(5 * v + 1), 0.012 * np.sin(6 * u)
    cloth = shapes.grid(np.stack([0.27 * u + wave[0] * abs(u), 0.25 * v + wave[1] * abs(v), folds + hem + 0.0012], 2))
    colour, height = textures.linen(scene.rng)
    scene.add(
        cloth.placed((-0.055, 1.5, TABLE_M), turn=rotation("z", 27)),
        matte(painted(colour), bump=height, depth=0.0006),
    )


def stand_jug(scene: Scene, at=JUG_M) -> None:
    """Stand a blue and white jug on the cloth."""
    rng = scene.rng
    outside = [
        (0.001, 0.0),
        (0.034, 0.0),
        (0.037, 0.004),
        (0.036, 0.008),
        (0.046, 0.025),
        (0.0525, 0.048),
        (0.049, 0.072),
        (0.037, 0.092),
        (0.031, 0.106),
        (0.034, 0.120),
        (0.0385, 0.128),
    ]
    inside = [(0.0378, 0.1293), (0.0365, 0.128), (0.032, 0.119), (0.029, 0.106), (0.034, 0.092)]
    body = shapes.lathe(spline(outside, 160), segments=160)
    glaze = glossy(painted(textures.glaze(rng)))
    scene.add(body.placed(at, turn=rotation("z", 62)), glaze)
    white = glossy(rgb((0.84, 0.82, 0.76)))
    scene.add(shapes.lathe(spline(inside, 60)).placed(at), white)
    arm = spline(
        [
            (0.030, 0, 0.113),
            (0.055, 0, 0.121),
            (0.079, 0, 0.105),
            (0.081, 0, 0.076),
            (0.068, 0, 0.050),
            (0.049, 0, 0.036),
        ],
        60,
    )
    blue = glossy(rgb((0.03, 0.06, 0.22)))
    thickness = 0.0052 * (1 + 0.25 * np.cos(np.linspace(0, 2 * np.pi, 60)))
    scene.add(shapes.tube(arm, thickness, sides=20).stretched(1, 1.25, 1).placed(at, turn=rotation("z", 200)), blue)


def arrange_flowers(scene: Scene) -> None:
    """Arrange flowers and leaves in the jug, each at its place relative to the jug's mouth."""
    rng = scene.rng
    mouth = JUG_M + np.array((0, 0, 0.118))
    green = thin(painted(textures.leaf_colours((38, 66, 30), (104, 138, 70), rng)), through=0.6)
    sage = thin(painted(textures.leaf_colours((84, 112, 98), (160, 184, 160), rng)), through=0.5)
    stalk = matte(rgb((0.10, 0.17, 0.05)))

    def stem(tip, bend: float = 0.3):
        """Draw a stem from the mouth to a point, both relative to the mouth."""
        tip = np.array(tip, float)
        start = np.array([tip[0] * 0.12, tip[1] * 0.12, -0.02])
        middle = start + (tip - start) * (0.45, 0.45, 0.5 + bend * 0.3)
        return mouth + spline([start, middle, tip], 40)

    roses = [
        ((-0.028, -0.012, 0.052), 0.031, 0),
        ((0.036, -0.018, 0.044), 0.0285, 1),
        ((0.006, 0.012, 0.095), 0.0265, 1),
        ((-0.074, 0.008, 0.079), 0.0235, 2),
        ((0.078, 0.010, 0.082), 0.022, 0),
    ]
    palettes = [
        [(226, 196, 110), (250, 184, 150), (246, 140, 134), (252, 196, 186)],
        [(244, 220, 140), (255, 232, 190), (255, 212, 178), (255, 234, 214)],
        [(160, 40, 66), (206, 58, 96), (224, 84, 120), (240, 140, 160)],
    ]
    petals = [thin(painted(textures.petal_colours(palette, rng)), through=0.45) for palette in palettes]
    for tip, radius_m, kind in roses:
        look = np.array([tip[0] * 7, -0.75, 0.75]) + rng.normal(0, 0.12, 3)
        flower = shapes.ranunculus(rng, radius_m=radius_m)
        scene.add(flower.placed(mouth + tip, turn=shapes.facing(look)), petals[kind])
        scene.add(shapes.tube(stem(tip), 0.0017), stalk)

    white_petal = thin(
        painted(textures.petal_colours([(214, 214, 186), (246, 244, 238), (250, 249, 246)], rng)),
        through=0.55,
    )
    yellow = matte(rgb((0.78, 0.42, 0.03)))
    for tip in (
        (-0.052, -0.016, 0.121),
        (0.048, -0.008, 0.128),
        (-0.108, 0.0, 0.125),
        (0.004, -0.004, 0.152),
        (0.104, 0.004, 0.045),
        (-0.096, -0.022, 0.030),
    ):
        look = np.array([tip[0] * 5 + rng.normal(0, 0.2), -1.0, rng.uniform(0.15, 0.7)])
        rays, dome = shapes.daisy(rng, length_m=rng.uniform(0.0165, 0.0205))
        turn = shapes.facing(look)
        scene.add(rays.placed(mouth + tip, turn=turn), white_petal)
        scene.add(dome.placed(mouth + tip, turn=turn), yellow)
        scene.add(shapes.tube(stem(tip), 0.0011), stalk)

    violet = matte(rgb((0.17, 0.10, 0.42)))
    for tip in (
        (-0.142, 0.01, 0.168),
        (-0.080, 0.012, 0.192),
        (0.062, 0.01, 0.196),
        (0.030, 0.02, 0.212),
        (0.128, 0.012, 0.158),
    ):
        sprig, buds = shapes.lavender(rng, stem(tip, 0.5))
        scene.add(sprig, stalk)
        scene.add(buds, violet)
    for tip, leaf_m, leaf in (
        ((-0.165, -0.01, 0.085), 0.036, sage),
        ((0.158, -0.006, 0.105), 0.034, sage),
        ((-0.02, 0.03, 0.200), 0.032, sage),
        ((-0.112, -0.03, -0.012), 0.033, green),
        ((0.084, -0.034, 0.012), 0.034, green),
        ((0.096, 0.02, 0.165), 0.028, green),
    ):
        twig, leaves = shapes.leafy_branch(rng, stem(tip, 0.6), leaf_m=leaf_m, roundness=0.78 if leaf is sage else 0.5)
        scene.add(twig, stalk)
        scene.add(leaves, leaf)


def serve_coffee(scene: Scene, at=(0.155, 1.43, TABLE_M)) -> None:
    """Serve a cup of coffee on its saucer, and lay two lemons beside the jug."""
    rng = scene.rng
    glaze = glossy(painted(textures.glaze(rng, motifs=6)))
    blue, white = glossy(rgb((0.03, 0.06, 0.22))), glossy(rgb((0.84, 0.82, 0.76)))
    saucer = [
        (0.001, 0.002),
        (0.028, 0.002),
        (0.030, 0.0),
        (0.034, 0.003),
        (0.052, 0.008),
        (0.071, 0.0165),
        (0.0715, 0.0178),
        (0.052, 0.0105),
        (0.033, 0.0058),
        (0.001, 0.0052),
    ]
    scene.add(shapes.lathe(spline(saucer, 90), segments=128).placed(at), white)
    rim = np.stack(
        [
            0.0708 * np.cos(angle := np.linspace(0, 2 * np.pi, 129)),
            0.0708 * np.sin(angle),
            0.0174 + 0 * angle,
        ],
        1,
    )
    scene.add(shapes.tube(rim, 0.0011, sides=8).placed(at), blue)
    foot = np.array(at) + np.array((0, 0, 0.0055))
    outer = [
        (0.001, 0.001),
        (0.020, 0.001),
        (0.022, 0.0),
        (0.0225, 0.004),
        (0.033, 0.016),
        (0.0385, 0.032),
        (0.0405, 0.050),
        (0.0412, 0.058),
    ]
    inner = [
        (0.0407, 0.0592),
        (0.0397, 0.058),
        (0.0387, 0.048),
        (0.0362, 0.034),
        (0.02, 0.016),
        (0.001, 0.012),
    ]
    scene.add(shapes.lathe(spline(outer, 90), segments=128).placed(foot, turn=rotation("z", 20)), glaze)
    scene.add(shapes.lathe(spline(inner, 60), segments=128).placed(foot), white)
    arm = spline([(0.038, 0, 0.048), (0.056, 0, 0.050), (0.063, 0, 0.036), (0.052, 0, 0.022), (0.034, 0, 0.018)], 50)
    scene.add(shapes.tube(arm, 0.0035, sides=16).placed(foot, turn=rotation("z", -28)), white)
    coffee = np.array([(0.0001, 0.0485), (0.03, 0.0485), (0.0386, 0.0487)])
    scene.add(shapes.lathe(coffee).placed(foot), glossy(rgb((0.035, 0.014, 0.006)), alpha=0.03))

    peel = textures.noise(rng, (512, 512), (70, 110), octaves=2)
    skin = textures.to_bytes(textures.blend([(226, 160, 24), (246, 200, 44), (252, 218, 84)], 0.5 + 0.13 * peel))
    lemon = {"type": "roughplastic", "diffuse_reflectance": painted(skin), "alpha": 0.22}
    bump = {
        "type": "bumpmap",
        "nested": painted(textures.to_bytes(128 + 45 * peel), height=True),
        "scale": 0.0011,
        "bsdf": lemon,
    }
    lemon = mi.load_dict({"type": "twosided", "bsdf": bump})
    profile = [
        (0.0005, -0.044),
        (0.006, -0.0425),
        (0.009, -0.038),
        (0.021, -0.030),
        (0.029, -0.012),
        (0.0295, 0.008),
        (0.022, 0.027),
        (0.010, 0.036),
        (0.005, 0.038),
        (0.0005, 0.0385),
    ]
    for where, turn in (
        ((0.028, 1.42, 0.0285), rotation("z", 35) @ rotation("y", 82)),
        ((0.062, 1.485, 0.0285), rotation("z", -50) @ rotation("y", 95)),
    ):
        scene.add(
            shapes.lathe(spline(profile, 90)).placed((where[0], where[1], TABLE_M + where[2]), turn=turn),
            lemon,
        )


def strew_petals(scene: Scene) -> None:
    """Strew a few petals and a fallen daisy over the near boards."""
    rng = scene.rng
    pink = thin(painted(textures.petal_colours([(250, 222, 200), (248, 168, 158), (252, 200, 190)], rng)), through=0.4)
    for x, y in (
        (-0.17, 1.16),
        (-0.125, 1.235),
        (-0.215, 1.29),
        (0.155, 1.13),
        (-0.02, 1.31),
        (0.24, 1.27),
        (-0.06, 1.08),
    ):
        petal = shapes.blade(0.021, 0.021, start_deg=4, bend_deg=rng.uniform(25, 50), cup=0.45, tip=0.5, ripple=0.08)
        scene.add(petal.placed((x, y, TABLE_M + 0.001), turn=rotation("z", rng.uniform(0, 360))), pink)
    rays, dome = shapes.daisy(rng, length_m=0.0185)
    turn = shapes.facing((0.25, -0.75, 0.8))
    white = thin(painted(textures.petal_colours([(214, 214, 186), (246, 244, 238), (250, 249, 246)], rng)), through=0.5)
    scene.add(rays.placed((-0.135, 1.18, TABLE_M + 0.0165), turn=turn), white)
    scene.add(dome.placed((-0.135, 1.18, TABLE_M + 0.0165), turn=turn), matte(rgb((0.78, 0.42, 0.03))))
    stalk = spline(
        [(-0.135, 1.18, TABLE_M + 0.015), (-0.165, 1.22, TABLE_M + 0.004), (-0.25, 1.245, TABLE_M + 0.0015)],
        30,
    )
    scene.add(shapes.tube(stalk, 0.0011), matte(rgb((0.10, 0.17, 0.05))))
