"""How near does restored light come to the light that was there? HDR pictures clipped to 8 bits, blurred.

python bench/light.py HDR [--photos FOLDER] [--radii 8,16,30] [--json FILE]

HDR holds linear pictures (.exr; .hdr environments, of which two bands around the horizon are taken), and
folders of path-traced scenes (wide.npy: linear light). Each is exposed so that 0.1, 0.5 and 2 percent of
its pixels clip. Truth: its light, blurred, then clipped and encoded. Rendered: the picture clipped and
encoded (8 bits, or JPEG of quality 92), decoded, its highlights restored or not, blurred by the same disc.
Radii are in pixels of a picture 1250 px wide. Scored is the zone that clipped pixels reach.

psnr, ssim  of encoded values in the zone
level       mean encoded error: above 0 is too bright
over        percent of the zone that is more than 0.1 (encoded) brighter than the truth
under       the same, darker
colour      mean distance of chromaticities (r, g), where the truth is brighter than 0.2 (encoded)
rim         mean gradient, as a share of the truth's

PHOTOS are photos by daylight, blurred by 16 px: restoring should not change them. Reported is the mean
absolute change in steps of 8 bits, and the percentage of pixels that changes by more than 0.1.
"""

import argparse
import io
import json
from pathlib import Path

import numpy as np
import OpenEXR
from imagecodecs import imread
from PIL import Image
from skimage.metrics import structural_similarity

from wideopen import Iris
from wideopen.photo.profile import from_linear, to_linear
from wideopen.renderer.highlights import CLIPPED, restore_highlights
from wideopen.renderer.layered import spread_in_layers
from wideopen.renderer.sheets import take_apart

CLIPPED_PERCENT = (0.1, 0.5, 2.0)
WIDTH_PX = 1250
DAYLIGHT = 0.2
"""Mean linear light from which a photo counts as one by daylight."""
SUMMARY = ["psnr", "ssim", "level", "over", "under", "colour", "rim"]


def scenes(folder):
    """Yield name and linear light of every picture."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".exr":
            channels = OpenEXR.File(str(path)).channels()
            yield path.stem, np.ascontiguousarray(next(iter(channels.values())).pixels[..., :3], np.float32)
        elif path.suffix == ".hdr":
            light = np.asarray(imread(path), np.float32)
            height, width = light.shape[:2]
            for name, left in (("left", 0), ("right", width // 2)):
                yield f"{path.stem} {name}", light[height // 10 : height * 3 // 4, left : left + width // 2].copy()
        elif path.name == "wide.npy":
            yield path.parent.name, np.load(path).astype(np.float32)


def exposures(light):
    """Yield the light so that a share of its pixels clips, where it has highlights at all."""
    peak = light.max(axis=2)
    for percent in CLIPPED_PERCENT:
        white = np.percentile(peak, 100 - percent)
        if white > 0 and peak.max() > 1.5 * white:
            yield percent, light / white


def encoded(linear):
    return from_linear(linear.clip(0, 1).astype(np.float32), None)


def as_8_bit(light):
    return to_linear((np.rint(encoded(light) * 255) / 255).astype(np.float32), None)


def as_jpeg(light):
    held = io.BytesIO()
    Image.fromarray(np.rint(encoded(light) * 255).astype(np.uint8)).save(held, "JPEG", quality=92)
    return to_linear(np.asarray(Image.open(held), np.float32) / 255, None)


def blurred(linear, radius_px):
    return spread_in_layers(take_apart(linear, radius_px), Iris())


def zone_of(linear, radius_px):
    """Pixels that light of clipped pixels reaches."""
    clipped = np.repeat((linear.max(axis=2) >= CLIPPED[0]).astype(np.float32)[..., None], 3, axis=2)
    return blurred(clipped, radius_px)[..., 0] > 1e-6


def chromaticity(linear):
    return (linear / np.maximum(linear.sum(axis=2, keepdims=True), 1e-6))[..., :2]


def gradient(pixels):
    return np.hypot(*np.gradient(pixels.mean(axis=2)))


def score(pixels, true, zone):
    difference = (pixels - true)[zone].mean(axis=1)
    seen = zone & (true.max(axis=2) > 0.2)
    colours = [chromaticity(to_linear(each, None))[seen] for each in (pixels, true)]
    ssim = structural_similarity(true, pixels, channel_axis=2, data_range=1, full=True)[1]
    return {
        "psnr": -10 * float(np.log10(np.mean((pixels - true)[zone] ** 2) + 1e-9)),
        "ssim": float(ssim[zone].mean()),
        "level": float(difference.mean()),
        "over": 100 * float((difference > 0.1).mean()),
        "under": 100 * float((difference < -0.1).mean()),
        "colour": float(np.linalg.norm(colours[0] - colours[1], axis=1).mean()),
        "rim": float(gradient(pixels)[zone].mean() / gradient(true)[zone].mean()),
    }


def rows_of(name, light, radii, rules):
    """Score every exposure, blur, kind of file and rule."""
    for percent, exposed in exposures(light):
        for radius in radii:
            radius_px = np.full(light.shape[:2], radius * light.shape[1] / WIDTH_PX, np.float32)
            true = encoded(blurred(exposed, radius_px))
            for kind, filed in (("8 bits", as_8_bit(exposed)), ("JPEG", as_jpeg(exposed))):
                zone = zone_of(filed, radius_px)
                for rule, restore in rules.items():
                    pixels = encoded(blurred(restore(filed, radius_px), radius_px))
                    case = {"scene": name, "percent": percent, "radius": radius, "kind": kind, "rule": rule}
                    yield case | score(pixels, true, zone)


def guard(folder, rules):
    """Measure how much photos by daylight change."""
    changes = {rule: [] for rule in rules}
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"}):
        linear = to_linear(np.asarray(Image.open(path).convert("RGB"), np.float32) / 255, None)
        if linear.mean() < DAYLIGHT or linear.max() < CLIPPED[0]:
            continue
        radius_px = np.full(linear.shape[:2], 16, np.float32)
        plain = encoded(blurred(linear, radius_px))
        for rule, restore in rules.items():
            restored = restore(linear, radius_px)
            change = np.abs(encoded(blurred(restored, radius_px)) - plain) if restored is not linear else 0 * plain
            changes[rule].append((path.name, 255 * float(change.mean()), 100 * float((change > 0.1).mean())))
    return changes


def rules_of(strengths):
    def rule(strength):
        return lambda linear, radius_px: restore_highlights(linear, radius_px, strength=strength)

    return {"none": lambda linear, _: linear} | {f"strength {each}": rule(each) for each in strengths}


def show(rows, key):
    """Print the mean of every rule, for each value of a key."""
    for value in sorted({row[key] for row in rows}):
        for rule in dict.fromkeys(row["rule"] for row in rows):
            chosen = [row for row in rows if row[key] == value and row["rule"] == rule]
            means = "  ".join(f"{name} {np.mean([row[name] for row in chosen]):7.3f}" for name in SUMMARY)
            print(f"{value!s:18s} {rule:14s} {means}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hdr", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--radii", default="8,16,30")
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    rules = rules_of((0.5, 1.0))
    print("# How near restored light comes to the light that was there\n\n`make light`\n\n```")
    print("\n\n".join(__doc__.split("\n\n")[2:-1]))
    print()
    radii = [float(each) for each in wanted.radii.split(",")]
    rows = [row for name, light in scenes(wanted.hdr) for row in rows_of(name, light, radii, rules)]
    for row in rows:
        row["all"] = "all"
    for key in ("scene", "percent", "radius", "kind", "all"):
        show(rows, key)
    daylight = guard(wanted.photos, rules) if wanted.photos else {}
    for rule, changes in daylight.items():
        worst = max(changes, key=lambda change: change[1])
        print(f"daylight, {len(changes)} photos: {rule:14s} mean {np.mean([c[1] for c in changes]):.3f} worst {worst}")
    if wanted.json:
        wanted.json.write_text(json.dumps({"rows": rows, "daylight": daylight}) + "\n", encoding="utf-8")
    print("```")


if __name__ == "__main__":
    main()
