"""Where a click lands and what is seen: zoom, window, pixel ratio, orientation, loupe, before and after."""

import numpy as np
import pytest
from playwright.sync_api import expect

from studio_browser import PHONE, chromium, photo_of, served, visiting

SHARP = {"max_blur_percent": 0}
"""A look that leaves the photo as it is."""
MAGENTA = (255, 0, 255)
SIZE = (600, 400)
MARK = (437, 118)
WINDOWS = ((1280, 800), (820, 1100))


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def studio():
    with served() as studio:
        yield studio


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photos that look alike when upright, one for each orientation that EXIF knows."""
    folder = tmp_path_factory.mktemp("photos")
    width, height = SIZE
    for orientation in range(1, 9):
        path = folder / f"turned-{orientation}.jpg"
        photo_of(path, width=width, height=height, marks={MARK: MAGENTA}, orientation=orientation)
    return folder


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A photo larger than any preview, and its upright pixels."""
    path = tmp_path_factory.mktemp("large") / "large.jpg"
    return path, photo_of(path, width=3600, height=2400)


def untouched(visit):
    """Leave the photo as it is, so that what is shown can be compared, and take the marks away."""
    past = visit.number()
    visit.page.locator("#show-tint").uncheck()
    visit.studio("studio.setLook({ max_blur_percent: 0 }, { label: 'None' })")
    visit.rested(past)
    visit.studio("document.querySelector('#marks').classList.add('away')")


def find_mark(visit):
    """Find the magenta mark on the screen: its middle in CSS pixels of the window."""
    x, y = visit.place(MARK[0] / SIZE[0], MARK[1] / SIZE[1])
    box = {"x": round(x) - 60, "y": round(y) - 45, "width": 120, "height": 90}
    pixels = visit.shown(box).astype(int)
    magenta = (pixels[..., 0] > 190) & (pixels[..., 1] < 70) & (pixels[..., 2] > 190)
    assert magenta.sum() > 4, "the mark is not to be seen"
    down, across = (each.mean() + 0.5 for each in np.nonzero(magenta))
    return box["x"] + across * 120 / pixels.shape[1], box["y"] + down * 120 / pixels.shape[1]


@pytest.mark.parametrize("ratio", [1, 1.5, 2, 3])
def test_a_click_lands_on_the_pixel_that_is_seen_there(browser, studio, photos, ratio):
    width, height = SIZE
    with visiting(browser, studio.address, device_scale_factor=ratio) as visit:
        for orientation in {1: (1, 6), 1.5: (3, 8), 2: (5, 2), 3: (7, 4)}[ratio]:
            window = WINDOWS[orientation % 2]
            visit.page.set_viewport_size({"width": window[0], "height": window[1]})
            visit.open(photos / f"turned-{orientation}.jpg")
            untouched(visit)
            for zoom in ("fit", "full", "wheel"):
                if zoom == "full":
                    visit.studio("viewer.zoomTo(viewer.full, ...Object.values(viewer.toClient(0.7, 0.3)))")
                elif zoom == "wheel":
                    visit.page.mouse.move(*find_mark(visit))
                    visit.page.mouse.wheel(0, -417)
                    visit.until("viewer.scale * viewer.ratio > 1.05")
                at = find_mark(visit)
                visit.page.mouse.click(*at)
                x, y = visit.look["focus"]
                dot = 1 / visit.studio("viewer.scale * viewer.ratio")
                near = pytest.approx((MARK[0] + 0.5, MARK[1] + 0.5), abs=0.5 + dot)
                assert (x * width, y * height) == near, (orientation, window, zoom)
                visit.page.wait_for_timeout(360)  # the next click shall be no double one


def test_every_pixel_of_a_grid_is_hit_at_hundred_percent(browser, studio, photos):
    width, height = SIZE
    with visiting(browser, studio.address) as visit:
        visit.open(photos / "turned-6.jpg")
        visit.studio("viewer.zoomTo(viewer.full)")
        place, box = visit.studio("viewer.place"), visit.page.locator("#stage").bounding_box()
        left, top = box["x"] + place["left"], box["y"] + place["top"]
        assert (left, top) == (round(left), round(top))
        for x, y in ((0, 0), (1, 398), (299, 200), (599, 0), (599, 399)):
            found = visit.studio(f"viewer.toPhoto({left + x}, {top + y})")
            assert (int(found["x"] * width), int(found["y"] * height)) == (x, y)
            assert found["inside"]
        assert not visit.studio(f"viewer.toPhoto({left - 1}, {top + 5})")["inside"]
        assert not visit.studio(f"viewer.toPhoto({left + 600}, {top + 5})")["inside"]


def test_the_point_under_the_wheel_stays_where_it_is(browser, studio, photos):
    with visiting(browser, studio.address) as visit:
        visit.open(photos / "turned-1.jpg")
        visit.studio("viewer.zoomTo(2)")
        at = visit.place(0.52, 0.51)
        visit.page.mouse.move(*at)
        for _ in range(4):
            visit.page.mouse.wheel(0, -200)
        visit.until("viewer.scale * viewer.ratio > 5")
        assert visit.place(0.52, 0.51) == pytest.approx(at, abs=1)
        visit.page.keyboard.press("0")
        assert visit.studio("viewer.zoomed") is False


def test_a_drag_moves_a_zoomed_photo_and_changes_no_focus(browser, studio, photos):
    with visiting(browser, studio.address) as visit:
        visit.open(photos / "turned-1.jpg")
        visit.studio("viewer.zoomTo(4)")
        from_x, from_y = visit.place(0.6, 0.5)
        visit.page.mouse.move(from_x, from_y)
        visit.page.mouse.down()
        visit.page.mouse.move(from_x - 80, from_y + 50, steps=4)
        visit.page.mouse.up()
        assert visit.place(0.6, 0.5) == pytest.approx((from_x - 80, from_y + 50), abs=1)
        assert "focus" not in visit.look


def test_a_double_click_shows_pixels_and_leaves_the_focus_as_it_was(browser, studio, photos):
    with visiting(browser, studio.address) as visit:
        visit.open(photos / "turned-1.jpg")
        visit.page.mouse.dblclick(*visit.place(0.3, 0.6))
        assert visit.studio("[viewer.scale * viewer.ratio, studio.look]") == [1, {}]
        visit.rested()


def test_two_fingers_zoom_and_one_focuses(browser, studio, photos):
    with visiting(browser, studio.address, **PHONE) as visit:
        visit.open(photos / "turned-8.jpg")
        session = visit.context.new_cdp_session(visit.page)

        def fingers(kind, *points):
            touches = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(points)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

        x, y = visit.place(0.5, 0.5)
        fingers("touchStart", (x - 20, y), (x + 20, y))
        for reach in (30, 45, 60):
            fingers("touchMove", (x - reach, y), (x + reach, y))
        fingers("touchEnd")
        fit, scale = visit.studio("[viewer.fit, viewer.scale]")
        assert scale / fit == pytest.approx(3, rel=0.1)
        assert "focus" not in visit.look
        visit.click(0.55, 0.45)
        assert visit.look["focus"] == pytest.approx([0.55, 0.45], abs=0.01)
        visit.rested()


def test_at_hundred_percent_the_photos_own_pixels_are_seen(browser, studio, large):
    path, pixels = large
    with visiting(browser, studio.address) as visit:
        visit.open(path)
        untouched(visit)
        visit.page.keyboard.press("z")
        visit.until("document.documentElement.dataset.tiles > 0")
        place, shown = visit.studio("viewer.place"), visit.shown()[5:-5, 5:-5].astype(float)
        left, top = round(-place["left"]) + 5, round(-place["top"]) + 5
        truth = pixels[top : top + shown.shape[0], left : left + shown.shape[1]].astype(float)
        assert np.abs(shown - truth).mean() < 5.5, "a JPEG of it; a preview has lost the noise, which is 7 in the mean"


def test_the_glass_shows_the_pixels_under_the_pointer(browser, studio, large):
    path, pixels = large
    with visiting(browser, studio.address) as visit:
        visit.open(path)
        untouched(visit)
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
