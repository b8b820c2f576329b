"""Work spread over two nodes of a Ray cluster: complete, the same to the bit, quiet, and ended by Ctrl-C."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from command import refuses
from wideopen import Photo

pytest.importorskip("ray")
psutil = pytest.importorskip("psutil")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address"),
]

NODES = ("127.0.0.2", "127.0.0.3")
TESTS = Path(__file__).parent


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two nodes of one core each; gives the environment that leads to them."""
    # Short, for the path of a socket may have 107 letters.
    folder = tmp_path_factory.mktemp("ray")
    environment = {
        **os.environ,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ADDRESS": f"{NODES[0]}:{free_port()}",
        "PYTHONPATH": str(TESTS),
    }
    port = environment["RAY_ADDRESS"].rpartition(":")[2]
    started = []
    try:
        for words in (
            ["--head", "--port", port, "--temp-dir", str(folder), "--ray-client-server-port", str(free_port()),
             "--include-dashboard", "false", "--node-ip-address", NODES[0]],
            ["--address", environment["RAY_ADDRESS"], "--node-ip-address", NODES[1]],
        ):  # fmt: skip
            started.append(start_node(words, folder / f"{len(started)}.log", environment))
        yield environment
    finally:
        for process in reversed(started):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


def start_node(words, log, environment):
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", "start", *words, "--num-cpus", "1", "--object-store-memory",
             "200000000", "--block"],
            stdout=file, stderr=subprocess.STDOUT, env=environment, start_new_session=True,
        )  # fmt: skip
    for _ in range(600):
        if "Ray runtime started" in log.read_text():
            return process
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def wideopen(*words, cwd, env=None):
    done = subprocess.run(
        [sys.executable, "-m", "wideopen", *map(str, words)],
        cwd=cwd, env=env, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def python(code, cwd, env):
    """Run code that has Cluster and Square, and read the JSON that it prints."""
    before = (
        "import json, os; from pathlib import Path; from engine_work import Square, where\n"
        "import wideopen.engine.cluster as module; from wideopen.engine import Lost\n"
        "from wideopen.engine.cluster import Cluster\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", before + code], cwd=cwd, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder with 6 photos in `photos`, rendered here into `near`."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "photos").mkdir()
    for i in range(6):
        random = np.random.default_rng(i).random((150, 200, 3), np.float32)
        Photo(pixels=random).save(folder / "photos" / f"{i}.png")
    assert wideopen("render", "photos", "-o", "near", cwd=folder)[0] == 0
    return folder


def assert_same(folder, name):
    assert sorted(path.name for path in (folder / name).iterdir()) == [f"{i}.png" for i in range(6)]
    for path in (folder / name).iterdir():
        assert path.read_bytes() == (folder / "near" / path.name).read_bytes()


def test_two_nodes_render_a_folder_to_the_same_bytes_and_say_nothing_else(cluster, photos):
    code, out, err = wideopen("render", "photos", "-o", "far", "--engine", "ray", "--json", cwd=photos, env=cluster)
    assert code == 0, err
    records = [json.loads(line) for line in out.splitlines()]
    assert sorted(record["input"] for record in records) == [f"photos/{i}.png" for i in range(6)]
    assert {record["node"] for record in records} == {f"{socket.gethostname()} ({address})" for address in NODES}
    assert [line[:18] for line in err.splitlines()] == ["6 of 6 rendered in"]
    assert_same(photos, "far")


def test_two_nodes_score_as_one_machine_does(cluster, photos):
    for part, source in (("original", "photos"), ("bokeh", "near")):
        (photos / "pairs" / part).mkdir(parents=True)
        for path in (photos / source).iterdir():
            (photos / "pairs" / part / path.name).write_bytes(path.read_bytes())
    words = ("score", "gaussian", "--pairs", "pairs", "--gallery", "2")
    code, _, err = wideopen(*words, "-o", "far.json", "--engine", "ray", cwd=photos, env=cluster)
    assert (code, err) == (0, "")
    assert wideopen(*words, "-o", "near.json", cwd=photos)[0] == 0
    far, near = (json.loads((photos / f"{name}.json").read_text()) for name in ("far", "near"))
    assert far["images"] == 6
    differing = {key for key in far if far[key] != near[key]}
    assert differing == {"command", "pictures"}
    for path in (photos / "near.files").iterdir():
        assert path.read_bytes() == (photos / "far.files" / path.name).read_bytes()


def test_a_killed_worker_costs_nothing(cluster, photos):
    run = subprocess.Popen(
        [sys.executable, "-m", "wideopen", "render", "photos", "-o", "killed", "--engine", "ray", "--json"],
        cwd=photos, env=cluster, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert run.stdout is not None
    first = run.stdout.readline()
    # Ray gives its workers names that tell what they are.
    workers = [each for each in psutil.process_iter(["name", "cmdline"])
               if "ray::MapWorker" in " ".join(each.info["cmdline"] or [each.info["name"]])
               and each.environ().get("RAY_AUTH_TOKEN") == cluster["RAY_AUTH_TOKEN"]]  # fmt: skip
    assert len(workers) == 2
    workers[0].kill()
    out, err = run.communicate(timeout=120)
    assert run.returncode == 0, err
    assert sorted(json.loads(line)["input"] for line in (first + out).splitlines()) == [
        f"photos/{i}.png" for i in range(6)
    ]
    assert_same(photos, "killed")


def test_a_photo_that_a_node_does_not_see_costs_only_itself(cluster, photos):
    code, out, err = wideopen(
        "render", "photos/0.png", "photos/none.png", "-o", "some", "--engine", "ray", cwd=photos, env=cluster
    )
    assert code == 1
    assert out.startswith("photos/0.png -> some/0.png")
    complaint, summary = err.splitlines()
    assert complaint.startswith(f"wideopen: photos/none.png is not seen by {socket.gethostname()} (127.0.0.")
    assert "1 of 2 rendered" in summary


def test_items_that_end_processes_are_tried_again_and_then_lost(cluster, tmp_path):
    code = (
        "work = Square(deadly=frozenset({2}), shaky=frozenset({1, 4}), memory=Path.cwd())\n"
        "results = dict(Cluster().map(work, range(6)))\n"
        "print(json.dumps([None if results[i] == Lost() else results[i].value for i in range(6)]))"
    )
    assert python(code, tmp_path, cluster) == [0, 1, None, 9, 16, 25]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "4"]


def test_both_nodes_work_and_one_does_where_one_item_at_a_time_is_allowed(cluster, tmp_path):
    code = (
        "two, one = ([result.value for _, result in Cluster(n).map(where, range(6))] for n in (2, 1))\n"
        "print(json.dumps([two, one]))"
    )
    two, one = python(code, tmp_path, cluster)
    assert len({node for _, node in two}) == len({process for process, _ in two}) == 2
    assert len({process for process, _ in one}) == 1
    assert len(two) == len(one) == 6


def test_what_goes_wrong_is_raised_here(cluster, tmp_path):
    code = (
        "said = []\n"
        "def told(make):\n"
        "    try: list(make())\n"
        "    except Exception as error: said.append([type(error).__name__, str(error)])\n"
        "told(lambda: Cluster().map(Square(wrong=frozenset({1})), range(3)))\n"
        "told(lambda: Cluster(3).map(Square(), range(3)))\n"
        "told(lambda: Cluster().map(Square(), []))\n"
        "module.version = lambda name: '99'\n"
        "told(lambda: Cluster().map(Square(), range(3)))\n"
        "module.version = lambda name: __import__('importlib.metadata').metadata.version(name)\n"
        "Path.cwd = lambda: Path('/no/such/folder')\n"
        "told(lambda: Cluster().map(Square(), range(3)))\n"
        "print(json.dumps(said))"
    )
    (wrong, kind), many, version, folder = (
        (words, kind) if i == 0 else (kind, words)
        for i, (kind, words) in enumerate(python(code, tmp_path, cluster))
    )  # fmt: skip
    assert (kind, wrong) == ("ValueError", "1 is wrong")
    assert many == ("RequestError", "3 at a time are more than the cluster's cores; give 2 or fewer")
    assert version[0] == folder[0] == "RequestError"
    assert "and here is 99; install the same on every node" in version[1]
    assert "has no folder /no/such/folder" in folder[1]


def test_ctrl_c_ends_the_work_and_leaves_the_cluster(cluster, photos):
    many = photos / "many"
    many.mkdir()
    for i in range(30):
        (many / f"{i:02}.png").write_bytes((photos / "photos" / "0.png").read_bytes())
    run = subprocess.Popen(
        [sys.executable, "-m", "wideopen", "render", "many", "-o", "stopped", "--engine", "ray", "--json"],
        cwd=photos, env=cluster, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert run.stdout is not None
    run.stdout.readline()
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 1
    assert err.splitlines()[-1].startswith("wideopen: interrupted")
    assert len(err.splitlines()) == 2, err
    # Workers end soon after; the next job needs their cores.
    assert wideopen("render", "photos", "-o", "after", "--engine", "ray", cwd=photos, env=cluster)[0] == 0
    assert_same(photos, "after")
    done = list((photos / "stopped").iterdir())
    assert 1 <= len(done) < 30
    assert {path.suffix for path in done} == {".png"}
    assert not [path for path in done if path.name.startswith(".")]


def test_no_cluster_and_a_wrong_token_are_said_in_one_line(cluster, photos):
    words = ("render", "photos", "-o", "none", "--engine", "ray")
    nobody = {**cluster, "RAY_ADDRESS": f"127.0.0.1:{free_port()}"}
    refuses(wideopen(*words, cwd=photos, env=nobody), 2, "there is no Ray cluster at", "ray start --head")
    (photos / "ray").mkdir()
    (photos / "ray" / "ray_current_cluster").write_text(nobody["RAY_ADDRESS"])
    stale = {**cluster, "RAY_ADDRESS": "", "RAY_TMPDIR": str(photos)}
    refuses(wideopen(*words, cwd=photos, env=stale), 2, "ray_current_cluster names is gone", "RAY_ADDRESS")
    stranger = {**cluster, "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    refuses(wideopen(*words, cwd=photos, env=stranger), 2, "lets nobody join", "token")
    afar = {**cluster, "RAY_ADDRESS": "ray://127.0.0.2:10001"}
    refuses(wideopen(*words, cwd=photos, env=afar), 2, "run on a node of the cluster")
    assert not (photos / "none").exists()
