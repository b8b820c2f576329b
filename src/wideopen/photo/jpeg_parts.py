"""The parts of a JPEG file: its segments, where it ends, and what stands behind its end."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_START_OF_IMAGE = b"\xff\xd8"
_MARKER_IN_SCAN = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class Segment:
    """One marker segment of a JPEG."""

    marker: int
    """The second byte of the marker, as 0xE1 for APP1."""
    start: int
    """Offset of the body in the file."""
    body: bytes
    """What follows the two bytes of length; empty where the marker has no length."""


def segments(data: bytes) -> Iterator[Segment]:
    """Walk all marker segments of the first JPEG in `data`, its end marker included.

    Raises:
        ValueError: If the data is not a JPEG or breaks off.

    Source:
        ITU-T T.81 (1992), Annex B.
    """
    if not data.startswith(_START_OF_IMAGE):
        raise ValueError("not a JPEG")
    place = 2
    while place + 2 <= len(data):
        # A marker may be preceded by any number of fill bytes.
        if data[place] != 0xFF:
            raise ValueError(f"no marker at byte {place}")
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker == _END_OF_IMAGE or marker in _WITHOUT_LENGTH:
            yield Segment(marker, place + 2, b"")
            if marker == _END_OF_IMAGE:
                return
            place += 2
            continue

        length = int.from_bytes(data[place + 2 : place + 4], "big")
        end = place + 2 + length
        if length < 2 or end > len(data):
            raise ValueError(f"the segment at byte {place} breaks off")
        yield Segment(marker, place + 4, data[place + 4 : end])
        place = end

        # Behind the header of a scan stand its coded pixels, up to the next true marker.
        if marker == _START_OF_SCAN:
            following = _MARKER_IN_SCAN.search(data, place)
            if following is None:
                raise ValueError("the picture breaks off")
            place = following.end() - 2
    raise ValueError("the JPEG has no end marker")


def application(data: bytes, marker: int, header: bytes) -> Iterator[Segment]:
    """Walk the segments before the first scan that have this marker and begin with this header."""
    for segment in segments(data):
        if segment.marker == _START_OF_SCAN:
            return
        if segment.marker == marker and segment.body.startswith(header):
            yield segment


def length_bytes(data: bytes) -> int:
    """Find the length of the first JPEG in `data`, its end marker included.

    Raises:
        ValueError: If the JPEG is broken or not whole.
    """
    return [segment.start for segment in segments(data)][-1]


def size(data: bytes) -> tuple[int, int]:
    """Read width and height in pixels of a JPEG from its frame header.

    Raises:
        ValueError: If it has none.
    """
    for segment in segments(data):
        if segment.marker in _FRAME_HEADERS and len(segment.body) >= 5:
            height, width = segment.body[1:3], segment.body[3:5]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
    raise ValueError("the JPEG has no frame header")
