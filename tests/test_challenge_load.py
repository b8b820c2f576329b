"""Fifty submissions at once, while workers and the server are killed: all end, none is lost, none is scored twice."""

import socket
import subprocess
import sys
import threading
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("psutil")
pytest.importorskip("sqlalchemy")

import psutil

from challenge_hall import LIMITS, SHEET, Hall, zip_of
from challenge_workers import assert_all_ended_once, fifty, killed_in_the_middle, sandboxes, until
from postgresql import postgresql, server  # noqa: F401
from wideopen.challenge.client import Asked, Client, sign_up, submit
from wideopen.challenge.plan import read_plan, write_plan
from wideopen.challenge.queue import Queue
from wideopen.challenge.store import ENDS, open_store

pytestmark = pytest.mark.slow


def test_fifty_at_once_end_once_each_though_a_worker_is_killed(tmp_path):
    hall = Hall(tmp_path / "challenge", limits=LIMITS)
    wanted = fifty(hall, tmp_path)
    killed_in_the_middle(hall, wanted)
    assert_all_ended_once(hall, wanted)
    hall.store.close()


def test_fifty_at_once_end_once_each_on_postgresql(tmp_path, postgresql):  # noqa: F811
    hall = Hall(tmp_path / "challenge", postgresql, limits=LIMITS)
    wanted = fifty(hall, tmp_path)
    killed_in_the_middle(hall, wanted, database=postgresql)
    assert_all_ended_once(hall, wanted)
    hall.store.close()


def held_now(folder, database=None):
    """A challenge whose validation is open by the clock on the wall."""
    hall = Hall(folder, database, limits=LIMITS)
    hall.store.close()
    plan, now = read_plan(folder), datetime.now(UTC)
    dates = {"begins": (now - timedelta(days=1)).isoformat(), "ends": (now + timedelta(days=1)).isoformat()}
    first = replace(plan.phases[0], per_day=5, **dates)
    second = replace(plan.phases[1], begins=dates["ends"], ends=(now + timedelta(days=2)).isoformat())
    (folder / "challenge.json").unlink()
    write_plan(replace(plan, phases=(first, second)), folder)
    return hall


class Serving:
    """`wideopen challenge serve` with two workers, on a port of its own."""

    def __init__(self, folder, database):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        words = [str(folder), "--port", str(self.port), "--workers", "2"]
        self.words = words + ([] if database is None else ["--database", database])
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-m", "wideopen", "challenge", "serve", *self.words])
        until(self.answers)

    def answers(self):
        try:
            urllib.request.urlopen(f"{self.address}/api/challenge", timeout=5).close()
        except OSError:
            return False
        return True

    def workers(self):
        found = psutil.Process(self.process.pid).children()
        return [each for each in found if {"challenge", "work"} <= set(each.cmdline())]

    def kill_with_a_busy_worker(self, queue):
        """Kill the server and one of its workers in the midst of a job; gives the worker that is left."""

        def busy():
            at_work = [each.name.split("-") for each in queue.workers() if each.job is not None]
            return [
                each
                for each in self.workers()
                if sandboxes(each.pid) and any(str(each.pid) in name for name in at_work)
            ]

        found = []
        until(lambda: found.extend(busy()) or found, 120)
        left = [each for each in self.workers() if each.pid != found[0].pid]
        found[0].kill()
        self.process.kill()
        self.process.wait()
        return left


def submitted(address, folder, good, wrong):
    """Begin fifty submissions at once, three of each team; gives what is told of each when it is accepted."""
    tokens = [sign_up(address, f"Team {number}")["token"] for number in range(17)]
    pool, together = ThreadPoolExecutor(50), threading.Barrier(50)

    def one(number):
        # Each its own file, for the same one sent twice is one upload.
        file = folder / f"{number}.zip"
        file.write_bytes((wrong if number % 5 == 0 else good).read_bytes())
        with zipfile.ZipFile(file, "a") as archive:
            archive.comment = str(number).encode()
        together.wait()
        client = Client(address, tokens[number // 3], pauses_s=(1.0,) * 30)
        told = submit(client, file, Asked("validation", "cpu", SHEET))
        return told["id"], "refused" if number % 5 == 0 else "scored"

    return [pool.submit(one, number) for number in range(50)]


def all_end_though_server_and_worker_are_killed(tmp_path, database=None):
    hall = held_now(tmp_path / "challenge", database)
    originals = hall.truth() / "original"
    good = zip_of(tmp_path / "good.zip", originals)
    # Broken behind its head, which the server's own look does not see.
    (tmp_path / "broken.png").write_bytes((originals / "2.png").read_bytes()[:-300])
    wrong = zip_of(tmp_path / "wrong.zip", originals, p2=tmp_path / "broken.png")
    serving = Serving(hall.folder, database)
    hall.store = open_store(hall.folder, database)
    try:
        asked = submitted(serving.address, tmp_path, good, wrong)
        until(lambda: len(hall.store.submissions()) >= 5)
        left = serving.kill_with_a_busy_worker(Queue(hall.store))
        accepted = len(hall.store.submissions())
        psutil.wait_procs(left, timeout=60)
        assert not any(each.is_running() for each in left)
        assert accepted < 50
        serving.start()
        wanted = dict(each.result(timeout=300) for each in asked)
        until(lambda: sum(hall.state(number).state in ENDS for number in wanted) >= 25, 600)
        serving.kill_with_a_busy_worker(Queue(hall.store))
        serving.start()
        until(lambda: all(hall.state(number).state in ENDS for number in wanted), 600)
    finally:
        serving.process.terminate()
        serving.process.wait(60)
    assert len(wanted) == 50
    assert {each.id for each in hall.store.submissions()} == set(wanted)
    assert_all_ended_once(hall, wanted)
    taken = [what for number in wanted for _, what, _ in hall.store.history(number) if what == "score taken back"]
    # One for each worker that was killed, if it had not just ended its job.
    assert 1 <= len(taken) <= 2
    hall.store.close()


def test_fifty_at_once_end_once_each_though_server_and_workers_are_killed(tmp_path):
    all_end_though_server_and_worker_are_killed(tmp_path)


def test_fifty_at_once_end_once_each_though_server_and_workers_are_killed_on_postgresql(tmp_path, postgresql):  # noqa: F811
    all_end_though_server_and_worker_are_killed(tmp_path, postgresql)
