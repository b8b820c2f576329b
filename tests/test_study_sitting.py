"""Sittings: even, apart, and for ever the same."""

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wideopen.study.plan import Study
from wideopen.study.sitting import APART, fingerprint, trials_of
from wideopen.study.training import training_of
from wideopen.study.vote import LEVELS

KINDS = {"camera": "reference", "sharp": "input", "blurred": "anchor"}


def study_of(methods, pictures, *, traps=True, **plan):
    names = tuple(f"picture-{number}" for number in range(pictures))
    kinds = {f"method-{number}": "result" for number in range(methods)} | (KINDS if traps else {})
    known = {"title": "", "files": {}, "sizes": {}, "seed": 3, "created": "2026-01-02T03:04:05+00:00"}
    return Study(methods=kinds, pictures=names, **(known | plan))


studies = st.builds(
    study_of,
    st.integers(1, 12),
    st.integers(1, 20),
    traps=st.booleans(),
    seed=st.integers(0, 2**40),
    trials=st.integers(1, 70),
    repeats=st.integers(0, 6),
)
some = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def counted(trials):
    return [(trial.picture, trial.method) for trial in trials if trial.kind == "result" and not trial.repeat]


def cells(study):
    return len(study.pictures) * sum(kind == "result" for kind in study.methods.values())


@some
@given(studies, st.integers(1, 25))
def test_results_are_given_out_evenly_after_any_number_of_raters(study, raters):
    seen = Counter()
    for number in range(raters):
        seen.update(counted(trials_of(study, number)))
        counts = [*seen.values(), *[0] * (cells(study) - len(seen))]
        assert max(counts) - min(counts) <= 1


@some
@given(studies, st.integers(0, 40))
def test_a_sitting_has_what_the_plan_says(study, number):
    trials = trials_of(study, number)
    shown = counted(trials)
    assert len(shown) == len(set(shown)) == min(study.trials, cells(study))
    repeats = [(trial.picture, trial.method) for trial in trials if trial.repeat]
    assert len(repeats) == len(set(repeats)) == min(study.repeats, len(shown))
    assert set(repeats) <= set(shown)
    for name, kind in study.methods.items():
        if kind != "result":
            assert sum(trial.method == name for trial in trials) == min(study.traps, len(study.pictures))
    assert all(study.methods[trial.method] == trial.kind for trial in trials)
    assert trials_of(study, number) == trials


@some
@given(studies, st.integers(0, 40))
def test_a_repeat_comes_late_and_never_before_the_first_showing(study, number):
    trials = trials_of(study, number)
    for place, trial in enumerate(trials):
        if trial.repeat:
            first = trials.index(replace(trial, repeat=False))
            assert first < place
            if len(counted(trials)) >= 4 * APART + study.repeats:
                assert place - first >= APART


@some
@given(st.integers(2, 12), st.integers(6, 20), st.integers(0, 2**40), st.integers(0, 40))
def test_a_picture_does_not_follow_itself(methods, pictures, seed, number):
    trials = trials_of(study_of(methods, pictures, seed=seed), number)
    assert all(one.picture != two.picture for one, two in pairwise(trials))


@pytest.mark.parametrize(("methods", "pictures", "clashes"), [(5, 1, 4), (3, 2, 0), (1, 2, 0)])
def test_a_picture_follows_itself_only_where_it_must(methods, pictures, clashes):
    study = study_of(methods, pictures, traps=False, repeats=0)
    for number in range(20):
        trials = trials_of(study, number)
        assert sum(one.picture == two.picture for one, two in pairwise(trials)) == clashes


@some
@given(st.integers(2, 12), st.integers(12, 40), st.integers(0, 2**40), st.integers(0, 30))
def test_a_rater_sees_all_methods_about_equally_often(methods, pictures, seed, number):
    trials = trials_of(study_of(methods, pictures, seed=seed), number)
    counts = Counter(method for _, method in counted(trials))
    assert max(counts.values()) - min(counts.values()) <= 3


@some
@given(st.integers(0, 2**40), st.integers(0, 40))
def test_traps_are_spread(seed, number):
    trials = trials_of(study_of(12, 20, seed=seed, trials=60, repeats=0), number)
    places = [place for place, trial in enumerate(trials) if trial.kind != "result"]
    assert len(places) == 6
    assert places[0] > 0
    part = len(trials) / 6
    assert all(part * index - 1 <= place <= part * (index + 1) + 1 for index, place in enumerate(places))


def test_raters_have_orders_of_their_own():
    study = study_of(2, 3)
    assert len({trials_of(study, number) for number in range(10)}) == 10


def test_other_seeds_give_other_sittings():
    assert trials_of(study_of(4, 5, seed=1), 0) != trials_of(study_of(4, 5, seed=2), 0)


def test_a_sitting_is_the_same_in_every_version_of_python():
    trials = trials_of(study_of(2, 3, seed=11, repeats=1), 5)
    short = {"method-0": "a", "method-1": "b", "camera": "R", "sharp": "I", "blurred": "A"}
    said = " ".join(f"{trial.picture[-1]}{short[trial.method]}{'+' * trial.repeat}" for trial in trials)
    assert said == "1a 2R 1I 0b 1R 2a 1A 0a 0I 1a+ 2b 0A 1b"


def test_sittings_do_not_depend_on_who_asked_before():
    plan = {"trials": 7}
    late = trials_of(study_of(3, 5, seed=99, **plan), 30)
    for number in range(31):
        early = trials_of(study_of(3, 5, seed=99, **plan), number)
    assert late == early


def test_what_decides_sittings_changes_the_fingerprint():
    study = study_of(2, 3)
    assert fingerprint(study) == fingerprint(replace(study, title="Another", votes_wanted=3, phones=True))
    others = [
        replace(study, seed=4),
        replace(study, created="2027-01-01T00:00:00+00:00"),
        replace(study, pictures=study.pictures[::-1]),
        replace(study, methods=dict(reversed(study.methods.items()))),
        replace(study, trials=5),
        replace(study, repeats=1),
        replace(study, traps=1),
    ]
    assert len({fingerprint(each) for each in [study, *others]}) == 8


def test_a_study_without_results_has_traps_alone():
    assert {trial.kind for trial in trials_of(study_of(0, 3), 0)} == {"reference", "input", "anchor"}


def test_training_shows_one_example_of_each_trap_and_no_result():
    study = study_of(3, 4)
    examples = training_of(study)
    assert [study.methods[example.method] for example in examples] == ["reference", "anchor", "input"]
    assert all(set(example.expected) < set(LEVELS) and example.explanation for example in examples)
    assert training_of(study_of(3, 4, traps=False)) == ()
    assert json.dumps([example.expected for example in examples]) == "[[5], [1, 2, 3], [1, 2, 3]]"
