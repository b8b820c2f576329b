"""The commands of `wideopen pairs`: one function per command."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wideopen.cli.bar import bar
from wideopen.cli.options import PATH, text_of
from wideopen.errors import RequestError

if TYPE_CHECKING:
    from wideopen.pairs.ranges import Ranges

_WORST: dict[str | None, Any] = {
    None: None,
    "colour": "colour_mismatch_lab",
    "sharpness": "sharpness_kept",
    "motion": "motion_px",
    "misalignment": "misalignment_px",
}
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_JOBS = click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes at work.  [default: all cores]")
_SEED = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N")


@click.group()
def pairs() -> None:
    """Make, clean, split and show data sets of pairs; aligning and measuring need the extra pairs."""


@pairs.command("build")
@click.option("--wide", type=PATH, required=True, metavar="DIR", help="Shots that are sharp throughout.")
@click.option("--shallow", type=PATH, required=True, metavar="DIR", help="Shots with a shallow depth of field.")
@click.argument("out", type=PATH, metavar="OUT")
@click.option(
    "--by",
    type=click.Choice(["auto", "name", "time", "order"]),
    default="auto",
    show_default=True,
    help="How shots are matched; auto tries names, then times.",
)
@click.option(
    "--within",
    "within_s",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Most seconds between two partners.",
)
@click.option("--height", "height_px", type=click.IntRange(64), default=1024, show_default=True, metavar="PX")
@click.option("--match-exposure", is_flag=True, help="Match exposure and colour of the shallow shot; recorded.")
@_SEED
@_JOBS
@_JSON
def build_pairs(
    wide: Path,
    shallow: Path,
    out: Path,
    by: Any,  # noqa: ANN401
    within_s: float,
    jobs: int | None,
    as_json: bool,
    **settings: Any,  # noqa: ANN401
) -> None:
    """Align raw shots to pairs: OUT/original, OUT/bokeh and OUT/manifest.csv. A run that was stopped goes on."""
    from wideopen.pairs.build import build
    from wideopen.pairs.partners import partner
    from wideopen.pairs.task import Settings

    matching = partner(wide, shallow, by=by, within_s=within_s)
    for line in matching.lines:
        click.echo(line, err=True)
    with bar("aligning") as told:
        summary = build(matching.partners, out, Settings(**settings), jobs=jobs or _cores(), tell=told)
    record = {
        "accepted": summary.accepted,
        "refused": [{"name": row.name, "reason": row.reason} for row in summary.rows if not row.accepted],
        "kept": summary.kept,
        "seconds": round(summary.seconds, 2),
        "manifest": str(summary.manifest),
    }
    refused = "".join(f"{row.name}: {row.reason}\n" for row in summary.rows if not row.accepted)
    text = f"{refused}{out}: {summary.accepted} pairs, {summary.refused} refused, {summary.kept} were done before"
    _tell(record, as_json, text)
    if not summary.accepted:
        raise SystemExit(1)


@pairs.command("ebb")
@click.argument("folder", type=PATH, metavar="FOLDER")
@click.argument("out", type=PATH, metavar="OUT", required=False)
@click.option("--list", "keep", type=PATH, metavar="FILE", help="Train only on the pairs that a team's list names.")
@click.option("--check", is_flag=True, help="Decode every picture.")
@_JSON
def ebb_pairs(folder: Path, out: Path | None, keep: Path | None, check: bool, as_json: bool) -> None:
    """Look through a copy of EBB! in any of its layouts; with OUT, make a data set of it by hard links."""
    from wideopen.pairs.ebb import adopt, read_ebb, read_list

    listed = None if keep is None else read_list(keep)
    if listed is not None and listed.warning:
        click.echo(f"wideopen: {listed.warning}", err=True)
    with bar("looking") as told:
        found = read_ebb(folder, check=check, progress=told)
    record: dict[str, Any] = {
        "layout": found.layout,
        "training": len(found.training),
        "validation": len(found.validation),
        "test": len(found.test),
        "inputs": len(found.inputs),
        "findings": [{"fault": each.fault, "file": str(each.file), "text": each.text} for each in found.findings],
    }
    text = (
        f"{folder}: {found.layout} layout, {len(found.training)} pairs to train on, {len(found.validation)} of Val294, "
        f"{len(found.test)} to test, {len(found.inputs)} inputs without truth"
    )
    if not as_json:
        for each in found.findings:
            click.echo(each.text, err=True)
    if out is not None:
        with bar("linking") as told:
            made = adopt(found, out, keep=listed, progress=told)
        record |= {"out": str(out), "dropped": made.dropped, "linked": made.linked, "copied": made.copied}
        text += f"\n{out}: {made.pairs} pairs, {made.dropped} not listed; {made.linked} links, {made.copied} copies"
    _tell(record, as_json, text)


@pairs.command("clean")
@click.argument("folder", type=PATH, metavar="FOLDER")
@click.option(
    "--most-colour", type=float, metavar="LAB", help="Most difference of colour inside a pair.  [default: 10]"
)
@click.option("--least-sharpness", type=float, metavar="SHARE", help="Least detail kept somewhere.  [default: 0.6]")
@click.option("--most-motion", type=float, metavar="PX", help="Most motion between the shots.  [default: 10]")
@click.option("--most-misalignment", type=float, metavar="PX", help="Most shift of the whole.  [default: 5]")
@click.option("--keep", multiple=True, metavar="NAME", help="A pair that is never dropped; may be given again.")
@click.option(
    "--part",
    "parts",
    type=click.Choice(["train", "val", "test"]),
    multiple=True,
    help="Judge only this part; may be given again.  [default: train, and what has no part]",
)
@click.option("--dry-run", is_flag=True, help="Only tell.")
@click.option("--restore", "back", is_flag=True, help="Accept again what cleaning dropped.")
@_JOBS
@_JSON
def clean_pairs(
    folder: Path,
    keep: tuple[str, ...],
    parts: tuple[str, ...],
    dry_run: bool,
    back: bool,
    jobs: int | None,
    as_json: bool,
    **limits: float | None,
) -> None:
    """Mark pairs that would teach the wrong thing, with reasons and a page; no picture is touched."""
    from wideopen.pairs.clean import Thresholds, clean, restore

    if back:
        restored = restore(folder)
        _tell({"restored": list(restored)}, as_json, f"{folder}: {len(restored)} back")
        return
    names = {"most_colour": "most_colour_mismatch_lab", "least_sharpness": "least_sharpness_kept",
             "most_motion": "most_motion_px", "most_misalignment": "most_misalignment_px"}  # fmt: skip
    given = {names[key]: value for key, value in limits.items() if value is not None}
    with bar("measuring") as told:
        found = clean(
            folder,
            Thresholds(**given),
            parts=parts or ("", "train"),
            keep=keep,
            dry_run=dry_run,
            jobs=jobs or _cores(),
            progress=told,
        )
    record = {
        "judged": found.judged,
        "dropped": [{"name": each.name, "reason": each.reason} for each in found.dropped],
        "page": None if found.page is None else str(found.page),
    }
    text = "".join(f"{each.name}: {each.reason}\n" for each in found.dropped)
    verb = "would be dropped" if dry_run else f"dropped; see {found.page}"
    _tell(record, as_json, f"{text}{len(found.dropped)} of {found.judged} pairs {verb}")


@pairs.command("split")
@click.argument("folder", type=PATH, metavar="FOLDER")
@click.option("--train", type=float, default=0.9, show_default=True, metavar="SHARE")
@click.option("--val", type=float, default=0.1, show_default=True, metavar="SHARE")
@click.option("--test", type=float, default=0.0, show_default=True, metavar="SHARE")
@click.option("--list", "lists", multiple=True, metavar="PART=FILE", help="Names of a part, a line each, in a file.")
@click.option("--scenes", is_flag=True, help="Names equal but for what follows their last _ or - stay together.")
@_SEED
@_JSON
def split_pairs(folder: Path, lists: tuple[str, ...], scenes: bool, seed: int, as_json: bool, **shares: float) -> None:
    """Give every pair its part, train, val or test, by a fixed hash of its wide shot or by lists."""
    from wideopen.pairs.split import read_names, split

    given = None
    if lists:
        wrong = [text for text in lists if "=" not in text]
        if wrong:
            raise click.UsageError(f"--list {wrong[0]} names no part; give for example --list val=names.txt")
        given = {part: read_names(Path(file)) for part, _, file in (text.partition("=") for text in lists)}
    done = split(folder, shares=shares, lists=given, seed=seed, scenes=scenes)
    if done.unknown:
        click.echo(f"wideopen: {len(done.unknown)} names are not in {folder}, the first is {done.unknown[0]}", err=True)
    if done.moved:
        click.echo(f"wideopen: {len(done.moved)} pairs were of another part before", err=True)
    told = ", ".join(f"{count} {part or 'of no part'}" for part, count in done.counts.items())
    _tell(asdict(done), as_json, f"{folder}: {told}")


@pairs.command("show")
@click.argument("folder", type=PATH, metavar="FOLDER")
@click.option("-o", "--output", type=PATH, default=Path("pairs.html"), show_default=True, metavar="PAGE")
@click.option("--split", metavar="PART", help="Only train, val or test.")
@click.option("--name", "names", multiple=True, metavar="NAME", help="Only this pair; may be given again.")
@click.option("--worst", type=click.Choice([name for name in _WORST if name]), help="Worst first.")
@click.option("--most", type=click.IntRange(1), metavar="N", help="Show no more than so many.")
@click.option("--embed", is_flag=True, help="Put pictures into the page itself.")
@click.option("--overwrite", is_flag=True, help="Replace a page that is there already.")
def show_pairs(folder: Path, output: Path, worst: Any, **settings: Any) -> None:  # noqa: ANN401
    """Write a page to look at pairs: flicker, difference, figures."""
    from wideopen.pairs.show import show

    with bar("drawing") as told:
        count = show(folder, output, worst=_WORST[worst], progress=told, **settings)
    click.echo(f"saved {output}: {count} pairs")


@pairs.command("synthesise")
@click.argument("photos", type=PATH, nargs=-1, required=True, metavar="PHOTO...")
@click.option("-o", "--output", "out", type=PATH, required=True, metavar="OUT", help="Folder of the data set.")
@click.option(
    "--depth", default="auto", show_default=True, metavar="auto|...|DIR", help="As of render, or a folder of maps."
)
@click.option("--depth-kind", type=click.Choice(["disparity", "dioptres", "metres"]), default="disparity")
@click.option(
    "--background", "backgrounds", type=PATH, multiple=True, metavar="DIR", help="Stand cut-outs before these."
)
@click.option("--masks", type=PATH, metavar="DIR", help="Masks of the cut-outs; without, their own opacity.")
@click.option("--ranges", type=PATH, metavar="FILE", help="JSON of what settings are drawn from.")
@click.option("--views", type=click.IntRange(1), metavar="N", help="Pairs of each photo.  [default: 1]")
@_SEED
@_JOBS
@_JSON
def synthesise_pairs(
    photos: tuple[Path, ...],
    out: Path,
    backgrounds: tuple[Path, ...],
    masks: Path | None,
    ranges: Path | None,
    views: int | None,
    seed: int,
    jobs: int | None,
    as_json: bool,
    **settings: Any,  # noqa: ANN401
) -> None:
    """Make pairs of sharp photos through the lens; with --background, of cut-outs with exact depth.

    PHOTO may be a folder.
    """
    from dataclasses import replace

    from wideopen.pairs.ranges import Ranges
    from wideopen.pairs.synthetic import Cutouts, Photos, synthesise

    drawn = Ranges() if ranges is None else _ranges(ranges)
    drawn = drawn if views is None else replace(drawn, views=views)
    if masks is not None and not backgrounds:
        raise click.UsageError("--masks cut figures out, and they need a --background")
    depth = settings["depth"]
    sources = (
        Cutouts(list(photos), list(backgrounds), masks)
        if backgrounds
        else Photos(list(photos), Path(depth) if Path(depth).is_dir() else depth, settings["depth_kind"])
    )
    summary = synthesise(
        sources, out, drawn, seed=seed, jobs=jobs or _cores(), tell=lambda text: click.echo(text, err=True)
    )
    record = {"made": summary.made, "kept": summary.kept, "refused": summary.refused, "manifest": str(summary.manifest)}
    _tell(record, as_json, f"{out}: {summary.made} made, {summary.kept} there already, {summary.refused} refused")


def _tell(record: dict[str, Any], as_json: bool, text: str) -> None:
    click.echo(json.dumps(record, default=str) if as_json else text)


def _ranges(path: Path) -> "Ranges":
    from wideopen.pairs.ranges import Ranges

    text = text_of(path)
    try:
        return Ranges.from_json(text)
    except RequestError as error:
        raise RequestError(f"{path}: {error}") from error


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
