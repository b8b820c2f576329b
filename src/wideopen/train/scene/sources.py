"""What the scene network learns from: photos, cut-outs with mattes, textures, drawn things."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wideopen.train.scene.labels import Label, read_labels
from wideopen.train.scene.objects import draw, things

LONG_SIDE_PX = 288
HELD_OUT = 10
"""One of so many is kept back, by the checksum of its name."""
LICENCES = {
    "masks/ccp": "Apache-2.0",
    "masks/pets": "CC BY-SA 4.0, Oxford-IIIT Pet",
    "photos/clic": "Unsplash licence",
    "photos/cid22": "CC BY-SA 4.0, CID22",
    "photos/kodak": "unrestricted",
    "models/textures": "CC0, MIT, Apache-2.0",
    "models/base_meshes.tar.xz": "CC0",
    "models/statues.tar.xz": "CC BY 4.0, DanishStatues; ThreeDScans",
    "models/trees.tar.xz": "MIT, ez-tree",
    "models/eztree_props.tar.xz": "MIT, ez-tree",
    "models/drake.tar.xz": "CC0, Poly Haven",
    "models/kaykit_furniture.tar.xz": "CC0, KayKit",
}
"""Folders that are read, all of which weights may be trained on and given away."""


ARCHIVES = {
    # Views of each thing for one of the base meshes, most faces.
    "base_meshes": (1, 60_000),
    "statues": (6, 400_000),
    "trees": (12, 400_000),
    "eztree_props": (6, 400_000),
    "drake": (12, 400_000),
    "kaykit_furniture": (4, 400_000),
}


@dataclass
class Labelled:
    """A photo with its label."""

    picture: np.ndarray
    """(h, w, 4): the last is the subject's matte; 128 is not known."""
    points: np.ndarray
    """(n, 3): across and down in [0, 1], metres."""


@dataclass
class Sources:
    """All pictures in memory, uint8."""

    photos: list[np.ndarray] = field(default_factory=list)
    """Backgrounds, (h, w, 3)."""
    subjects: list[np.ndarray] = field(default_factory=list)
    """Photos with their subject's matte, (h, w, 4); 128 in the matte is not known."""
    held_out: list[np.ndarray] = field(default_factory=list)
    """The same, kept back."""
    labelled: list[Labelled] = field(default_factory=list)
    """Photos with a label: first the collections, then the sets of masks."""
    collected: int = 0
    """So many of the labelled photos are of the collections."""
    outlined: list[np.ndarray] = field(default_factory=list)
    """Of those, the photos with the outline of a subject, (h, w, 4)."""
    labelled_held_out: list[Labelled] = field(default_factory=list)
    empty: list[np.ndarray] = field(default_factory=list)
    """Of the photos, those without a subject."""
    textures: list[np.ndarray] = field(default_factory=list)
    tilings: list[list[np.ndarray]] = field(default_factory=list)
    """The textures at several sizes, every one a quarter of the one before."""
    things: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    """Drawn things: (h, w, 4) and relief (h, w)."""


def is_held_out(name: str) -> bool:
    """Whether a file is kept back, which its name alone decides."""
    return zlib.crc32(name.encode()) % HELD_OUT == 0


def read_sources(data: Path, *, views: int, seed: int, tell: Callable[[str], None] = print) -> Sources:
    """Read all that is there.

    Args:
        data: Folder with the folders that `LICENCES` names; those that are missing are left out.
        views: How often each mesh is drawn.
        seed: For the sides and colours of the meshes.
        tell: Told of what was found.
    """
    sources = Sources()
    labels = read_labels()
    for folder in ("clic", "cid22", "kodak"):
        for path in sorted((data / "photos" / folder).glob("*.*")):
            label = labels.get(f"{folder}/{path.name}")
            picture = _read(path)
            if label is None:
                sources.photos.append(picture)
            else:
                _add_labelled(sources, picture, label, path.name)
    sources.collected = len(sources.labelled)
    for folder in ("masks/ccp", "masks/pets"):
        for path in sorted((data / folder).glob("*.jpg")):
            picture = _read(path)
            matte = Image.open(path.with_suffix(".png")).convert("L").resize(picture.shape[1::-1], Image.Resampling.BOX)
            both = np.concatenate([picture, np.asarray(matte)[..., None]], axis=2)
            if is_held_out(path.name):
                sources.held_out.append(both)
                continue
            sources.subjects.append(both)
            if label := labels.get(f"{path.parent.name}/{path.name}"):
                sources.labelled.append(Labelled(both, label.points))
    sources.textures = [_read(path) for path in sorted((data / "models/textures").glob("*.*")) if _is_colour(path)]
    sources.tilings = [_sizes(texture) for texture in sources.textures]
    rng = np.random.default_rng(seed)
    for name, (often, most_faces) in ARCHIVES.items():
        archive = data / "models" / f"{name}.tar.xz"
        if archive.exists():
            for _, parts in things(archive, most_faces=most_faces):
                for _ in range(views * often):
                    picture, relief = draw(parts, _paint(sources, rng), rng)
                    if min(picture.shape[:2]) >= 12:
                        sources.things.append((picture, relief))
    tell(
        f"{len(sources.photos)} photos, {len(sources.labelled)} labels ({len(sources.labelled_held_out)} more held "
        f"out), {len(sources.subjects)} subjects ({len(sources.held_out)} more held out), "
        f"{len(sources.textures)} textures, {len(sources.things)} drawn things"
    )
    return sources


def _add_labelled(sources: Sources, picture: np.ndarray, label: Label, name: str) -> None:
    matte = label.matte(picture.shape[1::-1])
    labelled = Labelled(np.concatenate([picture, matte[..., None]], axis=2), label.points)
    if is_held_out(name):
        sources.labelled_held_out.append(labelled)
        return
    sources.labelled.append(labelled)
    sources.photos.append(picture)
    (sources.outlined if label.outlines else sources.empty).append(labelled.picture if label.outlines else picture)


def _sizes(texture: np.ndarray) -> list[np.ndarray]:
    """Shrink a texture to a quarter, twice."""
    image = Image.fromarray(texture)
    return [
        texture,
        *(np.asarray(image.resize((max(1, image.width // k), max(1, image.height // k)), Image.Resampling.BOX))
          for k in (4, 16)),
    ]  # fmt: skip


def _is_colour(path: Path) -> bool:
    return path.suffix in (".jpg", ".png") and not any(word in path.stem for word in ("nor", "rough", "disp", "ao_"))


def _paint(sources: Sources, rng: np.random.Generator) -> np.ndarray:
    """Pick a texture, a piece of a photo, or one plain colour."""
    kind = rng.random()
    if kind < 0.45 and sources.textures:
        return pick(sources.textures, rng)
    if kind < 0.75 and sources.photos:
        photo = pick(sources.photos, rng)
        top, left = rng.integers(photo.shape[0] // 2), rng.integers(photo.shape[1] // 2)
        return photo[top : top + 96, left : left + 96]
    return np.broadcast_to(rng.integers(40, 250, 3).astype(np.uint8), (32, 32, 3))


def pick(things: Sequence[Any], rng: np.random.Generator) -> Any:  # noqa: ANN401
    """Pick one by chance."""
    return things[int(rng.integers(len(things)))]


def _read(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        picture.draft("RGB", (LONG_SIDE_PX * 2, LONG_SIDE_PX * 2))
        small = picture.convert("RGB")
    scale = LONG_SIDE_PX / max(small.size)
    size = (max(1, round(small.width * scale)), max(1, round(small.height * scale)))
    return np.asarray(small.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC))
