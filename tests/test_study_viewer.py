"""How the two pictures are looked at, and on what: zoom, switching, phones, windows that are too small."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from study_browser import DESK, PHONE, SIZE, served, visiting

TABLET = {"viewport": {"width": 1180, "height": 820}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    with served(tmp_path_factory.mktemp("viewer") / "study", phones=True) as study:
        yield study


@pytest.fixture(scope="module")
def desk_only(tmp_path_factory):
    with served(tmp_path_factory.mktemp("desk") / "study") as study:
        yield study


def look(visit, slack_px=1e-3):
    """How both pictures lie in their frames, which must be alike: right, down, scale."""
    found = visit.page.locator("#stage img:visible").evaluate_all("all => all.map(one => one.style.transform)")
    assert len(found) == 1 + visit.page.locator(".truth .frame").is_visible()
    numbers = [[float(each) for each in re.findall(r"-?[\d.]+(?:e-?\d+)?", one)] for one in found]
    assert numbers[0] == pytest.approx(numbers[-1], abs=slack_px)
    return numbers[-1]


def frame(visit):
    return visit.page.locator(".result .frame").bounding_box()


def wheel(visit, down):
    before = visit.page.locator("#zoom").inner_text()
    visit.page.mouse.wheel(0, down)
    expect(visit.page.locator("#zoom")).not_to_have_text(before)


def fingers_of(visit):
    session = visit.context.new_cdp_session(visit.page)

    def fingers(kind, *points):
        touches = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    return fingers


def test_both_pictures_zoom_and_move_as_one(browser, study):
    with visiting(browser, study.trained()) as visit:
        visit.at("Picture", 0)
        page, box = visit.page, frame(visit)
        assert look(visit)[2] == 1, "a small picture is not made larger than it is"
        point = (box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2 - 40)

        def under():
            right, down, scale = look(visit)
            return (point[0] - box["x"] - right) / scale, (point[1] - box["y"] - down) / scale

        page.mouse.move(*point)
        wheel(visit, -900)
        before, scale = under(), look(visit)[2]
        wheel(visit, -300)
        assert look(visit)[2] > 1.2 * scale
        assert under() == pytest.approx(before, abs=1), "what is under the pointer stays there"
        right, down, scale = look(visit)
        page.mouse.down()
        page.mouse.move(point[0] - 30, point[1] + 20)
        page.mouse.up()
        assert look(visit) == pytest.approx([right - 30, down + 20, scale], abs=1)
        page.keyboard.press("ArrowRight")
        assert look(visit)[0] < right - 30
        page.keyboard.press("0")
        assert look(visit)[2] == 1
        page.keyboard.press("+")
        assert look(visit)[2] == pytest.approx(1.25)
        page.keyboard.press("-")
        assert look(visit)[2] == pytest.approx(1)


def test_no_picture_is_ever_moved_out_of_sight(browser, study):
    with visiting(browser, study.trained()) as visit:
        visit.at("Picture", 0)
        visit.page.locator(".truth .frame").hover()
        wheel(visit, -900)
        for to in (-3000, 3000):
            visit.page.locator(".truth .frame").hover()
            visit.page.mouse.down()
            visit.page.mouse.move(to, to)
            visit.page.mouse.up()
            right, down, scale = look(visit)
            box = frame(visit)
            assert right <= 1 and right + SIZE[0] * scale >= box["width"] - 1
            assert down <= 1 and down + SIZE[1] * scale >= box["height"] - 1


@pytest.mark.parametrize(("ratio", "width"), [(1, 1280), (1, 1281), (1.5, 1281), (2, 1280)])
def test_full_size_is_one_pixel_of_the_picture_on_one_of_the_screen(browser, study, ratio, width):
    options = {"device_scale_factor": ratio, "viewport": {"width": width, "height": 803}}
    with visiting(browser, study.trained(), **options) as visit:
        visit.at("Picture", 0)
        expect(visit.page.locator("#zoom")).to_have_text(f"{round(100 * ratio)} %")
        visit.page.locator("#full").click()
        expect(visit.page.locator("#zoom")).to_have_text("100 %")
        boxes = [each.bounding_box() for each in visit.page.locator("#stage img:visible").all()]
        assert len(boxes) == 2
        for box in boxes:
            assert box["width"] == pytest.approx(SIZE[0] / ratio, abs=0.01)
            for corner in (box["x"] * ratio, box["y"] * ratio):
                assert corner == pytest.approx(round(corner), abs=0.01), "on whole pixels, so that nothing is blurred"
        visit.page.locator("#fit").click()
        expect(visit.page.locator("#zoom")).to_have_text(f"{round(100 * ratio)} %")
        visit.page.locator("#in").click()
        visit.page.locator("#stage").dblclick()
        expect(visit.page.locator("#zoom")).to_have_text(f"{round(100 * ratio)} %")


def test_the_camera_is_seen_in_the_others_place_while_the_key_is_held(browser, study):
    with visiting(browser, study.trained()) as visit:
        visit.at("Picture", 0)
        page, caption = visit.page, visit.page.locator(".result figcaption")

        def visible():
            return page.locator(".result img:visible").evaluate_all("all => all.map(one => one.alt)")

        assert visible() == ["picture to judge"]
        page.keyboard.down("Space")
        assert visible() == ["camera's photo"]
        expect(caption).to_have_text("camera")
        page.keyboard.up("Space")
        assert visible() == ["picture to judge"]
        page.locator("#single").click()
        expect(page.locator(".truth")).to_be_hidden()
        page.keyboard.down("Space")
        assert visible() == ["camera's photo"]
        page.keyboard.up("Space")
        page.locator("#hold").hover()
        page.mouse.down()
        assert visible() == ["camera's photo"]
        page.mouse.up()
        assert visible() == ["picture to judge"]
        expect(caption).to_have_text("picture to judge")
        page.keyboard.press("1")
        visit.at("Picture", 1)
        expect(page.locator("#single")).to_have_attribute("aria-pressed", "true")


def test_it_switches_by_itself_at_most_twice_a_second(browser, study):
    with visiting(browser, study.trained()) as visit:
        visit.page.clock.install()
        visit.page.reload()
        page, sides = visit.page, []
        page.locator("#count", has_text="Picture 1").wait_for()
        page.clock.run_for(1000)
        visit.at("Picture", 0)
        page.locator("#auto").click()
        for _ in range(40):
            page.clock.run_for(100)
            sides.append(page.locator(".result figcaption").inner_text())
        changes = [at for at in range(1, 40) if sides[at] != sides[at - 1]]
        assert len(changes) >= 4
        assert all(later - earlier >= 5 for earlier, later in pairwise(changes))
        page.locator("#both").click()
        expect(page.locator("#auto")).to_have_attribute("aria-pressed", "false")
        expect(page.locator(".result figcaption")).to_have_text("picture to judge")


def test_fingers_pinch_swipe_and_hold(browser, study):
    with visiting(browser, study.trained(), **PHONE) as visit:
        visit.at("Picture", 0)
        page, box = visit.page, frame(visit)
        fingers = fingers_of(visit)
        top = page.locator(".truth .frame").bounding_box()
        assert top["y"] + top["height"] <= box["y"], "one stands above the other"
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        scale = look(visit, 0.34)[2]
        fingers("touchStart", (x - 20, y), (x + 20, y))
        for apart in (30, 40, 50, 60):
            fingers("touchMove", (x - apart, y), (x + apart, y))
        fingers("touchEnd")
        assert look(visit, 0.34)[2] == pytest.approx(3 * scale, rel=0.2)
        page.keyboard.press("0")
        page.locator("#single").tap()
        caption, (x, y) = page.locator(".result figcaption"), (200, 300)
        for side in ("camera", "picture to judge"):
            fingers("touchStart", (x, y))
            fingers("touchMove", (x - 50, y))
            fingers("touchMove", (x - 100, y))
            fingers("touchEnd")
            expect(caption).to_have_text(side)
        fingers("touchStart", (x, y))
        expect(caption).to_have_text("camera")
        fingers("touchEnd")
        expect(caption).to_have_text("picture to judge")


@pytest.mark.parametrize("device", [PHONE, TABLET], ids=["phone", "tablet"])
def test_a_phone_is_told_kindly_where_to_go(browser, desk_only, device):
    link = desk_only.rater()
    with visiting(browser, link, permissions=["clipboard-read", "clipboard-write"], **device) as visit:
        expect(visit.page.locator("#words h1")).to_have_text("Please open this on a computer")
        expect(visit.page.locator("#words-link code")).to_have_text(link)
        visit.page.locator("#words-link button").tap()
        expect(visit.page.locator("#words-link button")).to_have_text("Copied")
        assert visit.page.evaluate("navigator.clipboard.readText()") == link
        assert not visit.page.locator("#agree").is_visible()


def test_a_narrow_window_is_asked_to_be_wider_and_goes_on(browser, desk_only):
    with visiting(browser, desk_only.trained(), viewport={"width": 900, "height": 800}) as visit:
        expect(visit.page.locator("#words h1")).to_have_text("Please make the window wider")
        visit.page.set_viewport_size(DESK["viewport"])
        visit.at("Picture", 0)
        visit.page.set_viewport_size({"width": 900, "height": 800})
        expect(visit.page.locator("#words h1")).to_be_visible()
        visit.page.keyboard.press("3")
        visit.page.set_viewport_size(DESK["viewport"])
        visit.at("Picture", 0)
    assert desk_only.store.history() == []


def test_a_zoomed_page_is_seen_and_its_screen_kept(browser, desk_only):
    link = desk_only.rater()
    with visiting(browser, link) as visit:
        visit.page.add_init_script("Object.defineProperty(window, 'outerWidth', {get: () => innerWidth * 1.25 + 8})")
        visit.page.reload()
        visit.page.locator("#agree").click()
        expect(visit.page.locator("#screen-zoom")).to_contain_text("zoomed to 125 %")
        expect(visit.page.locator("#screen-zoom")).to_contain_text("Ctrl+0")
        expect(visit.page.locator("#screen-on")).to_be_disabled()
        visit.page.locator("#screen-greys").check()
        greys = visit.page.locator(".greys i").evaluate_all("all => all.map(one => one.style.backgroundColor)")
        assert len(set(greys)) == 12
        with visit.page.expect_request("**/consent") as asked:
            visit.page.locator("#screen-on").click()
        sent = asked.value.post_data_json
        assert sent == {
            "screen_width_px": 1280,
            "screen_height_px": 800,
            "pixel_ratio": 1,
            "zoom": 1.25,
            "touch": False,
        }
        visit.at("Practice", 0)
