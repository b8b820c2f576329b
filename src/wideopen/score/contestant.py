"""Contestants: what answers a pair's sharp photo, a renderer or a folder of pictures made before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from wideopen.errors import RequestError
from wideopen.pairs.pair import Pair
from wideopen.photo import Photo, read
from wideopen.renderer import Renderer
from wideopen.renderer.lens import LensRenderer
from wideopen.scene import Focus
from wideopen.scene.fit import resize_linear
from wideopen.scene.mapfile import read_depth


class Contestant(Protocol):
    """Answers a pair's sharp photo with bokeh; picklable, for it works in several processes."""

    @property
    def seeks(self) -> bool:
        """Whether it renders, so that its seconds count."""

    def __call__(self, pair: Pair, photo: Photo) -> Photo:
        """Render the sharp photo of a pair, already read."""


@dataclass(frozen=True)
class Rendering:
    """Any renderer; some may be told more of a pair than a contestant of the challenge knows."""

    renderer: Renderer
    given_depth: bool = False
    """Whether it takes the pair's own depth map, and as its matte the pair's own."""
    given_focus: bool = False
    """Whether a lens focuses on what the pair says is in focus."""
    seeks = True

    def __call__(self, pair: Pair, photo: Photo) -> Photo:
        """Render the sharp photo of a pair.

        Raises:
            RequestError: If the pair lacks what is to be given.
        """
        renderer: Any = self.renderer
        if self.given_depth:
            renderer = replace(renderer, depth=_map_of(pair, "depth"), depth_kind="disparity")
            if pair.matte is not None and getattr(renderer, "saliency", False) is None:
                renderer = replace(renderer, saliency=read_depth(pair.matte).dioptres)
        if self.given_focus:
            if not isinstance(renderer, LensRenderer):
                raise RequestError("a given focus is for the lens; networks find theirs")
            renderer = replace(renderer, focus=focus_of(pair, photo))
        return renderer(photo)


@dataclass(frozen=True)
class Pictures:
    """Pictures made before, by the names of their pairs."""

    files: Mapping[str, Path]
    seeks = False

    def __call__(self, pair: Pair, photo: Photo) -> Photo:
        """Read the picture of a pair.

        Raises:
            PhotoError: If it is broken.
        """
        return read(self.files[pair.name])


def focus_of(pair: Pair, photo: Photo) -> Focus:
    """Point at what a pair says is in focus: where it is bright, at its median depth.

    Without depth it is the bright place nearest to the middle of all bright ones.

    Raises:
        RequestError: If the pair does not say.
    """
    width, height = photo.size
    bright = in_focus_of(pair, width=width, height=height)
    if bright is None or not (bright > 0.5).any():
        raise RequestError(f"pair {pair.name} does not say what is in focus; it needs a picture in focus/ or matte/")
    rows, columns = np.nonzero(bright > 0.5)
    if pair.depth is None:
        distance = np.hypot(rows - rows.mean(), columns - columns.mean())
        middle = int(distance.argmin())
    else:
        disparity = resize_linear(read_depth(pair.depth).dioptres, height=height, width=width)
        order = np.argsort(disparity[rows, columns], kind="stable")
        middle = int(order[order.size // 2])
    return Focus(point_px=(columns[middle] + 0.5, rows[middle] + 0.5))


def in_focus_of(pair: Pair, *, width: int, height: int) -> np.ndarray | None:
    """What is in focus, float32 in [0, 1] at the photo's size: the pair's focus/, else its matte/, else None."""
    path = pair.focus or pair.matte
    return None if path is None else resize_linear(read_depth(path).dioptres, height=height, width=width)


def disparity_of(pair: Pair, *, width: int, height: int) -> np.ndarray | None:
    """The pair's disparity at the photo's size, or None."""
    return None if pair.depth is None else resize_linear(read_depth(pair.depth).dioptres, height=height, width=width)


def _map_of(pair: Pair, name: str) -> Path:
    found: Path | None = getattr(pair, name)
    if found is None:
        raise RequestError(f"pair {pair.name} has no {name} to give; score without given {name}")
    return found
