"""Engines: every item is done once or said to be lost, in one process or many."""

import multiprocessing
import os
import platform
import subprocess
import sys

import pytest

from command import refuses
from engine_work import Square, Unreadable, threads, torch_threads, where
from wideopen import Photo
from wideopen.batch import Job, run
from wideopen.engine import Done, Local, Lost, named_engine
from wideopen.engine.cluster import Cluster
from wideopen.errors import RequestError

SQUARES = {index: Done(index**2) for index in range(5)}


def assert_no_process_is_left():
    for child in multiprocessing.active_children():
        child.join(30)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("processes", [1, 2])
def test_every_item_is_done_once(processes):
    assert sorted(Local(processes).map(Square(), range(5)), key=lambda pair: pair[0]) == list(SQUARES.items())


@pytest.mark.parametrize("processes", [1, 2])
def test_no_items_give_no_results(processes):
    assert list(Local(processes).map(Square(), [])) == []


def test_one_process_is_this_one_and_two_are_others():
    assert [result.value for _, result in Local(1).map(where, [0])] == [(os.getpid(), platform.node())]
    assert os.getpid() not in {result.value[0] for _, result in Local(2).map(where, [0, 1])}


def test_results_come_before_all_are_done(tmp_path):
    results = Local(1).map(Square(wrong=frozenset({1})), [0, 1])
    assert next(results) == (0, Done(0))
    with pytest.raises(ValueError, match="1 is wrong"):
        next(results)


def test_an_item_that_ends_its_process_is_lost_and_the_others_are_done():
    results = dict(Local(2).map(Square(deadly=frozenset({2})), range(5)))
    assert results == {**SQUARES, 2: Lost()}


def test_an_item_whose_process_died_once_is_done(tmp_path):
    assert dict(Local(2).map(Square(shaky=frozenset({1}), memory=tmp_path), range(5))) == SQUARES
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


@pytest.mark.parametrize("processes", [1, 2])
def test_what_the_function_raises_is_raised_here_and_ends_the_work(processes):
    with pytest.raises(ValueError, match="1 is wrong"):
        list(Local(processes).map(Square(wrong=frozenset({1})), range(3)))
    assert_no_process_is_left()


def test_a_function_that_does_not_arrive_says_why():
    with pytest.raises(ValueError, match="no number"):
        list(Local(2).map(Unreadable(), range(3)))


def test_who_stops_early_leaves_no_process():
    results = Local(2).map(Square(seconds=0.1), range(50))
    next(results)
    results.close()
    assert_no_process_is_left()


def test_workers_share_the_cores():
    for _, result in Local(2).map(threads, range(2)):
        cores, compiled, others = result.value
        assert compiled == max(1, cores // 2)
        assert others == str(compiled)


def test_torch_takes_its_share_when_it_comes_late():
    for _, result in Local(2).map(torch_threads, range(2)):
        assert result.value == (False, max(1, (os.cpu_count() or 1) // 2))


def test_engines_by_name():
    assert named_engine("local", None) == Local(1)
    assert named_engine("local", 3) == Local(3)
    assert named_engine("ray", None) == Cluster(None)
    assert named_engine("ray", 3) == Cluster(3)


class Elsewhere:
    """An engine of other machines: what it calls written is not here, and it sees no photo."""

    remote = True

    def map(self, function, items):
        for index, item in enumerate(items):
            result = function(item)
            item.output.unlink(missing_ok=True)
            yield index, Done(result)


def test_a_photo_that_a_node_does_not_see_is_told_with_the_node(tmp_path):
    (outcome,) = run([Job(tmp_path / "a.png", tmp_path / "b.png")], lambda photo: photo, name="identity",
                     overwrite=False, engine=Elsewhere())  # fmt: skip
    assert f"a.png is not seen by {platform.node()}" in outcome.error


def test_a_picture_that_only_the_node_has_is_an_error(tmp_path, rng_photo):
    (outcome,) = run([Job(rng_photo, tmp_path / "b.png")], lambda photo: photo, name="identity", overwrite=False,
                     engine=Elsewhere())  # fmt: skip
    assert outcome.record is None
    assert f"b.png was written on {platform.node()} and is not here" in outcome.error


def test_a_photo_that_ends_its_process_is_told_to_be_too_large(tmp_path):
    class Fatal:
        remote = False

        def map(self, function, items):
            yield 0, Lost()

    job = Job(tmp_path / "a.png", tmp_path / "b.png")
    (outcome,) = run([job], lambda photo: photo, name="identity", overwrite=False, engine=Fatal())
    assert outcome.error.startswith(f"{job.photo} ended its process")


@pytest.fixture
def rng_photo(tmp_path):
    import numpy as np

    return Photo(pixels=np.random.default_rng(0).random((8, 9, 3), np.float32)).save(tmp_path / "a.png")


def test_ray_is_asked_for_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RequestError, match=r"a cluster needs ray; install wideopen\[ray\]"):
        Cluster().map(Square(), [1])


def test_the_command_says_what_is_missing_in_one_line(wideopen, rng_photo, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    refuses(wideopen("render", rng_photo, "--engine", "ray"), 2, "wideopen[ray]")
    assert not rng_photo.with_name("a.bokeh.png").exists()


def test_a_cluster_lends_no_gpus(wideopen, rng_photo):
    refuses(wideopen("render", rng_photo, "--engine", "ray", "--device", "cuda"), 2, "--device", "--engine local")


def test_engines_are_loaded_without_ray_and_processes():
    code = (
        "import sys, wideopen.engine, wideopen.engine.cluster;"
        "assert not {'ray', 'numba', 'torch', 'concurrent.futures.process', 'multiprocessing'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
