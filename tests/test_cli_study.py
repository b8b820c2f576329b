"""The commands of a study, as a shell calls them: from pictures to opinions in the Score files."""

import json

import numpy as np
import pytest
from PIL import Image

from command import refuses


def save(path, seed, shape=(48, 64, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)).save(path)


@pytest.fixture
def pictures(tmp_path):
    for number in range(4):
        for part, seed in (("pairs/original", 0), ("pairs/bokeh", 10), ("good", 20), ("bad", 30)):
            save(tmp_path / part / f"{number}.png", seed + number)


NEW = ("study", "new", "study", "--pairs", "pairs", "--results", "good=good", "--results", "bad=bad")


def test_a_simulated_study_ends_in_the_score_files(wideopen, pictures, tmp_path):
    assert wideopen("score", "good", "--pairs", "pairs", "-o", "good.json", "--gallery", "0", "--jobs", "1")[0] == 0
    code, out, err = wideopen(*NEW, "--simulated", "--score", "good=good.json", "--trials", "8", "--json")
    assert code == 0, err
    assert json.loads(out) == {"study": "study", "pictures": 4, "methods": ["good", "bad"], "raters_needed": 20}
    words = ("study", "simulate", "study", "--quality", "good=4", "--quality", "bad=2", "--careful", "12")
    assert wideopen(*words, "--straight", "1")[0] == 0
    code, out, err = wideopen("study", "report", "study")
    assert code == 0, err
    assert "(simulated)" in out
    assert out.index("good") < out.index("bad ")
    record = json.loads((tmp_path / "good.json").read_text())
    low, high = record["mos_interval"]
    assert low <= record["mos"] <= high
    assert record["raters"] >= 10
    assert any("simulated" in note for note in record["notes"])
    assert "simulated" in (tmp_path / "study" / "report" / "report.html").read_text().lower()
    refuses(wideopen("study", "report", "study"), 2, "there already")
    code, out, _ = wideopen("study", "report", "study", "--overwrite", "--json", "--no-scores")
    assert json.loads(out)["simulated"] is True
    code, out, _ = wideopen("leaderboard", "good.json")
    assert f"{record['mos']:.2f}" in out


def test_a_rater_is_forgotten_by_the_code_of_the_last_page(wideopen, pictures):
    wideopen(*NEW, "--simulated")
    wideopen("study", "simulate", "study", "--quality", "good=4", "--quality", "bad=2", "--careful", "4")
    out = wideopen("study", "report", "study", "--json")[1]
    rater = json.loads(out)["raters"][0]["name"]
    assert wideopen("study", "forget", "study", rater)[0] == 0
    again = json.loads(wideopen("study", "report", "study", "--json", "--overwrite")[1])
    assert rater not in [each["name"] for each in again["raters"]]
    assert len(again["raters"]) == 3
    refuses(wideopen("study", "forget", "study", "nobody"), 2, "no rater 'nobody'")


def test_links_are_one_for_each_person_and_the_organisers_is_another(wideopen, pictures):
    wideopen(*NEW)
    code, out, err = wideopen("study", "links", "study", "--count", "3", "--address", "https://study.example/bokeh/")
    assert code == 0
    links = out.split()
    assert len(set(links)) == 3
    assert all(link.startswith("https://study.example/bokeh/r/") for link in links)
    assert "https://study.example/bokeh/o/" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("study", "report", "nothing"), "wideopen study new"),
        (("study", "links", "nothing"), "wideopen study new"),
        (("study", "serve", "nothing"), "wideopen study new"),
        (("study", "forget", "nothing", "a"), "wideopen study new"),
        (("study", "new", "a", "--pairs", "pairs", "--results", "good"), "--results takes a name and a value"),
        (("study", "new", "a", "--pairs", "pairs", "--results", "a=good", "--results", "a=bad"), "'a' twice"),
        (("study", "new", "a", "--pairs", "pairs", "--results", "a=none"), "none cannot be listed"),
        (("study", "new", "a", "--pairs", "pairs", "--results", "a=good", "--votes", "0"), "begin at 1"),
    ],
)
def test_bad_usage_is_told_in_one_line(wideopen, pictures, words, said):
    refuses(wideopen(*words), 2, said)


def test_a_study_without_votes_and_one_of_people_refuse_what_does_not_fit(wideopen, pictures):
    wideopen(*NEW)
    refuses(wideopen("study", "report", "study"), 2, "no votes")
    words = ("study", "simulate", "study", "--quality", "good=4", "--quality", "bad=2")
    refuses(wideopen(*words), 2, "is of people")
