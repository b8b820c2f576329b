"""How well does the eye see? Depth and subject of one photo, judged by real blur, masks and measured depth.

python bench/eye.py DATA [--json FILE]

DATA holds pairs/, masks/, ebb-inputs/, stereo/ and phone/. "Pairs" are photos with a real blurred partner: six at
f/16 and f/1.8, and light fields fused sharp, focused near (where no area of focus is given, it is where the real
photo keeps four fifths of the fused one's detail). Everything is rendered with one fixed default blur, the focus
where the matte puts it; "given" has the pair's own depth, which for light fields is found from what is sharper
focused near and what focused far. PSNR and SSIM are after one gain and offset per channel fitted to the real photo.
"Sharp" says on how many pairs the gradient energy in the true area of focus stays within 20 percent of the input's.
Mattes are compared by intersection over union at a half; "held out" names decide by themselves. Order is the share
of random point pairs, their depths at least 5 percent of the range apart, that stand in the right order.
"""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter, uniform_filter
from skimage.metrics import structural_similarity

from wideopen import DepthMap, LensRenderer, Photo, read
from wideopen.scene import Scene, look
from wideopen.scene.fit import fit_depth
from wideopen.scene.network import see_depth
from wideopen.scene.prior import guess_depth

sys.path.insert(0, str(Path(__file__).parent))
from pairs import as_uint8, decode_disparity, exposed_as

EYES = {"prior": guess_depth, "network": see_depth}
NAMES = {"prior": "prior", "network": "built-in"}


def resized(values, size):
    return np.asarray(Image.fromarray(np.asarray(values, np.float32)).resize(size, Image.Resampling.BILINEAR))


def pairs_of(data):
    """Yield name, sharp photo, real photo, area in focus or None, and depth or None."""
    for folder in sorted(path.parent for path in (data / "pairs").glob("*/*/disparity-colour.png")):
        area = np.asarray(Image.open(next(folder.glob("focus-area.*"))).convert("L")) > 127
        depth = DepthMap(decode_disparity(folder / "disparity-colour.png"), metric=False, origin="given")
        yield f"{folder.parent.name}/{folder.name}", folder / "f16.jpg", folder / "f1.8.jpg", area, depth
    for folder in sorted((data / "pairs/near-far").glob("*")):
        sharp, near, far = (next(folder.glob(f"{kind}.*"), None) for kind in ("all-in-focus", "near", "far"))
        if sharp and near:
            yield f"near-far/{folder.name}", sharp, near, None, depth_from_focus(near, far) if far else None


def depth_from_focus(near_path, far_path):
    """Find what stands near from a photo focused near and one focused far."""
    details = []
    for path in (near_path, far_path):
        grey = np.asarray(Image.open(path).convert("L"), np.float32)
        details.append(gaussian_filter(np.hypot(*np.gradient(grey)), 5))
    share = (details[0] + 0.5) / (details[0] + details[1] + 1)
    return DepthMap(((share - 0.35) / 0.3).clip(0, 1).astype(np.float32), metric=False, origin="given")


def focus_area(sharp, real):
    """Find where the real photo is as sharp as the fused one."""
    detail = [np.hypot(*np.gradient(picture.mean(axis=2))) for picture in (sharp, real)]
    smooth = [uniform_filter(one, 13) for one in detail]
    return smooth[1] > 0.8 * smooth[0]


def score(picture, real, area):
    matched = exposed_as(picture, real).clip(0, 1)
    ours, theirs = as_uint8(matched).astype(float), as_uint8(real).astype(float)
    error = ((ours - theirs) ** 2).mean(axis=2)
    _, similar = structural_similarity(theirs, ours, channel_axis=2, data_range=255, win_size=7, full=True)
    return {
        "psnr_db": float(10 * np.log10(255**2 / error.mean())),
        "ssim": float(similar.mean()),
        "psnr_focus_db": float(10 * np.log10(255**2 / max(error[area].mean(), 1e-9))),
        "ssim_focus": float(similar[area].mean()),
        "plain_psnr_db": float(10 * np.log10(255**2 / ((as_uint8(picture).astype(float) - theirs) ** 2).mean())),
    }


def energy(picture, area):
    rows, columns = np.gradient(picture.mean(axis=2))
    return float((rows**2 + columns**2)[area].mean())


def measure_pair(sharp_path, real_path, area, depth):
    sharp, real = (Photo(pixels=read(path).pixels) for path in (sharp_path, real_path))
    if sharp.size != real.size:
        small = Image.fromarray(as_uint8(real.pixels)).resize(sharp.size, Image.Resampling.BILINEAR)
        real = Photo(pixels=np.asarray(small, np.float32) / 255)
    if area is None:
        area = focus_area(sharp.pixels, real.pixels)
    area = np.asarray(Image.fromarray(area).resize(sharp.size, Image.Resampling.NEAREST))
    gaussian = Image.fromarray(as_uint8(sharp.pixels)).filter(ImageFilter.GaussianBlur(3))
    made = {"input": sharp.pixels, "Gaussian, sigma 3 px": np.asarray(gaussian, np.float32) / 255}
    renderer = LensRenderer()
    for name in EYES:
        made[name] = renderer.render(sharp, look(sharp, depth=NAMES[name])).pixels
    if depth is not None:
        matte = area.astype(np.float32)
        made["given"] = renderer.render(sharp, Scene(depth=fit_depth(depth, sharp.pixels), matte=matte)).pixels
    rows = {}
    for name, picture in made.items():
        rows[name] = score(picture, real.pixels, area)
        rows[name]["sharpness"] = energy(picture, area) / max(energy(sharp.pixels, area), 1e-12)
    return rows


def mattes(data):
    """Measure the intersection over union of every set of masks."""
    from wideopen.train.scene.sources import is_held_out

    found = {}
    for name, folder, chosen in (
        ("people, held out (ccp)", "ccp", is_held_out),
        ("people, other (human)", "human", None),
        ("cats and dogs, held out (pets)", "pets", is_held_out),
        ("animals, people, vehicles (davis)", "davis", None),
    ):
        sums = {eye: [] for eye in EYES}
        for path in sorted((data / "masks" / folder).rglob("*.jpg")):
            mask_path = path.with_suffix(".png")
            if (chosen is not None and not chosen(path.name)) or not mask_path.exists():
                continue
            pixels = np.asarray(Image.open(path).convert("RGB"), np.float32) / 255
            mask = np.asarray(Image.open(mask_path).convert("L").resize(pixels.shape[1::-1], Image.Resampling.NEAREST))
            known = (mask < 64) | (mask > 192)
            for eye, see in EYES.items():
                ours = (resized(see(pixels)[1], pixels.shape[1::-1]) > 0.5) & known
                theirs = (mask > 192) & known
                union = (ours | theirs).sum()
                sums[eye].append(float((ours & theirs).sum() / union) if union else 1.0)
        found[name] = {
            "count": len(sums["prior"]),
            **{eye: float(np.mean(v)) if v else None for eye, v in sums.items()},
        }
    return found


def measured(data):
    """Yield set, photo, and depth, larger is nearer and 0 or less is not known."""
    for number in range(1, 7):
        yield "ebb-inputs (pseudo depth)", data / f"ebb-inputs/{number}.jpg", data / f"ebb-inputs/{number}-depth.png", 1
    for scene in ("middlebury_2003/teddy", "middlebury_2003/cones"):
        yield "Middlebury", data / f"stereo/{scene}/im2.png", data / f"stereo/{scene}/disp2.pgm", 1
    for scene in ("Cloth3", "Wood2"):
        folder = data / "stereo/middlebury_sgm/Data" / scene
        yield "Middlebury", folder / "view1.png", folder / "disp1.png", 1
    # Of Android's depth, 0 is near.
    for name in ("flowers", "hut", "mango"):
        folder = data / "phone/depthy"
        yield "phone", folder / f"{name}-alternative.jpg", folder / f"{name}-depth.jpg", -1
    yield "phone", data / "phone/android_gimage.png", data / "phone/android_gdepth.png", -1
    yield "phone", data / "phone/ios1_rgb.jpg", data / "phone/ios1_disparity.png", 1
    yield "phone", data / "phone/pug_rgb.jpg", data / "phone/pug_depth0.png", 1


def order(data):
    """Measure the order of depth on random pairs of points, for each set."""
    found = {}
    for number, (name, photo, truth, sign) in enumerate(measured(data)):
        if not (photo.exists() and truth.exists()):
            continue
        pixels = np.asarray(Image.open(photo).convert("RGB"), np.float32) / 255
        depth = np.asarray(Image.open(truth).convert("L"), np.float32)
        depth = 255 - depth if sign < 0 else depth
        known = np.flatnonzero((depth > 0) if name == "Middlebury" else np.ones_like(depth, bool))
        for eye, see in EYES.items():
            ours = resized(see(pixels)[0].dioptres, depth.shape[::-1])
            rng = np.random.default_rng(number)
            a, b = rng.choice(known, size=(2, 20000))
            apart = np.abs(depth.ravel()[a] - depth.ravel()[b]) > 0.05 * np.ptp(depth.ravel()[known])
            right = np.sign(ours.ravel()[a] - ours.ravel()[b]) == np.sign(depth.ravel()[a] - depth.ravel()[b])
            row = found.setdefault(name, {eye: [] for eye in EYES})
            row[eye].append(float(right[apart].mean()))
    if found:
        found["all"] = {eye: [value for row in found.values() for value in row[eye]] for eye in EYES}
    return {
        name: {"count": len(row["prior"]), **{eye: float(np.mean(v)) for eye, v in row.items()}}
        for name, row in found.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    pairs = {name: measure_pair(*rest) for name, *rest in pairs_of(arguments.data)}
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print("# How well the eye sees\n\n`make eye`. " + " ".join(__doc__.split("\n\n")[2].split()) + f"\n\n{machine}.\n")
    for title, chosen in (
        ("f/16 and f/1.8", [n for n in pairs if not n.startswith("near-far")]),
        ("near-far", [n for n in pairs if n.startswith("near-far")]),
    ):
        if not chosen:
            continue
        print(f"## {title}, {len(chosen)} pairs\n")
        print("| | PSNR | SSIM | PSNR in focus | SSIM in focus | plain PSNR | beats the Gaussian | sharp |")
        print("|---|--:|--:|--:|--:|--:|--:|--:|")
        for name in pairs[chosen[0]]:
            rows = [pairs[n][name] for n in chosen]
            means = [np.mean([row[k] for row in rows]) for k in
                     ("psnr_db", "ssim", "psnr_focus_db", "ssim_focus", "plain_psnr_db")]  # fmt: skip
            beats = np.mean([pairs[n][name]["psnr_db"] > pairs[n]["Gaussian, sigma 3 px"]["psnr_db"] for n in chosen])
            sharp = np.mean([abs(row["sharpness"] - 1) < 0.2 for row in rows])
            print(f"| {name} | {means[0]:.2f} | {means[1]:.3f} | {means[2]:.2f} | {means[3]:.3f} | {means[4]:.2f} |"
                  f" {beats:.0%} | {sharp:.0%} |")  # fmt: skip
        print()
    overlap, ordered = mattes(arguments.data), order(arguments.data)
    print("## Mattes\n\n| set | photos | prior | network |\n|---|--:|--:|--:|")
    for name, row in overlap.items():
        cells = ["-" if row[eye] is None else f"{row[eye]:.3f}" for eye in EYES]
        print(f"| {name} | {row['count']} | {' | '.join(cells)} |")
    print("\n## Order of depth\n\n| set | photos | prior | network |\n|---|--:|--:|--:|")
    for name, row in ordered.items():
        print(f"| {name} | {row['count']} | {row['prior']:.3f} | {row['network']:.3f} |")
    if arguments.json:
        record = {"machine": machine, "pairs": pairs, "mattes": overlap, "order": ordered}
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
