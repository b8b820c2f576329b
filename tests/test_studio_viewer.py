"""Where a click lands: zoom, window, pixel ratio, orientation, fingers."""

import numpy as np
import pytest

from studio_browser import PHONE, photo_of, served, visiting

MAGENTA = (255, 0, 255)
SIZE = (600, 400)
MARK = (437, 118)
WINDOWS = ((1280, 800), (820, 1100))


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


SLOW = pytest.mark.slow


def find_mark(visit):
    """Find the magenta mark on the screen: its middle in CSS pixels of the window."""
    x, y = visit.place(MARK[0] / SIZE[0], MARK[1] / SIZE[1])
    box = {"x": round(x) - 60, "y": round(y) - 45, "width": 120, "height": 90}
    pixels = visit.shown(box).astype(int)
    magenta = (pixels[..., 0] > 190) & (pixels[..., 1] < 70) & (pixels[..., 2] > 190)
    assert magenta.sum() > 4, "the mark is not to be seen"
    down, across = (each.mean() + 0.5 for each in np.nonzero(magenta))
    return box["x"] + across * 120 / pixels.shape[1], box["y"] + down * 120 / pixels.shape[1]


@pytest.mark.parametrize("ratio", [1, pytest.param(1.5, marks=SLOW), pytest.param(2, marks=SLOW), 3])
def test_a_click_lands_on_the_pixel_that_is_seen_there(browser, studio, photos, ratio):
    width, height = SIZE
    with visiting(browser, studio.address, device_scale_factor=ratio) as visit:
        for orientation in {1: (1, 6), 1.5: (3, 8), 2: (5, 2), 3: (7, 4)}[ratio]:
            window = WINDOWS[orientation % 2]
            visit.page.set_viewport_size({"width": window[0], "height": window[1]})
            visit.open(photos / f"turned-{orientation}.jpg")
            visit.untouched()
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
