"""A contestant on pairs: whole, resumed, and refused."""

import json
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from wideopen import LensRenderer, identity
from wideopen.engine import Local, Lost
from wideopen.errors import RequestError
from wideopen.pairs.pair import pairs_in
from wideopen.photo import Photo
from wideopen.renderer.gaussian import GaussianRenderer
from wideopen.score import evaluate as module
from wideopen.score.contestant import Pictures, Rendering, focus_of
from wideopen.score.evaluate import evaluate
from wideopen.score.score import Score, read_score
from wideopen.score.submission import pictures_of

DRAFT = Score(
    solution="a", track="cpu", origin="measured", protocol="aim2020/1", device="d", date="2026-01-02", command="c"
)
SIZE = (64, 48)


def scene(seed):
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    return np.asarray(small.resize(SIZE, Image.Resampling.BICUBIC))


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path):
    for number in range(4):
        sharp = scene(number)
        save(tmp_path / "pairs" / "original" / f"{number}.png", sharp)
        real = GaussianRenderer(1.5)(Photo(pixels=(sharp / 255).astype(np.float32))).pixels
        save(tmp_path / "pairs" / "bokeh" / f"{number}.png", np.rint(real * 255).astype(np.uint8))
    return tmp_path / "pairs"


@pytest.fixture
def pairs(folder):
    return pairs_in(folder)


def levels(path):
    return np.asarray(Image.open(path))


@dataclass(frozen=True)
class Counting:
    """Works here, and writes down what it was asked for; some items it loses."""

    asked: list
    lost: tuple = ()

    def map(self, function, items):
        for index, item in enumerate(items):
            self.asked.append(item.name)
            lost = item.name in self.lost
            yield index, Lost() if lost else next(Local().map(function, [item]))[1]


def test_identity_on_equal_pairs_is_infinitely_good(folder, tmp_path):
    for file in (folder / "bokeh").iterdir():
        save(file, levels(folder / "original" / file.name))
    score = evaluate(Rendering(identity), pairs_in(folder), DRAFT, Local(), out=tmp_path / "score.json")
    assert score.psnr_db == math.inf
    assert score.ssim == 1
    assert read_score(tmp_path / "score.json") == score


def test_figures_are_those_of_scikit_image_picture_by_picture_and_in_the_mean(pairs):
    score = evaluate(Rendering(identity), pairs, DRAFT, Local())
    wanted = []
    for pair, row in zip(pairs, score.per_image, strict=True):
        found, truth = levels(pair.original), levels(pair.bokeh)
        psnr = peak_signal_noise_ratio(truth, found, data_range=255)
        ssim = structural_similarity(truth, found, channel_axis=2, data_range=255)
        assert row["name"] == pair.name
        assert row["psnr_db"] == pytest.approx(psnr, abs=1e-9)
        assert row["ssim"] == pytest.approx(ssim, abs=1e-9)
        wanted.append((psnr, ssim))
    assert (score.psnr_db, score.ssim) == pytest.approx(tuple(np.mean(wanted, axis=0)), abs=1e-9)
    assert score.images == 4
    assert list(score.worst) == [pairs[k].name for k in np.argsort([psnr for psnr, _ in wanted])]


def test_a_folder_of_what_a_renderer_made_scores_as_the_renderer(pairs, tmp_path):
    made = tmp_path / "made"
    for pair in pairs:
        photo = Photo(pixels=(levels(pair.original) / 255).astype(np.float32))
        save(made / f"{pair.name}.png", np.rint(GaussianRenderer(2)(photo).pixels * 255).astype(np.uint8))
    by_renderer = evaluate(Rendering(GaussianRenderer(2)), pairs, DRAFT, Local())
    by_folder = evaluate(Pictures(pictures_of(made, pairs)), pairs, DRAFT, Local())
    assert by_folder.per_image == by_renderer.per_image
    assert by_renderer.psnr_db > evaluate(Rendering(identity), pairs, DRAFT, Local()).psnr_db


def test_several_processes_give_the_same_score(pairs):
    alone = evaluate(Rendering(GaussianRenderer(2)), pairs, DRAFT, Local())
    assert evaluate(Rendering(GaussianRenderer(2)), pairs, DRAFT, Local(2)) == alone


def test_a_stopped_run_goes_on_where_it_was(pairs, tmp_path):
    out = tmp_path / "score.json"
    with pytest.raises(RequestError, match=r"2 of 4 pictures cannot be scored: 1 ended its .*goes on from here"):
        evaluate(Rendering(identity), pairs, DRAFT, Counting([], lost=("1", "3")), out=out)
    assert not out.exists()
    with (tmp_path / "score.json.partial").open("a") as file:
        file.write('\n{"key": "torn')  # as a killed run leaves it
    asked = []
    score = evaluate(Rendering(identity), pairs, DRAFT, Counting(asked), out=out)
    assert asked == ["1", "3"]
    assert score == evaluate(Rendering(identity), pairs, DRAFT, Local(), out=tmp_path / "whole" / "score.json")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["pairs", "score.files", "score.json", "whole"]


def test_what_has_changed_meanwhile_is_scored_again(folder, pairs, tmp_path):
    out = tmp_path / "score.json"
    with pytest.raises(RequestError):
        evaluate(Rendering(identity), pairs, DRAFT, Counting([], lost=("3",)), out=out)
    save(folder / "bokeh" / "2.png", scene(9))
    asked = []
    evaluate(Rendering(identity), pairs, DRAFT, Counting(asked), out=out)
    assert asked == ["2", "3"]


@pytest.mark.parametrize(
    "other", [{"protocol": "gaussian/1"}, {"settings": {"f_number": 2.8}}, {"checkpoint": "b"}, {"commit": "other"}]
)
def test_another_question_does_not_go_on_from_the_answers_to_the_first(pairs, tmp_path, other):
    out = tmp_path / "score.json"
    with pytest.raises(RequestError):
        evaluate(Rendering(identity), pairs, DRAFT, Counting([], lost=("3",)), out=out)
    asked = []
    evaluate(Rendering(identity), pairs, replace(DRAFT, **other), Counting(asked), out=out)
    assert asked == ["0", "1", "2", "3"]


def test_a_broken_picture_is_named_and_nothing_is_scored(pairs, tmp_path):
    made = tmp_path / "made"
    for pair in pairs:
        save(made / f"{pair.name}.png", levels(pair.original))
    whole = (made / "2.png").read_bytes()
    (made / "2.png").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "score.json"
    with pytest.raises(RequestError, match=r"1 of 4 pictures cannot be scored: .*2\.png") as caught:
        evaluate(Pictures(pictures_of(made, pairs)), pairs, DRAFT, Local(), out=out)
    assert "\n" not in str(caught.value)
    assert not out.exists()
    (made / "2.png").write_bytes(whole)
    asked = []
    evaluate(Pictures(pictures_of(made, pairs)), pairs, DRAFT, Counting(asked), out=out)
    assert asked == ["2"]


def test_pairs_of_unequal_sizes_are_refused_before_anything_is_scored(folder, pairs):
    save(folder / "bokeh" / "3.png", scene(3)[:40])
    asked = []
    with pytest.raises(RequestError, match="pair 3: the original is 64x48 and the bokeh 64x40"):
        evaluate(Rendering(identity), pairs, DRAFT, Counting(asked))
    assert asked == []


@dataclass(frozen=True)
class Cropping:
    def __call__(self, photo):
        return Photo(pixels=photo.pixels[:-1])


def test_a_renderer_that_changes_the_size_is_refused(pairs):
    with pytest.raises(RequestError, match="the answer to 0 is 64x47 and its truth 64x48"):
        evaluate(Rendering(Cropping()), pairs, DRAFT, Local())


def test_no_pairs_are_refused():
    with pytest.raises(RequestError, match="no pairs"):
        evaluate(Rendering(identity), [], DRAFT, Local())


def test_small_pictures_of_the_worst_and_the_first_are_kept(pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WORST", 1)
    out = tmp_path / "score.json"
    score = evaluate(Rendering(identity), pairs, DRAFT, Local(), out=out, gallery=2)
    kept = {each.name.split(".")[0] for each in (tmp_path / score.pictures).iterdir()}
    assert kept == {"0", "1", *score.worst}
    assert len(score.worst) == 1
    with Image.open(tmp_path / score.pictures / "0.truth.jpg") as small:
        assert small.size == SIZE
    assert evaluate(Rendering(identity), pairs, DRAFT, Local(), out=out, gallery=0).pictures == ""


def test_a_strangers_file_in_the_folder_of_pictures_stays(pairs, tmp_path):
    (tmp_path / "score.files").mkdir()
    (tmp_path / "score.files" / "letter.txt").write_text("mine")
    with pytest.raises(RequestError, match=r"letter\.txt, which is of no score"):
        evaluate(Rendering(identity), pairs, DRAFT, Local(), out=tmp_path / "score.json")
    assert (tmp_path / "score.files" / "letter.txt").read_text() == "mine"


def test_a_figure_that_some_pictures_lack_is_the_mean_of_the_rest_and_says_so(folder):
    steps = np.zeros((48, 64), np.uint8)
    steps[:, 32:] = 200
    for number in (0, 1):
        save(folder / "depth" / f"{number}.png", steps)
    score = evaluate(Rendering(identity), pairs_in(folder), DRAFT, Local())
    known = [row["psnr_edges_db"] for row in score.per_image if row["psnr_edges_db"] is not None]
    assert len(known) == 2
    assert score.others["psnr_edges_db"] == pytest.approx(np.mean(known))
    assert any("psnr_edges_db is the mean of 2 of 4" in note for note in score.notes)
    assert score.others["psnr_in_focus_db"] is None


def test_given_depth_is_the_pairs_own(folder):
    near_left = np.zeros((48, 64), np.uint8)
    near_left[:, :32] = 255
    for number in range(4):
        save(folder / "depth" / f"{number}.png", near_left)
        save(folder / "focus" / f"{number}.png", near_left)
    pairs = pairs_in(folder)
    lens = LensRenderer(max_blur_percent=4)
    answer = Rendering(lens, given_depth=True, given_focus=True)(
        pairs[0], Photo(pixels=(levels(pairs[0].original) / 255).astype(np.float32))
    )
    moved = np.abs(answer.pixels * 255 - levels(pairs[0].original)).mean(axis=(0, 2))
    assert moved[:28].max() < 1e-3
    assert moved[40:].min() > 1


def test_a_focus_is_found_at_the_median_depth_of_what_is_in_focus(folder):
    ramp = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))
    bright = np.zeros((48, 64), np.uint8)
    bright[20:30, 10:21] = 255
    save(folder / "depth" / "0.png", ramp)
    save(folder / "focus" / "0.png", bright)
    save(folder / "focus" / "1.png", bright)
    photo = Photo(pixels=np.zeros((48, 64, 3), np.float32))
    pairs = pairs_in(folder)
    assert focus_of(pairs[0], photo).point_px[0] == 15.5
    assert focus_of(pairs[1], photo).point_px == pytest.approx((15.5, 24.5), abs=1)
    with pytest.raises(RequestError, match="pair 2 does not say what is in focus"):
        focus_of(pairs[2], photo)


def test_what_is_to_be_given_must_be_there(pairs):
    with pytest.raises(RequestError, match="pair 0 has no depth to give"):
        evaluate(Rendering(LensRenderer(), given_depth=True), pairs, DRAFT, Local())


def test_the_checksum_of_the_data_knows_other_pairs(pairs, folder):
    first = evaluate(Rendering(identity), pairs, DRAFT, Local()).data["sha256"]
    assert evaluate(Rendering(GaussianRenderer()), pairs[::-1], DRAFT, Local()).data["sha256"] == first
    save(folder / "bokeh" / "0.png", scene(77))
    assert evaluate(Rendering(identity), pairs, DRAFT, Local()).data["sha256"] != first


def test_rows_survive_as_lines(pairs, tmp_path):
    out = tmp_path / "score.json"
    with pytest.raises(RequestError):
        evaluate(Rendering(identity), pairs, DRAFT, Counting([], lost=("3",)), out=out)
    lines = (tmp_path / "score.json.partial").read_text().splitlines()
    assert [json.loads(line)["row"]["name"] for line in lines if line] == ["0", "1", "2"]
