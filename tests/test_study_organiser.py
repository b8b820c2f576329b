"""The organiser's page, and what all pages of a study share, before the real server."""

import re

import pytest
from playwright.sync_api import expect

from study_browser import LOST, METHODS, NAMES, STATIC, served, visiting


@pytest.fixture
def study(tmp_path):
    with served(tmp_path / "study") as study:
        yield study


def test_the_organiser_sees_counts_alone_and_makes_links(browser, study):
    with visiting(browser, study.trained()) as visit:
        visit.at("Picture", 0)
        visit.page.keyboard.press("4")
        visit.at("Picture", 1)
    with visiting(browser, study.organiser(), permissions=["clipboard-read", "clipboard-write"]) as visit:
        page = visit.page
        expect(page.locator(".counts dd")).to_have_text(["1", "0", "1"])
        expect(page.locator(".aside")).to_contain_text("wideopen study report")
        page.locator("#count").fill("2")
        page.locator("form button").click()
        expect(page.locator("#links code")).to_have_count(2)
        page.locator("#links button").last.click()
        expect(page.locator("#links button").last).to_have_text("Copied")
        link = page.evaluate("navigator.clipboard.readText()")
        page.locator("#all").click()
        assert page.evaluate("navigator.clipboard.readText()").splitlines()[-1] == link
        said = visit.words()
        assert not any(secret in said for secret in (*METHODS, *NAMES))
    with visiting(browser, link) as visit:
        expect(visit.page.locator("#agree")).to_be_visible()


def test_the_organisers_counts_refresh_themselves(browser, study):
    with visiting(browser, study.organiser(), complains=LOST) as visit:
        page = visit.page
        page.clock.install()
        page.reload()
        expect(page.locator("#begun")).to_have_text("0")
        with visiting(browser, study.trained()) as other:
            other.at("Picture", 0)
        page.clock.run_for(11_000)
        expect(page.locator("#begun")).to_have_text("1")
        page.route("**/progress", lambda route: route.abort())
        page.clock.run_for(11_000)
        expect(page.locator("#trouble")).to_contain_text("does not answer")


def test_a_simulated_study_says_so_on_every_page(browser, tmp_path):
    with served(tmp_path / "study", simulated=True) as study:
        for link in (study.rater(), study.organiser()):
            with visiting(browser, link) as visit:
                expect(visit.page.locator("#simulated")).to_be_visible()
        with visiting(browser, study.trained()) as visit:
            visit.at("Picture", 0)
            expect(visit.page.locator("#simulated")).to_have_text("simulated study")
            colours = visit.page.evaluate(
                "['#judge', '#simulated', '#levels button'].map(one => getComputedStyle(document.querySelector(one))"
                ".backgroundColor)"
            )
            for colour in colours:
                assert len(set(re.findall(r"\d+", colour))) == 1, "all around the pictures is neutral"


def test_pages_work_below_a_prefix(browser, tmp_path):
    with served(tmp_path / "study", root_path="/a/study") as study, visiting(browser, study.trained()) as visit:
        visit.at("Picture", 0)
        visit.page.keyboard.press("4")
        visit.at("Picture", 1)
    assert study.given() == [(0, 4)]


def test_the_pages_own_files_hold_no_other_address_and_nothing_inline():
    for file in STATIC.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//[a-z]+\.", text), file.name
        if file.suffix == ".html":
            assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text), file.name
