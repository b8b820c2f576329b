"""The public page and the organiser's in a real browser, before the real server."""

import re

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

from challenge_browser import HTML, STATIC, WIDE, enter, going, visiting
from challenge_folder import days
from study_browser import DESK, LOST, PHONE
from wideopen.challenge import records
from wideopen.challenge.plan import Phase
from wideopen.challenge.sheet import FactSheet

SMALL = {"viewport": {"width": 320, "height": 640}}
LARGE = {"viewport": {"width": 3840, "height": 2160}}
TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"


@pytest.fixture(autouse=True)
def boards_are_fresh(monkeypatch):
    monkeypatch.setattr(records, "_BOARD_S", -1.0)


@pytest.fixture
def challenge(tmp_path):
    with going(tmp_path) as both:
        yield both


def test_the_organiser_approves_a_team_whose_page_goes_on_by_itself(browser, tmp_path):
    with (
        going(tmp_path, sign_up="approved") as (challenge, address),
        visiting(browser, f"{address}/team") as team,
        visiting(browser, f"{address}/o/{challenge.organiser}") as organiser,
    ):
        expect(organiser.page.locator("#nobody")).to_contain_text("No worker is running")
        expect(organiser.page.locator("#command")).to_have_text(f"wideopen challenge work {challenge.folder}")
        team.page.locator("#name").fill(HTML)
        team.page.locator("#sign-up button").click()
        team.page.locator("#kept").click()
        expect(team.page.locator("#waits")).to_be_visible()
        expect(team.page.locator("#submit")).to_be_hidden()
        row = organiser.page.locator("#teams tr")
        expect(row).to_contain_text(HTML)
        row.get_by_role("button", name="Approve").click()
        expect(row.locator(".badge")).to_have_text("takes part")
        expect(team.page.locator("#submit")).to_be_visible()
        number = challenge.store.teams()[0].id
        challenge.submitted(number), challenge.submitted(number)
        challenge.queue.take("worker-1", "here")
        expect(organiser.page.locator("#nobody")).to_be_hidden()
        expect(organiser.page.locator("#workers")).to_contain_text("scores submission 1")
        organiser.page.locator("#submission-2").get_by_role("button", name="Cancel").click()
        expect(organiser.page.locator("#submission-2 .badge")).to_have_text("cancelled")
        team.page.reload()
        expect(team.page.locator("#list .badge.cancelled")).to_be_visible()
        row.get_by_role("button", name="Block").click()
        expect(row.locator(".badge")).to_have_text("blocked")
        assert organiser.page.locator("script:not([src]), td b").count() == 0
        # What the browser itself says of the team's next question.
        expect(team.page.locator("#trouble")).to_contain_text("token is not known")
        team.complaints[:] = [each for each in team.complaints if "401" not in each]


def test_a_board_is_opened_after_asking_back(browser, challenge):
    challenge, address = challenge
    challenge.clock.go_on(days=11)
    challenge.scored(challenge.submitted(challenge.team()[0], phase="test"))
    with visiting(browser, address) as visit, visiting(browser, f"{address}/o/{challenge.organiser}") as organiser:
        visit.page.locator("#choose-phase input[value=test]").check()
        expect(visit.page.locator("#board-told")).to_contain_text("hidden until the organiser opens it")
        expect(visit.page.locator("#board-place")).to_be_hidden()
        page = organiser.page
        page.get_by_role("button", name="Open the board of the phase test").click()
        expect(page.locator("#sure-text")).to_contain_text("for good. The phase has not ended yet.")
        page.locator("#sure-no").click()
        assert not challenge.store.shows_board("test")
        page.get_by_role("button", name="Open the board of the phase test").click()
        page.locator("#sure-yes").click()
        expect(page.locator("#phases .card").nth(1)).to_contain_text("open to everybody")
        visit.page.reload()
        expect(visit.page.locator("#choose-phase input[value=test]")).to_be_checked()
        expect(visit.page.locator("#board .fold")).to_have_text("One")
        assert "23.50" in visit.page.locator("#board").inner_text()


def test_a_board_sorts_folds_and_shows_pictures_by_the_keyboard_and_no_truth(browser, challenge):
    challenge, address = challenge
    for name, psnr_db, ssim in (("One", 23.0, 0.9), ("Two", 24.0, 0.8), ("Three", 22.0, 0.85)):
        sheet = FactSheet(f"{name}'s", precomputed_depth=name == "Two", description="It\nblurs.")
        challenge.scored(challenge.submitted(challenge.team(name)[0], sheet=sheet), psnr_db=psnr_db, ssim=ssim)
    with visiting(browser, address) as visit:
        page = visit.page
        names = page.locator("#board .fold")
        expect(names).to_have_text(["One", "Three", "Two"])
        expect(page.locator("#board .rank")).to_have_text(["1", "2", "\u2013"])
        expect(page.locator("#board-notes")).to_contain_text("Not ranked: uses pre-computed depth maps")
        page.get_by_role("button", name="SSIM").press("Enter")
        expect(names).to_have_text(["One", "Three", "Two"])
        page.keyboard.press("Enter")
        expect(names).to_have_text(["Two", "Three", "One"])
        expect(page.locator("th[aria-sort=ascending]")).to_contain_text("SSIM")
        names.nth(0).press("Enter")
        expect(names.nth(0)).to_have_attribute("aria-expanded", "true")
        expect(page.locator(".inside .long")).to_have_text("It\nblurs.")
        expect(page.get_by_role("link", name="Score (JSON)")).to_have_attribute("href", f"{address}/api/scores/2")
        page.get_by_role("button", name="Its pictures").press("Enter")
        expect(page.locator("#left-name")).to_have_text("input")
        expect(page.locator("#right-name")).to_have_text("Two")
        divider = page.locator("#divider")
        expect(divider).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect(divider).to_have_attribute("aria-valuenow", "48")
        page.keyboard.press("End")
        expect(divider).to_have_attribute("aria-valuenow", "100")
        page.locator("#blind").press("Enter")
        expect(page.locator("#left-name")).to_have_text("A")
        drawn = {page.locator(each).get_attribute("src") for each in ("#under", "#over")}
        assert len(drawn) == 2
        assert all(each.endswith("1.found.jpg") for each in drawn)
        page.locator("#next").press("Enter")
        expect(page.locator("#left-name")).to_have_text("A")
        page.locator("#reveal").press("Enter")
        expect(page.locator("#gallery-told")).to_contain_text("A, left, is")
        assert page.locator("#picture").input_value() == "1"
        assert not [told.url for told in visit.told if "truth" in told.url]
    with visiting(browser, f"{address}/#submission-3") as visit:
        expect(visit.page.locator("#submission-3 .inside")).to_contain_text("Three's")


def test_the_first_page_shows_development_and_no_way_in_once_all_is_over(browser, tmp_path):
    phases = (Phase("validation", days(2), days(4), "val"), Phase("test", days(4), days(6), "test"))
    with going(tmp_path, begins=days(-1), phases=phases) as (challenge, address), visiting(browser, address) as visit:
        page = visit.page
        expect(page.locator("#now")).to_contain_text("The phase development is open")
        expect(page.locator("#phases .card")).to_have_count(3)
        expect(page.locator("#phases .card").first).to_contain_text("pairs to learn from")
        expect(page.locator("#steps")).to_contain_text("--phase validation")
        challenge.clock.go_on(days=4.5)
        page.reload()
        expect(page.locator("#steps")).to_contain_text("--phase test")
        challenge.clock.go_on(days=5)
        page.reload()
        expect(page.locator("#now")).to_contain_text("The challenge is over")
        expect(page.locator("#take-part")).to_be_hidden()
        expect(page.locator("#part")).to_be_hidden()


@pytest.mark.slow
def test_wide_and_strange_names_break_no_page(browser, tmp_path):
    title = "A title of many letters " * 8
    with going(tmp_path, title=title[:200].strip(), about=WIDE * 5) as (challenge, address):
        for name in (WIDE, HTML, "\u0641\u0631\u064a\u0642"):
            sheet = FactSheet(WIDE * 3, *[WIDE * 3] * 4, extra_data=WIDE, description="\u202e" + WIDE * 20)
            team, token = challenge.team(name)
            challenge.scored(challenge.submitted(team, sheet=sheet))
            challenge.submitted(team, sheet=sheet)
            job = challenge.queue.take("w" * 80, "h" * 200)
            challenge.queue.finish(job, "failed", why=WIDE * 20)
        challenge.submitted(team, sheet=sheet)
        challenge.queue.take("w" * 80, "h" * 200)
        for device in (DESK, PHONE, SMALL, LARGE):
            with visiting(browser, address, **device) as visit:
                _look_at_all(visit.page, address, token, challenge.organiser)


def _look_at_all(page, address, token, organiser):
    page.locator("#board .fold").first.click()
    expect(page.locator(".inside .long")).to_be_visible()
    page.get_by_role("button", name="Its pictures").click()
    expect(page.locator("#right-name")).to_have_text(WIDE)
    assert not page.evaluate(TOO_WIDE)
    page.goto(f"{address}/team")
    assert not page.evaluate(TOO_WIDE)
    enter(page, token)
    page.locator("#sheet summary").click()
    expect(page.locator("#list li")).to_have_count(3)
    assert not page.evaluate(TOO_WIDE)
    page.goto(f"{address}/o/{organiser}")
    expect(page.locator("#submissions tr")).to_have_count(7)
    assert not page.evaluate(TOO_WIDE)


def test_times_are_the_reader_s_and_utc(browser, tmp_path):
    phases = (
        Phase("first", days(-2), days(-1), "val"),
        Phase("second", days(-1), days(1), "val"),
        Phase("third", days(1), days(2), "test", board="hidden"),
    )
    with going(tmp_path, phases=phases) as (challenge, address):
        with visiting(browser, address, timezone_id="Asia/Tokyo") as visit:
            expect(visit.page.locator("#phases .badge")).to_have_text(["closed", "open now", "begins soon"])
            expect(visit.page.locator("#phases time").nth(1)).to_have_text("30 Apr 2031, 21:00 GMT+9 (12:00 UTC)")
            expect(visit.page.locator("#now .left")).to_have_text(re.compile("23 hours 59 minutes left|1 day left"))
        challenge.clock.go_on(days=3)
        with visiting(browser, address, timezone_id="UTC") as visit:
            expect(visit.page.locator("#now")).to_contain_text("The challenge is over")
            expect(visit.page.locator("#phases time").nth(1)).to_have_text("30 Apr 2031, 12:00 UTC")


def test_pages_work_below_a_prefix(browser, tmp_path):
    with going(tmp_path, root_path="/a/bokeh") as (challenge, address):
        challenge.scored(challenge.submitted(challenge.team()[0]))
        with visiting(browser, f"{address}/") as visit:
            expect(visit.page.locator("#board .fold")).to_have_text("One")
            expect(visit.page.locator("#steps code").first).to_have_text(
                f'wideopen challenge sign-up {address} "Our team"'
            )
            visit.page.get_by_role("link", name="Your team", exact=True).click()
            expect(visit.page.locator("#sign-up")).to_be_visible()
        with visiting(browser, f"{address}/o/{challenge.organiser}") as visit:
            expect(visit.page.locator("#teams")).to_contain_text("One")


def test_a_wrong_link_and_a_server_that_is_away_are_told(browser, challenge):
    challenge, address = challenge
    with visiting(browser, f"{address}/o/{challenge.organiser[:-1]}", complains=LOST) as visit:
        expect(visit.page.locator("#trouble")).to_contain_text("This link does not work")
    with visiting(browser, f"{address}/team", complains=LOST) as visit:
        visit.page.locator("#token").fill("wrong")
        visit.page.locator("#token").press("Enter")
        expect(visit.page.locator("#trouble")).to_contain_text("token is not known")
        visit.page.route("**/api/**", lambda route: route.abort())
        visit.page.reload()
        expect(visit.page.locator("#trouble")).to_contain_text("does not answer")


def test_the_pages_own_files_hold_no_other_address_and_nothing_inline():
    for file in STATIC.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//[a-z]+\.", text), file.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text), (
            file
        )
        assert len(text.splitlines()) <= 400
        if file.suffix == ".html":
            assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text), file.name
