"""Boards of a challenge: who stands where and why, opinions, pages that work from a disk, and their commands."""

import csv
import io
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

pytest.importorskip("sqlalchemy")

import click
from hypothesis import given, settings
from hypothesis import strategies as st

from browser import page_of
from challenge_folder import plan_of
from challenge_scored import DEVICE, Scored, study_report
from command import refuses
from wideopen.challenge.board import board, boards, rated, shows_truth, submissions_board
from wideopen.challenge.board_site import write_page, write_site
from wideopen.challenge.board_table import as_csv, as_markdown, as_text
from wideopen.challenge.mos import Rated, join_study, opinions
from wideopen.challenge.standing import best_or_last
from wideopen.cli import app
from wideopen.cli import challenge_board as commands
from wideopen.errors import RequestError
from wideopen.score.leaderboard import ranked
from wideopen.score.score import Score, read_score

EVIL = "</script><img src=x onerror=alert(1)>"


@pytest.fixture
def held(tmp_path):
    made = Scored(tmp_path / "held")
    yield made
    made.close()


def table_of(held, phase="validation", track="cpu", **others):
    return board(held.store, held.queue, held.files, phase, track, **others)


def places(table):
    return [(row.rank, row.team.name, row.score.psnr_db) for row in table.rows]


def test_each_team_has_one_row_and_its_best_submission_stands(held):
    held.scored("A", 21.0)
    held.scored("B", 24.0)
    held.scored("A", 23.0)
    held.scored("A", 22.0)
    assert places(table_of(held)) == [(1, "B", 24.0), (2, "A", 23.0)]
    assert places(table_of(held, keep="last")) == [(1, "B", 24.0), (2, "A", 22.0)]
    assert table_of(held).by == "psnr_db"
    assert "its best submission counts" in table_of(held).says


def test_equal_figures_share_a_rank_and_come_in_the_order_in_which_they_were_handed_in(held):
    for name in ("B", "C", "A"):
        held.scored(name, 24.0)
    held.scored("D", 23.0)
    assert [(row.rank, row.tied, row.team.name) for row in table_of(held).rows] == [
        (1, True, "B"),
        (1, True, "C"),
        (1, True, "A"),
        (4, False, "D"),
    ]


def test_a_team_s_first_of_equal_submissions_stands(held):
    first = held.scored("A", 24.0)
    held.scored("A", 24.0)
    assert table_of(held).rows[0].submission == first


def test_what_was_refused_cancelled_or_waits_is_on_no_board(held):
    held.scored("A", 21.0)
    held.submit("A")
    held.finish("refused")
    held.submit("B")
    held.finish("failed")
    assert held.queue.cancel(held.submit("C").id)
    held.submit("D")
    assert places(table_of(held, keep="last")) == [(1, "A", 21.0)]


def test_blocked_teams_vanish_and_come_back(held):
    held.scored("A", 21.0)
    held.scored("B", 24.0)
    held.store.judge_team(held.teams["B"], welcome=False)
    assert places(table_of(held)) == [(1, "A", 21.0)]
    held.store.judge_team(held.teams["B"], welcome=True)
    assert places(table_of(held))[0] == (1, "B", 24.0)


def test_tracks_and_phases_have_boards_of_their_own(held):
    held.scored("A", 21.0, track="cpu")
    held.scored("A", 22.0, track="gpu")
    held.clock.go_on(days=10)
    held.scored("A", 23.0, phase="test")
    found = {(each.phase.name, each.track.name): places(each) for name in ("validation", "test")
             for each in boards(held.store, held.queue, held.files, name)}  # fmt: skip
    assert found == {
        ("validation", "cpu"): [(1, "A", 21.0)],
        ("validation", "gpu"): [(1, "A", 22.0)],
        ("test", "cpu"): [(1, "A", 23.0)],
        ("test", "gpu"): [],
    }


def test_depth_computed_before_leaves_a_team_unranked_with_the_report_s_mark(held):
    held.scored("A", 21.0)
    held.scored("B", 24.0, precomputed_depth=True)
    held.scored("C", 25.0, precomputed_depth=True)
    table = table_of(held)
    assert [(row.rank, row.team.name) for row in table.rows] == [(1, "A"), (None, "B"), (None, "C")]
    assert [row.marks for row in table.rows] == [(), ("*",), ("*",)]
    assert [(note.mark, note.text) for note in table.notes] == [("*", "Not ranked: uses pre-computed depth maps.")]
    assert "-*" in as_text([table]).splitlines()[-3]


def test_a_submission_that_is_ranked_stands_before_a_better_one_that_is_not(held):
    held.scored("A", 25.0, precomputed_depth=True)
    held.scored("A", 21.0)
    assert places(table_of(held)) == [(1, "A", 21.0)]
    held.scored("A", 26.0, precomputed_depth=True)
    assert places(table_of(held, keep="last")) == [(None, "A", 26.0)]


def test_the_organiser_s_runtime_is_joined_by_its_submission_and_a_footnote_says_where_it_is_from(held):
    held.clock.go_on(days=10)
    held.scored("A", 21.0, phase="test", runtime_s=0.5, method="same")
    held.scored("B", 22.0, phase="test", runtime_s=2.5, method="same")
    held.scored("C", 23.0, phase="test", method="same")
    table = table_of(held, "test")
    assert [(row.team.name, row.score.runtime_s) for row in table.rows] == [("C", None), ("B", 2.5), ("A", 0.5)]
    assert [row.runtime is not None for row in table.rows] == [False, True, True]
    assert [note.text for note in table.notes] == [f"Runtime measured by the organiser on {DEVICE}."]


def test_what_is_so_of_all_that_are_ranked_is_said_once_without_a_mark(held):
    for name, notes in (("A", ("all", "mine")), ("B", ("all",)), ("C", ("all", "all"))):
        held.scored(name, 21.0, score={"notes": notes})
    held.scored("D", 25.0, precomputed_depth=True)
    table = table_of(held)
    assert [(note.mark, note.text) for note in table.notes] == [
        ("*", "Not ranked: uses pre-computed depth maps."),
        ("1", "mine"),
        ("", "all"),
    ]
    assert [row.marks for row in table.rows] == [("1",), (), (), ("*",)]
    assert as_text([table]).splitlines()[-3:] == ["* Not ranked: uses pre-computed depth maps.", "[1] mine", "all"]


def test_marks_of_a_row_stand_in_the_order_of_their_notes(held):
    for name, psnr_db, notes in (("A", 23.0, ("late",)), ("B", 22.0, ("mine", "late")), ("C", 21.0, ())):
        held.scored(name, psnr_db, score={"notes": notes})
    table = table_of(held)
    assert [(note.mark, note.text) for note in table.notes] == [("1", "late"), ("2", "mine")]
    assert [row.marks for row in table.rows] == [("1",), ("1", "2"), ()]


def test_a_runtime_of_the_team_s_own_is_shown_and_said_to_be_so_until_the_organiser_measures(held):
    held.clock.go_on(days=10)
    held.submit("A", phase="test", runtime_s=9.0, runtime_device="our laptop")
    held.finish(psnr_db=21.0)
    table = table_of(held, "test")
    assert table.rows[0].score.runtime_s == 9.0
    assert [note.text for note in table.notes] == ["Runtime as the team reports it, on our laptop."]
    held.submit("A", phase="test", kind="model", runtime_s=9.0, runtime_device="our laptop")
    held.finish(psnr_db=21.0, runtime_s=3.0)
    assert table_of(held, "test", keep="last").rows[0].score.runtime_s == 3.0


def test_names_and_opinions_are_never_those_that_a_score_file_brings(held):
    held.submit("A", method="Ours", authors="Ann", framework="TensorFlow", hardware="P100")
    held.finish(psnr_db=21.0, team="Other", author="Bob", framework="x", hardware="y", mos=4.9)
    score = table_of(held).rows[0].score
    names = (score.solution, score.team, score.author, score.framework, score.hardware)
    assert names == ("Ours", "A", "Ann", "TensorFlow", "P100")
    assert score.mos is None


def test_a_score_that_cannot_be_read_leaves_its_row_out_and_is_named(held):
    held.scored("A", 21.0)
    held.scored("B", 22.0)
    (held.folder / "files" / "scores" / "2.json").write_text("{}")
    table = table_of(held)
    assert places(table) == [(1, "A", 21.0)]
    assert table.warnings[0].startswith("submission 2 is left out")
    assert len(table.warnings) == 1


def test_figures_of_different_pictures_are_warned_of(held):
    held.scored("A", 21.0)
    held.scored("B", 22.0, score={"data": {"name": "other", "split": "val", "sha256": "bb" * 32}})
    assert "different pictures" in table_of(held).warnings[0]


def test_a_runtime_measured_on_a_machine_at_work_is_warned_of_by_its_team(held):
    held.scored("A", 21.0, method="net")
    held.clock.go_on(days=10)
    held.scored("C", 21.0, phase="test", method="net", runtime_s=1.0)
    busy = Score.from_json(held.files.read("scores/2.time.json").decode())
    held.put("scores/2.given.json", replace(busy, timing={"loaded": True}).to_json())
    held.queue.set_runtime(2, "scores/2.given.json")
    table = table_of(held, "test")
    assert table.warnings == ("others used the machine while runtimes were measured: C",)
    assert [row["timed"] for row in table.record()["rows"]] == [True]


def test_an_infinite_figure_is_the_first_and_is_json_that_readers_take(held):
    held.scored("A", 30.0)
    held.scored("B", math.inf)
    table = table_of(held)
    assert [row.team.name for row in table.rows] == ["B", "A"]
    record = json.loads(table.to_json())
    assert record["rows"][0]["psnr_db"] == math.inf
    assert (record["by"], record["shown"], record["rows"][0]["team"]) == ("psnr_db", True, "B")


@given(st.lists(st.tuples(st.sampled_from("ABCD"), st.sampled_from([20.0, 21.0, math.inf, None])), min_size=1))
@settings(max_examples=60, deadline=None)
def test_no_other_submission_of_a_team_is_better_than_its_best_nor_later_than_its_last(answers):
    scores = {
        number: Score("s", "cpu", "measured", "aim2020/1", value, device="d", date="1", command="c", team=team)
        for number, (team, value) in enumerate(answers, 1)
    }
    for keep in ("best", "last"):
        kept = best_or_last(scores, keep)
        assert sorted(scores[number].team for number in kept) == sorted({team for team, _ in answers})
        for number in kept:
            mine = [at for at, score in scores.items() if score.team == scores[number].team]
            values = [-1.0 if scores[at].psnr_db is None else scores[at].psnr_db for at in mine]
            wanted = mine[-1] if keep == "last" else mine[values.index(max(values))]
            assert number == wanted


def test_ranks_are_those_of_the_leaderboard(held):
    for name, value in (("A", 20.0), ("B", 22.0), ("C", 22.0), ("D", None), ("E", 21.0)):
        held.scored(name, value)
    table = table_of(held)
    places_of_rows = ranked([row.score for row in reversed(table.rows)], by="psnr_db")
    assert {row.score.team: row.rank for row in places_of_rows} == {row.team.name: row.rank for row in table.rows}


# Opinions


@pytest.fixture
def final(held):
    """A test phase with three teams, one on both tracks with one file."""
    held.clock.go_on(days=10)
    held.scored("Alpha", 25.0, phase="test", sha256="a")
    held.scored("Beta", 24.0, phase="test", sha256="b")
    held.scored("Gamma", 23.0, phase="test", sha256="c", precomputed_depth=True)
    held.scored("Alpha", 25.0, phase="test", track="gpu", sha256="a")
    return held


def join(held, opinions_, tmp_path, names=None, **others):
    path = study_report(opinions_, tmp_path / "report.json", **others)
    standing = rated(boards(held.store, held.queue, held.files, "test"))
    return join_study(held.store, held.files, "test", path, standing, names)


def test_opinions_rank_the_last_phase_and_psnr_until_then(final, tmp_path):
    before = table_of(final, "test")
    assert (before.by, [row.team.name for row in before.rows]) == ("psnr_db", ["Alpha", "Beta", "Gamma"])
    assert "The final ranking is by MOS, which is not there yet." in before.says
    found = join(final, {"alpha": 3.0, "Beta": 4.0}, tmp_path)
    assert found.submissions == {"alpha": (1, 4), "Beta": (2,)}
    assert found.without == ("3 of Gamma (cpu)",)
    table = table_of(final, "test")
    assert table.by == "mos"
    rows = [(row.rank, row.team.name, row.score.mos, row.score.mos_interval, row.score.raters) for row in table.rows]
    assert rows == [
        (1, "Beta", 4.0, (3.8, 4.2), 3),
        (2, "Alpha", 3.0, (2.8, 3.2), 3),
        (None, "Gamma", None, None, None),
    ]
    assert table_of(final, "test", "gpu").rows[0].score.mos == 3.0
    assert "MOS of the study 'A study' of 2031-06-01 (3 of 4 raters kept)." in [note.text for note in table.notes]
    assert "*" in table.rows[2].marks


def test_a_simulated_study_says_so_on_the_board(final, tmp_path):
    join(final, {"Alpha": 3.0}, tmp_path, simulated=True)
    assert any("no person has seen these pictures" in note.text for note in table_of(final, "test").notes)


def test_opinions_stay_with_what_people_saw(final, tmp_path):
    join(final, {"Alpha": 3.0, "Beta": 4.0}, tmp_path)
    final.scored("Beta", 20.0, phase="test", sha256="d")
    table = table_of(final, "test", keep="last")
    assert [(row.rank, row.team.name, row.score.mos) for row in table.rows][:2] == [
        (1, "Alpha", 3.0),
        (None, "Beta", None),
    ]


def test_the_last_study_of_a_track_counts_and_none_is_overwritten(final, tmp_path):
    first = join(final, {"Beta": 4.0, "Alpha": 2.0}, tmp_path)
    second = join(final, {"Beta": 1.5}, tmp_path)
    assert (first.key, second.key) == ("mos/test.json", "mos/test.2.json")
    assert {row.team.name: row.score.mos for row in table_of(final, "test").rows} == {
        "Beta": 1.5, "Alpha": None, "Gamma": None
    }  # fmt: skip
    assert table_of(final, "test", "gpu").rows[0].score.mos == 2.0


def test_methods_are_found_by_number_team_or_method_in_whatever_letters(final, tmp_path):
    for name, wanted in {
        "2": (2,), "submission-2": (2,), "BETA": (2,), "beta_cpu": (2,), "Beta's": (2,), "alpha gpu": (4,),
    }.items():  # fmt: skip
        assert join(final, {name: 3.0}, tmp_path).submissions == {name: wanted}


def test_a_file_of_names_says_otherwise(final, tmp_path):
    names = {"x": "beta", "y": [1, 4], "lens": None}
    found = join(final, {"x": 3.0, "y": 2.0, "lens": 4.5}, tmp_path, names)
    assert found.submissions == {"x": (2,), "y": (1, 4)}


def test_methods_of_nobody_are_named_in_one_line_and_nothing_is_kept(final, tmp_path):
    with pytest.raises(RequestError, match=r"the study's delta, eps; there are 1 of Alpha.*null for none") as told:
        join(final, {"Alpha": 3.0, "delta": 2.0, "eps": 1.0}, tmp_path)
    assert "\n" not in str(told.value)
    for names, message in (
        ({"z": "Beta"}, "no method z"),
        ({"Alpha": 99}, "the study's Alpha"),
        ({"Alpha": [1, 99]}, "the study's Alpha"),
        ({"Alpha": 2, "Beta": 2}, "would all be submission 2"),
    ):
        with pytest.raises(RequestError, match=message):
            join(final, {"Alpha": 3.0, "Beta": 2.0}, tmp_path, names)
    assert final.files.keys("mos") == []
    assert opinions(final.store, final.files, "test", [1, 2, 3, 4]) == {}


def test_a_team_whose_answers_differ_between_tracks_is_asked_for(final, tmp_path):
    final.scored("Beta", 24.0, phase="test", track="gpu", sha256="e")
    with pytest.raises(RequestError, match=r"'Beta' may be 2 of Beta \(cpu\), 5 of Beta \(gpu\), .*--names"):
        join(final, {"Beta": 3.0}, tmp_path)
    assert join(final, {"Beta": 3.0}, tmp_path, {"Beta": [2, 5]}).submissions == {"Beta": (2, 5)}


def test_who_takes_another_s_name_for_a_method_takes_no_opinion(final, tmp_path):
    final.scored("Thief", 1.0, phase="test", sha256="f", method="Beta")
    with pytest.raises(RequestError, match="may be 2 of Beta"):
        join(final, {"Beta": 3.0}, tmp_path)


def test_a_report_without_kept_raters_or_opinions_is_refused(final, tmp_path):
    with pytest.raises(RequestError, match="no rater of the study 'A study' is kept"):
        join(final, {"Alpha": 3.0}, tmp_path, kept=0)
    with pytest.raises(RequestError, match="says nothing of the submissions"):
        join(final, {"Alpha": None}, tmp_path)
    (tmp_path / "no.json").write_text("{}")
    with pytest.raises(RequestError, match="no report of wideopen study report"):
        join_study(final.store, final.files, "test", tmp_path / "no.json", [])
    with pytest.raises(RequestError, match="cannot be read"):
        join_study(final.store, final.files, "test", tmp_path / "nowhere.json", [])


def test_opinions_that_were_kept_and_broke_stop_the_board_rather_than_change_its_order(final, tmp_path):
    key = join(final, {"Alpha": 3.0}, tmp_path).key
    (final.folder / "files" / key).write_text("[]")
    with pytest.raises(RequestError, match=r"the opinions mos/test\.json cannot be used"):
        table_of(final, "test")


# A team's own page


def test_a_team_sees_all_its_submissions_and_which_one_stands(held):
    held.scored("A", 21.0)
    held.scored("B", 30.0)
    held.scored("A", 20.0)
    held.submit("A")
    found = submissions_board(held.store, held.queue, held.files, held.teams["A"])
    assert [(each.submission.id, each.score and each.score.psnr_db, each.stands) for each in found] == [
        (4, None, False),
        (3, 20.0, False),
        (1, 21.0, True),
    ]


@pytest.mark.parametrize("keeps", ["best", "last"])
def test_a_team_learns_no_figure_of_a_hidden_board(tmp_path, keeps):
    first, second = plan_of().phases
    held = Scored(tmp_path / "other", plan=replace(plan_of(), phases=(first, replace(second, keeps=keeps))))
    held.clock.go_on(days=10)
    held.scored("A", 21.0, phase="test")
    held.scored("A", 20.0, phase="test")
    stands = [True, False] if keeps == "last" else [None, None]
    hidden = submissions_board(held.store, held.queue, held.files, held.teams["A"])
    assert [(each.score, each.stands) for each in hidden] == [(None, stands[0]), (None, stands[1])]
    seen = submissions_board(held.store, held.queue, held.files, held.teams["A"], all_seen=True)
    assert [each.score.psnr_db for each in seen] == [20.0, 21.0]
    held.store.open_board("test")
    opened = submissions_board(held.store, held.queue, held.files, held.teams["A"])
    assert [each.score.psnr_db for each in opened] == [20.0, 21.0]
    held.close()


def test_truth_is_shown_once_no_phase_asks_for_it(held):
    validation, test = held.store.plan.phases
    assert not shows_truth(held.store, validation)
    held.clock.go_on(days=10)
    assert shows_truth(held.store, validation)
    assert not shows_truth(held.store, test)


# Texts and pages


def test_texts_have_the_report_s_columns(final, tmp_path):
    join(final, {"Alpha": 3.0, "Beta": 4.0}, tmp_path)
    tables = boards(final.store, final.queue, final.files, "test")
    text = as_text(tables)
    head = next(line for line in text.splitlines() if line.startswith("#"))
    assert re.split(r"  +", head) == [
        "#", "Team", "Author", "Framework", "Training hardware", "Runtime, s", "PSNR, dB", "SSIM", "MOS",
    ]  # fmt: skip
    assert "Table 1. Quality and speed on a CPU, phase test (not public yet)" in text
    assert "Table 2. On a phone" in text
    assert "* Not ranked: uses pre-computed depth maps." in text
    markdown = as_markdown(tables, title="A & B")
    assert "# A &amp; B" in markdown
    assert "| 1 | Beta" in markdown
    rows = list(csv.DictReader(io.StringIO(as_csv(tables))))
    assert [(row["phase"], row["track"], row["rank"], row["team"], row["mos"]) for row in rows] == [
        ("test", "cpu", "1", "Beta", "4.0"),
        ("test", "cpu", "2", "Alpha", "3.0"),
        ("test", "cpu", "", "Gamma", ""),
        ("test", "gpu", "1", "Alpha", "3.0"),
    ]


def test_names_neither_control_a_terminal_nor_become_markup_or_formulas(held):
    held.scored("=1+1", 21.0, authors="\u202eevil | <b>", hardware="a\nb\tc")
    tables = [table_of(held)]
    assert "\u202e" not in as_text(tables)
    assert "a b c" in as_text(tables)
    assert "\\| &lt;b&gt;" in as_markdown(tables, title="t")
    assert "'=1+1" in as_csv(tables)


def test_an_empty_board_says_so(held):
    assert "No team has a score yet." in as_text([table_of(held)])
    assert "No team has a score yet." in as_markdown([table_of(held)], title="t")


@pytest.fixture
def site(final, tmp_path):
    """Pages of a final phase, open, with pictures and a team that writes HTML."""
    final.submit("Evil <b>", phase="test", sha256="e", method=EVIL, authors=EVIL, description=f"{EVIL}\n\u202eline two")
    final.finish(psnr_db=22.0, pictures=("1", "10", "2"))
    final.scored("truth", 21.0, phase="test", sha256="9", pictures=("1", "2"), runtime_s=0.25)
    join(final, {"Alpha": 3.0, "Beta": 4.0, "truth": 3.9}, tmp_path)
    final.clock.go_on(days=20)
    final.store.open_board("test")
    tables = boards(final.store, final.queue, final.files, "test")
    write_site(final.store, final.files, tables, tmp_path / "site")
    return tmp_path / "site"


def addresses(content):
    """All that a page's elements and pictures refer to."""
    found = [picture["source"] for block in re.findall(r'id="pictures">(.*?)</script>', content, re.DOTALL)
             for each in json.loads(block) for picture in each["choices"]]  # fmt: skip

    class Elements(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.extend(value for name, value in attributes if name in ("href", "src", "action", "srcset"))

    Elements().feed(content)
    return found


def test_a_site_names_no_address_outside_and_every_one_inside_is_there(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) == 8
    for page in pages:
        content = page.read_text(encoding="utf-8")
        assert not re.search(r"https?:", content)
        for address in addresses(content):
            assert address.startswith(("#", "data:")) or (page.parent / address).is_file(), (page, address)
        assert "<img src=x" not in content
        assert "\u202e" not in content
    for row in json.loads((site / "board.json").read_text())["boards"][0]["rows"]:
        assert read_score(site / "scores" / f"{row['submission']}.json").psnr_db == row["psnr_db"]


def test_a_site_works_from_the_disk_in_a_browser(site):
    with page_of(site / "index.html") as page:
        tables = page.locator("table.ranking")
        assert tables.count() == 2
        teams = tables.first.locator("tbody th > a")
        assert teams.all_inner_texts() == ["Beta", "truth", "Alpha", "Evil <b>", "Gamma"]
        assert page.locator("tbody").nth(4).locator("td.number").last.inner_text().startswith("\u2013*")
        tables.first.locator("thead button", has_text="PSNR").click()
        assert teams.all_inner_texts() == ["Alpha", "Beta", "Gamma", "Evil <b>", "truth"]
        page.locator("a", has_text="Evil <b>").first.click()
        assert EVIL in page.locator("h1").inner_text()
        assert "line two" in page.locator(".description").inner_text()
        assert page.locator("#picture option").all_inner_texts() == ["1", "2", "10"]
        assert page.evaluate("() => document.getElementById('under').naturalWidth") == 30
        page.locator("header a").first.click()
        page.locator("a", has_text="Pictures of all teams").click()
        assert page.locator("#left option").all_inner_texts() == ["truth (a team)", "Evil <b>", "truth", "input"]
        line = page.locator("#divider")
        line.focus()
        line.press("Home")
        assert line.get_attribute("aria-valuenow") == "0"
        for image in ("under", "over"):
            page.wait_for_function(f"document.getElementById('{image}').naturalWidth === 30")


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_all_of_a_site_s_width(site, dark):
    with page_of(site / "index.html", width=390, height=844, dark=dark) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.goto((site / "submissions" / "5.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_site_shows_no_truth_while_a_phase_asks_for_it(held, tmp_path):
    held.scored("A", 21.0, pictures=("1",))
    write_site(held.store, held.files, [table_of(held)], tmp_path / "site")
    assert sorted(path.name for path in (tmp_path / "site").rglob("*.jpg")) == ["1.found.jpg", "1.input.jpg"]
    page = (tmp_path / "site" / "validation-cpu.html").read_text(encoding="utf-8")
    assert '"truth"' not in page
    assert "true pictures are left out" in page
    held.clock.go_on(days=10)
    write_site(held.store, held.files, [table_of(held)], tmp_path / "site", overwrite=True)
    assert (tmp_path / "site" / "galleries" / "1" / "1.truth.jpg").is_file()


def test_a_site_of_a_hidden_board_says_on_every_page_that_it_is_not_public(final, tmp_path):
    write_site(final.store, final.files, [table_of(final, "test")], tmp_path / "site")
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) == 4
    assert all("Not public yet" in page.read_text(encoding="utf-8") for page in pages)
    final.store.open_board("test")
    write_site(final.store, final.files, [table_of(final, "test")], tmp_path / "site", overwrite=True)
    assert not any("Not public yet" in page.read_text(encoding="utf-8") for page in pages)


def test_a_site_never_replaces_what_is_none(held, tmp_path):
    held.scored("A", 21.0)
    tables = [table_of(held)]
    write_site(held.store, held.files, tables, tmp_path / "site")
    with pytest.raises(RequestError, match="there already"):
        write_site(held.store, held.files, tables, tmp_path / "site")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("all of it")
    with pytest.raises(RequestError, match="something else"):
        write_site(held.store, held.files, tables, tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "all of it"
    (held.folder / "files" / "scores" / "1.json").unlink()
    with pytest.raises(RequestError, match="no file scores/1"):
        write_site(held.store, held.files, tables, tmp_path / "site", overwrite=True)
    assert (tmp_path / "site" / "scores" / "1.json").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["held", "mine", "site"]


def test_the_same_boards_make_the_same_site(final, tmp_path):
    tables = boards(final.store, final.queue, final.files, "test")
    for name in ("one", "two"):
        write_site(final.store, final.files, tables, tmp_path / name)
    one, two = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("one", "two")
    )
    assert one == two


def test_one_page_holds_fact_sheets_and_scores(site, final, tmp_path):
    tables = boards(final.store, final.queue, final.files, "test")
    write_page(final.store, final.files, tables, tmp_path / "board.html")
    with page_of(tmp_path / "board.html") as page:
        page.locator("td.links a", has_text="Fact sheet").first.click()
        assert page.url.endswith("#sheet-2")
        assert page.locator("#sheet-2").is_visible()
        address = page.locator("td.links a", has_text="Score").first.get_attribute("href")
        assert address.startswith("data:application/json;base64,")
        assert page.evaluate("document.documentElement.scrollWidth") == 1280


# Commands


@pytest.fixture
def challenge(monkeypatch):
    """Put the commands where the program has them."""
    group = click.Group("challenge")
    for command in (commands.board, commands.open_board, commands.mos, commands.backup, commands.restore):
        group.add_command(command)
    monkeypatch.setitem(app.commands, "challenge", group)


def test_the_command_shows_live_boards_and_keeps_hidden_ones(final, challenge, wideopen):
    final.clock.go_on(days=-10)
    final.scored("Val", 21.0)
    code, out, _ = wideopen("challenge", "board", "held")
    assert code == 0
    assert "Val" in out
    assert "Alpha" not in out
    refuses(wideopen("challenge", "board", "held", "--phase", "test"), 2, "hidden", "wideopen challenge open")
    code, out, _ = wideopen("challenge", "board", "held", "--phase", "test", "--track", "cpu", "--hidden", "--json")
    record = json.loads(out)
    assert (record["shown"], [row["team"] for row in record["rows"]]) == (False, ["Alpha", "Beta", "Gamma"])
    refuses(wideopen("challenge", "board", "held", "--phase", "tset"), 2, "no phase 'tset'")
    refuses(wideopen("challenge", "board", "held", "--track", "tpu"), 2, "no track 'tpu'")
    refuses(wideopen("challenge", "board", "nowhere"), 2, "holds no challenge")


def test_the_command_writes_pages_and_tables(final, challenge, wideopen, tmp_path):
    for name in ("site", "board.html", "board.md", "board.csv"):
        code, out, _ = wideopen("challenge", "board", "held", "--hidden", "-o", name)
        assert (code, out) == (0, f"saved {name}\n")
        refuses(wideopen("challenge", "board", "held", "--hidden", "-o", name), 2, "there already", name)
        assert wideopen("challenge", "board", "held", "--hidden", "-o", name, "--overwrite")[0] == 0
    assert (tmp_path / "site" / "submissions" / "1.html").is_file()
    refuses(wideopen("challenge", "board", "held", "-o", "board.pdf"), 2, ".html, .md or .csv")


def test_a_board_is_opened_for_good_and_not_by_mistake(final, challenge, wideopen):
    refuses(wideopen("challenge", "open", "held", "test"), 2, "takes submissions until", "--early")
    assert not final.store.shows_board("test")
    assert wideopen("challenge", "open", "held", "test", "--early")[0] == 0
    assert final.store.shows_board("test")
    assert "shown already" in wideopen("challenge", "open", "held", "test")[1]


def test_the_command_takes_opinions_and_tells_who_has_none(final, challenge, wideopen, tmp_path):
    study_report({"Alpha": 3.0, "x": 4.0}, tmp_path / "report.json")
    refuses(wideopen("challenge", "mos", "held", "test", "report.json"), 2, "the study's x")
    (tmp_path / "names.json").write_text('{"x": 2}')
    code, out, err = wideopen("challenge", "mos", "held", "test", "report.json", "--names", "names.json")
    assert code == 0
    assert "Alpha -> submission 1, 4" in out
    assert "x -> submission 2" in out
    assert "3 of Gamma (cpu)" in err
    assert table_of(final, "test").by == "mos"
    (tmp_path / "names.json").write_text('{"x": 2.5}')
    refuses(wideopen("challenge", "mos", "held", "test", "report.json", "--names", "names.json"), 2, "names.json")
    refuses(wideopen("challenge", "mos", "held", "none", "report.json"), 2, "no phase 'none'")


def test_rated_names_a_submission_and_its_team(final):
    found = rated(boards(final.store, final.queue, final.files, "test"))
    assert found[0] == Rated(final.store.submission(1), "Alpha")
    assert len(found) == 4
