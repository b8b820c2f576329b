"""A challenge made from a data set: what is public, what stays hidden, and what it refuses."""

import csv
import io
import json
import os
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wideopen.challenge.intake import HIDDEN, PUBLIC, Rules, check, inputs_in, rules_in
from wideopen.challenge.links import Links
from wideopen.challenge.new import Asked, given_plan, new_challenge, usual_plan
from wideopen.challenge.plan import Limits, Plan, read_plan, write_plan
from wideopen.cli import challenge_new
from wideopen.errors import PhotoError, RequestError
from wideopen.pairs.manifest import MANIFEST, Row, write_manifest
from wideopen.pairs.pair import pairs_in
from wideopen.score.provenance import sha256_of_pairs

PARTS = {"train": ("1", "2", "3"), "val": ("4", "10"), "test": ("5", "6")}
MAPS = ("depth", "matte", "focus")


def picture(path, number, size=(32, 24)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def pairs(tmp_path):
    """A data set of seven pairs, every file with bytes of its own, and one pair that was refused."""
    folder, number, rows = tmp_path / "pairs", 0, []
    for part, names in PARTS.items():
        for name in names:
            for place in ("original", "bokeh", *MAPS):
                number += 1
                picture(folder / place / f"{name}.{'jpg' if place == 'original' else 'png'}", number)
            rows.append(Row(name, accepted=True, split=part, wide=f"secret-{name}.cr2"))
    picture(folder / "original" / "99.jpg", 900)
    picture(folder / "bokeh" / "99.png", 901)
    write_manifest(folder / MANIFEST, [*rows, Row("99", accepted=False, reason="moved", split="test")])
    return folder


def everything(folder):
    return {each.relative_to(folder).as_posix(): each for each in sorted(folder.rglob("*")) if each.is_file()}


def inside(path):
    with zipfile.ZipFile(path) as archive:
        return {each.filename: archive.read(each) for each in archive.infolist()}


def test_a_challenge_holds_all_that_it_needs(pairs, tmp_path):
    folder = tmp_path / "challenge"
    plan = new_challenge(pairs, folder, usual_plan(Asked(title="Bokeh 2031")))
    assert read_plan(folder) == plan
    places = ["original", "bokeh", *MAPS]
    names = [f"{part}/{place}/{name}" for part in ("val", "test") for name in PARTS[part] for place in places]
    hidden = [f"{HIDDEN}/{each}.{'jpg' if '/original/' in each else 'png'}" for each in names]
    public = [f"{PUBLIC}/{name}.zip" for name in ("development", "test", "validation")]
    assert sorted(everything(folder)) == sorted(["challenge.json", "key", *hidden, *public])
    assert not any(each.is_symlink() or each.stat().st_nlink > 1 for each in everything(folder).values())
    for part in ("val", "test"):
        copied, own = pairs_in(folder / HIDDEN / part), pairs_in(pairs, split=part)
        assert [each.name for each in copied] == [each.name for each in own]
        assert all(each.depth and each.matte and each.focus for each in copied)
        assert dict(plan.parts)[part] == sha256_of_pairs(copied) == sha256_of_pairs(own)
    assert Links(folder).is_organiser(Links(folder).organiser_token())


def test_everybody_gets_the_development_pairs_and_the_inputs_of_phases(pairs, tmp_path):
    new_challenge(pairs, tmp_path / "challenge", usual_plan(Asked()))
    public = tmp_path / "challenge" / PUBLIC
    files = inside(public / "development.zip")
    assert set(files) == {"README.txt"} | {
        f"{place}/{name}.{'jpg' if place == 'original' else 'png'}"
        for name in PARTS["train"]
        for place in ("original", "bokeh", *MAPS)
    }
    assert files["bokeh/1.png"] == (pairs / "bokeh" / "1.png").read_bytes()
    for phase, part in (("validation", "val"), ("test", "test")):
        files = inside(public / f"{phase}.zip")
        assert set(files) == {"README.txt", "phase.json", *(f"original/{name}.jpg" for name in PARTS[part])}
        for name in PARTS[part]:
            assert files[f"original/{name}.jpg"] == (pairs / "original" / f"{name}.jpg").read_bytes()
        assert inputs_in(public / f"{phase}.zip") == dict.fromkeys(PARTS[part], (32, 24))
    assert b"wideopen challenge check YOURS --inputs test.zip" in files["README.txt"]


def pieces(data):
    """Parts of a file's bytes that no other file has by chance."""
    return [data[start : start + 64] for start in range(0, len(data) - 64, 48)]


def test_nothing_that_is_public_tells_of_the_truth(pairs, tmp_path):
    folder = tmp_path / "challenge"
    new_challenge(pairs, folder, usual_plan(Asked()))
    public = b""
    for each in everything(folder / PUBLIC).values():
        public += each.read_bytes()
        for name, data in inside(each).items():
            public += name.encode() + data
    for part in ("val", "test"):
        for name, path in everything(folder / HIDDEN / part).items():
            # All originals are public; whatever else is hidden is nowhere, not even in part.
            found = [piece in public for piece in pieces(path.read_bytes())]
            assert all(found) if name.startswith("original/") else not any(found), name
    for row in csv.DictReader(io.StringIO((pairs / MANIFEST).read_text())):
        assert row["wide"].encode() not in public or not row["wide"]
    assert dict(read_plan(folder).parts)["test"].encode() not in public
    assert (folder / "key").read_bytes() not in public


def test_the_same_pairs_make_the_same_zips(pairs, tmp_path):
    plan = usual_plan(Asked(begins="2031-05-01"))
    for name in ("one", "two"):
        new_challenge(pairs, tmp_path / name, plan)
        for each in everything(pairs).values():
            os.utime(each, (1, 1))
    for name, path in everything(tmp_path / "one" / PUBLIC).items():
        assert path.read_bytes() == (tmp_path / "two" / PUBLIC / name).read_bytes()
    with zipfile.ZipFile(tmp_path / "one" / PUBLIC / "validation.zip") as archive:
        assert {each.date_time for each in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist()[-2:] == ["original/4.jpg", "original/10.jpg"]
    assert Links(tmp_path / "one").organiser_token() != Links(tmp_path / "two").organiser_token()


def test_the_usual_phases_are_the_reports():
    plan = usual_plan(Asked(begins="2031-05-01", days=(10, 20, 5)))
    validation, test = plan.phases
    assert plan.begins == "2031-05-01T00:00:00+00:00"
    assert (validation.begins, validation.ends) == ("2031-05-11T00:00:00+00:00", "2031-05-31T00:00:00+00:00")
    assert (test.begins, test.ends) == ("2031-05-31T00:00:00+00:00", "2031-06-05T00:00:00+00:00")
    assert (validation.part, validation.board, validation.keeps, validation.sheet) == ("val", "live", "best", False)
    assert (test.part, test.board, test.keeps, test.sheet) == ("test", "hidden", "last", True)
    assert (validation.takes, test.takes) == (("pictures",), ("pictures", "model"))
    assert [each.name for each in plan.tracks] == ["cpu", "gpu"]
    assert (plan.ranks_by, plan.protocol, plan.sign_up) == ("mos", "aim2020/1", "approved")
    assert "depth" in plan.unranked


def test_what_an_organiser_decides_is_in_the_plan():
    plan = usual_plan(Asked("T", "A", per_day=2, in_all=7, tracks=("cpu", "tpu"), sign_up="open", protocol="pynet/1"))
    assert {(each.per_day, each.in_all) for each in plan.phases} == {(2, 7)}
    assert [each.title for each in plan.tracks] == ["Desktop CPU", "tpu"]
    assert (plan.title, plan.about, plan.sign_up, plan.protocol) == ("T", "A", "open", "pynet/1")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"days": (30, 0, 14)}, "the days are"),
        ({"days": (-1, 1, 1)}, "the days are"),
        ({"days": (1, float("nan"), 1)}, "the days are"),
        ({"days": (1, 1, 1e9)}, "the days are"),
        ({"begins": "soon"}, "'soon' is no moment"),
        ({"begins": "9999-12-30"}, "ends after all calendars"),
        ({"tracks": ("CPU",)}, "track cannot be called 'CPU'"),
        ({"tracks": ("cpu", "cpu")}, "two tracks"),
        ({"title": " "}, "needs a title"),
        ({"protocol": "mine/1"}, "mine/1"),
    ],
)
def test_what_cannot_be_decided_is_refused(changes, words):
    with pytest.raises(RequestError, match=words):
        usual_plan(Asked(**changes))


def test_a_plan_may_be_given_whole(pairs, tmp_path):
    (tmp_path / "of").mkdir()
    wanted = usual_plan(Asked(begins="2031-05-01", tracks=("cpu",)))
    path = write_plan(wanted, tmp_path / "of")
    assert given_plan(path) == wanted
    record = json.loads(path.read_text())
    del record["wideopen"]
    record["limits"] = {"files": 5}
    record["phases"] = record["phases"][:1]
    path.write_text(json.dumps(record))
    plan = new_challenge(pairs, tmp_path / "challenge", given_plan(path))
    assert plan.limits == Limits(files=5)
    assert sorted(each.name for each in (tmp_path / "challenge" / HIDDEN).iterdir()) == ["val"]
    assert rules_in(tmp_path / "challenge" / PUBLIC / "validation.zip") == Rules(
        "Realistic bokeh", "validation", ("pictures",), Limits(files=5)
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot read the plan"),
        ("[]", "no plan of this version"),
        ('{"wideopen": "challenge/9"}', "no plan of this version"),
        ('{"title": "T"}', "needs about"),
        ('{"titel": "T"}', "did you mean title"),
    ],
)
def test_a_plan_that_cannot_be_read_is_refused(tmp_path, text, words):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(RequestError, match=words):
        given_plan(tmp_path / "plan.json")
    with pytest.raises(RequestError, match="cannot read the plan"):
        given_plan(tmp_path / "none.json")


def without_test(pairs):
    rows = [Row(name, accepted=True, split=part) for part in ("train", "val") for name in PARTS[part]]
    write_manifest(pairs / MANIFEST, rows)


def without_manifest(pairs):
    for place in ("original", "bokeh"):
        next((pairs / place).glob("99.*")).unlink()
    (pairs / MANIFEST).unlink()


def same_picture(pairs):
    (pairs / "bokeh" / "5.png").write_bytes((pairs / "original" / "5.jpg").read_bytes())


def shared_truth(pairs):
    (pairs / "bokeh" / "1.png").write_bytes((pairs / "bokeh" / "5.png").read_bytes())


def shared_input(pairs):
    (pairs / "original" / "1.jpg").write_bytes((pairs / "original" / "10.jpg").read_bytes())


def shared_across(pairs):
    (pairs / "original" / "1.jpg").write_bytes((pairs / "bokeh" / "5.png").read_bytes())


def other_size(pairs):
    picture(pairs / "bokeh" / "6.png", 77, (24, 24))


def renamed(name):
    def spoil(pairs):
        rows = [Row(each, accepted=True, split=part) for part, names in PARTS.items() for each in names]
        for place in ("original", "bokeh"):
            path = next((pairs / place).glob("6.*"))
            path.rename(path.with_name(f"{name}{path.suffix}"))
        write_manifest(pairs / MANIFEST, [each if each.name != "6" else Row(name, True, split="test") for each in rows])

    return spoil


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_test, "no pairs of the part 'test'; run: wideopen pairs split .* --test 0.1"),
        (without_manifest, "no pairs of the part 'train'; run: wideopen pairs split"),
        (same_picture, "pair 5: the original and the bokeh are one picture"),
        (shared_truth, "pair 5 of test has a picture of pair 1 of train, which would give its truth away"),
        (shared_input, "pair 10 of val has a picture of pair 1 of train"),
        (shared_across, "pair 5 of test has a picture of pair 1 of train"),
        (other_size, "pair 6: the original is 32x24 and the bokeh 24x24"),
        (renamed("aux"), "pair 'aux' has the name of a device"),
        (renamed("a:b"), "letters in its name"),
        (renamed("x" * 147), "more than 150 bytes"),
    ],
)
def test_pairs_that_cannot_be_asked_about_are_refused_and_nothing_is_left(pairs, tmp_path, spoil, words):
    spoil(pairs)
    with pytest.raises(RequestError, match=words):
        new_challenge(pairs, tmp_path / "challenge", usual_plan(Asked()))
    assert [each.name for each in tmp_path.iterdir()] == ["pairs"]


def test_names_that_are_one_on_some_systems_are_refused(pairs, tmp_path):
    rows = []
    for number, name in enumerate(("a", "A")):
        for place in ("original", "bokeh"):
            picture(pairs / place / f"{name}.png", 700 + 2 * number + (place == "bokeh"))
        rows.append(Row(name, accepted=True, split="val"))
    if len(list((pairs / "original").glob("[aA].png"))) < 2:
        pytest.skip("this file system is one of them")
    known = [Row(each, accepted=True, split=part) for part in ("train", "test") for each in PARTS[part]]
    write_manifest(pairs / MANIFEST, [*known, *rows])
    with pytest.raises(RequestError, match="have one name on some systems"):
        new_challenge(pairs, tmp_path / "challenge", usual_plan(Asked()))


@pytest.mark.parametrize("changes", [{"part": "train"}, {"name": "development"}])
def test_phases_that_would_give_the_truth_away_are_refused(pairs, tmp_path, changes):
    plan = usual_plan(Asked())
    phase = type(plan.phases[0])(**{**vars(plan.phases[0]), **changes})
    with pytest.raises(RequestError, match="public"):
        new_challenge(pairs, tmp_path / "challenge", Plan("T", "A", (phase,), plan.tracks))


def test_a_broken_picture_leaves_nothing(pairs, tmp_path):
    (pairs / "original" / "6.jpg").write_bytes(b"none")
    with pytest.raises(PhotoError, match=r"6\.jpg"):
        new_challenge(pairs, tmp_path / "challenge", usual_plan(Asked()))
    assert [each.name for each in tmp_path.iterdir()] == ["pairs"]


def test_whatever_fails_on_the_way_leaves_nothing(pairs, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("wideopen.challenge.new.write_plan", fail)
        with pytest.raises(RequestError, match="No space left on device"):
            new_challenge(pairs, tmp_path / "challenge", usual_plan(Asked()))

    def interrupt(done, total):
        if done == total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        new_challenge(pairs, tmp_path / "challenge", usual_plan(Asked()), progress=interrupt)
    assert [each.name for each in tmp_path.iterdir()] == ["pairs"]


def test_the_place_must_be_free(pairs, tmp_path):
    folder = tmp_path / "challenge"
    folder.mkdir()
    assert new_challenge(pairs, folder, usual_plan(Asked()))
    before = {name: each.read_bytes() for name, each in everything(folder).items()}
    with pytest.raises(RequestError, match="is there already"):
        new_challenge(pairs, folder, usual_plan(Asked()))
    assert {name: each.read_bytes() for name, each in everything(folder).items()} == before
    with pytest.raises(RequestError, match="is there already"):
        new_challenge(pairs, pairs / MANIFEST, usual_plan(Asked()))


def test_progress_counts_every_pair(pairs, tmp_path):
    told = []
    new_challenge(pairs, tmp_path / "challenge", usual_plan(Asked()), progress=lambda *each: told.append(each))
    assert told == [(number, 7) for number in range(1, 8)]


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run one of the commands; gives what it printed."""
    monkeypatch.chdir(tmp_path)

    def call(command, *words):
        command.main([str(word) for word in words], standalone_mode=False)
        return capsys.readouterr().out

    return call


def test_a_shell_makes_a_challenge_and_looks_at_an_answer(run, pairs, tmp_path):
    (tmp_path / "about.txt").write_text("Come all.")
    out = run(
        challenge_new.new, "--pairs", "pairs", "made", "--title", "T", "--about", "about.txt", "--begins", "2031-05-01",
        "--days", "0,1.5,2", "--per-day", 2, "--in-all", 9, "--track", "cpu", "--sign-up", "open",
    )  # fmt: skip
    assert "validation: 2031-05-01T00:00:00+00:00 to 2031-05-02T12:00:00+00:00, pictures, board live" in out
    assert "development:" not in out
    assert "next: wideopen challenge serve made" in out
    plan = read_plan(tmp_path / "made")
    assert (plan.title, plan.about, plan.sign_up, len(plan.tracks)) == ("T", "Come all.", "open", 1)
    assert (plan.phases[1].per_day, plan.phases[1].in_all) == (2, 9)
    for name in PARTS["test"]:
        picture(tmp_path / "ours" / f"{name}.png", 1)
    assert run(challenge_new.check, "ours", "--inputs", "made/public/test.zip").startswith("ours: 2 pictures, .png")
    record = json.loads(run(challenge_new.check, "ours", "--inputs", "made/public/test.zip", "--json"))
    assert record["kind"] == "pictures"
    with pytest.raises(RequestError, match="another phase"):
        run(challenge_new.check, "ours", "--inputs", "made/public/validation.zip")


def test_a_shell_is_told_when_pairs_to_learn_from_are_given_out(run, pairs):
    out = run(challenge_new.new, "--pairs", "pairs", "made", "--begins", "2031-05-01", "--days", "2,1,1")
    assert "development: 2031-05-01T00:00:00+00:00 to 2031-05-03T00:00:00+00:00, pairs to learn from" in out
    assert read_plan(Path("made")).opens.isoformat() == "2031-05-03T00:00:00+00:00"


def test_a_challenge_cannot_begin_after_its_first_phase():
    plan = usual_plan(Asked(begins="2031-05-01"))
    with pytest.raises(RequestError, match="begins at 2031-07-01, after its first phase"):
        replace(plan, begins="2031-07-01")


def test_a_shell_gives_a_plan(run, pairs, tmp_path):
    (tmp_path / "of").mkdir()
    write_plan(usual_plan(Asked("From a file")), tmp_path / "of")
    record = json.loads(run(challenge_new.new, "--pairs", "pairs", "made", "--plan", "of/challenge.json", "--json"))
    assert record["title"] == "From a file"
    assert [each["name"] for each in record["phases"]] == ["validation", "test"]
    with pytest.raises(RequestError, match="--plan says all; leave out --track"):
        run(challenge_new.new, "--pairs", "pairs", "more", "--plan", "of/challenge.json", "--track", "cpu")


@pytest.mark.parametrize("days", ["30", "a,b,c", "1,2,3,4", ""])
def test_days_that_are_none_are_told(run, pairs, days):
    with pytest.raises(RequestError, match="three numbers"):
        run(challenge_new.new, "--pairs", "pairs", "made", "--days", days)


def test_a_phase_that_takes_pictures_alone_says_so_at_home(pairs, tmp_path):
    new_challenge(pairs, tmp_path / "challenge", usual_plan(Asked()))
    (tmp_path / "net.onnx").write_bytes(b"none")
    public = tmp_path / "challenge" / PUBLIC
    with pytest.raises(RequestError, match="the phase validation takes pictures, not model"):
        check(tmp_path / "net.onnx", public / "validation.zip")
    with pytest.raises(RequestError, match="no ONNX file"):
        check(tmp_path / "net.onnx", public / "test.zip")


def test_the_development_begins_now_where_nothing_else_is_said():
    plan = usual_plan(Asked(days=(0, 1, 1)))
    begins = datetime.fromisoformat(plan.phases[0].begins)
    assert abs(begins - datetime.now(begins.tzinfo)) < timedelta(hours=1)
