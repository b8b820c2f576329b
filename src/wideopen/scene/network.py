"""The built-in scene network: depth and subject of a photo, found by ONNX Runtime."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wideopen.optics import DepthMap
from wideopen.scene.figure import Layers, separate
from wideopen.scene.fit import resize_linear
from wideopen.scene.shrink import shrink
from wideopen.shapes import Float

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

WEIGHTS = Path(__file__).with_name("scene.onnx")
LONG_SIDES_PX = (192, 256)
"""The size that the network has learned at, and a larger one, which shows it what is small."""
MULTIPLE_OF = 32
ORIGIN = "built-in network"
RELIEF = 0.05
"""Share of the subject's own relief that is kept."""


def see(pixels: Float[np.ndarray, "h w 3"]) -> Layers:
    """Find relative depth and a soft subject matte.

    The photo is brought to 192 and to 256 pixels on its long side, its aspect kept and the rest filled with
    its own border, because the network takes multiples of 32. It is looked at as it is and mirrored, and the
    mean of all four counts.

    Args:
        pixels: float32 photo as encoded, in [0, 1].

    Returns:
        Depth of the subject and of what is around it, the range of both together stretched to 0 to 1, and the
        matte in [0, 1], all at half the larger size.
    """
    found = [_look_both_ways(pixels, long_side) for long_side in LONG_SIDES_PX]
    height, width = found[-1][0].shape
    dioptres, matte = (
        np.mean([resize_linear(maps[k], height=height, width=width) for maps in found], axis=0) for k in (0, 1)
    )
    low, high = np.quantile(dioptres, (0.005, 0.995))
    dioptres = ((dioptres - low) / max(float(high - low), 1e-6)).clip(0, 1)
    return separate(dioptres.astype(np.float32), matte.astype(np.float32), relief=RELIEF)


def _look_both_ways(pixels: Float[np.ndarray, "h w 3"], long_side: int) -> tuple[np.ndarray, np.ndarray]:
    """Look at a photo as it is and mirrored, at one size: dioptres about their median by their deviation, and matte."""
    height, width = pixels.shape[:2]
    scale = long_side / max(height, width)
    inner_height, inner_width = max(2, round(height * scale / 2) * 2), max(2, round(width * scale / 2) * 2)
    small = shrink(pixels, height=inner_height, width=inner_width)
    one, mirrored = _ask(small), _ask(small[:, ::-1])
    dioptres, matte = ((a + b[:, ::-1]) / 2 for a, b in zip(one, mirrored, strict=True))
    middle = np.median(dioptres)
    return (dioptres - middle) / max(float(np.abs(dioptres - middle).mean()), 1e-6), matte


def see_depth(pixels: Float[np.ndarray, "h w 3"]) -> tuple[DepthMap, Float[np.ndarray, "mh mw"]]:
    """Find a relative depth map and a soft subject matte, both at the network's size; see `see`."""
    found = see(pixels)
    return DepthMap(found.dioptres, metric=False, origin=ORIGIN), found.matte


def _ask(small: Float[np.ndarray, "h w 3"]) -> tuple[np.ndarray, np.ndarray]:
    """Let the network look once; both maps have half the picture's size."""
    height, width = small.shape[:2]
    fill = [(0, max(-side % MULTIPLE_OF, 2 * MULTIPLE_OF - side)) for side in (height, width)]
    filled = np.pad(small, [*fill, (0, 0)], mode="edge").transpose(2, 0, 1)[None]
    dioptres, matte = _session().run(None, {"picture": np.ascontiguousarray(filled)})
    inside = slice(0, height // 2), slice(0, width // 2)
    return dioptres[0, 0][inside], matte[0, 0][inside].clip(0, 1)


@lru_cache(maxsize=1)
def _session() -> "InferenceSession":
    import onnxruntime
    from numba import config, get_num_threads

    options = onnxruntime.SessionOptions()
    if get_num_threads() < config.NUMBA_NUM_THREADS:  # whoever holds compiled loops back means this too
        options.intra_op_num_threads = get_num_threads()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(WEIGHTS.read_bytes(), options, providers=["CPUExecutionProvider"])
