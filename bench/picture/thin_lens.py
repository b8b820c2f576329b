"""A thin lens at the origin that looks along +y: what it sees of lamps and of depth, and how light is encoded.

Mitsuba's thin lens keeps the field of view of a lens focused at infinity, so a point at depth ``z`` spreads over a disc
of radius ``scale_px * aperture_radius_m * |1 / focus - 1 / z|`` pixels, without the magnification of close focus.
"""

from __future__ import annotations

from dataclasses import dataclass

import mitsuba as mi
import numpy as np

FOCAL_M, SENSOR_M = 0.050, 0.0225
WIDE, SHALLOW = 16.0, 1.8
EVEN = 1.1673039782614187 ** -np.arange(1.0, 5.0)  # steps of Roberts' R4 sequence, root of x^5 = x + 1


@dataclass(frozen=True)
class Camera:
    """Where it focuses, how far it looks up, how far it is stopped down."""

    width_px: int
    height_px: int
    f_number: float
    focus_m: float
    pitch_deg: float

    @property
    def aperture_radius_m(self) -> float:
        """Find the radius of the entrance pupil."""
        return FOCAL_M / (2 * self.f_number)

    @property
    def scale_px(self) -> float:
        """Find how many pixels one unit of slope spans."""
        return self.width_px * FOCAL_M / SENSOR_M

    @property
    def radius_px_per_dioptre(self) -> float:
        """Find the blur's radius per dioptre of distance from the plane in focus."""
        return self.scale_px * self.aperture_radius_m

    @property
    def axes(self) -> np.ndarray:
        """Find right, up and forward, as rows."""
        c, s = np.cos(np.radians(self.pitch_deg)), np.sin(np.radians(self.pitch_deg))
        return np.array([[1, 0, 0], [0, -s, c], [0, c, s]])

    def sensor(self, *, samples: int) -> dict:
        """Describe it to Mitsuba."""
        return {
            "type": "thinlens",
            "fov": float(np.degrees(2 * np.arctan(SENSOR_M / 2 / FOCAL_M))), "fov_axis": "x",
            "aperture_radius": self.aperture_radius_m, "focus_distance": self.focus_m,
            "near_clip": 0.05, "far_clip": 1000.0,
            "to_world": mi.ScalarTransform4f().look_at([0, 0, 0], list(self.axes[2]), [0, 0, 1]),
            "film": {"type": "hdrfilm", "width": self.width_px, "height": self.height_px, "rfilter": {"type": "box"},
                     "pixel_format": "rgb", "component_format": "float32"},
            "sampler": {"type": "multijitter", "sample_count": samples},
        }  # fmt: skip


def splat_lamps(scene, lamps, camera: Camera, *, seed: int, rays_per_px: int) -> np.ndarray:
    """Send rays from each lamp through the aperture onto the film.

    A lamp of radius ``r`` and depth ``z`` that shines with ``L`` fills ``pi r^2 (s / z)^2`` pixels of a pinhole
    camera, ``s`` pixels to the unit of slope. A thin lens spreads the same sum: the ray through the aperture at ``a``
    meets the plane in focus at ``q``, and lands where a pinhole sees ``q``.
    """
    picture = np.zeros((camera.height_px * camera.width_px, 3))
    rng = np.random.default_rng(seed)
    for lamp in lamps:
        centre = camera.axes @ lamp.at_m
        blur_px = camera.radius_px_per_dioptre * abs(1 / camera.focus_m - 1 / centre[2])
        spread_px = blur_px + lamp.radius_m * camera.scale_px / centre[2] + 1
        rays = int(rays_per_px * np.pi * spread_px**2)
        spots = (rng.random(4) + np.arange(1, rays + 1)[:, None] * EVEN) % 1
        ball, lens = _disc(spots[:, :2]), _disc(spots[:, 2:])
        point = centre + np.pad(ball * lamp.radius_m, ((0, 0), (0, 1)))
        through = np.pad(lens * camera.aperture_radius_m, ((0, 0), (0, 1)))
        focused = through + (point - through) * (camera.focus_m / centre[2])
        column = camera.width_px / 2 + camera.scale_px * focused[:, 0] / camera.focus_m
        row = camera.height_px / 2 - camera.scale_px * focused[:, 1] / camera.focus_m
        inside = (column >= 0) & (column < camera.width_px) & (row >= 0) & (row < camera.height_px)
        if not inside.any():
            continue
        start, way = (np.einsum("ni,ij->nj", each[inside], camera.axes) for each in (through, point - through))
        distance = np.linalg.norm(way, axis=1)
        free = ~np.isfinite(cast(scene, start, way / distance[:, None], reach=distance - 1e-3))
        index = row[inside].astype(int)[free] * camera.width_px + column[inside].astype(int)[free]
        area_px = np.pi * (lamp.radius_m * camera.scale_px / centre[2]) ** 2
        hits = np.bincount(index, minlength=len(picture))
        picture += hits[:, None] * (np.array(lamp.radiance) * area_px / rays)
    return picture.reshape(camera.height_px, camera.width_px, 3)


def cast(scene, start: np.ndarray, way: np.ndarray, *, reach: np.ndarray) -> np.ndarray:
    """Find how far rays of unit direction get, metres; infinite where nothing stands within their reach."""
    limit = mi.Float(np.minimum(reach, 1e6).astype(np.float32))
    ray = mi.Ray3f(mi.Point3f(start.T), mi.Vector3f(way.T), limit, mi.Float(0.0), [])
    hit = scene.ray_intersect_preliminary(ray)
    return np.where(np.array(hit.is_valid()), np.array(hit.t), np.inf)


def _disc(square: np.ndarray) -> np.ndarray:
    """Map points of the unit square evenly to the unit disc."""
    radius, angle = np.sqrt(square[:, 0]), square[:, 1] * 2 * np.pi
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def measure_depth(scene, lamps, camera: Camera) -> np.ndarray:
    """Measure the depth along the optical axis behind every pixel's centre, metres; infinite in the sky."""
    row, column = np.mgrid[: camera.height_px, : camera.width_px] + 0.5
    right = (column.ravel() - camera.width_px / 2) / camera.scale_px
    up = (camera.height_px / 2 - row.ravel()) / camera.scale_px
    way = np.stack([right, up, np.ones_like(up)], axis=1)
    length = np.linalg.norm(way, axis=1)
    world = (way / length[:, None]) @ camera.axes
    depth_m = cast(scene, np.zeros_like(world), world, reach=np.full(len(world), np.inf)) / length
    for lamp in lamps:
        x, y, z = camera.axes @ lamp.at_m
        covered = np.hypot(right - x / z, up - y / z) < lamp.radius_m / z
        depth_m[covered & (depth_m > z)] = z
    return depth_m.reshape(camera.height_px, camera.width_px).astype(np.float32)


def encode(light: np.ndarray) -> np.ndarray:
    """Clip linear light to [0, 1] and encode it as sRGB."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
