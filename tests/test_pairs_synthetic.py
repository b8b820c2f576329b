"""Synthetic pairs: what is in focus stays, every bokeh can be rendered again, and a run goes on where it stopped."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wideopen import Photo, read
from wideopen.errors import OpticsError, RequestError
from wideopen.pairs.manifest import Row, read_manifest, write_manifest
from wideopen.pairs.pair import pairs_in
from wideopen.pairs.ranges import LIMITS, Ranges
from wideopen.pairs.shot import QUALITY, shrunk
from wideopen.pairs.synthetic import Cutouts, Photos, render_again, synthesise
from wideopen.photo.profile import to_linear
from wideopen.scene.mapfile import read_depth

HEIGHT, WIDTH = 64, 96
NEAREST = Ranges(
    f_number=(1.8, 1.8), blur_percent=(4, 4), subject_share=0, point_share=0, nearest_share=1, irises=("round",)
)


def texture(seed, height=HEIGHT, width=WIDTH):
    return np.random.default_rng(seed).uniform(0.2, 0.8, (height, width, 3)).astype(np.float32)


@pytest.fixture
def photos(tmp_path):
    """Two photos with maps beside them, near on the left; returns the sources."""
    for folder in ("photos", "maps"):
        (tmp_path / folder).mkdir()
    for seed, name in enumerate("ab"):
        add(tmp_path, name, seed)
    return Photos([tmp_path / "photos"], depth=tmp_path / "maps")


def add(folder, name, seed):
    Photo(pixels=texture(seed)).save(folder / "photos" / f"{name}.png", overwrite=True)
    near = np.where(np.arange(WIDTH) < WIDTH // 2, 1.0, 0.2).astype(np.float32)
    np.save(folder / "maps" / f"{name}.npy", np.broadcast_to(near, (HEIGHT, WIDTH)))


@pytest.fixture
def cutouts(tmp_path):
    """A rectangle with a soft rim, and two backgrounds."""
    for folder in ("figures", "backgrounds"):
        (tmp_path / folder).mkdir()
    alpha = np.zeros((70, 50), np.float32)
    alpha[10:60, 10:40] = 1
    alpha[20:50, 40] = 0.25
    Photo(pixels=texture(5, 70, 50), alpha=alpha).save(tmp_path / "figures" / "who.png")
    for seed in (6, 7):
        Photo(pixels=texture(seed)).save(tmp_path / "backgrounds" / f"{seed}.png")
    return Cutouts([tmp_path / "figures"], [tmp_path / "backgrounds"])


def run(sources, out, ranges=NEAREST, **options):
    said = []
    summary = synthesise(sources, out, ranges, tell=said.append, **options)
    return summary, read_manifest(summary.manifest), said


def bytes_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.*"))}


def pictures(out, name):
    return read(out / "original" / f"{name}.jpg").pixels, read(out / "bokeh" / f"{name}.jpg").pixels


def test_what_is_near_stays_and_what_is_far_is_blurred(photos, tmp_path):
    summary, rows, said = run(photos, tmp_path / "out")
    assert (summary.made, summary.kept, summary.refused) == (2, 0, 0)
    assert said == ["a: made", "b: made"]
    original, bokeh = pictures(tmp_path / "out", "a")
    change = np.abs(bokeh - original)[:, : WIDTH // 2 - 8]
    assert change.max() < 2.5 / 255  # of the second coding as JPEG
    assert (change == 0).mean() > 0.95
    far = np.s_[:, WIDTH // 2 + 8 :]
    assert bokeh[far].std() < 0.35 * original[far].std()
    light, spread = (to_linear(pixels, None)[far].mean() for pixels in (original, bokeh))
    assert spread == pytest.approx(light, rel=0.02)
    assert (rows["a"].width, rows["a"].height, rows["a"].wide) == (WIDTH, HEIGHT, "a.png")
    assert [pair.name for pair in pairs_in(tmp_path / "out")] == ["a", "b"]


def test_depth_is_kept_in_16_bits(photos, tmp_path):
    run(photos, tmp_path / "out")
    stored = read_depth(tmp_path / "out" / "depth" / "a.png").dioptres
    assert set(np.unique(stored)) == {0, 1}
    assert (stored[:, : WIDTH // 2] == 1).all()


def test_settings_in_the_manifest_render_the_same_bytes(photos, tmp_path):
    ranges = Ranges(views=3, height_px=50, exposure_ev=(-0.5, 0.5))
    _, rows, _ = run(photos, tmp_path / "out", ranges, seed=3)
    assert len(rows) == 6
    with pytest.raises(RequestError, match="no settings of a synthetic pair"):
        render_again(tmp_path / "out", replace(rows["a"], settings='{"shot": {"point": [0, 0]}}'))
    for name, row in rows.items():
        again = render_again(tmp_path / "out", row).save(tmp_path / "again.jpg", overwrite=True, quality=QUALITY)
        assert again.read_bytes() == (tmp_path / "out" / "bokeh" / f"{name}.jpg").read_bytes()


def test_metric_depth_is_rendered_by_the_thin_lens(photos, tmp_path):
    metric = replace(photos, depth_kind="dioptres")
    _, rows, _ = run(metric, tmp_path / "out", replace(NEAREST, focal_mm=(35, 35)))
    found = json.loads(rows["a"].settings)["found"]
    assert found["metric"]
    assert found["focal_mm"] == 35
    assert (found["far_dioptres"], found["near_dioptres"]) == pytest.approx((0.2, 1.0))
    assert found["focus_dioptres"] == pytest.approx(1.0)


def test_views_share_the_original_and_differ_in_the_rest(photos, tmp_path):
    _, rows, _ = run(photos, tmp_path / "out", Ranges(views=2))
    assert list(rows) == ["a", "a-2", "b", "b-2"]
    files = bytes_of(tmp_path / "out")
    assert files["original/a.jpg"] == files["original/a-2.jpg"]
    assert files["bokeh/a.jpg"] != files["bokeh/a-2.jpg"]


def test_a_second_run_does_nothing_and_makes_again_what_is_missing_or_changed(photos, tmp_path):
    out = tmp_path / "out"
    run(photos, out)
    before, times = bytes_of(out), [path.stat().st_mtime_ns for path in sorted(out.rglob("*.jpg"))]
    summary, _, said = run(photos, out)
    assert (summary.made, summary.kept) == (0, 2)
    assert said == []
    assert bytes_of(out) == before
    assert [path.stat().st_mtime_ns for path in sorted(out.rglob("*.jpg"))] == times
    (out / "bokeh" / "b.jpg").unlink()
    assert run(photos, out)[2] == ["b: made"]
    assert bytes_of(out) == before
    add(tmp_path, "a", 9)
    assert run(photos, out)[2] == ["a: made"]
    np.save(tmp_path / "maps" / "b.npy", np.full((HEIGHT, WIDTH), 0.5, np.float32))
    assert run(photos, out)[2] == ["b: made"]
    assert run(photos, out, replace(NEAREST, blur_percent=(3, 3)))[0].made == 2


def test_a_run_that_was_interrupted_goes_on(photos, tmp_path):
    def stop(text):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesise(photos, tmp_path / "out", NEAREST, tell=stop)
    assert list(read_manifest(tmp_path / "out" / "manifest.csv")) == ["a"]
    assert run(photos, tmp_path / "out")[2] == ["b: made"]
    run(photos, tmp_path / "whole")
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


def test_a_pair_keeps_its_split_and_a_dropped_one_stays_dropped(photos, tmp_path):
    out = tmp_path / "out"
    _, rows, _ = run(photos, out)
    rows["a"] = replace(rows["a"], split="val", accepted=False, reason="dropped by hand")
    rows["b"] = replace(rows["b"], split="train")
    write_manifest(out / "manifest.csv", rows.values())
    assert run(photos, out)[1] == rows
    again = run(photos, out, replace(NEAREST, blur_percent=(3, 3)))[1]
    assert [again[name].split for name in "ab"] == ["val", "train"]


def test_further_photos_change_no_other_pair_and_seeds_do(photos, tmp_path):
    ranges = Ranges()
    run(photos, tmp_path / "one", ranges, seed=1)
    add(tmp_path, "aa", 8)
    run(photos, tmp_path / "two", ranges, seed=1)
    run(photos, tmp_path / "three", ranges, seed=2)
    one, two, three = (bytes_of(tmp_path / name) for name in ("one", "two", "three"))
    assert set(two) > set(one)
    assert all(two[name] == one[name] for name in one if name != "manifest.csv")
    assert all(three[name] != one[name] for name in ("bokeh/a.jpg", "bokeh/b.jpg"))


def test_many_processes_give_the_same_bytes(photos, tmp_path):
    run(photos, tmp_path / "one")
    run(photos, tmp_path / "two", jobs=2)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_what_cannot_be_read_is_refused_and_the_rest_is_made(photos, tmp_path):
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no")
    Photo(pixels=texture(3)).save(tmp_path / "photos" / "lonely.png")
    summary, rows, _ = run(photos, tmp_path / "out")
    assert (summary.made, summary.refused) == (2, 2)
    assert "broken.jpg" in rows["broken"].reason
    assert "no depth map" in rows["lonely"].reason
    assert not (tmp_path / "out" / "original" / "lonely.jpg").exists()
    assert len(pairs_in(tmp_path / "out")) == 2
    assert run(photos, tmp_path / "out")[1] == rows


def test_pictures_of_others_are_never_written_over(photos, tmp_path):
    out = tmp_path / "out"
    (out / "original").mkdir(parents=True)
    Photo(pixels=texture(4)).save(out / "original" / "a.jpg")
    with pytest.raises(RequestError, match="not made here"):
        run(photos, out)
    write_manifest(out / "manifest.csv", [Row("a", True)])
    with pytest.raises(RequestError, match="not synthetic, a is one"):
        run(photos, out)
    write_manifest(out / "manifest.csv", [])
    with pytest.raises(RequestError, match="lies in the data set"):
        run(Photos([out / "original"]), out)
    with pytest.raises(RequestError, match="holds no photo"):
        run(Photos([photos.depth]), tmp_path / "new")
    with pytest.raises(RequestError, match="does not exist"):
        run(Photos([tmp_path / "nowhere"]), tmp_path / "new")


def test_two_sources_of_one_name_are_refused(photos, tmp_path):
    Photo(pixels=texture(1)).save(tmp_path / "photos" / "A.jpg")
    with pytest.raises(RequestError, match="would both become"):
        run(photos, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_large_photos_are_shrunk_by_area_in_linear_light():
    photo = Photo(pixels=texture(2, 60, 90))
    small = to_linear(shrunk(photo, 20).pixels, None)
    blocks = to_linear(photo.pixels, None).reshape(20, 3, 30, 3, 3).mean(axis=(1, 3))
    assert np.abs(small - blocks).max() < 1e-4
    odd = shrunk(photo, 37)
    assert odd.size == (56, 37)
    assert to_linear(odd.pixels, None).mean() == pytest.approx(to_linear(photo.pixels, None).mean(), abs=1e-4)
    assert shrunk(photo, 60).pixels.tobytes() == photo.pixels.tobytes()


PLANES = replace(
    NEAREST, figure_dioptres=(0.8, 0.8), background_dioptres=(0.1, 0.1), figure_height=(1, 1), figure_x=(0.5, 0.5),
    figure_bottom=(0.9, 0.9), nearest_quantile=(0.99, 0.99), cat_eye=(0, 0),
)  # fmt: skip


def figure_in_frame():
    """Opacity where the placement of `PLANES` puts it: 50 rows up from row 58, 31 columns about the middle."""
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    alpha[8:58, 32:62] = 1
    alpha[18:48, 62] = 0.25
    return alpha


def test_depth_and_matte_of_a_cut_out_are_exact(cutouts, tmp_path):
    _, rows, _ = run(cutouts, tmp_path / "out", PLANES)
    alpha = figure_in_frame()
    matte = read_depth(tmp_path / "out" / "matte" / "who.png").dioptres
    assert np.abs(matte - alpha).max() < 1 / 255
    depth = read_depth(tmp_path / "out" / "depth" / "who.png").dioptres
    assert np.array_equal(depth, alpha >= 0.5)
    found = json.loads(rows["who"].settings)["found"]
    assert (found["far_dioptres"], found["near_dioptres"], found["focus_dioptres"]) == pytest.approx((0.1, 0.8, 0.8))


def test_a_cut_out_in_focus_stands_sharp_before_the_whole_blurred_background(cutouts, tmp_path):
    _, rows, _ = run(cutouts, tmp_path / "out", PLANES)
    original, bokeh = pictures(tmp_path / "out", "who")
    inside = np.s_[16:48, 40:56]
    assert np.array_equal(bokeh[inside], original[inside])
    # Beyond the soft rim, only the background counts, as if nobody stood there.
    settings = json.loads(rows["who"].settings)
    empty = tmp_path / "empty"
    empty.mkdir()
    nobody = np.zeros((70, 50), np.float32)
    nobody[0, 0] = nobody[-1, -1] = 1
    Photo(pixels=np.zeros((70, 50, 3), np.float32), alpha=nobody).save(empty / "who.png")
    behind = Cutouts([empty], [tmp_path / "backgrounds" / settings["background"]])
    run(behind, tmp_path / "behind", replace(PLANES, nearest_quantile=(1, 1)))
    _, alone = pictures(tmp_path / "behind", "who")
    outside = figure_in_frame() == 0
    outside[: HEIGHT // 8 * 8 + 8, 24:72] = False
    assert np.abs(bokeh - alone)[outside].max() <= 2 / 255
    assert alone[8:56, 16:80].std() < 0.5 * original[outside].std()


def test_a_blurred_figure_is_translucent_at_its_rim(cutouts, tmp_path):
    far = replace(PLANES, nearest_quantile=(0, 0))
    _, rows, _ = run(cutouts, tmp_path / "out", far)
    assert json.loads(rows["who"].settings)["found"]["focus_dioptres"] == pytest.approx(0.1)
    original, bokeh = pictures(tmp_path / "out", "who")
    assert np.array_equal(bokeh[:, :8], original[:, :8])
    assert bokeh[24:40, 40:54].std() < 0.6 * original[24:40, 40:54].std()
    # Light of the figure falls beside it, and there alone.
    rim = np.abs(bokeh - original)[16:48, 26:31]
    assert rim.mean() > 0.01


@pytest.mark.parametrize("quantile", [0, 0.99])
def test_a_figure_of_the_backgrounds_own_grey_cannot_be_seen(cutouts, tmp_path, quantile):
    for path in [tmp_path / "figures" / "who.png", *(tmp_path / "backgrounds").iterdir()]:
        photo = read(path)
        replace(photo, pixels=np.full_like(photo.pixels, 0.5)).save(path, overwrite=True)
    run(cutouts, tmp_path / "out", replace(PLANES, nearest_quantile=(quantile, quantile)))
    for seen in pictures(tmp_path / "out", "who"):
        assert np.abs(seen - 0.5).max() <= 1 / 255


def test_cut_outs_are_rendered_again_from_the_manifest_and_their_sources(cutouts, tmp_path):
    _, rows, _ = run(cutouts, tmp_path / "out", Ranges(views=3), seed=4)
    for name, row in rows.items():
        again = render_again(tmp_path / "out", row, sources=cutouts)
        again.save(tmp_path / "again.jpg", overwrite=True, quality=QUALITY)
        assert (tmp_path / "again.jpg").read_bytes() == (tmp_path / "out" / "bokeh" / f"{name}.jpg").read_bytes()
    with pytest.raises(RequestError, match="give the sources"):
        render_again(tmp_path / "out", row)
    with pytest.raises(RequestError, match="which the sources lack"):
        render_again(tmp_path / "out", row, sources=replace(cutouts, figures=cutouts.backgrounds))
    assert run(cutouts, tmp_path / "out", Ranges(views=3), seed=4)[0].kept == 3


def test_a_figure_may_have_its_mask_beside_it(cutouts, tmp_path):
    (tmp_path / "people").mkdir()
    (tmp_path / "masks").mkdir()
    figure = read(tmp_path / "figures" / "who.png")
    Photo(pixels=figure.pixels).save(tmp_path / "people" / "who.png")
    Photo(pixels=np.repeat(figure.alpha[..., None], 3, axis=2)).save(tmp_path / "masks" / "who.png")
    Photo(pixels=texture(1)).save(tmp_path / "people" / "bare.png")
    Photo(pixels=texture(1)).save(tmp_path / "people" / "small.png")
    Photo(pixels=texture(1, 5, 5)).save(tmp_path / "masks" / "small.png")
    masked = replace(cutouts, figures=[tmp_path / "people"], masks=tmp_path / "masks")
    _, rows, _ = run(masked, tmp_path / "masked", PLANES)
    assert [row.accepted for row in rows.values()] == [False, False, True]
    assert "does not exist" in rows["bare"].reason
    assert "of the photo's size" in rows["small"].reason
    run(cutouts, tmp_path / "cut", PLANES)
    assert bytes_of(tmp_path / "masked")["bokeh/who.jpg"] == bytes_of(tmp_path / "cut")["bokeh/who.jpg"]
    bare = run(replace(masked, masks=None), tmp_path / "none", PLANES)[1]["bare"]
    assert bare.reason.endswith("bare.png has no opacity; give a picture that is cut out, or a folder of masks")


def test_ranges_come_back_from_json():
    ranges = Ranges(views=2, f_number=(1.2, 2), focal_mm=(35, 85), irises=("heart", "round"), exposure_ev=(-1, 1))
    assert Ranges.from_json(ranges.to_json()) == ranges
    assert Ranges.from_json("{}") == Ranges()
    assert Ranges.from_json('{"cat_eye": 0.5, "focal_mm": null}').cat_eye == (0.5, 0.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"f_numbers": [1, 2]}', "no range 'f_numbers'; did you mean 'f_number'"),
        ('{"f_number": [2, 1]}', "f_number goes from 2 to 1"),
        ('{"f_number": "1.8"}', "f_number is '1.8'"),
        ('{"cat_eye": [0, 2]}', "both from 0 to 1"),
        ('{"cat_eye": [0, NaN]}', "cat_eye is"),
        ('{"views": 1.5}', "views is 1.5"),
        ('{"subject_share": 0, "point_share": 0, "nearest_share": 0}', "not all 0"),
        ('{"background_dioptres": 0.5}', "before the background"),
        ('{"irises": []}', "one or more presets"),
        ("[1]", "must be a JSON object"),
        ("f_number: 1", "no JSON"),
    ],
)
def test_impossible_ranges_are_refused_in_one_line(text, said):
    with pytest.raises(RequestError) as error:
        Ranges.from_json(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_iris_is_refused_by_its_nearest_name():
    with pytest.raises(OpticsError, match="did you mean 'pentagon'"):
        Ranges(irises=("pentagram",))


@given(st.integers(0, 2**40), st.text(max_size=8), st.integers(0, 99))
def test_shots_lie_in_their_ranges_and_one_range_changes_one_number(seed, source, view):
    ranges = Ranges(focal_mm=(35, 85), exposure_ev=(-1, 1))
    where = {"seed": seed, "source": source, "view": view}
    shot, place = ranges.shot(**where), ranges.placement(**where)
    for name in LIMITS:
        low, high = getattr(ranges, name)
        value = getattr(place if hasattr(place, name) else shot, name.replace("nearest_", ""))
        assert low <= value <= high
    other = replace(ranges, f_number=(4, 8)).shot(**where)
    assert replace(other, f_number=shot.f_number) == shot
