"""The page of pairs: whole, safe against names, useful without a mouse, and of no other address."""

import html.parser
import io
import re

import numpy as np
import pytest
from PIL import Image, ImageFilter

from wideopen.errors import RequestError
from wideopen.pairs import show as show_module
from wideopen.pairs.manifest import MANIFEST, Row, write_manifest
from wideopen.pairs.show import show

pytest.importorskip("cv2")
EVIL = "\"><img src=x onerror=alert(1)>&'"
VOID = {"meta", "img", "br", "input", "link"}


class Page(html.parser.HTMLParser):
    """Elements of a page, which must close in the order in which they open."""

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements, self.text, self._open = [], "", []
        self.feed(self.source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += data

    def all(self, tag, **wanted):
        wanted = {name.strip("_"): value for name, value in wanted.items()}
        return [found for name, found in self.elements if name == tag and wanted.items() <= found.items()]


def save(pixels, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    """Three pairs of 96 x 64 px: equal, a tenth brighter, and with a name that is HTML."""
    rng = np.random.default_rng(0)
    for name, brighter in (("1", 0), ("2", 0.1), (EVIL, 0.2)):
        wide = 0.2 + 0.5 * rng.random((64, 96, 3))
        save(wide, tmp_path / "set" / "original" / f"{name}.png")
        save(np.rint(wide * 255) / 255 + brighter, tmp_path / "set" / "bokeh" / f"{name}.png")
    return tmp_path / "set"


def test_every_pair_is_there_with_its_pictures_and_figures(folder, tmp_path):
    told = []
    assert show(folder, tmp_path / "page.html", progress=lambda *counts: told.append(counts)) == 3
    page = Page(tmp_path / "page.html")
    assert len(page.all("article")) == 3
    assert told == [(1, 3), (2, 3), (3, 3)]
    sources = [image["src"] for image in page.all("img")]
    assert len(sources) == 9
    for source in sources:
        with Image.open(tmp_path / source) as picture:
            assert picture.size == (96, 64)
    assert "PSNRinfinite" in page.text
    assert "PSNR20.0" in page.text
    assert page.text.count("Colour mismatch") == page.text.count("Misalignment") == 3


def test_the_difference_is_that_of_the_pair(folder, tmp_path):
    show(folder, tmp_path / "page.html", names=["2"])
    with Image.open(tmp_path / "page.files" / "00001-difference.jpg") as picture:
        pixels = np.asarray(picture, np.float32) / 255
    assert pixels == pytest.approx(np.full((64, 96, 3), show_module.DIFFERENCE_GAIN * 26 / 255), abs=0.02)


def test_names_of_files_do_no_harm(folder, tmp_path):
    rows = [Row("1", accepted=True, wide=EVIL, gain=EVIL), *(Row(name, accepted=True) for name in ("2", EVIL))]
    write_manifest(folder / MANIFEST, rows)
    show(folder, tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    assert len(page.all("img")) == 9
    assert not any("onerror" in attributes for _, attributes in page.elements)
    assert page.text.count(EVIL) == 3
    labels = [button["aria-label"] for button in page.all("button", class_="flicker")]
    assert f"{EVIL}: bokeh shown" in labels
    assert len(page.all("script")) == 1


@pytest.mark.parametrize("embed", [False, True])
def test_nothing_is_asked_of_another_address(folder, tmp_path, embed):
    out = tmp_path / "a page & more.html"
    show(folder, out, embed=embed)
    page = Page(out)
    addresses = [value for _, found in page.elements for name, value in found.items() if name in ("src", "href")]
    start = "data:image/jpeg;base64," if embed else "./a%20page%20%26%20more.files/"
    assert len(addresses) == 9
    assert all(address.startswith(start) for address in addresses)
    assert not re.search(r"https?:|//|@import|url\(", re.sub(r"base64,[^\"]*", "", page.source))
    assert (tmp_path / "a page & more.files").exists() != embed


def test_pictures_wait_until_they_are_looked_at(folder, tmp_path):
    show(folder, tmp_path / "page.html")
    images = Page(tmp_path / "page.html").all("img")
    assert all(image["loading"] == "lazy" for image in images)
    assert all((image["width"], image["height"]) == ("96", "64") for image in images)


def test_keyboard_screen_reader_phone_and_dark_are_served(folder, tmp_path):
    show(folder, tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    assert page.all("html", lang="en")
    assert page.all("meta", name="viewport")
    assert [len(page.all(tag)) for tag in ("header", "main", "h1", "h2")] == [1, 1, 1, 3]
    assert all(image.keys() >= {"alt"} for image in page.all("img"))
    photos = page.all("button", class_="flicker", type="button")
    assert len(photos) == 3
    assert all(photo["aria-pressed"] == "false" for photo in photos)
    assert [button["aria-pressed"] for button in page.all("button", id="automatic")] == ["false"]
    assert "prefers-color-scheme: dark" in page.source
    assert min(int(option["value"]) for option in page.all("option")) >= 334, "no more than three flashes a second"
    labels = {article["aria-labelledby"] for article in page.all("article")}
    assert labels == {heading["id"] for heading in page.all("h2")}


def test_only_accepted_pairs_of_the_part_are_shown(folder, tmp_path):
    rows = [
        Row("1", accepted=True, split="val", inliers=120, residual_px=0.51, overlap=0.934, width=96, height=64),
        Row("2", accepted=True, split="train"),
        Row(EVIL, accepted=False, reason="no"),
    ]
    write_manifest(folder / MANIFEST, rows)
    assert show(folder, tmp_path / "page.html", split="val") == 1
    text = Page(tmp_path / "page.html").text
    for figure in ("Partval", "Inliers120", "Residual0.51 px", "Overlap93.4 %", "Size96x64 px"):
        assert figure in text
    with pytest.raises(RequestError, match="no accepted pair"):
        show(folder, tmp_path / "other.html", names=[EVIL])
    write_manifest(folder / MANIFEST, [Row("1", accepted=False)])
    with pytest.raises(RequestError, match="accepts none"):
        show(folder, tmp_path / "other.html")


def shown(path):
    return re.findall(r'<h2 id="pair-\d+">([^<]*)</h2>', path.read_text(encoding="utf-8"))


def test_the_worst_come_first(folder, tmp_path):
    assert show(folder, tmp_path / "page.html", worst="colour_mismatch_lab", most=2) == 2
    names = shown(tmp_path / "page.html")
    assert names[1:] == ["2"]
    assert "onerror" in names[0]
    with Image.open(folder / "bokeh" / "2.png") as picture:
        blurred = picture.filter(ImageFilter.GaussianBlur(2))
    blurred.save(folder / "bokeh" / "2.png")
    show(folder, tmp_path / "next.html", worst="sharpness_kept", most=1)
    assert shown(tmp_path / "next.html") == ["2"]
    (folder / "bokeh" / "1.png").write_bytes(b"broken")
    show(folder, tmp_path / "last.html", worst="sharpness_kept", most=2)
    assert shown(tmp_path / "last.html") == ["1", "2"]


def test_a_broken_pair_is_told_of_and_the_others_are_shown(folder, tmp_path):
    (folder / "bokeh" / "1.png").write_bytes(b"broken")
    save(np.zeros((64, 80, 3)), folder / "bokeh" / "2.png")
    assert show(folder, tmp_path / "page.html") == 3
    page = Page(tmp_path / "page.html")
    assert len(page.all("article")) == 3
    assert len(page.all("p", class_="trouble")) == 2
    assert "1.png" in page.text
    assert "96x64 and 80x64 px" in page.text


def test_measures_of_the_manifest_are_not_measured_again(folder, tmp_path, monkeypatch):
    from wideopen.pairs.clean import Thresholds, clean

    clean(folder, Thresholds(most_colour_mismatch_lab=None))
    monkeypatch.setattr(show_module, "measure", None)
    monkeypatch.setattr(show_module, "measure_files", None)
    assert show(folder, tmp_path / "page.html", worst="colour_mismatch_lab") == 3
    assert Page(tmp_path / "page.html").text.count("Colour mismatch") == 3


def test_without_measuring_the_page_has_what_is_known(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(show_module, "measure", None)
    show(folder, tmp_path / "page.html", measured=False)
    text = Page(tmp_path / "page.html").text
    assert text.count("PSNR") == 3
    assert "Colour mismatch" not in text


def test_pictures_are_as_small_as_asked_and_never_enlarged(folder, tmp_path):
    show(folder, tmp_path / "page.html", side_px=48)
    with Image.open(tmp_path / "page.files" / "00001-bokeh.jpg") as picture:
        assert picture.size == (48, 32)


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_pairs_give_the_same_bytes(folder, tmp_path):
    show(folder, tmp_path / "one" / "page.html")
    show(folder, tmp_path / "two" / "page.html")
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert len(content(tmp_path / "one")) == 10


def test_a_page_of_before_is_replaced_only_when_asked(folder, tmp_path):
    out = tmp_path / "page.html"
    show(folder, out)
    before = content(tmp_path)
    with pytest.raises(RequestError, match="--overwrite"):
        show(folder, out, names=["1"])
    assert content(tmp_path) == before
    assert show(folder, out, names=["1"], overwrite=True) == 1
    assert sorted(path.name for path in (tmp_path / "page.files").iterdir()) == [
        "00001-bokeh.jpg",
        "00001-difference.jpg",
        "00001-original.jpg",
    ]


def test_a_folder_of_other_things_is_never_replaced(folder, tmp_path):
    (tmp_path / "page.files").mkdir()
    (tmp_path / "page.files" / "holiday.jpg").write_bytes(b"mine")
    before = content(tmp_path)
    with pytest.raises(RequestError, match=r"holds holiday\.jpg"):
        show(folder, tmp_path / "page.html", overwrite=True)
    with pytest.raises(RequestError, match=r"ends in \.html"):
        show(folder, tmp_path / "page.jpg")
    assert content(tmp_path) == before


def test_too_much_inside_one_page_is_refused_and_nothing_is_left(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(show_module, "MOST_EMBEDDED_BYTES", 20_000)
    before = content(tmp_path)
    with pytest.raises(RequestError, match="pairs are more than 0 MiB") as error:
        show(folder, tmp_path / "page.html", embed=True)
    assert "\n" not in str(error.value)
    assert content(tmp_path) == before


def test_a_fault_midway_leaves_the_page_of_before(folder, tmp_path, monkeypatch):
    show(folder, tmp_path / "page.html")
    before = content(tmp_path)

    def fail(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        show(folder, tmp_path / "page.html", overwrite=True, progress=fail)
    assert content(tmp_path) == before


def test_thumbnails_are_jpeg():
    jpeg = show_module.thumbnail(np.full((40, 60, 3), 0.5, np.float32), side_px=30)
    with Image.open(io.BytesIO(jpeg)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (30, 20))
