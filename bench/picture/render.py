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
from pathlib import Path

import mitsuba as mi
import numpy as np
from PIL import Image
from thin_lens import FOCAL_M, SENSOR_M, SHALLOW, WIDE, Camera, encode, measure_depth, splat_lamps

FOCUS_M, PITCH_DEG = 1.467, -1.6
FOCUS_SHARE = (0.3236, 0.3838)  # the coral flower's heart: of the width, of the height
EXPOSURE = 1.0


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


def develop(radiance: np.ndarray) -> Image.Image:
    """Expose, clip, and encode as sRGB."""
    return Image.fromarray((encode(radiance * EXPOSURE) * 255 + 0.5).astype(np.uint8))


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
        name: Camera(arguments.width, arguments.height, number, FOCUS_M, PITCH_DEG)
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
