"""What does one command cost in all? Whole processes, Python's start included, and their peak memory.

python bench/startup.py [--repeats 5] [--json FILE]

Every row is ``wideopen render PHOTO.jpg`` in a process of its own, on the bundled photo resized (so that it has no
depth of its own, and the built-in prior is asked). Wall is the least of the repeats, in seconds; the steps
are those of that run; start is what is left: Python, imports, loading compiled code. Memory is the peak resident
set. The first row compiles everything, into an empty cache. Machines differ: the baseline is
``python -c "import numpy, numba"`` in the same run.
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

from PIL import Image

SIZES = ((1536, 1024), (4000, 3000), (8000, 6000), (20000, 16), (16, 20000))
STEPS = ("read", "scene", "render", "write")


def run(arguments, **environment):
    """Run Python, and return seconds on the wall, peak memory in megabytes, and what it printed."""
    with tempfile.TemporaryFile() as printed:
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, *arguments], stdout=printed, env={**os.environ, **environment})
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(arguments)} ended with {process.returncode}")
        printed.seek(0)
        # The system counts in kilobytes, macOS in bytes.
        megabytes = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024)
        return wall_s, megabytes, printed.read().decode()


def render(photo, repeats, **environment):
    """Render a photo as often as wished, and describe the quickest run."""
    best = None
    for _ in range(repeats):
        command = ["-m", "wideopen", "render", str(photo), "--overwrite", "--json"]
        wall_s, megabytes, printed = run(command, **environment)
        if best is None or wall_s < best["wall_s"]:
            seconds = json.loads(printed)["seconds"]
            start_s = wall_s - sum(seconds.values())
            best = {"wall_s": wall_s, "start_s": start_s, "peak_mb": megabytes, **{f"{s}_s": seconds[s] for s in STEPS}}
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(["-m", "wideopen", "sample", "-o", str(folder / "sample.jpg")])
        with Image.open(folder / "sample.jpg") as picture:
            for width, height in SIZES:
                scaled = picture.resize((width, height), Image.Resampling.LANCZOS)
                scaled.save(folder / f"{width}x{height}.jpg", quality=92)
        first = render(folder / "1536x1024.jpg", 1, NUMBA_CACHE_DIR=str(folder / "cache"))
        baseline_s = min(run(["-c", "import numpy, numba"])[0] for _ in range(arguments.repeats))
        rows = {"1536x1024, first ever": first}
        for width, height in SIZES:
            rows[f"{width}x{height}"] = render(folder / f"{width}x{height}.jpg", arguments.repeats)
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load before the run {load:.1f}"
    print("# The cost of one command\n\n`make startup`. " + " ".join(__doc__.split("\n\n")[2].split()) + "\n")
    print(f"{machine}. The baseline takes {baseline_s:.2f} s.\n")
    print("| photo | wall | start | " + " | ".join(STEPS) + " | times the baseline | peak memory |")
    print("|---|" + "--:|" * (len(STEPS) + 4))
    for name, row in rows.items():
        cells = [f"{row[key]:.2f} s" for key in ("wall_s", "start_s", *(f"{step}_s" for step in STEPS))]
        print(f"| {name} | {' | '.join(cells)} | {row['wall_s'] / baseline_s:.1f} | {row['peak_mb']:.0f} MB |")
    if arguments.json:
        record = {"machine": machine, "baseline_s": baseline_s, "rows": rows}
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
