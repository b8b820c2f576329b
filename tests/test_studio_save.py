"""Saving in the studio: the command line's bytes, by a process that may end at any moment."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("fastapi")

from studio_server import jpeg, scenery, served
from wideopen.errors import RequestError
from wideopen.photo import Photo, read
from wideopen.renderer.look import Look, write_look
from wideopen.studio.child import End, Progress
from wideopen.studio.saving import Saves, Times, moved, output_name
from wideopen.studio.shelf import FullError, GoneError, Shelf
from wideopen.studio.worker import Worker, why_ended

LOOK = Look(f_number=2.0, preset="hexagon", focus=(0.4, 0.6))


@pytest.fixture(scope="module")
def studio():
    with served() as running:
        yield running


@pytest.fixture
def data(tmp_path):
    return jpeg(tmp_path, "IMG_1.jpg")


def ended(studio, job, patience_s=60):
    until = time.monotonic() + patience_s
    while (state := studio.get(f"/api/saves/{job}?wait=1").json)["state"] in ("waiting", "running"):
        assert time.monotonic() < until, state
    return state


def holds(condition):
    """Wait until something holds, at most ten seconds."""
    for _ in range(2000):
        if condition():
            return True
        time.sleep(0.005)
    return False


def save(studio, key, **others):
    answer = studio.post(f"/api/photos/{key}/save", {"look": json.loads(LOOK.to_json())} | others)
    assert answer.status == 202, answer.body
    return answer.json["job"]


# In real


@pytest.mark.parametrize("suffix", [None, ".png"])
def test_a_saved_file_has_the_bytes_of_the_command_line(studio, wideopen, tmp_path, data, suffix):
    write_look(LOOK, tmp_path / "look.json")
    expected = tmp_path / f"out{suffix or '.jpg'}"
    assert wideopen("render", "IMG_1.jpg", "--look", "look.json", "-o", expected)[0] == 0
    state = ended(studio, job := save(studio, studio.opened(data, "IMG_1.jpg"), suffix=suffix))
    answer = studio.get(f"/api/saves/{job}/file")
    assert answer.body == expected.read_bytes()
    assert state | {"step": None} == {
        "state": "done",
        "step": None,
        "share": 1.0,
        "error": None,
        "name": f"IMG_1.bokeh{suffix or '.jpg'}",
        "bytes": len(answer.body),
        "place": None,
    }
    assert answer.headers["content-disposition"] == f'attachment; filename="IMG_1.bokeh{suffix or ".jpg"}"'


def test_a_lower_quality_makes_a_smaller_file(studio, data):
    key = studio.opened(data)
    sizes = [ended(studio, save(studio, key, quality=quality))["bytes"] for quality in (95, 60)]
    assert sizes[1] < sizes[0]


def test_metadata_and_depth_of_bits_are_kept(studio, tmp_path):
    photo = Photo(scenery().astype("float32") / 255, bits=16, dpi=(300.0, 300.0))
    photo.save(tmp_path / "deep.png")
    job = save(studio, studio.opened((tmp_path / "deep.png").read_bytes(), "deep.png"))
    assert ended(studio, job)["state"] == "done"
    (tmp_path / "saved.png").write_bytes(studio.get(f"/api/saves/{job}/file").body)
    saved = read(tmp_path / "saved.png")
    assert (saved.bits, saved.size) == (16, (96, 64))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"suffix": ".bmp"}, "'.bmp' is no format that is written"),
        ({"quality": 0}, "quality is 0"),
        ({"quality": "good"}, "is no whole number"),
        ({"look": {"f_number": 0}}, "f-number is 0"),
        ({"path": "/etc"}, "there is no 'path'"),
    ],
)
def test_a_save_that_cannot_be_is_refused_at_once(studio, data, asked, words):
    body = {"look": {}} | asked
    answer = studio.post(f"/api/photos/{studio.opened(data)}/save", body)
    assert answer.status == 422
    assert words in answer.error


def test_a_save_that_fails_says_why_and_the_photo_stays_open(studio, data):
    key = studio.opened(data, "IMG_1.jpg")
    job = save(studio, key, look={"depth": "embedded"})
    state = ended(studio, job)
    assert (state["state"], state["bytes"]) == ("failed", None)
    assert "carries no depth" in state["error"]
    assert studio.get(f"/api/saves/{job}/file").status == 410
    assert studio.get(f"/api/photos/{key}/before?side=320").status == 200


def is_at_work(studio, job):
    return holds(lambda: studio.get(f"/api/saves/{job}").json["step"] == "render")


def left(studio):
    return list(studio.desk._shelf.folder.glob("save-*"))


def test_a_save_is_cancelled_within_a_second_and_the_next_one_goes_on(studio, data):
    key = studio.post("/api/sample").json["id"]
    others = len(left(studio))
    job = save(studio, key, look={"f_number": 1.2})
    assert is_at_work(studio, job)
    assert len(left(studio)) == others + 1
    begun = time.monotonic()
    assert studio.ask("DELETE", f"/api/saves/{job}").status == 204
    assert holds(lambda: len(left(studio)) == others)
    assert time.monotonic() - begun < 5  # a second on a machine that does nothing else
    assert studio.get(f"/api/saves/{job}").json["state"] == "cancelled"
    assert ended(studio, save(studio, studio.opened(data)))["state"] == "done"


def test_a_save_that_is_killed_for_memory_says_so_and_the_photo_stays_open(studio):
    key = studio.post("/api/sample").json["id"]
    job = save(studio, key, look={"f_number": 1.2})
    assert is_at_work(studio, job)
    studio.desk._saves._worker._process.kill()
    state = ended(studio, job)
    assert (state["state"], "more memory than there is" in state["error"]) == ("failed", True)
    assert studio.get(f"/api/photos/{key}/before?side=320").status == 200


def test_a_photo_may_be_closed_while_it_is_saved(studio, data):
    key = studio.opened(data)
    job = save(studio, key)
    studio.ask("DELETE", f"/api/photos/{key}")
    assert ended(studio, job)["state"] == "done"


def test_saved_photos_go_to_a_folder_and_never_over_another(tmp_path, data):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "IMG_1.bokeh.jpg").write_bytes(b"mine")
    with served(save_to=tmp_path / "out") as running:
        assert running.get("/api/studio").json["save_to"] == "out"
        key = running.opened(data, "IMG_1.jpg")
        states = [ended(running, save(running, key)) for _ in range(2)]
    assert [state["name"] for state in states] == ["IMG_1.bokeh-2.jpg", "IMG_1.bokeh-3.jpg"]
    assert [state["place"] for state in states] == [str(tmp_path / "out" / state["name"]) for state in states]
    assert (tmp_path / "out" / "IMG_1.bokeh.jpg").read_bytes() == b"mine"
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(RequestError, match="is no folder to save to"), served(save_to=tmp_path / "none"):
        pass


@pytest.fixture
def tiny_disk(tmp_path, monkeypatch):
    """A disk of 1.5 MB for all that the studio keeps."""
    place = tmp_path / "tiny"
    place.mkdir()
    if (
        not shutil.which("mount")
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", place], capture_output=True).returncode
    ):
        pytest.skip("no disk can be mounted here")
    monkeypatch.setattr("wideopen.studio.folder.tempfile.tempdir", str(place))
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_is_really_full_is_told_and_the_photo_stays_open(tiny_disk):
    with served() as running:
        key = running.post("/api/sample").json["id"]
        kept = {path for path in tiny_disk.rglob("*") if path.is_file()}
        upload = running.post("/api/photos?name=large.jpg", b"\xff\xd8\xff" * (1 << 20))
        assert (upload.status, "the disk is full" in upload.error) == (507, True)
        state = ended(running, save(running, key, suffix=".tif"))
        assert state["state"] == "failed"
        assert state["error"].startswith("the disk is full, so that sample.bokeh.tif was not saved")
        assert {path for path in tiny_disk.rglob("*") if path.is_file()} == kept
        assert running.get(f"/api/photos/{key}/before?side=320").status == 200
    assert list(tiny_disk.iterdir()) == []


# With a worker that does as it is told


class Told:
    """Stands for the process: it says what it is told to say, and writes what it is asked to."""

    def __init__(self):
        self.says, self.requests, self.ends, self.starts = [], [], 0, 0
        self.written = b"a picture"

    def start(self):
        self.starts += 1

    def send(self, request):
        self.requests.append(request)
        request.output.write_bytes(self.written)

    def receive(self, patience_s):
        if self.says:
            return self.says.pop(0)
        time.sleep(0.005)
        return None

    def end(self):
        self.ends += 1


class Bench:
    """Saves with such a worker, a clock that is turned by hand, and photos."""

    def __init__(self, monkeypatch, folder, *, save_to=None):
        self.worker, self.now = Told(), 1000.0
        monkeypatch.setattr("wideopen.studio.saving.Worker", lambda: self.worker)
        self.shelf = Shelf(now=self.clock)
        self.saves = Saves(self.shelf, save_to, times=Times(), now=self.clock)
        self.data = jpeg(folder)

    def clock(self):
        return self.now

    def begin(self, name="photo.jpg"):
        entry = self.shelf.place(name)
        entry.path.write_bytes(self.data)
        self.shelf.keep(entry)
        return self.saves.start(entry, Look(), suffix=None, quality=95)

    def reaches(self, job, state):
        """Wait, without asking as a page does."""
        return holds(lambda: self._has_reached(self.saves._saves[job], state))

    def _has_reached(self, save, state):
        if state == "running":  # and its file is begun
            return save.state == state and save.output.exists()
        return save.state == state and save.ended

    def close(self):
        self.saves.close()
        self.shelf.close()

    def files(self):
        return sorted(path.name for path in self.shelf.folder.glob("save-*/*"))


@pytest.fixture
def bench(monkeypatch, tmp_path):
    made = Bench(monkeypatch, tmp_path)
    yield made
    made.close()


def test_progress_is_told_as_it_comes(bench):
    bench.worker.says = [Progress("render", 0.25)]
    job = bench.begin()
    assert holds(lambda: bench.saves.state(job)["share"])
    state = bench.saves.state(job)
    assert (state["state"], state["step"], state["share"]) == ("running", "render", 0.25)


def test_one_is_saved_at_a_time_in_their_order(bench):
    jobs = [bench.begin(f"{name}.jpg") for name in "abc"]
    assert bench.reaches(jobs[0], "running")
    assert [bench.saves.state(job)["state"] for job in jobs] == ["running", "waiting", "waiting"]
    for job in jobs:
        bench.worker.says.append(End({}, None))
        assert bench.reaches(job, "done")
    assert [request.photo.name for request in bench.worker.requests] == ["a.jpg", "b.jpg", "c.jpg"]


def test_cancelling_what_runs_ends_the_process_and_leaves_nothing(bench):
    first, second = bench.begin("a.jpg"), bench.begin("b.jpg")
    assert bench.reaches(first, "running")
    assert bench.files() == ["a.bokeh.jpg"]
    bench.saves.cancel(first)
    assert bench.reaches(first, "cancelled")
    assert bench.worker.ends == 1
    assert bench.reaches(second, "running")
    assert bench.files() == ["b.bokeh.jpg"]


def test_cancelling_what_waits_leaves_what_runs(bench):
    first, second = bench.begin("a.jpg"), bench.begin("b.jpg")
    assert bench.reaches(first, "running")
    bench.saves.cancel(second)
    assert bench.saves.state(second)["state"] == "cancelled"
    bench.worker.says = [End({}, None)]
    assert bench.reaches(first, "done")
    assert bench.worker.ends == 0
    assert len(bench.worker.requests) == 1


def test_a_save_whose_page_was_closed_is_cancelled(bench):
    running, waiting = bench.begin("a.jpg"), bench.begin("b.jpg")
    assert bench.reaches(running, "running")
    bench.now += 31
    assert bench.reaches(running, "cancelled")
    assert bench.reaches(waiting, "cancelled")
    assert holds(lambda: bench.files() == [])


def test_a_save_that_is_asked_about_goes_on(bench):
    job = bench.begin()
    for _ in range(5):
        bench.now += 20
        bench.saves.state(job)
        time.sleep(0.1)
    assert bench.saves.state(job)["state"] == "running"


def test_a_save_into_a_folder_goes_on_without_its_page(monkeypatch, tmp_path):
    (tmp_path / "out").mkdir()
    bench = Bench(monkeypatch, tmp_path, save_to=tmp_path / "out")
    job = bench.begin()
    bench.now += 1000
    time.sleep(0.1)
    bench.worker.says = [End({}, None)]
    assert bench.reaches(job, "done")
    assert (tmp_path / "out" / "photo.bokeh.jpg").read_bytes() == b"a picture"
    bench.close()


def test_a_file_goes_ten_minutes_after_it_was_fetched(bench):
    bench.worker.says = [End({}, None)]
    job = bench.begin()
    assert bench.reaches(job, "done")
    path = bench.saves.file(job)
    bench.now += 599
    bench.saves.sweep()
    assert path.exists()
    bench.now += 2
    bench.saves.sweep()
    assert not path.exists()
    with pytest.raises(GoneError):
        bench.saves.state(job)


def test_a_file_that_nobody_fetches_goes_after_half_an_hour(bench):
    bench.worker.says = [End({}, None)]
    job = bench.begin()
    assert bench.reaches(job, "done")
    for seconds, there in ((1799, True), (2, False)):
        bench.now += seconds
        bench.saves.sweep()
        assert bool(bench.files()) is there


def test_a_full_disk_is_told_in_words(bench):
    bench.worker.says = [
        End(None, f"/tmp/x/photo.bokeh.jpg cannot be written ({os.strerror(28)}); choose another place")
    ]
    job = bench.begin()
    assert bench.reaches(job, "failed")
    error = bench.saves.state(job)["error"]
    assert error == "the disk is full, so that photo.bokeh.jpg was not saved; free some space and save again"
    assert bench.files() == []


def test_a_full_folder_is_told_and_leaves_nothing_half_written(monkeypatch, tmp_path):
    (tmp_path / "out").mkdir()
    bench = Bench(monkeypatch, tmp_path, save_to=tmp_path / "out")

    def full(source, target):
        target.write_bytes(b"half")
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("wideopen.studio.saving.shutil.copyfile", full)
    bench.worker.says = [End({}, None)]
    job = bench.begin()
    assert bench.reaches(job, "failed")
    assert "the disk is full" in bench.saves.state(job)["error"]
    assert list((tmp_path / "out").iterdir()) == []
    bench.close()


def test_errors_name_the_photo_and_not_its_private_place(bench):
    job = bench.begin("duck.jpg")
    assert bench.reaches(job, "running")
    bench.worker.says = [
        End(None, f"{bench.worker.requests[0].photo} needs more memory than there is; make it smaller")
    ]
    assert bench.reaches(job, "failed")
    assert bench.saves.state(job)["error"] == "duck.jpg needs more memory than there is; make it smaller"


def test_a_fault_in_one_save_does_not_cost_the_next(bench, monkeypatch):
    send = bench.worker.send
    monkeypatch.setattr(bench.worker, "send", lambda request: 1 / 0)
    job = bench.begin()
    assert bench.reaches(job, "failed")
    assert "please report it: ZeroDivisionError" in bench.saves.state(job)["error"]
    monkeypatch.setattr(bench.worker, "send", send)
    bench.worker.says = [End({}, None)]
    assert bench.reaches(bench.begin(), "done")


def test_a_process_that_cannot_be_started_is_told_by_the_save_and_not_by_silence(bench, monkeypatch):
    def start(*request):
        raise OSError(11, os.strerror(11))

    monkeypatch.setattr(bench.worker, "start", start)
    monkeypatch.setattr(bench.worker, "send", start)
    bench.saves.warm_up()
    job = bench.begin()
    assert bench.reaches(job, "failed")
    expected = f"no process could be started to save in ({os.strerror(11)}); close other programs"
    assert bench.saves.state(job)["error"] == expected


def test_no_more_than_two_hundred_wait(bench, monkeypatch):
    monkeypatch.setattr("wideopen.studio.saving.MOST_WAITING", 2)
    first = bench.begin()
    assert bench.reaches(first, "running")
    bench.begin()
    bench.begin()
    with pytest.raises(FullError, match="2 photos wait to be saved already"):
        bench.begin()


def test_a_process_with_nothing_to_do_is_ended(bench):
    bench.saves.warm_up()
    assert holds(lambda: bench.worker.starts == 1)
    assert bench.worker.ends == 0
    bench.now += 601
    assert holds(lambda: bench.worker.ends)


# The process itself


@pytest.fixture
def worker():
    made = Worker()
    yield made
    made.end()


def test_a_process_that_dies_is_told_apart_from_one_that_works(worker):
    worker.start()
    process = worker._process.pid
    assert worker.receive(0.01) is None
    os.kill(process, signal.SIGTERM)
    said = []
    assert holds(lambda: said.append(worker.receive(0.02)) or said[-1])
    end = said[-1]
    assert end.record is None
    assert "ended from outside" in end.error or sys.platform == "win32"
    worker.start()
    assert worker._process.pid != process


def test_ending_a_process_takes_no_time_and_may_come_twice(worker):
    worker.start()
    worker.end()
    worker.end()
    assert worker._process is None


def test_a_process_that_is_killed_ran_out_of_memory():
    assert "more memory than there is" in why_ended(-9)
    assert "exit code 3" in why_ended(3)


# Names


@pytest.mark.parametrize(
    ("name", "suffix", "output"),
    [
        ("IMG_1.JPG", None, "IMG_1.bokeh.JPG"),
        ("IMG_1.JPG", ".tif", "IMG_1.bokeh.tif"),
        ("a.gif", None, "a.bokeh.png"),
        ("photo", None, "photo.bokeh.png"),
        ("a.b.heic", None, "a.b.bokeh.heic"),
    ],
)
def test_results_are_named_as_the_command_line_names_them(name, suffix, output):
    assert output_name(name, suffix) == output


def test_a_file_moves_to_a_free_name(tmp_path):
    (tmp_path / "out").mkdir()
    places = []
    for number in range(3):
        (tmp_path / "job").mkdir()
        (tmp_path / "job" / "a.bokeh.jpg").write_bytes(bytes([number]))
        places.append(moved(tmp_path / "job" / "a.bokeh.jpg", tmp_path / "out"))
    assert [place.name for place in places] == ["a.bokeh.jpg", "a.bokeh-2.jpg", "a.bokeh-3.jpg"]
    assert [place.read_bytes() for place in places] == [b"\0", b"\1", b"\2"]
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == sorted(place.name for place in places)
