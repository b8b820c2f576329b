"""Does the study hold 200 raters at once, and does it keep every answer when it is killed?

python bench/study.py [--raters 200] [--json FILE]

The server is one process of ``wideopen study serve``; the raters are another, which asks for each trial, both
pictures of 500 kB, and votes. "At once" is without any pause, so all raters wait for the server all the time; "as
people" is with a pause of 1 to 9 s before each vote, begun within 10 s. "Killed" is at once, with three ``kill -9``
of the server; raters send what was not acknowledged again, as the page does. Milliseconds are from the first byte
sent to the last received, of votes alone and of all that is asked; votes are compared with the database in the end.
Both processes, and PostgreSQL where there is one, share this machine.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from contextlib import closing, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import postgresql
from study_folder import make_study
from wideopen.study.plan import PICTURES
from wideopen.study.server import create_links
from wideopen.study.store import open_store

PICTURE_BYTES = 500_000
SCREEN = {"screen_width_px": 1920, "screen_height_px": 1080, "pixel_ratio": 1.0, "zoom": 1.0, "touch": False}
SERVER = """
import signal
import sys
from pathlib import Path
signal.signal(signal.SIGTERM, signal.default_int_handler)
from wideopen.study.limits import Limits, Rate
from wideopen.study.server import serve
folder, port, database, unlimited = sys.argv[1:]
free = Rate(1e6, 10**6)
serve(Path(folder), port=int(port), database=database or None, ready=lambda address: print(address, flush=True),
      limits=Limits(free, free, free) if unlimited else None)
"""


class Server:
    """A process that serves, and can be killed and started again on the same port."""

    def __init__(self, folder, database=None, *, unlimited=False):
        self._arguments = [str(folder), database or "", "yes" if unlimited else ""]
        self.port = 0
        self.start()

    def start(self):
        """Start it, and wait until it answers."""
        folder, *others = self._arguments
        command = [sys.executable, "-c", SERVER, folder, str(self.port), *others]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def kill(self):
        """End it at once, as a power cut would end the process."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        """Ask it to end, and give its exit code."""
        self.process.terminate()
        code = self.process.wait(30)
        self.process.stdout.close()
        return code


class Client:
    """Asks over one connection, and over another when that is lost. Each rater has an address of its own."""

    def __init__(self, port, number):
        self._port, self._from = (
            port,
            f"127.0.{1 + number // 250}.{1 + number % 250}" if sys.platform == "linux" else None,
        )
        self._streams = None

    async def ask(self, method, path, body=None):
        """Ask once; gives status and body, and raises OSError or EOFError where the connection is lost."""
        try:
            if self._streams is None:
                local = (self._from, 0) if self._from else None
                self._streams = await asyncio.open_connection("127.0.0.1", self._port, local_addr=local)
            reader, writer = self._streams
            sent = b"" if body is None else json.dumps(body).encode()
            head = f"{method} {path} HTTP/1.1\r\nhost: study\r\ncontent-type: application/json\r\n"
            writer.write(f"{head}content-length: {len(sent)}\r\n\r\n".encode() + sent)
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
            length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length:"))
            return int(lines[0].split()[1]), await reader.readexactly(length)
        except (OSError, EOFError):
            self.close()
            raise

    def close(self):
        """Give the connection up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Load:
    """What raters did and how long they waited."""

    def __init__(self, port, *, pause_s=0.0):
        self.port, self.pause_s = port, pause_s
        self.acknowledged = {}
        self.vote_ms, self.all_ms = [], []
        self.errors, self.lost = Counter(), 0

    async def rater(self, number, link, trials):
        """Be one rater for some trials."""
        client, draw = Client(self.port, number), random.Random(number)
        address = f"/api{link}"
        # People do not begin in the same second.
        await asyncio.sleep(2 * self.pause_s * draw.random())
        await self._ask(client, "POST", f"{address}/consent", SCREEN)
        await self._ask(client, "POST", f"{address}/trained", {})
        for trial in range(trials):
            await self._ask(client, "GET", f"{address}/trials/{trial}")
            for which in ("truth", "result"):
                await self._ask(client, "GET", f"{address}/trials/{trial}/{which}")
            if self.pause_s:
                await asyncio.sleep(self.pause_s * draw.uniform(0.2, 1.8))
            request, level = str(uuid.UUID(int=draw.getrandbits(128), version=4)), draw.randint(1, 5)
            vote = {"level": level, "shown_s": 1.0, "request": request, "revision": 0}
            if await self._ask(client, "POST", f"{address}/trials/{trial}/vote", vote):
                self.acknowledged[request] = (trial, level)
        client.close()

    async def _ask(self, client, method, path, body=None):
        """Ask until there is an answer, as the page does; true where it is a good one."""
        while True:
            start = time.perf_counter()
            try:
                status, _ = await asyncio.wait_for(client.ask(method, path, body), 60)
            except (OSError, EOFError):
                self.lost += 1
                await asyncio.sleep(0.2)
                continue
            except TimeoutError:
                status = "no answer in 60 s"
            took_ms = (time.perf_counter() - start) * 1000
            self.all_ms.append(took_ms)
            if path.endswith("/vote"):
                self.vote_ms.append(took_ms)
            if status != 200:
                self.errors[str(status)] += 1
            return status == 200

    async def killer(self, server, kills, votes):
        """Kill the server, evenly over the votes that are expected, and start it again."""
        for kill in range(kills):
            while len(self.acknowledged) < votes * (kill + 1) / (kills + 1):
                await asyncio.sleep(0.01)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)


def run(folder, *, raters, trials, database=None, kills=0, pause_s=0.0, unlimited=False):
    """Let raters vote, and compare what was acknowledged with what was stored."""
    server = Server(folder, database, unlimited=unlimited)
    try:
        links = create_links(folder, raters, address="", database=database)
        load = Load(server.port, pause_s=pause_s)

        async def all_at_once():
            killer = asyncio.create_task(load.killer(server, kills, raters * trials))
            start = time.perf_counter()
            await asyncio.gather(*(load.rater(number, link, trials) for number, link in enumerate(links)))
            took_s = time.perf_counter() - start
            await killer
            return took_s

        took_s = asyncio.run(all_at_once())
    finally:
        server.stop()
    with closing(open_store(folder, database)) as store:
        stored = store.history()
    found = Counter((answer.request, answer.trial, answer.level) for answer in stored)
    wanted = {(request, *said) for request, said in load.acknowledged.items()}
    return {
        "raters": raters,
        "kills": kills,
        "pause_s": pause_s,
        "acknowledged": len(wanted),
        "expected": raters * trials,
        "missing": len(wanted - found.keys()),
        "twice": sum(count - 1 for count in found.values()),
        "unasked": len(found.keys() - wanted),
        "errors": dict(load.errors),
        "connections_lost": load.lost,
        "requests_per_s": len(load.all_ms) / took_s,
        "votes_per_s": len(wanted) / took_s,
        **{f"vote_{name}_ms": value for name, value in percentiles(load.vote_ms).items()},
        **{f"any_{name}_ms": value for name, value in percentiles(load.all_ms).items()},
    }


def percentiles(values):
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"median": cuts[49], "p95": cuts[94], "most": max(values)}


@contextmanager
def study(*, padded=PICTURE_BYTES, **plan):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "study"
        make_study(folder, pictures=20, **plan)
        for path in (folder / PICTURES).iterdir():
            # Browsers end a PNG where it ends.
            path.write_bytes(path.read_bytes() + random.Random(path.name).randbytes(padded))
        yield folder


def fresh(address, name):
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return address.replace("/postgres", f"/{name}")


def rows(store, address, raters, trials):
    for name, settings in (
        ("at once", {"trials": trials}),
        ("as people", {"trials": max(2, trials // 2), "pause_s": 5.0}),
        ("at once, killed 3 times", {"trials": trials, "kills": 3}),
    ):
        database = fresh(address, "study_" + str(abs(hash(name)))) if address else None
        with study() as folder:
            yield {"store": store, "name": name, **run(folder, raters=raters, database=database, **settings)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--raters", type=int, default=200)
    parser.add_argument("--trials", type=int, default=15)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    results = list(rows("SQLite", None, arguments.raters, arguments.trials))
    if not postgresql.missing():
        with postgresql.cluster() as address:
            results += rows("PostgreSQL", address, arguments.raters, arguments.trials)
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load before the run {load:.1f}"
    print(f"# {arguments.raters} raters at once\n\n`make study`. " + " ".join(__doc__.split("\n\n")[2].split()) + "\n")
    print(f"{machine}.\n")
    columns = ("votes acknowledged", "missing", "twice", "errors", "requests per s", "vote: median", "95 %", "most")
    print(f"| store | how | {' | '.join(columns)} | anything: 95 % |\n|---|---|" + "--:|" * (len(columns) + 1))
    for row in results:
        errors = sum(row["errors"].values())
        print(
            f"| {row['store']} | {row['name']} | {row['acknowledged']} of {row['expected']} | {row['missing']} "
            f"| {row['twice'] + row['unasked']} | {errors} | {row['requests_per_s']:.0f} "
            f"| {row['vote_median_ms']:.0f} ms | {row['vote_p95_ms']:.0f} ms | {row['vote_most_ms']:.0f} ms "
            f"| {row['any_p95_ms']:.0f} ms |"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, "rows": results}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
