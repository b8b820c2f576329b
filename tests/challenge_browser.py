"""A challenge that is served, and those who visit it in real browsers."""

import re
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

import wideopen.challenge
from challenge_served import held, served
from study_browser import visiting as visiting_own

STATIC = Path(wideopen.challenge.__file__).parent / "static"
HTML = "<b>One</b><script>alert(1)</script>"
WIDE = "W" * 60


@contextmanager
def going(tmp_path, root_path="", **plan):
    """Hold a challenge and serve it; gives both it and its address."""
    with held(tmp_path / "challenge", **plan) as challenge:
        made = challenge.app(root_path=root_path)
        with served(made, root_path=root_path) as address:
            yield challenge, address


def visiting(browser, address, **options):
    """Open a page that asks nothing outside of its challenge."""
    own = re.sub(r"/(team|o/.*|#.*)?$", "", address)
    return visiting_own(browser, address, own=own, **options)


def enter(page, token):
    page.locator("#token").fill(token)
    page.locator("#token").press("Enter")
    expect(page.locator("#team-name")).to_be_visible()
