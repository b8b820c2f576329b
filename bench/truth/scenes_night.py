"""Scenes after dark, full of small bright lamps: a street behind a bust, and strings of bulbs before and behind."""

from __future__ import annotations

import numpy as np
import paint
import shapes
import textures
from models import stand
from scene import AMBER, COOL, GREEN, RED, ROSE, WARM, WHITE, glossy, matte, painted, rgb
from scenes_plain import hedge
from shapes import rotation, spline
from stage import Recipe, plane
from street import box
from thin_lens import FOCAL_M, SENSOR_M

PIXEL = SENSOR_M / FOCAL_M / 768  # slope of a pixel of a picture 768 wide
COLOURS = (WARM, AMBER, WHITE, COOL, RED, GREEN, ROSE, (0.35, 0.45, 1.0), (1.0, 0.85, 0.2))


def lamp(stage, at, *, radius_px: float, colour, strength: float) -> None:
    """Hang a lamp that a pinhole 768 pixels wide sees ``radius_px`` large."""
    stage.add_lamp(at, radius_px * PIXEL * at[1], colour, strength)


def string_of_bulbs(stage, start, end, *, sag_m: float, count: int, colours, radius_px: float, strength, wire_m: float):
    """Hang bulbs on a sagging wire."""
    share = np.linspace(0, 1, 8 * count)[:, None]
    path = np.array(start) * (1 - share) + np.array(end) * share - np.array([0, 0, 4 * sag_m]) * share * (1 - share)
    stage.add(shapes.tube(path, wire_m, sides=5), matte(rgb((0.012, 0.014, 0.012))))
    for i, point in enumerate(path[4::8]):
        at = point - (0, 0, 2.5 * wire_m + radius_px * PIXEL * point[1])
        strong = stage.rng.uniform(*strength)
        lamp(
            stage,
            at,
            radius_px=radius_px * stage.rng.uniform(0.85, 1.2),
            colour=colours[i % len(colours)],
            strength=strong,
        )


def build_night_street(stage) -> None:
    """Stand a bust in dim light before a street of shops, signs, cars and far windows."""
    rng, ground, wide = stage.rng, -1.5, 2.6
    stage.surround(textures.dusk(), 0.8)
    stage.ambient = 0.02
    at = np.array([0.12, 1.6, -0.235])
    stage.softbox((-0.95, 0.75, 0.55), at + (0, 0, 0.25), radius_m=0.2, radiance=(32.0, 22.5, 14.0), weight=2.0)
    stage.softbox((1.15, 2.5, 0.45), at + (0, 0, 0.25), radius_m=0.2, radiance=(7.0, 10.0, 16.0), weight=1.5)
    marble = paint.mottled(rng, [(168, 158, 146), (206, 198, 186), (226, 220, 210)], cells=40)
    bust = stand(stage.library.load("statues", "BustManWreath_BustManWreath"), at, height_m=0.41, turn_deg=-24)
    stage.put_in(bust, matte(painted(marble)))
    stage.add(box((0.24, 0.22, 1.26), (*at[:2], ground)), matte(painted(paint.plaster(rng, (150, 140, 128)))))
    colour, _ = paint.cobbles(rng, size_px=1024)
    road = plane([(-6, 2, ground), (6, 2, ground), (-6, 44, ground), (6, 44, ground)], repeat=(6, 22))
    stage.add(road, glossy(painted((colour * 0.85).astype(np.uint8)), alpha=0.3))
    for side, y in [(-1, 5.0), (-1, 13.0), (-1, 21.0), (-1, 29.0), (1, 9.0), (1, 17.0), (1, 25.0)]:
        near, far = (side * wide, y, ground), (side * wide, y + 8, ground)
        low = (near, far) if side < 0 else (far, near)
        stage.glowing_wall([*low, (*low[0][:2], ground + 6.5)], *paint.lit_front(rng, bays=6, share=0.5))
    for x in (-6.0, 0.0):
        front = [(x, 42, ground), (x + 6, 42, ground), (x, 42, ground + 6)]
        stage.glowing_wall(front, *paint.lit_front(rng, bays=5, share=0.6))
    for y in (6.0, 9.0, 13.0, 18.0, 24.0, 31.0):
        for side in (-1, 1):
            x = side * (wide - 0.7)
            stage.add(
                shapes.tube(spline([(x, y, ground), (x, y, 0.3), (x, y, 1.05)], 12), 0.03),
                matte(rgb((0.02, 0.02, 0.02))),
            )
            lamp(stage, (x, y - 0.05, 1.1), radius_px=rng.uniform(1.6, 2.3), colour=WARM, strength=rng.uniform(50, 90))
            stage.pool((0.6 * x, y - 0.6, 1.1), np.array(WARM) * 3.0, weight=0.12)
    for start, end, colours in (
        ((-1.9, 6.5, 1.25), (2.3, 7.5, 0.95), (WARM, ROSE, WARM, GREEN, COOL)),
        ((-2.4, 11.0, 1.6), (2.5, 10.0, 1.35), (AMBER, WHITE, WARM)),
        ((-2.5, 16.0, 1.9), (2.5, 17.0, 1.5), (RED, WHITE, GREEN, AMBER)),
    ):
        string_of_bulbs(
            stage, start, end, sag_m=0.45, count=17, colours=colours, radius_px=1.0, strength=(30, 90), wire_m=0.004
        )
    for x, y, colour, strength in (
        (-0.75, 15, WHITE, 260),
        (-0.28, 15, WHITE, 300),
        (-1.3, 26, WHITE, 200),
        (-1.05, 26, WHITE, 220),
    ):
        lamp(stage, (x, y, ground + 0.62), radius_px=1.5, colour=colour, strength=strength)
    for x, y in ((0.62, 11), (1.08, 11), (0.5, 19), (0.9, 19), (0.85, 30), (1.1, 30)):
        lamp(stage, (x, y, ground + 0.7), radius_px=1.4, colour=RED, strength=80)
    for x, y, z, colour in ((1.5, 20, 0.7, GREEN), (1.55, 28, 0.9, RED), (-1.75, 14, 0.25, ROSE), (-1.7, 9, 0.1, COOL)):
        lamp(stage, (x, y, z), radius_px=2.2, colour=colour, strength=70)
    for _ in range(70):
        y = rng.uniform(22, 40)
        at = (rng.uniform(-0.11, 0.11) * y, y, rng.uniform(-0.03, 0.13) * y)
        if abs(at[0]) < wide - 0.1:
            lamp(
                stage,
                at,
                radius_px=rng.uniform(0.5, 0.9),
                colour=COLOURS[rng.integers(9)],
                strength=rng.uniform(40, 300),
            )


def build_night_glints(stage) -> None:
    """Set vases of dry flowers on a table in the dark, bulbs on wires before them and in the hedge behind."""
    rng, top = stage.rng, -0.17
    stage.surround(textures.dusk(), 0.7)
    stage.ambient = 0.02
    stage.softbox((-0.8, 0.7, 0.7), (0, 1.45, -0.05), radius_m=0.2, radiance=(17.0, 11.5, 6.5), weight=2.0)
    stage.softbox((0.95, 2.2, 0.55), (0, 1.45, 0.0), radius_m=0.16, radiance=(11.0, 14.0, 20.0), weight=1.2)
    colour, height = textures.planks(rng, size_px=2048)
    board = plane([(-1, 0.8, top), (1, 0.8, top), (-1, 2.1, top), (1, 2.1, top)])
    stage.add(board, matte(painted(colour), bump=height, depth=0.003))
    body = np.array(
        [
            (0.001, 0),
            (0.6, 0),
            (0.72, 0.12),
            (0.95, 0.5),
            (1.0, 0.85),
            (0.8, 1.3),
            (0.45, 1.6),
            (0.42, 1.75),
            (0.55, 1.9),
        ]
    )
    glazes = [textures.glaze(rng), paint.mottled(rng, [(20, 40, 44), (40, 96, 98), (120, 160, 150)], cells=6)]
    glazes.append(paint.mottled(rng, [(86, 36, 20), (150, 74, 40), (206, 150, 100)], cells=8))
    stalks, buds = [], []
    for k, (x, y, size) in enumerate(((-0.10, 1.5, 0.062), (0.055, 1.45, 0.045), (0.185, 1.56, 0.052))):
        vase = shapes.lathe(spline(body * size, 120), segments=96).placed((x, y, top))
        stage.add(vase, glossy(painted(glazes[k]), alpha=0.25))
        for _ in range(9):
            mouth = np.array([x, y, top + 1.85 * size])
            tip = mouth + (rng.normal(0, 0.045), rng.normal(0, 0.02), rng.uniform(0.08, 0.17))
            stalk, ears = shapes.lavender(rng, spline([mouth, (mouth + tip) / 2 + rng.normal(0, 0.006, 3), tip], 40))
            stalks.append(stalk)
            buds.append(ears)
    stage.add(shapes.join(stalks), matte(rgb((0.22, 0.2, 0.08))))
    stage.add(
        shapes.join(buds),
        matte(painted(paint.mottled(rng, [(110, 70, 110), (170, 130, 150), (214, 180, 130)], size_px=256))),
    )
    for k in range(3):
        cover = paint.poster(rng, width_px=420, height_px=300)
        stage.add(
            box((0.19, 0.135, 0.026), (-0.30, 1.62, top + 0.027 * k), turn=rotation("z", 12 + 9 * k)),
            matte(painted(cover)),
        )
    bushes = np.stack([rng.uniform(-1.6, 1.6, 120), rng.uniform(3.6, 4.6, 120), rng.uniform(-1.2, 0.35, 120)], 1)
    hedge(stage, bushes, count=16000, spread_m=0.24, leaf_m=0.06, tints=3)
    for x, y, z in ((-1.0, 3.0, 0.7), (0.9, 3.1, 0.6)):
        stage.pool((x, y, z), np.array(WARM) * 1.6)
    colour, light = paint.lit_front(rng, floors=2, bays=5, share=0.7)
    stage.glowing_wall([(-4.5, 13, -1.4), (4.5, 13, -1.4), (-4.5, 13, 4)], colour, light)
    for _ in range(90):
        at = (rng.uniform(-1.1, 1.1), rng.uniform(3.25, 3.6), rng.uniform(-0.9, 0.6))
        lamp(stage, at, radius_px=rng.uniform(0.8, 1.3), colour=COLOURS[rng.integers(4)], strength=rng.uniform(20, 110))
    for y in (6.5, 8.5, 11.0):
        ends = (-0.24 * y, y, 0.17 * y), (0.24 * y, y + 0.5, 0.15 * y)
        string_of_bulbs(
            stage,
            *ends,
            sag_m=0.035 * y,
            count=16,
            colours=COLOURS[:7],
            radius_px=1.3,
            strength=(40, 120),
            wire_m=0.004,
        )
    for start, end in (((-0.19, 0.66, 0.125), (0.2, 0.74, 0.1)), ((-0.24, 0.86, -0.055), (0.24, 0.8, -0.10))):
        string_of_bulbs(
            stage,
            start,
            end,
            sag_m=0.03,
            count=9,
            colours=(WARM, ROSE, COOL, AMBER),
            radius_px=2.2,
            strength=(60, 160),
            wire_m=0.0006,
        )


RECIPES = (
    Recipe(
        "night-street", "a bust in dim light, a street of lamps far behind", build_night_street, 1.56, 0.0, 21, True
    ),
    Recipe("night-glints", "bulbs on wires before and behind vases", build_night_glints, 1.45, -1.0, 22),
)
