"""A real browser for pages: Debian's chromium, driven by Playwright."""

import shutil
from contextlib import contextmanager

import pytest

SHELLS = ("chromium-headless-shell", "chromium")
"""The first is the second without the windows around its pages, which cost as much as the pages."""


@contextmanager
def chromium():
    """Start a browser; skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = next(filter(None, map(shutil.which, SHELLS)), None)
    if path is None:
        pytest.skip("no chromium on this machine")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def page_of(path, *, width=1280, height=900, dark=False):
    """Open a page, and fail where it complains or asks another address for anything."""
    with chromium() as browser:
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
