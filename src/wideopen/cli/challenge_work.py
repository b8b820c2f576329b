"""`wideopen challenge work`."""

from pathlib import Path
from typing import Any, Literal

import click

from wideopen.cli.options import PATH
from wideopen.errors import RequestError


@click.command("work")
@click.argument("folder", metavar="CHALLENGE", type=PATH)
@click.option(
    "--database", metavar="URL", help="PostgreSQL in place of CHALLENGE/challenge.db, as postgresql://user@host/name."
)
@click.option("--files", metavar="ADDRESS", help="Where its files are, or s3://...  [default: CHALLENGE/files]")
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(["score", "time"]),
    multiple=True,
    help="Only such jobs: scoring, or measuring models' runtimes; repeatable.  [default: both]",
)
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="At a time.  [default: 1; on a cluster one per core]")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where: here, or on all nodes of a Ray cluster (RAY_ADDRESS), which share the folder.",
)
@click.option("--once", is_flag=True, help="End once nothing waits.")
@click.option("--parent", type=click.IntRange(1), hidden=True, help="Process with which it ends.")
def work(
    folder: Path,
    database: str | None,
    files: str | None,
    kinds: tuple[Literal["score", "time"], ...],
    jobs: int | None,
    engine: Literal["local", "ray"],
    once: bool,
    parent: int | None,
) -> None:
    """Score what teams submit, and time their models, until Ctrl-C; any number of workers may run.

    Models run without network, and with limits on memory, time and files. A runtime is measured while this machine's
    workers do nothing else.
    """
    try:
        from wideopen.challenge.work import work as run
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("wideopen"):
            raise
        raise RequestError(f"challenges need {error.name}; install wideopen[challenge]") from error
    settings: dict[str, Any] = {"database": database, "files": files, "engine": engine, "once": once, "parent": parent}
    run(folder, kinds=kinds or ("score", "time"), jobs=jobs, tell=_say, **settings)


def _say(text: str) -> None:
    click.echo(text, err=text.startswith("careful: "))
