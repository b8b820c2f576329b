"""Saving a photo in the studio's page: its file, progress, cancel, failure, and a tab that is closed meanwhile."""

import time

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from studio_browser import LOST, served
from studio_saving import CAMERA, STROKE, change, garden, opened, saved, told

saving = pytest.importorskip("wideopen.studio.saving")
shelves = pytest.importorskip("wideopen.studio.shelf")


@pytest.fixture(scope="module")
def studio():
    with served() as studio:
        yield studio


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    return garden(tmp_path_factory.mktemp("photo"))


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Twelve megapixels, which take long enough to save that one can cancel."""
    path = tmp_path_factory.mktemp("large") / "large.jpg"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (40, 60, 3)).astype(np.uint8)).resize((4200, 2800)).save(path, quality=80)
    return path


def test_a_saved_photo_is_what_the_command_line_writes_with_its_look(browser, studio, photo, wideopen, tmp_path):
    with opened(browser, studio, photo) as visit:
        fingerprint = visit.studio("studio.photo.fingerprint")
        change(visit, focus=[0.3, 0.6], max_blur_percent=1.5, strokes=[STROKE], fingerprint=fingerprint)
        file = saved(visit, tmp_path)
        assert file.name == "garden.bokeh.jpg"
        expect(told(visit)).to_contain_text("garden.bokeh.jpg")
        expect(told(visit)).to_contain_text("downloads")
        expect(visit.page.locator("#save-progress")).to_be_hidden()
        expect(visit.page.locator("#save-photo")).to_be_enabled()
        visit.press("#look-save")
        expect(visit.page.locator("#look-dialog [value=this]")).to_be_checked()
        look = saved(visit, tmp_path, "#look-dialog [value=save]")
    assert look.name == "garden.look.json"
    assert wideopen("render", photo, "--look", look, "-o", tmp_path / "same.jpg")[0] == 0
    assert file.read_bytes() == (tmp_path / "same.jpg").read_bytes()
    with Image.open(file) as found, Image.open(photo) as original:
        assert found.size == (360, 240), "upright"
        assert found.info["icc_profile"] == original.info["icc_profile"]
        assert {key: found.getexif()[key] for key in CAMERA} == CAMERA
        assert found.getexif().get(0x0112, 1) == 1


def test_the_format_and_the_quality_are_chosen(browser, studio, photo, tmp_path):
    with opened(browser, studio, photo) as visit:
        page, quality = visit.page, visit.page.locator("#save-quality-line")
        expect(page.locator("#save-format option").first).to_have_text("As the photo (JPEG)")
        expect(quality).to_be_visible()
        page.locator("#save-quality").fill("60")
        expect(quality.locator("output")).to_have_text("60")
        small = saved(visit, tmp_path)
        page.locator("#save-quality").fill("100")
        assert saved(visit, tmp_path / "large").stat().st_size > 1.5 * small.stat().st_size
        page.locator("#save-format").select_option(".png")
        expect(quality).to_be_hidden()
        file = saved(visit, tmp_path)
        assert file.name == "garden.bokeh.png"
        with Image.open(file) as found:
            assert found.format == "PNG"


def test_a_photo_of_16_bit_is_said_to_lose_some_as_jpeg(browser, studio, tmp_path):
    path = tmp_path / "deep.png"
    Image.fromarray(np.linspace(0, 65535, 300 * 200).reshape(200, 300).astype(np.uint16)).save(path)
    with opened(browser, studio, path) as visit:
        note = visit.page.locator("#save-note")
        expect(note).not_to_contain_text("keeps")
        visit.page.locator("#save-format").select_option(".jpg")
        expect(note).to_contain_text("JPEG keeps 8 of its 16 bit")


def test_control_s_saves_and_the_browsers_own_saving_stays_away(browser, studio, photo, tmp_path):
    with opened(browser, studio, photo) as visit:
        visit.press("#tab-focus")
        with visit.page.expect_download() as came:
            visit.page.keyboard.press("Control+s")
        assert came.value.suggested_filename == "garden.bokeh.jpg"
        expect(visit.page.locator("#tab-save")).to_have_attribute("aria-selected", "true")


def test_a_save_shows_how_far_it_is_and_can_be_cancelled(browser, large, tmp_path):
    with served(save_to=tmp_path) as studio, opened(browser, studio, large) as visit:
        page, began = visit.page, []
        change(visit, max_blur_percent=4)
        page.on("dialog", lambda dialog: began.append(dialog.type))
        visit.press("#save-photo")
        expect(page.locator("#save-step")).to_contain_text("%")
        expect(page.locator("#save-photo")).to_be_disabled()
        visit.press("#cancel")
        expect(told(visit)).to_have_text("Cancelled; nothing was saved.")
        expect(page.locator("#save-progress")).to_be_hidden()
        expect(page.locator("#save-photo")).to_be_enabled()
        assert visit.studio("studio.photo.name") == "large.jpg"
        job = next(each.url for each in reversed(visit.asked) if "/api/saves/" in each.url)
        assert page.request.get(job).json()["state"] == "cancelled"
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_the_studio_saves_to_is_named(browser, photo, tmp_path):
    with served(save_to=tmp_path) as studio, opened(browser, studio, photo) as visit:
        expect(visit.page.locator("#save-note")).to_contain_text(f"folder {tmp_path.name}")
        visit.press("#save-photo")
        expect(told(visit)).to_contain_text(f"Saved {tmp_path / 'garden.bokeh.jpg'}")
        visit.press("#save-photo")
        expect(told(visit)).to_contain_text("garden.bokeh-2.jpg")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["garden.bokeh-2.jpg", "garden.bokeh.jpg"]


def test_a_failure_is_said_and_the_photo_stays_open(browser, studio, photo, tmp_path):
    full = {"state": "failed", "step": "write", "share": 1, "error": "the disk is full; free some space and try again",
            "name": "garden.bokeh.jpg", "bytes": None, "place": None}  # fmt: skip
    with opened(browser, studio, photo) as visit:
        change(visit, f_number=2.8)
        visit.page.route("**/api/saves/*", lambda route: route.fulfill(json=full))
        visit.press("#save-photo")
        expect(told(visit)).to_contain_text("the disk is full; free some space and try again")
        assert visit.studio("studio.photo.name") == "garden.jpg"
        assert visit.look["f_number"] == 2.8
        visit.page.unroute("**/api/saves/*")
        assert saved(visit, tmp_path, "#save-told button").stat().st_size > 1000
        expect(told(visit)).not_to_contain_text("disk")


def test_an_answer_that_is_lost_does_not_end_a_save(browser, studio, photo, tmp_path):
    with opened(browser, studio, photo, complains=LOST) as visit:
        lost = []

        def drop(route):
            lost.append(route.request.url)
            route.abort() if len(lost) <= 2 else route.continue_()

        visit.page.route("**/api/saves/*", drop)
        assert saved(visit, tmp_path).name == "garden.bokeh.jpg"
        assert len(lost) >= 3


def test_a_photo_that_the_studio_has_forgotten_is_sent_again_and_saved(browser, studio, photo, tmp_path):
    with opened(browser, studio, photo, complains=LOST) as visit:
        change(visit, f_number=4)
        visit.page.request.delete(f"{studio.address}/api/photos/{visit.studio('studio.photo.id')}")
        assert saved(visit, tmp_path).name == "garden.bokeh.jpg"
        assert visit.look["f_number"] == 4


def test_the_page_asks_before_it_goes_only_while_something_is_saved(browser, studio, large):
    with opened(browser, studio, large) as visit:
        page, asked = visit.page, []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        visit.press("#save-photo")
        expect(page.locator("#cancel")).to_be_visible()
        page.close(run_before_unload=True)
        expect(page.locator("#cancel")).to_be_visible()
        assert asked == ["beforeunload"]
        visit.press("#cancel")
        expect(page.locator("#save-progress")).to_be_hidden()
        with page.expect_event("close"):
            page.close(run_before_unload=True)
        assert asked == ["beforeunload"]


def close_in_the_middle(browser, studio, path):
    """Begin to save, and close the tab; gives the address of the save."""
    with opened(browser, studio, path) as visit:
        with visit.page.expect_request(lambda asked: "/api/saves/" in asked.url) as asked:
            visit.press("#save-photo")
        visit.page.close()
    return asked.value.url.rpartition("/")[2]


def test_a_tab_that_is_closed_in_the_middle_of_a_save_ends_it(browser, large):
    passed, shelf = [0.0], shelves.Shelf()
    saves = saving.Saves(shelf, now=lambda: time.monotonic() + passed[0])
    with served(shelf=shelf, saves=saves) as studio:
        job = close_in_the_middle(browser, studio, large)
        until = time.monotonic() + 20
        while saves.state(job)["state"] in ("waiting", "running"):
            assert time.monotonic() < until, "what nobody wants is still being saved"
            passed[0] += saving.Times().unasked + 1  # since it was last asked about
            time.sleep(0.1)
        assert saves.state(job)["state"] == "cancelled"
        assert list(shelf.folder.glob("save-*/*")) == []


def test_a_tab_that_is_closed_does_not_end_a_save_into_a_folder(browser, photo, tmp_path):
    with served(save_to=tmp_path) as studio:
        close_in_the_middle(browser, studio, photo)
        until = time.monotonic() + 20
        while not (tmp_path / "garden.bokeh.jpg").exists():
            assert time.monotonic() < until, "the photo was not saved"
            time.sleep(0.1)
