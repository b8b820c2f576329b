"""One picture to learn from and what is known of it."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from wideopen.train.scene.labels import MOST_POINTS


@dataclass
class Sample:
    """One picture and what is known of it; maps are of its size."""

    picture: np.ndarray
    """float32 (h, w, 3) in [0, 1]."""
    dioptres: np.ndarray
    depth_known: np.ndarray
    matte: np.ndarray
    matte_known: np.ndarray
    near: np.ndarray
    far: np.ndarray
    """Where only the order of depth is known."""
    points: np.ndarray
    """(40, 3): across and down in [0, 1], metres; those with 0 metres are no points."""

    def mirror(self) -> None:
        """Swap left and right."""
        for name, value in vars(self).items():
            if name != "points":
                setattr(self, name, value[:, ::-1])
        self.points = np.where(self.points[:, 2:] > 0, np.abs(np.array([1, 0, 0]) - self.points), self.points)


def without_points() -> np.ndarray:
    """Say that no point is known."""
    return np.zeros((MOST_POINTS, 3), np.float32)


def blurred(picture: np.ndarray, radius_px: float) -> np.ndarray:
    """Blur three or four channels by a box."""
    if radius_px < 0.4:
        return picture
    image = Image.fromarray(np.rint(picture.clip(0, 1) * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.BoxBlur(radius_px)), np.float32) / 255


def develop(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change exposure, contrast, colour and sharpness, and add grain."""
    picture = np.ascontiguousarray(picture)
    if rng.random() < 0.25:
        picture = blurred(picture, rng.uniform(0.4, 1.0))
    picture = picture.clip(1e-4, 1) ** np.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.15))
    picture = (picture - 0.5) * np.exp(rng.normal(0, 0.12)) + 0.5
    grey = picture.mean(axis=2, keepdims=True)
    saturation = 0.0 if rng.random() < 0.05 else np.exp(rng.normal(0, 0.25))
    picture = grey + (picture - grey) * saturation
    noise = rng.standard_normal(picture.shape, np.float32) * rng.uniform(0, 0.03)
    picture = picture * np.exp(rng.normal(0, 0.06, 3)) + noise
    return picture.clip(0, 1).astype(np.float32)
