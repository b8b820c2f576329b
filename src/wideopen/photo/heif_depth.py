"""Depth and mattes as the auxiliary images of a HEIF file, as iPhones keep them."""

import io
import math

import numpy as np
import pillow_heif

from wideopen.optics import DepthMap
from wideopen.photo import xmp
from wideopen.photo.apple_depth import MATTE, Maps, described_depth
from wideopen.photo.heif_boxes import Items
from wideopen.shapes import Float

_DEPTH_TYPES = ("urn:mpeg:hevc:2015:auxid:2", "urn:mpeg:mpegB:cicp:systems:auxiliary:depth")


def of_heif(data: bytes) -> Maps:
    """Read depth and matte of a HEIF file, upright.

    Raises:
        ValueError, OSError, RuntimeError, SyntaxError: If the file is broken.
    """
    pictures = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    picture = pictures[pictures.primary_index]
    depths = picture.info.get("depth_images") or []
    mattes = picture.info.get("aux", {}).get(MATTE) or []
    if not depths and not mattes:
        return None, None

    items = Items.of(data)
    depth = matte = None
    if depths:
        item = next(iter(items.auxiliary(*_DEPTH_TYPES)), None)
        values = _upright(_grey(depths[0]), items, item)
        packet = None if item is None else items.xmp(item)
        described = None if packet is None else described_depth(values, [xmp.parse(packet)])
        depth = described or _represented_depth(values, depths[0].info.get("metadata") or {})
    if mattes:
        matte = _upright(_grey(picture.get_aux_image(mattes[0])), items, mattes[0])
    return depth, matte


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
