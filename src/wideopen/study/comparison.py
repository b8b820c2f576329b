"""Comparison: which methods differ by more than chance, and the places that follow."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wideopen.shapes import Float
from wideopen.study.opinion import Table, load

LEVEL = 0.05
"""Below it a difference counts, after Holm's correction."""


@dataclass(frozen=True)
class Comparison:
    """One method against another."""

    first: str
    second: str
    pictures: int
    """On which both have votes."""
    raters: int
    """Who judged both."""
    difference: float | None
    """Mean over these pictures of the first's opinion less the second's, in levels."""
    effect: float | None
    """Rank-biserial correlation: 1 where the first is better on every picture, -1 where the second is."""
    p_pictures: float
    """Of no difference, Wilcoxon's, with pictures as units."""
    p_raters: float
    """The same with raters as units."""
    p: float
    """The larger of the two."""
    p_holm: float
    """The same, corrected for the number of comparisons."""

    @property
    def significant(self) -> bool:
        """Whether they differ by more than chance."""
        return self.p_holm < LEVEL


def compare(table: Table) -> tuple[Comparison, ...]:
    """Compare every two methods, paired by picture and by rater.

    Wilcoxon's signed-rank test, two-sided, twice: of the differences between the mean opinions of the two on each
    picture, and of those between each rater's mean opinions of the two, after what pictures differ by is taken off,
    as not everyone sees everything. The larger p counts, so that a difference holds for other pictures and for other
    people too (Clark 1973, "The Language-as-Fixed-Effect Fallacy": by items and by subjects); either alone takes what
    one sample happens to like for a fact. Units where both are equal are left out (Wilcoxon's own variant), as
    `scipy.stats.wilcoxon` does. Holm's step-down correction over all pairs (Holm 1979).
    """
    by_picture = _means(table.levels, 0)
    by_rater = _means(table.levels - _means(by_picture, 1)[None, :, None], 1)
    pairs = list(itertools.combinations(range(len(table.methods)), 2))
    tests = [
        (_test(by_picture[:, first], by_picture[:, second]), _test(by_rater[:, first], by_rater[:, second]))
        for first, second in pairs
    ]
    corrected = holm([max(pictures.p, raters.p) for pictures, raters in tests])
    return tuple(
        Comparison(
            table.methods[first],
            table.methods[second],
            pictures.units,
            raters.units,
            pictures.difference,
            pictures.effect,
            pictures.p,
            raters.p,
            max(pictures.p, raters.p),
            p_holm,
        )
        for (first, second), (pictures, raters), p_holm in zip(pairs, tests, corrected, strict=True)
    )


def fewest_units(methods: int) -> int:
    """Find how many pictures, and how many raters, it takes to tell so many methods apart if one always wins."""
    pairs = max(methods * (methods - 1) // 2, 1)
    return next(count for count in range(1, 64) if 2 * 0.5**count * pairs < LEVEL)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number by Holm's step-down procedure."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected, largest = [0.0] * len(p_values), 0.0
    for step, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[index]))
        corrected[index] = largest
    return corrected


def places(scores: Mapping[str, float | None], comparisons: Sequence[Comparison]) -> dict[str, tuple[int, bool]]:
    """Give methods their places, the highest opinion first.

    The best opens a place. Each next method shares it if it does not differ significantly from the one that opened
    it; else it opens its own, whose number is one more than that of methods above. Two methods at different places may
    therefore still not differ from one another; `compare` says which.

    Args:
        scores: Mean opinions, by method.
        comparisons: Of all of them.

    Returns:
        By method, in order of place: the place, and whether it is shared. Methods without a score are left out.
    """
    differ = {frozenset((each.first, each.second)) for each in comparisons if each.significant}
    order = sorted((name for name, score in scores.items() if score is not None), key=lambda name: -(scores[name] or 0))
    found: dict[str, int] = {}
    opener = ""
    for above, name in enumerate(order):
        if not opener or frozenset((opener, name)) in differ:
            opener = name
            found[name] = above + 1
        else:
            found[name] = found[opener]
    taken = list(found.values())
    return {name: (place, taken.count(place) > 1) for name, place in found.items()}


@dataclass(frozen=True)
class _Test:
    units: int
    difference: float | None
    effect: float | None
    p: float


def _means(levels: np.ndarray, axis: int) -> np.ndarray:
    """Average what is known along an axis; NaN where nothing is."""
    seen = ~np.isnan(levels)
    known = seen.sum(axis=axis)
    total = np.where(seen, levels, 0).sum(axis=axis)
    return np.divide(total, known, out=np.full(total.shape, np.nan), where=known > 0)


def _test(first: Float[np.ndarray, "units"], second: Float[np.ndarray, "units"]) -> _Test:
    """Compare two methods over units on which both are known."""
    stats = load("scipy.stats")
    both = ~np.isnan(first) & ~np.isnan(second)
    differences = first[both] - second[both]
    if not differences.size:
        return _Test(0, None, None, 1.0)
    # Means of the same levels in another order may differ in the last bit.
    differences = np.round(differences, 9)
    mean, moved = float(differences.mean()), differences[differences != 0]
    if not moved.size:
        return _Test(differences.size, mean, 0.0, 1.0)
    ranks = stats.rankdata(np.abs(moved))
    effect = float((ranks * np.sign(moved)).sum() / ranks.sum())
    return _Test(differences.size, mean, effect, float(stats.wilcoxon(moved).pvalue))
