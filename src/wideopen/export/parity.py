"""Parity: how far an exported network is from PyTorch's in float32, and what is too far."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wideopen.errors import RequestError
from wideopen.export.metadata import Precision
from wideopen.photo import Photo
from wideopen.shapes import Float

MOST_LEVELS = {"float32": 1.0, "float16": 8.0, "int8": 255.0}
"""8-bit levels that any pixel may be off."""
LEAST_PSNR_DB = {"float32": 48.13, "float16": 40.0, "int8": 30.0}
"""For float32 that of a picture that is off by one level everywhere."""
_INSTEAD = {
    "float32": "this is a fault of the export; run the solution by PyTorch and report it",
    "float16": "export it in float32",
    "int8": "give more photos to calibrate with, or export it in float16",
}


@dataclass(frozen=True)
class Parity:
    """Differences in 8-bit levels between two pictures in [0, 1]."""

    error_levels: float
    mean_error_levels: float
    psnr_db: float
    contrast_levels: float
    """Between the least and the greatest value that is wanted."""


def parity(found: Float[np.ndarray, "*shape"], wanted: Float[np.ndarray, "*shape"]) -> Parity:
    """Compare two pictures; what is no number makes all figures of it none.

    PSNR is ``10 log10(1 / mean square)``, infinite where they are equal.
    """
    difference = np.abs(found.astype(np.float64) - wanted)
    square = float((difference**2).mean())
    return Parity(
        error_levels=255 * float(difference.max()),
        mean_error_levels=255 * float(difference.mean()),
        psnr_db=float("inf") if square == 0 else -10 * float(np.log10(square)),
        contrast_levels=255 * float(np.ptp(wanted)),
    )


def worst(found: Sequence[Parity]) -> Parity:
    """The worst of each figure over several photos; one that is no number stays none."""
    return Parity(
        error_levels=float(np.max([each.error_levels for each in found])),
        mean_error_levels=float(np.max([each.mean_error_levels for each in found])),
        psnr_db=float(np.min([each.psnr_db for each in found])),
        contrast_levels=float(np.max([each.contrast_levels for each in found])),
    )


def refuse_beyond(found: Parity, name: str, precision: Precision) -> None:
    """Refuse what is out of tolerance.

    Raises:
        RequestError: That says how far it is off, and what to do.
    """
    most, least = MOST_LEVELS[precision], LEAST_PSNR_DB[precision]
    if found.error_levels <= most and found.psnr_db >= least:
        return
    raise RequestError(
        f"{name} in {precision} differs from PyTorch by up to {found.error_levels:.1f} of 255 levels and has "
        f"{found.psnr_db:.1f} dB of it, where {most:g} levels and {least:g} dB are allowed; {_INSTEAD[precision]}"
    )


def fitted(photo: Photo, size_px: tuple[int, int]) -> Photo:
    """Scale a photo to cover a size and crop its middle; its depth is left out, for it shows another frame."""
    from PIL import Image, ImageOps

    picture = Image.fromarray((photo.pixels.clip(0, 1) * 255).round().astype(np.uint8))
    cropped = ImageOps.fit(picture, size_px, Image.Resampling.LANCZOS)
    return Photo(pixels=np.asarray(cropped, np.float32) / np.float32(255))


def as_picture(photo: Photo) -> Float[np.ndarray, "1 h w 3"]:
    """The photo as exported files take it."""
    return np.ascontiguousarray(photo.pixels.clip(0, 1), np.float32)[None]


def as_guides(maps: Sequence[Float[np.ndarray, "h w"]]) -> list[Float[np.ndarray, "1 h w 1"]]:
    """Guides as exported files take them."""
    return [np.ascontiguousarray(each, np.float32)[None, ..., None] for each in maps]
