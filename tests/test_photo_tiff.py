import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from wideopen.errors import PhotoError
from wideopen.photo import Photo, read, write
from wideopen.photo.profile import to_linear


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def read_written(folder, samples, **options):
    path = folder / "photo.tif"
    tifffile.imwrite(path, samples, **options)
    return read(path)


LAYOUTS = {
    "plain": {},
    "strips": {"rowsperstrip": 4},
    "deflate": {"compression": "adobe_deflate", "predictor": True},
    "zstd": {"compression": "zstd"},
    "packbits": {"compression": "packbits"},
    "tiles": {"tile": (16, 16), "compression": "zlib"},
    "big endian": {"byteorder": ">"},
    "BigTIFF": {"bigtiff": True},
}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_integers_come_in_exactly_whatever_the_layout(tmp_path, layout, dtype):
    samples = noise(21, 35, 3, dtype=dtype)
    photo = read_written(tmp_path, samples, photometric="rgb", **LAYOUTS[layout])
    assert photo.bits == 8 * np.dtype(dtype).itemsize
    assert np.array_equal(np.rint(photo.pixels * np.iinfo(dtype).max), samples)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "raw"])
def test_what_libtiff_wrote_comes_in_exactly(tmp_path, compression):
    path = tmp_path / "photo.tif"
    Image.fromarray(noise(21, 35, 3)).save(path, compression=compression)
    assert np.array_equal(np.rint(read(path).pixels * 255), noise(21, 35, 3))


def test_a_jpeg_within_a_tiff_is_read(tmp_path):
    path = tmp_path / "photo.tif"
    Image.new("RGB", (32, 16), (200, 100, 50)).save(path, compression="jpeg")
    assert np.abs(read(path).pixels * 255 - [200, 100, 50]).max() < 4


def test_separate_planes_are_put_together(tmp_path):
    samples = noise(3, 21, 35)
    photo = read_written(tmp_path, samples, photometric="rgb", planarconfig="separate")
    assert np.array_equal(np.rint(photo.pixels * 255), np.moveaxis(samples, 0, -1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_stays_grey(tmp_path, dtype):
    photo = read_written(tmp_path, noise(9, 13, dtype=dtype), photometric="minisblack")
    assert photo.grey
    assert np.array_equal(np.rint(photo.pixels[..., 1] * np.iinfo(dtype).max), noise(9, 13, dtype=dtype))


def test_white_may_be_zero(tmp_path):
    photo = read_written(tmp_path, noise(9, 13), photometric="miniswhite")
    assert np.array_equal(np.rint(photo.pixels[..., 0] * 255), 255 - noise(9, 13))


@pytest.mark.parametrize("compression", ["group4", "packbits", "raw"])
def test_one_bit_is_black_and_white(tmp_path, compression):
    path = tmp_path / "photo.tif"
    Image.fromarray(noise(8, 16) > 127).save(path, compression=compression)
    assert np.array_equal(read(path).pixels[..., 0] == 1, noise(8, 16) > 127)


def test_twelve_bits_reach_white(tmp_path):
    samples = noise(9, 13, 3, dtype=np.uint16) >> 4
    photo = read_written(tmp_path, samples, photometric="rgb", bitspersample=12)
    assert photo.bits == 16
    assert photo.pixels == pytest.approx(samples / 4095, abs=1e-6)


def test_32_bit_integers_keep_their_upper_16(tmp_path):
    samples = noise(9, 13, 3, dtype=np.uint32)
    photo = read_written(tmp_path, samples, photometric="rgb")
    assert np.array_equal(np.rint(photo.pixels * 65535), samples >> 16)


def test_unassociated_alpha_is_kept(tmp_path):
    photo = read_written(tmp_path, noise(9, 13, 4), photometric="rgb", extrasamples=["unassalpha"])
    assert np.array_equal(np.rint(photo.pixels * 255), noise(9, 13, 4)[..., :3])
    assert np.array_equal(np.rint(photo.alpha * 255), noise(9, 13, 4)[..., 3])


def test_associated_alpha_is_divided_out(tmp_path):
    samples = np.full((4, 4, 4), 128, np.uint16)
    samples[..., :3] = 32
    samples[0, 0] = 0
    photo = read_written(tmp_path, samples, photometric="rgb", extrasamples=["assocalpha"])
    assert photo.pixels[1, 1] == pytest.approx([0.25] * 3, abs=1e-5)
    assert np.array_equal(photo.pixels[0, 0], [0, 0, 0])


def test_a_spare_channel_is_no_alpha(tmp_path):
    photo = read_written(tmp_path, noise(9, 13, 4), photometric="rgb", extrasamples=["unspecified"])
    assert photo.alpha is None
    assert np.array_equal(np.rint(photo.pixels * 255), noise(9, 13, 4)[..., :3])


def test_a_palette_becomes_colour(tmp_path):
    path = tmp_path / "photo.tif"
    palette = Image.fromarray(noise(8, 8) % 3, "L").convert("P")
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.save(path)
    assert np.array_equal(read(path).pixels, np.eye(3, dtype=np.float32)[noise(8, 8) % 3])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_without_profile_are_linear_light(tmp_path, dtype):
    photo = read_written(tmp_path, np.full((4, 4, 3), 0.21404114, dtype), photometric="rgb")
    assert photo.bits == 32
    assert photo.pixels == pytest.approx(np.full((4, 4, 3), 0.5), abs=2e-4)


def test_floats_with_a_profile_are_encoded_by_it(tmp_path):
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = read_written(tmp_path, np.full((4, 4, 3), 0.25, np.float32), photometric="rgb", iccprofile=icc)
    assert np.array_equal(photo.pixels, np.full((4, 4, 3), 0.25, np.float32))


def test_floats_above_one_are_kept_and_below_zero_clipped(tmp_path):
    samples = np.float32([[[8.0, -0.5, 1.0]]])
    photo = read_written(tmp_path, samples, photometric="rgb", planarconfig="contig")
    assert photo.pixels[0, 0, 0] > 2
    assert to_linear(photo.pixels, None)[0, 0] == pytest.approx([8, 0, 1], rel=1e-5)


def test_the_alpha_of_floats_is_not_bent_by_the_curve(tmp_path):
    samples = np.full((4, 4, 4), 0.25, np.float32)
    photo = read_written(tmp_path, samples, photometric="rgb", extrasamples=["unassalpha"])
    assert np.array_equal(photo.alpha, np.full((4, 4), 0.25, np.float32))


def test_samples_that_are_not_finite_are_counted_and_refused(tmp_path):
    samples = np.zeros((4, 4, 3), np.float32)
    samples[0, 0] = np.nan
    samples[1, 1, 1] = np.inf
    with pytest.raises(PhotoError, match="has 4 of 48 samples that are not finite; mend it first"):
        read_written(tmp_path, samples, photometric="rgb")


@pytest.mark.parametrize(
    ("samples", "options", "words"),
    [
        (np.zeros((4, 4, 9), np.uint8), {"photometric": "minisblack", "planarconfig": "contig"}, "9 channels"),
        (np.zeros((4, 4), np.int16), {"photometric": "minisblack"}, "signed"),
        (np.zeros((4, 4, 3), np.uint8), {"photometric": "cielab"}, "not read"),
        (np.zeros((4, 4), np.uint16), {"photometric": "cfa"}, "raw file; develop it"),
    ],
)
def test_what_is_no_photo_is_refused(tmp_path, samples, options, words):
    with pytest.raises(PhotoError, match=words):
        read_written(tmp_path, samples, **options)


def test_more_pixels_than_the_file_can_hold_are_refused_before_decoding(tmp_path):
    path = tmp_path / "photo.tif"
    tifffile.imwrite(path, noise(16, 16), photometric="minisblack", compression="zlib", rowsperstrip=16)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            at = file.pages.first.tags[name].valueoffset
            data[at : at + 2] = (20000).to_bytes(2, "little")
    path.write_bytes(data)
    with pytest.raises(PhotoError, match="holds far too little for its size"):
        read(path)


def test_a_raw_file_is_refused_instead_of_its_thumbnail(tmp_path):
    options = {"photometric": "rgb", "extratags": [(50706, 1, 4, b"\1\4\0\0", True)]}
    with pytest.raises(PhotoError, match="raw file"):
        read_written(tmp_path, noise(4, 4, 3), **options)


def test_the_exif_directories_survive_in_16_bits(tmp_path):
    block = Image.Exif()
    block[0x010F], block[0x8298] = "Maker", "© 写".encode()
    block.get_ifd(0x8769).update({0x920A: 35.5, 0x9003: "2024:05:06 07:08:09", 0x927C: b"\1\2\3maker's own" * 20})
    block.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 12.5)})
    photo = Photo(np.zeros((4, 4, 3), np.float32), bits=16, exif=block.tobytes(), dpi=(240.0, 240.0))
    path = write(photo, tmp_path / "photo.tif")
    with tifffile.TiffFile(path) as file:
        tags = file.pages.first.tags
        assert tags["Make"].value == "Maker"
        assert tags["ExifTag"].value["DateTimeOriginal"] == "2024:05:06 07:08:09"
        assert tags["GPSTag"].value["GPSLatitudeRef"] == "N"
    found = Image.Exif()
    found.load(read(path).exif)
    assert found[0x010F] == "Maker"
    assert found[0x8298].encode("latin-1") == "© 写".encode()
    assert found.get_ifd(0x8769)[0x920A] == pytest.approx(35.5)
    assert found.get_ifd(0x8769)[0x927C] == b"\1\2\3maker's own" * 20
    assert found.get_ifd(0x8825)[2] == (48.0, 8.0, 12.5)
    again = write(read(path), tmp_path / "again.tif")
    assert again.read_bytes() == path.read_bytes()


def test_pillow_reads_the_exif_of_an_8_bit_tiff(tmp_path):
    block = Image.Exif()
    block.get_ifd(0x8769)[0x920A] = 35.5
    photo = Photo(np.zeros((4, 4, 3), np.float32), exif=block.tobytes(), dpi=(240.0, 120.0))
    with Image.open(write(photo, tmp_path / "photo.tif")) as image:
        assert image.getexif().get_ifd(0x8769)[0x920A] == 35.5
        assert image.info["dpi"] == (240, 120)


def test_resolution_per_centimetre_is_turned_into_dpi(tmp_path):
    photo = read_written(tmp_path, noise(4, 4, 3), photometric="rgb", resolution=(100, 50), resolutionunit="centimeter")
    assert photo.dpi == pytest.approx((254, 127))
