"""How fast is the layered renderer? Ratios to plain scattering on the same depth, in one run.

python bench/speed.py [--size 1536x1024] [--repeats 5] [--json FILE]

The baseline spreads every point into every pixel of its disc, bands of rows in parallel, without occlusion.
Times are the least of the repeats, in seconds, compilation left out; machines differ, so read the ratios.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

import numba
import numpy as np
from numba import njit, prange

from wideopen import Iris
from wideopen.renderer.layered import spread_in_layers
from wideopen.renderer.sheets import take_apart


@njit(parallel=True, cache=True)
def scatter_plainly(linear, radius_px):
    """The naive form: a soft disc of each point's own radius, weights normalised."""
    height, width = radius_px.shape
    out = np.zeros_like(linear)
    bands = 64
    reach = int(np.ceil(np.abs(radius_px).max())) + 1
    for band in prange(bands):
        top, bottom = band * height // bands, (band + 1) * height // bands
        light = np.zeros((bottom - top, width, 4))
        for y in range(max(0, top - reach), min(height, bottom + reach)):
            for x in range(width):
                radius = max(abs(radius_px[y, x]), np.float32(0.5))
                own = int(np.ceil(radius + 0.5))
                value = 1 / (np.pi * radius * radius)
                for row in range(max(top, y - own), min(bottom, y + own + 1)):
                    for column in range(max(0, x - own), min(width, x + own + 1)):
                        distance = np.sqrt(float((row - y) ** 2 + (column - x) ** 2))
                        weight = min(max(radius - distance + 0.5, 0.0), 1.0) * value
                        for c in range(3):
                            light[row - top, column, c] += weight * linear[y, x, c]
                        light[row - top, column, 3] += weight
        for row in range(bottom - top):
            for column in range(width):
                for c in range(3):
                    out[top + row, column, c] = light[row, column, c] / max(light[row, column, 3], 1e-9)
    return out


def least_seconds(action, repeats):
    action()
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        spent.append(time.perf_counter() - start)
    return min(spent)


def fields(height, width):
    """Blur of a plane that recedes, and of a subject before a wall, up to 40 px at 1536 wide."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    scale = width / 1536
    subject = np.hypot(x - width / 2, y - height / 2) < height / 4
    return {
        "mixed, 0 to 40 px": (-40 * scale * y / height).astype(np.float32),
        "subject before 40 px": np.where(subject, 0, -40 * scale).astype(np.float32),
        "10 px": np.full((height, width), -10 * scale, np.float32),
        "40 px": np.full((height, width), -40 * scale, np.float32),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="1536x1024")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    linear = np.random.default_rng(0).random((height, width, 3), np.float32)
    rows = {}
    for name, radius_px in fields(height, width).items():
        ours = least_seconds(lambda r=radius_px: spread_in_layers(take_apart(linear, r), Iris()), arguments.repeats)
        plain = least_seconds(lambda r=radius_px: scatter_plainly(linear, r), 1)
        rows[name] = {"ours_s": round(ours, 3), "plain_s": round(plain, 3), "times_faster": round(plain / ours, 1)}
    print(f"{arguments.size}, {numba.get_num_threads()} threads, {platform.processor() or platform.machine()}\n")
    print("| blur | ours | plain scatter | times faster |\n|---|--:|--:|--:|")
    for name, row in rows.items():
        print(f"| {name} | {row['ours_s']:.3f} s | {row['plain_s']:.2f} s | {row['times_faster']:.1f} |")
    if arguments.json:
        record = {
            "size": arguments.size,
            "threads": numba.get_num_threads(),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            "rows": rows,
        }
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
