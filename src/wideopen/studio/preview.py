"""Previews: a photo as small as a screen, with what stays the same between one rendering and the next."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image

from wideopen.errors import RequestError
from wideopen.optics import DefocusMap
from wideopen.photo import Photo
from wideopen.photo.profile import from_linear, to_linear
from wideopen.renderer.edges import IN_FOCUS_PX
from wideopen.renderer.highlights import FULL_BLUR_PERCENT, restore_highlights
from wideopen.renderer.lens import LensRenderer
from wideopen.renderer.spread import reach_px, spread_in_strips
from wideopen.shapes import Float, UInt8
from wideopen.studio.reduce import halved, levels_of_light, light_of_pixels, lit, reduced

SIDES = (320, 640, 1024, 1536, 2048)
"""Longer sides of previews."""
QUALITY = 85
STRIP_PX = 1_500_000
"""Drawn at a time: a preview that follows the hand in one piece, a larger one so that it can be left between two."""
MOST_PIXELS = 26_000_000
"""Larger photos are halved first: light of their full size would take more memory than some computers have."""
_ENCODED_STEPS, _ROOT_STEPS = 1 << 16, 1 << 14
_CHECK_PX = 8
_CHECKS = (0.6, 0.75)
"""Encoded greys of the squares that are seen through what is transparent."""


@dataclass(frozen=True)
class Preview:
    """A photo made smaller, and its linear light."""

    photo: Photo
    light: Float[np.ndarray, "h w 3"]
    lamps: Float[np.ndarray, "h w 3"] | None
    """Light that clipping took, which comes back as `restore_highlights` gives it at strength 0.5; None for none."""
    whole_size: tuple[int, int]
    """Width and height of the photo that it was made from."""

    @property
    def scale(self) -> float:
        """Pixels of the whole photo for one of the preview."""
        return max(self.whole_size) / max(self.photo.size)

    def picture(self) -> UInt8[np.ndarray, "h w 3"]:
        """The photo as it is, in steps of 8 bits."""
        return levels_of(self.light, self.photo.icc)

    def drawn(
        self, renderer: LensRenderer, defocus: DefocusMap, *, progress: Callable[[float], None] | None = None
    ) -> UInt8[np.ndarray, "h w 3"]:
        """Draw as `wideopen.renderer.spread.spread` does, in steps of 8 bits.

        Args:
            renderer: What draws.
            defocus: Of the preview's size.
            progress: Told the share that is done, now and then where it takes long; what it raises ends the work.
        """
        radius_px = defocus.radius_px
        if max(float(radius_px.max()), -float(radius_px.min())) <= IN_FOCUS_PX:
            return self.picture()
        light = self.light
        if self.lamps is not None and renderer.highlights > 0:
            full_px = IN_FOCUS_PX + max(1.5, FULL_BLUR_PERCENT / 100 * float(np.hypot(*self.whole_size)))
            gain = (2 * renderer.highlights) ** 2
            light = lit(light, self.lamps, radius_px, gain, IN_FOCUS_PX / self.scale, full_px / self.scale)
        iris, height = renderer.iris, len(light)
        drawn = np.empty(light.shape, np.uint8)
        for strip, seen in spread_in_strips(
            light, radius_px, iris, slice(0, height), reach_px(radius_px, iris), strip_px=STRIP_PX
        ):
            drawn[strip] = levels_of(seen, self.photo.icc)
            if progress is not None:
                progress(strip.stop / height)
        return drawn


@dataclass(frozen=True)
class Negative:
    """What previews are made from: a photo's light, as small as the largest of them."""

    light: Float[np.ndarray, "h w 3"]
    lamps: np.ndarray | None
    """As in `Preview`, but float16."""
    alpha: Float[np.ndarray, "h w"] | None
    whole_size: tuple[int, int]
    rest: Photo
    """All else that there is of the photo, with one pixel."""

    @classmethod
    def of(cls, photo: Photo) -> "Negative":
        """Make a photo smaller by the mean of its linear light.

        Lamps that were clipped are found while they are whole, so that a preview's are as bright as the photo's.
        """
        size = photo.size
        rest = replace(photo, pixels=np.zeros((1, 1, 3), np.float32), alpha=None)
        if photo.bits == 32:  # light above white is in no table, and clipped nowhere
            light, lamps = to_linear(photo.pixels, photo.icc), None
        else:
            read = halved if size[0] * size[1] > MOST_PIXELS else light_of_pixels
            light = read(photo.pixels, _light_table(photo.icc))
            lamps = _lamps_of(light)
        height, width = _smaller(size, SIDES[-1])
        if lamps is not None:
            lamps = reduced(lamps, height, width).astype(np.float16)
        alpha = None if photo.alpha is None else reduced(photo.alpha[..., None], height, width)[..., 0].clip(0, 1)
        return cls(reduced(light, height, width), lamps, alpha, size, rest)

    @property
    def side(self) -> int:
        """The longer side."""
        return max(self.light.shape)

    def preview(self, side: int) -> Preview:
        """Make a preview.

        Args:
            side: The longer side at most, in pixels; a smaller photo stays as it is.
        """
        height, width = _smaller((self.light.shape[1], self.light.shape[0]), side)
        light = reduced(self.light, height, width)
        pixels = from_linear(light, self.rest.icc)
        if self.rest.bits != 32:
            pixels = pixels.clip(0, 1)
        alpha = None if self.alpha is None else reduced(self.alpha[..., None], height, width)[..., 0].clip(0, 1)
        lamps = None if self.lamps is None else reduced(self.lamps.astype(np.float32), height, width)
        return Preview(replace(self.rest, pixels=pixels, alpha=alpha), light, lamps, self.whole_size)


def levels_of(light: Float[np.ndarray, "h w 3"], icc: bytes | None) -> UInt8[np.ndarray, "h w 3"]:
    """Encode linear light by a profile, in steps of 8 bits."""
    return np.asarray(levels_of_light(light, _level_table(icc)))


def jpeg_of(levels: UInt8[np.ndarray, "h w 3"], photo: Photo, *, alpha: Float[np.ndarray, "h w"] | None) -> bytes:
    """Encode a picture for the screen, with the photo's profile.

    Args:
        levels: What is shown.
        photo: Whose profile and greyness count.
        alpha: Opacity, of the picture's size; what is transparent shows a grey checker.
    """
    if alpha is not None:
        levels = _laid_over_checker(levels, alpha)
    picture = Image.fromarray(np.ascontiguousarray(levels[..., 0]) if photo.grey else levels)
    file = BytesIO()
    given = {} if photo.icc is None else {"icc_profile": photo.icc}
    picture.save(file, "JPEG", quality=QUALITY, subsampling="4:4:4", **given)
    return file.getvalue()


def side_of(number: int) -> int:
    """Check a preview's side.

    Raises:
        RequestError: If there is no preview of it.
    """
    if number not in SIDES:
        raise RequestError(f"a side of {number} px is not shown; ask for {', '.join(map(str, SIDES))}")
    return number


def _smaller(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Height and width of a picture whose longer side is at most so long."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[1] * scale)), max(1, round(size[0] * scale))


def _lamps_of(light: np.ndarray) -> np.ndarray | None:
    """Light that clipping took, wherever it would be out of focus."""
    far = np.full(light.shape[:2], 1e6, np.float32)
    restored = restore_highlights(light, far, strength=0.5)
    return None if np.may_share_memory(restored, light) else np.subtract(restored, light, out=restored)


def _laid_over_checker(levels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    height, width = alpha.shape
    dark = ((np.arange(height) // _CHECK_PX)[:, None] + np.arange(width) // _CHECK_PX) % 2
    checker = np.where(dark == 0, *_CHECKS)[..., None] * 255
    return np.rint(levels * alpha[..., None] + checker * (1 - alpha[..., None])).astype(np.uint8)


@lru_cache(maxsize=4)
def _light_table(icc: bytes | None) -> np.ndarray:
    ramp = np.linspace(0, 1, _ENCODED_STEPS, dtype=np.float32)
    return to_linear(np.repeat(ramp[:, None], 3, axis=1), icc)


@lru_cache(maxsize=4)
def _level_table(icc: bytes | None) -> np.ndarray:
    light = np.linspace(0, 1, _ROOT_STEPS, dtype=np.float32) ** 2
    encoded = from_linear(np.repeat(light[:, None], 3, axis=1), icc)
    return np.asarray(np.rint(encoded.clip(0, 1) * 255).astype(np.uint8))
