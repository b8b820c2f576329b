"""A study's folder: checked first, whole or not there, and telling nothing of who made what."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from wideopen.errors import PhotoError, RequestError
from wideopen.pairs.pair import pairs_in
from wideopen.score.score import Score, write_score
from wideopen.study.new import Asked, new_study
from wideopen.study.plan import TRUTH, read_study


def save(path, pixels, **words):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **words)


def noise(seed, shape=(48, 64, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def pairs(tmp_path):
    for number in range(3):
        save(tmp_path / "pairs" / "original" / f"{number}.png", noise(number))
        save(tmp_path / "pairs" / "bokeh" / f"{number}.png", noise(10 + number))
        save(tmp_path / "ours" / f"{number}.png", noise(20 + number))
        save(tmp_path / "theirs" / f"{number}.png", noise(30 + number))
    return pairs_in(tmp_path / "pairs")


@pytest.fixture
def results(pairs, tmp_path):
    return {"ours": tmp_path / "ours", "theirs": tmp_path / "theirs"}


def levels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_every_picture_is_kept_to_the_bit(pairs, results, tmp_path):
    study = new_study(pairs, results, tmp_path / "study", Asked())
    folder = tmp_path / "study"
    assert read_study(folder) == study
    for number in range(3):
        name = str(number)
        for method, seed in (("ours", 20), ("theirs", 30), (TRUTH, 10), ("hidden-reference", 10), ("hidden-input", 0)):
            assert np.array_equal(levels(study.file(folder, name, method)), noise(seed + number)), method
        assert study.sizes[name] == (64, 48)
    anchor = levels(study.file(folder, "0", "blurred-anchor"))
    assert anchor.std() < 0.8 * noise(0).std()


def test_files_tell_neither_method_nor_picture(pairs, results, tmp_path):
    study = new_study(pairs, results, tmp_path / "study", Asked())
    names = [path.name for path in (tmp_path / "study" / "pictures").iterdir()]
    assert len(names) == 3 * 6
    assert all(re.fullmatch(r"[0-9a-f]{32}\.webp", name) for name in names)
    assert sorted(name for of in study.files.values() for name in of.values()) == sorted(names)


def test_metadata_goes_and_the_colour_profile_stays(pairs, results, tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0131] = "software of the team"
    save(tmp_path / "ours" / "0.png", noise(20), exif=exif, icc_profile=profile)
    study = new_study(pairs, results, tmp_path / "study", Asked())
    with Image.open(study.file(tmp_path / "study", "0", "ours")) as image:
        assert image.info["icc_profile"] == profile
        assert not image.getexif()
    assert b"software of the team" not in study.file(tmp_path / "study", "0", "ours").read_bytes()


def test_a_study_without_traps_has_none(pairs, results, tmp_path):
    study = new_study(pairs, results, tmp_path / "study", Asked(traps=0))
    assert list(study.methods.values()) == ["result", "result"]


def test_scores_are_named_from_where_the_study_lies(pairs, results, tmp_path):
    score = Score(solution="ours", track="cpu", origin="measured", protocol="aim2020/1", device="d",
                  date="2026-01-01", command="c")  # fmt: skip
    write_score(score, tmp_path / "scores" / "ours.json")
    asked = Asked(scores={"ours": tmp_path / "scores" / "ours.json"})
    study = new_study(pairs, results, tmp_path / "study", asked)
    assert (tmp_path / "study" / study.scores["ours"]).resolve() == tmp_path / "scores" / "ours.json"
    with pytest.raises(RequestError, match="'others', which is no method here"):
        new_study(pairs, results, tmp_path / "two", Asked(scores={"others": tmp_path / "scores" / "ours.json"}))


def refused(tmp_path, pairs, results, asked=None, *, match, kind=RequestError, name="study"):
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(kind, match=match) as caught:
        new_study(pairs, results, tmp_path / name, asked or Asked())
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_what_is_missing_or_of_another_size_is_named(pairs, results, tmp_path):
    (tmp_path / "ours" / "1.png").unlink()
    refused(tmp_path, pairs, results, match=r"ours cannot be scored: 1 missing \(1\.png\)")
    save(tmp_path / "ours" / "1.png", noise(1, (64, 48, 3)))
    refused(tmp_path, pairs, results, match=r"1\.png is 48x64 and not 64x48")


def test_a_broken_picture_leaves_no_study_behind(pairs, results, tmp_path):
    whole = (tmp_path / "theirs" / "2.png").read_bytes()
    (tmp_path / "theirs" / "2.png").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path, pairs, results, match=r"2\.png", kind=PhotoError)


def test_a_study_never_replaces_another(pairs, results, tmp_path):
    new_study(pairs, results, tmp_path / "study", Asked())
    plan = (tmp_path / "study" / "study.json").read_bytes()
    refused(tmp_path, pairs, results, match="there already")
    assert (tmp_path / "study" / "study.json").read_bytes() == plan


def test_nothing_to_judge_and_names_of_the_studys_own_are_refused(pairs, results, tmp_path):
    refused(tmp_path, pairs, {}, match="nothing to judge")
    refused(tmp_path, [], results, match="no pairs")
    refused(tmp_path, pairs, {"truth": results["ours"]}, match="'truth' is what the study itself calls")
    refused(tmp_path, pairs, {"hidden-input": results["ours"]}, match="'hidden-input'")


@pytest.mark.parametrize(
    "wrong", [{"votes_wanted": 0}, {"trials": 0}, {"repeats": -1}, {"traps": -1}, {"seed": -1}, {"title": " "}]
)
def test_numbers_that_cannot_be_are_refused(wrong):
    with pytest.raises(RequestError):
        Asked(**wrong)


def test_a_plan_of_a_later_version_or_with_other_fields_is_refused(pairs, results, tmp_path):
    new_study(pairs, results, tmp_path / "study", Asked())
    plan = tmp_path / "study" / "study.json"
    record = json.loads(plan.read_text())
    for change, word in (
        ({"version": 2}, "use a newer wideopen"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"sizes": {"0": ["a"]}}, "no plan that can be used"),
        ({"version": "1"}, "no plan of a study"),
    ):
        plan.write_text(json.dumps(record | change))
        with pytest.raises(RequestError, match=word):
            read_study(tmp_path / "study")
    plan.write_text("{")
    with pytest.raises(RequestError, match="cannot be read"):
        read_study(tmp_path / "study")
    with pytest.raises(RequestError, match="is no study"):
        read_study(tmp_path)
