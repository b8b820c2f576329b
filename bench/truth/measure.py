"""How near to path-traced truth? PSNR and SSIM of every renderer on every scene that `generate.py` has made.

python bench/truth/measure.py SCENES [--json FILE] [--pictures DIR] [--without exact]

All renderers get the 8-bit f/16 picture and the true depth; the truth is the f/1.8 picture. Figures are of
8-bit sRGB: over the whole picture, in the band around depth edges (within twice the local blur radius of a
jump of 1.5 px and more), and in the part in focus (radius up to 0.5 px). Pixels that are clipped in the
truth, or that a clipped pixel's disc reaches, are left out there and have a column of their own. "Gaussian
layers" are 16 layers, each blurred by a Gaussian of the disc's variance and laid over the farther ones;
"scatter" spreads every pixel as a soft disc over r squared, normalised, without occlusion (the form of
BokehMe). Everything is spread in linear light.
"""

import argparse
import json
import os
import platform
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numba import njit
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from wideopen import DefocusMap, Iris, Photo
from wideopen.photo.profile import from_linear, to_linear
from wideopen.renderer.exact import spread_exactly
from wideopen.renderer.highlights import restore_highlights
from wideopen.renderer.layered import spread_in_layers
from wideopen.renderer.sheets import take_apart
from wideopen.renderer.spread import spread

sys.path.insert(0, str(Path(__file__).parent.parent))
from speed import scatter_plainly

EDGE_PX, IN_FOCUS_PX = 1.5, 0.5
MACHINE = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
ZONES = ("whole", "edges", "in focus", "clipped")


@dataclass(frozen=True)
class Scene:
    """What a scene's folder holds, and where what is measured."""

    name: str
    wide: np.ndarray
    truth: np.ndarray
    radius_px: np.ndarray
    zones: dict[str, np.ndarray]


def read_scene(folder: Path) -> Scene:
    """Read one scene."""
    note = json.loads((folder / "scene.json").read_text())
    wide = np.asarray(Image.open(folder / "wide.png").convert("RGB"))
    depth_m = np.load(folder / "depth.npy")
    dioptres = np.where(np.isfinite(depth_m), 1 / np.maximum(depth_m, 1e-6), 0).astype(np.float32)
    # Mitsuba's lens does not move for close focus, so its blur lacks the magnification of `DefocusMap.of_lens`.
    radius_px = (note["radius_px_per_dioptre"]["shallow"] * (dioptres - 1 / note["focus_m"])).astype(np.float32)
    truth = from_linear(np.load(folder / "shallow.npy").clip(0, 1), None)
    clipped = widened((wide == 255).any(axis=2), np.abs(radius_px) + 2) | (truth >= 254.5 / 255).any(axis=2)
    jump = np.zeros(radius_px.shape, bool)
    reach = np.zeros(radius_px.shape, np.float32)
    for axis in (0, 1):
        here = [slice(None), slice(None)]
        there = [slice(None), slice(None)]
        here[axis], there[axis] = slice(None, -1), slice(1, None)
        here, there = tuple(here), tuple(there)
        edge = np.abs(radius_px[here] - radius_px[there]) > EDGE_PX
        jump[here] |= edge
        larger = 2 * np.maximum(np.abs(radius_px[here]), np.abs(radius_px[there]))
        reach[here] = np.maximum(reach[here], np.where(edge, larger, 0))
    zones = {
        "whole": ~clipped,
        "edges": widened(jump, reach) & ~clipped,
        "in focus": (np.abs(radius_px) <= IN_FOCUS_PX) & ~clipped,
        "clipped": clipped,
    }
    return Scene(folder.name, wide.astype(np.float32) / 255, truth, radius_px, zones)


@njit(cache=True)
def widened(seed, reach):
    """Mark all pixels within `reach` of a seed."""
    height, width = seed.shape
    out = np.zeros((height, width), np.bool_)
    for y in range(height):
        for x in range(width):
            if seed[y, x]:
                half = int(reach[y, x])
                for row in range(max(0, y - half), min(height, y + half + 1)):
                    chord = int(np.sqrt(reach[y, x] ** 2 - (row - y) ** 2))
                    out[row, max(0, x - chord) : x + chord + 1] = True
    return out


def gaussian_layers(linear, radius_px, count=16):
    """Cut the scene into layers of equal range, blur each, and lay the near ones over the far ones."""
    edges = np.linspace(radius_px.min(), radius_px.max() + 1e-4, count + 1)
    out = np.zeros_like(linear)
    for low, high in pairwise(edges):
        inside = ((radius_px >= low) & (radius_px < high)).astype(np.float32)
        if inside.any():
            sigma_px = abs(float(radius_px[inside > 0].mean())) / 2
            cut = (*np.moveaxis(linear * inside[..., None], 2, 0), inside)
            planes = [gaussian_filter(plane, sigma_px, mode="nearest") for plane in cut]
            out = np.stack(planes[:3], axis=2) + out * (1 - planes[3][..., None])
    return out


def renderers(scene: Scene, without: set[str]):
    """Yield name and encoded picture of everything that is compared."""
    linear = to_linear(scene.wide, None)
    yield "input", scene.wide
    yield "Gaussian layers", encoded(gaussian_layers(linear, scene.radius_px))
    yield "scatter", encoded(scatter_plainly(linear, scene.radius_px))
    defocus = DefocusMap(scene.radius_px)
    if "exact" not in without:
        light = restore_highlights(linear, scene.radius_px, strength=0.5)
        yield "exact", encoded(spread_exactly(take_apart(light, scene.radius_px), Iris()))
    yield "layered, no light restored", encoded(spread_in_layers(take_apart(linear, scene.radius_px), Iris()))
    yield "layered", spread(Photo(pixels=scene.wide), defocus, iris=Iris(), highlights=0.5)


def encoded(linear):
    """Clip and encode as sRGB."""
    return from_linear(np.asarray(linear, np.float32).clip(0, 1), None).clip(0, 1)


def figures(picture, scene: Scene):
    """PSNR and SSIM in every zone; None where a zone is empty."""
    ours, theirs = (np.rint(one.clip(0, 1) * 255).astype(np.uint8) for one in (picture, scene.truth))
    error = ((ours.astype(float) - theirs) ** 2).mean(axis=2)
    _, similar = structural_similarity(theirs, ours, channel_axis=2, data_range=255, win_size=7, full=True)
    row = {}
    for name, zone in scene.zones.items():
        mean = error[zone].mean() if zone.any() else np.nan
        row[name] = {
            "psnr_db": None if np.isnan(mean) else float(10 * np.log10(255**2 / max(mean, 1e-9))),
            "ssim": float(similar[zone].mean()) if zone.any() else None,
        }
    return row


def mean_of(rows):
    """Mean over the scenes, of those where a zone is not empty."""
    names = next(iter(rows.values()))
    mean = {}
    for name in names:
        mean[name] = {}
        for zone in ZONES:
            known = [scene[name][zone] for scene in rows.values() if scene[name][zone]["psnr_db"] is not None]
            mean[name][zone] = {
                key: float(np.mean([one[key] for one in known])) if known else None for key in ("psnr_db", "ssim")
            }
    return mean


def table(title, row):
    """Write one scene's figures as Markdown."""
    lines = [f"### {title}", "", "| | " + " | ".join(ZONES) + " |", "|---|" + "--:|" * len(ZONES)]
    for name, zones in row.items():
        cells = [
            "-" if zones[zone]["psnr_db"] is None else f"{zones[zone]['psnr_db']:.2f} / {zones[zone]['ssim']:.3f}"
            for zone in ZONES
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def save_strip(scene: Scene, pictures, folder: Path):
    """Save before, peer form, ours and truth side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    strip = [scene.wide, pictures["scatter"], pictures["layered"], scene.truth]
    top, bottom = np.concatenate(strip[:2], axis=1), np.concatenate(strip[2:], axis=1)
    whole = np.rint(np.concatenate([top, bottom]).clip(0, 1) * 255).astype(np.uint8)
    Image.fromarray(whole).save(folder / f"{scene.name}.jpg", quality=88)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pictures", type=Path, help="save before, scatter, ours and truth of every scene here")
    parser.add_argument("--without", action="append", default=[], choices=["exact"])
    arguments = parser.parse_args()
    folders = sorted(path.parent for path in arguments.scenes.glob("*/scene.json"))
    if not folders:
        parser.error(f"{arguments.scenes} holds no NAME/scene.json; run generate.py first")
    print("# How near to path-traced truth\n\n`make truth`. " + " ".join(__doc__.split("\n\n")[2].split()) + "\n")
    print(f"Every cell: PSNR in dB / SSIM. Measured on {MACHINE}.\n")
    rows, noise = {}, {}
    for folder in folders:
        scene = read_scene(folder)
        pictures = dict(renderers(scene, set(arguments.without)))
        rows[scene.name] = {name: figures(picture, scene) for name, picture in pictures.items()}
        noise[scene.name] = json.loads((folder / "scene.json").read_text()).get("seeds_psnr_db")
        print(table(scene.name, rows[scene.name]))
        print(f"Truth against truth of another seed: {noise[scene.name]['shallow']} dB.\n", flush=True)
        if arguments.pictures:
            save_strip(scene, pictures, arguments.pictures)
    print(table(f"Mean of {len(rows)} scenes", mean_of(rows)))
    if arguments.json:
        record = {
            "machine": MACHINE,
            "mean": mean_of(rows),
            "scenes": rows,
            "truth_against_another_seed_db": noise,
        }
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
