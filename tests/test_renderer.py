"""Laws that hold for the exact and the layered renderer, and their agreement."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wideopen import DefocusMap, Iris, Photo
from wideopen.renderer.exact import spread_exactly
from wideopen.renderer.kernels import radius_of_key
from wideopen.renderer.layered import spread_in_layers
from wideopen.renderer.points import find_key
from wideopen.renderer.sheets import take_apart
from wideopen.renderer.spread import spread

RENDERERS = [spread_exactly, spread_in_layers]
HEIGHT, WIDTH = 60, 80
Y, X = np.mgrid[:HEIGHT, :WIDTH]
DISC = (X - 40) ** 2 + (Y - 30) ** 2 < 15**2


def noise(seed=0):
    return np.random.default_rng(seed).random((HEIGHT, WIDTH, 3), np.float32)


def plain(value=0.3):
    return np.full((HEIGHT, WIDTH, 3), value, np.float32)


def field(radius_px):
    return np.broadcast_to(np.asarray(radius_px, np.float32), (HEIGHT, WIDTH)).copy()


def psnr_db(one, other):
    return -10 * np.log10(max(float(np.mean((one - other) ** 2)), 1e-12))


FIELDS = {
    "in focus": field(0),
    "behind": field(-7.3),
    "in front": field(5.2),
    "slanted": field((Y - 30) / 5),
    "subject before blur": np.where(DISC, 0, field(-9)),
    "blur before subject": np.where(DISC, field(8), 0),
    "both": np.where(DISC, 0, field((X - 60) / 6)),
}


@pytest.mark.parametrize("render", RENDERERS)
@pytest.mark.parametrize("name", FIELDS)
def test_a_constant_picture_stays_constant_up_to_the_border(render, name):
    assert render(take_apart(plain(), FIELDS[name]), Iris()) == pytest.approx(plain(), abs=1e-5)


@pytest.mark.parametrize("render", RENDERERS)
def test_a_picture_in_focus_is_returned(render):
    assert render(take_apart(noise(), field(0.4)), Iris()) == pytest.approx(noise(), abs=1e-6)


@pytest.mark.parametrize("render", RENDERERS)
@pytest.mark.parametrize("iris", [Iris(), Iris(blades=5), Iris(blades=3, rotation_deg=20)], ids=["disc", "5", "3"])
@pytest.mark.parametrize("radius_px", [6.0, -6.0])
def test_a_point_light_becomes_the_iris(render, iris, radius_px):
    picture = plain(0)
    picture[30, 40] = 500
    kernel = iris.kernel_at(radius_px, x=0, y=0, aspect=1)
    reach = kernel.shape[0] // 2
    drawn = render(take_apart(picture, field(radius_px)), iris)[..., 0]
    window = drawn[30 - reach : 31 + reach, 40 - reach : 41 + reach]
    assert window == pytest.approx(500 * kernel, abs=0.02 * 500 * kernel.max())
    assert drawn.sum() == pytest.approx(500, rel=1e-3)


@pytest.mark.parametrize("render", RENDERERS)
def test_a_blurred_background_does_not_leak_over_a_sharp_subject(render):
    picture = np.where(DISC[..., None], 0, plain(1))
    inside = (X - 40) ** 2 + (Y - 30) ** 2 < 12**2
    assert render(take_apart(picture, FIELDS["subject before blur"]), Iris())[inside].max() < 1e-6


@pytest.mark.parametrize("render", RENDERERS)
def test_a_sharp_subject_leaves_no_halo_in_the_blurred_background(render):
    picture = np.where(DISC[..., None], plain(1), 0)
    outside = (X - 40) ** 2 + (Y - 30) ** 2 > 18**2
    assert render(take_apart(picture, FIELDS["subject before blur"]), Iris())[outside].max() < 0.01


@pytest.mark.parametrize("render", RENDERERS)
def test_a_blurred_foreground_is_translucent_at_its_rim(render):
    picture = np.where(DISC[..., None], plain(1), 0)
    row = render(take_apart(picture, FIELDS["blur before subject"]), Iris())[30, :, 0]
    assert row[40] == pytest.approx(1, abs=0.02)
    rim = row[55:64]
    assert (np.diff(row[46:66]) < 0.02).all(), "the rim fades steadily"
    assert 0.1 < rim[2] < 0.6
    assert row[54] == pytest.approx(0.5, abs=0.15), "half of the lens sees past the edge"


@pytest.mark.parametrize("render", RENDERERS)
def test_what_a_blurred_foreground_uncovers_is_the_background_and_not_black(render):
    picture = np.where(DISC[..., None], np.float32([0.8, 0.1, 0.1]), np.float32([0.1, 0.6, 0.2]))
    drawn = render(take_apart(picture.astype(np.float32), FIELDS["blur before subject"]), Iris())
    mixture = (drawn[..., 0] - 0.1) / 0.7
    assert drawn[..., 1] == pytest.approx(0.6 - 0.5 * mixture, abs=0.02)


@pytest.mark.parametrize("name", FIELDS)
def test_layered_agrees_with_exact(name):
    sheets = take_apart(noise(), FIELDS[name])
    assert psnr_db(spread_in_layers(sheets, Iris()), spread_exactly(sheets, Iris())) > 40


@pytest.mark.parametrize("iris", [Iris(blades=5, rotation_deg=10), Iris(blades=3)], ids=["five blades", "three"])
@pytest.mark.parametrize("name", ["behind", "slanted", "subject before blur"])
def test_layered_agrees_with_exact_for_blades(iris, name):
    sheets = take_apart(noise(), FIELDS[name])
    assert psnr_db(spread_in_layers(sheets, iris), spread_exactly(sheets, iris)) > 36


CUT = {
    "disc": Iris(cat_eye=0.8),
    "five blades": Iris(blades=5, cat_eye=0.6),
    "picture": Iris(picture=np.ones((15, 15), np.float32), cat_eye=1.0),
}


@pytest.mark.parametrize("iris", CUT.values(), ids=CUT)
@pytest.mark.parametrize("place", [(30, 40), (12, 15), (45, 66)], ids=str)
@pytest.mark.parametrize("radius_px", [-7.0, 9.0])
def test_cat_eye_cuts_the_same_shape_as_the_reference(iris, place, radius_px):
    lone = take_apart(plain(500), field(radius_px))
    lone.front[..., 3] = 0
    lone.front[(*place, 3)] = 1
    shapes = [render(lone, iris)[..., 0] > 250 for render in RENDERERS]
    assert shapes[0].sum() > 20
    assert (shapes[0] ^ shapes[1]).sum() <= 0.12 * shapes[0].sum()


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(-30, 30), st.floats(-3, 3))
def test_any_size_and_blur_gives_a_finite_picture_within_the_input_range(height, width, radius_px, slope):
    picture = np.random.default_rng(1).random((height, width, 3), np.float32)
    radius = (radius_px + slope * np.arange(width, dtype=np.float32)[None]).repeat(height, 0).astype(np.float32)
    drawn = spread_in_layers(take_apart(picture, radius), Iris())
    assert drawn.shape == picture.shape
    assert np.isfinite(drawn).all()
    assert drawn.min() >= -1e-6
    assert drawn.max() <= 1 + 1e-5


def test_the_same_bytes_on_one_and_many_threads():
    import numba

    sheets = take_apart(noise(), FIELDS["both"])
    most = numba.config.NUMBA_NUM_THREADS
    results = []
    for threads in {1, most}:
        numba.set_num_threads(threads)
        results.append(spread_in_layers(sheets, Iris()).tobytes())
    numba.set_num_threads(most)
    assert len(set(results)) == 1


def test_pixels_in_focus_come_out_exactly_as_they_went_in():
    photo = Photo(pixels=noise())
    drawn = spread(photo, DefocusMap(FIELDS["subject before blur"]), iris=Iris(), highlights=0.5)
    inside = (X - 40) ** 2 + (Y - 30) ** 2 < 12**2
    assert (drawn[inside] == photo.pixels[inside]).all()


def test_pixels_in_focus_change_by_at_most_one_level_up_to_the_edge():
    picture = np.where(DISC[..., None], plain(0.7), plain(0.2))
    drawn = spread(Photo(pixels=picture), DefocusMap(FIELDS["subject before blur"]), iris=Iris(), highlights=0.5)
    assert np.abs(drawn - picture)[DISC].max() <= 1 / 255


def test_the_edge_of_a_textured_subject_in_focus_is_left_alone():
    picture = np.where(DISC[..., None], noise(1), 0.6 + 0.4 * noise(2)).astype(np.float32)
    drawn = spread(Photo(pixels=picture), DefocusMap(FIELDS["subject before blur"]), iris=Iris(), highlights=0)
    assert np.abs(drawn - picture)[DISC].max() <= 1 / 255


def test_floating_point_gets_no_light_that_was_not_there():
    picture = plain(0.01)
    picture[28:32, 38:42] = 5
    defocus = DefocusMap(field(-9))
    without, restored = (
        spread(Photo(pixels=picture, bits=32), defocus, iris=Iris(), highlights=strength) for strength in (0.0, 1.0)
    )
    assert (without == restored).all()


def test_blur_happens_in_linear_light():
    picture = plain(0)
    picture[:, ::2] = 1
    drawn = spread(Photo(pixels=picture), DefocusMap(field(-8)), iris=Iris(), highlights=0)
    assert drawn[30, 40] == pytest.approx([0.735] * 3, abs=0.02)


def test_a_clipped_lamp_out_of_focus_gets_light_back_and_one_in_focus_does_not():
    picture = plain(0.1)
    picture[28:32, 38:42] = 1
    for radius_px, brighter in ((-9.0, True), (0.0, False)):
        defocus = DefocusMap(field(radius_px))
        without, restored = (
            spread(Photo(pixels=picture), defocus, iris=Iris(), highlights=strength) for strength in (0.0, 1.0)
        )
        assert (restored.sum() > without.sum() + 1) == brighter


def test_a_white_wall_is_no_lamp():
    picture = plain(1)
    picture[:, :8] = 0.2
    defocus = DefocusMap(field(-9))
    without, restored = (spread(Photo(pixels=picture), defocus, iris=Iris(), highlights=s) for s in (0.0, 1.0))
    assert restored == pytest.approx(without, abs=1e-4)


@pytest.mark.parametrize("y,x", [(5, 8), (55, 75)])
def test_cat_eye_keeps_the_light_of_a_corner_lamp(y, x):
    picture = plain(0)
    picture[y, x] = 500
    drawn = {eye: spread_in_layers(take_apart(picture, field(-4)), Iris(cat_eye=eye))[..., 0] for eye in (0.0, 0.9)}
    assert drawn[0.9].sum() == pytest.approx(500, rel=0.1)
    assert (drawn[0.9] > 0.5).sum() < 0.85 * (drawn[0.0] > 0.5).sum()


@given(st.floats(-3000, 3000), st.booleans())
def test_kernels_are_finer_than_an_eye_can_tell(radius_px, hard):
    error_px = abs(radius_of_key(find_key(radius_px, hard)) - radius_px)
    assert error_px <= max(1 / 30, 0.006 * abs(radius_px)) or abs(radius_px) <= 0.55


@pytest.mark.parametrize("render", RENDERERS)
def test_a_fringe_colours_the_rim_of_a_background_light_green_and_leaves_white_white(render):
    picture = plain(0)
    picture[30, 40] = 500
    iris = Iris(fringe=1)
    row = render(take_apart(picture, field(-12)), iris)[30, 40:56]
    assert (row[..., 1] > 0.1).nonzero()[0].max() > (row[..., 0] > 0.1).nonzero()[0].max()
    assert render(take_apart(plain(), field(-12)), iris) == pytest.approx(plain(), abs=1e-5)


@pytest.mark.parametrize(
    "settings", [{"spherical": 0.8}, {"obstruction": 0.5}, {"squeeze": 1.5}, {"fringe": 0.8}], ids=str
)
@pytest.mark.parametrize("radius_px", [11.0, -11.0])
def test_every_character_is_drawn_as_by_the_reference(settings, radius_px):
    iris = Iris(**settings)
    sheets = take_apart(noise(), field(radius_px))
    assert psnr_db(spread_in_layers(sheets, iris), spread_exactly(sheets, iris)) > 36


@pytest.mark.parametrize("name", ["subject before blur", "blur before subject", "slanted", "both"])
def test_a_photo_in_strips_is_the_whole_photo(name, monkeypatch):
    picture = np.tile(noise(), (8, 1, 1))
    defocus = DefocusMap(np.tile(FIELDS[name], (8, 1)))
    whole = spread(Photo(pixels=picture), defocus, iris=Iris(cat_eye=0.5), highlights=0.5)
    monkeypatch.setattr("wideopen.renderer.spread.STRIP_PX", 100 * WIDTH)
    strips = spread(Photo(pixels=picture), defocus, iris=Iris(cat_eye=0.5), highlights=0.5)
    assert np.abs(strips - whole).max() < 0.002
    rows = spread(Photo(pixels=picture), defocus, iris=Iris(cat_eye=0.5), highlights=0.5, rows=slice(110, 171))
    assert np.abs(rows - whole[110:171]).max() < 0.002
    shares = []
    spread(Photo(pixels=picture), defocus, iris=Iris(), highlights=0.5, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) > 1


def test_rendering_ends_where_progress_raises():
    defocus = DefocusMap(np.full((64, 64), 3, np.float32))

    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spread(Photo(pixels=np.zeros((64, 64, 3), np.float32)), defocus, iris=Iris(), highlights=0.5, progress=stop)


@pytest.mark.parametrize("size", [(16, 20000), (20000, 16)], ids=["wide", "tall"])
def test_narrow_photos_are_spread_like_others(size):
    height, width = size
    ramp = np.linspace(-40, 40, height * width, dtype=np.float32).reshape(size)
    pixels = np.full((height, width, 3), 128 / 255, np.float32)
    rendered = spread(Photo(pixels=pixels), DefocusMap(ramp), iris=Iris(), highlights=0.5)
    assert rendered.shape == pixels.shape
    assert rendered == pytest.approx(pixels, abs=1e-3)
