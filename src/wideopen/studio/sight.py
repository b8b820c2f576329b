"""Sight: what stands where in one picture of a photo, found once and kept while its look changes."""

from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np

from wideopen.optics import DefocusMap, DepthMap, Lens
from wideopen.photo import Photo, lens_of
from wideopen.renderer.iris import Iris
from wideopen.renderer.lens import LensRenderer
from wideopen.renderer.look import Look
from wideopen.scene import Focus, Scene, look
from wideopen.scene.fit import resize_linear
from wideopen.scene.mend import Mender, Mends

MOST_PLANES = 8
"""Mended maps whose subject's depth is kept."""


@dataclass(frozen=True)
class _Frame(Photo):
    """A photo without its pixels."""

    whole: tuple[int, int] = (1, 1)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.whole


@dataclass(frozen=True)
class Camera:
    """The camera of the whole photo: a smaller picture of it cannot tell a crop from a reduction."""

    size: tuple[int, int]
    exif: bytes | None

    def lens(self, *, focal_mm: float | None = None, sensor_mm: float | None = None) -> Lens:
        """Find focal length and sensor as `wideopen.photo.lens_of` does for the whole photo."""
        frame = _Frame(np.zeros((1, 1, 3), np.float32), exif=self.exif, whole=self.size)
        return lens_of(frame, f_number=1.0, focal_mm=focal_mm, sensor_mm=sensor_mm)


@dataclass(frozen=True)
class Focused(LensRenderer):
    """A lens whose plane in focus has been found already."""

    plane: float = 0.0
    """Its dioptres."""

    def focus_dioptres(self, photo: Photo, scene: Scene) -> float:
        """The plane in focus."""
        return self.plane


@dataclass(frozen=True)
class Seen:
    """A scene, the lens before it and the blur that follows."""

    scene: Scene
    renderer: Focused
    defocus: DefocusMap


class Sight:
    """One picture of a photo, its scenes and their mended depth."""

    def __init__(self, photo: Photo, camera: Camera) -> None:
        self.photo = photo
        self._camera = camera
        self._scenes: dict[str, Scene] = {}
        self._menders: dict[str, Mender] = {}
        self._planes: list[tuple[DepthMap, float]] = []

    def scene(self, depth: str) -> Scene:
        """Find depth and subject, or take what was found before.

        Raises:
            DepthError: If that depth cannot be had.
        """
        if depth not in self._scenes:
            self._scenes[depth] = look(self.photo, depth=depth)
        return self._scenes[depth]

    def mended(self, wanted: Look) -> Scene:
        """The scene of a look, mended by its strokes.

        Raises:
            DepthError: If that depth cannot be had, or the strokes are another photo's.
        """
        scene = self.scene(wanted.depth)
        if not wanted.strokes:
            return scene
        if wanted.depth not in self._menders:
            self._menders[wanted.depth] = Mender(scene.depth, self.photo.pixels)
        depth = self._menders[wanted.depth].mended(Mends(wanted.strokes, wanted.fingerprint))
        return replace(scene, depth=depth)

    def seen(self, wanted: Look) -> Seen:
        """See the photo through a look's lens.

        Raises:
            WideopenError: If depth, focus or lens cannot be had.
        """
        scene, plain, lens = self.mended(wanted), wanted.renderer(), self.lens(wanted)
        given = {field.name: getattr(plain, field.name) for field in fields(plain)}
        given |= {"focal_mm": lens.focal_mm, "sensor_mm": lens.sensor_mm, "iris": _iris_of(_lens_alone(wanted))}
        renderer = Focused(**given, plane=self.plane(wanted))
        return Seen(scene, renderer, renderer.defocus(self.photo, scene))

    def plane(self, wanted: Look) -> float:
        """Find the dioptres of the plane in focus; that of the subject takes long and is kept.

        Raises:
            WideopenError: If depth or focus cannot be had.
        """
        scene, renderer = self.mended(wanted), wanted.renderer()
        if renderer.in_focus is not None or renderer.focus != Focus():
            return renderer.focus_dioptres(self.photo, scene)
        for depth, plane in self._planes:
            if depth is scene.depth:
                return plane
        plane = renderer.focus_dioptres(self.photo, scene)
        self._planes = [*self._planes[1 - MOST_PLANES :], (scene.depth, plane)]
        return plane

    def level(self, wanted: Look) -> float:
        """Level of the plane in focus: 0 at the far end of the depth before it was mended, 1 at the near end."""
        return level_of(self.scene(wanted.depth).depth, self.plane(wanted))

    def lens(self, wanted: Look) -> Lens:
        """The lens of a look, or of the photo where the look says nothing of it."""
        return self._camera.lens(focal_mm=wanted.focal_mm, sensor_mm=wanted.sensor_mm)


@lru_cache(maxsize=64)
def _iris_of(wanted: Look) -> Iris:
    """Give the same iris for the same settings, for its kernels are kept as long as it is the same one."""
    return wanted.iris


def _lens_alone(wanted: Look) -> Look:
    """A look's iris, without all that changes while the iris stays."""
    return replace(
        wanted.for_any_photo(),
        f_number=1.8,
        max_blur_percent=0.8,
        highlights=0.5,
        focal_mm=None,
        sensor_mm=None,
        depth="auto",
    )


def level_of(depth: DepthMap, dioptres: float) -> float:
    """Share of the way from the far end of a map to the near one, within 0 and 1."""
    far, near = depth.ends
    return min(1.0, max(0.0, (dioptres - far) / ((near - far) or 1.0)))


def subject_of(photo: Photo, scene: Scene, plane: float) -> tuple[float, float]:
    """Find where automatic focus lies, as shares of width and height: a place at its depth, in the subject's middle.

    Args:
        photo: Whose file may name the place itself.
        scene: Of the photo.
        plane: The plane in focus, in the scene's dioptres.
    """
    if photo.focus is not None:
        return photo.focus
    width, height = scene.depth.size
    step = max(1, round((width * height / 50_000) ** 0.5))
    dioptres = scene.depth.dioptres[::step, ::step]
    rows, columns = dioptres.shape
    matte = resize_linear(scene.matte, height=rows, width=columns)
    away = np.abs(dioptres - plane)
    within = matte > 0.5 * float(matte.max()) if matte.max() > 0 else np.ones_like(away, bool)
    allowed = max(0.05 * float(np.ptp(dioptres)), float(away[within].min()))
    y, x = np.nonzero(within & (away <= allowed))
    middle_x, middle_y = np.median(x), np.median(y)
    nearest = int(np.argmin((x - middle_x) ** 2 + (y - middle_y) ** 2))
    return (float(x[nearest]) + 0.5) / columns, (float(y[nearest]) + 0.5) / rows
