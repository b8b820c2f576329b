"""Twenty photos, rendered with no options, on one page to look at.

python bench/page.py DATA OUT

DATA holds photos/ and camera-originals/. OUT becomes a folder of pages.png and one comparison per photo: photo,
depth, subject, result.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from wideopen import LensRenderer, Photo, read
from wideopen.scene.mapfile import view
from wideopen.scene.matte import fit_matte, view_matte

LONG_SIDE_PX = 1400
CELL_PX = 360


def chosen(data):
    """Take fourteen of the collections, evenly, and six straight from cameras."""
    found = []
    for folder, count in (("photos/clic", 7), ("photos/kodak", 4), ("photos/cid22", 3), ("camera-originals", 6)):
        files = sorted(path for path in (data / folder).glob("*.*") if path.suffix.lower() in (".jpg", ".png"))
        # What CID22 has with a word for a name is drawn.
        files = [path for path in files if folder != "photos/cid22" or path.stem.isdecimal()]
        found += [files[round(k)] for k in np.linspace(0, len(files) - 1, count)]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    strips = []
    for number, path in enumerate(chosen(arguments.data), 1):
        whole = Image.fromarray(np.rint(read(path).pixels * 255).astype(np.uint8))
        whole.thumbnail((LONG_SIDE_PX, LONG_SIDE_PX))
        photo = Photo(pixels=np.asarray(whole, np.float32) / 255)
        renderer = LensRenderer()
        scene = renderer.look(photo)
        result = Image.fromarray(np.rint(renderer.render(photo, scene).pixels * 255).astype(np.uint8))
        result.save(arguments.out / f"{number:02d}-{path.stem}.png")
        seen = [whole, Image.fromarray(view(scene.depth)),
                Image.fromarray(view_matte(fit_matte(scene.matte, photo.pixels), photo.pixels)), result]  # fmt: skip
        high = round(CELL_PX * whole.height / whole.width)
        strip = Image.new("RGB", (4 * CELL_PX, min(high, CELL_PX) + 16), "white")
        ImageDraw.Draw(strip).text((4, 2), f"{number} {path.parent.name}/{path.name}", fill="black")
        wide = CELL_PX if high <= CELL_PX else round(CELL_PX * whole.width / whole.height)
        for k, picture in enumerate(seen):
            strip.paste(picture.resize((wide, min(high, CELL_PX))), (k * CELL_PX, 16))
        strips.append(strip)
    for page in range(0, len(strips), 5):
        part = strips[page : page + 5]
        sheet = Image.new("RGB", (4 * CELL_PX, sum(strip.height for strip in part)), "white")
        top = 0
        for strip in part:
            sheet.paste(strip, (0, top))
            top += strip.height
        sheet.save(arguments.out / f"page-{page // 5 + 1}.png")


if __name__ == "__main__":
    main()
