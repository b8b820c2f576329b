"""LensRenderer: a photo as a fast lens would have seen it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from wideopen.errors import FocusError, OpticsError, PhotoError
from wideopen.optics import DefocusMap, DepthMap, Lens, lens_scale_px, relative_scale_px
from wideopen.photo import Photo, lens_of
from wideopen.renderer.iris import Iris
from wideopen.renderer.spread import spread
from wideopen.scene import Focus, FocusRange, FocusSpan, Scene, focus_on, look
from wideopen.scene.mend import Mends
from wideopen.scene.scene import DepthKind

MAX_BLUR_PERCENT = 0.8
HIGHLIGHTS = 0.5
MOST_BLUR = 0.25
"""Largest radius that is drawn, as a share of the photo's diagonal."""


@dataclass(frozen=True)
class LensRenderer:
    """Renders the blur of a real lens: depth, then defocus, then light spread as the iris.

    Slow once, fast many: `look` finds the scene, `render` draws it with any aperture and focus; calling
    the renderer does both.
    """

    f_number: float = 1.8
    focus: Focus = field(default_factory=Focus)
    in_focus: FocusRange | FocusSpan | None = None
    """Distances kept sharp, which need metric depth, or a part of the photo's depth."""
    depth: str | Path | DepthMap = "auto"
    """``auto``, ``embedded``, ``built-in``, a file, or a map."""
    depth_kind: DepthKind = "disparity"
    focal_mm: float | None = None
    """Else from the photo's EXIF, else 50 mm."""
    sensor_mm: float | None = None
    """Else from the photo's EXIF, else 22.5 mm."""
    max_blur_percent: float = MAX_BLUR_PERCENT
    """For relative depth: radius at the point farthest from the focus, at f/1.8, in % of the diagonal."""
    iris: Iris = field(default_factory=Iris)
    highlights: float = HIGHLIGHTS
    """How much light small clipped lamps get back, from 0 to 1."""
    mends: Mends | None = None
    """Strokes of a brush that mend the depth of one photo."""

    def __post_init__(self) -> None:
        for name, value in (
            ("f-number", self.f_number),
            ("focal length", self.focal_mm),
            ("sensor", self.sensor_mm),
        ):
            if value is not None and not (np.isfinite(value) and value > 0):
                raise OpticsError(f"{name} is {value:g}, but it must be above 0")
        if not (np.isfinite(self.max_blur_percent) and 0 <= self.max_blur_percent <= 20):
            raise OpticsError(f"max blur is {self.max_blur_percent:g} %, but it must lie between 0 and 20 %")
        if self.in_focus is not None and self.focus != Focus():
            raise OpticsError("a focus and a range in focus contradict each other; give one of them")
        if not 0 <= self.highlights <= 1:
            raise OpticsError(f"highlights are {self.highlights:g}, but they must lie between 0 and 1")

    def __call__(self, photo: Photo) -> Photo:
        """Render a photo.

        Raises:
            DepthError: If depth is missing, broken, or shows another frame.
            FocusError: If the focus cannot be found.
            OpticsError: If the lens cannot exist.
        """
        return self.render(photo, self.look(photo))

    def look(self, photo: Photo) -> Scene:
        """Find what stands where in a photo, and mend it.

        Raises:
            DepthError: If depth is missing, broken, or shows another frame, or the mends are of another photo.
        """
        found = look(photo, depth=self.depth, kind=self.depth_kind)
        return found if self.mends is None else replace(found, depth=self.mends.mended(found.depth, photo.pixels))

    def lens(self, photo: Photo) -> Lens:
        """The lens that the photo is taken with anew."""
        return lens_of(photo, f_number=self.f_number, focal_mm=self.focal_mm, sensor_mm=self.sensor_mm)

    def focus_dioptres(self, photo: Photo, scene: Scene) -> float:
        """Find the plane in focus; in the middle of the range that is kept sharp, if there is one."""
        if self.in_focus is not None:
            return sum(self.in_focus.ends(scene.depth)) / 2
        return focus_on(scene, self.focus, photo=photo)

    def defocus(self, photo: Photo, scene: Scene) -> DefocusMap:
        """Find the blur radius of every pixel.

        Raises:
            FocusError: If the focus cannot be found.
            OpticsError: If the lens cannot exist, or blurs more than a quarter of the diagonal.
        """
        found = self._defocus(photo, scene)
        largest_px = float(max(found.radius_px.max(), -found.radius_px.min()))
        if largest_px > MOST_BLUR * np.hypot(*photo.size):
            raise OpticsError(
                f"the blur would reach {largest_px:.0f} px in a photo of {photo.size[0]}x{photo.size[1]}; "
                "use a larger f-number, a shorter focal length, or focus farther away"
            )
        return found

    def _defocus(self, photo: Photo, scene: Scene) -> DefocusMap:
        depth, focus_dioptres = scene.depth, self.focus_dioptres(photo, scene)
        lens = self.lens(photo)
        if depth.metric:
            whole = DefocusMap.of_lens(depth, focus_dioptres=focus_dioptres, lens=lens)
            scale_px = lens_scale_px(depth, focus_dioptres=focus_dioptres, lens=lens)
        else:
            given = {"f_number": self.f_number, "max_blur_percent": self.max_blur_percent}
            whole = DefocusMap.of_relative(depth, focus_dioptres=focus_dioptres, **given)
            scale_px = relative_scale_px(depth, focus_dioptres=focus_dioptres, **given)
        if self.in_focus is None:
            return whole
        far_px, near_px = (scale_px * (end - focus_dioptres) for end in self.in_focus.ends(depth))
        return whole.kept_sharp(near_px=near_px, far_px=far_px)

    def render(self, photo: Photo, scene: Scene) -> Photo:
        """Draw a photo whose scene is known."""
        return self.draw(photo, self.defocus(photo, scene))

    def draw(self, photo: Photo, defocus: DefocusMap, *, progress: Callable[[float], None] | None = None) -> Photo:
        """Draw a photo whose defocus is known; `progress` is told the share that is done, and may raise to end it."""
        drawn = spread(photo, defocus, iris=self.iris, highlights=self.highlights, progress=progress)
        return photo.with_pixels(drawn)


def render(
    photo: Photo,
    *,
    f_number: float = 1.8,
    focus: Sequence[float] | str | Focus = "auto",
    depth: str | Path | DepthMap = "auto",
    max_blur_percent: float = MAX_BLUR_PERCENT,
    highlights: float = HIGHLIGHTS,
) -> Photo:
    """Render a photo as a fast lens would have seen it. `LensRenderer` has all the settings.

    Args:
        photo: From `wideopen.read`.
        f_number: Small is blurred.
        focus: ``(x, y)`` in pixels of the upright photo, or what the command line takes: ``auto``,
            ``X,Y``, ``X%,Y%``, ``1.87m``.
        depth: ``auto``, ``embedded``, ``built-in``, a file, or a map.
        max_blur_percent: For relative depth: radius at the point farthest from the focus, at f/1.8, in
            percent of the diagonal.
        highlights: How much light small clipped lamps get back, from 0 to 1.

    Raises:
        WideopenError: If depth, focus or lens cannot be had.
    """
    if not isinstance(photo, Photo):
        raise PhotoError(f"render wants a Photo, as wideopen.read(path) gives it, not {type(photo).__name__}")
    if isinstance(focus, str):
        focus = Focus.parse(focus)
    elif not isinstance(focus, Focus):
        focus = Focus(point_px=_point(focus))
    renderer = LensRenderer(
        f_number=f_number, focus=focus, depth=depth, max_blur_percent=max_blur_percent, highlights=highlights
    )
    return renderer(photo)


def _point(focus: Sequence[float]) -> tuple[float, float]:
    """Take two numbers, in whatever sequence they come."""
    try:
        numbers = [float(number) for number in focus]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != 2:
        raise FocusError(f"focus {focus!r} is not understood; give (x, y) in pixels, or text as --focus takes it")
    return numbers[0], numbers[1]
