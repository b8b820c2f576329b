import io
import struct
import sys

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from wideopen.optics import DepthMap
from wideopen.photo import Photo, read, write
from wideopen.photo.embedded import Embedded
from wideopen.photo.exif import ExifBlock

ORIENTATION, EXIF = 0x0112, 0x8769
SUBJECT_AREA, SUBJECT_LOCATION, WIDTH, HEIGHT = 0x9214, 0xA214, 0xA002, 0xA003
UPRIGHT_OF_TOP_RIGHT = {1: (0.75, 0.25), 2: (0.25, 0.25), 3: (0.25, 0.75), 4: (0.75, 0.75),
                        5: (0.25, 0.75), 6: (0.75, 0.75), 7: (0.75, 0.25), 8: (0.25, 0.25)}  # fmt: skip


def exif(orientation=None, **tags):
    block = Image.Exif()
    block[0x010F] = "Maker"
    if orientation:
        block[ORIENTATION] = orientation
    for name, value in tags.items():
        block.get_ifd(EXIF)[globals()[name]] = value
    return block.tobytes()


def jpeg(folder, *, size=(40, 24), **options):
    path = folder / "photo.jpg"
    Image.new("RGB", size, "grey").save(path, **options)
    return path


def with_thumbnail(*, at_the_end=True):
    """Build an EXIF block by hand: make, orientation, then a second directory with a thumbnail."""
    thumbnail = b"\xff\xd8 the small picture \xff\xd9"
    first_at, second_at = 8, 8 + 2 + 24 + 4
    texts_at = second_at + 2 + 24 + 4
    head = b"MM\0*" + struct.pack(">L", first_at)
    make = (b"", b"A maker") if at_the_end else (thumbnail, b"A maker")
    make_at = texts_at + len(make[0])
    thumbnail_at = make_at + len(make[1]) if at_the_end else texts_at
    first = struct.pack(">HHHLLHHLHHL", 2, 0x010F, 2, 7, make_at, ORIENTATION, 3, 1, 6, 0, second_at)
    second = struct.pack(">HHHLLHHLLL", 2, 0x0201, 4, 1, thumbnail_at, 0x0202, 4, 1, len(thumbnail), 0)
    return b"Exif\0\0" + head + first + second + b"".join(make) + (thumbnail if at_the_end else b"")


def test_orientation_leaves_exif_and_all_else_stays(tmp_path):
    photo = read(jpeg(tmp_path, exif=exif(6, WIDTH=40, HEIGHT=24)))
    fields = Image.Exif()
    fields.load(photo.exif)
    assert ORIENTATION not in fields
    assert fields[0x010F] == "Maker"
    assert (fields.get_ifd(EXIF)[WIDTH], fields.get_ifd(EXIF)[HEIGHT]) == (24, 40)


def test_exif_with_nothing_but_orientation_is_left_out(tmp_path):
    block = Image.Exif()
    block[ORIENTATION] = 3
    assert read(jpeg(tmp_path, exif=block.tobytes())).exif is None


def test_the_thumbnail_is_cut_off(tmp_path):
    photo = read(jpeg(tmp_path, exif=with_thumbnail()))
    assert b"small picture" not in photo.exif
    assert len(photo.exif) == len(with_thumbnail()) - len(b"\xff\xd8 the small picture \xff\xd9")
    fields = Image.Exif()
    fields.load(photo.exif)
    assert dict(fields) == {0x010F: "A maker"}
    assert not fields.get_ifd(1)


def test_a_thumbnail_before_other_values_is_blanked_in_its_place(tmp_path):
    photo = read(jpeg(tmp_path, exif=with_thumbnail(at_the_end=False)))
    assert b"small picture" not in photo.exif
    fields = Image.Exif()
    fields.load(photo.exif)
    assert dict(fields) == {0x010F: "A maker"}


def test_a_thumbnail_that_claims_the_whole_block_harms_nothing():
    block = bytearray(with_thumbnail())
    second = block.index(struct.pack(">HHLL", 0x0201, 4, 1, 0)[:8])
    struct.pack_into(">L", block, second + 8, 0)
    found = ExifBlock(bytes(block))
    found.remove_thumbnail()
    assert b"A maker" in bytes(found)


def test_maker_notes_stay_at_their_offset(tmp_path):
    block = Image.Exif()
    block[ORIENTATION] = 8
    block.get_ifd(EXIF)[0x927C] = b"the maker's own notes"
    before = block.tobytes()
    photo = read(jpeg(tmp_path, exif=before))
    assert photo.exif.index(b"the maker's own") == before.index(b"the maker's own")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("tag", ["SUBJECT_AREA", "SUBJECT_LOCATION"])
def test_the_subject_is_the_focus_and_turns_along(tmp_path, orientation, tag):
    area = (30, 6, 4, 2) if tag == "SUBJECT_AREA" else (30, 6)
    photo = read(jpeg(tmp_path, exif=exif(orientation, **{tag: area})))
    assert photo.focus == pytest.approx(UPRIGHT_OF_TOP_RIGHT[orientation])
    again = read(write(photo, tmp_path / "again.png"))
    assert again.focus == pytest.approx(UPRIGHT_OF_TOP_RIGHT[orientation])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_subject_turns_along_in_heic_whose_decoder_turns_the_pixels(tmp_path, orientation):
    path = tmp_path / "photo.heic"
    block = exif(orientation, SUBJECT_AREA=(300, 60, 40, 20), WIDTH=400, HEIGHT=240)
    pillow_heif.encode("RGB", (40, 24), bytes(40 * 24 * 3), path, exif=block)
    photo = read(path)
    assert photo.size == ((40, 24) if orientation < 5 else (24, 40))
    assert photo.focus == pytest.approx(UPRIGHT_OF_TOP_RIGHT[orientation])


def test_a_heic_that_counts_in_the_upright_picture_is_not_turned_again(tmp_path):
    path = tmp_path / "photo.heic"
    block = exif(6, SUBJECT_AREA=(60, 300, 20, 40), WIDTH=240, HEIGHT=400)
    pillow_heif.encode("RGB", (40, 24), bytes(40 * 24 * 3), path, exif=block)
    assert read(path).focus == pytest.approx((0.25, 0.75))


def test_the_subject_counts_in_the_size_that_exif_states(tmp_path):
    photo = read(jpeg(tmp_path, exif=exif(SUBJECT_LOCATION=(3000, 600), WIDTH=4000, HEIGHT=2400)))
    assert photo.focus == pytest.approx((0.75, 0.25))


@pytest.mark.parametrize(
    "area", [(0, 0), (40, 12), (20, 24), (20, 12, 40, 24), (20, 12, 22, 10), (5000, 12), (0, 0, 10, 10)]
)
def test_a_subject_that_says_nothing_is_ignored(tmp_path, area):
    assert read(jpeg(tmp_path, exif=exif(SUBJECT_AREA=area))).focus is None


def test_a_small_subject_in_the_middle_is_believed(tmp_path):
    assert read(jpeg(tmp_path, exif=exif(SUBJECT_AREA=(20, 12, 4, 4)))).focus == pytest.approx((0.5, 0.5))


def xmp(inside):
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description ' + inside + b"/></x:xmpmeta>"


def test_xmp_is_kept(tmp_path):
    packet = xmp(b'dc:title="a title"')
    assert read(jpeg(tmp_path, xmp=packet)).xmp == packet


@pytest.mark.parametrize("form", [b'tiff:Orientation="%d"', b"><tiff:Orientation>%d</tiff:Orientation>"])
def test_orientation_in_xmp_is_obeyed_and_then_set_straight(tmp_path, form):
    photo = read(jpeg(tmp_path, xmp=xmp(form % 6)))
    assert photo.size == (24, 40)
    assert photo.xmp == xmp(form % 1)


def test_orientation_of_exif_goes_before_that_of_xmp(tmp_path):
    photo = read(jpeg(tmp_path, xmp=xmp(b'tiff:Orientation="6"'), exif=exif(3)))
    assert photo.size == (40, 24)


@pytest.mark.parametrize(
    "inside",
    [
        b'GDepth:Format="RangeInverse"',
        b'GImage:Mime="image/jpeg"',
        b'xmpNote:HasExtendedXMP="0"',
        b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"',
    ],
)
def test_xmp_that_describes_lost_parts_is_dropped(tmp_path, inside):
    assert read(jpeg(tmp_path, xmp=xmp(inside))).xmp is None


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\x7f",
        b"nonsense",
        b"MM\0*\0\0\0\x08\0\x05",
        b"II*\0\x08\0\0\0\xff\xff" + b"\xff" * 50,
    ],
)
def test_broken_exif_is_dropped_and_harms_nothing(tmp_path, block):
    path = jpeg(tmp_path)
    data = path.read_bytes()
    segment = b"Exif\0\0" + block
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(segment)) + segment + data[2:])
    photo = read(path)
    assert photo.size == (40, 24)
    assert photo.exif is None
    assert photo.focus is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_depth_matte_and_focus_of_the_file_turn_along(tmp_path, monkeypatch, orientation):
    stored = np.arange(6, dtype=np.float32).reshape(2, 3)
    found = Embedded(depth=DepthMap(stored, metric=True, origin="file (a test)"), matte=stored / 5, focus=(0.75, 0.25))
    monkeypatch.setattr(sys.modules["wideopen.photo.read"], "embedded", lambda data, format: found)
    photo = read(jpeg(tmp_path, exif=exif(orientation, SUBJECT_AREA=(2, 2))))

    marked = np.zeros((24, 40, 3), np.uint8)
    marked[6, 30] = 255
    Image.fromarray(marked).save(tmp_path / "marked.png", exif=exif(orientation))
    y, x = np.argwhere(read(tmp_path / "marked.png").pixels[..., 0])[0]
    assert photo.focus == pytest.approx((x / photo.size[0], y / photo.size[1]), abs=0.05)

    Image.fromarray(stored.astype(np.uint8)).save(tmp_path / "depth.png", exif=exif(orientation))
    turned = np.rint(read(tmp_path / "depth.png").pixels[..., 0] * 255)
    assert np.array_equal(photo.depth.dioptres, turned)
    assert np.allclose(photo.matte, turned / 5)
    assert photo.depth.origin == "file (a test)"


def test_the_sharp_original_takes_the_place_of_the_blurred_picture(tmp_path, monkeypatch):
    file = io.BytesIO()
    Image.new("RGB", (40, 24), "red").save(file, "PNG")
    found = Embedded(sharp=file.getvalue())
    monkeypatch.setattr(sys.modules["wideopen.photo.read"], "embedded", lambda data, format: found)
    photo = read(jpeg(tmp_path, exif=exif(6)))
    assert photo.size == (24, 40)
    assert np.array_equal(photo.pixels[0, 0], [1, 0, 0])
    assert photo.format == "JPEG"
    fields = Image.Exif()
    fields.load(photo.exif)
    assert fields[0x010F] == "Maker"


def test_a_photo_made_in_memory_needs_no_metadata(tmp_path):
    for suffix in (".jpg", ".png", ".tif", ".webp", ".avif", ".heic"):
        back = read(write(Photo(np.full((4, 4, 3), 0.5, np.float32)), tmp_path / f"photo{suffix}"))
        assert (back.icc, back.exif, back.xmp, back.focus) == (None, None, None, None)
