"""The further pictures of a JPEG with a Multi-Picture index (MPO)."""

from collections.abc import Iterator

from wideopen.photo import jpeg_parts

_APP2 = 0xE2
_HEADER = b"MPF\x00"
_ENTRIES_TAG = 0xB002
_ENTRY_BYTES = 16


def further_pictures(data: bytes) -> Iterator[bytes]:
    """Cut out every picture that the index lists, but the first.

    Raises:
        ValueError: If the index is broken.

    Source:
        CIPA DC-007 (2009), Multi-Picture Format: an image file directory in APP2 whose tag 0xB002
        holds 16 bytes per picture: attribute, size, offset from the index's own start, dependents.
    """
    for segment in jpeg_parts.application(data, _APP2, _HEADER):
        base = segment.start + len(_HEADER)
        index = segment.body[len(_HEADER) :]
        for entry in _entries(index):
            size_bytes, offset = entry
            if offset > 0 and base + offset + size_bytes <= len(data):
                yield data[base + offset : base + offset + size_bytes]


def _entries(index: bytes) -> Iterator[tuple[int, int]]:
    """Read size and offset of every picture from a Multi-Picture index."""
    if index[:2] not in (b"MM", b"II"):
        raise ValueError("a Multi-Picture index without byte order")

    def number(place: int, width: int) -> int:
        if place + width > len(index):
            raise ValueError("the Multi-Picture index breaks off")
        return int.from_bytes(index[place : place + width], "big" if index[:2] == b"MM" else "little")

    directory = number(4, 4)
    for field in range(number(directory, 2)):
        place = directory + 2 + 12 * field
        if number(place, 2) != _ENTRIES_TAG:
            continue
        first = number(place + 8, 4)
        for entry in range(first, first + number(place + 4, 4) // _ENTRY_BYTES * _ENTRY_BYTES, _ENTRY_BYTES):
            yield number(entry + 4, 4), number(entry + 8, 4)
