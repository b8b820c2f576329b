"""The homography between two shots of one scene: found by features, and refused where it cannot be trusted."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from wideopen.errors import RequestError
from wideopen.shapes import Float, Int, Shaped, UInt8

SEEN_HEIGHT_PX = 1024
"""Features are found at most so high: noise is averaged away, and finer ones would not survive in the built pair."""
MOST_FEATURES = 6000
CONTRAST = 0.01
"""A quarter of SIFT's own threshold: smooth scenes give three times the matches, and half the error."""
RATIO = 0.8
"""A match must be so much nearer than the second best.

Source: Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", IJCV 2004, 7.1.
"""
INLIER_PX = 3.0
"""At the height seen: features of a blurred part lie a pixel or two off."""
_MOST_STRETCH = 4.0
_MOST_DRAWS = 10_000
_MOST_ROUNDS = 5
_MOST_STEPS = 20
_CELLS = 8
_SHEAR = 0.003
_PERSPECTIVE = 0.002
"""A turn of three quarters of a degree at 50 mm on APS-C."""


@dataclass(frozen=True)
class Trust:
    """What an alignment must show to be believed."""

    least_inliers: int = 30
    """Chance finds 6 in 50 pairs of different photos; a smooth portrait has 250."""
    least_share: float = 0.5
    """Of all matches. Real aperture pairs have 0.6 to 1, the two views of a stereo camera 0.4, other scenes 0.2."""
    least_cover: float = 0.1
    """Share of the frame's 8 x 8 cells with two inliers. A homography that is known in one corner says nothing of
    the others."""
    most_corner_px: float = 4.0
    """Standard deviation that the inliers leave at the worst corner of the frame, at the built height. What is sharp
    has matches near; the rest may be off by a small part of its blur."""
    most_scale: float = 1.2
    """Either way. Focus breathing is a few per cent; more is another lens or another place."""
    most_rotation_deg: float = 10.0
    most_shear: float = 0.05
    """How much longer one direction may become than another; a camera that is nudged makes below 0.01."""
    most_perspective: float = 0.1
    """How much the scale may change from the middle of the frame to a corner; 5 degrees of turn at 50 mm make 0.04."""
    least_overlap: float = 0.6
    """Of the wide frame."""
    most_gain: float = 4.0
    """Either way: two stops. More is another exposure, with other noise and other clipped parts."""


class NotAlignedError(RequestError):
    """Two shots cannot be laid on each other; what was measured until then comes along."""

    def __init__(
        self, reason: str, *, inliers: int | None = None, residual_px: float | None = None, overlap: float | None = None
    ) -> None:
        super().__init__(reason)
        self.inliers = inliers
        self.residual_px = residual_px
        self.overlap = overlap


@dataclass(frozen=True)
class Features:
    """What SIFT finds in a picture."""

    points_px: Float[np.ndarray, "n 2"]
    """float64, at the size seen, from the middle of the frame."""
    descriptors: UInt8[np.ndarray, "n 128"]
    """Roots of SIFT's histograms."""
    seen: tuple[int, int]
    """Height and width of the picture that was looked at."""
    size: tuple[int, int]
    """Height and width of the picture itself."""

    @property
    def to_picture(self) -> Float[np.ndarray, "3 3"]:
        """Bring `points_px` to pixels of the picture, whose first pixel's middle is (0, 0)."""
        (height, width), (seen_height, seen_width) = self.size, self.seen
        return np.array(
            [[width / seen_width, 0, (width - 1) / 2], [0, height / seen_height, (height - 1) / 2], [0, 0, 1]]
        )


@dataclass(frozen=True)
class Found:
    """Where the shallow picture lies on the wide one."""

    homography: Float[np.ndarray, "3 3"]
    """float64, from pixels of the shallow picture to pixels of the wide one, middles at whole numbers."""
    inliers: int
    residual_px: float
    """Median distance of the inliers from where the homography puts them, in pixels of the wide picture."""
    corner_px: float
    """Standard deviation at the worst corner of the frame, in pixels of the wide picture."""


def opencv() -> Any:  # noqa: ANN401
    """Import OpenCV, which is an extra.

    Raises:
        RequestError: If it is not installed.
    """
    try:
        return import_module("cv2")
    except ImportError:
        raise RequestError("aligning shots needs cv2; install wideopen[pairs]") from None


def see(picture: Float[np.ndarray, "h w 3"]) -> Features:
    """Find features in the luminance of a picture, stretched so that a dark shot has as many."""
    cv2 = opencv()
    height, width = picture.shape[:2]
    if height > SEEN_HEIGHT_PX:
        size = max(1, round(width * SEEN_HEIGHT_PX / height)), SEEN_HEIGHT_PX
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    low, high = np.percentile(grey, (0.5, 99.5))
    grey = (grey - low) * (255 * min(_MOST_STRETCH, 1 / max(high - low, 1e-6)))
    sift = cv2.SIFT_create(nfeatures=MOST_FEATURES, contrastThreshold=CONTRAST)
    keys, histograms = sift.detectAndCompute(np.clip(grey, 0, 255).astype(np.uint8), None)
    points = np.array([key.pt for key in keys], np.float64).reshape(-1, 2)
    points -= (np.array(grey.shape[::-1]) - 1) / 2
    if histograms is None:
        histograms = np.zeros((0, 128), np.float32)
    roots = np.sqrt(histograms / np.maximum(histograms.sum(axis=1, keepdims=True), 1e-9))
    return Features(points, np.rint(roots * 512).clip(0, 255).astype(np.uint8), grey.shape, (height, width))


def match(shallow: Features, wide: Features) -> Int[np.ndarray, "n 2"]:
    """Find the rows of features of the shallow and of the wide picture that look alike, one to one."""
    cv2 = opencv()
    if min(len(shallow.points_px), len(wide.points_px)) < 2:
        return np.zeros((0, 2), np.int64)
    nearest = cv2.BFMatcher(cv2.NORM_L1).knnMatch(shallow.descriptors, wide.descriptors, k=2)
    kept = [one for one, other in nearest if one.distance < RATIO * other.distance]
    best: dict[int, Any] = {}
    for one in kept:
        if one.trainIdx not in best or one.distance < best[one.trainIdx].distance:
            best[one.trainIdx] = one
    rows = sorted((one.queryIdx, one.trainIdx) for one in best.values())
    return np.array(rows, np.int64).reshape(-1, 2)


def find(shallow: Features, wide: Features, *, height_px: int, seed: int, trust: Trust) -> Found:
    """Find where the shallow picture lies on the wide one.

    Args:
        shallow: Its features.
        wide: Its features.
        height_px: To which the wide picture will be shrunk.
        seed: Of the draws.
        trust: What must be shown.

    Raises:
        NotAlignedError: If it is not.
    """
    rows = match(shallow, wide)
    start, end = shallow.points_px[rows[:, 0]], wide.points_px[rows[:, 1]]
    drawn = _draw(start, end, seed)
    if drawn is None:
        raise NotAlignedError(f"only {len(rows)} features match; the scenes differ or are too smooth", inliers=0)
    homography, covariance = _settle(start, end, *drawn, unit_px=wide.seen[0] / 2)
    distance_px = np.linalg.norm(project(homography, start) - end, axis=1)
    near = distance_px < INLIER_PX
    to_wide = wide.size[0] / wide.seen[0]
    to_built = min(1, height_px / wide.size[0])
    residual_px = float(np.median(distance_px[near])) * to_wide if near.any() else None
    corner_px = _corner_deviation(covariance, wide.seen) * to_wide
    reason = (
        _too_few(near, trust)
        or _implausible(homography, shallow, wide, trust)
        or _badly_spread(end[near], wide, corner_px * to_built, trust)
    )
    if reason or residual_px is None:
        built_px = None if residual_px is None else residual_px * to_built
        raise NotAlignedError(reason, inliers=int(near.sum()), residual_px=built_px)
    full = wide.to_picture @ homography @ np.linalg.inv(shallow.to_picture)
    return Found(full / full[2, 2], int(near.sum()), residual_px, corner_px)


def _draw(
    start: Float[np.ndarray, "n 2"], end: Float[np.ndarray, "n 2"], seed: int
) -> tuple[Float[np.ndarray, "3 3"], Shaped[np.ndarray, "n"]] | None:
    """Find a homography and its inliers by MAGSAC++; None where there is none."""
    cv2 = opencv()
    if len(start) < 4:
        return None
    how = cv2.UsacParams()
    how.threshold, how.confidence, how.maxIterations = INLIER_PX, 0.9999, _MOST_DRAWS
    how.score, how.loMethod = cv2.SCORE_METHOD_MAGSAC, cv2.LOCAL_OPTIM_SIGMA
    how.sampler, how.loIterations, how.loSampleSize = cv2.SAMPLING_UNIFORM, 10, 50
    how.randomGeneratorState, how.isParallel = seed, False
    cv2.setRNGSeed(seed)
    homography, inside = cv2.findHomography(start, end, how)
    if homography is None or inside is None or int(inside.sum()) < 4 or abs(homography[2, 2]) < 1e-12:
        return None
    return homography / homography[2, 2], inside.ravel().astype(bool)


def _settle(
    start: Float[np.ndarray, "n 2"],
    end: Float[np.ndarray, "n 2"],
    homography: Float[np.ndarray, "3 3"],
    inside: Shaped[np.ndarray, "n"],
    *,
    unit_px: float,
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "8 8"]]:
    """Fit a homography to its inliers, then to those that it has itself.

    Returns:
        It, and the covariance of its first eight numbers in units of half the frame.
    """
    scale = np.diag([1 / unit_px, 1 / unit_px, 1])
    for _ in range(_MOST_ROUNDS):
        h = scale @ homography @ np.linalg.inv(scale)
        h, covariance = _least_squares(start[inside] / unit_px, end[inside] / unit_px, h / h[2, 2])
        homography = np.linalg.inv(scale) @ h @ scale
        now = np.linalg.norm(project(homography, start) - end, axis=1) < INLIER_PX
        if int(now.sum()) < 4 or (now == inside).all():
            break
        inside = now
    return homography, covariance


def _least_squares(
    start: Float[np.ndarray, "n 2"], end: Float[np.ndarray, "n 2"], homography: Float[np.ndarray, "3 3"]
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "8 8"]]:
    """Minimise distances with weights that fall with the distance, and what no nudge of a camera does.

    In units of half the frame, shear and perspective are taken as normal with the deviations `_SHEAR` and
    `_PERSPECTIVE`: matches all over the frame outweigh that by far, but where only a small subject is sharp, its own
    depth would bend the rest of the frame.

    Source:
        Gauss-Newton; weights as of Geman and McClure, with a scale of 3.5 standard deviations.
    """
    rare = np.zeros((4, 8))
    rare[0, [0, 4]] = 1 / _SHEAR, -1 / _SHEAR
    rare[1, [1, 3]] = 1 / _SHEAR, 1 / _SHEAR
    rare[2, 6] = rare[3, 7] = 1 / _PERSPECTIVE
    prior = np.einsum("ij,ik->jk", rare, rare)
    covariance = np.full((8, 8), np.inf)
    for _ in range(_MOST_STEPS):
        off = end - project(homography, start)
        distance = np.hypot(off[:, 0], off[:, 1])
        deviation = max(float(np.median(distance)) / 1.177, 1e-9)  # the median of Rayleigh's distribution
        weight = 1 / (1 + (distance / (3.5 * deviation)) ** 2) ** 2 / deviation**2
        slope = _slopes(homography, start)
        normal = np.einsum("nik,n,nil->kl", slope, weight, slope) + prior
        pull = np.einsum("nik,n,ni->k", slope, weight, off) - np.einsum("jk,k->j", prior, homography.ravel()[:8])
        try:
            covariance = np.linalg.inv(normal)
        except np.linalg.LinAlgError:
            break
        step = np.einsum("jk,k->j", covariance, pull)
        homography = homography + np.append(step, 0).reshape(3, 3)
        if float(np.abs(step).max()) < 1e-10:
            break
    return homography, covariance


def project(homography: Float[np.ndarray, "3 3"], points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """Move points by a homography."""
    found = np.einsum("ij,nj->ni", homography[:, :2], points) + homography[:, 2]
    return found[:, :2] / found[:, 2:]


def _slopes(homography: Float[np.ndarray, "3 3"], points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2 8"]:
    """Find how projected points move with the first eight numbers of a homography."""
    whole = np.column_stack([points, np.ones(len(points))])
    depth = whole @ homography[2]
    moved = project(homography, points)
    slopes = np.zeros((len(points), 2, 8))
    slopes[:, 0, :3] = slopes[:, 1, 3:6] = whole / depth[:, None]
    slopes[:, :, 6:] = -moved[:, :, None] * (points / depth[:, None])[:, None]
    return slopes


def _corner_deviation(covariance: Float[np.ndarray, "8 8"], seen: tuple[int, int]) -> float:
    """Find the standard deviation at the worst corner, in pixels at the size seen."""
    across = seen[1] / seen[0]
    corners = np.array([(x, y) for x in (-across, across) for y in (-1.0, 1.0)])
    slopes = _slopes(np.eye(3), corners)
    variance = np.einsum("nik,kl,nil->n", slopes, covariance, slopes)
    # Points on a line leave a covariance that is not one.
    return float(np.sqrt(variance.max())) * seen[0] / 2 if (variance > 0).all() else np.inf


def _too_few(near: Shaped[np.ndarray, "n"], trust: Trust) -> str:
    count, share = int(near.sum()), float(near.mean())
    if count >= trust.least_inliers and share >= trust.least_share:
        return ""
    return (
        f"{count} of {len(near)} matches agree on one shift of the camera; at least {trust.least_inliers} and "
        f"{trust.least_share:.0%} are wanted: the scenes differ, or are too smooth or too blurred"
    )


def _implausible(homography: Float[np.ndarray, "3 3"], shallow: Features, wide: Features, trust: Trust) -> str:
    """Say what no camera does that is nudged or focused anew; nothing where it is plausible."""
    # In units of half the height, so that shots of different sizes compare.
    h = np.diag([2 / wide.seen[0]] * 2 + [1]) @ homography @ np.diag([shallow.seen[0] / 2] * 2 + [1])
    middle = h[:2, :2] - np.outer(h[:2, 2], h[2, :2])
    stretch = np.linalg.svd(middle, compute_uv=False)
    scale, shear = float(np.sqrt(stretch[0] * stretch[1])), float(stretch[0] / max(stretch[1], 1e-9) - 1)
    rotation = float(np.degrees(np.arctan2(middle[1, 0] - middle[0, 1], middle[0, 0] + middle[1, 1])))
    perspective = float(abs(h[2, 0]) * shallow.seen[1] / shallow.seen[0] + abs(h[2, 1]))
    if np.linalg.det(middle) <= 0:
        return "the match would mirror the picture; the scenes differ"
    if not 1 / trust.most_scale < scale < trust.most_scale:
        return (
            f"the shallow shot is {scale:.3g} times as large; more than {trust.most_scale:g} is another lens or place"
        )
    if abs(rotation) > trust.most_rotation_deg:
        return f"the camera turned by {rotation:.3g} degrees between the shots; {trust.most_rotation_deg:g} are allowed"
    if shear > trust.most_shear or perspective > trust.most_perspective:
        return (
            f"the view changed (shear {shear:.3g}, perspective {perspective:.3g}; {trust.most_shear:g} and "
            f"{trust.most_perspective:g} are allowed): another place, or another scene"
        )
    return ""


def _badly_spread(points: Float[np.ndarray, "n 2"], wide: Features, corner_px: float, trust: Trust) -> str:
    """Say whether the inliers leave too much of the frame unknown."""
    height, width = wide.seen
    counts, _, _ = np.histogram2d(
        points[:, 0], points[:, 1], _CELLS, ((-width / 2, width / 2), (-height / 2, height / 2))
    )
    cover = float((counts >= 2).mean())
    if cover < trust.least_cover:
        return f"matches cover {cover:.0%} of the frame, {trust.least_cover:.0%} are wanted: the rest stays unknown"
    if not corner_px < trust.most_corner_px:
        return f"the frame's corners are known to {corner_px:.2g} px only; {trust.most_corner_px:g} px are wanted"
    return ""
