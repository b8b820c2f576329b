"""Measures of pairs obey their laws; cleaning marks what they find, says why, and can be undone."""

import html.parser
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wideopen.errors import RequestError
from wideopen.pairs import clean as clean_module
from wideopen.pairs.clean import CLEANED, PAGE, Thresholds, clean, restore
from wideopen.pairs.manifest import MANIFEST, Row, read_manifest, write_manifest
from wideopen.pairs.measures import (
    Measures,
    colour_mismatch,
    displacement,
    fingerprint,
    measure,
    measures_in,
    sharpness_kept,
    with_measures,
)
from wideopen.pairs.pair import pairs_in

cv2 = pytest.importorskip("cv2")
HEIGHT, WIDTH = 192, 288
SUBJECT = np.s_[48:144, 72:216]
REAL = Path(__file__).parents[2] / "shared" / "data" / "pairs"


def texture(seed=0, height=HEIGHT, width=WIDTH):
    """Fine detail over broad colours."""
    rng = np.random.default_rng(seed)
    broad = cv2.resize(rng.random((4, 6, 3)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    fine = cv2.GaussianBlur(rng.normal(size=(height, width, 1)).astype(np.float32), (0, 0), 0.8)[..., None]
    return (0.3 + 0.35 * broad + 0.15 * fine).clip(0.02, 0.98).astype(np.float32)


def blurred(picture, sigma_px=4.0):
    return cv2.GaussianBlur(picture, (0, 0), sigma_px)


def shallow(picture):
    """In focus on the subject only."""
    result = blurred(picture)
    result[SUBJECT] = picture[SUBJECT]
    return result


def cut(picture, down=0, across=0, margin=40):
    """Look at the middle of a larger picture, displaced."""
    return picture[margin + down : margin + down + HEIGHT, margin + across : margin + across + WIDTH]


def test_equal_pictures_have_nothing_wrong():
    found = measure(texture(), texture())
    assert (found.colour_mismatch_lab, found.sharpness_kept) == (0, 1)
    assert found.motion_px < 0.1
    assert found.misalignment_px < 0.01


def test_bokeh_alone_is_nothing_wrong():
    found = measure(texture(), shallow(texture()))
    assert found.colour_mismatch_lab < 0.5
    assert found.sharpness_kept > 0.97
    assert found.motion_px < 0.3
    assert found.misalignment_px < 0.1


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture * np.float32([0.8, 0.9, 1.0]),
        lambda picture: picture * np.float32(0.75),
        lambda picture: picture * np.float32(0.85) + np.float32(0.1),
    ],
    ids=["tint", "darker", "flatter"],
)
def test_a_change_of_colour_raises_only_the_mismatch(change):
    wide = texture()
    plain, changed = measure(wide, shallow(wide)), measure(wide, change(shallow(wide)))
    assert changed.colour_mismatch_lab > plain.colour_mismatch_lab + 3
    assert changed.sharpness_kept == pytest.approx(plain.sharpness_kept, abs=0.1)
    assert changed.motion_px == pytest.approx(plain.motion_px, abs=0.1)
    assert changed.misalignment_px == pytest.approx(plain.misalignment_px, abs=0.1)


def test_the_mismatch_is_the_distance_in_cielab():
    color = pytest.importorskip("skimage.color")
    one, other = np.float32([0.6, 0.4, 0.3]), np.float32([0.2, 0.45, 0.7])
    flat = np.ones((64, 96, 3), np.float32)
    wanted = float(color.deltaE_cie76(color.rgb2lab(one), color.rgb2lab(other)))
    assert colour_mismatch(flat * one, flat * other) == pytest.approx(wanted, rel=2e-3)


def test_blur_everywhere_lowers_only_the_sharpness():
    wide = texture()
    found = [measure(wide, blurred(wide, sigma)) for sigma in (0.5, 1.0, 2.0, 4.0)]
    kept = [one.sharpness_kept for one in found]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > 0.6 > 0.45 > kept[1]
    assert kept[3] < 0.05
    assert all(one.colour_mismatch_lab < 0.6 for one in found)
    assert (found[3].motion_px, found[3].misalignment_px) == (None, None), "nothing sharp is left to compare"


@pytest.mark.parametrize("moved_px", [3, 6])
def test_a_moved_part_raises_only_the_motion(moved_px):
    wide = texture()
    pair = shallow(wide)
    plain = measure(wide, pair)
    part = np.s_[48:144, 168:216]
    pair[part] = np.roll(wide, moved_px, axis=0)[part]
    found = measure(wide, pair)
    assert plain.motion_px < 0.3
    assert found.motion_px == pytest.approx(moved_px, abs=0.3)
    assert found.misalignment_px < 0.1
    assert found.sharpness_kept > 0.97
    assert found.colour_mismatch_lab < plain.colour_mismatch_lab + 0.5


@pytest.mark.parametrize(("down", "across"), [(0, 2), (-3, 4), (5, 0), (25, -20)])
def test_a_shift_raises_only_the_misalignment(down, across):
    large = texture(height=HEIGHT + 80, width=WIDTH + 80)
    found = measure(cut(large), shallow(cut(large, down, across)))
    assert found.misalignment_px == pytest.approx(np.hypot(down, across), abs=0.1)
    assert found.motion_px < 0.3
    assert found.sharpness_kept > 0.9


def test_a_shift_is_found_to_parts_of_a_pixel():
    transform = np.float32([[1, 0, 1.5], [0, 1, 0]])
    wide = cv2.GaussianBlur(texture(), (0, 0), 0.7)
    moved = cv2.warpAffine(wide, transform, (WIDTH, HEIGHT), flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT)
    assert displacement(wide, moved)[0] == pytest.approx(1.5, abs=0.1)


def test_another_picture_is_as_far_off_as_was_searched():
    misalignment_px, motion_px = displacement(texture(1), texture(2))
    assert misalignment_px == pytest.approx(0.2 * HEIGHT)
    assert motion_px is None


def test_along_mere_edges_no_displacement_is_claimed():
    rng = np.random.default_rng(0)
    stripes = np.repeat(rng.random((1, WIDTH // 3, 3)), 3, axis=1).repeat(HEIGHT, axis=0).astype(np.float32)
    assert sharpness_kept(stripes, stripes) == 1
    assert displacement(stripes, stripes) == (None, None)


def test_without_texture_there_is_nothing_to_measure_by():
    flat = np.full((64, 96, 3), 0.5, np.float32)
    assert sharpness_kept(flat, flat) is None
    assert displacement(flat, flat) == (None, None)
    assert measure(flat, flat).colour_mismatch_lab == 0


@pytest.mark.parametrize("sizes", [((64, 96), (96, 64)), ((63, 96), (63, 96))])
def test_sizes_that_cannot_be_measured_are_refused_in_one_line(sizes):
    with pytest.raises(RequestError, match="px; ") as error:
        measure(*(np.zeros((*size, 3), np.float32) for size in sizes))
    assert "\n" not in str(error.value)


def test_measures_are_known_again_only_of_the_same_pictures(tmp_path):
    measures = Measures(1.0, 0.5, None, None)
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"1")
    other.write_bytes(b"2")
    assert fingerprint(one, other) != fingerprint(other, one)
    settings = with_measures('{"lens": "50 mm"}', measures, of=fingerprint(one, other))
    assert json.loads(settings)["lens"] == "50 mm"
    assert measures_in(settings, of=fingerprint(one, other)) == measures
    assert measures_in(settings, of=fingerprint(other, one)) is None
    assert measures_in("", of="") is None
    assert measures_in('{"measures": {"of": "x", "beauty": 3}}', of="x") is None


@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data/pairs")
def test_real_pairs_of_ebb_pass():
    from wideopen.pairs.measures import measure_files

    for place in sorted((REAL / "ebb").iterdir()):
        found = measure_files(place / "f16.jpg", place / "f1.8.jpg")
        assert clean_module._reason(clean_module._Finding(place.name, found), Thresholds()) == "", place.name


def save(picture, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    """One pair that is sound and one of each kind that is not; one that was refused before."""
    wide = texture()
    faults = {
        "sound": shallow(wide),
        "dark": shallow(wide) * np.float32(0.6),
        "blurred": blurred(wide, 3.0),
        "shifted": np.roll(shallow(wide), 9, axis=1),
        "refused": blurred(wide, 3.0),
    }
    for name, picture in faults.items():
        save(wide, tmp_path / "set" / "original" / f"{name}.png")
        save(picture, tmp_path / "set" / "bokeh" / f"{name}.png")
    rows = [Row(name, accepted=name != "refused", split="train", settings='{"seed": 3}') for name in faults]
    rows[-1] = Row("refused", accepted=False, reason="too few matches", split="train")
    write_manifest(tmp_path / "set" / MANIFEST, rows)
    return tmp_path / "set"


def content(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_cleaning_marks_what_is_wrong_and_says_why(folder):
    pictures = {name: data for name, data in content(folder).items() if name.endswith(".png")}
    told = []
    report = clean(folder, progress=lambda done, total: told.append((done, total)))
    assert [pair.name for pair in report.dropped] == ["dark", "blurred", "shifted"]
    assert (report.judged, report.page, told) == (4, folder / PAGE, [(1, 4), (2, 4), (3, 4), (4, 4)])
    rows = read_manifest(folder / MANIFEST)
    assert [name for name, row in rows.items() if row.accepted] == ["sound"]
    assert "colours differ" in rows["dark"].reason
    assert "nothing in focus" in rows["blurred"].reason
    assert rows["shifted"].reason.startswith(f"{CLEANED}shifted by 9 px")
    assert rows["refused"] == Row("refused", accepted=False, reason="too few matches", split="train")
    record = json.loads(rows["sound"].settings)
    assert record["seed"] == 3
    assert record["measures"]["sharpness_kept"] > 0.97
    assert [pair.name for pair in pairs_in(folder)] == ["sound"]
    assert {name: data for name, data in content(folder).items() if name.endswith(".png")} == pictures


def test_restoring_accepts_what_cleaning_dropped_and_nothing_else(folder):
    before = {name: (row.accepted, row.reason, row.split) for name, row in read_manifest(folder / MANIFEST).items()}
    clean(folder)
    assert restore(folder) == ("dark", "blurred", "shifted")
    after = {name: (row.accepted, row.reason, row.split) for name, row in read_manifest(folder / MANIFEST).items()}
    assert after == before
    assert not (folder / PAGE).exists()
    assert restore(folder) == ()


def test_cleaning_again_judges_anew_without_measuring_again(folder, monkeypatch):
    first = clean(folder)
    manifest = (folder / MANIFEST).read_bytes()
    monkeypatch.setattr(clean_module, "measure_files", None)
    assert clean(folder) == first
    assert (folder / MANIFEST).read_bytes() == manifest
    lenient = clean(folder, Thresholds(most_colour_mismatch_lab=None, most_misalignment_px=None))
    assert [pair.name for pair in lenient.dropped] == ["blurred"]
    assert read_manifest(folder / MANIFEST)["dark"].accepted
    assert clean(folder, keep=["dark", "shifted", "blurred"]).dropped == ()


def test_what_is_scored_on_stays_whole_unless_asked(folder):
    rows = read_manifest(folder / MANIFEST)
    rows["dark"] = Row("dark", accepted=True, split="val")
    rows["shifted"] = Row("shifted", accepted=True)
    write_manifest(folder / MANIFEST, rows.values())
    report = clean(folder)
    assert (report.judged, [pair.name for pair in report.dropped]) == (3, ["blurred", "shifted"])
    assert read_manifest(folder / MANIFEST)["dark"] == rows["dark"]
    assert [pair.name for pair in clean(folder, parts=["val"]).dropped] == ["dark"]
    assert not read_manifest(folder / MANIFEST)["blurred"].accepted, "what an earlier cleaning dropped stays dropped"


def test_a_dry_run_writes_nothing(folder):
    before = content(folder)
    report = clean(folder, dry_run=True)
    assert [pair.name for pair in report.dropped] == ["dark", "blurred", "shifted"]
    assert report.page is None
    assert content(folder) == before


def test_several_processes_find_the_same(folder):
    assert clean(folder, dry_run=True, jobs=2) == clean(folder, dry_run=True)


def test_an_interruption_keeps_what_was_measured(folder):
    def interrupt(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clean(folder, progress=interrupt)
    rows = read_manifest(folder / MANIFEST)
    assert [name for name, row in rows.items() if "measures" in row.settings] == ["sound", "dark"]
    assert rows["dark"].accepted
    assert not (folder / PAGE).exists()


def test_a_broken_picture_is_dropped_with_that_reason(folder):
    path = folder / "bokeh" / "sound.png"
    path.write_bytes(path.read_bytes()[:2000])
    report = clean(folder)
    assert report.dropped[0].name == "sound"
    assert report.dropped[0].measures is None
    assert "sound.png" in report.dropped[0].reason
    assert read_manifest(folder / MANIFEST)["sound"].reason.startswith(f"{CLEANED}cannot be measured")


def test_a_manifest_is_made_where_there_is_none(folder):
    (folder / MANIFEST).unlink()
    clean(folder)
    assert [name for name, row in read_manifest(folder / MANIFEST).items() if row.accepted] == ["sound"]


def test_what_changed_in_the_manifest_meanwhile_stays(folder):
    def intrude(done, total):
        if done == total:
            rows = read_manifest(folder / MANIFEST)
            rows["sound"] = Row("sound", accepted=False, reason="ugly", split="val")
            write_manifest(folder / MANIFEST, rows.values())

    clean(folder, progress=intrude)
    row = read_manifest(folder / MANIFEST)["sound"]
    assert (row.accepted, row.reason, row.split) == (False, "ugly", "val")


def test_the_page_of_what_was_dropped_holds_all_it_shows(folder):
    evil = "<script>alert(1)</script>&\"'"
    for side in ("original", "bokeh"):
        (folder / side / "dark.png").rename(folder / side / f"{evil.replace('/', '')}.png")
    rows = read_manifest(folder / MANIFEST)
    row = rows.pop("dark")
    name = evil.replace("/", "")
    write_manifest(folder / MANIFEST, [Row(name, accepted=True, settings=row.settings), *rows.values()])
    clean(folder)
    text = (folder / PAGE).read_text(encoding="utf-8")
    found = Elements(text)
    assert found.tags.count("article") == 3
    assert found.tags.count("script") == 0
    assert name in "".join(found.text)
    sources = [value for key, value in found.attributes if key in ("src", "href")]
    assert len(sources) == 6
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert "http" not in text


class Elements(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "bokeh" / "dark.png").unlink(), "a picture of it is missing"),
        (lambda folder: write_manifest(folder / MANIFEST, [Row("dark", accepted=True, settings="x")]), "JSON object"),
    ],
)
def test_a_broken_data_set_is_refused_in_one_line_and_stays(folder, change, said):
    change(folder)
    before = content(folder)
    with pytest.raises(RequestError, match=said) as error:
        clean(folder)
    assert "\n" not in str(error.value)
    assert content(folder) == before


def test_wrong_settings_are_refused(folder):
    with pytest.raises(RequestError, match="no pair nobody to keep"):
        clean(folder, keep=["nobody"])
    with pytest.raises(RequestError, match="most_motion_px is -1"):
        Thresholds(most_motion_px=-1)
    with pytest.raises(RequestError, match="least_sharpness_kept is nan"):
        Thresholds(least_sharpness_kept=float("nan"))
