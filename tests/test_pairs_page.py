"""The page of pairs in a real browser: turned over by mouse and keys, flickering, on a phone, in the dark."""

import numpy as np
import pytest

from browser import page_of
from wideopen import Photo
from wideopen.pairs.show import show


@pytest.fixture
def page_file(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("1", "2", "<b>bold</b>"):
        coarse = rng.random((8, 12, 3), np.float32)
        for side, blur in (("original", 1), ("bokeh", 2)):
            (tmp_path / "set" / side).mkdir(parents=True, exist_ok=True)
            small = coarse[::blur, ::blur]
            pixels = np.repeat(np.repeat(small, 16 * blur, axis=0), 16 * blur, axis=1)
            file = tmp_path / "set" / side / f"{name.replace('/', '_')}.png"
            Photo(pixels=np.ascontiguousarray(pixels), format="PNG").save(file)
    show(tmp_path / "set", tmp_path / "pairs.html", measured=False)
    return tmp_path / "pairs.html"


def shown(page):
    """Tell of each pair whether its bokeh is seen."""
    opacity = "all => all.map(one => getComputedStyle(one).opacity)"
    return [value == "1" for value in page.locator(".flicker img.bokeh").evaluate_all(opacity)]


def test_pairs_are_turned_over_by_mouse_and_keys(page_file):
    with page_of(page_file) as page:
        assert page.locator("article").count() == 3
        assert shown(page) == [False] * 3
        page.locator(".flicker").nth(1).click()
        assert shown(page) == [False, True, False]
        page.locator(".flicker").first.focus()
        page.keyboard.press("Space")
        assert shown(page) == [True, True, False]
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        assert shown(page) == [True, False, False]


def test_all_flicker_on_their_own_and_stop(page_file):
    with page_of(page_file) as page:
        page.locator("#pace").select_option("500")
        page.locator("#automatic").click()
        page.wait_for_function("document.documentElement.classList.contains('turned')", timeout=3000)
        assert all(shown(page))
        page.locator("#automatic").click()
        page.wait_for_timeout(700)
        assert not any(shown(page))


def test_names_are_text_and_pictures_load(page_file):
    with page_of(page_file) as page:
        assert page.locator("h2 b").count() == 0
        assert "<b>bold<_b>" in page.locator("h2").all_inner_texts()
        page.locator("article").last.scroll_into_view_if_needed()
        page.wait_for_function("[...document.images].every(one => one.complete && one.naturalWidth > 0)", timeout=5000)


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_all_of_its_width(page_file, dark):
    with page_of(page_file, width=360, height=700, dark=dark) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(20, 20, 20)") == dark
