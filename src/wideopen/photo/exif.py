"""EXIF blocks: read numbers, and patch them in place.

A block is patched instead of being parsed and written anew, because maker notes point into it by
absolute offsets that only the camera's maker knows; whatever is not touched stays where it was.

Source: TIFF 6.0, section 2 (image file directories); CIPA DC-008 (Exif 2.32), 4.5 and 4.6.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

IMAGE_WIDTH, IMAGE_HEIGHT = 0x0100, 0x0101
ORIENTATION = 0x0112
EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY_DIRECTORY = 0x8769, 0x8825, 0xA005
F_NUMBER = 0x829D
FOCAL_LENGTH, FOCAL_LENGTH_35MM = 0x920A, 0xA405
SUBJECT_AREA, SUBJECT_LOCATION = 0x9214, 0xA214
PIXEL_WIDTH, PIXEL_HEIGHT = 0xA002, 0xA003
FOCAL_PLANE_X_RESOLUTION, FOCAL_PLANE_UNIT = 0xA20E, 0xA210
MAKER_NOTE = 0x927C

_PREFIX = b"Exif\0\0"
_STRIP_OFFSET, _STRIP_BYTES = 0x0111, 0x0117
_THUMBNAIL_OFFSET, _THUMBNAIL_BYTES = 0x0201, 0x0202
_BYTES_OF_KIND = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_CODE_OF_KIND = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l", 11: "f", 12: "d", 13: "L"}


@dataclass(frozen=True)
class _Entry:
    """One field of a directory: where it stands, and where its values do."""

    tag: int
    kind: int
    count: int
    at: int
    value_at: int

    @property
    def value_end(self) -> int:
        return self.value_at + self.count * _BYTES_OF_KIND[self.kind]


class ExifBlock:
    """An EXIF block, with or without the six bytes of its head."""

    def __init__(self, exif: bytes) -> None:
        """Find the directories of a block.

        Raises:
            ValueError: If this is no EXIF block.
        """
        self._data = bytearray(exif.removeprefix(_PREFIX))
        self._order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(self._data[:4]), "")
        if not self._order:
            raise ValueError("no EXIF block")
        try:
            self._root = self._unpack("L", 4)
            self._unpack("H", self._root)
        except struct.error:
            raise ValueError("an EXIF block without fields") from None

    def __bytes__(self) -> bytes:
        return _PREFIX + bytes(self._data)

    @property
    def empty(self) -> bool:
        """Whether the main directory has no field."""
        return not self._entries(self._root)

    def numbers(self, tag: int) -> tuple[float, ...]:
        """Read the numbers of a field of the main or the Exif directory; empty where it is missing or text."""
        for directory in (self._root, self._pointer(EXIF_DIRECTORY)):
            for entry in self._entries(directory):
                if entry.tag == tag:
                    return self._values(entry)
        return ()

    def overwrite(self, tag: int, numbers: Sequence[int]) -> None:
        """Put other whole numbers in the place of as many, wherever the field is there."""
        for directory in (self._root, self._pointer(EXIF_DIRECTORY)):
            for entry in self._entries(directory):
                if entry.tag == tag and entry.count == len(numbers) and entry.kind in (3, 4):
                    code = f"{self._order}{entry.count}{_CODE_OF_KIND[entry.kind]}"
                    struct.pack_into(code, self._data, entry.value_at, *numbers)

    def remove(self, tag: int) -> None:
        """Take a field out of the main and the Exif directory."""
        for directory in (self._root, self._pointer(EXIF_DIRECTORY)):
            for entry in reversed(self._entries(directory)):
                if entry.tag == tag:
                    count = self._unpack("H", directory)
                    end = min(directory + 2 + 12 * count + 4, len(self._data))
                    self._data[entry.at : end] = self._data[entry.at + 12 : end] + bytes(12)
                    struct.pack_into(f"{self._order}H", self._data, directory, count - 1)

    def remove_thumbnail(self) -> None:
        """Cut off the second directory, and blank the small picture that it points to."""
        pointer_at = self._root + 2 + 12 * self._unpack("H", self._root)
        if pointer_at + 4 > len(self._data):
            return
        second = self._unpack("L", pointer_at)
        struct.pack_into(f"{self._order}L", self._data, pointer_at, 0)
        found = {entry.tag: self._values(entry) for entry in self._entries(second)}
        for offset_tag, bytes_tag in ((_THUMBNAIL_OFFSET, _THUMBNAIL_BYTES), (_STRIP_OFFSET, _STRIP_BYTES)):
            for offset, size in zip(found.get(offset_tag, ()), found.get(bytes_tag, ()), strict=False):
                self._blank(int(offset), min(int(offset + size), len(self._data)))

    def _blank(self, begin: int, end: int) -> None:
        """Clear bytes that no field of the photo itself uses, and drop them where they come last."""
        used = [(0, 8)]
        for tag in (None, EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY_DIRECTORY):
            directory = self._root if tag is None else self._pointer(tag)
            entries = self._entries(directory)
            used += [(directory, directory + 6 + 12 * len(entries))]
            used += [(entry.value_at, entry.value_end) for entry in entries]
        if begin >= end or any(begin < last and first < end for first, last in used):
            return
        self._data[begin:end] = bytes(end - begin)
        if end >= len(self._data) - 1:
            del self._data[begin:]

    def _entries(self, directory: int) -> list[_Entry]:
        """List a directory's fields whose values lie within the block."""
        entries: list[_Entry] = []
        if not 8 <= directory <= len(self._data) - 2:
            return entries
        count = self._unpack("H", directory)
        for at in range(directory + 2, min(directory + 2 + 12 * count, len(self._data) - 11), 12):
            tag, kind = self._unpack("H", at), self._unpack("H", at + 2)
            if kind not in _BYTES_OF_KIND:
                continue
            entry = _Entry(tag, kind, self._unpack("L", at + 4), at, at + 8)
            if entry.value_end > at + 12:
                entry = _Entry(tag, kind, entry.count, at, self._unpack("L", at + 8))
            if entry.value_end <= len(self._data):
                entries.append(entry)
        return entries

    def _pointer(self, tag: int) -> int:
        """Find where a directory begins; 0 where it is missing."""
        parent = self._pointer(EXIF_DIRECTORY) if tag == INTEROPERABILITY_DIRECTORY else self._root
        for entry in self._entries(parent):
            if entry.tag == tag and entry.kind in (4, 13) and entry.count == 1:
                return self._unpack("L", entry.value_at)
        return 0

    def _values(self, entry: _Entry) -> tuple[float, ...]:
        if entry.count > 4096 or entry.kind in (2, 7):
            return ()
        if entry.kind in (5, 10):
            code = f"{self._order}{2 * entry.count}{'L' if entry.kind == 5 else 'l'}"
            parts = struct.unpack_from(code, self._data, entry.value_at)
            return tuple(
                upper / lower if lower else float("nan") for upper, lower in zip(parts[::2], parts[1::2], strict=True)
            )
        code = f"{self._order}{entry.count}{_CODE_OF_KIND[entry.kind]}"
        return tuple(map(float, struct.unpack_from(code, self._data, entry.value_at)))

    def _unpack(self, code: str, at: int) -> int:
        return int(struct.unpack_from(self._order + code, self._data, at)[0])
