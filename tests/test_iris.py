import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wideopen import Iris, OpticsError
from wideopen.renderer.character import circumradius, ray_density

HEART = np.zeros((41, 41), np.float32)
HEART[5:20, 3:38] = 1
HEART[20:40, 15:26] = 1
FLAT = [
    Iris(),
    Iris(blades=3),
    Iris(blades=5, rotation_deg=17),
    Iris(blades=8),
    Iris(blades=7, curvature=0.6),
    Iris(squeeze=2),
    Iris(squeeze=0.4, blades=3, curvature=0.2),
    Iris(squeeze=2.5, blades=6, rotation_deg=10),
]
IRISES = [
    *FLAT,
    Iris(picture=HEART),
    Iris(picture=HEART, squeeze=2, rotation_deg=30, spherical=-1, obstruction=0.3),
    Iris(cat_eye=1),
    Iris(spherical=1),
    Iris(spherical=-1, blades=3, squeeze=1.5),
    Iris(obstruction=0.9),
    Iris(fringe=1, blades=6, cat_eye=0.5),
    Iris(fringe=-1, squeeze=2.5, obstruction=0.5, spherical=0.7, cat_eye=1),
]
radii = st.floats(0, 40)


def grid(kernel):
    half = kernel.shape[0] // 2
    return np.mgrid[-half : half + 1, -half : half + 1]


def spread(kernel):
    """Standard deviations along y and x."""
    y, x = grid(kernel)
    return np.sqrt((kernel * y**2).sum()), np.sqrt((kernel * x**2).sum())


def mean_radius(kernel):
    y, x = grid(kernel)
    return (kernel * np.hypot(y, x)).sum()


def mean_in_ring(kernel, inner_px, outer_px):
    y, x = grid(kernel)
    off_middle = np.hypot(y, x)
    return kernel[(off_middle >= inner_px) & (off_middle < outer_px)].mean()


@pytest.mark.parametrize("iris", IRISES)
@given(radius_px=radii, x=st.floats(-1, 1), y=st.floats(-1, 1), front=st.booleans())
def test_every_iris_keeps_the_energy(iris, radius_px, x, y, front):
    signed = radius_px if front else -radius_px
    kernel = iris.kernel_at(signed, x=x, y=y, aspect=1.5)
    assert kernel.sum() == pytest.approx(1)
    assert kernel.min() >= 0
    colours = iris.kernel_rgb_at(signed, x=x, y=y, aspect=1.5)
    assert colours.sum(axis=(0, 1)) == pytest.approx(1)
    assert colours.min() >= 0
    assert colours.shape[:2] == kernel.shape


@pytest.mark.parametrize("iris", IRISES)
def test_a_point_in_focus_stays_a_point(iris):
    assert iris.kernel(0.5).shape == (1, 1)
    assert iris.kernel_rgb_at(0.5, x=0.3, y=0, aspect=1) == pytest.approx(np.ones((1, 1, 3)))


@pytest.mark.parametrize("iris", IRISES)
@given(radius_px=radii, front=st.booleans())
def test_no_light_past_the_reach(iris, radius_px, front):
    reach = iris.reach_px(radius_px)
    drawn = iris._draw(radius_px if front else -radius_px, reach + 6)
    assert drawn.shape == (2 * reach + 13, 2 * reach + 13)
    assert drawn[6:-6, 6:-6].sum() == pytest.approx(1, abs=1e-12)
    assert iris.kernel(radius_px).shape == (2 * reach + 1, 2 * reach + 1)


@given(radius_px=st.floats(0.51, 40))
def test_without_character_discs_are_plain_to_the_last_bit(radius_px):
    reach = int(np.ceil(radius_px + 0.5))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
    plain = np.clip(0.5 - (np.hypot(x, y) - radius_px), 0, 1)
    plain /= plain.sum()
    off = Iris(curvature=0, squeeze=1, spherical=0, fringe=0, obstruction=0)
    for iris in (Iris(), off, Iris(blades=7, curvature=1)):
        assert np.array_equal(iris.kernel(radius_px), plain)
        assert np.array_equal(iris.kernel_at(radius_px, x=0.5, y=-1, aspect=1.5), plain)
        assert np.array_equal(iris.kernel_rgb_at(radius_px, x=0.5, y=-1, aspect=1.5), np.stack([plain] * 3, axis=2))


def test_a_disc_has_the_second_moment_of_a_disc():
    assert spread(Iris().kernel(20)) == pytest.approx((10, 10), rel=0.01)


def area_px(iris, radius_px):
    """How large a disc is that is as bright as the kernel in its middle all over."""
    return 1 / iris.kernel(radius_px).max()


@pytest.mark.parametrize("squeeze", [1, 0.4, 2, 2.5])
@pytest.mark.parametrize("curvature", [0, 1e-6, 0.0009, 0.0011, 0.5, 0.99, 1])
@pytest.mark.parametrize("blades", [3, 5, 6, 9])
def test_blades_let_as_much_light_through_as_the_disc(blades, curvature, squeeze):
    iris = Iris(blades=blades, curvature=curvature, squeeze=squeeze)
    assert area_px(iris, 40) == pytest.approx(np.pi * 40**2, rel=0.006)


def test_a_polygon_turns_with_its_rotation():
    whole_turn = Iris(blades=6, rotation_deg=60).kernel(15)
    assert whole_turn == pytest.approx(Iris(blades=6).kernel(15), abs=1e-9)
    assert np.abs(Iris(blades=6, rotation_deg=30).kernel(15) - whole_turn).max() > 1e-4


@pytest.mark.parametrize("blades", [3, 6, 100])
def test_bent_blades_grow_round_steadily(blades):
    bends = np.linspace(0, 1, 11)
    corners = [circumradius(blades, curvature=bend) for bend in bends]
    assert all(np.diff(corners) < 0)
    assert corners[-1] == 1
    if blades == 100:
        return
    disc = Iris().kernel(30)
    off_disc = []
    for bend in bends:
        kernel = Iris(blades=blades, curvature=bend).kernel(30)
        pad = (kernel.shape[0] - disc.shape[0]) // 2
        off_disc.append(np.abs(kernel - np.pad(disc, pad)).sum())
    assert all(np.diff(off_disc) < 0)
    assert off_disc[-1] == 0


def test_curvature_has_no_step_where_its_series_ends():
    below, above = (circumradius(5, curvature=bend) for bend in (0.00099999, 0.00100001))
    assert below == pytest.approx(above, rel=1e-8)


@pytest.mark.parametrize("iris", [Iris(), Iris(blades=6, curvature=1), Iris(obstruction=0.4), Iris(spherical=-0.5)])
@pytest.mark.parametrize("squeeze", [0.5, 1.33, 2, 2.5])
def test_squeeze_makes_ovals_of_its_ratio(iris, squeeze):
    settings = {name: getattr(iris, name) for name in ("blades", "curvature", "obstruction", "spherical")}
    high, wide = spread(Iris(squeeze=squeeze, **settings).kernel(30))
    assert high / wide == pytest.approx(squeeze, rel=0.01)
    assert high * wide == pytest.approx(np.prod(spread(iris.kernel(30))), rel=0.01)


@pytest.mark.parametrize("squeeze", [0.4, 1, 2.5])
def test_rims_of_ovals_are_as_sharp_as_those_of_discs(squeeze):
    kernel = Iris(squeeze=squeeze).kernel(20)
    half, fine = kernel.shape[0] // 2, 16
    along = (np.arange(kernel.shape[0] * fine) + 0.5) / fine - half - 0.5
    inside = np.hypot(along[None, :] * np.sqrt(squeeze), along[:, None] / np.sqrt(squeeze)) < 20
    covered = inside.reshape(kernel.shape[0], fine, -1, fine).mean(axis=(1, 3))
    assert kernel / kernel.max() == pytest.approx(covered, abs=0.12)


def test_squeeze_stays_upright_when_blades_turn():
    for rotation_deg in (0, 20, 45):
        high, wide = spread(Iris(blades=4, squeeze=2, rotation_deg=rotation_deg).kernel(30))
        assert high / wide == pytest.approx(2, rel=0.01)


def test_squeeze_stretches_pictures():
    square = np.ones((9, 9), np.float32)
    high, wide = spread(Iris(picture=square, squeeze=2).kernel(30))
    assert high / wide == pytest.approx(2, rel=0.03)


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


@pytest.mark.parametrize("strength", [-1, -0.6, 0.3, 1])
def test_spherical_aberration_spreads_rays_as_traced(strength):
    # Third-order rays of a point behind, undercorrected when strength > 0, through a pupil of even light
    pupil = np.sqrt((np.arange(200_000) + 0.5) / 200_000)
    landing = pupil * (1 + strength / 2 * (pupil**2 - 1))
    y, x = grid(kernel := Iris(spherical=strength).kernel(40))
    for share in (0.2, 0.5, 0.8, 0.95):
        assert kernel[np.hypot(y, x) < 40 * share].sum() == pytest.approx((landing < share).mean(), abs=0.01)


@pytest.mark.parametrize("iris", [{}, {"blades": 6}, {"squeeze": 1.2}, {"picture": np.ones((3, 3), np.float32)}])
@given(strength=st.floats(0.2, 1), radius_px=st.floats(8, 40))
def test_undercorrected_discs_are_soft_behind_and_rimmed_in_front(iris, strength, radius_px):
    for sign in (-1, 1):
        lens = Iris(spherical=sign * strength, **iris)
        soft = lens.kernel_at(-sign * radius_px, x=0, y=0, aspect=1)
        hard = lens.kernel_at(sign * radius_px, x=0, y=0, aspect=1)
        for kernel, rimmed in ((soft, False), (hard, True)):
            middle = mean_in_ring(kernel, 0, 0.3 * radius_px)
            rim = mean_in_ring(kernel, 0.6 * radius_px, 0.8 * radius_px)
            assert (rim > middle) == rimmed


def test_a_full_soap_bubble_is_a_bright_rim_about_a_faint_middle():
    kernel = Iris(spherical=-1).kernel(40)
    mean = 1 / (np.pi * 40**2)
    assert mean_in_ring(kernel, 0, 5) == pytest.approx(mean * 4 / 9, rel=0.05)
    y, x = grid(kernel)
    assert kernel[np.hypot(y, x) > 36].sum() == pytest.approx(0.45, abs=0.02), "from 0.74 of the pupil on"
    soft = Iris(spherical=1).kernel(40)
    assert mean_in_ring(soft, 0, 2) == pytest.approx(mean * 4, rel=0.1)
    assert mean_in_ring(soft, 38.5, 39.5) == pytest.approx(mean / 2, rel=0.1)


@given(strength=st.floats(-1, 1), pixel=st.floats(1e-4, 1.99))
def test_ray_density_is_finite_everywhere(strength, pixel):
    share = np.linspace(0, 3, 400).reshape(20, 20)
    density = ray_density(share, strength=strength, pixel=pixel)
    assert np.isfinite(density).all()
    assert density.min() > 0


@pytest.mark.parametrize("iris", [{}, {"blades": 5}, {"spherical": 0.6}, {"squeeze": 2}, {"obstruction": 0.5}])
@given(radius_px=st.floats(3, 40), fringe=st.floats(0.1, 1))
def test_rims_are_green_behind_and_magenta_in_front(iris, radius_px, fringe):
    for sign in (-1, 1):
        lens = Iris(fringe=sign * fringe, **iris)
        assert lens.coloured
        for front in (-1, 1):
            kernel = lens.kernel_rgb_at(front * radius_px, x=0, y=0, aspect=1.5)
            red, green, blue = (mean_radius(kernel[..., channel]) for channel in range(3))
            assert red == blue
            assert (green > red) == (front * sign < 0)


def test_fringe_is_six_percent_each_way_at_most():
    sizes = [mean_radius(Iris(fringe=1).kernel_rgb_at(-40, x=0, y=0, aspect=1)[..., channel]) for channel in range(3)]
    plain = mean_radius(Iris().kernel(40))
    assert np.array(sizes) / plain == pytest.approx([0.94, 1.06, 0.94], rel=0.003)


def test_a_white_surface_stays_white_under_fringe():
    lens = Iris(fringe=1, spherical=-0.5)
    kernel = lens.kernel_rgb_at(-6, x=0.5, y=0.5, aspect=1.5)
    # Every pixel of an even surface gets the whole of the kernel.
    assert kernel.sum(axis=(0, 1)) == pytest.approx([1, 1, 1], abs=1e-12)


def test_fringe_leaves_the_colourless_kernel_alone():
    plain, fringed = Iris().kernel(20), Iris(fringe=1).kernel(20)
    pad = (fringed.shape[0] - plain.shape[0]) // 2
    assert fringed == pytest.approx(np.pad(plain, pad), abs=1e-15)
    assert not Iris(spherical=1).coloured


@pytest.mark.parametrize("squeeze", [1, 2])
@given(obstruction=st.floats(0.2, 0.9), radius_px=st.floats(10, 40))
def test_the_hole_of_a_mirror_lens_is_dark(squeeze, obstruction, radius_px):
    kernel = Iris(obstruction=obstruction, squeeze=squeeze).kernel(radius_px)
    y, x = grid(kernel)
    pupil = np.hypot(x * np.sqrt(squeeze), y / np.sqrt(squeeze))
    assert kernel[pupil < obstruction * radius_px - 1.5].sum() == 0
    assert (kernel[(pupil > obstruction * radius_px + 1) & (pupil < radius_px - 1)] > 0).all()


@pytest.mark.parametrize("obstruction", [0.3, 0.6])
def test_a_ring_has_the_second_moment_of_a_ring(obstruction):
    wanted = 20 * np.sqrt((1 + obstruction**2) / 4)
    assert spread(Iris(obstruction=obstruction).kernel(20)) == pytest.approx((wanted, wanted), rel=0.01)


def test_a_hole_smaller_than_a_pixel_hides_little():
    kernel = Iris(obstruction=0.1).kernel(1.5)
    assert kernel == pytest.approx(Iris().kernel(1.5), rel=0.1)


@pytest.mark.parametrize("iris", FLAT)
@given(radius_px=st.floats(1, 40))
def test_rows_of_flat_discs_rise_once_and_fall_once(iris, radius_px):
    assert iris.flat
    kernel = iris.kernel(radius_px)
    for row in kernel:
        steps = np.sign(np.round(np.diff(row) / kernel.max(), 9))
        steps = steps[steps != 0]
        assert (np.diff(steps) <= 0).all()
        lit = np.flatnonzero(row > kernel.max() * (1 - 1e-9))
        assert len(lit) == 0 or lit[-1] - lit[0] + 1 == len(lit)


@pytest.mark.parametrize("iris", [Iris(spherical=0.1), Iris(obstruction=0.1), Iris(picture=HEART)])
def test_other_discs_are_not_flat(iris):
    assert not iris.flat


def test_cat_eye_narrows_discs_toward_the_corner_only():
    iris = Iris(cat_eye=0.8)
    assert iris.kernel_at(-15, x=0, y=0, aspect=1.5) == pytest.approx(Iris().kernel(15))
    corner = iris.kernel_at(-15, x=1, y=1, aspect=1.5)
    assert (corner > 0).sum() < 0.75 * (Iris().kernel(15) > 0).sum()


def test_a_picture_that_the_barrel_hides_keeps_its_light():
    edge = np.zeros((40, 40), np.float32)
    edge[:, :2] = 1
    for x in (-1, 1):
        assert Iris(picture=edge, cat_eye=1).kernel_at(-20, x=x, y=0, aspect=50).sum() == pytest.approx(1)


@pytest.mark.parametrize("iris", FLAT)
def test_the_barrel_lets_the_whole_iris_through_in_the_middle(iris):
    kernel = iris.kernel(30)
    y, x = grid(kernel)
    assert kernel[np.hypot(x, y) > 30 * iris.barrel_scale + 0.75].sum() == 0
    assert iris.reach_px(30) >= 30 * iris.barrel_scale


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"blades": 2}, "2 blades is not to be had"),
        ({"picture": np.zeros((4, 4), np.float32)}, "black all over"),
        ({"picture": np.ones((4, 5), np.float32)}, "must be square"),
        ({"rotation_deg": float("inf")}, "rotation is inf degrees"),
        ({"cat_eye": 1.5}, "cat's eye is 1.5, but it goes from 0 to 1"),
        ({"curvature": -0.1}, "curvature is -0.1, but it goes from 0 to 1"),
        ({"squeeze": 0.3}, "squeeze is 0.3, but it goes from 0.4 to 2.5"),
        ({"spherical": 2.0}, "spherical aberration is 2, but it goes from -1 to 1"),
        ({"fringe": float("nan")}, "fringe is nan, but it goes from -1 to 1"),
        ({"obstruction": 0.95}, "obstruction is 0.95, but it goes from 0 to 0.9"),
    ],
)
def test_an_iris_that_cannot_be_is_refused(settings, message):
    with pytest.raises(OpticsError, match=message):
        Iris(**settings)
