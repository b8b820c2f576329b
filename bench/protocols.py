"""How far apart are scores of the same pictures by different protocols?

python bench/protocols.py PAIRS... [--json FILE]

Two answers are scored against the shallow picture of each pair: the sharp picture itself (identity), and the sharp
picture blurred by a Gaussian of 3 px (standard deviation, of values as encoded). Figures are means over all pairs of
all folders, by each protocol of `wideopen.score.protocol`. The last columns say how far they are from the default.
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from wideopen import read
from wideopen.pairs.pair import pairs_in
from wideopen.score.protocol import PROTOCOLS

SIGMA_PX = 3


def levels(path):
    return np.rint(read(path).pixels.clip(0, 1) * 255).astype(np.uint8)


def blurred(picture):
    values = gaussian_filter(picture.astype(np.float32), (SIGMA_PX, SIGMA_PX, 0), mode="nearest")
    return np.rint(values).astype(np.uint8)


ANSWERS = {"identity": lambda picture: picture, f"Gaussian blur of {SIGMA_PX} px": blurred}


def figures_of(pair):
    """PSNR and SSIM by answer and protocol."""
    original, bokeh = levels(pair.original), levels(pair.bokeh)
    found = {answer: make(original) for answer, make in ANSWERS.items()}
    return {
        answer: {
            each.name: {"psnr_db": each.psnr_db(picture, bokeh), "ssim": each.ssim(picture, bokeh)}
            for each in PROTOCOLS
        }
        for answer, picture in found.items()
    }


def mean(rows, answer, protocol):
    return {figure: float(np.mean([row[answer][protocol][figure] for row in rows])) for figure in ("psnr_db", "ssim")}


def table(means):
    lines = [
        "| answer | protocol | PSNR | SSIM | PSNR to the default | SSIM to the default |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for answer, by_protocol in means.items():
        default = by_protocol[PROTOCOLS[0].name]
        for name, row in by_protocol.items():
            apart_db, apart = row["psnr_db"] - default["psnr_db"], row["ssim"] - default["ssim"]
            far = f"{apart_db:+.2f} dB | {apart:+.4f}" if math.isfinite(apart_db) else f"- | {apart:+.4f}"
            lines.append(f"| {answer} | {name} | {row['psnr_db']:.2f} dB | {row['ssim']:.4f} | {far} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path, nargs="+", metavar="PAIRS")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = {f"{folder.name}/{pair.name}": figures_of(pair) for folder in arguments.pairs for pair in pairs_in(folder)}
    means = {answer: {each.name: mean(rows.values(), answer, each.name) for each in PROTOCOLS} for answer in ANSWERS}
    print(f"# Protocols\n\n{' '.join(__doc__.split(chr(10) * 2)[2].split())}\n\n{len(rows)} pairs.\n")
    print("\n".join(table(means)) + "\n")
    print("\n".join(f"- `{each.name}`: {each.says}" for each in PROTOCOLS))
    if arguments.json:
        record = {"pairs": len(rows), "means": means, "rows": rows}
        # JSON knows no infinity, which the PSNR of equal pictures is; readers take this for it.
        text = json.dumps(record, indent=1).replace(": Infinity", ": 1e999")
        arguments.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
