"""The leaderboard: ranks, ties, joins, mixtures, and tables that names cannot break."""

import csv
import io
import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wideopen.errors import RequestError
from wideopen.score.leaderboard import collect, figure_of, joined, ranked, warnings_of
from wideopen.score.published import CPU_TRACK, GPU_TRACK
from wideopen.score.score import Score, write_score
from wideopen.score.tables import (
    as_csv,
    as_json,
    as_markdown,
    as_records,
    as_text,
    cell,
    footnotes_of,
    json_text,
    markdown_text,
    write_table,
)


def measured(solution="lens", **others):
    known = {"psnr_db": 24.0, "ssim": 0.9, "device": "a", "date": "2026-01-02", "command": "wideopen score lens"}
    return Score(solution, **({"track": "cpu", "origin": "measured", "protocol": "aim2020/1"} | known | others))


def timed(solution="lens", **others):
    return measured(solution, **({"psnr_db": None, "ssim": None, "runtime_s": 1.5, "device": "b"} | others))


def places(rows):
    return [(row.rank, row.tied, row.score.solution) for row in rows]


def test_equal_scores_share_the_better_place_and_leave_out_the_next():
    scores = [measured(name, mos=mos) for name, mos in (("a", 3), ("b", 4), ("c", 3), ("d", 2), ("e", 3))]
    expected = [(1, False, "b"), (2, True, "a"), (2, True, "c"), (2, True, "e"), (5, False, "d")]
    assert places(ranked(scores)) == expected
    assert [cell(row, "rank") for row in ranked(scores)] == ["1", "2=", "2=", "2=", "5"]


def test_rows_without_the_figure_come_after_and_those_out_of_the_ranking_last():
    scores = [
        measured("out", mos=5, unranked="late"),
        measured("none"),
        measured("good", mos=4),
        measured("nan", mos=None, psnr_db=math.nan),
    ]
    assert places(ranked(scores))[0] == (1, False, "good")
    assert places(ranked(scores))[1:] == [(None, False, name) for name in ("none", "nan", "out")]
    assert [row.score.solution for row in ranked(scores, by="psnr_db") if row.rank is None] == ["nan", "out"]


def test_places_are_counted_within_a_track():
    rows = ranked([*CPU_TRACK, *GPU_TRACK])
    assert [row.rank for row in rows] == [1, 2, 3, 4, 4, 6, 7, 8, None, None, 1, 2, 3, 3]
    assert [row.rank for row in ranked([*CPU_TRACK, *GPU_TRACK], track="gpu")] == [1, 2, 3, 3]
    with pytest.raises(RequestError, match="no score is of the track 'cuda'; there are cpu, gpu"):
        ranked([*CPU_TRACK, *GPU_TRACK], track="cuda")
    assert ranked([]) == ()


def test_each_figure_has_its_own_best_end():
    scores = [
        measured("a", runtime_s=2, others={"lpips": 0.3, "ms_ssim": 0.8}),
        measured("b", runtime_s=1, psnr_db=math.inf, others={"lpips": 0.4, "ms_ssim": 0.9}),
        measured("c", others={"lpips": "<b>", "ms_ssim": True}),
    ]
    for by, best in (("runtime_s", "b"), ("psnr_db", "b"), ("lpips", "a"), ("ms_ssim", "b")):
        assert ranked(scores, by=by)[0].score.solution == best
    assert ranked(scores, by="lpips")[2].rank is None, "what is no number ranks nothing"
    assert ranked(scores, by="ms_ssim")[2].rank is None
    with pytest.raises(RequestError, match=r"'lpip' to rank by; did you mean lpips\?"):
        ranked(scores, by="lpip")
    with pytest.raises(RequestError, match=r"'zz' to rank by; there are mos, psnr_db, ssim, runtime_s, lpips, ms_ssim"):
        ranked(scores, by="zz")


def test_intervals_that_overlap_are_told_and_decide_nothing():
    scores = [
        measured("a", mos=4.0, mos_interval=(3.8, 4.2)),
        measured("b", mos=3.9, mos_interval=(3.75, 4.05)),
        measured("c", mos=3.0, mos_interval=(2.8, 3.2)),
        measured("d", mos=2.9),
    ]
    rows = ranked(scores)
    assert [row.rank for row in rows] == [1, 2, 3, 4]
    assert [row.overlaps_next for row in rows] == [True, False, False, False]
    assert not any(row.overlaps_next for row in ranked(scores, by="psnr_db"))
    assert "not certain" in as_text(rows)


@given(st.lists(st.one_of(st.none(), st.sampled_from([1.0, 2.5, 3.0, 3.3, 5.0])), max_size=12))
def test_a_rank_is_one_more_than_the_number_of_better_rows(values):
    rows = ranked([measured(str(at), mos=value) for at, value in enumerate(values)])
    assert sorted(int(row.score.solution) for row in rows) == list(range(len(values)))
    for row in rows:
        value, known = row.score.mos, [each for each in values if each is not None]
        assert row.rank == (None if value is None else 1 + sum(each > value for each in known))
        assert row.tied == (known.count(value) > 1)
    equal = [int(row.score.solution) for row in rows if row.score.mos == 3.0]
    assert equal == sorted(equal), "the order among equals is the one given"


def test_a_runtime_joins_the_quality_of_the_same_contestant():
    quality = measured(checkpoint="x", settings={"f_number": 2})
    runtime = timed(checkpoint="x", settings={"f_number": 2}, timing={"loaded": True}, others={"first_s": 9.0})
    (row,) = joined([runtime, quality])
    assert (row.psnr_db, row.runtime_s, row.device) == (24.0, 1.5, "a")
    assert (row.timing, row.others) == ({"device": "b", "loaded": True}, {"first_s": 9.0})
    assert any("measured on b, 2026-01-02, by `wideopen score lens`" in note for note in row.notes)


@pytest.mark.parametrize(
    "other",
    [
        {"checkpoint": "y"},
        {"settings": {"f_number": 4}},
        {"track": "cuda"},
        {"solution": "gaussian"},
        {"origin": "published", "source": "a book"},
    ],
)
def test_a_runtime_of_another_contestant_stays_a_row_of_its_own(other):
    scores = [measured(), timed(**other)]
    assert joined(scores) == scores


def test_a_known_runtime_is_never_replaced():
    scores = [measured(runtime_s=3.0), timed()]
    assert joined(scores) == scores
    first, second = joined([measured(), timed(), timed(runtime_s=2.5)])
    assert (first.runtime_s, second.runtime_s) == (1.5, 2.5)
    assert [row.runtime_s for row in joined([measured(), measured(protocol="y/1"), timed()])] == [1.5, 1.5]


def test_each_kind_of_mixture_is_told_in_one_line():
    one = measured(data={"name": "ebb", "split": "val", "sha256": "aa" * 32}, images=9)
    assert warnings_of([one, one]) == ()
    told = {
        "different protocols": replace(one, protocol="pynet/1"),
        "different pictures": replace(one, data={"name": "ebb", "split": "val", "sha256": "bb" * 32}),
        "published rows": replace(one, origin="published", source="a book"),
    }
    for words, other in told.items():
        (line,) = warnings_of([one, other])
        assert words in line
        assert "\n" not in line
    (line,) = warnings_of([one, replace(one, images=8)])
    assert "ebb val aaaaaaaa, 9 pictures (1 row), ebb val aaaaaaaa, 8 pictures (1 row)" in line


def test_runtimes_mix_only_where_they_are_shown_and_within_a_track():
    here, there = measured(device="here"), measured(device="there")
    assert warnings_of([here, there]) == ()
    (line,) = warnings_of([replace(here, runtime_s=1.0), replace(there, runtime_s=2.0)])
    assert "runtimes of the track cpu are of different devices and do not compare: here (1 row), there (1 row)" in line
    assert warnings_of([replace(here, runtime_s=1.0), replace(there, runtime_s=2.0, track="cuda")]) == ()
    small = replace(here, runtime_s=1.0, timing={"size_px": [640, 480], "loaded": True})
    lines = warnings_of([small, replace(small, timing={"size_px": [1536, 1024]})])
    assert "different sizes and do not compare: 640x480 (1 row), 1536x1024 (1 row)" in lines[0]
    assert "others used the machine while runtimes were measured: lens" in lines[1]


def test_a_published_row_without_its_own_protocol_version_does_not_pass_for_ours():
    lines = warnings_of([CPU_TRACK[0], measured()])
    assert any("aim2020 (1 row), aim2020/1 (1 row)" in line for line in lines)


def test_files_and_folders_are_collected_once(tmp_path):
    for name in ("b", "a"):
        write_score(measured(name, pictures="a.files" if name == "a" else ""), tmp_path / f"{name}.json")
    (tmp_path / "notes.txt").write_text("no score")
    (tmp_path / ".wideopen-0.json").write_text("half")
    (tmp_path / "deeper").mkdir()
    found = collect([tmp_path, tmp_path / "a.json", tmp_path / "deeper" / ".." / "b.json"])
    assert [score.solution for score in found] == ["a", "b"]
    assert [score.pictures for score in found] == [str(tmp_path / "a.files"), ""]
    assert collect([]) == []
    with pytest.raises(RequestError, match="holds no score"):
        collect([tmp_path / "deeper"])


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "[" * 100_000,
        '{"solution": "a", "origin": "measured", "protocol": "x"}',
        measured().to_json().replace('"mos_interval": null', '"mos_interval": ["a", []]'),
        measured().to_json().replace('"psnr_db": 24.0', '"psnr_db": "24"'),
        measured().to_json().replace('"track": "cpu"', '"lane": "cpu"'),
    ],
)
def test_a_broken_file_is_refused_by_its_name(tmp_path, text):
    write_score(measured(), tmp_path / "a.json")
    (tmp_path / "broken.json").write_text(text, encoding="utf-8")
    with pytest.raises(RequestError, match=r"broken\.json holds no Score that can be used") as error:
        collect([tmp_path])
    assert "\n" not in str(error.value)
    with pytest.raises(RequestError, match=r"gone\.json cannot be read"):
        collect([tmp_path / "gone.json"])


@pytest.mark.parametrize("place", ["../secrets", "/etc", "a/../../b", "C:\\Users", "..\\b"])
def test_pictures_are_never_looked_for_outside_the_files_folder(tmp_path, place):
    write_score(measured(pictures=place), tmp_path / "a.json")
    with pytest.raises(RequestError, match="they belong beside it"):
        collect([tmp_path])


def test_figures_are_written_as_the_field_does():
    score = measured(
        psnr_db=23.456, ssim=0.87654, mos=3.456, mos_interval=(3.306, 3.606), runtime_s=1.234, others={"lpips": 0.2}
    )
    (row,) = ranked([score], by="lpips")
    shown = {name: cell(row, name) for name in ("psnr_db", "ssim", "mos", "runtime_s", "lpips", "team")}
    wanted = {"psnr_db": "23.46", "ssim": "0.8765", "mos": "3.46 ±0.15", "runtime_s": "1.23", "lpips": "0.2000"}
    assert shown == wanted | {"team": "-"}
    assert cell(ranked([replace(score, mos_interval=(3.0, 3.6))])[0], "mos") == "3.46 (3.00 to 3.60)"
    assert cell(ranked([replace(score, runtime_s=0.00456)])[0], "runtime_s") == "0.0046"
    assert cell(ranked([replace(score, psnr_db=math.inf)])[0], "psnr_db") == "inf"
    assert cell(ranked(CPU_TRACK)[0], "mos") == "4.2"


def test_a_terminal_shows_columns_footnotes_and_warnings():
    text = as_text(
        ranked([*CPU_TRACK, *GPU_TRACK, measured(team="Ours", others={"lpips": 0.25})], by="lpips"), by="lpips"
    )
    lines = text.splitlines()
    titles = "rank solution team track PSNR, dB SSIM MOS runtime, s lpips device protocol origin"
    assert " ".join(lines[0].split()) == titles
    ours = next(line for line in lines if " lens " in line)
    assert ours.split()[:2] == ["1", "lens"]
    assert ours.endswith("measured")
    assert "0.2500" in ours
    ends = {line.index("published") for line in lines if line.endswith(" published")}
    assert len(ends) == 1, "columns are straight"
    assert sum("[1] Published figures" in line for line in lines) == 1
    assert any(line.startswith("! published rows stand beside") for line in lines)
    assert "" in lines[: lines.index(next(line for line in lines if "phone GPU" in line))], "tracks are apart"


def test_the_same_note_has_one_number():
    notes = footnotes_of(ranked(CPU_TRACK))
    assert notes.marks[:3] == ((1, 2),) * 3
    assert notes.marks[-1] == notes.marks[-2] == (1, 2, 3)
    assert notes.texts[2].startswith("Not ranked: it uses depth maps")


def test_names_neither_control_a_terminal_nor_bend_its_columns():
    rows = ranked(
        [measured("\x1b]0;x\x07\u202e\ud800\nlong" * 9, mos=3.0), measured("写真", mos=2.0), measured("ab", mos=1.0)]
    )
    text = as_text(rows)
    assert all(each.isprintable() or each == "\n" for each in text)
    _, first, wide, narrow = text.splitlines()[:4]
    assert len(first) == len(narrow) == len(wide) + 2, "Chinese characters are two columns wide"


EVIL = '=cmd|"/c"!A1 <script>alert(1)</script>\n| `x` [a](javascript:b) *c* _d_ &amp; \\'


def test_markdown_takes_names_as_text():
    text = as_markdown(ranked([measured(EVIL, team="a|b", notes=("see <b>",))]), title="a_b <i>")
    lines = text.splitlines()
    assert lines[0] == "# a\\_b &lt;i&gt;"
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 3
    bars = [len([at for at, each in enumerate(line) if each == "|" and line[at - 1] != "\\"]) for line in table]
    assert bars == [12, 12, 12]
    assert "<script>" not in text
    assert "&amp;amp;" in text
    assert lines[-1] == "1. see &lt;b&gt;"
    assert markdown_text("[a](b)") == r"\[a\](b)"


def test_csv_holds_all_and_gives_spreadsheets_no_formula():
    score = measured(
        EVIL,
        team="@SUM(1)",
        checkpoint="-1+2",
        notes=("+1", "b"),
        others={"gain_db": -0.5, "x": math.inf},
        data={"name": "=1"},
        mos=3.0,
        mos_interval=(2.5, 3.5),
        per_image=({"name": "1"},),
    )
    (record,) = csv.DictReader(io.StringIO(as_csv(ranked([score]))))
    assert record["solution"] == "'" + EVIL
    assert (record["team"], record["checkpoint"], record["notes"]) == ("'@SUM(1)", "'-1+2", "'+1; b")
    assert (record["others.gain_db"], record["others.x"]) == ("-0.5", "inf")
    assert json.loads(record["data"]) == {"name": "=1"}
    assert (record["mos_interval"], record["runtime_s"], record["rank"], record["tied"]) == (
        "[2.5, 3.5]",
        "",
        "1",
        "false",
    )
    assert {"command", "commit", "date", "device", "protocol", "origin", "source"} <= record.keys()
    assert "per_image" not in record


def test_json_has_every_field_but_those_of_single_pictures():
    score = measured("a\u2028b", psnr_db=math.inf, others={"x": math.nan}, per_image=({"name": "1"},), mos=3.0)
    (record,) = as_records(ranked([score]))
    assert record.keys() == json.loads(score.to_json()).keys() - {"per_image"} | {"rank", "tied", "overlaps_next"}
    lines = as_json(ranked([score, measured(mos=2.0)])).split("\n")
    assert len(lines) == 2
    read = json.loads(lines[0], parse_constant=pytest.fail)
    assert (read["rank"], read["psnr_db"], read["others"], read["solution"]) == (1, math.inf, {"x": None}, "a\u2028b")


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), lambda each: st.lists(each)))
def test_json_text_is_read_back_as_it_was(value):
    assert json.loads(json_text({"value": value}), parse_constant=pytest.fail) == {"value": value}


def test_tables_are_written_whole_and_never_over_others(tmp_path):
    rows = ranked(CPU_TRACK)
    write_table(rows, tmp_path / "new" / "board.md", title="Board")
    assert (tmp_path / "new" / "board.md").read_text(encoding="utf-8") == as_markdown(rows, title="Board")
    write_table(rows, tmp_path / "board.csv")
    assert (tmp_path / "board.csv").read_text(encoding="utf-8") == as_csv(rows)
    with pytest.raises(RequestError, match="--overwrite"):
        write_table(rows, tmp_path / "board.csv")
    write_table([], tmp_path / "board.csv", overwrite=True)
    assert len((tmp_path / "board.csv").read_text(encoding="utf-8").splitlines()) == 1
    with pytest.raises(RequestError, match=r"ends in \.md or \.csv"):
        write_table(rows, tmp_path / "board.xls")
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="cannot be written"):
        write_table(rows, tmp_path / "file" / "board.md")


def test_a_figure_is_found_by_name():
    score = measured(others={"lpips": 1, "x": None})
    assert [figure_of(score, name) for name in ("psnr_db", "lpips", "x", "y")] == [24.0, 1.0, None, None]
