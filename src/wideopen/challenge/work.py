"""Work: takes jobs from the queue, does them, and says again and again that it lives."""

import json
import os
import platform
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from types import FrameType
from typing import Literal

from wideopen.challenge import sandbox
from wideopen.challenge.files import Files
from wideopen.challenge.inside import SAYS
from wideopen.challenge.intake import HIDDEN
from wideopen.challenge.queue import Job, JobKind, Queue
from wideopen.challenge.scoring import Bench, GoneError, Result, StoppedError, cleaned, score_job
from wideopen.challenge.store import Store, open_store
from wideopen.challenge.timing import time_job
from wideopen.challenge.walls import HOOK, LANDLOCK, Bounds
from wideopen.database import StoreError
from wideopen.errors import RequestError, WideopenError
from wideopen.pairs.pair import pairs_in

FILES = "files"
BEAT_S = 3.0
_SAY_AGAIN_S = (0.5, 1.0, 2.0, 5.0, 5.0, 10.0, 10.0, 20.0)
"""Before each further try to tell the queue what became of a job."""
Doing = Callable[[Job, str, Bench, Callable[[], bool]], Result]
"""Does a job of a team."""


def work(
    folder: Path,
    *,
    database: str | None = None,
    files: str | None = None,
    kinds: tuple[JobKind, ...] = ("score", "time"),
    once: bool = False,
    jobs: int | None = None,
    engine: Literal["local", "ray"] = "local",
    poll_s: float = 1.0,
    beat_s: float = BEAT_S,
    stop: Event | None = None,
    parent: int | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> None:
    """Do what the queue of a challenge holds, until it is told to end.

    On SIGTERM and Ctrl-C, jobs under way are ended and given back, so that the next worker takes them.

    Args:
        folder: Of the challenge.
        database: PostgreSQL's address, where that is the store.
        files: Address of the challenge's files; None is the folder ``files`` in it.
        kinds: Of jobs; a cluster does no timing, for which a machine must be quiet.
        once: End once nothing waits that can be taken.
        jobs: So many at a time; None is one here, and on a cluster one for each core.
        engine: ``local`` does them here; ``ray`` on the nodes of a cluster, which must all see the folder.
        poll_s: Between two looks at an empty queue.
        beat_s: Between two signs of life.
        stop: Ends it, besides the signals.
        parent: Process that began this one; once it is gone, however it ended, this ends too.
        tell: Told each job's end in a line.

    Raises:
        RequestError: If there is no challenge, it lies where models may read, or there is no cluster.
        StoreError: If the database cannot be used at the beginning.
    """
    if jobs is not None and jobs < 1:
        raise RequestError(f"{jobs} jobs at a time cannot be; give 1 or more")
    store = open_store(folder, database)
    try:
        place = folder / FILES if files is None else files
        bench = Bench(store.plan, folder, Files(place), threads=max(1, (os.cpu_count() or 1) // (jobs or 1)))
        stop = stop or Event()
        shop = Shop(store, bench, kinds, once, poll_s, beat_s, stop, tell, parent)
        with _heard(stop):
            if engine == "local":
                _refuse_walls(bench, tell)
                shop.run(jobs or 1, _do_here)
                return
            sandbox.refuse_open(folder)
            from wideopen.challenge.cluster import Nodes

            with Nodes(folder, str(place)) as nodes:
                shop.kinds = ("score",)
                shop.run(jobs or nodes.cores, nodes)
    finally:
        store.close()


def _do_here(job: Job, team: str, bench: Bench, stop: Callable[[], bool]) -> Result:
    return (score_job if job.kind == "score" else time_job)(job, team, bench, stop=stop)


def _refuse_walls(bench: Bench, tell: Callable[[str], None]) -> None:
    """See at once that a sandbox can be had and reads what it should, and say what it lacks.

    Raises:
        RequestError: If it does not.
    """
    first = [str(pairs_in(bench.folder / HIDDEN / each.part)[0].original.resolve()) for each in bench.plan.phases]
    with TemporaryDirectory(prefix="wideopen-") as place:
        asked = Path(place) / "look.json"
        asked.write_text(json.dumps({"kind": "look", "readable": first}), encoding="utf-8")
        ended = sandbox.run(
            "wideopen.challenge.inside",
            [str(asked.resolve())],
            Path(place),
            Bounds(seconds=60, memory_mb=2000, file_mb=1, folder_mb=1),
            readable=[Path(each).parent for each in first],
            secret=bench.folder,
        )
    if ended.code != 0:
        said = (ended.log.strip().splitlines() or [ended.fault()])[-1]
        raise RequestError(f"a sandbox cannot work here: {said.removeprefix(SAYS)}")
    if LANDLOCK not in ended.walls or HOOK in ended.walls:
        tell(f"careful: models run with {sandbox.walls_say(ended.walls)}; run the worker where Linux has more walls")


@dataclass
class Shop:
    """Some threads that take jobs; all that is heavy is done in processes of its own."""

    store: Store
    bench: Bench
    kinds: tuple[JobKind, ...]
    once: bool
    poll_s: float
    beat_s: float
    stop: Event
    tell: Callable[[str], None]
    parent: int | None = None

    def __post_init__(self) -> None:
        self.queue = Queue(self.store)
        self._failed: list[BaseException] = []

    def run(self, count: int, do: Doing) -> None:
        """Work until told to stop.

        Raises:
            StoreError: If the database fails where only what is there is to be done.
        """
        slots = [Thread(target=self._slot, args=(do,), name=f"slot-{number}") for number in range(count)]
        try:
            for each in slots:
                each.start()
            while any(each.is_alive() for each in slots):
                # Without a timeout a signal would not be heard.
                slots[0].join(0.2)
                for each in slots[1:]:
                    each.join(0.01)
                if self.parent is not None and os.getppid() != self.parent:
                    self.stop.set()
        finally:
            self.stop.set()
            for each in slots:
                if each.ident is not None:
                    each.join()
        if self._failed:
            raise self._failed[0]

    def _slot(self, do: Doing) -> None:
        host = platform.node()[:180] or "unknown"
        name = f"{host[:40]}-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            while not self.stop.is_set():
                job = self._taken(name, host)
                if job is not None:
                    self._do(job, do)
                elif self.once:
                    return
                else:
                    self.stop.wait(self.poll_s)
        except BaseException as error:
            self._failed.append(error)
            self.stop.set()

    def _taken(self, name: str, host: str) -> Job | None:
        try:
            return self.queue.take(name, host, kinds=self.kinds)
        except StoreError as error:
            if self.once:
                raise
            self.tell(f"careful: {error}; asking again")
            return None

    def _do(self, job: Job, do: Doing) -> None:
        begun_s, what = time.monotonic(), f"{job.kind} of submission {job.submission.id}"
        with Beats(self.queue, job, self.beat_s) as beats:
            try:
                result = do(job, self._team(job), self.bench, lambda: self.stop.is_set() or beats.lost.is_set())
            except StoppedError as stopped:
                result = None
                if isinstance(stopped, GoneError):
                    self._failed.append(WideopenError(f"{stopped}; jobs under way were given back"))
                    self.stop.set()
            except Exception as error:  # a fault of ours in one job must not cost the others
                told = cleaned(f"{type(error).__name__}: {error}", self.bench)
                result = Result("failed", f"wideopen met a fault of its own at this ({told})", ours=True)
            heard = self._say(job, result)
        if result is None:
            self.tell(f"{what}: {'given back' if heard else 'cancelled'}")
            return
        reason = f" ({result.why.splitlines()[0]})" if result.why else ""
        unheard = "" if heard else ", too late: it was cancelled, or given to another worker"
        self.tell(f"{what}: {result.state} in {time.monotonic() - begun_s:.1f} s{reason}{unheard}")

    def _team(self, job: Job) -> str:
        return next((each.name for each in self.store.teams() if each.id == job.submission.team), "")

    def _say(self, job: Job, result: Result | None) -> bool:
        """Tell the queue what became of a job, also where the database is away for a while."""
        for pause_s in (*_SAY_AGAIN_S, None):
            try:
                if result is None:
                    return self.queue.give_back(job)
                return self.queue.finish(job, result.state, why=result.why, result=result.key, ours=result.ours)
            except StoreError as error:
                if pause_s is None or (result is None and self.stop.is_set()):
                    # It will be taken again once this worker was silent for long.
                    self.tell(f"careful: {error}; submission {job.submission.id} stays with the queue")
                    return False
                time.sleep(pause_s)
        raise AssertionError


class Beats:
    """Says that a job's worker lives, in a thread, for as long as a ``with`` lasts."""

    def __init__(self, queue: Queue, job: Job, every_s: float) -> None:
        self._queue, self._job, self._every_s = queue, job, every_s
        self._done, self.lost = Event(), Event()
        """Set once the job is cancelled, or another's."""
        self._thread = Thread(target=self._beat, name="beats", daemon=True)

    def __enter__(self) -> "Beats":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._done.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._done.wait(self._every_s):
            try:
                alive = self._queue.beat(self._job)
            except StoreError:
                # Nobody else hears of the database either, or it is this worker that is cut off: the next beat tells.
                continue
            if not alive:
                self.lost.set()
                return


@contextmanager
def _heard(stop: Event) -> Iterator[None]:
    """Let the first SIGTERM or Ctrl-C end the work gently, and the second at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def hear(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    for number in before:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
