"""Runtime: time a renderer from a whole photo to a whole photo, here or in a process of its own."""

import io
import multiprocessing
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.resources import files
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from wideopen.errors import RequestError, WideopenError
from wideopen.photo import Photo
from wideopen.renderer import Renderer
from wideopen.sample import NAME
from wideopen.score.machine import Load, load_between, machine, moment, needed_psutil, usable_cores
from wideopen.score.timing import Subject, Timing

SIZE_PX = (1536, 1024)
"""The challenge's."""
LEAST_RUNS = 3
"""For a median and a spread."""
WATCH_S = 0.5
"""Least span in which load by others is looked for, before and during the runs."""
SAMPLE_S = 0.01
"""Between two readings of memory."""


def timing_photo(size_px: tuple[int, int] = SIZE_PX) -> Photo:
    """Make the photo that is timed: the bundled sample without its depth, scaled to cover the size and cropped.

    Args:
        size_px: Width and height.

    Raises:
        RequestError: If a side is below 1 px.
    """
    if min(size_px) < 1:
        raise RequestError(f"a photo of {size_px[0]}x{size_px[1]} px cannot be timed; sides begin at 1 px")
    with Image.open(io.BytesIO(files("wideopen").joinpath("data", NAME).read_bytes())) as sample:
        fitted = ImageOps.fit(sample.convert("RGB"), size_px, Image.Resampling.LANCZOS)
    return Photo(pixels=np.asarray(fitted, np.float32) / np.float32(255))


def time_renderer(
    subject: Renderer | Subject,
    *,
    size_px: tuple[int, int] = SIZE_PX,
    threads: int | None = None,
    warm_up: int = 1,
    repeats: int = 5,
    budget_s: float | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Timing:
    """Time a renderer in this process: runs that warm up, then runs that count, and their median.

    Each run gets a photo of its own. What others use of the machine is watched before and during the runs that count.

    Args:
        subject: What is timed.
        size_px: Width and height of the photo.
        threads: For Numba, torch and the scene's network; None leaves the choice to each. Libraries that are loaded
            already keep theirs where they cannot be told.
        warm_up: Runs that do not count; without any the first one that counts is cold.
        repeats: Runs that count.
        budget_s: Once all runs have taken so long, no further one begins, but `LEAST_RUNS` are made in any case.
        clock: Gives seconds.

    Raises:
        RequestError: If settings are out of range, psutil is missing, or the renderer changes the size.
    """
    if not isinstance(subject, Subject):
        subject = Subject(subject)
    _refuse_settings(threads, warm_up, repeats, budget_s)
    if subject.threads is not None and threads not in (None, subject.threads):
        raise RequestError(f"this was built for threads {subject.threads}, and cannot be timed with threads {threads}")
    needed_psutil()
    photo = timing_photo(size_px)
    with limited_threads(threads):
        cold = [_run(subject, photo, clock) for _ in range(warm_up)]
        before, during, runs = _watched_runs(subject, photo, repeats, _left(budget_s, cold), clock)
        levels = subject.error_levels if subject.check is None else subject.check(photo)
    seconds = tuple(whole for whole, _ in runs)
    networks = [network for _, network in runs if network is not None]
    low, median, high = (float(value) for value in np.quantile(seconds, (0.25, 0.5, 0.75)))
    return Timing(
        seconds=seconds,
        median_s=median,
        spread_s=high - low,
        first_s=(cold or runs)[0][0],
        network_s=float(np.median(networks)) if networks else None,
        size_px=(size_px[0], size_px[1]),
        threads=subject.threads if threads is None else threads,
        warm_up=warm_up,
        repeats=len(runs),
        device=machine(subject.device).says(),
        backend=subject.backend,
        precision=subject.precision,
        other_cores_before=before.others_cores,
        other_cores=during.others_cores,
        stolen_cores=max(before.stolen_cores, during.stolen_cores),
        cores=during.cores,
        loaded=before.loaded or during.loaded,
        error_levels=levels,
    )


def time_in_process(
    make: Callable[[], Renderer | Subject],
    *,
    size_px: tuple[int, int] = SIZE_PX,
    threads: int | None = None,
    warm_up: int = 1,
    repeats: int = 5,
    budget_s: float | None = None,
) -> Timing:
    """Time a renderer in a fresh process, so that nothing is loaded or compiled before it.

    Memory is read every 10 ms from outside, where no lock of Python's hides a peak. What the process prints goes to
    standard error.

    Args:
        make: Loads the renderer; a function of a module, or a `functools.partial` of one, that pickle can carry.
        size_px: And the others as `time_renderer` takes them.
        threads: For all libraries, told before they are loaded.
        warm_up: Runs that do not count.
        repeats: Runs that count.
        budget_s: For all runs.

    Raises:
        WideopenError: What `make` or `time_renderer` refuse, or if the process ends early.
    """
    needed_psutil()
    _refuse_settings(threads, warm_up, repeats, budget_s)
    settings = {"size_px": size_px, "threads": threads, "warm_up": warm_up, "repeats": repeats, "budget_s": budget_s}
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    # As bytes, for what it imports is part of loading.
    process = context.Process(target=_work, args=(there, pickle.dumps(make), settings), daemon=True)
    process.start()
    there.close()
    try:
        answer, before_mb, peak_mb = _watched_answer(here, process.pid)
        process.join(5)
    except (EOFError, OSError) as error:
        process.join()
        raise RequestError(
            f"the process that was timed ended with code {process.exitcode} before it answered, perhaps for want of "
            "memory; make the photo smaller"
        ) from error
    finally:
        process.terminate()
        process.join()
        here.close()
    if isinstance(answer, WideopenError):
        raise answer
    return replace(answer, peak_mb=peak_mb - before_mb, peak_absolute_mb=peak_mb)


def _watched_answer(here: Connection, pid: int | None) -> tuple[Any, float, float]:
    """Let a process begin; gives its answer, its memory before and the peak, in MiB."""
    psutil = needed_psutil()
    here.recv()
    watched = psutil.Process(pid)
    before = peak = watched.memory_info().rss
    here.send("begin")
    while not here.poll(SAMPLE_S):
        with suppress(psutil.NoSuchProcess):  # it has just ended
            peak = max(peak, watched.memory_info().rss)
    return here.recv(), before / 2**20, peak / 2**20


@contextmanager
def limited_threads(threads: int | None) -> Iterator[None]:
    """Let Numba, torch (where it is loaded) and the scene's network use so many threads; None leaves them alone.

    Raises:
        RequestError: If there are not so many cores.
    """
    import numba

    from wideopen.scene import network

    if threads is None:
        yield
        return
    most = min(numba.config.NUMBA_NUM_THREADS, usable_cores())
    if threads > most:
        raise RequestError(f"threads are from 1 to {most} here, not {threads}")
    torch: Any = sys.modules.get("torch")
    before = numba.get_num_threads(), torch and torch.get_num_threads()
    _set_threads(numba, torch, (threads, threads))
    network._session.cache_clear()  # it keeps the threads that it began with
    try:
        yield
    finally:
        _set_threads(numba, torch, before)
        network._session.cache_clear()


def _set_threads(numba: Any, torch: Any, threads: tuple[int, int]) -> None:  # noqa: ANN401
    numba.set_num_threads(threads[0])
    if torch is not None:
        torch.set_num_threads(threads[1])


def _watched_runs(
    subject: Subject, photo: Photo, repeats: int, left_s: float, clock: Callable[[], float]
) -> tuple[Load, Load, list[tuple[float, float | None]]]:
    """Run what counts; gives the load before and during."""
    idle = moment()
    time.sleep(WATCH_S)
    begin = moment()
    runs: list[tuple[float, float | None]] = []
    while len(runs) < repeats and (len(runs) < LEAST_RUNS or sum(whole for whole, _ in runs) < left_s):
        runs.append(_run(subject, photo, clock))
    # Ticks are too coarse for a shorter span.
    time.sleep(max(0.0, WATCH_S - (time.perf_counter() - begin.wall_s)))
    end = moment()
    return load_between(idle, begin), load_between(begin, end), runs


def _run(subject: Subject, photo: Photo, clock: Callable[[], float]) -> tuple[float, float | None]:
    """Seconds of one run, and of the network alone."""
    own = replace(photo, pixels=photo.pixels.copy())
    if subject.network_s is not None:
        subject.network_s()
    begin = clock()
    found = subject.renderer(own)
    seconds = clock() - begin
    if found.size != photo.size:
        raise RequestError(
            f"a renderer keeps the size, and this one made {found.size[0]}x{found.size[1]} of "
            f"{photo.size[0]}x{photo.size[1]}; it cannot be timed"
        )
    return seconds, None if subject.network_s is None else subject.network_s()


def _left(budget_s: float | None, cold: list[tuple[float, float | None]]) -> float:
    return float("inf") if budget_s is None else budget_s - sum(whole for whole, _ in cold)


def _refuse_settings(threads: int | None, warm_up: int, repeats: int, budget_s: float | None) -> None:
    if threads is not None and threads < 1:
        raise RequestError(f"threads begin at 1, not at {threads}")
    if warm_up < 0 or repeats < 1:
        raise RequestError(f"timing needs at least 1 run that counts, not {repeats}, behind {warm_up} that do not")
    if budget_s is not None and not budget_s > 0:
        raise RequestError(f"the time for all runs is above 0 s, not {budget_s:g} s")


def _work(connection: Connection, pickled: bytes, settings: dict[str, Any]) -> None:
    """Load, run and answer; in the process that is timed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    os.dup2(2, 1)
    if settings["threads"] is not None:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = str(settings["threads"])
    connection.send("ready")
    connection.recv()
    try:
        begin = time.perf_counter()
        subject = pickle.loads(pickled)()
        load_s = time.perf_counter() - begin
        connection.send(replace(time_renderer(subject, **settings), load_s=load_s))
    except WideopenError as error:
        connection.send(error)
