"""One job of a challenge: what it is shown, what it leaves, and what is told of it."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

psutil = pytest.importorskip("psutil")
pytest.importorskip("sqlalchemy")

from challenge_hall import (  # noqa: E402
    LIMITS,
    Hall,
    darkening,
    zip_of,
)
from wideopen.challenge import sandbox  # noqa: E402
from wideopen.challenge.cluster import Nodes  # noqa: E402
from wideopen.challenge.files import Files  # noqa: E402
from wideopen.challenge.queue import Queue  # noqa: E402
from wideopen.challenge.scoring import (  # noqa: E402
    Bench,
    EndingError,
    GoneError,
    cleaned,
    put_once,
    refuse_links,
    score_job,
)
from wideopen.challenge.timing import time_job  # noqa: E402
from wideopen.errors import RequestError  # noqa: E402


@pytest.fixture
def hall(tmp_path):
    made = Hall(tmp_path / "challenge", limits=LIMITS)
    yield made
    made.store.close()


def test_on_a_phone_s_track_a_runtime_is_the_organiser_s_to_measure(hall, tmp_path):
    (tmp_path / "ours.tflite").write_text("as if")
    hall.submit(tmp_path / "ours.tflite", "model", track="gpu")
    job = replace(Queue(hall.store).take("here", "here"), kind="time")
    result = time_job(job, "Team 1", Bench(hall.store.plan, hall.folder, hall.files))
    assert (result.state, result.ours, result.key) == ("failed", True, None)
    assert "--device android" in result.why


def test_what_renders_is_shown_no_truth_and_what_scores_begins_in_an_empty_folder(hall, tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    number = hall.submit(darkening(tmp_path / "half.onnx"), "model")
    shown, empty, real = [], [], sandbox.run

    def run(module, words, folder, bounds, *, readable=(), **others):
        shown.append([Path(each).resolve() for each in readable])
        empty.append(not any(folder.iterdir()))
        return real(module, words, folder, bounds, readable=readable, **others)

    bench = Bench(hall.store.plan, hall.folder, hall.files)
    job = Queue(hall.store).take("here", "here")
    monkeypatch.setattr(sandbox, "run", run)
    # As by an attempt that ended before the queue was told.
    hall.files.put(f"scores/{number}.json", tmp_path / "half.onnx")
    assert score_job(job, "Team 1", bench).key == f"scores/{number}.2.json"
    truth = (hall.truth("test") / "bokeh" / "1.png").resolve()
    assert [any(each in (truth, *truth.parents) for each in paths) for paths in shown] == [False, True]
    assert empty == [True, True]


def test_an_answer_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "truth.png").write_text("truth")
    (tmp_path / "answers").mkdir()
    refuse_links(tmp_path / "answers")
    (tmp_path / "answers" / "1.png").symlink_to(tmp_path / "truth.png")
    with pytest.raises(EndingError, match=r"1\.png is no plain file"):
        refuse_links(tmp_path / "answers")
    (tmp_path / "answers" / "1.png").unlink()
    (tmp_path / "answers" / "2.png").hardlink_to(tmp_path / "truth.png")
    with pytest.raises(EndingError, match=r"2\.png is no plain file"):
        refuse_links(tmp_path / "answers")


class Ray:
    """A cluster on which every job is lost."""

    def __init__(self, alive):
        self.alive, self.asked = alive, 0
        lost = type("RayError", (Exception,), {})
        self.exceptions = SimpleNamespace(RayError=lost, RayTaskError=type("RayTaskError", (lost,), {}))

    def remote(self, *_):
        self.asked += 1

    def wait(self, *_, **__):
        raise self.exceptions.RayError

    def nodes(self):
        return [{"Alive": self.alive, "Resources": {"CPU": 1.0}}]


@pytest.mark.parametrize(("peak_mb", "ours"), [(124.0, True), (3990.0, False)])
def test_what_the_system_ends_for_the_memory_of_others_is_the_organiser_s_fault(
    hall, tmp_path, monkeypatch, peak_mb, ours
):
    hall.submit(zip_of(tmp_path / "ours.zip", hall.truth() / "original"))
    monkeypatch.setattr(sandbox, "run", lambda *_, **__: sandbox.Ended(-9, "", "", 1.0, peak_mb, ()))
    job = Queue(hall.store).take("here", "here")
    result = score_job(job, "Team 1", Bench(hall.store.plan, hall.folder, hall.files))
    assert (result.state, result.ours) == ("failed", ours)
    assert ("the organiser's machine ran out of memory" in result.why) is ours


def lost_by(ray, hall):
    nodes = Nodes.__new__(Nodes)
    nodes._ray, nodes._remote, nodes._folder, nodes._files = ray, ray, hall.folder, "files"
    job = SimpleNamespace(kind="score")
    return nodes(job, "Team 1", Bench(hall.store.plan, hall.folder, hall.files), lambda: False)


def test_a_job_that_a_cluster_loses_is_begun_once_more_and_given_back_where_the_cluster_is_gone(hall):
    ray = Ray(alive=True)
    result = lost_by(ray, hall)
    assert (result.state, result.ours, ray.asked) == ("failed", True, 2)
    assert "lost this twice" in result.why
    with pytest.raises(GoneError, match="the Ray cluster is gone"):
        lost_by(Ray(alive=False), hall)


def test_a_retry_after_a_score_was_kept_but_not_told_keeps_another(tmp_path):
    files = Files(tmp_path / "files")
    (tmp_path / "one").write_text("1")
    assert put_once(files, "scores/1.json", tmp_path / "one")
    assert not put_once(files, "scores/1.json", tmp_path / "one")
    with pytest.raises(RequestError, match="no name of a file"):
        put_once(files, "../1.json", tmp_path / "one")


@given(st.text(), st.sampled_from(["/srv/x y/challenge", "/opt/c"]), st.text(alphabet="abc/. \x1b[0m\n", max_size=40))
@settings(max_examples=200, deadline=None)
def test_logs_hold_no_places_of_this_machine_and_nothing_that_does_not_print(before, place, after):
    bench = Bench(None, Path(place), None)
    text = cleaned(f"{before} {place}/hidden/val/bokeh/3.png {after} /home/somebody/secret/file.py:3", bench)
    assert place not in text
    assert "somebody" not in text
    assert text.endswith("file.py:3")
    assert all(letter.isprintable() or letter == "\n" for letter in text)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ('  File "/usr/lib/python3.11/runpy.py", line 3, in run', '  File "runpy.py", line 3, in run'),
        ("C:\\Users\\me\\file.py is missing", "file.py is missing"),
        ("1/2 done, 3 / 4", "1/2 done, 3 / 4"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("\x1b[31mred\x1b[0m\x07 alarm", "red  alarm"),
        ("cannot open ('/srv/data/1.png')", "cannot open ('1.png')"),
    ],
)
def test_what_a_log_says_stays_readable(line, kept):
    assert cleaned(line, Bench(None, Path("/srv/challenge"), None)) == kept


def test_a_log_is_told_without_what_concerns_the_organisers_machine_alone(tmp_path):
    log = f"\x1b[31mbad\x1b[0m weights in {tmp_path}/upload/model.onnx\n[W] GPU device discovery failed: no card\nend"
    told = cleaned(log, SimpleNamespace(folder=tmp_path))
    assert told.splitlines()[0].startswith("bad weights in")
    assert str(tmp_path) not in told
    assert "GPU" not in told
    assert told.splitlines()[-1] == "end"
