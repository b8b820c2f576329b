"""Depth networks of others: an ONNX file, and beside it a JSON file that says how to ask it."""

import hashlib
import json
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from wideopen.errors import DepthError
from wideopen.optics import DepthMap
from wideopen.scene.fit import resize_linear
from wideopen.scene.mapfile import Kind
from wideopen.shapes import Float

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SizeRule = Literal["short_side", "long_side", "fixed"]
MOST_SIDE_PX = 4096
_READ_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Recipe:
    """How to ask a depth network.

    As JSON, it stands beside ``NAME.onnx`` as ``NAME.json``, for example

    ``{"input": "pixel_values", "size_rule": "short_side", "size_px": 518, "multiple_of": 14,``
    ``"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "output_kind": "disparity"}``
    """

    input: str
    """Name of the input, (1, 3, height, width) in red, green, blue; float32."""
    size_px: int | tuple[int, int]
    """The side that `size_rule` names; height and width where it is fixed."""
    output_kind: Kind
    """What the numbers mean: ``disparity`` (up to scale and shift, near is large), ``dioptres`` or ``metres``."""
    size_rule: SizeRule = "long_side"
    """The photo's aspect is kept but where the size is fixed."""
    multiple_of: int = 1
    """Sides are rounded to multiples of so much."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Taken from encoded colours in [0, 1]."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Then they are divided by this."""
    output: str | None = None
    """Name of the output, (1, height, width) or (1, 1, height, width); without it the first one."""
    sha256: str | None = None
    """Of the ONNX file, checked before it runs."""

    @classmethod
    def of(cls, record: Any, source: str) -> "Recipe":  # noqa: ANN401
        """Check a JSON object; what it says beside the fields above is left alone.

        Raises:
            DepthError: If something is missing or cannot be.
        """
        if not isinstance(record, dict):
            raise DepthError(f"{source} is no JSON object; see wideopen.scene.guest.Recipe for what it must say")
        given = {field.name: record[field.name] for field in fields(cls) if record.get(field.name) is not None}
        for name in ("input", "size_px", "output_kind"):
            if name not in given:
                raise DepthError(f"{source} does not say '{name}'; it must name input, size_px and output_kind")
        for name in ("mean", "std"):
            if name in given:
                given[name] = _numbers(given[name], 3, name, source)
        if isinstance(given["size_px"], list):
            given["size_px"] = tuple(int(side) for side in _numbers(given["size_px"], 2, "size_px", source))
        recipe = cls(**given)
        recipe._refuse_wrong(source)
        return recipe

    def _refuse_wrong(self, source: str) -> None:
        if self.size_rule not in ("short_side", "long_side", "fixed"):
            raise DepthError(f"{source}: size_rule is {self.size_rule!r}; give short_side, long_side or fixed")
        if self.output_kind not in ("disparity", "dioptres", "metres"):
            raise DepthError(f"{source}: output_kind is {self.output_kind!r}; give disparity, dioptres or metres")
        if (self.size_rule == "fixed") != isinstance(self.size_px, tuple):
            raise DepthError(f"{source}: size_px is {self.size_px}; give [height, width] if fixed, else one number")
        sides = self.size_px if isinstance(self.size_px, tuple) else (self.size_px,)
        if not all(isinstance(side, int) and 1 <= side <= MOST_SIDE_PX for side in (*sides, self.multiple_of)):
            raise DepthError(f"{source}: sizes are whole numbers from 1 to {MOST_SIDE_PX}, not {self.size_px}")
        if not all(value > 0 for value in self.std):
            raise DepthError(f"{source}: std is {self.std}; every number must be above 0")

    def inner_size(self, *, height: int, width: int) -> tuple[int, int]:
        """Find height and width of what goes into the network for a photo's."""
        if isinstance(self.size_px, tuple):
            return self.size_px
        side = (min if self.size_rule == "short_side" else max)(height, width)
        scale = self.size_px / side
        inner = [max(1, round(length * scale / self.multiple_of)) * self.multiple_of for length in (height, width)]
        return inner[0], inner[1]


def is_network(depth: str | Path) -> bool:
    """Tell whether a name is that of an ONNX file."""
    return str(depth).lower().endswith(".onnx")


def see_by_guest(pixels: Float[np.ndarray, "h w 3"], path: Path) -> DepthMap:
    """Ask the network in an ONNX file for depth.

    Args:
        pixels: float32 photo as encoded, in [0, 1].
        path: The file; its recipe lies beside it.

    Returns:
        The map at about the size that went in, with the photo's own aspect, whatever size came out: sides were
        rounded, and some exports give one size for every photo.

    Raises:
        DepthError: If a file is missing or broken, or what comes out is no depth map.
    """
    recipe = read_recipe(path)
    session = _session(str(path), path.stat().st_mtime_ns, recipe.sha256)
    height, width = recipe.inner_size(height=pixels.shape[0], width=pixels.shape[1])
    picture = Image.fromarray(np.rint(pixels.clip(0, 1) * 255).astype(np.uint8))
    small = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC), np.float32) / 255
    small = ((small - np.array(recipe.mean)) / np.array(recipe.std)).transpose(2, 0, 1)[None]
    try:
        wanted = None if recipe.output is None else [recipe.output]
        values = session.run(wanted, {recipe.input: np.ascontiguousarray(small, np.float32)})[0]
    except Exception as error:  # ONNX Runtime raises many kinds
        raise DepthError(f"{path.name} cannot be asked as its recipe says: {_first_line(error)}") from error
    values = np.asarray(values)
    shape = values.shape
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 2 or values.size < 2 or values.dtype.kind != "f":
        raise DepthError(f"{path.name} answers {values.dtype} of shape {shape}, not one map of floats")
    if not np.isfinite(values).all():
        raise DepthError(f"{path.name} answers with numbers that are not finite")
    scale = max(height, width) / max(pixels.shape[:2])
    height, width = (max(2, round(side * scale)) for side in pixels.shape[:2])
    origin = f"network {path.stem}"
    if recipe.output_kind == "metres":
        metres = resize_linear(values.astype(np.float32), height=height, width=width)
        return DepthMap((1 / np.maximum(metres, 1e-3)).astype(np.float32), metric=True, origin=origin)
    dioptres = resize_linear(values.astype(np.float32), height=height, width=width)
    if recipe.output_kind == "dioptres":
        return DepthMap(np.maximum(dioptres, 0), metric=True, origin=origin)
    low, high = float(dioptres.min()), float(dioptres.max())
    return DepthMap((dioptres - low) / ((high - low) or 1.0), metric=False, origin=origin)


def read_recipe(path: Path) -> Recipe:
    """Read the recipe beside an ONNX file.

    Raises:
        DepthError: If one of both is missing, or the recipe is broken.
    """
    beside = path.with_suffix(".json")
    if not path.is_file():
        raise DepthError(f"there is no network {path}")
    if not beside.is_file():
        raise DepthError(f"{path.name} needs {beside.name} beside it, which says how to ask it")
    try:
        record = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DepthError(f"cannot read {beside.name}: {_first_line(error)}") from error
    try:
        return Recipe.of(record, beside.name)
    except TypeError as error:
        raise DepthError(f"{beside.name}: {_first_line(error)}") from error


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_READ_AT_ONCE):
            total.update(piece)
    return total.hexdigest()


@lru_cache(maxsize=2)
def _session(path: str, changed: int, sha256: str | None) -> "InferenceSession":
    import onnxruntime

    if sha256 is not None and checksum(Path(path)) != sha256:
        raise DepthError(
            f"{Path(path).name} is not the file that its recipe knows (its checksum differs); fetch it anew"
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # over a broken file it raises many kinds
        raise DepthError(f"cannot run {Path(path).name}: {_first_line(error)}") from error


def _numbers(values: Any, count: int, name: str, source: str) -> tuple[Any, ...]:  # noqa: ANN401
    if not isinstance(values, list) or len(values) != count or not all(type(v) in (int, float) for v in values):
        raise DepthError(f"{source}: {name} is {values}; give {count} numbers")
    return tuple(values)


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
