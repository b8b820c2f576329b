"""Mean opinion scores: the report's average, its interval, and how far the votes reach."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from wideopen.errors import RequestError
from wideopen.shapes import Float
from wideopen.study.plan import Study
from wideopen.study.vote import LEVELS, Vote

Interval = tuple[float, float]
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Table:
    """All answers that count, by rater, picture and method; NaN where there is none."""

    raters: tuple[str, ...]
    pictures: tuple[str, ...]
    methods: tuple[str, ...]
    levels: Float[np.ndarray, "raters pictures methods"]

    @property
    def by_stimulus(self) -> Float[np.ndarray, "raters stimuli"]:
        """The answers with pictures and methods in one row, methods side by side."""
        return self.levels.reshape(len(self.raters), len(self.pictures) * len(self.methods))

    def of(self, raters: Collection[str]) -> "Table":
        """Keep only the answers of these raters."""
        chosen = [name in raters for name in self.raters]
        names = tuple(name for name in self.raters if name in raters)
        return Table(names, self.pictures, self.methods, self.levels[chosen])


@dataclass(frozen=True)
class Parts:
    """Where the variance of a mean opinion score comes from; see `mean_opinion`."""

    raters: float
    """Of the mean, by the differences between raters, with the noise of single answers."""
    pictures: float
    """By the differences between pictures, with the noise of single answers."""
    both: float
    """Of the mean, all in all."""
    within: float
    """Share of `pictures` that more votes would lessen: what raters differ by within a picture."""
    n_raters: int
    n_pictures: int
    votes_per_picture: float


@dataclass(frozen=True)
class Opinion:
    """A mean opinion score, with its interval where there is one."""

    mos: float | None
    interval: Interval | None
    votes: int
    raters: int
    pictures: int
    """With at least one vote."""
    levels: tuple[int, ...]
    """How many answers there are of each level, from 1 to 5."""


def load(module: str) -> Any:  # noqa: ANN401
    """Import what the statistics of a study stand on.

    Raises:
        RequestError: If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise RequestError(f"the report of a study needs {module.split('.')[0]}; install wideopen[study]") from error


def last_votes(votes: Sequence[Vote]) -> tuple[Vote, ...]:
    """Keep the last vote of each rater's each trial, in the order of raters and trials."""
    last = {(vote.rater, vote.trial): vote for vote in votes}
    return tuple(last[key] for key in sorted(last))


def counted(votes: Sequence[Vote]) -> tuple[Vote, ...]:
    """Keep the votes that count: of results, not of traps, and of what is shown twice the first showing."""
    first: dict[tuple[str, str, str], Vote] = {}
    for vote in last_votes(votes):
        if vote.kind == "result" and not vote.repeat:
            first.setdefault((vote.rater, vote.picture, vote.method), vote)
    return tuple(first.values())


def table_of(study: Study, votes: Sequence[Vote]) -> Table:
    """Lay the votes that count out by rater, picture and method.

    Raises:
        RequestError: If a vote is of a picture, method or level that the study does not have.
    """
    methods = tuple(name for name, kind in study.methods.items() if kind == "result")
    for vote in votes:
        if study.methods.get(vote.method) != vote.kind or vote.picture not in study.pictures:
            raise RequestError(
                f"a vote is of {vote.method} ({vote.kind}) on {vote.picture}, which the study '{study.title}' "
                "does not show; give the votes of this study"
            )
        if vote.level not in LEVELS:
            raise RequestError(f"a vote is {vote.level}, and opinions go from 1 to 5; mend the store of votes")
    raters = tuple(sorted({vote.rater for vote in votes}))
    row = {name: index for index, name in enumerate(raters)}
    column = {name: index for index, name in enumerate(study.pictures)}
    layer = {name: index for index, name in enumerate(methods)}
    levels = np.full((len(raters), len(study.pictures), len(methods)), np.nan)
    for vote in counted(votes):
        levels[row[vote.rater], column[vote.picture], layer[vote.method]] = vote.level
    return Table(raters, study.pictures, methods, levels)


def opinion_of(levels: Float[np.ndarray, "raters pictures"]) -> Opinion:
    """Find one method's mean opinion score and interval; see `mean_opinion`."""
    mos, parts = mean_opinion(levels)
    seen = ~np.isnan(levels)
    return Opinion(
        mos,
        None if mos is None or parts is None else interval_of(mos, parts),
        int(seen.sum()),
        int(seen.any(axis=1).sum()),
        int(seen.any(axis=0).sum()),
        tuple(int((levels == level).sum()) for level in sorted(LEVELS)),
    )


def mean_opinion(levels: Float[np.ndarray, "raters pictures"]) -> tuple[float | None, Parts | None]:
    r"""Average the answers to one method, and take apart what the average varies by.

    ``MOS = 1/P \sum_p 1/n_p \sum_r y_{rp}``: first per picture, then over pictures (AIM 2020 report, section 2.2).

    Raters and pictures are both samples, so the variance is that of two-way clusters (Cameron, Gelbach and Miller
    2011, "Robust Inference with Multiway Clustering", J. Business and Economic Statistics 29(2)): with
    ``u = (y - MOS) / (P n_p)``, ``V_raters = R/(R-1) \sum_r (\sum_p u)^2``, ``V_pictures = P/(P-1) \sum_p (\sum_r
    u)^2``, and ``V = V_raters + V_pictures - \sum u^2``, since what single answers differ by is in both. Variant: V is
    at least the larger of the two. It needs no model, no equal number of votes, and no random numbers.

    Args:
        levels: 1 to 5, NaN where there is no vote.

    Returns:
        None for the score where there is no vote, and for the parts where there are less than two raters or pictures.
    """
    seen = ~np.isnan(levels)
    levels = levels[seen.any(axis=1)][:, seen.any(axis=0)]
    if not levels.size:
        return None, None
    seen = ~np.isnan(levels)
    n_raters, n_pictures = levels.shape
    votes = seen.sum(axis=0)
    known = np.where(seen, levels, 0)
    means = known.sum(axis=0) / votes
    mos = float(means.mean())
    if n_raters < 2 or n_pictures < 2:
        return mos, None
    weighted = np.where(seen, levels - mos, 0) / (n_pictures * votes)
    by_rater = float((weighted.sum(axis=1) ** 2).sum() * n_raters / (n_raters - 1))
    by_picture = float((weighted.sum(axis=0) ** 2).sum() * n_pictures / (n_pictures - 1))
    both = max(by_rater + by_picture - float((weighted**2).sum()), by_rater, by_picture)
    squares = (np.where(seen, levels - means, 0) ** 2).sum(axis=0)
    # A picture with one vote says nothing of what raters differ by; it is taken as varied as the others.
    freedom = np.maximum(votes - 1, 0).sum()
    spread = float(squares.sum() / freedom) if freedom else 0.0
    within = min(spread * float((1 / votes).sum()) / n_pictures**2, by_picture)
    return mos, Parts(by_rater, by_picture, both, within, n_raters, n_pictures, float(votes.mean()))


def interval_of(mos: float, parts: Parts) -> Interval:
    """Find the 95 % interval of a mean opinion score, cut off at 1 and 5.

    Student's t; its degrees of freedom are Satterthwaite's of the two variances, with ``R - 1`` and ``P - 1``.
    """
    half = half_width(parts.both, parts.raters, parts.pictures, parts.n_raters, parts.n_pictures)
    return max(mos - half, 1.0), min(mos + half, 5.0)


def half_width(both: float, by_rater: float, by_picture: float, n_raters: float, n_pictures: float) -> float:
    """Find half the width of the interval of `interval_of` from variances of the mean."""
    if both <= 0:
        return 0.0
    freedom = both**2 / (by_rater**2 / (n_raters - 1) + by_picture**2 / (n_pictures - 1))
    return quantile(freedom) * math.sqrt(both)


def quantile(freedom: float) -> float:
    """Find Student's t that leaves 2.5 % on either side."""
    return float(load("scipy.special").stdtrit(max(freedom, 1.0), (1 + CONFIDENCE) / 2))


def picture_opinion(levels: Float[np.ndarray, "raters"]) -> tuple[float | None, Interval | None, int]:
    """Average the answers to one picture of one method; its interval is of raters alone.

    ``mean ± t_{n-1} s / sqrt(n)``, with Student's t where ITU-T P.910 writes 1.96, cut off at 1 and 5.

    Returns:
        The score, None without votes; the interval, None of less than two; and the number of votes.
    """
    known = levels[~np.isnan(levels)]
    if not known.size:
        return None, None, 0
    mean = float(known.mean())
    if known.size < 2:
        return mean, None, 1
    half = quantile(known.size - 1) * float(known.std(ddof=1)) / math.sqrt(known.size)
    return mean, (max(mean - half, 1.0), min(mean + half, 5.0)), int(known.size)
