"""A PostgreSQL of the test's own: a cluster in a temporary folder, on a free port of this machine."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

DEBIANS = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
FOLDERS = os.pathsep.join([os.environ.get("PATH", ""), *DEBIANS])
USER = "nobody"
"""Whose the server is where the test is root's; PostgreSQL refuses root."""


def missing():
    """Say why there can be no PostgreSQL here; nothing where there can."""
    if not shutil.which("initdb", path=FOLDERS) or not shutil.which("postgres", path=FOLDERS):
        return "no PostgreSQL server on this machine"
    return ""


@contextmanager
def cluster():
    """Start a server with an empty database; gives its address."""
    import pwd

    rights = {}
    folder = Path(tempfile.mkdtemp(prefix="wideopen-pg-", dir="/tmp"))
    if os.getuid() == 0:
        entry = pwd.getpwnam(USER)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        rights = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    programs = {name: os.path.realpath(shutil.which(name, path=FOLDERS)) for name in ("initdb", "postgres")}
    log = folder / "log"
    server = None
    try:
        with tempfile.TemporaryFile() as printed:
            command = [programs["initdb"], "-D", folder / "data", "-U", "study", "-A", "trust", "-E", "UTF8"]
            done = subprocess.run(
                [*command, "--locale=C", "--no-sync"], cwd=folder, stdout=printed, stderr=printed, **rights
            )
            printed.seek(0)
            assert done.returncode == 0, printed.read().decode()
        command = [programs["postgres"], "-D", folder / "data", "-p", str(port), "-k", str(folder)]
        with log.open("wb") as stream:
            server = subprocess.Popen(
                [*command, "-c", "listen_addresses=127.0.0.1"], cwd=folder, stdout=stream, stderr=stream, **rights
            )
        wait(server, port, log)
        yield f"postgresql://study@127.0.0.1:{port}/postgres"
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)
            server.wait(30)
        shutil.rmtree(folder)


def wait(server, port, log):
    import psycopg

    for _ in range(300):
        assert server.poll() is None, log.read_text()
        try:
            psycopg.connect(f"postgresql://study@127.0.0.1:{port}/postgres", connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="session")
def server():
    """An address of a database; every test makes its own in it."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with cluster() as address:
        yield address


@pytest.fixture
def postgresql(server, request):
    """An empty database."""
    import psycopg

    name = f"study_{abs(hash(request.node.nodeid)):x}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield server.replace("/postgres", f"/{name}")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
