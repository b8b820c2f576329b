"""Evaluate: a contestant on a folder of pairs, picture by picture, into a Score."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from wideopen.engine import Engine, Lost
from wideopen.errors import RequestError, WideopenError
from wideopen.pairs.pair import Pair
from wideopen.pairs.pairset import size_of
from wideopen.pairs.show import thumbnail
from wideopen.photo import Photo, read
from wideopen.score.contestant import Contestant, Pictures, disparity_of, in_focus_of
from wideopen.score.figures import FIGURES, figures
from wideopen.score.protocol import protocol
from wideopen.score.provenance import release, sha256_of, sha256_of_pairs
from wideopen.score.rows import Rows
from wideopen.score.score import Score, write_score
from wideopen.score.submission import some

WORST = 10
GALLERY = 12
SIDE_PX = 640
_OURS = re.compile(r".+\.(found|truth|input)\.jpg")


@dataclass(frozen=True)
class Measuring:
    """What is done with each pair; picklable."""

    contestant: Contestant
    protocol: str
    lpips_body: Path | None = None
    pictures: Path | None = None
    """Folder that small pictures go to."""

    def __call__(self, pair: Pair) -> dict[str, Any]:
        """Find a pair's figures; what is wrong with it is told as its ``error``."""
        try:
            return {"name": pair.name, **self._figures(pair)}
        except WideopenError as error:
            return {"name": pair.name, "error": str(error)}
        except OSError as error:
            return {"name": pair.name, "error": f"{pair.name}: {error.strerror or error}"}
        except MemoryError:
            return {"name": pair.name, "error": f"{pair.name} needs more memory than there is; use fewer --jobs"}

    def _figures(self, pair: Pair) -> Mapping[str, float | None]:
        original, bokeh = read(pair.original), read(pair.bokeh)
        answer = self.contestant(pair, original)
        if answer.size != bokeh.size:
            raise RequestError(
                f"the answer to {pair.name} is {answer.size[0]}x{answer.size[1]} and its truth "
                f"{bokeh.size[0]}x{bokeh.size[1]}; a renderer keeps the size"
            )
        width, height = bokeh.size
        if self.pictures is not None:
            for kind, photo in (("found", answer), ("truth", bokeh), ("input", original)):
                (self.pictures / f"{pair.name}.{kind}.jpg").write_bytes(thumbnail(photo.pixels, side_px=SIDE_PX))
        return figures(
            levels_of(answer),
            levels_of(bokeh),
            protocol=protocol(self.protocol),
            disparity=disparity_of(pair, width=width, height=height),
            in_focus=in_focus_of(pair, width=width, height=height),
            lpips=None if self.lpips_body is None else _lpips(self.lpips_body),
        )


def evaluate(
    contestant: Contestant,
    pairs: Sequence[Pair],
    draft: Score,
    engine: Engine,
    *,
    out: Path | None = None,
    lpips_body: Path | None = None,
    gallery: int = GALLERY,
    progress: Callable[[int, int], None] | None = None,
) -> Score:
    """Score a contestant on pairs.

    With `out`, each pair's figures are kept in ``OUT.partial`` as soon as they are known; a run that was stopped, or
    met broken pictures, goes on from there when it is asked the same of the same files.

    Args:
        contestant: What answers.
        pairs: From `wideopen.pairs.pair.pairs_in`.
        draft: What is known before: solution, protocol, device, command and so on.
        engine: What spreads the work.
        out: Where the Score is written; small pictures go into ``NAME.files`` beside it.
        lpips_body: Weights for LPIPS, which is left out without.
        gallery: So many small pictures are kept, beside those of the ten worst; 0 keeps none.
        progress: Told how many pairs are done, of how many.

    Raises:
        RequestError: If a pair's pictures differ in size, or an answer cannot be had; it names the first.
        PhotoError: If a pair's picture is no picture.
    """
    if not pairs:
        raise RequestError("there are no pairs to score on")
    for pair in pairs:
        refuse_unequal(pair)
    partial = None if out is None or gallery < 1 else out.with_name(f"{out.stem}.files.partial")
    task = Measuring(contestant, draft.protocol, lpips_body, partial)
    keys = _keys(contestant, pairs, draft, lpips_body, pictures=partial is not None)
    rows = Rows(None if out is None else out.with_name(f"{out.name}.partial"), known=keys.values())
    if partial is not None:
        partial.mkdir(parents=True, exist_ok=True)
    open_pairs = [pair for pair in pairs if keys[pair.name] not in rows]
    failed: list[str] = []
    done = len(pairs) - len(open_pairs)
    for index, answer in engine.map(task, open_pairs):
        pair = open_pairs[index]
        if isinstance(answer, Lost):
            failed.append(f"{pair.name} ended its process, perhaps for want of memory; use fewer --jobs")
        elif "error" in answer.value:
            failed.append(str(answer.value["error"]))
        else:
            rows.add(keys[pair.name], answer.value)
        done += 1
        if progress is not None:
            progress(done, len(pairs))
    if failed:
        kept = "; the others' figures are kept, so that scoring goes on from here" if out is not None else ""
        raise RequestError(f"{len(failed)} of {len(pairs)} pictures cannot be scored: {some(failed, most=3)}{kept}")
    score = summed(draft, [rows[keys[pair.name]] for pair in pairs])
    score = replace(score, data={**draft.data, "pairs": len(pairs), "sha256": sha256_of_pairs(pairs)})
    if out is not None:
        if partial is not None:
            kept_names = {*score.worst, *[pair.name for pair in pairs[:gallery]]}
            score = replace(score, pictures=_keep_pictures(partial, out, kept_names))
        write_score(score, out)
        rows.forget()
    return score


def summed(draft: Score, rows: Sequence[Mapping[str, Any]]) -> Score:
    """Take means over pictures; a figure that some pictures lack is the mean of the rest, and a note says so."""
    means: dict[str, float | None] = {}
    notes = list(draft.notes)
    for name in FIGURES:
        values = [row[name] for row in rows if row.get(name) is not None]
        if any(name in row for row in rows):
            means[name] = float(np.mean(values)) if values else None
        if 0 < len(values) < len(rows):
            notes.append(f"{name} is the mean of {len(values)} of {len(rows)} pictures; the others have none")
    by_psnr = sorted(rows, key=lambda row: row["psnr_db"])
    return replace(
        draft,
        psnr_db=means.pop("psnr_db"),
        ssim=means.pop("ssim"),
        others=means,
        images=len(rows),
        notes=tuple(notes),
        per_image=tuple(rows),
        worst=tuple(row["name"] for row in by_psnr[:WORST]),
    )


def levels_of(photo: Photo) -> np.ndarray:
    """The 8-bit levels of a photo as encoded, to the nearest."""
    return np.rint(photo.pixels.clip(0, 1) * 255).astype(np.uint8)


def refuse_unequal(pair: Pair) -> None:
    """Refuse a pair whose pictures differ in size, by the heads of its files.

    Raises:
        RequestError: If they do.
    """
    (width, height), other = size_of(pair.original), size_of(pair.bokeh)
    if (width, height) != other:
        raise RequestError(
            f"pair {pair.name}: the original is {width}x{height} and the bokeh {other[0]}x{other[1]}; "
            "both must show the same frame, so build the pair again"
        )


def _keys(
    contestant: Contestant, pairs: Sequence[Pair], draft: Score, lpips_body: Path | None, *, pictures: bool
) -> dict[str, str]:
    """A checksum of all that a pair's figures come from."""
    body = None if lpips_body is None else sha256_of(lpips_body)
    asked = [draft.solution, draft.protocol, draft.settings, draft.checkpoint, draft.commit, release(), body, pictures]
    keys = {}
    for pair in pairs:
        files = [pair.original, pair.bokeh, pair.depth, pair.matte, pair.focus]
        files.append(contestant.files[pair.name] if isinstance(contestant, Pictures) else None)
        sums = [None if file is None else sha256_of(file) for file in files]
        keys[pair.name] = hashlib.sha256(json.dumps([pair.name, asked, sums], default=str).encode()).hexdigest()
    return keys


def _keep_pictures(partial: Path, out: Path, names: set[str]) -> str:
    """Leave the small pictures of some names, in the place of those of before."""
    place = out.with_name(f"{out.stem}.files")
    for file in partial.iterdir():
        if file.name.rsplit(".", 2)[0] not in names:
            file.unlink()
    if place.exists():
        foreign = [each for each in place.iterdir() if not _OURS.fullmatch(each.name)]
        if foreign:
            raise RequestError(f"{place} holds {foreign[0].name}, which is of no score and stays; choose another name")
        shutil.rmtree(place)
    partial.rename(place)
    return place.name


_BODIES: dict[Path, Any] = {}


def _lpips(body: Path) -> Any:  # noqa: ANN401
    """LPIPS of a body, read once in each process."""
    from wideopen.score.lpips import load_lpips

    if body not in _BODIES:
        _BODIES[body] = load_lpips(body)
    return _BODIES[body]
