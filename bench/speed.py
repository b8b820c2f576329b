"""How fast is the layered renderer? Ratios to plain scattering on the same depth, in one run.

python bench/speed.py [--size 1536x1024] [--repeats 7] [--json FILE]

The baseline spreads every point into every pixel of its disc, bands of rows in parallel, without occlusion. The
floor is the time to move the least bytes (light and radius in, light out) at the memory bandwidth that a parallel
copy reaches in the same run. Times are the least of the repeats, in seconds, compilation left out; machines
differ, so read the ratios.
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

LOAD = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


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


@njit(parallel=True, cache=True)
def copy(source, target):
    """Move as many bytes as memory lets through."""
    for i in prange(source.size):
        target[i] = source[i]


def least_seconds(action, repeats):
    action()
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        spent.append(time.perf_counter() - start)
    return min(spent)


def fields(height, width):
    """Blur of a plane that recedes, of a subject before a wall, and of walls, in pixels at 1536 wide."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    scale = width / 1536
    subject = np.hypot(x - width / 2, y - height / 2) < height / 4
    walls = {
        f"{radius_px} px": np.full((height, width), -radius_px * scale, np.float32) for radius_px in (4, 8, 10, 40, 80)
    }
    return {
        "mixed, 0 to 40 px": (-40 * scale * y / height).astype(np.float32),
        "subject before 40 px": np.where(subject, 0, -40 * scale).astype(np.float32),
        **walls,
    }


def bandwidth(repeats):
    """Bytes per second that a copy by all threads reads and writes."""
    source = np.ones(32_000_000, np.float32)
    target = np.empty_like(source)
    return 2 * source.nbytes / least_seconds(lambda: copy(source, target), repeats)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="1536x1024")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    # Light that varies as a photo's does: every third detail is finer than a disc, none is a lamp.
    linear = np.random.default_rng(0).random((height, width, 3), np.float32)
    threads = numba.get_num_threads()
    # The least that any renderer must move: light and radius in, light out.
    floor_s = height * width * (12 + 4 + 12) / bandwidth(arguments.repeats)
    rows = {}
    for name, radius_px in fields(height, width).items():

        def ours(radius_px=radius_px):
            return spread_in_layers(take_apart(linear, radius_px), Iris())

        all_s = least_seconds(ours, arguments.repeats)
        numba.set_num_threads(1)
        one_s = least_seconds(ours, arguments.repeats)
        numba.set_num_threads(threads)
        plain_s = least_seconds(lambda r=radius_px: scatter_plainly(linear, r), 1)
        rows[name] = {
            "ours_s": round(all_s, 3),
            "one_thread_s": round(one_s, 3),
            "threads_gain": round(one_s / all_s, 2),
            "plain_s": round(plain_s, 3),
            "times_faster": round(plain_s / all_s, 1),
            "times_the_floor": round(all_s / floor_s, 1),
        }
    far = rows["80 px"]["ours_s"] / rows["10 px"]["ours_s"]
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print("# Speed of the layered renderer\n\n`make speed`. " + " ".join(__doc__.split("\n\n")[2].split()) + "\n")
    print(f"{arguments.size}, {threads} threads, {machine}, load before the run {LOAD:.1f}\n")
    print("| blur | ours | on one thread | threads gain | plain scatter | times faster | times the floor |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, row in rows.items():
        print(
            f"| {name} | {row['ours_s']:.3f} s | {row['one_thread_s']:.3f} s | {row['threads_gain']:.2f} | "
            f"{row['plain_s']:.2f} s | {row['times_faster']:.1f} | {row['times_the_floor']:.0f} |"
        )
    print(f"\nTime at 80 px is {far:.2f} times that at 10 px. The floor is {floor_s * 1000:.1f} ms.")
    if arguments.json:
        record = {
            "size": arguments.size,
            "threads": threads,
            "machine": machine,
            "load_before": LOAD,
            "floor_s": round(floor_s, 5),
            "time_80_px_over_10_px": round(far, 2),
            "rows": rows,
        }
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
