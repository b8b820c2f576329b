"""What a file says beside its pixels: made true for the upright photo."""

import math
import re

from wideopen.photo.exif import (
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    ORIENTATION,
    PIXEL_HEIGHT,
    PIXEL_WIDTH,
    SUBJECT_AREA,
    SUBJECT_LOCATION,
    ExifBlock,
)
from wideopen.photo.orientation import turn_point

_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)([1-8])")

# Depth, gain maps and motion live in parts of the file that are not written again: a packet that
# promises them would lie.
_XMP_OF_LOST_PARTS = (
    b"GDepth", b"GImage", b"GFocus", b"HasExtendedXMP", b"google.com/photos/1.0/container",
    b"google.com/photos/dd/1.0", b"hdr-gain-map", b"HDRGainMap", b"MotionPhoto", b"MicroVideo",
    b"depthData", b"ns.apple.com/pixeldatainfo",
)  # fmt: skip


def orientation_of(exif: bytes | None, *, xmp: bytes | None = None) -> int:
    """Find how the stored picture has to be turned, from 1 to 8: EXIF first, then XMP, else 1."""
    block = _block_of(exif)
    numbers = block.numbers(ORIENTATION) if block else ()
    if numbers:
        return int(numbers[0]) if numbers[0] in range(1, 9) else 1
    match = _XMP_ORIENTATION.search(xmp or b"")
    return int(match[2]) if match else 1


def upright_exif(exif: bytes | None, *, orientation: int, stored_size: tuple[int, int]) -> bytes | None:
    """Make an EXIF block true for the upright photo.

    The orientation and the thumbnail are taken out; width, height and the subject's place are turned.
    Everything else, maker notes included, stays byte by byte.

    Args:
        exif: A block as stored; one that cannot be read is dropped.
        orientation: How the stored picture is turned, from 1 to 8.
        stored_size: Width and height before turning.
    """
    block = _block_of(exif)
    if block is None:
        return None
    block.remove_thumbnail()
    block.remove(ORIENTATION)
    width, height = _exif_size(block) or stored_size
    for tag in (SUBJECT_AREA, SUBJECT_LOCATION):
        numbers = block.numbers(tag)
        if len(numbers) >= 2 and width and height:
            x, y = turn_point(numbers[0] / width, numbers[1] / height, orientation=orientation)
            upright = (height, width) if orientation >= 5 else (width, height)
            place = [round(x * upright[0]), round(y * upright[1])]
            extent = [int(side) for side in numbers[2:]]
            extent = extent[::-1] if orientation >= 5 else extent
            block.overwrite(tag, [min(max(number, 0), 65535) for number in place + extent])
    if orientation >= 5:
        for across, down in ((IMAGE_WIDTH, IMAGE_HEIGHT), (PIXEL_WIDTH, PIXEL_HEIGHT)):
            old_width, old_height = block.numbers(across), block.numbers(down)
            if len(old_width) == len(old_height) == 1:
                block.overwrite(across, [int(old_height[0])])
                block.overwrite(down, [int(old_width[0])])
    return None if block.empty else bytes(block)


def upright_xmp(xmp: bytes | None) -> bytes | None:
    """Make an XMP packet true for the upright photo, or drop it where it describes lost parts of the file."""
    if not xmp or any(word in xmp for word in _XMP_OF_LOST_PARTS):
        return None
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)


def focus_of(exif: bytes | None, *, orientation: int, stored_size: tuple[int, int]) -> tuple[float, float] | None:
    """Find the subject that EXIF names, which is what the camera focused on.

    Places outside the picture are ignored, and so are the corner (0, 0), an area of nearly the whole
    frame, and a large area exactly in the middle: cameras write these when they have nothing to say.

    Args:
        exif: A block as stored.
        orientation: How the stored picture is turned, from 1 to 8.
        stored_size: Width and height before turning.

    Returns:
        Share of the upright width and height, or None.

    Source:
        CIPA DC-008 (Exif 2.32), 4.6.5 D, "SubjectArea", and H, "SubjectLocation".
    """
    block = _block_of(exif)
    if block is None:
        return None
    width, height = _exif_size(block) or stored_size
    numbers = block.numbers(SUBJECT_AREA) or block.numbers(SUBJECT_LOCATION)
    if len(numbers) < 2 or numbers[0] == numbers[1] == 0:
        return None
    x, y = numbers[0] / width, numbers[1] / height
    if not (0 <= x < 1 and 0 <= y < 1):
        return None
    sides = numbers[2:4] if len(numbers) == 4 else (numbers[2], numbers[2]) if len(numbers) == 3 else (0, 0)
    smaller_share = min(sides[0] / width, sides[1] / height)
    in_the_middle = math.hypot(x - 0.5, y - 0.5) < 0.01
    if smaller_share > 0.9 or (smaller_share > 0.25 and in_the_middle):
        return None
    return turn_point(x, y, orientation=orientation)


def turned_before(exif: bytes | None, *, orientation: int, upright_size: tuple[int, int]) -> int:
    """Find how EXIF's own coordinates are to be turned where the decoder has turned the pixels already.

    Some writers keep the numbers of the sensor, others those of the upright picture: the shape that
    EXIF states tells which.
    """
    block = _block_of(exif)
    size = _exif_size(block) if block else None
    if orientation >= 5 and size and (size[0] > size[1]) == (upright_size[0] > upright_size[1]):
        return 1
    return orientation


def _exif_size(block: ExifBlock) -> tuple[int, int] | None:
    width, height = block.numbers(PIXEL_WIDTH), block.numbers(PIXEL_HEIGHT)
    if len(width) == len(height) == 1 and width[0] > 0 and height[0] > 0:
        return int(width[0]), int(height[0])
    return None


def _block_of(exif: bytes | None) -> ExifBlock | None:
    try:
        return ExifBlock(exif) if exif else None
    except ValueError:
        return None
