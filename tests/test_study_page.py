"""The rater's and the organiser's page in a real browser, before the real server."""

import pytest
from playwright.sync_api import expect

from study_browser import DESK, LOST, METHODS, NAMES, PHONE, served, visiting
from wideopen.study.vote import LEVELS, QUESTION


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("page") / "study", phones=True) as study:
        yield study


@pytest.fixture
def study(server):
    return server.fresh()


@pytest.mark.parametrize("device", [DESK, PHONE], ids=["desk", "phone"])
def test_a_sitting_is_closed_in_the_middle_and_resumed_elsewhere_and_tells_nothing(browser, study, device):
    link, answers = study.rater(), [5, 4, 3, 2, 1, 5, 4, 3]
    with visiting(browser, link, **device) as first:
        page = first.page
        expect(page.locator("#welcome h1")).to_have_text("Bokeh & more")
        assert study.given() == [] and study.store.raters()[-1].consented is None
        first.begin()
        expect(page.locator("#question")).to_have_text(QUESTION)
        buttons = page.locator("#levels button").all_inner_texts()
        assert [" ".join(each.split()) for each in buttons] == [f"{level} {text}" for level, text in LEVELS.items()]
        assert page.locator("figcaption").all_inner_texts() == ["camera", "picture to judge"]
        for at, level in enumerate(answers[:3]):
            first.at("Picture", at)
            first.press(f"#levels button[value='{level}']")
        first.at("Picture", 3)
        said = first.words()
    with visiting(browser, link, **device) as second:
        for at, level in enumerate(answers[3:], 3):
            second.at("Picture", at)
            second.page.keyboard.press(str(level))
        expect(second.page.locator("#thanks")).to_be_visible()
        assert second.page.locator("#thanks code").inner_text() == study.store.raters()[-1].name
        said += second.words()
    assert study.given() == list(enumerate(answers))
    assert all(0 < vote.shown_s < 60 for vote in study.store.votes(study.study))
    files = [name for each in study.study.files.values() for name in each.values()]
    for secret in (*METHODS, *NAMES, *files):
        assert secret not in said, secret


def test_nothing_is_wider_than_the_window(browser, study):
    over = "document.documentElement.scroll{0} > inner{0}"
    for device in (DESK, PHONE, PHONE | {"viewport": {"width": 844, "height": 390}}):
        with visiting(browser, study.trained(), **device) as visit:
            visit.at("Picture", 0)
            assert not visit.page.evaluate(f"{over.format('Width')} || {over.format('Height')}")
            for each in visit.page.locator("#judge button:visible").all():
                box, size = each.bounding_box(), device["viewport"]
                assert box["x"] >= 0 and box["x"] + box["width"] <= size["width"]
                assert box["y"] >= 0 and box["y"] + box["height"] <= size["height"]


def test_a_step_back_changes_an_answer(browser, study):
    with visiting(browser, study.trained()) as visit:
        page = visit.page
        visit.at("Picture", 0)
        expect(page.locator("#back")).to_be_disabled()
        page.keyboard.press("4")
        visit.at("Picture", 1)
        page.keyboard.press("Backspace")
        visit.at("Picture", 0)
        expect(page.locator("#levels [aria-pressed=true]")).to_have_attribute("value", "4")
        page.keyboard.press("2")
        visit.at("Picture", 1)
        page.locator("#back").click()
        visit.at("Picture", 0)
        expect(page.locator("#levels [aria-pressed=true]")).to_have_attribute("value", "2")
        page.locator("#forward").click()
        visit.at("Picture", 1)
    assert study.given() == [(0, 4), (0, 2)]


def test_a_double_click_and_a_held_key_answer_once(browser, study):
    with visiting(browser, study.trained()) as visit:
        visit.at("Picture", 0)
        visit.page.locator("#levels button[value='3']").dblclick()
        visit.at("Picture", 1)
        visit.page.keyboard.down("2")
        visit.at("Picture", 2)
        visit.page.keyboard.down("2")  # as a keyboard repeats it
        visit.page.keyboard.press("Control+5")
        visit.page.keyboard.up("2")
        visit.page.keyboard.press("0")
        visit.page.keyboard.press("6")
        expect(visit.page.locator("#count")).to_have_text("Picture 3 of 8")
        visit.page.keyboard.press("1")
        visit.at("Picture", 3)
    assert study.given() == [(0, 3), (1, 2), (2, 1)]


def test_the_keyboard_reaches_everything_and_focus_is_seen(browser, study):
    with visiting(browser, study.trained()) as visit:
        visit.at("Picture", 0)
        page, reached = visit.page, []
        for _ in range(16):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id || document.activeElement.value"))
            outline = "getComputedStyle(document.activeElement).outlineStyle"
            assert page.evaluate(outline) == "solid"
            if reached[-1] == "4":
                break
        assert reached == ["both", "single", "hold", "auto", "out", "in", "fit", "full", "stage", "5", "4"]
        page.keyboard.press("Space")
        visit.at("Picture", 1)
    assert study.given() == [(0, 4)]


def test_two_windows_never_overwrite_one_another(browser, study):
    link = study.trained()
    with visiting(browser, link, complains=LOST) as first:
        first.at("Picture", 0)
        with visiting(browser, link) as second:
            second.at("Picture", 0)
            second.page.keyboard.press("4")
            second.at("Picture", 1)
        first.page.keyboard.press("1")
        expect(first.page.locator("#told")).to_contain_text("answered in another window")
        first.at("Picture", 0)
        expect(first.page.locator("#levels [aria-pressed=true]")).to_have_attribute("value", "4")
        assert study.given() == [(0, 4)]
        first.page.keyboard.press("3")
        first.at("Picture", 1)
        expect(first.page.locator("#told")).to_be_hidden()
    assert study.given() == [(0, 4), (0, 3)]


@pytest.mark.parametrize("arrived", [False, True], ids=["question lost", "answer lost"])
def test_a_lost_connection_keeps_the_answer_and_stores_it_once(browser, study, arrived):
    def lose(route):
        if arrived:
            route.fetch()
        route.abort()

    with visiting(browser, study.trained(), complains=LOST) as visit:
        visit.at("Picture", 0)
        visit.page.route("**/vote", lose)
        visit.page.keyboard.press("4")
        expect(visit.page.locator("#lost")).to_contain_text("Your answer is kept on this page")
        assert len(study.given()) == arrived
        visit.page.keyboard.press("1")
        visit.page.unroute("**/vote")
        visit.page.locator("#lost button").click()
        visit.at("Picture", 1)
        expect(visit.page.locator("#lost")).to_be_hidden()
        assert len(visit.votes) > 1
        assert all(vote == visit.votes[0] for vote in visit.votes)
    assert study.given() == [(0, 4)]


@pytest.mark.parametrize(("status", "words"), [(503, "NOT stored yet"), (429, "goes on by itself"), (500, "try again")])
def test_an_answer_that_the_server_cannot_take_is_sent_again(browser, study, status, words):
    with visiting(browser, study.trained(), complains=LOST) as visit:
        visit.at("Picture", 0)
        refusal = {"status": status, "json": {"error": "no"}, "headers": {"retry-after": "600"}}
        visit.page.route("**/vote", lambda route: route.fulfill(**refusal))
        visit.page.keyboard.press("4")
        expect(visit.page.locator("#words-text")).to_contain_text(words)
        visit.page.keyboard.press("2")
        visit.page.unroute("**/vote")
        visit.page.locator("#words button:visible").click()
        visit.at("Picture", 1)
        assert visit.votes[0] == visit.votes[1]
    assert study.given() == [(0, 4)]


def test_nothing_can_be_answered_before_both_pictures_are_there(browser, study):
    with visiting(browser, study.trained()) as visit:
        page, kept = visit.page, []
        visit.at("Picture", 0)
        page.route("**/trials/1/result", lambda route: kept.append(route))
        page.keyboard.press("5")
        expect(page.locator("#count")).to_have_text("Picture 2 of 8")
        expect(page.locator("#wait")).to_be_visible()
        expect(page.locator("#stage .truth img")).to_have_js_property("complete", True)
        assert page.locator("#levels button:enabled").count() == 0
        expect(page.locator("#stage .truth img")).to_be_hidden()
        page.keyboard.press("3")
        kept[0].continue_()
        visit.at("Picture", 1)
        expect(page.locator("#wait")).to_be_hidden()
    assert study.given() == [(0, 5)]


def test_a_picture_that_failed_is_fetched_again(browser, study):
    with visiting(browser, study.trained(), complains=LOST) as visit:
        visit.at("Picture", 0)
        visit.page.route("**/trials/1/result", lambda route: route.abort(), times=1)
        visit.page.keyboard.press("5")
        visit.at("Picture", 1)
        assert visit.page.locator("#stage img").evaluate_all("all => all.every(one => one.naturalWidth === 360)")


def test_links_that_open_nothing_say_so_kindly(browser, study):
    link = study.rater()
    with visiting(browser, link[:-3] + "abc", complains=LOST) as visit:
        expect(visit.page.locator("#words h1")).to_have_text("This link does not work")
    study.store.forget(study.store.raters()[-1].name)
    with visiting(browser, link, complains=LOST) as visit:
        expect(visit.page.locator("#words h1")).to_have_text("These answers are deleted")
