"""The leaderboard's page in a real browser: sorted, filtered, folded out, copied from, and pictures compared blind."""

import io
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from browser import page_of
from wideopen.errors import RequestError
from wideopen.score import gallery as gallery_module
from wideopen.score.details import worst_first
from wideopen.score.gallery import gallery_of, labelled, script_json
from wideopen.score.leaderboard import collect, joined, ranked
from wideopen.score.page import write_board
from wideopen.score.published import CONTRADICTIONS, CPU_TRACK, GPU_TRACK
from wideopen.score.score import Score, write_score

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\u2028\"'&amp;"
RED, GREEN, BLUE, GREY = (220, 20, 20), (20, 200, 20), (20, 20, 220), (128, 128, 128)


def measured(solution="lens", **others):
    known = {
        "psnr_db": 24.0,
        "ssim": 0.9,
        "device": "a machine",
        "date": "2026-01-02",
        "command": f"wideopen score '{solution}' --pairs 'my set'",
        "data": {"name": "ebb", "split": "val", "sha256": "aa" * 32},
    }
    return Score(solution, **({"track": "cpu", "origin": "measured", "protocol": "aim2020/1"} | known | others))


def picture(path, colour, size=(300, 200)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.broadcast_to(np.uint8(colour), (size[1], size[0], 3))
    Image.fromarray(pixels).save(path, "JPEG", quality=95)


@pytest.fixture
def scores(tmp_path):
    """Score files of two contestants with pictures 2 and 10, and of one that names itself with HTML."""
    for name, colour, others in (
        ("lens", RED, {"mos": 3.5, "mos_interval": (3.3, 3.7), "raters": 20}),
        ("gaussian", GREEN, {"psnr_db": math.inf, "settings": {"sigma_px": 3.0}, "others": {"lpips": 0.25}}),
        (EVIL, BLUE, {"mos": 2.0, "team": EVIL, "settings": {EVIL: EVIL}, "notes": (EVIL,), "checkpoint": EVIL}),
    ):
        stem = "evil" if name == EVIL else name
        for number in ("2", "10") if name != EVIL else ("10",):
            folder = tmp_path / "scores" / f"{stem}.files"
            picture(folder / f"{number}.found.jpg", colour)
            picture(folder / f"{number}.truth.jpg", GREY)
            picture(folder / f"{number}.input.jpg", (0, 0, 0))
        rows = tuple({"name": str(at), "psnr_db": 20.0 + (7 * at) % 12, "ssim": None} for at in range(12))
        score = measured(name, pictures=f"{stem}.files", per_image=rows, **others)
        write_score(score, tmp_path / "scores" / f"{stem}.json")
    return tmp_path / "scores"


@pytest.fixture
def board(scores, tmp_path):
    rows = ranked(joined([*CPU_TRACK, *GPU_TRACK, *collect([scores])]))
    write_board(rows, tmp_path / "board.html", title="Bokeh & more")
    return tmp_path / "board.html"


def names(page):
    return page.locator("#board > tbody:visible .fold span").all_inner_texts()


def column(page, title):
    at = page.locator("#board > thead th").all_inner_texts().index(title)
    cells = "(all, at) => all.map(one => one.rows[0].cells[at].innerText.trim())"
    return page.locator("#board > tbody:visible").evaluate_all(cells, at)


def press(page, title):
    page.locator("#board > thead button", has_text=title).click()


def test_rows_stand_in_their_order_and_say_where_they_are_from(board):
    with page_of(board) as page:
        assert page.locator("h1").inner_text() == "Bokeh & more"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert names(page)[:3] == ["airia-bokeh", "aia-smart", "lens"]
        assert column(page, "#")[:8] == ["1", "2", "3", "4", "5=", "5=", "7", "8"]
        origins = page.locator("#board .badge").all_inner_texts()
        assert (origins.count("published"), origins.count("measured")) == (14, 3)
        grounds = page.locator("#board > tbody").evaluate_all(
            "all => all.map(one => one.className + getComputedStyle(one.rows[0].cells[2]).backgroundColor)"
        )
        assert len(set(grounds)) == 2, "measured and published rows differ by their tint too"
        warnings = page.locator(".warnings li").all_inner_texts()
        assert any("different protocols" in line for line in warnings)
        above = "document.querySelector('.warnings').getBoundingClientRect().bottom"
        assert page.evaluate(f"{above} < document.querySelector('#board').getBoundingClientRect().top")
        assert page.locator(".contradictions q").count() == sum(len(each.quotations) for each in CONTRADICTIONS)
        assert not page.locator(".contradictions q").first.is_visible()
        page.locator(".contradictions summary").click()
        assert page.locator(".contradictions q").first.is_visible()
        page.locator("#board sup a").first.click()
        assert page.locator("li:target").inner_text().startswith("Published figures")


def test_columns_sort_by_click_and_key_with_unknown_last(board):
    with page_of(board) as page:
        runtimes = column(page, "Runtime s")
        assert "-" in runtimes
        press(page, "Runtime")
        found = column(page, "Runtime s")
        known = [float(each) for each in found if each != "-"]
        assert known == sorted(known)
        assert found[: len(known)].count("-") == 0
        headers = page.locator("#board > thead th")
        states = headers.evaluate_all("all => all.map(one => one.getAttribute('aria-sort')).filter(Boolean)")
        assert states == ["ascending"]
        page.keyboard.press("Enter")
        found = column(page, "Runtime s")
        assert [float(each) for each in found if each != "-"] == sorted(known, reverse=True)
        assert found[: len(known)].count("-") == 0
        press(page, "PSNR")
        assert names(page)[0] == "gaussian", "infinite is the best"
        press(page, "Protocol")
        assert column(page, "Protocol")[-3:] == ["aim2020/1"] * 3
        psnr = column(page, "PSNR dB")[:14]
        assert psnr == sorted(psnr, reverse=True), "equal cells keep the order of before"


def test_a_track_is_shown_alone(board):
    with page_of(board) as page:
        assert page.locator("#shown").inner_text() == "17 of 17 rows"
        page.locator(".filter label", has_text="gpu").click()
        assert names(page) == ["airia-bokeh", "aia-smart-layered", "cet-cvlab", "team-horizon"]
        assert column(page, "#") == ["1", "2", "3=", "3="]
        assert page.locator("#shown").inner_text() == "4 of 17 rows"
        page.keyboard.press("ArrowLeft")
        assert len(names(page)) == 13
        press(page, "SSIM")
        assert len(names(page)) == 13


def test_a_row_folds_out_its_provenance_and_its_command_is_copied(board):
    with page_of(board) as page:
        group = page.locator("#board > tbody", has=page.get_by_text("gaussian", exact=True))
        details = group.locator(".details")
        assert not details.is_visible()
        group.locator(".fold").focus()
        page.keyboard.press("Enter")
        assert group.locator(".fold").get_attribute("aria-expanded") == "true"
        text = details.inner_text()
        for words in ("a machine", "2026-01-02", "unknown; it did not run", "sigma_px", "lpips", "aim2020/1"):
            assert words in text
        first = details.locator("table.pictures tbody tr").first.inner_text().split()
        assert first == ["0", "20", "-"]
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        details.locator(".copy").click()
        page.get_by_text("Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == "wideopen score 'gaussian' --pairs 'my set'"


def test_names_are_text_wherever_they_stand(board):
    with page_of(board) as page:
        assert page.locator("img").count() == 2
        assert page.locator("script").count() == 2
        shown = re.sub(r"\s", " ", EVIL)
        assert any(re.sub(r"\s", " ", name) == shown for name in names(page))
        labels = page.locator("#left option").all_inner_texts()
        assert labels[:2] == ["lens", "gaussian"]
        page.locator("#next").click()
        labels = page.locator("#left option").evaluate_all("all => all.map(one => one.text)")
        assert [re.sub(r"\s", " ", label) for label in labels] == ["lens", shown, "gaussian", "truth", "input"]
        page.locator("#left").select_option(index=1)
        assert re.sub(r"\s", " ", page.locator("#left-name").inner_text()) == shown


def test_a_script_that_is_not_the_pages_own_never_runs(board):
    board.write_text(board.read_text(encoding="utf-8").replace("</main>", "<script>stranger = 1</script></main>"))
    found = []
    with pytest.raises(AssertionError), page_of(board) as page:  # the browser complains of what it stopped
        found.append(page.evaluate("typeof stranger"))
    assert found == ["undefined"]


def under(page, left, top=100):
    """Tell which colour is seen at a place of the stage."""
    shot = Image.open(io.BytesIO(page.locator("#viewport").screenshot()))
    return np.asarray(shot.convert("RGB"))[top, left].astype(int)


def test_the_line_between_two_pictures_is_moved_by_keys_and_dragged(board):
    with page_of(board) as page:
        assert page.locator("#picture option").all_inner_texts() == ["2", "10"], "2 comes before 10"
        assert page.locator("#left-name").inner_text() == "lens"
        assert page.locator("#right-name").inner_text() == "truth"
        assert under(page, 60) == pytest.approx(RED, abs=12)
        assert under(page, 240) == pytest.approx(GREY, abs=12)
        line = page.locator("#divider")
        line.focus()
        page.keyboard.press("Home")
        assert line.get_attribute("aria-valuenow") == "0"
        assert under(page, 60) == pytest.approx(GREY, abs=12)
        for key, value in (("PageUp", "10"), ("ArrowRight", "12"), ("Shift+ArrowLeft", "2"), ("End", "100")):
            page.keyboard.press(key)
            assert line.get_attribute("aria-valuenow") == value
        assert under(page, 240) == pytest.approx(RED, abs=12)
        box = page.locator("#viewport").bounding_box()
        page.mouse.move(box["x"] + 250, box["y"] + 150)
        page.mouse.down()
        page.mouse.move(box["x"] + 30, box["y"] + 150, steps=3)
        page.mouse.up()
        assert line.get_attribute("aria-valuenow") == "10"
        page.locator("#right").select_option("gaussian")
        assert under(page, 240) == pytest.approx(GREEN, abs=12)


def test_zoom_shows_pixels_and_pans(board):
    with page_of(board, width=390) as page:
        page.locator("#zoom").select_option("4")
        assert page.locator("#canvas").evaluate("one => one.offsetWidth") == 1200
        page.locator("#divider").focus()
        for at in (0, 500):
            page.locator("#viewport").evaluate(f"one => {{ one.scrollLeft = {at}; }}")
            page.keyboard.press("Home")
            assert under(page, 100) == pytest.approx(GREY, abs=12), "the line stays where it is seen"
        page.locator("#zoom").select_option("1")
        assert page.locator("#canvas").evaluate("one => one.offsetWidth") == 300
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_blind_hides_the_names_until_they_are_revealed(board):
    with page_of(board) as page:
        drawn = set()
        for at in range(10):
            page.locator("#blind").click()
            page.locator(("#next", "#previous")[at % 2]).click()
            assert page.locator("#reveal").is_visible(), "another picture gives nothing away"
            panel = page.locator(".panel").inner_text()
            assert not any(word in panel for word in ("lens", "gaussian", "alert", "input"))
            assert [page.locator(one).inner_text() for one in ("#left-name", "#right-name")] == ["A", "B"]
            assert page.locator("#left").is_disabled()
            alternatives = page.locator("#canvas img").evaluate_all("all => all.map(one => one.alt)")
            assert alternatives == ["A", "B"]
            sources = page.locator("#canvas img").evaluate_all("all => all.map(one => one.src)")
            assert sources[0] != sources[1]
            page.locator("#reveal").click()
            pair = (page.locator("#left-name").inner_text(), page.locator("#right-name").inner_text())
            assert "input" not in pair
            assert page.locator("#told").inner_text().startswith(f"A, left, is {pair[0]}. B, right, is")
            assert not page.locator("#left").is_disabled()
            drawn.add(pair)
        assert len(drawn) > 1


def test_a_phone_at_night_shows_all_of_its_width(board):
    with page_of(board, width=360, height=700, dark=True) as page:
        for fold in page.locator(".measured .fold").all():
            fold.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        inside = page.locator(".measured .inside").first.bounding_box()
        assert inside["x"] >= 0
        assert inside["x"] + inside["width"] <= 360
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 20, 19)"


def test_a_page_without_pictures_and_published_rows_has_neither_part(tmp_path):
    write_board(ranked([measured(mos=3.0)]), tmp_path / "board.html")
    write_board([], tmp_path / "none.html")
    with page_of(tmp_path / "board.html") as page:
        for part in ("#gallery", ".contradictions", ".warnings", ".filter", ".notes"):
            assert page.locator(part).count() == 0
        assert page.locator("th[aria-sort=ascending]").inner_text() == "#"
    with page_of(tmp_path / "none.html") as page:
        assert page.locator("#board > tbody").count() == 0


def test_without_a_script_all_is_there(board):
    text = board.read_text(encoding="utf-8")
    assert not re.search(r'<tr class="details"[^>]*hidden', text)
    assert not re.search(r"https?:|@import|url\(", re.sub(r"base64,[^\"]*", "", text))


def test_the_column_that_ranks_is_shown(tmp_path):
    scores = [measured("a", others={"lpips": 0.3}), measured("b", others={"lpips": 0.2})]
    write_board(ranked(scores, by="lpips"), tmp_path / "board.html", by="lpips")
    with page_of(tmp_path / "board.html") as page:
        assert column(page, "Lpips") == ["0.2000", "0.3000"]
        assert "Ranked by lpips, lowest first" in page.locator("header").inner_text()


def test_pictures_beyond_the_room_are_left_out_and_told_of(scores, tmp_path, monkeypatch):
    monkeypatch.setattr(gallery_module, "MOST_EMBEDDED_BYTES", 9_000)
    rows = ranked(collect([scores]))
    gallery = gallery_of(rows)
    assert [each.name for each in gallery.pictures] == ["2"]
    assert gallery.left_out == 1
    write_board(rows, tmp_path / "board.html")
    assert "1 picture was left out" in (tmp_path / "board.html").read_text(encoding="utf-8")


def test_pictures_that_are_gone_are_told_of_and_broken_ones_refused(scores, tmp_path):
    rows = ranked([measured("moved", pictures=str(tmp_path / "gone"))])
    assert gallery_of(rows).missing == ("moved",)
    write_board(rows, tmp_path / "board.html")
    assert "small pictures of moved are not beside" in (tmp_path / "board.html").read_text(encoding="utf-8")
    (scores / "lens.files" / "2.truth.jpg").write_bytes(b"broken")
    with pytest.raises(RequestError, match=r"2\.truth\.jpg cannot be shown"):
        write_board(ranked(collect([scores])), tmp_path / "other.html")
    assert not (tmp_path / "other.html").exists()


def test_the_same_name_in_other_data_is_another_picture(scores):
    score = collect([scores / "lens.json"])[0]
    other = replace(score, data={"sha256": "bb" * 32})
    pictures = gallery_of(ranked([score, other])).pictures
    assert [each.name for each in pictures] == ["2 (aaaaaaaa)", "2 (bbbbbbbb)", "10 (aaaaaaaa)", "10 (bbbbbbbb)"]
    (two, ten) = gallery_of(ranked([score, replace(score, mos=None)])).pictures
    assert [*two.choices] == ["truth", "input", "lens (cpu, 2026-01-02)", "lens (cpu, 2026-01-02) #2"]
    assert [each["label"] for each in ten.record()["choices"]][-2:] == ["truth", "input"]


def test_a_contestant_that_is_called_truth_is_told_from_it():
    assert [*labelled(ranked([measured("truth"), *CPU_TRACK[:1]]))] == ["truth (cpu, 2026-01-02)"]


def test_json_in_the_page_cannot_end_its_script():
    text = script_json({"name": EVIL, "x": math.inf})
    assert "<" not in text
    assert json.loads(text)["name"] == EVIL
    assert "\u2028" not in text


def test_the_worst_ten_come_first():
    rows = tuple({"name": str(at), "psnr_db": float(-at)} for at in range(12))
    assert [each["name"] for each in worst_first(measured(per_image=rows))] == [*map(str, range(11, 1, -1)), "0", "1"]
    assert [each["name"] for each in worst_first(measured(per_image=rows, worst=("3", "1")))][:3] == ["3", "1", "0"]
    assert worst_first(measured(per_image=("no record", {"psnr_db": None}))) == [{"psnr_db": None}]


def test_a_page_of_before_is_replaced_only_when_asked(tmp_path):
    out = tmp_path / "new" / "board.html"
    write_board(ranked(CPU_TRACK), out)
    before = out.read_bytes()
    with pytest.raises(RequestError, match="--overwrite"):
        write_board(ranked(GPU_TRACK), out)
    assert out.read_bytes() == before
    write_board(ranked(GPU_TRACK), out, overwrite=True)
    assert out.read_bytes() != before
    assert [path.name for path in out.parent.iterdir()] == ["board.html"]
    with pytest.raises(RequestError, match=r"ends in \.html"):
        write_board(ranked(CPU_TRACK), tmp_path / "board.png")
