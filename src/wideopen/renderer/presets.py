"""Presets: irises of lenses that photographers know by name."""

from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from PIL import Image

from wideopen.errors import OpticsError
from wideopen.renderer.iris import Iris
from wideopen.shapes import Float

_PICTURE_PX = 256
_FINER = 2


@dataclass(frozen=True)
class LensPreset:
    """A kind of lens, by the discs that it draws."""

    name: str
    """What the command line calls it."""
    title: str
    """What a menu calls it."""
    iris: Iris
    """How its discs look."""
    note: str
    """What to expect of it, in a sentence."""


def _draw_heart() -> Float[np.ndarray, "side side"]:
    """The heart ``(x^2 + y^2 - 1)^3 < x^2 y^3``, which is about as high as wide, filling the picture."""
    along = np.linspace(-1, 1, _PICTURE_PX * _FINER)
    x, y = 1.14 * along[None, :], 0.115 - 1.12 * along[:, None]
    return _smooth((x**2 + y**2 - 1) ** 3 < x**2 * y**3)


def _draw_star() -> Float[np.ndarray, "side side"]:
    """A star of five points on the circle, the inner corners at half of the radius."""
    along = np.linspace(-1, 1, _PICTURE_PX * _FINER)
    x, y = along[None, :], -along[:, None]
    fifth = 2 * np.pi / 5
    # Angle from the nearest point; one edge then bounds every half point.
    angle = np.abs((np.arctan2(x, y) + fifth / 2) % fifth - fifth / 2)
    forth, aside = np.hypot(x, y) * np.cos(angle), np.hypot(x, y) * np.sin(angle)
    inner_forth, inner_aside = 0.5 * np.cos(fifth / 2), 0.5 * np.sin(fifth / 2)
    return _smooth((1 - forth) * inner_aside > aside * (1 - inner_forth))


def _smooth(inside: np.ndarray) -> np.ndarray:
    size = (_PICTURE_PX, _PICTURE_PX)
    return np.asarray(Image.fromarray(inside.astype(np.float32)).resize(size, Image.Resampling.BOX), np.float32)


PRESETS = (
    LensPreset("round", "Modern prime", Iris(), "Even round discs, the same all over the frame."),
    LensPreset(
        "fast-prime",
        "Fast prime, wide open",
        Iris(cat_eye=0.55, spherical=0.2, fringe=0.4),
        "An f/1.4 of the film days: lemons toward the corners, green rims behind and magenta ones in front.",
    ),
    LensPreset("pentagon", "Five blades", Iris(blades=5), "Pentagons, as of simple lenses that are stopped down."),
    LensPreset("hexagon", "Six blades", Iris(blades=6), "Hexagons, as of many lenses of the seventies."),
    LensPreset(
        "rounded-seven",
        "Seven rounded blades",
        Iris(blades=7, curvature=0.7, cat_eye=0.3),
        "Almost round, with soft corners: a modern zoom, a little stopped down.",
    ),
    LensPreset(
        "swirl",
        "Swirly portrait lens",
        Iris(cat_eye=1.0, spherical=-0.3),
        "Narrow cat's eyes that turn about the middle of the frame, as with the Helios 44 and Petzval lenses.",
    ),
    LensPreset(
        "soap-bubble",
        "Soap bubbles",
        Iris(spherical=-0.95, fringe=0.15),
        "Overcorrected, as the Trioplan: background lights are rings with a faint middle.",
    ),
    LensPreset(
        "cream",
        "Creamy background",
        Iris(spherical=0.75, cat_eye=0.3),
        "Undercorrected, as the Sonnar: backgrounds melt without rims; foregrounds are harder.",
    ),
    LensPreset("anamorphic", "Anamorphic cinema lens", Iris(squeeze=2.0), "Upright ovals, twice as high as wide."),
    LensPreset("mirror", "Mirror lens", Iris(obstruction=0.45), "Rings, for a mirror hides the middle of the opening."),
    LensPreset("heart", "Heart", Iris(picture=_draw_heart()), "Hearts, as of a card with a cut-out before the lens."),
    LensPreset("star", "Star", Iris(picture=_draw_star()), "Stars of five points, as of a card with a cut-out."),
)
"""All presets."""


def find(name: str) -> LensPreset:
    """Find the preset of a name.

    Raises:
        OpticsError: If there is none; the message names the nearest.
    """
    for preset in PRESETS:
        if preset.name == name:
            return preset
    names = [preset.name for preset in PRESETS]
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    advice = f"did you mean '{near[0]}'?" if near else f"use one of {', '.join(names)}"
    raise OpticsError(f"there is no lens preset '{name}'; {advice}")
