"""Samples of real photos: parts of those whose subject, or the distance of some points, is known."""

import numpy as np
from PIL import Image

from wideopen.train.scene.sample import Sample, without_points
from wideopen.train.scene.sources import Labelled

Box = tuple[float, float, float, float]


def crop_subject(subject: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Crop a photo with a matte around most of its subject."""
    box = _box(subject.shape[1], subject.shape[0], size, rng)
    return of_photo(_cut(subject, size, box))


def crop_labelled(labelled: Labelled, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Crop a photo with a label."""
    height, width = labelled.picture.shape[:2]
    return labelled_sample(labelled, size, _box(width, height, size, rng))


def labelled_sample(labelled: Labelled, size: tuple[int, int], box: Box | None = None) -> Sample:
    """Take a photo with a label, whole where no box is given."""
    height, width = labelled.picture.shape[:2]
    left, top, right, bottom = box or (0, 0, width, height)
    sample = of_photo(_cut(labelled.picture, size, (left, top, right, bottom)))
    points = labelled.points.copy()
    points[:, 0] = (points[:, 0] * width - left) / (right - left)
    points[:, 1] = (points[:, 1] * height - top) / (bottom - top)
    points = points[((points[:, :2] > 0) & (points[:, :2] < 1)).all(axis=1)]
    sample.points[: len(points)] = points
    # The points say it better.
    sample.near = sample.far = np.zeros_like(sample.matte)
    return sample


def whole_photo(subject: np.ndarray, size: tuple[int, int]) -> Sample:
    """Take a whole photo with its matte as it is, for validation."""
    return of_photo(_cut(subject, size, (0, 0, subject.shape[1], subject.shape[0])))


def _box(width: int, height: int, size: tuple[int, int], rng: np.random.Generator) -> Box:
    zoom = rng.uniform(0.5, 1.0) ** 0.7
    ratio = size[0] / size[1] * np.exp(rng.normal(0, 0.12))
    wide, high = width * zoom, width * zoom / ratio
    if high > height:
        wide, high = height * zoom * ratio, height * zoom
    wide, high = min(wide, width), min(high, height)
    left, top = rng.uniform(0, width - wide), rng.uniform(0, height - high)
    # A head is above a body, and mostly in the picture.
    top *= rng.random() if rng.random() < 0.6 else 1.0
    return left, top, left + wide, top + high


def _cut(subject: np.ndarray, size: tuple[int, int], box: Box) -> np.ndarray:
    """Resize colour and matte apart, for together Pillow would blacken what the matte leaves out."""
    parts = (np.ascontiguousarray(subject[..., :3]), np.ascontiguousarray(subject[..., 3]))
    resized = [np.asarray(Image.fromarray(part).resize(size, Image.Resampling.BILINEAR, box=box)) for part in parts]
    return np.concatenate([resized[0], resized[1][..., None]], axis=2)


def of_photo(cut: np.ndarray) -> Sample:
    """Say what is known of a picture with a matte (uint8, 128 where it is not known)."""
    matte = cut[..., 3].astype(np.float32) / 255
    known = ((matte < 0.25) | (matte > 0.75)).astype(np.float32)
    inside = (matte > 0.75).astype(np.float32)
    rows = np.flatnonzero(inside.any(axis=1))
    above = np.zeros_like(matte)
    if rows.size:
        # Ground below a subject's feet is nearer than the subject; one that the frame cuts shows no such ground.
        is_cut = rows[-1] >= len(matte) - 2
        above[: len(matte) if is_cut else int(rows[-1] * 0.85)] = 1
    nothing = np.zeros_like(matte)
    return Sample(
        picture=cut[..., :3].astype(np.float32) / 255,
        dioptres=nothing,
        depth_known=nothing,
        matte=matte,
        matte_known=known,
        near=inside if above.any() else nothing,
        far=(matte < 0.25) * above,
        points=without_points(),
    )
