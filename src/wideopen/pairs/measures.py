"""Measures of a pair: whether its colours agree, something is in focus, nothing moved, and it is aligned."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from wideopen.errors import RequestError
from wideopen.photo import read
from wideopen.photo.curve import SRGB, decoded
from wideopen.shapes import Float

VERSION = 1
"""Rises when a measure changes, so that figures of before are measured again."""
LEAST_SIDE_PX = 64
SHARP_SHARE = 0.5
"""A window of the shallow photo that keeps so much of the sharp one's detail counts as in focus."""
LEAST_DETAIL = 0.01
"""Windows of the sharp photo with less detail (root mean square, encoded) hold little but noise and are not asked."""
LEAST_LIKENESS = 0.6
"""Normalised correlation from which two blocks show the same."""
DISTINCT = 0.64
"""Unlikeness of the best place over that of the second best, at most: the ratio 0.8 of distances, squared."""
LEAST_BLOCKS = 3
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_COARSE_SIDE_PX = 128
_COLOUR_SIDE_PX = 64
_COLOUR_BLUR = 0.05
_MOST_SHIFT = 0.2
_MOTION_PERCENTILE = 90
_BEST_PERCENTILE = 99.5

Picture = Float[np.ndarray, "_h _w 3"]
Grey = Float[np.ndarray, "_h _w"]


@dataclass(frozen=True)
class Measures:
    """Figures of a pair. None where the pair has nothing to measure by."""

    colour_mismatch_lab: float
    """Mean difference of the heavily blurred pictures in CIELAB 1976; 0 where they agree, 2 is just seen."""
    sharpness_kept: float | None
    """Share of the sharp photo's finest detail that the best part of the shallow one keeps, at most 1."""
    motion_px: float | None
    """How far parts that are sharp in both moved against the rest."""
    misalignment_px: float | None
    """How far all that is sharp in both is shifted."""


def measure_files(original: Path, bokeh: Path) -> Measures:
    """Measure the pair in two files.

    Raises:
        PhotoError: If a file cannot be read.
        RequestError: As `measure`.
    """
    return measure(read(original).pixels.clip(0, 1), read(bokeh).pixels.clip(0, 1))


def measure(original: Picture, bokeh: Picture) -> Measures:
    """Measure a pair by what Airia-bokeh cleaned EBB! by, and by alignment.

    The team removed pairs "that did not correspond in color or were not in focus" without saying how; these
    measures are this project's own.

    Args:
        original: Sharp throughout, float32, sRGB as encoded, in [0, 1].
        bokeh: With a shallow depth of field, of the same size.

    Raises:
        RequestError: If the sizes differ, a side is under 64 px, or cv2 is missing.

    Source:
        Ignatov et al., AIM 2020 Challenge on Rendering Realistic Bokeh, section 4.1, for the two criteria.
    """
    _refuse_wrong(original, bokeh)
    low = _low_frequency(original), _low_frequency(bokeh)
    grey = _grey(original), _grey(bokeh)
    gain = _gain(*low)
    kept = _kept(*grey, gain=gain)
    misalignment_px, motion_px = _displaced(*grey, gain=gain)
    return Measures(
        colour_mismatch_lab=round(_colours_apart(*low), 3),
        sharpness_kept=None if kept is None else round(kept, 4),
        motion_px=None if motion_px is None else round(motion_px, 3),
        misalignment_px=None if misalignment_px is None else round(misalignment_px, 3),
    )


def colour_mismatch(original: Picture, bokeh: Picture) -> float:
    """Compare the colours of a pair, its blur left aside.

    Both pictures are blurred in linear light, where a lens blurs, by a Gaussian whose standard deviation is
    5 % of the diagonal, many times the bokeh. What differs then is exposure, white balance and vignetting.

    Returns:
        Mean over the frame of the Euclidean distance in CIELAB (CIE 1976, D65).

    Source:
        CIE 15:2004, 8.2.1, for CIELAB; the statistic is this project's own.
    """
    _refuse_wrong(original, bokeh)
    return _colours_apart(_low_frequency(original), _low_frequency(bokeh))


def sharpness_kept(original: Picture, bokeh: Picture) -> float | None:
    """Find the best that the shallow photo keeps of the sharp one's detail, which tells whether anything is in focus.

    Detail is what a Gaussian of 1 px takes from grey as encoded. Its root mean square is compared over windows of
    1/16 of the shorter side, the gain between the exposures taken out; windows without texture are left out. A
    shift of a few pixels changes next to nothing. A blur of 2 px radius brings 1 to about a half.

    Returns:
        The share that the best half per cent of the windows keep, at most 1: a single window may hold something
        that came or went between the shots. None where no window of the sharp photo has texture.
    """
    _refuse_wrong(original, bokeh)
    return _kept(_grey(original), _grey(bokeh), gain=_gain(_low_frequency(original), _low_frequency(bokeh)))


def displacement(original: Picture, bokeh: Picture) -> tuple[float | None, float | None]:
    """Find how far a pair is shifted, and what moved between the shots.

    Blocks of 1/16 of the shorter side that are sharp in both and have structure along both axes are looked for in
    the sharp photo around a coarse shift of the whole, as far as 0.4 of their side, by normalised correlation and to
    parts of a pixel.

    Returns:
        Misalignment: length of the median displacement, in px; the end of the search (a fifth of the shorter side)
        where blocks are sharp in both and fewer than 3 match; None where fewer than 3 are sharp in both. Motion: the
        90th percentile of how far displacements deviate from the median, in px; None where fewer than 3 match.

    Source:
        Normalised correlation as in Lewis, Fast Normalized Cross-Correlation, 1995; the ratio of the best to the
        second best as in Lowe, Distinctive Image Features from Scale-Invariant Keypoints, 2004, section 7.1.
    """
    _refuse_wrong(original, bokeh)
    return _displaced(_grey(original), _grey(bokeh), gain=_gain(_low_frequency(original), _low_frequency(bokeh)))


def fingerprint(original: Path, bokeh: Path) -> str:
    """Name the content of two files and the version of the measures, in 16 hexadecimal digits.

    Raises:
        OSError: If a file cannot be read.
    """
    total = hashlib.sha256(str(VERSION).encode())
    for path in (original, bokeh):
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:16]


def settings_of(settings: str) -> dict[str, Any]:
    """Read the settings of a manifest's row.

    Raises:
        RequestError: If they are no JSON object.
    """
    try:
        record = json.loads(settings or "{}")
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise RequestError(f"the settings are {settings[:60]!r}, not a JSON object; mend them")
    return record


def with_measures(settings: str, measures: Measures, *, of: str) -> str:
    """Add measures to the settings of a manifest's row, with the `fingerprint` of what they were measured on.

    Raises:
        RequestError: If the settings are no JSON object.
    """
    return json.dumps({**settings_of(settings), "measures": {**asdict(measures), "of": of}})


def measures_in(settings: str, *, of: str) -> Measures | None:
    """Read what `with_measures` added; None where it is of other pictures, of another version, or not there."""
    try:
        record = dict(json.loads(settings)["measures"])
        return Measures(**record) if record.pop("of") == of else None
    except (ValueError, KeyError, TypeError):
        return None


def load_cv2() -> Any:  # noqa: ANN401
    """Import OpenCV, which only measuring needs.

    Raises:
        RequestError: If it is not installed.
    """
    try:
        return import_module("cv2")
    except ImportError as error:
        raise RequestError("measuring pairs needs cv2; install wideopen[pairs]") from error


def _refuse_wrong(original: Picture, bokeh: Picture) -> None:
    if original.shape != bokeh.shape:
        (h, w), (other_h, other_w) = original.shape[:2], bokeh.shape[:2]
        raise RequestError(f"the pair has {w}x{h} and {other_w}x{other_h} px; both pictures must be of one size")
    if min(original.shape[:2]) < LEAST_SIDE_PX:
        raise RequestError(f"the pair has {original.shape[1]}x{original.shape[0]} px; give {LEAST_SIDE_PX} or more")


def _colours_apart(wide: Picture, shallow: Picture) -> float:
    """Compare two heavily blurred pictures in linear light."""
    return float(np.sqrt(((_lab(wide) - _lab(shallow)) ** 2).sum(axis=2)).mean())


def _kept(original: Grey, bokeh: Grey, *, gain: float) -> float | None:
    side_px = _window_px(original)
    share, _ = _shares(original, bokeh, gain=gain, side_px=side_px, step_px=side_px // 4)
    textured = share[~np.isnan(share)]
    return min(1.0, float(np.percentile(textured, _BEST_PERCENTILE, method="lower"))) if textured.size else None


def _displaced(original: Grey, bokeh: Grey, *, gain: float) -> tuple[float | None, float | None]:
    side_px = _window_px(original)
    share, places = _shares(original, bokeh, gain=gain, side_px=side_px, step_px=side_px)
    wide, shallow = _band(original, 1.0, 8.0), _band(bokeh, 1.0, 8.0)
    sharp = places[(share >= SHARP_SHARE) & _structured(shallow, side_px)]
    if len(sharp) < LEAST_BLOCKS:
        return None, None
    start = _coarse_shift(original, bokeh)
    reach = max(8, round(0.4 * side_px))
    # Beyond the picture there is nothing, so that blocks at its edge can be matched where they are.
    border = reach + max(abs(start[0]), abs(start[1]))
    area = np.pad(wide, border)
    found = []
    for y, x in sharp:
        top, left = y + start[0] + border - reach, x + start[1] + border - reach
        around = area[top : top + side_px + 2 * reach, left : left + side_px + 2 * reach]
        place = _match(around, shallow[y : y + side_px, x : x + side_px])
        if place is not None:
            found.append((reach - place[0] - start[0], reach - place[1] - start[1]))
    if len(found) < LEAST_BLOCKS:
        return _MOST_SHIFT * min(original.shape), None
    middle = np.median(found, axis=0)
    apart = np.hypot(*(np.array(found) - middle).T)
    return float(np.hypot(*middle)), float(np.percentile(apart, _MOTION_PERCENTILE, method="lower"))


def _low_frequency(pixels: Picture) -> Picture:
    """Blur heavily, in linear light, at a size where that is fast."""
    cv2 = load_cv2()
    scale = min(1.0, _COLOUR_SIDE_PX / min(pixels.shape[:2]))
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    small = cv2.resize(decoded(pixels, SRGB), size, interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small, (0, 0), _COLOUR_BLUR * math.hypot(*size), borderType=cv2.BORDER_REFLECT)


def _lab(linear: Picture) -> Picture:
    """Bring linear sRGB to CIELAB under D65."""
    ratio = linear @ (_XYZ / _XYZ.sum(axis=1, keepdims=True)).T
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = np.moveaxis(root, 2, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=2)


def _grey(pixels: Picture) -> Grey:
    return pixels @ _LUMA


def _finest(grey: Grey) -> Grey:
    """Keep what a Gaussian of 1 px takes away."""
    return grey - load_cv2().GaussianBlur(grey, (0, 0), 1.0)


def _band(grey: Grey, fine_px: float, coarse_px: float) -> Grey:
    """Keep what lies between two Gaussians, given by their standard deviations."""
    cv2 = load_cv2()
    return cv2.GaussianBlur(grey, (0, 0), fine_px) - cv2.GaussianBlur(grey, (0, 0), coarse_px)


def _window_px(grey: Grey) -> int:
    return max(24, round(min(grey.shape) / 16))


def _gain(original: Picture, bokeh: Picture) -> float:
    """Find by what the shallow photo's contrast is larger, from heavily blurred pictures in linear light."""
    # The square root stands for the encoding, near enough for a slope.
    wide, shallow = np.sqrt(original @ _LUMA), np.sqrt(bokeh @ _LUMA)
    spread, ratio = float(wide.var()), float(shallow.mean() / max(float(wide.mean()), 1e-3))
    # Flat pictures have no slope of their own to tell; there the ratio of the means has to do.
    slope = float(((wide - wide.mean()) * (shallow - shallow.mean())).mean()) / spread if spread > 1e-3 else ratio
    return min(4.0, max(0.25, slope))


def _shares(
    original: Grey, bokeh: Grey, *, gain: float, side_px: int, step_px: int
) -> tuple[Float[np.ndarray, "rows columns"], Any]:
    """Find for every window what share of detail is kept, not a number without texture; and its upper left corner."""
    wide, shallow = (_window_means(_finest(grey) ** 2, side_px, step_px) for grey in (original, bokeh))
    wide, shallow = np.sqrt(np.maximum(wide, 0)), np.sqrt(np.maximum(shallow, 0))
    textured = wide >= LEAST_DETAIL
    share = np.full(wide.shape, np.nan)
    np.divide(shallow, wide * gain, out=share, where=textured)
    rows, columns = np.indices(wide.shape)
    return share, np.stack([rows, columns], axis=2) * step_px


def _window_means(values: Grey, side_px: int, step_px: int) -> Float[np.ndarray, "rows columns"]:
    """Average over square windows that lie within the picture."""
    cv2 = load_cv2()
    total = cv2.integral(values, sdepth=cv2.CV_64F)
    ys, xs = (np.arange(0, length - side_px + 1, step_px) for length in values.shape)
    corner = [total[np.ix_(y, x)] for y, x in ((ys + side_px, xs + side_px), (ys, xs + side_px), (ys + side_px, xs))]
    return (corner[0] - corner[1] - corner[2] + total[np.ix_(ys, xs)]) / side_px**2


def _structured(grey: Grey, side_px: int) -> Any:  # noqa: ANN401
    """Tell windows that change along every direction; along a mere edge no displacement can be seen."""
    down, across = np.gradient(grey)
    yy, xx, xy = (_window_means(product, side_px, side_px) for product in (down * down, across * across, down * across))
    middle, apart = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
    return middle - apart >= 0.1 * (middle + apart)


def _coarse_shift(original: Grey, bokeh: Grey) -> tuple[int, int]:
    """Find the shift of the whole to a few pixels: where the middle of the shallow photo fits best in the sharp one."""
    cv2 = load_cv2()
    scale = min(1.0, _COARSE_SIDE_PX / min(original.shape))
    size = (round(original.shape[1] * scale), round(original.shape[0] * scale))
    wide, shallow = (
        _band(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), 1.0, 6.0) for grey in (original, bokeh)
    )
    reach = round(_MOST_SHIFT * min(wide.shape))
    likeness = cv2.matchTemplate(wide, shallow[reach:-reach, reach:-reach], cv2.TM_CCOEFF_NORMED)
    y, x = np.unravel_index(int(likeness.argmax()), likeness.shape)
    return round((y - reach) / scale), round((x - reach) / scale)


def _match(area: Grey, block: Grey) -> tuple[float, float] | None:
    """Find where a block is in an area, down and across; None where it is nowhere."""
    cv2 = load_cv2()
    likeness = cv2.matchTemplate(area, block, cv2.TM_CCOEFF_NORMED)
    row, column = np.unravel_index(int(likeness.argmax()), likeness.shape)
    best = float(likeness[row, column])
    inside = 0 < row < likeness.shape[0] - 1 and 0 < column < likeness.shape[1] - 1
    elsewhere = likeness.copy()
    elsewhere[max(0, row - 4) : row + 5, max(0, column - 4) : column + 5] = -1
    # Twigs and tiles look alike: the second best must be clearly worse.
    distinct = 1 - best <= DISTINCT * (1 - float(elsewhere.max()))
    if not inside or best < LEAST_LIKENESS or not distinct:
        return None
    down = row + _summit(*likeness[row - 1 : row + 2, column].tolist())
    across = column + _summit(*likeness[row, column - 1 : column + 2].tolist())
    return float(down), float(across)


def _summit(before: float, here: float, after: float) -> float:
    """Find where the parabola through three values is highest, from the middle one."""
    bend = before - 2 * here + after
    return 0.0 if bend >= 0 else (before - after) / (2 * bend)
