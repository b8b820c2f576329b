"""A study that is served, and raters in real browsers."""

import json
import socket
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image

from wideopen.study.plan import PICTURES, TRUTH, Study, write_study

for needed in ("fastapi", "sqlalchemy", "itsdangerous"):
    pytest.importorskip(needed)
uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("playwright.sync_api")
links = pytest.importorskip("wideopen.study.links")
server = pytest.importorskip("wideopen.study.server")
stores = pytest.importorskip("wideopen.study.store")

METHODS = {"swirly": "result", "glossy": "result", "quite-sharp": "input", "mirrored": "reference", "foggy": "anchor"}
NAMES = ("meadow", "harbour")
SIZE = (360, 240)
LOST = ("Failed to load resource",)
"""What a browser itself says of an answer that is no success."""
STATIC = Path(__file__).parents[1] / "src" / "wideopen" / "study" / "static"
DESK = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 3}
READY = """async (start) => {
  const ready = () => document.querySelector("#count").textContent.startsWith(start)
    && document.querySelectorAll("#levels button:enabled").length === 5;
  for (let left = 2000; !ready(); left -= 1) {
    if (!left) throw new Error(`no "${start}", but "${document.body.innerText}"`);
    await new Promise((done) => setTimeout(done, 10));
  }
}"""
"""Waits without the growing pauses of Playwright's own waiting, which would be most of the time of a sitting."""


def study_in(folder, **others):
    """Make a study of two pictures and two methods: four trials, three traps, one repeat."""
    (folder / PICTURES).mkdir(parents=True)
    rng = np.random.default_rng(0)
    files = {}
    for name in NAMES:
        files[name] = {}
        for method in (TRUTH, *METHODS):
            stem = f"{rng.integers(1 << 60):015x}"
            levels = rng.integers(0, 255, (12, 18, 3)).astype(np.uint8)
            Image.fromarray(levels).resize(SIZE).save(folder / PICTURES / f"{stem}.png")
            files[name][method] = f"{stem}.png"
    settings = {"trials": 4, "repeats": 1, "traps": 1} | others
    plan = Study("Bokeh & more", METHODS, NAMES, files, dict.fromkeys(NAMES, SIZE), 7, "2026-01-02", **settings)
    write_study(plan, folder)
    return plan


@dataclass(frozen=True)
class Served:
    """A study and where it is."""

    address: str
    store: object
    links: object
    study: Study
    since: int = 0

    def rater(self):
        return f"{self.address}/r/{self.links.rater_token(self.store.add_rater())}"

    def trained(self):
        """Give the link of a rater whose next step is the first trial."""
        name = self.store.add_rater()
        self.store.consent(name, stores.Screen(1280, 800, 1.0, 1.0, False))
        self.store.train(name)
        return f"{self.address}/r/{self.links.rater_token(name)}"

    def organiser(self):
        return f"{self.address}/o/{self.links.organiser_token()}"

    def given(self):
        """All answers since this was made, in their order: trial and level."""
        return [(answer.trial, answer.level) for answer in self.store.history()[self.since :]]

    def fresh(self):
        """The same study, as if nothing had been answered."""
        return replace(self, since=len(self.store.history()))


@contextmanager
def served(folder, *, root_path="", **settings):
    study, store = study_in(folder, **settings), stores.open_store(folder)
    made = server.app(folder, store, root_path=root_path)
    running = uvicorn.Server(uvicorn.Config(made, log_level="error", access_log=False, lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}{root_path}", store, links.Links(folder), study)
        finally:
            running.should_exit = True
            thread.join()
            store.close()


class Visit:
    """One page in its own browser context: nothing is remembered from another."""

    def __init__(self, browser, address, options, own=None):
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.complaints, self.told, self.votes = [], [], []
        self.touch = options.get("has_touch", False)
        own = own or address.split("/r/")[0].split("/o/")[0]
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda asked: asked.url.startswith(own) or self.complaints.append(asked.url))
        self.page.on("request", lambda asked: asked.url.endswith("/vote") and self.votes.append(asked.post_data_json))
        self.page.on("response", lambda answer: self.told.append(answer))
        self.page.goto(address)

    def press(self, selector):
        found = self.page.locator(selector)
        found.tap() if self.touch else found.click()

    def begin(self):
        """Come to the first trial."""
        self.press("#agree")
        self.page.locator("#screen-greys").check()
        self.press("#screen-on")
        for at in range(3):
            self.at("Practice", at)
            self.press(f"#levels button[value='{5 if at == 0 else 1}']")
            self.press("#next")
        self.at("Picture", 0)

    def at(self, name, number):
        """Wait until a trial or an example can be judged."""
        self.page.evaluate(READY, f"{name} {number + 1} of ")

    def words(self):
        """All that the page was ever told but pictures: addresses, headers and bodies, and what it shows."""
        said = [self.page.content()]
        for answer in self.told:
            said.append(answer.url + json.dumps(answer.all_headers()))
            if not answer.headers.get("content-type", "").startswith("image/"):
                said.append(answer.text())
        return "\n".join(said)


@contextmanager
def visiting(browser, address, *, complains=(), own=None, **options):
    """Open a page, and fail where it complains of other things than those, or asks another address for anything."""
    visit = Visit(browser, address, DESK | options, own)
    try:
        yield visit
        assert [line for line in visit.complaints if not any(each in line for each in complains)] == []
    finally:
        visit.context.close()
