"""What an exported file says of itself, and what is told of an export."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Literal, get_args

from wideopen.errors import RequestError
from wideopen.zoo.solution import Guide

Precision = Literal["float32", "float16", "int8"]
FORMAT = "wideopen-export"
FORMAT_VERSION = 1
SCENE = "scene"
"""The name of the built-in scene network, which finds depth and subject, and no picture."""


@dataclass(frozen=True)
class Metadata:
    """What a file holds and how it came to be; flat text inside the file, so that any tool shows it."""

    solution: str
    size_px: tuple[int, int]
    """Width and height that it takes, no other."""
    precision: Precision = "float32"
    needs: tuple[Guide, ...] = ()
    """Maps that go in behind the picture, in this order."""
    looks_at_whole: bool = False
    """Whether it measures the whole picture, so that tiles of a larger photo do not fit as well."""
    title: str = ""
    licence: str = ""
    """Of the weights, and of the authors' code."""
    command: str = ""
    checkpoint: str = ""
    """The record of the weights, as JSON; empty for random ones."""
    wideopen: str = ""
    """The version that wrote it."""

    def to_text(self) -> dict[str, str]:
        """As names and texts, beginning with the format."""
        width, height = self.size_px
        return {
            "format": f"{FORMAT}/{FORMAT_VERSION}",
            "wideopen": self.wideopen or version("wideopen"),
            "solution": self.solution,
            "title": self.title,
            "size": f"{width}x{height}",
            "precision": self.precision,
            "needs": " ".join(self.needs),
            "looks_at_whole": "yes" if self.looks_at_whole else "no",
            "licence": self.licence,
            "command": self.command,
            "checkpoint": self.checkpoint,
        }

    @classmethod
    def from_text(cls, text: Mapping[str, str], path: Path) -> "Metadata":
        """Read what `to_text` wrote; what a later version added is left out.

        Raises:
            RequestError: If the file is not of wideopen's, of a later format, or says what cannot be.
        """
        name, _, number = text.get("format", "").partition("/")
        if name != FORMAT or not number.isdigit():
            raise RequestError(f"{path} was not written by wideopen export; export a network to run it here")
        if int(number) > FORMAT_VERSION:
            raise RequestError(
                f"{path} is of format {number}, and this wideopen reads {FORMAT_VERSION}; update wideopen, or export "
                "it again"
            )
        known = {key: text[key] for key in (each.name for each in fields(cls)) if key in text}
        needs = text.get("needs", "").split()
        try:
            width, height = (int(part) for part in text["size"].split("x"))
            if min(width, height) < 1 or not set(needs) <= set(get_args(Guide)):
                raise ValueError
            return cls(
                **known  # type: ignore[arg-type]  # all others are text
                | {"needs": tuple(needs), "size_px": (width, height)}
                | {"looks_at_whole": text.get("looks_at_whole") == "yes"}
            )
        except (KeyError, ValueError, TypeError) as error:
            raise RequestError(f"{path} says nothing sensible of its size or inputs; export it again") from error

    def to_json(self) -> str:
        """`to_text` as one line, for files that hold one text."""
        return json.dumps(self.to_text(), sort_keys=True)


@dataclass(frozen=True)
class Exported:
    """An export that was written, and how near it is to PyTorch in float32."""

    path: Path
    solution: str
    size_px: tuple[int, int]
    precision: Precision
    bytes: int
    error_levels: float
    """Largest difference, in 8-bit levels, and the mean one and the PSNR, on the worst of the photos."""
    mean_error_levels: float
    psnr_db: float
    contrast_levels: float
    """Between the darkest and the brightest value that is wanted; near 0 (random weights) the others say little."""
    opset: int | None = None
    """Of ONNX."""
    inputs: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Names and shapes."""
    outputs: tuple[tuple[str, tuple[int, ...]], ...] = ()
    looks_at_whole: bool = False
    """Whether it measures the whole picture, so that it is best run at its own size."""
