"""The command line: one function per command."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wideopen.errors import WideopenError

if TYPE_CHECKING:
    from wideopen.renderer import Renderer

PHOTO = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="wideopen")
def app() -> None:
    """Realistic bokeh from one ordinary photo."""


@app.command()
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=PHOTO)
@click.option(
    "-o",
    "--output",
    type=PHOTO,
    help="File for one photo, folder for many. [default: beside the photo, as NAME.bokeh.EXT]",
)
@click.option("--f-number", type=float, default=1.8, show_default=True, help="Aperture of the lens.")
@click.option(
    "--focus",
    default="auto",
    show_default=True,
    metavar="auto|X,Y|X%,Y%|1.87m",
    help="What is sharp: the subject, a point of the upright photo in pixels or percent, or a distance (needs metric depth).",
)
@click.option("--in-focus", metavar="1.5m..2.5m", help="Range of distances kept sharp (needs metric depth).")
@click.option(
    "--depth",
    default="auto",
    show_default=True,
    metavar="auto|embedded|built-in|FILE",
    help="Where depth comes from; auto takes what the photo carries, else the built-in guess.",
)
@click.option(
    "--depth-kind",
    type=click.Choice(["disparity", "dioptres", "metres"]),
    default="disparity",
    show_default=True,
    help="What the numbers of a depth FILE mean.",
)
@click.option(
    "--focal", "focal_mm", type=float, metavar="MM", help="Focal length. [default: from EXIF, else 50]"
)
@click.option(
    "--sensor",
    "sensor_mm",
    type=float,
    metavar="MM",
    help="Longer side of the sensor. [default: from EXIF, else 22.5]",
)
@click.option(
    "--max-blur",
    "max_blur_percent",
    type=float,
    metavar="PERCENT",
    help="For relative depth: radius at the point farthest from the focus, at f/1.8, in percent of the diagonal. [default: 1.2]",
)
@click.option("--blades", type=int, default=0, show_default=True, help="Blades of the iris; 0 is round.")
@click.option(
    "--rotation",
    "rotation_deg",
    type=float,
    default=0.0,
    show_default=True,
    metavar="DEG",
    help="Turns the iris.",
)
@click.option(
    "--iris",
    "iris_file",
    type=PHOTO,
    metavar="FILE",
    help="A picture as the shape of the iris, bright where light passes.",
)
@click.option(
    "--cat-eye",
    type=float,
    default=0.0,
    show_default=True,
    metavar="S",
    help="How far discs close toward the corners, 0 to 1.",
)
@click.option(
    "--highlights",
    type=float,
    metavar="S",
    help="How much light small clipped lamps get back, 0 to 1. [default: 0.5]",
)
@click.option(
    "--with",
    "renderer_name",
    default="lens",
    show_default=True,
    metavar="lens|identity",
    help="What renders.",
)
@click.option("--overwrite", is_flag=True, help="Replace results that are there already.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Photos rendered at a time.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per photo.")
def render(photos: tuple[Path, ...], output: Path | None, renderer_name: str, overwrite: bool, jobs: int, as_json: bool, **settings: Any) -> None:  # fmt: skip
    """Render photos as a fast lens would have seen them."""
    from wideopen.batch import plan, run
    from wideopen.report import Report

    renderer = _renderer(renderer_name, settings)
    planned = plan(photos, output)
    with Report(len(planned), as_json=as_json) as report:
        for outcome in run(planned, renderer, name=renderer_name, overwrite=overwrite, processes=jobs):
            report.add(outcome)
    if report.failed:
        sys.exit(1)


@app.command()
@click.argument("photo", type=PHOTO)
@click.option(
    "-o",
    "--output",
    type=PHOTO,
    metavar="MAP",
    help="Save the map: .tif .npy .exr .pfm hold dioptres, .png 16-bit disparity.",
)
@click.option(
    "--view", type=PHOTO, metavar="FILE", help="Save a picture of the map to look at, near is bright."
)
@click.option(
    "--depth",
    default="auto",
    show_default=True,
    metavar="auto|embedded|built-in|FILE",
    help="Where depth comes from.",
)
@click.option(
    "--depth-kind",
    type=click.Choice(["disparity", "dioptres", "metres"]),
    default="disparity",
    show_default=True,
    help="What the numbers of a depth FILE mean.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def depth(photo: Path, output: Path | None, view: Path | None, depth: str, depth_kind: str, overwrite: bool, as_json: bool) -> None:  # fmt: skip
    """Show or save the depth of a photo, and say where it came from."""
    from wideopen.report import describe_depth, print_line

    record = describe_depth(
        photo, output=output, view=view, depth=depth, kind=depth_kind, overwrite=overwrite
    )
    if as_json:
        print_line(json.dumps(record))
        return
    unit = "dioptres" if record["depth_metric"] else "relative dioptres"
    print_line(
        f"{photo}: depth from {record['depth_origin']}, {record['map_width']}x{record['map_height']}, "
        f"{record['far_dioptres']:.3g} to {record['near_dioptres']:.3g} {unit}"
    )
    for path in (output, view):
        if path is not None:
            print_line(f"saved {path}")


def _renderer(name: str, settings: dict[str, Any]) -> "Renderer":
    """Make the renderer that the options describe; a setting that cannot be is bad usage."""
    from wideopen.photo import read
    from wideopen.renderer import identity
    from wideopen.renderer.iris import Iris
    from wideopen.renderer.lens import LensRenderer
    from wideopen.scene import Focus, FocusRange

    if name == "identity":
        return identity
    if name != "lens":
        raise click.UsageError(f"there is no renderer '{name}' here; use lens or identity")
    iris_file = settings.pop("iris_file")
    picture = None if iris_file is None else read(iris_file).pixels.mean(axis=2)
    in_focus = settings.pop("in_focus")
    chosen = {key: value for key, value in settings.items() if value is not None}
    try:
        return LensRenderer(
            focus=Focus.parse(chosen.pop("focus")),
            in_focus=None if in_focus is None else FocusRange.parse(in_focus),
            iris=Iris(
                blades=chosen.pop("blades"),
                rotation_deg=chosen.pop("rotation_deg"),
                cat_eye=chosen.pop("cat_eye"),
                picture=picture,
            ),
            **chosen,
        )
    except WideopenError as error:
        raise click.UsageError(str(error)) from error


def main() -> None:
    """Run the command line; every error is one line on standard error.

    Exit codes: 0 done, 2 bad usage, 1 any other error.
    """
    code = 0
    try:
        result = app(standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        code = 2
    except click.ClickException as error:
        click.echo(f"wideopen: {' '.join(error.format_message().split())}", err=True)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo(
            "wideopen: interrupted; what was rendered before is kept, nothing is half-written", err=True
        )
        code = 1
    except WideopenError as error:
        click.echo(f"wideopen: {' '.join(str(error).split())}", err=True)
        code = 1
    except BrokenPipeError:
        code = 1
    sys.exit(code)
