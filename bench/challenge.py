"""A small challenge, really run: solutions trained for one equal budget, and scored beside identity and the lens.

python bench/challenge.py PAIRS --real DIR --out DIR [--minutes 4] [--only NAME...] [--scores DIR] [--page FILE]

PAIRS is a data set made by `wideopen pairs synthesise` and split. Each solution learns by its own recipe but for what
is overridden for all alike: crops of 160 px, batches of 8, a rate of 1e-3 that falls, no critics, no VGG-19, no stage
that refines at a lower rate, and so many steps as fit the minutes by the time that its first steps took. Scored by
aim2020/1 on the held-out part, and on real pairs, as bench/development.py lays them out; also after one gain and offset
per channel fitted to the real photo, for exposure differs inside a pair.
"""

import argparse
import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np

from wideopen import LensRenderer, identity
from wideopen.engine import Local
from wideopen.pairs.pair import pairs_in
from wideopen.renderer.gaussian import GaussianRenderer
from wideopen.score.contestant import Rendering
from wideopen.score.evaluate import evaluate
from wideopen.score.machine import machine
from wideopen.score.metrics import PROTOCOL
from wideopen.score.provenance import sha256_of
from wideopen.score.score import Score, write_score
from wideopen.train.loop import parts_of
from wideopen.train.recipes import recipe
from wideopen.zoo.checkpoint import load
from wideopen.zoo.run import SolutionRenderer, prepared

NAMES = ("cet-ece", "cet21-cv", "cet-cvlab", "team-horizon", "airia-bokeh")
CROP_PX, BATCH, RATE = 160, 8, 1e-3
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def stages_of(name):
    """Stages that a small budget has time for: those at the full rate, without critics."""
    stages = recipe(name).stages
    full = max(stage.rate for stage in stages)
    return [k for k, stage in enumerate(stages) if stage.adversary is None and stage.rate == full]


def overridden(name, steps):
    found = recipe(name)
    kept = stages_of(name)
    found = type(found)(found.solution, tuple(found.stages[k] for k in kept), found.section, found.note)
    for k, stage in enumerate(found.stages):
        losses = [{"loss": term.loss, "weight": term.weight} for term in stage.losses if term.loss != "vgg19"]
        for key, value in (
            ("crop_px", [CROP_PX, CROP_PX]), ("batch", BATCH), ("rate", RATE), ("scale", 1), ("epochs", None),
            ("steps", max(steps // len(kept), 1)), ("decay", [[0.6, 0.3], [0.85, 0.1]]), ("losses", losses),
        ):  # fmt: skip
            found = found.with_setting(f"stages.{k}.{key}={json.dumps(value)}")
    return found


def train(name, pairs, out, minutes, commit, data):
    """Train by the command, in a process of its own; return it and the steps."""

    def run(steps, folder, *more):
        folder.mkdir(parents=True, exist_ok=True)
        file = folder.with_suffix(".json")
        file.write_text(overridden(name, steps).to_json())
        words = ["train", name, "--pairs", str(pairs), "--out", str(folder), "--recipe", str(file), *more]
        subprocess.run([sys.executable, "-m", "wideopen", *words, "--data", data, "--commit", commit], check=True)

    parts = len(stages_of(name))
    trial = out / f"{name}-trial"
    run(8 * parts, trial, "--validate-on", "1")
    log = [json.loads(line) for line in (trial / "log.jsonl").read_text().splitlines()]
    seconds = float(np.mean([line["seconds"] for line in log if "loss" in line]))
    steps = int(minutes * 60 / seconds)
    run(steps, out / name, "--validate-on", "4", "--validate-every", str(max(steps // parts, 1)))
    return steps


def renderers(out, names):
    """Each contestant, with the file of its weights."""
    yield "identity", None, Rendering(identity)
    yield "gaussian", None, Rendering(GaussianRenderer())
    yield "lens-given-depth", None, Rendering(LensRenderer(), given_depth=True)
    yield "lens", None, Rendering(LensRenderer(depth="built-in"))
    for name in names:
        file = out / name / "best.safetensors"
        found, network, _ = load(file)
        yield name, file, Rendering(prepared(SolutionRenderer(found, network)))


def curves(out, names, file):
    """Draw the loss of each, as a share of its first, over its share of the budget."""
    width, height, left, top = 860, 420, 60, 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 200} {height + 70}" font-family="sans-serif" '
        'font-size="14"><rect width="100%" height="100%" fill="white"/>'
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = top + height * (1 - share)
        parts.append(f'<line x1="{left}" x2="{left + width}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 5}" text-anchor="end">{share:g}</text>')
    parts.append(
        f'<text x="{left + width / 2}" y="{top + height + 40}" text-anchor="middle">share of the budget</text>'
    )
    middle = top + height / 2
    turned = f'transform="rotate(-90 16 {middle})" x="16" y="{middle}" text-anchor="middle"'
    parts.append(f"<text {turned}>loss, as a share of its first</text>")
    for number, name in enumerate(names):
        lines = [json.loads(line) for line in (out / name / "log.jsonl").read_text().splitlines()]
        stages = {}
        for line in lines:
            if "loss" in line:
                stages.setdefault(line["stage"], []).append(line)
        for k, rows in enumerate(stages.values()):
            last, first = rows[-1]["step"], rows[0]["loss"]
            points = " ".join(
                f"{left + width * (k + row['step'] / last) / len(stages):.1f},"
                f"{top + height * (1 - min(row['loss'] / first, 1)):.1f}"
                for row in rows
            )
            parts.append(f'<polyline fill="none" stroke="{COLOURS[number]}" stroke-width="1.5" points="{points}"/>')
        y = top + 20 + 24 * number
        parts.append(f'<text x="{left + width + 15}" y="{y}" fill="{COLOURS[number]}">{name}</text>')
    file.write_text("\n".join([*parts, "</svg>"]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--real", type=Path, help="a data set of real pairs, as bench/development.py lays it out")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--only", nargs="*", default=list(NAMES))
    parser.add_argument("--most", type=int, default=12, help="held-out pairs that are scored")
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--curves", type=Path)
    parser.add_argument("--data", default="photos of CLIC, CID22 and Kodak, synthesised")
    arguments = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    steps = {}
    for name in arguments.only:
        if not (arguments.out / name / "best.safetensors").exists():
            steps[name] = train(name, arguments.pairs, arguments.out, arguments.minutes, commit, arguments.data)
        else:
            steps[name] = sum(
                stage["steps"]
                for stage in json.loads((arguments.out / name / "run.json").read_text())["recipe"]["stages"]
            )
    learned, held = parts_of(arguments.pairs)
    sets = {"synthetic": held[: arguments.most]} | ({"wide-open": pairs_in(arguments.real)} if arguments.real else {})
    rows = []
    for name, file, contestant in renderers(arguments.out, arguments.only):
        for label, pairs in sets.items():
            budget = f"{arguments.minutes:g} minutes of training, {steps.get(name)} steps"
            draft = Score(
                solution=name,
                track="cpu",
                origin="measured",
                protocol=PROTOCOL,
                device=machine().says(),
                checkpoint=file and f"{file.name} sha256:{sha256_of(file)}",
                commit=commit,
                date=date.today().isoformat(),
                command=f"python bench/challenge.py PAIRS --real DIR --out DIR --minutes {arguments.minutes:g}",
                unranked="depth was given, not found" if name == "lens-given-depth" else "",
                notes=(budget,) if file else (),
                data={"name": label},
            )
            score = evaluate(contestant, pairs, draft, Local())
            rows.append((name, label, score))
            if arguments.scores:
                write_score(score, arguments.scores / label / f"{name}.json")
    lines = ["# A small challenge\n", " ".join(__doc__.split("\n\n")[2].split()) + "\n"]
    lines.append(
        f"{machine().says()}; {arguments.minutes:g} minutes each, {len(learned)} pairs to learn from, protocol "
        f"{PROTOCOL}. The same as Scores in [scores/challenge](../../scores/challenge).\n"
    )
    for label in sets:
        lines += [
            f"## {label}, {len(sets[label])} pairs\n",
            "| | steps | PSNR | SSIM | PSNR, exposure matched |",
            "|---|--:|--:|--:|--:|",
        ]
        for name, at, score in rows:
            if at == label:
                figures = f"{score.psnr_db:.2f} | {score.ssim:.4f} | {score.others['psnr_matched_db']:.2f}"
                lines.append(f"| {name} | {steps.get(name, '')} | {figures} |")
        lines.append("")
    lines += [
        "![loss curves](../../docs/images/challenge.svg)",
        "",
        "How to read it: [docs/training.md](../../docs/training.md).",
        "",
    ]
    text = "\n".join(lines)
    print(text)
    if arguments.page:
        arguments.page.write_text(text)
    if arguments.curves:
        curves(arguments.out, arguments.only, arguments.curves)


if __name__ == "__main__":
    main()
