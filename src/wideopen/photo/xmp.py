"""XMP: metadata in XML, within one segment of a JPEG or spread over many."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from xml.etree import ElementTree

from wideopen.photo import jpeg_parts

_APP1 = 0xE1
_STANDARD = b"http://ns.adobe.com/xap/1.0/\x00"
_EXTENDED = b"http://ns.adobe.com/xmp/extension/\x00"
_NOTE = "http://ns.adobe.com/xmp/note/"
_GUID_BYTES = 32


def parse(packet: bytes) -> ElementTree.Element:
    """Parse an XMP packet.

    Raises:
        ValueError: If the packet declares a document type: XMP has none, and through one a few
            bytes can ask for gigabytes.
        xml.etree.ElementTree.ParseError: If the packet is not well-formed XML.
    """
    text = packet.decode("utf-8", "replace").strip("\x00 \t\r\n\ufeff")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("XMP declares a document type")
    return ElementTree.fromstring(text)


def of_jpeg(data: bytes) -> list[ElementTree.Element]:
    """Read the XMP of a JPEG: the standard packet and, where it is whole, the extended one.

    Raises:
        ValueError, ParseError: If the file or its standard packet is broken.

    Source:
        Adobe, XMP Specification Part 3 (2020), section 1.1.3: the extended packet is cut into
        segments that hold a GUID, the whole length, an offset and a piece; the standard packet
        names the GUID in ``xmpNote:HasExtendedXMP``.
    """
    packets = [parse(segment.body[len(_STANDARD) :]) for segment in jpeg_parts.application(data, _APP1, _STANDARD)]
    guid = fields(packets, _NOTE).get("HasExtendedXMP")
    extended = None if guid is None else _extended(data, guid)
    if extended is not None:
        with suppress(ValueError, ElementTree.ParseError):
            packets.append(parse(extended))
    return packets


def _extended(data: bytes, guid: str) -> bytes | None:
    """Join the pieces of the extended packet, or give None where one is missing."""
    pieces: dict[int, bytes] = {}
    whole_bytes = 0
    for segment in jpeg_parts.application(data, _APP1, _EXTENDED + guid.encode()[:_GUID_BYTES]):
        head = len(_EXTENDED) + _GUID_BYTES
        whole_bytes = int.from_bytes(segment.body[head : head + 4], "big")
        pieces[int.from_bytes(segment.body[head + 4 : head + 8], "big")] = segment.body[head + 8 :]

    joined = bytearray()
    for offset in sorted(pieces):
        if offset != len(joined):
            return None
        joined += pieces[offset]
    return bytes(joined) if joined and len(joined) == whole_bytes else None


def fields(elements: Iterable[ElementTree.Element], namespace: str) -> dict[str, str]:
    """Collect the simple properties of one namespace anywhere below the elements.

    XMP allows a property as an attribute or as an element of its own; both are found. Where a name
    occurs twice, the first value counts.
    """
    found: dict[str, str] = {}
    prefix = "{" + namespace + "}"
    for root in elements:
        for element in root.iter():
            for name, value in _properties(element):
                if name.startswith(prefix):
                    found.setdefault(name.removeprefix(prefix), value.strip())
    return found


def _properties(element: ElementTree.Element) -> Iterator[tuple[str, str]]:
    yield from element.attrib.items()
    if len(element) == 0 and element.text is not None and element.text.strip():
        yield element.tag, element.text


def named(elements: Iterable[ElementTree.Element], namespace: str, name: str) -> list[ElementTree.Element]:
    """Find all elements of this namespace and name, in the order of the document."""
    return [found for root in elements for found in root.iter("{" + namespace + "}" + name)]
