"""Shot: the settings of one synthetic bokeh picture, and the taking of it."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from wideopen.errors import PhotoError
from wideopen.optics import DefocusMap, DepthMap, Lens
from wideopen.photo import Photo, lens_of
from wideopen.photo.decode import decode_jpeg
from wideopen.photo.encode import encode_jpeg
from wideopen.photo.profile import from_linear, to_linear
from wideopen.renderer.iris import Iris
from wideopen.renderer.lens import LensRenderer
from wideopen.scene import Focus, Scene, focus_on, look
from wideopen.scene.scene import DepthKind
from wideopen.shapes import Float

FocusKind = Literal["subject", "point", "nearest"]

QUALITY = 95
"""Of the JPEGs."""
LEAST_OPACITY = 1 / 255
"""From which a figure counts as there."""


@dataclass(frozen=True)
class Placement:
    """Where a cut-out stands before its background; `Ranges` says what each number means."""

    figure_dioptres: float
    background_dioptres: float
    figure_height: float
    figure_x: float
    figure_bottom: float


@dataclass(frozen=True)
class Found:
    """What a photo and its depth decided: with a `Shot`, all that its bokeh is rendered from."""

    focus_dioptres: float
    """The plane in focus, in the units of the depth map."""
    far_dioptres: float
    """What 0 in the stored depth map means."""
    near_dioptres: float
    """What 1 in it means."""
    metric: bool
    focal_mm: float
    sensor_mm: float
    depth_origin: str

    def depth(self, stored: DepthMap) -> DepthMap:
        """Give the numbers of a stored 16-bit depth map their meaning back."""
        span = np.float32(self.near_dioptres - self.far_dioptres)
        dioptres = np.float32(self.far_dioptres) + stored.dioptres * span
        return DepthMap(dioptres.astype(np.float32), metric=self.metric, origin=self.depth_origin)


@dataclass(frozen=True)
class Seen:
    """A sharp photo as the data set keeps it, and what stands where in it."""

    original: Photo
    """As it comes back from `encoded`."""
    encoded: bytes
    """The JPEG."""
    scene: Scene
    lens: Lens
    """That the photo was taken with."""


@dataclass(frozen=True)
class Pictures:
    """A pair in memory."""

    original: bytes
    """The JPEG."""
    bokeh: Photo
    depth: DepthMap
    """As it is stored: from 0, far, to 1, near, in 65535 steps."""
    found: Found
    matte: Float[np.ndarray, "h w"] | None = None
    """float32 in [0, 1]: the figure, where it is known."""


@dataclass(frozen=True)
class _RefocusedLens(LensRenderer):
    """The lens, with a plane in focus that is known as a number."""

    plane_dioptres: float = 0.0

    def focus_dioptres(self, photo: Photo, scene: Scene) -> float:
        """The plane in focus."""
        return self.plane_dioptres


@dataclass(frozen=True)
class Shot:
    """The settings of one bokeh picture, as they were drawn; `Ranges` says what each means."""

    f_number: float
    blur_percent: float
    focal_mm: float | None
    focus: FocusKind
    point: tuple[float, float]
    """x and y as a share of width and height; counts where the focus is a point."""
    quantile: float
    """Counts where the focus is on the nearest."""
    iris: str
    rotation_deg: float
    cat_eye: float
    highlights: float
    exposure_ev: float
    seed: int
    view: int

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self:
        """Read what a manifest's settings keep under ``shot``."""
        return cls(**(record | {"point": tuple(record["point"])}))

    def to_record(self) -> dict[str, Any]:
        """Write what `of` reads."""
        return asdict(self) | {"point": list(self.point)}

    def take(self, seen: Seen) -> Pictures:
        """Take a photo anew.

        Raises:
            FocusError: If the focus cannot be found.
            OpticsError: If the lens cannot exist, or blurs more than a quarter of the diagonal.
        """
        found, stored = self._find(seen.original, seen.scene, seen.lens)
        return Pictures(seen.encoded, self.render(seen.original, found.depth(stored), found), stored, found)

    def render(self, photo: Photo, depth: DepthMap, found: Found) -> Photo:
        """Render the bokeh picture.

        Args:
            photo: The original of the pair.
            depth: Of its size, as `Found.depth` gives it.
            found: What was found about them.

        Raises:
            OpticsError: If the lens cannot exist, or blurs more than a quarter of the diagonal.
        """
        lens = self._lens(found)
        return self._exposed(lens.draw(photo, lens.defocus(photo, _without_subject(depth))))

    def take_figure(self, figure: Photo, background: Photo, place: Placement, *, height_px: int) -> Pictures:
        """Take a figure before a background, both planes square to the view.

        One of them is in focus, so that ``blurred background * (1 - blurred opacity) + blurred figure`` is exact
        for a thin lens, and what the figure hides shines past its edge as it would.

        Args:
            figure: With opacity.
            background: Sharp; what is higher than `height_px` is shrunk.
            place: Where the figure stands.
            height_px: Largest height.

        Raises:
            PhotoError: If the figure cannot be seen, or hides everything.
            OpticsError: If the lens cannot exist, or blurs more than a quarter of the diagonal.
        """
        behind = shrunk(background, height_px)
        layer = _stand(figure, place, size=behind.size)
        alpha = layer[..., 3]
        solid = alpha >= 0.5
        if not solid.any() or solid.all():
            raise PhotoError(f"shows {'nothing' if not solid.any() else 'nothing else'} before the background; cut it")
        light = to_linear(behind.pixels, behind.icc)
        original = _of_light(light * (1 - alpha[..., None]) + layer[..., :3], behind)
        planes = np.where(solid, np.float32(place.figure_dioptres), np.float32(place.background_dioptres))
        scene = Scene(DepthMap(planes, metric=True, origin="two stated planes"), alpha)
        found, stored = self._find(original, scene, lens_of(background))
        lens = self._lens(found)
        radius_px = lens.defocus(original, _without_subject(found.depth(stored))).radius_px
        near_px, far_px = float(radius_px[solid][0]), float(radius_px[~solid][0])
        covered = _blurred(np.repeat(alpha[..., None], 3, axis=2), near_px, replace(lens, highlights=0))
        seen = _blurred(light, far_px, lens) * (1 - covered) + _blurred(layer[..., :3], near_px, lens)
        bokeh = self._exposed(_of_light(seen, behind))
        return Pictures(encode_jpeg(original, quality=QUALITY), bokeh, stored, found, alpha)

    def _find(self, photo: Photo, scene: Scene, own: Lens) -> tuple[Found, DepthMap]:
        """Find the lens and the plane in focus, on the depth map as it will be stored, and that map."""
        far, near = float(scene.depth.dioptres.min()), float(scene.depth.dioptres.max())
        share = (scene.depth.dioptres.astype(np.float64) - far) / ((near - far) or 1.0)
        values = (np.floor(share * 65535 + 0.5) / 65535).astype(np.float32)
        stored = DepthMap(values, metric=False, origin=scene.depth.origin)
        focal_mm = own.focal_mm if self.focal_mm is None else self.focal_mm
        found = Found(0.0, far, near, scene.depth.metric, focal_mm, own.sensor_mm, scene.depth.origin)
        plane = self._plane_dioptres(photo, Scene(found.depth(stored), scene.matte))
        return replace(found, focus_dioptres=plane), stored

    def _plane_dioptres(self, photo: Photo, scene: Scene) -> float:
        if self.focus == "nearest":
            return float(np.quantile(scene.depth.dioptres, self.quantile, method="nearest"))
        return focus_on(scene, Focus(point_share=self.point) if self.focus == "point" else Focus(), photo=photo)

    def _lens(self, found: Found) -> LensRenderer:
        iris = replace(Iris.of_preset(self.iris), rotation_deg=self.rotation_deg, cat_eye=self.cat_eye)
        return _RefocusedLens(
            f_number=self.f_number,
            focal_mm=found.focal_mm,
            sensor_mm=found.sensor_mm,
            max_blur_percent=self.blur_percent,
            iris=iris,
            highlights=self.highlights,
            plane_dioptres=found.focus_dioptres,
        )

    def _exposed(self, photo: Photo) -> Photo:
        """Change the exposure in linear light; what gets brighter than white is clipped."""
        if self.exposure_ev == 0:
            return photo
        return _of_light(to_linear(photo.pixels, photo.icc) * np.float32(2**self.exposure_ev), photo)


def see(photo: Photo, *, height_px: int, depth: str | Path | DepthMap, kind: DepthKind) -> Seen:
    """Bring a sharp photo to the form that the data set keeps, and find what stands where in it.

    Everything is found and rendered from the JPEG as it is decoded again, so that what is in focus is the same
    in both pictures of the pair.

    Args:
        photo: With its depth, matte and focus, where its file has them.
        height_px: Largest height.
        depth: Where depth comes from; see `wideopen.scene.look`.
        kind: What the numbers of a map's file mean.

    Raises:
        DepthError: If the depth is missing, broken, or shows another frame.
    """
    small = shrunk(photo, height_px)
    encoded = encode_jpeg(small, quality=QUALITY)
    pixels = np.divide(decode_jpeg(encoded).samples, np.float32(255), dtype=np.float32)
    original = small.with_pixels(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels)
    carried = replace(original, depth=photo.depth, matte=photo.matte, focus=photo.focus)
    return Seen(carried, encoded, look(carried, depth=depth, kind=kind), lens_of(photo))


def shrunk(photo: Photo, height_px: int) -> Photo:
    """Average a photo's light over larger pixels, as a sensor with fewer of them does; none is enlarged.

    Returns:
        A photo of 8 bits with the same profile and nothing else; what is transparent is white.
    """
    pixels = photo.pixels.clip(0, 1)
    if photo.alpha is not None:
        pixels = pixels * photo.alpha[..., None] + (1 - photo.alpha[..., None])
    plain = Photo(pixels=pixels, icc=photo.icc, grey=photo.grey)
    width, height = photo.size
    if height <= height_px:
        return plain
    width = max(1, round(width * height_px / height))
    return _of_light(_area_means(to_linear(pixels, photo.icc), height_px, width), plain)


def _of_light(light: np.ndarray, like: Photo) -> Photo:
    pixels = from_linear(light.astype(np.float32, copy=False).clip(0, 1), like.icc).clip(0, 1)
    return Photo(pixels=pixels, icc=like.icc, grey=like.grey)


def _without_subject(depth: DepthMap) -> Scene:
    return Scene(depth, np.zeros((1, 1), np.float32))


def _blurred(light: Float[np.ndarray, "h w 3"], radius_px: float, lens: LensRenderer) -> Float[np.ndarray, "h w 3"]:
    """Blur light evenly; without blur it is the light itself."""
    if radius_px == 0:
        return light
    photo = Photo(pixels=from_linear(light.clip(0, 1), None).clip(0, 1))
    drawn = lens.draw(photo, DefocusMap(np.full(light.shape[:2], radius_px, np.float32)))
    return to_linear(drawn.pixels, None)


def _stand(figure: Photo, place: Placement, *, size: tuple[int, int]) -> Float[np.ndarray, "h w 4"]:
    """Put a figure's light, multiplied by its opacity, and its opacity into an empty frame.

    Raises:
        PhotoError: If it is nowhere opaque.
    """
    if figure.alpha is None:
        raise PhotoError("has no opacity; give a picture that is cut out, or a folder of masks")
    rows, columns = (np.flatnonzero((figure.alpha >= LEAST_OPACITY).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        raise PhotoError("is transparent all over; give a picture with something in it")
    inside = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    alpha = figure.alpha[inside][..., None]
    # Colours are not brought from one profile's primaries to the other's: the figure keeps its own numbers.
    cut = np.concatenate([to_linear(figure.pixels[inside].clip(0, 1), figure.icc) * alpha, alpha], axis=2)
    width, height = size
    high = max(1, min(round(place.figure_height * height), cut.shape[0]))
    cut = _area_means(cut, high, max(1, round(cut.shape[1] * high / cut.shape[0])))
    left = round(place.figure_x * width - cut.shape[1] / 2)
    top = round(place.figure_bottom * height) - high
    frame = np.zeros((height, width, 4), np.float32)
    y0, y1 = max(top, 0), min(top + high, height)
    x0, x1 = max(left, 0), min(left + cut.shape[1], width)
    if y0 < y1 and x0 < x1:
        frame[y0:y1, x0:x1] = cut[y0 - top : y1 - top, x0 - left : x1 - left]
    return frame.clip(0, 1)


def _area_means(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Shrink an array by the mean over the area of each new pixel."""
    for axis, length in ((0, height), (1, width)):
        own = values.shape[axis]
        lines = np.moveaxis(values, axis, 0)
        means = np.empty((length, *lines.shape[1:]), np.float32)
        edges = np.arange(length + 1) * own / length
        for k in range(length):
            first, last = int(edges[k]), min(int(np.ceil(edges[k + 1])), own)
            whole = np.arange(first, last)
            weights = np.minimum(whole + 1, edges[k + 1]) - np.maximum(whole, edges[k])
            # Not by BLAS, whose sums depend on its number of threads.
            means[k] = np.einsum("k,k...->...", (weights / weights.sum()).astype(np.float32), lines[first:last])
        values = np.moveaxis(means, 0, axis)
    return np.ascontiguousarray(values)
