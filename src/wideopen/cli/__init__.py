"""The command line: one function per command."""

import json
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from wideopen.cli.challenge import challenge
from wideopen.cli.engines import ENGINE_OPTION, engine_of
from wideopen.cli.export import export
from wideopen.cli.options import DEPTH_OPTIONS, LENS_OPTIONS, PATH, taking
from wideopen.cli.pairs import pairs
from wideopen.cli.renderers import named_renderer
from wideopen.cli.score import leaderboard, score, time_command
from wideopen.cli.studio import studio
from wideopen.cli.study import study
from wideopen.cli.train import recipes, train
from wideopen.cli.zoo import RUN_OPTIONS, convert, solutions
from wideopen.errors import RequestError, WideopenError


class _Interrupted(click.ClickException):
    """Ctrl-C, said in one line."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="wideopen")
def app() -> None:
    """Realistic bokeh from one ordinary photo."""


@app.command()
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=PATH)
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="OUT",
    help="A file for one photo, a folder for many.  [default: NAME.bokeh.EXT beside the photo]",
)
@taking(LENS_OPTIONS)
@click.option(
    "--with",
    "name",
    default="lens",
    show_default=True,
    metavar="lens|identity|gaussian|CHECKPOINT|FILE",
    help="What renders.",
)
@taking(RUN_OPTIONS)
@click.option("--overwrite", is_flag=True, help="Replace results that are there already.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Photos rendered at a time.  [default: 1; on a cluster one per core]",
)
@ENGINE_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per photo.")
def render(
    photos: tuple[Path, ...],
    output: Path | None,
    name: str,
    overwrite: bool,
    jobs: int | None,
    engine: str,
    as_json: bool,
    **settings: Any,  # noqa: ANN401
) -> None:
    """Render photos as a fast lens would have seen them.

    PHOTO may be a folder; the photos directly in it are rendered.
    """
    from wideopen.batch import plan, run
    from wideopen.report import Report

    worker = engine_of(engine, jobs, settings)
    sources = [Path(settings[key]) for key in ("depth", "iris_file", "saliency", "look") if settings[key] is not None]
    renderer = named_renderer(name, settings)
    planned = plan(photos, output, sources=sources)
    try:
        outcomes = run(planned, renderer, name=name, overwrite=overwrite, engine=worker)
        with closing(outcomes), Report(len(planned), as_json=as_json) as report:
            for outcome in outcomes:
                report.add(outcome)
    except KeyboardInterrupt as stop:
        raise _Interrupted("interrupted; photos done so far are kept, none is half-written") from stop
    if report.failed:
        sys.exit(1)


@app.command()
@click.argument("photo", type=PATH)
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="MAP",
    help="Save the map at the photo's size: .tif .npy .exr .pfm hold dioptres, .png holds 16-bit disparity.",
)
@click.option("--view", type=PATH, metavar="FILE", help="Save a picture of the map to look at; near is bright.")
@click.option(
    "--show",
    type=click.Choice(["depth", "matte"]),
    default="depth",
    show_default=True,
    help="What is saved: depth, or the matte, 1 where the subject is and 0 elsewhere.",
)
@taking(DEPTH_OPTIONS)
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def depth(photo: Path, as_json: bool, **settings: Any) -> None:  # noqa: ANN401
    """Show or save the depth of a photo or the matte of its subject, and say where depth came from."""
    from wideopen.report import describe_depth, print_depth, print_line

    record = describe_depth(photo, **settings)
    if as_json:
        print_line(json.dumps(record))
    else:
        print_depth(record)


@app.command()
@click.option("-o", "--output", type=PATH, default=Path("sample.jpg"), show_default=True, metavar="FILE")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there already.")
def sample(output: Path, overwrite: bool) -> None:
    """Save a photo to try things on; it carries its own depth."""
    from wideopen.report import print_line
    from wideopen.sample import save_sample

    print_line(f"saved {save_sample(output, overwrite=overwrite)}")


@app.command()
@click.argument("name", metavar="NAME")
@click.option("--revision", metavar="REV", help="Another revision than the one recorded on first use.")
@click.option("--json", "as_json", is_flag=True, help="Print the record as one JSON object.")
def fetch(name: str, revision: str | None, as_json: bool) -> None:
    """Fetch a larger depth network for --depth NAME; needs the extra fetch.

    NAME is depth-anything-v2-small (Apache-2.0, 99 MB).
    """
    from wideopen.report import print_line
    from wideopen.scene.fetch import fetch as get
    from wideopen.scene.fetch import place_of

    if sys.stderr.isatty():
        click.echo(f"looking for {name}; it is 99 MB, and without a connection this ends in half a minute", err=True)
    record = get(name, revision=revision)
    if as_json:
        print_line(json.dumps(record))
    else:
        print_line(
            f"{name} ({record['licence']}) {record['state']}: {place_of(name)}, revision {record['revision'][:12]}, "
            f"SHA-256 {record['sha256'][:16]}; use it by --depth {name}"
        )


app.add_command(pairs)
app.add_command(solutions)
app.add_command(convert)


app.add_command(train)
app.add_command(recipes)
app.add_command(score)
app.add_command(time_command)
app.add_command(leaderboard)
app.add_command(study)
app.add_command(export)
app.add_command(studio)
app.add_command(challenge)
app.add_command(studio)


def main() -> None:
    """Run the command line; every error is one line on standard error.

    Exit codes: 0 done, 2 bad usage, 1 any other error.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app(standalone_mode=False, prog_name="wideopen")
        code = 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = 2
    except click.ClickException as error:
        code = _complain(error.format_message(), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        code = _complain("interrupted", 1)
    except WideopenError as error:
        code = _complain(str(error), 2 if isinstance(error, RequestError) else 1)
    except OSError as error:
        code = _complain(f"cannot go on: {error.strerror or error}", 1)
    sys.exit(code)


def _complain(text: str, code: int) -> int:
    click.echo(f"wideopen: {' '.join(text.split())}", err=True)
    return code
