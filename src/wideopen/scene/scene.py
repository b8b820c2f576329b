"""Scene: what stands where in a photo, and what of it shall be sharp."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wideopen.errors import DepthError, FocusError
from wideopen.optics import DepthMap
from wideopen.photo import Photo
from wideopen.scene.fetch import OFFERS, fetched
from wideopen.scene.fit import fit_depth
from wideopen.scene.focus import Focus, dioptres_at, dioptres_of_subject
from wideopen.scene.guest import is_network, see_by_guest
from wideopen.scene.mapfile import Kind, read_depth
from wideopen.scene.network import ORIGIN, see
from wideopen.scene.prior import guess_depth
from wideopen.shapes import Float

DepthKind = Kind


@dataclass(frozen=True)
class Scene:
    """Depth of the photo's size, and the subject as it is known or guessed."""

    depth: DepthMap
    matte: Float[np.ndarray, "mh mw"]
    """float32 in [0, 1]: how much each part of the frame belongs to the subject, at the size that the
    photo's file or the guess has it in."""


def look(photo: Photo, *, depth: str | Path | DepthMap = "auto", kind: DepthKind = "disparity") -> Scene:
    """Find out what stands where: the slow step, done once per photo.

    Args:
        photo: Upright.
        depth: ``auto`` takes the depth inside the photo's file, else that of the built-in network;
            ``embedded`` and ``built-in`` insist on one; ``prior`` is a guess that does not look; the name of
            a fetched network (`wideopen.scene.fetch.OFFERS`) or an ONNX file with its recipe beside it
            (`wideopen.scene.guest.Recipe`) asks that; anything else is a file, or a map.
        kind: What the numbers of a map's file mean.

    Raises:
        DepthError: If the depth is missing, broken, or shows another frame.
    """
    is_photos_own = depth == "auto" and photo.depth is not None
    if isinstance(depth, str) and depth in ("auto", "built-in") and not is_photos_own:
        layers = see(photo.pixels)
        return Scene(depth=layers.fit(photo.pixels, origin=ORIGIN), matte=layers.matte)
    found, matte = _find(photo, depth, kind)
    if matte is None:
        matte = photo.matte if photo.matte is not None else see(photo.pixels).matte
    return Scene(depth=fit_depth(found, photo.pixels), matte=matte)


def _find(photo: Photo, depth: str | Path | DepthMap, kind: DepthKind) -> tuple[DepthMap, np.ndarray | None]:
    """The depth map as it comes, and the matte of the prior where that ran."""
    if isinstance(depth, DepthMap):
        return depth, None
    if depth in ("auto", "embedded"):
        if photo.depth is None:
            raise DepthError("the photo's file carries no depth; give a map with --depth FILE or use --depth built-in")
        return photo.depth, None
    if depth == "prior":
        return guess_depth(photo.pixels)
    if depth in OFFERS:
        return see_by_guest(photo.pixels, fetched(str(depth))), None
    if is_network(depth):
        return see_by_guest(photo.pixels, Path(depth)), None
    return read_depth(depth, kind=kind), None


def focus_on(scene: Scene, focus: Focus, *, photo: Photo) -> float:
    """Find the dioptres of the plane in focus.

    A point or a distance is taken as given. Otherwise the focus that the photo's file names counts,
    else the subject.

    Raises:
        FocusError: If a point lies outside the photo, or a distance meets a relative map.
    """
    width, height = scene.depth.size
    if focus.distance_m is not None:
        if not scene.depth.metric:
            raise FocusError(
                f"focus at {focus.distance_m:g} m needs metric depth, and the depth here ({scene.depth.origin}) "
                "is relative; point at something instead: --focus X,Y"
            )
        return 1 / focus.distance_m
    place = focus.place(width=width, height=height)
    if place is None and photo.focus is not None:
        place = Focus(point_share=photo.focus).place(width=width, height=height)
    if place is not None:
        return dioptres_at(scene.depth, *place)
    return dioptres_of_subject(scene.depth, scene.matte)
