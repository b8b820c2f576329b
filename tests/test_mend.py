import itertools
import json
from dataclasses import replace

import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from wideopen import DepthError, DepthMap, LensRenderer, Photo, read
from wideopen.errors import WideopenError
from wideopen.renderer.look import Look
from wideopen.scene.brush import best_cut, distances, smoothed, thinned
from wideopen.scene.mend import Mender, Mends, Stroke, fingerprint

HEIGHT, WIDTH = 120, 160
DIAGONAL = 200.0
Y, X = np.mgrid[:HEIGHT, :WIDTH]
LEFT, RIGHT = (0.30, 0.42, 0.60), (0.72, 0.48, 0.34)

shares = st.floats(0, 1)
paths = st.lists(st.tuples(st.floats(-0.2, 1.2), st.floats(-0.2, 1.2)), min_size=1, max_size=6).map(tuple)
strokes = st.builds(
    Stroke,
    kind=st.sampled_from(["nearer", "farther", "level", "as-point"]),
    path=paths,
    radius=st.floats(0.01, 0.3),
    feather=shares,
    amount=shares,
    level=shares,
    point=st.tuples(shares, shares),
    edges=st.booleans(),
)


def noise(seed=0, *, shape=(HEIGHT, WIDTH)):
    return np.random.default_rng(seed).normal(0, 0.02, (*shape, 3))


def halves(border=80, *, left=LEFT, right=RIGHT, seed=0):
    """Two surfaces, side by side, with noise."""
    return (np.where(X[..., None] < border, left, right) + noise(seed)).clip(0, 1).astype(np.float32)


def wall(seed=0):
    return halves(0, seed=seed)


def depth_of(dioptres, *, metric=False):
    return DepthMap(np.asarray(dioptres, np.float32), metric=metric, origin="test")


def slope():
    return depth_of(0.25 + 0.5 * Y / HEIGHT + 0.2 * X / WIDTH)


def mended(depth, pixels, *strokes):
    return Mends(strokes).mended(depth, pixels).dioptres


def distance_px(path, *, height=HEIGHT, width=WIDTH):
    """From the path, one segment after the other."""
    points = np.array(path) * [width, height] - 0.5
    pixels = np.mgrid[:height, :width][::-1].transpose(1, 2, 0)
    least = np.full((height, width), np.inf)
    for a, b in zip(points, [*points[1:], points[-1]], strict=True):
        squared = ((b - a) ** 2).sum()
        along = ((pixels - a) @ (b - a) / squared).clip(0, 1) if squared else np.zeros((height, width))
        least = np.minimum(least, np.hypot(*(pixels - a - along[..., None] * (b - a)).transpose(2, 0, 1)))
    return least


def up_and_down(x, *, top=0.25, bottom=0.75):
    return ((x, top), (x, bottom))


def test_without_strokes_it_is_the_very_same_depth():
    depth = slope()
    assert Mends(()).mended(depth, wall()) is depth


@settings(deadline=None, max_examples=40)
@given(stroke=strokes)
def test_beyond_the_brush_nothing_changes_and_no_depth_leaves_the_range(stroke):
    depth = slope()
    found = mended(depth, halves(), stroke)
    untouched = distance_px(stroke.path) > stroke.radius * DIAGONAL + 0.5
    assert np.array_equal(found[untouched], depth.dioptres[untouched])
    assert found.min() >= depth.dioptres.min()
    assert found.max() <= depth.dioptres.max()


@settings(deadline=None, max_examples=30)
@given(path=paths, radius=st.floats(0.03, 0.2), seed=st.integers(0, 99))
@example(path=((1.0, 0.0),), radius=0.03125, seed=0)  # the pixel in the corner is an outlier
def test_on_one_surface_everything_under_a_hard_brush_is_painted(path, radius, seed):
    depth = slope()
    found = mended(depth, wall(seed), Stroke("level", path, radius, feather=0, level=0.5))
    under = distance_px(path) < radius * DIAGONAL - 1
    assert found[under] == pytest.approx(depth.at(0.5))


@settings(deadline=None, max_examples=40)
@given(
    border=st.integers(40, 120),
    off_px=st.integers(5, 12),
    colours=st.tuples(*[st.floats(0.1, 0.9)] * 6).filter(
        lambda c: abs(np.mean(c[:3]) - np.mean(c[3:])) > 0.15,
    ),
    seed=st.integers(0, 99),
)
def test_a_colour_edge_is_not_crossed_and_what_lies_before_it_is_painted(border, off_px, colours, seed):
    pixels = halves(border, left=colours[:3], right=colours[3:], seed=seed)
    depth = slope()
    stroke = Stroke("level", up_and_down((border - off_px) / WIDTH), 0.1, feather=0.4, level=1.0)
    changed = mended(depth, pixels, stroke) != depth.dioptres
    beside = (Y > 0.3 * HEIGHT) & (Y < 0.7 * HEIGHT)
    assert changed[beside & (border < X)].mean() < 0.01
    assert changed[beside & (border - 1 > X) & (border - off_px < X)].mean() > 0.99


def test_a_border_beside_the_edge_moves_onto_it_in_one_step():
    depth = depth_of(np.where(X < 60, 0.2, 0.8))
    # What the network took for near begins 20 px before the photo's edge.
    found = mended(depth, halves(80), Stroke("level", up_and_down(68 / WIDTH), 0.09, feather=0.5, level=0.0))
    rows = found[45:75]
    assert np.unique(rows[:, 60:]).size == 2
    assert np.array_equal(rows, np.where(X[45:75] < 80, np.float32(0.2), np.float32(0.8)))


def test_no_thin_strip_is_left_between_the_edge_and_the_maps_border_beside_it():
    depth = depth_of(np.where(X < 82, 0.8, 0.2))
    found = mended(depth, halves(80), Stroke("nearer", up_and_down(70 / WIDTH), 0.09, feather=0, amount=0.2))
    assert found[45:75, 60:82] == pytest.approx(0.8)  # the nearest there is
    found = mended(depth, halves(80), Stroke("farther", up_and_down(70 / WIDTH), 0.09, feather=0, amount=0.2))
    assert found[45:75, 60:82] == pytest.approx(0.68)
    assert found[45:75, 82:] == pytest.approx(0.2)


def test_away_from_edges_a_stroke_fades_evenly():
    depth = depth_of(X == 0)
    found = mended(depth, wall(), Stroke("nearer", ((0.5, 0.5),), 0.2, feather=1.0, amount=0.5))
    weight = found[60] / 0.5
    inward = (1 - np.abs(X[60] - 79.5) / 40).clip(0, 1)
    expected = inward**2 * (3 - 2 * inward)
    assert weight[1:] == pytest.approx(expected[1:], abs=0.02)


@settings(deadline=None, max_examples=25)
@given(stroke=strokes)
def test_a_path_painted_backwards_is_the_same_stroke(stroke):
    once = mended(slope(), halves(), stroke)
    backwards = mended(slope(), halves(), replace(stroke, path=stroke.path[::-1]))
    assert np.array_equal(once, backwards)


def test_a_stroke_over_itself_counts_once_and_another_stroke_adds():
    depth, path = slope(), up_and_down(0.5)
    once = Stroke("nearer", path, 0.08, amount=0.1)
    there_and_back = replace(once, path=path + path[::-1])
    plain = mended(depth, wall(), once)
    assert mended(depth, wall(), there_and_back) == pytest.approx(plain, abs=1e-6)
    change = plain - depth.dioptres
    assert change[60, 80] == pytest.approx(0.1 * (depth.ends[1] - depth.ends[0]), rel=1e-4)
    assert mended(depth, wall(), once, once) - depth.dioptres == pytest.approx(2 * change, abs=1e-5)
    assert mended(depth, wall(), once, replace(once, kind="farther")) == pytest.approx(depth.dioptres, abs=1e-5)


def test_as_point_takes_the_depth_that_the_point_has_when_the_stroke_begins():
    depth = depth_of(np.where(X < 40, 0.2, np.where(X < 120, 0.5, 0.9)))
    raised = Stroke("level", ((0.1, 0.5),), 0.06, feather=0, level=1.0)
    copied = Stroke("as-point", ((0.5, 0.5),), 0.06, feather=0, point=(0.1, 0.5))
    assert mended(depth, wall(), copied)[60, 80] == pytest.approx(0.2)
    assert mended(depth, wall(), raised, copied)[60, 80] == pytest.approx(0.9)


def test_level_counts_as_the_depth_map_does():
    depth = slope()
    for level in (0.0, 0.3, 1.0):
        found = mended(depth, wall(), Stroke("level", ((0.5, 0.5),), 0.05, feather=0, level=level))
        assert found[60, 80] == pytest.approx(depth.at(level))


def test_without_edges_a_stroke_covers_all_of_the_brush():
    depth, path = slope(), up_and_down(0.45)
    found = mended(depth, halves(), Stroke("level", path, 0.1, feather=0, level=1.0, edges=False))
    under = distance_px(path) < 0.1 * DIAGONAL - 0.5
    assert (found[under] == np.float32(depth.at(1.0))).all()


def test_a_twig_before_the_sky_is_painted_as_far_as_the_brush_goes():
    twig = abs(X - 0.4 * Y - 50) < 2
    pixels = (np.where(twig[..., None], (0.25, 0.2, 0.15), (0.6, 0.7, 0.85)) + noise()).clip(0, 1).astype(np.float32)
    path = tuple(((0.4 * y + 50.5) / WIDTH, (y + 0.5) / HEIGHT) for y in range(20, 100, 5))
    changed = mended(depth_of(X > 2), pixels, Stroke("level", path, 0.05, feather=0, level=0.0)) == 0
    rows = (Y > 22) & (Y < 95)
    assert changed[rows & (abs(X - 0.4 * Y - 50) < 1)].mean() > 0.98
    assert changed[rows & (abs(X - 0.4 * Y - 50) > 3) & (X > 4)].mean() < 0.02


def test_noise_and_texture_under_the_brush_do_not_stop_it():
    grain = np.random.default_rng(1).normal(0, 0.08, (HEIGHT, WIDTH, 1))
    stripes = 0.12 * np.sin(X / 1.5)[..., None]
    depth, path = slope(), up_and_down(0.5)
    for texture in (grain, stripes):
        pixels = (np.full((HEIGHT, WIDTH, 3), (0.5, 0.45, 0.4)) + texture).clip(0, 1).astype(np.float32)
        changed = mended(depth, pixels, Stroke("level", path, 0.1, feather=0, level=1.0)) != depth.dioptres
        assert changed[distance_px(path) < 0.09 * DIAGONAL].mean() > 0.97


def scene_of(scale):
    """A ball before a wall, with texture, at several sizes; the depth's border lies beside the ball's."""
    height, width = 300 * scale, 400 * scale
    y, x = (np.mgrid[:height, :width] + 0.5) / scale
    ball, guessed = (np.hypot(x - 200, y - 150) < radius for radius in (80, 68))
    texture = 0.05 * np.sin(x / 5) * np.sin(y / 7)
    pixels = np.where(ball[..., None], (0.75, 0.5, 0.35), (0.3, 0.4, 0.45)) + texture[..., None]
    pixels += noise(3, shape=(height, width))
    return depth_of(np.where(guessed, 0.9, 0.1 + 0.0005 * x)), pixels.clip(0, 1).astype(np.float32)


def test_strokes_do_the_same_to_a_preview_and_to_the_whole_photo():
    turn = np.linspace(0, 2 * np.pi, 60)
    ring = tuple((0.5 + 74 * np.cos(a) / 400, 0.5 + 74 * np.sin(a) / 300) for a in turn)
    painted = (
        Stroke("as-point", ring, 0.03, point=(0.5, 0.5)),
        Stroke("nearer", ((0.1, 0.1), (0.1, 0.9)), 0.05, amount=0.3),
    )
    depth, pixels = scene_of(4)
    whole = mended(depth, pixels, *painted)
    small = np.asarray(
        Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).resize((1024, 768), Image.Resampling.BOX)
    )
    places = (slice(2, None, 4), slice(2, None, 4))
    y, x = (((np.arange(n) + 0.5) * full / n).astype(int) for n, full in ((768, 1200), (1024, 1600)))
    preview = mended(depth_of(depth.dioptres[y[:, None], x]), small.astype(np.float32) / 255, *painted)
    span = depth.ends[1] - depth.ends[0]
    assert (np.abs(preview - whole[y[:, None], x]) < 0.02 * span).mean() > 0.99
    ball = np.hypot(*(np.mgrid[:1200, :1600] / 4 - np.array([150, 200])[:, None, None])) < 80
    assert ((whole > 0.5) == ball)[places].mean() > 0.998


@settings(deadline=None, max_examples=15)
@given(steps=st.lists(st.lists(st.integers(0, 4), max_size=4), min_size=1, max_size=6))
def test_a_mender_gives_the_same_whatever_it_was_asked_before(steps):
    kinds = ("nearer", "level", "as-point", "farther", "nearer")
    palette = [Stroke(kind, up_and_down(0.2 + 0.15 * k), 0.06, level=0.7) for k, kind in enumerate(kinds)]
    depth, pixels = slope(), halves()
    mender = Mender(depth, pixels)
    for chosen in steps:
        mends = Mends(tuple(palette[k] for k in chosen))
        assert np.array_equal(mender.mended(mends).dioptres, mends.mended(depth, pixels).dioptres)
    assert np.array_equal(depth.dioptres, slope().dioptres)


def test_it_gives_the_same_bytes_on_one_thread():
    stroke = Stroke("level", up_and_down(0.47), 0.1, level=0.9)
    many = mended(slope(), halves(), stroke)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        assert np.array_equal(mended(slope(), halves(), stroke), many)
    finally:
        numba.set_num_threads(threads)


def test_metric_depth_stays_metric_and_says_that_it_was_mended():
    stroke = Stroke("nearer", ((0.5, 0.5),), 0.1)
    depth = depth_of(slope().dioptres, metric=True)
    one, two = (Mends((stroke,) * count).mended(depth, wall()) for count in (1, 2))
    assert one.metric
    assert (one.origin, two.origin) == ("test + 1 stroke", "test + 2 strokes")
    assert not Mends((stroke,)).mended(slope(), wall()).metric


def test_a_flat_depth_and_a_brush_outside_the_frame_change_nothing():
    flat = depth_of(np.full((HEIGHT, WIDTH), 0.5))
    assert np.array_equal(mended(flat, wall(), Stroke("nearer", ((0.5, 0.5),), 0.1)), flat.dioptres)
    outside = Stroke("nearer", ((-0.4, -0.4), (-0.4, 1.4)), 0.05)
    assert np.array_equal(mended(slope(), wall(), outside), slope().dioptres)


def test_photos_of_one_pixel_and_of_one_row_can_be_mended():
    for height, width in ((1, 1), (1, 50), (50, 1)):
        depth = depth_of(np.linspace(0, 1, height * width).reshape(height, width))
        found = mended(
            depth, np.full((height, width, 3), 0.5, np.float32), Stroke("level", ((0.5, 0.5),), 0.5, level=1)
        )
        assert found.max() == pytest.approx(depth.at(1.0), abs=1e-3)


@settings(deadline=None, max_examples=25)
@given(path=st.lists(st.tuples(st.floats(-20, 60), st.floats(-20, 60)), min_size=2, max_size=40), off=st.floats(0.1, 5))
def test_points_are_left_out_of_a_path_only_where_the_line_without_them_is_near(path, off):
    points = np.array(path)
    kept = thinned(points, off)
    assert np.array_equal(kept[[0, -1]], points[[0, -1]])
    for point in points:
        ends = itertools.pairwise(kept)
        assert min(distance_from(point, a, b) for a, b in ends) <= off + 1e-6


def distance_from(point, a, b):
    squared = ((b - a) ** 2).sum()
    along = ((point - a) @ (b - a) / squared).clip(0, 1) if squared else 0.0
    return np.hypot(*(point - a - along * (b - a)))


@settings(deadline=None, max_examples=25)
@given(path=st.lists(st.tuples(st.floats(-0.3, 1.3), st.floats(-0.3, 1.3)), min_size=2, max_size=8, unique=True))
def test_distances_are_those_of_the_nearest_segment_up_to_the_limit(path):
    line = np.array(path) * [60, 40] - 0.5
    found, along, _ = distances(line, 40, 60, 15.0)
    expected = distance_px(path, height=40, width=60)
    near = expected < 14.99
    assert found[near] == pytest.approx(expected[near], abs=2e-3)
    assert (found[expected > 15.01] == 1e6).all()
    assert along.max() <= np.hypot(*np.diff(line, axis=0).T).sum() + 1e-3


def test_sides_of_a_path_are_told_apart_and_so_are_its_ends():
    side = distances(np.array([[10.0, 10.0], [30.0, 10.0]]), 21, 41, 8.0)[2]
    assert [side[14, 20], side[6, 20], side[10, 34], side[10, 6], side[0, 0]] == [1, -1, 2, -2, 0]


@settings(deadline=None, max_examples=40)
@given(
    prices=st.lists(st.lists(st.integers(0, 8), min_size=3, max_size=3), min_size=4, max_size=4), bend=st.integers(0, 4)
)
def test_the_cut_is_the_cheapest_of_all_that_share_its_first_step(prices, bend):
    table = np.array(prices, np.float32)

    def cost(steps):
        around = np.array(steps)
        return table[range(4), around].sum() + bend * np.abs(around - np.roll(around, 1)).sum()

    found = best_cut(table, float(bend))
    cheapest = min(cost((found[0], *others)) for others in itertools.product(range(3), repeat=3))
    assert cost(found) == pytest.approx(cheapest)


def test_smoothing_takes_noise_and_leaves_edges():
    picture = np.where(X[..., None] < 80, 0.3, 0.6) + noise() / 2
    found = smoothed(picture.astype(np.float32), 2, 0.04)
    assert found[:, 10:70].std() < 0.5 * picture[:, 10:70].std()
    assert found[:, 79].mean() == pytest.approx(0.3, abs=0.01)
    assert found[:, 80].mean() == pytest.approx(0.6, abs=0.01)


GOOD = {"kind": "level", "path": ((0.5, 0.5),), "radius": 0.1}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "blur"}, ("'blur'", "nearer, farther, level, as-point")),
        ({"path": ()}, ("0 points", "1 to 2000")),
        ({"path": ((0.5, 0.5),) * 2001}, ("2001 points", "1 to 2000")),
        ({"path": ((0.5, float("nan")),)}, ("0.5,nan", "-0.5 to 1.5")),
        ({"path": ((0.5, 0.5), (1.6, 0.5))}, ("1.6,0.5", "-0.5 to 1.5")),
        ({"radius": 0.0}, ("radius", "is 0 ", "more than 0")),
        ({"radius": 0.51}, ("radius", "0.51", "at most 0.5")),
        ({"radius": float("nan")}, ("radius", "nan")),
        ({"feather": 1.1}, ("feather", "1.1", "0 to 1")),
        ({"amount": -0.1}, ("amount", "-0.1")),
        ({"level": float("inf")}, ("level", "inf")),
        ({"point": (0.5, 1.2)}, ("point's y", "1.2")),
    ],
)
def test_a_stroke_that_cannot_be_is_refused(changes, words):
    with pytest.raises(DepthError) as refused:
        Stroke(**{**GOOD, **changes})
    said = str(refused.value)
    assert "\n" not in said
    assert all(word in said for word in words), said


def test_too_many_strokes_and_a_broken_fingerprint_are_refused():
    with pytest.raises(DepthError, match="501 strokes; at most 500"):
        Mends((Stroke(**GOOD),) * 501)
    for broken in ((1, 2, 3), (300,) * 64):
        with pytest.raises(DepthError, match="fingerprint"):
            Mends((), broken)


def test_a_map_of_another_size_is_refused():
    with pytest.raises(DepthError, match="160x120 and the photo 100x50"):
        Mends((Stroke(**GOOD),)).mended(slope(), np.zeros((50, 100, 3), np.float32))


def test_a_fingerprint_is_the_mean_brightness_of_sixty_four_parts():
    pixels = np.random.default_rng(0).random((128, 256, 3)).astype(np.float32)
    pixels *= np.linspace(0.1, 1, 256, dtype=np.float32)[None, :, None]
    luma = 0.2126 * pixels[..., 0] + 0.7152 * pixels[..., 1] + 0.0722 * pixels[..., 2]
    means = [255 * luma[16 * row : 16 * row + 16, 32 * k : 32 * k + 32].mean() for row in range(8) for k in range(8)]
    assert np.abs(np.array(fingerprint(pixels)) - means).max() < 1


def test_strokes_of_another_photo_are_refused_and_of_the_same_at_another_size_are_not():
    depth, pixels = scene_of(2)
    stroke = Stroke("nearer", ((0.5, 0.5),), 0.1)
    small = pixels[::4, ::4]
    own = Mends((stroke,), fingerprint(small))
    assert own.mended(depth, pixels).origin == "test + 1 stroke"
    with pytest.raises(DepthError, match="belong to another photo") as refused:
        own.mended(depth, pixels[::-1] * 0.5)
    assert "\n" not in str(refused.value)
    assert Mends((stroke,)).mended(depth, pixels[::-1] * 0.5).origin == "test + 1 stroke"


@settings(deadline=None, max_examples=20)
@given(painted=st.lists(strokes, max_size=4).map(tuple))
def test_strokes_come_back_from_a_looks_json(painted):
    look = Look(f_number=2.8, strokes=painted, fingerprint=fingerprint(wall()) if painted else ())
    again = Look.from_json(look.to_json())
    assert again == look
    if painted:
        assert again.renderer().mends == Mends(painted, look.fingerprint)


def test_a_looks_json_with_a_broken_stroke_is_refused_in_one_line():
    record = json.loads(Look(strokes=(Stroke(**GOOD),)).to_json())
    for change in ({"radius": 2}, {"kind": "blur"}, {"path": [[0.5]]}, {"colour": 1}):
        broken = {**record, "strokes": [{**record["strokes"][0], **change}]}
        with pytest.raises(WideopenError) as refused:
            Look.from_json(json.dumps(broken))
        assert "\n" not in str(refused.value)


def test_a_lens_renderer_draws_the_mended_depth():
    depth = depth_of(np.where(X < 60, 0.2, 0.8))
    photo = Photo(pixels=halves(80))
    stroke = Stroke("level", up_and_down(68 / WIDTH), 0.09, level=0.0)
    renderer = LensRenderer(depth=depth, mends=Mends((stroke,), fingerprint(photo.pixels)))
    assert np.array_equal(renderer.look(photo).depth.dioptres, mended(depth, photo.pixels, stroke))


def test_render_takes_a_looks_strokes(wideopen, tmp_path):
    Photo(pixels=halves()).save(tmp_path / "photo.png")
    pixels = read(tmp_path / "photo.png").pixels
    Image.fromarray(np.uint8(np.where(X < 60, 60, 200))).save(tmp_path / "depth.png")
    look = Look(
        max_blur_percent=4,
        focus=(0.9, 0.5),
        strokes=(Stroke("level", up_and_down(0.43), 0.09, level=0.0),),
        fingerprint=fingerprint(pixels),
    )
    for name, changes in {
        "mended": {},
        "plain": {"strokes": (), "fingerprint": ()},
        "other": {"fingerprint": tuple((level + 60) % 256 for level in look.fingerprint)},
    }.items():
        (tmp_path / f"{name}.json").write_text(replace(look, **changes).to_json())
    for name in ("mended", "plain"):
        code, _, said = wideopen(
            "render", "photo.png", "--look", f"{name}.json", "--depth", "depth.png", "-o", f"{name}.png"
        )
        assert code == 0, said
    strip = (slice(50, 70), slice(62, 78))
    blurred, sharp = (read(tmp_path / f"{name}.png").pixels[strip] for name in ("mended", "plain"))
    assert np.abs(sharp - pixels[strip]).mean() < 0.003
    assert np.abs(blurred - pixels[strip]).mean() > 0.01
    code, _, said = wideopen("render", "photo.png", "--look", "other.json", "--depth", "depth.png", "-o", "other.png")
    assert code == 1
    assert "another photo" in said
    assert not (tmp_path / "other.png").exists()
