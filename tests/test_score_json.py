"""A Score keeps where it is from, and comes back from its file as it was."""

import json
import math
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wideopen.errors import RequestError
from wideopen.score.score import Score, read_score, write_score

MEASURED = Score(
    solution="lens", track="cpu", origin="measured", protocol="aim2020/1", psnr_db=21.5, ssim=0.71, images=2,
    device="a processor, 2 cores", commit="abc", date="2026-01-02", command="wideopen score lens --pairs pairs",
    mos=3.4, mos_interval=(3.1, 3.7), raters=20, others={"ms_ssim": None, "psnr_matched_db": 24.0},
    settings={"f_number": 1.4}, data={"name": "pairs", "split": ""}, per_image=({"name": "1", "psnr_db": 20.0},),
    worst=("1",), notes=("one",),
)  # fmt: skip


def test_a_score_comes_back_from_its_file(tmp_path):
    write_score(MEASURED, tmp_path / "deep" / "score.json")
    assert read_score(tmp_path / "deep" / "score.json") == MEASURED
    assert [each.name for each in (tmp_path / "deep").iterdir()] == ["score.json"]


@given(
    st.one_of(st.none(), st.floats(allow_nan=False)),
    st.text(max_size=20),
    st.dictionaries(st.text(max_size=8), st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=True))),
)
def test_any_figures_and_names_come_back(psnr_db, note, others):
    score = replace(MEASURED, psnr_db=psnr_db, notes=(note,), others=others)
    assert Score.from_json(score.to_json()) == score


def test_an_infinite_figure_is_json_that_strict_readers_take():
    text = replace(MEASURED, psnr_db=math.inf, notes=("Infinity stays a word",)).to_json()

    def refuse(constant):
        raise AssertionError(constant)

    record = json.loads(text, parse_constant=refuse)
    assert record["psnr_db"] == math.inf
    assert record["notes"] == ["Infinity stays a word"]


def test_the_file_has_the_fields_of_the_design():
    record = json.loads(MEASURED.to_json())
    wanted = (
        "solution track psnr_db ssim runtime_s mos mos_interval images device checkpoint commit date protocol origin"
    )
    assert set(wanted.split()) | {"per_image"} <= record.keys()
    assert list(record) == [each.name for each in fields(Score)]


@pytest.mark.parametrize("name", ["command", "device", "date", "protocol", "solution", "track"])
def test_what_was_measured_needs_its_provenance(name):
    with pytest.raises(RequestError, match=f"a Score without {name}"):
        replace(MEASURED, **{name: ""})


def test_what_was_published_needs_its_source_alone():
    given = {"solution": "cet-sp", "track": "cpu", "origin": "published", "protocol": "aim2020"}
    assert Score(**given, source="Table 1").command == ""
    with pytest.raises(RequestError, match="a Score without source"):
        Score(**given)


@pytest.mark.parametrize("mos", [0.9, 5.1, math.nan])
def test_an_opinion_off_the_scale_is_refused(mos):
    with pytest.raises(RequestError, match="from 1 to 5"):
        replace(MEASURED, mos=mos)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"psnr": 3}, "no field 'psnr'"),
        ({"psnr_db": "21"}, "psnr_db of a Score cannot be"),
        ({"images": 2.5}, "images of a Score cannot be"),
        ({"ssim": True}, "ssim of a Score cannot be"),
        ({"mos_interval": [1]}, "two numbers"),
        ({"mos_interval": ["low", "high"]}, "two numbers"),
        ({"origin": "guessed"}, "measured or published"),
        ({"others": []}, "others of a Score cannot be"),
        ({"solution": None}, "solution of a Score cannot be"),
    ],
)
def test_a_file_with_other_fields_or_kinds_is_refused_by_name(tmp_path, change, word):
    file = tmp_path / "score.json"
    file.write_text(json.dumps(json.loads(MEASURED.to_json()) | change))
    with pytest.raises(RequestError, match=word) as caught:
        read_score(file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"name": 1}', '{"solution": "a", "origin": "measured", "protocol": "b"}', "no json", "\udcff"],
)
def test_what_is_no_score_is_refused(tmp_path, text):
    file = tmp_path / "score.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RequestError) as caught:
        read_score(file)
    assert "\n" not in str(caught.value)


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="cannot be written"):
        write_score(MEASURED, tmp_path / "file" / "score.json")
