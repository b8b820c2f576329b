import os
import sys

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from wideopen.errors import PhotoError, PhotoExistsError
from wideopen.photo import Photo, read, write
from wideopen.photo.write import SUFFIXES

LOSSLESS = (".png", ".tif")
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:title xmlns:dc="http://purl.org/dc/">a title</dc:title></x:xmpmeta>'


def steps(white, *, height=24, width=40):
    """Make pixels that are exact integers over `white`."""
    integers = np.random.default_rng(0).integers(0, white + 1, (height, width, 3))
    return (integers / white).astype(np.float32)


def ramp(height=24, width=40):
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return np.stack([x, y, 1 - 0.8 * x * y], axis=-1).astype(np.float32)


def exif():
    block = Image.Exif()
    block[0x010F] = "Maker"
    block.get_ifd(0x8769).update({0x920A: 35.5, 0x927C: b"notes"})
    return block.tobytes()


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_lossless_formats_give_the_same_pixels_back(tmp_path, suffix, bits, grey, has_alpha):
    pixels = steps(2**bits - 1)
    pixels = np.repeat(pixels[..., :1], 3, axis=2) if grey else pixels
    alpha = steps(2**bits - 1)[..., 1] if has_alpha else None
    photo = Photo(pixels, bits=bits, grey=grey, alpha=alpha)
    back = read(write(photo, tmp_path / f"photo{suffix}"))
    assert np.array_equal(back.pixels, photo.pixels)
    assert (back.bits, back.grey) == (bits, grey)
    assert (back.alpha is None) == (not has_alpha)
    if has_alpha:
        assert np.array_equal(back.alpha, alpha)


def test_floating_point_stays_so_in_tiff(tmp_path):
    pixels = ramp() * np.float32(3)
    back = read(write(Photo(pixels, bits=32), tmp_path / "photo.tif"))
    assert back.bits == 32
    assert np.abs(back.pixels - pixels).max() < 2e-6
    encoded = Photo(pixels, bits=32, icc=SRGB)
    assert np.array_equal(read(write(encoded, tmp_path / "encoded.tif")).pixels, pixels)


def test_floating_point_becomes_16_bits_in_png_and_clips_at_white(tmp_path):
    back = read(write(Photo(ramp() * np.float32(3), bits=32), tmp_path / "photo.png"))
    assert back.bits == 16
    assert np.abs(back.pixels - (ramp() * 3).clip(0, 1)).max() < 1e-5


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("bits", [8, 16])
def test_every_suffix_is_written_near_the_truth(tmp_path, suffix, bits):
    photo = Photo(ramp(), bits=bits)
    back = read(write(photo, tmp_path / f"photo{suffix}"))
    assert back.size == photo.size
    assert np.abs(back.pixels - photo.pixels).max() < (1 / 255 if suffix[:4] in (".png", ".tif") else 0.05)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("bits", [8, 16])
def test_profile_exif_and_xmp_go_along(tmp_path, suffix, bits):
    photo = Photo(ramp(), bits=bits, icc=SRGB, exif=exif(), xmp=XMP)
    back = read(write(photo, tmp_path / f"photo{suffix}"))
    assert back.icc == SRGB
    assert back.xmp == XMP
    fields = Image.Exif()
    fields.load(back.exif)
    assert fields[0x010F] == "Maker"
    assert fields.get_ifd(0x8769)[0x920A] == 35.5
    assert fields.get_ifd(0x8769)[0x927C] == b"notes"
    if suffix not in (".tif", ".tiff"):
        assert back.exif == photo.exif


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("bits", [8, 16])
def test_resolution_goes_along(tmp_path, suffix, bits):
    back = read(write(Photo(ramp(), bits=bits, dpi=(300.0, 150.0)), tmp_path / f"photo{suffix}"))
    assert back.dpi == pytest.approx((300, 150), rel=1e-4)


def test_the_chunks_of_a_16_bit_png_are_what_pillow_expects(tmp_path):
    photo = Photo(ramp(), bits=16, icc=SRGB, exif=exif(), xmp=XMP, dpi=(300.0, 300.0))
    with Image.open(write(photo, tmp_path / "photo.png")) as image:
        image.load()
        assert image.info["icc_profile"] == SRGB
        assert image.info["exif"] == exif()
        assert image.info["XML:com.adobe.xmp"] == XMP.decode()
        assert image.info["dpi"] == pytest.approx((300, 300), rel=1e-4)


def test_jpeg_has_full_colour_resolution(tmp_path):
    path = write(Photo(ramp()), tmp_path / "photo.jpg")
    with Image.open(path) as image:
        assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3


def test_a_lower_quality_makes_a_smaller_file(tmp_path):
    photo = Photo(steps(255))
    for suffix in (".jpg", ".webp", ".avif", ".heic"):
        small = write(photo, tmp_path / f"small{suffix}", quality=30).stat().st_size
        assert small < write(photo, tmp_path / f"large{suffix}").stat().st_size


def test_webp_of_quality_100_is_lossless(tmp_path):
    photo = Photo(steps(255))
    assert np.array_equal(read(write(photo, tmp_path / "photo.webp", quality=100)).pixels, photo.pixels)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".avif", ".heic"])
def test_grey_stays_a_single_channel(tmp_path, suffix):
    pixels = np.repeat(ramp()[..., :1], 3, axis=2)
    back = read(write(Photo(pixels, grey=True), tmp_path / f"photo{suffix}"))
    assert back.grey
    assert np.abs(back.pixels - pixels).max() < 0.02


@pytest.mark.parametrize("suffix", [".webp", ".avif", ".heic"])
@pytest.mark.parametrize("grey", [False, True])
def test_alpha_stays_where_the_format_has_it(tmp_path, suffix, grey):
    pixels = np.repeat(ramp()[..., :1], 3, axis=2) if grey else ramp()
    back = read(write(Photo(pixels, grey=grey, alpha=ramp()[..., 1]), tmp_path / f"photo{suffix}"))
    assert np.abs(back.alpha - ramp()[..., 1]).max() < 0.05
    assert np.abs(back.pixels - pixels).max() < 0.08


def test_jpeg_lays_alpha_over_white(tmp_path):
    pixels = np.zeros((16, 16, 3), np.float32)
    photo = Photo(pixels, alpha=np.full((16, 16), 0.25, np.float32))
    back = read(write(photo, tmp_path / "photo.jpg"))
    assert back.alpha is None
    assert np.abs(back.pixels - 0.75).max() < 0.01


def test_heic_has_10_bits_for_16_and_half_the_resolution_of_colour(tmp_path):
    path = write(Photo(ramp(), bits=16), tmp_path / "photo.heic")
    image = pillow_heif.open_heif(path, convert_hdr_to_8bit=False)[0]
    assert image.info["bit_depth"] == 10
    assert image.info["chroma"] == 420


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_photo_gives_the_same_bytes(tmp_path, suffix):
    photo = Photo(steps(65535, height=130, width=200), bits=16, icc=SRGB, exif=exif(), xmp=XMP, dpi=(72.0, 72.0))
    first = write(photo, tmp_path / f"first{suffix}").read_bytes()
    assert write(photo, tmp_path / f"second{suffix}").read_bytes() == first


def test_capitals_spaces_and_any_script_in_the_name(tmp_path):
    path = write(Photo(ramp()), str(tmp_path / "моё фото é 写真.JPG"))
    assert path.exists()
    assert read(path).format == "JPEG"


def test_an_existing_file_is_kept_unless_asked(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(b"precious")
    with pytest.raises(PhotoExistsError, match=r"exists; --overwrite \(overwrite=True\) replaces it"):
        write(Photo(ramp()), path)
    assert path.read_bytes() == b"precious"
    write(Photo(ramp()), path, overwrite=True)
    assert read(path).size == (40, 24)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
@pytest.mark.parametrize("moment", ["encode", "write", "replace"])
def test_a_failure_leaves_all_as_it_was(tmp_path, monkeypatch, error, moment):
    path = tmp_path / "photo.png"
    path.write_bytes(b"precious")

    def fail(*_, **__):
        raise error

    module = sys.modules["wideopen.photo.write"]
    if moment == "encode":
        monkeypatch.setitem(module._ENCODERS, ".png", fail)
    elif moment == "replace":
        monkeypatch.setattr(os, "replace", fail)
    else:
        monkeypatch.setattr("pathlib.Path.open", lambda self, mode: FailingFile(self, fail))
    with pytest.raises(KeyboardInterrupt if error is KeyboardInterrupt else PhotoError):
        write(Photo(ramp()), path, overwrite=True)
    monkeypatch.undo()
    assert path.read_bytes() == b"precious"
    assert [left.name for left in tmp_path.iterdir()] == ["photo.png"]


class FailingFile:
    """A file that is made, and fails when it is written."""

    def __init__(self, path, fail):
        path.touch()
        self.write = fail

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.mark.parametrize("name", ["photo", "photo.bmp", "photo.", "photo.jpg.txt"])
def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path, name):
    with pytest.raises(PhotoError, match=r"use one of \.jpg \.jpeg \.png \.tif \.tiff \.webp \.avif \.heic \.heif"):
        write(Photo(ramp()), tmp_path / name)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(PhotoError, match="does not exist; make it first"):
        write(Photo(ramp()), tmp_path / "none" / "photo.png")


def test_a_folder_in_the_way_is_refused(tmp_path):
    (tmp_path / "photo.png").mkdir()
    with pytest.raises(PhotoError, match="is a folder"):
        write(Photo(ramp()), tmp_path / "photo.png", overwrite=True)


def test_a_name_too_long_is_refused(tmp_path):
    with pytest.raises(PhotoError, match="cannot be written"):
        write(Photo(ramp()), tmp_path / f"{'n' * 400}.png")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", fail)
    with pytest.raises(PhotoError, match=r"cannot be written \(Permission denied\); choose another place"):
        write(Photo(ramp()), tmp_path / "photo.png")


@pytest.mark.parametrize(("suffix", "width"), [(".webp", 20000), (".jpg", 70000)])
def test_a_photo_too_large_for_its_format_is_refused(tmp_path, suffix, width):
    photo = Photo(np.zeros((4, width, 3), np.float32))
    with pytest.raises(PhotoError, match=f"cannot hold this photo of {width}x4 .*; write a PNG or TIFF instead"):
        write(photo, tmp_path / f"photo{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_an_impossible_quality_is_refused(tmp_path, quality):
    with pytest.raises(PhotoError, match=f"quality is {quality}, but it lies between 1 and 100"):
        write(Photo(ramp()), tmp_path / "photo.jpg", quality=quality)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_single_pixel_is_written(tmp_path, suffix):
    back = read(write(Photo(np.full((1, 1, 3), 0.5, np.float32)), tmp_path / f"photo{suffix}"))
    assert back.pixels == pytest.approx(np.full((1, 1, 3), 0.5), abs=0.03)


def test_exif_too_long_for_jpeg_loses_its_maker_note_only(tmp_path):
    block = Image.Exif()
    block[0x010F] = "Maker"
    block.get_ifd(0x8769)[0x927C] = bytes(range(256)) * 300
    photo = Photo(ramp(), exif=block.tobytes(), xmp=XMP + b" " * 70000)
    back = read(write(photo, tmp_path / "photo.jpg"))
    fields = Image.Exif()
    fields.load(back.exif)
    assert fields[0x010F] == "Maker"
    assert 0x927C not in fields.get_ifd(0x8769)
    assert back.xmp is None
