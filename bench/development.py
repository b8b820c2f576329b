"""Lay out the development pairs as data sets that `wideopen score` reads.

python bench/development.py DATA OUT

DATA/pairs holds ebb/ and vabd/ (f16.jpg, f1.8.jpg, disparity-colour.png, focus-area.*) and near-far/ (all-in-focus,
near, far). OUT/wide-open becomes the pairs of real f/1.8, OUT/near-far those of light-field photos focused near. Depth
and what is in focus go with them: of the first as the data set gives them, of the second from which of the two photos,
focused near and far, is sharper.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from eye import depth_from_focus, focus_area
from pairs import decode_disparity
from wideopen import read


def grey(path, values):
    Image.fromarray(np.rint(values * 65535).astype(np.uint16)).save(path)


def lay_out(out, name, sharp, real, disparity, area):
    for kind, source in (("original", sharp), ("bokeh", real)):
        (out / kind).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, out / kind / f"{name}{source.suffix}")
    for kind, values in (("depth", disparity), ("focus", area)):
        (out / kind).mkdir(parents=True, exist_ok=True)
        if values is not None:
            grey(out / kind / f"{name}.png", values)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    for folder in sorted(arguments.data.glob("pairs/*/*")):
        if (folder / "f1.8.jpg").exists():
            area = np.asarray(Image.open(next(folder.glob("focus-area.*"))).convert("L")) > 127
            name = f"{folder.parent.name}-{folder.name}"
            disparity = decode_disparity(folder / "disparity-colour.png")
            lay_out(arguments.out / "wide-open", name, folder / "f16.jpg", folder / "f1.8.jpg", disparity, area)
            continue
        sharp, near, far = (next(folder.glob(f"{kind}.*"), None) for kind in ("all-in-focus", "near", "far"))
        if sharp and near and far:
            area = focus_area(*(read(path).pixels for path in (sharp, near)))
            disparity = depth_from_focus(near, far).dioptres
            lay_out(arguments.out / "near-far", folder.name, sharp, near, disparity, area)


if __name__ == "__main__":
    main()
