"""Cluster: jobs of a challenge on the nodes of a Ray cluster, which all see the challenge's folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from wideopen.challenge.files import Files
from wideopen.challenge.plan import Plan
from wideopen.challenge.queue import MOST_ATTEMPTS, Job
from wideopen.challenge.scoring import Bench, GoneError, Result, StoppedError, score_job
from wideopen.engine import cluster
from wideopen.errors import RequestError

_ASK_S = 0.5


class Nodes:
    """Does jobs on the nodes of the Ray cluster that RAY_ADDRESS names, one core each."""

    def __init__(self, folder: Path, files: str) -> None:
        """Join the cluster.

        Args:
            folder: Of the challenge; every node must see it under the same path.
            files: Address of its files, or a folder, likewise.

        Raises:
            RequestError: If Ray or a cluster is missing, or a node has another version or does not see the folder.
        """
        self._folder = folder.resolve()
        self._files = files if "://" in files else str(Path(files).resolve())
        self._ray, self._joined = cluster._join()
        try:
            self.cores = cluster._check_nodes(self._ray, str(self._folder))
        except BaseException:
            cluster._leave(self._ray, self._joined)
            raise
        self._remote: Any = self._ray.remote(max_retries=0, num_cpus=cluster.CPUS_OF_A_WORKER)(_score)

    def __enter__(self) -> "Nodes":
        """Stay."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the cluster, which lives on."""
        cluster._leave(self._ray, self._joined)

    def __call__(self, job: Job, team: str, bench: Bench, stop: Callable[[], bool]) -> Result:
        """Score a job on a node; on another one where that dies.

        Raises:
            StoppedError: If the worker was told to stop.
            GoneError: If no node is left.
        """
        if job.kind != "score":
            raise RequestError("a cluster measures no runtimes; start a worker without --engine ray for them")
        for _ in range(MOST_ATTEMPTS):
            asked = self._remote.remote(job, team, bench.plan, str(self._folder), self._files)
            try:
                while not self._ray.wait([asked], timeout=_ASK_S)[0]:
                    if stop():
                        self._ray.cancel(asked, force=True)
                        raise StoppedError
                result: Result = self._ray.get(asked)
                return result
            except self._ray.exceptions.RayTaskError:
                raise
            except self._ray.exceptions.RayError as error:
                if not self._is_there():
                    raise GoneError(f"the Ray cluster is gone ({type(error).__name__})") from error
        return Result("failed", "the cluster lost this twice; submit it again, it does not count", ours=True)

    def _is_there(self) -> bool:
        try:
            return any(node["Alive"] and node["Resources"].get("CPU", 0) >= 1 for node in self._ray.nodes())
        except Exception:  # of many types, where nobody answers
            return False


def _score(job: Job, team: str, plan: Plan, folder: str, files: str) -> Result:
    """Score a job; on a node."""
    return score_job(job, team, Bench(plan, Path(folder), Files(files)))
