"""Session: one open photo, read and looked at once and then rendered many times."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wideopen.photo import Photo, read
from wideopen.renderer.look import Look
from wideopen.scene import FocusSpan
from wideopen.scene.mend import fingerprint
from wideopen.studio.preview import SIDES, Negative, Preview, jpeg_of
from wideopen.studio.sight import Camera, Sight, level_of, subject_of

LOOKED_AT = 1024
"""Side of the preview in which a photo is looked at first."""


@dataclass(frozen=True)
class Rendered:
    """A picture for the screen, and what it took."""

    jpeg: bytes
    radius_px: float
    """Largest blur radius, in pixels of the whole photo."""
    level: float
    """Of the plane in focus: 0 at the far end of the photo's depth, 1 at the near end."""
    seconds: float


@dataclass(frozen=True)
class Levels:
    """Depth to look at."""

    data: bytes
    """Little-endian uint16, row by row: 0 farthest, 65535 nearest."""
    size: tuple[int, int]
    ends: tuple[float, float]
    """Dioptres of the farthest and the nearest."""
    level: float
    """Of the plane in focus, as in `Rendered`."""


@dataclass(frozen=True)
class _View:
    """A preview and what is seen in it."""

    preview: Preview
    sight: Sight


class Session:
    """One photo, at most as large as the largest preview; the whole one stays in its file."""

    def __init__(self, negative: Negative, name: str, facts: dict[str, Any], camera: Camera) -> None:
        self._negative, self._name, self._facts, self._camera = negative, name, facts, camera
        self._views: dict[int, _View] = {}

    @classmethod
    def open(cls, path: Path, name: str) -> "Session":
        """Read a photo and look at it: the slow step.

        Args:
            path: Of its file.
            name: That people know it by.

        Raises:
            PhotoError: If it cannot be read.
        """
        whole = read(path)
        session = cls(Negative.of(whole), name, facts_of(whole), Camera(whole.size, whole.exif))
        del whole
        session._view(LOOKED_AT).sight.scene("auto")
        return session

    @property
    def info(self) -> dict[str, Any]:
        """What is known of the photo, as the page wants it."""
        sight = self._view(LOOKED_AT).sight
        scene = sight.scene("auto")
        plane = sight.plane(Look())
        x, y = subject_of(sight.photo, scene, plane)
        far, near = scene.depth.ends
        lens = sight.lens(Look())
        return {
            "name": self._name,
            **self._facts,
            "depth": {
                "origin": scene.depth.origin,
                "metric": scene.depth.metric,
                "own": sight.photo.depth is not None,
                "far": far,
                "near": near,
            },
            "camera": {
                "focal_mm": lens.focal_mm,
                "sensor_mm": lens.sensor_mm,
                "f_number_real": scene.depth.metric,
                "text": lens.origin,
            },
            "subject": {"x": x, "y": y, "level": level_of(scene.depth, plane)},
        }

    def before(self, side: int) -> bytes:
        """The photo as it is, as a JPEG."""
        preview = self._view(side).preview
        return jpeg_of(preview.picture(), preview.photo, alpha=preview.photo.alpha)

    def render(self, look: Look, *, side: int, progress: Callable[[float], None] | None = None) -> Rendered:
        """Render a preview: the fast step.

        Args:
            look: Settings of the lens.
            side: One of `wideopen.studio.preview.SIDES`; a smaller photo is rendered as it is.
            progress: See `wideopen.studio.preview.Preview.drawn`.

        Raises:
            WideopenError: If depth, focus or lens cannot be had.
        """
        begun = time.perf_counter()
        view = self._view(side)
        seen = view.sight.seen(look)
        photo = view.preview.photo
        jpeg = jpeg_of(view.preview.drawn(seen.renderer, seen.defocus, progress=progress), photo, alpha=photo.alpha)
        radius = seen.defocus.radius_px
        largest_px = float(max(radius.max(), -radius.min())) * view.preview.scale
        return Rendered(jpeg, largest_px, view.sight.level(look), time.perf_counter() - begun)

    def depth(self, look: Look, *, side: int) -> Levels:
        """Depth as the look's strokes have mended it.

        Raises:
            WideopenError: If depth or focus cannot be had.
        """
        sight = self._view(side).sight
        far, near = sight.scene(look.depth).depth.ends
        depth = sight.mended(look).depth
        shares = (depth.dioptres - np.float32(far)) / np.float32((near - far) or 1.0)
        data = np.rint(shares.clip(0, 1) * 65535).astype("<u2").tobytes()
        return Levels(data, depth.size, (far, near), sight.level(look))

    def box(self, look: Look, box: Sequence[float]) -> tuple[float, float]:
        """Find the part of the depth that lies in a rectangle.

        Args:
            look: Whose depth counts.
            box: Left, top, right and bottom, as shares of width and height.

        Raises:
            FocusError: If the rectangle is empty or outside the frame.
        """
        left, top, right, bottom = box
        depth = self._view(LOOKED_AT).sight.mended(look).depth
        span = FocusSpan.of_box(depth, left=left, top=top, right=right, bottom=bottom)
        return span.far_share, span.near_share

    def _view(self, side: int) -> _View:
        """Take a preview, or make it; of those that are larger than what was looked at first one is kept."""
        side = self._step(side)
        if side in self._views:
            return self._views[side]
        if side > LOOKED_AT:
            self._views = {each: view for each, view in self._views.items() if each <= LOOKED_AT}
        preview = self._negative.preview(side)
        self._views[side] = _View(preview, Sight(preview.photo, self._camera))
        return self._views[side]

    def _step(self, side: int) -> int:
        """The least side that shows as much as this one does."""
        wanted = min(side, self._negative.side)
        return next((each for each in SIDES if each >= wanted), SIDES[-1])


def rehearse() -> None:
    """Load networks and compiled loops by opening and rendering a photo of noise."""
    noise = np.random.default_rng(0).random((192, 256, 3), np.float32)
    Session(Negative.of(Photo(noise)), "noise", {}, Camera((256, 192), None)).render(Look(), side=SIDES[0])


def facts_of(photo: Photo) -> dict[str, Any]:
    """What is known of a photo without looking at what it shows."""
    width, height = photo.size
    return {
        "width": width,
        "height": height,
        "format": photo.format,
        "bits": photo.bits,
        "megapixels": round(width * height / 1e6, 1),
        "fingerprint": list(fingerprint(photo.pixels)),
    }
