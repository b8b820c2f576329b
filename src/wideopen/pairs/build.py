"""Building: matched shots become the aligned pairs of a data set, on all cores, and a broken run goes on."""

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from wideopen.errors import RequestError
from wideopen.pairs.homography import opencv
from wideopen.pairs.journal import JOURNAL, append, read_journal, rewrite
from wideopen.pairs.manifest import MANIFEST, Row, header, line, read_manifest, write_manifest
from wideopen.pairs.pair import BOKEH, ORIGINAL
from wideopen.pairs.partners import Partners
from wideopen.pairs.task import Outcome, Task
from wideopen.pairs.task import Settings as Settings

MOST_PROCESSES = 61
"""Windows waits for no more processes than this."""
_LEFT_BEHIND = re.compile(r"\.wideopen-[0-9a-f]{16}\.(jpg|csv|journal)")

Tell = Callable[[int, int, float | None], None]


@dataclass(frozen=True)
class Summary:
    """What became of the pairs."""

    accepted: int
    refused: int
    kept: int
    """Of both, those that were done before and not done again."""
    dropped: int
    """Rows of the manifest before whose shots were not given this time; their pictures stay."""
    seconds: float
    manifest: Path
    rows: list[Row]
    """In the order of their names."""


def build(
    partners: Sequence[Partners],
    out: Path,
    settings: Settings | None = None,
    *,
    jobs: int = 1,
    tell: Tell | None = None,
) -> Summary:
    """Build pairs: ``original/NAME.jpg`` and ``bokeh/NAME.jpg`` (sRGB, quality 95, 4:4:4), and the manifest.

    A pair that cannot be trusted, or whose shots cannot be read, becomes a refused row. A pair is done once it
    stands in the journal; it is not done again while the checksums of its shots and pictures, and the settings,
    are the same. An interrupted run goes on so, and ends with the same bytes. The manifest is written at the end
    and speaks of the given pairs only; what was decided of them since (parts, pairs dropped) is kept.

    Args:
        partners: Shots that belong together.
        out: Folder of the data set; a new one, or one that was built here.
        settings: What decides the pictures.
        jobs: Processes that work; the bytes are the same.
        tell: Told after each pair: how many are done, how many there are, and about how many seconds are left (None
            until a pair was built).

    Raises:
        RequestError: If there is nothing to build, OpenCV is missing, the folder holds other pictures or cannot be
            written. What was done until then stays done.
    """
    start = time.perf_counter()
    settings = settings or Settings()
    opencv()
    _refuse_wrong(partners, out, jobs)
    rows_before = _open(out)
    before = read_journal(out / JOURNAL)
    tasks = [Task(pair, out, settings, before.get(pair.name)) for pair in sorted(partners, key=lambda pair: pair.name)]
    outcomes = _run(tasks, jobs, tell)
    entries = before | {name: outcome.entry for name, outcome in outcomes.items() if not outcome.passing}
    rows = [_merged(task, outcomes[task.partners.name], rows_before) for task in tasks]
    try:
        rewrite(out / JOURNAL, entries.values())
        _write_if_other(out / MANIFEST, rows)
    except OSError as error:
        raise _unwritable(f"{out} cannot be written ({error.strerror or error})", len(tasks), len(tasks)) from error
    return Summary(
        accepted=sum(row.accepted for row in rows),
        refused=sum(not row.accepted for row in rows),
        kept=sum(outcome.kept for outcome in outcomes.values()),
        dropped=len(set(rows_before) - set(outcomes)),
        seconds=time.perf_counter() - start,
        manifest=out / MANIFEST,
        rows=rows,
    )


def _refuse_wrong(partners: Sequence[Partners], out: Path, jobs: int) -> None:
    if not partners or jobs < 1:
        raise RequestError(f"{len(partners)} pairs and {jobs} jobs; give at least one of each")
    taken: dict[str, Partners] = {}
    own = {(out / folder).resolve() for folder in (ORIGINAL, BOKEH)}
    for pair in partners:
        if Path(pair.name).name != pair.name or pair.name.startswith("."):
            raise RequestError(f"a pair is called {pair.name!r}, which is no name of a file; rename its wide shot")
        # Many file systems take A.jpg and a.jpg for one.
        other = taken.setdefault(pair.name.casefold(), pair)
        if other is not pair:
            raise RequestError(f"{other.wide} and {pair.wide} would both become {pair.name}; rename one")
        for path in (pair.wide, pair.shallow):
            if path.resolve().parent in own:
                raise RequestError(f"{path} lies where pairs are written to, in {out}; choose another folder")


def _open(out: Path) -> dict[str, Row]:
    """Make the folders, and read the manifest of before; pictures of other origin are never written over.

    Raises:
        RequestError: If there are any, or the place cannot be written.
    """
    try:
        folders = [out / ORIGINAL, out / BOKEH]
        there = (out / MANIFEST).exists() or any(map(_has_pictures, folders))
        if there and not (out / JOURNAL).exists():
            raise RequestError(
                f"{out} holds pictures and no {JOURNAL}: they were not built here; choose another folder"
            )
        for folder in (out, *folders):
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.iterdir():
                if _LEFT_BEHIND.fullmatch(path.name):
                    path.unlink(missing_ok=True)
        with (out / JOURNAL).open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise RequestError(f"{out} cannot be written ({error.strerror or error}); choose another place") from error
    return read_manifest(out / MANIFEST) if (out / MANIFEST).exists() else {}


def _has_pictures(folder: Path) -> bool:
    return folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir())


def _run(tasks: list[Task], jobs: int, tell: Tell | None) -> dict[str, Outcome]:
    """Build what is to be built, and note each pair in the journal at once."""
    outcomes: dict[str, Outcome] = {}
    worked_s: list[float] = []
    # Closed at once when something fails, so that no worker goes on.
    with closing(_outcomes(tasks, jobs)) as coming:
        for outcome in coming:
            _note(outcome, tasks[0].out / JOURNAL, len(outcomes), len(tasks))
            outcomes[outcome.entry.row.name] = outcome
            if outcome.seconds > 0:
                worked_s.append(outcome.seconds)
            if tell is not None:
                left = (len(tasks) - len(outcomes)) / min(jobs, len(tasks))
                tell(len(outcomes), len(tasks), left * sum(worked_s) / len(worked_s) if worked_s else None)
    return outcomes


def _note(outcome: Outcome, journal: Path, done: int, total: int) -> None:
    """Add what lasts to the journal.

    Raises:
        RequestError: If there is no room for the pair or the note.
    """
    if outcome.stop:
        raise _unwritable(outcome.stop, done, total)
    if outcome.kept or outcome.passing:
        return
    try:
        append(journal, outcome.entry)
    except OSError as error:
        raise _unwritable(f"{journal} cannot be written ({error.strerror or error})", done, total) from error


def _merged(task: Task, outcome: Outcome, before: dict[str, Row]) -> Row:
    """Take a pair's row, with what was decided since it was built: its part, and whether it was dropped."""
    row, old = outcome.entry.row, before.get(task.partners.name)
    if old is None:
        return row
    same = (old.wide_sha256, old.shallow_sha256) == (row.wide_sha256, row.shallow_sha256) and task.is_of(old)
    return old if outcome.kept and same else replace(row, split=old.split)


def _write_if_other(path: Path, rows: list[Row]) -> None:
    """Write the manifest, or leave one that says the same as it is."""
    if not path.exists() or path.read_text(encoding="utf-8") != header() + "".join(map(line, rows)):
        write_manifest(path, rows)


def _unwritable(reason: str, done: int, total: int) -> RequestError:
    return RequestError(f"{reason}; {done} of {total} pairs are done and stay, and the same command goes on from there")


def _outcomes(tasks: list[Task], jobs: int) -> Generator[Outcome]:
    """Build pairs one after the other, or several at a time in processes of their own."""
    if jobs == 1 or len(tasks) == 1:
        yield from map(Task.do, tasks)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import active_children, get_context

    others = set(active_children())
    workers = min(jobs, len(tasks), MOST_PROCESSES)
    threads = max(1, (os.cpu_count() or 1) // workers)
    with ProcessPoolExecutor(workers, get_context("spawn"), _prepare_worker, (threads,)) as pool:
        try:
            with _ignored_interrupts():
                waiting = {pool.submit(_work, task): task for task in tasks}
            for done in as_completed(waiting):
                yield _outcome_of(done, waiting[done])
        except BaseException:
            # Whoever interrupts, or has no room left, wants no further pair.
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(active_children()) - others:
                child.terminate()
            raise


@contextmanager
def _ignored_interrupts() -> Iterator[None]:
    """Let workers be born deaf to Ctrl-C, which is for the parent to hear."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _outcome_of(done: Future[Outcome], task: Task) -> Outcome:
    """Take an outcome; where a worker died, its pair and those that waited get a process of their own."""
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
    from multiprocessing import get_context

    try:
        return done.result()
    except BrokenProcessPool:
        pass
    with ProcessPoolExecutor(1, get_context("spawn"), _prepare_worker, (os.cpu_count() or 1,)) as pool:
        try:
            return pool.submit(_work, task).result()
        except BrokenProcessPool:
            reason = f"{task.partners.wide} ended its process, perhaps for want of memory; make the shots smaller first"
            return task.refused_for_now(reason)


def _prepare_worker(threads: int) -> None:
    """Use a share of the cores, leave Ctrl-C to the parent, unwind when it says stop, and end when it is killed."""
    opencv().setNumThreads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))


def _end_with_parent() -> None:
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _work(task: Task) -> Outcome:
    """Build in a worker, which ends once a half-written file is taken away."""
    try:
        return task.do()
    except SystemExit:
        os._exit(1)
