"""Opinions freed from what raters are like: their bias, and how steadily they judge."""

import contextlib
import io
import warnings
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from wideopen.shapes import Float
from wideopen.study.opinion import Table, load

LEAST_ANSWERS = 8
"""Of a rater: with one answer a rater's noise would be found as none, and the rater believed above all others."""


@dataclass(frozen=True)
class Likelihood:
    """What SUREAL finds most likely."""

    mos: dict[str, float]
    """By method; only methods with votes of raters who answered enough."""
    bias: dict[str, float]
    """By rater: so much kinder than the others, in levels."""
    inconsistency: dict[str, float]
    """By rater: standard deviation of the noise, in levels."""


def without_bias(levels: Float[np.ndarray, "raters stimuli"]) -> Float[np.ndarray, "raters stimuli"]:
    r"""Subtract every rater's bias from the answers.

    ``b_r = mean_j (y_{rj} - mean_r y_{rj})``, over what r answered (ITU-T P.913, clause 12.4). Variant: one pass, and
    no rater is rejected after it.
    """
    seen = ~np.isnan(levels)
    known = np.where(seen, levels, 0)
    means = known.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    answers = np.maximum(seen.sum(axis=1), 1)
    bias = np.where(seen, levels - means, 0).sum(axis=1) / answers
    return levels - bias[:, None]


def most_likely(table: Table) -> Likelihood | None:
    """Let SUREAL find the likeliest quality of every result, with every rater's bias and inconsistency.

    The model is ``y = q_j + b_r + v_r z``, solved by alternating projection (ITU-T P.910, Annex E; SUREAL 0.9.0's
    ``SubjectMLEModelProjectionSolver2``, with biases of mean zero); missing votes are left out of every sum. A
    method's score is the mean over its pictures. Raters with less than `LEAST_ANSWERS` answers take no part.

    Returns:
        None where less than two raters answered enough.

    Raises:
        RequestError: If SUREAL is not installed.
    """
    reader, models = load("sureal.dataset_reader"), load("sureal.subjective_model")
    flat = table.by_stimulus
    enough = np.flatnonzero((~np.isnan(flat)).sum(axis=1) >= LEAST_ANSWERS)
    if enough.size < 2:
        return None
    flat = flat[enough]
    shown = np.flatnonzero((~np.isnan(flat)).any(axis=0))
    shots = [
        {
            "content_id": 0,
            "asset_id": int(stimulus),
            "path": str(stimulus),
            "os": {int(row): float(flat[row, stimulus]) for row in np.flatnonzero(~np.isnan(flat[:, stimulus]))},
        }
        for stimulus in shown
    ]
    data = SimpleNamespace(ref_videos=[{"content_id": 0, "path": ""}], dis_videos=shots)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = models.SubjectMLEModelProjectionSolver2(reader.RawDatasetReader(data)).run_modeling()
    quality = np.full(flat.shape[1], np.nan)
    quality[shown] = found["quality_scores"]
    by_picture = quality.reshape(len(table.pictures), len(table.methods))
    names = [table.raters[index] for index in enough]
    return Likelihood(
        {
            method: float(np.nanmean(by_picture[:, index]))
            for index, method in enumerate(table.methods)
            if np.isfinite(by_picture[:, index]).any()
        },
        dict(zip(names, map(float, found["observer_bias"]), strict=True)),
        dict(zip(names, map(float, found["observer_inconsistency"]), strict=True)),
    )
