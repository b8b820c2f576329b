"""Fifty submissions at once, and a worker that is killed in the middle: all end, none is lost, none is scored twice."""

import pytest

pytest.importorskip("psutil")
pytest.importorskip("sqlalchemy")

from challenge_hall import LIMITS, Hall
from challenge_workers import assert_all_ended_once, fifty, killed_in_the_middle
from postgresql import postgresql, server  # noqa: F401

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
