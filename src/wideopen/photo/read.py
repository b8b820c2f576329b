"""Reading a photo: from any common file to upright pixels with all that must survive."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from wideopen.errors import PhotoError
from wideopen.optics import DepthMap
from wideopen.photo import decode
from wideopen.photo.embedded import Embedded, embedded
from wideopen.photo.metadata import focus_of, turned_before, upright_exif, upright_xmp
from wideopen.photo.orientation import turn_array, turn_point
from wideopen.photo.photo import Photo
from wideopen.photo.stored import Stored
from wideopen.shapes import Float, Shaped


def _decode_tiff(data: bytes) -> Stored:
    """Decode a TIFF; its libraries take long to load, and are not loaded for another format."""
    from wideopen.photo.tiff import decode_tiff

    return decode_tiff(data)


_DECODERS = {
    "JPEG": decode.decode_jpeg,
    "PNG": decode.decode_png,
    "TIFF": _decode_tiff,
    "WEBP": decode.decode_webp,
    "AVIF": decode.decode_avif,
    "HEIF": decode.decode_heif,
    "GIF": decode.decode_gif,
}
_MAX_FILE_BYTES = 8 * 2**30
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")


def read(path: str | Path) -> Photo:
    """Read a photo, upright, with its profile, metadata, depth and focus.

    The format is found in the file itself, not in its name. Grey, palette, CMYK, alpha and 1-bit
    pictures are read; of an animation or of many pages the first. Where a phone has kept its sharp
    original beside a picture that it has blurred already, the original is read. A floating-point
    TIFF without profile is taken as linear light and encoded to sRGB; values below 0 are clipped.

    Args:
        path: A JPEG, PNG, TIFF, WebP, AVIF, HEIC or GIF.

    Raises:
        PhotoError: If the file is missing, empty, truncated, too large or no such picture.
    """
    path = Path(path)
    data = _bytes_of(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # decoders warn of odd metadata, which harms no pixel
            format_name = _format_of(data)
            return _photo_of(data, format_name=format_name)
    except PhotoError as error:
        raise PhotoError(f"{path} {error}") from None
    except Image.DecompressionBombError:  # Pillow still counts in WebP, and in TIFF with a palette or inks
        raise PhotoError(f"{path} is too large for its decoder; save it as PNG or plain RGB TIFF first") from None
    except Exception as error:  # what a decoder raises over a broken file is its own affair
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PhotoError(
            f"{path} is broken or truncated and cannot be decoded ({reason}); copy or export it again"
        ) from error


def _bytes_of(path: Path) -> bytes:
    try:
        size_bytes = path.stat().st_size
        if size_bytes > _MAX_FILE_BYTES:
            raise PhotoError(f"{path} has {size_bytes / 1e9:.0f} GB, more than any photo that is read; make it smaller")
        data = path.read_bytes()
    except FileNotFoundError:
        raise PhotoError(f"{path} does not exist; give the path of a photo") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        if isinstance(error, (IsADirectoryError, PermissionError)) and path.is_dir():
            raise PhotoError(f"{path} is a folder, but one photo was wanted") from None
        reason = getattr(error, "strerror", None) or error
        raise PhotoError(f"{str(path)!r} cannot be read ({reason}); check its name and permissions") from None
    if not data:
        raise PhotoError(f"{path} is empty; copy or export it again")
    return data


def _format_of(data: bytes) -> str:
    """Tell the format by a file's first bytes, named as Pillow names it.

    Raises:
        PhotoError: If it is none that is read.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data[4:8] == b"ftyp":
        brands = [data[at : at + 4] for at in (8, *range(16, min(int.from_bytes(data[:4], "big"), 256), 4))]
        if any(brand in _AVIF_BRANDS for brand in brands):
            return "AVIF"
        if any(brand in _HEIF_BRANDS for brand in brands):
            return "HEIF"
    raise PhotoError("is no picture that is read; wanted a JPEG, PNG, TIFF, WebP, AVIF, HEIC or GIF")


def _photo_of(data: bytes, *, format_name: str) -> Photo:
    """Decode, turn everything upright, and put it together."""
    stored = _DECODERS[format_name](data)
    found = embedded(data, format=format_name)
    samples = stored.samples
    white = stored.white
    bits = stored.bits
    icc = stored.icc
    if found.sharp is not None:
        sharp = _DECODERS[_format_of(found.sharp)](found.sharp)
        samples, white, bits, icc = sharp.samples, sharp.white, sharp.bits, sharp.icc or stored.icc

    # Turn pixels, maps and focus; EXIF may count in the turned or in the stored picture.
    size = (stored.samples.shape[1], stored.samples.shape[0])
    exif_turn, pixel_turn = stored.orientation, stored.orientation
    if stored.upright:
        exif_turn, pixel_turn = turned_before(stored.exif, orientation=exif_turn, upright_size=size), 1
        size = size[::-1] if exif_turn >= 5 else size
    samples = turn_array(samples, orientation=pixel_turn)
    depth, matte, focus = _upright_parts(found, orientation=pixel_turn)
    if focus is None:
        focus = focus_of(stored.exif, orientation=exif_turn, stored_size=size)

    colour = samples[..., :1] if samples.shape[2] < 3 else samples[..., :3]
    pixels = _scaled(colour, white=white)
    return Photo(
        pixels=np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels,
        icc=_fitting_profile(icc, channels=colour.shape[2]),
        exif=upright_exif(stored.exif, orientation=exif_turn, stored_size=size),
        xmp=upright_xmp(stored.xmp),
        bits=bits,
        dpi=_upright_dpi(stored, orientation=pixel_turn),
        grey=colour.shape[2] == 1,
        alpha=_scaled(samples[..., -1], white=white) if samples.shape[2] in (2, 4) else None,
        depth=depth,
        matte=matte,
        focus=focus,
        format=format_name,
    )


def _upright_parts(
    found: Embedded, *, orientation: int
) -> tuple[DepthMap | None, Float[np.ndarray, "mh mw"] | None, tuple[float, float] | None]:
    """Turn what the file holds beside the picture as the picture is turned."""
    depth, matte, focus = found.depth, found.matte, found.focus
    if depth is not None:
        dioptres = np.ascontiguousarray(turn_array(depth.dioptres, orientation=orientation))
        depth = DepthMap(dioptres, metric=depth.metric, origin=depth.origin)
    if matte is not None:
        matte = np.ascontiguousarray(turn_array(matte, orientation=orientation))
    if focus is not None:
        focus = turn_point(*focus, orientation=orientation)
    return depth, matte, focus


def _scaled(samples: Shaped[np.ndarray, "*shape"], *, white: float) -> Float[np.ndarray, "*shape"]:
    """Bring samples to float32 where `white` is 1, exactly rounded."""
    if samples.dtype == np.float32:
        return np.ascontiguousarray(samples)
    return np.divide(samples, np.float32(white), out=np.empty(samples.shape, np.float32))


def _fitting_profile(icc: bytes | None, *, channels: int) -> bytes | None:
    """Keep a profile only if it describes such pixels: its colour space stands at byte 16 (ICC.1, 7.2.6)."""
    space = icc[16:20] if icc else b""
    return icc if space == b"RGB " or (space == b"GRAY" and channels == 1) else None


def _upright_dpi(stored: Stored, *, orientation: int) -> tuple[float, float] | None:
    if stored.dpi is None:
        return None
    across, down = stored.dpi
    return (down, across) if orientation >= 5 else (across, down)
