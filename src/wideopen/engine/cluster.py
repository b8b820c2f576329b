"""The engine of many machines: a Ray cluster that is there already."""

import logging
import os
import pickle
import signal
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from wideopen.engine.engine import Done, Item, Lost, Result
from wideopen.engine.worker import limit_threads, name_node, received
from wideopen.errors import RequestError, WideopenError

CPUS_OF_A_WORKER = 0.9
"""One worker a core, and room for what Ray itself runs: where none is left, its pipelines wait for ever."""
ATTEMPTS = 2
SECONDS_TO_CONNECT = 10
SECONDS_TO_ANSWER = 60

# Ray tells of much on both streams, and reads these when it is imported.
_QUIET = {"RAY_DEDUP_LOGS_SKIP_REGEX": "^", "RAY_BACKEND_LOG_LEVEL": "fatal", "RAY_DATA_LOG_LEVEL": "CRITICAL"}


@dataclass(frozen=True)
class Cluster:
    """Works on the nodes of the Ray cluster that RAY_ADDRESS names, or else of the one that runs on this machine."""

    processes: int | None = None
    """Items at a time; None is one for each core of the cluster."""

    @property
    def remote(self) -> bool:
        """Always."""
        return True

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Generator[tuple[int, Done[Result] | Lost]]:
        """Give each item's number and result as they are done; see `Engine`.

        Raises:
            RequestError: If Ray or a cluster is missing, the cluster has fewer cores than `processes`, or one of its
                nodes has another version of wideopen or does not see the current folder.
        """
        ray, joined = _join()
        try:
            folder = str(Path.cwd())
            cores = _check_nodes(ray, folder)
            workers = self.processes or cores
            if workers > cores:
                raise RequestError(f"{workers} at a time are more than the cluster's cores; give {cores} or fewer")
            workers = max(1, min(workers, len(items)))
            worker = (pickle.dumps(function), folder, max(1, cores // workers))
        except BaseException:
            _leave(ray, joined)
            raise
        return _spread(ray, joined, worker, [pickle.dumps(item) for item in items], workers)


def _join() -> tuple[ModuleType, bool]:
    """Become part of the cluster, unless this process is already; gives Ray, and whether it joined now."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        with _muted():
            import ray
            import ray.data
    except ModuleNotFoundError as error:
        raise RequestError(f"a cluster needs {error.name}; install wideopen[ray]") from error
    if ray.is_initialized():
        return ray, False
    address = os.environ.get("RAY_ADDRESS") or "auto"
    if address.startswith("ray://"):
        raise RequestError(f"RAY_ADDRESS is {address}, from afar; run on a node of the cluster, with its HOST:PORT")
    _refuse_silence(address)
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        with _muted():
            ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
    except ConnectionError as error:
        if address == "auto":
            raise _absent(address) from error
        raise RequestError(
            f"{address} listens, but lets nobody join; see that it is the head of a Ray cluster, and the token its own"
        ) from error
    except Exception as error:  # Of many types: other versions, a wrong token, a node that is not there.
        raise RequestError(f"the Ray cluster at {address} cannot be joined: {error}") from error
    finally:
        if main and before is not None:
            signal.signal(signal.SIGTERM, before)
    return ray, True


def _refuse_silence(address: str) -> None:
    """Ask whether anyone listens there, for Ray itself would ask for two minutes."""
    if address == "auto":
        noted = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", "ray_current_cluster")
        if noted.is_file() and not _listens(noted.read_text(encoding="utf-8").strip()):
            raise RequestError(f"the Ray cluster that {noted} names is gone; name another by RAY_ADDRESS=HOST:PORT")
    elif not _listens(address):
        raise _absent(address)


def _listens(address: str) -> bool:
    """Whether something listens at HOST:PORT; what is not of this form is left to Ray."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return True
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS_TO_CONNECT).close()
    except OSError:
        return False
    return True


def _absent(address: str) -> RequestError:
    where = "on this machine" if address == "auto" else f"at {address}"
    return RequestError(
        f"there is no Ray cluster {where}; start one by `ray start --head`, or name its head by RAY_ADDRESS=HOST:PORT"
    )


@contextmanager
def _muted() -> Iterator[None]:
    """Keep compiled code off standard error: Ray's tells there that it will tell nothing."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _leave(ray: ModuleType, joined: bool) -> None:
    """End what still runs there for this process; the cluster lives on."""
    if joined:
        ray.shutdown()


def _check_nodes(ray: ModuleType, folder: str) -> int:
    """Refuse nodes that would not do the same work, and count the cores of all."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    # Sent as it stands, being local, for a node may not have wideopen.
    def look() -> tuple[str | None, bool]:
        import importlib.metadata

        try:
            found = importlib.metadata.version("wideopen")
        except importlib.metadata.PackageNotFoundError:
            found = None
        return found, Path(folder).is_dir()

    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if not nodes:
        raise RequestError("the Ray cluster has no cores; add a node by `ray start --address HOST:PORT`")
    asked = [
        ray.remote(look)
        .options(num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False))
        .remote()
        for node in nodes
    ]
    here = version("wideopen")
    for node, answer in zip(nodes, asked, strict=True):
        name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
        try:
            there, shared = ray.get(answer, timeout=SECONDS_TO_ANSWER)
        except ray.exceptions.RayError as error:
            raise RequestError(f"the node {name} does not answer ({type(error).__name__}); take it out") from error
        if there != here:
            found = "no wideopen" if there is None else f"wideopen {there}"
            raise RequestError(f"the node {name} has {found}, and here is {here}; install the same on every node")
        if not shared:
            raise RequestError(f"the node {name} has no folder {folder}; run in a folder that every node shares")
    return int(sum(node["Resources"]["CPU"] for node in nodes))


def _spread(
    ray: ModuleType, joined: bool, worker: tuple[bytes, str, int], items: list[bytes], workers: int
) -> Generator[tuple[int, Any]]:
    """Stream the items through workers on the nodes."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    try:
        if not items:
            return
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        ledger = ray.remote(_Ledger).options(num_cpus=0, scheduling_strategy=here).remote()
        ray.data.DataContext.get_current().enable_progress_bars = False
        rows = ray.data.from_items(
            [{"index": index, "item": item} for index, item in enumerate(items)], override_num_blocks=len(items)
        )
        answers = rows.map_batches(
            _Worker,
            batch_size=1,
            num_cpus=CPUS_OF_A_WORKER,
            compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
            fn_constructor_args=(*worker, ledger),
        )
        for batch in answers.iter_batches(batch_size=None, prefetch_batches=0):
            for index, pickled in zip(batch["index"], batch["answer"], strict=True):
                answer = pickle.loads(pickled)
                if isinstance(answer, Exception):
                    raise answer
                yield int(index), answer
    except ray.exceptions.RayError as error:
        said = [line for line in str(error).splitlines() if line.strip()] or [""]
        raise WideopenError(f"the Ray cluster ended the work ({type(error).__name__}): {said[0]} {said[-1]}") from error
    finally:
        _leave(ray, joined)


class _Ledger:
    """Counts how often an item was begun, for Ray itself would begin one that ends its process again and again."""

    def __init__(self) -> None:
        self._begun: Counter[int] = Counter()

    def begin(self, index: int) -> int:
        """Count."""
        self._begun[index] += 1
        return self._begun[index]


class _Worker:
    """Does the items of one process on a node."""

    def __init__(self, function: bytes, folder: str, threads: int, ledger: Any) -> None:  # noqa: ANN401
        import ray

        os.chdir(folder)
        name_node(ray.util.get_node_ip_address())
        limit_threads(min(threads, os.cpu_count() or 1))
        self._function = received(function)
        self._ledger = ledger

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Do one item."""
        import ray

        index = int(batch["index"][0])
        answer: Done[Any] | Lost | Exception
        if ray.get(self._ledger.begin.remote(index)) > ATTEMPTS:
            answer = Lost()
        else:
            try:
                answer = Done(self._function(pickle.loads(batch["item"][0])))
            except Exception as error:
                answer = error
        return {"index": [index], "answer": [pickle.dumps(answer)]}
