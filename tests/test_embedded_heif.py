import io
import struct
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wideopen.photo.embedded import embedded

PHONE = Path(__file__).parents[2] / "shared" / "data" / "phone"
phone = pytest.mark.skipif(not PHONE.is_dir(), reason="the photos of phones are not here")

GREY = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))
VALUES = GREY / 255
APPLE_DISPARITY = """<apdi:AuxiliaryImageType>disparity</apdi:AuxiliaryImageType>
    <apdi:FloatMinValue>0.5</apdi:FloatMinValue><apdi:FloatMaxValue>2.5</apdi:FloatMaxValue>"""
MATTE_URN = "urn:com:apple:photo:2018:aux:portraiteffectsmatte"


def packet(elements=""):
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
        xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        xmlns:apdi="http://ns.apple.com/pixeldatainfo/1.0/" xmlns:depthData="http://ns.apple.com/depthData/1.0/">
        <rdf:Description rdf:about="">{elements}</rdf:Description></rdf:RDF></x:xmpmeta>""".encode()


def box(kind, body):
    return struct.pack(">I", len(body) + 8) + kind + body


def boxes(data):
    place, found = 0, {}
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        found[data[place + 4 : place + 8]] = data[place + 8 : place + length]
        place += length
    return found


def heif(xmp=b"", *, urn="urn:mpeg:hevc:2015:auxid:2", turn_main=None, turn_auxiliary=None):
    """A HEIF whose second picture is made an auxiliary image of the first."""
    pictures = pillow_heif.HeifFile()
    pictures.add_from_pillow(Image.fromarray(np.full((64, 64, 3), 90, np.uint8)))
    auxiliary = Image.fromarray(GREY)
    auxiliary.info["xmp"] = xmp or packet()
    pictures.add_from_pillow(auxiliary)
    file = io.BytesIO()
    pictures.save(file, quality=-1)

    # Add auxC and irot to the properties, tie them to their items, and let auxl refer to the main picture.
    top = boxes(file.getvalue())
    meta = boxes(top[b"meta"][4:])
    properties = boxes(meta[b"iprp"])
    known = sum(1 for _ in _walk(properties[b"ipco"]))
    added = [box(b"auxC", bytes(4) + urn.encode() + b"\0")]
    ties: dict[int, list[int]] = {1: [], 2: [known + 1]}
    for item, turn in ((1, turn_main), (2, turn_auxiliary)):
        if turn is not None:
            added.append(turn)
            ties[item].append(known + len(added))
    ipma, place = properties[b"ipma"][:8], 8
    for item in (1, 2):
        count = properties[b"ipma"][place + 2]
        tied = properties[b"ipma"][place + 3 : place + 3 + count] + bytes(ties[item])
        ipma += struct.pack(">HB", item, len(tied)) + tied
        place += 3 + count
    meta[b"iprp"] = box(b"ipco", properties[b"ipco"] + b"".join(added)) + box(b"ipma", ipma)
    meta[b"iref"] += box(b"auxl", struct.pack(">HHH", 2, 1, 1))

    # The positions of the items move by what was added before them.
    shift = sum(len(body) + 8 for body in meta.values()) + 4 - len(top[b"meta"])
    iloc = bytearray(meta[b"iloc"])
    for entry in range(struct.unpack(">H", iloc[6:8])[0]):
        at = 8 + 18 * entry + 4
        iloc[at : at + 4] = struct.pack(">I", struct.unpack(">I", iloc[at : at + 4])[0] + shift)
    meta[b"iloc"] = bytes(iloc)
    top[b"meta"] = top[b"meta"][:4] + b"".join(box(kind, body) for kind, body in meta.items())
    return b"".join(box(kind, body) for kind, body in top.items())


def _walk(data):
    place = 0
    while place < len(data):
        yield place
        place += struct.unpack(">I", data[place : place + 4])[0]


QUARTER_TURN = box(b"irot", b"\x01")
MIRROR = box(b"imir", b"\x01")


@pytest.mark.parametrize(("accuracy", "metric"), [("absolute", True), ("relative", False)])
def test_disparity_of_a_heif_is_dioptres_and_metric_if_it_says_absolute(accuracy, metric):
    described = f"{APPLE_DISPARITY}<depthData:Accuracy>{accuracy}</depthData:Accuracy>"
    depth = embedded(heif(packet(described)), format="HEIF").depth
    np.testing.assert_allclose(depth.dioptres, 0.5 + 2 * VALUES, atol=0.03)
    assert depth.metric is metric


def test_depth_of_a_heif_is_metres():
    described = APPLE_DISPARITY.replace("disparity", "depth")
    depth = embedded(heif(packet(described)), format="HEIF").depth
    np.testing.assert_allclose(1 / depth.dioptres, 0.5 + 2 * VALUES, atol=0.03)


def test_depth_of_a_heif_that_does_not_describe_itself_is_relative_with_white_near():
    depth = embedded(heif(), format="HEIF").depth
    np.testing.assert_allclose(depth.dioptres, VALUES, atol=0.015)
    assert not depth.metric


def test_the_portrait_matte_of_a_heif_is_found():
    found = embedded(heif(urn=MATTE_URN), format="HEIF")
    assert found.depth is None
    np.testing.assert_allclose(found.matte, VALUES, atol=0.015)


@pytest.mark.parametrize(
    "turns", [{"turn_main": QUARTER_TURN}, {"turn_main": QUARTER_TURN, "turn_auxiliary": QUARTER_TURN}]
)
def test_the_depth_of_a_heif_is_turned_once_with_its_picture(turns):
    depth = embedded(heif(**turns), format="HEIF").depth
    np.testing.assert_allclose(depth.dioptres, np.rot90(VALUES), atol=0.015)


@pytest.mark.parametrize("turns", [{"turn_main": MIRROR}, {"turn_main": MIRROR, "turn_auxiliary": MIRROR}])
def test_the_depth_of_a_heif_is_mirrored_once_with_its_picture(turns):
    depth = embedded(heif(**turns), format="HEIF").depth
    np.testing.assert_allclose(depth.dioptres, VALUES[:, ::-1], atol=0.015)


@pytest.mark.parametrize("urn", ["urn:mpeg:hevc:2015:auxid:2", MATTE_URN])
@settings(deadline=None)
@given(st.data())
def test_no_damage_to_a_heif_raises(urn, draw):
    data = heif(packet(APPLE_DISPARITY), urn=urn)
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(0, 6))):
        damaged[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    embedded(bytes(damaged[: draw.draw(st.integers(0, len(data)))]), format="HEIF")


@phone
def test_the_depth_of_an_iphone_photo_is_the_one_that_was_extracted():
    found = embedded((PHONE / "pug.heic").read_bytes(), format="HEIF")
    extracted = np.asarray(Image.open(PHONE / "pug_depth0.png")) / 255
    np.testing.assert_allclose(found.depth.dioptres, 1.498047 + extracted * (4.382812 - 1.498047), rtol=1e-5)
    assert not found.depth.metric
