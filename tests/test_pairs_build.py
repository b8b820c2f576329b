"""Building: shots find their partners, pairs are built once, and whatever stops a run, nothing is lost."""

import csv
import json
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageCms

from wideopen.errors import PhotoError, RequestError
from wideopen.pairs.build import Settings, build
from wideopen.pairs.homography import Trust
from wideopen.pairs.manifest import COLUMNS, Row, read_manifest, write_manifest
from wideopen.pairs.pair import pairs_in
from wideopen.pairs.partners import Partners, partner
from wideopen.pairs.source import read_shot, taken_s
from wideopen.photo import Photo, read

cv2 = pytest.importorskip("cv2")
HEIGHT, WIDTH = 180, 250


def texture(seed, height=HEIGHT, width=WIDTH):
    """A picture with detail of all sizes."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for cells in (6, 15, 40, 110):
        noise = random.uniform(0, 1, (cells, cells, 3)).astype(np.float32)
        picture += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    low, high = picture.min(), picture.max()
    return (picture - low) / (high - low)


def shots(seed):
    """A wide shot, and a shallow one from a few pixels beside whose right side is blurred."""
    picture = texture(seed, HEIGHT + 8, WIDTH + 8)
    wide, shallow = picture[4:-4, 4:-4].copy(), picture[1:-7, 6:-2].copy()
    shallow[:, 150:] = cv2.GaussianBlur(shallow, None, 2)[:, 150:]
    return wide, shallow


def save(pixels, path, **exif):
    path.parent.mkdir(parents=True, exist_ok=True)
    block = Image.Exif()
    block[0x010F] = "maker"
    if "taken" in exif and path.suffix == ".tif":
        block[0x0132] = exif["taken"]
    elif "taken" in exif:
        block.get_ifd(0x8769)[0x9003] = exif["taken"]
    if "fraction" in exif:
        block.get_ifd(0x8769)[0x9291] = exif["fraction"]
    if "orientation" in exif:
        block[0x0112] = exif["orientation"]
    picture = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
    picture.save(path, exif=block, icc_profile=exif.get("icc"), **({"quality": 95} if path.suffix == ".jpg" else {}))
    return path


def touch(folder, *names):
    """Files that have names and different contents, and are nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(f"{folder.name}/{name}")
    return folder


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """Five pairs of shots, one of them of two scenes."""
    folder = tmp_path_factory.mktemp("shots")
    for number in range(5):
        wide, shallow = shots(number)
        save(wide, folder / "wide" / f"{number}.png")
        save(shots(77)[1] if number == 3 else shallow, folder / "shallow" / f"{number}.png")
    return folder


def matched(folder):
    return partner(folder / "wide", folder / "shallow").partners


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def names(matching):
    return [(pair.name, pair.wide.name, pair.shallow.name) for pair in matching.partners]


# Partners


def test_shots_of_one_name_are_partners_whatever_their_format(tmp_path):
    wide = touch(tmp_path / "w", "10.jpg", "2.PNG", "Lake.tif", "alone.jpg", ".hidden.jpg", "notes.txt")
    shallow = touch(tmp_path / "s", "2.jpg", "10.heic", "lake.jpg")
    matching = partner(wide, shallow)
    assert matching.by == "name"
    assert names(matching) == [("2", "2.PNG", "2.jpg"), ("10", "10.jpg", "10.heic"), ("Lake", "Lake.tif", "lake.jpg")]
    assert len(matching.lines) == 2
    assert "notes.txt" in matching.lines[0]
    assert "alone.jpg" in matching.lines[1]


@pytest.mark.parametrize(
    ("wide", "shallow", "found"),
    [
        (["w_100", "w_101"], ["s_100", "s_101", "s_102"], ["100", "101"]),
        (["7_f16", "12_f16"], ["7_f1.8", "12_f1.8"], ["7", "12"]),
        (["img red sharp", "img rose sharp"], ["red", "rose"], ["red", "rose"]),
        (["IMG_10", "IMG_20"], ["B10", "B20"], ["10", "20"]),
    ],
)
def test_what_all_names_begin_and_end_with_is_taken_off(tmp_path, wide, shallow, found):
    touch(tmp_path / "w", *(f"{name}.jpg" for name in wide))
    touch(tmp_path / "s", *(f"{name}.jpg" for name in shallow))
    matching = partner(tmp_path / "w", tmp_path / "s")
    assert [pair.name for pair in matching.partners] == found
    for pair in matching.partners:
        assert pair.name in pair.wide.stem
        assert pair.name in pair.shallow.stem


def shoot(folder, **seconds):
    for number, (name, second) in enumerate(seconds.items()):
        minute, rest = divmod(second, 60)
        save(texture(number, 8, 8), folder / f"{name}.jpg", taken=f"2020:05:17 10:{minute:02}:{rest:02}")
    return folder


def test_shots_of_one_time_are_partners_one_to_one(tmp_path):
    # The nearest to a is y, which b needs.
    wide = shoot(tmp_path / "w", a=0, b=20, c=500, d=2000)
    shallow = shoot(tmp_path / "s", x=11, y=31, z=490)
    matching = partner(wide, shallow, by="time", within_s=30)
    assert names(matching) == [("a", "a.jpg", "x.jpg"), ("b", "b.jpg", "y.jpg"), ("c", "c.jpg", "z.jpg")]
    assert "d.jpg" in matching.lines[0]
    assert partner(wide, shallow).by == "time"
    with pytest.raises(RequestError, match="within 2 s"):
        partner(wide, shallow, by="time", within_s=2)


def test_times_have_fractions_and_are_found_in_every_format(tmp_path):
    taken = "2021:03:04 05:06:07"
    seconds = taken_s(save(texture(0, 8, 8), tmp_path / "a.jpg", taken=taken, fraction="25"))
    assert seconds % 60 == pytest.approx(7.25)
    assert taken_s(save(texture(0, 8, 8), tmp_path / "a.png", taken=taken)) == seconds - 0.25
    assert taken_s(save(texture(0, 8, 8), tmp_path / "a.tif", taken=taken)) == seconds - 0.25
    block = Image.Exif()
    block[0x0132] = taken
    Photo(pixels=texture(0, 64, 64), exif=b"Exif\0\0" + block.tobytes().removeprefix(b"Exif\0\0")).save(
        tmp_path / "a.heic"
    )
    assert taken_s(tmp_path / "a.heic") == seconds - 0.25
    (tmp_path / "a.cr3").write_bytes(b"\0" * 999 + taken.encode() + b"\0")
    assert taken_s(tmp_path / "a.cr3") == seconds - 0.25
    assert taken_s(save(texture(0, 8, 8), tmp_path / "b.jpg", taken="yesterday")) is None
    (tmp_path / "c.jpg").write_bytes(b"nothing")
    assert taken_s(tmp_path / "c.jpg") is None


def test_order_is_taken_only_when_asked_for_and_of_equal_counts(tmp_path):
    wide = touch(tmp_path / "w", "p2.jpg", "p10.jpg")
    shallow = touch(tmp_path / "s", "q3.jpg", "q4.jpg")
    with pytest.raises(RequestError, match=r"of 2 wide and 2 shallow shots 0 pairs match by name and 0 by time"):
        partner(wide, shallow)
    assert names(partner(wide, shallow, by="order")) == [("p2", "p2.jpg", "q3.jpg"), ("p10", "p10.jpg", "q4.jpg")]
    listed = partner([wide / "p10.jpg", wide / "p2.jpg"], [shallow / "q3.jpg", shallow / "q4.jpg"], by="order")
    assert ("p10", "p10.jpg", "q3.jpg") in names(listed)
    touch(shallow, "q5.jpg")
    with pytest.raises(RequestError, match="2 wide and 3 shallow"):
        partner(wide, shallow, by="order")


def test_some_names_are_not_enough_unless_asked_for(tmp_path):
    wide, shallow = touch(tmp_path / "w", "a.jpg", "b.jpg"), touch(tmp_path / "s", "a.jpg", "c.jpg")
    with pytest.raises(RequestError, match="1 pairs match by name"):
        partner(wide, shallow)
    matching = partner(wide, shallow, by="name")
    assert names(matching) == [("a", "a.jpg", "a.jpg")]
    assert len(matching.lines) == 2


def test_a_picture_counts_once(tmp_path):
    wide, shallow = touch(tmp_path / "w", "a.jpg", "b.jpg", "void.jpg"), touch(tmp_path / "s", "a.jpg", "b.jpg")
    shutil.copy(wide / "a.jpg", wide / "copy.jpg")
    (wide / "void.jpg").write_bytes(b"")
    if os.name == "posix":
        (wide / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    matching = partner(wide, shallow)
    assert [pair.name for pair in matching.partners] == ["a", "b"]
    text = "\n".join(matching.lines)
    assert "copy.jpg is the same file as a.jpg" in text
    assert "void.jpg is empty" in text
    assert os.name != "posix" or "gone.jpg cannot be read" in text


@pytest.mark.parametrize(
    ("wide", "shallow", "words"),
    [
        ([], ["a.jpg"], "no wide shots"),
        (["a.jpg", "a.png"], ["a.jpg"], "one name"),
        (["a.nef"], ["a.jpg"], r"rawpy; install wideopen\[raw\]"),
        (["a.jpg"], ["b.jpg"], "0 pairs match by name"),
    ],
)
def test_what_cannot_be_matched_is_refused_in_one_line(tmp_path, monkeypatch, wide, shallow, words):
    monkeypatch.setattr("wideopen.pairs.partners.find_spec", lambda name: None)
    touch(tmp_path / "w", *wide)
    touch(tmp_path / "s", *shallow)
    with pytest.raises(RequestError, match=words) as refused:
        partner(tmp_path / "w", tmp_path / "s")
    assert "\n" not in str(refused.value)


def test_missing_and_equal_folders_and_other_files_are_refused(tmp_path):
    wide = touch(tmp_path / "w", "a.jpg")
    with pytest.raises(RequestError, match="cannot be listed"):
        partner(wide, tmp_path / "none")
    with pytest.raises(RequestError, match="both"):
        partner(wide, tmp_path / "w" / ".." / "w")
    with pytest.raises(RequestError, match="no shot"):
        partner([tmp_path / "a.txt"], wide)
    with pytest.raises(RequestError, match="auto, name, time or order"):
        partner(wide, wide, by="luck")


def test_the_cameras_own_picture_goes_before_its_raw_file(tmp_path):
    wide, shallow = touch(tmp_path / "w", "a.CR2", "a.jpg"), touch(tmp_path / "s", "a.jpg")
    matching = partner(wide, shallow)
    assert names(matching) == [("a", "a.jpg", "a.jpg")]
    assert "a.CR2 is left out" in matching.lines[0]


# Reading a shot


def test_raw_is_developed_by_rawpy(tmp_path, monkeypatch):
    asked = {}

    class Raw:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def postprocess(self, **given):
            asked.update(given)
            return np.full((4, 6, 3), 65535, np.uint16)

    def imread(path):
        if path.endswith("bad.dng"):
            raise RuntimeError(b"Unsupported file\nformat")
        return Raw()

    fake = SimpleNamespace(imread=imread, ColorSpace=SimpleNamespace(sRGB="sRGB"))
    monkeypatch.setitem(sys.modules, "rawpy", fake)
    pixels = read_shot(tmp_path / "a.arw")
    assert pixels.shape == (4, 6, 3)
    assert pixels.dtype == np.float32
    assert (pixels == 1).all()
    assert (asked["output_bps"], asked["use_camera_wb"], asked["no_auto_bright"]) == (16, True, True)
    with pytest.raises(PhotoError, match="Unsupported file format"):
        read_shot(tmp_path / "bad.dng")
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(RequestError, match=r"wideopen\[raw\]"):
        read_shot(tmp_path / "a.arw")


def test_a_shot_of_another_profile_becomes_srgb(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    pixels = texture(1, 40, 60)
    assert (read_shot(save(pixels, tmp_path / "a.png", icc=srgb.tobytes())) == read(tmp_path / "a.png").pixels).all()
    swapped = _swapped_profile(srgb.tobytes())
    turned = read_shot(save(pixels, tmp_path / "b.png", icc=swapped))
    # Red and blue of that profile stand for each other.
    np.testing.assert_allclose(turned, read(tmp_path / "a.png").pixels[..., ::-1], atol=2 / 255)


def _swapped_profile(icc):
    """Exchange the primaries of red and blue in a profile."""
    return icc.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")


# Building


def test_pairs_are_built_and_the_manifest_says_all(source, tmp_path):
    told = []
    summary = build(matched(source), tmp_path / "out", tell=lambda *given: told.append(given))
    assert (summary.accepted, summary.refused, summary.kept, summary.dropped) == (4, 1, 0, 0)
    assert [(done, total) for done, total, _ in told] == [(number, 5) for number in range(1, 6)]
    assert told[-1][2] == 0
    assert all(left_s > 0 for _, _, left_s in told[:-1])
    with summary.manifest.open(encoding="utf-8", newline="") as file:
        records = list(csv.DictReader(file))
    assert list(records[0]) == list(COLUMNS)
    assert [record["name"] for record in records] == list("01234")
    rows = read_manifest(summary.manifest)
    refused = rows["3"]
    assert not refused.accepted
    assert "scenes differ" in refused.reason
    assert refused.inliers is not None
    assert [pair.name for pair in pairs_in(tmp_path / "out")] == list("0124")
    for pair in pairs_in(tmp_path / "out"):
        row = rows[pair.name]
        original, bokeh = read(pair.original), read(pair.bokeh)
        assert original.size == bokeh.size == (row.width, row.height)
        assert row.inliers > 30
        assert row.residual_px < 1
        assert 0.9 < row.overlap < 1
        assert (row.wide, row.shallow, row.gain, row.split) == (f"{row.name}.png", f"{row.name}.png", "", "")
        assert len(row.wide_sha256) == len(row.shallow_sha256) == 64
        said = json.loads(row.settings)
        assert said["align"]["height_px"] == 1024
        np.testing.assert_allclose(np.reshape(said["homography"], (3, 3)), [[1, 0, 2], [0, 1, -3], [0, 0, 1]], atol=0.1)
        assert np.abs(original.pixels - bokeh.pixels)[:, :110].mean() < 0.02
        with Image.open(pair.bokeh) as picture:
            assert [layer[1:3] for layer in picture.layer] == [(1, 1)] * 3
            assert picture.quantization[0][0] == 2  # libjpeg's at quality 95
            assert "icc_profile" not in picture.info


def test_exposure_is_recorded(source, tmp_path):
    build(matched(source)[:1], tmp_path / "out", Settings(match_exposure=True, height_px=100))
    row = read_manifest(tmp_path / "out" / "manifest.csv")["0"]
    assert row.height == 100
    numbers = [float(text) for text in row.gain.split()]
    np.testing.assert_allclose(numbers, [1, 1, 1, 0, 0, 0], atol=0.03)


def test_a_shot_that_exif_turns_is_built_upright(source, tmp_path):
    wide, shallow = (read(source / side / "0.png").pixels for side in ("wide", "shallow"))
    save(wide, tmp_path / "w" / "a.png")
    # Orientation 6: what is stored must be turned clockwise to stand upright.
    save(np.rot90(shallow), tmp_path / "s" / "a.png", orientation=6)
    summary = build(partner(tmp_path / "w", tmp_path / "s").partners, tmp_path / "out")
    assert summary.accepted == 1
    build(matched(source)[:1], tmp_path / "plain")
    upright, plain = (tree(tmp_path / place)[f"bokeh/{name}.jpg"] for place, name in (("out", "a"), ("plain", "0")))
    assert upright == plain


def test_a_second_run_does_nothing(source, tmp_path):
    out = tmp_path / "out"
    build(matched(source), out)
    before = times(out)
    summary = build(matched(source), out, tell=lambda done, total, left_s: None)
    assert summary.kept == 5
    assert times(out) == before


def test_only_what_changed_is_built_again(source, tmp_path):
    shutil.copytree(source, tmp_path / "in")
    out = tmp_path / "out"
    build(matched(tmp_path / "in"), out)
    whole = tree(out)
    (out / "bokeh" / "1.jpg").write_bytes(b"damaged")
    (out / "original" / "2.jpg").unlink()
    before = times(out)
    assert build(matched(tmp_path / "in"), out).kept == 3
    assert tree(out) == whole
    assert times(out)[out / "bokeh" / "0.jpg"] == before[out / "bokeh" / "0.jpg"]
    save(shots(9)[1], tmp_path / "in" / "shallow" / "4.png")
    summary = build(matched(tmp_path / "in"), out)
    assert (summary.kept, summary.accepted, summary.refused) == (4, 3, 2)
    # The pair that is refused now has no pictures any more.
    assert not (out / "original" / "4.jpg").exists()
    assert build(matched(tmp_path / "in"), out, Settings(seed=1)).kept == 0


class StoppedError(Exception):
    pass


def stop_after(count):
    def tell(done, total, left_s):
        if done == count:
            raise StoppedError

    return tell


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_stopped_run_goes_on_and_ends_with_the_same_bytes(source, tmp_path, jobs):
    build(matched(source), tmp_path / "whole")
    out = tmp_path / "out"
    with pytest.raises(StoppedError):
        build(matched(source), out, tell=stop_after(2), jobs=jobs)
    assert not (out / "manifest.csv").exists()
    assert len((out / "manifest.journal").read_text().splitlines()) == 2
    # As a process leaves it that is killed while it writes.
    with (out / "manifest.journal").open("a") as file:
        file.write('{"row": {"name": "2", "acc')
    (out / "original" / f".wideopen-{'0' * 16}.jpg").write_bytes(b"half a picture")
    summary = build(matched(source), out, jobs=jobs)
    assert summary.kept == 2
    assert tree(out) == tree(tmp_path / "whole")


def test_a_part_first_and_the_rest_later_gives_the_same_bytes(source, tmp_path):
    pairs = matched(source)
    build(pairs[2:4], tmp_path / "out")
    summary = build(pairs, tmp_path / "out")
    assert (summary.kept, summary.dropped) == (2, 0)
    build(pairs, tmp_path / "whole")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert build(pairs[:2], tmp_path / "out").dropped == 3
    assert list(read_manifest(tmp_path / "out" / "manifest.csv")) == ["0", "1"]
    assert (tmp_path / "out" / "bokeh" / "4.jpg").exists()
    assert build(pairs, tmp_path / "out").kept == 5
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_what_was_decided_since_is_kept(source, tmp_path):
    out = tmp_path / "out"
    build(matched(source), out)
    rows = read_manifest(out / "manifest.csv")
    said = json.dumps({**json.loads(rows["0"].settings), "measures": {"motion_px": 1.0}})
    rows["0"] = Row(**{**vars(rows["0"]), "split": "val", "accepted": False, "reason": "moved", "settings": said})
    write_manifest(out / "manifest.csv", rows.values())
    text = (out / "manifest.csv").read_bytes()
    assert build(matched(source), out).kept == 5
    assert (out / "manifest.csv").read_bytes() == text
    (out / "original" / "0.jpg").unlink()
    build(matched(source), out)
    row = read_manifest(out / "manifest.csv")["0"]
    assert (row.accepted, row.split) == (True, "val")


def test_broken_and_missing_shots_are_refused_rows(source, tmp_path):
    shutil.copytree(source, tmp_path / "in")
    pairs = matched(tmp_path / "in")
    broken = tmp_path / "in" / "wide" / "0.png"
    broken.write_bytes(broken.read_bytes()[:3000])
    (tmp_path / "in" / "shallow" / "1.png").unlink()
    summary = build(pairs, tmp_path / "out")
    assert (summary.accepted, summary.refused) == (2, 3)
    rows = {row.name: row for row in summary.rows}
    assert rows["0"].reason.startswith("0.png is broken")
    assert rows["0"].wide_sha256
    assert "1.png cannot be read" in rows["1"].reason
    # The broken file stays broken; the missing one may come back.
    shutil.copy(source / "shallow" / "1.png", tmp_path / "in" / "shallow" / "1.png")
    summary = build(pairs, tmp_path / "out")
    assert (summary.accepted, summary.kept) == (3, 4)


def test_a_fault_in_one_pair_does_not_cost_the_others(source, tmp_path, monkeypatch):
    import wideopen.pairs.task as task

    real = task.align
    calls = []

    def sometimes(*given, **named):
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError
        if len(calls) == 3:
            raise ZeroDivisionError("no")
        return real(*given, **named)

    monkeypatch.setattr(task, "align", sometimes)
    summary = build(matched(source), tmp_path / "out")
    assert [row.accepted for row in summary.rows] == [True, False, False, False, True]
    assert "memory" in summary.rows[1].reason
    assert "fault" in summary.rows[2].reason
    assert build(matched(source), tmp_path / "out").accepted == 4


def test_a_full_disk_stops_the_run_in_one_line_and_what_is_done_stays(source, tmp_path, monkeypatch):
    out = tmp_path / "out"
    real = Path.write_bytes
    room = [5]

    def write_bytes(self, data):
        room[0] -= 1
        if room[0] < 0:
            real(self, data[:10])
            raise OSError(28, "No space left on device")
        return real(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_bytes)
        with pytest.raises(RequestError, match=r"No space left on device.* 2 of 5 pairs are done") as refused:
            build(matched(source), out)
    assert "\n" not in str(refused.value)
    assert len((out / "manifest.journal").read_text().splitlines()) == 2
    assert not list(out.rglob(".*"))
    assert build(matched(source), out).kept == 2


def test_a_journal_without_room_stops_the_run_as_well(source, tmp_path, monkeypatch):
    def full(path, entry):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wideopen.pairs.build.append", full)
    with pytest.raises(RequestError, match=r"manifest\.journal cannot be written .* 0 of 5"):
        build(matched(source), tmp_path / "out")


def test_a_place_that_cannot_be_written_is_refused(source, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RequestError, match="cannot be written"):
        build(matched(source), tmp_path / "file" / "out")


def test_pictures_of_other_origin_are_left_alone(source, tmp_path):
    save(texture(5), tmp_path / "set" / "original" / "0.png")
    before = tree(tmp_path)
    with pytest.raises(RequestError, match="not built here"):
        build(matched(source), tmp_path / "set")
    assert tree(tmp_path) == before
    touch(tmp_path / "other", "manifest.csv")
    with pytest.raises(RequestError, match="not built here"):
        build(matched(source), tmp_path / "other")


def test_shots_inside_the_data_set_are_refused(source, tmp_path):
    shutil.copytree(source, tmp_path / "in")
    (tmp_path / "in" / "wide").rename(tmp_path / "in" / "original")
    (tmp_path / "in" / "manifest.journal").touch()
    pairs = partner(tmp_path / "in" / "original", tmp_path / "in" / "shallow").partners
    with pytest.raises(RequestError, match="lies where pairs are written"):
        build(pairs, tmp_path / "in")


def test_impossible_requests_are_refused(source, tmp_path, monkeypatch):
    pair = matched(source)[0]
    with pytest.raises(RequestError, match="at least one"):
        build([], tmp_path / "out")
    with pytest.raises(RequestError, match="at least one"):
        build([pair], tmp_path / "out", jobs=0)
    with pytest.raises(RequestError, match="both become"):
        build([pair, Partners("0", pair.shallow, pair.wide)], tmp_path / "out")
    with pytest.raises(RequestError, match="no name of a file"):
        build([Partners("../0", pair.wide, pair.shallow)], tmp_path / "out")
    for wrong in ({"height_px": 0}, {"seed": -1}):
        with pytest.raises(RequestError, match="seed"):
            Settings(**wrong)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(RequestError, match=r"wideopen\[pairs\]"):
        build([pair], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bounds_decide_and_are_part_of_the_settings(source, tmp_path):
    strict = Settings(trust=Trust(least_inliers=100_000))
    summary = build(matched(source)[:1], tmp_path / "out", strict)
    assert (summary.accepted, summary.refused) == (0, 1)
    assert json.loads(summary.rows[0].settings)["align"]["trust"]["least_inliers"] == 100_000
    assert build(matched(source)[:1], tmp_path / "out").accepted == 1
