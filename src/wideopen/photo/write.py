"""Writing a photo: the format by the suffix, whole or not at all."""

from pathlib import Path

from wideopen.errors import PhotoError, PhotoExistsError
from wideopen.photo import encode
from wideopen.photo.photo import Photo
from wideopen.photo.whole import whole_file

_ENCODERS = {
    ".jpg": encode.encode_jpeg,
    ".jpeg": encode.encode_jpeg,
    ".png": encode.encode_png,
    ".tif": encode.encode_tiff,
    ".tiff": encode.encode_tiff,
    ".webp": encode.encode_webp,
    ".avif": encode.encode_avif,
    ".heic": encode.encode_heif,
    ".heif": encode.encode_heif,
}
SUFFIXES = tuple(_ENCODERS)
"""Suffixes of the formats that can be written."""


def write(photo: Photo, path: str | Path, *, overwrite: bool = False, quality: int = 95) -> Path:
    """Write a photo in the format that the suffix names.

    The file is written beside its place and moved there when it is whole, so that a failure leaves
    what was there before. 16 bits stay 16 in PNG and TIFF and become 10 in HEIC; floating point stays
    so in TIFF. The same photo gives the same bytes each time.

    Args:
        photo: What to write; its profile, EXIF, XMP and resolution go along where the format has a
            place for them, its depth does not.
        path: Where to; the suffix is one of `SUFFIXES`, in either case.
        overwrite: Whether a file that is there already is replaced.
        quality: From 1 to 100, for the formats that lose something.

    Returns:
        The path.

    Raises:
        PhotoExistsError: If the file is there and `overwrite` is not set.
        PhotoError: If the suffix or quality is unknown, the photo too large for the format, or the
            folder missing or not writable.
    """
    path = Path(path)
    encoder = _ENCODERS.get(path.suffix.lower())
    if encoder is None:
        raise PhotoError(f"{path} has no suffix of a format that is written; use one of {' '.join(SUFFIXES)}")
    if not 1 <= quality <= 100:
        raise PhotoError(f"quality is {quality}, but it lies between 1 and 100")
    refuse_place(path, overwrite=overwrite)
    try:
        data = encoder(photo, quality=quality)
    except (OSError, ValueError, RuntimeError) as error:
        width, height = photo.size
        reason = " ".join(str(error).split())
        raise PhotoError(
            f"{path} cannot hold this photo of {width}x{height} ({reason}); write a PNG or TIFF instead"
        ) from error
    write_whole(path, data)
    return path


def refuse_place(path: Path, *, overwrite: bool) -> None:
    """Look at the place before the work of encoding."""
    try:
        is_folder, has_folder, is_there = path.is_dir(), path.parent.is_dir(), path.exists()
    except OSError as error:
        raise PhotoError(f"{path} cannot be written ({error.strerror or error}); choose another place") from None
    if is_folder:
        raise PhotoError(f"{path} is a folder; give the path of a file")
    if not has_folder:
        raise PhotoError(f"{path} cannot be written: the folder {path.parent} does not exist; make it first")
    if is_there and not overwrite:
        raise PhotoExistsError(f"{path} exists; --overwrite (overwrite=True) replaces it")


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in its place at once, or leave what is there.

    Raises:
        PhotoError: If the place cannot be written.
    """
    try:
        with whole_file(path) as beside:
            beside.write_bytes(data)
    except OSError as error:
        raise PhotoError(f"{path} cannot be written ({error.strerror or error}); choose another place") from error
