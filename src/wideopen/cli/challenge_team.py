"""The commands of `wideopen challenge` by which a team takes part; they ask the challenge's server."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from wideopen.cli.options import PATH
from wideopen.errors import RequestError

_ADDRESS = click.argument("address", metavar="ADDRESS")
_TOKEN = click.option("--token", metavar="TOKEN", help="Of the team; others can see it while the command runs.  "
                      "[default: WIDEOPEN_TOKEN, or what sign-up kept]")  # fmt: skip
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_ENDS = ("scored", "refused", "failed", "cancelled")
_WATCH_EVERY_S = 2.0


@click.command("sign-up")
@_ADDRESS
@click.argument("name", metavar="TEAM")
@click.option("--no-keep", is_flag=True, help="Only print the token; by default it is kept for the other commands.")
@_JSON
def sign_up(address: str, name: str, no_keep: bool, as_json: bool) -> None:
    """Sign a team up at a challenge; the token that comes back is its only key.

    ADDRESS is that of the challenge's first page.
    """
    from wideopen.challenge import tokens
    from wideopen.challenge.client import address_of
    from wideopen.challenge.client import sign_up as ask

    place, address = None, address_of(address)
    _warn(address)
    told = ask(address, name)
    # Printed first: it is told this once.
    text = f"{told['team']['name']} is signed up at {address}; its token, which is told only now: {told['token']}"
    click.echo(_json(told) if as_json else text)
    if not no_keep:
        place = tokens.keep(address, told["team"]["name"], told["token"])
    if not as_json:
        if place is not None:
            click.echo(f"kept in {place}")
        click.echo("it may submit now" if told["approved"] else "it may submit once the organiser approved it")


@click.command("submit")
@_ADDRESS
@click.argument("path", metavar="ANSWER", type=PATH)
@click.option("--phase", metavar="NAME", help="[default: the one that is open]")
@click.option("--track", metavar="NAME", help="[default: the only one]")
@click.option("--method", metavar="NAME", help="Of what is submitted, where no fact sheet says it.")
@click.option("--sheet", "sheet_file", type=PATH, metavar="FILE", help="Fact sheet as JSON: method, authors, "
              "affiliation, framework, hardware, parameters, extra_data, precomputed_depth, runtime_s, runtime_device, "
              "code, description.")  # fmt: skip
@click.option("--watch", is_flag=True, help="Wait for its end; exit code 1 where it was not scored.")
@_TOKEN
@_JSON
def submit(
    address: str,
    path: Path,
    phase: str | None,
    track: str | None,
    method: str | None,
    sheet_file: Path | None,
    watch: bool,
    token: str | None,
    as_json: bool,
) -> None:
    """Submit an answer: a folder or zip of pictures, or a model (.safetensors, .onnx, .tflite).

    An upload that breaks off goes on where it stopped when the same answer is submitted again.
    """
    from wideopen.challenge.client import Asked
    from wideopen.challenge.client import submit as send
    from wideopen.challenge.parcel import kind_of

    sheet = _sheet(sheet_file, method)
    client = _client(address, token)
    plan = client.ask("GET", "/api/challenge")
    asked = Asked(phase or _phase(plan, kind_of(path)), track or _track(plan), sheet)
    with _bar() as progress:
        told = send(client, path, asked, progress=progress)
    if watch:
        told = _until_ended(client, {told["id"]})[0]
    click.echo(_json(told) if as_json else _line(told))
    if watch and told["state"] != "scored":
        sys.exit(1)


@click.command("status")
@_ADDRESS
@click.option("--watch", is_flag=True, help="Wait until all have ended, and say what happens.")
@_TOKEN
@_JSON
def status(address: str, watch: bool, token: str | None, as_json: bool) -> None:
    """Show the submissions of a team, and what it has left."""
    client = _client(address, token)
    if watch and not as_json:
        _until_ended(client, None, say=lambda each: click.echo(_line(each)))
    elif watch:
        _until_ended(client, None)
    told = client.ask("GET", "/api/team")
    if as_json:
        click.echo(_json(told))
        return
    if not watch:
        for each in told["submissions"]:
            click.echo(_line(each))
    approved = "" if told["team"]["approved"] else ", waits for the organiser's approval"
    click.echo(f"{told['team']['name']}{approved}")
    for name, left in told["left"].items():
        click.echo(f"  {name}: {left['today']} submissions left today, {left['in_all']} in all")


@click.command("cancel")
@_ADDRESS
@click.argument("number", metavar="SUBMISSION", type=click.IntRange(1))
@_TOKEN
@_JSON
def cancel(address: str, number: int, token: str | None, as_json: bool) -> None:
    """Cancel a submission that has not ended; it then does not count."""
    told = _client(address, token).ask("DELETE", f"/api/submissions/{number}")
    click.echo(_json(told) if as_json else _line(told))


def _client(address: str, token: str | None) -> Any:  # noqa: ANN401
    from wideopen.challenge.client import Client, address_of
    from wideopen.challenge.tokens import token_of

    address = address_of(address)
    _warn(address)
    return Client(address, token_of(address, token))


def _warn(address: str) -> None:
    from wideopen.challenge.client import is_unsafe

    if is_unsafe(address):
        click.echo(f"careful: {address} is not encrypted, and others on the way can read the token", err=True)


def _sheet(file: Path | None, method: str | None) -> Any:  # noqa: ANN401
    from wideopen.challenge.sheet import FactSheet

    if file is None:
        if method is None:
            raise RequestError("a submission needs a name for its method; give --method NAME or --sheet FILE")
        return FactSheet(method)
    if method is not None:
        raise RequestError(f"--method and --sheet both name the method; write it into {file}")
    try:
        return FactSheet.from_json(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{file} cannot be read ({error})") from error


def _phase(plan: Mapping[str, Any], kind: str) -> str:
    names = [each["name"] for each in plan["phases"] if each["state"] == "open" and kind in each["takes"]]
    if len(names) == 1:
        return str(names[0])
    if names:
        raise RequestError(f"the phases {' and '.join(names)} are open; name one by --phase")
    times = "; ".join(f"{each['name']} {each['begins']} to {each['ends']}" for each in plan["phases"])
    raise RequestError(f"no phase takes {'a model' if kind == 'model' else kind} now; there are {times}")


def _track(plan: Mapping[str, Any]) -> str:
    names = [each["name"] for each in plan["tracks"]]
    if len(names) > 1:
        raise RequestError(f"there are the tracks {' and '.join(names)}; name one by --track")
    return str(names[0])


def _until_ended(
    client: Any,  # noqa: ANN401
    wanted: set[int] | None,
    *,
    say: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Wait for submissions, all where none are named, and say each step."""
    known: dict[int, str] = {}
    while True:
        every = client.ask("GET", "/api/team")["submissions"]
        found = [each for each in every if wanted is None or each["id"] in wanted]
        for each in found:
            if known.get(each["id"]) != each["state"]:
                known[each["id"]] = each["state"]
                say(each)
        if all(each["state"] in _ENDS for each in found):
            return found
        time.sleep(_WATCH_EVERY_S)


def _json(told: Mapping[str, Any]) -> str:
    """Write JSON on one line; a figure may be infinite."""
    from wideopen.score.tables import json_text

    return json_text(told)


def _line(told: Mapping[str, Any]) -> str:
    figures, text = (
        told["figures"],
        f"{told['id']:4} {told['state']:9} {told['phase']}/{told['track']}  {told['method']}",
    )
    if figures is not None:
        shown = (("psnr_db", "{:.2f} dB"), ("ssim", "SSIM {:.4f}"), ("runtime_s", "{:.2f} s"))
        text += "  " + ", ".join(form.format(figures[name]) for name, form in shown if figures[name] is not None)
    elif told["state"] == "scored":
        text += "  (figures are hidden until the board is opened)"
    if told["why"] and told["state"] != "cancelled":
        text += "\n" + "\n".join(f"       {line}" for line in told["why"].splitlines())
    # What a team wrote must not control the terminal.
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show on a terminal's standard error how much has been read and sent."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("reading", total=None)
        yield lambda what, done, total: shown.update(task, description=what, completed=done, total=total)
