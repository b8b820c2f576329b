"""Turns: one picture at a time, and none that nobody waits for."""

import asyncio
import threading
import time

import pytest

pytest.importorskip("fastapi")

from wideopen.studio.turns import BusyError, StaleError, Turns


def run_turns(story, **settings):
    async def told():
        turns = Turns(**settings)
        try:
            return await asyncio.wait_for(story(turns), 30)
        finally:
            turns.close()

    return asyncio.run(told())


def test_work_is_done_one_at_a_time_in_one_thread():
    active, seen = [], []

    def work():
        active.append(threading.get_ident())
        time.sleep(0.01)
        seen.append(len(active))
        return active.pop()

    async def story(turns):
        return await asyncio.gather(*[turns.take(work) for _ in range(8)])

    threads = run_turns(story)
    assert len(set(threads)) == 1
    assert seen == [1] * 8


def test_what_waits_and_is_no_longer_newest_is_given_up_at_once_and_never_begun():
    begun, go_on = [], threading.Event()

    def work(number):
        begun.append(number)
        assert go_on.wait(30)
        return number

    async def story(turns):
        asked = []
        for number in range(5):
            asked.append(asyncio.create_task(turns.take_live("key", number, lambda _, number=number: work(number))))
            await asyncio.sleep(0)
        for stale in asked[1:4]:
            with pytest.raises(StaleError):
                await stale
        go_on.set()
        return await asked[0], await asked[4]

    assert run_turns(story) == (0, 4)
    assert begun == [0, 4]


def test_long_work_is_left_once_a_newer_of_the_same_window_is_asked_for():
    begun, told = threading.Event(), []

    def long(going):
        for step in range(2000):
            told.append(step)
            going(step / 2000)
            begun.set()
            time.sleep(0.01)

    async def story(turns):
        first = asyncio.create_task(turns.take_live("key", 1, long))
        await asyncio.to_thread(begun.wait, 30)
        other = asyncio.create_task(turns.take_live("other", 9, lambda going: "other"))
        older = asyncio.create_task(turns.take_live("key", 0, long))
        with pytest.raises(StaleError):
            await older
        assert not first.done()
        newer = asyncio.create_task(turns.take_live("key", 2, lambda going: "newer"))
        with pytest.raises(StaleError):
            await first
        return await other, await newer

    assert run_turns(story) == ("other", "newer")
    assert len(told) < 1000


def test_what_is_done_is_given_though_a_newer_has_come():
    begun, go_on = threading.Event(), threading.Event()

    def short(going):
        begun.set()
        assert go_on.wait(30)
        going(1.0)
        return "late"

    async def story(turns):
        first = asyncio.create_task(turns.take_live("key", 1, short))
        await asyncio.to_thread(begun.wait, 30)
        newer = asyncio.create_task(turns.take_live("key", 2, lambda going: "newer"))
        await asyncio.sleep(0.01)
        go_on.set()
        return await first, await newer

    assert run_turns(story) == ("late", "newer")


def test_more_than_a_bounded_number_may_not_wait():
    go_on = threading.Event()

    async def story(turns):
        asked = [asyncio.create_task(turns.take(lambda: go_on.wait(30))) for _ in range(4)]
        await asyncio.sleep(0.01)
        with pytest.raises(BusyError):
            await turns.take(lambda: True)
        go_on.set()
        return await asyncio.gather(*asked)

    assert run_turns(story, most_waiting=3) == [True] * 4


def test_who_has_gone_is_not_worked_for():
    begun, go_on = [], threading.Event()

    async def story(turns):
        first = asyncio.create_task(turns.take(lambda: go_on.wait(30)))
        gone = asyncio.create_task(turns.take(lambda: begun.append("gone")))
        last = asyncio.create_task(turns.take(lambda: begun.append("last")))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(first, last)

    run_turns(story)
    assert begun == ["last"]
