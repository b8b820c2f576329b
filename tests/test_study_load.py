"""Many raters at once, and a server that is killed under them: what was acknowledged is there, once."""

import importlib.util
from pathlib import Path

import pytest

from postgresql import postgresql, server  # noqa: F401

SPEC = importlib.util.spec_from_file_location("bench_study", Path(__file__).parent.parent / "bench" / "study.py")
bench = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bench)


def kept(row):
    assert row["errors"] == {}
    assert row["acknowledged"] == row["expected"]
    assert (row["missing"], row["twice"], row["unasked"]) == (0, 0, 0)


def test_some_raters_at_once_lose_nothing():
    with bench.study(padded=2000) as folder:
        row = bench.run(folder, raters=8, trials=4, unlimited=True)
    kept(row)
    assert row["connections_lost"] == 0


def test_a_server_that_is_asked_to_end_ends_well():
    with bench.study(padded=0) as folder:
        process = bench.Server(folder)
        assert process.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("raters", [30, 200])
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_server_that_is_killed_keeps_every_answer_that_it_acknowledged(store, raters, request):
    database = request.getfixturevalue("postgresql") if store == "postgresql" else None
    with bench.study(padded=20_000) as folder:
        row = bench.run(folder, raters=raters, trials=10, database=database, kills=3, unlimited=raters < 100)
    kept(row)
    assert row["connections_lost"] > 0, "it was killed while somebody asked"
