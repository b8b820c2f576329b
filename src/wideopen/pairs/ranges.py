"""Ranges: what the settings of synthetic pairs are drawn from."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from typing import Any, Self

import numpy as np

from wideopen.errors import RequestError
from wideopen.pairs.shot import FocusKind, Placement, Shot
from wideopen.renderer.iris import Iris

Range = tuple[float, float]

LIMITS: dict[str, Range] = {
    "f_number": (0.5, 64),
    "blur_percent": (0, 20),
    "focal_mm": (1, 2000),
    "nearest_quantile": (0, 1),
    "rotation_deg": (-360, 360),
    "cat_eye": (0, 1),
    "highlights": (0, 1),
    "exposure_ev": (-4, 4),
    "figure_dioptres": (0, 10),
    "background_dioptres": (0, 10),
    "figure_height": (0.05, 2),
    "figure_x": (0, 1),
    "figure_bottom": (0.1, 2),
}
"""How far each range may reach."""
MARGIN = 0.1
"""Share of the frame along its border where no point is taken."""

_BY_RATIO = ("f_number", "focal_mm")
# Each setting has a number of its own, so that changing one range leaves the others' draws alone; new ones come last.
_NUMBERS = (
    "f_number", "blur_percent", "focal_mm", "focus", "point_x", "point_y", "nearest_quantile", "iris", "rotation_deg",
    "cat_eye", "highlights", "exposure_ev", "figure_dioptres", "background_dioptres", "figure_height", "figure_x",
    "figure_bottom",
)  # fmt: skip


@dataclass(frozen=True)
class Ranges:
    """What the settings of synthetic pairs are drawn from; a range is its lowest and highest value.

    Values are drawn evenly, those of f-number and focal length evenly by ratio.
    """

    height_px: int = 1024
    """Photos that are higher are shrunk to this height."""
    views: int = 1
    """How many pairs are made of each photo."""
    f_number: Range = (1.4, 2.8)
    blur_percent: Range = (0.5, 1.2)
    """For relative depth: radius at the point farthest from the focus, at f/1.8, in percent of the diagonal."""
    focal_mm: Range | None = None
    """For metric depth; without it the photo's own, else 50 mm."""
    subject_share: float = 0.6
    """How many of the pairs focus on the subject, against the two shares that follow."""
    point_share: float = 0.25
    """On a point anywhere but near the border."""
    nearest_share: float = 0.15
    """On what is among the nearest."""
    nearest_quantile: Range = (0.9, 0.99)
    """Which quantile of nearness that is."""
    irises: tuple[str, ...] = ("round", "rounded-seven", "pentagon", "hexagon")
    """Names of presets (`wideopen.renderer.presets.PRESETS`), each as likely as the others."""
    rotation_deg: Range = (0.0, 360.0)
    cat_eye: Range = (0.0, 0.6)
    """Takes the place of the preset's."""
    highlights: Range = (0.5, 0.5)
    """How much light small clipped lamps get back."""
    exposure_ev: Range = (0.0, 0.0)
    """By how many stops the bokeh picture is brighter than the original."""
    figure_dioptres: Range = (0.4, 1.0)
    """Of cut-outs: where they stand, 1/m."""
    background_dioptres: Range = (0.0, 0.2)
    """Where the background of cut-outs is, 1/m."""
    figure_height: Range = (0.5, 1.0)
    """Height of cut-outs as a share of the frame's; none is enlarged."""
    figure_x: Range = (0.3, 0.7)
    """Where their middle is, as a share of the frame's width."""
    figure_bottom: Range = (0.95, 1.1)
    """Where their foot is, as a share of the frame's height from the top."""

    def __post_init__(self) -> None:
        for name in ("height_px", "views"):
            count = getattr(self, name)
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise RequestError(f"{name} is {count!r}, but it must be a whole number of 1 or more")
        for name, limits in LIMITS.items():
            value = getattr(self, name)
            if not (value is None and name == "focal_mm"):
                _refuse_range(name, value, limits)
        shares = (self.subject_share, self.point_share, self.nearest_share)
        if not all(_is_number(share) and share >= 0 for share in shares) or not sum(shares) > 0:
            raise RequestError(f"subject, point and nearest share are {shares}; give numbers of 0 or more, not all 0")
        if not self.irises or not all(isinstance(name, str) for name in self.irises):
            raise RequestError(f"irises are {self.irises!r}; give the names of one or more presets")
        for name in self.irises:
            Iris.of_preset(name)
        if self.figure_dioptres[0] <= self.background_dioptres[1]:
            raise RequestError(
                f"figure_dioptres begin at {self.figure_dioptres[0]:g} and background_dioptres end at "
                f"{self.background_dioptres[1]:g}, but figures must stand before the background"
            )

    def to_json(self) -> str:
        """Write all ranges; `from_json` reads them."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read ranges; what is left out has its default, and one number stands for a range of that one.

        Raises:
            RequestError: If the text is no JSON object, a key is unknown or a value is impossible.

        Example:
            >>> Ranges.from_json('{"f_number": 1.8}').f_number
            (1.8, 1.8)
        """
        try:
            record = json.loads(text)
        except ValueError as error:
            raise RequestError(f"the ranges are no JSON ({' '.join(str(error).split())})") from error
        if not isinstance(record, dict):
            raise RequestError(f"the ranges are {text[:40]!r}, but they must be a JSON object, as {{}}")
        known = [field.name for field in fields(cls)]
        for key in record:
            if key not in known:
                near = get_close_matches(key, known, n=1, cutoff=0.5)
                advice = f"did you mean '{near[0]}'?" if near else f"use one of {', '.join(known)}"
                raise RequestError(f"there is no range '{key}'; {advice}")
        return cls(**{key: _value(key, value) for key, value in record.items()})

    def shot(self, *, seed: int, source: str, view: int) -> Shot:
        """Draw the settings of one pair; they depend on these ranges and the three arguments alone.

        Args:
            seed: Of the whole run, 0 or more.
            source: Name of the photo's file.
            view: Which of the photo's pairs, from 0.
        """
        numbers = _numbers(seed, source, view)
        shares = np.cumsum([self.subject_share, self.point_share, self.nearest_share])
        kinds: tuple[FocusKind, ...] = ("subject", "point", "nearest")
        kind = kinds[int(np.searchsorted(shares, numbers["focus"] * shares[-1], side="right"))]
        point = tuple(round(MARGIN + (1 - 2 * MARGIN) * numbers[name], 4) for name in ("point_x", "point_y"))
        return Shot(
            f_number=self._drawn("f_number", numbers),
            blur_percent=self._drawn("blur_percent", numbers),
            focal_mm=None if self.focal_mm is None else self._drawn("focal_mm", numbers),
            focus=kind,
            point=(point[0], point[1]),
            quantile=self._drawn("nearest_quantile", numbers),
            iris=self.irises[int(numbers["iris"] * len(self.irises))],
            rotation_deg=self._drawn("rotation_deg", numbers),
            cat_eye=self._drawn("cat_eye", numbers),
            highlights=self._drawn("highlights", numbers),
            exposure_ev=self._drawn("exposure_ev", numbers),
            seed=seed,
            view=view,
        )

    def placement(self, *, seed: int, source: str, view: int) -> Placement:
        """Draw where a cut-out stands, as `shot` draws the rest."""
        numbers = _numbers(seed, source, view)
        return Placement(**{field.name: self._drawn(field.name, numbers) for field in fields(Placement)})

    def _drawn(self, name: str, numbers: dict[str, float]) -> float:
        low, high = getattr(self, name)
        number = numbers[name]
        value = low * (high / low) ** number if name in _BY_RATIO else low + (high - low) * number
        return float(min(max(round(value, 4), low), high))


def _numbers(seed: int, source: str, view: int) -> dict[str, float]:
    """Draw a number in [0, 1) for every setting of a pair."""
    words = np.frombuffer(hashlib.sha256(f"{source}\0{view}".encode()).digest(), "<u4")
    rng = np.random.default_rng([seed, *(int(word) for word in words)])
    return dict(zip(_NUMBERS, rng.random(len(_NUMBERS)).tolist(), strict=True))


def _value(key: str, value: Any) -> Any:  # noqa: ANN401
    """Bring what JSON holds to the form of the field; what is impossible is refused with the rest."""
    if key in LIMITS and _is_number(value):
        return (value, value)
    return tuple(value) if isinstance(value, list) else value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))


def _refuse_range(name: str, value: object, limits: Range) -> None:
    low, high = limits
    if not (isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value))):
        raise RequestError(f"{name} is {value!r}; give a lowest and a highest number, or one number")
    if not low <= value[0] <= value[1] <= high:
        raise RequestError(
            f"{name} goes from {value[0]:g} to {value[1]:g}; give the lower first, both from {low:g} to {high:g}"
        )
