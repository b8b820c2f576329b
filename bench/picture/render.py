"""Path-trace the project's own picture twice through one lens: wide at f/16, shallow at f/1.8.

    python bench/picture/render.py OUTDIR [--width 1536 --height 1024 --spp 288 --seed 7]

Mitsuba's LLVM variant does the tracing and finds LLVM by itself or through ``DRJIT_LIBLLVM_PATH``. The small lamps
are added apart: a path finds one of them so rarely that its disc would stay grainy for hours, so rays start at the
lamp, go through a random point of the aperture and land where the thin lens sends them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import mitsuba as mi
import numpy as np
from PIL import Image

FOCAL_M, SENSOR_M = 0.050, 0.0225
FOCUS_M, PITCH_DEG = 1.467, -1.6
FOCUS_SHARE = (0.3236, 0.3838)  # the coral flower's heart: of the width, of the height
WIDE, SHALLOW = 16.0, 1.8
EXPOSURE = 1.0
EVEN = 1.1673039782614187 ** -np.arange(1.0, 5.0)  # steps of Roberts' R4 sequence, root of x^5 = x + 1


@dataclass(frozen=True)
class Camera:
    """A thin lens at the origin that looks along +y, a little downwards."""

    width_px: int
    height_px: int
    f_number: float

    @property
    def aperture_radius_m(self) -> float:
        """Find the radius of the entrance pupil."""
        return FOCAL_M / (2 * self.f_number)

    @property
    def scale_px(self) -> float:
        """Find how many pixels one unit of slope spans."""
        return self.width_px * FOCAL_M / SENSOR_M

    @property
    def axes(self) -> np.ndarray:
        """Find right, up and forward, as rows."""
        c, s = np.cos(np.radians(PITCH_DEG)), np.sin(np.radians(PITCH_DEG))
        return np.array([[1, 0, 0], [0, -s, c], [0, c, s]])

    def sensor(self, *, samples: int) -> dict:
        """Describe it to Mitsuba."""
        return {
            "type": "thinlens",
            "fov": float(np.degrees(2 * np.arctan(SENSOR_M / 2 / FOCAL_M))), "fov_axis": "x",
            "aperture_radius": self.aperture_radius_m, "focus_distance": FOCUS_M, "near_clip": 0.05, "far_clip": 1000.0,
            "to_world": mi.ScalarTransform4f().look_at([0, 0, 0], list(self.axes[2]), [0, 0, 1]),
            "film": {"type": "hdrfilm", "width": self.width_px, "height": self.height_px, "rfilter": {"type": "box"},
                     "pixel_format": "rgb", "component_format": "float32"},
            "sampler": {"type": "multijitter", "sample_count": samples},
        }  # fmt: skip


def trace(scene, camera: Camera, *, spp: int, seed: int, pass_spp: int = 8) -> np.ndarray:
    """Average many short renders of everything but the small lamps.

    A pass that shines far above the median of all passes at a pixel holds a firefly, and is held down there.
    """
    sensor = mi.load_dict(camera.sensor(samples=pass_spp))
    integrator = mi.load_dict({"type": "path", "max_depth": 6, "rr_depth": 3})
    passes = max(1, round(spp / pass_spp))
    pictures = np.zeros((passes, camera.height_px, camera.width_px, 3), np.float32)
    start = time.perf_counter()
    for index in range(passes):
        picture = mi.render(scene, sensor=sensor, integrator=integrator, seed=seed * 100_003 + index)
        pictures[index] = np.array(picture)
        if index == 0 or (index + 1) % 8 == 0:
            spent_s = time.perf_counter() - start
            print(
                f"f/{camera.f_number:g}: pass {index + 1} of {passes}, {spent_s:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    return np.minimum(pictures, 3 * np.median(pictures, axis=0) + 0.1).mean(axis=0)


def splat_lamps(scene, lamps, camera: Camera, *, rays_per_px: int, seed: int) -> np.ndarray:
    """Send rays from each lamp through the aperture onto the film.

    A lamp of radius ``r`` and depth ``z`` that shines with ``L`` fills ``pi r^2 (s / z)^2`` pixels of a pinhole
    camera, ``s`` pixels to the unit of slope. A thin lens spreads the same sum: the ray through the aperture at ``a``
    meets the plane in focus at ``q``, and lands where a pinhole sees ``q``.
    """
    picture = np.zeros((camera.height_px * camera.width_px, 3))
    rng = np.random.default_rng(seed)
    size = np.array([camera.width_px, camera.height_px])
    for lamp in lamps:
        centre = camera.axes @ lamp.at_m
        blur_px = camera.scale_px * camera.aperture_radius_m * abs(1 / FOCUS_M - 1 / centre[2])
        spread_px = blur_px + lamp.radius_m * camera.scale_px / centre[2] + 1
        rays = int(rays_per_px * np.pi * spread_px**2)
        spots = (rng.random(4) + np.arange(1, rays + 1)[:, None] * EVEN) % 1
        ball, lens = _disc(spots[:, :2]), _disc(spots[:, 2:])
        point = centre + np.pad(ball * lamp.radius_m, ((0, 0), (0, 1)))
        through = np.pad(lens * camera.aperture_radius_m, ((0, 0), (0, 1)))
        focused = through + (point - through) * (FOCUS_M / centre[2])
        column = size[0] / 2 + camera.scale_px * focused[:, 0] / FOCUS_M
        row = size[1] / 2 - camera.scale_px * focused[:, 1] / FOCUS_M
        inside = (column >= 0) & (column < size[0]) & (row >= 0) & (row < size[1])
        if not inside.any():
            continue
        start, way = through[inside] @ camera.axes, (point - through)[inside] @ camera.axes
        distance = np.linalg.norm(way, axis=1)
        way = way / distance[:, None]
        ray = mi.Ray3f(mi.Point3f(start.T), mi.Vector3f(way.T), mi.Float(distance - 1e-3), mi.Float(0.0), [])
        free = ~np.array(scene.ray_test(ray))
        index = row[inside].astype(int)[free] * size[0] + column[inside].astype(int)[free]
        area_px = np.pi * (lamp.radius_m * camera.scale_px / centre[2]) ** 2
        hits = np.bincount(index, minlength=len(picture))
        picture += hits[:, None] * (np.array(lamp.radiance) * area_px / rays)
    return picture.reshape(camera.height_px, camera.width_px, 3).astype(np.float32)


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
    ray = mi.Ray3f(mi.Point3f(0.0), mi.Vector3f(world.T))
    hit = scene.ray_intersect_preliminary(ray)
    distance = np.where(np.array(hit.is_valid()), np.array(hit.t), np.inf)
    depth_m = distance / length
    for lamp in lamps:
        x, y, z = camera.axes @ lamp.at_m
        covered = np.hypot(right - x / z, up - y / z) < lamp.radius_m / z
        depth_m[covered & (depth_m > z)] = z
    return depth_m.reshape(camera.height_px, camera.width_px).astype(np.float32)


def develop(radiance: np.ndarray) -> Image.Image:
    """Expose, clip, and encode as sRGB."""
    light = np.clip(radiance * EXPOSURE, 0, 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return Image.fromarray((encoded * 255 + 0.5).astype(np.uint8))


def main() -> None:
    """Render and write everything into one folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("outdir", type=Path)
    parser.add_argument("--width", type=int, default=1536, help="pixels")
    parser.add_argument("--height", type=int, default=1024, help="pixels")
    parser.add_argument(
        "--spp",
        type=int,
        default=288,
        help="paths per pixel of the shallow picture; the wide one takes two thirds",
    )
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()

    mi.set_variant("llvm_ad_rgb")
    import street  # these make materials, which needs a variant
    import table
    from scene import Scene

    start = time.perf_counter()
    composed = Scene(arguments.seed)
    for part in (
        table.lay_table,
        table.stand_jug,
        table.arrange_flowers,
        table.serve_coffee,
        table.strew_petals,
        street.light_scene,
        street.set_middle,
        street.build_street,
        street.hang_lamps,
        street.hang_branch,
    ):
        part(composed)
    scene = mi.load_dict(composed.items)
    arguments.outdir.mkdir(parents=True, exist_ok=True)
    cameras = {
        name: Camera(arguments.width, arguments.height, number)
        for name, number in (("wide", WIDE), ("shallow", SHALLOW))
    }
    depth_m = measure_depth(scene, composed.lamps, cameras["wide"])
    np.save(arguments.outdir / "depth.npy", depth_m)
    spp = {"wide": max(1, arguments.spp * 2 // 3), "shallow": arguments.spp}
    for name, camera in cameras.items():
        radiance = trace(scene, camera, spp=spp[name], seed=arguments.seed)
        radiance += splat_lamps(scene, composed.lamps, camera, rays_per_px=250, seed=arguments.seed)
        np.save(arguments.outdir / f"{name}.npy", radiance)
        develop(radiance).save(arguments.outdir / f"{name}.png")
    focus_px = [int(FOCUS_SHARE[0] * arguments.width), int(FOCUS_SHARE[1] * arguments.height)]
    note = {
        "focus_distance_m": FOCUS_M, "focus_px": focus_px, "focal_mm": 1e3 * FOCAL_M, "sensor_mm": 1e3 * SENSOR_M,
        "f_number": {"wide": WIDE, "shallow": SHALLOW}, "exposure": EXPOSURE,
        "width_px": arguments.width, "height_px": arguments.height, "spp": spp, "seed": arguments.seed,
        "lamps": len(composed.lamps), "seconds": round(time.perf_counter() - start),
        "mitsuba": mi.__version__, "variant": mi.variant(), "depth": "metres along the optical axis, inf in the sky",
        "command": f"python bench/picture/render.py OUTDIR --width {arguments.width} --height {arguments.height}"
        f" --spp {arguments.spp} --seed {arguments.seed}",
    }  # fmt: skip
    (arguments.outdir / "scene.json").write_text(json.dumps(note, indent=2) + "\n")
    print(f"{arguments.outdir}: {note['seconds']} s", file=sys.stderr)


if __name__ == "__main__":
    main()
