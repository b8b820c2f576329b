"""The studio's shelf: how many photos it keeps, for how long, and what becomes of their files."""

import gc
import weakref

import pytest

pytest.importorskip("fastapi")

from studio_server import jpeg
from wideopen.errors import PhotoError
from wideopen.studio import folder
from wideopen.studio.folder import PrivateFolder, remove_leftovers, safe_name
from wideopen.studio.shelf import FullError, GoneError, Limits, Shelf


class Clock:
    """A clock that is turned by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def data(tmp_path):
    return jpeg(tmp_path, size=(48, 32))


@pytest.fixture
def shelf(clock):
    kept = Shelf(Limits(photos=5, bytes=10_000_000, awake=2, idle_s=100, whole_s=10), now=clock)
    yield kept
    kept.close()


def put(shelf, clock, data, name="photo.jpg"):
    clock.now += 1
    entry = shelf.place(name)
    entry.path.write_bytes(data)
    shelf.keep(entry)
    return entry


def is_there(shelf, entry):
    try:
        return shelf.get(entry.id) is entry
    except GoneError:
        return False


def test_only_a_few_photos_are_awake_however_many_are_opened(shelf, clock, data):
    sessions = []
    for _ in range(5):
        entry = put(shelf, clock, data)
        sessions.append(weakref.ref(shelf.session(entry)))
        assert shelf.awake <= 2
    gc.collect()
    assert [session() is None for session in sessions] == [True, True, True, False, False]


def test_many_photos_leave_no_more_behind_than_few(clock, data):
    shelf = Shelf(Limits(photos=4, awake=2), now=clock)
    for _ in range(9):
        shelf.session(put(shelf, clock, data))
        assert shelf.awake <= 2
        assert len(list(shelf.folder.iterdir())) <= 5
    shelf.close()


def test_a_photo_that_slept_is_the_same_when_it_wakes(shelf, clock, data):
    first = put(shelf, clock, data)
    info, before = shelf.session(first).info, shelf.session(first).before(320)
    for _ in range(2):
        shelf.session(put(shelf, clock, data))
    assert first.session is None
    assert shelf.session(first).info == info
    assert shelf.session(first).before(320) == before


def test_the_photo_longest_not_used_goes_for_a_new_one(shelf, clock, data):
    entries = [put(shelf, clock, data) for _ in range(5)]
    clock.now += 1
    shelf.get(entries[0].id)
    put(shelf, clock, data)
    assert [is_there(shelf, each) for each in entries] == [True, False, True, True, True]
    assert not entries[1].folder.exists()


def test_photos_go_when_the_disk_holds_too_much(clock, data):
    shelf = Shelf(Limits(bytes=int(2.5 * len(data))), now=clock)
    entries = [put(shelf, clock, data) for _ in range(3)]
    assert [is_there(shelf, each) for each in entries] == [False, True, True]
    shelf.close()


def test_a_photo_that_is_being_saved_stays_until_it_is(shelf, clock, data):
    entry = put(shelf, clock, data)
    shelf.hold(entry)
    shelf.drop(entry.id)
    assert not is_there(shelf, entry)
    assert entry.path.exists()
    shelf.release(entry)
    assert not entry.folder.exists()


def test_where_all_photos_are_being_saved_there_is_no_room(shelf, clock, data):
    for _ in range(5):
        shelf.hold(put(shelf, clock, data))
    with pytest.raises(FullError, match="too many photos are being saved"):
        put(shelf, clock, data)


def test_a_photo_not_used_for_long_is_gone(shelf, clock, data):
    entry = put(shelf, clock, data)
    clock.now += 101
    shelf.sweep()
    assert not is_there(shelf, entry)
    assert not entry.folder.exists()


def test_one_whole_photo_is_in_memory_and_for_a_moment_only(shelf, clock, data):
    first, second = (put(shelf, clock, data) for _ in range(2))
    sight = weakref.ref(shelf.whole(first))
    assert shelf.whole(first) is sight()
    shelf.whole(second)
    assert sight() is None
    sight = weakref.ref(shelf.whole(second))
    clock.now += 9
    shelf.sweep()
    assert sight() is not None
    clock.now += 2
    shelf.sweep()
    assert sight() is None


def test_a_photo_whose_file_was_taken_away_is_gone(shelf, clock, data):
    entry = put(shelf, clock, data)
    entry.path.unlink()
    with pytest.raises(GoneError, match="has to be opened again"):
        shelf.session(entry)
    assert not is_there(shelf, entry)


def test_a_place_that_is_taken_back_leaves_nothing(shelf):
    entry = shelf.place("photo.jpg")
    entry.path.write_bytes(b"no photo")
    with pytest.raises(PhotoError):
        shelf.session(entry)
    shelf.discard(entry)
    assert not entry.folder.exists()


def test_closing_leaves_nothing(clock, data):
    shelf = Shelf(now=clock)
    put(shelf, clock, data)
    shelf.close()
    assert not shelf.folder.exists()


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("IMG_1.JPG", "IMG_1.JPG"),
        ("../../etc/passwd", "passwd"),
        (r"C:\photos\duck.jpg", "duck.jpg"),
        ("..", "photo"),
        ("", "photo"),
        (".hidden.png", "hidden.png"),
        ("a\x00b\n.jpg", "a_b_.jpg"),
        ("CON.jpg", "photo-CON.jpg"),
        ("Ente & Größe 鴨.heic", "Ente & Größe 鴨.heic"),
        ("a" * 300 + ".jpg", "a" * 116 + ".jpg"),
        ("ö" * 300, "ö" * 59),
        ("\udcff.jpg", "_.jpg"),
    ],
)
def test_a_name_leads_nowhere_and_reads_well(sent, name):
    assert safe_name(sent) == name


def test_the_folder_is_private_and_goes():
    private = PrivateFolder()
    assert private.path.stat().st_mode & 0o077 == 0
    private.close()
    assert not private.path.exists()


def test_what_dead_studios_left_goes_and_what_is_alive_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(folder.tempfile, "tempdir", str(tmp_path))
    dead, foreign = tmp_path / "wideopen-studio-999999999-abc", tmp_path / "wideopen-studio-notes"
    for each in (dead, foreign, tmp_path / "others"):
        each.mkdir()
    (tmp_path / "wideopen-studio-999999999-link").symlink_to(tmp_path / "others")
    alive = PrivateFolder()
    remove_leftovers()
    assert {each.name for each in tmp_path.iterdir()} == {
        "wideopen-studio-notes",
        "others",
        "wideopen-studio-999999999-link",
        alive.path.name,
    }
    alive.close()
