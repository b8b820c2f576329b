"""How near to a real f/1.8 photo do we come? PSNR and SSIM over folders of aperture pairs.

python bench/pairs.py PAIRS [--json FILE]

PAIRS holds SET/ID folders with f16.jpg, f1.8.jpg, disparity-colour.png (disparity 0..1, near is 1, drawn
with matplotlib's Spectral_r) and focus-area.jpg or .png (bright where the real photo is in focus).
PSNR and SSIM are scikit-image's on uint8, 7x7 windows, mean over colour channels; once plain, and once
after one gain and offset per channel fitted to the real photo, because exposure differs inside a pair.
"""

import argparse
import json
import os
import platform
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from wideopen import DepthMap, Focus, LensRenderer, Photo, read

# ColorBrewer's Spectral in 11 steps, from far to near; matplotlib interpolates between them.
SPECTRAL = [
    (94, 79, 162), (50, 136, 189), (102, 194, 165), (171, 221, 164), (230, 245, 152), (255, 255, 191),
    (254, 224, 139), (253, 174, 97), (244, 109, 67), (213, 62, 79), (158, 1, 66),
]  # fmt: skip
BLURS_PERCENT = (0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.2)


def decode_disparity(path):
    """Turn a colour-mapped disparity picture back into disparity in [0, 1]."""
    steps = np.linspace(0, 10, 256)
    table = np.stack([np.interp(steps, np.arange(11), channel) for channel in np.transpose(SPECTRAL)], axis=1)
    colours = np.asarray(Image.open(path).convert("RGB"))
    unique, inverse = np.unique(colours.reshape(-1, 3), axis=0, return_inverse=True)
    nearest = ((unique[:, None] - table[None]) ** 2).sum(axis=2).argmin(axis=1)
    return (nearest / 255).astype(np.float32)[inverse.ravel()].reshape(colours.shape[:2])


def as_uint8(pixels):
    return np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)


def score(pixels, real):
    ours, theirs = as_uint8(pixels), as_uint8(real)
    return (
        float(peak_signal_noise_ratio(theirs, ours, data_range=255)),
        float(structural_similarity(theirs, ours, channel_axis=2, data_range=255, win_size=7)),
    )


def exposed_as(pixels, real):
    """Fit one gain and offset per channel to the real photo, least squares on encoded values."""
    out = np.empty_like(pixels)
    for c in range(3):
        known = np.stack([pixels[..., c].ravel(), np.ones(pixels[..., c].size)], axis=1)
        gain, offset = np.linalg.lstsq(known, real[..., c].ravel(), rcond=None)[0]
        out[..., c] = pixels[..., c] * gain + offset
    return out


def candidates(folder):
    """Yield name and pixels of everything that is compared with the real photo."""
    wide = read(folder / "f16.jpg")
    wide = Photo(pixels=wide.pixels)
    yield "input", wide.pixels
    gaussian = Image.fromarray(as_uint8(wide.pixels)).filter(ImageFilter.GaussianBlur(3))
    yield "Gaussian, sigma 3 px", np.asarray(gaussian, np.float32) / 255
    yield "ours, no depth given", LensRenderer()(wide).pixels

    depth = DepthMap(decode_disparity(folder / "disparity-colour.png"), metric=False, origin="given")
    area = np.asarray(Image.open(next(folder.glob("focus-area.*"))).convert("L")) > 127
    place = np.flatnonzero(area)
    middle = place[np.argsort(depth.dioptres.ravel()[place], kind="stable")[place.size // 2]]
    y, x = divmod(int(middle), area.shape[1])
    renderer = LensRenderer(depth=depth, focus=Focus(point_px=(x + 0.5, y + 0.5)))
    scene = renderer.look(wide)
    yield "ours, depth given", renderer.render(wide, scene).pixels
    for blur in BLURS_PERCENT:
        tuned = LensRenderer(depth=depth, focus=renderer.focus, max_blur_percent=blur)
        yield f"blur {blur}", tuned.render(wide, scene).pixels


def measure(folder):
    """Score every candidate; of the blurs only the one with the best plain PSNR is kept."""
    real = read(folder / "f1.8.jpg").pixels
    rows, best = {}, None
    for name, pixels in candidates(folder):
        plain, matched = score(pixels, real), score(exposed_as(pixels, real), real)
        row = {"psnr_db": plain[0], "ssim": plain[1], "matched_psnr_db": matched[0], "matched_ssim": matched[1]}
        if not name.startswith("blur "):
            rows[name] = row
        elif best is None or row["psnr_db"] > best["psnr_db"]:
            best = {**row, "max_blur_percent": float(name.split()[1])}
    rows["ours, depth given, best blur"] = best
    return rows


def table(title, rows):
    lines = [
        f"### {title}",
        "",
        "| | PSNR | SSIM | PSNR, exposure matched | SSIM, exposure matched |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, row in rows.items():
        note = f" ({row['max_blur_percent']:g} %)" if "max_blur_percent" in row else ""
        lines.append(
            f"| {name}{note} | {row['psnr_db']:.2f} | {row['ssim']:.3f} | "
            f"{row['matched_psnr_db']:.2f} | {row['matched_ssim']:.3f} |"
        )
    return "\n".join(lines) + "\n"


def mean_of(measured):
    keys = ("psnr_db", "ssim", "matched_psnr_db", "matched_ssim")
    names = next(iter(measured.values()))
    return {
        name: {key: float(np.mean([rows[name][key] for rows in measured.values()])) for key in keys} for name in names
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    folders = sorted(path.parent for path in arguments.pairs.glob("*/*/disparity-colour.png"))
    if not folders:
        parser.error(f"{arguments.pairs} holds no SET/ID/disparity-colour.png")
    print("# How near to real f/1.8 photos\n")
    print("`make pairs` (`python bench/pairs.py PAIRS`). " + " ".join(__doc__.split("\n\n")[2].split()) + "\n")
    print("One fixed default blur everywhere, but for the last row, which takes the best of")
    print(
        f"{', '.join(f'{blur:g}' for blur in BLURS_PERCENT)} % for each photo. The photos are not in this repository.\n"
    )
    sets = {}
    for folder in folders:
        sets.setdefault(folder.parent.name, {})[folder.name] = measure(folder)
        print(table(f"{folder.parent.name}/{folder.name}", sets[folder.parent.name][folder.name]), flush=True)
    for name, measured in sets.items():
        print(table(f"Mean of {name} ({len(measured)} pairs)", mean_of(measured)))
    if arguments.json:
        record = {
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            "means": {k: mean_of(v) for k, v in sets.items()},
            "pairs": sets,
        }
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
