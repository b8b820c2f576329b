"""Small grey pictures that live inside a photo: depth maps and mattes."""

import io

import numpy as np
from PIL import Image

from wideopen.photo import jpeg_parts
from wideopen.shapes import Float

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_MOST_PIXELS = 64_000_000


def is_picture(data: bytes) -> bool:
    """Whether the data begins as a JPEG or a PNG."""
    return data.startswith((_JPEG, _PNG))


def is_whole_picture(data: bytes) -> bool:
    """Whether the data is a JPEG or PNG that reaches its end and has a size."""
    try:
        width, height = size(data)
        ended = jpeg_parts.length_bytes(data) > 0 if data.startswith(_JPEG) else b"IEND" in data[-64:]
    except ValueError:
        return False
    return ended and width > 0 and height > 0


def size(data: bytes) -> tuple[int, int]:
    """Read width and height of a JPEG or PNG without decoding it.

    Raises:
        ValueError: If it is neither.
    """
    if data.startswith(_PNG) and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    return jpeg_parts.size(data)


def decode(data: bytes) -> Float[np.ndarray, "h w"]:
    """Decode a grey JPEG or PNG of 8 or 16 bits to float32 in [0, 1].

    Raises:
        ValueError: If it is none of these or larger than any depth map.
        OSError, SyntaxError: If it is broken.
    """
    width, height = size(data)
    if not 0 < width * height <= _MOST_PIXELS:
        raise ValueError(f"a depth map of {width} x {height} pixels")
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
        if image.mode.startswith("I"):
            return (np.asarray(image).astype(np.float32) / np.float32(65535)).clip(0, 1)
        return np.asarray(image.convert("L")).astype(np.float32) / np.float32(255)
