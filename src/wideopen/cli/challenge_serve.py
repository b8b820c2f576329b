"""The commands of `wideopen challenge` by which the organiser holds one."""

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from wideopen.cli.extras import needing
from wideopen.cli.options import PATH
from wideopen.errors import RequestError

_CHALLENGE = click.argument("folder", metavar="CHALLENGE", type=PATH)
_DATABASE = click.option(
    "--database", metavar="URL", help="PostgreSQL in place of CHALLENGE/challenge.db, as postgresql://user@host/name."
)


@click.command("serve")
@_CHALLENGE
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8322, show_default=True, help="0 takes any that is free."
)
@_DATABASE
@click.option("--files", metavar="ADDRESS", help="Of the files in place of CHALLENGE/files, as s3://bucket/place.")
@click.option("--workers", type=click.IntRange(0, 256), default=1, show_default=True, help="Processes that score "
              "beside the server; 0 where others do, by wideopen challenge work.")  # fmt: skip
@click.option("--proxy", is_flag=True, help="Behind a reverse proxy, whose word on addresses counts.")
@click.option("--root-path", default="", metavar="PREFIX", help="Under which a proxy shows the challenge.")
def serve(
    folder: Path,
    host: str,
    port: int,
    database: str | None,
    files: str | None,
    workers: int,
    proxy: bool,
    root_path: str,
) -> None:
    """Serve a challenge to teams and everybody, and score what comes, until Ctrl-C."""
    with needing("challenge", "challenges"):
        from wideopen.challenge.server import organiser_link
        from wideopen.challenge.server import serve as run
        from wideopen.study.web import opening_warning

        warning = opening_warning(host, "teams", proxy=proxy, secrets=", tokens too")
        if warning is not None:
            click.echo(f"careful: {warning}", err=True)

        def ready(address: str) -> None:
            click.echo(f"serving {folder} at {address}")
            click.echo(f"the organiser's page: {organiser_link(folder, address=address)}")
            if not workers:
                click.echo(f"nothing is scored here; start workers by wideopen challenge work {folder}")
            click.echo("Ctrl-C ends it; all that was acknowledged is kept.")

        run(folder, host, port, database, files, proxy, workers, root_path=root_path, ready=ready)


@click.command("link")
@_CHALLENGE
@click.option("--address", default="http://127.0.0.1:8322", show_default=True, metavar="URL", help="Where the "
              "challenge is served.")  # fmt: skip
def link(folder: Path, address: str) -> None:
    """Show the link of the organiser's page; whoever has it decides."""
    with needing("challenge", "challenges"):
        from wideopen.challenge.server import organiser_link

        click.echo(organiser_link(folder, address=address))


@click.command("teams")
@_CHALLENGE
@click.option("--approve", multiple=True, metavar="TEAM", help="Let a team submit, by its name or number; repeatable.")
@click.option("--block", multiple=True, metavar="TEAM", help="Keep a team out; its rows vanish from the boards.")
@_DATABASE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per team.")
def teams(folder: Path, approve: tuple[str, ...], block: tuple[str, ...], database: str | None, as_json: bool) -> None:
    """List the teams of a challenge, approve or block them."""
    with needing("challenge", "challenges"):
        from wideopen.challenge.store import open_store

        with closing(open_store(folder, database)) as store:
            known = store.teams()
            both = [(name, True) for name in approve] + [(name, False) for name in block]
            for number, welcome in [(_number_of(name, known), welcome) for name, welcome in both]:
                store.judge_team(number, welcome=welcome)
            for team in store.teams():
                state = "blocked" if team.blocked else "approved" if team.approved else "waits for approval"
                count = len(store.submissions(team=team.id))
                record = {"team": team.id, "name": team.name, "state": state, "submissions": count}
                text = f"{team.id:4} {state:18} {count:4} submissions  {team.name}"
                click.echo(json.dumps(record, ensure_ascii=False) if as_json else text)
            if not known and not as_json:
                click.echo("no team has signed up yet")


def _number_of(name: str, teams: Sequence[Any]) -> int:
    """Find a team by its name or its number."""
    by_name = [team.id for team in teams if team.name.casefold() == name.casefold()]
    by_number = [team.id for team in teams if str(team.id) == name]
    for found in (by_name, by_number):
        if found:
            return found[0]
    names = ", ".join(team.name for team in teams) or "none yet"
    raise RequestError(f"there is no team {name!r}; there are {names}")
