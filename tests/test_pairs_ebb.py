"""EBB! in every published layout, read, listed and adopted; and data sets split into parts."""

import hashlib
import os

import numpy as np
import pytest
from PIL import Image

from wideopen.errors import RequestError
from wideopen.pairs import ebb as ebb_module
from wideopen.pairs.ebb import adopt, read_ebb, read_list
from wideopen.pairs.manifest import MANIFEST, Row, read_manifest, write_manifest
from wideopen.pairs.pair import pairs_in
from wideopen.pairs.split import read_names, split

TALL = 1024


def save(path, *, width=8, height=TALL, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def save_pair(folder, name, **changes):
    for seed, side in enumerate(("original", "bokeh")):
        save(folder / side / f"{name}.jpg", seed=seed, **changes)


def pynet(root):
    for name in (0, 12, 4399, 4400, 4693):
        save_pair(root / "train", name)
    save(root / "train" / "original_depth" / "12.png", width=4, height=TALL // 2)
    for name in (0, 7):
        save(root / "test" / "original" / f"{name}.jpg")


def codalab(root):
    for name in (0, 12, 4399, 4400, 4693):
        save_pair(root / "Training", name)
    for name in (0, 7):
        save(root / "TestBokehFree" / f"{name}.png")


def flat(root):
    for name in (0, 12, 4399, 4400, 4693):
        save_pair(root, name)


def names(pairs):
    return [pair.name for pair in pairs]


@pytest.mark.parametrize(
    ("make", "layout", "inputs"),
    [(pynet, "PyNET", 2), (codalab, "CodaLab", 2), (flat, "flat", 0)],
    ids=["pynet", "codalab", "flat"],
)
def test_every_layout_is_read(tmp_path, make, layout, inputs):
    make(tmp_path)
    ebb = read_ebb(tmp_path)
    assert ebb.layout == layout
    assert names(ebb.training) == ["0", "12", "4399"]
    assert names(ebb.validation) == ["4400", "4693"]
    assert {pair.split for pair in ebb.training} == {"train"}
    assert {pair.split for pair in ebb.validation} == {"val"}
    assert [path.stem for path in ebb.inputs] == ["0", "7"][:inputs]
    assert (ebb.test, ebb.findings) == ((), ())


def test_depth_goes_with_its_pair(tmp_path):
    pynet(tmp_path)
    found = {pair.name: pair.depth for pair in read_ebb(tmp_path).training}
    assert found == {"0": None, "12": tmp_path / "train" / "original_depth" / "12.png", "4399": None}


def test_a_test_with_truth_is_apart_from_training_of_the_same_numbers(tmp_path):
    pynet(tmp_path)
    for name in (0, 7):
        save(tmp_path / "test" / "bokeh" / f"{name}.jpg")
    ebb = read_ebb(tmp_path)
    assert names(ebb.test) == ["test-0", "test-7"]
    assert ebb.inputs == ()


def test_val294_is_known_in_the_test_folder_too(tmp_path):
    save_pair(tmp_path / "train", 1)
    save_pair(tmp_path / "test", 4401)
    save_pair(tmp_path / "test", 3)
    ebb = read_ebb(tmp_path)
    assert (names(ebb.training), names(ebb.validation), names(ebb.test)) == (["1"], ["4401"], ["test-3"])


def test_folders_may_differ_in_case_and_numbers_may_have_zeros(tmp_path):
    save_pair(tmp_path / "training", "0012")
    assert names(read_ebb(tmp_path).training) == ["12"]


def test_whatever_is_odd_is_listed_by_file(tmp_path):
    flat(tmp_path)
    save(tmp_path / "original" / "1.jpg")
    save(tmp_path / "bokeh" / "2.jpg")
    save_pair(tmp_path, 3, height=768)
    save_pair(tmp_path, 4)
    save(tmp_path / "bokeh" / "4.jpg", width=9)
    save_pair(tmp_path, 5)
    (tmp_path / "bokeh" / "5.jpg").write_bytes(b"no picture")
    save(tmp_path / "original" / "00012.jpg")
    save(tmp_path / "original" / "4694.jpg")
    save(tmp_path / "original" / "sunset.jpg")
    (tmp_path / "original" / "._12.jpg").write_bytes(b"of another system")
    (tmp_path / "original" / "Thumbs.db").write_bytes(b"of another system")
    ebb = read_ebb(tmp_path)
    found = {(one.fault, one.file.relative_to(tmp_path).as_posix()) for one in ebb.findings}
    assert found == {
        ("missing", "original/1.jpg"),
        ("missing", "bokeh/2.jpg"),
        ("height", "original/3.jpg"),
        ("sizes", "bokeh/4.jpg"),
        ("damaged", "bokeh/5.jpg"),
        ("name", "original/12.jpg"),
        ("name", "original/4694.jpg"),
        ("name", "original/sunset.jpg"),
    }
    assert names(ebb.training) == ["0", "3", "12", "4399"], "another height is kept, the rest is left out"
    assert all("\n" not in one.text and one.file.name in one.text for one in ebb.findings)


def test_a_truncated_picture_is_found_when_asked(tmp_path):
    flat(tmp_path)
    path = tmp_path / "bokeh" / "12.jpg"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert names(read_ebb(tmp_path).training) == ["0", "12", "4399"]
    told = []
    ebb = read_ebb(tmp_path, check=True, progress=lambda done, total: told.append((done, total)))
    assert names(ebb.training) == ["0", "4399"]
    assert [(one.fault, one.file) for one in ebb.findings] == [("damaged", path)]
    assert told == [(number, 5) for number in range(1, 6)]


def test_a_turned_photo_has_the_size_that_it_is_seen_with(tmp_path):
    flat(tmp_path)
    exif = Image.Exif()
    exif[274] = 6
    for side in ("original", "bokeh"):
        Image.new("RGB", (TALL, 8)).save(tmp_path / side / "1.jpg", exif=exif)
    assert read_ebb(tmp_path).findings == ()


@pytest.mark.parametrize("place", [".", "nowhere"])
def test_a_folder_without_pairs_is_refused_in_one_line(tmp_path, place):
    with pytest.raises(RequestError, match="no folder of EBB!; it needs train/original") as error:
        read_ebb(tmp_path / place)
    assert "\n" not in str(error.value)


def write_list(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "0\n12\n4399\n",
        "\ufeff0.jpg\r\n12.JPG\r\n\r\n# kept\r\n4399.png\r\n12.jpg",
        "Training/original/0.jpg\n./Training/original/0012.jpg\nC:\\EBB\\original\\4399.jpg",
        'original,bokeh\n"original/0.jpg",bokeh/0.jpg\noriginal/12.jpg,bokeh/12.jpg\n4399,4399',
    ],
)
def test_lists_are_read_as_teams_write_them(tmp_path, text):
    found = read_list(write_list(tmp_path / "list.txt", text))
    assert found.training == {0, 12, 4399}
    assert (found.validation, found.warning) == (frozenset(), "")


def test_a_list_with_val294_warns_and_keeps_it_out(tmp_path):
    found = read_list(write_list(tmp_path / "new_list.txt", "".join(f"{n}.jpg\n" for n in range(136, 4694))))
    assert len(found.training) == 4264
    assert found.validation == set(range(4400, 4694))
    assert "294 pairs of Val294" in found.warning
    assert "4264 are left" in found.warning


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1\n2\nsunset.jpg\n", r"list.txt, line 3: 'sunset.jpg'"),
        ("4694", r"line 1: '4694'"),
        ("original/1.jpg,bokeh/2.jpg", r"line 1: 'original/1.jpg, bokeh/2.jpg'"),
        ("\n# none\n", "lists no pairs"),
    ],
)
def test_a_wrong_list_is_refused_in_one_line(tmp_path, text, said):
    with pytest.raises(RequestError, match=said) as error:
        read_list(write_list(tmp_path / "list.txt", text))
    assert "\n" not in str(error.value)
    with pytest.raises(RequestError, match="cannot read the list"):
        read_list(tmp_path / "none.txt")


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_adopting_makes_a_data_set_of_links(tmp_path):
    pynet(tmp_path / "ebb")
    before = content(tmp_path / "ebb")
    told = []
    made = adopt(read_ebb(tmp_path / "ebb"), tmp_path / "set", progress=lambda *counts: told.append(counts))
    assert (made.pairs, made.dropped, made.linked, made.copied) == (5, 0, 11, 0)
    assert told[-1] == (5, 5)
    assert names(pairs_in(tmp_path / "set", split="train")) == ["0", "12", "4399"]
    assert names(pairs_in(tmp_path / "set", split="val")) == ["4400", "4693"]
    assert (tmp_path / "set" / "bokeh" / "12.jpg").samefile(tmp_path / "ebb" / "train" / "bokeh" / "12.jpg")
    row = read_manifest(tmp_path / "set" / MANIFEST)["12"]
    assert (row.width, row.height, row.wide) == (8, TALL, "train/original/12.jpg")
    assert row.shallow_sha256 == hashlib.sha256((tmp_path / "ebb/train/bokeh/12.jpg").read_bytes()).hexdigest()
    assert pairs_in(tmp_path / "set", split="train")[1].depth == tmp_path / "set" / "depth" / "12.png"
    assert content(tmp_path / "ebb") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ebb", "set"]


def test_where_links_do_not_work_files_are_copied(tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(18, "another disk")

    pynet(tmp_path / "ebb")
    (tmp_path / "set").mkdir()
    monkeypatch.setattr(os, "link", refuse)
    made = adopt(read_ebb(tmp_path / "ebb"), tmp_path / "set")
    assert (made.linked, made.copied) == (0, 11)
    copy, source = tmp_path / "set" / "bokeh" / "12.jpg", tmp_path / "ebb" / "train" / "bokeh" / "12.jpg"
    assert not copy.samefile(source)
    assert copy.read_bytes() == source.read_bytes()


def test_a_cleaned_list_drops_training_pairs_with_that_reason_and_no_others(tmp_path):
    flat(tmp_path / "ebb")
    kept = read_list(write_list(tmp_path / "new_list.txt", "12\n4400\n"))
    made = adopt(read_ebb(tmp_path / "ebb"), tmp_path / "set", keep=kept)
    assert (made.pairs, made.dropped) == (5, 2)
    assert names(pairs_in(tmp_path / "set", split="train")) == ["12"]
    assert names(pairs_in(tmp_path / "set", split="val")) == ["4400", "4693"]
    assert read_manifest(tmp_path / "set" / MANIFEST)["0"].reason == "not in the list new_list.txt"


def test_adopting_fails_whole(tmp_path, monkeypatch):
    flat(tmp_path / "ebb")
    ebb = read_ebb(tmp_path / "ebb")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "note.txt").write_text("mine")
    with pytest.raises(RequestError, match="not empty; give a new folder"):
        adopt(ebb, tmp_path / "taken")
    (tmp_path / "ebb" / "bokeh" / "4693.jpg").unlink()
    with pytest.raises(RequestError, match="cannot be made from"):
        adopt(ebb, tmp_path / "set")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ebb", "taken"]
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["note.txt"]


def test_ids_and_counts_are_those_of_the_papers():
    assert (len(ebb_module.TRAINING_IDS), len(ebb_module.VALIDATION_IDS)) == (4400, 294)
    assert (ebb_module.VALIDATION_IDS[0], ebb_module.VALIDATION_IDS[-1]) == (4400, 4693)


@pytest.fixture
def many(tmp_path):
    """A data set of 300 pairs, by its manifest alone."""
    write_manifest(tmp_path / MANIFEST, [Row(f"street-{n // 3}_{n}", accepted=True, gain="1") for n in range(300)])
    return tmp_path


def parts_of(folder):
    return {name: row.split for name, row in read_manifest(folder / MANIFEST).items()}


def test_views_of_one_photo_stay_together(many):
    rows = [Row(f"{n}", accepted=True, wide_sha256=str(n // 4)) for n in range(80)]
    write_manifest(many / MANIFEST, rows)
    split(many, shares={"train": 0.5, "val": 0.5})
    parts = {}
    for row in read_manifest(many / MANIFEST).values():
        parts.setdefault(row.wide_sha256, set()).add(row.split)
    assert all(len(part) == 1 for part in parts.values())
    assert len(set.union(*parts.values())) == 2


def test_columns_of_others_stay_in_the_manifest(tmp_path):
    (tmp_path / MANIFEST).write_text("name,accepted,photographer,split\na,yes,Ada,\nb,no,,val\n")
    split(tmp_path, lists={"train": ["a"]})
    found = read_manifest(tmp_path / MANIFEST)
    assert found["a"].other == (("photographer", "Ada"),)
    assert (found["a"].split, found["b"].accepted) == ("train", False)
    assert "photographer" in (tmp_path / MANIFEST).read_text().splitlines()[0]


def test_shares_come_out_near_what_was_asked(many):
    made = split(many, shares={"train": 0.6, "val": 0.3, "test": 0.1})
    assert made.counts == {part: pytest.approx(300 * share, abs=25) for part, share in
                           {"train": 0.6, "val": 0.3, "test": 0.1}.items()}  # fmt: skip
    assert sum(made.counts.values()) == 300
    assert made.moved == ()
    assert read_manifest(many / MANIFEST)["street-0_0"].gain == "1"


def test_pairs_that_come_later_move_none(many):
    split(many)
    before = parts_of(many)
    rows = [*(Row(f"a{n}", accepted=True) for n in range(50)), *read_manifest(many / MANIFEST).values()]
    write_manifest(many / MANIFEST, rows)
    assert split(many).moved == ()
    assert {name: part for name, part in parts_of(many).items() if name in before} == before


def test_a_part_follows_from_seed_and_name_alone(tmp_path):
    write_manifest(tmp_path / MANIFEST, [Row("alley", accepted=True)])
    for seed in range(8):
        split(tmp_path, shares={"train": 0.5, "test": 0.5}, seed=seed)
        place = int(hashlib.sha256(f"{seed}:alley".encode()).hexdigest()[:16], 16) / 2**64
        assert parts_of(tmp_path)["alley"] == ("train" if place < 0.5 else "test")


def test_another_seed_is_another_split_and_says_who_moved(many):
    split(many, seed=1)
    before = parts_of(many)
    made = split(many, seed=2)
    after = parts_of(many)
    assert made.moved
    assert list(made.moved) == [name for name in before if before[name] != after[name]]


def test_pairs_of_one_scene_stay_together(many):
    split(many, shares={"train": 0.5, "val": 0.5}, scenes=True)
    scenes = {}
    for name, part in parts_of(many).items():
        scenes.setdefault(name.rsplit("_", 1)[0], set()).add(part)
    assert len(scenes) == 100
    assert all(len(parts) == 1 for parts in scenes.values())
    assert {"train", "val"} == set().union(*scenes.values())


def test_dropped_pairs_get_a_part_but_do_not_count(tmp_path):
    write_manifest(tmp_path / MANIFEST, [Row("a", accepted=True), Row("b", accepted=False, reason="blurred")])
    assert split(tmp_path, shares={"val": 1}).counts == {"val": 1}
    assert parts_of(tmp_path) == {"a": "val", "b": "val"}
    assert read_manifest(tmp_path / MANIFEST)["b"].reason == "blurred"


def test_lists_give_the_parts_and_a_manifest_is_made(tmp_path):
    for name in ("a", "b", "c.d"):
        save_pair(tmp_path, name, height=8)
    listed = read_names(write_list(tmp_path / "val.txt", "# val\noriginal/b.jpg\nc.d\nb\n"))
    assert listed == ["b", "c.d"]
    made = split(tmp_path, lists={"val": listed, "train": ["a", "gone"]})
    assert made.counts == {"train": 1, "val": 2}
    assert made.unknown == ("gone",)
    assert parts_of(tmp_path) == {"a": "train", "b": "val", "c.d": "val"}
    assert names(pairs_in(tmp_path, split="val")) == ["b", "c.d"]
    assert split(tmp_path, lists={"test": ["a"]}).counts == {"test": 1, "": 2}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"shares": {"train": 0.5, "val": 0.4}}, "add up to 0.9"),
        ({"shares": {"train": 1.5, "val": -0.5}}, "none may be below 0"),
        ({"shares": {"train": float("nan"), "val": 1}}, "none may be below 0"),
        ({"shares": {"training": 1}}, "no part 'training'"),
        ({"lists": {"train": ["street-0_0"], "val": ["street-0_0"]}}, "street-0_0 is on the lists of train and val"),
        ({"lists": {"train": ["gone"]}}, "no name in the lists"),
        ({"lists": {"holdout": ["street-0_0"]}}, "no part 'holdout'"),
        ({"lists": {"train": ["street-0_0"]}, "scenes": True}, "tear street-0_0 and street-0_1 apart"),
    ],
)
def test_a_contradiction_is_refused_and_the_manifest_stays(many, asked, said):
    before = (many / MANIFEST).read_bytes()
    with pytest.raises(RequestError, match=said) as error:
        split(many, **asked)
    assert "\n" not in str(error.value)
    assert (many / MANIFEST).read_bytes() == before
