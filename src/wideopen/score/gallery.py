"""The gallery of a leaderboard's page: small pictures of what was found, two over each other."""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from wideopen.errors import RequestError
from wideopen.pairs.show import data_uri
from wideopen.score.leaderboard import Row
from wideopen.score.score import Score
from wideopen.score.tables import json_text

MOST_EMBEDDED_BYTES = 24 * 2**20
"""Of pictures in one page; browsers take long over more."""
_FOUND, _TRUTH, _INPUT = "found", "truth", "input"


@dataclass
class Picture:
    """A photo of a data set, and what there is to compare of it."""

    name: str
    width_px: int
    height_px: int
    choices: dict[str, bytes] = field(default_factory=dict)
    """JPEGs by what they are called."""
    blind: list[str] = field(default_factory=list)
    """What takes part when two are drawn: results and the truth."""

    def record(self) -> Mapping[str, Any]:
        """Give it as the page's script takes it."""
        results_first = sorted(self.choices, key=(_TRUTH, _INPUT).__contains__)
        choices = [
            {"label": label, "blind": label in self.blind, "source": data_uri(self.choices[label])}
            for label in results_first
        ]
        return {"name": self.name, "width": self.width_px, "height": self.height_px, "choices": choices}


@dataclass(frozen=True)
class Gallery:
    """The pictures that go into a page."""

    pictures: tuple[Picture, ...]
    left_out: int = 0
    """Pictures for which there was no more room."""
    missing: tuple[str, ...] = ()
    """Labels of rows whose folder of pictures is not where their Score says."""


def gallery_of(rows: Sequence[Row]) -> Gallery:
    """Gather the small pictures of measured rows, by the name of the photo.

    Photos of the same name in different data sets stay apart. Once `MOST_EMBEDDED_BYTES` are full, photos are left out.

    Raises:
        RequestError: If one of them cannot be read or is no JPEG.
    """
    found: dict[tuple[str, str], Picture] = {}
    missing = []
    for label, score in labelled(rows).items():
        if not score.pictures:
            continue
        folder = Path(score.pictures)
        if not folder.is_dir():
            missing.append(label)
            continue
        for file in sorted(folder.glob(f"*.{_FOUND}.jpg")):
            _add(found, file, label, _data_of(score))
    pictures = sorted(found.items(), key=lambda item: (natural(item[0][1]), item[0][0]))
    names = [name for (_, name), _ in pictures]
    for (data, name), picture in pictures:
        picture.name = f"{name} ({data})" if names.count(name) > 1 else name
    kept = list(_that_fit(picture for _, picture in pictures))
    return Gallery(tuple(kept), left_out=len(pictures) - len(kept), missing=tuple(missing))


def labelled(rows: Sequence[Row]) -> dict[str, Score]:
    """Give measured rows names that differ, the solution's where that is enough."""
    scores = [row.score for row in rows if row.score.origin == "measured"]
    names = [score.solution for score in scores]
    labels: dict[str, Score] = {}
    for score in scores:
        label = score.solution
        if names.count(label) > 1 or label in (_TRUTH, _INPUT):
            label = f"{label} ({', '.join(filter(None, (score.checkpoint, score.track, score.date)))})"
        number, unique = 2, label
        while unique in labels:
            number, unique = number + 1, f"{label} #{number}"
        labels[unique] = score
    return labels


def script_json(value: object) -> str:
    """Write JSON that no text inside can end the script element of."""
    return json_text(value).replace("<", "\\u003c")


def _add(found: dict[tuple[str, str], Picture], file: Path, label: str, data: str) -> None:
    name = file.name.removesuffix(f".{_FOUND}.jpg")
    jpeg = _read(file)
    picture = found.get((data, name))
    if picture is None:
        with Image.open(io.BytesIO(jpeg)) as opened:
            picture = Picture(name, *opened.size)
        found[data, name] = picture
    for kind in (_TRUTH, _INPUT):
        beside = file.with_name(f"{name}.{kind}.jpg")
        if kind not in picture.choices and beside.is_file():
            picture.choices[kind] = _read(beside)
            picture.blind += [_TRUTH] if kind == _TRUTH else []
    picture.choices[label] = jpeg
    picture.blind.append(label)


def _read(file: Path) -> bytes:
    try:
        jpeg = file.read_bytes()
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]):
            return jpeg
    except OSError as error:
        raise RequestError(
            f"{file} cannot be shown, it is no JPEG that can be read; score again or remove it"
        ) from error


def _that_fit(pictures: Iterable[Picture]) -> Iterable[Picture]:
    total = 0
    for picture in pictures:
        size = sum(len(jpeg) * 4 // 3 for jpeg in picture.choices.values())
        if total + size <= MOST_EMBEDDED_BYTES:
            total += size
            yield picture


def _data_of(score: Score) -> str:
    return str(score.data.get("sha256") or score.data.get("name") or "")[:8]


def natural(name: str) -> list[tuple[int, str]]:
    """Sort 2 before 10."""
    return [(int(part), "") if part.isascii() and part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


GALLERY_HTML = """
<section id="gallery" aria-labelledby="gallery-title" hidden>
<h2 id="gallery-title">Pictures, side over side</h2>
<p>Drag the line over the picture, or press the arrow keys on it. Blind draws two of the results and the truth, and
keeps to itself which is which until you reveal it.</p>
<div class="panel">
<div class="controls">
<div class="field"><label for="picture">Picture</label><span class="row">
<button type="button" id="previous" aria-label="Previous picture">&lsaquo;</button>
<select id="picture"></select>
<button type="button" id="next" aria-label="Next picture">&rsaquo;</button></span></div>
<label class="field">Left <select id="left"></select></label>
<label class="field">Right <select id="right"></select></label>
<label class="field">Zoom <select id="zoom"><option value="fit">fit</option><option value="1">100 %</option>
<option value="2">200 %</option><option value="4">400 %</option></select></label>
<span class="actions"><button type="button" id="blind">Blind: two at random</button>
<button type="button" id="reveal" class="strong" hidden>Reveal</button></span>
</div>
<div id="stage">
<div id="viewport"><div id="canvas"><img id="under" alt=""><img id="over" alt=""></div></div>
<span class="name" id="left-name"></span><span class="name" id="right-name"></span>
<div id="divider" role="slider" tabindex="0" aria-label="Line between left and right" aria-valuemin="0"
aria-valuemax="100" aria-valuenow="50"><span aria-hidden="true">&lsaquo; &rsaquo;</span></div>
</div>
<p id="told" role="status"></p>
</div>
</section>
"""
