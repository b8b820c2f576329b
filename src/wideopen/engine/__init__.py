"""Engines: the same work on local processes, or spread over a cluster."""

from wideopen.engine.engine import Done, Engine, Lost
from wideopen.engine.local import Local

__all__ = ["Done", "Engine", "Local", "Lost", "named_engine"]


def named_engine(name: str, jobs: int | None) -> Engine:
    """Make an engine that does `jobs` items at a time: by default one here, and one a core on a cluster, ``ray``."""
    if name == "local":
        return Local(jobs or 1)
    from wideopen.engine.cluster import Cluster

    return Cluster(jobs)
