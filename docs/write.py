"""Write the references of docs/ from the code.

cli.md from the commands' help, python.md from docstrings, solutions.md from the catalogue, recipes.md from the recipes.
"""

import inspect
from pathlib import Path
from textwrap import fill

import click
import jaxtyping  # noqa: F401  before wideopen, which shows shapes where it is loaded

import wideopen
from wideopen.cli import app
from wideopen.train.recipe import Adversary, Recipe, Stage
from wideopen.train.recipes import RECIPES
from wideopen.zoo.catalog import SOLUTIONS, Solution


def cli_page() -> str:
    """The command-line reference as Markdown."""
    settings = {**app.context_settings, "terminal_width": 100}
    root = click.Context(app, info_name="wideopen", **settings)
    parts = ["# Command line\n", "Written by `make docs`.\n", f"```text\n{app.get_help(root)}\n```\n"]
    for name, command in sorted(app.commands.items()):
        context = click.Context(command, parent=root, info_name=name, **settings)
        parts.append(f"## wideopen {name}\n\n```text\n{command.get_help(context)}\n```\n")
        for inner, part in sorted(getattr(command, "commands", {}).items()):
            below = click.Context(part, parent=context, info_name=inner, **settings)
            parts.append(f"### wideopen {name} {inner}\n\n```text\n{part.get_help(below)}\n```\n")
    parts.append(
        "## Exit codes\n\n"
        "0 done · 1 an error, also when one photo of many failed (the others are done) · 2 bad usage.\n"
        "Every error is one line on standard error. With `--json`, a photo that fails also has its object with\n"
        "`input` and `error`; an error before the first photo has none.\n"
    )
    return "\n".join(parts)


def python_page() -> str:
    """The public names and what they say of themselves, as Markdown."""
    parts = ["# Python\n", "Written by `make docs`. Everything here is imported as `wideopen.NAME`.\n"]
    for name in wideopen.__all__:
        thing = getattr(wideopen, name)
        kind = "class" if inspect.isclass(thing) else "function"
        said = inspect.getdoc(thing)
        parts.append(f"## {name}\n\n*{kind} of `{thing.__module__}`*\n\n```text\n{_call(name, thing)}{said}\n```\n")
        if inspect.isclass(thing):
            parts.extend(_members(thing))
    return "\n".join(parts)


def _call(name: str, thing: object) -> str:
    """How it is called, an argument a line; nothing for errors and protocols."""
    if inspect.isclass(thing) and (issubclass(thing, Exception) or thing is wideopen.Renderer):
        return ""
    # Newer Pythons keep Path elsewhere.
    arguments = [
        f"    {argument},\n".replace("pathlib._local", "pathlib")
        for argument in inspect.signature(thing).parameters.values()
    ]
    return f"{name}(\n{''.join(arguments)})\n\n"


def _members(thing: type) -> list[str]:
    """The public methods and properties that a class itself defines."""
    lines = []
    for name, member in vars(thing).items():
        function = getattr(member, "fget", None) or getattr(member, "__func__", None) or member
        if not name.startswith("_") and (inspect.isfunction(function)) and function.__doc__:
            lines.append(f"- `{name}`: {inspect.getdoc(function).splitlines()[0]}")
    return ["\n".join(lines) + "\n"] if lines else []


def solutions_page() -> str:
    """The ten solutions, as the catalogue has them, as Markdown."""
    parts = [
        "# The ten solutions\n",
        "Written by `make docs` from `wideopen/zoo/catalog.py`.\n",
        "The networks of the AIM 2020 challenge on rendering realistic bokeh in the order of its Table 1, their\n"
        "variants, and the baseline. All code is wideopen's own. *Reconstructed* means that the report is all there\n"
        "is: such a network is built as the report says, and what it does not say is chosen here; it is not the\n"
        "authors' network. Scores are those that the report gives the authors' own weights on its test photos (PSNR,\n"
        "SSIM, mean opinion score), not wideopen's.\n",
        "| name | team | section | parameters | needs | evidence | PSNR | SSIM | MOS |",
        "|---|---|---|--:|---|---|--:|--:|--:|",
    ]
    for each in SOLUTIONS:
        kind = "reconstructed" if each.is_reconstruction else "published code"
        figures = [
            each.psnr_db and f"{each.psnr_db:.2f}",
            each.ssim and f"{each.ssim:.4f}",
            each.mos and f"{each.mos:.1f}",
        ]
        cells = [
            f"[{each.name}](#{each.name})",
            each.team,
            each.section,
            f"{each.parameters:,}",
            ", ".join(each.needs),
            kind,
        ]
        parts.append(f"| {' | '.join([*cells, *(figure or '' for figure in figures)])} |")
    parts.append("\nWhat they cost: [bench/results/zoo.md](../bench/results/zoo.md), `make zoo`.\n")
    return "\n".join(parts) + "\n" + "\n".join(_solution(each) for each in SOLUTIONS) + _weights()


def _solution(each: Solution) -> str:
    lines = [
        f"## {each.name}\n",
        f"*{each.title}*. {', '.join(each.authors)}{f' ({each.affiliation})' if each.affiliation else ''}.\n",
        f"- Values from {each.value_range[0]:g} to {each.value_range[1]:g}; "
        f"sides padded to multiples of {each.multiple_of}.",
    ]
    if each.needs:
        lines.append(f"- Needs {' and '.join(each.needs)} of the photo.")
    if each.hardware:
        lines.append(f"- The authors trained it with {each.framework} on a {each.hardware}.")
    lines.append(f"- Built from: {each.source}{f'; their code: {each.licence}' if each.licence else ''}.")
    lines += [f"- Departs: {text}." for text in each.departures]
    return "\n".join(lines) + "\n"


def _weights() -> str:
    return """
## Weights

wideopen ships none of the authors' weights. Whoever has them makes a checkpoint of them:

```sh
wideopen convert dmshn.pth --to team-horizon -o dmshn.safetensors
wideopen render photo.jpg --with dmshn.safetensors
```

| solution | file | read by |
|---|---|---|
| team-horizon, team-horizon-stacked | `.pth` | torch, tensors alone |
| aia-smart, aia-smart-layered | `.pth` | torch, tensors alone |
| airia-bokeh | Keras `.h5`, TensorFlow `.index`, or `.npz` of either's names | h5py, tensorflow |
| pynet | TensorFlow `.index`, or `.npz` | tensorflow |

A pickle that holds more than tensors is refused. What is missing, left over or of another shape is named, and nothing
is written.

Bodies that learned on ImageNet (ResNeXt-50 for aia-smart, DenseNet-121 for ipcv-iitm) load from a state dict under
torchvision's names, saved once where torchvision is:

```python
torch.save(torchvision.models.resnext50_32x4d(weights="DEFAULT").state_dict(), "resnext50.pth")
```
"""


_MARKS = {"report": "", "code": "°", "guess": "\\*"}


def recipes_page() -> str:
    """How each solution is learned, with a mark at every number that tells where it comes from, as Markdown."""
    parts = [
        "# Recipes\n",
        "Written by `make docs` from `wideopen/train/recipes.py`.\n",
        "How each of the [solutions](solutions.md) is learned, stage after stage, and where each number comes from:\n",
        "- without a mark: the challenge's report says it;",
        "- `°`: the authors' published code has it;",
        "- `*`: it was chosen here.\n",
        "Losses are taken of values in the network's own range; those of the SSIM family are 1 less the index. The\n"
        "number before a loss is its weight. Any number can be set, for example `--set stages.0.rate=5e-5`; stages\n"
        "are counted from 0.\n",
    ]
    return "\n".join(parts) + "\n" + "\n".join(_recipe(each) for each in RECIPES)


def _recipe(recipe: Recipe) -> str:
    section = f"Section {recipe.section} of the report. " if recipe.section else ""
    lines = [
        f"## {recipe.solution}\n",
        f"{fill(section + recipe.note, 120, break_long_words=False, break_on_hyphens=False)}\n",
        "| | stage | losses | judged | learns | crop, height x width | batch | optimiser | rate | length |",
        "|--:|---|---|---|---|---|--:|---|---|---|",
        *(f"| {k} | {' | '.join(_cells(stage))} |" for k, stage in enumerate(recipe.stages)),
    ]
    critics = [_critics(stage, stage.adversary) for stage in recipe.stages if stage.adversary is not None]
    return "\n".join(lines + critics) + "\n"


def _cells(stage: Stage) -> list[str]:
    """One stage as the cells of a row."""

    def marked(value: object, name: str) -> str:
        return f"{value}{_MARKS[stage.grade(name)]}"

    losses = [f"{marked(f'{term.weight:g}', 'losses')} {term.loss}" for term in stage.losses]
    if stage.adversary is not None:
        losses.append(f"{marked(f'{stage.adversary.weight:g}', 'adversary')} adversarial")
    crop = [marked("{}x{}".format(*stage.crop_px), "crop_px")]
    if stage.scale != 1:
        crop.append(marked(f"at {stage.scale:g} of the size", "scale"))
    turns = {"flips": "mirrored", "vertical_flips": "upside down", "rot90": "turned"}
    crop += [marked(said, name) for name, said in turns.items() if getattr(stage, name)]
    length, unit = (stage.steps, "steps") if stage.epochs is None else (stage.epochs, "epochs")
    assert length is not None
    rates = [marked(_number(stage.rate), "rate")]
    rates += [marked(f"x{by:g} from {unit[:-1]} {share * length:,g} on", "decay") for share, by in stage.decay]
    return [
        stage.name,
        " + ".join(losses),
        stage.view,
        ", ".join(f"`{name}`" for name in stage.learns if name) or "all",
        ", ".join(crop),
        marked(stage.batch, "batch"),
        marked("Adam {:g}, {:g}".format(*stage.betas), "betas"),
        ", ".join(rates),
        marked(f"{length:,g} {unit}", unit),
    ]


def _number(value: float) -> str:
    return f"{value:g}".replace("e-0", "e-")


def _critics(stage: Stage, adversary: Adversary) -> str:
    mark, penalty = _MARKS[stage.grade("adversary")], _MARKS[stage.grade("adversary.penalty")]
    first, second = adversary.betas
    return (
        f"\nThe critics of {stage.name}: Adam {first:g}, {second:g}{mark}, rate {_number(adversary.rate)}{mark}, "
        f"penalty {adversary.penalty:g}{penalty}."
    )


PAGES = {
    "cli.md": cli_page,
    "python.md": python_page,
    "solutions.md": solutions_page,
    "recipes.md": recipes_page,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (Path(__file__).parent / name).write_text(page(), encoding="utf-8")
