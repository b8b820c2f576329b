"""What a phone hides in its photo: depth, a matte, the picture before blurring, the focus."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from wideopen.optics import DepthMap
from wideopen.photo import apple_depth, google_depth, xmp
from wideopen.shapes import Float

Part = TypeVar("Part")


@dataclass(frozen=True)
class Embedded:
    """What a photo's file holds beside the picture itself.

    Maps and focus lie as the stored main picture does: for a JPEG before its EXIF orientation is
    applied, for HEIF upright.
    """

    sharp: bytes | None = None
    """A whole JPEG or PNG to use in place of the main picture, which the phone has blurred already;
    it lies as the main picture does, so the main picture's EXIF orientation holds for it."""
    depth: DepthMap | None = None
    matte: Float[np.ndarray, "mh mw"] | None = None
    """float32 in [0, 1]: how much each pixel belongs to the person."""
    focus: tuple[float, float] | None = None
    """x and y as shares of width and height."""


def embedded(data: bytes, *, format: str) -> Embedded:
    """Read what a photo's file holds beside the picture.

    A part that is missing or broken is None: no photo becomes unreadable through its depth.

    Args:
        data: The whole file.
        format: As Pillow names it: ``JPEG``, ``MPO`` or ``HEIF``; nothing is sought in others.
    """
    if format in ("JPEG", "MPO"):
        return _of_jpeg(data)
    if format == "HEIF":
        from wideopen.photo.heif_depth import of_heif

        found = _or_none(lambda: of_heif(data))
        return Embedded() if found is None else Embedded(depth=found[0], matte=found[1])
    return Embedded()


def _of_jpeg(data: bytes) -> Embedded:
    packets = _or_none(lambda: xmp.of_jpeg(data)) or []
    auxiliary = _or_none(lambda: apple_depth.of_jpeg(data)) or (None, None)
    return Embedded(
        sharp=_or_none(lambda: google_depth.sharp(packets, data)),
        depth=_or_none(lambda: google_depth.depth(packets, data)) or auxiliary[0],
        matte=auxiliary[1],
        focus=_or_none(lambda: google_depth.focus(packets)),
    )


def _or_none(read: Callable[[], Part]) -> Part | None:
    """Read one part; None where its data is broken."""
    try:
        return read()
    except Exception:  # over a broken file, decoders raise what they like; the photo shall stay readable
        return None
