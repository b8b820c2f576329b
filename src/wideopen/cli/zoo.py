"""Commands about the ten solutions, and the renderer of a checkpoint."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from wideopen.cli.extras import needing
from wideopen.cli.options import PATH

if TYPE_CHECKING:
    from wideopen.renderer import Renderer
    from wideopen.zoo.solution import Solution


@click.command()
@click.argument("name", required=False, metavar="NAME")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def solutions(name: str | None, as_json: bool) -> None:
    """List the ten solutions of the challenge, their variants and the baseline; or tell all of one."""
    from wideopen.zoo.catalog import SOLUTIONS, solution

    if name is not None:
        one = solution(name)
        click.echo(json.dumps(_record(one)) if as_json else _sheet(one))
        return
    if as_json:
        for each in SOLUTIONS:
            click.echo(json.dumps(_record(each)))
        return
    click.echo(f"{'name':21}{'team':21}{'section':>8}{'parameters':>12}  {'needs':16}{'PSNR':>6}{'SSIM':>8}{'MOS':>5}")
    for each in SOLUTIONS:
        figures = (
            f"{'-' if each.psnr_db is None else format(each.psnr_db, '.2f'):>6}"
            f"{'-' if each.ssim is None else format(each.ssim, '.4f'):>8}"
            f"{'-' if each.mos is None else format(each.mos, '.1f'):>5}"
        )
        mark = "*" if each.is_reconstruction else ""
        count = f"{each.parameters:,}"
        click.echo(
            f"{each.name + mark:21}{each.team:21}{each.section or '-':>8}{count:>12}  {' '.join(each.needs) or '-':16}"
            f"{figures}"
        )
    click.echo("* a reconstruction: the report is all there is. Scores are the report's, of the authors' own weights.")


def _record(each: "Solution") -> dict[str, Any]:
    return {
        "name": each.name,
        "team": each.team,
        "section": each.section,
        "parameters": each.parameters,
        "needs": list(each.needs),
        "evidence": each.evidence,
        "multiple_of": each.multiple_of,
        "value_range": list(each.value_range),
        "psnr_db": each.psnr_db,
        "ssim": each.ssim,
        "mos": each.mos,
    }


def _sheet(each: "Solution") -> str:
    lines = {
        "title": each.title,
        "team": each.team,
        "authors": ", ".join(each.authors),
        "affiliation": each.affiliation,
        "section": each.section and f"{each.section} of the report",
        "trained on": each.hardware and f"{each.hardware}, {each.framework}",
        "needs": ", ".join(each.needs),
        "parameters": f"{each.parameters:,}",
        "sides": f"multiples of {each.multiple_of}, padded" if each.multiple_of > 1 else "",
        "values": f"{each.value_range[0]:g} to {each.value_range[1]:g}",
        "evidence": each.evidence + (": a reconstruction" if each.is_reconstruction else ""),
        "source": each.source,
        "licence": each.licence and f"{each.licence} (of the authors' code; this one is wideopen's own)",
        "departures": "; ".join(each.departures),
        "published": each.psnr_db and f"{each.psnr_db:.2f} dB, SSIM {each.ssim:.4f}, MOS {each.mos or '-'}",
    }  # fmt: skip
    return "\n".join([each.name, *(f"  {key:12}{value}" for key, value in lines.items() if value)])


@click.command()
@click.argument("source", type=PATH, metavar="FILE")
@click.option("--to", "name", required=True, metavar="SOLUTION", help="Which solution the weights are of.")
@click.option("-o", "--output", type=PATH, metavar="OUT", help="A .safetensors file.  [default: FILE's name here]")
@click.option("--licence", default="", help="That the weights were given under, for the record.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there already.")
def convert(source: Path, name: str, output: Path | None, licence: str, overwrite: bool) -> None:
    """Make a checkpoint of weights that a solution's authors published.

    FILE is a .pth of DMSHN or Defocus to Focus, or of BG-Net or PyNET a Keras .h5, a TensorFlow .index, or an .npz.
    """
    with needing("research", "networks"):
        from wideopen.zoo.convert import convert as make

        out = Path(f"{source.stem}.safetensors") if output is None else output
        make(source, name, out, licence=licence, overwrite=overwrite)
    click.echo(f"saved {out}; use it by wideopen render PHOTO --with {out}")


RUN_OPTIONS = (
    click.option(
        "--saliency",
        type=PATH,
        metavar="FILE",
        help="For networks that need it: a grey picture, bright where the subject is, or a checkpoint of the saliency "
        "network.  [default: the subject as wideopen sees it]",
    ),
    click.option(
        "--device", default="cpu", show_default=True, metavar="cpu|cuda", help="For networks: what they run on."
    ),
    click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bfloat16"]),
        default="auto",
        show_default=True,
        help="For networks: of what they compute; auto takes bfloat16 where the processor has it.",
    ),
)


def renderer_of(name: str, settings: dict[str, Any], *, random_weights: bool = False) -> "Renderer":
    """Make the renderer of a checkpoint.

    Args:
        name: A ``.safetensors`` file.
        settings: `depth`, `depth_kind`, `saliency`, `device` and `precision` count; others are for the lens.
        random_weights: Take a solution by its name, without a checkpoint.

    Raises:
        UsageError: If there is no such renderer, or a setting of the lens was given, which no network has.
    """
    from wideopen.zoo.catalog import SOLUTIONS

    if name in [each.name for each in SOLUTIONS] and not random_weights:
        raise click.UsageError(
            f"{name} is a network, and wideopen has no weights of it; give a checkpoint, --with {name}.safetensors, of "
            f"`wideopen train {name}` or `wideopen convert`"
        )
    is_file = name.lower().endswith((".onnx", ".tflite"))
    if not (is_file or name.endswith(".safetensors") or random_weights):
        raise click.UsageError(
            f"there is no renderer '{name}' here; use lens, identity, gaussian, a .safetensors checkpoint, or an .onnx "
            "or .tflite file of wideopen export"
        )
    context = click.get_current_context()
    for option in settings.keys() - {"depth", "depth_kind", "saliency", "device", "precision"}:
        if context.get_parameter_source(option) == ParameterSource.COMMANDLINE:
            shown = next(each.opts[0] for each in context.command.params if each.name == option)
            raise click.UsageError(f"{shown} is for the lens; a network renders as the pairs that it learned from")
    if is_file:
        return _file_renderer(Path(name), settings)
    with needing("research", "networks"):
        from wideopen.zoo.checkpoint import load
        from wideopen.zoo.frontends import load_front_end
        from wideopen.zoo.run import SolutionRenderer, prepared

        found, network = random_network(name) if random_weights else load(Path(name))[:2]
        own_depth = settings["depth"].endswith(".safetensors")
        return prepared(
            SolutionRenderer(
                found,
                network,
                depth="auto" if own_depth else settings["depth"],
                depth_kind=settings["depth_kind"],
                depth_front_end=load_front_end(Path(settings["depth"]), "depth") if own_depth else None,
                saliency=_saliency(settings["saliency"]),
                device=settings["device"],
                precision=settings["precision"],
            )
        )


def _file_renderer(path: Path, settings: dict[str, Any]) -> "Renderer":
    """Make the renderer of an exported file; torch is needed for front ends alone."""
    from wideopen.export.renderer import FileRenderer, load_runner

    if settings["device"] != "cpu":
        raise click.UsageError("files of wideopen export run on the CPU here; leave --device out")
    own_depth = settings["depth"].endswith(".safetensors")
    front_end = None
    if own_depth:
        with needing("research", "networks"):
            from wideopen.zoo.frontends import load_front_end

            front_end = load_front_end(Path(settings["depth"]), "depth")
    return FileRenderer(
        load_runner(path),
        depth="auto" if own_depth else settings["depth"],
        depth_kind=settings["depth_kind"],
        depth_front_end=front_end,
        saliency=_saliency(settings["saliency"]),
    )


def random_network(name: str) -> tuple["Solution", Any]:
    """A solution's network as it is before training, the same every time."""
    import torch

    from wideopen.zoo.catalog import solution

    found = solution(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return found, found.build()


def _saliency(path: Path | None) -> Any:  # noqa: ANN401
    """A map of a file, or the network of a checkpoint."""
    from wideopen.scene.mapfile import read_depth

    if path is None:
        return None
    if path.suffix == ".safetensors":
        from wideopen.zoo.frontends import load_front_end

        return load_front_end(path, "saliency")
    return read_depth(path).dioptres
