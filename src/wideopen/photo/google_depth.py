"""Depth as Android phones keep it in a JPEG: GDepth, and Dynamic Depth."""

import base64
import math
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np

from wideopen.optics import DepthMap
from wideopen.photo import grey, jpeg_parts, xmp
from wideopen.shapes import Float

_GOOGLE = "http://ns.google.com/photos/"
_DEPTH, _IMAGE, _FOCUS = f"{_GOOGLE}1.0/depthmap/", f"{_GOOGLE}1.0/image/", f"{_GOOGLE}1.0/focus/"
_CAMERA, _CAMERA_DEPTH = f"{_GOOGLE}dd/1.0/camera/", f"{_GOOGLE}dd/1.0/depthmap/"
_CAMERA_IMAGE = f"{_GOOGLE}dd/1.0/image/"
_DIRECTORIES = {
    f"{_GOOGLE}dd/1.0/container/": f"{_GOOGLE}dd/1.0/item/",
    f"{_GOOGLE}1.0/container/": f"{_GOOGLE}1.0/container/item/",
}
_LI = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
_METRES_PER_UNIT = {"m": 1.0, "meter": 1.0, "meters": 1.0, "metre": 1.0, "metres": 1.0, "mm": 0.001}
_DIOPTRE_UNITS = ("diopters", "dioptres")

Packets = list[ElementTree.Element]


@dataclass(frozen=True)
class Coding:
    """How the grey values of a stored map become depth."""

    format: str
    """``RangeInverse`` or ``RangeLinear``."""
    near: float
    """Depth where the grey value is 0, in `units`."""
    far: float
    """Depth where the grey value is 1, in `units`."""
    units: str
    """``m``, ``mm``, ``Meters``, ``Diopters``, or empty."""
    along_axis: bool
    """Whether depth is measured along the optical axis, and not along each ray."""

    @classmethod
    def of(cls, fields: dict[str, str]) -> "Coding":
        """Take the coding from the properties of a ``GDepth`` or ``DepthMap`` element."""
        return cls(
            format=fields.get("Format", "RangeInverse"),
            near=float(fields.get("Near", "nan")),
            far=float(fields.get("Far", "nan")),
            units=fields.get("Units", ""),
            along_axis=fields.get("MeasureType", "OpticalAxis") != "OpticRay",
        )

    def depth(self, grey_values: Float[np.ndarray, "h w"], origin: str) -> DepthMap:
        """Turn grey values into dioptres.

        With ``n`` near, ``f`` far and ``v`` the grey value: RangeLinear is ``d = n + v (f - n)``, and
        RangeInverse is ``d = f n / (f - v (f - n))``, so that ``1/d = (1 - v)/n + v/f`` is linear in
        ``v``. Black is near in both. Without a unit the values are proportional to dioptres only:
        the specification's default is metres, but the phones that leave it out (Lens Blur) do not
        mean metres. A RangeInverse map whose range is missing or not above 0 still is dioptres up to
        scale and shift: ``1 - v``.

        Args:
            grey_values: float32 in [0, 1].
            origin: Where the map comes from.

        Raises:
            ValueError: If the format is unknown, or a RangeLinear map has no usable range.

        Source:
            Google, Depthmap Metadata, "Encoding depth and confidence"; Dynamic Depth 1.0 (2019),
            section "Depth Map".
        """
        ranged = self.near > 0 and self.far > 0 and self.near != self.far and math.isfinite(self.near)
        if self.format not in ("RangeInverse", "RangeLinear"):
            raise ValueError(f"unknown depth format {self.format!r}")
        if self.format == "RangeInverse" and not ranged:
            return DepthMap((1 - grey_values).astype(np.float32), metric=False, origin=origin)
        if self.format == "RangeLinear" and not (ranged and math.isfinite(self.far)):
            raise ValueError(f"a linear range from {self.near:g} to {self.far:g}")

        values = grey_values.astype(np.float64)
        unit = self.units.strip().lower()
        if self.format == "RangeInverse":
            inverse = (1 - values) / self.near + values / self.far
        else:
            inverse = 1 / (self.near + values * (self.far - self.near))
        dioptres = 1 / inverse if unit in _DIOPTRE_UNITS else inverse / _METRES_PER_UNIT.get(unit, 1.0)
        metric = self.along_axis and (unit in _METRES_PER_UNIT or unit in _DIOPTRE_UNITS)
        return DepthMap(dioptres.astype(np.float32), metric=metric, origin=origin)


def depth(packets: Packets, data: bytes) -> DepthMap | None:
    """Read the depth map: from GDepth's own data, else from an item behind the picture."""
    fields = xmp.fields(packets, _DEPTH)
    if "Data" in fields:
        return Coding.of(fields).depth(grey.decode(_base64(fields["Data"])), "file (GDepth)")

    items = _items(packets)
    for element in xmp.named(packets, _CAMERA, "DepthMap"):
        camera = xmp.fields([element], _CAMERA_DEPTH)
        place = _find(items, DataURI=camera.get("DepthURI"))
        if camera.get("ItemSemantic", "Depth") == "Depth" and place is not None:
            return Coding.of(camera).depth(grey.decode(_item_data(items, place, data)), "file (Dynamic Depth)")
    place = _find(items, Semantic="Depth")
    if place is None:
        return None
    return Coding.of(fields).depth(grey.decode(_item_data(items, place, data)), "file (Dynamic Depth)")


def sharp(packets: Packets, data: bytes) -> bytes | None:
    """Find the picture before the phone blurred it: GImage, or Dynamic Depth's Original."""
    fields = xmp.fields(packets, _IMAGE)
    if "Data" in fields:
        return _whole(_base64(fields["Data"]))

    items = _items(packets)
    place = _find(items, Semantic="Original")
    for element in xmp.named(packets, _CAMERA, "Image"):
        image = xmp.fields([element], _CAMERA_IMAGE)
        if image.get("ItemSemantic") == "Original":
            place = _find(items, DataURI=image.get("ItemURI"))
    return None if not place else _whole(_item_data(items, place, data))


def focus(packets: Packets) -> tuple[float, float] | None:
    """Read where the phone focused, as shares of the stored width and height."""
    fields = xmp.fields(packets, _FOCUS)
    if "FocalPointX" not in fields or "FocalPointY" not in fields:
        return None
    x, y = float(fields["FocalPointX"]), float(fields["FocalPointY"])
    return (x, y) if 0 <= x <= 1 and 0 <= y <= 1 else None


def _base64(text: str) -> bytes:
    """Decode base64 that may be broken into lines and may lack its padding."""
    compact = "".join(text.split()).rstrip("=")
    return base64.b64decode(compact + "=" * (-len(compact) % 4))


def _whole(picture: bytes) -> bytes | None:
    return picture if grey.is_whole_picture(picture) else None


def _items(packets: Packets) -> list[dict[str, str]]:
    """List the pictures of the file, the main one first, as the container's directory has them."""
    for container, item in _DIRECTORIES.items():
        for directory in xmp.named(packets, container, "Directory"):
            items = [xmp.fields([entry], item) for entry in directory.iter(_LI)]
            if items:
                return items
    return []


def _find(items: list[dict[str, str]], **wanted: str | None) -> int | None:
    """Find the place of the first item that has this value."""
    for place, item in enumerate(items):
        if all(value is not None and item.get(name) == value for name, value in wanted.items()):
            return place
    return None


def _item_data(items: list[dict[str, str]], place: int, data: bytes) -> bytes:
    """Cut an item out of the file.

    Items follow the main picture in the directory's order, each with its length and its padding.
    Other software appends things that no directory lists, so the items are counted from the end of
    the main picture first, then from its stated length, then backwards from the end of the file;
    the first count that meets a picture is right.

    Raises:
        ValueError: If no count meets one.
    """
    lengths = [int(item.get("Length", "0")) for item in items]
    spans = [length + int(item.get("Padding", "0")) for length, item in zip(lengths, items, strict=True)]
    if place == 0:
        return data[: jpeg_parts.length_bytes(data)]
    if min(spans) < 0:
        raise ValueError("an item of negative length")
    starts = (
        jpeg_parts.length_bytes(data) + spans[0] - lengths[0],
        spans[0],
        len(data) - sum(spans[1:]),
    )
    for start in starts:
        begin = start + sum(spans[1:place])
        item = data[begin : begin + lengths[place]] if begin > 0 else b""
        if len(item) == lengths[place] and grey.is_picture(item):
            return item
    raise ValueError("the item is not where the directory says")
