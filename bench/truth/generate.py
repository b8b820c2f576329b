"""Path-trace truth for judging a bokeh renderer: each scene at f/16 and at f/1.8, with exact depth.

    python bench/truth/generate.py OUT [--scenes a,b] [--models DIR] [--environments DIR] [--size 768x512]

Mitsuba's LLVM variant does the tracing; LLVM is looked for where systems keep it, or taken from ``DRJIT_LIBLLVM_PATH``.
Every picture is the mean of two independent halves, traced until they agree (``halves_psnr_db`` in
``scene.json``; two such means of other seeds would agree 3.01 dB better, ``seeds_psnr_db``).
No sample is clamped, so the mean is unbiased: surfaces are matte or rough, and small lamps are splatted from the lamp.
"""

from __future__ import annotations

import argparse
import glob
import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

import mitsuba as mi
import numpy as np
from PIL import Image

sys.path.append(str(Path(__file__).resolve().parent.parent / "picture"))

from trace import psnr_db, trace

import scenes
from models import Library
from stage import Stage
from thin_lens import FOCAL_M, SENSOR_M, SHALLOW, WIDE, Camera, encode, measure_depth

GOAL_DB, MOST_SPP = 39.1, 2048
PLACES = (
    "/usr/lib/*/libLLVM*.so*",
    "/usr/lib/libLLVM*.so*",
    "/usr/lib64/libLLVM*.so*",
    "/usr/lib/llvm*/lib/libLLVM*.so*",
    "/opt/homebrew/opt/llvm/lib/libLLVM.dylib",
    "/usr/local/opt/llvm/lib/libLLVM.dylib",
)


def choose_variant() -> None:
    """Take Mitsuba's LLVM variant, or end with a word about what is missing."""
    found = [path for place in PLACES for path in glob.glob(place)]  # noqa: PTH207 - absolute patterns
    if found and "DRJIT_LIBLLVM_PATH" not in os.environ:
        newest = max(found, key=lambda path: [int(number) for number in re.findall(r"\d+", Path(path).name)])
        os.environ["DRJIT_LIBLLVM_PATH"] = newest
    try:
        mi.set_variant("llvm_ad_rgb")
        mi.Float(1.0) + mi.Float([1.0, 2.0])
    except Exception as error:
        sys.exit(f"LLVM is missing, point DRJIT_LIBLLVM_PATH to its shared library: {error}")


def make(recipe, folder: Path, library: Library | None, arguments) -> dict:
    """Trace one scene into a folder, and return its description."""
    start = time.perf_counter()
    seed = recipe.seed + 1000 * arguments.seed
    stage = Stage(recipe.seed, library=library, environments=arguments.environments)
    recipe.build(stage)
    scene = mi.load_dict(stage.items)
    width, height = arguments.size
    views = {
        name: Camera(width, height, number, recipe.focus_m, recipe.pitch_deg)
        for name, number in (("wide", WIDE), ("shallow", SHALLOW))
    }
    depth_m = measure_depth(scene, stage.lamps, views["wide"])
    np.save(folder / "depth.npy", depth_m)
    goal_db = GOAL_DB + 10 * np.log10(arguments.quality)
    spp, seeds_db, clipped, level = {}, {}, {}, {}
    for step, (name, view) in enumerate(views.items()):
        halves, each = trace(
            scene, view, ambient=stage.ambient, seed=seed + 500 * step, lamps=stage.lamps,
            goal_db=goal_db, most_spp=int(MOST_SPP * max(1, arguments.quality)),
        )  # fmt: skip
        radiance = ((halves[0] + halves[1]) / 2).astype(np.float32)
        picture = (encode(radiance) * 255 + 0.5).astype(np.uint8)
        np.save(folder / f"{name}.npy", radiance)
        Image.fromarray(picture).save(folder / f"{name}.png")
        spp[name], seeds_db[name] = 2 * each, round(psnr_db(*halves), 2)
        clipped[name], level[name] = round(float((radiance >= 1).mean()), 4), round(float(picture.mean()), 1)
    blur = views["shallow"].radius_px_per_dioptre * (1 / depth_m - 1 / recipe.focus_m)
    models, environments = ("" if not path else f" --{word} DIR" for word, path in _folders(recipe, arguments))
    return {
        "name": recipe.name, "about": recipe.about, "focus_m": recipe.focus_m, "pitch_deg": recipe.pitch_deg,
        "focal_mm": 1e3 * FOCAL_M, "sensor_mm": 1e3 * SENSOR_M,
        "f_numbers": {name: view.f_number for name, view in views.items()}, "size": [width, height],
        "radius_px_per_dioptre": {name: round(view.radius_px_per_dioptre, 4) for name, view in views.items()},
        "largest_radius_px": {"front": round(max(0, float(blur.max())), 1), "behind": round(-float(blur.min()), 1)},
        "spp": spp, "seed": seed, "halves_psnr_db": seeds_db,
        "seeds_psnr_db": {name: round(value + 3.01, 2) for name, value in seeds_db.items()},
        "clipped": clipped, "level": level, "lamps": bool(stage.lamps), "lamp_count": len(stage.lamps),
        "ambient": stage.ambient,
        "depth": "metres along the optical axis at pixel centres through the lens centre, inf in the sky",
        "mitsuba": mi.__version__, "variant": mi.variant(), "seconds": round(time.perf_counter() - start, 1),
        "command": f"python bench/truth/generate.py OUT --scenes {recipe.name} --size {width}x{height}"
        f" --quality {arguments.quality:g} --seed {arguments.seed}{models}{environments}",
    }  # fmt: skip


def _folders(recipe, arguments):
    yield "models", recipe.needs_models and arguments.models
    yield "environments", recipe.needs_environments and arguments.environments


def select(arguments) -> list:
    """Pick the scenes that were asked for, that can be made, and that are not there yet."""
    known = {recipe.name: recipe for recipe in scenes.RECIPES}
    wanted = arguments.scenes.split(",") if arguments.scenes else list(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"no scene is called {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[name] for name in wanted]
    for word, needs, folder in (
        ("models", lambda recipe: recipe.needs_models, arguments.models),
        ("environments", lambda recipe: recipe.needs_environments, arguments.environments),
    ):
        skipped = [recipe.name for recipe in chosen if needs(recipe) and not (folder and folder.is_dir())]
        if skipped:
            print(f"no --{word} folder, so these scenes are skipped: {', '.join(skipped)}", file=sys.stderr)
        chosen = [recipe for recipe in chosen if recipe.name not in skipped]
    return [recipe for recipe in chosen if not (arguments.out / recipe.name / "scene.json").exists()]


def size(text: str) -> tuple[int, int]:
    """Read a size like 768x512."""
    width, height = text.split("x")
    return int(width), int(height)


def main() -> None:
    """Make every scene that is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--scenes", default="", help="names, separated by commas; all of them when left out")
    parser.add_argument("--models", type=Path, help="folder with *.tar.xz of models, and textures/")
    parser.add_argument("--environments", type=Path, help="folder with *.hdr")
    parser.add_argument("--size", type=size, default=(768, 512), help="WIDTHxHEIGHT, pixels")
    parser.add_argument("--quality", type=float, default=1.0, help="2 halves the noise's variance")
    parser.add_argument("--seed", type=int, default=0, help="of the noise; the scenes stay the same")
    arguments = parser.parse_args()
    choose_variant()
    cache = arguments.out / ".models"
    library = Library(arguments.models, cache) if arguments.models else None
    for recipe in select(arguments):
        folder = arguments.out / f".{recipe.name}.unfinished"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        note = make(recipe, folder, library, arguments)
        (folder / "scene.json").write_text(json.dumps(note, indent=2) + "\n")
        shutil.rmtree(arguments.out / recipe.name, ignore_errors=True)
        folder.rename(arguments.out / recipe.name)
        print(
            f"{recipe.name}: {note['seconds']} s, spp {note['spp']}, seeds {note['seeds_psnr_db']} dB, radius"
            f" {note['largest_radius_px']} px, clipped {note['clipped']}, level {note['level']}",
            file=sys.stderr,
            flush=True,
        )
    shutil.rmtree(cache, ignore_errors=True)


if __name__ == "__main__":
    main()
