"""The sandbox: what a stranger's process can reach, how much it can take, and that it ends."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

psutil = pytest.importorskip("psutil")

from wideopen.challenge import sandbox  # noqa: E402
from wideopen.challenge.walls import FILTER, HOOK, LANDLOCK, NAMESPACE, Bounds  # noqa: E402
from wideopen.errors import RequestError  # noqa: E402

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="walls of Linux")


@pytest.fixture
def place(tmp_path):
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


@pytest.fixture
def run(tmp_path, place, monkeypatch):
    """Run code in a sandbox."""
    modules = tmp_path / "modules"
    modules.mkdir()
    monkeypatch.syspath_prepend(modules)

    def run(code, *words, stop=lambda: False, without=(), readable=(), listable=(), secret=None, **bounds):
        (modules / "stranger.py").write_text(code, encoding="utf-8")
        usual = {"seconds": 20, "memory_mb": 1000, "file_mb": 20, "folder_mb": 50}
        ways = {"stop": stop, "without": without, "readable": readable, "listable": listable, "secret": secret}
        return sandbox.run("stranger", list(map(str, words)), place, Bounds(**{**usual, **bounds}), **ways)

    return run


def gone(process, within_s=10):
    """Whether a process ends in time."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        try:
            if psutil.Process(process).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def test_what_it_does_and_prints_is_told(run, place):
    ended = run("import sys; print('hello'); open('made', 'w').write(sys.argv[1]); sys.exit(3)", "a word")
    assert (ended.code, ended.why, ended.log, ended.fault()) == (3, "", "hello\n", "")
    assert (place / "made").read_text() == "a word"
    assert 0 < ended.seconds < 20
    assert ended.peak_mb < 1000


@pytest.mark.parametrize("without", [(), (NAMESPACE, LANDLOCK), (FILTER, LANDLOCK), (NAMESPACE, FILTER, LANDLOCK)])
def test_it_reaches_no_server_of_this_machine(run, place, without):
    import socket

    code = (
        "import socket, sys\n"
        "socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=5).sendall(b'secret')\n"
        "open('reached', 'w')"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        ended = run(code, listener.getsockname()[1], without=without)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert ended.code == 1
    assert not (place / "reached").exists()
    assert not set(without) & set(ended.walls)
    assert (HOOK in ended.walls) == (NAMESPACE not in ended.walls and FILTER not in ended.walls)


@LINUX
def test_it_reaches_no_socket_that_is_a_file(run, place):
    import socket

    code = "import socket; socket.socket(socket.AF_UNIX).connect('door'); open('reached', 'w')"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "door"))
        listener.listen()
        ended = run(code)
    if FILTER not in ended.walls:
        pytest.skip("no filter of system calls here")
    assert ended.code == 1
    assert not (place / "reached").exists()


@LINUX
def test_it_reads_what_it_is_given_and_writes_in_its_folder_alone(run, place, tmp_path):
    for name in ("given", "listed", "hidden"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "truth.txt").write_text("the truth")
    code = (
        "import json, os, sys\n"
        "def tried(do):\n"
        "    try: return do()\n"
        "    except OSError as error: return type(error).__name__\n"
        "there = sys.argv[1]\n"
        "found = {\n"
        "    'given': tried(lambda: open(there + '/given/truth.txt').read()),\n"
        "    'listed': tried(lambda: os.listdir(there + '/listed')),\n"
        "    'read': tried(lambda: open(there + '/listed/truth.txt').read()),\n"
        "    'hidden': tried(lambda: open(there + '/hidden/truth.txt').read()),\n"
        "    'hidden list': tried(lambda: os.listdir(there + '/hidden')),\n"
        "    'written': tried(lambda: open(there + '/given/new.txt', 'w')),\n"
        "    'link': tried(lambda: os.link(there + '/given/truth.txt', 'truth.txt')),\n"
        "    'changed': tried(lambda: open(there + '/given/truth.txt', 'a')),\n"
        "    'home': tried(lambda: os.path.realpath(os.environ['HOME']).startswith(os.getcwd())),\n"
        "}\n"
        "os.symlink(there + '/hidden/truth.txt', 'pointer')\n"
        "found['pointer'] = tried(lambda: open('pointer').read())\n"
        "print(json.dumps(found))\n"
    )
    ended = run(code, tmp_path, readable=[tmp_path / "given"], listable=[tmp_path / "listed"])
    if LANDLOCK not in ended.walls:
        pytest.skip("no Landlock here")
    found = json.loads(ended.log)
    assert (found.pop("given"), found.pop("listed"), found.pop("home")) == ("the truth", ["truth.txt"], True)
    assert set(found.values()) <= {"PermissionError", "OSError"}, found
    assert not (tmp_path / "given" / "new.txt").exists()


def test_it_finds_nothing_of_the_worker_s_environment(run, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    ended = run("import os, sys; print(dict(os.environ), sys.stdin.read())")
    assert ended.code == 0
    assert "abc" not in ended.log
    assert "SECRET" not in ended.log


@pytest.mark.parametrize("held", [0.3, 30])
def test_one_that_takes_too_much_memory_ends_and_is_told(run, held):
    code = (
        "import sys, time\n"
        "blocks = []\n"
        "while sum(map(len, blocks)) < 1_800_000_000:\n"
        "    blocks.append(bytearray(b'x') * 50_000_000); time.sleep(0.01)\n"
        f"time.sleep({held})"
    )
    ended = run(code, memory_mb=300)
    assert ended.fault() == "stopped: it used more than 300 MB of memory"
    assert ended.peak_mb > 300


@LINUX
def test_one_that_asks_for_far_more_memory_than_it_may_is_refused_it(run):
    ended = run("blocks = bytearray(40_000_000_000)", memory_mb=300)
    assert ended.code == 1
    assert ended.log.rstrip().endswith("MemoryError")


def test_one_that_loops_is_ended_in_time_with_its_grandchildren(run, place):
    grandchild = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)"
    child = f"import subprocess, sys\none = {grandchild}\nopen('grandchild', 'w').write(str(one.pid))"
    code = (
        "import os, subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {child!r}])\n"
        "open('child', 'w').write(str(os.getpid()))\n"
        "while True: pass"
    )
    ended = run(code, seconds=3, processes=True)
    assert ended.fault() == "stopped after 3 s"
    assert ended.seconds < 12
    assert gone(int((place / "child").read_text()), 1)
    assert gone(int((place / "grandchild").read_text()), 1)


def test_what_it_leaves_running_ends_with_it(run, place):
    code = (
        "import subprocess, sys\n"
        "one = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        "open('child', 'w').write(str(one.pid))"
    )
    ended = run(code, processes=True)
    assert (ended.code, ended.why) == (0, "")
    assert gone(int((place / "child").read_text()), 1)


@LINUX
@pytest.mark.parametrize("without", [(), (NAMESPACE, FILTER)])
def test_one_that_may_not_begin_processes_does_not(run, place, without):
    ended = run("import os\nos.fork()\nopen('forked', 'w')", without=without)
    assert ended.code == 1
    assert not (place / "forked").exists()


@LINUX
def test_one_that_forks_and_forks_ends(run):
    before = set(psutil.Process().children(recursive=True))
    ended = run("import os, time\nwhile os.fork(): time.sleep(0.002)\ntime.sleep(600)", processes=True)
    assert ended.fault() == "stopped: it began more than 64 processes"
    left = set(psutil.Process().children(recursive=True)) - before
    assert not [each for each in left if each.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of files on Windows")
def test_a_huge_file_is_cut_off(run, place):
    ended = run("with open('big', 'wb') as file:\n    while True: file.write(bytes(1 << 20))")
    assert ended.code == 1
    assert "File too large" in ended.log
    assert (place / "big").stat().st_size <= 20_000_000


def test_many_files_are_too_much_as_well(run):
    code = (
        "import itertools, time\n"
        "for number in itertools.count(): open(str(number), 'wb').write(bytes(4_000_000)); time.sleep(0.05)"
    )
    assert run(code).fault() == "stopped: it wrote more than 50 MB"


def test_one_that_prints_for_ever_ends_and_its_last_words_stay(run):
    ended = run("while True: print('over and over' * 50)", printed_mb=2)
    assert ended.fault() == "stopped: it printed more than 2 MB"
    assert len(ended.log) <= 1 << 15
    assert "over and over" in ended.log
    assert ended.walls


def test_a_crash_is_told_in_words(run):
    ended = run("import os; print('so far', flush=True); os.abort()")
    assert ended.fault() == "it crashed (aborted)"
    assert ended.log.startswith("so far\n")


def test_it_is_ended_when_the_worker_says_so(run):
    asked = []

    def stop():
        asked.append(time.monotonic())
        return len(asked) > 3

    ended = run("while True: pass", stop=stop)
    assert ended.is_stopped
    assert ended.seconds < 15


def test_a_worker_that_is_killed_leaves_nothing_behind(tmp_path):
    modules, place = tmp_path / "modules", tmp_path / "place"
    modules.mkdir()
    place.mkdir()
    (modules / "stranger.py").write_text(
        "import os, subprocess, sys\n"
        "one = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('both', 'w').write(f'{os.getpid()} {one.pid} .')\n"
        "while True: pass"
    )
    code = (
        "import sys\nfrom pathlib import Path\nsys.path.insert(0, sys.argv[1])\n"
        "from wideopen.challenge.sandbox import run\nfrom wideopen.challenge.walls import Bounds\n"
        "run('stranger', [], Path(sys.argv[2]), Bounds(600, 1000, 10, 10, processes=True))"
    )
    worker = subprocess.Popen([sys.executable, "-c", code, str(modules), str(place)])
    try:
        while not ((place / "both").exists() and (place / "both").read_text().endswith(".")):
            assert worker.poll() is None
            time.sleep(0.05)
        processes = [int(each) for each in (place / "both").read_text().split()[:2]]
        wardens = psutil.Process(worker.pid).children()
    finally:
        worker.kill()
        worker.wait()
    assert len(wardens) == 1
    assert all(gone(each) for each in (*processes, wardens[0].pid))
    assert not place.exists()


def test_what_is_secret_is_on_no_path_that_is_read(run, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    ended = run("import sys; print(sys.path)", secret=tmp_path / "challenge")
    assert repr(str(tmp_path / "modules")) in ended.log
    assert repr(str(tmp_path)) not in ended.log
    with pytest.raises(RequestError, match="which models may read; move the challenge"):
        sandbox.refuse_open(Path(sys.prefix) / "challenge")


def test_a_sandbox_that_cannot_be_had_is_said_in_one_line(run, monkeypatch):
    monkeypatch.setattr(sandbox, "_WARDEN", "raise RuntimeError('no such thing')")
    with pytest.raises(sandbox.SandboxError, match=r"cannot be had here .*no such thing"):
        run("pass")


def test_walls_are_told_in_words():
    assert sandbox.walls_say((NAMESPACE, LANDLOCK)) == "no network, only its own files (network namespace, Landlock)"
    assert "NOT kept from other files" in sandbox.walls_say((HOOK,))
    assert "as far as Python is asked" in sandbox.walls_say((HOOK,))


@LINUX
def test_here_all_walls_hold_or_the_kernel_lacks_them(run):
    """A wall that silently fails where the kernel has it would be worse than none."""
    import ctypes

    ended = run("pass")
    libc = ctypes.CDLL(None)
    landlock = libc.syscall(444, None, ctypes.c_size_t(0), 1) > 0
    assert (LANDLOCK in ended.walls) == landlock
    if os.uname().machine in ("x86_64", "aarch64"):
        assert FILTER in ended.walls
