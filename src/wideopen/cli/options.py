"""What commands take: paths, depth, and the lens."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from wideopen.errors import RequestError


class PathType(click.ParamType):  # type: ignore[type-arg]
    """A path; an empty one, as an unset shell variable gives, is not the current folder."""

    name = "path"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Refuse nothing but an empty text."""
        if str(value) == "":
            self.fail("the path is empty; give the name of a file or folder", param, ctx)
        return Path(value)


PATH = PathType()
DEPTH_OPTIONS = (
    click.option(
        "--depth",
        default="auto",
        show_default=True,
        metavar="auto|embedded|built-in|prior|NAME|FILE",
        help="Where depth comes from. auto takes what the photo's file carries, else the built-in network; "
        "prior is a guess that does not look; NAME is a network got by `wideopen fetch`; "
        "FILE is a depth map, or an .onnx network with its .json beside it.",
    ),
    click.option(
        "--depth-kind",
        type=click.Choice(["disparity", "dioptres", "metres"]),
        default="disparity",
        show_default=True,
        help="What the numbers of a depth FILE mean; disparity is relative, near is bright.",
    ),
)
LENS_OPTIONS = (
    click.option(
        "--look",
        type=PATH,
        metavar="FILE",
        help="A look that the studio saved: all settings of the lens in one file. Options given beside it win.",
    ),
    click.option("--f-number", type=float, default=1.8, show_default=True, help="Aperture; small is blurred."),
    click.option(
        "--focus",
        default="auto",
        show_default=True,
        metavar="auto|X,Y|X%,Y%|1.87m",
        help="What is sharp: the subject, a point of the upright photo in pixels or percent, "
        "or a distance (needs metric depth).",
    ),
    click.option("--in-focus", metavar="1.5m..2.5m", help="A range of distances kept sharp (needs metric depth)."),
    *DEPTH_OPTIONS,
    click.option(
        "--focal",
        "focal_mm",
        type=float,
        metavar="MM",
        help="Focal length, of the full-frame equivalent for phones.  [default: EXIF, else 50]",
    ),
    click.option(
        "--sensor",
        "sensor_mm",
        type=float,
        metavar="MM",
        help="Longer side of the sensor; for phones the view is kept.  [default: EXIF, else 22.5]",
    ),
    click.option(
        "--max-blur",
        "max_blur_percent",
        type=float,
        default=0.8,
        show_default=True,
        metavar="PERCENT",
        help="For relative depth: blur radius at the point farthest from the focus, at f/1.8, "
        "in percent of the photo's diagonal.",
    ),
    click.option(
        "--preset",
        metavar="NAME",
        help="The discs of a kind of lens: round, fast-prime, pentagon, hexagon, rounded-seven, swirl, soap-bubble, "
        "cream, anamorphic, mirror, heart or star. Options given beside it win.",
    ),
    click.option("--blades", type=int, default=0, show_default=True, help="Blades of the iris; 0 is round."),
    click.option(
        "--curvature",
        type=float,
        default=0.0,
        show_default=True,
        metavar="C",
        help="How far blades are bent, from 0, straight, to 1, a circle.",
    ),
    click.option(
        "--rotation",
        "rotation_deg",
        type=float,
        default=0.0,
        show_default=True,
        metavar="DEG",
        help="Turns the iris.",
    ),
    click.option(
        "--iris",
        "iris_file",
        type=PATH,
        metavar="FILE",
        help="A picture as the iris, bright where light passes.",
    ),
    click.option(
        "--cat-eye",
        type=float,
        default=0.0,
        show_default=True,
        metavar="S",
        help="How far discs close toward the corners, from 0 to 1.",
    ),
    click.option(
        "--squeeze",
        type=float,
        default=1.0,
        show_default=True,
        metavar="TIMES",
        help="How many times as high as wide discs are, from 0.4 to 2.5; 1.33 to 2 with anamorphic lenses.",
    ),
    click.option(
        "--spherical",
        type=float,
        default=0.0,
        show_default=True,
        metavar="S",
        help="Spherical aberration, from -1 to 1: above 0 rims are soft behind the focus and bright in front, "
        "below 0 the reverse (soap bubbles).",
    ),
    click.option(
        "--fringe",
        type=float,
        default=0.0,
        show_default=True,
        metavar="S",
        help="Coloured rims, from -1 to 1: above 0 green behind the focus and magenta in front, below 0 the reverse.",
    ),
    click.option(
        "--obstruction",
        type=float,
        default=0.0,
        show_default=True,
        metavar="S",
        help="Hole in the discs of mirror lenses, a share of their radius from 0 to 0.9.",
    ),
    click.option(
        "--highlights",
        type=float,
        default=0.5,
        show_default=True,
        metavar="S",
        help="How much light small clipped lamps get back, from 0 to 1.",
    ),
)


def taking(options: tuple[Callable[..., Any], ...]) -> Callable[..., Any]:
    """Give a command a row of options, in their order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def size_of(text: str) -> tuple[int, int]:
    """Width and height of ``1536x1024``."""
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text.strip().lower())
    if match is None or min(int(side) for side in match.groups()) < 16:
        raise RequestError(f"size '{text}' is not understood; give width and height, 16 or more, as 1536x1024")
    return int(match[1]), int(match[2])


def text_of(path: Path) -> str:
    """Read a text file; one that cannot be is bad usage."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot read {path}: {' '.join(str(error).split())}") from error
