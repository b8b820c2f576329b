import io
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from wideopen.errors import PhotoError
from wideopen.photo import Photo, read, write


def chunk(kind, body):
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


DEMANDS = "JPEG, PNG, TIFF, WebP, AVIF, HEIC or GIF"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"This is no picture but a letter to a friend.\n" * 9, DEMANDS),
        (b"%PDF-1.7\n", DEMANDS),
        (b"\xff\xd8\xff", "broken or truncated"),
        (b"\x89PNG\r\n\x1a\n", "broken or truncated"),
        (b"II*\0", "broken or truncated"),
        (b"\0\0\0\x18ftypheic", "broken or truncated"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", DEMANDS),
        (b"\0", DEMANDS),
    ],
)
def test_what_is_no_photo_is_refused_in_one_line(tmp_path, content, words):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(PhotoError, match=words) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(PhotoError, match="does not exist"):
        read(tmp_path / "none.jpg")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(PhotoError, match="is a folder, but one photo was wanted"):
        read(tmp_path)


def test_a_path_that_cannot_be_is_refused():
    with pytest.raises(PhotoError, match="cannot be read"):
        read("photo\0.jpg")
    with pytest.raises(PhotoError, match="cannot be read"):
        read("n" * 5000)


def test_a_file_of_many_gigabytes_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "photo.tif"
    path.write_bytes(b"II*\0" * 300)
    monkeypatch.setattr(sys.modules["wideopen.photo.read"], "_MAX_FILE_BYTES", 1000)
    with pytest.raises(PhotoError, match="GB, more than any photo that is read"):
        read(path)


def bomb(format_name):
    """Make a small file that says it is enormous."""
    if format_name == "PNG":
        head = struct.pack(">LLBBBBB", 90000, 90000, 8, 2, 0, 0, 0)
        return (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", head)
            + chunk(b"IDAT", zlib.compress(bytes(1000)))
            + chunk(b"IEND", b"")
        )
    if format_name == "GIF":
        return (
            b"GIF89a"
            + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0)
            + b","
            + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0)
            + b"\x02\0;"
        )
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, format_name)
    small = file.getvalue()
    if format_name == "JPEG":
        at = small.index(b"\xff\xc0")
        return small[: at + 5] + struct.pack(">HH", 65000, 65000) + small[at + 9 :]
    at = small.index(struct.pack("<HHLL", 256, 4, 1, 16))
    small = small[:at] + struct.pack("<HHLL", 256, 4, 1, 90000) + small[at + 12 :]
    at = small.index(struct.pack("<HHLL", 257, 4, 1, 16))
    return small[:at] + struct.pack("<HHLL", 257, 4, 1, 90000) + small[at + 12 :]


@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "GIF", "TIFF"])
def test_a_bomb_is_refused_with_its_size(tmp_path, format_name):
    path = tmp_path / "photo.bin"
    path.write_bytes(bomb(format_name))
    with pytest.raises(PhotoError, match=r"is (\d+)x\1 = \d+ megapixels, more than the 500 that are read; make"):
        read(path)


def sample(format_name):
    """Make a small file of noise, which every byte matters to."""
    path = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path, format_name)
    return path.getvalue()


def every_sample(folder):
    """Make a file in each way of storing pixels."""
    files = {name: sample(name) for name in ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF")}
    deep = Photo(np.random.default_rng(0).random((24, 32, 3), dtype=np.float32), bits=16)
    for suffix in ("png", "tif", "heic"):
        files[f"16-bit {suffix}"] = write(deep, folder / f"deep.{suffix}").read_bytes()
    return files


def test_a_truncated_file_is_refused_or_whole_at_any_length(tmp_path):
    for name, data in every_sample(tmp_path).items():
        path = tmp_path / "photo.bin"
        path.write_bytes(data)
        whole = read(path).pixels
        refused = 0
        for length in (*range(1, len(data), max(1, len(data) // 60)), *range(len(data) - 12, len(data))):
            path.write_bytes(data[:length])
            try:
                assert np.array_equal(read(path).pixels, whole), (name, length)
            except PhotoError as error:
                refused += 1
                assert "\n" not in str(error)
        assert refused > 55, name


def test_a_damaged_file_is_read_or_refused_but_ends_nothing(tmp_path):
    rng = np.random.default_rng(0)
    for name, data in every_sample(tmp_path).items():
        path = tmp_path / "photo.bin"
        refused = 0
        for _ in range(40):
            damaged = np.frombuffer(data, np.uint8).copy()
            damaged[rng.integers(0, len(damaged), 3)] = rng.integers(0, 256, 3)
            damaged[rng.integers(0, 200, 2)] = rng.choice([0, 255], 2)
            path.write_bytes(damaged.tobytes())
            try:
                read(path)
            except PhotoError:
                refused += 1
        assert refused > 0, name
