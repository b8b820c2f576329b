from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from wideopen.errors import DepthError, PhotoExistsError
from wideopen.optics import DepthMap
from wideopen.scene import pfm
from wideopen.scene.mapfile import read_depth, view, write_depth

PHONE = Path(__file__).parents[2] / "shared" / "data" / "phone"

RAMP = (np.arange(12 * 20, dtype=np.float32) / 100 + 0.25).reshape(12, 20)
LEVELS = np.arange(12 * 20, dtype=np.uint8).reshape(12, 20)
DEPTH = DepthMap(RAMP, metric=True, origin="test")


@pytest.fixture
def exr():
    return pytest.importorskip("OpenEXR")


def saved(path, values):
    """Write an array as its suffix says, without the code under test."""
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix in (".tif", ".tiff"):
        tifffile.imwrite(path, values)
    elif path.suffix == ".png":
        path.write_bytes(imagecodecs.png_encode(values))
    else:
        Image.fromarray(values).save(path)
    return path


@pytest.mark.parametrize("suffix", [".tif", ".tiff", ".npy", ".pfm"])
def test_dioptres_come_back_as_they_were_written(tmp_path, suffix):
    path = write_depth(DEPTH, tmp_path / f"map{suffix}")
    back = read_depth(path, kind="dioptres")
    np.testing.assert_array_equal(back.dioptres, RAMP)
    assert back.metric
    assert back.origin == f"file map{suffix}"


def test_dioptres_come_back_from_exr(tmp_path, exr):
    path = write_depth(DEPTH, tmp_path / "map.exr")
    np.testing.assert_array_equal(read_depth(path, kind="dioptres").dioptres, RAMP)


def test_png_holds_16_bits_of_disparity_over_its_own_range(tmp_path):
    back = read_depth(write_depth(DEPTH, tmp_path / "map.png"))
    np.testing.assert_allclose(back.dioptres, (RAMP - RAMP.min()) / np.ptp(RAMP), atol=1 / 65535)
    assert (back.dioptres.min(), back.dioptres.max()) == (0, 1)
    assert not back.metric


def test_a_flat_map_is_written_and_read(tmp_path):
    flat = DepthMap(np.full((4, 5), 3, np.float32), metric=False, origin="test")
    assert not read_depth(write_depth(flat, tmp_path / "flat.png")).dioptres.any()


@pytest.mark.parametrize(
    ("name", "values", "white"),
    [
        ("map.png", LEVELS, 255),
        ("map.png", LEVELS.astype(np.uint16) * 257, 65535),
        ("map.png", np.dstack([LEVELS] * 3), 255),
        ("map.png", np.dstack([LEVELS.astype(np.uint16) * 200] * 3), 65535),
        ("map.png", np.dstack([LEVELS] * 3 + [np.full_like(LEVELS, 255)]), 255),
        ("map.tif", LEVELS, 255),
        ("map.tif", LEVELS.astype(np.uint16) * 257, 65535),
        ("map.npy", LEVELS, 255),
        ("map.npy", LEVELS.astype(np.int32), 2**31 - 1),
    ],
)
def test_integers_are_disparity_scaled_to_1(tmp_path, name, values, white):
    plane = values if values.ndim == 2 else values[:, :, 0]
    depth = read_depth(saved(tmp_path / name, values))
    np.testing.assert_allclose(depth.dioptres, plane / white, rtol=1e-6)
    assert not depth.metric


@pytest.mark.parametrize("colour", [False, True])
def test_a_grey_jpeg_is_disparity(tmp_path, colour):
    values = np.dstack([LEVELS] * 3) if colour else LEVELS
    depth = read_depth(saved(tmp_path / "map.jpg", values))
    np.testing.assert_allclose(depth.dioptres, LEVELS / 255, atol=0.05)


def test_a_jpeg_is_turned_as_its_exif_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(LEVELS).save(tmp_path / "map.jpg", exif=exif)
    assert read_depth(tmp_path / "map.jpg").size == (12, 20)


def test_a_grey_tiff_whose_white_is_0_is_turned_round(tmp_path):
    tifffile.imwrite(tmp_path / "map.tif", LEVELS, photometric="miniswhite")
    np.testing.assert_allclose(read_depth(tmp_path / "map.tif").dioptres, (255 - LEVELS) / 255, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_float_disparity_is_taken_as_it_is(tmp_path, dtype):
    values = (RAMP * -3).astype(dtype)
    depth = read_depth(saved(tmp_path / "map.npy", values))
    np.testing.assert_array_equal(depth.dioptres, values.astype(np.float32))
    assert depth.dioptres.dtype == np.float32


def test_metres_become_dioptres_and_infinity_becomes_0(tmp_path):
    metres = np.array([[0.5, 2.0], [np.inf, 10.0]], np.float32)
    depth = read_depth(saved(tmp_path / "map.npy", metres), kind="metres")
    np.testing.assert_allclose(depth.dioptres, [[2, 0.5], [0, 0.1]])
    assert depth.metric


@pytest.mark.parametrize(("kind", "word"), [("metres", "metres"), ("dioptres", "dioptres")])
def test_integers_of_unknown_unit_are_refused(tmp_path, kind, word):
    path = saved(tmp_path / "map.png", LEVELS.astype(np.uint16))
    with pytest.raises(DepthError, match=f"do not say their unit; for {word} give a file of floats"):
        read_depth(path, kind=kind)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("disparity", [1, np.nan, np.nan, np.inf], "3 of 4 values in map.npy are not finite"),
        ("dioptres", [1, np.nan, 2, 3], "1 of 4 values in map.npy are not finite"),
        ("dioptres", [1, -1, 2, 3], "1 of 4 values in map.npy are below 0"),
        ("metres", [1, np.nan, np.nan, 3], r"2 of 4 values in map.npy are not numbers \(NaN\)"),
        ("metres", [1, 0, -1, 3], "2 of 4 values in map.npy are 0 m or less; write inf"),
        ("disparity", [1e300, 0, 0, 0], "1 of 4 values in map.npy are not finite"),
        ("metres", [1e-45, 1, 1, 1], "1 of 4 depths are not finite"),
    ],
)
def test_values_that_cannot_be_are_refused_with_their_number(tmp_path, kind, values, message):
    path = saved(tmp_path / "map.npy", np.array(values, np.float64).reshape(2, 2))
    with pytest.raises(DepthError, match=message):
        read_depth(path, kind=kind)


def test_negative_integers_are_refused(tmp_path):
    with pytest.raises(DepthError, match=r"4 of 4 values in map.npy are below 0"):
        read_depth(saved(tmp_path / "map.npy", np.full((2, 2), -1)))


def palette(path):
    picture = Image.fromarray(LEVELS, "P")
    picture.putpalette([level for entry in range(256) for level in (entry, 255 - entry, 7)])
    picture.save(path)


RAINBOW = np.dstack([LEVELS, 255 - LEVELS, LEVELS // 2])


@pytest.mark.parametrize("name", ["map.png", "map.jpg", "map.tif"])
def test_a_colour_mapped_picture_is_refused(tmp_path, name):
    with pytest.raises(DepthError, match="is coloured, and colours have no order from far to near"):
        read_depth(saved(tmp_path / name, RAINBOW))


@pytest.mark.parametrize("name", ["map.png", "map.tif"])
def test_a_coloured_palette_is_refused(tmp_path, name):
    palette(tmp_path / name)
    with pytest.raises(DepthError, match="is coloured"):
        read_depth(tmp_path / name)


def test_transparent_pixels_are_refused(tmp_path):
    alpha = np.full_like(LEVELS, 255)
    alpha[0, :3] = 0
    with pytest.raises(DepthError, match=r"3 of 240 values in map.png are transparent"):
        read_depth(saved(tmp_path / "map.png", np.dstack([LEVELS] * 3 + [alpha])))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (RAMP[None], r"has shape \(1, 12, 20\); a depth map has \(height, width\)"),
        (RAMP[0], r"has shape \(20,\)"),
        (RAMP[:0], r"has shape \(0, 20\)|cannot read"),
        (RAMP > 1, "values of type bool"),
        (RAMP + 1j, "values of type complex64"),
        (np.array([[{}]]), "cannot read map.npy as a depth map"),
    ],
)
def test_arrays_that_are_no_map_are_refused(tmp_path, values, message):
    np.save(tmp_path / "map.npy", values, allow_pickle=True)
    with pytest.raises(DepthError, match=message):
        read_depth(tmp_path / "map.npy")


SUFFIXES = [".png", ".jpg", ".tif", ".npy", ".pfm", ".exr"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"This is a letter, not a map.\n", b"\x00", b"\xff\xd8\xff", b"II*\x00"])
def test_another_content_is_one_line(tmp_path, suffix, content):
    path = tmp_path / f"map{suffix}"
    path.write_bytes(content)
    with pytest.raises(DepthError, match="cannot read map") as caught:
        read_depth(path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy", ".pfm"])
def test_a_file_that_breaks_off_is_refused(tmp_path, suffix):
    path = write_depth(DEPTH, tmp_path / f"map{suffix}")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DepthError, match="cannot read map"):
        read_depth(path)


def test_empty_missing_and_unknown_files_are_refused(tmp_path):
    (tmp_path / "map.png").touch()
    with pytest.raises(DepthError, match=r"map.png is empty"):
        read_depth(tmp_path / "map.png")
    with pytest.raises(DepthError, match="there is no depth map"):
        read_depth(tmp_path / "other.png")
    with pytest.raises(DepthError, match=r"cannot read map.mat as a depth map; give .png"):
        read_depth(tmp_path / "map.mat")


@pytest.mark.parametrize(("scale", "order"), [("-1.0", "<f4"), ("1.0", ">f4"), ("-0.5", "<f4")])
def test_pfm_is_stored_from_the_bottom_in_the_byte_order_of_its_sign(tmp_path, scale, order):
    header = f"Pf\n20 12\n{scale}\n".encode()
    (tmp_path / "map.pfm").write_bytes(header + RAMP[::-1].astype(order).tobytes())
    np.testing.assert_array_equal(read_depth(tmp_path / "map.pfm").dioptres, RAMP * abs(float(scale)))


def test_pfm_of_three_equal_channels_is_read(tmp_path):
    body = np.dstack([RAMP[::-1]] * 3).astype("<f4").tobytes()
    (tmp_path / "map.pfm").write_bytes(b"PF\n20 12\n-1\n" + body)
    np.testing.assert_array_equal(read_depth(tmp_path / "map.pfm").dioptres, RAMP)


@pytest.mark.parametrize("header", [b"P5\n2 2\n255\n", b"Pf\n2 2\n0\n", b"Pf\n2 2\nnan\n", b"Pf\n9 9\n-1\n"])
def test_what_is_no_pfm_raises(header):
    with pytest.raises(ValueError, match=r"PFM|bytes"):
        pfm.decode(header + bytes(16))


@pytest.mark.parametrize(
    ("channels", "wanted"),
    [("RZY", "Z"), ("BGYR", "Y"), ("BGR", "R"), ("AQ", "A"), (("R", "near.Z"), "near.Z")],
)
def test_the_channel_of_an_exr_is_depth_before_luminance_before_red(tmp_path, exr, channels, wanted):
    path = tmp_path / "map.exr"
    planes = {name: RAMP + number for number, name in enumerate(channels)}
    exr.File({"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}, dict(planes)).write(str(path))
    np.testing.assert_array_equal(read_depth(path, kind="dioptres").dioptres, planes[wanted])


def test_without_the_exr_library_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "OpenEXR", None)
    with pytest.raises(DepthError, match="pip install OpenEXR"):
        write_depth(DEPTH, tmp_path / "map.exr")


def test_an_existing_file_stays_without_overwrite(tmp_path):
    path = tmp_path / "map.npy"
    path.write_bytes(b"mine")
    with pytest.raises(PhotoExistsError, match="is there already"):
        write_depth(DEPTH, path)
    assert path.read_bytes() == b"mine"
    assert write_depth(DEPTH, path, overwrite=True) == path
    assert read_depth(path, kind="dioptres").size == (20, 12)


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def half_written(path, *_, **__):
        Path(path).write_bytes(b"half")
        raise OSError("no space left")

    path = tmp_path / "map.tif"
    path.write_bytes(b"mine")
    monkeypatch.setattr(tifffile, "imwrite", half_written)
    with pytest.raises(DepthError, match="no space left"):
        write_depth(DEPTH, path, overwrite=True)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"mine"]


def test_a_place_or_suffix_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(DepthError, match=r"cannot write .*nowhere"):
        write_depth(DEPTH, tmp_path / "nowhere" / "map.npy")
    with pytest.raises(DepthError, match=r"cannot write a map as map.jpg; choose .png"):
        write_depth(DEPTH, tmp_path / "map.jpg")


def test_a_view_grows_lighter_and_warmer_with_nearness():
    ramp = DepthMap(np.linspace(0, 1, 512, dtype=np.float32)[None], metric=False, origin="test")
    colours = view(ramp)[0].astype(float)
    luminance = (colours / 255) ** 2.2 @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > -0.005).all()
    assert luminance[0] < 0.02
    assert luminance[-1] > 0.8
    assert colours[0, 2] > colours[0, 0]
    assert colours[-1, 0] > colours[-1, 2]


def test_a_view_is_not_flattened_by_a_stray_pixel():
    values = np.tile(np.linspace(0, 1, 100, dtype=np.float32), (100, 1))
    stray = values.copy()
    stray[0, 0] = 1e6
    seen, wanted = (view(DepthMap(each, metric=False, origin="test"))[1:] for each in (stray, values))
    np.testing.assert_array_equal(seen, wanted)


@pytest.mark.parametrize("value", [0.0, 7.0, 1e30])
def test_a_flat_map_has_a_view_of_one_colour(value):
    colours = view(DepthMap(np.full((3, 4), value, np.float32), metric=False, origin="test"))
    assert colours.shape == (3, 4, 3)
    assert colours.dtype == np.uint8
    assert np.ptp(colours, axis=(0, 1)).max() == 0


@pytest.mark.skipif(not PHONE.is_dir(), reason="the photos of phones are not here")
def test_real_maps_are_read():
    vase = read_depth(PHONE / "ios1_disparity.png").dioptres
    assert vase[400, 280] > 2 * vase[100, 280]
    assert read_depth(PHONE / "depthy" / "hut-depth.jpg").size == (580, 1024)
    with pytest.raises(DepthError, match="is coloured"):
        read_depth(PHONE / "depthy" / "hut-image.jpg")
