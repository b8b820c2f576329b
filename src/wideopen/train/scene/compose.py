"""Composing what the scene network looks at: real photos with a matte, and scenes whose depth is known."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from wideopen.train.scene.sources import Sources, pick

SIZES = ((192, 128), (160, 160), (128, 192), (160, 128), (128, 160))
"""Width and height of batches, of about the same number of pixels."""
REAL_SHARE = 0.4


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


def make_sample(sources: Sources, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Make one sample of a width and height."""
    real = rng.random() < REAL_SHARE or not sources.photos
    sample = _real(pick(sources.subjects, rng), size, rng) if real else _composed(sources, size, rng)
    if rng.random() < 0.5:
        for name, value in vars(sample).items():
            setattr(sample, name, value[:, ::-1])
    sample.picture = _develop(sample.picture, rng)
    return sample


def real_sample(subject: np.ndarray, size: tuple[int, int]) -> Sample:
    """Take a whole photo with its matte as it is, for validation."""
    return _of_photo(_cut(subject, size, (0, 0, subject.shape[1], subject.shape[0])))


def _real(subject: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Crop a photo around at least most of its subject."""
    height, width = subject.shape[:2]
    zoom = rng.uniform(0.55, 1.0)
    ratio = size[0] / size[1] * np.exp(rng.normal(0, 0.12))
    wide, high = (width * zoom, width * zoom / ratio)
    if high > height:
        wide, high = height * zoom * ratio, height * zoom
    wide, high = min(wide, width), min(high, height)
    left, top = rng.uniform(0, width - wide), rng.uniform(0, height - high)
    # A head is above a body, and mostly in the picture.
    top *= rng.random()
    box = (left, top, left + wide, top + high)
    return _of_photo(_cut(subject, size, box))


def _cut(subject: np.ndarray, size: tuple[int, int], box: tuple[float, float, float, float]) -> np.ndarray:
    """Resize colour and matte apart, for together Pillow would blacken what the matte leaves out."""
    parts = (np.ascontiguousarray(subject[..., :3]), np.ascontiguousarray(subject[..., 3]))
    resized = [np.asarray(Image.fromarray(part).resize(size, Image.Resampling.BILINEAR, box=box)) for part in parts]
    return np.concatenate([resized[0], resized[1][..., None]], axis=2)


def _of_photo(cut: np.ndarray) -> Sample:
    matte = cut[..., 3].astype(np.float32) / 255
    known = ((matte < 0.25) | (matte > 0.75)).astype(np.float32)
    inside = (matte > 0.75).astype(np.float32)
    rows = np.flatnonzero(inside.any(axis=1))
    # Ground below a subject's feet is nearer than the subject.
    last = rows[-1] if rows.size else 0
    above = np.zeros_like(matte)
    above[: int(last * 0.85)] = 1
    nothing = np.zeros_like(matte)
    return Sample(
        picture=cut[..., :3].astype(np.float32) / 255,
        dioptres=nothing,
        depth_known=nothing,
        matte=matte,
        matte_known=known,
        near=inside if rows.size and above.any() else nothing,
        far=(matte < 0.25) * above if rows.size else nothing,
    )


def _composed(sources: Sources, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Stand things on a ground before a background."""
    width, height = size
    horizon = rng.uniform(0.2, 0.65)
    slope = rng.uniform(0.6, 1.6)
    row = ((np.arange(height) + 0.5) / height)[:, None]
    back = rng.uniform(0.02, 0.25)
    wall = np.broadcast_to(np.maximum(slope * (row - horizon), back), (height, width)).astype(np.float32)
    picture, dioptres = _background(sources, size, horizon, slope, back, rng), wall.copy()
    known = np.ones((height, width), np.float32)
    if rng.random() < 0.4:
        # A photo's own ground may be anywhere: only what stands before it is known for sure.
        known *= row < horizon + back / slope
    count = int(rng.choice([1, 2, 3, 4], p=[0.35, 0.35, 0.2, 0.1]))
    layers = []
    for _ in range(count):
        layers.append(_thing(sources, size, horizon, slope, back, rng))
    layers.sort(key=lambda layer: layer[2])
    weight = []
    for cut, _, _, _ in layers:
        y, x = np.mgrid[:height, :width]
        middle = np.exp(-(((x + 0.5) / width - 0.5) ** 2) / 0.08 - ((y + 0.5) / height - 0.55) ** 2 / 0.15)
        weight.append(float((cut[..., 3] * middle).sum()))
    subject = int(np.argmax(weight))
    focus = layers[subject][2]
    strength = rng.uniform(0, 6) if rng.random() < 0.55 else 0.0
    picture = _blurred(picture, strength * abs(focus - back))
    matte = np.zeros((height, width), np.float32)
    for i, (cut, depth, stands_at, relief) in enumerate(layers):
        blur = 0.0 if i == subject else strength * abs(stands_at - focus)
        soft = _blurred(np.concatenate([cut[..., :3] * cut[..., 3:], cut[..., 3:]], axis=2), blur)
        picture = picture * (1 - soft[..., 3:]) + soft[..., :3]
        solid = cut[..., 3] > 0.5
        dioptres[solid] = (depth + relief)[solid] if isinstance(relief, np.ndarray) else depth
        known[solid] = 1
        matte = matte * (1 - soft[..., 3]) + (cut[..., 3] if i == subject else 0)
    seen = matte.sum() > 0.01 * matte.size
    return Sample(
        picture=picture.astype(np.float32),
        dioptres=dioptres,
        depth_known=known.astype(np.float32),
        matte=matte.clip(0, 1),
        matte_known=np.full((height, width), float(seen), np.float32),
        near=np.zeros((height, width), np.float32),
        far=np.zeros((height, width), np.float32),
    )


def _background(
    sources: Sources, size: tuple[int, int], horizon: float, slope: float, back: float, rng: np.random.Generator
) -> np.ndarray:
    """Fill the frame with a photo, mostly with a textured ground in perspective below."""
    width, height = size
    photo = Image.fromarray(pick(sources.photos, rng))
    zoom = rng.uniform(0.5, 1.0)
    wide, high = photo.width * zoom, photo.height * zoom
    left, top = rng.uniform(0, photo.width - wide), rng.uniform(0, photo.height - high)
    picture = np.asarray(photo.resize(size, Image.Resampling.BILINEAR, box=(left, top, left + wide, top + high)))
    picture = picture.astype(np.float32) / 255
    first = horizon + back / slope
    if sources.textures and rng.random() < 0.7:
        texture = pick(sources.textures, rng)
        y, x = np.mgrid[:height, :width]
        depth = 1 / np.maximum(slope * ((y + 0.5) / height - horizon), back * 0.9)
        scale = len(texture) * rng.uniform(0.15, 0.6)
        turn = rng.uniform(0, 2 * np.pi)
        across, along = ((x + 0.5) / width - 0.5) * depth * 1.2, depth
        u = (across * np.cos(turn) + along * np.sin(turn)) * scale
        v = (along * np.cos(turn) - across * np.sin(turn)) * scale
        ground = texture[v.astype(int) % len(texture), u.astype(int) % texture.shape[1]] / np.float32(255)
        ground = ground * rng.uniform(0.5, 1.1) * rng.uniform(0.85, 1.15, 3)
        picture = np.where((y + 0.5)[..., None] / height > first, ground, picture)
    return picture.clip(0, 1).astype(np.float32)


def _thing(
    sources: Sources, size: tuple[int, int], horizon: float, slope: float, back: float, rng: np.random.Generator
) -> tuple[np.ndarray, float, float, np.ndarray | float]:
    """Stand a cut-out somewhere: its picture in the frame, dioptres where it stands, twice, and its relief."""
    width, height = size
    frame = np.zeros((height, width, 4), np.float32)
    relief_frame = np.zeros((height, width), np.float32)
    if sources.things and rng.random() < 0.55:
        cut, relief = pick(sources.things, rng)
    else:
        cut = pick(sources.subjects, rng)
        solid = cut[..., 3] > 200
        rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
        if rows.size < 8 or columns.size < 8:
            cut, relief = pick(sources.things, rng) if sources.things else (cut, np.zeros(cut.shape[:2], np.float32))
        else:
            cut = cut[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            relief = np.zeros(cut.shape[:2], np.float32)
    high = height * rng.uniform(0.2, 1.1)
    wide = high * cut.shape[1] / cut.shape[0]
    if wide > 0.9 * width:
        high, wide = high * 0.9 * width / wide, 0.9 * width
    target = (max(4, round(wide)), max(4, round(high)))
    small = np.asarray(Image.fromarray(np.ascontiguousarray(cut)).resize(target, Image.Resampling.BILINEAR))
    small = small.astype(np.float32) / 255
    small[..., 3] = ((small[..., 3] - 0.5) * 2 + 0.5).clip(0, 1)
    small[..., :3] = (small[..., :3] * rng.uniform(0.8, 1.15) * rng.uniform(0.94, 1.06, 3)).clip(0, 1)
    flat = Image.fromarray(np.ascontiguousarray(relief)).resize(target, Image.Resampling.BILINEAR)
    base = rng.uniform(max(horizon + back / slope, 0.5), 1.25)
    bottom = round(base * height)
    left = round(rng.normal(0.5, 0.22) * width - target[0] / 2)
    top = bottom - target[1]
    y0, y1, x0, x1 = max(top, 0), min(bottom, height), max(left, 0), min(left + target[0], width)
    depth = max(slope * (base - horizon), back * 1.15)
    if y0 < y1 and x0 < x1:
        inside = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
        frame[y0:y1, x0:x1] = small[inside]
        # A thing as deep as it is wide, at the distance where its height fills its share of the frame.
        relief_frame[y0:y1, x0:x1] = np.asarray(flat)[inside] * depth * min(0.3, 0.5 * target[1] / height)
    return frame, depth, depth, relief_frame


def _blurred(picture: np.ndarray, radius_px: float) -> np.ndarray:
    if radius_px < 0.4:
        return picture
    mode = "RGBA" if picture.shape[2] == 4 else "RGB"
    image = Image.fromarray(np.rint(picture.clip(0, 1) * 255).astype(np.uint8), mode if mode == "RGB" else None)
    return np.asarray(image.filter(ImageFilter.BoxBlur(radius_px)), np.float32) / 255


def _develop(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change exposure, contrast, colour and sharpness, and add grain."""
    picture = np.ascontiguousarray(picture)
    if rng.random() < 0.25:
        picture = _blurred(picture, rng.uniform(0.4, 1.0))
    picture = picture.clip(1e-4, 1) ** np.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.15))
    picture = (picture - 0.5) * np.exp(rng.normal(0, 0.12)) + 0.5
    grey = picture.mean(axis=2, keepdims=True)
    saturation = 0.0 if rng.random() < 0.05 else np.exp(rng.normal(0, 0.25))
    picture = grey + (picture - grey) * saturation
    picture = picture * np.exp(rng.normal(0, 0.06, 3)) + rng.normal(0, rng.uniform(0, 0.03), picture.shape)
    return picture.clip(0, 1).astype(np.float32)
