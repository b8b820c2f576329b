"""A studio that is served, asked over a real socket."""

import http.client
import json
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi")
uvicorn = pytest.importorskip("uvicorn")
server = pytest.importorskip("wideopen.studio.server")


@dataclass(frozen=True)
class Answer:
    """What the studio answers."""

    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]


@dataclass(frozen=True)
class Served:
    """A studio and where it is."""

    port: int
    desk: object

    def ask(self, method, path, body=None, **headers):
        """Ask once, on a connection of its own."""
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, path, body=b"", **headers):
        return self.ask("POST", path, body, **headers)

    def opened(self, data, name="photo.jpg"):
        """Open a photo; its id."""
        answer = self.post(f"/api/photos?name={name}", data)
        assert answer.status == 201, answer.body
        return answer.json["id"]


@contextmanager
def served(**settings):
    """Serve a studio in a thread, as `wideopen.studio.server.serve` does in a process."""
    made = server.app(**settings)
    running = uvicorn.Server(uvicorn.Config(made, log_level="warning", access_log=False, lifespan="on"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not running.started:
                assert thread.is_alive()
            yield Served(listener.getsockname()[1], made.state.desk)
        finally:
            running.should_exit = True
            thread.join()


def scenery(width=96, height=64, seed=0):
    """Something to look at: a bright thing before a pattern, 8 bits."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    levels = 90 + 60 * np.sin(x / 5)[..., None] * np.cos(y / 7)[..., None] * np.float32([1, 0.7, 0.4])
    near = np.hypot(x - width * 0.4, y - height * 0.6) < height * 0.25
    levels[near] = (220, 120, 80)
    return (levels + rng.normal(0, 3, levels.shape)).clip(0, 255).astype(np.uint8)


def jpeg(folder, name="photo.jpg", size=(96, 64), seed=0, **options):
    """A JPEG of it, as a file's bytes."""
    path = folder / name
    Image.fromarray(scenery(*size, seed)).save(path, "JPEG", quality=92, **options)
    return path.read_bytes()
