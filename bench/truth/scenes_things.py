"""Things on tables and in a room: an open book, everyday objects at many depths, furniture."""

from __future__ import annotations

import numpy as np
import paint
import shapes
import textures
from models import stand
from scene import glossy, matte, painted, rgb
from scenes_plain import hedge, potted_flowers, row_of_houses
from scenes_trees import plant
from shapes import rotation, spline
from stage import Recipe, plane
from street import box


def open_book(rng: np.random.Generator) -> list[tuple[shapes.Mesh, np.ndarray]]:
    """Open a book on its back, 0.30 m by 0.22 m, the lower edge towards -y: its two pages and the block below."""
    across, along = np.meshgrid(np.linspace(0, 1, 60), np.linspace(-0.11, 0.11, 8))
    rise = 0.024 * np.sin(np.pi * across**0.55) * (1 - 0.45 * across) + 0.006
    sheets = []
    for side in (-1, 1):
        points = np.stack([side * 0.15 * across, along, rise], axis=2)
        mesh = shapes.grid(points if side > 0 else points[:, ::-1])
        sheets.append((mesh, paint.page(rng)))
        edge = np.stack([points[0] * (1, 1, 0), points[0]])
        lines = np.repeat(rng.uniform(150, 225, (64, 1, 1)), 8, axis=1) * np.array([1.0, 0.96, 0.86])
        sheets.append((shapes.grid(edge), textures.to_bytes(lines)))
        edge = np.stack([points[:, -1] * (1, 1, 0), points[:, -1]])
        sheets.append((shapes.grid(edge), textures.to_bytes(lines)))
    return sheets


def build_tilted_book(stage) -> None:
    """Lay an open book on a table by the window, focus on its middle lines; a garden outside."""
    rng, top = stage.rng, -0.30
    stage.shine(sun=(-0.9, 0.35, 0.75), strength=0.62, sky=0.85)
    colour, height = textures.planks(rng, size_px=2048)
    board = plane([(-0.9, 0.3, top), (0.9, 0.3, top), (-0.9, 1.7, top), (0.9, 1.7, top)])
    stage.add(board, matte(painted(colour), bump=height, depth=0.003))
    for mesh, colour in open_book(rng):
        stage.add(mesh.placed((0.0, 0.80, top + 0.006), turn=rotation("z", -13), scale=1.25), matte(painted(colour)))
    cover = box((0.39, 0.285, 0.006), (0.0, 0.80, top), turn=rotation("z", -13))
    stage.add(cover, matte(rgb((0.16, 0.025, 0.02))))
    for k in range(4):
        size = (0.2 - 0.012 * k, 0.14, 0.028 + 0.004 * k)
        cover = paint.poster(rng, width_px=420, height_px=300)
        at = (0.22 + 0.008 * k, 1.42, top + 0.033 * k)
        stage.add(box(size, at, turn=rotation("z", 8 * (k % 2) - 12)), matte(painted(cover)))
    potted_flowers(stage, (-0.2, 1.4, top), height_m=0.1, blooms=9, reach_m=0.08)
    pencil = spline([(0, -0.085, 0), (0, 0, 0), (0, 0.085, 0)], 12)
    for x, y, turn, tint in ((0.26, 0.72, 30, (0.7, 0.3, 0.02)), (-0.27, 0.93, -50, (0.05, 0.2, 0.45))):
        stage.add(
            shapes.tube(pencil, 0.0038, sides=6).placed((x, y, top + 0.004), turn=rotation("z", turn)), matte(rgb(tint))
        )
    lawn = [(-14, 1.8, -1.2), (14, 1.8, -1.2), (-14, 30, -1.2), (14, 30, -1.2)]
    stage.add(plane(lawn, repeat=(10, 10)), matte(painted(paint.lawn(rng))))
    row_of_houses(stage, ground_m=-1.2, distance_m=15, left_m=-9, right_m=8, tall=(4.2, 6))
    bushes = np.stack([rng.uniform(-2.6, 2.6, 80), rng.uniform(5, 6.5, 80), rng.uniform(-1.2, -0.2, 80)], 1)
    hedge(stage, bushes, count=12000, spread_m=0.35, leaf_m=0.08, tints=3)


def build_objects_table(stage) -> None:
    """Crowd a table with everyday things from a hand before the lens to the far wall."""
    rng, top, load = stage.rng, -0.16, stage.library.load
    stage.surround_by("hall", level=0.8, turn_deg=70)
    stage.softbox((-1.5, 0.6, 1.3), (0, 1.5, -0.1), radius_m=0.42, radiance=(27, 25, 22.5))
    wood = painted(stage.library.texture("fp_floor-light-oak"))
    board = plane([(-1.2, 0.4, top), (1.2, 0.4, top), (-1.2, 3.0, top), (1.2, 3.0, top)], repeat=(3, 3))
    stage.add(board, glossy(wood, alpha=0.3))
    wall = plane([(-2.6, 4.6, -1.2), (2.6, 4.6, -1.2), (-2.6, 4.6, 2), (2.6, 4.6, 2)], repeat=(3, 2))
    stage.add(wall, matte(painted(stage.library.texture("fp_exposed-brick"))))

    def speckled(*colours, cells=20, shiny=True):
        picture = painted(paint.mottled(rng, colours, size_px=512, cells=cells))
        return glossy(picture, alpha=0.22) if shiny else matte(picture)

    clay = speckled((120, 62, 40), (176, 104, 70), (204, 140, 104), shiny=False)
    white, blue = speckled((206, 200, 190), (230, 226, 218)), speckled((24, 44, 84), (40, 76, 130), (90, 130, 170))
    red, green = (
        speckled((130, 18, 14), (186, 42, 30), (214, 120, 60)),
        speckled((44, 76, 30), (110, 140, 50), (170, 180, 90)),
    )
    yellow, dark = speckled((206, 150, 20), (240, 200, 60), cells=60), speckled((22, 22, 26), (44, 44, 50))
    brass, sea = (
        speckled((150, 100, 40), (196, 146, 70), (220, 180, 110)),
        speckled((28, 60, 110), (60, 116, 160), (200, 180, 120), cells=5),
    )
    oak, painted_vase = (
        matte(painted(stage.library.texture("mx_wood_color"))),
        glossy(painted(textures.glaze(rng)), alpha=0.22),
    )
    for name, x, y, tall, turn, material in (
        ("teapot", 0.0, 1.5, 0.15, 30, blue),
        ("mug", 0.18, 1.42, 0.088, 150, red),
        ("plate", -0.21, 1.46, 0.018, 0, white),
        ("apple", -0.235, 1.44, 0.07, 0, red),
        ("lemon", -0.17, 1.43, 0.045, 40, yellow),
        ("avocado", -0.185, 1.5, 0.055, 80, green),
        ("candle_holder_01", 0.30, 1.75, 0.2, 0, brass),
        ("globe", -0.36, 2.15, 0.36, 30, sea),
        ("wine_bottle", 0.12, 2.2, 0.31, 0, green),
        ("wine_bottle", 0.22, 2.35, 0.31, 0, dark),
        ("vintage_phone", 0.46, 2.5, 0.16, -20, dark),
        ("greek_vase_01", -0.08, 2.6, 0.34, 0, painted_vase),
        ("book_01", -0.10, 1.9, None, 20, red),
        ("abacus", -0.62, 2.7, 0.26, 10, oak),
        ("lemon", 0.09, 0.84, 0.05, 10, yellow),
        ("apple", 0.145, 0.92, 0.075, 0, green),
        ("acorn", -0.09, 0.82, 0.03, 0, clay),
        ("egg_cup", -0.15, 0.95, 0.055, 0, white),
        ("d20_dice", 0.02, 0.9, 0.022, 20, red),
        ("d6_rounded_dice", -0.03, 1.02, 0.018, 33, white),
        ("peg_person", 0.03, 1.2, 0.06, 0, oak),
        ("bell_01", -0.12, 1.22, 0.06, 50, brass),
    ):
        stage.put_in(stand(load("base_meshes", name), (x, y, top + 0.001), height_m=tall, turn_deg=turn), material)
    for x in (-0.9, -0.1, 0.7):
        corners = [(x, 4.58, 0.05), (x + 0.5, 4.58, 0.05), (x, 4.58, 0.72), (x + 0.5, 4.58, 0.72)]
        stage.add(plane(corners), matte(painted(paint.poster(rng))))


def build_room(stage) -> None:
    """Serve tea on a stool in an old living room, a sofa and cupboards behind."""
    rng, floor, load = stage.rng, -0.95, stage.library.load
    stage.surround_by("lab", level=0.8, turn_deg=200)
    stage.softbox((-2.2, 1.2, 1.0), (0.3, 2.2, -0.4), radius_m=0.6, radiance=(17, 16.2, 15))
    oak = matte(painted(stage.library.texture("acg_WoodFloor043_1K_Color")))
    stage.add(plane([(-3, 0.5, floor), (3, 0.5, floor), (-3, 5.2, floor), (3, 5.2, floor)], repeat=(4, 3.5)), oak)
    rows, columns = np.mgrid[:1024, :1024] / 1024
    stripes = 0.5 + 0.5 * np.sin(columns * 2 * np.pi * 14)
    leaf = np.abs(np.sin(rows * np.pi * 12 + 2 * np.sin(columns * np.pi * 28))) ** 3
    paper = textures.blend(
        [(150, 166, 146), (186, 196, 172), (222, 216, 190)], np.clip(0.3 + 0.35 * stripes + 0.4 * leaf, 0, 1)
    )
    paper = textures.to_bytes(paper * (1 + 0.02 * textures.noise(rng, (1024, 1024), (100, 100))[..., None]))
    stage.add(
        plane([(-3, 4.7, floor), (3, 4.7, floor), (-3, 4.7, 1.7), (3, 4.7, 1.7)], repeat=(2.2, 1)),
        matte(painted(paper)),
    )
    rug = plane(
        [(-1.1, 1.6, floor + 0.01), (1.1, 1.6, floor + 0.01), (-1.1, 3.4, floor + 0.01), (1.1, 3.4, floor + 0.01)]
    )
    weave = textures.linen(rng)[0][..., [2, 0, 1]]
    stage.add(rug, matte(painted(np.ascontiguousarray(weave))))
    table = stand(load("drake", "wooden_table_02_1k"), (0.0, 1.65, floor), height_m=0.74)
    high = max(part.mesh.vertices[:, 2].max() for part in table)
    stage.put(table)
    stage.put(stand(load("drake", "tea_set_posed"), (0.0, 1.52, high), turn_deg=20))
    stage.put(stand(load("drake", "sofa_03_1k"), (1.1, 3.9, floor)))
    stage.put(stand(load("drake", "painted_wooden_cabinet_1k"), (-2.0, 4.3, floor)))
    shelf = stand(load("drake", "wooden_bookshelf_worn_1k"), (-0.78, 4.4, floor))
    stage.put(shelf)
    stage.put(stand(load("drake", "painted_wooden_stool_1k"), (-0.75, 2.7, floor)))
    for board in np.linspace(0.35, 1.65, 5):
        left = -1.34
        while left < -0.28:
            wide, tall = rng.uniform(0.02, 0.055), rng.uniform(0.17, 0.26)
            tint = textures.to_bytes(
                np.array([(120, 34, 28), (34, 60, 92), (180, 150, 90), (50, 84, 60), (200, 190, 170)][rng.integers(5)])
                * np.ones((8, 8, 1))
            )
            stage.add(box((wide * 0.94, 0.16, tall), (left + wide / 2, 4.35, floor + board)), matte(painted(tint)))
            left += wide + (rng.random() < 0.1) * 0.1
    for x, wide, tall in ((0.03, 0.3, 0.4), (0.5, 0.6, 0.45), (1.25, 0.4, 0.5)):
        low = 0.21
        stage.add(
            box((wide + 0.08, 0.03, tall + 0.08), (x + wide / 2, 4.68, low - 0.04)), matte(rgb((0.25, 0.14, 0.05)))
        )
        corners = [(x, 4.65, low), (x + wide, 4.65, low), (x, 4.65, low + tall), (x + wide, 4.65, low + tall)]
        stage.add(plane(corners), matte(painted(paint.poster(rng))))
    potted_flowers(stage, (0.16, 0.84, -0.31), height_m=0.12, blooms=12, reach_m=0.1)
    plant(stage, "aspen_small_0", (-0.12, 3.9, floor + 0.3), height_m=1.2, turn_deg=30, cells=32)
    pot = np.array([(0.001, 0), (0.14, 0), (0.18, 0.3), (0.2, 0.36), (0.16, 0.36), (0.001, 0.32)])
    stage.add(shapes.lathe(pot).placed((-0.12, 3.9, floor)), matte(rgb((0.35, 0.12, 0.06))))


RECIPES = (
    Recipe("tilted-book", "an open book that passes through focus", build_tilted_book, 0.85, -17.5, 51),
    Recipe("objects-table", "everyday things at many depths", build_objects_table, 1.47, -4.0, 52, True, True),
    Recipe("room", "a tea set in focus in an old living room", build_room, 1.5, -5.0, 53, True, True),
)
