"""Depth and mattes as iPhones keep them: as auxiliary images of a HEIF file, or of a JPEG."""

import io
import math
from xml.etree import ElementTree

import numpy as np
import pillow_heif
from jaxtyping import Float

from wideopen.optics import DepthMap
from wideopen.photo import grey, multi_picture, xmp
from wideopen.photo.heif_boxes import Items

_PIXELS = "http://ns.apple.com/pixeldatainfo/1.0/"
_DEPTH_DATA = "http://ns.apple.com/depthData/1.0/"
_MATTE = "urn:com:apple:photo:2018:aux:portraiteffectsmatte"
_DEPTH_TYPES = ("urn:mpeg:hevc:2015:auxid:2", "urn:mpeg:mpegB:cicp:systems:auxiliary:depth")

Maps = tuple[DepthMap | None, Float[np.ndarray, "mh mw"] | None]


def of_heif(data: bytes) -> Maps:
    """Read depth and matte of a HEIF file, upright.

    Raises:
        ValueError, OSError, RuntimeError, SyntaxError: If the file is broken.
    """
    pictures = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    picture = pictures[pictures.primary_index]
    depths = picture.info.get("depth_images") or []
    mattes = picture.info.get("aux", {}).get(_MATTE) or []
    if not depths and not mattes:
        return None, None

    items = Items.of(data)
    depth = matte = None
    if depths:
        item = next(iter(items.auxiliary(*_DEPTH_TYPES)), None)
        values = _upright(_grey(depths[0]), items, item)
        packet = None if item is None else items.xmp(item)
        described = None if packet is None else _described_depth(values, [xmp.parse(packet)])
        depth = described or _represented_depth(values, depths[0].info.get("metadata") or {})
    if mattes:
        matte = _upright(_grey(picture.get_aux_image(mattes[0])), items, mattes[0])
    return depth, matte


def of_jpeg(data: bytes) -> Maps:
    """Read depth and matte from the further pictures of a JPEG; they lie as its main picture does.

    Raises:
        ValueError, OSError, SyntaxError: If the file is broken.
    """
    depth = matte = None
    for picture in multi_picture.further_pictures(data):
        packets = xmp.of_jpeg(picture)
        kind = xmp.fields(packets, _PIXELS).get("AuxiliaryImageType")
        if kind in ("disparity", "depth") and depth is None:
            depth = _described_depth(grey.decode(picture), packets)
        elif kind == _MATTE and matte is None:
            matte = grey.decode(picture)
    return depth, matte


def _described_depth(values: Float[np.ndarray, "h w"], packets: list[ElementTree.Element]) -> DepthMap | None:
    """Turn grey values into dioptres as the map's own XMP describes; None where it does not.

    The XMP states the smallest and the largest float of the map before it became grey values. Apple's
    disparity is in 1/m, dioptres by another name, and its depth in metres; but only a map whose
    accuracy is ``absolute`` is true to the world. Two lenses alone give ``relative``.

    Source:
        Apple, AVFoundation, AVDepthData ("units of 1/meters") and AVDepthData.Accuracy; fields of
        ``apdi`` and ``depthData`` as iPhones write them.
    """
    pixels, depth_data = xmp.fields(packets, _PIXELS), xmp.fields(packets, _DEPTH_DATA)
    kind = pixels.get("AuxiliaryImageType")
    low, high = float(pixels.get("FloatMinValue", "nan")), float(pixels.get("FloatMaxValue", "nan"))
    if kind not in ("disparity", "depth") or not (math.isfinite(low) and math.isfinite(high) and low < high):
        return None
    if kind == "depth" and low <= 0:
        return None
    floats = low + values.astype(np.float64) * (high - low)
    dioptres = floats if kind == "disparity" else 1 / floats
    metric = depth_data.get("Accuracy") == "absolute"
    return DepthMap(dioptres.astype(np.float32), metric=metric, origin=f"file (Apple {kind})")


def _represented_depth(values: Float[np.ndarray, "h w"], coding: dict[str, float]) -> DepthMap | None:
    """Turn grey values into relative dioptres by what the video coding alone says of them.

    White is near where it represents 1/z or disparity (types 0 and 1, and files that do not say),
    far where it represents z (type 2). Type 3, by a table, is left out.

    Source:
        ITU-T H.265 (2021), G.14.2.3: depth representation information.
    """
    kind = coding.get("representation_type", 1)
    if kind in (0, 1):
        return DepthMap(values, metric=False, origin="file (HEIF depth)")
    near, far = coding.get("z_near", math.nan), coding.get("z_far", math.nan)
    if kind == 2 and 0 < near < far < math.inf:
        dioptres = 1 / (near + values.astype(np.float64) * (far - near))
        return DepthMap(dioptres.astype(np.float32), metric=False, origin="file (HEIF depth)")
    return None


def _grey(picture: pillow_heif.HeifDepthImage | pillow_heif.HeifAuxImage) -> Float[np.ndarray, "h w"]:
    """Decode an auxiliary image to float32 in [0, 1]; of several channels, the first."""
    pixels = np.asarray(picture)
    largest = np.iinfo(pixels.dtype).max
    plane = pixels if pixels.ndim == 2 else pixels[:, :, 0]
    return plane[:, : picture.size[0]].astype(np.float32) / np.float32(largest)


def _upright(values: Float[np.ndarray, "_h _w"], items: Items, item: int | None) -> Float[np.ndarray, "h w"]:
    """Turn an auxiliary image as the main picture is turned.

    The decoder applies the turns that an item has itself, which for files of iPhones are the main
    picture's; where an auxiliary image has none, it still lies as the main picture's sensor did.

    Source:
        ISO/IEC 23008-12, 6.5.10 and 6.5.12: ``irot`` turns anticlockwise by quarter turns; ``imir``
        with axis 0 exchanges top and bottom, with axis 1 left and right.
    """
    if item is None or items.turns(item):
        return values
    for turn in items.turns(items.primary):
        if turn.kind == b"irot":
            values = np.rot90(values, turn.body[0] & 3)
        else:
            values = values[:, ::-1] if turn.body[0] & 1 else values[::-1]
    return np.ascontiguousarray(values)
