"""A small study with drawn pictures."""

import io
import secrets
from pathlib import Path

from PIL import Image, ImageDraw

from wideopen.study.plan import PICTURES, TRUTH, Study, write_study

METHODS = {"alpha": "result", "beta": "result", "camera": "reference", "sharp": "input", "blurred": "anchor"}


def make_study(folder, *, methods=METHODS, pictures=4, size=(32, 24), **settings):
    """Write a study whose pictures say in large letters what they are, and give its plan."""
    folder = Path(folder)
    (folder / PICTURES).mkdir(parents=True)
    names = tuple(f"pair-{number}" for number in range(pictures))
    files = {}
    for name in names:
        files[name] = {}
        for method in (TRUTH, *methods):
            files[name][method] = f"{secrets.token_hex(8)}.png"
            (folder / PICTURES / files[name][method]).write_bytes(drawn(f"{name} {method}", size))
    known = {"title": "A small study", "seed": 7, "created": "2026-01-02T03:04:05+00:00", "repeats": 2, "traps": 1}
    study = Study(
        methods=dict(methods), pictures=names, files=files, sizes=dict.fromkeys(names, size), **(known | settings)
    )
    write_study(study, folder)
    return study


def drawn(words, size):
    """Draw a picture of which no other has the bytes."""
    width, height = size
    picture = Image.new("RGB", size, (96, 96, 96))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((width // 4, height // 4, 3 * width // 4, 3 * height // 4), fill=(200, 180, 90))
    for place, byte in enumerate(words.encode()[: width * 2]):
        draw.point((place % width, place // width), fill=(byte, 255 - byte, byte // 2))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
