"""What is seen of a photo: its own pixels, the glass, before and after."""

import numpy as np
import pytest
from playwright.sync_api import expect

from studio_browser import photo_of, served, visiting


@pytest.fixture(scope="module")
def studio():
    with served() as studio:
        yield studio


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A photo larger than any preview, and its upright pixels."""
    path = tmp_path_factory.mktemp("large") / "large.jpg"
    return path, photo_of(path, width=3600, height=2400)


def test_at_hundred_percent_the_photos_own_pixels_are_seen(browser, studio, large):
    path, pixels = large
    with visiting(browser, studio.address) as visit:
        visit.open(path)
        visit.untouched()
        visit.page.keyboard.press("z")
        visit.until("document.documentElement.dataset.tiles > 0")
        place, shown = visit.studio("viewer.place"), visit.shown()[5:-5, 5:-5].astype(float)
        left, top = round(-place["left"]) + 5, round(-place["top"]) + 5
        truth = pixels[top : top + shown.shape[0], left : left + shown.shape[1]].astype(float)
        assert np.abs(shown - truth).mean() < 5.5, "a JPEG of it; a preview has lost the noise, which is 7 in the mean"


@pytest.mark.slow
def test_the_glass_shows_the_pixels_under_the_pointer(browser, studio, large):
    path, pixels = large
    with visiting(browser, studio.address) as visit:
        visit.open(path)
        visit.untouched()
        visit.studio("document.querySelector('#marks').classList.remove('away')")
        visit.page.mouse.move(*visit.place(0.5, 0.5))
        visit.page.keyboard.down("l")
        glass = visit.page.locator("#glass")
        expect(glass).to_be_visible()
        visit.until("document.querySelector('#glass').dataset.real === 'true'")
        box = glass.bounding_box()
        seen = visit.shown({"x": round(box["x"]) + 84, "y": round(box["y"]) + 84, "width": 80, "height": 80})
        offsets = [(y, x) for y in range(1154, 1168) for x in range(1754, 1768)]
        errors = [np.abs(pixels[y : y + 80, x : x + 80].astype(float) - seen).mean() for y, x in offsets]
        assert min(errors) < 5.5
        visit.page.keyboard.up("l")
        expect(glass).to_be_hidden()


def test_before_is_seen_while_held_and_left_of_the_line(browser, studio):
    with visiting(browser, studio.address) as visit:
        visit.sample()
        visit.studio("document.querySelector('#marks').classList.add('away')")
        visit.until("viewer.plain !== null")
        after = visit.shown().astype(float)
        visit.page.keyboard.down("b")
        visit.page.wait_for_timeout(100)
        before = visit.shown().astype(float)
        visit.page.keyboard.up("b")
        visit.page.wait_for_timeout(100)
        assert np.abs(before - after).mean() > 2
        assert (visit.shown() == after).all()
        visit.press("#compare-toggle")
        line = visit.page.locator("#compare")
        line.press("Home")
        for _ in range(3):
            line.press("PageUp")
        assert line.get_attribute("aria-valuenow") == "30"
        split, wide = visit.shown().astype(float), after.shape[1]
        clear = slice(60, after.shape[0] // 2 - 60)  # beside the handle and the words
        left, right = slice(0, int(0.3 * wide) - 40), slice(int(0.3 * wide) + 40, wide)
        assert np.abs(split[clear, left] - before[clear, left]).mean() < 0.5
        assert np.abs(split[clear, right] - after[clear, right]).mean() < 0.5
        box = line.bounding_box()
        visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 200)
        visit.page.mouse.down()
        visit.page.mouse.move(box["x"] + box["width"] / 2 + 0.2 * wide, box["y"] + 210, steps=3)
        visit.page.mouse.up()
        assert line.get_attribute("aria-valuenow") in ("49", "50", "51")
        assert "focus" not in visit.look
        line.press("Escape")
        expect(line).to_be_hidden()


@pytest.mark.slow
def test_the_picture_lies_still_whatever_its_size(browser, studio):
    with visiting(browser, studio.address, device_scale_factor=2) as visit:
        visit.sample()
        first = visit.studio("viewer.place")
        visit.studio(
            "window.sides = []; studio.addEventListener('rendered',"
            " (event) => sides.push([event.detail.side, viewer.place]))"
        )
        visit.studio("studio.setLook({ f_number: 4 }, { label: 'Aperture' })")
        visit.rested(visit.number())
        sides = visit.studio("sides")
        assert [side for side, _ in sides] == [1024, 2048]
        assert all(place == first for _, place in sides)
