"""A study's report: figures, files, page, and opinions that go into Score files."""

import csv
import io
import json
import math
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from browser import page_of
from study_sitting import study_of, trials_of
from wideopen.errors import RequestError
from wideopen.score.score import Score, read_score, write_score
from wideopen.study.chart import COLOURS, colour_of
from wideopen.study.files import into_scores, methods_csv, opinions_csv, write_report
from wideopen.study.opinion import table_of
from wideopen.study.report import Report, report
from wideopen.study.report_page import page_of as html_of
from wideopen.study.simulate import Panel, simulate
from wideopen.study.vote import LEVELS, Vote

pytest.importorskip("sureal")
EVIL = "</title><script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;"
QUALITIES = {"identity": 1.6, "lens": 3.6, "best": 4.4}


@cache
def made(*, simulated=True):
    study = study_of(QUALITIES, 12, trials=24, title="Held out")
    found = simulate(study, QUALITIES, Panel(careful=10, careless=2, straight=1), trials_of)
    study = replace(study, simulated=simulated)
    return study, found.votes, report(study, found.votes)


def voted(levels_of, *, pictures=2, methods=("lens",), **settings):
    """A study and its votes: levels by rater, one for each picture of each method, None where there is no vote."""
    study = study_of(methods, pictures, traps=False, simulated=False, **settings)
    shown = [(picture, method) for picture in study.pictures for method in methods]
    votes = [
        Vote(rater, trial, *shown[trial], level)
        for rater, levels in levels_of.items()
        for trial, level in enumerate(levels)
        if level is not None
    ]
    return study, votes


def score(solution, **others):
    known = {"track": "cpu", "origin": "measured", "protocol": "aim2020/1", "psnr_db": 24.0}
    return Score(solution, **(known | {"device": "a", "date": "2026-01-02", "command": "wideopen score"} | others))


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def has_no_odd_figure(text):
    return not re.search(r"\b(nan|infinity|inf)\b", text, re.IGNORECASE)


def test_a_report_holds_what_was_found():
    _, votes, found = made()
    assert [method.name for method in found.methods] == ["best", "lens", "identity"]
    assert [method.place for method in found.methods] == [1, 2, 3]
    assert found.votes == len(votes)
    assert found.votes_counted == 13 * 24
    assert found.votes_kept == sum(method.kept.opinion.votes for method in found.methods) == len(found.kept) * 24
    assert len(found.kept) < len(found.raters) == 13
    assert len(found.results) == 12 * 3
    assert len(found.comparisons) == 3
    assert found.alpha_kept > found.alpha_everyone
    assert [trap.kind for trap in found.traps] == ["reference", "input", "anchor"]
    assert found.traps[0].failed > 0


def test_the_score_of_a_method_is_the_mean_of_its_pictures():
    _, _, found = made()
    for method in found.methods:
        means = [each.mos for each in found.results if each.method == method.name]
        assert method.kept.opinion.mos == pytest.approx(np.mean(means))


def test_a_report_is_the_same_after_json():
    _, _, found = made()
    assert Report.from_json(found.to_json()) == found
    assert json.loads(found.to_json())["simulated"] is True


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("", "no JSON"),
        ("[]", "no report"),
        ({"version": 99}, "use a newer wideopen"),
        ({"version": None}, "it has no version"),
        ({"odd": 1}, "unknown field 'odd'"),
        ({"methods": 3}, "no report that can be used"),
        ({"raters": [{"name": "r"}]}, "no report that can be used"),
    ],
)
def test_what_is_no_report_is_refused_in_one_line(change, said):
    text = change if isinstance(change, str) else json.dumps(json.loads(made()[2].to_json()) | change)
    with pytest.raises(RequestError, match=said) as refused:
        Report.from_json(text)
    assert "\n" not in str(refused.value)


def test_a_study_without_votes_is_refused():
    study = study_of(["lens"], 2)
    with pytest.raises(RequestError, match="'Test' has no votes on results yet"):
        report(study, [])
    with pytest.raises(RequestError, match="no votes on results yet"):
        report(study, [Vote("r", 0, "picture-00", "camera", 5, "reference")])
    with pytest.raises(RequestError, match="cannot be nan"):
        report(study, [], wanted_half_width=math.nan)


@pytest.mark.parametrize(
    ("levels_of", "settings"),
    [
        ({"r": [3, 4]}, {}),
        ({"r": [3]}, {"pictures": 1}),
        ({"r": [3, 3], "s": [3, 3]}, {}),
        ({"r": [4, None, 2, None], "s": [4, None, 2, None]}, {"methods": ("lens", "none")}),
        ({"r": [5, 4, None, 1], "s": [4, 4, 2, None]}, {"methods": ("lens", "other")}),
        ({"r": [5] * 12, "s": [5] * 12}, {"pictures": 12}),
    ],
    ids=["one rater", "one vote", "all the same", "a method without votes", "a picture without votes", "none kept"],
)
def test_small_studies_give_no_odd_figure(levels_of, settings, tmp_path):
    study, votes = voted(levels_of, **settings)
    found = report(study, votes)
    assert Report.from_json(found.to_json()) == found
    for path in write_report(found, votes, tmp_path):
        assert has_no_odd_figure(path.read_text(encoding="utf-8")), path


def test_what_must_be_known_is_said():
    def notes(levels_of, **settings):
        return " ".join(report(*voted(levels_of, **settings)).notes)

    assert "There is one rater" in notes({"r": [3, 4]})
    assert "lens has no kept vote on 1 of 2 pictures" in notes({"r": [3], "s": [4]})
    assert "All answers to lens are the same" in notes({"r": [3, 3], "s": [3, 3]})
    assert "No rater is kept" in notes({"r": [5] * 12, "s": [5] * 12}, pictures=12)
    assert "on 2 pictures by 1 rater; 2 methods need 6 of each" in notes({"r": [3, 4, 1, 2]}, methods=("lens", "other"))
    assert "Simulated" in made()[2].notes[0]
    assert not any("imulated" in note for note in made(simulated=False)[2].notes)


def test_four_files_are_written_and_not_over_others(tmp_path):
    _, votes, found = made()
    folder = tmp_path / "new" / "report"
    paths = write_report(found, votes, folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in paths)
    assert [path.name for path in paths] == ["report.json", "opinions.csv", "methods.csv", "report.html"]
    assert Report.from_json(paths[0].read_text(encoding="utf-8")) == found
    with pytest.raises(RequestError, match=r"report.json is there already; .* --overwrite"):
        write_report(found, votes, folder)
    write_report(found, votes, folder, overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="cannot be written"):
        write_report(found, votes, tmp_path / "file" / "report")


def test_opinions_have_one_row_for_each_vote():
    study, votes, found = made()
    table = rows(opinions_csv(found, [*votes, replace(votes[0], level=1)]))
    assert len(table) == len(votes)
    assert table[0]["opinion"] == LEVELS[1]
    assert {row["simulated"] for row in table} == {"true"}
    assert sum(row["counted"] == "true" for row in table) == found.votes_counted
    kept = sum(row["counted"] == row["rater_kept"] == "true" for row in table)
    assert (
        kept
        == found.votes_kept
        == int((~np.isnan(table_of(study, votes).of({r.name for r in found.kept}).levels)).sum())
    )


def test_methods_have_one_row_each():
    _, _, found = made()
    table = rows(methods_csv(found))
    assert [row["method"] for row in table] == ["best", "lens", "identity"]
    assert float(table[0]["mos"]) == found.methods[0].kept.opinion.mos
    assert sum(int(table[0][f"level_{level}"]) for level in LEVELS) == int(table[0]["votes"])


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@sum", "\t=1"])
def test_no_name_becomes_a_formula(name):
    study, votes = voted({"r": [3, 4], "-s": [4, 5]}, methods=(name,))
    found = report(study, votes)
    assert rows(methods_csv(found))[0]["method"] == f"'{name}"
    table = rows(opinions_csv(found, votes))
    assert {row["method"] for row in table} == {f"'{name}"}
    assert {row["rater"] for row in table} == {"r", "'-s"}


def test_everything_on_the_page_is_escaped_and_nothing_is_loaded(tmp_path):
    study, votes = voted({f"r{EVIL}": [3, 4], "s": [4, 1]}, methods=(EVIL,), title=EVIL)
    write_report(report(study, votes), votes, tmp_path)
    with page_of(tmp_path / "report.html") as page:
        assert page.locator("img, script").count() == 0
        assert EVIL in page.locator("h1").inner_text()
        assert page.locator("tbody th").first.inner_text() == EVIL


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_page_fits_and_says_that_it_is_simulated(tmp_path, width, dark):
    _, votes, found = made()
    write_report(found, votes, tmp_path)
    with page_of(tmp_path / "report.html", width=width, dark=dark) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.locator(".band").is_visible()
        assert "simulated" in page.title()
        assert page.locator("h2").all_inner_texts() == [
            "Mean opinion scores",
            "Answers",
            "Pictures",
            "Methods compared",
            "Raters",
            "How this was found",
        ]
        assert page.locator("svg[role=img][aria-label]").count() == page.locator("svg").count() == 3
        assert page.locator("[tabindex='0']:not([aria-label])").count() == 0


def test_the_page_shows_the_figures_of_the_report(tmp_path):
    _, votes, found = made(simulated=False)
    write_report(found, votes, tmp_path)
    with page_of(tmp_path / "report.html") as page:
        assert page.locator(".band").count() == 0
        first = page.locator("[aria-label='Mean opinion scores'] tbody tr").first.inner_text()
        opinion = found.methods[0].kept.opinion
        assert f"{opinion.mos:.2f}" in first
        assert f"{opinion.interval[0]:.2f} to {opinion.interval[1]:.2f}" in first
        raters = page.locator("[aria-label=Raters] tbody tr")
        assert raters.count() == 13
        dropped = [rater for rater in found.raters if not rater.kept]
        assert page.locator(".dropped").count() == len(dropped)
        assert dropped[0].reasons[0] in raters.first.inner_text()
        assert page.locator("svg.heat rect").count() == 36
        summary = page.locator("summary").first
        summary.focus()
        page.keyboard.press("Enter")
        assert page.locator("[aria-label='Number of answers']").is_visible()


def test_text_can_be_read_on_every_colour():
    def luminance(colour):
        channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    for level in np.linspace(1, 5, 81):
        fill, ink = colour_of(level)
        light, dark = sorted([luminance(fill), luminance({"#000": "#000000", "#fff": "#ffffff"}[ink])])[::-1]
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (level, fill, ink)
    assert [colour_of(level)[0] for level in COLOURS] == list(COLOURS.values())


def test_a_page_without_any_opinion_kept_still_stands():
    study, votes = voted({"r": [5] * 12, "s": [5] * 12}, pictures=12)
    page = html_of(report(study, votes))
    assert "No rater is kept" in page
    assert "no interval" in page


def test_opinions_go_into_score_files(tmp_path):
    study, _, found = made()
    write_score(score("lens", notes=("kept",)), tmp_path / "lens.json")
    write_score(score("identity"), tmp_path / "identity.json")
    study = replace(study, scores={"lens": "lens.json", "identity": "identity.json"})
    assert into_scores(found, study, folder=tmp_path) == (tmp_path / "lens.json", tmp_path / "identity.json")
    assert into_scores(found, study, folder=tmp_path), "a second time replaces the note"
    opinion = next(method.kept.opinion for method in found.methods if method.name == "lens")
    written = read_score(tmp_path / "lens.json")
    assert (written.mos, written.mos_interval, written.raters) == (opinion.mos, opinion.interval, len(found.kept))
    assert written.psnr_db == 24
    assert written.notes[0] == "kept"
    assert len(written.notes) == 2
    assert re.match(r"Opinions of the simulated study 'Held out' .* of 13 raters kept, .*; simulated", written.notes[1])


def test_score_files_are_all_read_before_one_is_written(tmp_path):
    study, _, found = made()
    write_score(score("lens"), tmp_path / "lens.json")
    before = (tmp_path / "lens.json").read_bytes()
    study = replace(study, scores={"lens": "lens.json", "identity": "missing.json"})
    with pytest.raises(RequestError, match=r"missing\.json cannot be read"):
        into_scores(found, study, folder=tmp_path)
    assert (tmp_path / "lens.json").read_bytes() == before


def test_opinions_of_another_study_or_of_nobody_go_nowhere(tmp_path):
    study, _, found = made()
    named = replace(study, scores={"lens": "lens.json"})
    for other, said in (
        (study, "names no Score files"),
        (replace(named, title="Other"), "not of the study 'Other'"),
        (replace(named, simulated=False), "make its report anew"),
        (replace(named, scores={"odd": "lens.json"}), "no method 'odd'"),
    ):
        with pytest.raises(RequestError, match=said):
            into_scores(found, other, folder=tmp_path)
    study, votes = voted({"r": [5] * 12, "s": [5] * 12}, pictures=12, scores={"lens": "lens.json"})
    with pytest.raises(RequestError, match="no rater of the study 'Test' is kept"):
        into_scores(report(study, votes), study, folder=tmp_path)
