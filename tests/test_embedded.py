import base64
import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wideopen.photo.embedded import Embedded, embedded

PHONE = Path(__file__).parents[2] / "shared" / "data" / "phone"
phone = pytest.mark.skipif(not PHONE.is_dir(), reason="the photos of phones are not here")

GREY = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))
VALUES = GREY / 255
NAMESPACES = """
    xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:xmpNote="http://ns.adobe.com/xmp/note/"
    xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" xmlns:GImage="http://ns.google.com/photos/1.0/image/"
    xmlns:GFocus="http://ns.google.com/photos/1.0/focus/" xmlns:Device="http://ns.google.com/photos/dd/1.0/device/"
    xmlns:Container="http://ns.google.com/photos/dd/1.0/container/" xmlns:Item="http://ns.google.com/photos/dd/1.0/item/"
    xmlns:Camera="http://ns.google.com/photos/dd/1.0/camera/" xmlns:Image="http://ns.google.com/photos/dd/1.0/image/"
    xmlns:DepthMap="http://ns.google.com/photos/dd/1.0/depthmap/"
    xmlns:GContainer="http://ns.google.com/photos/1.0/container/"
    xmlns:GItem="http://ns.google.com/photos/1.0/container/item/"
    xmlns:apdi="http://ns.apple.com/pixeldatainfo/1.0/" xmlns:depthData="http://ns.apple.com/depthData/1.0/"
"""
APPLE_DISPARITY = """<apdi:AuxiliaryImageType>disparity</apdi:AuxiliaryImageType>
    <apdi:FloatMinValue>0.5</apdi:FloatMinValue><apdi:FloatMaxValue>2.5</apdi:FloatMaxValue>"""
MATTE_URN = "urn:com:apple:photo:2018:aux:portraiteffectsmatte"


def picture(pixels=GREY, format="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format, **options)
    return file.getvalue()


def packet(attributes="", elements=""):
    """An XMP packet; the namespaces stand on its outermost element."""
    return (
        f'<?xpacket begin="\ufeff"?><x:xmpmeta xmlns:x="adobe:ns:meta/" {NAMESPACES}><rdf:RDF>'
        f'<rdf:Description rdf:about="" {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    ).encode()


def segment(marker, body):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg(*segments, pixels=None):
    stored = picture(np.full((48, 64, 3), 90, np.uint8) if pixels is None else pixels, "JPEG")
    return stored[:2] + b"".join(segments) + stored[2:]


def with_xmp(attributes="", elements="", **options):
    body = b"http://ns.adobe.com/xap/1.0/\x00" + packet(attributes, elements)
    return jpeg(segment(0xE1, body), **options)


def text(data):
    return base64.b64encode(data).decode()


def depth_attributes(**changed):
    given = {"Format": "RangeInverse", "Near": "0.5", "Far": "4", "Units": "m", "Mime": "image/png"} | changed
    return " ".join(f'GDepth:{name}="{value}"' for name, value in given.items() if value is not None)


def gdepth(data=None, **changed):
    return with_xmp(f'{depth_attributes(**changed)} GDepth:Data="{text(picture() if data is None else data)}"')


def depth_of(data):
    found = embedded(data, format="JPEG")
    assert found.depth is not None
    return found.depth


def test_a_photo_without_depth_gives_nothing():
    assert embedded(jpeg(), format="JPEG") == Embedded()
    assert embedded(picture(), format="PNG") == Embedded()


def test_range_inverse_is_linear_in_dioptres_and_black_is_near():
    depth = depth_of(gdepth())
    np.testing.assert_allclose(depth.dioptres, 2 + VALUES * (0.25 - 2), rtol=1e-6)
    assert depth.metric
    assert depth.dioptres.dtype == np.float32


def test_range_inverse_agrees_with_the_formula_of_the_specification():
    near, far = 0.5, 4.0
    metres = far * near / (far - VALUES * (far - near))
    np.testing.assert_allclose(1 / depth_of(gdepth()).dioptres, metres, rtol=1e-6)


def test_range_linear_is_linear_in_metres():
    depth = depth_of(gdepth(Format="RangeLinear"))
    np.testing.assert_allclose(1 / depth.dioptres, 0.5 + VALUES * 3.5, rtol=1e-6)


def test_millimetres_are_metric_too():
    depth = depth_of(gdepth(Units="mm", Near="500", Far="4000"))
    np.testing.assert_allclose(depth.dioptres, depth_of(gdepth()).dioptres, rtol=1e-5)
    assert depth.metric


@pytest.mark.parametrize("changed", [{"Units": None}, {"Units": "none"}, {"MeasureType": "OpticRay"}])
def test_depth_without_metres_along_the_axis_is_relative(changed):
    assert not depth_of(gdepth(**changed)).metric


def test_range_inverse_without_a_usable_range_is_relative_and_still_linear():
    depth = depth_of(gdepth(Near="0", Far="1"))
    np.testing.assert_allclose(depth.dioptres, 1 - VALUES, atol=1e-6)
    assert not depth.metric


def test_an_infinite_far_is_zero_dioptres():
    assert depth_of(gdepth(picture(np.full((4, 4), 255, np.uint8)), Far="inf")).dioptres.max() == 0


def test_16_bits_of_depth_are_kept():
    fine = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 20
    depth = depth_of(gdepth(picture(fine)))
    np.testing.assert_allclose(depth.dioptres, 2 + fine / 65535 * (0.25 - 2), rtol=1e-6)


def test_depth_in_elements_and_in_broken_lines_is_read_like_attributes():
    lines = "\n".join(text(picture())[at : at + 76] for at in range(0, len(text(picture())), 76))
    elements = (
        f"<GDepth:Near>0.5</GDepth:Near><GDepth:Far>4</GDepth:Far><GDepth:Units>m</GDepth:Units>"
        f"<GDepth:Data>{lines}</GDepth:Data>"
    )
    np.testing.assert_array_equal(depth_of(with_xmp(elements=elements)).dioptres, depth_of(gdepth()).dioptres)


def extended(*, drop=None, move=0, guid="0123456789ABCDEF0123456789ABCDEF", closing=b""):
    """A JPEG whose depth is spread over extended XMP, its pieces stored in reverse order."""
    whole = packet(f'GDepth:Data="{text(picture())}"') + closing
    pieces = []
    for offset in range(0, len(whole), 100):
        head = guid.encode() + struct.pack(">II", len(whole), offset + (move if offset else 0))
        piece = b"http://ns.adobe.com/xmp/extension/\x00" + head + whole[offset : offset + 100]
        pieces.append(segment(0xE1, piece))
    if drop is not None:
        del pieces[drop]
    note = 'GFocus:FocalPointX="0.5" GFocus:FocalPointY="0.5" xmpNote:HasExtendedXMP="' + "0123456789ABCDEF" * 2
    standard = b"http://ns.adobe.com/xap/1.0/\x00" + packet(f'{depth_attributes()} {note}"')
    return jpeg(segment(0xE1, standard), *pieces[::-1])


def test_extended_xmp_is_joined_by_offset():
    np.testing.assert_array_equal(depth_of(extended()).dioptres, depth_of(gdepth()).dioptres)


@pytest.mark.parametrize(
    "wrong", [{"drop": 0}, {"drop": 1}, {"drop": -1}, {"move": 1}, {"guid": "F" * 32}, {"closing": b"<"}]
)
def test_extended_xmp_with_a_gap_or_another_guid_is_left_out_and_the_rest_is_read(wrong):
    assert embedded(extended(**wrong), format="JPEG") == Embedded(focus=(0.5, 0.5))


def test_the_sharp_picture_and_the_focus_are_found():
    sharp = picture(np.full((48, 64, 3), 10, np.uint8), "JPEG")
    focus = 'GFocus:FocalPointX="0.25" GFocus:FocalPointY="0.75"'
    found = embedded(with_xmp(f'{focus} GImage:Mime="image/jpeg" GImage:Data="{text(sharp)}"'), format="JPEG")
    assert found == Embedded(sharp=sharp, focus=(0.25, 0.75))


@pytest.mark.parametrize("x", ["1.5", "-0.1", "nan", "left"])
def test_a_focus_outside_the_picture_is_no_focus(x):
    data = with_xmp(f'GFocus:FocalPointX="{x}" GFocus:FocalPointY="0.5"')
    assert embedded(data, format="JPEG").focus is None


def test_a_sharp_picture_that_breaks_off_is_not_used():
    sharp = picture(np.full((48, 64, 3), 10, np.uint8), "JPEG")[:-40]
    assert embedded(with_xmp(f'GImage:Data="{text(sharp)}"'), format="JPEG").sharp is None


def dynamic_depth(*, padding=0, trailer=b"", unlisted=b"", depth_uri="android/depth", primary_length="0"):
    """A Dynamic Depth photo: a blurred main picture, then its original, then the depth map."""
    original, depth = picture(np.full((48, 64, 3), 10, np.uint8), "JPEG"), picture()
    elements = f"""<Device:Container><Container:Directory><rdf:Seq>
      <rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" Item:Length="{primary_length}"
        Item:Padding="{padding}" Item:DataURI="primary"/></rdf:li>
      <rdf:li rdf:parseType="Resource"><Container:Item rdf:parseType="Resource">
        <Item:Mime>image/jpeg</Item:Mime><Item:Length>{len(original)}</Item:Length><Item:DataURI>android/original</Item:DataURI>
      </Container:Item></rdf:li>
      <rdf:li><Container:Item Item:Mime="image/png" Item:Length="{len(depth)}"
        Item:DataURI="android/depth"/></rdf:li>
    </rdf:Seq></Container:Directory></Device:Container>
    <Device:Cameras><rdf:Seq><rdf:li rdf:parseType="Resource"><Device:Camera rdf:parseType="Resource">
      <Camera:Image Image:ItemSemantic="Original" Image:ItemURI="android/original"/>
      <Camera:DepthMap DepthMap:ItemSemantic="Depth" DepthMap:Format="RangeInverse" DepthMap:Near="0.5"
        DepthMap:Far="4" DepthMap:Units="Meters" DepthMap:DepthURI="{depth_uri}"/>
    </Device:Camera></rdf:li></rdf:Seq></Device:Cameras>"""
    return with_xmp(elements=elements) + unlisted + b"\0" * padding + original + depth + trailer, original


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"padding": 9, "trailer": b"SEFT"},
        {"trailer": b"SEFT" * 50},
        {"unlisted": b"\xff\xd8 gain map \xff\xd9 " * 3},
    ],
)
def test_dynamic_depth_items_are_found_behind_the_main_picture(layout):
    data, original = dynamic_depth(**layout)
    found = embedded(data, format="JPEG")
    assert found.sharp == original
    np.testing.assert_array_equal(found.depth.dioptres, depth_of(gdepth()).dioptres)
    assert found.depth.metric


def test_dynamic_depth_that_names_no_such_item_is_no_depth():
    assert embedded(dynamic_depth(depth_uri="elsewhere")[0], format="JPEG").depth is None


def test_depth_in_dioptres_is_taken_as_such():
    depth = depth_of(gdepth(Format="RangeLinear", Units="Diopters", Near="5", Far="1"))
    np.testing.assert_allclose(depth.dioptres, 5 - 4 * VALUES, rtol=1e-6)
    assert depth.metric


def test_a_directory_that_names_depth_by_meaning_is_read():
    item = '<rdf:li rdf:parseType="Resource"><GContainer:Item GItem:Semantic="{}" GItem:Length="{}"/></rdf:li>'
    listed = item.format("Primary", 0) + item.format("Depth", len(picture()))
    directory = f"<GContainer:Directory><rdf:Seq>{listed}</rdf:Seq></GContainer:Directory>"
    depth = depth_of(with_xmp(depth_attributes(), directory) + picture())
    np.testing.assert_array_equal(depth.dioptres, depth_of(gdepth()).dioptres)


def multi_picture(auxiliary):
    """A JPEG with a Multi-Picture index of two pictures."""

    def index(size_bytes, offset):
        entries = struct.pack("<IIIHH", 0x30000, 0, 0, 0, 0) + struct.pack("<IIIHH", 0, size_bytes, offset, 0, 0)
        field = struct.pack("<HHII", 0xB002, 7, len(entries), 8 + 2 + 12 + 4)
        return segment(0xE2, b"MPF\0II*\0" + struct.pack("<IH", 8, 1) + field + struct.pack("<I", 0) + entries)

    length = len(jpeg(index(0, 0)))
    base = 2 + 4 + 4
    return jpeg(index(len(auxiliary), length - base)) + auxiliary


def test_disparity_of_an_apple_jpeg_lies_between_its_stated_floats():
    data = multi_picture(with_xmp(elements=APPLE_DISPARITY, pixels=GREY))
    depth = embedded(data, format="MPO").depth
    np.testing.assert_allclose(depth.dioptres, 0.5 + 2 * VALUES, atol=0.05)
    assert not depth.metric


def test_the_matte_of_an_apple_jpeg_is_found():
    described = f"<apdi:AuxiliaryImageType>{MATTE_URN}</apdi:AuxiliaryImageType>"
    found = embedded(multi_picture(with_xmp(elements=described, pixels=GREY)), format="JPEG")
    assert found.depth is None
    np.testing.assert_allclose(found.matte, VALUES, atol=0.03)


@pytest.mark.parametrize(
    "data",
    [
        gdepth(Format="Strange"),
        gdepth(Format="RangeLinear", Near="0"),
        gdepth(Near="near"),
        gdepth(Near=None, Format="RangeLinear"),
        gdepth(b"\x89PNG\r\n\x1a\n not a picture at all"),
        gdepth(picture()[:-60]),
        gdepth(b""),
        jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta")),
        gdepth(struct.pack(">8sI4sII", b"\x89PNG\r\n\x1a\n", 13, b"IHDR", 60_000, 60_000) + bytes(9)),
    ],
)
def test_broken_depth_is_no_depth(data):
    assert embedded(data, format="JPEG") == Embedded()


def test_xmp_that_declares_entities_is_refused():
    bomb = b'<!DOCTYPE x [<!ENTITY a "0.5">]>' + packet(
        f'{depth_attributes(Near="&a;")} GDepth:Data="{text(picture())}"'
    )
    data = jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + bomb))
    assert embedded(data, format="JPEG") == Embedded()


WHOLE = [
    (gdepth(), "JPEG"),
    (extended(), "JPEG"),
    (dynamic_depth()[0], "JPEG"),
    (multi_picture(with_xmp(elements=APPLE_DISPARITY, pixels=GREY)), "MPO"),
]


@settings(deadline=None)
@given(st.data())
def test_no_damage_to_a_file_raises(draw):
    data, format = draw.draw(st.sampled_from(WHOLE))
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(0, 6))):
        damaged[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    end = draw.draw(st.one_of(st.just(len(data)), st.integers(0, len(data))))
    embedded(bytes(damaged[:end]), format=format)


@phone
def test_the_depth_and_sharp_picture_of_an_android_photo_are_those_that_were_extracted():
    found = embedded((PHONE / "android_depth_map.jpg").read_bytes(), format="JPEG")
    extracted = np.asarray(Image.open(PHONE / "android_gdepth.png").convert("L")) / 255
    near, far = 12.423587799072266, 390.539306640625
    np.testing.assert_allclose(found.depth.dioptres, (1 - extracted) / near + extracted / far, rtol=1e-5, atol=1e-8)
    assert found.focus == (0.5208333, 0.58125)
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(found.sharp))),
        np.asarray(Image.open(PHONE / "android_gimage.png").convert("RGB")),
    )
    # The chairs at the bottom are nearer than the street behind.
    assert found.depth.dioptres[-100:].mean() > 2 * found.depth.dioptres[300:400].mean()
