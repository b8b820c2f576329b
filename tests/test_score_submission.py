"""A folder of pictures is checked before anything is scored."""

import numpy as np
import pytest
from PIL import Image

from wideopen.errors import RequestError
from wideopen.pairs.pair import pairs_in
from wideopen.score.submission import pictures_of


def picture(path, size=(24, 16), value=90):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0], 3), value, np.uint8)).save(path)


@pytest.fixture
def pairs(tmp_path):
    for name in range(12):
        for part in ("original", "bokeh"):
            picture(tmp_path / "pairs" / part / f"{name}.jpg")
    return pairs_in(tmp_path / "pairs")


@pytest.fixture
def answers(tmp_path, pairs):
    for pair in pairs:
        picture(tmp_path / "answers" / f"{pair.name}.png")
    return tmp_path / "answers"


def refused(answers, pairs, *words):
    with pytest.raises(RequestError) as caught:
        pictures_of(answers, pairs)
    said = str(caught.value)
    assert "\n" not in said
    for word in words:
        assert word in said, said


def test_one_picture_for_each_pair_is_taken(answers, pairs):
    found = pictures_of(answers, pairs)
    assert list(found) == [str(name) for name in range(12)]
    assert found["11"] == answers / "11.png"


def test_a_readme_and_hidden_files_do_not_count(answers, pairs):
    (answers / "readme.txt").write_text("runtime per image [s] : 0.74")
    (answers / ".DS_Store").write_bytes(b"\0")
    assert len(pictures_of(answers, pairs)) == 12


def test_missing_pictures_are_named(answers, pairs):
    for name in (3, 7):
        (answers / f"{name}.png").unlink()
    refused(answers, pairs, "2 missing (3.png, 7.png)", "each of the 12 pairs")


def test_many_missing_pictures_are_counted_and_the_first_named(answers, pairs):
    for name in range(6, 12):
        (answers / f"{name}.png").unlink()
    refused(answers, pairs, "6 missing (6.png, 7.png, 8.png, 9.png, 10.png and 1 more)")


def test_a_picture_of_no_pair_is_named(answers, pairs):
    picture(answers / "200.png")
    refused(answers, pairs, "1 of no pair (200.png)")


def test_a_file_that_is_no_picture_is_named(answers, pairs):
    (answers / "weights.pth").write_bytes(b"pickle")
    (answers / "more").mkdir()
    refused(answers, pairs, "2 no pictures (more, weights.pth)")


def test_pictures_of_other_sizes_are_named_with_both_sizes(answers, pairs):
    picture(answers / "5.png", size=(16, 24))
    refused(answers, pairs, "1 of another size (5.png is 16x24 and not 24x16)")


def test_mixed_formats_are_counted(answers, pairs):
    (answers / "5.png").unlink()
    picture(answers / "5.jpg")
    refused(answers, pairs, "mixed formats (1 .jpg, 11 .png)")


def test_a_pair_answered_twice_is_named(answers, pairs):
    picture(answers / "5.jpg")
    refused(answers, pairs, "1 there twice (5.jpg and 5.png)")


def test_a_file_whose_head_is_broken_is_named(answers, pairs):
    (answers / "4.png").write_bytes(b"no picture at all")
    refused(answers, pairs, "1 broken (4.png)")


def test_all_faults_are_told_at_once(answers, pairs):
    (answers / "1.png").unlink()
    picture(answers / "201.png")
    picture(answers / "2.png", size=(8, 8))
    refused(answers, pairs, "1 missing (1.png)", "1 of no pair (201.png)", "1 of another size (2.png")


def test_pictures_of_another_data_set_are_recognised(tmp_path, pairs):
    for name in range(4400, 4412):
        picture(tmp_path / "val" / f"{name}.png")
    refused(tmp_path / "val", pairs, "another data set", "4400.png", "0, 1, 2")


def test_an_empty_folder_and_a_folder_too_high_say_so(tmp_path, answers, pairs):
    (tmp_path / "nothing").mkdir()
    refused(tmp_path / "nothing", pairs, "holds no pictures")
    (tmp_path / "above").mkdir()
    answers.rename(tmp_path / "above" / "results")
    refused(tmp_path / "above", pairs, f"perhaps you mean {tmp_path / 'above' / 'results'}")


def test_a_folder_that_is_not_there_says_so(tmp_path, pairs):
    refused(tmp_path / "none", pairs, "cannot be listed")
