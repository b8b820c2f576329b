"""A studio that is served, and people in real browsers."""

import io
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi")
uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("playwright.sync_api")
server = pytest.importorskip("wideopen.studio.server")

LOST = ("Failed to load resource",)
"""What a browser itself says of an answer that is no success."""
DESK = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 3}
DROP = """({ files, target }) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const brought = new DataTransfer();
  for (const { name, type, text } of files) brought.items.add(new File([bytes(text)], name, { type }));
  const at = document.querySelector(target);
  for (const kind of ["dragenter", "dragover", "drop"]) {
    at.dispatchEvent(new DragEvent(kind, { dataTransfer: brought, bubbles: true, cancelable: true }));
  }
}"""
PASTE = """({ files }) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const brought = new DataTransfer();
  for (const { name, type, text } of files) brought.items.add(new File([bytes(text)], name, { type }));
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: brought, bubbles: true, cancelable: true }));
}"""
STUDIO = """import("/static/app.js").then((module) => { window.studio = module.studio; })
  .then(() => import("/static/viewer.js")).then((module) => { window.viewer = module.viewer; })"""
AT_REST = """(past) => new Promise((done, fail) => {
  // A picture has come since `past`, and no other will.
  const { dataset } = document.documentElement, end = performance.now() + 60000;
  const look = () => {
    const number = Number(dataset.rendered ?? 0);
    if (number > past && dataset.live === "still") done(number);
    else if (performance.now() > end) fail(new Error(`no picture after ${past}, but "${document.body.innerText}"`));
    else setTimeout(look, 10);
  };
  look();
})"""
_WAIT_S = 60


@dataclass(frozen=True)
class Served:
    """A studio, where it is, and what saves it."""

    address: str
    app: object
    save_to: Path | None = None


@contextmanager
def served(*, port=0, **settings):
    """Serve a studio in a thread; `settings` as `wideopen.studio.server.app` takes them."""
    made = server.app(**settings)
    config = uvicorn.Config(made, log_level="error", access_log=False, lifespan="on", timeout_graceful_shutdown=2)
    running = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", port)) as listener:
        thread = Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not running.started:
                assert thread.is_alive(), "the studio did not start"
                time.sleep(0.01)
            yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", made, settings.get("save_to"))
        finally:
            running.should_exit = True
            thread.join()


@dataclass
class Visit:
    """One window on a studio, in a browser context of its own."""

    context: object
    page: object
    address: str
    touch: bool = False
    complaints: list = field(default_factory=list)
    asked: list = field(default_factory=list)

    def listen(self):
        own = (self.address, "blob:", "data:")
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda asked: asked.url.startswith(own) or self.complaints.append(asked.url))
        self.page.on("request", lambda asked: self.asked.append(asked))

    def press(self, selector):
        found = self.page.locator(selector)
        found.tap() if self.touch else found.click()

    def open(self, path):
        """Open a photo by the picker, and wait until it is drawn."""
        past = self.number()
        self.page.locator("#file").set_input_files(path)
        self.rested(past)

    def drop(self, *paths, target="#stage"):
        self.page.evaluate(DROP, {"files": [_carried(path) for path in paths], "target": target})

    def paste(self, *paths):
        self.page.evaluate(PASTE, {"files": [_carried(path) for path in paths]})

    def sample(self):
        """Open the sample, and wait until it is drawn."""
        past = self.number()
        self.press("#sample")
        self.rested(past)

    def number(self):
        """Of the picture that is shown."""
        return int(self.page.evaluate("document.documentElement.dataset.rendered ?? 0"))

    def rested(self, past=0):
        """Wait until a picture after number `past` is shown and no other will come; gives its number."""
        return self.page.evaluate(AT_REST, past)

    def until(self, expression):
        """Wait until JavaScript is true; Playwright's own way is against the page's security policy."""
        end = time.monotonic() + _WAIT_S
        while not (found := self.page.evaluate(expression)):
            assert time.monotonic() < end, (
                f"{expression} is not true, but the page says: {self.page.inner_text('body')}"
            )
            time.sleep(0.02)
        return found

    def studio(self, expression):
        """Evaluate JavaScript in which `studio` and `viewer` are those of the page."""
        return self.page.evaluate(expression)

    @property
    def look(self):
        return self.page.evaluate("studio.look")

    def place(self, x, y):
        """Where a point of the photo, in shares, is in the window, in CSS pixels."""
        found = self.page.evaluate("([x, y]) => viewer.toClient(x, y)", [x, y])
        return found["x"], found["y"]

    def click(self, x, y, **options):
        """Click a point of the photo, given in shares."""
        at = self.place(x, y)
        self.page.touchscreen.tap(*at) if self.touch else self.page.mouse.click(*at, **options)

    def shown(self, box=None):
        """What the stage, or a box of the window in CSS pixels, shows: 8-bit RGB in device pixels, marks and all."""
        shot = self.page.screenshot(clip=box or self.page.locator("#stage").bounding_box(), scale="device")
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))

    def untouched(self):
        """Leave the photo as it is, so that what is shown can be compared, and take the marks away."""
        past = self.number()
        self.page.locator("#show-tint").uncheck()
        self.studio("studio.setLook({ max_blur_percent: 0 }, { label: 'None' })")
        self.rested(past)
        self.studio("document.querySelector('#marks').classList.add('away')")

    def said(self):
        """What the page last said."""
        return self.page.locator("#say").inner_text()


def _carried(path):
    import base64
    import mimetypes

    kind = mimetypes.guess_type(path)[0] or ""
    return {"name": Path(path).name, "type": kind, "text": base64.b64encode(Path(path).read_bytes()).decode()}


@contextmanager
def visiting(browser, address, *, complains=(), **options):
    """Open a page, and fail where it complains of other things than those, or asks another address for anything."""
    context = browser.new_context(**(DESK | options))
    visit = Visit(context, context.new_page(), address, options.get("has_touch", False))
    visit.listen()
    try:
        visit.page.goto(address)
        visit.page.evaluate(STUDIO)
        yield visit
        heard = [line for line in visit.complaints if not any(each in line for each in complains)]
        assert heard == [], heard
    finally:
        context.close()


def photo_of(path, *, width=600, height=400, marks=(), orientation=1, seed=0, **options):
    """Draw a photo: a soft, noisy scene with small marks, {(x, y): (red, green, blue)} in pixels of the upright photo.

    It is stored so that `orientation` of its EXIF turns it upright. Gives the upright pixels.
    """
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(70, 170, (height // 40 + 2, width // 40 + 2, 3)).astype(np.uint8)
    soft = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.int16)
    upright = (soft + rng.integers(-14, 15, (height, width, 1))).clip(0, 255).astype(np.uint8)
    for (x, y), colour in dict(marks).items():
        upright[max(0, y - 3) : y + 4, max(0, x - 3) : x + 4] = colour
    stored = Image.fromarray(upright)
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that EXIF's takes back
    if orientation in turns:
        stored = stored.transpose(Image.Transpose(turns[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(path, exif=exif, **({"quality": 95, "subsampling": 0} if path.suffix == ".jpg" else {}) | options)
    return upright
