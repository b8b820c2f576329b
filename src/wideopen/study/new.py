"""Make a study: check all pictures, and copy them under random names into a folder that needs nothing else."""

import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from wideopen.errors import RequestError
from wideopen.pairs.pair import Pair
from wideopen.pairs.pairset import size_of
from wideopen.photo import Photo, read
from wideopen.renderer.gaussian import GaussianRenderer
from wideopen.score.evaluate import levels_of, refuse_unequal
from wideopen.score.score import read_score
from wideopen.score.submission import pictures_of
from wideopen.study.plan import PICTURES, TRUTH, Study, write_study
from wideopen.study.vote import Kind

TRAPS: Mapping[str, Kind] = {"hidden-reference": "reference", "hidden-input": "input", "blurred-anchor": "anchor"}
"""Methods that every study has besides."""
ANCHOR_SHARE = 0.01
"""Standard deviation of the anchor's blur, as a share of the diagonal: nobody takes it for a lens."""


@dataclass(frozen=True)
class Asked:
    """What an organiser decides."""

    title: str = "Which bokeh looks real?"
    votes_wanted: int = 20
    trials: int = 60
    repeats: int = 4
    traps: int = 2
    phones: bool = False
    consent: str = ""
    seed: int = 0
    simulated: bool = False
    scores: Mapping[str, Path] = field(default_factory=dict)
    """Of methods: Score files that opinions go into."""

    def __post_init__(self) -> None:
        if min(self.votes_wanted, self.trials) < 1 or min(self.repeats, self.traps, self.seed) < 0:
            raise RequestError(
                f"votes {self.votes_wanted}, trials {self.trials}, repeats {self.repeats}, traps {self.traps}, seed "
                f"{self.seed}: votes and trials begin at 1, the rest at 0"
            )
        if not self.title.strip():
            raise RequestError("a study without a title says nothing to those who are asked; give one")


def new_study(
    pairs: Sequence[Pair],
    results: Mapping[str, Path],
    folder: Path,
    asked: Asked,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Study:
    """Make the folder of a study, whole or not at all.

    Pictures are kept to the bit, as lossless WebP with their colour profile and without any other metadata, which
    could tell who made them.

    Args:
        pairs: Whose bokeh is the truth.
        results: Of each method a folder of pictures, as `wideopen.score.submission.pictures_of` takes it.
        folder: Of the study; it must not be there yet.
        asked: What the organiser decides.
        progress: Told how many pictures of the study are done, of how many.

    Raises:
        RequestError: If there are no pairs or methods, a name is taken or cannot be, a folder does not answer the
            pairs, a Score is no Score, or the place cannot be written.
        PhotoError: If a picture is broken.
    """
    _refuse(pairs, results, folder, asked)
    answers = {name: pictures_of(place, pairs) for name, place in results.items()}
    methods: dict[str, Kind] = dict.fromkeys(results, "result")
    methods |= TRAPS if asked.traps else {}
    beside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        (beside / PICTURES).mkdir(parents=True)
        files = {}
        for done, pair in enumerate(pairs, 1):
            files[pair.name] = _copied(pair, {name: of[pair.name] for name, of in answers.items()}, methods, beside)
            if progress is not None:
                progress(done, len(pairs))
        study = Study(
            title=asked.title,
            methods=methods,
            pictures=tuple(pair.name for pair in pairs),
            files=files,
            sizes={pair.name: size_of(pair.bokeh) for pair in pairs},
            seed=asked.seed,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            votes_wanted=asked.votes_wanted,
            trials=asked.trials,
            repeats=asked.repeats,
            traps=asked.traps,
            phones=asked.phones,
            consent=asked.consent,
            simulated=asked.simulated,
            # From where the study lies, so that both can be moved together.
            scores={name: os.path.relpath(path.resolve(), folder.resolve()) for name, path in asked.scores.items()},
        )
        write_study(study, beside)
        beside.rename(folder)
    except OSError as error:
        raise RequestError(f"{folder} cannot be written ({error.strerror or error}); choose another place") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return study


def _refuse(pairs: Sequence[Pair], results: Mapping[str, Path], folder: Path, asked: Asked) -> None:
    """Refuse what no study can be made of, before a picture is read."""
    if not pairs:
        raise RequestError("there are no pairs to ask about")
    if not results:
        raise RequestError("there is nothing to judge; give --results NAME=DIR, once for each method")
    if folder.exists():
        raise RequestError(f"{folder} is there already; a study never replaces another, so choose another name")
    taken = sorted({*results} & {*TRAPS, TRUTH})
    if taken:
        raise RequestError(f"'{taken[0]}' is what the study itself calls a picture; name the method otherwise")
    unknown = sorted(asked.scores.keys() - results.keys())
    if unknown:
        raise RequestError(f"there is a Score for '{unknown[0]}', which is no method here; give it by --results too")
    for path in asked.scores.values():
        read_score(path)
    for pair in pairs:
        refuse_unequal(pair)


def _copied(pair: Pair, answers: Mapping[str, Path], methods: Mapping[str, Kind], folder: Path) -> dict[str, str]:
    """Write all pictures of a pair; gives their names."""
    original, bokeh = read(pair.original), read(pair.bokeh)
    sigma_px = ANCHOR_SHARE * float(np.hypot(*original.size))
    photos = {TRUTH: bokeh} | {name: read(path) for name, path in answers.items()}
    if "hidden-reference" in methods:
        photos |= {
            "hidden-reference": bokeh,
            "hidden-input": original,
            "blurred-anchor": GaussianRenderer(sigma_px)(original),
        }
    return {name: _written(photo, folder / PICTURES) for name, photo in photos.items()}


def _written(photo: Photo, folder: Path) -> str:
    name = f"{secrets.token_hex(16)}.webp"
    Image.fromarray(levels_of(photo)).save(
        folder / name, lossless=True, quality=30, method=1, exact=True, icc_profile=photo.icc
    )
    return name
