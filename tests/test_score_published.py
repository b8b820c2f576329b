"""The report's tables against a second transcription, and the quotations of what it contradicts."""

import pytest

from wideopen.score.leaderboard import ranked, warnings_of
from wideopen.score.published import CONTRADICTIONS, CPU_TRACK, GPU_TRACK, TABLES
from wideopen.zoo.catalog import SOLUTIONS, solution

# Typed from the report a second time, column by column as its pages have them: team, framework, runtime, PSNR, SSIM,
# MOS, place.
TABLE_1 = """
Airia-bokeh          TF  5.52  23.58 .8770 4.2 1
AIA-Smart            PT  1.71  23.56 .8829 3.8 2
CET_SP               TF  1.17  21.91 .8201 3.3 3
CET_CVLab            TF  1.17  23.05 .8591 3.2 4
Team.Horizon         PT 19.27  23.27 .8818 3.2 4
IPCV_IITM            PT 27.24  23.77 .8866 2.5 6
CET21_CV             TF  0.74  22.80 .8628 1.3 7
CET_ECE              TF  0.74  22.85 .8629 1.2 8
xuehuapiaopiao-team  TF  -     22.98 .8758 -   -
Terminator           TF  -     23.04 .8756 -   -
"""
TABLE_2 = """
Airia-bokeh   TF  1.52 23.58 .8770 4.2 1
AIA-Smart     PT 15.2  22.94 .8842 4.0 2
CET_CVLab     TF  2.75 23.05 .8591 3.2 3
Team.Horizon  PT  -    23.27 .8818 3.2 3
"""


def number(word):
    return None if word == "-" else float(word)


@pytest.mark.parametrize(("text", "scores"), [(TABLE_1, CPU_TRACK), (TABLE_2, GPU_TRACK)])
def test_figures_and_places_agree_with_a_second_transcription(text, scores):
    lines = [line.split() for line in text.strip().splitlines()]
    rows = ranked(scores)
    assert len(lines) == len(rows)
    for (team, framework, runtime, psnr, ssim, mos, place), row in zip(lines, rows, strict=True):
        score = row.score
        assert score.team == team.replace(".", " ")
        assert score.framework == {"TF": "TensorFlow", "PT": "PyTorch"}[framework]
        assert (score.runtime_s, score.psnr_db, score.ssim, score.mos) == tuple(map(number, (runtime, psnr, ssim, mos)))
        assert row.rank == number(place)


def test_the_catalogue_says_the_same():
    for score in (*CPU_TRACK, *GPU_TRACK):
        known = solution(score.solution)
        assert (known.psnr_db, known.ssim, known.mos) == (score.psnr_db, score.ssim, score.mos)
        assert (known.team, known.framework, known.hardware) == (score.team, score.framework, score.hardware)
    named = {score.solution for score in (*CPU_TRACK, *GPU_TRACK)}
    assert named == {each.name for each in SOLUTIONS if each.psnr_db is not None}


def test_every_row_says_where_it_is_from_and_that_its_protocol_is_not_known():
    for track, table in TABLES.items():
        for score in table:
            assert (score.track, score.origin, score.images) == (track, "published", 200)
            assert score.source == {"cpu": "AIM 2020 report, Table 1", "gpu": "AIM 2020 report, Table 2"}[track]
            assert any("never published" in note for note in score.notes)
            assert score.author


def test_footnotes_are_kept():
    out = [score.solution for score in CPU_TRACK if score.unranked]
    assert out == ["xuehuapiaopiao", "terminator"]
    assert all("depth maps" in score.unranked for score in CPU_TRACK if score.unranked)
    horizon = GPU_TRACK[-1]
    assert horizon.solution == "team-horizon"
    assert horizon.runtime_s is None
    assert not horizon.unranked
    assert any("NCHW" in note for note in horizon.notes)
    assert not any("NCHW" in note for score in (*CPU_TRACK, *GPU_TRACK[:-1]) for note in score.notes)


def test_the_tables_alone_mix_nothing():
    assert warnings_of([*CPU_TRACK, *GPU_TRACK]) == ()


def test_contradictions_quote_two_places_or_more():
    for each in CONTRADICTIONS:
        assert each.question.endswith("?")
        assert len({quote.text for quote in each.quotations}) >= 2
        assert all(quote.where and 2 <= len(quote.text.split()) <= 22 for quote in each.quotations)
    said = " ".join(quote.text for each in CONTRADICTIONS for quote in each.quotations)
    for words in (
        "Nvidia GPU cards",
        "desktop CPUs",
        "7D",
        "70D",
        "only 9 teams",
        "5K",
        "10 thousand",
        "self-reported",
    ):
        assert words in said
