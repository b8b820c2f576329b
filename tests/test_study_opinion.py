"""Mean opinions and their intervals, comparisons of methods, and agreement of raters."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from study_sitting import study_of
from wideopen.errors import RequestError
from wideopen.study.agreement import alpha, with_the_rest
from wideopen.study.comparison import Comparison, compare, fewest_units, holm, places
from wideopen.study.opinion import Table, counted, mean_opinion, opinion_of, picture_opinion, table_of
from wideopen.study.vote import Vote

NONE = np.nan
LEVELS = arrays(
    np.float64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.sampled_from([NONE, 1, 2, 3, 5])
)


def panel(*rows):
    return np.array(rows, dtype=float)


def table(means, raters=2):
    """The answers of raters who all say the same: these, by picture and method."""
    levels = np.stack([np.array(means, dtype=float)] * raters)
    methods = tuple("abcdefgh"[: levels.shape[2]])
    return Table(tuple(map(str, range(raters))), tuple(map(str, range(levels.shape[1]))), methods, levels)


def test_votes_are_averaged_per_picture_and_then_over_pictures():
    levels = panel([5, 1], [5, NONE], [5, NONE], [1, NONE])
    opinion = opinion_of(levels)
    assert opinion.mos == 2.5, "not the mean of all votes, which is 3.4"
    assert (opinion.votes, opinion.raters, opinion.pictures) == (5, 4, 2)
    assert opinion.levels == (2, 0, 0, 0, 3)


def test_traps_repeats_and_votes_that_were_changed_do_not_count():
    study = study_of(["lens"], 2)
    votes = [
        Vote("r", 0, "picture-00", "lens", 1),
        Vote("r", 0, "picture-00", "lens", 4),
        Vote("r", 1, "picture-00", "camera", 2, "reference"),
        Vote("r", 2, "picture-00", "lens", 2, repeat=True),
        Vote("r", 3, "picture-00", "lens", 3),
    ]
    assert [vote.level for vote in counted(votes)] == [4]
    levels = table_of(study, votes).levels
    assert levels.shape == (1, 2, 1)
    assert levels[0, 0, 0] == 4
    assert np.isnan(levels[0, 1, 0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"method": "other"}, "a vote is of other"),
        ({"picture": "elsewhere"}, "on elsewhere"),
        ({"kind": "anchor"}, r"lens \(anchor\)"),
        ({"level": 6}, "opinions go from 1 to 5"),
    ],
)
def test_votes_of_another_study_are_refused(change, said):
    vote = replace(Vote("r", 0, "picture-00", "lens", 3), **change)
    with pytest.raises(RequestError, match=said):
        table_of(study_of(["lens"], 1), [vote])


def test_where_everyone_saw_everything_the_parts_are_the_variances_of_means():
    levels = np.random.default_rng(1).integers(1, 6, (7, 9)).astype(float)
    mos, parts = mean_opinion(levels)
    assert mos == pytest.approx(levels.mean())
    assert parts.raters == pytest.approx(levels.mean(axis=1).var(ddof=1) / 7)
    assert parts.pictures == pytest.approx(levels.mean(axis=0).var(ddof=1) / 9)
    both = parts.raters + parts.pictures - ((levels - mos) ** 2).sum() / 63**2
    assert parts.both == pytest.approx(max(both, parts.raters, parts.pictures))
    within = levels.var(axis=0, ddof=1).mean() / 63
    assert parts.within == pytest.approx(min(within, parts.pictures))


def test_an_interval_counts_what_raters_and_what_pictures_differ_by():
    raters = np.repeat([[1.0], [2], [4], [5]], 4, axis=1)
    for levels in (raters, raters.T):
        low, high = opinion_of(levels).interval
        half = stats.t.ppf(0.975, 3) * np.std([1, 2, 4, 5], ddof=1) / 2
        assert (low, high) == (max(1, 3 - half), min(5, 3 + half))
    steady = np.repeat([[2.8], [2.9], [3.1], [3.2]], 4, axis=1)
    low, high = opinion_of(steady).interval
    assert high - low == pytest.approx(2 * stats.t.ppf(0.975, 3) * np.std([2.8, 2.9, 3.1, 3.2], ddof=1) / 2)


def test_without_a_second_rater_or_picture_there_is_no_interval():
    assert opinion_of(panel([1, 5, 3])).interval is None
    assert opinion_of(panel([1], [5])).interval is None
    assert opinion_of(panel([NONE, NONE])).mos is None
    assert opinion_of(panel([4, 4], [4, 4])).interval == (4, 4)


@given(LEVELS)
def test_an_interval_holds_its_score_and_stays_on_the_scale(levels):
    opinion = opinion_of(levels)
    assert (opinion.mos is None) == bool(np.isnan(levels).all())
    if opinion.interval is not None:
        low, high = opinion.interval
        assert 1 <= low <= opinion.mos + 1e-9
        assert opinion.mos - 1e-9 <= high <= 5
        assert math.isfinite(low + high)


def test_a_picture_has_the_t_interval_of_its_raters():
    levels = np.array([2, 3, NONE, 3, 4, 3])
    mean, interval, votes = picture_opinion(levels)
    known = levels[~np.isnan(levels)]
    assert (mean, votes) == (3, 5)
    assert interval == pytest.approx(stats.t.interval(0.95, 4, known.mean(), stats.sem(known)))
    assert picture_opinion(np.array([NONE])) == (None, None, 0)
    assert picture_opinion(np.array([2.0, NONE])) == (2, None, 1)


def test_methods_are_compared_by_wilcoxons_test_over_pictures_and_over_raters():
    levels = np.random.default_rng(4).integers(1, 6, (11, 15, 3)).astype(float)
    names = (tuple(map(str, range(11))), tuple(map(str, range(15))), ("a", "b", "c"))
    found = compare(Table(*names, levels))
    assert [(each.first, each.second) for each in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    for each, pair in zip(found, itertools.combinations(range(3), 2), strict=True):
        differences = levels[:, :, pair[0]] - levels[:, :, pair[1]]
        for axis, p in ((0, each.p_pictures), (1, each.p_raters)):
            assert p == pytest.approx(stats.wilcoxon(np.round(differences.mean(axis=axis), 9)).pvalue)
        assert each.p == max(each.p_pictures, each.p_raters)
        assert each.difference == pytest.approx(differences.mean())
        assert (each.pictures, each.raters) == (15, 11)


def test_that_raters_saw_pictures_of_other_difficulty_does_not_count():
    levels = np.full((12, 12, 2), NONE)
    difficulty = np.linspace(1, 4, 12)
    for rater in range(12):
        levels[rater, :6, rater % 2] = difficulty[:6]
        levels[rater, 6:, 1 - rater % 2] = difficulty[6:]
    names = tuple(map(str, range(12)))
    found = compare(Table(names, names, ("a", "b"), levels))[0]
    assert (found.p_pictures, found.p_raters, found.effect) == (1, 1, 0)


def test_the_effect_is_one_where_a_method_always_wins_and_zero_where_all_is_equal():
    first = np.linspace(2, 4, 10)
    won, equal, lost = compare(table(np.stack([first, first - 0.5, first], axis=1), raters=9))
    assert (won.effect, equal.effect, lost.effect) == (1, 0, -1)
    assert won.significant
    assert (equal.p, equal.significant) == (1, False)
    few = compare(table(np.stack([first, first - 0.5], axis=1), raters=5))[0]
    assert few.p_pictures < 0.05 < few.p_raters == few.p, "five people are not all people"
    nothing = compare(table(np.full((3, 2), NONE)))[0]
    assert (nothing.pictures, nothing.raters, nothing.difference, nothing.effect, nothing.p_holm) == (
        0,
        0,
        None,
        None,
        1,
    )


def test_holms_correction_is_that_of_his_procedure():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1, 1]
    assert holm([]) == []


@pytest.mark.parametrize("methods", [2, 3, 6])
def test_so_few_pictures_or_raters_can_just_tell_methods_apart(methods):
    fewest = fewest_units(methods)
    pairs = methods * (methods - 1) / 2
    for count, differ in ((fewest, True), (fewest - 1, False)):
        p = stats.wilcoxon(np.arange(1.0, count + 1)).pvalue
        assert bool(p * pairs < 0.05) is differ


def test_methods_share_the_place_of_the_one_that_opened_it():
    def pair(first, second, p):
        return Comparison(first, second, 9, 9, 0.1, 0.1, p, p, p, p)

    scores = {"d": 1.0, "a": 4.0, "b": 3.9, "c": 3.8, "none": None}
    comparisons = [pair("a", "b", 0.5), pair("c", "a", 0.01), pair("b", "c", 0.5), pair("c", "d", 0.5)]
    comparisons += [pair("a", "d", 0.01), pair("b", "d", 0.01)]
    assert places(scores, comparisons) == {"a": (1, True), "b": (1, True), "c": (3, True), "d": (3, True)}
    assert list(places(scores, comparisons)) == ["a", "b", "c", "d"]
    assert places({"a": 3.0}, []) == {"a": (1, False)}


def test_alpha_is_that_of_krippendorffs_own_example():
    # "Computing Krippendorff's Alpha-Reliability" (2011), section C; ordinal data.
    answers = panel(
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
        [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
    )
    assert alpha(answers) == pytest.approx(0.815, abs=5e-4)


def test_alpha_worked_out_by_hand():
    # Pairs (1, 1), (2, 2), (1, 2): values 1 and 2 three times each, so every distance is the same.
    # Observed 1 of 3 pairs, expected 2 * 3 * 3 / (6 * 5) = 0.6 of them.
    assert alpha(panel([1, 2, 1], [1, 2, 2])) == pytest.approx(1 - (1 / 3) / 0.6)
    assert alpha(panel([3, 3], [3, 3])) is None
    assert alpha(panel([3, 4])) is None


def test_raters_are_ranked_with_the_rest():
    levels = np.random.default_rng(2).integers(1, 6, (4, 30)).astype(float)
    levels[1, 5] = NONE
    found = with_the_rest(levels)
    rest = levels[[0, 2, 3]].mean(axis=0)
    seen = ~np.isnan(levels[1])
    assert found[1] == pytest.approx(stats.spearmanr(levels[1][seen], rest[seen]).statistic)
    assert with_the_rest(panel([3, 3, 3], [1, 2, 3])) == [None, None]
    assert with_the_rest(panel([1, 2, 3])) == [None]
