"""Commands that train networks, and show how."""

import json
import os
from pathlib import Path
from typing import Any

import click

from wideopen.cli.extras import needing
from wideopen.cli.options import PATH, text_of
from wideopen.errors import RequestError


class _Train(click.Group):
    """A group whose commands are those that it has, and the names of solutions."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take any other word for the name of a solution."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            return "solution", self.commands["solution"], args
        return super().resolve_command(ctx, args)


@click.group(cls=_Train, subcommand_metavar="scene|SOLUTION [ARGS]...")
def train() -> None:
    """Train networks; needs the extra research.

    SOLUTION is one of `wideopen solutions`; its options are those of `wideopen train solution --help`.
    """


@train.command("solution")
@click.argument("name", metavar="SOLUTION")
@click.option("--pairs", type=PATH, required=True, metavar="DIR", help="A data set of pairs.")
@click.option("--out", type=PATH, required=True, metavar="DIR", help="For checkpoints, record and log.")
@click.option("--recipe", "file", type=PATH, metavar="FILE", help="JSON of a recipe, or a run.json, in its place.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="As stages.0.rate=5e-5; may be repeated.")
@click.option("--steps", type=click.IntRange(1), metavar="N", help="Most steps of every stage.")
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
@click.option("--from", "start", type=PATH, metavar="FILE", help="A checkpoint to start from.")
@click.option("--body", type=PATH, metavar="FILE", help="ImageNet weights for the body, under torchvision's names.")
@click.option("--vgg", type=PATH, metavar="FILE", help="VGG-19's weights for perceptual losses, likewise.")
@click.option("--random-vgg", is_flag=True, help="Do with random ones, to try things.")
@click.option("--tensorboard", is_flag=True, help="Write curves for TensorBoard too; needs the extra tensorboard.")
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda")
@click.option("--bfloat16/--float32", default=None, help="Of the network's arithmetic.  [default: bfloat16 on CUDA]")
@click.option("--workers", type=click.IntRange(0), default=2, show_default=True, metavar="N", help="That decode.")
@click.option("--validate-every", type=click.IntRange(1), default=500, show_default=True, metavar="N", help="Steps.")
@click.option("--validate-on", "most_validated", type=click.IntRange(1), default=16, show_default=True, metavar="N")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--data", default="", metavar="TEXT", help="What the pairs were made of, for the record.")
@click.option("--commit", default="", help="Of the code, for the record.")
def train_solution(
    name: str,
    pairs: Path,
    out: Path,
    file: Path | None,
    overrides: tuple[str, ...],
    steps: int | None,
    resume: bool,
    device: str,
    bfloat16: bool | None,
    **settings: Any,  # noqa: ANN401
) -> None:
    """Train one of the ten solutions, or PyNET, by its recipe.

    Several GPUs: torchrun --nproc-per-node 8 -m wideopen train SOLUTION ...
    """
    with needing("research", "networks"):
        import torch

        from wideopen.score.provenance import command
        from wideopen.train.loop import Settings
        from wideopen.train.loop import train as run
        from wideopen.train.recipe import Recipe
        from wideopen.train.recipes import recipe

        found = recipe(name) if file is None else Recipe.from_json(text_of(file))
        if found.solution != name:
            raise RequestError(f"{file} is a recipe for {found.solution}, not {name}")
        for override in overrides:
            found = found.with_setting(override)
        found = found if steps is None else found.shortened(steps)
        device = _device(device, torch.cuda.is_available())
        half = device.startswith("cuda") if bfloat16 is None else bfloat16
        given = Settings(device=device, bfloat16=half, command=command(), **settings)
        best = run(found, pairs, out, given, resume=resume, tell=lambda text: click.echo(text, err=True))
    click.echo(f"{best}; use it by wideopen render PHOTO --with {best}")


def _device(name: str, has_cuda: bool) -> str:
    """The device of a name; of several processes each takes its own GPU."""
    if name != "auto":
        return name
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if has_cuda else "cpu"


@click.group()
def recipes() -> None:
    """How each solution is learned."""


@recipes.command("show")
@click.argument("name", metavar="SOLUTION")
@click.option("--json", "as_json", is_flag=True, help="As JSON, which --recipe takes when changed.")
def show_recipe(name: str, as_json: bool) -> None:
    """Show a recipe: its stages, losses and numbers, and where each number comes from."""
    from wideopen.train.recipes import recipe

    found = recipe(name)
    if as_json:
        click.echo(found.to_json())
        return
    click.echo(f"{found.solution}, section {found.section} of the report" if found.section else found.solution)
    if found.note:
        click.echo(f"  {found.note}")
    for number, stage in enumerate(found.stages):
        click.echo(f"{number} {stage.name}")
        for key, value in vars(stage).items():
            if key in ("name", "evidence") or value in (None, (), False):
                continue
            shown = " + ".join(f"{term.weight:g} {term.loss}" for term in value) if key == "losses" else value
            click.echo(f"  {key:15}{shown}  ({stage.grade(key)})" if key in stage.evidence else f"  {key:15}{shown}")


@train.command("scene")
@click.option("--data", type=PATH, required=True, metavar="DIR", help="Folder with photos/, masks/ and models/.")
@click.option("--out", type=PATH, required=True, metavar="DIR", help="Checkpoints and log; a run left there goes on.")
@click.option(
    "--steps", type=click.IntRange(1), default=11000, show_default=True, metavar="N", help="Length of the run."
)
@click.option("--batch", type=click.IntRange(2), default=24, show_default=True, metavar="N", help="Pictures per step.")
@click.option("--rate", type=float, default=1.5e-3, show_default=True, help="Highest learning rate.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides every picture and weight.")
@click.option("--views", type=click.IntRange(1), default=2, show_default=True, help="How often each mesh is drawn.")
@click.option("--validate-every", type=click.IntRange(1), default=500, show_default=True, metavar="N", help="Steps.")
@click.option("--minutes", type=float, help="Stop after so long; the same command goes on.")
@click.option("--ship", "file", type=PATH, metavar="FILE", help="Write the best checkpoint so far as ONNX.")
@click.option("--commit", default="unknown", help="Of the code, for the record in the ONNX file.")
def train_scene(
    data: Path,
    out: Path,
    minutes: float | None,
    file: Path | None,
    commit: str,
    **settings: Any,  # noqa: ANN401
) -> None:
    """Train the built-in network that finds depth and subject."""
    with needing("research", "networks"):
        from wideopen.train.scene.loop import Settings
        from wideopen.train.scene.loop import train as run
        from wideopen.train.scene.ship import ship
    best = run(data, out, Settings(**settings), minutes=minutes, tell=lambda text: click.echo(text, err=True))
    if file is not None:
        options = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in settings.items())
        command = f"wideopen train scene --data DIR --out DIR {options}"
        record = ship(best, file, commit=commit, command=command)
        click.echo(json.dumps(record))
