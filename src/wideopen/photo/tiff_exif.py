"""EXIF in a TIFF: there it is no block, but directories among the others."""

import struct
from io import BytesIO

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from wideopen.photo.exif import EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY_DIRECTORY

# Description, make, model, software, date, artist, host, rating, copyright: what a TIFF keeps in its
# main directory and what says nothing of how the pixels are stored.
_MAIN_TAGS = (270, 271, 272, 305, 306, 315, 316, 18246, 33432)
_HEADER = b"II*\0\x08\0\0\0"
_TEXT, _LONG = 2, 4
_VALUE_AT = 8  # within an entry of a directory
_PREFIX = b"Exif\0\0"


def exif_of_tiff(data: bytes) -> bytes | None:
    """Collect the EXIF of a TIFF's first page into a block; None where there is none or it is broken."""
    try:
        return _block(data)
    except Exception:  # Pillow raises what it likes over broken fields, and no photo is worth less for them
        return None


def _block(data: bytes) -> bytes | None:
    main = _directory(data, at=None)
    kept = {tag: main[tag] for tag in _MAIN_TAGS if tag in main}
    pointers = [tag for tag in (EXIF_DIRECTORY, GPS_DIRECTORY) if 8 <= main.get(tag, 0) < len(data)]
    if not kept and not pointers:
        return None
    block = _new_directory(main, tags=[*kept, *pointers])
    subs = {tag: _directory(data, at=main[tag], group=tag) for tag in pointers}

    # The length of the main directory does not depend on the offsets in it.
    at = len(_HEADER) + len(block.tobytes(len(_HEADER)))
    tail = b""
    for tag, sub in subs.items():
        block[tag] = at + len(tail)
        tail += _rebased(sub, group=tag, begin=at + len(tail))
    return _PREFIX + _HEADER + block.tobytes(len(_HEADER)) + tail


def main_texts(exif: bytes | None) -> list[tuple[int | str, int, int, bytes | int, bool]]:
    """List what of an EXIF block stands in a TIFF's main directory, as tifffile's extra tags.

    The pointers to the Exif and the GPS directory are among them; `insert_exif` fills them in.
    """
    if not exif:
        return []
    data = exif.removeprefix(_PREFIX)
    main = _directory(data, at=None)
    tags: list[tuple[int | str, int, int, bytes | int, bool]] = []
    for tag in _MAIN_TAGS:
        if isinstance(value := main.get(tag), str):
            text = value.encode("latin-1") + b"\0"
            tags.append((tag, _TEXT, len(text), text, True))
    names = {EXIF_DIRECTORY: "ExifTag", GPS_DIRECTORY: "GPSTag"}
    tags += [(name, _LONG, 1, 0, True) for tag, name in names.items() if tag in main]
    return tags


def insert_exif(tiff: bytes, exif: bytes | None) -> bytes:
    """Append the Exif and GPS directories of a block to a TIFF that has the pointers of `main_texts`."""
    if not exif:
        return tiff
    data = exif.removeprefix(_PREFIX)
    main = _directory(data, at=None)
    whole = bytearray(tiff)
    (first,) = struct.unpack_from("<L", whole, 4)
    (count,) = struct.unpack_from("<H", whole, first)
    for at in range(first + 2, first + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from("<H", whole, at)
        if tag in (EXIF_DIRECTORY, GPS_DIRECTORY):
            whole += bytes(len(whole) % 2)
            struct.pack_into("<L", whole, at + _VALUE_AT, len(whole))
            whole += _rebased(_directory(data, at=main[tag], group=tag), group=tag, begin=len(whole))
    return bytes(whole)


def _directory(data: bytes, *, at: int | None, group: int | None = None) -> ImageFileDirectory_v2:
    """Read the directory at an offset, or the first one."""
    header = data[:16] if data[2] == 43 or data[3] == 43 else data[:8]  # 43 marks a BigTIFF
    directory = ImageFileDirectory_v2(header, group=group)
    file = BytesIO(data)
    file.seek(directory.next if at is None else at)
    directory.load(file)
    return directory


def _new_directory(
    source: ImageFileDirectory_v2, *, tags: list[int], group: int | None = None
) -> ImageFileDirectory_v2:
    """Copy some fields to a little-endian directory, with their types."""
    directory = ImageFileDirectory_v2(_HEADER, group=group)
    for tag in tags:
        directory.tagtype[tag] = source.tagtype[tag]
        value = source[tag]
        # Pillow reads text as Latin-1, whatever it is, and would write it as ASCII.
        directory[tag] = value.encode("latin-1") if isinstance(value, str) else value
    return directory


def _rebased(source: ImageFileDirectory_v2, *, group: int, begin: int) -> bytes:
    """Write a directory anew so that it can stand at the offset `begin`."""
    tags = [tag for tag in source if tag != INTEROPERABILITY_DIRECTORY]
    return bytes(_new_directory(source, tags=tags, group=group).tobytes(begin))
