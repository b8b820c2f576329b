"""PFM: a grey float picture behind three lines of text.

Source: Paul Debevec, Portable FloatMap Image Format: ``Pf`` (one channel) or ``PF`` (three), width and
height, a scale whose sign is the byte order (below 0: little-endian) and whose size multiplies the
values; then float32 rows from the bottom to the top.
"""

import re

import numpy as np

from wideopen.shapes import Float

_HEADER = re.compile(rb"(P[fF])\s+(\d{1,9})\s+(\d{1,9})\s+([-+0-9.eE]{1,32})\s")


def decode(data: bytes) -> Float[np.ndarray, "h w channels"]:
    """Decode a PFM file to float32, rows from top to bottom, with 1 or 3 channels.

    Raises:
        ValueError: If the data is not a whole PFM.
    """
    header = _HEADER.match(data)
    if header is None:
        raise ValueError("no PFM header")
    channels = 1 if header[1] == b"Pf" else 3
    width, height, scale = int(header[2]), int(header[3]), float(header[4])
    if not (np.isfinite(scale) and scale != 0):
        raise ValueError(f"a PFM scale of {scale:g}")
    wanted_bytes = width * height * channels * 4
    if len(data) - header.end() < wanted_bytes:
        raise ValueError(f"{len(data) - header.end()} bytes of pixels, {width} x {height} need {wanted_bytes}")

    body = data[header.end() : header.end() + wanted_bytes]
    rows = np.frombuffer(body, "<f4" if scale < 0 else ">f4").reshape(height, width, channels)
    upright = rows[::-1].astype(np.float32)
    return upright if abs(scale) == 1 else upright * np.float32(abs(scale))


def encode(values: Float[np.ndarray, "h w"]) -> bytes:
    """Encode float32 values as a little-endian PFM of one channel and scale 1."""
    height, width = values.shape
    return f"Pf\n{width} {height}\n-1.0\n".encode() + values[::-1].astype("<f4").tobytes()
