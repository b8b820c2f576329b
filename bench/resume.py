"""Is a data set whose building was killed the same as one built in one go, and how long does a pair take?

python bench/resume.py PHOTOS [--pairs 200] [--jobs 2] [--json FILE]

Shots are made of the photos as by bench/align.py. `wideopen pairs build` makes one data set of them without a break,
and another that is killed (SIGKILL to all its processes) once half of the pairs are there, and started again; then
it is started once more, and must change nothing. All files of both are compared byte by byte.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from align import save, shoot


def command(folder, out, jobs):
    return [
        sys.executable, "-m", "wideopen", "pairs", "build", "--wide", folder / "wide", "--shallow", folder / "shallow",
        out, "--jobs", str(jobs), "--json",
    ]  # fmt: skip


def built(folder, out, jobs):
    start = time.perf_counter()
    done = subprocess.run(command(folder, out, jobs), check=True, capture_output=True, text=True)
    return json.loads(done.stdout), time.perf_counter() - start


def kill_half_way(folder, out, jobs, count):
    """Start building and kill it; return how many pairs were on the disk."""
    running = subprocess.Popen(command(folder, out, jobs), stdout=subprocess.DEVNULL, start_new_session=True)
    while len(list((out / "bokeh").glob("*.jpg"))) < count // 2:
        if running.poll() is not None:
            raise RuntimeError("building ended before it could be killed")
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    return len(list((out / "bokeh").glob("*.jpg")))


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def state(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def measure(photos, count, jobs):
    with TemporaryDirectory() as name:
        folder = Path(name)
        for side in ("wide", "shallow"):
            (folder / side).mkdir()
        for number in range(count):
            wide, shallow, _ = shoot(photos[number % len(photos)], number)
            save(wide, folder / "wide" / f"{number:03}.jpg")
            save(shallow, folder / "shallow" / f"{number:03}.jpg")
        whole, whole_s = built(folder, folder / "whole", jobs)
        there = kill_half_way(folder, folder / "killed", jobs, count)
        resumed, resumed_s = built(folder, folder / "killed", jobs)
        before = state(folder / "killed")
        again, again_s = built(folder, folder / "killed", jobs)
        return {
            "pairs": count,
            "jobs": jobs,
            "accepted": whole["accepted"],
            "refused": whole["refused"],
            "whole_s": round(whole_s, 1),
            "per_pair_s": round(whole_s / count, 3),
            "there_when_killed": there,
            "kept_when_resumed": resumed["kept"],
            "resumed_s": round(resumed_s, 1),
            "same_bytes": content(folder / "whole") == content(folder / "killed"),
            "third_run_s": round(again_s, 1),
            "third_run_kept": again["kept"],
            "third_run_wrote_nothing": state(folder / "killed") == before,
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    photos = sorted(p for p in arguments.photos.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    found = measure(photos, arguments.pairs, arguments.jobs)
    found["machine"] = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print("# Building, killed and resumed\n")
    print(" ".join(__doc__.split("\n\n")[2].split()) + "\n")
    print(f"{found['machine']}; {len(photos)} photos, {found['jobs']} processes.\n")
    print("| | |\n|---|--:|")
    print(f"| pairs accepted | {found['accepted']} of {found['pairs']} |")
    print(f"| without a break | {found['whole_s']:.0f} s, {found['per_pair_s']:.2f} s per pair |")
    print(f"| pairs on the disk when killed | {found['there_when_killed']} |")
    print(f"| of these kept when resumed | {found['kept_when_resumed']} |")
    print(f"| same bytes as without a break | {'yes' if found['same_bytes'] else 'NO'} |")
    print(f"| a third run | {found['third_run_s']:.1f} s |")
    print(f"| the third run wrote nothing | {'yes' if found['third_run_wrote_nothing'] else 'NO'} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
