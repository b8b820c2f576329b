"""Runtimes that the organiser puts beside a submission by hand."""

import pytest

pytest.importorskip("sqlalchemy")

from challenge_folder import SHEET, UPLOAD, store_in
from command import refuses
from wideopen.challenge.queue import Queue
from wideopen.score.score import Score, write_score


def scored(folder):
    """A challenge with one submission of pictures that is scored."""
    from datetime import UTC, datetime

    store = store_in(folder, clock=lambda: datetime.now(UTC).replace(year=2031, month=5, day=2))
    store.submit(store.add_team("One")[0].id, "validation", "cpu", "pictures", UPLOAD, SHEET, request="a")
    Queue(store).finish(Queue(store).take("w1", "here"), "scored", result="scores/1.json")
    store.close()


def timed(path, **others):
    values = {"solution": "x", "track": "gpu", "origin": "measured", "device": "A phone"}
    write_score(Score(**values, date="2031-05-01", protocol="aim2020/1", command="wideopen time x", **others), path)
    return path


def test_a_phones_runtime_is_put_beside_a_submission_and_the_last_counts(wideopen, tmp_path):
    scored(tmp_path)
    for seconds in (1.5, 1.2):
        file = timed(tmp_path / f"{seconds}.json", runtime_s=seconds)
        code, out, _ = wideopen("challenge", "runtime", tmp_path, 1, file)
        assert code == 0
        assert out == f"submission 1: {seconds:g} s on A phone\n"
    assert (tmp_path / "files/scores/1.given.json").is_file()
    assert "1.2" in (tmp_path / "files/scores/1.given.2.json").read_text()


def test_what_is_no_runtime_is_refused(wideopen, tmp_path):
    scored(tmp_path)
    file = timed(tmp_path / "none.json", psnr_db=20.0)
    refuses(wideopen("challenge", "runtime", tmp_path, 1, file), 2, "holds no runtime")
    refuses(wideopen("challenge", "runtime", tmp_path, 1), 2, "is pictures")
    good = timed(tmp_path / "good.json", runtime_s=1.0)
    refuses(wideopen("challenge", "runtime", tmp_path, 2, good), 2, "no submission 2")
    refuses(wideopen("challenge", "runtime", tmp_path, 1, tmp_path / "missing.json"), 2, "missing.json")
