"""Workers of a challenge in processes of their own, and what must become of many submissions."""

import json
import subprocess
import sys
import time

import psutil

from challenge_hall import photo_of, zip_of
from wideopen.challenge.store import ENDS
from wideopen.score.score import Score

SILENT_S = 20
"""After which a worker is taken for dead; a busy machine lets one wait."""
WORKER = (
    "import sys, json; from pathlib import Path; from wideopen.challenge.work import work\n"
    "settings = json.loads(sys.argv[2]); silent = settings.pop('silent_s')\n"
    "import wideopen.challenge.queue as queue; queue.SILENT_S = silent\n"
    "work(Path(sys.argv[1]), beat_s=0.5, poll_s=0.2, **settings)"
)


def scored(hall, number):
    """Read a submission's Score."""
    found = hall.state(number)
    assert found.state == "scored", found.why
    return Score.from_json(hall.files.read(found.score).decode())


def until(true, within_s=60):
    end_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end_s, "it takes too long"
        time.sleep(0.05)


def sandboxes(process=None):
    """Processes that a worker began."""
    found = psutil.Process(process).children(recursive=True)
    return [each for each in found if "wideopen.challenge.w" in " ".join(each.cmdline())]


def start_worker(hall, environment=None, **settings):
    given = json.dumps({"silent_s": SILENT_S, **settings})
    return subprocess.Popen([sys.executable, "-c", WORKER, str(hall.folder), given], env=environment)


def fifty(hall, tmp_path):
    """Submit fifty zips of which each fifth is wrong; gives what must become of them."""
    photo_of(7, (48, 64)).save(tmp_path / "turned.png")
    originals = hall.truth() / "original"
    good = zip_of(tmp_path / "good.zip", originals)
    wrong = zip_of(tmp_path / "wrong.zip", originals, p2=tmp_path / "turned.png")
    return {hall.submit(wrong if k % 5 == 0 else good): "refused" if k % 5 == 0 else "scored" for k in range(50)}


def assert_all_ended_once(hall, wanted):
    assert {number: hall.state(number).state for number in wanted} == wanted
    figures = {scored(hall, number).psnr_db for number, state in wanted.items() if state == "scored"}
    assert len(figures) == 1
    for number in wanted:
        ends = [what for _, what, _ in hall.store.history(number) if what in ("score scored", "score refused")]
        assert len(ends) == 1


def killed_in_the_middle(hall, wanted, **settings):
    """Kill one of two workers in the middle, start another, and wait until all has ended."""
    workers = [start_worker(hall, **settings) for _ in range(2)]
    try:
        until(lambda: sum(hall.state(number).state in ("scored", "refused") for number in wanted) >= 10, 300)
        until(lambda: len(sandboxes(workers[0].pid)) == 2)
        workers[0].kill()
        workers[0].wait()
        workers.append(start_worker(hall, **settings))
        until(lambda: all(hall.state(number).state in ENDS for number in wanted), 600)
    finally:
        for each in workers:
            each.terminate()
        for each in workers:
            each.wait(30)
    taken = [what for number in wanted for _, what, _ in hall.store.history(number) if what == "score taken back"]
    assert len(taken) == 1
