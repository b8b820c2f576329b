"""A team's page in a real browser, before the real server: uploads, refusals, and what became of them."""

import hashlib
import io
import re
import zipfile
import zlib

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

from challenge_browser import HTML, enter, going, visiting
from challenge_served import NAMES, answer, picture, zip_of
from study_browser import LOST
from wideopen.challenge import records
from wideopen.challenge.work import work


@pytest.fixture(autouse=True)
def boards_are_fresh(monkeypatch):
    monkeypatch.setattr(records, "_BOARD_S", -1.0)


@pytest.fixture
def challenge(tmp_path):
    with going(tmp_path) as both:
        yield both


def long_answer():
    """A zip of a megabyte, of which all is an answer but a note."""
    note = np.random.default_rng(0).integers(0, 256, 1_000_000).astype(np.uint8).tobytes()
    return zip_of(**{f"{name}.png": picture(100 + at) for at, name in enumerate(NAMES)}, **{"readme.txt": note})


def choose(page, content, name="answer.zip"):
    file = {"name": name, "mimeType": "application/zip", "buffer": content}
    page.locator("#file").set_input_files(file)


def test_a_team_signs_up_is_reloaded_in_the_middle_of_its_upload_is_scored_and_stands_on_the_board(browser, challenge):
    challenge, address = challenge
    content, pieces = long_answer(), []
    with visiting(browser, f"{address}/team", complains=LOST) as visit:
        page = visit.page
        page.locator("#name").fill(HTML)
        page.locator("#sign-up button").click()
        expect(page.locator("#new-token")).to_have_text(re.compile(".{32}"))
        token = page.locator("#new-token").inner_text()
        page.locator("#kept").click()
        expect(page.locator("#team-name")).to_have_text(HTML)
        expect(page.locator("#left .big").first).to_have_text("3 submissions")
        page.locator("#method").fill("Our <i>method</i>")
        page.locator("#track").select_option("gpu")
        page.locator("#sheet summary").click()
        page.locator("[name=authors]").fill("A. Nobody")
        choose(page, content)

        def first_piece_alone(route):
            pieces.append(route.request.url)
            route.continue_() if len(pieces) == 1 else route.abort()

        page.route("**/api/uploads/*offset=*", first_piece_alone)
        page.locator("#send").click()
        expect(page.locator("#stage")).to_contain_text("connection is lost")
        page.reload()
        page.unroute("**/api/uploads/*offset=*")
        expect(page.locator("#chosen")).to_contain_text("Choose answer.zip again to go on")
        assert page.locator("#method").input_value() == "Our <i>method</i>"
        assert (page.locator("#track").input_value(), page.locator("[name=authors]").input_value()) == (
            "gpu",
            "A. Nobody",
        )
        visit.told.clear()
        choose(page, content)
        page.locator("#send").click()
        expect(page.locator("#list li")).to_have_count(1)
        expect(page.locator("#list .badge")).to_have_text("waits for a worker")
        went_on = [told.url for told in visit.told if told.request.method == "PATCH"]
        assert "offset=262144" in went_on[0], "what came before the reload was not sent again"
        assert page.locator("#method").input_value() == "Our <i>method</i>"
        work(challenge.folder, once=True)
        expect(page.locator("#list .badge").first).to_have_text("scored")
        expect(page.locator("#list .badge.stands")).to_have_text("on the board")
        figure = page.locator("#list .figures dd").first.inner_text()
        assert page.context.cookies() == []
        assert page.evaluate("localStorage.length") == 0
        assert not [told.url for told in visit.told if token in told.url]
    (kept,) = challenge.store.submissions()
    assert challenge.files.read(kept.upload.file) == content
    with visiting(browser, address) as visit:
        page = visit.page
        page.locator("#choose-track input[value=gpu]").check()
        expect(page.locator("#board .fold")).to_have_text(HTML)
        expect(page.locator("#board td.number").first).to_have_text(figure)
        assert page.locator("#board b, #board script").count() == 0
        page.locator("#board .fold").click()
        expect(page.locator(".inside .facts")).to_contain_text("A. Nobody")


def test_what_is_refused_names_the_file_and_does_not_count(browser, challenge):
    challenge, address = challenge
    token = challenge.team()[1]
    with visiting(browser, f"{address}/team", complains=LOST) as visit:
        page = visit.page
        enter(page, token)
        page.locator("#send").click()
        expect(page.locator("#refused")).to_have_text("choose a zip, a folder of pictures, or a model")
        choose(page, b"x", "model.onnx")
        page.locator("#method").fill("Ours")
        page.locator("#send").click()
        expect(page.locator("#refused")).to_have_text("the phase validation takes pictures, not a model")
        choose(page, b"x", "notes.txt")
        expect(page.locator("#refused")).to_contain_text("notes.txt is nothing that can be submitted")
        choose(page, answer(size=(80, 48)))
        page.locator("#send").click()
        expect(page.locator("#refused")).to_contain_text("1.png is 80x48 and not 64x48")
        expect(page.locator("#left .big").first).to_have_text("3 submissions")
        assert page.locator("#method").input_value() == "Ours"
        choose(page, answer())
        page.locator("#send").click()
        expect(page.locator("#list li")).to_have_count(1)
        expect(page.locator("#refused")).to_be_hidden()
    assert len(challenge.store.submissions()) == 1


def test_an_upload_pauses_goes_on_and_is_given_up(browser, challenge):
    challenge, address = challenge
    with visiting(browser, f"{address}/team", complains=LOST) as visit:
        page = visit.page
        enter(page, challenge.team()[1])
        page.locator("#method").fill("Ours")
        choose(page, long_answer())
        page.route("**/api/uploads/*offset=262144", lambda route: route.abort())
        page.locator("#send").click()
        expect(page.locator("#stage")).to_contain_text("connection is lost")
        expect(page.locator("#percent")).to_contain_text("25 % of 1.0 MB")
        page.locator("#pause").click()
        expect(page.locator("#stage")).to_have_text("Paused")
        page.unroute("**/api/uploads/*offset=262144")
        page.locator("#pause").click()
        expect(page.locator("#list li")).to_have_count(1)
        choose(page, answer(7))
        page.route("**/api/uploads/*offset=0", lambda route: route.abort())
        page.locator("#send").click()
        expect(page.locator("#stage")).to_contain_text("connection is lost")
        page.locator("#give-up").click()
        expect(page.locator("#send")).to_be_visible()
        expect(page.locator("#chosen")).to_contain_text("Drop a zip or a folder")
    assert len(challenge.store.submissions()) == 1


def test_a_folder_becomes_the_same_zip_whenever_it_is_chosen(browser, challenge, tmp_path):
    challenge, address = challenge
    folder = tmp_path / "my answer"
    folder.mkdir()
    for at, name in enumerate(NAMES):
        (folder / f"{name}.png").write_bytes(picture(100 + at))
    (folder / ".DS_Store").write_bytes(b"x")
    with visiting(browser, f"{address}/team") as visit:
        page = visit.page
        enter(page, challenge.team()[1])
        page.locator("#method").fill("Ours")
        for count in (1, 2):
            page.locator("#folder").set_input_files(folder)
            expect(page.locator("#chosen")).to_contain_text("3 pictures")
            page.locator("#send").click()
            expect(page.locator("#list li")).to_have_count(count)
    one, two = challenge.store.submissions()
    assert one.upload == two.upload
    assert one.upload.file_name == "my answer.zip"
    with zipfile.ZipFile(io.BytesIO(challenge.files.read(one.upload.file))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["1.png", "10.png", "2.png"]
        assert archive.read("2.png") == (folder / "2.png").read_bytes()


def test_checksums_of_the_page_are_those_of_the_standards(browser, challenge):
    with visiting(browser, challenge[1]) as visit:
        for length in (0, 1, 55, 56, 63, 64, 65, 119, 128, 1000):
            content = bytes(number * 7 % 256 for number in range(length))
            found = visit.page.evaluate(
                """async ([bytes, cut]) => {
                  const { Sha256, crc32 } = await import("./static/sha256.js");
                  const [one, two] = [bytes.slice(0, cut), bytes.slice(cut)].map((each) => Uint8Array.from(each));
                  return [new Sha256().update(one).update(two).hex(), crc32(two, crc32(one))];
                }""",
                [list(content), length // 3],
            )
            assert found == [hashlib.sha256(content).hexdigest(), zlib.crc32(content)]


def test_files_may_be_dropped(browser, challenge):
    challenge, address = challenge
    drop = """async ([files]) => {
      const transfer = new DataTransfer();
      for (const [name, bytes] of files) transfer.items.add(new File([Uint8Array.from(bytes)], name));
      document.querySelector("#drop").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
    }"""
    with visiting(browser, f"{address}/team") as visit:
        page = visit.page
        enter(page, challenge.team()[1])
        page.evaluate(drop, [[["answer.zip", list(answer())]]])
        expect(page.locator("#chosen")).to_contain_text("answer.zip")
        page.evaluate(drop, [[[f"{name}.png", list(picture(at))] for at, name in enumerate(NAMES)]])
        expect(page.locator("#chosen")).to_contain_text("3 pictures")
        page.evaluate(drop, [[["1.png", [1]]]])
        expect(page.locator("#refused")).to_contain_text("1.png is one picture; choose the folder")
        page.evaluate(drop, [[]])
        expect(page.locator("#refused")).to_contain_text("that was no file")
