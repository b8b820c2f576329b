from pathlib import Path

import imagecodecs
import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageOps

from wideopen.errors import PhotoError
from wideopen.photo import Photo, read, write

EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "TIFF": "tif", "WEBP": "webp", "AVIF": "avif", "HEIF": "heic"}
ORIENTATION = 0x0112


def colours(width=40, height=24):
    """Make a smooth picture whose corners all differ."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return np.stack([255 * x, 255 * y, 255 - 200 * x * y], axis=-1).astype(np.uint8)


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def exif_with(orientation):
    block = Image.Exif()
    block[ORIENTATION] = orientation
    return block.tobytes()


def save(path, pixels, format_name, **options):
    if format_name == "HEIF":
        pillow_heif.encode("RGB", pixels.shape[1::-1], pixels.tobytes(), path, quality=95, chroma="444", **options)
    else:
        Image.fromarray(pixels).save(path, format_name, **options)
    return path


@pytest.mark.parametrize("format_name", EXTENSIONS)
def test_every_format_is_read(tmp_path, format_name):
    options = {"quality": 100} if format_name != "HEIF" else {}
    path = save(tmp_path / "photo.bin", colours(), format_name, **options)
    photo = read(path)
    assert photo.format == format_name
    assert (photo.bits, photo.grey, photo.alpha, photo.icc, photo.focus, photo.depth) == (8, False, *[None] * 4)
    assert photo.pixels.dtype == np.float32
    assert np.abs(photo.pixels * 255 - colours()).max() < (1e-4 if format_name in ("PNG", "TIFF") else 16)


@pytest.mark.parametrize("format_name", EXTENSIONS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_baked_in_exactly_once(tmp_path, format_name, orientation):
    stored = Image.fromarray(colours())
    stored.getexif()[ORIENTATION] = orientation
    upright = np.asarray(ImageOps.exif_transpose(stored))
    path = save(tmp_path / "photo.bin", colours(), format_name, exif=exif_with(orientation))
    photo = read(path)
    assert photo.pixels.shape == upright.shape
    assert np.abs(photo.pixels * 255 - upright).max() < 20
    again = read(write(photo, tmp_path / f"again.{EXTENSIONS[format_name]}"))
    assert again.pixels.shape == upright.shape
    assert np.abs(again.pixels * 255 - upright).max() < 30


def test_eight_bits_are_the_integers_over_255(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(path)
    steps = (np.arange(256) / 255).astype(np.float32).reshape(16, 16)
    assert np.array_equal(read(path).pixels[..., 0], steps)


def test_jpeg_is_decoded_as_pillow_does(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.fromarray(noise(33, 47, 3)).save(path, progressive=True, quality=80)
    assert np.array_equal(np.rint(read(path).pixels * 255), np.asarray(Image.open(path)))


def test_an_mpo_is_read_as_its_first_jpeg(tmp_path):
    path = tmp_path / "photo.mpo"
    first, second = Image.fromarray(colours()), Image.fromarray(255 - colours())
    first.save(path, "MPO", save_all=True, append_images=[second], quality=95)
    photo = read(path)
    assert photo.format == "JPEG"
    assert np.abs(photo.pixels * 255 - colours()).max() < 20


@pytest.mark.parametrize("bits", [10, 12])
def test_avif_keeps_10_and_12_bits(tmp_path, bits):
    ramp = np.linspace(0, 1, 400 * 3).reshape(1, 400, 3).repeat(8, axis=0)
    samples = np.rint(ramp * (2**bits - 1)).astype(np.uint16)
    path = tmp_path / "photo.avif"
    path.write_bytes(imagecodecs.avif_encode(samples, level=100, bitspersample=bits, pixelformat="444"))
    photo = read(path)
    assert photo.bits == 16
    assert np.abs(photo.pixels - ramp).max() < 0.01
    assert np.unique(photo.pixels).size > 300


def test_heic_keeps_10_bits(tmp_path):
    samples = np.rint(colours(200, 100) / 255 * 65535).astype("<u2")
    path = tmp_path / "photo.heic"
    pillow_heif.encode("RGB;16", (200, 100), samples.tobytes(), path, quality=100, chroma="444")
    photo = read(path)
    assert photo.bits == 16
    assert photo.pixels.max() == 1
    assert np.unique(photo.pixels).size > 300


def test_no_opener_is_left_behind_in_pillow(tmp_path):
    read(save(tmp_path / "photo.heic", colours(), "HEIF"))
    assert "HEIF" not in Image.OPEN


@pytest.mark.parametrize("format_name", ["JPEG", "TIFF"])
def test_cmyk_without_profile_is_ideal_ink(tmp_path, format_name):
    # Pillow writes CMYK JPEG inverted with an Adobe marker, as Photoshop does.
    path = tmp_path / "photo.bin"
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[:8, :, 0] = 255
    inks[8:, :, 3] = 128
    Image.fromarray(inks, "CMYK").save(path, format_name, **({"quality": 100} if format_name == "JPEG" else {}))
    photo = read(path)
    assert photo.pixels[3, 3] == pytest.approx([0, 1, 1], abs=0.02)
    assert photo.pixels[12, 3] == pytest.approx([0.5, 0.5, 0.5], abs=0.02)


def test_the_profile_of_cmyk_is_not_kept(tmp_path):
    path = tmp_path / "photo.jpg"
    broken = b"\0" * 16 + b"CMYK" + b"\0" * 200
    Image.fromarray(noise(16, 16, 4), "CMYK").save(path, icc_profile=broken)
    assert read(path).icc is None


def test_the_profile_of_rgb_is_kept_byte_by_byte(tmp_path):
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for format_name in EXTENSIONS:
        path = save(tmp_path / f"{format_name}.bin", colours(), format_name, icc_profile=icc)
        assert read(path).icc == icc


def test_a_profile_of_other_channels_is_dropped(tmp_path):
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert read(save(tmp_path / "photo.png", colours(), "PNG", icc_profile=icc)).icc is None


@pytest.mark.parametrize("format_name", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_is_read(tmp_path, format_name):
    path = tmp_path / "photo.bin"
    first, second = (Image.new("RGB", (16, 12), colour) for colour in ("red", "blue"))
    options = {"lossless": True} if format_name == "WEBP" else {}
    first.save(path, format_name, save_all=True, append_images=[second], **options)
    photo = read(path)
    assert photo.format == format_name
    assert np.array_equal(photo.pixels, np.broadcast_to(np.float32([1, 0, 0]), (12, 16, 3)))


def test_a_transparent_gif_has_alpha(tmp_path):
    path = tmp_path / "photo.gif"
    Image.fromarray(
        np.dstack([colours(), np.where(np.arange(40) < 20, 0, 255)[None].repeat(24, 0).astype(np.uint8)])
    ).save(path)
    photo = read(path)
    assert photo.alpha[0, 0] == 0
    assert photo.alpha[0, 39] == 1


@pytest.mark.parametrize("size", [(1, 1), (20000, 16), (16, 20000), (3, 1)])
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "TIFF"])
def test_odd_sizes_are_read(tmp_path, size, format_name):
    path = save(tmp_path / "photo.bin", np.zeros((size[1], size[0], 3), np.uint8), format_name)
    assert read(path).size == size


def test_dpi_is_kept_and_turned(tmp_path):
    path = save(tmp_path / "photo.jpg", colours(), "JPEG", dpi=(300, 150), exif=exif_with(6))
    assert read(path).dpi == (150, 300)


def test_a_name_with_spaces_and_letters_of_any_script(tmp_path):
    path = save(tmp_path / "фото 写真 é.jpg", colours(), "JPEG")
    assert read(str(path)).size == (40, 24)


def test_more_pixels_than_pillow_likes_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for format_name in EXTENSIONS:
        path = save(tmp_path / f"{format_name}.bin", colours(), format_name)
        if format_name == "WEBP":
            with pytest.raises(PhotoError, match="is too large for its decoder"):
                read(path)
        else:
            assert read(path).size == (40, 24)


def test_a_photo_can_be_saved_by_its_own_method(tmp_path):
    photo = Photo(np.full((4, 5, 3), 0.5, np.float32))
    assert read(photo.save(tmp_path / "photo.png")).size == (5, 4)


ORIGINALS = Path(__file__).parents[1] / "../shared/data/camera-originals"


@pytest.mark.skipif(not ORIGINALS.exists(), reason="the folder of camera originals is not here")
@pytest.mark.parametrize("name", ["Nikon_E995_(iptc).jpg", "Canon_PowerShot_A20.jpg"])
def test_a_camera_original_keeps_every_field_of_its_exif(name):
    with Image.open(ORIGINALS / name) as image:
        before, after = image.getexif(), Image.Exif()
    after.load(read(ORIGINALS / name).exif)
    for tag, value in before.items():
        if tag not in (ORIENTATION, 0x8769):
            assert after[tag] == value
    assert dict(after.get_ifd(0x8769)) == dict(before.get_ifd(0x8769))
    assert not after.get_ifd(1)
