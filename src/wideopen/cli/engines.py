"""Where work is done: on this machine, or on a Ray cluster."""

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from wideopen.engine import Engine

ENGINE_OPTION = click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where: here, or on all nodes of a Ray cluster (RAY_ADDRESS), which share the folders.",
)


def engine_of(name: str, jobs: int | None, settings: dict[str, Any], *, local_jobs: int = 1) -> "Engine":
    """Make an engine that does so many things at a time; without a number `local_jobs` here, one a core on a cluster.

    Raises:
        UsageError: If settings ask for a GPU on a cluster.
    """
    from wideopen.engine import named_engine

    if name == "ray" and settings.get("device", "cpu") != "cpu":
        raise click.UsageError("--engine ray claims no GPUs; leave --device out, or use --engine local")
    return named_engine(name, jobs or (local_jobs if name == "local" else None))
