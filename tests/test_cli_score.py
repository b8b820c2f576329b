"""The commands that score, time and rank, as a shell calls them."""

import json

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from command import refuses


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def pairs(tmp_path):
    random = np.random.default_rng(0)
    for number in range(3):
        sharp = random.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        save(tmp_path / "pairs" / "original" / f"{number}.png", sharp)
        soft = np.asarray(Image.fromarray(sharp).resize((16, 12)).resize((64, 48)))
        save(tmp_path / "pairs" / "bokeh" / f"{number}.png", soft)
    return tmp_path / "pairs"


@pytest.fixture
def checkpoint(tmp_path):
    import torch

    from wideopen.zoo.catalog import solution
    from wideopen.zoo.checkpoint import Record, save

    torch.manual_seed(0)
    return save(solution("cet-ece").build(), tmp_path / "ece.safetensors", Record("cet-ece"))


def test_a_score_is_shown_and_saved(wideopen, pairs, tmp_path):
    code, out, err = wideopen("score", "identity", "--pairs", pairs, "-o", "scores/identity.json")
    assert (code, err) == (0, "")
    assert "identity on 3 pairs of pairs, protocol aim2020/1" in out
    record = json.loads((tmp_path / "scores" / "identity.json").read_text())
    assert (record["solution"], record["track"], record["origin"]) == ("identity", "cpu", "measured")
    assert record["command"] == "wideopen score identity --pairs pairs -o scores/identity.json"
    assert record["data"]["name"] == "pairs"
    assert len(record["per_image"]) == record["images"] == 3
    ours = [
        structural_similarity(*(np.asarray(Image.open(pairs / part / f"{k}.png")) for part in ("bokeh", "original")),
                              channel_axis=2, data_range=255)
        for k in range(3)
    ]  # fmt: skip
    assert record["ssim"] == pytest.approx(np.mean(ours), abs=1e-9)


def test_json_is_one_object_on_one_line(wideopen, pairs):
    code, out, _ = wideopen("score", "gaussian", "--pairs", pairs, "--json", "--protocol", "gaussian")
    assert code == 0
    assert out.count("\n") == 1
    record = json.loads(out)
    assert record["protocol"] == "gaussian/1"
    assert record["settings"] == {"sigma_px": 3.0}


def test_a_folder_of_pictures_is_scored_under_its_name(wideopen, pairs, tmp_path):
    (pairs / "bokeh").rename(tmp_path / "team")
    for k in range(3):
        save(pairs / "bokeh" / f"{k}.png", np.asarray(Image.open(tmp_path / "team" / f"{k}.png")))
    code, out, _ = wideopen("score", "team", "--pairs", pairs, "--json", "--track", "gpu")
    record = json.loads(out)
    assert code == 0
    assert (record["solution"], record["track"], record["psnr_db"], record["ssim"]) == ("team", "gpu", np.inf, 1.0)
    assert "not run here" in record["device"]


def test_a_checkpoint_is_scored_by_itself_and_by_its_solutions_name(wideopen, pairs, checkpoint):
    code, out, err = wideopen("score", checkpoint, "--pairs", pairs, "--json", "--precision", "float32")
    assert code == 0, err
    alone = json.loads(out)
    assert alone["solution"] == "cet-ece"
    assert alone["checkpoint"].startswith("ece.safetensors sha256:")
    words = ("score", "cet-ece", "--checkpoint", checkpoint, "--pairs", pairs, "--json", "--precision", "float32")
    named = json.loads(wideopen(*words)[1])
    assert named["per_image"] == alone["per_image"]
    refuses(wideopen("score", "cet21-cv", "--checkpoint", checkpoint, "--pairs", pairs), 2, "weights of cet-ece")


def test_settings_that_were_given_stand_in_the_score(wideopen, pairs):
    for k in range(3):
        save(pairs / "depth" / f"{k}.png", np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1)))
    code, out, err = wideopen("score", "lens", "--pairs", pairs, "--given-depth", "--max-blur", "3", "--json")
    assert code == 0, err
    record = json.loads(out)
    assert record["settings"] == {"max_blur_percent": 3.0, "given_depth": True}
    assert record["unranked"] == "depth was given, not found"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("score", "identiti"), "perhaps identity"),
        (("score", "airia-bokeh"), "no weights of airia-bokeh"),
        (("score", "identity", "--protocol", "aim2021"), "did you mean aim2020"),
        (("score", "identity", "--given-depth"), "leave out --given-depth"),
        (("score", "identity", "-o", "score.txt"), ".json"),
        (("score", "identity", "--split", "val"), "no pairs of the part 'val'"),
        (("score", "pairs/bokeh", "--f-number", "2"), "no option of a renderer changes"),
        (("score", "pairs/bokeh", "--time"), "takes no time"),
        (("score", "lens", "--checkpoint", "a.safetensors"), "lens has no weights"),
        (("score", "lens", "--f-number", "-1"), "f-number"),
        (("score", "none.safetensors",), "none.safetensors"),
        (("score", "identity", "--size", "big"), "1536x1024"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_bad_usage(wideopen, pairs, words, said):
    refuses(wideopen(*words, "--pairs", "pairs"), 2, said)


def test_no_pairs_and_a_submission_with_faults_are_refused_in_one_line(wideopen, pairs, tmp_path):
    refuses(wideopen("score", "identity", "--pairs", "nothing"), 2, "holds no pairs")
    save(tmp_path / "team" / "0.png", np.zeros((48, 64, 3), np.uint8))
    save(tmp_path / "team" / "1.png", np.zeros((64, 48, 3), np.uint8))
    refuses(wideopen("score", "team", "--pairs", pairs), 2, "1 missing (2.png)", "1.png is 48x64 and not 64x48")


def test_a_score_that_is_there_stays_unless_told(wideopen, pairs, tmp_path):
    (tmp_path / "score.json").write_text("mine")
    refuses(wideopen("score", "identity", "--pairs", pairs, "-o", "score.json"), 2, "--overwrite")
    assert (tmp_path / "score.json").read_text() == "mine"
    assert wideopen("score", "identity", "--pairs", pairs, "-o", "score.json", "--overwrite")[0] == 0


def test_time_says_what_it_measured_and_saves_a_score_of_it(wideopen, tmp_path):
    code, out, err = wideopen("time", "identity", "--size", "64x48", "--repeats", "3", "-o", "time.json")
    assert code == 0, err
    assert "64x48" in out
    assert "load" in out or "quiet" in out or "not known" in out
    record = json.loads((tmp_path / "time.json").read_text())
    assert record["psnr_db"] is None
    assert record["runtime_s"] == record["timing"]["median_s"]
    assert len(record["timing"]["seconds"]) == 3


def test_time_needs_no_weights_for_a_solution(wideopen):
    code, out, err = wideopen("time", "cet-ece", "--size", "64x48", "--repeats", "3", "--json")
    assert code == 0, err
    timing = json.loads(out)
    assert timing["network_s"] <= timing["median_s"]
    refuses(wideopen("time", "cet-ece", "--runtime", "toaster"), 2, "no runtime 'toaster'")
    refuses(wideopen("time", "lens", "--runtime", "openvino"), 2, "--runtime is for networks")
    refuses(wideopen("time", "."), 2, "folder of pictures")


def test_a_score_can_be_timed_as_it_is_made(wideopen, pairs):
    words = ("score", "gaussian", "--pairs", pairs, "--time", "--size", "64x48", "--repeats", "3", "--json")
    record = json.loads(wideopen(*words)[1])
    assert record["runtime_s"] > 0
    assert record["timing"]["size_px"] == [64, 48]


def test_the_leaderboard_ranks_what_was_scored_beside_what_was_published(wideopen, pairs, tmp_path):
    for what in ("identity", "gaussian"):
        assert wideopen("score", what, "--pairs", pairs, "-o", f"scores/{what}.json", "--gallery", "1")[0] == 0
    code, out, err = wideopen("leaderboard", "scores", "--by", "psnr_db", "--json")
    assert (code, err) == (0, "")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["rank"] for row in rows] == [1, 2]
    assert rows[0]["psnr_db"] >= rows[1]["psnr_db"]
    code, out, err = wideopen("leaderboard", "scores", "--published", "--track", "cpu")
    assert "airia-bokeh" in out
    assert "published rows stand beside measured ones" in err
    for name in ("board.md", "board.csv", "board.html"):
        assert wideopen("leaderboard", "scores", "-o", name)[:2] == (0, f"saved {name}\n")
        assert "gaussian" in (tmp_path / name).read_text()


def test_the_published_tables_need_no_files(wideopen):
    code, out, _ = wideopen("leaderboard", "--published", "--track", "gpu", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(row["solution"], row["rank"], row["runtime_s"], row["mos"]) for row in rows] == [
        ("airia-bokeh", 1, 1.52, 4.2),
        ("aia-smart-layered", 2, 15.2, 4.0),
        ("cet-cvlab", 3, 2.75, 3.2),
        ("team-horizon", 3, None, 3.2),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing",), "nothing"),
        (("pairs",), "holds no score"),
        (("broken.json",), "broken.json holds no Score"),
        (("--by", "beauty"), "beauty"),
        (("-o", "board.pdf"), ".html"),
    ],
)
def test_boards_refuse_what_they_cannot_rank(wideopen, pairs, tmp_path, words, said):
    (tmp_path / "broken.json").write_text("{}")
    refuses(wideopen("leaderboard", *words), 2, said)
