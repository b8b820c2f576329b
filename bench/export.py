"""Which networks leave PyTorch, how near do they stay, and what is won?

python bench/export.py [--size 1536x1024] [--only NAME...] [--checkpoints DIR] [--photos DIR] [--litert FILE]
                       [--precisions float16 int8] [--limit 1800] [--rows FILE...] [--json FILE]

Each solution, with the weights of DIR/NAME/best.safetensors or else random ones, is exported to ONNX in a process of
its own and within a time limit; a failure is a row with its reason. Untrained solutions that share a network are
measured once. The error is the largest difference from PyTorch in float32, in 8-bit levels, on the bundled sample and
the first two photos of --photos; the contrast beside it is what PyTorch's picture has between its darkest and its
brightest value, for random weights may give a flat one, on which a small error says little. Seconds are the least of
three runs behind one to warm up, all in the same process on two threads and in float32: torch as it is (channels first,
no gradient), ONNX Runtime and OpenVINO; guides are given. float16 and int8 have the size of their file, the least PSNR
between their pictures and those of PyTorch in float32, even where the export would be refused for it, and the seconds
of ONNX Runtime; only the PSNR of trained weights says what they cost, and int8 has been calibrated on crops of the same
pictures. The columns of LiteRT come from the file that bench/litert.py --json writes.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEADS = (
    "solution", "weights", "ONNX", "error", "contrast", "float32", "torch", "ONNX Runtime", "OpenVINO", "float16",
    "int8", "LiteRT", "GPU refuses", "XNNPACK",
)  # fmt: skip
THREADS = 2


def seconds(run, repeats=3):
    run()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)


def one(name, size_px, checkpoints, photos, precisions):
    """Export and time one solution; in a process of its own. Gives what it has after every step."""
    import torch

    import wideopen
    from wideopen.errors import RequestError
    from wideopen.export import onnx_file, parity
    from wideopen.export.portable import Portable
    from wideopen.export.renderer import load_runner
    from wideopen.score.runtime import timing_photo
    from wideopen.zoo.catalog import solution
    from wideopen.zoo.checkpoint import load
    from wideopen.zoo.run import SolutionRenderer

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    found = solution(name)
    kept = checkpoints / name / "best.safetensors" if checkpoints else None
    record, network = None, found.build()
    if kept is not None and kept.is_file():
        _, network, record = load(kept)
    plain = onnx_file.plainly(SolutionRenderer(found, network))
    portable = Portable(found, plain.network, size_px=size_px).eval()
    given = onnx_file.given_for(plain, timing_photo(size_px))
    seen = [wideopen.read(each) for each in sorted(photos.iterdir())[:2]] if photos else []
    row = {"weights": f"step {record.step}" if record else "random"}
    start = time.perf_counter()
    model = onnx_file.traced(portable, found, given)
    row["export_s"] = time.perf_counter() - start
    row["operators"] = len(model.graph.node)
    with tempfile.TemporaryDirectory(prefix="wideopen-") as folder:
        file = Path(folder) / "float32.onnx"
        done = onnx_file.finish(model, plain, file, size_px=size_px, photos=seen)
        row |= {"error_levels": done.error_levels, "contrast_levels": done.contrast_levels, "bytes": done.bytes}
        yield row
        inputs = [torch.from_numpy(each) for each in given]
        with torch.inference_mode():
            row["torch_s"] = seconds(lambda: portable(*inputs))
        yield row
        for runtime in ("onnxruntime", "openvino"):
            try:
                runner = load_runner(file, runtime, threads=THREADS)
                row[f"{runtime}_s"] = seconds(lambda runner=runner: runner(*given))
            except RequestError as error:
                row[f"{runtime}_error"] = str(error)
            yield row
    # The cost is asked for, whether or not it would be refused.
    parity.MOST_LEVELS |= {"float16": 255.0}
    parity.LEAST_PSNR_DB |= {"float16": 0.0, "int8": 0.0}
    for precision in precisions:
        with tempfile.TemporaryDirectory(prefix="wideopen-") as folder:
            out = Path(folder) / "network.onnx"
            try:
                done = onnx_file.finish(model, plain, out, size_px=size_px, precision=precision, photos=seen)
                runner = load_runner(out, "onnxruntime", threads=THREADS)
                row[precision] = {
                    "bytes": done.bytes,
                    "psnr_db": done.psnr_db,
                    "error_levels": done.error_levels,
                    "seconds": seconds(lambda runner=runner: runner(*given)),
                }
            except Exception as error:  # a row says why
                row[precision] = {"error": " ".join(str(error).split())[:200]}
            yield row


def measured(name, arguments):
    """The last row that the process gave, and why there was none after it."""
    words = [sys.executable, __file__, "--one", name, "--size", arguments.size]
    for option in ("checkpoints", "photos"):
        words += [f"--{option}", str(getattr(arguments, option))] if getattr(arguments, option) else []
    words += ["--precisions", *arguments.precisions]
    environment = os.environ | {"OMP_NUM_THREADS": str(THREADS)}
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=arguments.limit, env=environment)
        said, code, complaint = done.stdout, done.returncode, done.stderr
    except subprocess.TimeoutExpired as error:
        said, code, complaint = (error.stdout or b"").decode(), 1, f"not done within {arguments.limit} s"
    row = {"solution": name}
    for line in said.splitlines():
        row |= json.loads(line)
    if code:
        lines = complaint.strip().splitlines()
        row["failed"] = lines[-1].removeprefix("wideopen.errors.RequestError: ")[:300] if lines else f"ended by {code}"
    return row


def cells_of(row, phone):
    """One line of the table."""

    def told(key, form):
        return form.format(row[key]) if key in row else ""

    def lower(precision):
        found = row.get(precision, {})
        if "psnr_db" not in found:
            return found.get("error", "")
        return f"{found['bytes'] / 1e6:.1f} MB, {found['psnr_db']:.1f} dB, {found['seconds']:.2f} s"

    exported = told("export_s", "yes, in {:.0f} s") if "bytes" in row else ""
    failed = row.get("failed", "")
    times = [
        told(f"{key}_s", "{:.2f} s") or row.get(f"{key}_error", "") for key in ("torch", "onnxruntime", "openvino")
    ]
    megabytes = f"{row['bytes'] / 1e6:.1f} MB" if "bytes" in row else ""
    return [
        row["solution"], row.get("weights", ""), "; ".join(filter(None, [exported, failed])),
        told("error_levels", "{:.1g}"), told("contrast_levels", "{:.3g}"), megabytes, *times,
        lower("float16"), lower("int8"), *phone_cells(phone),
    ]  # fmt: skip


def phone_cells(phone):
    """LiteRT's three columns, as bench/litert.py tells them."""
    if not phone:
        return ["", "", ""]
    refused = phone.get("refused")
    if isinstance(refused, list):
        refused = ", ".join(sorted({each["operation"] for each in refused}))
    taken = phone.get("seconds")
    return [
        phone.get("error") or "yes",
        "" if refused is None else refused or "nothing",
        f"{taken:.2f} s" if isinstance(taken, int | float) else "",
    ]


def main():
    from wideopen.zoo.catalog import SOLUTIONS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="1536x1024")
    parser.add_argument("--only", nargs="*", default=[each.name for each in SOLUTIONS])
    parser.add_argument("--checkpoints", type=Path, help="folder of runs, as wideopen train leaves it")
    parser.add_argument("--photos", type=Path, help="folder of sharp photos to compare on")
    parser.add_argument("--precisions", nargs="*", default=["float16", "int8"], help="beside float32")
    parser.add_argument("--litert", type=Path, help="what bench/litert.py wrote")
    parser.add_argument("--rows", nargs="*", type=Path, default=[], help="JSON of earlier runs, not measured again")
    parser.add_argument("--limit", type=int, default=1800, help="seconds for each solution")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    size_px = tuple(int(part) for part in arguments.size.split("x"))
    if arguments.one:
        from wideopen.score.exported import quiet

        told = sys.stdout
        with quiet():  # standard output carries rows
            for row in one(arguments.one, size_px, arguments.checkpoints, arguments.photos, arguments.precisions):
                print(json.dumps(row), file=told, flush=True)
        return
    from importlib.metadata import version

    named = ", ".join(f"{name} {version(name)}" for name in ("torch", "onnx", "onnxscript", "onnxruntime"))
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {named}"
    phones = json.loads(arguments.litert.read_text())["solutions"] if arguments.litert else {}
    print("# What leaves PyTorch\n")
    print(" ".join(__doc__.split("\n\n")[2].split()) + "\n")
    print(f"{machine}, {arguments.size}.\n")
    print(f"| {' | '.join(HEADS)} |")
    print("|---|---|---|" + "--:|" * (len(HEADS) - 3), flush=True)
    rows, by_network, known = {}, {}, {}
    for file in arguments.rows:
        for name, row in json.loads(file.read_text())["solutions"].items():
            known[name] = known.get(name, {}) | row
    for each in sorted(SOLUTIONS, key=lambda each: each.parameters):
        name = each.name
        if name not in arguments.only:
            continue
        trained = arguments.checkpoints and (arguments.checkpoints / name / "best.safetensors").is_file()
        key = name if trained else each.build
        if key not in by_network:
            by_network[key] = known.get(name) or measured(name, arguments)
        rows[name] = {**by_network[key], "solution": name}
        print(f"| {' | '.join(cells_of(rows[name], phones.get(name)))} |", flush=True)
    if arguments.json:
        told = {"machine": machine, "size": arguments.size, "solutions": rows}
        arguments.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
