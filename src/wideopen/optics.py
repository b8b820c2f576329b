"""Lens, depth and defocus: the thin-lens formulas, without files and without networks."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from wideopen.errors import DepthError, OpticsError
from wideopen.shapes import Float


@dataclass(frozen=True)
class Lens:
    """A lens in front of a sensor.

    The defaults are the camera of the EBB! data set: 50 mm at f/1.8 on a sensor 22.5 mm wide.
    """

    focal_mm: float = 50.0
    """Focal length."""
    f_number: float = 1.8
    """Focal length over the diameter of the entrance pupil."""
    sensor_mm: float = 22.5
    """What the longer side of the photo measures on the sensor, after any crop."""
    origin: str = "default camera"
    """Where focal length and sensor come from, for people to read."""

    def __post_init__(self) -> None:
        for name in ("focal_mm", "f_number", "sensor_mm"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise OpticsError(f"{name} is {value:g}, but a lens needs a finite number above 0")

    @property
    def aperture_mm(self) -> float:
        """Diameter of the entrance pupil."""
        return self.focal_mm / self.f_number


@dataclass(frozen=True)
class DepthMap:
    """How near everything is, in dioptres (1/m): large is near, 0 is infinitely far."""

    dioptres: Float[np.ndarray, "h w"]
    """float32. Where `metric` is false: dioptres up to an unknown scale and shift."""
    metric: bool
    """Whether the dioptres are true."""
    origin: str
    """Where the map comes from, for people to read."""

    def __post_init__(self) -> None:
        if self.dioptres.ndim != 2 or self.dioptres.size == 0:
            raise DepthError(f"a depth map has shape (height, width), this one has {self.dioptres.shape}")
        # Whatever is not finite shows in the least or the largest value.
        if not (np.isfinite(self.dioptres.min()) and np.isfinite(self.dioptres.max())):
            bad = int((~np.isfinite(self.dioptres)).sum())
            raise DepthError(f"{bad} of {self.dioptres.size} depths are not finite; mend the map first")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.dioptres.shape[1], self.dioptres.shape[0]

    @cached_property
    def ends(self) -> tuple[float, float]:
        """Dioptres of the farthest and the nearest, one pixel in a thousand left out at each end.

        Of more than a million pixels, every so many along rows and columns are asked, about a million.
        """
        step = max(1, round((self.dioptres.size / 1_000_000) ** 0.5))
        low, high = (float(end) for end in np.quantile(self.dioptres[::step, ::step], [0.001, 0.999]))
        return (low, high) if high > low else (float(self.dioptres.min()), float(self.dioptres.max()))

    def at(self, share: float) -> float:
        """Dioptres at a share of the way from the farthest, 0, to the nearest, 1, of `ends`."""
        far, near = self.ends
        return far + share * (near - far)


@dataclass(frozen=True)
class DefocusMap:
    """The radius of the disc that every pixel's light spreads into."""

    radius_px: Float[np.ndarray, "h w"]
    """float32, signed: above 0 in front of the plane in focus, below 0 behind it."""

    @classmethod
    def of_lens(cls, depth: DepthMap, *, focus_dioptres: float, lens: Lens) -> "DefocusMap":
        """Find the blur of a metric depth map by the thin-lens equation.

        ``r = A f (D - D_f) / (2 (1 - f D_f))`` on the sensor, scaled to pixels, where ``A`` is the
        aperture's diameter, ``f`` the focal length (both in metres), ``D`` and ``D_f`` the vergence
        of a point and of the plane in focus. The circle of confusion is exactly linear in dioptres.

        Args:
            depth: The scene, of the photo's full size; its longer side spans ``lens.sensor_mm``.
            focus_dioptres: Vergence of the plane in focus, 1/m.
            lens: Focal length, aperture and sensor.

        Raises:
            OpticsError: If the plane in focus lies within the focal length.

        Example:
            >>> scene = DepthMap(np.float32([[1.25, 0.5, 0.0]]), metric=True, origin="example")
            >>> defocus = DefocusMap.of_lens(scene, focus_dioptres=0.5, lens=Lens(sensor_mm=3 / 1536 * 22.5))
            >>> defocus.radius_px.round(1)
            array([[ 36.5,   0. , -24.3]], dtype=float32)

        Source:
            Potmesil and Chakravarty, A Lens and Aperture Camera Model for Synthetic Image
            Generation, SIGGRAPH 1981; rewritten in dioptres, and as a radius instead of a diameter.
        """
        scale_px = lens_scale_px(depth, focus_dioptres=focus_dioptres, lens=lens)
        radius = np.subtract(depth.dioptres, np.float32(focus_dioptres), dtype=np.float32)
        radius *= np.float32(scale_px)
        return cls(radius)

    @classmethod
    def of_relative(
        cls, depth: DepthMap, *, focus_dioptres: float, f_number: float, max_blur_percent: float
    ) -> "DefocusMap":
        """Find the blur of a relative depth map, whose one missing scale is given by the user.

        Blur is linear in dioptres and sees only their difference, so a relative map lacks just one
        number: the radius at the point farthest from the plane in focus. One pixel in a thousand is
        left out when that point is sought, so that a stray pixel does not set the blur of a photo; of
        more than a million pixels, every so many along rows and columns are asked, about a million.

        Args:
            depth: The scene, of the photo's full size.
            focus_dioptres: The map's value in focus.
            f_number: Blur scales as ``1.8 / f_number``.
            max_blur_percent: Radius at the farthest point, at f/1.8, in percent of the diagonal.

        Raises:
            OpticsError: If a number is not finite, ``f_number`` is not above 0 or the blur is below 0.
        """
        scale_px = relative_scale_px(
            depth, focus_dioptres=focus_dioptres, f_number=f_number, max_blur_percent=max_blur_percent
        )
        radius = np.subtract(depth.dioptres, np.float32(focus_dioptres), dtype=np.float32)
        radius *= np.float32(scale_px)
        limit_px = _limit_px(depth, f_number=f_number, max_blur_percent=max_blur_percent)
        return cls(radius.clip(-limit_px, limit_px, out=radius))

    def kept_sharp(self, *, near_px: float, far_px: float) -> "DefocusMap":
        """Widen the plane in focus to a range.

        What lies between the radii is sharp; the rest is blurred as from the range's nearer border.

        Args:
            near_px: Radius at the near end of the range.
            far_px: Radius at the far end, not above `near_px`.
        """
        radius = self.radius_px.clip(far_px, near_px)
        return type(self)(np.subtract(self.radius_px, radius, out=radius))


def lens_scale_px(depth: DepthMap, *, focus_dioptres: float, lens: Lens) -> float:
    """Blur radius in pixels per dioptre from the plane in focus; see `DefocusMap.of_lens`.

    Raises:
        OpticsError: If the plane in focus lies within the focal length.
    """
    focal_m = lens.focal_mm / 1000
    if focal_m * focus_dioptres >= 1:
        raise OpticsError(
            f"focus at {1 / focus_dioptres:.3g} m lies within the focal length of {lens.focal_mm:g} mm; "
            "focus farther away"
        )
    px_per_mm = max(depth.size) / lens.sensor_mm
    return lens.aperture_mm * focal_m / (2 * (1 - focal_m * focus_dioptres)) * px_per_mm


def relative_scale_px(depth: DepthMap, *, focus_dioptres: float, f_number: float, max_blur_percent: float) -> float:
    """Blur radius in pixels per unit of a relative map from the plane in focus; see `DefocusMap.of_relative`.

    Raises:
        OpticsError: If a number is not finite, ``f_number`` is not above 0 or the blur is below 0.
    """
    limit_px = _limit_px(depth, f_number=f_number, max_blur_percent=max_blur_percent)
    farthest = max(abs(end - focus_dioptres) for end in depth.ends)
    if farthest <= 1e-6 * float(max(depth.dioptres.max(), -depth.dioptres.min())):
        return 0.0
    return limit_px / farthest


def _limit_px(depth: DepthMap, *, f_number: float, max_blur_percent: float) -> float:
    if not (np.isfinite(f_number) and f_number > 0):
        raise OpticsError(f"f_number is {f_number:g}, but a lens needs a finite number above 0")
    if not (np.isfinite(max_blur_percent) and max_blur_percent >= 0):
        raise OpticsError(f"max blur is {max_blur_percent:g} %, but it must be 0 or more")
    return max_blur_percent / 100 * float(np.hypot(*depth.size)) * 1.8 / f_number
