"""What can be set on the studio's page: focus, aperture ring, range, lens, history, keys."""

import numpy as np
import pytest
from playwright.sync_api import expect

from studio_browser import PHONE, photo_of, served, visiting


@pytest.fixture(scope="module")
def studio():
    with served() as studio:
        yield studio


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "garden.jpg"
    photo_of(path)
    return path


@pytest.fixture(scope="module")
def metric(browser, studio):
    """A window with the sample, whose depth is in metres; tests leave its look empty."""
    with visiting(browser, studio.address) as visit:
        visit.sample()
        yield visit
        visit.rested()


@pytest.fixture
def sample(metric):
    past = metric.number()
    metric.studio("studio.setPhoto(studio.photo, studio.file)")
    metric.rested(past)
    metric.until("studio.depth !== null")
    metric.studio("studio.setTool('focus')")
    return metric


def ring(visit):
    return visit.page.locator("#ring")


def drag(visit, start, *ends):
    visit.page.mouse.move(*start)
    visit.page.mouse.down()
    for end in ends:
        visit.page.mouse.move(*end, steps=3)
    visit.page.mouse.up()


def middle(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_drag_turns_the_ring_as_far_as_the_hand_moves(sample):
    x, y = middle(ring(sample))
    drag(sample, (x, y), (x - 40, y))
    first = sample.look["f_number"]
    assert 2.2 < first < 4
    drag(sample, (x, y), (x - 400, y))
    assert sample.look["f_number"] == 16
    drag(sample, (x, y), (x + 900, y))
    assert sample.look["f_number"] == 1.2
    sample.page.keyboard.press("Control+z")
    assert sample.look["f_number"] == 16


def test_keys_turn_the_ring_by_thirds_and_whole_stops(sample):
    ring(sample).focus()
    told = []
    for key in ("ArrowUp", "ArrowRight", "ArrowDown", "PageUp", "PageDown", "Home", "End"):
        sample.page.keyboard.press(key)
        told.append(round(sample.studio("studio.setting('f_number')"), 2))
    assert told == [2, 2.2, 2, 2.83, 2, 1.2, 16]
    assert ring(sample).get_attribute("aria-valuenow") == "16"
    assert ring(sample).get_attribute("aria-valuetext").startswith("f 16, sharp from ")
    expect(sample.page.locator("#ring-value")).to_have_text("f/16")


def test_the_wheel_turns_the_ring(sample):
    sample.page.mouse.move(*middle(ring(sample)))
    sample.page.mouse.wheel(0, 120)
    sample.until("studio.look.f_number === 2")
    sample.page.mouse.wheel(0, -120)
    sample.until("studio.look.f_number === undefined")


def test_a_press_on_a_number_turns_it_to_the_index(sample):
    four = sample.page.locator("#ring text", has_text="2.8")
    x, y = middle(four)
    sample.page.mouse.click(x, y)
    assert sample.look == {"f_number": 2.8}
    assert middle(four)[0] == pytest.approx(middle(ring(sample))[0], abs=1.5)


def test_depth_of_field_is_that_of_the_thin_lens(sample):
    sample.studio("studio.setLook({ f_number: 4, focus_m: 1.5 }, { label: 'x' })")
    camera, width, height = sample.studio("[studio.photo.camera, studio.photo.width, studio.photo.height]")
    focal_m, f_number = camera["focal_mm"] / 1000, 4
    sensor = camera["sensor_mm"] / 1000 / max(width, height)
    point_m = (width**2 + height**2) ** 0.5 * sensor / 1500
    # The hyperfocal distance, and the limits by it, as textbooks have them.
    hyperfocal = focal_m**2 / (f_number * point_m) + focal_m
    near = 1.5 * (hyperfocal - focal_m) / (hyperfocal + 1.5 - 2 * focal_m)
    far = 1.5 * (hyperfocal - focal_m) / (hyperfocal - 1.5)
    expect(sample.page.locator("#ring-note")).to_contain_text(f"Sharp from {near:.2f} m to {far:.2f} m")


def test_where_depth_is_relative_the_ring_sets_blur_strength(browser, studio, photo):
    with visiting(browser, studio.address) as visit:
        visit.open(photo)
        ring(visit).focus()
        visit.page.keyboard.press("ArrowUp")
        assert visit.look["max_blur_percent"] == pytest.approx(0.88)
        assert ring(visit).get_attribute("aria-valuetext") == "110 percent"
        visit.page.keyboard.press("End")
        assert visit.look["max_blur_percent"] == pytest.approx(2.4)
        visit.page.keyboard.press("Home")
        assert visit.look["max_blur_percent"] == 0
        x, y = middle(ring(visit))
        drag(visit, (x, y), (x - 60, y))
        assert 0 < visit.look["max_blur_percent"] < 0.8
        assert "f_number" not in visit.look
        visit.rested(visit.number() - 1)


def test_a_click_focuses_and_the_marker_goes_there(sample):
    sample.click(0.75, 0.6)
    assert sample.look["focus"] == pytest.approx([0.75, 0.6], abs=0.002)
    sample.rested()
    sample.until("getComputedStyle(document.querySelector('#tint')).opacity === '0'")
    x, y = sample.place(0.75, 0.6)
    box = {"x": round(x) - 50, "y": round(y) - 50, "width": 100, "height": 100}
    marked = sample.shown(box).astype(int)
    sample.page.keyboard.press("h")
    drawn = np.abs(sample.shown(box) - marked).max(axis=2) > 30
    sample.page.keyboard.press("h")
    assert [(each.min() + each.max()) / 2 for each in np.nonzero(drawn)] == pytest.approx([50, 50], abs=1.5)
    expect(sample.page.locator("#focus-note")).to_contain_text("On the point that you chose")
    sample.page.keyboard.press("f")
    assert sample.look == {}
    expect(sample.page.locator("#focus-note")).to_contain_text("On the subject")


def test_a_click_beside_the_photo_does_nothing(sample):
    box = sample.page.locator("#stage").bounding_box()
    sample.page.mouse.click(box["x"] + 20, box["y"] + 4)
    assert sample.look == {}
    assert sample.studio("studio.undoable") is None


def test_a_drag_moves_the_focus_with_the_pointer_as_one_step(sample):
    drag(sample, sample.place(0.2, 0.5), sample.place(0.5, 0.55), sample.place(0.8, 0.6))
    assert sample.look["focus"] == pytest.approx([0.8, 0.6], abs=0.005)
    sample.page.keyboard.press("Control+z")
    assert sample.look == {}
    sample.page.keyboard.press("Control+Shift+Z")
    assert sample.look["focus"] == pytest.approx([0.8, 0.6], abs=0.005)


def test_what_is_sharp_is_tinted_while_the_focus_moves_and_then_no_more(sample):
    seen = "getComputedStyle(document.querySelector('#tint')).opacity"
    sample.click(0.3, 0.55)
    sample.until(f"{seen} > 0.9")
    tinted = sample.studio("""(() => {
      const layer = document.querySelector("#tint"), { left, top, width, height } = viewer.place;
      const pixels = layer.getContext("2d").getImageData(0, 0, layer.width, layer.height).data;
      const at = ([x, y]) => {
        const [column, row] = [left + x * width, top + y * height].map((each) => Math.round(each * viewer.ratio));
        return pixels[4 * (row * layer.width + column) + 3];
      };
      return [at(studio.look.focus), at([0.9, 0.08])];
    })()""")
    assert tinted[0] > 80
    assert tinted[1] == 0
    sample.until(f"{seen} === '0'")


def test_keys_move_a_crosshair_and_focus_there(sample):
    sample.page.locator("#aim").focus()
    x, y = sample.studio("[studio.photo.subject.x, studio.photo.subject.y]")
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowDown", "ArrowUp"):
        sample.page.keyboard.press(key)
    expect(sample.page.locator("#crosshair")).to_be_visible()
    expect(sample.page.locator("#heard")).to_contain_text("% from left")
    sample.page.keyboard.press("Enter")
    assert sample.look["focus"] == pytest.approx([x + 0.02, y + 0.04], abs=1e-4)


def test_an_area_that_is_drawn_is_kept_sharp(sample):
    sample.page.keyboard.press("a")
    drag(sample, sample.place(0.6, 0.5), sample.place(0.8, 0.75))
    sample.until("studio.look.in_focus !== undefined")
    far, near = sample.look["in_focus"]
    assert 0 <= far <= near <= 1
    assert "focus" not in sample.look
    box = sample.page.locator("#rectangle").bounding_box()
    assert (box["x"], box["y"]) == pytest.approx(sample.place(0.6, 0.5), abs=2)
    expect(sample.page.locator("#focus-note")).to_contain_text("the area that you drew")
    sample.page.keyboard.press("Control+z")
    assert sample.look == {}
    expect(sample.page.locator("#rectangle")).to_be_hidden()


def test_an_area_can_be_drawn_by_keys(sample):
    sample.press("#tool-box")
    sample.page.locator("#aim").focus()
    for key in ("Enter", "Shift+ArrowRight", "Shift+ArrowDown", "Enter"):
        sample.page.keyboard.press(key)
    sample.until("studio.look.in_focus !== undefined")


def test_a_range_is_kept_sharp_by_its_two_ends(sample):
    near, far = sample.page.locator("#range-near"), sample.page.locator("#range-far")
    sample.click(0.3, 0.55)
    point = sample.look["focus"]
    near.focus()
    sample.page.keyboard.press("Shift+ArrowLeft")
    start = sample.look["in_focus"]
    assert start[1] == pytest.approx(start[0] + 0.05, abs=1e-3)
    x, y = middle(far)
    drag(sample, (x, y), (x + 60, y))
    assert sample.look["in_focus"][0] < start[0] - 0.1
    assert sample.look["in_focus"][1] == start[1]
    assert "m" in far.get_attribute("aria-valuetext")
    sample.press("#range-clear")
    assert sample.look == {"focus": point}


def test_a_lens_is_chosen_by_its_disc_and_changed_by_its_traits(sample):
    sample.press("#tab-lens")
    sample.page.locator("#preset-swirl").check(force=True)
    assert sample.look == {"preset": "swirl"}
    expect(sample.page.locator("#preset-note")).to_contain_text("cat's eyes")
    discs = sample.page.locator(".presets img")
    assert discs.count() == 12
    sample.until("[...document.querySelectorAll('.presets img')].every((each) => each.naturalWidth > 0)")
    sample.until("document.querySelector('#disc-corner').naturalWidth > 0")
    sample.page.locator("#lens summary").click()
    eye = sample.page.locator("#lens-cat_eye")
    assert eye.input_value() == "1"
    eye.focus()
    sample.page.keyboard.press("ArrowLeft")
    assert sample.look == {"preset": "swirl", "cat_eye": 0.95}
    sample.page.keyboard.press("ArrowRight")
    assert sample.look == {"preset": "swirl"}
    sample.page.locator("#lens summary").click()
    sample.press("#tab-focus")


def test_every_change_can_be_undone_done_again_and_reset(sample):
    sample.click(0.3, 0.55)
    sample.page.keyboard.press(".")
    sample.studio("studio.setLook({ highlights: 0.2 }, { label: 'Highlights' })")
    last = sample.look
    expect(sample.page.locator("#undo")).to_have_attribute("title", "Undo highlights (Ctrl+Z)")
    for _ in range(3):
        sample.press("#undo")
    assert sample.look == {}
    expect(sample.page.locator("#undo")).to_be_disabled()
    for _ in range(3):
        sample.press("#redo")
    assert sample.look == last
    sample.press("#reset")
    assert sample.look == {}
    sample.press("#undo")
    assert sample.look == last


def test_while_the_ring_moves_one_picture_is_under_way_and_the_last_is_shown(sample):
    sample.studio("""(() => {
      const own = window.fetch;
      Object.assign(window, { under: 0, most: 0, count: 0 });
      window.fetch = async (address, options) => {
        if (!String(address).endsWith("/render")) return own(address, options);
        window.count += 1;
        window.under += 1;
        window.most = Math.max(window.most, window.under);
        try { return await own(address, options); } finally { window.under -= 1; }
      };
      window.levels = [];
      studio.addEventListener("rendered", ({ detail }) => window.levels.push(detail.radius_px));
    })()""")
    past = sample.number()
    x, y = middle(ring(sample))
    drag(sample, (x, y), *((x - 4 * step, y) for step in range(1, 21)))
    sample.rested(past)
    most, count, radii = sample.studio("[window.most, window.count, window.levels]")
    assert most == 1
    assert count < 60
    largest = sample.studio("studio.radius_px")
    assert radii[-1] == largest
    assert min(radii) == largest, "the ring only closed, and the last picture is that of its end"


def test_the_sheet_of_keys_opens_and_single_letters_can_be_switched_off(sample):
    sample.page.keyboard.press("?")
    sheet = sample.page.locator("#sheet-of-keys")
    expect(sheet).to_be_visible()
    sheet.locator("#single-keys").uncheck()
    sample.page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    sample.page.keyboard.press("c")
    expect(sample.page.locator("#compare")).to_be_hidden()
    sample.press("#help")
    sheet.locator("#single-keys").check()
    sheet.get_by_role("button", name="Close").click()
    sample.page.keyboard.press("c")
    expect(sample.page.locator("#compare")).to_be_visible()
    sample.page.keyboard.press("c")


@pytest.mark.slow
def test_a_phone_slides_the_ring(browser, studio):
    with visiting(browser, studio.address, **PHONE) as visit:
        visit.sample()
        x, y = middle(ring(visit))
        session = visit.context.new_cdp_session(visit.page)

        def finger(kind, *points):
            session.send(
                "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]}
            )

        finger("touchStart", (x, y))
        for step in range(1, 8):
            finger("touchMove", (x - 12 * step, y))
        finger("touchEnd")
        assert visit.look["f_number"] > 2
        visit.rested(visit.number() - 1)
