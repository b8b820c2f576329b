"""How fast does the studio feel, and does it keep its memory?

python bench/studio.py [--photos DIR] [--steps 100] [--opened 50] [--json FILE]

The studio is served by its own command and used in Debian's chromium, on the same cores. From ring to picture: every
step of the aperture ring, by a key, until the picture with that aperture is painted, at the size that the page chooses
for live pictures here (1024 pixels, or 640 where those are slow); each step waits for the one before. Dragged: the ring
is dragged for some seconds at 60 moves a second, and each picture counts from the newest move that it shows. While a
large picture is drawn: a step 50 ms after the picture for the resting hand was begun, on a screen for which that has
2048 pixels. First
preview: from the moment that a photo of 12 or 48 megapixels is given to the page until it is painted, blurred; the
first photo of all also waits for compiled code to be loaded. Photos come from DIR, else the sample is enlarged to these
sizes. Memory is the resident set of the server and its children while one photo after another is opened.
"""

import argparse
import io
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from PIL import Image
from playwright.sync_api import sync_playwright

STEP = """async (keys) => {
  const { studio } = await import("/static/app.js");
  const ring = document.querySelector("#ring"), taken = [];
  ring.focus();
  for (const key of keys) {
    const shown = new Promise((done) => {
      studio.addEventListener("rendered", (event) => done(event.detail), { once: true });
    });
    const since = performance.now();
    ring.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    const detail = await shown;
    taken.push([performance.now() - since, detail.side, detail.server_ms]);
    while (document.documentElement.dataset.live !== "still") await new Promise((done) => setTimeout(done, 5));
  }
  return taken;
}"""
DRAG = """async (seconds) => {
  const { studio } = await import("/static/app.js");
  const taken = [], note = (event) => taken.push([event.detail.ms, event.detail.side]);
  studio.addEventListener("rendered", note);
  const start = performance.now();
  for (let k = 0; performance.now() - start < seconds * 1000; k += 1) {
    const t = 0.5 - 0.5 * Math.cos(k / 20);
    const metric = studio.photo.depth.metric;
    studio.setLook(metric ? { f_number: 1.2 * (16 / 1.2) ** t } : { max_blur_percent: 2.4 * t }, { live: true });
    await new Promise((done) => setTimeout(done, 1000 / 60));
  }
  while (document.documentElement.dataset.live !== "still") await new Promise((done) => setTimeout(done, 5));
  studio.removeEventListener("rendered", note);
  return taken.filter(([, side]) => side <= 1024);
}"""
WHILE_LARGE = """async (keys) => {
  const { studio } = await import("/static/app.js");
  const ring = document.querySelector("#ring"), taken = [];
  const picture = () => new Promise((done) => {
    studio.addEventListener("rendered", (event) => done(event.detail), { once: true });
  });
  const turn = (key) => ring.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  ring.focus();
  for (const key of keys) {
    const first = picture();
    turn(key);
    await first;
    await new Promise((done) => setTimeout(done, 300)); // the large one is begun after 250
    const shown = picture(), since = performance.now();
    turn(key);
    const detail = await shown;
    if (detail.side <= 1024) taken.push(performance.now() - since);
    while (document.documentElement.dataset.live !== "still") await new Promise((done) => setTimeout(done, 5));
  }
  return taken;
}"""
OPENED = """async () => {
  const { studio } = await import("/static/app.js");
  window.since = 0;
  window.shown = null;
  const begin = () => { window.since = performance.now(); window.shown = null; };
  document.querySelector("#file").addEventListener("change", begin, { capture: true });
  studio.addEventListener("rendered", () => { window.shown ??= performance.now() - window.since; });
}"""
SIZES = {"12 MP": (4032, 3024), "48 MP": (8064, 6048)}


def enlarged(folder, count):
    """Photos of every size, each another file."""
    from wideopen.sample import save_sample

    picture = Image.open(save_sample(folder / "sample.jpg")).convert("RGB")
    found = {}
    for name, size in SIZES.items():
        large = picture.resize(size, Image.Resampling.BICUBIC)
        buffer = io.BytesIO()
        large.save(buffer, "JPEG", quality=92)
        for number in range(count if name == "12 MP" else 3):
            path = folder / f"{name.split()[0]}-{number}.jpg"
            path.write_bytes(buffer.getvalue() + bytes([number]))
            found.setdefault(name, []).append(path)
    return found


def memory_mb(process):
    every = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in every if each.is_running()) / 2**20


def summary(values):
    ordered = sorted(values)
    return {
        "median_ms": statistics.median(ordered),
        "p95_ms": ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))],
        "count": len(ordered),
    }


def first_preview(page, path):
    page.locator("#file").set_input_files(path)
    return until(page, "window.shown")


def until(page, expression, most_s=60):
    end = time.monotonic() + most_s
    while (found := page.evaluate(expression)) is None or found is False:
        if time.monotonic() > end:
            raise SystemExit(f"{expression} does not come; the page says: {page.inner_text('body')[:400]}")
        time.sleep(0.02)
    return found


def measured(page, process, photos, arguments):
    still = "document.documentElement.dataset.live === 'still'"
    row = {}
    page.evaluate(OPENED)
    row["cold_ms"] = first_preview(page, photos["12 MP"][0])
    for name in SIZES:
        taken = []
        for path in photos[name][1:4] or photos[name]:
            until(page, still)
            taken.append(first_preview(page, path))
        row[f"first preview, {name}"] = summary(taken)
    page.locator("#file").set_input_files(photos["12 MP"][0])
    time.sleep(1)
    until(page, still)
    keys = (["ArrowUp"] * 8 + ["ArrowDown"] * 8) * (arguments.steps // 16 + 1)
    page.evaluate(STEP, keys[:8])
    taken = page.evaluate(STEP, keys[: arguments.steps])
    row["ring"] = summary([ms for ms, _, _ in taken])
    row["ring, server alone"] = summary([ms for _, _, ms in taken])
    row["sides"] = sorted({side for _, side, _ in taken})
    row["dragged"] = summary([ms for ms, _ in page.evaluate(DRAG, 5)])
    memory = []
    for number in range(arguments.opened):
        path = photos["12 MP"][number % len(photos["12 MP"])]
        first_preview(page, path)
        until(page, still)
        memory.append(memory_mb(process))
    row["memory_mb"] = [round(each) for each in memory]
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, help="folder of photos of about 12 megapixels")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--opened", type=int, default=50)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        photos = enlarged(Path(folder), 6)
        if arguments.photos:
            photos["12 MP"] = sorted(
                each for each in arguments.photos.iterdir() if each.suffix.lower() in (".jpg", ".jpeg")
            )
        command = [sys.executable, "-m", "wideopen", "studio", "--no-browser", "--port", "0"]
        served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            address = re.search(r"http://[^\s;]+", served.stdout.readline())[0]
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1440, "height": 900}, bypass_csp=True)
            page.goto(address)
            row = measured(page, psutil.Process(served.pid), photos, arguments)
            fine = browser.new_page(viewport={"width": 1440, "height": 900}, bypass_csp=True, device_scale_factor=2)
            fine.goto(address)
            fine.evaluate(OPENED)
            first_preview(fine, photos["12 MP"][0])
            until(fine, "document.documentElement.dataset.live === 'still'")
            keys = ["ArrowUp", "ArrowDown"] * (arguments.steps // 4)
            fine.evaluate(WHILE_LARGE, keys[:4])
            row["ring while a large picture is drawn"] = summary(fine.evaluate(WHILE_LARGE, keys))
            browser.close()
        finally:
            served.terminate()
            served.wait(20)
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load before the run {load:.1f}"
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, **row}, indent=1) + "\n")
    print("# How the studio feels\n")
    print(" ".join(__doc__.split("\n\n")[2].split()) + "\n")
    print(f"{machine}; live pictures had {' and '.join(map(str, row['sides']))} px on the longer side.\n")
    print("| | median | 95 % | of |\n|---|--:|--:|--:|")
    for name, told in row.items():
        if isinstance(told, dict):
            print(f"| {name} | {told['median_ms']:.0f} ms | {told['p95_ms']:.0f} ms | {told['count']} |")
    print(f"\nThe very first photo: {row['cold_ms']:.0f} ms.\n")
    memory = row["memory_mb"]
    middle = len(memory) // 2
    print(
        f"Memory of the server, {len(memory)} photos of 12 megapixels opened one after another: {memory[0]} MB after "
        f"the first, {memory[middle - 1]} MB after {middle}, {memory[-1]} MB after the last; at most {max(memory)} MB."
    )


if __name__ == "__main__":
    main()
