"""What a command tells: progress, a line per photo, a summary, or JSON."""

import json
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click
import numpy as np
from numba.core import event

from wideopen.batch import Outcome, refuse_original
from wideopen.errors import RequestError
from wideopen.photo import Photo, read
from wideopen.photo.write import refuse_place
from wideopen.scene import look
from wideopen.scene.mapfile import Kind, write_depth, write_matte
from wideopen.scene.mapfile import view as draw_view
from wideopen.scene.matte import fit_matte, view_matte

if TYPE_CHECKING:
    from rich.progress import Progress


class _Announcement(event.Listener):  # type: ignore[misc]
    """Says once why the very first photo takes longer."""

    def __init__(self) -> None:
        self._said = False

    def on_start(self, event: event.Event) -> None:
        """Speak when something is compiled and not found in Numba's cache."""
        if not self._said:
            self._said = True
            click.echo("compiling the renderer for this machine; only the first run does this (20 to 40 s)", err=True)

    def on_end(self, event: event.Event) -> None:
        """Stay silent."""


class Report:
    """Tells of outcomes as they come: results on standard output, progress and errors on standard error."""

    def __init__(self, total: int, *, as_json: bool) -> None:
        self.failed = 0
        self._done = 0
        self._total = total
        self._as_json = as_json
        self._start = time.perf_counter()
        self._announcement = _Announcement() if sys.stderr.isatty() else None
        self._progress = _progress_bar(total) if total > 1 and sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._announcement is not None:
            event.register("numba:compile", self._announcement)
        if self._progress is not None:
            self._progress.start()
        return self

    def add(self, outcome: Outcome) -> None:
        """Tell of one photo."""
        self._done += 1
        if self._progress is not None:
            self._progress.advance(self._progress.task_ids[0])
        if outcome.error is not None:
            self.failed += 1
            click.echo(f"wideopen: {' '.join(outcome.error.split())}", err=True)
        if self._as_json:
            record = outcome.record or {"input": str(outcome.job.photo), "error": outcome.error}
            print_line(json.dumps(record))
        elif outcome.record is not None:
            print_line(_line(outcome.record))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
        if self._announcement is not None:
            event.unregister("numba:compile", self._announcement)
        if self._total > 1:
            seconds = time.perf_counter() - self._start
            fate = f", {self.failed} failed" if self.failed else ""
            click.echo(f"{self._done - self.failed} of {self._total} rendered in {seconds:.1f} s{fate}", err=True)


def _progress_bar(total: int) -> "Progress":
    """Make a bar on standard error that is gone in the end; one photo needs none, and its library is slow to load."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("rendering"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar.add_task("rendering", total=total)
    return bar


def _line(record: dict[str, Any]) -> str:
    seconds = sum(record["seconds"].values())
    if record["depth_origin"] is None:
        return f"{record['input']} -> {record['output']} ({seconds:.1f} s)"
    return (
        f"{record['input']} -> {record['output']} "
        f"(depth: {record['depth_origin']}; blur up to {record['max_radius_px']:.0f} px; {seconds:.1f} s)"
    )


def print_line(text: str) -> None:
    """Print a line of results, at once."""
    click.echo(text)


def print_depth(record: dict[str, Any]) -> None:
    """Print what `describe_depth` found, for people."""
    if record["show"] == "matte":
        print_line(f"{record['input']}: the subject covers {100 * record['subject_share']:.1f} % of the frame")
    unit = "dioptres" if record["depth_metric"] else "dioptres up to scale and shift"
    print_line(
        f"{record['input']}: depth from {record['depth_origin']}, {record['width']}x{record['height']}, "
        f"far {record['far_dioptres']:.3g}, near {record['near_dioptres']:.3g} {unit}"
    )
    for key in ("output", "view"):
        if record[key] is not None:
            print_line(f"saved {record[key]}")


def describe_depth(
    path: Path, *, output: Path | None, view: Path | None, show: str, depth: str, depth_kind: Kind, overwrite: bool
) -> dict[str, Any]:
    """Find the depth and the subject of a photo, save what was asked for, and describe it.

    Args:
        path: Of the photo.
        output: Where a map goes.
        view: Where a picture of it goes.
        show: Of which: ``depth`` or ``matte``.
        depth: Where depth comes from.
        depth_kind: What the numbers of a depth file mean.
        overwrite: Whether files that are there may be replaced.
    """
    for target in (output, view):
        if target is not None:
            refuse_original(path, target)
            refuse_original(Path(depth), target)
            refuse_place(target, overwrite=overwrite)
    if output is not None and output == view:
        raise RequestError(f"the map and the picture of it would both become {output}; name two files")
    photo = read(path)
    scene = look(photo, depth=depth, kind=depth_kind)
    if show == "matte":
        matte = fit_matte(scene.matte, photo.pixels)
        picture = None if view is None else view_matte(matte, photo.pixels)
    else:
        matte = None
        picture = None if view is None else draw_view(scene.depth)
    del photo  # which may be larger than all that follows
    if output is not None and matte is not None:
        write_matte(matte, output, overwrite=overwrite)
    elif output is not None:
        write_depth(scene.depth, output, overwrite=overwrite)
    if view is not None and picture is not None:
        pixels = np.divide(picture, np.float32(255), dtype=np.float32)
        Photo(pixels=pixels, format="PNG").save(view, overwrite=overwrite)
    return {
        "show": show,
        "subject_share": round(float(scene.matte.mean()), 4),
        "input": str(path),
        "output": None if output is None else str(output),
        "view": None if view is None else str(view),
        "depth_origin": scene.depth.origin,
        "depth_metric": scene.depth.metric,
        "width": scene.depth.size[0],
        "height": scene.depth.size[1],
        "near_dioptres": round(float(scene.depth.dioptres.max()), 5),
        "far_dioptres": round(float(scene.depth.dioptres.min()), 5),
    }
