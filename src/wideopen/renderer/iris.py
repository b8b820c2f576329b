"""Iris: the shape that a point out of focus spreads into."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from wideopen.errors import OpticsError
from wideopen.photo import read
from wideopen.photo.profile import to_linear
from wideopen.renderer.character import (
    FRINGE,
    blade_distance,
    channel_scales,
    circumradius,
    disc_distance,
    hole,
    ray_density,
)
from wideopen.shapes import Float

MOST_BLADES = 100
LARGEST_PICTURE_PX = 512
LARGEST_SQUEEZE = 2.5
LARGEST_OBSTRUCTION = 0.9


def read_iris(path: Path) -> Float[np.ndarray, "side side"]:
    """Read a picture as an iris: its linear light is the transmission, black is added to make it square.

    Raises:
        PhotoError: If the file is no picture.
    """
    photo = read(path)
    light = to_linear(photo.pixels, photo.icc).mean(axis=2)
    if photo.alpha is not None:
        light = light * photo.alpha
    side = max(light.shape)
    square = np.zeros((side, side), np.float32)
    top, left = (side - light.shape[0]) // 2, (side - light.shape[1]) // 2
    square[top : top + light.shape[0], left : left + light.shape[1]] = light.clip(0, 1)
    if side > LARGEST_PICTURE_PX:
        size = (LARGEST_PICTURE_PX, LARGEST_PICTURE_PX)
        square = np.asarray(Image.fromarray(square).resize(size, Image.Resampling.BOX), np.float32)
    return square


@dataclass(frozen=True, eq=False)
class Iris:
    """The opening of a lens, a disc, a polygon of blades or any picture, and what the lens makes of it.

    A background light shows the iris as it is, a foreground light shows it turned by 180 degrees,
    for the rays cross in the plane in focus. `of_preset` gives the iris of a known kind of lens.
    """

    blades: int = 0
    """Number of blades, 3 or more; 0 for a round iris."""
    rotation_deg: float = 0.0
    """Turns blades and picture, counter-clockwise."""
    picture: Float[np.ndarray, "ph pw"] | None = None
    """float32 transmission in [0, 1] of a square picture; used instead of the blades."""
    cat_eye: float = 0.0
    """How far the barrel cuts into the iris at the corner of the frame, as a share of the radius. Only
    the shape changes: what a real barrel takes of a corner's light is given back."""
    curvature: float = 0.0
    """How far the blades are bent, from 0, straight, to 1, a circle."""
    squeeze: float = 1.0
    """How many times as high as wide discs are, from 0.4 to 2.5: 1.33, 1.5 or 2 with anamorphic lenses."""
    spherical: float = 0.0
    """Spherical aberration, from -1 to 1. Above 0 (undercorrected), discs behind the plane in focus are bright in
    the middle with a soft rim, those in front have a bright rim; below 0 the other way round (soap bubbles)."""
    fringe: float = 0.0
    """Axial colour, from -1 to 1. Above 0, discs have a green rim behind the plane in focus and a magenta one in
    front; below 0 the other way round. At 1, green discs are 6 % larger or smaller than a colourless lens', the
    others as much smaller or larger. Every colour keeps its light, so that white surfaces stay white."""
    obstruction: float = 0.0
    """Radius of the hole in the middle of discs over theirs, from 0 to 0.9, as of mirror lenses."""

    def __post_init__(self) -> None:
        if self.blades and not 3 <= self.blades <= MOST_BLADES:
            raise OpticsError(
                f"an iris of {self.blades} blades is not to be had; use 3 to {MOST_BLADES}, or 0 for a round one"
            )
        if not np.isfinite(self.rotation_deg):
            raise OpticsError(f"rotation is {self.rotation_deg:g} degrees, but it must be finite")
        if self.picture is not None and self.picture.shape[0] != self.picture.shape[1]:
            raise OpticsError(f"the iris picture has shape {self.picture.shape}, but it must be square")
        if self.picture is not None and not self.picture.max() > 0:
            raise OpticsError("the iris picture is black all over; light passes where it is bright")
        for name, value, lowest, highest in (
            ("cat's eye", self.cat_eye, 0, 1),
            ("curvature", self.curvature, 0, 1),
            ("squeeze", self.squeeze, 1 / LARGEST_SQUEEZE, LARGEST_SQUEEZE),
            ("spherical aberration", self.spherical, -1, 1),
            ("fringe", self.fringe, -1, 1),
            ("obstruction", self.obstruction, 0, LARGEST_OBSTRUCTION),
        ):
            if not lowest <= value <= highest:
                raise OpticsError(f"{name} is {value:g}, but it goes from {lowest:g} to {highest:g}")

    @classmethod
    def of_preset(cls, name: str) -> "Iris":
        """Give the iris of a kind of lens; `wideopen.renderer.presets.PRESETS` lists them all.

        Raises:
            OpticsError: If there is no preset of this name.

        Example:
            >>> Iris.of_preset("hexagon").blades
            6
        """
        from wideopen.renderer.presets import find

        return find(name).iris

    @property
    def coloured(self) -> bool:
        """Whether red, green and blue light spread differently."""
        return self.fringe != 0

    @property
    def flat(self) -> bool:
        """Whether every row of a disc is a single run of one brightness, but for anti-aliased rims."""
        return self.picture is None and not self.spherical and not self.obstruction

    @property
    def barrel_scale(self) -> float:
        """Radius of the barrel's opening over that of the blur: wide open, it just lets the whole iris through."""
        farthest = (
            float(np.sqrt(2)) if self.picture is not None else circumradius(self.blades, curvature=self.curvature)
        )
        return farthest * max(self._stretch, 1 / self._stretch)

    @property
    def _stretch(self) -> float:
        """How much higher discs are, and how much narrower: their area is kept."""
        return float(np.sqrt(self.squeeze))

    def reach_px(self, radius_px: float) -> int:
        """Find how many pixels from its centre a disc of this radius touches at most, in any colour."""
        if radius_px <= 0.5:
            return 0
        return int(np.ceil(radius_px * (1 + FRINGE * abs(self.fringe)) * self.barrel_scale + 0.5))

    def kernel(self, radius_px: float) -> Float[np.ndarray, "k k"]:
        """Draw the iris of a background light; its sum is 1.

        Up to half a pixel of radius the light stays where it is. A polygon and an oval have the area of
        the disc of this radius, for the f-number fixes the light that passes. Rims are anti-aliased by
        the distance to the edge, ``clip(1/2 - distance, 0, 1)``.

        Returns:
            float64, odd and square, centred on the light.
        """
        return self.kernel_at(-radius_px, x=0, y=0, aspect=1)

    def kernel_at(self, radius_px: float, *, x: float, y: float, aspect: float) -> Float[np.ndarray, "k k"]:
        """Draw the iris of a light anywhere in the frame and on either side of the plane in focus.

        Args:
            radius_px: Above 0 in front of the plane in focus (the iris is turned by 180 degrees).
            x: Place in the frame, from -1 at the left border to 1 at the right.
            y: From -1 at the top to 1 at the bottom.
            aspect: Width over height of the frame.
        """
        return self._cut(self._draw(radius_px, self.reach_px(abs(radius_px))), radius_px, x=x, y=y, aspect=aspect)

    def kernel_rgb_at(self, radius_px: float, *, x: float, y: float, aspect: float) -> Float[np.ndarray, "k k 3"]:
        """Draw the iris as `kernel_at` does, in red, green and blue; the sum of each is 1.

        The light of each colour spreads as that of a lens of a slightly different focus.
        """
        if not self.coloured:
            return np.repeat(self.kernel_at(radius_px, x=x, y=y, aspect=aspect)[:, :, None], 3, axis=2)
        reach = self.reach_px(abs(radius_px))
        sizes = [radius_px * scale if reach else 0.0 for scale in channel_scales(radius_px, fringe=self.fringe)]
        return np.stack([self._cut(self._draw(size, reach), size, x=x, y=y, aspect=aspect) for size in sizes], axis=2)

    def _draw(self, radius_px: float, reach: int) -> np.ndarray:
        """Draw the disc of a signed radius that the barrel leaves whole, `reach` pixels to every side."""
        size = abs(radius_px)
        if size <= 0.5:
            coverage = np.zeros((2 * reach + 1, 2 * reach + 1))
            coverage[reach, reach] = 1
            return coverage
        along = np.arange(-reach, reach + 1, dtype=np.float64)
        x, y = along[None, :] * self._stretch, along[:, None] / self._stretch
        coverage = self._draw_opening(x, y, size, reach)
        if self.obstruction:
            radius = size * self.obstruction
            distance = disc_distance(x, y, radius_px=radius, squeeze=self.squeeze)
            coverage = coverage * (1 - hole(distance, radius_px=radius))
        if self.spherical:
            rim = size * (1.0 if self.picture is not None else circumradius(self.blades, curvature=self.curvature))
            strength = -float(np.sign(radius_px)) * self.spherical
            coverage = coverage * ray_density(np.hypot(x, y) / rim, strength=strength, pixel=1 / rim)
        total = coverage.sum()
        if total <= 0:
            coverage[reach, reach] = total = 1.0
        kernel = coverage / total
        return kernel[::-1, ::-1] if radius_px > 0 else kernel

    def _draw_opening(self, x: np.ndarray, y: np.ndarray, size_px: float, reach: int) -> np.ndarray:
        """Share of every pixel that the opening covers, at pupil coordinates `x` and `y`."""
        if self.picture is not None:
            return self._draw_picture(size_px, reach)
        if self.blades and self.curvature < 1:
            distance = blade_distance(
                x,
                y,
                radius_px=size_px,
                blades=self.blades,
                curvature=self.curvature,
                rotation_deg=self.rotation_deg,
                squeeze=self.squeeze,
            )
        else:
            distance = disc_distance(x, y, radius_px=size_px, squeeze=self.squeeze)
        return np.clip(0.5 - distance, 0, 1)

    def _draw_picture(self, size_px: float, reach: int) -> np.ndarray:
        """The picture, its half side brought to the radius."""
        assert self.picture is not None
        picture = Image.fromarray(np.asarray(self.picture, np.float32))
        if self.rotation_deg:
            picture = picture.rotate(self.rotation_deg, Image.Resampling.BICUBIC, expand=True)
        side = 2 * size_px * (max(picture.size) / max(self.picture.shape))
        wide, high = (max(1, round(length)) for length in (side / self._stretch, side * self._stretch))
        wide, high = wide + (wide + 1) % 2, high + (high + 1) % 2
        drawn = np.asarray(picture.resize((wide, high), Image.Resampling.BOX), np.float64).clip(0)
        coverage = np.zeros((2 * reach + 1, 2 * reach + 1))
        half_x, half_y = min(wide // 2, reach), min(high // 2, reach)
        coverage[reach - half_y : reach + half_y + 1, reach - half_x : reach + half_x + 1] = drawn[
            high // 2 - half_y : high // 2 + half_y + 1, wide // 2 - half_x : wide // 2 + half_x + 1
        ]
        return coverage

    def _cut(self, kernel: np.ndarray, radius_px: float, *, x: float, y: float, aspect: float) -> np.ndarray:
        """Cut a disc by the barrel, a second disc shifted along the line to the middle of the frame."""
        size, reach = abs(radius_px), kernel.shape[0] // 2
        if size <= 0.5 or not (self.cat_eye and (x or y)):
            return kernel
        shift = self.cat_eye * size / np.hypot(aspect, 1) * np.sign(radius_px)
        along = np.arange(-reach, reach + 1, dtype=np.float64)
        barrel = np.hypot(along[None, :] - x * aspect * shift, along[:, None] - y * shift) - size * self.barrel_scale
        cut = kernel * np.clip(0.5 - barrel, 0, 1)
        total = cut.sum()
        # A picture may be lit where the barrel lets nothing through; its light is given back as it was.
        return cut / total if total > 0 else kernel
