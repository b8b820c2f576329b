"""Photo: pixels and everything of the file that must survive."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from wideopen.errors import PhotoError
from wideopen.optics import DepthMap
from wideopen.shapes import Float


@dataclass(frozen=True)
class Photo:
    """A photo, upright, with what its file carried."""

    pixels: Float[np.ndarray, "h w 3"]
    """float32, encoded by the photo's own profile (sRGB without one), in [0, 1]; only where `bits`
    is 32 may values go above 1."""
    icc: bytes | None = None
    """ICC profile; sRGB where None."""
    exif: bytes | None = None
    """EXIF block (beginning ``Exif\\0\\0``), without orientation and thumbnail."""
    xmp: bytes | None = None
    """XMP packet, without depth."""
    bits: int = 8
    """Bits per channel of the file: 8, 16, or 32 for floating point."""
    dpi: tuple[float, float] | None = None
    grey: bool = False
    """Whether the file has a single channel; `pixels` then repeats it three times."""
    alpha: Float[np.ndarray, "h w"] | None = None
    """float32 opacity in [0, 1]."""
    depth: DepthMap | None = None
    """Depth that the file carried, at the size it was stored."""
    matte: Float[np.ndarray, "mh mw"] | None = None
    """float32 portrait matte in [0, 1] that the file carried, at the size it was stored."""
    focus: tuple[float, float] | None = None
    """Where the file says that its focus is: x and y as a share of the upright width and height."""
    format: str = "JPEG"
    """Format of the file, as Pillow names it."""

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.size == 0:
            raise PhotoError(f"a photo has shape (height, width, 3), this one has {self.pixels.shape}")
        if self.bits not in (8, 16, 32):
            raise PhotoError(f"a photo has 8, 16 or 32 bits, this one has {self.bits}")
        low, high = float(self.pixels.min()), float(self.pixels.max())
        if not (low >= 0 and (high <= 1 or (self.bits == 32 and np.isfinite(high)))):
            raise PhotoError(f"pixels of a photo lie in [0, 1], these lie in [{low:g}, {high:g}]")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def with_pixels(self, pixels: Float[np.ndarray, "h w 3"]) -> "Photo":
        """Make the same photo with other pixels of the same size.

        Raises:
            PhotoError: If the size differs.
        """
        if pixels.shape != self.pixels.shape:
            raise PhotoError(f"pixels have shape {pixels.shape}, the photo has {self.pixels.shape}")
        return replace(self, pixels=pixels)

    def save(self, path: str | Path, *, overwrite: bool = False, quality: int = 95) -> Path:
        """Write the photo in the format that the path's suffix names; see `wideopen.photo.write`."""
        from wideopen.photo.write import write

        return write(self, path, overwrite=overwrite, quality=quality)
