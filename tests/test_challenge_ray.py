"""A challenge's jobs on two nodes of a Ray cluster: the same Scores, each once, whoever is killed."""

import os
import sys
import time

import pytest

pytest.importorskip("ray")
psutil = pytest.importorskip("psutil")
pytest.importorskip("sqlalchemy")
pytest.importorskip("onnx")

from challenge_hall import LIMITS, Hall, darkening, endless  # noqa: E402
from challenge_workers import SILENT_S, assert_all_ended_once, fifty, scored, start_worker, until  # noqa: E402
from test_engine_ray import cluster  # noqa: E402, F401
from wideopen.challenge.queue import Queue  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address"),
]


def on_nodes(environment):
    """Processes of the cluster that score."""
    named = (each for each in psutil.process_iter(["name", "cmdline"]) if each.info["cmdline"])
    found = [each for each in named if "ray::_score" in " ".join(each.info["cmdline"])]
    return [each for each in found if each.environ().get("RAY_AUTH_TOKEN") == environment["RAY_AUTH_TOKEN"]]


def test_two_nodes_score_fifty_once_each_though_a_node_s_process_and_the_worker_are_killed(cluster, tmp_path):  # noqa: F811
    hall = Hall(tmp_path / "challenge", limits=LIMITS)
    wanted = fifty(hall, tmp_path)
    model = hall.submit(darkening(tmp_path / "half.onnx"), "model")
    environment = {**os.environ, **cluster}

    def ended():
        return sum(hall.state(number).state in ("scored", "refused") for number in wanted)

    workers = [start_worker(hall, environment, engine="ray")]
    try:
        until(lambda: ended() >= 10 and len(on_nodes(environment)) == 2, 300)
        on_nodes(environment)[0].kill()
        until(lambda: ended() >= 25, 300)
        workers[0].kill()
        workers[0].wait()
        until(lambda: not on_nodes(environment))
        time.sleep(SILENT_S + 1)
        workers.append(start_worker(hall, environment, engine="ray", once=True))
        assert workers[1].wait(600) == 0
    finally:
        for each in workers:
            each.kill()
    assert_all_ended_once(hall, wanted)
    assert scored(hall, model).images == 3
    assert Queue(hall.store).counts()["time", "waiting"] == 1
    hall.store.close()


def test_a_job_on_a_node_is_cancelled_within_seconds(cluster, tmp_path):  # noqa: F811
    hall = Hall(tmp_path / "challenge", limits=LIMITS)
    number = hall.submit(endless(tmp_path / "endless.onnx"), "model")
    environment = {**os.environ, **cluster}
    worker = start_worker(hall, environment, engine="ray")
    try:
        until(lambda: any("walls" in " ".join(each.cmdline()) for one in on_nodes(environment)
                          for each in one.children(recursive=True)))  # fmt: skip
        begun_s = time.monotonic()
        assert Queue(hall.store).cancel(number)
        until(lambda: Queue(hall.store).counts() == {("score", "cancelled"): 1})
        until(lambda: not on_nodes(environment))
        assert time.monotonic() - begun_s < 15
    finally:
        worker.terminate()
        assert worker.wait(30) == 0
    hall.store.close()
