"""The command that takes networks out of PyTorch."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wideopen.cli.extras import needing
from wideopen.cli.options import PATH, size_of
from wideopen.errors import RequestError

if TYPE_CHECKING:
    from wideopen.zoo.checkpoint import Record
    from wideopen.zoo.run import SolutionRenderer

_SUFFIXES = {"onnx": ".onnx", "litert": ".tflite"}


@click.command()
@click.argument("what", metavar="WHAT")
@click.option("--to", "target", type=click.Choice(["onnx", "litert"]), required=True, help="ONNX, or LiteRT (TFLite).")
@click.option("-o", "--output", type=PATH, metavar="FILE", help="An .onnx or .tflite file.  [default: WHAT's name]")
@click.option("--checkpoint", type=PATH, metavar="FILE", help="Weights, where WHAT is a solution.")
@click.option("--random-weights", is_flag=True, help="Do without weights, to try things.")
@click.option("--size", "size_text", default="1536x1024", show_default=True, metavar="WxH", help="That it takes, no "
              "other; the scene network has its own.")  # fmt: skip
@click.option("--precision", type=click.Choice(["float32", "float16", "int8"]), default="float32", show_default=True)
@click.option("--photos", type=PATH, metavar="DIR", help="Compared with PyTorch too, beside the sample; int8 is "
              "calibrated on them.")  # fmt: skip
@click.option("--check-gpu", is_flag=True, help="See whether a phone's GPU takes all of a LiteRT file; needs no phone.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there already.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def export(
    what: str,
    target: str,
    output: Path | None,
    checkpoint: Path | None,
    random_weights: bool,
    size_text: str,
    precision: Any,  # noqa: ANN401
    photos: Path | None,
    check_gpu: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write a network as a file for other runtimes and for phones, and see that it answers as PyTorch does.

    WHAT is a checkpoint, a solution with --checkpoint, or scene, the built-in network. A picture goes in and a picture
    comes out, channels last, as encoded, in [0, 1]; render by it with --with FILE.
    """
    if check_gpu and target != "litert":
        raise click.UsageError("--check-gpu is for LiteRT files; give --to litert")
    from wideopen.score.provenance import command

    out = Path(f"{Path(what).stem}{_SUFFIXES[target]}") if output is None else output
    size_px = size_of(size_text)
    with needing("research", "networks"):
        if what == "scene":
            record = _export_scene(out, target, size_px, precision, overwrite)
        else:
            record = _export(
                *_network(what, checkpoint, random_weights),
                target,
                out,
                size_px=size_px,
                precision=precision,
                photos=_photos(photos),
                overwrite=overwrite,
                command=command(),
            )
        refusals = _refusals(out) if check_gpu else None
    shown = record | {"refused_by_gpu": refusals}
    click.echo(json.dumps(shown, default=str) if as_json else _told(shown))
    if refusals:
        sys.exit(1)


def _network(what: str, checkpoint: Path | None, random_weights: bool) -> tuple["SolutionRenderer", "Record | None"]:
    """The renderer of a checkpoint, or of a solution's random weights."""
    from wideopen.cli.zoo import random_network
    from wideopen.zoo.catalog import SOLUTIONS
    from wideopen.zoo.checkpoint import load
    from wideopen.zoo.run import SolutionRenderer

    named = what in [each.name for each in SOLUTIONS]
    if named and checkpoint is None:
        if not random_weights:
            raise click.UsageError(f"wideopen has no weights of {what}; give --checkpoint FILE, or --random-weights")
        return SolutionRenderer(*random_network(what)), None
    if not named and not what.endswith(".safetensors"):
        raise click.UsageError(f"'{what}' is no checkpoint and no solution; give a .safetensors file, or scene")
    found, network, record = load(Path(what) if checkpoint is None else checkpoint)
    if named and found.name != what:
        raise RequestError(f"{checkpoint} holds weights of {found.name}, not of {what}")
    return SolutionRenderer(found, network.eval()), record


def _export(
    renderer: "SolutionRenderer",
    record: "Record | None",
    target: str,
    out: Path,
    **settings: Any,  # noqa: ANN401
) -> dict[str, Any]:
    from wideopen.export.litert_file import export_litert
    from wideopen.export.onnx_file import export_onnx

    write: Any = export_litert if target == "litert" else export_onnx
    return dict(vars(write(renderer, out, record=record, **settings)))


def _export_scene(
    out: Path,
    target: str,
    size_px: tuple[int, int],
    precision: Any,  # noqa: ANN401
    overwrite: bool,
) -> dict[str, Any]:
    from wideopen.export.onnx_file import export_onnx
    from wideopen.score.provenance import command

    if target != "onnx":
        raise click.UsageError("the scene network is ONNX by birth; give --to onnx")
    done = export_onnx("scene", out, size_px=size_px, precision=precision, overwrite=overwrite, command=command())
    return dict(vars(done))


def _photos(folder: Path | None) -> list[Any]:
    from wideopen.batch import plan
    from wideopen.photo import read

    return [] if folder is None else [read(job.photo) for job in plan([folder], None)]


def _refusals(file: Path) -> list[dict[str, Any]]:
    from wideopen.export.gpu_check import check_gpu

    return [dict(vars(each)) for each in check_gpu(file)]


def _told(record: dict[str, Any]) -> str:
    lines = [
        f"saved {record['path']}: {record['solution']} at {record['size_px'][0]}x{record['size_px'][1]}, "
        f"{record['precision']}, {record['bytes'] / 1e6:.1f} MB; within {record['error_levels']:.2g} of 255 levels of "
        f"PyTorch ({record['psnr_db']:.1f} dB)"
    ]
    refusals = record["refused_by_gpu"]
    if refusals == []:
        lines.append("a GPU takes all of it")
    for each in refusals or ():
        layer = each["layer"] or "an unknown layer"
        lines.append(f"refused by a GPU: {each['operation']} of {layer}: {each['reason']}")
    return "\n".join(lines)
