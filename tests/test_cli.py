"""The command line as people meet it: results, one-line errors, exit codes, and nothing lost."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command import refuses
from wideopen import DepthMap, Photo, read
from wideopen.batch import Job, run
from wideopen.scene.mapfile import write_depth

HEIGHT, WIDTH = 60, 90


def pixels(seed=0, height=HEIGHT, width=WIDTH):
    return np.random.default_rng(seed).random((height, width, 3), np.float32)


def make(path: Path, **shape) -> Path:
    return Photo(pixels=pixels(**shape)).save(path)


def make_map(path: Path, dioptres) -> Path:
    return write_depth(DepthMap(np.asarray(dioptres, np.float32), metric=True, origin="test"), path)


def test_a_photo_becomes_its_neighbour(wideopen, tmp_path):
    photo = make(tmp_path / "a.jpg")
    before = photo.read_bytes()
    code, out, _ = wideopen("render", photo)
    assert code == 0
    assert "a.bokeh.jpg" in out
    assert read(tmp_path / "a.bokeh.jpg").size == (WIDTH, HEIGHT)
    assert photo.read_bytes() == before


def test_json_has_the_promised_fields(wideopen, tmp_path):
    make(tmp_path / "a.png")
    code, out, _ = wideopen("render", "a.png", "--json")
    assert code == 0
    record = json.loads(out)
    assert list(record) == [
        "input", "output", "width", "height", "renderer", "depth_origin", "depth_metric", "focus_dioptres",
        "max_radius_px", "seconds",
    ]  # fmt: skip
    assert list(record["seconds"]) == ["read", "scene", "render", "write"]
    assert record["focus_dioptres"] is None
    assert (record["width"], record["height"], record["renderer"]) == (WIDTH, HEIGHT, "lens")


def test_metric_depth_gives_the_focus_in_dioptres(wideopen, tmp_path):
    make(tmp_path / "a.png")
    make_map(tmp_path / "map.tif", np.where(np.arange(WIDTH) < 45, 0.5, 1.0) * np.ones((HEIGHT, 1)))
    words = ["render", "a.png", "--depth", "map.tif", "--depth-kind", "dioptres", "--json"]
    code, out, _ = wideopen(*words, "--focus", "10,10")
    assert code == 0
    record = json.loads(out)
    assert (record["depth_metric"], record["focus_dioptres"]) == (True, 0.5)
    code, out, _ = wideopen(*words, "--focus", "2m", "--overwrite")
    assert json.loads(out)["focus_dioptres"] == 0.5


def test_the_same_photo_and_settings_give_the_same_bytes(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    wideopen("render", "a.jpg", "-o", "one.jpg")
    wideopen("render", "a.jpg", "-o", "two.jpg")
    assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "two.jpg").read_bytes()


def test_identity_gives_the_photo_back(wideopen, tmp_path):
    make(tmp_path / "a.png")
    assert wideopen("render", "a.png", "--with", "identity")[0] == 0
    assert (read(tmp_path / "a.bokeh.png").pixels == read(tmp_path / "a.png").pixels).all()


def test_every_lens_setting_changes_the_picture(wideopen, tmp_path):
    make(tmp_path / "a.png")
    Photo(pixels=np.eye(9, dtype=np.float32)[..., None].repeat(3, 2)).save(tmp_path / "iris.png")
    make_map(tmp_path / "map.tif", np.linspace(0.2, 2, WIDTH) * np.ones((HEIGHT, 1)))
    wideopen("render", "a.png", "--depth", "map.tif", "--max-blur", "9", "-o", "plain.png")
    settings = [
        "--f-number 4", "--focus 5,5", "--max-blur 4", "--blades 3", "--iris iris.png", "--cat-eye 1",
        "--depth-kind dioptres", "--depth built-in",
    ]  # fmt: skip
    seen = {read(tmp_path / "plain.png").pixels.tobytes()}
    for setting in settings:
        words = ["--depth", "map.tif", "--max-blur", "9", *setting.split()]
        assert wideopen("render", "a.png", *words, "-o", "other.png", "--overwrite")[0] == 0
        seen.add(read(tmp_path / "other.png").pixels.tobytes())
    assert len(seen) == 1 + len(settings)


def test_a_folder_is_rendered_into_a_folder(wideopen, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.jpg", "b.png", "c.bokeh.png"):
        make(tmp_path / "in" / name)
    (tmp_path / "in" / "notes.txt").write_text("no photo")
    code, _, err = wideopen("render", "in", "-o", "out")
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jpg", "b.png"]
    assert "2 of 2 rendered" in err


def test_one_broken_photo_among_ten_leaves_nine_done(wideopen, tmp_path):
    names = [f"{i}.jpg" for i in range(10)]
    for name in names:
        make(tmp_path / name)
    (tmp_path / "4.jpg").write_bytes((tmp_path / "4.jpg").read_bytes()[:500])
    code, out, err = wideopen("render", *names, "-o", "out", "--json")
    assert code == 1
    assert len(list((tmp_path / "out").iterdir())) == 9
    assert "4.jpg" in err.splitlines()[0]
    assert "9 of 10 rendered" in err
    records = [json.loads(line) for line in out.splitlines()]
    assert [sorted(record) for record in records if "error" in record] == [["error", "input"]]


def test_a_fault_of_ours_in_one_photo_does_not_cost_the_others(tmp_path):
    def renderer(photo):
        if photo.size[0] == 7:
            raise ZeroDivisionError("unforeseen")
        return photo

    jobs = [Job(make(tmp_path / f"{w}.png", width=w), tmp_path / f"{w}.out.png") for w in (6, 7, 8)]
    outcomes = list(run(jobs, renderer, name="test", overwrite=False))
    assert [outcome.error is None for outcome in outcomes] == [True, False, True]
    assert "7.png met a fault" in outcomes[1].error
    assert sorted(path.name for path in tmp_path.glob("*.out.png")) == ["6.out.png", "8.out.png"]


def test_several_at_a_time_give_the_same_bytes(wideopen, tmp_path):
    for i in range(3):
        make(tmp_path / f"{i}.png", seed=i)
    assert wideopen("render", "0.png", "1.png", "2.png", "-o", "one")[0] == 0
    assert wideopen("render", "0.png", "1.png", "2.png", "-o", "two", "--jobs", "2")[0] == 0
    for i in range(3):
        assert (tmp_path / "one" / f"{i}.png").read_bytes() == (tmp_path / "two" / f"{i}.png").read_bytes()


def test_depth_is_described_and_saved(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    code, out, _ = wideopen("depth", "a.jpg", "-o", "map.tif", "--view", "map.png")
    assert code == 0
    assert "depth from built-in network" in out
    assert read(tmp_path / "map.png").size == (WIDTH, HEIGHT)
    record = json.loads(wideopen("depth", "a.jpg", "--json")[1])
    assert (record["width"], record["height"], record["depth_metric"]) == (WIDTH, HEIGHT, False)
    code, _, _ = wideopen("render", "a.jpg", "--depth", "map.tif")
    assert code == 0


@pytest.mark.parametrize("size", [(1, 1), (16, 20000), (2, 3)])
def test_any_size_of_photo_is_rendered(wideopen, tmp_path, size):
    make(tmp_path / "a.png", height=size[0], width=size[1])
    assert wideopen("render", "a.png")[0] == 0
    assert read(tmp_path / "a.bokeh.png").size == size[::-1]


# Bad input


def test_a_missing_photo(wideopen):
    refuses(wideopen("render", "none.jpg"), 1, "none.jpg")


@pytest.mark.parametrize("content", [b"", b"just text", b"\xff\xd8\xff\xe0"], ids=["empty", "text", "cut"])
def test_a_file_that_is_no_photo(wideopen, tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    refuses(wideopen("render", "a.jpg"), 1, "a.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


def test_the_matte_is_shown_and_saved(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    code, out, _ = wideopen("depth", "a.jpg", "--show", "matte", "-o", "matte.tif", "--view", "matte.png")
    assert code == 0
    assert "the subject covers" in out
    import tifffile

    matte = tifffile.imread(tmp_path / "matte.tif")
    assert matte.shape == (HEIGHT, WIDTH)
    assert 0 <= matte.min() <= matte.max() <= 1
    record = json.loads(wideopen("depth", "a.jpg", "--show", "matte", "-o", "m.png", "--json")[1])
    assert record["show"] == "matte"
    with Image.open(tmp_path / "m.png") as image:
        assert np.asarray(image) / 65535 == pytest.approx(matte, abs=1e-4)
    with Image.open(tmp_path / "matte.png") as image:
        assert image.size == (WIDTH, HEIGHT)


def test_a_depth_file_of_another_shape(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    make_map(tmp_path / "map.tif", np.ones((50, 50)))
    refuses(wideopen("render", "a.jpg", "--depth", "map.tif"), 1, "50x50", "90x60")


def test_a_depth_file_with_holes(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    holes = np.ones((HEIGHT, WIDTH), np.float32)
    holes[3, 4] = np.nan
    np.save(tmp_path / "map.npy", holes)
    refuses(wideopen("render", "a.jpg", "--depth", "map.npy"), 1, "map.npy", "1 ")


def test_a_missing_depth_file(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    refuses(wideopen("render", "a.jpg", "--depth", "none.png"), 1, "none.png")


def test_a_focus_outside_the_photo(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    refuses(wideopen("render", "a.jpg", "--focus", "500,10"), 1, "500,10", "90x60")


def test_a_distance_without_metric_depth(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    refuses(wideopen("render", "a.jpg", "--focus", "2m"), 1, "metric depth", "--focus X,Y")
    refuses(wideopen("render", "a.jpg", "--in-focus", "1m..2m"), 1, "metric depth")


@pytest.mark.parametrize(
    "words",
    [
        ["--f-number", "0"], ["--f-number", "-2"], ["--f-number", "nan"], ["--f-number", "wide"], ["--focal", "0"],
        ["--sensor", "-1"], ["--blades", "2"], ["--cat-eye", "3"], ["--highlights", "9"], ["--max-blur", "-1"],
        ["--focus", "there"], ["--in-focus", "2m..1m"], ["--with", "magic"], ["--jobs", "0"], ["--no-such-option"],
        ["--depth-kind", "inches"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_bad_usage_is_one_line_and_exit_code_2(wideopen, tmp_path, words):
    make(tmp_path / "a.jpg")
    refuses(wideopen("render", "a.jpg", *words), 2)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


def test_no_photo_at_all_is_bad_usage(wideopen):
    refuses(wideopen("render"), 2, "PHOTO")


def test_an_existing_result_is_kept(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    (tmp_path / "a.bokeh.jpg").write_text("precious")
    refuses(wideopen("render", "a.jpg"), 1, "a.bokeh.jpg", "--overwrite")
    assert (tmp_path / "a.bokeh.jpg").read_text() == "precious"
    assert wideopen("render", "a.jpg", "--overwrite")[0] == 0


def test_the_photo_itself_is_never_overwritten(wideopen, tmp_path):
    before = make(tmp_path / "a.jpg").read_bytes()
    refuses(wideopen("render", "a.jpg", "-o", "a.jpg", "--overwrite"), 1, "the photo itself")
    refuses(wideopen("render", "a.jpg", "-o", ".", "--overwrite"), 1, "the photo itself")
    assert (tmp_path / "a.jpg").read_bytes() == before


def test_an_output_that_cannot_be_written(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    (tmp_path / "file").write_text("in the way")
    refuses(wideopen("render", "a.jpg", "-o", Path("file") / "b.jpg"), 1, "b.jpg")


def test_an_output_of_unknown_kind(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    refuses(wideopen("render", "a.jpg", "-o", "b.docx"), 2, "b.docx", ".png")


def test_a_file_as_the_output_of_many(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    make(tmp_path / "b.jpg")
    refuses(wideopen("render", "a.jpg", "b.jpg", "-o", "c.jpg"), 2, "folder")


def test_two_photos_of_one_name(wideopen, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        make(tmp_path / folder / "a.jpg")
    refuses(wideopen("render", "one/a.jpg", "two/a.jpg", "-o", "out"), 2, "a.jpg")


def test_what_is_read_is_never_overwritten(wideopen, tmp_path):
    make(tmp_path / "a.png")
    make(tmp_path / "iris.png", height=9, width=9)
    make_map(tmp_path / "map.png", np.linspace(0, 1, WIDTH) * np.ones((HEIGHT, 1)))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for words in (
        ["depth", "a.png", "-o", "a.png"],
        ["depth", "a.png", "--view", "a.png"],
        ["depth", "a.png", "--depth", "map.png", "-o", "map.png"],
        ["render", "a.png", "--depth", "map.png", "-o", "map.png"],
        ["render", "a.png", "--iris", "iris.png", "-o", "iris.png"],
    ):
        refuses(wideopen(*words, "--overwrite"), 1, "never overwritten")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_gif_does_not_take_another_photos_name(wideopen, tmp_path):
    make(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    Image.new("RGB", (9, 7)).save(tmp_path / "a.gif")
    assert wideopen("render", "a.gif", "-o", ".", "--overwrite")[0] == 0
    assert (tmp_path / "a.png").read_bytes() == before
    assert (tmp_path / "a.bokeh.png").exists()


@pytest.mark.parametrize("words", [["render", ""], ["render", "a.jpg", "-o", ""], ["depth", ""]])
def test_an_empty_path_is_not_the_current_folder(wideopen, tmp_path, words):
    make(tmp_path / "a.jpg")
    refuses(wideopen(*words), 2, "path is empty")


def test_a_name_too_long_for_the_disk(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    refuses(wideopen("render", "a.jpg", "-o", "x" * 300 + ".jpg"), 1)
    refuses(wideopen("render", "x" * 300 + ".jpg"), 1)


@pytest.mark.parametrize("words", [["--f-number", "1e-9"], ["--f-number", "0.01", "--max-blur", "20"]])
def test_more_blur_than_photo(wideopen, tmp_path, words):
    make(tmp_path / "a.jpg")
    refuses(wideopen("render", "a.jpg", *words), 1, "blur would reach", "90x60")


def test_settings_that_contradict_each_other(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    refuses(wideopen("render", "a.jpg", "--focus", "2m", "--in-focus", "1m..2m"), 2, "contradict")
    refuses(wideopen("render", "a.jpg", "--with", "identity", "--focus", "there"), 2, "there")
    refuses(wideopen("depth", "a.jpg", "-o", "m.png", "--view", "m.png"), 2, "m.png")
    refuses(wideopen("render", "a.jpg", "--blades", "1000000000"), 2, "blades")
    refuses(wideopen("sample", "-o", "sample.png"), 2, "JPEG")


def test_the_same_photo_twice_is_rendered_once(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    code, out, _ = wideopen("render", "a.jpg", "a.jpg", "-o", "out")
    assert code == 0
    assert len(out.splitlines()) == 1


def test_names_that_differ_only_in_case_clash(wideopen, tmp_path):
    for folder, name in (("one", "A.jpg"), ("two", "a.jpg")):
        (tmp_path / folder).mkdir()
        make(tmp_path / folder / name)
    refuses(wideopen("render", "one/A.jpg", "two/a.jpg", "-o", "out"), 2, "both become")


def test_a_folder_named_like_a_photo_is_passed_over(wideopen, tmp_path):
    (tmp_path / "in" / "b.jpg").mkdir(parents=True)
    make(tmp_path / "in" / "a.jpg")
    assert wideopen("render", "in", "-o", "out")[0] == 0


def test_a_place_for_the_view_is_sought_before_the_map_is_written(wideopen, tmp_path):
    make(tmp_path / "a.jpg")
    refuses(wideopen("depth", "a.jpg", "-o", "m.tif", "--view", "none/v.png"), 1, "none")
    assert not (tmp_path / "m.tif").exists()


def test_a_folder_without_a_photo(wideopen, tmp_path):
    (tmp_path / "empty").mkdir()
    refuses(wideopen("render", "empty"), 1, "empty", "no photo")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send to a child")
@pytest.mark.parametrize(("jobs", "whole_group"), [("1", True), ("2", True), ("2", False)])
def test_an_interrupted_batch_leaves_nothing_half_written(tmp_path, jobs, whole_group):
    for i in range(40):
        make(tmp_path / f"{i:02}.png", height=300, width=400)
    run = subprocess.Popen(
        [sys.executable, "-m", "wideopen", "render", ".", "-o", "out", "--jobs", jobs],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A background job of a shell is born deaf to SIGINT, and would hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for _ in range(600):
        if len(list((tmp_path / "out").glob("*.png")) if (tmp_path / "out").exists() else []) >= 2:
            break
        time.sleep(0.1)
    (os.killpg if whole_group else os.kill)(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "interrupted" in err
    assert "Traceback" not in err
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.killpg(run.pid, 0)
            time.sleep(0.1)
    done = list((tmp_path / "out").iterdir())
    assert 2 <= len(done) < 40
    for path in done:
        assert path.suffix == ".png"
        assert read(path).size == (400, 300)
