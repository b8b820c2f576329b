import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from wideopen.photo import read


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def chunk(kind, body):
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


def png(shape, raw, *, interlaced=False, key=None):
    """Pack filtered rows as a PNG of 16-bit colour."""
    head = struct.pack(">LLBBBBB", shape[1], shape[0], 16, 2, 0, 0, interlaced)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b"")]
    if key:
        parts.insert(1, chunk(b"tRNS", key))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("shape", [(9, 13), (9, 13, 2), (9, 13, 3), (9, 13, 4)], ids=["L", "LA", "RGB", "RGBA"])
def test_png_keeps_16_bits(tmp_path, shape):
    samples = noise(*shape, dtype=np.uint16)
    path = tmp_path / "photo.png"
    path.write_bytes(imagecodecs.png_encode(samples))
    photo = read(path)
    samples = samples.reshape(9, 13, -1)
    assert photo.bits == 16
    assert photo.grey == (samples.shape[2] < 3)
    colours = samples[..., :1] if photo.grey else samples[..., :3]
    assert np.array_equal(np.rint(photo.pixels * 65535), np.broadcast_to(colours, (9, 13, 3)))
    assert (photo.alpha is None) == (samples.shape[2] in (1, 3))
    if photo.alpha is not None:
        assert np.array_equal(np.rint(photo.alpha * 65535), samples[..., -1])


def adam7(samples):
    """Pack a 16-bit colour PNG in the seven passes of interlacing."""
    raw = b""
    for x, y, step_x, step_y in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        for row in samples[y::step_y, x::step_x]:
            raw += b"\0" + row.astype(">u2").tobytes() if row.size else b""
    return png(samples.shape, raw, interlaced=True)


def test_an_interlaced_16_bit_png_is_read(tmp_path):
    samples = noise(11, 14, 3, dtype=np.uint16)
    path = tmp_path / "photo.png"
    path.write_bytes(adam7(samples))
    assert np.array_equal(np.rint(read(path).pixels * 65535), samples)


def test_a_transparent_colour_of_a_16_bit_png_becomes_alpha(tmp_path):
    samples = noise(3, 4, 3, dtype=np.uint16)
    raw = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = struct.pack(">LLBBBBB", 4, 3, 16, 2, 0, 0, 0)
    key = chunk(b"tRNS", struct.pack(">HHH", *samples[1, 2]))
    path = tmp_path / "photo.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + key + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    )
    expected = np.ones((3, 4), np.float32)
    expected[1, 2] = 0
    assert np.array_equal(read(path).alpha, expected)


def test_one_bit_is_black_and_white(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(noise(8, 8) > 127).save(path)
    photo = read(path)
    assert photo.grey
    assert np.array_equal(photo.pixels[..., 2], (noise(8, 8) > 127).astype(np.float32))


def test_a_palette_becomes_colour(tmp_path):
    path = tmp_path / "photo.png"
    palette = Image.fromarray(noise(8, 8) % 3, "L").convert("P")
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.save(path)
    photo = read(path)
    assert not photo.grey
    assert np.array_equal(photo.pixels, np.eye(3, dtype=np.float32)[noise(8, 8) % 3])


def test_a_palette_with_transparency_becomes_colour_and_alpha(tmp_path):
    path = tmp_path / "photo.png"
    palette = Image.fromarray(noise(8, 8) % 3, "L").convert("P")
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.save(path, transparency=bytes([0, 128, 255]))
    photo = read(path)
    assert np.array_equal(photo.alpha, (np.array([0, 128, 255]) / 255).astype(np.float32)[noise(8, 8) % 3])
    assert np.array_equal(photo.pixels, np.eye(3, dtype=np.float32)[noise(8, 8) % 3])


def test_grey_with_alpha_stays_grey_with_alpha(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(noise(8, 8, 2)).save(path)
    photo = read(path)
    assert photo.grey
    assert np.array_equal(np.rint(255 * photo.alpha), noise(8, 8, 2)[..., 1])
