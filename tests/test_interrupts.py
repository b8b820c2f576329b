"""Interrupts: held back while compiled code runs, never lost."""

import signal
import threading

import pytest

from wideopen.interrupts import deferred


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_heard_after_the_block(number):
    before = signal.signal(number, signal.default_int_handler)
    try:
        reached = False
        with pytest.raises(KeyboardInterrupt), deferred():
            signal.raise_signal(number)
            reached = True
        assert reached
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_a_second_signal_is_heard_at_once():
    came = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        with deferred():
            signal.raise_signal(signal.SIGINT)
            assert came == []
            signal.raise_signal(signal.SIGINT)
            assert came == [signal.SIGINT]
        assert came == [signal.SIGINT, signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_error_in_the_block_comes_out():
    with pytest.raises(ZeroDivisionError), deferred():
        raise ZeroDivisionError


def test_a_signal_that_was_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferred():
            signal.raise_signal(signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_do_without():
    ran = []

    def work():
        with deferred():
            ran.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran == [before]
