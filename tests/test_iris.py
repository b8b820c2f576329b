import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wideopen import Iris, OpticsError

HEART = np.zeros((41, 41), np.float32)
HEART[5:20, 3:38] = 1
HEART[20:40, 15:26] = 1
IRISES = [Iris(), Iris(blades=3), Iris(blades=5, rotation_deg=17), Iris(blades=8), Iris(picture=HEART), Iris(cat_eye=1)]
radii = st.floats(0, 30)


@pytest.mark.parametrize("iris", IRISES)
@given(radius_px=radii, x=st.floats(-1, 1), y=st.floats(-1, 1), front=st.booleans())
def test_every_iris_keeps_the_energy(iris, radius_px, x, y, front):
    kernel = iris.kernel_at(radius_px if front else -radius_px, x=x, y=y, aspect=1.5)
    assert kernel.sum() == pytest.approx(1)
    assert kernel.min() >= 0


@pytest.mark.parametrize("iris", IRISES)
def test_a_point_in_focus_stays_a_point(iris):
    assert iris.kernel(0.5).shape == (1, 1)


@pytest.mark.parametrize("iris", IRISES[:5])
@given(radius_px=radii)
def test_no_light_past_the_reach(iris, radius_px):
    reach = iris.reach_px(radius_px)
    assert iris.kernel(radius_px).shape == (2 * reach + 1, 2 * reach + 1)


def test_a_disc_has_the_second_moment_of_a_disc():
    kernel = Iris().kernel(20)
    y, x = np.mgrid[-21:22, -21:22]
    assert (kernel * (x**2 + y**2)).sum() == pytest.approx(20**2 / 2, rel=0.01)


@pytest.mark.parametrize("blades", [3, 5, 6, 9])
def test_blades_let_as_much_light_through_as_the_disc(blades):
    lit = (Iris(blades=blades).kernel(25) > 0.5 * Iris(blades=blades).kernel(25).max()).sum()
    assert lit == pytest.approx(np.pi * 25**2, rel=0.01)


def test_a_polygon_turns_with_its_rotation():
    whole_turn = Iris(blades=6, rotation_deg=60).kernel(15)
    assert whole_turn == pytest.approx(Iris(blades=6).kernel(15), abs=1e-9)
    assert np.abs(Iris(blades=6, rotation_deg=30).kernel(15) - whole_turn).max() > 1e-4


def test_a_foreground_light_shows_the_iris_upside_down():
    behind = Iris(blades=3).kernel_at(-12, x=0, y=0, aspect=1)
    before = Iris(blades=3).kernel_at(12, x=0, y=0, aspect=1)
    assert before == pytest.approx(behind[::-1, ::-1])
    assert np.abs(before - behind).max() > 1e-4


def test_a_background_light_shows_the_iris_picture_upright():
    kernel = Iris(picture=HEART).kernel(20)
    rows = kernel.sum(axis=1)
    middle = len(rows) // 2
    assert rows[:middle].sum() > 1.5 * rows[middle + 1 :].sum()


def test_cat_eye_narrows_discs_toward_the_corner_only():
    iris = Iris(cat_eye=0.8)
    assert iris.kernel_at(-15, x=0, y=0, aspect=1.5) == pytest.approx(Iris().kernel(15))
    corner = iris.kernel_at(-15, x=1, y=1, aspect=1.5)
    assert (corner > 0).sum() < 0.75 * (Iris().kernel(15) > 0).sum()


def test_an_iris_that_cannot_be_is_refused():
    with pytest.raises(OpticsError, match="2 blades is not to be had"):
        Iris(blades=2)
    with pytest.raises(OpticsError, match="black all over"):
        Iris(picture=np.zeros((4, 4), np.float32))
    with pytest.raises(OpticsError, match="from 0 to 1"):
        Iris(cat_eye=1.5)
