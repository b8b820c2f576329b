"""Backups of a challenge: whole, of one moment, checked before anything is written, between any two databases."""

import hashlib
import json
import os
import shutil
import stat
import threading
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from challenge_folder import SHEET, UPLOAD, Clock
from challenge_scored import Scored, study_report
from command import refuses
from postgresql import postgresql, server  # noqa: F401
from test_challenge_board import challenge  # noqa: F401
from wideopen.challenge.archive import FORMAT, backup, restore
from wideopen.challenge.archive_rows import TABLES
from wideopen.challenge.archive_zip import LIST
from wideopen.challenge.board import boards, rated
from wideopen.challenge.files import Files
from wideopen.challenge.links import Links
from wideopen.challenge.mos import join_study
from wideopen.challenge.queue import Queue
from wideopen.challenge.store import open_store
from wideopen.challenge.tables import VERSION, events, jobs, workers
from wideopen.database import Database
from wideopen.errors import RequestError, WideopenError


def fill(held, tmp_path):
    """Let a challenge have something of all that there can be; gives a team's token."""
    for place, content in (
        ("public/development.zip", b"public"),
        ("hidden/val/bokeh/1.jpg", b"truth \x00\xff"),
        ("hidden/val/original/1.jpg", b""),
    ):
        path = held.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    token = held.store.add_team("Ünï <b>")[1]
    held.scored("A", 21.0, pictures=("1",), description="two\nlines, \u2028 and \U0001f600")
    held.submit("B")
    held.finish("refused")
    held.clock.go_on(days=10)
    held.scored("A", 22.0, phase="test", runtime_s=0.5)
    standing = rated(boards(held.store, held.queue, held.files, "test"))
    join_study(held.store, held.files, "test", study_report({"A": 3.0}, tmp_path / "r.json"), standing)
    held.store.open_board("test")
    held.submit("B", phase="test")
    return token


@pytest.fixture
def held(tmp_path):
    made = Scored(tmp_path / "held")
    made.token = fill(made, tmp_path)
    yield made
    made.close()


def rows(store):
    with store.database.reading() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in TABLES if table is not workers
        }  # fmt: skip


def opened(folder, database=None):
    return closing(open_store(folder, database, clock=Clock()))


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_challenge_comes_back_whole_and_its_tokens_and_links_still_work(held, tmp_path):
    organiser = Links(held.folder).organiser_token()
    made = backup(held.folder, tmp_path / "b.zip")
    found = restore(tmp_path / "b.zip", tmp_path / "again")
    assert found == made
    assert made.missing == ()
    assert made.rows["challenge_submissions"] == 4
    before, after = contents(held.folder), contents(tmp_path / "again")
    kept = {name for name in before if name.split("/")[0] in ("public", "hidden", "files", "key", "challenge.json")}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert set(after) == kept | {"challenge.db"}
    assert stat.S_IMODE((tmp_path / "again" / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "b.zip").stat().st_mode) == 0o600
    with opened(tmp_path / "again") as store:
        assert rows(store) == rows(held.store)
        assert store.team(held.token).name == "Ünï <b>"
        assert Links(tmp_path / "again").is_organiser(organiser)
        files = Files(tmp_path / "again" / "files")
        for phase in ("validation", "test"):
            was = boards(held.store, held.queue, held.files, phase)
            assert boards(store, Queue(store), files, phase) == was
        assert boards(store, Queue(store), files, "test")[0].by == "mos"


def test_the_same_challenge_gives_the_same_bytes_but_for_the_moment(held, tmp_path):
    backup(held.folder, tmp_path / "a.zip")
    os.utime(held.folder / "public" / "development.zip", (1, 1))
    backup(held.folder, tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as one, zipfile.ZipFile(tmp_path / "b.zip") as two:
        assert one.namelist() == two.namelist()
        assert one.namelist()[-1] == LIST
        for name in one.namelist()[:-1]:
            assert one.getinfo(name).date_time == two.getinfo(name).date_time == (1980, 1, 1, 0, 0, 0)
            assert one.read(name) == two.read(name)
        first, second = (json.loads(each.read(LIST)) for each in (one, two))
        assert first | {"made": ""} == second | {"made": ""}
    restore(tmp_path / "a.zip", tmp_path / "again")
    backup(tmp_path / "again", tmp_path / "c.zip")
    with zipfile.ZipFile(tmp_path / "c.zip") as three:
        assert json.loads(three.read(LIST))["entries"].keys() == first["entries"].keys()


def test_ids_go_on_after_the_highest(held, tmp_path):
    backup(held.folder, tmp_path / "b.zip")
    restore(tmp_path / "b.zip", tmp_path / "again")
    with opened(tmp_path / "again") as store:
        assert store.add_team("New")[0].id == held.store.add_team("New")[0].id == 4


@pytest.mark.parametrize("way", ["into", "out of", "both"])
def test_a_backup_goes_from_one_database_to_another(way, tmp_path, postgresql):  # noqa: F811
    first = postgresql if way != "into" else None
    held = Scored(tmp_path / "held", database=first)
    with closing(held):
        token = fill(held, tmp_path)
        before = rows(held.store)
        backup(held.folder, tmp_path / "b.zip", first)
    second = postgresql if way != "out of" else None
    if way == "both":
        refused(tmp_path, tmp_path / "b.zip", tmp_path / "again", postgresql, match="holds a challenge already")
        empty(postgresql)
    restore(tmp_path / "b.zip", tmp_path / "again", second)
    assert (tmp_path / "again" / "challenge.db").exists() == (second is None)
    with opened(tmp_path / "again", second) as store:
        assert rows(store) == before
        assert store.team(token).name == "Ünï <b>"
        store.plan = replace(store.plan, phases=(replace(store.plan.phases[0], in_all=9, per_day=9),))
        assert store.add_team("New")[0].id == 4
        sent = store.submit(4, "validation", "cpu", "pictures", UPLOAD, SHEET, request="new")
        assert sent.id == 5
        queue = Queue(store)
        assert [queue.take("w", "h").submission.id for _ in range(2)] == [4, 5]


def empty(address):
    with closing(open_database(address)) as database, database.writing() as connection:
        for table in reversed(TABLES):
            connection.execute(table.delete())


def open_database(address):
    return Database.open(Path(), address, what="the challenge", extra="challenge")


def test_a_database_that_cannot_take_the_rows_keeps_none(held, tmp_path, postgresql):  # noqa: F811
    backup(held.folder, tmp_path / "b.zip")
    changed(tmp_path / "b.zip", tmp_path / "c.zip", twice)
    with pytest.raises(WideopenError):
        restore(tmp_path / "c.zip", tmp_path / "again", postgresql)
    assert not (tmp_path / "again").exists()
    restore(tmp_path / "b.zip", tmp_path / "again", postgresql)


def test_files_come_from_any_place_and_go_to_any(held, tmp_path):
    address = f"memory://{tmp_path.name}/files"
    backup(held.folder, tmp_path / "b.zip")
    restore(tmp_path / "b.zip", tmp_path / "again", files=address)
    assert Files(address).keys() == held.files.keys()
    assert not (tmp_path / "again" / "files").exists()
    for key in Files(address).keys():  # noqa: SIM118
        assert Files(address).read(key) == held.files.read(key)
    made = backup(tmp_path / "again", tmp_path / "c.zip", files=address)
    assert made.missing == ()
    restore(tmp_path / "c.zip", tmp_path / "third")
    assert contents(tmp_path / "third" / "files") == contents(held.folder / "files")
    with pytest.raises(RequestError, match="holds files already"):
        restore(tmp_path / "c.zip", tmp_path / "fourth", files=address)
    assert not (tmp_path / "fourth").exists()


def test_only_files_that_rows_name_are_kept_and_lost_ones_are_told(held, tmp_path):
    held.put("uploads/begun.zip", b"not handed in")
    held.put("scores/99.json", b"of nobody")
    held.put("galleries/99/1.found.jpg", b"of nobody")
    (held.folder / "uploads").mkdir()
    (held.folder / "uploads" / "x.part").write_bytes(b"half")
    (held.folder / "files" / "scores" / "1.json").unlink()
    made = backup(held.folder, tmp_path / "b.zip")
    assert made.missing == ("scores/1.json",)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        names = archive.namelist()
    assert not [name for name in names if "99" in name or "begun" in name or "part" in name]
    assert "files/galleries/1/1.truth.jpg" in names
    assert restore(tmp_path / "b.zip", tmp_path / "again").missing == ("scores/1.json",)


def test_jobs_that_ran_wait_again_without_losing_an_attempt_and_no_worker_is_left(held, tmp_path):
    job = held.queue.take("dead", "host")
    assert job.submission.id == 4
    backup(held.folder, tmp_path / "b.zip")
    restore(tmp_path / "b.zip", tmp_path / "again")
    with opened(tmp_path / "again") as store:
        queue = Queue(store)
        assert queue.workers() == []
        assert store.submission(4).state == "waiting"
        assert "score taken back" in [what for _, what, _ in store.history(4)]
        again = queue.take("new", "host")
        assert (again.submission.id, again.attempt) == (4, 1)
        assert not queue.beat(job)
    assert held.queue.finish(job, "failed", why="of the first challenge")


def test_a_job_that_was_to_stop_ends(held, tmp_path):
    held.queue.take("w", "host")
    assert held.queue.cancel(4)
    backup(held.folder, tmp_path / "b.zip")
    restore(tmp_path / "b.zip", tmp_path / "again")
    with opened(tmp_path / "again") as store:
        assert Queue(store).take("new", "host") is None
        assert store.submission(4).state == "cancelled"
        with store.database.reading() as connection:
            assert connection.execute(select(jobs.c.state).where(jobs.c.submission == 4)).scalar_one() == "cancelled"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_is_of_one_moment_while_others_write(kind, tmp_path, request):
    address = request.getfixturevalue("postgresql") if kind == "postgresql" else None
    held = Scored(tmp_path / "held", database=address)
    stop, failed = threading.Event(), []

    def write():
        number = 0
        while not stop.is_set():
            number += 1
            team = held.store.add_team(f"team {number}")[0].id
            key = f"uploads/{number}.zip"
            held.put(key, b"answer")
            held.store.submit(
                team, "validation", "cpu", "pictures", replace(UPLOAD, file=key), SHEET, request=str(number)
            )

    def guarded():
        try:
            write()
        except Exception as error:
            failed.append(error)

    writer = threading.Thread(target=guarded)
    writer.start()
    try:
        made = [backup(held.folder, tmp_path / f"{at}.zip", address) for at in range(5)]
    finally:
        stop.set()
        writer.join()
    held.close()
    assert failed == []
    assert made[-1].rows["challenge_submissions"] > made[0].rows["challenge_submissions"]
    for at, each in enumerate(made):
        count = each.rows["challenge_submissions"]
        assert each.missing == ()
        assert each.rows["challenge_jobs"] == count
        assert each.rows["challenge_teams"] - count in (0, 1)
        restore(tmp_path / f"{at}.zip", tmp_path / f"again {at}")


def test_a_backup_replaces_nothing_and_lies_nowhere_that_is_served(held, tmp_path, monkeypatch):
    (tmp_path / "b.zip").write_bytes(b"mine")
    for out, message in (
        (tmp_path / "b.zip", "there already"),
        (tmp_path / "b.tar", "ends in .zip"),
        (held.folder / "public" / "b.zip", "the challenge's own public"),
        (held.folder / "files" / "x" / "b.zip", "the challenge's own files"),
    ):
        with pytest.raises(RequestError, match=message):
            backup(held.folder, out)
    assert (tmp_path / "b.zip").read_bytes() == b"mine"
    with pytest.raises(RequestError, match="holds no challenge"):
        backup(tmp_path / "nowhere", tmp_path / "c.zip")
    monkeypatch.setattr(Files, "local", broken)
    with pytest.raises(RequestError, match=r"c\.zip cannot be made \(the disk is gone\)"):
        backup(held.folder, tmp_path / "c.zip")
    assert sorted(path.name for path in tmp_path.glob("*.zip")) == ["b.zip"]
    assert not list(tmp_path.glob(".*"))


def broken(*_):
    raise OSError("the disk is gone")


def test_a_backup_holds_no_file_that_some_system_could_not_have(held, tmp_path):
    (held.folder / "hidden" / "con.png").write_bytes(b"")
    with pytest.raises(RequestError, match="has the name of a device; a backup cannot hold it"):
        backup(held.folder, tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


# What is refused, and leaves nothing


def refused(tmp_path, archive, folder, database=None, *, match):
    """See that nothing is left of what could not be restored."""
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RequestError, match=match) as told:
        restore(archive, folder, database)
    assert "\n" not in str(told.value)
    assert sorted(tmp_path.rglob("*")) == before


def changed(source, target, change):
    """Write another archive: its entries and its list, as ``change`` makes them."""
    with zipfile.ZipFile(source) as archive:
        entries = [(info, archive.read(info)) for info in archive.infolist() if info.filename != LIST]
        facts = json.loads(archive.read(LIST))
    entries, facts = change(entries, facts)
    with zipfile.ZipFile(target, "w") as archive:
        for info, content in entries:
            archive.writestr(info, content)
        archive.writestr(LIST, json.dumps(facts))


def with_entry(name, content, *, told=True):
    def change(entries, facts):
        if told:
            listed = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            facts["entries"][name] = listed
        return [*(each for each in entries if each[0].filename != name), (zipfile.ZipInfo(name), content)], facts

    return change


def without(name):
    def change(entries, facts):
        del facts["entries"][name]
        return [each for each in entries if each[0].filename != name], facts

    return change


def saying(**others):
    return lambda entries, facts: (entries, facts | others)


def twice(entries, facts):
    """Tell of two teams with one token."""
    name = "tables/challenge_teams.jsonl"
    content = next(content for info, content in entries if info.filename == name)
    line = json.loads(content.splitlines()[0]) | {"id": 50, "folded": "other"}
    facts["rows"]["challenge_teams"] += 1
    return with_entry(name, content + json.dumps(line).encode() + b"\n")(entries, facts)


TEAMS = "tables/challenge_teams.jsonl"
ROW = {
    "id": 1, "name": "n", "folded": "n", "token_sha256": "x", "created": "c", "approved": None, "blocked": None
}  # fmt: skip


def row(**others):
    return with_entry(TEAMS, json.dumps(ROW | others).encode() + b"\n")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (saying(wideopen="challenge-backup/9"), "of the format 'challenge-backup/9', and this wideopen knows"),
        (saying(wideopen=["x"]), "of the format"),
        (saying(tables=VERSION + 1), f"of version {VERSION + 1}, and this wideopen knows {VERSION}"),
        (saying(tables=None), "of version None"),
        (saying(made=7), "7 is no text"),
        (saying(rows={}), "rows, which its list does not say"),
        (saying(rows=[]), "is no"),
        (saying(entries=3), "is no"),
        (saying(surprise=1), "no 'surprise'"),
        (without("challenge.json"), "has no challenge.json"),
        (without("tables/challenge_jobs.jsonl"), "has no tables/challenge_jobs.jsonl"),
        (with_entry("public/more.txt", b"x", told=False), "more.txt is in the backup and not in its list"),
        (with_entry("challenge.db", b"x"), "challenge.db is nothing that a backup has"),
        (with_entry("tables/other.jsonl", b""), "other.jsonl is nothing that a backup has"),
        (with_entry("files/x", b"x"), "no name of a file here"),
        (with_entry("files/uploads/.hidden", b"x"), "no name of a file here"),
        (with_entry("public/../../evil", b"x"), "points out of the zip"),
        (with_entry("/etc/evil", b"x"), "is a place on your machine"),
        (with_entry("C:/evil", b"x"), "is a place on your machine"),
        (with_entry("public\\evil", b"x"), "backslash"),
        (with_entry("public/PRN.txt", b"x"), "device"),
        (with_entry("public/DEVELOPMENT.zip", b"x"), "in other letters"),
        (with_entry("public/x/", b""), "is no file"),
        (with_entry("challenge.json", b"{}"), "no plan"),
        (with_entry(TEAMS, b"nonsense\n"), "line 1 of challenge_teams is no JSON"),
        (with_entry(TEAMS, b"[]\n"), "line 1 of challenge_teams is no row"),
        (with_entry(TEAMS, b"{}\n"), "line 1 of challenge_teams is no row"),
        (row(more=1), "line 1 of challenge_teams is no row"),
        (row(id="1"), "id cannot be 1"),
        (row(id=True), "id cannot be True"),
        (row(name=None), "name cannot be None"),
    ],
)
def test_what_is_no_honest_backup_is_refused(held, tmp_path, change, match):
    backup(held.folder, tmp_path / "b.zip")
    changed(tmp_path / "b.zip", tmp_path / "c.zip", change)
    refused(tmp_path, tmp_path / "c.zip", tmp_path / "again", match=match)


def test_rows_that_contradict_each_other_are_refused(held, tmp_path):
    backup(held.folder, tmp_path / "b.zip")
    changed(tmp_path / "b.zip", tmp_path / "c.zip", twice)
    with pytest.raises(WideopenError, match="cannot be used"):
        restore(tmp_path / "c.zip", tmp_path / "again")
    assert not (tmp_path / "again").exists()
    assert not list(tmp_path.glob(".*"))


def test_a_content_that_its_checksum_is_not_of_is_refused(held, tmp_path):
    def swap(entries, facts):
        return [(info, content[::-1] if info.filename == "hidden/val/bokeh/1.jpg" else content)
                for info, content in entries], facts  # fmt: skip

    backup(held.folder, tmp_path / "b.zip")
    changed(tmp_path / "b.zip", tmp_path / "c.zip", swap)
    refused(tmp_path, tmp_path / "c.zip", tmp_path / "again", match=r"hidden/val/bokeh/1\.jpg of the backup is broken")


def test_what_is_no_zip_of_ours_is_refused(tmp_path):
    (tmp_path / "text.zip").write_text("no zip")
    refused(tmp_path, tmp_path / "text.zip", tmp_path / "again", match="the backup is broken")
    refused(tmp_path, tmp_path / "nowhere.zip", tmp_path / "again", match="is not there")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("photo.png", b"x")
    refused(
        tmp_path, tmp_path / "other.zip", tmp_path / "again", match=f"no backup of a challenge, for it has no {LIST}"
    )
    assert FORMAT == "challenge-backup/1"


def test_a_place_that_is_taken_is_left_alone(held, tmp_path):
    backup(held.folder, tmp_path / "b.zip")
    before = contents(held.folder)
    with pytest.raises(RequestError, match="there already"):
        restore(tmp_path / "b.zip", held.folder)
    assert contents(held.folder) == before
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RequestError, match="there already"):
        restore(tmp_path / "b.zip", tmp_path / "file")
    (tmp_path / "empty").mkdir()
    restore(tmp_path / "b.zip", tmp_path / "empty")
    assert (tmp_path / "empty" / "challenge.json").is_file()


def test_a_disk_without_room_is_told_of_before_anything_is_written(held, tmp_path, monkeypatch):
    backup(held.folder, tmp_path / "b.zip")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    refused(tmp_path, tmp_path / "b.zip", tmp_path / "again", match="MB free, and the backup needs")


def test_files_that_could_not_all_be_put_elsewhere_are_told_of(held, tmp_path, monkeypatch):
    address, put = f"memory://{tmp_path.name}/half", Files.put

    def put_two(self, key, source):
        if len(self.keys()) == 2:
            raise OSError("the bucket is full")
        put(self, key, source)

    backup(held.folder, tmp_path / "b.zip")
    monkeypatch.setattr(Files, "put", put_two)
    with pytest.raises(RequestError, match=r"the bucket is full.*2 files are left at memory://.*remove them"):
        restore(tmp_path / "b.zip", tmp_path / "again", files=address)
    assert not (tmp_path / "again").exists()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The bytes of a small backup, and what it restores to."""
    folder = tmp_path_factory.mktemp("small")
    held = Scored(folder / "held")
    held.store.add_team("A")
    (held.folder / "public").mkdir()
    (held.folder / "public" / "x.zip").write_bytes(b"some content " * 40)
    held.close()
    backup(held.folder, folder / "b.zip")
    restore(folder / "b.zip", folder / "again")
    with opened(folder / "again") as store:
        return (folder / "b.zip").read_bytes(), rows(store), (folder / "again" / "public" / "x.zip").read_bytes()


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_backup_that_ends_early_restores_nothing(small, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("cut")
    (folder / "b.zip").write_bytes(small[0][: data.draw(st.integers(0, len(small[0]) - 1))])
    refused(folder, folder / "b.zip", folder / "again", match="broken|no backup")


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_backup_with_a_changed_byte_restores_the_same_or_nothing(small, tmp_path_factory, data):
    folder, content = tmp_path_factory.mktemp("changed"), bytearray(small[0])
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    (folder / "b.zip").write_bytes(content)
    try:
        restore(folder / "b.zip", folder / "again")
    except WideopenError:
        assert [path.name for path in folder.iterdir()] == ["b.zip"]
    else:
        with opened(folder / "again") as store:
            assert rows(store) == small[1]
        assert (folder / "again" / "public" / "x.zip").read_bytes() == small[2]


def test_the_commands_say_what_they_did(held, challenge, wideopen, tmp_path):  # noqa: F811
    code, out, err = wideopen("challenge", "backup", "held", "-o", "b.zip")
    assert (code, err) == (0, "")
    assert out.startswith("saved b.zip: 3 teams, 4 submissions, ")
    refuses(wideopen("challenge", "backup", "held", "-o", "b.zip"), 2, "there already")
    code, out, _ = wideopen("challenge", "restore", "b.zip", "again", "--json")
    assert (code, json.loads(out)["rows"]["challenge_teams"]) == (0, 3)
    refuses(wideopen("challenge", "restore", "b.zip", "again"), 2, "there already")
    for number in range(1, 5):
        (held.folder / "files" / "uploads" / f"{number}.zip").unlink()
    code, _, err = wideopen("challenge", "backup", "held", "-o", "c.zip")
    assert code == 0
    assert err.splitlines() == [
        "careful: uploads/1.zip is gone from the challenge's files",
        "careful: uploads/2.zip is gone from the challenge's files",
        "careful: uploads/3.zip is gone from the challenge's files, and 1 more",
    ]
    with held.store.database.reading() as connection:
        assert connection.execute(select(events)).first() is not None
