"""Clean a data set: pairs that would teach the wrong thing are marked, with the reason, and can be had back."""

import html
import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from wideopen.errors import RequestError, WideopenError
from wideopen.pairs.manifest import MANIFEST, Row, write_manifest
from wideopen.pairs.measures import (
    Measures,
    fingerprint,
    load_cv2,
    measure_files,
    measures_in,
    settings_of,
    with_measures,
)
from wideopen.pairs.pair import BOKEH, ORIGINAL, SUFFIXES
from wideopen.pairs.show import data_uri, figure_list, figures_of, thumbnail, write_page
from wideopen.pairs.split import rows_of
from wideopen.photo import read

PAGE = "dropped.html"
CLEANED = "cleaned: "
"""Begins the reason of what cleaning dropped, and of nothing else."""
MOST_THUMBNAILS = 300
_THUMBNAIL_PX = 320


@dataclass(frozen=True)
class Thresholds:
    """How much is too much; None lets all pass.

    The defaults drop what is plainly wrong and no more. They were set on three pairs of EBB!, all kept (colour 2.0 to
    8.3, sharpness 0.78 to 0.98, motion up to 5.9 px and misalignment up to 4.1 px, both by wind), and on 66 pairs of
    refocused light-field photos (sharpness from 0.83, misalignment up to 0.11 px, motion up to 2.9 px).
    """

    most_colour_mismatch_lab: float | None = 10.0
    """About 0.6 f-stops at middle grey: a network would have to guess another exposure."""
    least_sharpness_kept: float | None = 0.6
    """A further blur of 2 px radius took the three pairs of EBB! below: nothing is in focus."""
    most_motion_px: float | None = 10.0
    """Above what wind does to branches: the subject itself stands elsewhere."""
    most_misalignment_px: float | None = 5.0
    """Above what the three pairs show, of which one is blown about; a sound homography leaves under one."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not value >= 0:
                raise RequestError(f"{name} is {value}; give a number from 0, or nothing to let all pass")


@dataclass(frozen=True)
class Dropped:
    """A pair that was dropped."""

    name: str
    reason: str
    measures: Measures | None
    """None where a picture cannot be read or measured."""


@dataclass(frozen=True)
class Cleaning:
    """What cleaning found."""

    judged: int
    """Pairs of the parts asked for that were accepted before, or dropped by an earlier cleaning."""
    dropped: tuple[Dropped, ...]
    page: Path | None
    """Thumbnails of what was dropped; None after a dry run."""


@dataclass(frozen=True)
class _Job:
    name: str
    original: Path
    bokeh: Path
    settings: str


@dataclass(frozen=True)
class _Finding:
    name: str
    measures: Measures | None = None
    of: str = ""
    trouble: str = ""


def clean(
    folder: Path,
    thresholds: Thresholds = Thresholds(),
    *,
    parts: Collection[str] = ("", "train"),
    keep: Collection[str] = (),
    dry_run: bool = False,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Cleaning:
    """Mark pairs whose measures are beyond the thresholds as not accepted, and write ``dropped.html``.

    The manifest gets the reasons and all measures; no picture is touched. What was measured before and has not
    changed is not measured again, also after an interruption. Pairs that an earlier cleaning dropped are judged anew;
    those that something else refused stay as they are.

    Args:
        folder: With pairs; a manifest is made where there is none.
        thresholds: How much is too much.
        parts: Only pairs of these parts are judged, nothing names those without one. What is scored on stays whole
            unless asked, or figures could not be compared with anyone's.
        keep: Names of pairs that are never dropped.
        dry_run: Only tell; nothing is written.
        jobs: Processes that measure at the same time.
        progress: Told how many are measured, of how many.

    Raises:
        RequestError: If the data set is broken or cannot be written, a name to keep is not there, or cv2 is missing.
    """
    load_cv2()
    work = _jobs_of(folder, _judged(folder, parts, keep))
    findings: dict[str, _Finding] = {}
    try:
        for finding in _found(work, jobs):
            findings[finding.name] = finding
            if progress is not None:
                progress(len(findings), len(work))
    except BaseException:
        if not dry_run:
            _write(folder, findings, {})
        raise
    reasons = {name: "" if name in keep else _reason(findings[name], thresholds) for name in findings}
    dropped = tuple(Dropped(name, reason, findings[name].measures) for name, reason in reasons.items() if reason)
    if dry_run:
        return Cleaning(len(work), dropped, None)
    _write(folder, findings, reasons)
    _write_dropped(folder, dropped, {job.name: job for job in work})
    return Cleaning(len(work), dropped, folder / PAGE)


def restore(folder: Path) -> tuple[str, ...]:
    """Accept again what cleaning dropped, and nothing else; measures stay in the manifest.

    Returns:
        The names of these pairs.

    Raises:
        RequestError: If the data set is broken or cannot be written.
    """
    rows = rows_of(folder)
    names = tuple(name for name, row in rows.items() if not row.accepted and row.reason.startswith(CLEANED))
    if names:
        _write(folder, {}, dict.fromkeys(names, ""))
        (folder / PAGE).unlink(missing_ok=True)
    return names


def _judged(folder: Path, parts: Collection[str], keep: Collection[str]) -> dict[str, Row]:
    """Find the pairs that cleaning may judge."""
    rows = rows_of(folder)
    unknown = sorted(set(keep) - rows.keys())
    if unknown:
        raise RequestError(f"{folder} has no pair {unknown[0]} to keep; give names of its pairs")
    free = {name: row for name, row in rows.items() if row.accepted or row.reason.startswith(CLEANED)}
    return {name: row for name, row in free.items() if row.split in parts}


def _jobs_of(folder: Path, rows: dict[str, Row]) -> list[_Job]:
    """Find the pictures of pairs, also of those that are not accepted."""
    sides = []
    for side in (ORIGINAL, BOKEH):
        place = folder / side
        found = sorted(place.iterdir()) if place.is_dir() else []
        sides.append({path.stem: path for path in found if path.suffix.lower() in SUFFIXES})
    missing = [name for name in rows if name not in sides[0] or name not in sides[1]]
    if missing:
        raise RequestError(f"{folder}: the manifest has {missing[0]}, but a picture of it is missing; put it back")
    for name, row in rows.items():
        try:
            settings_of(row.settings)
        except RequestError as error:  # said before an hour of measuring, not after it
            raise RequestError(f"{folder / MANIFEST}: {name}: {error}") from error
    return [_Job(name, sides[0][name], sides[1][name], row.settings) for name, row in rows.items()]


def _found(work: list[_Job], jobs: int) -> Iterator[_Finding]:
    """Measure pairs in their order, several at a time in processes of their own."""
    if jobs <= 1 or len(work) <= 1:
        yield from map(_look, work)
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    with ProcessPoolExecutor(min(jobs, len(work), 61), get_context("spawn"), _prepare_worker) as pool:
        try:
            yield from pool.map(_look, work)
        except BrokenProcessPool as error:
            raise RequestError("a measuring process ended, perhaps for want of memory; use fewer jobs") from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _prepare_worker() -> None:
    """Use one core, and leave Ctrl-C to the parent."""
    load_cv2().setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _look(job: _Job) -> _Finding:
    """Measure a pair, or take what is known of it; a broken picture is a finding too."""
    try:
        of = fingerprint(job.original, job.bokeh)
        known = measures_in(job.settings, of=of)
        return _Finding(job.name, measure_files(job.original, job.bokeh) if known is None else known, of)
    except (WideopenError, OSError) as error:
        return _Finding(job.name, trouble=" ".join(str(error).split()))


def _reason(finding: _Finding, thresholds: Thresholds) -> str:
    """Say what is wrong with a pair; nothing where all is well, or there is nothing to judge by."""
    measures = finding.measures
    if measures is None:
        return f"{CLEANED}cannot be measured ({finding.trouble})"
    wrong = []
    for name, text, unit in (
        ("colour_mismatch_lab", "colours differ by", " in CIELAB"),
        ("motion_px", "parts moved by", " px"),
        ("misalignment_px", "shifted by", " px"),
    ):
        value, most = getattr(measures, name), getattr(thresholds, f"most_{name}")
        if value is not None and most is not None and value > most:
            wrong.append(f"{text} {value:.3g}{unit}, more than {most:g}")
    kept, least = measures.sharpness_kept, thresholds.least_sharpness_kept
    if kept is not None and least is not None and kept < least:
        wrong.append(f"nothing in focus, at best {kept:.2g} of the detail is kept, less than {least:g}")
    return CLEANED + "; ".join(wrong) if wrong else ""


def _write(folder: Path, findings: dict[str, _Finding], reasons: dict[str, str]) -> None:
    """Put measures and verdicts into the manifest as it is now, which may have changed since it was read."""
    rows = rows_of(folder)
    for name, finding in findings.items():
        if name in rows and finding.measures is not None:
            settings = with_measures(rows[name].settings, finding.measures, of=finding.of)
            rows[name] = replace(rows[name], settings=settings)
    for name, reason in reasons.items():
        if name in rows and (rows[name].accepted or rows[name].reason.startswith(CLEANED)):
            rows[name] = replace(rows[name], accepted=not reason, reason=reason)
    with _writable(folder / MANIFEST):
        write_manifest(folder / MANIFEST, rows.values())


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RequestError(f"cannot write {path} ({error.strerror or error}); make its folder writable") from error


def _write_dropped(folder: Path, dropped: tuple[Dropped, ...], work: dict[str, _Job]) -> None:
    """Write the page of what was dropped, with its pictures inside."""
    title = f"Dropped from {folder.resolve().name}"
    shown = dropped[:MOST_THUMBNAILS]
    text = f"{len(dropped)} of {len(work)} pairs were dropped. No picture was deleted; restoring accepts them again."
    if len(shown) < len(dropped):
        text += f" The first {len(shown)} are shown with their pictures."
    articles = [_article(pair, work[pair.name] if number < len(shown) else None) for number, pair in enumerate(dropped)]
    lines = [f"<header>\n<h1>{html.escape(title)}</h1>\n<p>{text}</p>\n</header>", "<main>", *articles, "</main>"]
    with _writable(folder / PAGE):
        write_page(folder / PAGE, title, "\n".join(lines))


def _article(pair: Dropped, job: _Job | None) -> str:
    name, reason = html.escape(pair.name), html.escape(pair.reason.removeprefix(CLEANED))
    pictures = ""
    for kind, path in (("original", job.original), ("bokeh", job.bokeh)) if job is not None else ():
        try:
            source = data_uri(thumbnail(read(path).pixels, side_px=_THUMBNAIL_PX))
        except WideopenError:
            continue  # the reason says so
        pictures += f'<img src="{source}" alt="{name}, {kind}" loading="lazy">'
    figures = figure_list(figures_of(pair.measures)) if pair.measures is not None else ""
    return (
        f'<article><h2>{name}</h2><p class="trouble">{reason}</p><div class="two">{pictures}</div>{figures}</article>'
    )
