"""Alignment: lay a shallow shot on the wide one of the same scene, or say why it cannot be trusted."""

from dataclasses import dataclass

import numpy as np

from wideopen.pairs.homography import Found, NotAlignedError, Trust, find, opencv, project, see
from wideopen.photo.profile import from_linear, to_linear
from wideopen.shapes import Float, Int

_EDGE_PX = 2
"""Cubic interpolation reads so far to each side; nothing from beyond the frame gets in."""
_ROUNDING = 1e-6
_SAME = 0.5 / 255
_BLOCK_ROWS = 32
_CLIPPED = 0.98
_LEAST_BLOCKS = 20


@dataclass(frozen=True)
class Aligned:
    """Two pictures of the same size and frame."""

    wide: Float[np.ndarray, "h w 3"]
    shallow: Float[np.ndarray, "h w 3"]
    found: Found
    overlap: float
    """Share of the wide picture's frame that the common part covers."""
    crop: tuple[int, int, int, int]
    """What was kept of the wide picture: left, top, width and height in its pixels."""
    gain: tuple[float, ...] = ()
    """Three gains and three offsets that the shallow picture's linear light took; empty where none was asked for."""

    @property
    def inliers(self) -> int:
        """Matches that the homography explains."""
        return self.found.inliers

    @property
    def residual_px(self) -> float:
        """Median distance of the inliers from where the homography puts them, at the built height."""
        return self.found.residual_px * self.wide.shape[0] / self.crop[3]

    @property
    def corner_px(self) -> float:
        """Standard deviation that is left at the worst corner of the frame, at the built height."""
        return self.found.corner_px * self.wide.shape[0] / self.crop[3]


def align(
    wide: Float[np.ndarray, "wh ww 3"],
    shallow: Float[np.ndarray, "sh sw 3"],
    *,
    height_px: int = 1024,
    seed: int = 0,
    match_exposure: bool = False,
    trust: Trust | None = None,
) -> Aligned:
    """Lay a shallow shot on the wide one, crop both to the common part, and make them `height_px` high.

    SIFT, matches by ratio, MAGSAC++ and then robust least squares over its inliers, which takes two thirds of the
    error away; neither matching at several blurs of the wide picture nor ECC makes it smaller. The wide picture is
    not interpolated. Shrinking averages linear light, so that a highlight has the same energy sharp and blurred.

    Args:
        wide: float32, sharp throughout, as encoded by sRGB, in [0, 1].
        shallow: float32, with a shallow depth of field; its size may differ.
        height_px: Of the result; what is smaller stays as it is.
        seed: Of the draws; the same seed gives the same result on any number of threads.
        match_exposure: Whether the shallow picture takes one gain and one offset per channel; see `expose`.
        trust: What must be shown, else the pair is refused.

    Raises:
        NotAlignedError: If the pictures are the same, are turned against each other, or cannot be trusted to show
            one scene from one place.
        RequestError: If OpenCV is not installed.

    Source:
        Ignatov et al., "Rendering Natural Camera Bokeh Effect with Deep Learning", CVPRW 2020, 3: SIFT, RANSAC, crop
        to the intersection, 1024 pixels high. Barath et al., "MAGSAC++", CVPR 2020, as OpenCV has it. Arandjelovic
        and Zisserman, "Three things everyone should know", CVPR 2012, 4, for the roots; distances are L1.
    """
    trust = trust or Trust()
    refuse_unfit(wide, shallow)
    found = find(see(shallow), see(wide), height_px=height_px, seed=seed, trust=trust)
    crop, overlap = common_part(found.homography, wide.shape[:2], shallow.shape[:2])
    left, top, width, height = crop
    # A shallow shot of fewer pixels is enlarged to lie on the wide one, and not sold as larger than it was.
    built_px = min(height_px, height, round(height * min(1, shallow.shape[0] / wide.shape[0])))
    try:
        if overlap < trust.least_overlap:
            raise NotAlignedError(f"the shots share {overlap:.0%} of the wide frame, not {trust.least_overlap:.0%}")
        small = shrink(wide[top : top + height, left : left + width], built_px)
        small_laid = shrink(warp(shallow, found.homography, crop), built_px)
        gain: tuple[float, ...] = ()
        if match_exposure:
            small_laid, gain = expose(small_laid, small, trust=trust)
    except NotAlignedError as error:
        error.inliers, error.overlap = found.inliers, overlap
        error.residual_px = found.residual_px * min(1, height_px / wide.shape[0])
        raise
    return Aligned(small, small_laid, found, overlap, crop, gain)


def refuse_unfit(wide: Float[np.ndarray, "wh ww 3"], shallow: Float[np.ndarray, "sh sw 3"]) -> None:
    """Refuse what needs no look at features.

    Raises:
        NotAlignedError: If the pictures are the same, or one is upright and the other lies.
    """
    if wide.shape == shallow.shape and float(np.abs(wide[::4, ::4] - shallow[::4, ::4]).mean()) < _SAME:
        raise NotAlignedError("the two pictures are the same; one must be sharp throughout, the other shallow")
    lean = [np.log(picture.shape[1] / picture.shape[0]) for picture in (wide, shallow)]
    if lean[0] * lean[1] < 0 and min(map(abs, lean)) > 0.05:
        names = ["landscape" if side > 0 else "portrait" for side in lean]
        raise NotAlignedError(f"the wide shot is {names[0]} and the shallow one {names[1]}; turn one of them")


def common_part(
    homography: Float[np.ndarray, "3 3"], wide: tuple[int, ...], shallow: tuple[int, ...]
) -> tuple[tuple[int, int, int, int], float]:
    """Find the largest upright rectangle of the wide frame that the shallow picture covers.

    Args:
        homography: From the shallow picture to the wide one.
        wide: Height and width.
        shallow: Height and width.

    Returns:
        Left, top, width and height; and the share of the wide frame that is covered at all.
    """
    height, width = wide[:2]
    right, bottom = shallow[1] - 1 - _EDGE_PX, shallow[0] - 1 - _EDGE_PX
    ring = np.array([[_EDGE_PX, _EDGE_PX], [right, _EDGE_PX], [right, bottom], [_EDGE_PX, bottom]], np.float64)
    corners = project(homography, ring)
    rows = np.arange(height, dtype=np.float64)
    begin, end = np.zeros(height), np.full(height, width - 1.0)
    for (x, y), (next_x, next_y) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # Inside lies to the right of each side, walked clockwise as the eye sees it (y grows downwards).
        rise, run = next_y - y, next_x - x
        if abs(rise) < _ROUNDING:
            end[(rows < y - _ROUNDING) if run > 0 else (rows > y + _ROUNDING)] = -1
            continue
        at = x + (rows - y) * run / rise
        if rise > 0:
            end = np.minimum(end, at)
        else:
            begin = np.maximum(begin, at)
    begin, end = np.ceil(begin - _ROUNDING), np.floor(end + _ROUNDING)
    covered = float(np.maximum(end - begin + 1, 0).sum()) / (height * width)
    return _largest_rectangle(begin, end), covered


def _largest_rectangle(begin: Float[np.ndarray, "h"], end: Float[np.ndarray, "h"]) -> tuple[int, int, int, int]:
    """Find the largest rectangle in a convex shape, given the first and last column of each row.

    The area has one summit over top and bottom, so that a coarse search finds the place of the fine one.
    """
    step = max(1, len(begin) // 64)
    coarse = np.unique(np.append(np.arange(0, len(begin), step), len(begin) - 1))
    top, bottom = _best_rows(begin, end, coarse, coarse)
    tops, bottoms = (np.arange(max(0, row - step), min(len(begin), row + step + 1)) for row in (top, bottom))
    top, bottom = _best_rows(begin, end, tops, bottoms)
    left, right = int(max(begin[top], begin[bottom])), int(min(end[top], end[bottom]))
    return left, top, max(0, right - left + 1), max(0, bottom - top + 1)


def _best_rows(
    begin: Float[np.ndarray, "h"],
    end: Float[np.ndarray, "h"],
    tops: Int[np.ndarray, "n"],
    bottoms: Int[np.ndarray, "m"],
) -> tuple[int, int]:
    """Find the top and bottom, of those given, with the largest area between."""
    columns = np.minimum(end[tops][:, None], end[bottoms]) - np.maximum(begin[tops][:, None], begin[bottoms]) + 1
    area = np.maximum(columns, 0) * np.maximum(bottoms - tops[:, None] + 1, 0)
    row, column = np.unravel_index(int(area.argmax()), area.shape)
    return int(tops[row]), int(bottoms[column])


def warp(
    shallow: Float[np.ndarray, "sh sw 3"],
    homography: Float[np.ndarray, "3 3"],
    crop: tuple[int, int, int, int],
) -> Float[np.ndarray, "h w 3"]:
    """Lay a shallow picture on a part of the wide one, with cubic interpolation of encoded values.

    In linear light the cubic's overshoot would draw black rings around highlights.
    """
    cv2 = opencv()
    left, top, width, height = crop
    shift = np.array([[1.0, 0, -left], [0, 1, -top], [0, 0, 1]])
    laid = cv2.warpPerspective(
        shallow, shift @ homography, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return laid.clip(0, 1)


def shrink(picture: Float[np.ndarray, "h w 3"], height_px: int) -> Float[np.ndarray, "sh sw 3"]:
    """Average the linear light of a picture down to a height; one that is no higher stays as it is."""
    height, width = picture.shape[:2]
    if height <= height_px:
        return np.ascontiguousarray(picture)
    cv2 = opencv()
    size = max(1, round(width * height_px / height)), height_px
    linear = cv2.resize(to_linear(picture, None), size, interpolation=cv2.INTER_AREA)
    return from_linear(linear, None).clip(0, 1)


def expose(
    shallow: Float[np.ndarray, "h w 3"], wide: Float[np.ndarray, "h w 3"], *, trust: Trust
) -> tuple[Float[np.ndarray, "h w 3"], tuple[float, ...]]:
    """Give a shallow picture the exposure and colour of the wide one: a gain and an offset per channel.

    They are fitted in linear light to the means of square blocks, 32 of them down, which blur hardly changes, by
    least squares whose weights fall with the distance (Huber's, at 1.35 standard deviations). Blocks with clipped
    pixels do not count.

    Returns:
        The picture, and the gains of red, green and blue, then the offsets.

    Raises:
        NotAlignedError: If too little is left to fit, or a gain is beyond `trust`.
    """
    cv2 = opencv()
    height, width = wide.shape[:2]
    rows = min(height, _BLOCK_ROWS)
    blocks = max(1, round(width * rows / height)), rows
    linear = to_linear(shallow, None)
    clipped = (np.maximum(wide, shallow).max(axis=2) > _CLIPPED).astype(np.float32)
    known = cv2.resize(clipped, blocks, interpolation=cv2.INTER_AREA).ravel() == 0
    if int(known.sum()) < _LEAST_BLOCKS:
        raise NotAlignedError(f"{int(known.sum())} blocks are free of clipped pixels, too few to match exposure by")
    means = [cv2.resize(part, blocks, interpolation=cv2.INTER_AREA) for part in (linear, to_linear(wide, None))]
    own, wanted = (mean.reshape(-1, 3)[known].astype(np.float64) for mean in means)
    fits = np.array([_line_through(own[:, channel], wanted[:, channel]) for channel in range(3)])
    gains, offsets = fits[:, 0], fits[:, 1]
    if not ((gains > 1 / trust.most_gain) & (gains < trust.most_gain)).all():
        text = ", ".join(f"{gain:.3g}" for gain in gains)
        raise NotAlignedError(f"exposures differ by gains of {text}; up to {trust.most_gain:g} either way are allowed")
    exposed = (linear * gains.astype(np.float32) + offsets.astype(np.float32)).clip(0, 1)
    return from_linear(exposed, None).clip(0, 1), tuple(map(float, (*gains, *offsets)))


def _line_through(x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"]) -> tuple[float, float]:
    """Fit slope and offset robustly; values that hardly vary tell a slope alone."""
    if float(x.std()) < 1e-3:
        return float(y.mean() / max(float(x.mean()), 1e-6)), 0.0
    weight = np.ones_like(x)
    slope, offset = 1.0, 0.0
    for _ in range(20):
        total = weight.sum()
        mean_x, mean_y = (weight * x).sum() / total, (weight * y).sum() / total
        slope = float((weight * (x - mean_x) * (y - mean_y)).sum() / (weight * (x - mean_x) ** 2).sum())
        offset = float(mean_y - slope * mean_x)
        distance = np.abs(y - slope * x - offset)
        weight = 1 / np.maximum(1, distance / max(1.35 * 1.4826 * float(np.median(distance)), 1e-9))
    return slope, offset
