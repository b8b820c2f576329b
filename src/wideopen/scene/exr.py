"""OpenEXR files that hold one map."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from wideopen.shapes import Float

_PREFERRED = ("Z", "Y", "R")


def read(path: Path, *, most_pixels: int) -> Float[np.ndarray, "h w"]:
    """Read one channel of an EXR file: Z, else Y, else R (also within a layer), else its first.

    Raises:
        ValueError, RuntimeError: If the file is broken or larger than `most_pixels`.
    """
    openexr = _openexr()
    low, high = openexr.File(str(path), header_only=True).header()["dataWindow"]
    width, height = (int(after) - int(before) + 1 for before, after in zip(low, high, strict=True))
    if width * height > most_pixels:
        raise ValueError(f"{width} x {height} pixels, {most_pixels // 1_000_000} million are the limit")

    channels = openexr.File(str(path), separate_channels=True).channels()
    if not channels:
        raise ValueError("no channel")
    pixels: np.ndarray = channels[_best(list(channels))].pixels
    return pixels.astype(np.float32)


def write(path: Path, values: Float[np.ndarray, "h w"]) -> None:
    """Write float32 values as channel Y; Z would claim that they are distances."""
    openexr = _openexr()
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    openexr.File(header, {"Y": np.ascontiguousarray(values)}).write(str(path))


def _best(names: list[str]) -> str:
    for wanted in _PREFERRED:
        for name in sorted(names, key=len):
            if name.split(".")[-1].upper() == wanted:
                return name
    return names[0]


def _openexr() -> Any:  # noqa: ANN401 (a module without types)
    """Load the EXR library only when a file needs it."""
    try:
        return importlib.import_module("OpenEXR")
    except ImportError:
        raise ValueError("EXR files need the package OpenEXR: pip install OpenEXR") from None
