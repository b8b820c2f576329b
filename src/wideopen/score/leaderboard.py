"""The leaderboard: Scores in the order of the challenge, and what of them does not compare."""

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Literal

from wideopen.errors import RequestError
from wideopen.score.score import Score, read_score

Direction = Literal["ascending", "descending"]
COLUMNS: Mapping[str, Direction] = {
    "mos": "descending",
    "psnr_db": "descending",
    "ssim": "descending",
    "runtime_s": "ascending",
}
"""Figures that every table shows, with the direction that has the best first."""
OTHER_DIRECTIONS: Mapping[str, Direction] = {"lpips": "ascending", "first_s": "ascending", "network_s": "ascending"}
"""Of keys of `Score.others`; all that are not here have the highest first."""


@dataclass(frozen=True)
class Row:
    """One line of a leaderboard."""

    rank: int | None
    """Among the rows of its track; None where the row is out of the ranking, or has no figure to rank by."""
    tied: bool
    """Whether another row has this rank too."""
    score: Score
    overlaps_next: bool = False
    """Whether the 95 % interval of its mean opinion score overlaps that of the row of the next place."""


def ranked(scores: Iterable[Score], *, by: str = "mos", track: str | None = None) -> tuple[Row, ...]:
    """Order Scores as the challenge did: within a track, by mean opinion score, the highest first.

    Equal figures share the better rank and leave out those after it (1, 2, 2, 4); they stay in the order in which they
    came. Rows without the figure come after, then those that are out of the ranking; both have no rank. Tracks follow
    one another in the order of their first rows.

    Args:
        scores: Of any tracks.
        by: A name of `COLUMNS`, or a key of `Score.others`.
        track: Keep only this one.

    Raises:
        RequestError: If no Score has such a figure, or is of that track.
    """
    given = list(scores)
    tracks = list(dict.fromkeys(score.track for score in given))
    if track is not None:
        if given and track not in tracks:
            raise RequestError(f"no score is of the track '{track}'; there {_are(tracks)}")
        given = [score for score in given if score.track == track]
    known = sorted({key for score in given for key in score.others})
    if by not in COLUMNS and by not in known:
        names = [*COLUMNS, *known]
        near = difflib.get_close_matches(by, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there {_are(names)}"
        raise RequestError(f"no score has a figure '{by}' to rank by; {hint}")
    return tuple(row for each in tracks for row in _placed([one for one in given if one.track == each], by))


def direction_of(by: str) -> Direction:
    """Tell which end of a figure is the best."""
    return COLUMNS.get(by) or OTHER_DIRECTIONS.get(by, "descending")


def figure_of(score: Score, by: str) -> float | None:
    """Look up a figure by its name in `COLUMNS` or its key in `Score.others`; None where it is unknown."""
    value: Any = getattr(score, by) if by in COLUMNS else score.others.get(by)
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return float(value)


def joined(scores: Iterable[Score]) -> list[Score]:
    """Put a runtime that was measured on its own beside the quality of the same contestant.

    The same is what has the same solution, track, checkpoint and settings. A runtime that fits no row, or only rows
    that have one, stays a row of its own. A note says where and how the runtime was measured.
    """
    rows: list[Score | None] = list(scores)
    for at, runtime in enumerate(rows):
        if runtime is None or not _is_only_runtime(runtime):
            continue
        fitting = [
            number
            for number, row in enumerate(rows)
            if row is not None and row.runtime_s is None and not _is_empty(row) and _contestant(row, runtime)
        ]
        for number in fitting:
            rows[number] = _with_runtime(rows[number], runtime)  # type: ignore[arg-type]
        if fitting:
            rows[at] = None
    return [row for row in rows if row is not None]


def runtime_device(score: Score) -> str:
    """Name the machine that `Score.runtime_s` is of."""
    return str(score.timing.get("device") or score.device)


def warnings_of(scores: Iterable[Score]) -> tuple[str, ...]:
    """Say what of these rows must not be compared: one line for each kind of mixture."""
    given = list(scores)
    quality = [score for score in given if score.psnr_db is not None or score.ssim is not None]
    lines = []
    if len({score.origin for score in given}) > 1:
        lines.append(
            "published rows stand beside measured ones; they were not measured on the same pictures, by the same "
            "people or on the same machines"
        )
    lines += _mixture(quality, lambda score: score.protocol, "PSNR and SSIM are by different protocols")
    lines += _mixture(quality, _data, "figures are of different pictures")
    timed = [score for score in given if score.runtime_s is not None]
    for track in dict.fromkeys(score.track for score in timed):
        of_track = [score for score in timed if score.track == track]
        lines += _mixture(of_track, runtime_device, f"runtimes of the track {track} are of different devices")
    sized = [score for score in timed if score.timing.get("size_px")]
    lines += _mixture(sized, _size, "runtimes are for photos of different sizes")
    loaded = list(dict.fromkeys(score.solution for score in timed if score.timing.get("loaded") is True))
    if loaded:
        lines.append(f"others used the machine while runtimes were measured: {_listed(loaded)}")
    return tuple(lines)


def collect(paths: Iterable[Path]) -> list[Score]:
    """Read Score files, and all that lie in folders, in the order of their names.

    A file that is named twice counts once. `Score.pictures` becomes a path that can be opened from here.

    Raises:
        RequestError: If one of them cannot be read or is no Score, or a folder has none.
    """
    files: dict[Path, Path] = {}
    for path in paths:
        for file in _files_of(path):
            files.setdefault(file.resolve(), file)
    return [_read(file) for file in files.values()]


def _files_of(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.glob("*.json") if file.is_file() and not file.name.startswith("."))
    if not found:
        raise RequestError(f"{path} holds no score (no .json file); give a folder that `wideopen score -o` wrote into")
    return found


def _read(file: Path) -> Score:
    try:
        score = read_score(file)
    except (TypeError, ValueError, RecursionError) as error:
        raise RequestError(f"{file} holds no Score that can be used: {' '.join(str(error).split())}") from error
    if not score.pictures:
        return score
    parts = {*PurePosixPath(score.pictures).parts, *PureWindowsPath(score.pictures).parts}
    if ".." in parts or PurePosixPath(score.pictures).is_absolute() or PureWindowsPath(score.pictures).anchor:
        raise RequestError(f"{file} says that its pictures are in {score.pictures!r}; they belong beside it")
    return replace(score, pictures=str(file.parent / score.pictures))


def _placed(scores: list[Score], by: str) -> list[Row]:
    """Order the Scores of one track."""
    sign = -1 if direction_of(by) == "descending" else 1
    keyed = [(sign * value, score) for score in scores if (value := _ranking_figure(score, by)) is not None]
    keyed.sort(key=lambda one: one[0])
    keys = [key for key, _ in keyed]
    rows = [
        Row(
            rank=1 + keys.index(key),
            tied=keys.count(key) > 1,
            score=score,
            overlaps_next=by == "mos" and at + 1 < len(keyed) and _overlap(score, keyed[at + 1][1]),
        )
        for at, (key, score) in enumerate(keyed)
    ]
    rest = [score for score in scores if _ranking_figure(score, by) is None]
    rest.sort(key=lambda score: bool(score.unranked))
    return rows + [Row(rank=None, tied=False, score=score) for score in rest]


def _ranking_figure(score: Score, by: str) -> float | None:
    return None if score.unranked else figure_of(score, by)


def _overlap(one: Score, other: Score) -> bool:
    if one.mos_interval is None or other.mos_interval is None:
        return False
    return one.mos_interval[0] <= other.mos_interval[1] and other.mos_interval[0] <= one.mos_interval[1]


def _is_empty(score: Score) -> bool:
    """Whether it says nothing of quality."""
    return score.psnr_db is None and score.ssim is None and score.mos is None


def _is_only_runtime(score: Score) -> bool:
    return _is_empty(score) and score.runtime_s is not None


def _contestant(one: Score, other: Score) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in _CONTESTANT)


_CONTESTANT = ("solution", "track", "checkpoint", "settings", "origin")


def _with_runtime(quality: Score, runtime: Score) -> Score:
    how = f"runtime measured on {runtime.device}, {runtime.date}, by `{runtime.command}`"
    note = how if runtime.origin == "measured" else f"runtime: {runtime.source}"
    return replace(
        quality,
        runtime_s=runtime.runtime_s,
        timing={"device": runtime.device, **runtime.timing},
        others={**runtime.others, **quality.others},
        notes=tuple(dict.fromkeys((*quality.notes, *runtime.notes, note))),
    )


def _mixture(scores: list[Score], kind: Callable[[Score], str], says: str) -> list[str]:
    """Make a line where there is more than one kind."""
    kinds = [kind(score) for score in scores]
    counts = {each: kinds.count(each) for each in dict.fromkeys(kinds)}
    if len(counts) < 2:
        return []
    named = [f"{each or 'unknown'} ({count} row{'s' if count > 1 else ''})" for each, count in counts.items()]
    return [f"{says} and do not compare: {_listed(named)}"]


def _data(score: Score) -> str:
    """Name the pictures; two sets are the same where their SHA-256 is."""
    name = " ".join(str(score.data[key]) for key in ("name", "split") if score.data.get(key))
    digest = str(score.data.get("sha256") or "")[:8]
    count = "" if score.images is None else f", {score.images} pictures"
    return f"{name or ('unnamed' if digest else 'unknown')}{digest and f' {digest}'}{count}"


def _size(score: Score) -> str:
    size = score.timing["size_px"]
    return "x".join(map(str, size)) if isinstance(size, list | tuple) else str(size)


def _listed(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _are(names: Sequence[str]) -> str:
    return f"{'is' if len(names) == 1 else 'are'} {_listed(names, 8)}"
