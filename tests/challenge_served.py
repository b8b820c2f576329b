"""A challenge with pictures, in a folder and served, for tests of its server, pages and client."""

import asyncio
import hashlib
import io
import socket
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Thread

import numpy as np
import pytest
from PIL import Image

for needed in ("fastapi", "sqlalchemy"):
    pytest.importorskip(needed)
uvicorn = pytest.importorskip("uvicorn")
# ruff: noqa: E402

from challenge_folder import SHEET, Clock, plan_of
from wideopen.challenge.files import Files
from wideopen.challenge.links import Links
from wideopen.challenge.plan import write_plan
from wideopen.challenge.queue import Queue
from wideopen.challenge.server import app
from wideopen.challenge.store import Store, Upload, open_store
from wideopen.score.score import Score

NAMES = ("1", "2", "10")
SIZE = (64, 48)
WHOLE_SHEET = {
    "method": "Ours",
    "authors": "A. Nobody",
    "framework": "PyTorch",
    "hardware": "one GPU",
    "description": "It blurs.",
}


def picture(seed, size=SIZE):
    """Give the bytes of a PNG that no other seed has."""
    rng, file = np.random.default_rng(seed), io.BytesIO()
    levels = rng.integers(0, 256, (size[1] // 8, size[0] // 8, 3)).astype(np.uint8)
    Image.fromarray(levels).resize(size, Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def zip_of(**files):
    """Give the bytes of a zip."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def answer(seed=100, names=NAMES, size=SIZE):
    """Give a zip that answers every input."""
    return zip_of(**{f"{name}.png": picture(seed + at, size) for at, name in enumerate(names)})


def challenge_in(folder, clock=None, **plan):
    """Make a challenge with hidden pairs and public zips, and give its store."""
    folder.mkdir(parents=True, exist_ok=True)
    write_plan(replace(plan_of(), **plan), folder)
    store = open_store(folder, clock=clock)
    for number, part in enumerate(("val", "test")):
        for kind, seed in (("original", 0), ("bokeh", 50)):
            (folder / "hidden" / part / kind).mkdir(parents=True)
            for at, name in enumerate(NAMES):
                content = picture(200 * number + seed + at)
                (folder / "hidden" / part / kind / f"{name}.png").write_bytes(content)
    (folder / "public").mkdir()
    for name, seed in (("development", 1000), ("validation", 0), ("test", 200)):
        zipped = zip_of(**{f"original/{each}.png": picture(seed + at) for at, each in enumerate(NAMES)})
        (folder / "public" / f"{name}.zip").write_bytes(zipped)
    return store


@dataclass(frozen=True)
class Held:
    """A challenge, and where it is served."""

    folder: object
    store: Store
    clock: Clock
    address: str = ""

    @property
    def queue(self):
        return Queue(self.store)

    @property
    def files(self):
        return Files(self.folder / "files")

    @property
    def organiser(self):
        return Links(self.folder).organiser_token()

    def app(self, **settings):
        return app(self.folder, self.store, self.files, **settings)

    def team(self, name="One"):
        """Sign a team up, and approve it; gives its number and token."""
        team, token = self.store.add_team(name)
        self.store.judge_team(team.id, welcome=True)
        return team.id, token

    def submitted(self, team, *, phase="validation", track="cpu", sheet=SHEET, request=None):
        """Keep a submission as if it had been uploaded."""
        number = len(self.store.submissions()) + 1
        key = f"uploads/{number}.zip"
        self.put(key, b"zip")
        upload = Upload(key, "ours.zip", 3, hashlib.sha256(b"zip").hexdigest())
        return self.store.submit(team, phase, track, "pictures", upload, sheet, request=request or f"request-{number}")

    def scored(self, submission, *, psnr_db=23.5, ssim=0.87, pictures=NAMES):
        """Let a worker have scored it."""
        job = self.queue.take("worker", "here", kinds=("score",))
        assert job.submission.id == submission.id
        score = Score(
            submission.sheet.method, submission.track, "measured", "aim2020/1", psnr_db, ssim, images=len(NAMES),
            device="a machine", date="2031-05-01", command="wideopen score", data={"name": "val"},
            per_image=tuple({"name": name, "psnr_db": psnr_db} for name in NAMES),
        )  # fmt: skip
        self.put(f"scores/{submission.id}.json", score.to_json().encode())
        for at, name in enumerate(pictures):
            for kind, seed in (("found", 300 + submission.id), ("input", 0), ("truth", 50)):
                self.put(f"galleries/{submission.id}/{name}.{kind}.jpg", jpeg(seed + at))
        assert self.queue.finish(job, "scored", result=f"scores/{submission.id}.json")
        return submission.id

    def put(self, key, content):
        path = self.folder / "put"
        path.write_bytes(content)
        self.files.put(key, path)
        path.unlink()


def jpeg(seed, size=SIZE):
    made = io.BytesIO()
    Image.open(io.BytesIO(picture(seed, size))).save(made, "JPEG")
    return made.getvalue()


@contextmanager
def held(folder, **plan):
    """Make a challenge whose clock stands."""
    clock = Clock()
    store = challenge_in(folder, clock, **plan)
    try:
        yield Held(folder, store, clock)
    finally:
        store.close()


@contextmanager
def served(made, host="127.0.0.1", root_path=""):
    """Serve an application; gives its address."""
    running = uvicorn.Server(uvicorn.Config(made, log_level="error", access_log=False, lifespan="off"))
    with socket.create_server((host, 0)) as listener:
        thread = Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://{host}:{listener.getsockname()[1]}{root_path}"
        finally:
            running.should_exit = True
            thread.join()


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def refused(told, status, *words):
    assert told.status_code == status, told.text
    assert told.headers["content-type"] == "application/json"
    error = told.json()["error"]
    assert error
    assert "\n" not in error
    for word in words:
        assert word in error
    return error


def uploaded(client, token, content, name="answer.zip"):
    sent = {"file_name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    begun = client.post("/api/uploads", json=sent, headers=bearer(token))
    assert begun.status_code == 200, begun.text
    place = f"/api/uploads/{begun.json()['id']}?offset={begun.json()['received']}"
    assert client.patch(place, content=content, headers=bearer(token)).json() == {"received": len(content)}
    return begun.json()["id"]


def submit(client, token, upload, **others):
    sent = {"upload": upload, "phase": "validation", "track": "cpu", "kind": "pictures", "sheet": {"method": "Ours"}}
    return client.post("/api/submissions", json=sent | {"request": "request-1"} | others, headers=bearer(token))


def left(client, token, phase="validation"):
    told = client.get("/api/team", headers=bearer(token)).json()["left"][phase]
    return told["today"], told["in_all"]


def asked(made, path):
    """Ask the application itself for a path that a client would tidy."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b"", "http_version": "1.1"}
    scope |= {"raw_path": path.encode(), "root_path": "", "scheme": "http", "client": ("127.0.0.1", 1), "server": None}
    asyncio.run(made(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)
