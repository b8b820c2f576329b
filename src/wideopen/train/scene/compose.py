"""Composing what the scene network looks at: crops of real photos, and things stood before a background."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from wideopen.train.scene.crops import crop_labelled, crop_subject
from wideopen.train.scene.sample import Sample, blurred, develop, without_points
from wideopen.train.scene.sources import Sources, pick
from wideopen.train.scene.spaces import Space, crop, make_space

SHARES = {"subject": 0.36, "labelled": 0.22, "space": 0.24, "pasted": 0.18}
"""Of the kinds of samples."""
COLLECTED_SHARE = 0.4
"""Of labelled samples that are of the collections for sure, which show more kinds of things than the sets of masks."""
SAME_DEPTH = 1.1
"""Ratio of dioptres up to which two things are the subject together."""
LEAST_SEEN = 0.02
"""Share of the frame that a thing should hide."""


@dataclass
class Layer:
    """A thing in the frame."""

    cut: np.ndarray
    """float32 (h, w, 4)."""
    relief: np.ndarray
    """Added to `stands_at`, dioptres."""
    stands_at: float
    base: tuple[float, float, float]
    """Middle and width in columns, and row, of its foot."""
    lives: bool
    """A photo's subject: mostly a person or an animal."""


def make_sample(sources: Sources, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Make one sample of a width and height."""
    shares = dict(SHARES)
    if not sources.labelled:
        shares["labelled"] = 0
    if not sources.photos:
        shares["space"] = shares["pasted"] = 0
    kind = rng.choice(list(shares), p=np.array(list(shares.values())) / sum(shares.values()))
    if kind == "subject":
        sample = crop_subject(pick(sources.subjects, rng), size, rng)
    elif kind == "labelled":
        whole = rng.random() < COLLECTED_SHARE and sources.collected
        sample = crop_labelled(
            pick(sources.labelled[: sources.collected] if whole else sources.labelled, rng), size, rng
        )
    elif kind == "space":
        sample = in_a_space(sources, size, rng)
    else:
        sample = on_a_photo(sources, size, rng)
    if rng.random() < 0.5:
        sample.mirror()
    sample.picture = develop(sample.picture, rng)
    return sample


def in_a_space(sources: Sources, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Stand things on the floor of a space, all of whose depth is known."""
    space = make_space(sources.photos, sources.tilings, size, rng)
    count = int(rng.choice([0, 1, 2, 3, 4], p=[0.06, 0.36, 0.28, 0.18, 0.12]))
    layers: list[Layer] = []
    for _ in range(count):
        beside = layers[-1].stands_at if layers and rng.random() < 0.35 else None
        for _ in range(3):
            layer = _stand(sources, size, space, beside, rng)
            if _hiding(layer, space).mean() > LEAST_SEEN:
                break
        layers.append(layer)
    layers.sort(key=lambda layer: layer.stands_at)
    picture, dioptres = space.picture, space.dioptres.copy()
    for layer in layers:
        # A thing darkens the floor where it stands.
        if rng.random() < 0.7:
            column, wide, row = layer.base
            y, x = np.mgrid[: size[1], : size[0]] + 0.5
            away = ((x - column) / (0.45 * wide + 1)) ** 2 + ((y - row) / (0.12 * wide + 1)) ** 2
            on_floor = space.dioptres < layer.stands_at * 1.3
            picture = picture * (1 - rng.uniform(0.2, 0.6) * np.exp(-away) * on_floor)[..., None]
    hides = [_hiding(layer, space) for layer in layers]
    subject = _subject_of(layers, hides)
    focus = layers[subject[0]].stands_at if subject else float(np.quantile(space.dioptres, 0.8))
    strength = rng.uniform(0, 7) / max(focus, 0.05) if rng.random() < 0.5 else 0.0
    picture = _defocused(picture.astype(np.float32), strength * np.abs(dioptres - focus))
    matte = np.zeros(size[::-1], np.float32)
    for k, layer in enumerate(layers):
        cut = layer.cut[..., :3]
        radius = 0.0 if k in subject else min(strength * abs(layer.stands_at - focus), 9.0)
        soft = blurred(np.concatenate([cut * hides[k][..., None], hides[k][..., None]], axis=2), radius)
        picture = picture * (1 - soft[..., 3:]) + soft[..., :3]
        solid = hides[k] > 0.5
        dioptres[solid] = (layer.stands_at + layer.relief)[solid]
        matte = matte * (1 - hides[k]) + (hides[k] if k in subject else 0)
    told = not layers or matte.sum() > 0.01 * matte.size
    return Sample(
        picture=picture.astype(np.float32),
        dioptres=dioptres,
        depth_known=np.ones(size[::-1], np.float32),
        matte=matte.clip(0, 1),
        matte_known=np.full(size[::-1], float(told), np.float32),
        near=np.zeros(size[::-1], np.float32),
        far=np.zeros(size[::-1], np.float32),
        points=without_points(),
    )


def on_a_photo(sources: Sources, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Paste things before a photo, of which only that is known."""
    # Before a sharp photo with a subject of its own, only what is large is the subject.
    is_empty, is_large = bool(sources.empty) and rng.random() < 0.5, rng.random() < 0.5
    picture = crop(sources.empty if is_empty else sources.photos, size, rng)
    radius = rng.uniform(0, 5) if is_empty else rng.uniform(0, 1.2) if is_large else rng.uniform(1.5, 6)
    picture = blurred(picture, radius)
    far = np.ones(size[::-1], np.float32)
    subject = _paste(sources, size, rng, least=0.65 if is_large and not is_empty else 0.3)
    layers = [subject]
    if rng.random() < 0.35:
        other = _paste(sources, size, rng, least=0.1)
        if rng.random() < 0.5:
            picture = _over(picture, blurred(_premultiplied(other), radius * rng.uniform(0.3, 1)))
        else:
            layers.append(other)
    visible = subject[..., 3].copy()
    picture = _over(picture, _premultiplied(subject))
    far *= visible < 0.02
    if len(layers) == 2:
        crossing = blurred(_premultiplied(layers[1]), rng.uniform(1.5, 6))
        picture = _over(picture, crossing)
        visible *= 1 - crossing[..., 3]
        far *= crossing[..., 3] < 0.02
    known = ((visible < 0.1) | (visible > 0.9)).astype(np.float32)
    nothing = np.zeros(size[::-1], np.float32)
    near = (visible > 0.9).astype(np.float32)
    told = near.sum() > 0.01 * near.size
    return Sample(
        picture=picture.astype(np.float32),
        dioptres=nothing,
        depth_known=nothing,
        matte=visible.clip(0, 1),
        matte_known=known * told,
        near=near if told and far.any() else nothing,
        far=far if told else nothing,
        points=without_points(),
    )


def _hiding(layer: Layer, space: Space) -> np.ndarray:
    """Opacity of a thing where nothing of the space stands before it."""
    return np.asarray(layer.cut[..., 3] * (layer.stands_at + layer.relief >= space.dioptres * 0.995))


def _subject_of(layers: list[Layer], hides: list[np.ndarray]) -> list[int]:
    """Choose what the picture is about: large, in the middle, alive; and what stands beside it at the same depth."""
    if not layers:
        return []
    height, width = hides[0].shape
    y, x = np.mgrid[:height, :width]
    middle = np.exp(-(((x + 0.5) / width - 0.5) ** 2) / 0.08 - ((y + 0.5) / height - 0.55) ** 2 / 0.15)
    weights = []
    for k, layer in enumerate(layers):
        seen = hides[k].copy()
        for other in hides[k + 1 :]:
            seen *= 1 - other
        weights.append(float((seen * middle).sum()) * (2.5 if layer.lives else 1.0))
    first = int(np.argmax(weights))
    return [first] + [
        k
        for k, layer in enumerate(layers)
        if k != first
        and weights[k] > 0.3 * weights[first]
        and 1 / SAME_DEPTH < layer.stands_at / layers[first].stands_at < SAME_DEPTH
        and (layer.lives or not layers[first].lives)
    ]


def _stand(
    sources: Sources, size: tuple[int, int], space: Space, beside: float | None, rng: np.random.Generator
) -> Layer:
    """Stand a thing on the floor, as far away as its size in the frame says."""
    width, height = size
    cut, relief, lives = _thing(sources, rng)
    size_m = (1.7 if lives and cut.shape[0] > 1.6 * cut.shape[1] else 0.7) * np.exp(rng.normal(0, 0.4))
    depth = space.camera.focal * size_m / rng.uniform(0.18, 1.25)
    depth = 1 / beside * rng.uniform(0.97, 1.03) if beside else depth
    depth = float(np.clip(depth, 0.35, space.deepest_m))
    high = space.camera.focal * size_m / depth * height
    wide = high * cut.shape[1] / cut.shape[0]
    small, flat = _resized(cut, relief, wide, high, rng)
    bottom = round(space.camera.row_of_floor(depth) * height)
    left = round(rng.normal(0.5, 0.22) * width - small.shape[1] / 2)
    frame, raised = _placed(small, flat, size, left, bottom - small.shape[0])
    stands_at = 1 / depth
    # A thing is as deep as it is wide.
    reach = min(0.3, 0.5 * size_m * cut.shape[1] / cut.shape[0] / depth)
    return Layer(frame, raised * stands_at * reach, stands_at, (left + wide / 2, wide, bottom), lives)


def _paste(sources: Sources, size: tuple[int, int], rng: np.random.Generator, *, least: float) -> np.ndarray:
    """Put a thing anywhere that most of it can be seen."""
    cut, relief, _ = _thing(sources, rng)
    high = size[1] * rng.uniform(least, 1.15)
    wide = high * cut.shape[1] / cut.shape[0]
    if wide > 1.1 * size[0]:
        high, wide = high * 1.1 * size[0] / wide, 1.1 * size[0]
    small, flat = _resized(cut, relief, wide, high, rng)
    left = round(rng.normal(0.5, 0.2) * size[0] - small.shape[1] / 2)
    top = round((rng.uniform(0.6, 1.25) if rng.random() < 0.7 else rng.uniform(0.4, 1.0)) * size[1] - small.shape[0])
    return _placed(small, flat, size, left, top)[0]


def _thing(sources: Sources, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, bool]:
    """Pick a cut-out: uint8 colour and opacity, relief, and whether it was a photo's subject before."""
    kind = rng.random()
    if not sources.things or kind < 0.62:
        cut = pick(sources.outlined if kind < 0.22 and sources.outlined else sources.subjects, rng)
        solid = cut[..., 3] > 200
        rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
        if rows.size >= 8 and columns.size >= 8:
            cut = cut[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            return cut, np.zeros(cut.shape[:2], np.float32), True
    if sources.things:
        return *pick(sources.things, rng), False
    return np.full((8, 8, 4), 255, np.uint8), np.zeros((8, 8), np.float32), False


def _resized(
    cut: np.ndarray, relief: np.ndarray, wide: float, high: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Bring a cut-out to a size, its opacity sharpened, its light and colour changed."""
    target = (int(np.clip(round(wide), 4, 1200)), int(np.clip(round(high), 4, 1200)))
    small = np.asarray(Image.fromarray(np.ascontiguousarray(cut)).resize(target, Image.Resampling.BILINEAR))
    small = small.astype(np.float32) / 255
    # What is not known of a matte, at a half, is left out.
    small[..., 3] = ((small[..., 3] - 0.62) * 4 + 0.5).clip(0, 1)
    small[..., :3] = (small[..., :3] * rng.uniform(0.7, 1.2) * rng.uniform(0.92, 1.08, 3)).clip(0, 1)
    flat = Image.fromarray(np.ascontiguousarray(relief)).resize(target, Image.Resampling.BILINEAR)
    return small, np.asarray(flat)


def _placed(
    small: np.ndarray, relief: np.ndarray, size: tuple[int, int], left: int, top: int
) -> tuple[np.ndarray, np.ndarray]:
    """Put a cut-out into an empty frame."""
    width, height = size
    frame, raised = np.zeros((height, width, 4), np.float32), np.zeros((height, width), np.float32)
    y0, y1 = max(top, 0), min(top + small.shape[0], height)
    x0, x1 = max(left, 0), min(left + small.shape[1], width)
    if y0 < y1 and x0 < x1:
        inside = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
        frame[y0:y1, x0:x1], raised[y0:y1, x0:x1] = small[inside], relief[inside]
    return frame, raised


def _premultiplied(cut: np.ndarray) -> np.ndarray:
    return np.concatenate([cut[..., :3] * cut[..., 3:], cut[..., 3:]], axis=2)


def _over(picture: np.ndarray, above: np.ndarray) -> np.ndarray:
    return picture * (1 - above[..., 3:]) + above[..., :3]


def _defocused(picture: np.ndarray, radius_px: np.ndarray) -> np.ndarray:
    """Blur by a radius that changes from place to place, mixed from three strengths."""
    if radius_px.max() < 0.4:
        return picture
    strengths = (0.0, 1.5, 4.0, 9.0)
    levels = [picture, *(blurred(picture, strength) for strength in strengths[1:])]
    found = levels[0]
    for k in range(1, len(levels)):
        share = ((radius_px - strengths[k - 1]) / (strengths[k] - strengths[k - 1])).clip(0, 1)[..., None]
        found = found * (1 - share) + levels[k] * share
    return found.astype(np.float32)
