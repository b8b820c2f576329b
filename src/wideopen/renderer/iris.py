"""Iris: the shape that a point out of focus spreads into."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image

from wideopen.errors import OpticsError
from wideopen.photo import read
from wideopen.photo.profile import to_linear

MOST_BLADES = 100
LARGEST_PICTURE_PX = 512


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
    """The opening of a lens: a disc, a polygon of straight blades, or any picture.

    A background light shows the iris as it is, a foreground light shows it turned by 180 degrees,
    for the rays cross in the plane in focus.
    """

    blades: int = 0
    """Number of straight blades, 3 or more; 0 for a round iris."""
    rotation_deg: float = 0.0
    """Turns blades and picture, counter-clockwise."""
    picture: Float[np.ndarray, "ph pw"] | None = None
    """float32 transmission in [0, 1] of a square picture; used instead of the blades."""
    cat_eye: float = 0.0
    """How far the barrel cuts into the iris at the corner of the frame, as a share of the radius. Only
    the shape changes: what a real barrel takes of a corner's light is given back."""

    def __post_init__(self) -> None:
        if self.blades and not 3 <= self.blades <= MOST_BLADES:
            raise OpticsError(
                f"an iris of {self.blades} blades is not to be had; use 3 to {MOST_BLADES}, or 0 for a round one"
            )
        if not 0 <= self.cat_eye <= 1:
            raise OpticsError(f"cat's eye is {self.cat_eye:g}, but it is a share from 0 to 1")
        if not np.isfinite(self.rotation_deg):
            raise OpticsError(f"rotation is {self.rotation_deg:g} degrees, but it must be finite")
        if self.picture is not None and self.picture.shape[0] != self.picture.shape[1]:
            raise OpticsError(f"the iris picture has shape {self.picture.shape}, but it must be square")
        if self.picture is not None and not self.picture.max() > 0:
            raise OpticsError("the iris picture is black all over; light passes where it is bright")

    def reach_px(self, radius_px: float) -> int:
        """Find how many pixels from its centre a disc of this radius touches at most."""
        if radius_px <= 0.5:
            return 0
        if self.picture is not None:
            return int(np.ceil(radius_px * np.sqrt(2) + 0.5))
        return int(np.ceil(radius_px * self._circumradius() + 0.5))

    def kernel(self, radius_px: float) -> Float[np.ndarray, "k k"]:
        """Draw the iris of a background light; its sum is 1.

        Up to half a pixel of radius the light stays where it is. A polygon has the area of the disc
        of this radius, for the f-number fixes the light that passes. Rims are anti-aliased by the
        distance to the edge, ``clip(1/2 - distance, 0, 1)``.

        Returns:
            float64, odd and square, centred on the light.
        """
        reach = self.reach_px(radius_px)
        if reach == 0:
            return np.ones((1, 1))
        if self.picture is not None:
            coverage = self._draw_picture(radius_px, reach)
        else:
            y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
            coverage = np.clip(0.5 - self._edge_distance(x, y, radius_px), 0, 1)
        total = coverage.sum()
        if total <= 0:
            coverage[reach, reach] = total = 1.0
        return coverage / total

    def kernel_at(self, radius_px: float, *, x: float, y: float, aspect: float) -> Float[np.ndarray, "k k"]:
        """Draw the iris of a light anywhere in the frame and on either side of the plane in focus.

        Args:
            radius_px: Above 0 in front of the plane in focus (the iris is turned by 180 degrees).
            x: Place in the frame, from -1 at the left border to 1 at the right.
            y: From -1 at the top to 1 at the bottom.
            aspect: Width over height of the frame.
        """
        kernel = self.kernel(abs(radius_px))
        if radius_px > 0:
            kernel = kernel[::-1, ::-1]
        reach = kernel.shape[0] // 2
        if not (self.cat_eye and reach and (x or y)):
            return kernel
        # The barrel is a second disc, shifted along the line to the middle of the frame.
        shift = self.cat_eye * abs(radius_px) / np.hypot(aspect, 1) * np.sign(radius_px)
        row, column = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
        barrel = np.hypot(column - x * aspect * shift, row - y * shift) - abs(radius_px) * self.barrel_scale
        kernel = kernel * np.clip(0.5 - barrel, 0, 1)
        return kernel / kernel.sum()

    @property
    def barrel_scale(self) -> float:
        """Radius of the barrel's opening over that of the blur: wide open, it just lets the whole iris through."""
        return float(np.sqrt(2)) if self.picture is not None else self._circumradius()

    def _circumradius(self) -> float:
        """Circumradius of the polygon whose area is that of the unit disc."""
        if not self.blades:
            return 1.0
        return float(np.sqrt(2 * np.pi / (self.blades * np.sin(2 * np.pi / self.blades))))

    def _edge_distance(self, x: np.ndarray, y: np.ndarray, radius_px: float) -> np.ndarray:
        """Signed distance to the rim in pixels, below 0 inside."""
        if not self.blades:
            return np.asarray(np.hypot(x, y) - radius_px)
        apothem = radius_px * self._circumradius() * np.cos(np.pi / self.blades)
        # The first blade lies at the bottom, so that rotation 0 stands on an edge as houses do.
        normals = np.pi / 2 - np.deg2rad(self.rotation_deg) + 2 * np.pi * np.arange(self.blades) / self.blades
        sides = [x * np.cos(angle) + y * np.sin(angle) for angle in normals]
        return np.asarray(np.max(sides, axis=0) - apothem)

    def _draw_picture(self, radius_px: float, reach: int) -> np.ndarray:
        """The picture, its half side brought to the radius."""
        assert self.picture is not None
        picture = Image.fromarray(np.asarray(self.picture, np.float32))
        if self.rotation_deg:
            picture = picture.rotate(self.rotation_deg, Image.Resampling.BICUBIC, expand=True)
        turned = max(picture.size) / max(self.picture.shape)
        side = max(1, round(2 * radius_px * turned))
        side += (side + 1) % 2
        drawn = np.asarray(picture.resize((side, side), Image.Resampling.BOX), np.float64).clip(0)
        coverage = np.zeros((2 * reach + 1, 2 * reach + 1))
        half = min(side // 2, reach)
        middle = side // 2
        coverage[reach - half : reach + half + 1, reach - half : reach + half + 1] = drawn[
            middle - half : middle + half + 1, middle - half : middle + half + 1
        ]
        return coverage
