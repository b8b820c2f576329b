"""Screening: who judged with care, who did not, and by what that was seen."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np

from wideopen.shapes import Float
from wideopen.study.agreement import with_the_rest
from wideopen.study.opinion import Table, last_votes
from wideopen.study.vote import Kind, Vote


@dataclass(frozen=True)
class Rules:
    """By what a rater is dropped; but for BT.500 and `least_variance` these figures are this project's own choice."""

    worst_reference: int = 3
    """The hidden camera's photo judged at this or lower is a failed trap."""
    best_bad: int = 4
    """The hidden sharp photo or blurred anchor judged at this or higher is a failed trap."""
    failed_traps: int = 2
    """So many failed traps drop a rater ..."""
    failed_share: float = 0.3
    """... if they are this share of those shown."""
    least_variance: float = 0.15
    """Of all answers; below it the rater is a straight-liner (as in Microsoft's toolkit for ITU-T P.910)."""
    most_difference: float = 1.5
    """Mean absolute difference, in levels, between the first and the second answer to the same."""
    least_repeats: int = 3
    least_shown_s: float = 0.7
    """Median time of looking."""
    least_answers: int = 10
    """With fewer answers, variance, time and agreement with the rest say nothing yet."""

    def fails(self, kind: Kind, level: int) -> bool:
        """Tell whether an answer to a trap is one that no careful rater gives."""
        if kind == "result":
            return False
        return level <= self.worst_reference if kind == "reference" else level >= self.best_bad


@dataclass(frozen=True)
class Rater:
    """How one rater judged."""

    name: str
    answers: int
    """All: to results, traps and repeats."""
    traps: int
    failed_traps: int
    variance: float | None
    """Of all answers, over n - 1."""
    repeats: int
    repeat_difference: float | None
    """Mean absolute difference between the first and the second answer to the same, in levels."""
    shown_s: float | None
    """Median."""
    above: int
    """BT.500's P: answers far above the others'."""
    below: int
    """BT.500's Q."""
    agreement: float | None
    """Spearman's rank correlation with the mean of the other raters."""
    reasons: tuple[str, ...]
    """Why the rater is dropped; empty where kept."""

    @property
    def kept(self) -> bool:
        """Whether the rater's answers stay in."""
        return not self.reasons


def screen(table: Table, votes: Sequence[Vote], rules: Rules | None = None) -> tuple[Rater, ...]:
    """Judge every rater; one pass, over all.

    Args:
        table: The answers that count, of all raters.
        votes: The same raters' votes, traps and repeats among them.
        rules: By what a rater is dropped.
    """
    rules = rules or Rules()
    flat = table.by_stimulus
    above, below, rejected = bt500(flat)
    agreements = with_the_rest(flat)
    of: dict[str, list[Vote]] = {name: [] for name in table.raters}
    for vote in last_votes(votes):
        of[vote.rater].append(vote)
    return tuple(
        _judged(
            name,
            of[name],
            (int(above[row]), int(below[row]), bool(rejected[row])),
            agreements[row],
            int((~np.isnan(flat[row])).sum()),
            rules,
        )
        for row, name in enumerate(table.raters)
    )


def bt500(levels: Float[np.ndarray, "raters stimuli"], *, ddof: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Find the raters whom ITU-R BT.500 rejects.

    Of each stimulus ``\beta_2 = m_4 / m_2^2``; an answer of at least ``mean + k S`` counts into the rater's P, of at
    most ``mean - k S`` into Q, where ``k = 2`` if ``2 <= \beta_2 <= 4`` and else ``\sqrt{20}``. Rejected is who has
    ``(P + Q) / n > 0.05`` and ``|P - Q| / (P + Q) < 0.3`` (Recommendation ITU-R BT.500-13, Annex 2, 2.3.1, the one
    for all methods but continuous evaluation; in BT.500-14 and -15 in Annex 1 of Part 1).

    Variants: n is the number of the rater's own answers, as not everyone sees everything; a stimulus on which all
    agree counts for nobody, where the formula would count every answer twice.

    Args:
        levels: Answers, NaN where there is none.
        ddof: S divides by the number of answers less this: 1 as in the Recommendation, 0 as in SUREAL 0.9.0.

    Returns:
        P, Q, and whether the rater is rejected.
    """
    seen = ~np.isnan(levels)
    answers = seen.sum(axis=0)
    usable = answers > ddof
    mean = np.where(seen, levels, 0).sum(axis=0) / np.maximum(answers, 1)
    off = np.where(seen, levels - mean, 0)
    second = (off**2).sum(axis=0) / np.maximum(answers, 1)
    fourth = (off**4).sum(axis=0) / np.maximum(answers, 1)
    varied = usable & (second > 1e-12)
    kurtosis = np.divide(fourth, second**2, out=np.zeros_like(fourth), where=varied)
    deviation = np.sqrt((off**2).sum(axis=0) / np.maximum(answers - ddof, 1))
    reach = np.where((kurtosis >= 2) & (kurtosis <= 4), 2, math.sqrt(20)) * deviation
    above = (seen & varied & (levels >= mean + reach)).sum(axis=1)
    below = (seen & varied & (levels <= mean - reach)).sum(axis=1)
    far = above + below
    lopsided = np.abs(above - below) / np.maximum(far, 1)
    return above, below, (far > 0.05 * seen.sum(axis=1)) & (lopsided < 0.3)


def _judged(
    name: str,
    votes: Sequence[Vote],
    outliers: tuple[int, int, bool],
    agreement: float | None,
    judged: int,
    rules: Rules,
) -> Rater:
    levels = [vote.level for vote in votes]
    times_s = [vote.shown_s for vote in votes if vote.shown_s is not None]
    traps = [vote for vote in votes if vote.kind != "result" and not vote.repeat]
    failed = [vote for vote in traps if rules.fails(vote.kind, vote.level)]
    differences = _differences(votes)
    rater = Rater(
        name,
        answers=len(votes),
        traps=len(traps),
        failed_traps=len(failed),
        variance=float(np.var(levels, ddof=1)) if len(levels) > 1 else None,
        repeats=len(differences),
        repeat_difference=fmean(differences) if differences else None,
        shown_s=median(times_s) if times_s else None,
        above=outliers[0],
        below=outliers[1],
        agreement=agreement,
        reasons=(),
    )
    reasons = [*_reasons(rater, failed, judged, rules)]
    if outliers[2]:
        reasons.append(
            f"rejected by BT.500: {outliers[0] + outliers[1]} of {judged} answers are far off the others', "
            f"{outliers[0]} above and {outliers[1]} below"
        )
    return Rater(**{**vars(rater), "reasons": tuple(reasons)})


def _reasons(rater: Rater, failed: Sequence[Vote], judged: int, rules: Rules) -> Iterable[str]:
    if rater.failed_traps >= rules.failed_traps and rater.failed_traps >= rules.failed_share * rater.traps:
        counts: dict[Kind, int] = {}
        for vote in failed:
            counts[vote.kind] = counts.get(vote.kind, 0) + 1
        yield f"failed {rater.failed_traps} of {rater.traps} traps: {_in_words(counts, rules)}"
    if rater.repeats >= rules.least_repeats and (rater.repeat_difference or 0) > rules.most_difference:
        yield (
            f"answers to the same differ by {rater.repeat_difference:.2f} levels on average, "
            f"more than {rules.most_difference:g}"
        )
    if rater.answers < rules.least_answers:
        return
    if rater.variance is not None and rater.variance < rules.least_variance:
        yield f"nearly always the same answer: variance {rater.variance:.2f}, less than {rules.least_variance:g}"
    if rater.shown_s is not None and rater.shown_s < rules.least_shown_s:
        yield f"looked for {rater.shown_s:.2f} s (median), less than {rules.least_shown_s:g} s"
    # By chance one rater in a hundred is so far from the rest.
    if judged >= rules.least_answers and (rater.agreement or 0) * math.sqrt(judged - 1) < -2.326:
        yield f"answers run against the others': rank correlation {rater.agreement:.2f}"


def _in_words(counts: Mapping[Kind, int], rules: Rules) -> str:
    words: dict[Kind, str] = {
        "reference": f"the camera's own photo at {rules.worst_reference} or lower",
        "input": f"the sharp photo at {rules.best_bad} or higher",
        "anchor": f"the blurred anchor at {rules.best_bad} or higher",
    }
    return ", ".join(f"{words[kind]} ({count} times)" if count > 1 else words[kind] for kind, count in counts.items())


def _differences(votes: Sequence[Vote]) -> list[int]:
    """Find how far the second answers to the same are from the first."""
    first: dict[tuple[str, str], int] = {}
    differences = []
    for vote in votes:
        if not vote.repeat:
            first.setdefault((vote.picture, vote.method), vote.level)
    for vote in votes:
        if vote.repeat and (vote.picture, vote.method) in first:
            differences.append(abs(vote.level - first[vote.picture, vote.method]))
    return differences
