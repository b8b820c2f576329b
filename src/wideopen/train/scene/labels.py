"""Labels of photos, read by eye: the distance of single points, and outlines of the subject.

They were made for this project, for the photos that its network learns from; `labels.json` holds no picture.
Coordinates are thousandths of width and height, distances are guessed in metres, so that only their order and
rough ratio mean anything, and the sky is at 9999.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from wideopen.shapes import Float, UInt8

FILE = Path(__file__).with_name("labels.json")
MOST_POINTS = 40
BAND = 0.018
"""Width of the band along an outline where the subject is not known, as a share of the long side."""


@dataclass(frozen=True)
class Label:
    """What is known of a photo."""

    points: Float[np.ndarray, "n 3"]
    """Across and down in [0, 1], and metres."""
    outlines: tuple[Float[np.ndarray, "m 2"], ...]
    """Of the subject; none where the photo has no subject, or a mask elsewhere."""

    def matte(self, size: tuple[int, int]) -> UInt8[np.ndarray, "h w"]:
        """Draw the subject at a width and height: 255 inside, 0 outside, 128 near the outline."""
        image = Image.new("L", size)
        for outline in self.outlines:
            ImageDraw.Draw(image).polygon([tuple(place) for place in outline * size], fill=255)
        if not self.outlines:
            return np.asarray(image)
        reach = 2 * round(BAND * max(size) / 2) + 1
        inside, outside = image.filter(ImageFilter.MinFilter(reach)), image.filter(ImageFilter.MaxFilter(reach))
        return np.where(np.asarray(inside) > 0, 255, np.where(np.asarray(outside) > 0, 128, 0)).astype(np.uint8)


@lru_cache(maxsize=1)
def read_labels() -> dict[str, Label]:
    """Read all labels by ``folder/file`` of the photo."""
    found = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        name: Label(
            points=np.array(each["points"], np.float32).reshape(-1, 3) / (1000, 1000, 1),
            outlines=tuple(np.array(outline, np.float32) / 1000 for outline in each.get("subjects", [])),
        )
        for name, each in found.items()
    }
