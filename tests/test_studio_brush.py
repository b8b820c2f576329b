"""Mending the depth in the studio's page: strokes by mouse, finger and keys, and the depth that is shown."""

import base64
from contextlib import contextmanager

import numpy as np
import pytest
from playwright.sync_api import expect

from studio_browser import PHONE, served, visiting

expect.set_options(timeout=30_000)  # a picture takes long where other tests keep all cores busy
SMALL = {"viewport": {"width": 1000, "height": 640}}
"""So that the picture that follows the controls is as large as the one at rest, and one is drawn instead of two."""
WALL = (0.08, 0.3)
"""Far behind, in the sample, with nothing within a tenth of the width."""
FAR_OFF = (0.75, 0.85)
LEAF = (0.965, 0.3)
"""The nearest thing in the sample."""
BYTES = """(data) => new Promise((done) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.split(",")[1]);
  reader.readAsDataURL(new Blob([data]));
})"""


@pytest.fixture(scope="module")
def studio():
    with served() as studio:
        yield studio


FRESH = """async () => {
  const { tip } = await import("/static/tip.js");
  const come = new Promise((done) => studio.addEventListener("depth", () => done(), { once: true }));
  tip.set({ kind: "nearer", radius: 0.03, feather: 0.5, amount: 0.1, edges: false, over: "borders", picking: false });
  document.getElementById("single-keys").checked = true;
  document.activeElement?.blur();
  viewer.zoomTo(null);
  studio.setView("picture");
  studio.setPhoto(studio.photo, studio.file); // as if it had just been opened
  studio.setTool("brush");
  await come;
}"""


@contextmanager
def mending(browser, studio, **options):
    """Open the sample and take the brush; edges are off, so that a stroke is what its discs cover."""
    with visiting(browser, studio.address, **(SMALL | options)) as visit:
        visit.sample()
        visit.page.evaluate(FRESH)
        yield visit


@pytest.fixture(scope="module")
def window(browser, studio):
    with mending(browser, studio) as visit:
        yield visit


@pytest.fixture
def visit(window):
    """The brush in hand, and nothing done yet; one window for all tests, for opening takes long."""
    window.page.mouse.move(3, 3)
    window.page.evaluate(FRESH)
    assert window.complaints == []
    return window


def depth(visit):
    """The depth that the page has, 0 the farthest and 1 the nearest."""
    text = visit.page.evaluate(f"({BYTES})(studio.depth.data)")
    width, height = visit.page.evaluate("[studio.depth.width, studio.depth.height]")
    return np.frombuffer(base64.b64decode(text), np.uint16).reshape(height, width) / 65535


@contextmanager
def anew(visit):
    """What is done within makes the page fetch the depth anew; ends when it is there."""
    visit.page.evaluate("""() => {
      window.told = new Promise((done) => studio.addEventListener("depth", () => done(), { once: true }));
    }""")
    yield
    visit.page.evaluate("told")


def paint(visit, *points):
    """Draw through points of the photo, given in shares, and wait for the depth."""
    places = [visit.place(*point) for point in points]
    with anew(visit):
        visit.page.mouse.move(*places[0])
        visit.page.mouse.down()
        for place in places[1:]:
            visit.page.mouse.move(*place, steps=4)
        visit.page.mouse.up()


def strokes(visit):
    return visit.look.get("strokes", [])


def from_path(shape, *points, aspect=1536 / 1024):
    """How far each pixel is from a path of straight lines, as a share of the photo's diagonal."""
    height, width = shape
    y, x = np.mgrid[:height, :width]
    place = np.stack([(x + 0.5) / width * aspect, (y + 0.5) / height], -1)
    ends = [np.array([x * aspect, y]) for x, y in points]
    found = np.full(shape, np.inf)
    for start, end in zip(ends, ends[1:] or ends, strict=False):
        along = np.clip((place - start) @ (end - start) / max((end - start) @ (end - start), 1e-12), 0, 1)
        found = np.minimum(found, np.linalg.norm(place - start - along[..., None] * (end - start), axis=-1))
    return found / np.hypot(aspect, 1)


def test_a_stroke_moves_the_depth_where_it_was_painted_and_nowhere_else(visit):
    before = depth(visit)
    points = (WALL, (0.11, 0.34), (0.1, 0.38))
    paint(visit, *points)
    assert len(strokes(visit)) == 1
    away, moved = from_path(before.shape, *points), depth(visit) - before
    radius = strokes(visit)[0]["radius"]
    assert moved[away < 0.4 * radius] == pytest.approx(0.1, abs=0.01), "a tenth of the range, as the panel says"
    assert np.abs(moved[away > 1.05 * radius]).max() < 1e-3
    assert visit.look["fingerprint"] == visit.studio("studio.photo.fingerprint")


def test_undo_and_redo_take_a_stroke_back_and_bring_it_again(visit):
    first = depth(visit)
    paint(visit, WALL)
    second = depth(visit)
    paint(visit, (0.12, 0.36))
    expect(visit.page.locator("#strokes-count")).to_have_text("2 strokes")
    with anew(visit):
        visit.page.keyboard.press("Control+z")
    assert np.array_equal(depth(visit), second)
    expect(visit.page.locator("#strokes-count")).to_have_text("1 stroke")
    with anew(visit):
        visit.press("#undo")
    assert np.array_equal(depth(visit), first)
    assert "fingerprint" not in visit.look
    with anew(visit):
        visit.page.keyboard.press("Control+Shift+z")
    assert np.array_equal(depth(visit), second)


def test_all_strokes_are_removed_at_once(visit):
    first = depth(visit)
    expect(visit.page.locator("#strokes-remove")).to_be_disabled()
    paint(visit, WALL)
    paint(visit, FAR_OFF)
    with anew(visit):
        visit.press("#strokes-remove")
    assert np.array_equal(depth(visit), first)
    assert visit.look == {}


def lands(visit):
    """Dab at two zooms: the stroke and the depth that it changes must lie where the pointer was."""
    before = depth(visit)
    for zoom, point in ((None, (0.8, 0.12)), (2, (0.05, 0.2))):
        zoomed = """([zoom, [x, y]]) => {
          const at = viewer.toClient(x, y);
          viewer.zoomTo(zoom && zoom / viewer.ratio, at.x, at.y);
        }"""
        visit.page.evaluate(zoomed, [zoom, point])
        paint(visit, point)
        assert strokes(visit)[-1]["path"] == [pytest.approx(point, abs=1 / (1536 * (zoom or 0.5)))]
        moved = np.abs(depth(visit) - before)
        y, x = np.indices(moved.shape)
        middle = [float((each + 0.5)[moved > 0.5 * moved.max()].mean()) for each in (x, y)]
        assert middle == pytest.approx((point[0] * moved.shape[1], point[1] * moved.shape[0]), abs=2.5)
        before = depth(visit)


def test_a_dab_lands_where_the_pointer_was(visit):
    lands(visit)


@pytest.mark.slow
def test_a_dab_lands_where_the_pointer_was_on_a_screen_of_two_dots_per_pixel(browser, studio):
    with mending(browser, studio, device_scale_factor=2) as visit:
        lands(visit)


def test_the_cursor_is_as_wide_as_the_brush_at_every_zoom(visit):
    at = visit.place(*WALL)
    visit.page.mouse.move(*at)
    for _ in range(2):
        box = visit.page.evaluate("""() => {
          const shape = getComputedStyle(document.getElementById("brush"), "::before");
          return [parseFloat(shape.width), viewer.scale, document.getElementById("brush").hidden];
        }""")
        assert box[0] == pytest.approx(2 * 0.03 * np.hypot(1536, 1024) * box[1], rel=0.01)
        assert not box[2]
        visit.page.evaluate("([x, y]) => viewer.zoomTo(1.7, x, y)", at)
    assert box[1] == pytest.approx(1.7)


def test_the_point_that_alt_and_a_click_pick_gives_its_depth(visit):
    before = depth(visit)
    visit.page.keyboard.down("Alt")
    visit.click(*LEAF)
    visit.page.keyboard.up("Alt")
    assert strokes(visit) == []
    expect(visit.page.locator("[name=brush-kind][value=as-point]")).to_be_checked()
    expect(visit.page.locator("#brush-point")).to_contain_text("Point picked")
    expect(visit.page.locator("#brush-pin")).not_to_have_attribute("hidden", "")
    paint(visit, WALL)
    assert strokes(visit)[0]["kind"] == "as-point"
    assert strokes(visit)[0]["point"] == pytest.approx(LEAF, abs=2e-3)

    def at(depths, x, y):
        return depths[int(y * depths.shape[0]), int(x * depths.shape[1])]

    assert at(before, *WALL) < 0.3
    assert at(depth(visit), *WALL) == pytest.approx(at(before, *LEAF), abs=0.02)


def test_the_first_click_picks_where_no_point_is_picked_yet(visit):
    visit.page.keyboard.press("4")
    expect(visit.page.locator("#brush-pick")).to_have_attribute("aria-pressed", "true")
    visit.click(*LEAF)
    assert strokes(visit) == []
    expect(visit.page.locator("#brush-pick")).to_have_attribute("aria-pressed", "false")
    paint(visit, WALL)
    assert strokes(visit)[0]["point"] == pytest.approx(LEAF, abs=2e-3)


def test_in_focus_puts_what_is_painted_on_the_plane_that_is_sharp(visit):
    level = visit.studio("studio.level")
    visit.page.locator("[name=brush-kind][value=level]").check()
    paint(visit, WALL)
    assert strokes(visit)[0]["level"] == pytest.approx(level, abs=1e-4)
    found = depth(visit)
    assert found[int(WALL[1] * found.shape[0]), int(WALL[0] * found.shape[1])] == pytest.approx(level, abs=0.01)


def test_a_dab_and_a_stroke_by_keys_alone(visit):
    before, keyboard = depth(visit), visit.page.keyboard
    visit.page.locator("#aim").focus()
    for _ in range(4):
        keyboard.press("Shift+ArrowLeft")
    keyboard.press("ArrowUp")
    where = visit.page.locator("#heard")
    expect(where).to_contain_text("% from the left")
    with anew(visit):
        keyboard.press(" ")
    assert len(strokes(visit)) == 1
    x, y = strokes(visit)[0]["path"][0]
    diagonal = np.hypot(1536, 1024)
    assert (x, y) == pytest.approx((0.5 - 4 * 0.06 * diagonal / 1536, 0.5 - 0.0075 * diagonal / 1024), abs=1e-4)
    assert np.abs(depth(visit) - before)[int(y * before.shape[0]), int(x * before.shape[1])] > 0.08
    with anew(visit):
        keyboard.down("Enter")
        keyboard.press("Shift+ArrowUp")
        keyboard.up("Enter")
    (a, b), (c, d) = strokes(visit)[1]["path"]
    assert (a, b) == (x, y)
    assert (c, d) == pytest.approx((x, y - 0.06 * diagonal / 1024), abs=1e-4)


def test_keys_set_the_brush(visit):
    page, size = visit.page, visit.page.locator("#brush-size-line output")
    for key, kind in zip("1234", ("nearer", "farther", "level", "as-point"), strict=True):
        page.keyboard.press(key)
        expect(page.locator(f"[name=brush-kind][value={kind}]")).to_be_checked()
    page.keyboard.press("2")
    expect(size).to_have_text("111 px")
    page.keyboard.press("]")
    expect(size).to_have_text("127 px")
    page.keyboard.press("[")
    page.keyboard.press("[")
    expect(size).to_have_text("96 px")
    page.keyboard.press("Shift+BracketLeft")
    expect(page.locator("#brush-feather-line output")).to_have_text("40 %")
    page.mouse.move(*visit.place(*WALL))
    zoom = visit.studio("viewer.scale")
    page.keyboard.down("Alt")
    page.mouse.wheel(0, -100)
    expect(size).not_to_have_text("96 px")
    page.keyboard.up("Alt")
    assert visit.studio("viewer.scale") == zoom
    assert strokes(visit) == []


def test_single_characters_are_no_keys_where_people_want_none(visit):
    page = visit.page
    page.evaluate("document.getElementById('single-keys').checked = false")
    page.keyboard.press("3")
    expect(page.locator("[name=brush-kind][value=nearer]")).to_be_checked()
    page.locator("#aim").focus()
    page.keyboard.press("3")
    expect(page.locator("[name=brush-kind][value=level]")).to_be_checked()


def test_a_drag_with_shift_sets_size_and_feather_and_paints_nothing(visit):
    x, y = visit.place(*FAR_OFF)
    visit.page.keyboard.down("Shift")
    visit.page.mouse.move(x, y)
    visit.page.mouse.down()
    visit.page.mouse.move(x + 60, y - 60, steps=3)
    visit.page.mouse.up()
    visit.page.keyboard.up("Shift")
    expect(visit.page.locator("#brush-feather-line output")).to_have_text("70 %")
    expect(visit.page.locator("#brush-size-line output")).to_have_text("221 px")
    assert strokes(visit) == []


def test_what_is_no_stroke_changes_nothing(visit):
    page, (x, y) = visit.page, visit.place(*WALL)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y)
    page.keyboard.press("Escape")
    page.mouse.up()
    page.evaluate("viewer.zoomTo(2)")
    before = visit.place(0.5, 0.5)
    page.keyboard.down(" ")
    page.mouse.down()
    page.mouse.move(x + 60, y + 40)
    page.mouse.up()
    page.keyboard.up(" ")
    after = visit.place(0.5, 0.5)
    assert (after[0] - before[0], after[1] - before[1]) == pytest.approx((30, 40), abs=1), "space moves the picture"
    page.keyboard.press("0")
    page.evaluate("document.querySelector('#brush-size').value = 0")
    page.evaluate("document.querySelector('#brush-size').dispatchEvent(new Event('input'))")
    left = page.locator("#stage").bounding_box()["x"]
    page.mouse.click(left + 2, y)
    assert strokes(visit) == [], "beside the photo"


@pytest.mark.slow
def test_fingers_paint_with_one_and_move_with_two_and_pick_by_a_long_press(browser, studio):
    with mending(browser, studio, **PHONE) as visit:
        session = visit.context.new_cdp_session(visit.page)

        def fingers(kind, *points):
            touches = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(points)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

        x, y = visit.place(*WALL)
        with anew(visit):
            fingers("touchStart", (x, y))
            fingers("touchMove", (x + 10, y + 8))
            fingers("touchEnd")
        assert len(strokes(visit)) == 1
        assert strokes(visit)[0]["path"][0] == pytest.approx(WALL, abs=3e-3)
        scale = visit.studio("viewer.scale")
        fingers("touchStart", (x + 60, y))
        fingers("touchStart", (x + 60, y), (x + 120, y))
        fingers("touchMove", (x + 30, y), (x + 150, y))
        fingers("touchEnd")
        assert visit.studio("viewer.scale") > 1.5 * scale
        assert len(strokes(visit)) == 1, "the first of two fingers does not paint"
        visit.page.evaluate("viewer.zoomTo(null)")
        visit.press("[name=brush-kind][value=as-point]")
        x, y = visit.place(*FAR_OFF)
        visit.page.touchscreen.tap(x, y)
        x, y = visit.place(*LEAF)
        fingers("touchStart", (x, y))
        expect(visit.page.locator("#heard")).to_contain_text("Point picked at 97 % from the left")
        fingers("touchEnd")
        assert len(strokes(visit)) == 1
        with anew(visit):
            visit.page.touchscreen.tap(*visit.place(*WALL))
        assert strokes(visit)[1]["point"] == pytest.approx(LEAF, abs=3e-3)


def test_a_long_scribble_keeps_its_shape_in_few_points(visit):
    points = np.cumsum(np.random.default_rng(3).normal(0, 4, (6000, 2)), axis=0)
    thin = """async ([points, tolerance, most]) =>
        (await import("/static/stroke.js")).thinned(points, tolerance, most)"""
    kept = visit.page.evaluate(thin, [points.tolist(), 3.0, 5000])
    few = visit.page.evaluate(thin, [points.tolist(), 0.01, 500])
    assert 2 < len(kept) < 3000
    assert kept[0] == points[0].tolist()
    assert kept[-1] == points[-1].tolist()
    ends = np.array(kept)
    start, along = ends[:-1], np.diff(ends, axis=0)
    for point in points[::37]:
        share = np.clip(((point - start) * along).sum(1) / np.maximum((along**2).sum(1), 1e-12), 0, 1)
        assert np.linalg.norm(point - start - share[:, None] * along, axis=1).min() <= 3.0 + 1e-9
    assert 2 < len(few) <= 500


def test_a_stroke_is_seen_while_it_is_drawn_as_strong_as_it_will_be(visit):
    covers = visit.page.evaluate("""async () => {
      const { drawTint } = await import("/static/stroke.js");
      const context = new OffscreenCanvas(200, 200).getContext("2d", { willReadFrequently: true });
      drawTint(context, [[100, 100]], { radius: 80, feather: 0.5, colour: "red", strength: 0.5 });
      return [0, 20, 60, 79, 90].map((right) => context.getImageData(100 + right, 100, 1, 1).data[3] / 255);
    }""")
    assert covers[:2] == pytest.approx([0.5, 0.5], abs=0.02)
    assert covers[2] == pytest.approx(0.25, abs=0.05), "half way through the feather"
    assert 0 < covers[3] < 0.05
    assert covers[4] == 0


INKED = """async (wanted) => {
  const layer = document.getElementById("strokes-layer");
  const copy = new OffscreenCanvas(layer.width, layer.height).getContext("2d", { willReadFrequently: true });
  const inked = () => {
    copy.clearRect(0, 0, layer.width, layer.height);
    copy.drawImage(layer, 0, 0);
    return copy.getImageData(0, 0, layer.width, layer.height).data.some((level) => level > 0);
  };
  for (let left = 200; inked() !== wanted; left -= 1) {
    if (!left) throw new Error(`the tint is ${wanted ? "not" : "still"} there`);
    await new Promise((done) => setTimeout(done, 25));
  }
}"""


def test_the_tint_goes_when_the_depth_has_come(visit):
    x, y = visit.place(*WALL)
    visit.page.mouse.move(x, y)
    visit.page.mouse.down()
    visit.page.mouse.move(x + 20, y)
    visit.page.evaluate(INKED, True)
    visit.page.mouse.up()
    visit.page.evaluate(INKED, False)
    assert len(strokes(visit)) == 1


def test_the_colours_of_depth_grow_lighter_evenly(visit):
    colours = visit.page.evaluate('import("/static/colour.js").then((m) => [...m.DEPTH_COLOURS])')
    mark = visit.page.evaluate('import("/static/colour.js").then((m) => m.FOCUS_COLOUR)')
    encoded = np.array(colours).reshape(-1, 3) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    lightness = np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)
    assert (np.diff(lightness[::16]) > 0).all()
    assert lightness[0] < 15
    assert lightness[-1] > 85
    blue, red = encoded[0], encoded[-1]
    assert blue[2] > blue[0]
    assert red[0] > red[2]
    assert np.abs(encoded - np.array(mark) / 255).max(axis=1).min() > 0.2, "the mark of the focus is no depth's colour"


def test_lines_stand_where_the_depth_jumps_and_are_one_pixel_wide(visit):
    found = visit.page.evaluate("""async () => {
      const { borders } = await import("/static/depthpicture.js"), width = 40, height = 30;
      const level = (x, y) => x < 20 ? 9000 : 30000 + 200 * y;
      const data = Uint16Array.from({ length: width * height }, (_, at) => level(at % width, Math.floor(at / width)));
      return [...borders({ width, height, data })];
    }""")
    jumps = np.array(found).reshape(30, 40)
    assert (np.count_nonzero(jumps[1:-1], axis=1) == 1).all()
    assert (jumps[1:-1, 19:21].max(axis=1) > 20000).all(), "a slope is no border"


def test_the_depth_is_shown_with_what_its_colours_mean(visit):
    visit.page.evaluate("studio.setTool('focus')")
    legend = visit.page.locator("#legend")
    expect(legend).to_be_hidden()
    plain = visit.shown()
    visit.page.keyboard.press("d")
    expect(visit.page.locator("#depth-view")).to_have_attribute("aria-pressed", "true")
    expect(legend).to_be_visible()
    expect(legend.locator("span").last).to_have_text("64 cm")
    expect(legend).to_have_attribute("aria-label", "Depth, from ∞, dark, to 64 cm, bright. Hatched green is what is "
                                                   "sharp, at 1.46 m.")  # fmt: skip
    shown = visit.shown().astype(float)
    assert np.abs(shown - plain).mean() > 10

    def at(x, y):
        box = visit.page.locator("#stage").bounding_box()
        right, down = visit.place(x, y)
        return shown[round(down - box["y"]), round(right - box["x"])]

    assert at(*LEAF).mean() > at(*WALL).mean() + 60, "near is bright"
    visit.press("#depth-view")
    expect(legend).to_be_hidden()


def test_borders_lie_over_the_photo_only_while_the_brush_is_in_hand(visit):
    layer = visit.page.locator("#depth-layer")
    expect(layer).to_have_attribute("data-shows", "borders")
    visit.page.locator("[name=brush-over][value=depth]").check()
    expect(layer).to_have_attribute("data-shows", "depth")
    expect(visit.page.locator("#legend")).to_be_visible()
    visit.page.locator("[name=brush-over][value=nothing]").check()
    expect(layer).to_be_hidden()
    visit.page.locator("[name=brush-over][value=borders]").check()
    visit.press("#tab-focus")
    expect(layer).to_be_hidden()
    expect(visit.page.locator("#brush")).to_be_hidden()
