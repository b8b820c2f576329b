import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wideopen import DefocusMap, DepthError, DepthMap, Lens, OpticsError
from wideopen.optics import lens_scale_px, relative_scale_px


def metric(*dioptres):
    return DepthMap(np.array([dioptres], np.float32), metric=True, origin="test")


def relative(*dioptres):
    return DepthMap(np.array([dioptres], np.float32), metric=False, origin="test")


def test_blur_is_zero_on_the_focal_plane():
    assert DefocusMap.of_lens(metric(0.5, 1.0), focus_dioptres=0.5, lens=Lens()).radius_px[0, 0] == 0


def test_blur_agrees_with_the_textbook_formula_in_metres():
    focal_m, n, focus_m, object_m = 0.085, 1.4, 1.7, 4.2
    diameter_m = focal_m**2 / (n * (focus_m - focal_m)) * abs(object_m - focus_m) / object_m
    lens = Lens(focal_mm=85, f_number=n, sensor_mm=36)
    radius = DefocusMap.of_lens(metric(1 / object_m, 1 / focus_m), focus_dioptres=1 / focus_m, lens=lens).radius_px
    assert -radius[0, 0] == pytest.approx(diameter_m / 2 * 2 / 0.036, rel=1e-4)


def test_blur_is_positive_in_front_and_negative_behind():
    radius = DefocusMap.of_lens(metric(1.0, 0.5, 0.0), focus_dioptres=0.5, lens=Lens()).radius_px[0]
    assert radius[0] > 0 > radius[2]


@given(st.floats(1.0, 22.0))
def test_blur_is_inverse_to_the_f_number(f_number):
    at = {
        n: DefocusMap.of_lens(metric(1.0, 0.0), focus_dioptres=0.5, lens=Lens(f_number=n)).radius_px[0, 0]
        for n in (f_number, 2 * f_number)
    }
    assert at[f_number] == pytest.approx(2 * at[2 * f_number], rel=1e-5)


@given(st.floats(0.1, 10), st.floats(-5, 5))
def test_relative_blur_does_not_see_scale_and_shift_of_the_map(scale, shift):
    values = np.array([0.0, 0.3, 1.0])
    plain = DefocusMap.of_relative(relative(*values), focus_dioptres=0.3, f_number=2, max_blur_percent=3)
    moved = DefocusMap.of_relative(
        relative(*(values * scale + shift)), focus_dioptres=0.3 * scale + shift, f_number=2, max_blur_percent=3
    )
    assert moved.radius_px == pytest.approx(plain.radius_px, abs=1e-3)


def test_relative_blur_at_the_farthest_point_is_what_was_asked_for():
    depth = DepthMap(np.linspace(0, 1, 300 * 400, dtype=np.float32).reshape(300, 400), metric=False, origin="test")
    radius = DefocusMap.of_relative(depth, focus_dioptres=1.0, f_number=1.8, max_blur_percent=2).radius_px
    assert np.abs(radius).max() == pytest.approx(0.02 * 500, rel=0.01)


def test_a_flat_relative_map_has_no_blur():
    assert not DefocusMap.of_relative(
        relative(0.4, 0.4), focus_dioptres=0.4, f_number=1.8, max_blur_percent=2
    ).radius_px.any()


def test_focus_within_the_focal_length_is_refused():
    with pytest.raises(OpticsError, match="lies within the focal length of 50 mm"):
        DefocusMap.of_lens(metric(1.0), focus_dioptres=20, lens=Lens())


def test_a_range_is_kept_sharp_and_blur_begins_at_its_ends():
    radius = DefocusMap(np.array([[9.0, 4.0, 0.0, -2.0, -7.0]], np.float32)).kept_sharp(near_px=4, far_px=-2).radius_px
    assert radius.tolist() == [[5, 0, 0, 0, -5]]


@pytest.mark.parametrize("name", ["focal_mm", "f_number", "sensor_mm"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_lens_that_cannot_be_is_refused(name, value):
    with pytest.raises(OpticsError, match="above 0"):
        Lens(**{name: value})


def test_depth_that_is_not_finite_is_refused_with_its_count():
    with pytest.raises(DepthError, match="1 of 2 depths are not finite"):
        metric(1.0, float("nan"))


def test_the_ends_of_a_map_leave_stray_pixels_out():
    dioptres = np.full((100, 100), 1.0, np.float32)
    dioptres[:50] = 3.0
    dioptres[0, :5], dioptres[99, :5] = 900.0, -900.0
    assert DepthMap(dioptres, metric=False, origin="test").ends == (1.0, 3.0)
    assert DepthMap(dioptres, metric=False, origin="test").at(0.25) == 1.5


def test_a_map_of_two_values_has_these_ends_however_few_pixels_have_one():
    dioptres = np.full((100, 100), 1.0, np.float32)
    dioptres[0, 0] = 2.0
    assert DepthMap(dioptres, metric=False, origin="test").ends == (1.0, 2.0)


def test_a_scale_is_the_radius_of_one_dioptre_from_the_focus():
    scene = metric(1.5, 0.5)
    found = DefocusMap.of_lens(scene, focus_dioptres=0.5, lens=Lens()).radius_px
    assert lens_scale_px(scene, focus_dioptres=0.5, lens=Lens()) == pytest.approx(found[0, 0])
    scene = relative(0.0, 1.0)
    found = DefocusMap.of_relative(scene, focus_dioptres=0.25, f_number=2.8, max_blur_percent=3).radius_px
    scale_px = relative_scale_px(scene, focus_dioptres=0.25, f_number=2.8, max_blur_percent=3)
    assert scale_px * 0.75 == pytest.approx(found[0, 1], rel=0.005)
