"""What tests of many files ask for: the command line, called as a shell calls it, and a browser."""

import os
import sys

import pytest
from hypothesis import settings

from browser import chromium
from wideopen.cli import main

# The same examples at each run, so that it fails where it failed; --hypothesis-profile=default draws others.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

if "PYTEST_XDIST_WORKER" in os.environ:
    # More threads than cores, that spin while they wait for one another, take up to eight times as long. To ask for one
    # does not suffice: Numba gives its number of threads to torch too.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="module")
def browser():
    """A browser for one module's tests; its event loop must not be there when others want one."""
    with chromium() as started:
        yield started


@pytest.fixture
def wideopen(capsys, monkeypatch, tmp_path):
    """Run a command in an empty folder; gives its exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["wideopen", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return stop.value.code, captured.out, captured.err

    return run
