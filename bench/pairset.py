"""How fast do training samples come? Samples per second of 512x512 crops from 1536x1024 JPEG pairs.

python bench/pairset.py [--pairs 24] [--repeats 3] [--json FILE]

The pairs are made of generated textures in a temporary folder, JPEG of quality 95 without subsampling as
`wideopen pairs synthesise` writes them, and a little heavier than real ones. A sample is a mirrored
crop of both pictures, float32 unless it says uint8. The baseline is a plain loop that decodes whole pictures with
Pillow. The best of the repeats counts. CPU is what a sample costs of all threads and processes together: two
idle cores feed no more than 2000 / CPU samples per second, and another job on the machine lowers only the rate.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from wideopen.pairs.pair import Pair
from wideopen.pairs.pairset import PairSet

WIDTH, HEIGHT, CROP = 1536, 1024, 512
BATCH = 8
LOAD = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def texture(rng):
    """Noise of all scales, coarse scales strongest, as in photos."""
    pixels = np.full((HEIGHT, WIDTH, 3), 128.0)
    for octave in range(9):
        size = (WIDTH >> octave or 1, HEIGHT >> octave or 1)
        for c in range(3):
            noise = Image.fromarray(rng.normal(0, 1.8 * 1.65**octave, size[::-1]).astype(np.float32))
            pixels[..., c] += np.asarray(noise.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)) * (1, 0.8, 0.9)[c]
    # Colours of one photo go together.
    grey = pixels.mean(axis=2, keepdims=True)
    return Image.fromarray((grey + 0.3 * (pixels - grey)).clip(0, 255).astype(np.uint8))


def make_pairs(folder, count):
    pairs = []
    for number in range(count):
        rng = np.random.default_rng(number)
        pair = Pair(*[str(number), *(folder / f"{number}-{part}.jpg" for part in ("original", "bokeh"))],
                    depth=folder / f"{number}-depth.png")  # fmt: skip
        sharp = texture(rng)
        sharp.save(pair.original, quality=95, subsampling="4:4:4", optimize=True)
        sharp.filter(ImageFilter.GaussianBlur(6)).save(pair.bokeh, quality=95, subsampling="4:4:4", optimize=True)
        depth = Image.fromarray(np.linspace(0, 65535, WIDTH * HEIGHT).reshape(HEIGHT, WIDTH).astype(np.uint16))
        depth.save(pair.depth)
        pairs.append(pair)
    return pairs


def plain_loop(pairs):
    """Do the least that anyone would write."""
    rng = np.random.default_rng(0)
    for pair in pairs:
        top, left, step = rng.integers(HEIGHT - CROP + 1), rng.integers(WIDTH - CROP + 1), rng.choice([-1, 1])
        for path in (pair.original, pair.bokeh):
            crop = np.asarray(Image.open(path).convert("RGB"))[top : top + CROP, left : left + CROP][:, ::step]
            np.divide(crop, np.float32(255))
    return len(pairs)


def stream(pairs, workers, **settings):
    pairset = PairSet(pairs, (CROP, CROP), **settings)
    return sum(len(batch["original"]) for batch in pairset.batches(BATCH, workers=workers))


def by_processes(pairs, workers, **settings):
    """Make samples in processes, which send them as pickles, as PyTorch's loader does by shared memory."""
    pairset = PairSet(pairs, (CROP, CROP), **settings)
    with get_context("spawn").Pool(workers) as pool:
        # Not what starting takes, but what a sample does.
        pool.map(abs, range(64))
        begun = clock()
        count = sum(1 for _ in pool.imap(partial(pairset.sample, 0), range(len(pairset))))
        wall_s = clock()[0] - begun[0]
        pool.close()
        pool.join()
    return count, wall_s


def clock():
    """Seconds on the wall, and of the CPU by this process and by children that have ended."""
    times = os.times()
    return time.perf_counter(), times.user + times.system + times.children_user + times.children_system


def measure(work, repeats):
    best = None
    for _ in range(repeats):
        begun = clock()
        count = work()
        wall_s, cpu_s = (b - a for a, b in zip(begun, clock(), strict=True))
        if isinstance(count, tuple):
            # The processes' start would count as theirs.
            (count, wall_s), cpu_s = count, float("nan")
        row = {"per_second": count / wall_s, "cpu_ms": 1000 * cpu_s / count}
        best = row if best is None or row["per_second"] > best["per_second"] else best
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pairs = make_pairs(Path(folder), arguments.pairs)
        sizes_kb = {
            part: np.mean([getattr(p, part).stat().st_size for p in pairs]) / 1000 for part in ("original", "bokeh")
        }
        ways = {
            "plain loop, Pillow (baseline)": partial(plain_loop, pairs),
            "no worker": partial(stream, pairs, 0),
            "1 thread": partial(stream, pairs, 1),
            "2 threads": partial(stream, pairs, 2),
            "2 processes": partial(by_processes, pairs, 2),
            "2 threads, uint8": partial(stream, pairs, 2, as_float=False),
            "2 processes, uint8": partial(by_processes, pairs, 2, as_float=False),
            "2 threads, with depth of 16 bits": partial(stream, pairs, 2, with_depth=True),
            **{f"2 threads, {k} crops per decode": partial(stream, pairs, 2, crops_per_decode=k) for k in (2, 4, 8)},
        }
        rows = {name: measure(work, arguments.repeats) for name, work in ways.items()}
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(
        "# Speed of training samples\n\n`python bench/pairset.py`. " + " ".join(__doc__.split("\n\n")[2].split()) + "\n"
    )
    print(f"{machine}, load before the run {LOAD:.1f}; {arguments.pairs} pairs, batches of {BATCH}; files of "
          f"{sizes_kb['original']:.0f} kB sharp and {sizes_kb['bokeh']:.0f} kB blurred.\n")  # fmt: skip
    print("| way | samples per second | times the baseline | CPU per sample |\n|---|--:|--:|--:|")
    floor = rows["plain loop, Pillow (baseline)"]["per_second"]
    for name, row in rows.items():
        cpu = "" if np.isnan(row["cpu_ms"]) else f"{row['cpu_ms']:.1f} ms"
        print(f"| {name} | {row['per_second']:.0f} | {row['per_second'] / floor:.1f} | {cpu} |")
    if arguments.json:
        record = {"machine": machine, "load_before": LOAD, "sizes_kb": sizes_kb, "rows": rows}
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
