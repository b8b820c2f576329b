import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from wideopen.errors import OpticsError
from wideopen.photo import Photo, lens_of

F_NUMBER, FOCAL_LENGTH, EQUIVALENT = 0x829D, 0x920A, 0xA405
WIDTH, HEIGHT = 0xA002, 0xA003
PITCH, UNIT = 0xA20E, 0xA210


def photo(size=(600, 400), **tags):
    block = Image.Exif()
    for tag, value in tags.items():
        block.get_ifd(0x8769)[globals()[tag]] = value
    block[0x010F] = "Maker"
    return Photo(np.zeros((size[1], size[0], 3), np.float32), exif=block.tobytes())


def test_without_exif_it_is_the_default_camera():
    lens = lens_of(Photo(np.zeros((4, 6, 3), np.float32)))
    assert (lens.focal_mm, lens.sensor_mm, lens.f_number, lens.origin) == (50, 22.5, 1.8, "default camera")


def test_the_sensor_follows_from_pixels_per_inch():
    taken = photo(FOCAL_LENGTH=35.0, WIDTH=5184, HEIGHT=3456, PITCH=5184 / (22.3 / 25.4), UNIT=2)
    lens = lens_of(taken, f_number=2.8)
    assert lens.focal_mm == 35
    assert lens.sensor_mm == pytest.approx(22.3, abs=1e-3)
    assert lens.f_number == 2.8
    assert lens.origin == "EXIF: 35 mm on 22.3 mm"


def test_the_sensor_follows_from_pixels_per_centimetre():
    lens = lens_of(photo(FOCAL_LENGTH=85.0, WIDTH=6000, HEIGHT=4000, PITCH=6000 / 3.59, UNIT=3))
    assert lens.sensor_mm == pytest.approx(35.9, abs=1e-3)


def test_the_sensor_follows_from_the_equivalent_by_the_diagonal():
    # Micro Four Thirds: 25 mm is called 50 mm, and the sensor is 17.3 x 13 mm.
    lens = lens_of(photo((400, 300), FOCAL_LENGTH=25.0, EQUIVALENT=50))
    assert lens.focal_mm == 25
    assert lens.sensor_mm == pytest.approx(17.3, abs=0.02)


def test_a_phone_counts_as_the_full_frame_camera_that_sees_the_same():
    lens = lens_of(photo((4032, 3024), FOCAL_LENGTH=4.0, EQUIVALENT=36))
    assert lens.origin == "EXIF: 4.0 mm on 3.8 mm, taken as its full-frame equivalent 36 mm on 34.6 mm"
    assert lens.focal_mm == 36
    assert lens.sensor_mm == pytest.approx(np.hypot(36, 24) * 0.8)


def test_a_compact_without_equivalent_is_scaled_by_its_pitch():
    lens = lens_of(photo((1600, 1200), FOCAL_LENGTH=6.59375, WIDTH=1600, HEIGHT=1200, PITCH=7766.99, UNIT=2))
    assert lens.focal_mm / lens.sensor_mm == pytest.approx(6.59375 / (1600 / 7766.99 * 25.4), rel=1e-6)
    assert lens.sensor_mm == pytest.approx(34.613, abs=1e-3)


def test_an_equivalent_alone_is_a_full_frame_camera():
    lens = lens_of(photo((600, 400), EQUIVALENT=40))
    assert (lens.focal_mm, lens.sensor_mm) == (40, pytest.approx(36))


def test_a_resized_photo_shows_the_whole_sensor():
    taken = {"FOCAL_LENGTH": 50.0, "WIDTH": 6000, "HEIGHT": 4000, "PITCH": 6000 / 36 * 25.4, "UNIT": 2}
    assert lens_of(photo((1500, 1000), **taken)).sensor_mm == pytest.approx(36)
    assert lens_of(photo((1500, 1004), **taken)).sensor_mm == pytest.approx(36)


def test_a_cropped_photo_shows_as_much_of_the_sensor_as_it_has_pixels():
    taken = {"FOCAL_LENGTH": 50.0, "WIDTH": 6000, "HEIGHT": 4000, "PITCH": 6000 / 36 * 25.4, "UNIT": 2}
    lens = lens_of(photo((3000, 3000), **taken))
    assert lens.sensor_mm == pytest.approx(18)
    assert lens.origin == "EXIF: 50 mm on 36 mm, cropped to 18 mm"


def test_a_photo_that_was_cropped_and_enlarged_counts_as_the_largest_crop():
    taken = {"FOCAL_LENGTH": 50.0, "WIDTH": 600, "HEIGHT": 400, "PITCH": 600 / 36 * 25.4, "UNIT": 2}
    assert lens_of(photo((1000, 1000), **taken)).sensor_mm == pytest.approx(24)


def test_a_cropped_phone_photo_keeps_its_view_too():
    whole = lens_of(photo((400, 300), FOCAL_LENGTH=4.0, EQUIVALENT=28, WIDTH=400, HEIGHT=300))
    half = lens_of(photo((200, 200), FOCAL_LENGTH=4.0, EQUIVALENT=28, WIDTH=400, HEIGHT=300))
    assert half.focal_mm == whole.focal_mm
    assert half.sensor_mm == pytest.approx(whole.sensor_mm / 2)


def test_a_portrait_has_the_same_camera_as_a_landscape():
    lying = {"FOCAL_LENGTH": 50.0, "WIDTH": 6000, "HEIGHT": 4000, "PITCH": 6000 / 36 * 25.4, "UNIT": 2}
    assert lens_of(photo((400, 600), **lying)).sensor_mm == pytest.approx(36)


def test_numbers_that_are_given_win():
    taken = photo(FOCAL_LENGTH=35.0, WIDTH=600, HEIGHT=400, PITCH=600 / 22.3 * 25.4, UNIT=2)
    both = lens_of(taken, focal_mm=85.0, sensor_mm=36.0)
    assert (both.focal_mm, both.sensor_mm, both.origin) == (85, 36, "given")
    one = lens_of(taken, focal_mm=85.0)
    assert (one.focal_mm, one.sensor_mm) == (85, pytest.approx(22.3, abs=1e-3))
    other = lens_of(taken, sensor_mm=36.0)
    assert (other.focal_mm, other.sensor_mm) == (35, 36)
    assert other.origin == "given sensor, focal length of EXIF"


def test_a_number_that_is_given_is_completed_by_the_default_camera():
    plain = Photo(np.zeros((4, 6, 3), np.float32))
    lens = lens_of(plain, focal_mm=85.0)
    assert (lens.focal_mm, lens.sensor_mm) == (85, 22.5)
    assert lens.origin == "given focal length, sensor of default camera"
    lens = lens_of(plain, sensor_mm=36.0)
    assert (lens.focal_mm, lens.sensor_mm) == (50, 36)
    assert lens.origin == "given sensor, focal length of default camera"


def test_a_given_sensor_completes_a_focal_length_alone():
    lens = lens_of(photo(FOCAL_LENGTH=8.2), sensor_mm=7.1)
    assert (lens.focal_mm, lens.sensor_mm) == (pytest.approx(8.2), 7.1)


def test_a_given_sensor_keeps_the_view_of_a_phone():
    phone = photo((400, 300), FOCAL_LENGTH=4.0, EQUIVALENT=28)
    own_sensor_mm = 4 / 28 * np.hypot(36, 24) * 0.8
    assert lens_of(phone, sensor_mm=own_sensor_mm).focal_mm == pytest.approx(4)


def test_where_pitch_and_equivalent_disagree_the_equivalent_counts():
    # Digital zoom: the lens stays at 50 mm, the photo shows half of the sensor.
    zoomed = photo(FOCAL_LENGTH=50.0, EQUIVALENT=100, WIDTH=600, HEIGHT=400, PITCH=600 / 36 * 25.4, UNIT=2)
    assert lens_of(zoomed).sensor_mm == pytest.approx(18)


@pytest.mark.parametrize(
    "tags",
    [
        {"FOCAL_LENGTH": 0.0, "PITCH": 4000.0},
        {"FOCAL_LENGTH": 50.0},
        {"FOCAL_LENGTH": 50.0, "EQUIVALENT": 0},
        {"FOCAL_LENGTH": 50.0, "PITCH": 0.0, "UNIT": 2},
        {"FOCAL_LENGTH": 50.0, "PITCH": 1e9, "UNIT": 2},
        {"FOCAL_LENGTH": 50.0, "PITCH": 300.0, "UNIT": 2, "WIDTH": 6000, "HEIGHT": 4000},
        {"FOCAL_LENGTH": IFDRational(1, 0), "PITCH": 400.0},
        {"FOCAL_LENGTH": 9000.0, "PITCH": 400.0},
    ],
)
def test_nonsense_in_exif_gives_the_default_camera(tags):
    assert lens_of(photo(**tags)).origin == "default camera"


def test_a_broken_block_gives_the_default_camera():
    broken = Photo(np.zeros((4, 6, 3), np.float32), exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert lens_of(broken).origin == "default camera"


def test_an_impossible_lens_is_refused():
    with pytest.raises(OpticsError, match="f_number is 0"):
        lens_of(photo(), f_number=0.0)


def test_the_aperture_is_the_photos_own_unless_another_is_given():
    taken = photo(F_NUMBER=5.6, FOCAL_LENGTH=50.0, EQUIVALENT=50)
    assert lens_of(taken).f_number == pytest.approx(5.6)
    assert lens_of(taken, f_number=1.4).f_number == 1.4


def test_a_phones_aperture_blurs_as_little_as_its_small_lens_does():
    lens = lens_of(photo((4032, 3024), F_NUMBER=1.8, FOCAL_LENGTH=4.0, EQUIVALENT=36))
    assert lens.f_number == pytest.approx(16.2)
    assert lens.aperture_mm == pytest.approx(4.0 / 1.8)


def test_a_picture_made_smaller_with_its_exif_is_no_small_sensor():
    lens = lens_of(photo((1080, 720), FOCAL_LENGTH=50.0, WIDTH=1080, HEIGHT=720, PITCH=6000 / 36 * 25.4, UNIT=2))
    assert lens.origin == "default camera"


def test_a_small_square_of_a_large_photo_is_its_largest_square_made_smaller():
    lens = lens_of(photo((1080, 1080), FOCAL_LENGTH=50.0, WIDTH=6000, HEIGHT=4000, PITCH=6000 / 36 * 25.4, UNIT=2))
    assert lens.sensor_mm == pytest.approx(24)
