import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wideopen import DepthError, DepthMap, Focus, FocusError, FocusRange, LensRenderer, Photo, Scene, render
from wideopen.scene import FocusSpan, focus_on, look
from wideopen.scene.fit import blocks_near_border, fit_depth, resize_linear
from wideopen.scene.focus import dioptres_at
from wideopen.scene.prior import guess_depth
from wideopen.scene.vote import vote_between

HEIGHT, WIDTH = 96, 144
Y, X = np.mgrid[:HEIGHT, :WIDTH]
BALL = (X - 90) ** 2 + (Y - 50) ** 2 < 22**2


def picture():
    noise = np.random.default_rng(0).random((HEIGHT, WIDTH, 3)) * 0.1
    return np.where(BALL[..., None], [0.8, 0.3, 0.2], [0.2, 0.4, 0.5]).astype(np.float32) + noise.astype(np.float32)


def depth_of(dioptres, *, metric=True):
    return DepthMap(np.asarray(dioptres, np.float32), metric=metric, origin="test")


def photo_of(**fields):
    return Photo(pixels=picture(), **fields)


BALL_DEPTH = np.where(BALL, 1.0, 0.25)


def test_a_small_map_gets_the_photos_edges():
    small = depth_of(BALL_DEPTH[4::8, 4::8])
    fitted = fit_depth(small, picture()).dioptres
    wrong = ((fitted > 0.625) != BALL).mean()
    plain = ((resize_linear(small.dioptres, height=HEIGHT, width=WIDTH) > 0.625) != BALL).mean()
    assert wrong < 0.003
    assert wrong < plain / 4


def test_no_depth_in_between_is_left_at_a_border():
    fitted = fit_depth(depth_of(BALL_DEPTH[4::8, 4::8]), picture()).dioptres
    assert ((fitted > 0.35) & (fitted < 0.9)).mean() < 0.002


def test_a_smooth_map_is_only_interpolated():
    ramp = np.linspace(0, 1, 12)[:, None] * np.ones((1, 18))
    fitted = fit_depth(depth_of(ramp), picture()).dioptres
    assert fitted == pytest.approx(resize_linear(depth_of(ramp).dioptres, height=HEIGHT, width=WIDTH), abs=0.06)


def wires():
    """Wires one pixel wide, and a pole, before a far wall that gets nearer toward the right."""
    wall = np.broadcast_to(np.linspace(0.2, 0.3, WIDTH), (HEIGHT, WIDTH))
    return np.where((X % 12 == 5) | (Y % 16 == 3) | (abs(X - 70) < 4), 1.0, wall).astype(np.float32)


def test_a_sharp_map_of_the_photos_size_is_left_as_it_is():
    """Even where colour knows nothing of its borders."""
    grey = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    assert (fit_depth(depth_of(wires()), grey).dioptres == wires()).all()


def test_a_soft_map_of_the_photos_size_gets_the_photos_edges():
    soft = np.mean([np.roll(BALL_DEPTH, (dy, dx), (0, 1)) for dy in range(-2, 3) for dx in range(-2, 3)], axis=0)
    fitted = fit_depth(depth_of(soft), picture()).dioptres
    assert ((fitted > 0.35) & (fitted < 0.9)).mean() < 0.002
    assert ((fitted > 0.625) != BALL).mean() < 0.003


@settings(max_examples=30, deadline=None)
@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 300)),
    small=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    seed=st.integers(0, 99),
)
def test_fitting_invents_no_depth_and_works_at_any_size(size, small, seed):
    rng = np.random.default_rng(seed)
    photo, values = rng.random((*size, 3), np.float32), rng.random(small, np.float32)
    for reach, stride in ((2, 1), (6, 2), (18, 6)):
        stretched = resize_linear(values, height=size[0], width=size[1])
        active = np.ones((-(-size[0] // 18), -(-size[1] // 18)), bool)
        voted = vote_between(stretched, active, photo, 18, reach, stride, 0.04, 0.07)
        assert stretched.min() - 1e-6 <= voted.min()
        assert voted.max() <= stretched.max() + 1e-6


def test_a_vote_is_what_the_plain_formula_says():
    """Every pixel by itself in plain NumPy: the window's two sides, and which of them looks more like it."""
    rng = np.random.default_rng(3)
    values = np.where(rng.random((20, 301)) < 0.5, 0.2, 0.9).astype(np.float32) + rng.random((20, 301), np.float32) / 3
    photo = rng.random((20, 301, 3), np.float32)
    reach, stride, sigma = 4, 2, 0.3
    voted = vote_between(values, np.ones((3, 38), bool), photo, 8, reach, stride, 0.04, sigma)
    for y, x in np.ndindex(20, 301):
        ny, nx = np.mgrid[y - reach : y + reach + 1 : stride, x - reach : x + reach + 1 : stride].reshape(2, -1)
        inside = (ny >= 0) & (ny < 20) & (nx >= 0) & (nx < 301)
        ny, nx = ny[inside], nx[inside]
        seen = values[ny, nx].astype(float)
        middle, span = (seen.min() + seen.max()) / 2, np.ptp(seen)
        clear = (seen - middle) / span
        colour = ((photo[ny, nx] - photo[y, x]) ** 2).sum(axis=1) / (2 * sigma**2)
        near_by = ((ny - y) ** 2 + (nx - x) ** 2) / (2 * (reach / 1.5) ** 2)
        weight = clear**2 / (1 + (colour + near_by) / 4) ** 4
        near, far = weight[clear > 0], weight[clear <= 0]
        if (clear**2).mean() < 0.139:
            assert voted[y, x] == values[y, x], "neither here nor there: a slope"
        if (clear**2).mean() < 0.141:
            continue
        ahead = np.log((near.sum() + 1e-12) / (far.sum() + 1e-12)) + 3 * (values[y, x] - middle) / span
        if abs(ahead) > 1e-3:
            side, own = (clear > 0, near) if ahead > 0 else (clear <= 0, far)
            assert voted[y, x] == pytest.approx((seen[side] * own).sum() / own.sum(), abs=1e-5)


@pytest.mark.parametrize("side", [8, 11, 30])
def test_blocks_without_a_border_near_them_are_skipped_and_nothing_else(side):
    soft = resize_linear(depth_of(BALL_DEPTH[4::8, 4::8]).dioptres, height=HEIGHT, width=WIDTH)
    wide = np.tile(soft, (2, 3))
    photo = np.tile(picture(), (2, 3, 1))
    active = blocks_near_border(wide, side, 0.03)
    assert 0.1 < active.mean() < 0.9
    everywhere = np.ones_like(active)
    skipping, plain = (vote_between(wide, blocks, photo, side, 8, 2, 0.03, 0.07) for blocks in (active, everywhere))
    assert (skipping == plain).all()
    assert (plain != wide).any()


def test_linear_resizing_keeps_constant_maps_and_ramps():
    assert resize_linear(np.full((3, 5), 0.7, np.float32), height=20, width=31) == pytest.approx(0.7)
    ramp = resize_linear(np.arange(10, dtype=np.float32)[None], height=1, width=40)[0]
    assert ramp[2:-2] == pytest.approx((np.arange(40) + 0.5)[2:-2] / 4 - 0.5)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 0.55, 0.7])
def test_a_constant_map_of_another_size_gives_no_blur(value):
    photo = photo_of(depth=depth_of(np.full((8, 12), value), metric=False))
    assert (render(photo).pixels == photo.pixels).all()


def test_a_subject_smaller_than_a_hundredth_of_the_frame_is_fitted_too():
    square = (abs(X - 91.5) < 4) & (abs(Y - 51.5) < 4)
    tiny = np.full((12, 18), 0.25)
    tiny[6, 11] = 1.0
    guide = np.where(square[..., None], [0.9, 0.2, 0.1], [0.2, 0.4, 0.5]).astype(np.float32)
    fitted = fit_depth(depth_of(tiny), guide).dioptres
    assert ((fitted > 0.5) ^ square).sum() <= 0.25 * square.sum()


@pytest.mark.parametrize("focus", [(1,), (1, 2, 3), "there"])
def test_a_focus_that_is_none_is_refused(focus):
    with pytest.raises(FocusError):
        render(photo_of(), focus=focus)


def test_a_path_instead_of_a_photo_is_refused():
    # In a process of its own, for here the shape checker would answer first.
    done = subprocess.run(
        [sys.executable, "-c", "import wideopen; wideopen.render('photo.jpg')"], capture_output=True, text=True
    )
    assert "PhotoError: render wants a Photo, as wideopen.read(path) gives it" in done.stderr


def test_a_map_of_other_proportions_is_refused():
    with pytest.raises(DepthError, match=r"depth map is 100x100 and the photo 144x96"):
        fit_depth(depth_of(np.ones((100, 100))), picture())


def test_depth_inside_the_file_comes_before_the_guess():
    photo = photo_of(depth=depth_of(BALL_DEPTH))
    assert look(photo).depth.origin == "test"
    assert look(photo, depth="built-in").depth.origin == "built-in network"
    assert look(photo_of()).depth.origin == "built-in network"
    assert look(photo, depth="prior").depth.origin == "built-in prior"


def test_embedded_depth_is_insisted_on():
    with pytest.raises(DepthError, match="carries no depth"):
        look(photo_of(), depth="embedded")


def test_focus_on_a_point_is_the_depth_there():
    scene = look(photo_of(depth=depth_of(BALL_DEPTH)))
    assert focus_on(scene, Focus(point_px=(90, 50)), photo=photo_of()) == pytest.approx(1.0)
    assert focus_on(scene, Focus.parse("10%,10%"), photo=photo_of()) == pytest.approx(0.25)


def test_focus_next_to_an_edge_stays_on_its_own_side():
    depth = depth_of(BALL_DEPTH)
    edge = 90 + 21
    assert dioptres_at(depth, edge, 50) == pytest.approx(1.0)
    assert dioptres_at(depth, edge + 1, 50) == pytest.approx(0.25)


def test_auto_focus_takes_the_files_own_point_then_the_matte_then_the_guess():
    background, subject = (0.05, 0.05), BALL.astype(np.float32)
    cases = {
        0.25: photo_of(depth=depth_of(BALL_DEPTH), focus=background, matte=subject),
        1.0: photo_of(depth=depth_of(BALL_DEPTH), matte=subject),
    }
    for expected, photo in cases.items():
        assert focus_on(look(photo), Focus(), photo=photo) == pytest.approx(expected, abs=0.01)
    guessed = photo_of(depth=depth_of(BALL_DEPTH))
    assert focus_on(look(guessed), Focus(), photo=guessed) == pytest.approx(1.0, abs=0.01)


def test_a_distance_needs_metric_depth():
    metric, relative = (look(photo_of(depth=depth_of(BALL_DEPTH, metric=m))) for m in (True, False))
    assert focus_on(metric, Focus.parse("2m"), photo=photo_of()) == 0.5
    with pytest.raises(FocusError, match="focus at 2 m needs metric depth"):
        focus_on(relative, Focus.parse("2m"), photo=photo_of())


@pytest.mark.parametrize("text", ["", "here", "1,", "5", "-1m", "0m", "nan,1", "1;2"])
def test_focus_that_is_not_understood_is_refused(text):
    with pytest.raises(FocusError):
        Focus.parse(text)


@pytest.mark.parametrize("text", ["2.5m..1.5m", "1.5m", "1.5m..", "0m..1m", "a..b"])
def test_a_range_that_is_not_understood_is_refused(text):
    with pytest.raises(FocusError):
        FocusRange.parse(text)


@pytest.mark.parametrize("point", [(-1, 5), (145, 5), (5, 97)])
def test_a_point_outside_the_photo_is_refused(point):
    with pytest.raises(FocusError, match="outside the photo of 144x96"):
        Focus(point_px=point).place(width=WIDTH, height=HEIGHT)


def test_the_prior_finds_a_thing_that_differs_from_the_borders():
    depth, matte = guess_depth(picture())
    matte = resize_linear(matte, height=HEIGHT, width=WIDTH)
    assert matte[BALL].mean() > 0.8
    assert matte[:20, :40].mean() < 0.1
    assert not depth.metric


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3, 2), (20, 400)])
def test_the_prior_takes_any_size(shape):
    depth, matte = guess_depth(np.random.default_rng(0).random((*shape, 3), np.float32))
    assert depth.dioptres.shape == matte.shape


def sharpness(pixels):
    return np.abs(np.diff(pixels[..., 1], axis=1))


def test_what_is_pointed_at_is_sharp_and_the_rest_is_blurred():
    photo = photo_of(depth=depth_of(BALL_DEPTH, metric=False))
    inner, outer = (X - 90) ** 2 + (Y - 50) ** 2 < 15**2, (X - 90) ** 2 + (Y - 50) ** 2 > 40**2
    on_ball = render(photo, focus=(90, 50), max_blur_percent=4).pixels
    on_wall = render(photo, focus=(5, 5), max_blur_percent=4).pixels
    assert (on_ball[inner] == photo.pixels[inner]).all()
    assert (on_wall[outer] == photo.pixels[outer]).all()
    assert sharpness(on_ball)[outer[:, 1:]].mean() < 0.3 * sharpness(photo.pixels)[outer[:, 1:]].mean()
    assert sharpness(on_wall)[inner[:, 1:]].mean() < 0.3 * sharpness(photo.pixels)[inner[:, 1:]].mean()


def test_a_range_in_focus_keeps_both_ends_sharp():
    ramp = depth_of(np.linspace(0.2, 2.0, HEIGHT)[:, None] * np.ones((1, WIDTH)))
    photo = photo_of(depth=ramp)
    drawn = LensRenderer(in_focus=FocusRange.parse("0.8m..1.25m"), focal_mm=85, sensor_mm=10)(photo).pixels
    rows = (ramp.dioptres[:, 0] > 0.9) & (ramp.dioptres[:, 0] < 1.15)
    assert np.abs(drawn - photo.pixels)[rows].max() < 0.02
    assert sharpness(drawn)[-8:].mean() < 0.6 * sharpness(photo.pixels)[-8:].mean()


def test_a_span_in_focus_keeps_its_part_of_relative_depth_sharp():
    ramp = depth_of(np.linspace(0.2, 2.0, HEIGHT)[:, None] * np.ones((1, WIDTH)), metric=False)
    photo = photo_of(depth=ramp)
    defocus = LensRenderer(in_focus=FocusSpan(0.4, 0.6)).defocus(photo, Scene(ramp, np.zeros((4, 4), np.float32)))
    share = (ramp.dioptres[:, 0] - ramp.ends[0]) / (ramp.ends[1] - ramp.ends[0])
    sharp = ~defocus.radius_px.any(axis=1)
    assert (sharp == ((share > 0.4) & (share < 0.6))).all()
    assert defocus.radius_px[0, 0] < 0 < defocus.radius_px[-1, 0]


def test_the_span_of_a_rectangle_is_that_of_most_of_its_pixels():
    dioptres = np.full((100, 100), 1.0, np.float32)
    dioptres[:, 50:], dioptres[:, 90:] = 2.0, 5.0
    dioptres[40, 55] = 5.0
    depth = DepthMap(dioptres, metric=True, origin="test")
    assert FocusSpan.of_box(depth, left=0.5, top=0.3, right=0.8, bottom=0.7) == FocusSpan(0.25, 0.25)
    assert FocusSpan.of_box(depth, left=0.1, top=0.3, right=0.8, bottom=0.7) == FocusSpan(0.0, 0.25)
    assert FocusSpan.of_box(depth, left=0.95, top=0.999, right=0.9501, bottom=1) == FocusSpan(1.0, 1.0)


@pytest.mark.parametrize(
    "box", [(0.5, 0, 0.5, 1), (0.6, 0, 0.5, 1), (-0.1, 0, 1, 1), (0, 0, 1, 1.1), (0, float("nan"), 1, 1)]
)
def test_a_rectangle_outside_the_frame_is_refused(box):
    depth = depth_of(BALL_DEPTH)
    with pytest.raises(FocusError, match="does not lie in the frame"):
        FocusSpan.of_box(depth, **dict(zip(("left", "top", "right", "bottom"), box, strict=True)))


@pytest.mark.parametrize("ends", [(0.6, 0.5), (-0.1, 0.5), (0.5, 1.1), (float("nan"), 1)])
def test_a_span_that_is_none_is_refused(ends):
    with pytest.raises(FocusError, match="give the farther end first"):
        FocusSpan(*ends)


def test_an_infinite_f_stop_changes_nothing():
    photo = photo_of(depth=depth_of(BALL_DEPTH))
    assert (render(photo, f_number=4000).pixels == photo.pixels).all()


def test_rendering_leaves_all_but_the_pixels():
    photo = photo_of(depth=depth_of(BALL_DEPTH, metric=False), icc=None, bits=16, dpi=(300.0, 300.0), format="PNG")
    drawn = render(photo)
    assert (drawn.bits, drawn.dpi, drawn.format, drawn.size) == (16, (300.0, 300.0), "PNG", photo.size)
