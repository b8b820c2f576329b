"""How well are shots aligned? Known warps of sharp photos, and photos of different scenes that must be refused.

python bench/align.py PHOTOS [--pairs 50] [--seed 0] [--json FILE]

Each photo of the folder is shot twice as by a camera that is nudged: turned by up to 2 degrees, 4 % larger or
smaller, shifted by 2 % and its corners by another 0.4 % of the height. The shallow shot is blurred as by depth: half
of the frame or more by discs whose radius grows up to 6 to 20 px (at 1024 high), in linear light; its exposure
differs by up to half a stop and its channels by 5 %; both have noise and are JPEGs 1200 px high. The error is the
largest of the four corners of the wide frame, in px at 1024 high. One thread; seconds depend on the machine.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from wideopen import Photo, read
from wideopen.pairs.align import common_part, refuse_unfit, shrink, warp
from wideopen.pairs.homography import NotAlignedError, Trust, find, project, see
from wideopen.photo.profile import from_linear, to_linear

HEIGHT_PX = 1200
BUILT_PX = 1024
SHARE_SHOWN = 0.88
PARTS = ("read", "features", "match", "warp", "write")


def nudge(random, width, height):
    """Draw a homography from the wide shot to the shallow one."""
    frame = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)
    angle, scale = np.deg2rad(random.uniform(-2, 2)), random.uniform(0.96, 1.04)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = frame.mean(axis=0)
    moved = (frame - middle) @ turn.T + middle + random.uniform(-0.02, 0.02, 2) * height
    moved += random.uniform(-0.004, 0.004, (4, 2)) * height
    return cv2.getPerspectiveTransform(frame.astype(np.float32), moved.astype(np.float32))


def disc(radius_px):
    reach = int(np.ceil(radius_px))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius_px + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return kernel / kernel.sum()


def blur_by_depth(light, random):
    """Keep 15 to 50 % of the frame sharp, around a level of a smooth random depth that leans."""
    height, width = light.shape[:2]
    largest_px = random.uniform(6, 20) * height / 1024
    depth = cv2.resize(random.normal(size=(4, 6)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    depth += np.linspace(-1, 1, height, dtype=np.float32)[:, None] * random.uniform(-1.5, 1.5)
    distance = np.abs(depth - np.quantile(depth, random.uniform(0.1, 0.9)))
    sharp = np.quantile(distance, random.uniform(0.15, 0.5))
    radius_px = ((distance - sharp) / (distance.max() - sharp)).clip(0, 1) ** 0.7 * largest_px
    levels_px = [0, *np.geomspace(1, largest_px, 6)]
    level = np.interp(radius_px, levels_px, np.arange(7))
    blurred = np.zeros_like(light)
    for number, px in enumerate(levels_px):
        share = np.clip(1 - np.abs(level - number), 0, 1)[..., None].astype(np.float32)
        layer = light if px == 0 else cv2.filter2D(light, -1, disc(px), borderType=cv2.BORDER_REFLECT_101)
        blurred += layer * share
    return blurred


def shoot(path, seed):
    """Take both shots of a photo; return them and the true homography from shallow to wide."""
    random = np.random.default_rng(seed)
    photo = read(path).pixels
    scale = HEIGHT_PX / SHARE_SHOWN / photo.shape[0]
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=how).clip(0, 1)
    width = int(photo.shape[1] * SHARE_SHOWN)
    left, top = (photo.shape[1] - width) // 2, (photo.shape[0] - HEIGHT_PX) // 2
    wide = photo[top : top + HEIGHT_PX, left : left + width]
    to_shallow = nudge(random, width, HEIGHT_PX)
    seen = cv2.warpPerspective(
        photo, to_shallow @ np.array([[1.0, 0, -left], [0, 1, -top], [0, 0, 1]]), (width, HEIGHT_PX),
        flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    light = blur_by_depth(to_linear(seen.clip(0, 1), None), random)
    light *= (2 ** random.uniform(-0.5, 0.5) * random.uniform(0.95, 1.05, 3)).astype(np.float32)
    shallow = from_linear(light.clip(0, 1), None)
    noisy = [part + random.normal(0, sigma, part.shape) for part, sigma in ((wide, 0.008), (shallow, 0.01))]
    return *(part.clip(0, 1).astype(np.float32) for part in noisy), np.linalg.inv(to_shallow)


def save(pixels, path):
    Photo(pixels=pixels).save(path, overwrite=True)
    return path


def align_in_parts(wide_path, shallow_path, folder, seconds):
    """Do what `wideopen.pairs.align` and building do, with a clock between the parts."""
    clock = [time.perf_counter()]

    def lap(part):
        clock.append(time.perf_counter())
        seconds[part].append(clock[-1] - clock[-2])

    wide, shallow = read(wide_path).pixels, read(shallow_path).pixels
    lap("read")
    refuse_unfit(wide, shallow)
    features = see(shallow), see(wide)
    lap("features")
    found = find(*features, height_px=BUILT_PX, seed=0, trust=Trust())
    lap("match")
    crop, _ = common_part(found.homography, wide.shape[:2], shallow.shape[:2])
    left, top, width, height = crop
    laid = shrink(warp(shallow, found.homography, crop), BUILT_PX)
    small = shrink(wide[top : top + height, left : left + width], BUILT_PX)
    lap("warp")
    save(small, folder / "original.jpg")
    save(laid, folder / "bokeh.jpg")
    lap("write")
    return found


def corner_error_px(found, truth, width):
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, HEIGHT_PX - 1], [0, HEIGHT_PX - 1]], np.float64)
    moved = project(found.homography, project(np.linalg.inv(truth), corners))
    return float(np.linalg.norm(moved - corners, axis=1).max()) * BUILT_PX / HEIGHT_PX


def measure(photos, count, seed):
    """Align warps of photos, and each wide shot with another photo's shallow one of the same orientation."""
    errors_px, told_px, refused, wrong, tried, chance = [], [], [], [], 0, 0
    seconds = {part: [] for part in PARTS}
    with TemporaryDirectory() as name:
        folder = Path(name)
        shots = []
        for number in range(count):
            photo = photos[number % len(photos)]
            wide, shallow, truth = shoot(photo, seed + number)
            both = save(wide, folder / f"w{number}.jpg"), save(shallow, folder / f"s{number}.jpg")
            shots.append((photo, wide.shape[1] > wide.shape[0], *both))
            try:
                found = align_in_parts(*both, folder, seconds)
            except NotAlignedError as error:
                refused.append(f"{photo.name}: {error}")
                continue
            errors_px.append(corner_error_px(found, truth, wide.shape[1]))
            told_px.append(found.corner_px * BUILT_PX / HEIGHT_PX)
        for number in range(count):
            # Every landscape with the next one, and every portrait, so that none is refused for its shape.
            others = [shots[(number + step) % count] for step in range(1, count)]
            other = next((o for o in others if o[0] != shots[number][0] and o[1] == shots[number][1]), None)
            if other is None:
                continue
            tried += 1
            features = see(read(other[3]).pixels), see(read(shots[number][2]).pixels)
            try:
                find(*features, height_px=BUILT_PX, seed=0, trust=Trust())
                wrong.append(f"{shots[number][0].name} and {other[0].name}")
            except NotAlignedError as error:
                chance = max(chance, error.inliers or 0)
    return {
        "pairs": count,
        "accepted": len(errors_px),
        "refused": refused,
        "median_px": float(np.median(errors_px)),
        "p90_px": float(np.quantile(errors_px, 0.9)),
        "worst_px": float(np.max(errors_px)),
        "median_of_told_px": float(np.median(told_px)),
        "different_tried": tried,
        "wrongly_accepted": wrong,
        "most_inliers_by_chance": chance,
        "seconds": {part: float(np.median(times)) for part, times in seconds.items()},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    photos = sorted(p for p in arguments.photos.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if len(photos) < 2:
        parser.error(f"{arguments.photos} holds {len(photos)} photos; two at least are wanted")
    cv2.setNumThreads(1)
    found = measure(photos, arguments.pairs, arguments.seed)
    found["machine"] = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, OpenCV {cv2.__version__}"
    total_s = sum(found["seconds"].values())
    print("# How well shots are aligned\n")
    print(" ".join(__doc__.split("\n\n")[2].split()) + "\n")
    print(f"{found['machine']}; {len(photos)} photos.\n")
    print("| | |\n|---|--:|")
    print(f"| accepted | {found['accepted']} of {found['pairs']} |")
    print(f"| corner error, median | {found['median_px']:.2f} px |")
    print(f"| corner error, 90 % below | {found['p90_px']:.2f} px |")
    print(f"| corner error, worst | {found['worst_px']:.2f} px |")
    print(f"| corner error as told (standard deviation), median | {found['median_of_told_px']:.2f} px |")
    print(f"| different photos accepted | {len(found['wrongly_accepted'])} of {found['different_tried']} |")
    print(f"| most inliers by chance | {found['most_inliers_by_chance']} |")
    parts = ", ".join(f"{part} {s:.2f}" for part, s in found["seconds"].items())
    print(f"| seconds per pair, medians of the parts | {total_s:.2f} ({parts}) |")
    for text in [*found["refused"], *(f"wrong: {text}" for text in found["wrongly_accepted"])]:
        print(f"\n{text}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
