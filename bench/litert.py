"""Which networks can go to phones? LiteRT files of all solutions: parity, what GPUs refuse, seconds by XNNPACK.

python bench/litert.py [--size 256x192] [--only NAME...] [--precision float32] [--run] [--keep DIR] [--json FILE]

Each network, with random weights, is exported in a process of its own at one size and compared with PyTorch on the
bundled sample; solutions that share a network are exported once. What GPUs refuse is what LiteRT's WebGPU delegate
says when the GPU is the only device, here SwiftShader's, in software; with --run the picture that it gives is compared
with the CPU's as well, which takes minutes. Seconds are the least of three runs by XNNPACK on two threads. With --keep
the files stay in DIR with what is known of them, and a second run measures their seconds alone.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory


def one(name, size_px, precision, run, keep):
    """Export and measure one network; in a process of its own."""
    if keep is None:
        with TemporaryDirectory() as folder:
            return made_in(Path(folder), name, size_px, precision, run)
    known = keep / f"{name}.json"
    if not known.is_file():
        keep.mkdir(parents=True, exist_ok=True)
        known.write_text(json.dumps(made_in(keep, name, size_px, precision, run)))
    told = json.loads(known.read_text())
    file = keep / f"{name}.tflite"
    return {**told, "seconds": seconds_of(file, name, size_px)} if file.is_file() and "seconds" in told else told


def seconds_of(file, name, size_px):
    """The least of three runs behind one to warm up."""
    from wideopen.export.litert_file import LiteRtRunner
    from wideopen.export.portable import example_inputs
    from wideopen.zoo.catalog import solution

    runner = LiteRtRunner(file, threads=2)
    given = [each.numpy() for each in example_inputs(solution(name), size_px=size_px)]
    runner(*given)
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        runner(*given)
        taken.append(time.perf_counter() - start)
    return min(taken)


def made_in(folder, name, size_px, precision, run):
    import torch

    from wideopen.errors import WideopenError
    from wideopen.export.gpu_check import check_gpu
    from wideopen.export.litert_file import export_litert
    from wideopen.zoo.catalog import solution
    from wideopen.zoo.run import SolutionRenderer

    torch.manual_seed(0)
    found = solution(name)
    try:
        start = time.perf_counter()
        made = export_litert(
            SolutionRenderer(found, found.build().eval()), folder / f"{name}.tflite", size_px=size_px,
            precision=precision,
        )  # fmt: skip
        told = {
            "seconds_to_export": time.perf_counter() - start,
            "error_levels": made.error_levels,
            "contrast_levels": made.contrast_levels,
            "bytes": made.bytes,
        }
        told["seconds"] = seconds_of(made.path, name, size_px)
        told["refused"] = [vars(each) for each in check_gpu(made.path, run=run, timeout_s=1500)]
    except WideopenError as error:
        return {**locals().get("told", {}), "error": str(error)}
    return told


def measured(name, arguments):
    """Ask another process; a crash there is told."""
    command = [sys.executable, __file__, "--size", arguments.size, "--precision", arguments.precision, "--one", name]
    command += ["--keep", str(arguments.keep)] if arguments.keep else []
    ended = subprocess.run(
        command + ["--run"] * arguments.run, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "2"}
    )
    lines = [line for line in ended.stdout.splitlines() if line.startswith('{"')]
    return json.loads(lines[-1]) if lines else {"error": f"ended with {ended.returncode}: {ended.stderr[-300:]}"}


def row(name, found):
    if "bytes" not in found:
        return f"| {name} | no: {found['error']} | | | | |"
    refused = found.get("refused")
    kinds = sorted({each["operation"] for each in refused or []})
    gpu = found.get("error") or (f"{len(refused)}: {', '.join(kinds)}" if refused else "none")
    return (
        f"| {name} | yes | {found['error_levels']:.4f} of {found['contrast_levels']:.0f} | "
        f"{found['bytes'] / 1e6:.1f} | {gpu} | {found['seconds']:.2f} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="256x192")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--run", action="store_true")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one")
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    if arguments.one:
        print(json.dumps(one(arguments.one, (width, height), arguments.precision, arguments.run, arguments.keep)))
        return
    from wideopen.zoo.catalog import SOLUTIONS

    print(f"# LiteRT files at {arguments.size}, {arguments.precision}\n")
    print("| solution | converts | largest error, levels | MB | refused by the GPU | s, XNNPACK, 2 threads |")
    print("| --- | --- | --- | --- | --- | --- |")
    rows, by_network = {}, {}
    for each in sorted(SOLUTIONS, key=lambda each: each.parameters):
        if arguments.only and each.name not in arguments.only:
            continue
        if each.build not in by_network:
            by_network[each.build] = measured(each.name, arguments)
        rows[each.name] = by_network[each.build]
        print(row(each.name, rows[each.name]), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps({"size": arguments.size, "solutions": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
