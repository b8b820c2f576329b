"""`wideopen pairs` as people meet it: results, JSON, one-line errors, exit codes."""

import json

import numpy as np
import pytest
from PIL import Image

from command import refuses
from wideopen import Photo
from wideopen.pairs.manifest import read_manifest
from wideopen.pairs.pair import pairs_in

cv2 = pytest.importorskip("cv2")


def texture(seed, height=188, width=258):
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for cells in (6, 15, 40, 110):
        picture += cv2.resize(random.random((cells, cells, 3), np.float32), (width, height))
    return (picture - picture.min()) / np.ptp(picture)


def save(pixels, path, taken=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    block = Image.Exif()
    if taken:
        block.get_ifd(0x8769)[0x9003] = taken
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(path, exif=block, quality=95)
    return path


@pytest.fixture
def shots(tmp_path):
    """Two pairs of shots and one of two scenes, named by counters that do not agree, taken 20 seconds apart."""
    for number in range(3):
        picture = texture(number)
        other = texture(9) if number == 2 else picture
        shallow = other[1:-7, 6:-2].copy()
        shallow[:, 150:] = cv2.GaussianBlur(shallow, None, 2)[:, 150:]
        save(picture[4:-4, 4:-4], tmp_path / "w" / f"IMG_{number * 2}.jpg", f"2020:05:05 10:0{number}:00")
        save(shallow, tmp_path / "s" / f"IMG_{number * 2 + 1}.jpg", f"2020:05:05 10:0{number}:20")
    return tmp_path


def build(wideopen, *words):
    return wideopen("pairs", "build", "--wide", "w", "--shallow", "s", "out", "--jobs", 1, *words)


def test_shots_become_pairs_and_a_second_run_keeps_them(wideopen, shots):
    code, out, _ = build(wideopen, "--by", "time", "--json")
    told = json.loads(out)
    assert (code, told["accepted"], told["kept"]) == (0, 2, 0)
    assert [each["name"] for each in told["refused"]] == ["IMG_4"]
    assert [pair.name for pair in pairs_in(shots / "out")] == ["IMG_0", "IMG_2"]
    code, out, _ = build(wideopen, "--by", "time")
    assert code == 0
    assert out.splitlines()[-1] == "out: 2 pairs, 1 refused, 3 were done before"


def test_partners_lie_within_the_seconds_given(wideopen, shots):
    refuses(build(wideopen, "--by", "time", "--within", 5), 2, "5 s")
    assert not (shots / "out").exists()


def test_unequal_counts_are_refused_where_order_decides_and_told_otherwise(wideopen, shots):
    (shots / "s" / "IMG_5.jpg").unlink()
    refuses(build(wideopen, "--by", "order"), 2, "3", "2")
    code, _, err = build(wideopen, "--by", "time")
    assert code == 0
    assert "without a partner and left out: 1 of the wide shots" in err


def test_bad_shots_are_refused_rows_and_the_rest_is_built(wideopen, shots):
    upright = save(texture(7, 258, 188), shots / "s" / "IMG_1.jpg", "2020:05:05 10:00:20")
    broken = shots / "s" / "IMG_3.jpg"
    broken.write_bytes(broken.read_bytes()[:900])
    before = upright.read_bytes()
    code, out, _ = build(wideopen, "--by", "order", "--json")
    told = json.loads(out)
    assert (code, told["accepted"]) == (1, 0)
    reasons = {each["name"]: each["reason"] for each in told["refused"]}
    assert "portrait" in reasons["IMG_0"]
    assert "IMG_3.jpg" in reasons["IMG_2"]
    assert upright.read_bytes() == before


@pytest.mark.parametrize("words", [["build"], ["build", "--wide", "w", "out"], ["show"], ["clean", "--part", "x", "f"]])
def test_bad_usage_is_code_two(wideopen, words):
    assert wideopen("pairs", *words)[0] == 2


@pytest.mark.parametrize("command", ["ebb", "clean", "split", "show"])
def test_a_folder_that_is_not_there_is_one_line(wideopen, command):
    refuses(wideopen("pairs", command, "nowhere"), 2, "nowhere")


@pytest.fixture
def folder(tmp_path):
    """A data set of two pairs, of which ``red`` has other colours on both sides."""
    for name in ("good", "red"):
        picture = texture(3, 96, 128)
        save(picture, tmp_path / "set" / "original" / f"{name}.jpg")
        save(picture * ([1, 0.4, 0.4] if name == "red" else 1), tmp_path / "set" / "bokeh" / f"{name}.jpg")
    return tmp_path / "set"


def test_cleaning_drops_and_restores(wideopen, folder):
    code, out, _ = wideopen("pairs", "clean", "set", "--jobs", 1, "--dry-run")
    assert (code, out.splitlines()[-1]) == (0, "1 of 2 pairs would be dropped")
    assert not (folder / "manifest.csv").exists()
    told = json.loads(wideopen("pairs", "clean", "set", "--jobs", 1, "--json")[1])
    assert [each["name"] for each in told["dropped"]] == ["red"]
    assert [row.name for row in read_manifest(folder / "manifest.csv").values() if row.accepted] == ["good"]
    assert wideopen("pairs", "clean", "set", "--restore")[1] == "set: 1 back\n"
    told = json.loads(wideopen("pairs", "clean", "set", "--jobs", 1, "--most-colour", 200, "--json")[1])
    assert told["dropped"] == []


def test_cleaning_judges_the_part_that_was_named(wideopen, folder):
    (folder.parent / "val.txt").write_text("good\nred\n")
    assert wideopen("pairs", "split", "set", "--list", "val=val.txt")[0] == 0
    assert json.loads(wideopen("pairs", "clean", "set", "--jobs", 1, "--json")[1])["judged"] == 0
    told = json.loads(wideopen("pairs", "clean", "set", "--jobs", 1, "--part", "val", "--json")[1])
    assert (told["judged"], [each["name"] for each in told["dropped"]]) == (2, ["red"])


def test_a_split_by_lists_is_told_in_numbers(wideopen, folder):
    (folder.parent / "val.txt").write_text("red\nabsent\n")
    code, out, err = wideopen("pairs", "split", "set", "--list", "val=val.txt", "--json")
    assert code == 0
    assert json.loads(out)["counts"]["val"] == 1
    assert "the first is absent" in err
    assert wideopen("pairs", "split", "set", "--list", "val.txt")[0] == 2


def test_a_page_is_not_written_over_unless_asked(wideopen, folder):
    assert wideopen("pairs", "show", "set", "-o", "page.html")[1] == "saved page.html: 2 pairs\n"
    before = (folder.parent / "page.html").read_bytes()
    refuses(wideopen("pairs", "show", "set", "-o", "page.html", "--name", "good"), 2, "page.html", "--overwrite")
    assert (folder.parent / "page.html").read_bytes() == before
    assert wideopen("pairs", "show", "set", "-o", "page.html", "--name", "good", "--overwrite")[0] == 0


def test_a_copy_of_ebb_is_told_of_and_adopted(wideopen, tmp_path):
    for name in ("0", "4400"):
        for side in ("original", "bokeh"):
            save(texture(1, 1024, 1100)[:1024], tmp_path / "ebb" / "train" / side / f"{name}.jpg")
    told = json.loads(wideopen("pairs", "ebb", "ebb", "out", "--json")[1])
    assert (told["layout"], told["training"], told["validation"]) == ("PyNET", 1, 1)
    assert [pair.split for pair in pairs_in(tmp_path / "out")] == ["train", "val"]


def test_pairs_are_synthesised_with_a_depth_of_their_own(wideopen, tmp_path):
    Photo(pixels=texture(2, 96, 128)).save(tmp_path / "a.jpg")
    (tmp_path / "maps").mkdir()
    Image.fromarray(np.tile(np.linspace(0, 255, 128).astype(np.uint8), (96, 1))).save(tmp_path / "maps" / "a.png")
    words = ("pairs", "synthesise", "a.jpg", "-o", "out", "--depth", "maps", "--jobs", 1, "--json")
    code, out, _ = wideopen(*words, "--views", 2)
    told = json.loads(out)
    assert (code, told["made"], told["refused"]) == (0, 2, 0)
    (tmp_path / "r.json").write_text("{not json")
    refuses(wideopen(*words, "--ranges", "r.json"), 2, "r.json", "no JSON")
    refuses(wideopen("pairs", "synthesise", "none.jpg", "-o", "out2"), 2, "none.jpg")
    assert wideopen("pairs", "synthesise", "a.jpg", "-o", "out3", "--masks", "maps")[0] == 2
