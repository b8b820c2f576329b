"""Batch: many photos through one renderer, each with its own fate."""

import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from wideopen.engine import Done, Engine, Local, Lost
from wideopen.engine.worker import node
from wideopen.errors import PhotoError, PhotoExistsError, RequestError, WideopenError
from wideopen.interrupts import deferred
from wideopen.photo import Photo, read, write
from wideopen.photo.write import SUFFIXES
from wideopen.renderer import Renderer
from wideopen.renderer.lens import LensRenderer

READABLE = (*SUFFIXES, ".gif", ".hif", ".jpe", ".mpo")
HERE = Local()


@dataclass(frozen=True)
class Job:
    """One photo to render, and where the result goes."""

    photo: Path
    output: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a job: a record of figures, or an error of one line."""

    job: Job
    record: dict[str, Any] | None = None
    error: str | None = None


def plan(photos: Sequence[Path], output: Path | None, *, sources: Sequence[Path] = ()) -> list[Job]:
    """Find the photos and name the results.

    Folders stand for the photos directly in them, results of earlier runs left out. Without `output`
    the result lies beside its photo as ``NAME.bokeh.EXT``. One photo's `output` is a file if it has the
    suffix of a picture, else a folder; results in a folder keep their photo's name.

    Raises:
        PhotoError: If a folder has no photo.
        RequestError: If several photos share one output, its format is not written, or it is one of the
            `sources` (depth map, iris) that rendering reads.
    """
    found: list[Path] = []
    for path in photos:
        found.extend(_photos_in(path) if is_folder(path) else [path])
    found = list({path.absolute(): path for path in found}.values())
    single = len(photos) == 1 and not is_folder(photos[0])
    to_file = output is not None and output.suffix != "" and not is_folder(output)
    if output is not None and to_file and not single:
        raise RequestError(f"{output} is a file, but {len(found)} photos are to be rendered; give a folder with -o")
    if output is not None and to_file and output.suffix.lower() not in SUFFIXES:
        raise RequestError(f"{output} is no format that is written; use {' '.join(SUFFIXES)}, or a folder that exists")
    if output is None:
        jobs = [Job(path, path.with_name(f"{path.stem}.bokeh{_suffix(path)}")) for path in found]
    elif to_file:
        jobs = [Job(found[0], output)]
    else:
        jobs = [Job(path, output / _name(path)) for path in found]
    _refuse_clashes(jobs)
    for job in jobs:
        for source in sources:
            refuse_original(source, job.output)
    return jobs


def _photos_in(folder: Path) -> list[Path]:
    try:
        photos = sorted(path for path in folder.iterdir() if _is_photo(path))
    except OSError as error:
        raise PhotoError(f"{folder} cannot be listed ({error.strerror}); make it readable") from error
    if not photos:
        raise PhotoError(f"{folder} holds no photo; photos end in {' '.join(READABLE)}")
    return photos


def _is_photo(path: Path) -> bool:
    """Whether a folder's entry is a photo by its name, and neither hidden nor a result of an earlier run."""
    named = path.suffix.lower() in READABLE and not path.name.startswith(".") and not path.stem.endswith(".bokeh")
    return named and not is_folder(path)


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; one that cannot even be asked about is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _name(path: Path) -> str:
    """The photo's own name, unless its format is not written: then it could be another photo's."""
    return path.name if path.suffix.lower() in SUFFIXES else f"{path.stem}.bokeh{_suffix(path)}"


def _suffix(path: Path) -> str:
    """The photo's own suffix where that format is written, PNG for the rest."""
    return path.suffix if path.suffix.lower() in SUFFIXES else ".png"


def _refuse_clashes(jobs: Sequence[Job]) -> None:
    taken: dict[str, Path] = {}
    for job in jobs:
        # Many file systems take A.jpg and a.jpg for one.
        target = str(job.output.absolute()).casefold()
        if target in taken:
            raise RequestError(f"{taken[target]} and {job.photo} would both become {job.output}; render them apart")
        taken[target] = job.photo


def run(
    jobs: Sequence[Job], renderer: Renderer, *, name: str, overwrite: bool, engine: Engine = HERE
) -> Generator[Outcome]:
    """Render photos by an engine; outcomes come as they are done.

    One photo uses all cores already; several at a time help where reading and writing take long, and need
    memory for each.

    Raises:
        RequestError: At once, if the engine cannot work here.
    """
    return _told(jobs, engine.map(_Work(renderer, name, overwrite, engine.remote), jobs), engine.remote)


def _told(
    jobs: Sequence[Job], results: Generator[tuple[int, Done[Outcome] | Lost]], remote: bool
) -> Generator[Outcome]:
    """Say of each result what became of its job."""
    with closing(results):
        for index, result in results:
            yield _outcome_of(jobs[index], result, remote)


def _outcome_of(job: Job, result: Done[Outcome] | Lost, remote: bool) -> Outcome:
    if isinstance(result, Lost):
        return Outcome(job, error=f"{job.photo} ended its process, perhaps for want of memory; make it smaller first")
    record = result.value.record
    if remote and record is not None and not _arrived(job.output):
        return Outcome(job, error=f"{job.output} was written on {record['node']} and is not here; {_SHARE}")
    return result.value


_SHARE = "give photos and output in folders that all nodes share"


def _arrived(path: Path) -> bool:
    """Whether a file that another machine wrote is here; network file systems look again when a folder is listed."""
    if path.exists():
        return True
    try:
        return path in list(path.parent.iterdir())
    except OSError:
        return False


@dataclass(frozen=True)
class _Work:
    """What an engine does with a job."""

    renderer: Renderer
    name: str
    overwrite: bool
    remote: bool

    def __call__(self, job: Job) -> Outcome:
        """Render one photo; on another machine, say which."""
        if not self.remote:
            return render_one(job, self.renderer, self.name, self.overwrite)
        if not os.path.lexists(job.photo):
            return Outcome(job, error=f"{job.photo} is not seen by {node()}; {_SHARE}")
        outcome = render_one(job, self.renderer, self.name, self.overwrite)
        return outcome if outcome.record is None else replace(outcome, record={**outcome.record, "node": node()})


def render_one(
    job: Job,
    renderer: Renderer,
    name: str,
    overwrite: bool,
    *,
    quality: int = 95,
    tell: Callable[[str, float], None] | None = None,
) -> Outcome:
    """Read, render and write one photo.

    Args:
        job: The photo and its place.
        renderer: What renders it.
        name: Of the renderer, for the record.
        overwrite: Whether a file that is there already is replaced.
        quality: As `wideopen.photo.write` takes it.
        tell: Told each of `STEPS` as it begins, and how much of it is done, from 0 to 1.
    """
    try:
        return Outcome(job, record=_render(job, renderer, name, overwrite, quality, tell or _silent))
    except WideopenError as error:
        return Outcome(job, error=str(error))
    except MemoryError:
        return Outcome(job, error=f"{job.photo} needs more memory than there is; make it smaller first")
    except OSError as error:
        return Outcome(job, error=f"{job.photo}: {error.strerror or error}")
    except Exception as error:  # A fault of ours in one photo must not cost the others.
        return Outcome(job, error=f"{job.photo} met a fault in wideopen, please report it: {error!r}")


def refuse_original(photo: Path, output: Path) -> None:
    """Refuse an output that is the photo itself, also by another name.

    Raises:
        PhotoError: If it is.
    """
    try:
        same = output.exists() and photo.exists() and output.samefile(photo)
    except OSError:
        same = False
    if same:
        raise PhotoError(f"{output} is the photo itself, or read to render it, and never overwritten; choose another")


STEPS = ("read", "scene", "render", "write")


def _silent(step: str, share: float) -> None:
    """Tell nobody."""


def _render(
    job: Job, renderer: Renderer, name: str, overwrite: bool, quality: int, tell: Callable[[str, float], None]
) -> dict[str, Any]:
    refuse_original(job.photo, job.output)
    if job.output.exists() and not overwrite:
        raise PhotoExistsError(f"{job.output} is there already; choose another name or allow --overwrite")
    clock = [time.perf_counter()]
    tell("read", 0)
    photo = read(job.photo)
    clock.append(time.perf_counter())
    tell("scene", 0)
    with deferred():
        photo, facts = _draw(photo, renderer, clock, tell)
    tell("write", 0)
    clock.append(time.perf_counter())
    try:
        job.output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PhotoError(f"{job.output} cannot be written ({error.strerror}); choose another place") from error
    write(photo, job.output, overwrite=overwrite, quality=quality)
    clock.append(time.perf_counter())
    return {
        "input": str(job.photo),
        "output": str(job.output),
        "width": photo.size[0],
        "height": photo.size[1],
        "renderer": name,
        **facts,
        "seconds": {step: round(b - a, 3) for step, a, b in zip(STEPS, clock, clock[1:], strict=False)},
    }


def _draw(
    photo: Photo, renderer: Renderer, clock: list[float], tell: Callable[[str, float], None]
) -> tuple[Photo, dict[str, Any]]:
    """Render a photo, and note what it was rendered by and when its scene was known."""
    facts: dict[str, Any] = {
        "depth_origin": None, "depth_metric": None, "focus_dioptres": None, "max_radius_px": None
    }  # fmt: skip
    if not isinstance(renderer, LensRenderer):
        clock.append(time.perf_counter())
        tell("render", 0)
        return renderer(photo), facts
    scene = renderer.look(photo)
    clock.append(time.perf_counter())
    tell("render", 0)
    defocus = renderer.defocus(photo, scene)
    focus = renderer.focus_dioptres(photo, scene) if scene.depth.metric else None
    facts = {
        "depth_origin": scene.depth.origin,
        "depth_metric": scene.depth.metric,
        "focus_dioptres": None if focus is None else round(focus, 4),
        "max_radius_px": round(float(max(defocus.radius_px.max(), -defocus.radius_px.min())), 2),
    }
    # A large photo's pictures together are more than some computers hold: each goes when it has served.
    del scene
    return renderer.draw(photo, defocus, progress=partial(tell, "render")), facts
