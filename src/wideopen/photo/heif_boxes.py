"""The item structure of a HEIF file: what pillow_heif does not tell about auxiliary images.

Source: ISO/IEC 14496-12 (ISO base media file format), section 8.11, for ``iinf``, ``iloc``, ``iref`` and
``pitm``; ISO/IEC 23008-12 (HEIF), section 6.5 for ``irot``, ``imir`` and ``auxC``, section 9.3 for ``ipma``.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Property:
    """A property of an item, as ``irot``."""

    kind: bytes
    body: bytes


@dataclass(frozen=True)
class Items:
    """The items of a HEIF file: pictures and metadata."""

    primary: int
    """Number of the main picture's item."""
    content_types: dict[int, str]
    """Media type of every item that is not a picture, as ``application/rdf+xml``."""
    references: list[tuple[bytes, int, int]]
    """Kind, from, to: ``cdsc`` from metadata and ``auxl`` from auxiliary images."""
    properties: dict[int, list[Property]]
    data: dict[int, bytes]

    @classmethod
    def of(cls, file: bytes) -> "Items":
        """Read the items of a file.

        Raises:
            ValueError: If the boxes are broken.
        """
        meta = _children(file).get(b"meta")
        if meta is None:
            raise ValueError("a HEIF file without items")
        boxes = _children(meta[4:])
        associations = _children(boxes.get(b"iprp", b""))
        return cls(
            primary=_Reader(boxes.get(b"pitm", b"")).versioned_id(),
            content_types=_content_types(boxes.get(b"iinf", b"")),
            references=_references(boxes.get(b"iref", b"")),
            properties=_properties(associations.get(b"ipco", b""), associations.get(b"ipma", b"")),
            data=_data(boxes.get(b"iloc", b""), file, boxes.get(b"idat", b"")),
        )

    def auxiliary(self, *types: str) -> list[int]:
        """List the auxiliary images of the main picture that are of these types, in the file's order."""
        return [
            source
            for kind, source, target in self.references
            if kind == b"auxl" and target == self.primary and self.auxiliary_type(source) in types
        ]

    def auxiliary_type(self, item: int) -> str | None:
        """Read what an auxiliary image is, as a URN."""
        for found in self.properties.get(item, []):
            if found.kind == b"auxC":
                return found.body[4:].split(b"\x00")[0].decode("latin-1")
        return None

    def xmp(self, item: int) -> bytes | None:
        """Read the XMP packet that describes an item."""
        for kind, source, target in self.references:
            if kind == b"cdsc" and target == item and self.content_types.get(source) == "application/rdf+xml":
                return self.data.get(source)
        return None

    def turns(self, item: int) -> list[Property]:
        """List the rotations and mirrorings of an item, in the order in which they apply."""
        return [found for found in self.properties.get(item, []) if found.kind in (b"irot", b"imir")]


@dataclass
class _Reader:
    """Reads big-endian numbers one after another."""

    body: bytes
    place: int = 0

    def number(self, width: int) -> int:
        if self.place + width > len(self.body):
            raise ValueError("a HEIF box breaks off")
        self.place += width
        return int.from_bytes(self.body[self.place - width : self.place], "big")

    def version_and_flags(self) -> tuple[int, int]:
        return self.number(1), self.number(3)

    def versioned_id(self) -> int:
        version, _ = self.version_and_flags()
        return self.number(2 if version == 0 else 4)


def _boxes(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Walk the boxes that lie one behind another: kind and content."""
    place = 0
    while place + 8 <= len(body):
        length = int.from_bytes(body[place : place + 4], "big")
        kind, head = body[place + 4 : place + 8], 8
        if length == 1:
            length, head = int.from_bytes(body[place + 8 : place + 16], "big"), 16
        elif length == 0:
            length = len(body) - place
        if length < head or place + length > len(body):
            raise ValueError(f"the HEIF box {kind!r} breaks off")
        yield kind, body[place + head : place + length]
        place += length


def _children(body: bytes) -> dict[bytes, bytes]:
    """Read boxes by kind; of several of one kind, the first."""
    found: dict[bytes, bytes] = {}
    for kind, content in _boxes(body):
        found.setdefault(kind, content)
    return found


def _content_types(iinf: bytes) -> dict[int, str]:
    reader = _Reader(iinf)
    version, _ = reader.version_and_flags()
    reader.number(2 if version == 0 else 4)
    types: dict[int, str] = {}
    for _, entry in _boxes(iinf[reader.place :]):
        fields = _Reader(entry)
        entry_version, _ = fields.version_and_flags()
        if entry_version < 2:
            continue
        item = fields.number(2 if entry_version == 2 else 4)
        fields.number(2)
        if entry[fields.place : fields.place + 4] == b"mime":
            texts = entry[fields.place + 4 :].split(b"\x00")
            types[item] = texts[1].decode("latin-1") if len(texts) > 1 else ""
    return types


def _references(iref: bytes) -> list[tuple[bytes, int, int]]:
    if not iref:
        return []
    reader = _Reader(iref)
    width = 2 if reader.version_and_flags()[0] == 0 else 4
    found = []
    for kind, body in _boxes(iref[reader.place :]):
        entry = _Reader(body)
        source = entry.number(width)
        found += [(kind, source, entry.number(width)) for _ in range(entry.number(2))]
    return found


def _properties(ipco: bytes, ipma: bytes) -> dict[int, list[Property]]:
    """Give every item its properties; the association counts them from 1."""
    known = [Property(kind, body) for kind, body in _boxes(ipco)]
    reader = _Reader(ipma)
    version, flags = reader.version_and_flags()
    width = 2 if flags & 1 else 1
    found: dict[int, list[Property]] = {}
    for _ in range(reader.number(4)):
        item = reader.number(2 if version == 0 else 4)
        # The highest bit says that a reader must understand the property.
        numbers = [reader.number(width) & (0x7FFF if width == 2 else 0x7F) for _ in range(reader.number(1))]
        found[item] = [known[number - 1] for number in numbers if 0 < number <= len(known)]
    return found


def _data(iloc: bytes, file: bytes, idat: bytes) -> dict[int, bytes]:
    """Join the extents of every item; a position counts from the file's start or within ``idat``."""
    reader = _Reader(iloc)
    version, _ = reader.version_and_flags()
    widths = reader.number(2)
    offset_width, length_width, base_width, index_width = (widths >> shift & 15 for shift in (12, 8, 4, 0))
    found: dict[int, bytes] = {}
    for _ in range(reader.number(2 if version < 2 else 4)):
        item = reader.number(2 if version < 2 else 4)
        method = reader.number(2) & 15 if version > 0 else 0
        reader.number(2)
        base = reader.number(base_width)
        body = idat if method == 1 else file
        pieces = []
        for _ in range(reader.number(2)):
            reader.number(index_width if version > 0 else 0)
            begin = base + reader.number(offset_width)
            pieces.append(body[begin : begin + reader.number(length_width)])
        found[item] = b"".join(pieces)
    return found
