"""Prior: a guess at depth and subject for a photo that says nothing about either.

Not a trained network, and it does not see: it supposes that the subject differs from the borders of the
frame, stands near the middle, and that the ground comes nearer toward the bottom. It stands behind the
same interface as an estimator that does see.
"""

import numpy as np

from wideopen.optics import DepthMap
from wideopen.scene.shrink import shrink
from wideopen.shapes import Float

LONG_SIDE = 192
"""The guess is made on a small picture; edges come back when it is fitted to the photo."""
SUBJECT_DIOPTRES = 0.8
GROUND_DIOPTRES = 0.75


def guess_depth(pixels: Float[np.ndarray, "h w 3"]) -> tuple[DepthMap, Float[np.ndarray, "mh mw"]]:
    """Guess a relative depth map and a soft subject matte.

    Args:
        pixels: float32 photo as encoded, in [0, 1].

    Returns:
        Depth, relative, and the matte in [0, 1], both at most 192 pixels long.
    """
    scale = min(1.0, LONG_SIDE / max(pixels.shape[:2]))
    small = shrink(pixels, height=max(1, round(pixels.shape[0] * scale)), width=max(1, round(pixels.shape[1] * scale)))
    matte = _subject(small)
    height = len(small)
    row = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    ground = GROUND_DIOPTRES * np.clip((row - 0.45) / 0.55, 0, 1) ** 1.5
    dioptres = np.maximum(ground * (1 - matte), 0) + SUBJECT_DIOPTRES * matte
    return DepthMap(dioptres.astype(np.float32), metric=False, origin="built-in prior"), matte


def _subject(small: np.ndarray) -> np.ndarray:
    """Soft matte of what differs from the frame's borders, is sharp, and lies near the middle."""
    height, width = small.shape[:2]
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height * 2 - 1
    x = (np.arange(width, dtype=np.float32)[None] + 0.5) / width * 2 - 1
    middle = np.exp(-(x**2 / 0.35 + (y - 0.15) ** 2 / 0.55))

    # Compare every pixel with the colours of the upper borders, the background in most photos
    rim = max(1, min(height, width) // 12)
    border = np.concatenate(
        [
            small[:rim].reshape(-1, 3),
            small[: height * 2 // 3, :rim].reshape(-1, 3),
            small[: height * 2 // 3, -rim:].reshape(-1, 3),
        ]
    )
    centres = _cluster(border, count=4)
    strange = np.sqrt(((small[:, :, None] - centres) ** 2).sum(axis=3).min(axis=2))

    # Add local contrast, for what the photographer focused on has detail
    luminance = small.mean(axis=2)
    detail = np.hypot(*np.gradient(luminance)) if min(height, width) > 1 else np.zeros_like(luminance)
    evidence = _smooth(strange, 2) + 2 * _smooth(detail, 4)
    evidence = evidence * middle
    peak = float(np.quantile(evidence, 0.98))
    if peak <= 1e-6:
        return np.asarray(middle > 0.5, np.float32)
    share = _smooth(evidence / peak, 4)
    # Below a head is a body, and below a body the ground that it stands on.
    for row in range(1, height):
        share[row] = np.maximum(share[row], 0.985 * share[row - 1])
    return np.asarray(np.clip((_smooth(share, 2) - 0.22) / 0.25, 0, 1), np.float32)


def _cluster(colours: np.ndarray, *, count: int) -> np.ndarray:
    """Mean colours of k-means, started along the luminance so that no random number is needed."""
    order = np.argsort(colours.sum(axis=1), kind="stable")
    centres = colours[order[np.linspace(0, len(order) - 1, count).astype(int)]]
    for _ in range(8):
        nearest = ((colours[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        for k in range(count):
            if (nearest == k).any():
                centres[k] = colours[nearest == k].mean(axis=0)
    return np.asarray(centres)


def _smooth(values: np.ndarray, sigma_px: float) -> np.ndarray:
    """Blur by a Gaussian, the border continued."""
    reach = int(3 * sigma_px)
    weights = np.exp(-np.square(np.arange(-reach, reach + 1)) / (2 * sigma_px**2))
    weights /= weights.sum()
    for axis in (0, 1):
        pad = [(reach, reach) if a == axis else (0, 0) for a in (0, 1)]
        padded = np.pad(values, pad, mode="edge")
        length = values.shape[axis]
        values = sum(w * np.take(padded, range(i, i + length), axis) for i, w in enumerate(weights))
    return values
