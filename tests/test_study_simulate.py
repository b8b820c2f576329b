"""Simulated panels, of which the truth is known: intervals cover it, careless raters are found, forecasts hold."""

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import stats

from study_sitting import study_of, trials_of
from wideopen.errors import RequestError
from wideopen.study import sitting
from wideopen.study.comparison import compare
from wideopen.study.demand import demand
from wideopen.study.likelihood import most_likely
from wideopen.study.opinion import mean_opinion, opinion_of, table_of
from wideopen.study.report import report
from wideopen.study.screening import screen
from wideopen.study.simulate import Panel, simulate, true_opinion

pytest.importorskip("sureal")
QUALITIES = {"identity": 1.6, "gaussian": 2.8, "lens": 3.6, "best": 4.4}
MIXED = {"careful": 20, "careless": 4, "straight": 2, "reversed": 1}


@cache
def simulated(seed, *, pictures=20, trials=40, traps=2, repeats=4, **panel):
    study = study_of(QUALITIES, pictures, trials=trials, seed=seed, traps=traps > 0, repeats=repeats)
    study = replace(study, traps=traps)
    found = simulate(study, QUALITIES, Panel(**(panel or MIXED), seed=seed), trials_of)
    return study, found, table_of(study, found.votes)


def plain(seed, careful, **sizes):
    """Only careful people, no traps and no repeats."""
    return simulated(seed, traps=0, repeats=0, careful=careful, **sizes)


def kept_of(seed):
    _, found, table = simulated(seed)
    return table.of({rater.name for rater in screen(table, found.votes) if rater.kept})


def errors(table, study, found):
    """How far the plain mean of each method is from what careful people would think of these very pictures."""
    return [opinion_of(table.levels[:, :, layer]).mos - wanted for layer, wanted in enumerate(wanted_of(study, found))]


def wanted_of(study, found):
    return [np.mean([found.picture_truth[picture, name] for picture in study.pictures]) for name in QUALITIES]


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


def covered(studies, careful, **sizes):
    """Of each method: in how many studies the interval holds the truth."""
    hits = Counter()
    for seed in range(studies):
        _, found, table = plain(seed, careful, **sizes)
        for layer, name in enumerate(table.methods):
            low, high = opinion_of(table.levels[:, :, layer]).interval
            hits[name] += low <= found.truth[name] <= high
    return hits


def band(studies):
    """Within which a count of hits lies, but for one time in a thousand, if each interval covers with 95 %."""
    return stats.binom.interval(0.999, studies, 0.95)


def test_intervals_cover_the_truth_as_often_as_they_say():
    low, high = band(60)
    hits = covered(60, 16, pictures=16, trials=32)
    assert all(low <= count <= high for count in hits.values()), (hits, low, high)


@pytest.mark.slow
@pytest.mark.parametrize(("raters", "pictures", "trials"), [(16, 16, 32), (40, 12, 24), (15, 50, 60), (30, 24, 48)])
def test_intervals_cover_the_truth_in_studies_of_every_shape(raters, pictures, trials):
    low, high = band(400)
    hits = covered(400, raters, pictures=pictures, trials=trials)
    assert all(low <= count <= high for count in hits.values()), (hits, low, high)


def test_an_interval_over_raters_alone_would_be_too_narrow():
    hits = Counter()
    for seed in range(60):
        _, found, table = plain(seed, 16, pictures=16, trials=32)
        for layer, name in enumerate(table.methods):
            means = np.nanmean(table.levels[:, :, layer], axis=1)
            low, high = stats.t.interval(0.95, len(means) - 1, means.mean(), stats.sem(means))
            hits[name] += low <= found.truth[name] <= high
    assert sum(hits.values()) < 4 * band(60)[0]


def test_careless_and_straight_raters_are_found_and_careful_ones_are_not():
    shown, dropped = Counter(), Counter()
    for seed in range(20):
        _, found, table = simulated(seed)
        for rater in screen(table, found.votes):
            shown[found.characters[rater.name]] += 1
            dropped[found.characters[rater.name]] += not rater.kept
    rates = {character: dropped[character] / shown[character] for character in shown}
    assert rates["careless"] >= 0.9, rates
    assert rates["straight"] == 1
    assert rates["reversed"] == 1
    assert rates["careful"] <= 0.03, rates


def test_without_traps_and_repeats_most_careless_raters_are_still_found():
    shown, dropped = Counter(), Counter()
    for seed in range(10):
        _, found, table = simulated(seed, traps=0, repeats=0)
        for rater in screen(table, found.votes):
            shown[found.characters[rater.name]] += 1
            dropped[found.characters[rater.name]] += not rater.kept
    assert dropped["careless"] / shown["careless"] >= 0.5
    assert dropped["straight"] == shown["straight"]
    assert dropped["careful"] / shown["careful"] <= 0.03


def test_dropping_the_careless_brings_scores_nearer_to_the_truth():
    everyone, kept = [], []
    for seed in range(20):
        study, found, table = simulated(seed)
        everyone += errors(table, study, found)
        kept += errors(kept_of(seed), study, found)
    assert rms(kept) < 0.5 * rms(everyone), (rms(kept), rms(everyone))


def test_the_likeliest_scores_are_nearer_to_the_truth_than_plain_means():
    plain, likely = [], []
    for seed in range(12):
        study, found, table = simulated(seed)
        plain += errors(table, study, found)
        scores = most_likely(table).mos
        likely += [scores[name] - wanted for name, wanted in zip(QUALITIES, wanted_of(study, found), strict=True)]
    assert rms(likely) <= rms(plain), (rms(likely), rms(plain))


def test_equal_methods_are_seldom_told_apart_and_unequal_ones_mostly():
    qualities = {"one": 3.2, "same": 3.2, "better": 4.0}
    wrong = right = 0
    for seed in range(30):
        study = study_of(qualities, 20, trials=45, seed=seed, traps=False, repeats=0)
        found = simulate(study, qualities, Panel(careful=16, seed=seed), trials_of)
        of = {(each.first, each.second): each for each in compare(table_of(study, found.votes))}
        wrong += of["one", "same"].significant
        right += of["one", "better"].significant
    assert wrong <= stats.binom.ppf(0.999, 30, 0.05)
    assert right >= 25


def test_what_some_people_happen_to_like_is_not_taken_for_a_fact():
    qualities = {"one": 3.2, "same": 3.2}
    over_both = over_pictures = 0
    for seed in range(40):
        study = study_of(qualities, 40, trials=60, seed=seed, traps=False, repeats=0)
        found = simulate(study, qualities, Panel(careful=12, preference=0.5, suitability=0.1, seed=seed), trials_of)
        each = compare(table_of(study, found.votes))[0]
        over_both += each.p < 0.05
        over_pictures += each.p_pictures < 0.05
    assert over_pictures > stats.binom.ppf(0.999, 40, 0.05), "pictures alone would mislead"
    assert over_both <= stats.binom.ppf(0.999, 40, 0.05)


def widths(careful, wanted, **sizes):
    """What twelve studies forecast for one method, in the middle."""
    found = [demand(mean_opinion(plain(seed, careful, **sizes)[2].levels[:, :, 2])[1], wanted) for seed in range(12)]
    known = [each for each in found if each.votes_per_picture is not None]
    return (
        np.median([each.half_width for each in found]),
        np.median([each.votes_per_picture for each in known]) if known else None,
        np.median([each.pictures for each in found]),
    )


def test_so_many_votes_as_forecast_bring_the_wanted_width():
    alike = {"pictures": 30, "trials": 60, "difficulty": 0.15, "suitability": 0.1}
    now, votes, _ = widths(10, 0.2, **alike)
    assert now > 0.25
    # Half of the results are in each sitting.
    assert widths(round(2 * votes), 0.2, **alike)[0] == pytest.approx(0.2, rel=0.12)


def test_so_many_pictures_as_forecast_bring_the_wanted_width():
    now, _, pictures = widths(16, 0.25, pictures=12, trials=24)
    assert now > 0.35
    more = round(pictures)
    assert widths(round(16 * more / 12), 0.25, pictures=more, trials=24)[0] == pytest.approx(0.25, rel=0.12)


def test_where_pictures_differ_too_much_no_number_of_votes_is_enough():
    _, _, table = plain(0, 20, pictures=10, trials=40, difficulty=1.2)
    found = demand(mean_opinion(table.levels[:, :, 2])[1], 0.1)
    assert (found.votes, found.votes_per_picture) == (None, None)
    assert found.pictures > 10


def test_nothing_more_is_needed_where_the_interval_is_narrow_and_nothing_known_without_one():
    same = mean_opinion(np.full((5, 5), 4.0))[1]
    assert (demand(same).votes, demand(same).votes_per_picture) == (0, 5)
    assert demand(None).half_width is None


def test_the_truth_is_the_mean_of_very_many_answers():
    panel = Panel()
    draw = np.random.default_rng(0)
    size = 400_000
    noise = draw.normal(0, 1, size) * draw.uniform(*panel.inconsistency, size)
    for quality in (1.2, 3.1, 4.8):
        seen = quality + draw.normal(0, panel.bias, size) + draw.normal(0, panel.preference, size) + noise
        assert np.clip(np.rint(seen), 1, 5).mean() == pytest.approx(true_opinion(quality, panel), abs=0.01)
        seen += draw.normal(0, 0.6, size)
        assert np.clip(np.rint(seen), 1, 5).mean() == pytest.approx(true_opinion(quality, panel, 0.36), abs=0.01)


def test_the_same_seed_gives_the_same_votes_and_another_does_not():
    study = study_of(QUALITIES, 5)
    votes = [simulate(study, QUALITIES, Panel(careful=3, seed=seed), trials_of).votes for seed in (1, 1, 2)]
    assert votes[0] == votes[1] != votes[2]


def test_a_simulated_panel_sits_as_people_do():
    study = study_of(QUALITIES, 12, trials=24)
    found = simulate(study, QUALITIES, Panel(careful=12), sitting.trials_of)
    assert len(found.votes) == sum(len(sitting.trials_of(study, number)) for number in range(12))
    made = report(study, found.votes)
    assert made.simulated
    assert [method.name for method in made.methods] == ["best", "lens", "gaussian", "identity"]


def test_simulated_votes_never_enter_a_study_of_people():
    with pytest.raises(RequestError, match="only go into a simulated study"):
        simulate(study_of(QUALITIES, 2, simulated=False), QUALITIES, Panel(), trials_of)
    with pytest.raises(RequestError, match="'lens' has no quality"):
        simulate(study_of(["lens"], 2), {}, Panel(), trials_of)
