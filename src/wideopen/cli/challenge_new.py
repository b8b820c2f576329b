"""The commands of `wideopen challenge` that begin one, and that a team looks at its own work with."""

import json
from pathlib import Path
from typing import Any

import click

from wideopen.cli.bar import bar
from wideopen.cli.options import PATH, text_of
from wideopen.errors import RequestError

_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.command("new")
@click.argument("folder", metavar="CHALLENGE", type=PATH)
@click.option("--pairs", "pairs", type=PATH, required=True, metavar="DIR", help="A data set that is split into train, "
              "val and test.")  # fmt: skip
@click.option("--plan", "plan_file", type=PATH, metavar="FILE", help="JSON that says all that the options below say, "
              "and more; as challenge.json of another challenge.")  # fmt: skip
@click.option("--title", metavar="TEXT", help="Of the first page.  [default: Realistic bokeh]")
@click.option("--about", type=PATH, metavar="FILE", help="Plain text for the first page.")
@click.option("--begins", metavar="DATE", help="When development begins, as 2026-05-31 or 2026-05-31T12:00 (UTC).  "
              "[default: now]")  # fmt: skip
@click.option("--days", metavar="N,N,N", help="Of development, validation and test.  [default: 30,30,14]")
@click.option("--per-day", type=click.IntRange(1), metavar="N", help="Submissions of a team that count by the day.  "
              "[default: 10 in validation, 3 in the test]")  # fmt: skip
@click.option("--in-all", type=click.IntRange(1), metavar="N", help="And in a phase.  [default: 100 and 10]")
@click.option("--track", "tracks", multiple=True, metavar="NAME", help="cpu, gpu or another; repeatable.  [default: "
              "both]")  # fmt: skip
@click.option("--sign-up", type=click.Choice(["open", "approved"]), help="Whether teams take part at once, or once the "
              "organiser approved them.  [default: approved]")  # fmt: skip
@click.option("--protocol", metavar="NAME", help="Of PSNR and SSIM.  [default: aim2020/1]")
@_JSON
def new(
    folder: Path,
    pairs: Path,
    plan_file: Path | None,
    as_json: bool,
    **settings: Any,  # noqa: ANN401
) -> None:
    """Make a challenge: pairs to learn from, photos to answer, and truth that stays hidden.

    CHALLENGE is a new folder; it holds copies of all that it needs.
    """
    from wideopen.challenge.new import DEVELOPMENT, Asked, given_plan, new_challenge, usual_plan
    from wideopen.challenge.plan import moment

    given = {name: value for name, value in settings.items() if value not in (None, ())}
    if plan_file is not None:
        if given:
            name = next(iter(given)).replace("_", "-").replace("tracks", "track")
            raise RequestError(f"--plan says all; leave out --{name}, or write it into {plan_file}")
        wanted = given_plan(plan_file)
    else:
        if "about" in given:
            given["about"] = text_of(given["about"])
        if "days" in given:
            given["days"] = _days(given["days"])
        wanted = usual_plan(Asked(**given))
    with bar("copying pairs") as progress:
        plan = new_challenge(pairs, folder, wanted, progress=progress)
    phases = [{"name": each.name, "begins": each.begins, "ends": each.ends} for each in plan.phases]
    if as_json:
        click.echo(json.dumps({"challenge": str(folder), "title": plan.title, "begins": plan.begins, "phases": phases}))
        return
    click.echo(f"{folder}: {plan.title}, {len(plan.tracks)} tracks")
    if plan.begins and moment(plan.begins) < plan.opens:
        click.echo(f"  {DEVELOPMENT}: {plan.begins} to {plan.opens.isoformat()}, pairs to learn from")
    for phase in plan.phases:
        click.echo(f"  {phase.name}: {phase.begins} to {phase.ends}, {' and '.join(phase.takes)}, board {phase.board}")
    click.echo(f"next: wideopen challenge serve {folder}")


@click.command("check")
@click.argument("file", metavar="FILE", type=PATH)
@click.option("--inputs", "place", type=PATH, required=True, metavar="PHASE.zip|DIR", help="The photos of the phase, "
              "as they were downloaded.")  # fmt: skip
@_JSON
def check(file: Path, place: Path, as_json: bool) -> None:
    """Look at home whether a submission can be scored, as the challenge does before it counts.

    FILE is a folder or zip of pictures, or a model: .safetensors, .onnx or .tflite.
    """
    from wideopen.challenge.intake import check as look

    kind, said = look(file, place)
    click.echo(json.dumps({"file": str(file), "kind": kind, "says": said}) if as_json else f"{file}: {said}; good")


def _days(text: str) -> tuple[float, ...]:
    try:
        days = tuple(float(each) for each in text.split(","))
    except ValueError:
        days = ()
    if len(days) != 3:
        raise RequestError(f"--days {text} is not understood; give three numbers, as 30,30,14")
    return days
