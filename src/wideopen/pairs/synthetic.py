"""Synthetic pairs: sharp photos, or figures before a background, taken anew by the project's own lens."""

import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from wideopen.errors import PhotoError, RequestError, WideopenError
from wideopen.interrupts import deferred
from wideopen.pairs.manifest import MANIFEST, Row, line, read_manifest, write_manifest
from wideopen.pairs.pair import BOKEH, DEPTH, MATTE, ORIGINAL
from wideopen.pairs.ranges import Ranges
from wideopen.pairs.shot import QUALITY, Found, Pictures, Placement, Seen, Shot, see
from wideopen.photo import Photo, read
from wideopen.photo.write import SUFFIXES, write_whole
from wideopen.scene.mapfile import read_depth, write_depth, write_matte
from wideopen.scene.scene import DepthKind

_MAP_SUFFIXES = (*SUFFIXES, ".npy", ".exr", ".pfm")
_MOST_PROCESSES = 61  # Windows waits for no more.


@dataclass(frozen=True)
class Photos:
    """Sharp photos, and where their depth comes from."""

    photos: Sequence[Path]
    """Files; a folder stands for the photos directly in it."""
    depth: str | Path = "auto"
    """A folder with a map of each photo's name, or what `wideopen.scene.look` takes."""
    depth_kind: DepthKind = "disparity"
    """What the numbers of the maps mean."""


@dataclass(frozen=True)
class Cutouts:
    """Figures to be stood before backgrounds, two planes whose depth is exact."""

    figures: Sequence[Path]
    """Pictures with opacity, or photos with `masks`; a folder stands for those directly in it."""
    backgrounds: Sequence[Path]
    """Sharp photos. Each pair takes the one that its name and the seed rank first, so that a further
    background changes only the pairs that take it."""
    masks: Path | None = None
    """Folder with a mask of each figure's name, white where the figure is."""


@dataclass(frozen=True)
class Summary:
    """What became of a run."""

    made: int
    kept: int
    """Pairs that were there already."""
    refused: int
    manifest: Path


@dataclass(frozen=True)
class _Pair:
    """One pair to be made."""

    name: str
    source: Path
    sha256: str
    """Of the source; nothing where it cannot be read."""
    stated: dict[str, Any]
    """All that decides its pictures, as it stands in the manifest."""
    files: dict[str, Path]
    """What is read beside the source: ``depth``, or ``background`` and ``mask``."""

    @property
    def shot(self) -> Shot:
        return Shot.of(self.stated["shot"])


def synthesise(
    sources: Photos | Cutouts,
    out: Path,
    ranges: Ranges,
    *,
    seed: int = 0,
    jobs: int = 1,
    tell: Callable[[str], None] = print,
) -> Summary:
    """Make pairs: ``original/NAME.jpg``, ``bokeh/NAME.jpg``, ``depth/NAME.png``, of cut-outs ``matte/NAME.png``.

    A pair's numbers depend only on the seed, the name of its source's file and the view, so that further
    photos change no other pair. One that is there already, of the same source and settings, is not made
    again. What cannot be read becomes a refused row of the manifest, and the rest is made.

    Args:
        sources: What the pairs are made of.
        out: Folder of the data set; a new one, or one that was made here.
        ranges: What f-number, focus, blur and iris are drawn from.
        seed: Of all random numbers, 0 or more.
        jobs: How many processes work; the bytes are the same.
        tell: Told one line per pair.

    Raises:
        RequestError: If there are no sources, two would have one name, or the folder holds other pictures.
    """
    if seed < 0 or jobs < 1:
        raise RequestError(f"seed is {seed} and jobs {jobs}; a seed is 0 or more, and jobs are 1 or more")
    before = _rows_before(out)
    pairs = _plan(sources, ranges, seed)
    _refuse_sources_inside(pairs, out)
    kept = {pair.name for pair in pairs if _is_done(pair, before.get(pair.name), out)}
    work: dict[Path, list[_Pair]] = {}
    for pair in pairs:
        if pair.name not in kept:
            work.setdefault(pair.source, []).append(pair)
    again = {pair.name for group in work.values() for pair in group}
    rows = {name: row for name, row in before.items() if name not in again}
    for folder in (ORIGINAL, BOKEH, DEPTH, MATTE) if isinstance(sources, Cutouts) else (ORIGINAL, BOKEH, DEPTH):
        (out / folder).mkdir(parents=True, exist_ok=True)
    manifest = out / MANIFEST
    write_manifest(manifest, rows.values())
    made = 0
    with manifest.open("a", encoding="utf-8") as lines:
        for row in _produce(list(work.values()), out, jobs):
            split = before[row.name].split if row.name in before else ""
            rows[row.name] = replace(row, split=split)
            lines.write(line(rows[row.name]))
            lines.flush()
            made += row.accepted
            tell(f"{row.name}: {'made' if row.accepted else 'refused, ' + row.reason}")
    write_manifest(manifest, (rows[name] for name in sorted(rows)))
    return Summary(made=made, kept=len(kept), refused=len(again) - made, manifest=manifest)


def render_again(folder: Path, row: Row, *, sources: Cutouts | None = None) -> Photo:
    """Render the bokeh picture of a pair from its row; saved with `QUALITY`, it has the same bytes.

    Args:
        folder: Of the data set.
        row: Of its manifest, accepted.
        sources: The figures and backgrounds, of which a data set of cut-outs does not keep all that is needed.

    Raises:
        RequestError: If the row was not made here, or a source is missing.
    """
    record = _record(row) or {}
    try:
        shot, found = Shot.of(record["shot"]), Found(**record["found"])
    except (KeyError, TypeError):
        raise RequestError(f"{row.name} has no settings of a synthetic pair in {folder / MANIFEST}; make it") from None
    if "placement" not in record:
        depth = found.depth(read_depth(folder / DEPTH / f"{row.name}.png"))
        return shot.render(read(folder / ORIGINAL / f"{row.name}.jpg"), depth, found)
    if sources is None:
        raise RequestError(f"{row.name} is a cut-out before a background; give the sources that it was made from")
    there = {path.name: path for path in [*_files(sources.figures), *_files(sources.backgrounds)]}
    missing = next((name for name in (row.wide, record["background"]) if name not in there), None)
    if missing is not None:
        raise RequestError(f"{row.name} was made from {missing}, which the sources lack; give its folder")
    figure = there[row.wide]
    files = {"background": there[record["background"]], **_mask_of(sources, figure)}
    return _paste(_Pair(row.name, figure, row.wide_sha256, record, files)).bokeh


def _rows_before(out: Path) -> dict[str, Row]:
    """Read what an earlier run left; pictures of other origin are never written over.

    Raises:
        RequestError: If there are any.
    """
    manifest = out / MANIFEST
    if manifest.exists():
        rows = read_manifest(manifest)
        other = next((row.name for row in rows.values() if _record(row) is None), None)
        if other is None:
            return rows
        raise RequestError(f"{out} holds pairs that are not synthetic, {other} is one; choose another folder")
    if any((out / folder).is_dir() and any((out / folder).iterdir()) for folder in (ORIGINAL, BOKEH, DEPTH, MATTE)):
        raise RequestError(f"{out} holds pictures that were not made here; choose another folder")
    return {}


def _record(row: Row) -> dict[str, Any] | None:
    """The settings of a synthetic pair, or None."""
    try:
        record = json.loads(row.settings)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "shot" in record else None


def _is_done(pair: _Pair, row: Row | None, out: Path) -> bool:
    if row is None or not pair.sha256 or row.wide_sha256 != pair.sha256:
        return False
    record = _record(row) or {}
    files = [out / ORIGINAL / f"{pair.name}.jpg", out / BOKEH / f"{pair.name}.jpg", out / DEPTH / f"{pair.name}.png"]
    if "placement" in pair.stated:
        files.append(out / MATTE / f"{pair.name}.png")
    same = {key: value for key, value in record.items() if key != "found"} == pair.stated
    return "found" in record and same and all(path.exists() for path in files)


def _plan(sources: Photos | Cutouts, ranges: Ranges, seed: int) -> list[_Pair]:
    """Name all pairs and draw their settings."""
    files = _files(sources.photos if isinstance(sources, Photos) else sources.figures)
    backgrounds = [] if isinstance(sources, Photos) else _files(sources.backgrounds)
    sums: dict[Path, str] = {}
    taken: dict[str, Path] = {}
    pairs = []
    for path in files:
        for view in range(ranges.views):
            name = path.stem if view == 0 else f"{path.stem}-{view + 1}"
            # Many file systems take A.jpg and a.jpg for one.
            if name.casefold() in taken:
                raise RequestError(f"{taken[name.casefold()]} and {path} would both become {name}; rename one")
            taken[name.casefold()] = path
            shot = ranges.shot(seed=seed, source=path.name, view=view)
            stated: dict[str, Any] = {"shot": shot.to_record(), "height_px": ranges.height_px}
            if isinstance(sources, Photos):
                beside = _depth_of(sources, path)
                stated |= {"depth": str(sources.depth), "depth_kind": sources.depth_kind}
            else:
                beside = {"background": _ranked_first(backgrounds, f"{seed}\0{path.name}\0{view}")}
                beside |= _mask_of(sources, path)
                placement = ranges.placement(seed=seed, source=path.name, view=view)
                stated["placement"] = asdict(placement)
            for key, file in beside.items():
                stated |= {key: file.name, f"{key}_sha256": _checksum(file, sums)}
            pairs.append(_Pair(name, path, _checksum(path, sums), stated, beside))
    return pairs


def _files(places: Sequence[Path]) -> list[Path]:
    """Find photos; a folder stands for those directly in it.

    Raises:
        RequestError: If there are none, or one that was named.
    """
    found: list[Path] = []
    for place in places:
        if not place.exists():
            raise RequestError(f"{place} does not exist; give photos or folders of photos")
        inside = sorted(place.iterdir()) if place.is_dir() else [place]
        found += [path for path in inside if path == place or _is_photo(path)]
    if not found:
        raise RequestError(f"{' '.join(map(str, places)) or 'nothing'} holds no photo; give {' '.join(SUFFIXES)}")
    return found


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _depth_of(sources: Photos, path: Path) -> dict[str, Path]:
    """Find the file that tells a photo's depth, if one does."""
    place = Path(sources.depth)
    if sources.depth in ("auto", "embedded", "built-in", "prior") or not place.exists():
        return {}
    if not place.is_dir():
        return {"depth": place}
    return {"depth": _beside(place, path, _MAP_SUFFIXES)}


def _mask_of(sources: Cutouts, path: Path) -> dict[str, Path]:
    return {} if sources.masks is None else {"mask": _beside(sources.masks, path, SUFFIXES)}


def _beside(folder: Path, path: Path, suffixes: Sequence[str]) -> Path:
    """Find a folder's file of another's name; where there is none, the name that it should have."""
    named = [folder / f"{path.stem}{suffix}" for suffix in suffixes]
    return next((file for file in named if file.exists()), folder / f"{path.stem}.png")


def _ranked_first(files: Sequence[Path], told: str) -> Path:
    """Choose by a checksum of each, so that a further file changes the choice only where it is chosen."""
    return max(files, key=lambda path: hashlib.sha256(f"{told}\0{path.name}".encode()).digest())


def _checksum(path: Path, known: dict[Path, str]) -> str:
    if path not in known:
        try:
            with path.open("rb") as file:
                known[path] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            known[path] = ""
    return known[path]


def _produce(work: Sequence[Sequence[_Pair]], out: Path, jobs: int) -> Iterator[Row]:
    """Make the pairs of each source, in processes of their own where there are several jobs."""
    if jobs == 1 or len(work) < 2:
        for pairs in work:
            yield from _make(pairs, out)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    threads = max(1, (os.cpu_count() or 1) // jobs)
    pool = ProcessPoolExecutor(min(jobs, len(work), _MOST_PROCESSES), get_context("spawn"), _prepare_worker, (threads,))
    try:
        for done in as_completed([pool.submit(_make, pairs, out) for pairs in work]):
            yield from done.result()
    except BrokenProcessPool:
        raise RequestError(
            "a process ended, perhaps for want of memory; run again with fewer jobs, what is done is kept"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare_worker(threads: int) -> None:
    """Use a share of the cores, and leave Ctrl-C to the parent."""
    import numba

    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _make(pairs: Sequence[_Pair], out: Path) -> list[Row]:
    """Make the pairs of one source, each with its own fate."""
    rows, seen = [], None
    for pair in pairs:
        pictures, reason = None, ""
        try:
            with deferred():
                if "placement" in pair.stated:
                    pictures = _paste(pair)
                else:
                    seen = seen or _see(pair)
                    pictures = pair.shot.take(seen)
                _keep(pair.name, pictures, out)
        except WideopenError as error:
            reason = str(error)
        except MemoryError:
            reason = f"{pair.source} needs more memory than there is; make it smaller first"
        except OSError as error:
            reason = f"{pair.source}: {error.strerror or error}"
        except Exception as error:  # A fault of ours in one photo must not cost the others.
            reason = f"{pair.source} met a fault in wideopen, please report it: {error!r}"
        rows.append(_row(pair, None if reason else pictures, " ".join(reason.split())))
    return rows


def _row(pair: _Pair, pictures: Pictures | None, reason: str) -> Row:
    record = pair.stated if pictures is None else pair.stated | {"found": asdict(pictures.found)}
    width, height = (None, None) if pictures is None else pictures.bokeh.size
    return Row(
        name=pair.name,
        accepted=pictures is not None,
        reason=reason,
        width=width,
        height=height,
        wide=pair.source.name,
        wide_sha256=pair.sha256,
        settings=json.dumps(record, sort_keys=True),
    )


def _see(pair: _Pair) -> Seen:
    depth = pair.files.get("depth", pair.stated["depth"])
    return see(read(pair.source), height_px=pair.stated["height_px"], depth=depth, kind=pair.stated["depth_kind"])


def _paste(pair: _Pair) -> Pictures:
    figure, background = read(pair.source), read(pair.files["background"])
    if "mask" in pair.files:
        mask = read(pair.files["mask"])
        if mask.size != figure.size:
            raise PhotoError(
                f"{pair.files['mask']} is {mask.size[0]}x{mask.size[1]} and {pair.source} {figure.size[0]}x"
                f"{figure.size[1]}; give a mask of the photo's size"
            )
        figure = replace(figure, alpha=mask.pixels.mean(axis=2))
    placement = Placement(**pair.stated["placement"])
    try:
        return pair.shot.take_figure(figure, background, placement, height_px=pair.stated["height_px"])
    except PhotoError as error:
        raise PhotoError(f"{pair.source} {error}") from None


def _keep(name: str, pictures: Pictures, out: Path) -> None:
    write_whole(out / ORIGINAL / f"{name}.jpg", pictures.original)
    write_depth(pictures.depth, out / DEPTH / f"{name}.png", overwrite=True)
    if pictures.matte is not None:
        write_matte(pictures.matte, out / MATTE / f"{name}.png", overwrite=True)
    pictures.bokeh.save(out / BOKEH / f"{name}.jpg", overwrite=True, quality=QUALITY)


def _refuse_sources_inside(pairs: Sequence[_Pair], out: Path) -> None:
    """Refuse to make pairs of the data set's own pictures, which would be written over."""
    own = {(out / folder).resolve() for folder in (ORIGINAL, BOKEH, DEPTH, MATTE)}
    for pair in pairs:
        for path in (pair.source, *pair.files.values()):
            if path.resolve().parent in own:
                raise RequestError(f"{path} lies in the data set that is made, {out}; choose another folder")
