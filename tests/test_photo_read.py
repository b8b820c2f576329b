import io
import struct
import zlib
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


def chunk(kind, body):
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


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


@pytest.mark.parametrize("shape", [(9, 13), (9, 13, 2), (9, 13, 3), (9, 13, 4)], ids=["L", "LA", "RGB", "RGBA"])
def test_png_keeps_16_bits(tmp_path, shape):
    samples = noise(*shape, dtype=np.uint16)
    path = tmp_path / "photo.png"
    path.write_bytes(imagecodecs.png_encode(samples))
    photo = read(path)
    samples = samples.reshape(9, 13, -1)
    assert photo.bits == 16
    assert photo.grey == (samples.shape[2] < 3)
    assert np.array_equal(
        np.rint(photo.pixels * 65535), np.broadcast_to(samples[..., : samples.shape[2] // 2 * 2 - 1 or 1], (9, 13, 3))
    )
    if samples.shape[2] in (2, 4):
        assert np.array_equal(np.rint(photo.alpha * 65535), samples[..., -1])
    else:
        assert photo.alpha is None


def adam7(samples):
    """Pack a 16-bit colour PNG in the seven passes of interlacing."""
    raw = b""
    for x, y, step_x, step_y in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        for row in samples[y::step_y, x::step_x]:
            raw += b"\0" + row.astype(">u2").tobytes() if row.size else b""
    height, width = samples.shape[:2]
    head = struct.pack(">LLBBBBB", width, height, 16, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def test_an_interlaced_16_bit_png_is_read(tmp_path):
    samples = noise(11, 14, 3, dtype=np.uint16)
    path = tmp_path / "photo.png"
    path.write_bytes(adam7(samples))
    assert np.array_equal(np.rint(read(path).pixels * 65535), samples)


def test_a_transparent_colour_of_a_16_bit_png_becomes_alpha(tmp_path):
    samples = noise(3, 4, 3, dtype=np.uint16)
    raw = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = struct.pack(">LLBBBBB", 4, 3, 16, 2, 0, 0, 0)
    key = chunk(b"tRNS", struct.pack(">HHH", *samples[1, 2]))
    path = tmp_path / "photo.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + key + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    )
    expected = np.ones((3, 4), np.float32)
    expected[1, 2] = 0
    assert np.array_equal(read(path).alpha, expected)


@pytest.mark.parametrize("bits", [10, 12])
def test_avif_keeps_10_and_12_bits(tmp_path, bits):
    samples = np.rint(colours() / 255 * (2**bits - 1)).astype(np.uint16)
    path = tmp_path / "photo.avif"
    path.write_bytes(imagecodecs.avif_encode(samples, level=100, bitspersample=bits, pixelformat="444"))
    photo = read(path)
    assert photo.bits == 16
    assert np.abs(photo.pixels * 255 - colours()).max() < 2
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


def test_one_bit_is_black_and_white(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(noise(8, 8) > 127).save(path)
    photo = read(path)
    assert photo.grey
    assert np.array_equal(photo.pixels[..., 2], (noise(8, 8) > 127).astype(np.float32))


def test_a_palette_becomes_colour(tmp_path):
    path = tmp_path / "photo.png"
    palette = Image.fromarray(noise(8, 8) % 3, "L").convert("P")
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.save(path)
    photo = read(path)
    assert not photo.grey
    assert np.array_equal(photo.pixels, np.eye(3, dtype=np.float32)[noise(8, 8) % 3])


def test_a_palette_with_transparency_becomes_colour_and_alpha(tmp_path):
    path = tmp_path / "photo.png"
    palette = Image.fromarray(noise(8, 8) % 3, "L").convert("P")
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.save(path, transparency=bytes([0, 128, 255]))
    photo = read(path)
    assert np.array_equal(photo.alpha, (np.array([0, 128, 255]) / 255).astype(np.float32)[noise(8, 8) % 3])
    assert np.array_equal(photo.pixels, np.eye(3, dtype=np.float32)[noise(8, 8) % 3])


def test_grey_with_alpha_stays_grey_with_alpha(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(noise(8, 8, 2)).save(path)
    photo = read(path)
    assert photo.grey
    assert np.array_equal(np.rint(255 * photo.alpha), noise(8, 8, 2)[..., 1])


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


DEMANDS = "JPEG, PNG, TIFF, WebP, AVIF, HEIC or GIF"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"This is no picture but a letter to a friend.\n" * 9, DEMANDS),
        (b"%PDF-1.7\n", DEMANDS),
        (b"\xff\xd8\xff", "broken or truncated"),
        (b"\x89PNG\r\n\x1a\n", "broken or truncated"),
        (b"II*\0", "broken or truncated"),
        (b"\0\0\0\x18ftypheic", "broken or truncated"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", DEMANDS),
        (b"\0", DEMANDS),
    ],
)
def test_what_is_no_photo_is_refused_in_one_line(tmp_path, content, words):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(PhotoError, match=words) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(PhotoError, match="does not exist"):
        read(tmp_path / "none.jpg")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(PhotoError, match="is a folder, but one photo was wanted"):
        read(tmp_path)


def bomb(format_name):
    """Make a small file that says it is enormous."""
    if format_name == "PNG":
        head = struct.pack(">LLBBBBB", 90000, 90000, 8, 2, 0, 0, 0)
        return (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", head)
            + chunk(b"IDAT", zlib.compress(bytes(1000)))
            + chunk(b"IEND", b"")
        )
    if format_name == "GIF":
        return (
            b"GIF89a"
            + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0)
            + b","
            + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0)
            + b"\x02\0;"
        )
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, format_name)
    small = file.getvalue()
    if format_name == "JPEG":
        at = small.index(b"\xff\xc0")
        return small[: at + 5] + struct.pack(">HH", 65000, 65000) + small[at + 9 :]
    at = small.index(struct.pack("<HHLL", 256, 4, 1, 16))
    small = small[:at] + struct.pack("<HHLL", 256, 4, 1, 90000) + small[at + 12 :]
    at = small.index(struct.pack("<HHLL", 257, 4, 1, 16))
    return small[:at] + struct.pack("<HHLL", 257, 4, 1, 90000) + small[at + 12 :]


@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "GIF", "TIFF"])
def test_a_bomb_is_refused_with_its_size(tmp_path, format_name):
    path = tmp_path / "photo.bin"
    path.write_bytes(bomb(format_name))
    with pytest.raises(PhotoError, match=r"is (\d+)x\1 = \d+ megapixels, more than the 500 that are read; make"):
        read(path)


def test_the_bomb_of_the_manual():
    assert 90000 * 90000 / 1e6 == 8100


def test_more_pixels_than_pillow_likes_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for format_name in EXTENSIONS:
        assert read(save(tmp_path / f"{format_name}.bin", colours(), format_name)).size == (40, 24)


def test_a_photo_can_be_saved_by_its_own_method(tmp_path):
    photo = Photo(np.full((4, 5, 3), 0.5, np.float32))
    assert read(photo.save(tmp_path / "photo.png")).size == (5, 4)


ORIGINALS = Path(__file__).parents[1] / "../shared/data"


@pytest.mark.skipif(not ORIGINALS.exists(), reason="the folder of camera originals is not here")
@pytest.mark.parametrize("name", ["camera-originals/Nikon_E995_(iptc).jpg", "camera-originals/Canon_PowerShot_A20.jpg"])
def test_a_camera_original_keeps_every_field_of_its_exif(name):
    path = ORIGINALS / name
    before, after = Image.open(path).getexif(), Image.Exif()
    after.load(read(path).exif)
    kept = {tag: value for tag, value in before.items() if tag not in (ORIENTATION, 0x8769)}
    assert (
        {tag: after[tag] for tag in kept} == pytest.approx(kept)
        if not kept
        else all(after[tag] == kept[tag] for tag in kept)
    )
    assert dict(after.get_ifd(0x8769)) == dict(before.get_ifd(0x8769))
    assert 0x0201 not in after.get_ifd(1)
