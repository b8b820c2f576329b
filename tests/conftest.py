"""The command line, called as a shell calls it."""

import os
import sys

import pytest
from hypothesis import settings

from wideopen.cli import main

# The same examples at each run, so that it fails where it failed; --hypothesis-profile=default draws others.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

if "PYTEST_XDIST_WORKER" in os.environ:
    # More threads than cores, that spin while they wait for one another, take up to eight times as long. To ask for one
    # does not suffice: Numba gives its number of threads to torch too.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


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
