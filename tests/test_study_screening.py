"""Who is dropped and why; SUREAL as a reference, and as what finds the likeliest scores."""

import contextlib
import io
from types import SimpleNamespace

import numpy as np
import pytest

from study_sitting import study_of
from wideopen.study.likelihood import LEAST_ANSWERS, most_likely, without_bias
from wideopen.study.opinion import Table, table_of
from wideopen.study.screening import Rules, bt500, screen
from wideopen.study.vote import Vote

pytest.importorskip("sureal")


def sureal(model, levels, **settings):
    """Ask SUREAL itself; its own warnings of 0/0 are not ours."""
    from sureal import subjective_model
    from sureal.dataset_reader import RawDatasetReader

    shots = [
        {"content_id": 0, "asset_id": index, "path": str(index), "os": [float(each) for each in column]}
        for index, column in enumerate(levels.T)
    ]
    reader = RawDatasetReader(SimpleNamespace(ref_videos=[{"content_id": 0, "path": ""}], dis_videos=shots))
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        return getattr(subjective_model, model)(reader).run_modeling(**settings)


def noisy(raters, stimuli, noise, seed=0):
    draw = np.random.default_rng(seed)
    quality = draw.uniform(1.5, 4.5, stimuli)
    return np.clip(np.rint(quality + draw.normal(0, 1, (raters, stimuli)) * np.array(noise)[:, None]), 1, 5)


def table(levels):
    names = tuple(f"r{index:02d}" for index in range(len(levels)))
    return Table(names, tuple(map(str, range(levels.shape[1]))), ("lens",), levels[:, :, None])


def answers(levels, *, rater="r", method="lens", kind="result", start=0, shown_s=4.0, repeat=False):
    return [
        Vote(rater, start + index, f"picture-{index:02d}", method, level, kind, repeat, shown_s=shown_s)
        for index, level in enumerate(levels)
    ]


def judged(votes, rules=None, others=6, pictures=24):
    """Screen one rater among others who agree on quality that rises and falls."""
    study = study_of(["lens"], pictures)
    draw = np.random.default_rng(1)
    crowd = [
        vote
        for number in range(others)
        for vote in answers(
            [int(np.clip(1 + index % 5 + draw.integers(-1, 2), 1, 5)) for index in range(pictures)], rater=f"o{number}"
        )
    ]
    every = [*crowd, *votes]
    found = {rater.name: rater for rater in screen(table_of(study, every), every, rules)}
    assert all(rater.kept for name, rater in found.items() if name != "r"), "the crowd is careful"
    return found["r"]


CAREFUL = [1 + index % 5 for index in range(24)]


def test_bt500_rejects_whom_sureal_rejects():
    levels = noisy(24, 60, [0.3] * 20 + [1.8, 2.0, 2.2, 2.5])
    assert (levels.std(axis=0) > 0).all(), "on stimuli without any difference SUREAL counts everyone twice"
    above, below, rejected = bt500(levels, ddof=0)
    found = sureal("SubjrejMosModel", levels)
    assert rejected.any()
    assert not rejected[:20].any()
    assert rejected.tolist() == found["observer_rejected"]
    assert ((above + below) / 60).tolist() == pytest.approx(list(found["observer_rejected_1st_stats"]))
    lopsided = np.array(found["observer_rejected_2nd_stats"])
    far = above + below > 0
    assert (np.abs(above - below)[far] / (above + below)[far]).tolist() == pytest.approx(lopsided[far].tolist())


def test_bt500_counts_far_answers_by_hand():
    # Ten answers 3 and 4 in turn and one 1: m4/m2^2 is 5.02, so the reach is sqrt(20) S, and nobody is so far off.
    plain = np.array([[3.0, 4] * 5 + [1]]).T
    assert [counts.tolist() for counts in bt500(plain)[:2]] == [[0] * 11, [0] * 11]
    # 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5 and 3 have a kurtosis of 2.1: the reach is 2 S = 2.5, beyond all.
    near = np.array([[1.0, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 3]]).T
    assert bt500(near)[0].sum() + bt500(near)[1].sum() == 0
    # 2, 3 (eight times), 4, 4, 4 and 5: kurtosis 3.6, mean 3.31, S 0.75; only 5 is beyond 4.81.
    far = np.array([[2.0] + [3] * 8 + [4] * 3 + [5]]).T
    above, below, _ = bt500(far)
    assert np.flatnonzero(above).tolist() == [12]
    assert below.sum() == 0


def test_bt500_counts_nobody_where_all_agree_or_one_alone_answers():
    levels = np.array([[3.0, 2, np.nan], [3, np.nan, np.nan], [3, np.nan, 1]])
    above, below, rejected = bt500(levels)
    assert above.sum() + below.sum() + rejected.sum() == 0


def test_bias_is_removed_as_sureal_removes_it():
    levels = noisy(9, 40, [0.5] * 9, seed=3)
    levels[np.random.default_rng(5).random(levels.shape) < 0.4] = np.nan
    levels[:, ~(~np.isnan(levels)).any(axis=0)] = 3
    found = sureal("BiasremvMosModel", levels)
    assert np.nanmean(without_bias(levels), axis=0) == pytest.approx(np.array(found["quality_scores"]))
    shifted = noisy(9, 40, [0.1] * 9) - np.arange(9)[:, None]
    assert np.ptp(without_bias(shifted).mean(axis=1)) == pytest.approx(0)


def test_the_likeliest_scores_solve_their_equations_with_votes_missing(capsys):
    levels = noisy(12, 50, [0.4] * 9 + [1.5] * 3, seed=2)
    levels[np.random.default_rng(3).random(levels.shape) < 0.5] = np.nan
    found = most_likely(table(levels))
    assert capsys.readouterr().out == "", "SUREAL tells of every step"
    bias = np.array([found.bias[name] for name in sorted(found.bias)])
    noise = np.array([found.inconsistency[name] for name in sorted(found.inconsistency)])
    weights = np.where(np.isnan(levels), 0, 1 / noise[:, None] ** 2)
    quality = (weights * np.nan_to_num(levels - bias[:, None])).sum(axis=0) / weights.sum(axis=0)
    assert found.mos["lens"] == pytest.approx(quality.mean(), abs=1e-4)
    residue = levels - bias[:, None] - quality
    assert np.nanmean(residue, axis=1) == pytest.approx(0, abs=1e-4)
    assert np.nanstd(residue, axis=1) == pytest.approx(noise, abs=1e-4)
    assert noise[9:].min() > noise[:9].max()


def test_a_rater_with_few_answers_is_not_believed_above_all_others():
    levels = np.vstack([noisy(6, 20, [0.5] * 6), np.full(20, np.nan)])
    levels[6, : LEAST_ANSWERS - 1] = 5
    found = most_likely(table(levels))
    assert found.mos == most_likely(table(levels[:6])).mos
    assert "r06" not in found.bias
    assert most_likely(table(levels[5:])) is None


def test_a_careful_rater_is_kept():
    traps = answers([5, 4], method="camera", kind="reference", start=30)
    traps += answers([1, 3], method="blurred", kind="anchor", start=40)
    again = answers(CAREFUL[:4], start=50, repeat=True)
    rater = judged([*answers(CAREFUL), *traps, *again])
    assert rater.kept
    assert (rater.traps, rater.failed_traps, rater.repeats, rater.repeat_difference) == (4, 0, 4, 0)
    assert (rater.answers, rater.shown_s) == (32, 4.0)
    assert rater.agreement > 0.8


def test_failed_traps_drop_a_rater_and_one_slip_does_not():
    slip = answers([3, 5], method="camera", kind="reference", start=30)
    assert judged([*answers(CAREFUL), *slip]).kept
    failed = answers([3, 2], method="camera", kind="reference", start=30)
    failed += answers([4], method="blurred", kind="anchor", start=40) + answers(
        [3], method="sharp", kind="input", start=50
    )
    rater = judged([*answers(CAREFUL), *failed])
    assert rater.failed_traps == 3
    assert rater.reasons == (
        "failed 3 of 4 traps: the camera's own photo at 3 or lower (2 times), the blurred anchor at 4 or higher",
    )
    assert judged([*answers(CAREFUL), *failed], Rules(failed_traps=4)).kept


def test_a_straight_liner_is_dropped():
    assert any("nearly always the same" in reason for reason in judged(answers([3] * 23 + [4])).reasons)
    assert not any("nearly always" in reason for reason in judged(answers([3] * 4)).reasons), "too few answers to tell"


def test_answers_to_the_same_that_differ_drop_a_rater():
    again = answers([5, 5, 1, 1], start=30, repeat=True)
    rater = judged([*answers(CAREFUL), *again])
    assert rater.repeat_difference == 3
    assert any("differ by 3.00 levels" in reason for reason in rater.reasons)
    assert judged([*answers(CAREFUL), *again[:2]]).kept, "two repeats are too few"


def test_who_hardly_looks_is_dropped():
    assert "looked for 0.40 s" in judged(answers(CAREFUL, shown_s=0.4)).reasons[0]
    assert judged(answers(CAREFUL, shown_s=None)).kept


def test_a_scale_upside_down_is_found():
    rater = judged(answers([6 - level for level in CAREFUL]))
    assert rater.agreement < -0.8
    assert any("run against the others" in reason for reason in rater.reasons)


def test_whom_bt500_rejects_is_dropped_in_words():
    draw = np.random.default_rng(1)
    wild = [int(draw.choice([1, 5])) for _ in range(24)]
    study = study_of(["lens"], 24)
    crowd = [
        vote
        for number in range(24)
        for vote in answers(np.rint(draw.normal(3, 0.8, 24)).astype(int).clip(1, 5).tolist(), rater=f"o{number:02d}")
    ]
    votes = [*crowd, *answers(wild)]
    rater = screen(table_of(study, votes), votes)[-1]
    assert rater.name == "r"
    assert any(reason.startswith(f"rejected by BT.500: {rater.above + rater.below} of 24") for reason in rater.reasons)
