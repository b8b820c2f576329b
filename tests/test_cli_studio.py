"""`wideopen studio`: from the command to the closed server."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

import wideopen as wideopen_package
from command import refuses
from studio_server import jpeg
from wideopen.errors import RequestError
from wideopen.studio import server
from wideopen.studio.server import PORT, UPLOAD_MB, shown

command = import_module("wideopen.cli.studio")  # the package has the command itself under this name


@contextmanager
def running(folder, *words):
    """The command in a process of its own, and the address that it has printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "wideopen", "studio", "--no-browser", "--port", "0", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
    )
    try:
        line = process.stdout.readline()
        assert "the studio is open at http://127.0.0.1:" in line, process.stderr.read()
        yield process, line.split("open at ")[1].split(";")[0]
    finally:
        process.kill()
        process.communicate()


def private(folder):
    return list(Path(folder).glob("wideopen-studio-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop_and_leaves_nothing(tmp_path, number):
    with running(tmp_path) as (process, address):
        with closing(urllib.request.urlopen(f"{address}api/studio", timeout=30)) as answer:
            assert answer.status == 200
        assert len(private(tmp_path)) == 1
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (0, "the studio is closed\n")
        assert private(tmp_path) == []


def test_nothing_lives_on_when_it_is_killed_and_the_next_start_cleans_up(tmp_path, monkeypatch):
    psutil = pytest.importorskip("psutil")
    with running(tmp_path) as (process, address):
        with closing(urllib.request.urlopen(f"{address}api/sample", b"", timeout=60)) as answer:
            key = answer.read().split(b'"id":"')[1].split(b'"')[0].decode()
        with closing(urllib.request.urlopen(f"{address}api/photos/{key}/save", b'{"look": {}}', timeout=60)):
            pass
        own = psutil.Process(process.pid)
        children = own.children(recursive=True)
        while not children and own.is_running():
            children = own.children(recursive=True)
        process.kill()
        process.wait()
        assert psutil.wait_procs(children, timeout=60)[1] == []
    assert len(private(tmp_path)) == 1
    monkeypatch.setattr("wideopen.studio.folder.tempfile.tempdir", str(tmp_path))
    server.Shelf().close()
    assert private(tmp_path) == []


def test_photos_that_cannot_be_opened_are_refused_at_once(wideopen, tmp_path):
    refuses(wideopen("studio", "none.jpg", "--port", "0"), 1, "none.jpg does not exist")
    (tmp_path / "notes.jpg").write_bytes(b"Dear diary")
    refuses(wideopen("studio", "notes.jpg", "--port", "0"), 1, "notes.jpg is no picture that is read")


def test_a_folder_that_is_none_is_refused(wideopen):
    refuses(wideopen("studio", "--save-to", "none", "--port", "0"), 2, "none is no folder to save to; make it first")


def test_a_port_that_was_asked_for_and_is_taken_is_refused(wideopen):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refuses(wideopen("studio", "--port", port), 2, f"127.0.0.1 port {port} cannot be listened on", "choose another")


def test_without_a_wish_the_next_free_port_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with closing(server._listening("127.0.0.1", port, next_free=True)) as listener:
            assert port < listener.getsockname()[1] <= port + 20
        with pytest.raises(RequestError):
            server._listening("127.0.0.1", port, next_free=False)


def test_an_address_that_this_machine_has_not_is_refused(wideopen):
    refuses(wideopen("studio", "--host", "192.0.2.1", "--port", "0"), 2, "192.0.2.1 port 0 cannot be listened on")


def test_without_the_extra_it_says_what_to_install(wideopen, monkeypatch):
    monkeypatch.setattr(wideopen_package, "studio", wideopen_package.studio)  # importing it anew replaces this too
    for name in [name for name in sys.modules if name.startswith("wideopen.studio")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    refuses(wideopen("studio"), 2, "the studio needs fastapi", 'pip install "wideopen[studio]"')


@pytest.fixture
def served(monkeypatch):
    """What the command asks the server for; it answers at once and ends."""
    asked = {}

    def serve(host, port, photos, save_to, upload_mb, *, next_free, ready):
        asked.update(host=host, port=port, photos=photos, save_to=save_to, upload_mb=upload_mb, next_free=next_free)
        ready(f"http://{host}:{asked.get('listens_on', port)}/")

    monkeypatch.setattr(server, "serve", serve)
    return asked


@pytest.fixture
def browser(monkeypatch):
    opened = []
    monkeypatch.setattr(command.webbrowser, "open", opened.append)
    return opened


def test_the_usual_settings_are_for_this_machine_alone(wideopen, served):
    code, out, err = wideopen("studio")
    assert code == 0
    assert served == {
        "host": "127.0.0.1", "port": PORT, "photos": (), "save_to": None, "upload_mb": UPLOAD_MB, "next_free": True
    }  # fmt: skip
    assert out == f"the studio is open at http://127.0.0.1:{PORT}/; Ctrl-C closes it\n"
    assert err == "the studio is closed\n"


def test_all_that_is_asked_for_reaches_the_server(wideopen, served, tmp_path):
    jpeg(tmp_path, "a.jpg")
    words = ("a.jpg", "--port", "9000", "--save-to", ".", "--upload-limit", "20", "--no-browser")
    assert wideopen("studio", *words)[0] == 0
    assert served == {
        "host": "127.0.0.1", "port": 9000, "photos": (Path("a.jpg"),), "save_to": Path(), "upload_mb": 20,
        "next_free": False,
    }  # fmt: skip


def test_a_port_that_had_to_be_another_is_told(wideopen, served):
    served["listens_on"] = PORT + 1
    assert f"http://127.0.0.1:{PORT + 1}/ (port {PORT} is taken)" in wideopen("studio")[1]


def test_who_opens_it_wider_is_warned(wideopen, served):
    assert wideopen("studio", "--host", "0.0.0.0")[2].startswith("careful: 0.0.0.0 is open to all who can reach")


def test_an_address_is_shown_as_it_is_reached():
    assert [shown(host) for host in ("127.0.0.1", "::1", "0.0.0.0")] == ["127.0.0.1", "[::1]", socket.gethostname()]


@pytest.mark.parametrize(
    ("words", "terminal", "screen", "opens"),
    [
        ((), True, True, True),
        ((), False, True, False),
        ((), True, False, False),
        (("--no-browser",), True, True, False),
    ],
)
def test_the_browser_opens_only_where_somebody_sees_it(
    wideopen, served, browser, monkeypatch, words, terminal, screen, opens
):
    monkeypatch.setattr(command, "_can_show", lambda: terminal and screen)
    wideopen("studio", *words)
    assert browser == ([f"http://127.0.0.1:{PORT}/"] if opens else [])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
def test_a_screen_is_known_by_its_name(monkeypatch):
    monkeypatch.setattr(command.sys.stdout, "isatty", lambda: True, raising=False)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not command._can_show()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert command._can_show()
    monkeypatch.setattr(command.sys.stdout, "isatty", lambda: False, raising=False)
    assert not command._can_show()
