"""Workers of a challenge: every submission ends, once, with a Score or with words that say why not."""

import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread

import pytest

psutil = pytest.importorskip("psutil")
pytest.importorskip("sqlalchemy")

from challenge_hall import (  # noqa: E402
    LIMITS,
    NAMES,
    SHEET,
    SIZE,
    Hall,
    darkening,
    endless,
    hungry,
    photo_of,
    zip_of,
)
from challenge_workers import sandboxes, scored, until  # noqa: E402
from wideopen.challenge import queue as queue_module  # noqa: E402
from wideopen.challenge import work as work_module  # noqa: E402
from wideopen.challenge.queue import Queue  # noqa: E402
from wideopen.challenge.scoring import (  # noqa: E402
    GoneError,
    Result,
)
from wideopen.challenge.work import work  # noqa: E402
from wideopen.database import StoreError  # noqa: E402
from wideopen.errors import RequestError, WideopenError  # noqa: E402
from wideopen.score.leaderboard import joined  # noqa: E402
from wideopen.score.score import Score  # noqa: E402


@pytest.fixture
def hall(tmp_path):
    made = Hall(tmp_path / "challenge", limits=LIMITS)
    yield made
    made.store.close()


@contextmanager
def worker(hall, **settings):
    """Let a worker run in a thread until the end of a ``with``."""
    stop, told = Event(), []
    settings = {"poll_s": 0.05, "beat_s": 0.1, **settings}
    thread = Thread(target=work, args=(hall.folder,), kwargs={"stop": stop, "tell": told.append, **settings})
    thread.start()
    try:
        yield told
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()


def test_pictures_get_the_figures_that_wideopen_score_finds_and_what_the_sheet_says(hall, wideopen, tmp_path):
    archive = zip_of(tmp_path / "ours.zip", hall.truth() / "original")
    number = hall.submit(archive)
    helped = hall.submit(archive, sheet=replace(SHEET, precomputed_depth=True))
    told = []
    work(hall.folder, once=True, tell=told.append)
    assert scored(hall, helped).unranked == "uses pre-computed depth maps"
    found = scored(hall, number)
    answers, pairs = hall.truth() / "original", hall.truth()
    assert (
        wideopen("score", answers, "--pairs", pairs, "--protocol", "aim2020/1", "-o", "by_hand.json", "--jobs", "1")[0]
        == 0
    )
    by_hand = Score.from_json((tmp_path / "by_hand.json").read_text())
    for name in ("psnr_db", "ssim", "others", "images", "per_image", "worst", "protocol", "date", "origin"):
        assert getattr(found, name) == getattr(by_hand, name), name
    assert {name: found.data[name] for name in by_hand.data} == by_hand.data
    assert (found.solution, found.team, found.track) == ("ours", "Team 1", "cpu")
    assert (found.author, found.framework, found.hardware) == (SHEET.authors, SHEET.framework, SHEET.hardware)
    assert found.command == "wideopen score pictures --pairs val --protocol aim2020/1 -o score.json --jobs 1"
    assert found.unranked == ""
    assert "network" in found.data["sandbox"]
    for name in NAMES:
        for kind in ("found", "truth", "input"):
            content = hall.files.read(f"galleries/{number}/{name}.{kind}.jpg")
            assert content == (tmp_path / "by_hand.files" / f"{name}.{kind}.jpg").read_bytes()
    assert told[0].startswith(f"score of submission {number}: scored in ")
    assert Queue(hall.store).counts() == {("score", "done"): 2}


def test_pictures_that_cannot_be_scored_are_refused_with_their_names(hall, tmp_path):
    photo_of(7, (48, 64)).save(tmp_path / "turned.png")
    (tmp_path / "broken.png").write_bytes((hall.truth() / "original" / "2.png").read_bytes()[:-300])
    (tmp_path / "text.zip").write_text("no zip")
    originals = hall.truth() / "original"
    turned = hall.submit(zip_of(tmp_path / "turned.zip", originals, p2=tmp_path / "turned.png"))
    broken = hall.submit(zip_of(tmp_path / "broken.zip", originals, p2=tmp_path / "broken.png"))
    text = hall.submit(tmp_path / "text.zip")
    work(hall.folder, once=True)
    assert hall.state(turned).state == "refused"
    assert "2.png is 48x64 and not 64x48" in hall.state(turned).why
    assert hall.state(broken).state == "refused"
    assert "1 of 3 pictures cannot be scored" in hall.state(broken).why
    assert "2.png" in hall.state(broken).why
    assert hall.state(text).state == "refused"
    assert "text.zip is no zip" in hall.state(text).why
    for number in (turned, broken, text):
        found = hall.state(number)
        assert found.spent
        assert str(hall.folder) not in found.why
        assert "/" not in found.why
        assert "figures are kept" not in found.why
    assert not [key for key in hall.files.keys() if not key.startswith("uploads/")]  # noqa: SIM118


def test_a_truth_that_is_gone_is_the_organiser_s_fault(hall, tmp_path):
    number = hall.submit(zip_of(tmp_path / "ours.zip", hall.truth() / "original"))
    for path in (hall.truth() / "bokeh").iterdir():
        path.unlink()
    with pytest.raises(RequestError, match="holds no pairs"):
        work(hall.folder, once=True)
    assert hall.state(number).state == "waiting"


def test_an_onnx_file_is_rendered_without_the_truth_then_scored_then_timed(hall, wideopen, tmp_path):
    pytest.importorskip("onnx")
    path = darkening(tmp_path / "half.onnx")
    number = hall.submit(path, "model")
    work(hall.folder, once=True)
    found = scored(hall, number)
    from wideopen.challenge.model_head import runnable

    ready = runnable(path, tmp_path / "ready.onnx")
    done = wideopen("score", ready, "--pairs", hall.truth("test"), "-o", "by_hand.json")
    assert done[0] == 0, done
    by_hand = Score.from_json((tmp_path / "by_hand.json").read_text())
    for name in ("psnr_db", "ssim", "others", "per_image"):
        assert getattr(found, name) == getattr(by_hand, name), name
    assert found.device == by_hand.device
    assert found.checkpoint == f"half.onnx sha256:{hall.state(number).upload.sha256}"
    assert found.command == "wideopen score model.onnx --pairs test --protocol aim2020/1"
    key = Queue(hall.store).results("time")[number]
    assert key == f"scores/{number}.time.json"
    runtime = Score.from_json(hall.files.read(key).decode())
    assert runtime.timing["size_px"] == list(SIZE)
    assert runtime.timing["repeats"] == 5
    assert runtime.timing["loaded"] in (True, False)
    assert {"other_cores_before", "other_cores", "device"} <= runtime.timing.keys()
    (row,) = joined([found, runtime])
    assert row.runtime_s == runtime.runtime_s > 0
    assert row.psnr_db == found.psnr_db


@pytest.mark.slow
def test_a_checkpoint_is_scored(hall, tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    from wideopen.pairs.pair import pairs_in
    from wideopen.photo import read
    from wideopen.score.evaluate import levels_of
    from wideopen.score.metrics import psnr_db
    from wideopen.zoo.catalog import solution
    from wideopen.zoo.checkpoint import Record, save
    from wideopen.zoo.run import SolutionRenderer, prepared

    torch.manual_seed(0)
    network = solution("cet-ece").build().eval()
    number = hall.submit(save(network, tmp_path / "ours.safetensors", Record("cet-ece")), "model")
    work(hall.folder, once=True, kinds=("score",))
    found = scored(hall, number)
    renderer = prepared(SolutionRenderer(solution("cet-ece"), network))
    by_name = {row["name"]: row["psnr_db"] for row in found.per_image}
    for pair in pairs_in(hall.truth("test")):
        answer, bokeh = renderer(read(pair.original)), read(pair.bokeh)
        assert by_name[pair.name] == pytest.approx(psnr_db(levels_of(answer), levels_of(bokeh)), abs=0.02)


def test_a_model_that_loops_for_ever_and_one_that_eats_memory_end_with_words(tmp_path):
    pytest.importorskip("onnx")
    hall = Hall(tmp_path / "challenge", limits=replace(LIMITS, seconds=6, memory_mb=3000))
    loops = hall.submit(endless(tmp_path / "endless.onnx"), "model")
    eats = hall.submit(hungry(tmp_path / "hungry.onnx"), "model")
    work(hall.folder, once=True)
    assert hall.state(loops).state == hall.state(eats).state == "failed"
    first, *log = hall.state(loops).why.splitlines()
    assert first == "stopped after 6 s, all the time that a submission has"
    assert "1 of 3: 1" in log
    assert hall.state(eats).why.startswith("a submission may use 3000 MB of memory, and this asked for more")
    assert hall.state(loops).spent
    assert not sandboxes()
    hall.store.close()


def all_gone(processes):
    return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)


def test_a_worker_that_is_killed_leaves_its_job_to_another(hall, tmp_path, monkeypatch):
    number = hall.submit(zip_of(tmp_path / "ours.zip", hall.truth() / "original"))
    code = "import sys; from pathlib import Path; from wideopen.challenge.work import work; work(Path(sys.argv[1]))"
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    first = subprocess.Popen([sys.executable, "-c", code, str(hall.folder)], env=environment)
    try:
        until(lambda: hall.state(number).state == "running" and len(sandboxes(first.pid)) == 2)
        children = sandboxes(first.pid)
    finally:
        first.kill()
        first.wait()
    until(lambda: all_gone(children))
    until(lambda: not any((tmp_path / "tmp").glob("wideopen-*")))
    assert hall.state(number).state == "running"
    monkeypatch.setattr(queue_module, "SILENT_S", 0.1)
    work(hall.folder, once=True)
    assert scored(hall, number).images == 3
    assert hall.state(number).score == f"scores/{number}.2.json"
    assert [what for _, what, _ in hall.store.history(number)] == [
        "waiting", "score begun", "score taken back", "score begun", "score scored"
    ]  # fmt: skip


def test_a_cancelled_job_ends_within_seconds(hall, tmp_path):
    pytest.importorskip("onnx")
    number = hall.submit(endless(tmp_path / "endless.onnx"), "model")
    team = hall.state(number).team
    with worker(hall) as told:
        until(lambda: hall.state(number).state == "running" and len(sandboxes()) == 2)
        assert Queue(hall.store).cancel(number)
        begun_s = time.monotonic()
        until(lambda: Queue(hall.store).counts() == {("score", "cancelled"): 1})
        assert time.monotonic() - begun_s < 10
        assert not sandboxes()
    assert told[-1] == f"score of submission {number}: cancelled"
    assert hall.state(number).state == "cancelled"
    assert hall.store.left(team, "test") == (10, 100)


def test_a_worker_that_is_told_to_end_gives_its_job_back(hall, tmp_path):
    pytest.importorskip("onnx")
    number = hall.submit(endless(tmp_path / "endless.onnx"), "model")
    code = (
        "import sys; from pathlib import Path; from wideopen.challenge.work import work\n"
        "work(Path(sys.argv[1]), tell=print)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(hall.folder)], stdout=subprocess.PIPE, text=True)
    try:
        until(lambda: hall.state(number).state == "running" and len(sandboxes(process.pid)) == 2)
        children = sandboxes(process.pid)
        process.terminate()
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out) == (0, f"score of submission {number}: given back\n")
    assert not any(each.is_running() for each in children)
    assert hall.state(number).state == "waiting"
    job = Queue(hall.store).take("next", "here")
    assert (job.submission.id, job.attempt) == (number, 1)


def test_a_worker_whose_server_is_killed_gives_its_job_back_and_ends(hall, tmp_path):
    pytest.importorskip("onnx")
    number = hall.submit(endless(tmp_path / "endless.onnx"), "model")
    code = (
        "import subprocess, sys, time; from pathlib import Path; from wideopen.challenge.crew import work_command\n"
        "process = subprocess.Popen(work_command(Path(sys.argv[1]), database=None, files=None))\n"
        "print(process.pid, flush=True); time.sleep(600)"
    )
    server = subprocess.Popen([sys.executable, "-c", code, str(hall.folder)], stdout=subprocess.PIPE, text=True)
    worker = psutil.Process(int(server.stdout.readline()))
    try:
        until(lambda: hall.state(number).state == "running" and len(sandboxes(worker.pid)) == 2)
        children = sandboxes(worker.pid)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    until(lambda: all_gone([worker, *children]))
    assert hall.state(number).state == "waiting"


def test_two_workers_do_many_jobs_and_none_twice(hall, tmp_path, monkeypatch):
    done = Counter()

    def do(job, team, bench, stop):
        time.sleep(0.01)
        done[job.submission.id] += 1
        return Result("scored", key=f"scores/{job.submission.id}.json")

    monkeypatch.setattr(work_module, "_do_here", do)
    archive = zip_of(tmp_path / "ours.zip", hall.truth() / "original")
    numbers = [hall.submit(archive) for _ in range(20)]
    workers = [Thread(target=work, args=(hall.folder,), kwargs={"once": True, "jobs": 2}) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert done == dict.fromkeys(numbers, 1)
    assert {hall.state(number).state for number in numbers} == {"scored"}


def test_a_fault_of_ours_costs_one_job_and_does_not_count(hall, tmp_path, monkeypatch):
    def do(job, team, bench, stop):
        if job.submission.id == 1:
            raise ZeroDivisionError(f"in {hall.folder}/hidden/1.png")
        return Result("scored", key="scores/2.json")

    monkeypatch.setattr(work_module, "_do_here", do)
    archive = zip_of(tmp_path / "ours.zip", hall.truth() / "original")
    numbers = [hall.submit(archive) for _ in range(2)]
    work(hall.folder, once=True)
    assert [hall.state(number).state for number in numbers] == ["failed", "scored"]
    assert not hall.state(1).spent
    assert hall.state(1).why == "wideopen met a fault of its own at this (ZeroDivisionError: in hidden/1.png)"


def test_a_database_that_is_away_for_a_while_costs_nothing(hall, tmp_path, monkeypatch):
    monkeypatch.setattr(work_module, "_do_here", lambda job, *_: Result("scored", key="scores/1.json"))
    monkeypatch.setattr(work_module, "_SAY_AGAIN_S", (0.01,) * 5)
    number = hall.submit(zip_of(tmp_path / "ours.zip", hall.truth() / "original"))
    away = Counter()

    def failing(name):
        real = getattr(Queue, name)

        def method(self, *given, **settings):
            away[name] += 1
            if away[name] < 4:
                raise StoreError("the database is away")
            return real(self, *given, **settings)

        return method

    for name in ("take", "finish"):
        monkeypatch.setattr(Queue, name, failing(name))
    with worker(hall):
        until(lambda: hall.state(number).state == "scored")
    assert away["take"] >= 4
    assert away["finish"] == 4


def test_a_worker_without_its_cluster_gives_its_job_back_and_ends(hall, tmp_path, monkeypatch):
    def do(*_):
        raise GoneError("the Ray cluster is gone (RayError)")

    monkeypatch.setattr(work_module, "_do_here", do)
    archive = zip_of(tmp_path / "ours.zip", hall.truth() / "original")
    numbers = [hall.submit(archive) for _ in range(2)]
    with pytest.raises(WideopenError, match=r"the Ray cluster is gone .*given back"):
        work(hall.folder)
    assert [hall.state(number).state for number in numbers] == ["waiting", "waiting"]


def test_the_command_line_works_off_what_is_there(hall, tmp_path, monkeypatch):
    monkeypatch.setattr(work_module, "_do_here", lambda *_: Result("refused", "1.png is missing\nfor sure"))
    number = hall.submit(zip_of(tmp_path / "ours.zip", hall.truth() / "original"))
    from click.testing import CliRunner

    from wideopen.cli.challenge_work import work as command

    done = CliRunner().invoke(command, [str(hall.folder), "--once", "--kind", "score"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"score of submission {number}: refused in ")
    assert done.output.endswith(" s (1.png is missing)\n")
    done = CliRunner().invoke(command, [str(tmp_path), "--once"])
    assert isinstance(done.exception, RequestError)
    assert "holds no challenge" in str(done.exception)


def test_a_challenge_where_models_may_read_is_refused(tmp_path, monkeypatch):
    hall = Hall(tmp_path / "challenge")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(RequestError, match="which models may read; move the challenge elsewhere"):
        work(hall.folder, once=True)
    hall.store.close()
