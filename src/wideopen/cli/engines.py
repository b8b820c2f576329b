"""Where work is done: on this machine, or on a Ray cluster."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from wideopen.engine import Engine

ENGINE_OPTION = click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Who does the work: processes here, or a Ray cluster that is there already.",
)


def engine_of(name: str, jobs: int | None, *, least: int = 1) -> "Engine":
    """Make an engine that does so many things at a time; without a number as many as suit it, here `least`."""
    from wideopen.engine import Local
    from wideopen.engine.cluster import Cluster

    return Cluster(jobs) if name == "ray" else Local(jobs or least)
