"""What does each network cost? Seconds and memory at 1536x1024, plain and by our runner.

python bench/zoo.py [--size 1536x1024] [--device cpu] [--repeats 2] [--only NAME...] [--json FILE]

Each network, with random weights, renders one random picture in a process of its own, two threads: plain as the
framework does it (float32, channels first, whole, no gradient), and by wideopen's runner (channels last, bfloat16
where the processor has it). Guides are given, so that nothing but the network counts. Seconds are the least of the
repeats behind one run to warm up; memory is the peak of the resident set above that of building the network, so that
a small figure can be a large network's. The speed-up is plain over runner in the same run. GMAC are the
multiplications of convolutions and matrix products, by torch's own counter.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

WAYS = ("plain", "runner float32", "runner")


def one(name, way, width, height, device, repeats):
    """Measure one network one way; in a process of its own."""
    import resource

    import numpy as np
    import torch

    from wideopen import DepthMap, Photo
    from wideopen.zoo.catalog import solution
    from wideopen.zoo.run import SolutionRenderer, prepared

    torch.set_num_threads(2)
    torch.manual_seed(0)
    found = solution(name)
    network = found.build().eval()
    random = np.random.default_rng(0)
    pixels = random.random((height, width, 3), np.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if way == "plain":
        network = network.to(device)
        low, high = found.value_range
        picture = torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous() * (high - low) + low
        guides = [torch.rand(1, 1, height, width) * high for _ in found.needs]

        def run():
            with torch.inference_mode():
                return network(picture.to(device), *(guide.to(device) for guide in guides)).cpu()
    else:
        depth = DepthMap(random.random((height, width), np.float32), metric=False, origin="bench")
        photo = Photo(pixels=pixels, depth=depth, matte=random.random((64, 64), np.float32))
        renderer = prepared(
            SolutionRenderer(found, network, device=device, precision="float32" if way == "runner float32" else "auto")
        )
        guides = renderer.guides(photo)
        # Guides are looked for once, for the network's time is asked for.
        object.__setattr__(renderer, "guides", lambda photo: guides)

        def run():
            return renderer(photo)

    run()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {"seconds": min(seconds), "peak_mb": peak}


def multiplications(name, width, height):
    """Count them on a quarter of the area, for they grow with it."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from wideopen.zoo.catalog import solution

    found = solution(name)
    network = found.build().eval()
    picture = torch.rand(1, 3, height // 4, width // 4)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(picture, *(torch.rand(1, 1, height // 4, width // 4) for _ in found.needs))
    return counter.get_total_flops() / 2 * 16 / 1e9


def measured(name, way, arguments):
    words = [sys.executable, __file__, "--one", name, way, "--size", arguments.size, "--device", arguments.device]
    done = subprocess.run([*words, "--repeats", str(arguments.repeats)], capture_output=True, text=True)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1][:200] if done.stderr.strip() else "ended"}
    return json.loads(done.stdout.splitlines()[-1])


def main():
    from wideopen.zoo.catalog import SOLUTIONS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="1536x1024")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[each.name for each in SOLUTIONS])
    parser.add_argument("--keep", action="store_true", help="keep what --json has, and measure the rest")
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=WAYS)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    width, height = (int(part) for part in arguments.size.split("x"))
    if arguments.one:
        print(json.dumps(one(*arguments.one, width, height, arguments.device, arguments.repeats)))
        return
    import torch

    named = "CUDA " + torch.cuda.get_device_name() if arguments.device != "cpu" else f"{os.cpu_count()} cores"
    machine = f"{platform.system()} {platform.machine()}, {named}, torch {torch.__version__}"
    print("# What the networks cost\n")
    print(" ".join(__doc__.split("\n\n")[2].split()) + "\n")
    print(f"{machine}, {arguments.size}.\n")
    print(
        "| solution | parameters | GMAC | plain | runner, float32 | runner | speed-up | memory plain | memory runner |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    rows, known = {}, {}
    before = json.loads(arguments.json.read_text())["solutions"] if arguments.keep else {}
    for each in (each for each in SOLUTIONS if each.name in arguments.only or each.name in before):
        key = (each.build, each.parameters)
        if each.name in before:
            known[key] = before[each.name]
        elif key not in known:
            known[key] = {way: measured(each.name, way, arguments) if way in arguments.ways else {} for way in WAYS}
            known[key]["gmac"] = multiplications(each.name, width, height)
        row = rows[each.name] = known[key]
        seconds = [row[way].get("seconds") for way in WAYS]
        told = [
            row[way]["error"] if value is None else f"{value:.2f} s" for way, value in zip(WAYS, seconds, strict=True)
        ]
        ratio = f"{seconds[0] / seconds[2]:.1f}" if seconds[0] and seconds[2] else ""
        memory = [f"{row[way].get('peak_mb', 0):.0f} MB" for way in ("plain", "runner")]
        cells = [each.name, f"{each.parameters:,}", f"{row['gmac']:.0f}", *told, ratio, *memory]
        print(f"| {' | '.join(cells)} |", flush=True)
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"machine": machine, "size": arguments.size, "solutions": rows}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
