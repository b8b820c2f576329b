"""Commands that score, time and rank."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wideopen.cli.bar import bar
from wideopen.cli.contestants import entrant, timed_entrant, timing_of, timing_on_phone
from wideopen.cli.engines import ENGINE_OPTION, engine_of
from wideopen.cli.options import LENS_OPTIONS, PATH, size_of, taking
from wideopen.cli.zoo import RUN_OPTIONS
from wideopen.errors import RequestError

if TYPE_CHECKING:
    from wideopen.score.score import Score

_CHECKPOINT = click.option("--checkpoint", type=PATH, metavar="FILE", help="Weights, where WHAT is a solution.")
_NAME = click.option(
    "--name", metavar="TEXT", help="What the row is called.  [default: the solution's or folder's name]"
)
_TRACK = click.option("--track", type=click.Choice(["cpu", "gpu", "cuda"]), help="[default: what it runs on, else cpu]")
_OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace a file that is there already.")
_TIMING_OPTIONS = (
    click.option(
        "--size", "size_px", default="1536x1024", show_default=True, metavar="WxH", help="Of the photo that is timed."
    ),
    click.option("--threads", type=click.IntRange(1), metavar="N", help="[default: as each library chooses]"),
    click.option("--repeats", type=click.IntRange(1), default=5, show_default=True, metavar="N", help="Runs timed."),
)


@click.command()
@click.argument("what", metavar="WHAT")
@click.option("--pairs", "folder", type=PATH, required=True, metavar="DIR", help="A data set of pairs.")
@click.option("-o", "--output", type=PATH, metavar="SCORE.json", help="Where the Score goes.  [default: only shown]")
@click.option("--split", metavar="PART", help="Only this part: train, val or test.")
@click.option(
    "--protocol",
    "protocol_name",
    default="aim2020",
    show_default=True,
    metavar="NAME",
    help="How PSNR and SSIM are measured: aim2020, pynet, gaussian or y-only.",
)
@_NAME
@_TRACK
@_CHECKPOINT
@click.option("--given-depth", is_flag=True, help="Give it the pairs' own depth maps; such a row is not ranked.")
@click.option("--given-focus", is_flag=True, help="Tell the lens what is in focus; such a row is not ranked.")
@taking(LENS_OPTIONS)
@taking(RUN_OPTIONS)
@click.option(
    "--lpips-body",
    type=PATH,
    metavar="FILE",
    help="AlexNet's or VGG-16's ImageNet weights, under torchvision's names: LPIPS is measured too.",
)
@click.option(
    "--gallery",
    type=click.IntRange(0),
    default=12,
    show_default=True,
    metavar="N",
    help="So many small pictures are kept beside the Score, with those of the ten worst; 0 keeps none.",
)
@click.option("--time", "timed", is_flag=True, help="Time it too, as `wideopen time` does.")
@taking(_TIMING_OPTIONS)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Pictures at a time.  [default: all cores; 1 for networks, which use them all]",
)
@ENGINE_OPTION
@_OVERWRITE
@click.option("--json", "as_json", is_flag=True, help="Print the Score as one JSON object.")
def score(
    what: str,
    folder: Path,
    output: Path | None,
    split: str | None,
    protocol_name: str,
    lpips_body: Path | None,
    gallery: int,
    timed: bool,
    size_px: str,
    threads: int | None,
    repeats: int,
    jobs: int | None,
    engine: str,
    overwrite: bool,
    as_json: bool,
    **settings: Any,  # noqa: ANN401
) -> None:
    """Score a renderer, a checkpoint or a folder of pictures on pairs.

    WHAT is identity, gaussian, lens, a checkpoint, a solution with --checkpoint, or a folder that holds one picture
    for each pair, under its name. A run that was stopped goes on where it was.
    """
    from wideopen.pairs.pair import pairs_in
    from wideopen.score.evaluate import evaluate
    from wideopen.score.protocol import protocol
    from wideopen.score.score import write_score

    _refuse_output(output, overwrite=overwrite)
    size = size_of(size_px)
    chosen = protocol(protocol_name)
    engine_of(engine, jobs, settings)
    pairs = pairs_in(folder, split=split)
    entry = entrant(what, pairs, settings)
    if entry.contestant is None:
        raise click.UsageError(f"{what} can only be timed")
    if timed and entry.renderer is None:
        raise click.UsageError(f"{what} is a folder of pictures, which takes no time; leave out --time")
    with bar("scoring") as progress:
        result = evaluate(
            entry.contestant,
            pairs,
            entry.draft(protocol=chosen.name, data={"name": folder.resolve().name, "split": split or ""}),
            engine_of(engine, jobs, {}, local_jobs=entry.jobs),
            out=output,
            lpips_body=lpips_body,
            gallery=gallery,
            progress=progress,
        )
    if timed:
        timing = timing_of(entry, size_px=size, threads=threads, repeats=repeats)
        result = replace(result, runtime_s=timing.median_s, timing=timing.to_record())
        if output is not None:
            write_score(result, output)
    click.echo(_one_line(result) if as_json else _told(result, output))


@click.command("time")
@click.argument("what", metavar="WHAT")
@click.option("-o", "--output", type=PATH, metavar="SCORE.json", help="Write a Score that holds nothing but the time.")
@_NAME
@_TRACK
@_CHECKPOINT
@taking(_TIMING_OPTIONS)
@click.option(
    "--runtime",
    metavar="torch|torch-compile|onnxruntime|openvino|litert",
    help="For networks: what runs them.  [default: torch; of a file the first that suits]",
)
@click.option("--benchmark", type=PATH, metavar="FILE", help="For --device android: the official benchmark_model.")
@click.option("--fallback", is_flag=True, help="On a phone: let the CPU run what its GPU does not take.")
@taking(LENS_OPTIONS)
@taking(RUN_OPTIONS)
@_OVERWRITE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def time_command(
    what: str,
    output: Path | None,
    size_px: str,
    threads: int | None,
    repeats: int,
    runtime: str | None,
    benchmark: Path | None,
    fallback: bool,
    overwrite: bool,
    as_json: bool,
    **settings: Any,  # noqa: ANN401
) -> None:
    """Time one photo, whole photo in to whole photo out, and a network alone.

    WHAT is identity, gaussian, lens, a checkpoint, a file of `wideopen export`, or a solution, which without
    --checkpoint has random weights. The median of several runs counts, behind one to warm up; load by other programs
    is said. A .tflite file can be timed on a phone, by --device android or android:SERIAL.
    """
    from wideopen.score.score import write_score

    _refuse_output(output, overwrite=overwrite)
    size = size_of(size_px)
    if str(settings["device"]).startswith("android"):
        entry, timing = timing_on_phone(what, settings, benchmark=benchmark, fallback=fallback, repeats=repeats)
    else:
        entry = timed_entrant(what, settings)
        timing = timing_of(entry, runtime, size_px=size, threads=threads, repeats=repeats)
    if output is not None:
        draft = entry.draft(protocol="runtime/1", notes=getattr(timing, "notes", ()))
        write_score(replace(draft, runtime_s=timing.median_s, timing=timing.to_record()), output)
    click.echo(json.dumps(timing.to_record()) if as_json else timing.says())


@click.command()
@click.argument("scores", metavar="[SCORES]...", nargs=-1, type=PATH)
@click.option("--published", is_flag=True, help="The report's Tables 1 and 2 too, or alone.")
@click.option("--track", type=click.Choice(["cpu", "gpu", "cuda"]), help="Only this track.")
@click.option("--by", default="mos", show_default=True, metavar="COLUMN", help="What ranks: mos, psnr_db, ssim, "
              "runtime_s, or another figure of the Scores.")  # fmt: skip
@click.option("-o", "--output", type=PATH, metavar="FILE", help="Write it as .html, .md or .csv.")
@_OVERWRITE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per row.")
def leaderboard(
    scores: tuple[Path, ...],
    published: bool,
    track: str | None,
    by: str,
    output: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Rank Scores as the report does, beside what was published or alone.

    SCORES are Score files, or folders of them. Without any it is the published tables.
    """
    from wideopen.score.leaderboard import collect, joined, ranked, warnings_of
    from wideopen.score.page import write_board
    from wideopen.score.published import TABLES
    from wideopen.score.tables import as_json as json_lines
    from wideopen.score.tables import as_text, write_table

    _refuse_output(output, overwrite=overwrite, suffixes=(".html", ".md", ".csv"))
    found = joined(collect(scores))
    if published or not scores:
        found = [*(score for table in TABLES.values() for score in table), *found]
    rows = ranked(found, by=by, track=track)
    if output is not None:
        write = write_board if output.suffix.lower() == ".html" else write_table
        write(rows, output, by=by, overwrite=overwrite)
        click.echo(f"saved {output}", err=as_json)
    if as_json:
        click.echo(json_lines(rows))
    elif output is None:
        click.echo(as_text(rows, by=by))
        for warning in warnings_of(row.score for row in rows):
            click.echo(f"careful: {warning}", err=True)


def _refuse_output(output: Path | None, *, overwrite: bool, suffixes: tuple[str, ...] = (".json",)) -> None:
    if output is None:
        return
    if output.suffix.lower() not in suffixes:
        raise RequestError(
            f"{output} is no file that is written here; give a name that ends in {' or '.join(suffixes)}"
        )
    if output.exists() and not overwrite:
        raise RequestError(f"{output} is there already; choose another name or allow --overwrite")


def _one_line(score: "Score") -> str:
    """The JSON of a Score without its line breaks, which inside of texts are escaped."""
    return "".join(line.strip() for line in score.to_json().splitlines())


def _told(score: "Score", output: Path | None) -> str:
    """A Score for people, with its protocol."""
    from wideopen.score.figures import FIGURES

    figures = {"psnr_db": score.psnr_db, "ssim": score.ssim, **score.others}
    lines = [f"{score.solution} on {score.images} pairs of {score.data.get('name')}, protocol {score.protocol}"]
    for name, value in figures.items():
        shown = "-" if value is None else f"{value:.2f} dB" if name.endswith("_db") else f"{value:.4f}"
        lines.append(f"  {name:18}{shown:>10}  {FIGURES[name]}")
    if score.runtime_s is not None:
        load = ", the machine was under load" if score.timing.get("loaded") else ""
        lines.append(f"  {'runtime_s':18}{score.runtime_s:>8.3g} s  {score.device}{load}")
    lines.extend(f"  note: {note}" for note in score.notes)
    if score.unranked:
        lines.append(f"  not ranked: {score.unranked}")
    lines.append(f"  worst: {', '.join(score.worst[:5])}")
    if output is not None:
        lines.append(
            f"saved {output}" + (f" and pictures in {output.parent / score.pictures}" if score.pictures else "")
        )
    return "\n".join(lines)
