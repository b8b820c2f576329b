"""Guides: the maps that networks need beside the picture, found without torch unless a front end is given."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from wideopen.optics import DepthMap
from wideopen.photo import Photo
from wideopen.scene.fit import resize_linear
from wideopen.scene.scene import DepthKind, look
from wideopen.zoo.solution import Guide

if TYPE_CHECKING:
    from torch import nn


def guides_of(
    photo: Photo,
    needs: Sequence[Guide],
    *,
    depth: str | Path | DepthMap = "auto",
    depth_kind: DepthKind = "disparity",
    saliency: "Float[np.ndarray, 'mh mw'] | nn.Module | None" = None,
    depth_front_end: "nn.Module | None" = None,
) -> list[Float[np.ndarray, "h w"]]:
    """Find maps of a photo, each in [0, 1], near or salient is 1, at the photo's size.

    Args:
        photo: Upright.
        needs: Which, in which order.
        depth: As `wideopen.scene.look` takes it.
        depth_kind: What the numbers of a depth map's file mean.
        saliency: A map, or a front end; None takes the matte of the scene.
        depth_front_end: In the place of `depth`.

    Raises:
        DepthError: If depth is needed and cannot be had.
    """
    width, height = photo.size

    def found(need: Guide) -> Float[np.ndarray, "mh mw"]:
        given = saliency if need == "saliency" else depth_front_end
        if isinstance(given, np.ndarray):
            return _stretched(given)
        if given is not None:
            return _asked(given, photo)
        scene = look(photo, depth=depth, kind=depth_kind)
        return _stretched(scene.matte if need == "saliency" else scene.depth.dioptres)

    return [resize_linear(found(need), height=height, width=width).clip(0, 1) for need in needs]


def _asked(front_end: "nn.Module", photo: Photo) -> Float[np.ndarray, "mh mw"]:
    import torch

    from wideopen.zoo.frontends import ask

    pixels = np.ascontiguousarray(photo.pixels.clip(0, 1), np.float32)
    return ask(front_end, torch.from_numpy(pixels).permute(2, 0, 1)[None]).numpy()


def _stretched(values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Bring values to 0 to 1, all of it, as DDDF's saliency comes."""
    low, high = float(values.min()), float(values.max())
    return ((values - low) / max(high - low, 1e-6)).astype(np.float32)
