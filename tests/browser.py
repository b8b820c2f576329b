"""A real browser for pages: Debian's chromium, driven by Playwright."""

import shutil
from contextlib import contextmanager

import pytest


@contextmanager
def page_of(path, *, width=1280, height=900, dark=False):
    """Open a page, and fail where it complains or asks another address for anything."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        page, complaints = context.new_page(), []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: asked.url.startswith("http") and complaints.append(asked.url))
        page.goto(path.resolve().as_uri())
        yield page
        assert complaints == []
        browser.close()
