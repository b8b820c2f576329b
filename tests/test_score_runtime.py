"""Timing: laws of medians, loads and threads; no second is asserted that a machine would have to reach."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections import namedtuple
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import wideopen
from timed import make_dead, make_hungry, make_nothing, make_refused, make_talkative, nothing
from wideopen import Photo
from wideopen.errors import RequestError
from wideopen.score import machine as machine_module
from wideopen.score import runtime
from wideopen.score.machine import Load, Moment, load_between, machine, moment
from wideopen.score.runtime import limited_threads, time_in_process, time_renderer, timing_photo
from wideopen.score.score import Score
from wideopen.score.timing import Subject, Timing

psutil = pytest.importorskip("psutil")
SMALL = (24, 16)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Clocks of CPU time that go on by themselves, on a machine of its own."""
    monkeypatch.setattr(runtime, "WATCH_S", 0.0)
    ticks = count()
    monkeypatch.setattr(
        runtime, "moment", lambda: Moment(wall_s := float(next(ticks)), wall_s, 0.0, 2 * wall_s, wall_s)
    )


def clock_of(*seconds):
    """A clock that gives each run so many seconds, and stops the test where more are timed."""
    told, now = [], 0.0
    for each in seconds:
        told += [now, now + each]
        now += each + 7
    return iter(told).__next__


def test_median_and_quartiles_are_of_the_runs_behind_the_warm_up():
    found = time_renderer(nothing, size_px=SMALL, warm_up=2, repeats=5, clock=clock_of(90, 80, 3, 1, 2, 10, 4))
    assert found.seconds == (3, 1, 2, 10, 4)
    assert found.median_s == 3
    assert found.spread_s == 2
    assert found.first_s == 90
    assert (found.warm_up, found.repeats, found.network_s) == (2, 5, None)


@given(st.lists(st.integers(1, 10**6), min_size=3, max_size=9))
@settings(deadline=None, max_examples=30)
def test_median_and_spread_agree_with_the_statistics_module(milliseconds):
    seconds = [each / 1000 for each in milliseconds]
    found = time_renderer(nothing, size_px=SMALL, warm_up=0, repeats=len(seconds), clock=clock_of(*seconds))
    low, middle, high = statistics.quantiles(found.seconds, n=4, method="inclusive")
    assert found.median_s == pytest.approx(middle)
    assert found.spread_s == pytest.approx(high - low, abs=1e-6)
    assert found.first_s == found.seconds[0]


@pytest.mark.parametrize(("budget_s", "runs"), [(1, 3), (35, 3), (45, 4), (1000, 6)])
def test_time_that_is_used_up_ends_the_runs_but_not_before_the_third(budget_s, runs):
    found = time_renderer(nothing, size_px=SMALL, repeats=6, budget_s=budget_s, clock=clock_of(*[10] * 7))
    assert found.repeats == len(found.seconds) == runs


def test_fewer_runs_than_three_are_made_where_fewer_are_asked_for():
    assert time_renderer(nothing, size_px=SMALL, repeats=1, clock=clock_of(5, 2)).seconds == (2,)


def test_the_network_alone_is_of_the_runs_that_count():
    asked = iter([0.0, 50.0, 0.0, 1.0, 9.0, 3.0, 0.0, 2.0])  # before and after each of four runs
    found = time_renderer(
        Subject(nothing, network_s=asked.__next__, backend="own 1", precision="bfloat16"),
        size_px=SMALL,
        repeats=3,
        clock=clock_of(60, 4, 4, 4),
    )
    assert found.network_s == 2
    assert (found.backend, found.precision) == ("own 1", "bfloat16")


def test_a_renderer_that_changes_the_size_is_refused():
    with pytest.raises(RequestError, match="made 16x24 of 24x16") as error:
        time_renderer(lambda photo: Photo(pixels=photo.pixels.transpose(1, 0, 2)), size_px=SMALL)
    assert "\n" not in str(error.value)


def test_every_run_gets_a_photo_of_its_own():
    seen = []

    def spoils(photo):
        seen.append(photo.pixels.copy())
        photo.pixels[:] = 0
        return photo

    time_renderer(spoils, size_px=SMALL, repeats=3)
    assert len(seen) == 4
    assert all(np.array_equal(each, seen[0]) for each in seen)
    assert seen[0].any()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"threads": 0}, "threads begin at 1"),
        ({"threads": 10_000}, "threads are from 1 to"),
        ({"warm_up": -1}, "at least 1 run"),
        ({"repeats": 0}, "at least 1 run"),
        ({"budget_s": 0}, "above 0 s"),
        ({"size_px": (0, 5)}, "0x5 px cannot be timed"),
    ],
)
def test_settings_out_of_range_are_refused(asked, words):
    with pytest.raises(RequestError, match=words) as error:
        time_renderer(nothing, **({"size_px": SMALL} | asked))
    assert "\n" not in str(error.value)


def test_what_was_built_for_other_threads_is_refused():
    with pytest.raises(RequestError, match="built for threads 2"):
        time_renderer(Subject(nothing, threads=2), size_px=SMALL, threads=1)


def test_without_psutil_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(RequestError, match=r"^timing needs psutil; install wideopen\[score\]$"):
        time_renderer(nothing, size_px=SMALL)
    assert machine().memory_mb is None, "a Score needs none to name its device"


def test_at_its_own_size_the_photo_is_the_sample_without_its_depth():
    photo = timing_photo()
    with Image.open(Path(wideopen.__file__).with_name("data") / "sample.jpg") as sample:
        wanted = np.asarray(sample.convert("RGB"))
    assert photo.size == (1536, 1024)
    assert np.array_equal(np.rint(photo.pixels * 255), wanted)
    assert photo.depth is None


@pytest.mark.parametrize("size_px", [(1, 1), (64, 200), (1600, 700)])
def test_the_photo_has_the_size_that_is_asked_for_and_is_the_same_each_time(size_px):
    photo = timing_photo(size_px)
    assert photo.size == size_px
    assert np.array_equal(photo.pixels, timing_photo(size_px).pixels)


def at(wall_s, busy_s, stolen_s=0.0, own_s=0.0):
    return Moment(wall_s, busy_s, stolen_s, 2 * wall_s, own_s)


def test_load_is_what_is_busy_and_not_own():
    load = load_between(at(10, 5, 1, 3), at(14, 12, 2, 6))
    assert load.others_cores == pytest.approx((7 - 3) / 4)
    assert load.stolen_cores == pytest.approx(1 / 4)
    assert load.loaded


def test_ticks_that_come_late_make_no_negative_load():
    load = load_between(at(0, 0), at(1, 0.9, 0, 1.0))
    assert load.others_cores == 0
    assert not load.loaded


def test_clocks_that_stand_still_mean_that_nothing_is_known():
    load = load_between(Moment(0, 4, 0, 9, 1), Moment(1, 4, 0, 9, 1))
    assert load.others_cores is None
    assert not load.loaded


@pytest.mark.parametrize(("others", "loaded"), [(0.15, False), (0.16, True)])
def test_a_machine_is_loaded_above_the_threshold(others, loaded):
    assert Load(1, 2, others).loaded == loaded


Linux = namedtuple("Linux", "user nice system idle iowait irq softirq steal guest guest_nice")
Windows = namedtuple("Windows", "user system idle interrupt dpc")


@pytest.mark.parametrize(
    ("times", "busy", "stolen", "total"),
    [
        (Linux(10, 1, 5, 100, 20, 2, 3, 4, 6, 1), 25, 4, 145),
        (Windows(10, 5, 100, 1, 2), 15, 0, 115),
    ],
)
def test_waiting_for_disks_is_idle_and_guests_and_interrupts_count_once(monkeypatch, times, busy, stolen, total):
    monkeypatch.setattr(psutil, "cpu_times", lambda: times)
    found = moment()
    assert (found.busy_s, found.stolen_s, found.all_s) == (busy, stolen, total)


def test_own_time_is_that_of_this_process_and_of_children_that_run_and_that_ended():
    burn = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
    begin = moment().own_s
    child = subprocess.Popen([sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
    runs = moment().own_s
    assert runs - begin > 0.25
    child.communicate(b"\n")
    if sys.platform == "linux":  # elsewhere psutil does not know it
        assert moment().own_s > runs - 0.05
    start = time.process_time()
    middle = moment().own_s
    while time.process_time() - start < 0.2:
        pass
    assert moment().own_s - middle > 0.1


def test_load_of_before_and_during_the_runs_is_told_apart(monkeypatch):
    moments = iter([at(0, 0), at(1, 1.0), at(2, 1.0)])
    monkeypatch.setattr(runtime, "moment", moments.__next__)
    found = time_renderer(nothing, size_px=SMALL)
    assert (found.other_cores_before, found.other_cores, found.loaded) == (1, 0, True)
    assert "machine under load: others used 1 before and 0 during the runs" in found.says()
    assert "not a quiet measurement" in found.says()


EXAMPLE = Timing(
    seconds=(0.5, 0.4, 0.6), median_s=0.5, spread_s=0.1, first_s=2.0, network_s=0.45, size_px=(1536, 1024), threads=2,
    warm_up=1, repeats=3, device="a processor", backend="onnxruntime 1.2", precision="float32",
    other_cores_before=0.02, other_cores=0.01, stolen_cores=0.0, cores=2, loaded=False, load_s=1.5, peak_mb=345.6,
    peak_absolute_mb=400.0, error_levels=0.25,
)  # fmt: skip


def test_one_line_says_all_that_a_person_needs():
    said = EXAMPLE.says()
    assert "\n" not in said
    for words in (
        "1536x1024: 0.5 s (median of 3, interquartile range 0.1 s)", "network alone 0.45 s", "first run 2 s",
        "peak memory 346 MiB", "onnxruntime 1.2 float32", "within 0.25 levels of torch", "threads 2", "a processor",
        "quiet machine: others used 0.02 before and 0.01 during the runs, of 2 cores",
    ):  # fmt: skip
        assert words in said
    assert "under load" not in said
    assert "not known" in replace(EXAMPLE, other_cores=None).says()


def test_the_record_survives_json_and_a_score():
    record = EXAMPLE.to_record()
    assert json.loads(json.dumps(record)) == record
    assert record["seconds"] == [0.5, 0.4, 0.6]
    score = Score(
        solution="lens", track="cpu", origin="measured", protocol="runtime/1", device="here", date="2026-01-01",
        command="wideopen time lens", runtime_s=EXAMPLE.median_s, timing=record,
    )  # fmt: skip
    assert Score.from_json(score.to_json()).timing == record


def test_threads_hold_loops_and_the_scenes_network_back_and_are_given_back():
    import numba

    from wideopen.scene import network

    before = numba.get_num_threads()
    if numba.config.NUMBA_NUM_THREADS == 1:
        pytest.skip("one core cannot be held back")
    with limited_threads(1):
        assert numba.get_num_threads() == 1
        assert network._session().get_session_options().intra_op_num_threads == 1
    assert numba.get_num_threads() == before
    assert network._session().get_session_options().intra_op_num_threads == 0
    with limited_threads(None):
        assert numba.get_num_threads() == before


def test_in_a_process_of_its_own_a_peak_of_memory_is_seen():
    quiet, hungry = (time_in_process(make, size_px=SMALL, repeats=1) for make in (make_nothing, make_hungry))
    assert 190 < hungry.peak_mb - quiet.peak_mb < 300
    assert hungry.peak_absolute_mb > hungry.peak_mb
    assert hungry.load_s >= 0
    assert time_renderer(nothing, size_px=SMALL).peak_mb is None


def test_what_the_process_prints_keeps_standard_output_clean(capfd):
    time_in_process(make_talkative, size_px=SMALL, repeats=1, threads=1)
    out, err = capfd.readouterr()
    assert (out, "said to standard output" in err) == ("", True)


@pytest.mark.parametrize(
    ("make", "words"), [(make_dead, "ended with code 3 before it answered"), (make_refused, "^no such weights")]
)
def test_a_process_that_fails_is_told_of_in_one_line(make, words):
    with pytest.raises(RequestError, match=words) as error:
        time_in_process(make, size_px=SMALL)
    assert "\n" not in str(error.value)


def test_the_machine_is_named_with_its_processor_and_cores():
    found = machine()
    assert found.processor
    assert 1 <= found.usable_cores <= found.cores == os.cpu_count()
    assert abs(found.memory_mb * 2**20 - psutil.virtual_memory().total) < 2**20
    assert found.processor in found.says()
    assert f"{found.cores} logical core" in found.says()
    assert "\n" not in found.says()


@pytest.mark.parametrize(("quota", "cores"), [("150000 100000", 2), ("100000 100000", 1), ("max 100000", 64), ("", 64)])
def test_the_quota_of_a_container_counts(monkeypatch, quota, cores):
    monkeypatch.setattr(machine_module, "_text", lambda path: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    assert machine_module.usable_cores() == cores


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(RequestError, match="there is no device 'cuda:99' here; use cpu"):
        machine("cuda:99")
