"""A whole challenge, held by the commands that an organiser and teams have, and in a browser.

python bench/held.py OUT [--json FILE] [--images DIR] [--seconds 120]

Pairs are drawn of parts of the bundled photo, with its depth, by `wideopen pairs synthesise`; so the figures say
nothing of any method, and opinions are a program's. Development, validation and test follow each other as their dates
say, and whoever comes late is late. Every team has a folder of its own for its token, and knows no more than the server
tells it. Whatever is not as it should be ends the script with the reason.
"""

import argparse
import json
import shutil
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from held_hands import Book, UnexpectedError, hold, serving, until
from held_story import LIMITS, PER_DAY, SIZE, Challenge
from wideopen.challenge.new import Asked, usual_plan
from wideopen.score.machine import machine

PHOTOS, DEVELOPMENT_S = 24, 100


def pictures(book):
    """Parts of the bundled photo and of its depth, and a data set of them; nothing is downloaded."""
    out, organiser = book.out, "organiser"
    book.run(organiser, "", "sample", "-o", out / "sample.jpg", quiet=True)
    book.run(organiser, "", "depth", out / "sample.jpg", "-o", out / "depth.png", quiet=True)
    photo, depth, rng = (
        Image.open(out / "sample.jpg").convert("RGB"),
        Image.open(out / "depth.png"),
        np.random.default_rng(2020),
    )
    (out / "photos").mkdir(), (out / "maps").mkdir()
    for number in range(1, PHOTOS + 1):
        width = int(rng.integers(900, 1400))
        height = width * SIZE[1] // SIZE[0]
        x, y = int(rng.integers(0, photo.width - width)), int(rng.integers(0, photo.height - height))
        for of, folder, how in ((photo, "photos", Image.Resampling.LANCZOS), (depth, "maps", Image.Resampling.NEAREST)):
            of.crop((x, y, x + width, y + height)).resize(SIZE, how).save(out / folder / f"{number}.png")
    pairs = out / "pairs"
    ranges = out / "ranges.json"
    ranges.write_text(
        json.dumps({"subject_share": 1, "point_share": 0, "nearest_share": 0, "blur_percent": [0.7, 1.1]})
    )
    words = ("--depth", out / "maps", "--ranges", ranges, "-o", pairs, "--jobs", 2)
    book.run(organiser, "", "pairs", "synthesise", out / "photos", *words, quiet=True)
    words = ("--train", 0.5, "--val", 0.25, "--test", 0.25, "--json")
    counts = json.loads(book.run(organiser, "pairs split", "pairs", "split", pairs, *words))["counts"]
    hold(min(counts.get(part, 0) for part in ("train", "val", "test")) > 0, f"a part is empty: {counts}")
    return pairs, counts


def new(book, pairs, seconds):
    """Make the challenge: the report's plan, with dates of minutes in place of weeks."""
    begins = datetime.now(UTC) + timedelta(seconds=DEVELOPMENT_S)
    plan = usual_plan(Asked(title="Bokeh in an afternoon", per_day=PER_DAY))
    moments = [(begins + timedelta(seconds=seconds * at)).isoformat(timespec="seconds") for at in range(3)]
    phases = tuple(
        replace(each, begins=a, ends=b) for each, a, b in zip(plan.phases, moments, moments[1:], strict=False)
    )
    file = book.out / "plan.json"
    file.write_text(json.dumps(asdict(replace(plan, phases=phases, limits=LIMITS)), indent=1))
    book.run("organiser", "challenge new", "challenge", "new", book.out / "challenge", "--pairs", pairs, "--plan", file)
    return [datetime.fromisoformat(each) for each in moments]


def page_of(book, counts, dates, markdown, seconds):
    """Write what happened as a page."""

    def clean(text):
        return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")

    lines = [
        "# A whole challenge, held by a script", "", " ".join(__doc__.split("\n\n")[2].split()), "",
        f"{machine().says()}; {seconds / 60:.1f} minutes in all. {sum(counts.values())} pairs of {SIZE[0]}x{SIZE[1]}: "
        f"{counts['train']} to learn from, {counts['val']} for validation, {counts['test']} for the test. Validation "
        f"and test were open for {(dates[1] - dates[0]).total_seconds():g} s each; a team may submit {PER_DAY} times a "
        f"day, and a submission may take {LIMITS.seconds:g} s and {LIMITS.memory_mb} MB.", "",
        "Everything below was held to be as it is; the script ends with an error else.", "",
        "| at, s | who | did | and was told |", "|--:|---|---|---|",
    ]  # fmt: skip
    lines += [f"| {at} | {clean(who)} | {clean(did)} | {clean(came)} |" for at, who, did, came in book.lines]
    lines += ["", markdown.replace("\n## ", "\n### ").replace("# ", "## Tables of ", 1)]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="a new folder")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--images", type=Path, help="a folder for two pictures of the pages")
    parser.add_argument("--seconds", type=float, default=120, help="that validation and test are open, each")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    out.mkdir(parents=True)
    book, begun_s = Book(out, hidden={str(out): "OUT"}), time.monotonic()
    try:
        pairs, counts = pictures(book)
        dates = new(book, pairs, arguments.seconds)
        with ExitStack() as stack:
            address, link = stack.enter_context(serving(book))
            playwright = stack.enter_context(sync_playwright())
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            stack.callback(browser.close)
            held = Challenge(book, address, link, browser, dates)
            held.sign_up()
            held.develop()
            until(dates[0])
            held.render("validation")
            held.validate()
            until(dates[1])
            held.render("test")
            held.finals()
            until(dates[2])
            held.close()
            held.opinions()
            _, markdown = held.tables()
            held.photograph(arguments.images)
    except (UnexpectedError, AssertionError) as error:
        print(f"not as it should be: {error}", file=sys.stderr)
        sys.exit(1)
    seconds = time.monotonic() - begun_s
    print(page_of(book, counts, dates, markdown, seconds))
    if arguments.json:
        lines = [dict(zip(("at_s", "who", "did", "told"), line, strict=True)) for line in book.lines]
        record = {"machine": machine().says(), "seconds": round(seconds), "counts": counts, "events": lines}
        arguments.json.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
