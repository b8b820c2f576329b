"""Uploads that come in parts, break off, go on, are meddled with, and are kept whole or not at all."""

import errno
import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from threading import Barrier

import pytest

pytest.importorskip("sqlalchemy")

from hypothesis import given, settings
from hypothesis import strategies as st

from challenge_folder import Clock
from wideopen.challenge import upload as module
from wideopen.challenge.files import Files
from wideopen.challenge.plan import Limits
from wideopen.challenge.upload import KEPT, MOST_UNFINISHED, OffsetError, UnknownUploadError, Uploads
from wideopen.database import StoreError
from wideopen.errors import RequestError

DATA = bytes(range(256)) * 40
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def uploads(tmp_path, clock):
    return Uploads(tmp_path, Files(tmp_path / "files"), Limits(upload_mb=1), clock)


def begun(uploads, data=DATA, team=1, name="ours.zip"):
    return uploads.begin(team, name, len(data), hashlib.sha256(data).hexdigest())


def files_in(folder):
    return sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file())


def test_a_file_comes_in_parts_and_is_kept_whole(uploads, tmp_path):
    part = begun(uploads)
    assert part.received == 0
    assert uploads.append(1, part.id, 0, [DATA[:100], DATA[100:300]]) == 300
    assert uploads.part(1, part.id).received == 300
    assert uploads.append(1, part.id, 300, [DATA[300:]]) == len(DATA)
    assert uploads.path(1, part.id).read_bytes() == DATA
    kept = uploads.finish(1, part.id)
    assert (kept.file_name, kept.bytes, kept.sha256) == ("ours.zip", len(DATA), SHA256)
    assert kept.file == f"uploads/{part.id}.zip"
    assert Files(tmp_path / "files").read(kept.file) == DATA


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, len(DATA)), max_size=6))
def test_wherever_it_is_cut_the_same_comes_out(tmp_path_factory, cuts):
    folder = tmp_path_factory.mktemp("cut")
    bounds = [0, *sorted(cuts), len(DATA)]
    for start, end in pairwise(bounds):
        # Every part by a server of its own: nothing is remembered but on the disk.
        uploads = Uploads(folder, Files(folder / "files"), Limits())
        part = begun(uploads)
        assert part.received == start
        assert uploads.append(1, part.id, start, [DATA[start:end]]) == end
    assert Files(folder / "files").read(uploads.finish(1, part.id).file) == DATA


def test_a_lost_connection_keeps_what_came(uploads):
    def chunks():
        yield DATA[:50]
        raise ConnectionResetError

    part = begun(uploads)
    with pytest.raises(ConnectionResetError):
        uploads.append(1, part.id, 0, chunks())
    assert begun(uploads) == module.UploadPart(part.id, 50)


def test_of_two_windows_one_goes_on_and_the_other_is_told(uploads):
    part = begun(uploads)
    first = uploads.append(1, part.id, 0, [DATA[:100]])
    with pytest.raises(OffsetError, match="100 bytes are there already") as told:
        uploads.append(1, part.id, 0, [DATA[:100]])
    assert told.value.received == first
    with pytest.raises(OffsetError):
        uploads.append(1, part.id, 200, [DATA[200:]])
    with pytest.raises(OffsetError):
        uploads.append(1, part.id, 50, [])


def test_two_windows_at_once_never_spoil_a_file(uploads):
    part, meet = begun(uploads), Barrier(2)
    pieces = [DATA[start : start + 64] for start in range(0, len(DATA), 64)]

    def window(_):
        meet.wait()
        done, lost = 0, 0
        while done < len(DATA):
            try:
                done = uploads.append(1, part.id, done, pieces[done // 64 :])
            except OffsetError as error:
                done, lost = error.received, lost + 1
        return lost

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(window, range(2)))
    assert uploads.path(1, part.id).read_bytes() == DATA


def test_two_windows_may_finish_one_upload(uploads, tmp_path):
    part = begun(uploads)
    uploads.append(1, part.id, 0, [DATA])
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: uploads.finish(1, part.id), range(8)))
    assert len(found) == 1
    assert files_in(tmp_path / "files") == [found.pop().file]


def test_another_teams_upload_is_as_none(uploads):
    part = begun(uploads, team=1)
    uploads.append(1, part.id, 0, [DATA])
    assert begun(uploads, team=2).id != part.id
    acts = (
        lambda: uploads.part(2, part.id),
        lambda: uploads.append(2, part.id, 0, [b"x"]),
        lambda: uploads.path(2, part.id),
        lambda: uploads.file_name(2, part.id),
        lambda: uploads.finish(2, part.id),
    )
    said = set()
    for act in acts:
        with pytest.raises(UnknownUploadError) as told:
            act()
        said.add(str(told.value))
    with pytest.raises(UnknownUploadError) as told:
        uploads.part(2, "0" * 32)
    assert said == {str(told.value)}


@pytest.mark.parametrize("id_", ["", "x", "../key", "0" * 31, "0" * 32, "0" * 32 + "\n", "A" * 32])
def test_what_is_no_upload_is_unknown(uploads, tmp_path, id_):
    begun(uploads)
    (tmp_path / "key").write_bytes(b"secret")
    with pytest.raises(UnknownUploadError):
        uploads.append(1, id_, 0, [b"x"])


def test_another_checksum_is_told_and_thrown_away(uploads, tmp_path):
    part = begun(uploads)
    uploads.append(1, part.id, 0, [DATA[:-1] + b"?"])
    with pytest.raises(RequestError, match=r"ours\.zip came with the checksum .* upload it again"):
        uploads.finish(1, part.id)
    assert files_in(tmp_path) == []
    assert begun(uploads).received == 0


def test_a_file_that_is_not_whole_is_not_finished(uploads, tmp_path):
    part = begun(uploads)
    uploads.append(1, part.id, 0, [DATA[:10]])
    for act in (uploads.path, uploads.finish):
        with pytest.raises(RequestError, match=f"10 of {len(DATA)} bytes"):
            act(1, part.id)
    assert not (tmp_path / "files").exists()


def test_more_than_was_announced_is_not_kept(uploads):
    part = begun(uploads)
    with pytest.raises(RequestError, match=f"more came than the {len(DATA)} bytes"):
        uploads.append(1, part.id, 0, [DATA, b"x"])
    assert uploads.finish(1, part.id).bytes == len(DATA)


@pytest.mark.parametrize(
    ("size", "sha256", "said"),
    [
        (0, SHA256, "files of 1 to 1000000 bytes"),
        (-1, SHA256, "files of 1 to"),
        (1_000_001, SHA256, "ours.zip has 1000001 bytes"),
        (5, "5" * 63, "checksum is none"),
        (5, "x" * 64, "checksum is none"),
        (5, "", "checksum is none"),
    ],
)
def test_what_cannot_be_is_refused_before_a_byte_comes(uploads, tmp_path, size, sha256, said):
    with pytest.raises(RequestError, match=said):
        uploads.begin(1, "ours.zip", size, sha256)
    assert files_in(tmp_path) == []


def test_a_finished_upload_is_known_a_while_for_an_answer_may_be_lost(uploads, clock):
    part = begun(uploads)
    uploads.append(1, part.id, 0, [DATA])
    first = uploads.finish(1, part.id)
    assert uploads.finish(1, part.id) == first
    assert begun(uploads).received == len(DATA)
    clock.go_on(days=3)
    begun(uploads, b"other")
    with pytest.raises(UnknownUploadError):
        uploads.finish(1, part.id)
    # Sent again as a whole, it is the same file.
    part = begun(uploads)
    assert part.received == 0
    uploads.append(1, part.id, 0, [DATA])
    assert uploads.finish(1, part.id) == first


def test_a_finished_upload_stays_until_its_submission_is_kept(uploads):
    # The server may be killed between the two, and another submission of the team come first.
    kept = {}
    for data in (b"one", b"other"):
        part = begun(uploads, data)
        uploads.append(1, part.id, 0, [data])
        kept[part.id] = uploads.finish(1, part.id)
    first, second = kept
    uploads.settle(1, second)
    uploads.settle(2, first)
    assert uploads.finish(1, first) == kept[first]
    uploads.settle(1, first)
    uploads.settle(1, "0" * 32)
    with pytest.raises(UnknownUploadError):
        uploads.finish(1, second)


def test_only_the_last_finished_upload_of_a_team_takes_room(uploads, tmp_path):
    for number in range(2 * MOST_UNFINISHED):
        data = b"%d" % number
        part = begun(uploads, data)
        uploads.append(1, part.id, 0, [data])
        uploads.finish(1, part.id)
        uploads.settle(1, part.id)
    assert files_in(tmp_path / "uploads") == [f"{part.id}.json", f"{part.id}.part"]
    assert len(files_in(tmp_path / "files")) == 2 * MOST_UNFINISHED


def test_a_team_has_few_uploads_under_way_and_others_are_not_in_its_way(uploads):
    for number in range(MOST_UNFINISHED):
        begun(uploads, b"%d" % number)
    with pytest.raises(RequestError, match=f"{MOST_UNFINISHED} uploads are under way"):
        begun(uploads, b"one more")
    assert begun(uploads, b"0").received == 0
    assert begun(uploads, b"one more", team=2).received == 0


def test_a_team_has_few_bytes_under_way(uploads):
    for number in range(2):
        uploads.begin(1, "ours.zip", 1_000_000 - number, SHA256)
    with pytest.raises(RequestError, match="would be under way"):
        uploads.begin(1, "ours.zip", 10, SHA256)


def test_parts_of_which_nothing_is_heard_are_removed_after_two_days(uploads, tmp_path, clock):
    old = begun(uploads)
    uploads.append(1, old.id, 0, [DATA[:10]])
    clock.go_on(days=1)
    kept = begun(uploads, b"other")
    clock.now += KEPT - timedelta(hours=23)
    begun(uploads, b"third")
    assert f"{old.id}.part" not in files_in(tmp_path / "uploads")
    with pytest.raises(UnknownUploadError):
        uploads.part(1, old.id)
    assert uploads.part(1, kept.id).received == 0


def test_a_part_whose_record_was_lost_goes_on(uploads, tmp_path):
    part = begun(uploads)
    uploads.append(1, part.id, 0, [DATA[:10]])
    (tmp_path / "uploads" / f"{part.id}.json").write_text("{")
    with pytest.raises(UnknownUploadError):
        uploads.part(1, part.id)
    assert begun(uploads).received == 10


class Full:
    """A file on a disk that takes so many bytes more."""

    def __init__(self, file, room):
        self._file, self._room = file, room

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, data):
        if not self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._file.write(data[: self._room])
        self._room -= written
        return written

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_a_full_disk_keeps_what_was_there(uploads, monkeypatch):
    from pathlib import Path

    part, plain = begun(uploads), Path.open
    uploads.append(1, part.id, 0, [DATA[:100]])

    def full(path, mode="r", **others):
        file = plain(path, mode, **others)
        return Full(file, 30) if path.suffix == ".part" and mode == "r+b" else file

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        with pytest.raises(StoreError, match="the organiser's disk is full; what came before stays"):
            uploads.append(1, part.id, 100, [DATA[100:]])
    assert uploads.part(1, part.id).received == 130
    uploads.append(1, part.id, 130, [DATA[130:]])
    assert uploads.finish(1, part.id).sha256 == SHA256


def test_a_file_that_the_disk_has_no_room_for_is_not_begun(uploads, monkeypatch):
    monkeypatch.setattr(module, "SPARE_BYTES", 1 << 60)
    with pytest.raises(StoreError, match="disk is full"):
        begun(uploads)


def test_whole_files_that_cannot_be_kept_can_be_finished_later(uploads, monkeypatch):
    part = begun(uploads)
    uploads.append(1, part.id, 0, [DATA])

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Files, "put", refuse)
        with pytest.raises(StoreError, match="disk is full"):
            uploads.finish(1, part.id)
    assert uploads.finish(1, part.id).sha256 == SHA256


@pytest.mark.parametrize(
    ("given_", "kept", "key"),
    [
        ("C:\\work\\ours.ZIP", "ours.ZIP", ".zip"),
        ("../../etc/passwd", "passwd", ".bin"),
        ("a\u202eb\n.onnx", "ab.onnx", ".onnx"),
        ("x" * 300 + ".tflite", "x" * 93 + ".tflite", ".tflite"),
        ("", "upload", ".bin"),
        ("..", "upload", ".bin"),
        ("net.safetensors", "net.safetensors", ".safetensors"),
        ("net.zip/../net.sh", "net.sh", ".bin"),
    ],
)
def test_names_of_files_are_harmless(uploads, given_, kept, key):
    part = begun(uploads, name=given_)
    assert uploads.file_name(1, part.id) == kept
    uploads.append(1, part.id, 0, [DATA])
    found = uploads.finish(1, part.id)
    assert (found.file_name, found.file) == (kept, f"uploads/{part.id}{key}")
