"""A shot as a camera's file: its checksum, when it was taken, and its pixels as sRGB."""

import hashlib
import re
import warnings
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wideopen.errors import PhotoError, RequestError
from wideopen.photo import Photo, read
from wideopen.photo.profile import from_linear, to_linear
from wideopen.shapes import Float

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".heic", ".heif", ".hif", ".tif", ".tiff")
RAW_SUFFIXES = (".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".rw2", ".orf")

_EXIF_DIRECTORY, _TAKEN, _TAKEN_FRACTION, _CHANGED = 0x8769, 0x9003, 0x9291, 0x0132
_DATE = re.compile(rb"[12]\d{3}:[01]\d:[0-3]\d [0-2]\d:[0-5]\d:[0-6]\d")
_HEAD_BYTES = 1 << 20
_SAME_STEPS = 2


def is_raw(path: Path) -> bool:
    """Whether a file is a camera's RAW file, by its name."""
    return path.suffix.lower() in RAW_SUFFIXES


def is_shot(path: Path) -> bool:
    """Whether a file is one that `read_shot` reads, by its name."""
    return path.suffix.lower() in SUFFIXES or is_raw(path)


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def taken_s(path: Path) -> float | None:
    """Find when a shot was taken, in seconds since 1970 by the camera's clock; None where it does not say.

    RAW files keep their EXIF in many ways, but all of them near the beginning and with the date as text.
    """
    try:
        if is_raw(path):
            with path.open("rb") as file:
                found = _DATE.search(file.read(_HEAD_BYTES))
            return _seconds(found[0].decode() if found else None, None)
        return _seconds(*_stated(path))
    except Exception:  # whatever a broken file makes a decoder raise, it states no time
        return None


def _stated(path: Path) -> tuple[Any, Any]:
    """Read the date, and the fraction of its second, from EXIF."""
    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.simplefilter("ignore")
        if file.read(12)[4:8] == b"ftyp":
            from pillow_heif import open_heif

            exif = Image.Exif()
            exif.load(open_heif(path).info.get("exif") or b"")
            return _of_exif(exif)
        with Image.open(path) as image:
            return _of_exif(image.getexif())


def _of_exif(exif: Image.Exif) -> tuple[Any, Any]:
    own = exif.get_ifd(_EXIF_DIRECTORY)
    return own.get(_TAKEN) or exif.get(_CHANGED), own.get(_TAKEN_FRACTION)


def _seconds(date: Any, fraction: Any) -> float | None:  # noqa: ANN401
    """Bring EXIF's date and its fraction of a second, which is digits, to seconds."""
    try:
        whole = datetime.strptime(str(date).strip("\0 "), "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    digits = str(fraction or "").strip("\0 ")
    return (whole - datetime(1970, 1, 1)).total_seconds() + (float(f"0.{digits}") if digits.isdecimal() else 0.0)


def read_shot(path: Path) -> Float[np.ndarray, "h w 3"]:
    """Read a shot as sRGB, upright; RAW is developed with the camera's white balance and no brightening.

    Returns:
        float32, encoded, in [0, 1].

    Raises:
        PhotoError: If it cannot be read.
        RequestError: If it is RAW and rawpy is not installed.
    """
    if not is_raw(path):
        return _as_srgb(read(path))
    try:
        rawpy = import_module("rawpy")
    except ImportError:
        raise RequestError(without_rawpy(path)) from None
    try:
        with rawpy.imread(str(path)) as raw:
            samples = raw.postprocess(
                use_camera_wb=True, no_auto_bright=True, output_bps=16, gamma=(2.4, 12.92),
                output_color=rawpy.ColorSpace.sRGB,
            )  # fmt: skip
    except Exception as error:  # LibRaw raises many kinds over a broken file
        said = error.args[0] if error.args else error
        text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        reason = " ".join(text.split()) or type(error).__name__
        raise PhotoError(f"{path} cannot be developed ({reason}); copy it again, or export it as TIFF") from None
    return np.divide(samples, np.float32(65535), dtype=np.float32)


def without_rawpy(path: Path) -> str:
    """Say what a RAW file needs."""
    return f"{path} is a RAW file, which needs rawpy; install wideopen[raw]"


def _as_srgb(photo: Photo) -> Float[np.ndarray, "h w 3"]:
    """Convert a photo's pixels to sRGB by its profile, in 8 bits: the pair will have no more."""
    pixels = photo.pixels.clip(0, 1)
    if photo.icc is None or (not photo.grey and _transform(photo.icc) is None):
        return pixels
    if photo.grey:
        return from_linear(to_linear(pixels, photo.icc), None).clip(0, 1)
    from PIL import ImageCms

    picture = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
    converted = ImageCms.applyTransform(picture, _transform(photo.icc))
    return np.divide(np.asarray(converted), np.float32(255), dtype=np.float32)


@lru_cache(maxsize=4)
def _transform(icc: bytes) -> Any:  # noqa: ANN401
    """Make the conversion from a profile to sRGB; None where it changes nothing, or the profile is broken."""
    from PIL import ImageCms

    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(BytesIO(icc)),
            ImageCms.createProfile("sRGB"),
            "RGB", "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )  # fmt: skip
    except (ImageCms.PyCMSError, OSError):
        return None
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    moved = np.asarray(ImageCms.applyTransform(Image.fromarray(cube), transform)).astype(int)
    return transform if np.abs(moved - cube).max() > _SAME_STEPS else None
