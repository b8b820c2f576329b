"""Looks as files in the studio's page, and one look for many photos."""

import json

import pytest
from PIL import Image
from playwright.sync_api import expect

from studio_browser import LOST, photo_of, served
from studio_saving import STROKE, change, garden, opened, saved


@pytest.fixture(scope="module")
def studio():
    with served() as studio:
        yield studio


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    return garden(tmp_path_factory.mktemp("photo"))


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Two photos and, between them, a text that is named like one."""
    folder = tmp_path_factory.mktemp("many")
    photo_of(folder / "first.jpg", width=300, height=200, seed=1)
    (folder / "second.jpg").write_text("no photo", encoding="utf-8")
    photo_of(folder / "third.png", width=200, height=300, seed=2)
    return [folder / name for name in ("first.jpg", "second.jpg", "third.png")]


def own(visit, **changes):
    """A look with a focus and a stroke of the open photo."""
    fingerprint = visit.studio("studio.photo.fingerprint")
    look = {"f_number": 2.8, "blades": 7, "focus": [0.25, 0.5], "strokes": [STROKE], "fingerprint": fingerprint}
    change(visit, **(look | changes))


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def load(visit, path, by="picker"):
    if by == "drop":
        visit.drop(path)
    else:
        visit.page.locator("#look-file").set_input_files(path)


def written(folder, **look):
    path = folder / "given.look.json"
    path.write_text(json.dumps({"wideopen": "look/1", **look}), encoding="utf-8")
    return path


@pytest.mark.parametrize("by", ["picker", "drop"])
def test_a_look_comes_back_from_its_file(browser, studio, photo, tmp_path, by):
    with opened(browser, studio, photo) as visit:
        own(visit)
        look = visit.look
        visit.press("#look-save")
        file = saved(visit, tmp_path, "#look-dialog [value=save]")
        assert read(file) == {"wideopen": "look/1", **look}
        visit.press("#reset")
        assert visit.look == {}
        load(visit, file, by)
        expect(visit.page.locator("#say")).to_contain_text("set as in garden.look.json")
        assert visit.look == look
        expect(visit.page.locator("#dropping")).to_be_hidden()
        visit.press("#undo")
        assert visit.look == {}, "to load a look is one step"


def test_a_look_for_any_photo_leaves_focus_and_strokes_out_and_where_they_are(browser, studio, photo, tmp_path):
    with opened(browser, studio, photo) as visit:
        own(visit)
        visit.press("#look-save")
        visit.page.locator("#look-dialog [value=any]").check()
        file = saved(visit, tmp_path, "#look-dialog [value=save]")
        assert read(file) == {"wideopen": "look/1", "f_number": 2.8, "blades": 7}
        change(visit, f_number=5.6, blades=None, highlights=0.9)
        load(visit, file)
        expect(visit.page.locator("#say")).to_contain_text("set as in garden.look.json")
        assert {key: visit.look.get(key) for key in ("f_number", "blades", "highlights", "focus")} == {
            "f_number": 2.8,
            "blades": 7,
            "highlights": None,
            "focus": [0.25, 0.5],
        }
        assert visit.look["strokes"] == [STROKE]


def test_without_strokes_a_look_is_meant_for_any_photo(browser, studio, photo):
    with opened(browser, studio, photo) as visit:
        change(visit, focus=[0.1, 0.1])
        visit.press("#look-save")
        expect(visit.page.locator("#look-dialog [value=any]")).to_be_checked()
        visit.page.keyboard.press("Escape")
        expect(visit.page.locator("#look-dialog")).to_be_hidden()


@pytest.mark.parametrize(
    ("text", "why"),
    [("{", "no JSON"), ('{"f_number": 2}', "no look"), ('{"wideopen": "look/1", "f_number": -1}', "f-number"),
     ('{"wideopen": "look/1", "shine": 1}', "shine")],
)  # fmt: skip
def test_what_is_no_look_is_refused_and_the_look_stays(browser, studio, photo, tmp_path, text, why):
    path = tmp_path / "wrong.json"
    path.write_text(text, encoding="utf-8")
    with opened(browser, studio, photo, complains=LOST) as visit:
        change(visit, f_number=4)
        load(visit, path)
        expect(visit.page.locator("#say")).to_contain_text(why)
        assert visit.look == {"f_number": 4}


def test_a_look_that_mends_another_photo_is_used_without_its_strokes(browser, studio, photo, tmp_path):
    path = written(tmp_path, f_number=4, focus=[0.9, 0.9], strokes=[STROKE], fingerprint=[0, 255] * 32)
    with opened(browser, studio, photo) as visit:
        dialog = visit.page.locator("#look-other")
        load(visit, path)
        expect(dialog).to_be_visible()
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_be_hidden()
        assert visit.look == {}
        load(visit, path)
        dialog.get_by_role("button", name="Use without strokes").click()
        expect(visit.page.locator("#say")).to_contain_text("set as in given.look.json")
        assert visit.look == {"f_number": 4}


def fates(visit):
    return visit.page.locator("#many-list li").evaluate_all("all => all.map((each) => each.dataset.state)")


def finished(visit, *wanted):
    expect(visit.page.locator("#many-summary")).to_contain_text("Finished")
    assert fates(visit) == list(wanted)


def test_one_look_goes_on_many_photos_and_one_that_is_broken_stops_none(
    browser, studio, photo, many, wideopen, tmp_path
):
    with opened(browser, studio, photo, complains=LOST) as visit:
        change(visit, f_number=2.8, blades=7, focus=[0.9, 0.9])
        page, came = visit.page, []
        page.on("download", lambda download: came.append(download))
        visit.press("#many-open")
        page.locator("#many-files").set_input_files(many)
        assert fates(visit) == ["waiting"] * 3
        visit.press("#many-start")
        finished(visit, "done", "failed", "done")
        expect(page.locator("#many-summary")).to_have_text("Finished: 2 saved, 1 failed")
        expect(page.locator("#many-list li").nth(1)).to_contain_text("second.jpg is no picture")
        assert [each.suggested_filename for each in came] == ["first.bokeh.jpg", "third.bokeh.png"]
        for each in came:
            each.save_as(tmp_path / each.suggested_filename)
        opened_for_it = [each for each in visit.asked if "only=save" in each.url]
        assert len(opened_for_it) == 3
        closed = [each for each in visit.asked if each.method == "DELETE" and "/photos/" in each.url]
        assert len(closed) == 2, "what was sent is taken away again"
        page.get_by_role("button", name="Retry: second.jpg").click()
        finished(visit, "done", "failed", "done")
        assert len(came) == 2
        page.keyboard.press("Escape")
        assert visit.studio("studio.photo.name") == "garden.jpg"
    look = written(tmp_path, f_number=2.8, blades=7)
    for source, name in ((many[0], "first.bokeh.jpg"), (many[2], "third.bokeh.png")):
        assert wideopen("render", source, "--look", look, "-o", tmp_path / f"same-{name}")[0] == 0
        assert (tmp_path / name).read_bytes() == (tmp_path / f"same-{name}").read_bytes()


def test_many_photos_go_into_the_folder_that_was_chosen_and_overwrite_nothing(browser, studio, photo, many):
    # The browser's own private folder stands for one that a person would choose.
    private = "window.showDirectoryPicker = () => navigator.storage.getDirectory()"
    names = """async () => {
      const folder = await navigator.storage.getDirectory(), found = {};
      for await (const [name, file] of folder.entries()) found[name] = (await file.getFile()).size;
      return found;
    }"""
    with opened(browser, studio, photo) as visit:
        visit.page.evaluate(private)
        visit.press("#many-open")
        visit.press("#many-folder")
        expect(visit.page.locator("#many-where")).to_contain_text("not overwritten")
        for _ in range(2):
            visit.page.locator("#many-files").set_input_files([many[0]])
            visit.press("#many-start")
            finished(visit, *["done"] * len(fates(visit)))
        sizes = visit.page.evaluate(names)
        assert sorted(sizes) == ["first.bokeh-2.jpg", "first.bokeh.jpg"]
        assert min(sizes.values()) > 1000


def test_all_that_is_left_can_be_cancelled(browser, studio, photo, many, tmp_path):
    large = tmp_path / "large.jpg"
    Image.effect_noise((900, 600), 60).resize((3600, 2400)).convert("RGB").save(large)
    with opened(browser, studio, photo) as visit:
        visit.press("#many-open")
        expect(visit.page.locator("#many-start")).to_be_disabled()
        visit.page.locator("#many-files").set_input_files([large, many[0]])
        visit.press("#many-start")
        expect(visit.page.locator("#many-stop")).to_be_enabled()
        visit.press("#many-stop")
        finished(visit, "cancelled", "cancelled")
        expect(visit.page.locator("#many-list progress:visible")).to_have_count(0)


def drag(visit, target, path):
    """Bring a file as a person does: it is dropped only where the page says that it may be."""
    box, session = visit.page.locator(target).bounding_box(), visit.context.new_cdp_session(visit.page)
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + 5}
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})


def test_a_photo_that_is_too_large_is_not_sent(browser, studio, photo, many):
    with opened(browser, studio, photo) as visit:
        visit.page.evaluate("studio.about.upload_bytes = 2000")
        visit.press("#many-open")
        visit.page.locator("#many-files").set_input_files(many[0])
        visit.press("#many-start")
        finished(visit, "failed")
        expect(visit.page.locator("#many-list li")).to_contain_text("the studio takes up to 2.0 kB")
        assert not any("only=save" in each.url for each in visit.asked)


def test_several_dropped_photos_wait_until_the_look_is_right(browser, studio, photo, many):
    with opened(browser, studio, photo) as visit:
        visit.drop(many[0], many[2])
        visit.rested()
        button = visit.page.locator("#many-open")
        visit.press("#tab-save")
        expect(button).to_have_text("Apply this look to 2 photos…")
        button.click()
        assert fates(visit) == ["waiting", "waiting"]
        drag(visit, "#many-drop", many[2])
        expect(visit.page.locator("#many-list li")).to_have_count(3)
        assert visit.studio("studio.photo.name") == "first.jpg"
        visit.page.get_by_role("button", name="Remove: first.jpg").click()
        assert fates(visit) == ["waiting", "waiting"]
