"""Depth and mattes as iPhones keep them in a JPEG, and what their XMP means."""

import math
from xml.etree import ElementTree

import numpy as np

from wideopen.optics import DepthMap
from wideopen.photo import grey, multi_picture, xmp
from wideopen.shapes import Float

_PIXELS = "http://ns.apple.com/pixeldatainfo/1.0/"
_DEPTH_DATA = "http://ns.apple.com/depthData/1.0/"
MATTE = "urn:com:apple:photo:2018:aux:portraiteffectsmatte"

Maps = tuple[DepthMap | None, Float[np.ndarray, "mh mw"] | None]


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
            depth = described_depth(grey.decode(picture), packets)
        elif kind == MATTE and matte is None:
            matte = grey.decode(picture)
    return depth, matte


def described_depth(values: Float[np.ndarray, "h w"], packets: list[ElementTree.Element]) -> DepthMap | None:
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
