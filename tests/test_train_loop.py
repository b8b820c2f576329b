"""Training: one step of every stage of every recipe, exact resume, shared batches, and clear errors."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from wideopen.errors import RequestError, TrainingError

torch = pytest.importorskip("torch")
pytest.importorskip("skimage")

from wideopen.train import loop  # noqa: E402
from wideopen.train.loop import Settings, parts_of, train  # noqa: E402
from wideopen.train.recipe import Adversary, Recipe, Stage, Term  # noqa: E402
from wideopen.train.recipes import RECIPES, recipe  # noqa: E402
from wideopen.train.start import start_from  # noqa: E402
from wideopen.train.teacher import Teacher, factor  # noqa: E402
from wideopen.zoo.catalog import solution  # noqa: E402
from wideopen.zoo.checkpoint import Record, load, read_record, save  # noqa: E402

SIDE = 64


def picture(seed, side):
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 256, (12, 12, 3), np.uint8))
    return small.resize((side, side), Image.Resampling.BICUBIC)


def make_pairs(folder, count=4, side=SIDE):
    from PIL import ImageFilter

    for name in ("original", "bokeh", "depth", "matte"):
        (folder / name).mkdir(parents=True)
    for k in range(count):
        sharp = picture(k, side)
        sharp.save(folder / "original" / f"{k}.png")
        sharp.filter(ImageFilter.GaussianBlur(3)).save(folder / "bokeh" / f"{k}.png")
        ramp = np.tile(np.linspace(0, 255, side).astype(np.uint8), (side, 1))
        for name in ("depth", "matte"):
            Image.fromarray(ramp).save(folder / name / f"{k}.png")
    return folder


@pytest.fixture
def pairs(tmp_path):
    return make_pairs(tmp_path / "pairs", count=5)  # four to learn from


SMALL = Recipe(
    "cet-ece",
    (
        Stage("first", (Term("charbonnier"),), crop_px=(32, 32), batch=2, rate=1e-3, steps=3),
        Stage("second", (Term("l1"), Term("ssim", 0.1)), crop_px=(32, 32), batch=2, rate=1e-3, steps=3, average=0.9),
    ),
)
QUIET = {"tell": lambda text: None}


def weights(path):
    return load(path)[1].state_dict()


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_leaves_checkpoints_record_and_log(pairs, tmp_path):
    told = []
    best = train(SMALL, pairs, tmp_path / "run", Settings(log_every=1, data="drawn", commit="abc"), tell=told.append)
    assert {each.name for each in (tmp_path / "run").iterdir()} == {
        "last.safetensors", "best.safetensors", "run.json", "log.jsonl", "state.pt", "samples"
    }  # fmt: skip
    record = read_record(best)
    assert (record.solution, record.data, record.commit) == ("cet-ece", "drawn", "abc")
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "loss" in line]
    assert [(line["stage"], line["step"]) for line in steps] == [(s, k) for s in ("first", "second") for k in (1, 2, 3)]
    assert all(list(line) == ["stage", "step", "loss", "seconds"] for line in steps)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["recipe"] == json.loads(SMALL.to_json())
    assert any("minutes left" in line for line in told)
    assert "samples" not in str(record)


@pytest.mark.parametrize("stopped_at", [1, 3, 4])
def test_a_stopped_run_goes_on_to_the_same_bits(pairs, tmp_path, stopped_at):
    train(SMALL, pairs, tmp_path / "whole", **QUIET)
    train(SMALL, pairs, tmp_path / "parts", most_steps=stopped_at, **QUIET)
    train(SMALL, pairs, tmp_path / "parts", resume=True, **QUIET)
    one, other = (weights(tmp_path / name / "last.safetensors") for name in ("whole", "parts"))
    assert same(one, other)
    fresh = solution("cet-ece").build().state_dict()
    assert not same(one, fresh)


def test_dropout_and_critics_resume_exactly(tmp_path):
    pairs = make_pairs(tmp_path / "pairs", side=64)
    joint = Recipe(
        "airia-bokeh",
        (Stage("joint", (Term("l1"),), crop_px=(48, 48), batch=1, rate=1e-3, steps=2, adversary=Adversary(rate=1e-3)),),
    )
    settings = Settings(most_validated=1)
    train(joint, pairs, tmp_path / "whole", settings, **QUIET)
    train(joint, pairs, tmp_path / "parts", settings, most_steps=1, **QUIET)
    train(joint, pairs, tmp_path / "parts", settings, resume=True, **QUIET)
    assert same(*(weights(tmp_path / name / "last.safetensors") for name in ("whole", "parts")))


def test_only_what_a_stage_names_learns(pairs, tmp_path):
    torch.manual_seed(0)
    before = {name: value.clone() for name, value in solution("airia-bokeh").build().state_dict().items()}
    one = Recipe(
        "airia-bokeh",
        (Stage("a", (Term("l1"),), learns=("first.",), view="first", crop_px=(32, 32), batch=1, steps=1),),
    )
    train(one, pairs, tmp_path / "run", Settings(most_validated=1), **QUIET)
    after = weights(tmp_path / "run" / "last.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before if name.startswith("second."))
    assert not all(torch.equal(before[name], after[name]) for name in before if name.startswith("first."))


def slow_if_as_pynet(each):
    """Two solutions have PyNET's network and stages with other numbers, and take half a minute each."""
    marks = [pytest.mark.slow] if each.solution in ("xuehuapiaopiao", "terminator") else []
    return pytest.param(each, marks=marks)


@pytest.mark.parametrize("each", [slow_if_as_pynet(each) for each in RECIPES], ids=[each.solution for each in RECIPES])
def test_every_stage_takes_a_step(tmp_path, each):
    named = solution(each.solution)
    torch.manual_seed(1)
    network = named.build()
    random = np.random.default_rng(0)
    for stage in each.stages:
        side = 128 if stage.view.startswith("level") else 64
        batch = {name: random.random((1, side, side, 3), np.float32) for name in ("original", "bokeh")}
        batch |= {name: random.random((1, side, side), np.float32) for name in ("depth", "matte")}
        teacher = Teacher(named, network, stage, 10, device="cpu", vgg=None, random_vgg=True, bfloat16=False)
        before = {name: value.detach().clone() for name, value in network.named_parameters()}
        assert np.isfinite(teacher.step(batch, 0))
        moved = {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}
        assert moved
        assert all(name.startswith(stage.learns) for name in moved)


SLOW_LEARNERS = ("airia-bokeh", "aia-smart", "aia-smart-layered")
"""Instance norms that divide by the sum, and a start that is near the picture itself."""
UNTURNED = ("flips=false", "vertical_flips=false", "rot90=false")
CAREFUL_LEARNERS = {"team-horizon-wm": 2e-4, "team-horizon-stacked": 2e-4} | dict.fromkeys(
    ("pynet", "xuehuapiaopiao", "terminator"), 3e-4
)
"""Rates of those that a high one drives away."""


@pytest.mark.slow
@pytest.mark.parametrize("each", RECIPES, ids=lambda each: each.solution)
def test_every_recipe_learns_two_pairs_by_heart(tmp_path, each):
    """Overrides only: small crops, few steps, a rate that gets there; the loss is down by half."""
    pairs = make_pairs(tmp_path / "pairs", count=3, side=128)  # the last is validated on
    shrunk = each.shortened(260 if each.solution in SLOW_LEARNERS else 40)
    for k in range(1, len(shrunk.stages)):
        shrunk = shrunk.with_setting(f"stages.{k}.steps=2")
    for k, _ in enumerate(shrunk.stages):
        rate = CAREFUL_LEARNERS.get(each.solution, 1e-3)
        for setting in ("crop_px=[64,64]", "batch=2", f"rate={rate}", "scale=1", "decay=[]", *UNTURNED):
            shrunk = shrunk.with_setting(f"stages.{k}.{setting}")
    if "pynet" in solution(each.solution).build.__name__:
        for k, _ in enumerate(shrunk.stages):
            shrunk = shrunk.with_setting(f"stages.{k}.crop_px=[128,128]")
    train(shrunk, pairs, tmp_path / "run", Settings(log_every=4, random_vgg=True, validate_every=1000), **QUIET)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    learned = shrunk.stages[0].name
    losses = [line["loss"] for line in lines if "loss" in line and line["stage"] == learned]
    assert min(losses[1:]) < 0.5 * losses[0], losses


def test_the_rate_falls_as_the_stage_says():
    stage = Stage("a", (), decay=((0.5, 0.5), (0.8, 0.1)))
    assert [factor(stage, share) for share in (0, 0.49, 0.5, 0.79, 0.8, 0.99)] == [1, 1, 0.5, 0.5, 0.1, 0.1]


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_batch(pairs, tmp_path, monkeypatch):
    monkeypatch.setitem(loop.Teacher.step.__globals__["LOSSES"], "l1", lambda found, wanted, span: found.sum() * np.nan)
    with pytest.raises(TrainingError, match="the loss is nan at step 0 of stage second"):
        train(SMALL, pairs, tmp_path / "run", **QUIET)
    with np.load(tmp_path / "run" / "not-finite.npz") as batch:
        assert batch["original"].shape == (2, 32, 32, 3)
    assert all(torch.isfinite(value).all() for value in weights(tmp_path / "run" / "last.safetensors").values())


def test_a_full_disk_leaves_the_last_checkpoint(pairs, tmp_path, monkeypatch):
    train(SMALL, pairs, tmp_path / "run", most_steps=4, **QUIET)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.*") if path.suffix != ".jsonl"}

    def full(kept, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(RequestError, match=r"No space left on device\).*--resume"):
        train(SMALL, pairs, tmp_path / "run", most_steps=1, resume=True, **QUIET)
    after = {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.*") if path.suffix != ".jsonl"}
    assert after == before
    monkeypatch.undo()
    train(SMALL, pairs, tmp_path / "run", resume=True, **QUIET)


def test_lack_of_memory_says_which_knob(pairs, tmp_path, monkeypatch):
    def full(self, batch, done):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: 9 bytes")

    monkeypatch.setattr(Teacher, "step", full)
    with pytest.raises(RequestError, match=r"memory does not suffice; make the batch smaller, --set"):
        train(SMALL, pairs, tmp_path / "run", **QUIET)


def test_pairs_of_unequal_sizes_are_refused(pairs, tmp_path):
    picture(0, 48).save(pairs / "bokeh" / "2.png")
    with pytest.raises(RequestError, match="2") as error:
        train(SMALL, pairs, tmp_path / "run", **QUIET)
    assert "\n" not in str(error.value)


def test_curves_are_written_for_tensorboard(pairs, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(SMALL, pairs, tmp_path / "run", Settings(tensorboard=True, log_every=1), **QUIET)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    assert {"first/loss", "second/loss", "second/psnr_db"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("first/loss")] == [1, 2, 3]


def test_what_cannot_be_trained_is_refused_in_one_line(pairs, tmp_path):
    def refused(said, given=SMALL, folder=pairs, settings=None, **more):
        with pytest.raises(RequestError, match=said) as error:
            train(given, folder, tmp_path / "run", settings or Settings(), **more, **QUIET)
        assert "\n" not in str(error.value)

    first = SMALL.stages[0]
    refused("no run to go on with", resume=True)
    refused("holds no pairs", folder=tmp_path / "nowhere")
    refused("the crop is 999x999", replace(SMALL, stages=(replace(first, crop_px=(999, 999)),)))
    refused("there is no loss 'l3'", replace(SMALL, stages=(replace(first, losses=(Term("l3"),)),)))
    refused("judges 'level 9'", replace(SMALL, stages=(replace(first, view="level 9"),)))
    refused("has no such part", replace(SMALL, stages=(replace(first, learns=("nothing",)),)))
    refused("VGG|vgg", replace(SMALL, stages=(first, replace(first, losses=(Term("vgg19"),)))))
    refused("--set|one of both|neither steps nor epochs", replace(SMALL, stages=(replace(first, steps=None),)))
    assert not (tmp_path / "run").exists(), "what is refused leaves nothing behind"
    train(SMALL, pairs, tmp_path / "other", **QUIET)
    refused("is a checkpoint of cet-ece, of which cet21-cv can take 0", Recipe("cet21-cv", SMALL.stages),
            settings=Settings(start=tmp_path / "other" / "last.safetensors"))  # fmt: skip
    train(SMALL, pairs, tmp_path / "run", **QUIET)
    refused("holds a run already")
    refused("another recipe", SMALL.shortened(2), resume=True)


def test_a_network_starts_from_the_one_that_it_grew_out_of(tmp_path):
    single = solution("team-horizon").build()
    file = save(single, tmp_path / "a.safetensors", Record(solution="team-horizon"))
    stacked = solution("team-horizon-stacked").build()
    assert "takes 360 of 360 weights" in start_from(stacked, solution("team-horizon-stacked"), file)
    for half in (stacked.first, stacked.second):
        assert same(single.state_dict(), half.state_dict())
    six = solution("aia-smart").build()
    file = save(six, tmp_path / "b.safetensors", Record(solution="aia-smart"))
    one = solution("aia-smart-layered").build()
    assert "takes 364 of 366 weights" in start_from(one, solution("aia-smart-layered"), file)
    assert torch.equal(one.estimator.head[0].weight, six.estimator.head[0].weight)


def test_what_does_not_learn_keeps_its_statistics_and_drops_nothing():
    named = solution("aia-smart-layered")
    torch.manual_seed(0)
    network = named.build()
    before = network.estimator.encoder.bn1.running_mean.clone()
    stage = recipe(named.name).stages[0]
    batch = {name: np.random.default_rng(0).random((1, 64, 64, 3), np.float32) for name in ("original", "bokeh")}
    Teacher(named, network, stage, 2, device="cpu", vgg=None, random_vgg=True, bfloat16=False).step(batch, 0)
    assert torch.equal(network.estimator.encoder.bn1.running_mean, before)


def test_maps_that_a_network_needs_must_be_there(tmp_path):
    folder = make_pairs(tmp_path / "pairs")
    (folder / "depth" / "1.png").unlink()
    small = Recipe("ipcv-iitm", (Stage("a", (Term("l1"),), crop_px=(32, 32), batch=1, steps=1),))
    with pytest.raises(RequestError, match="ipcv-iitm needs depth, and 1 pairs have no map"):
        train(small, folder, tmp_path / "run", **QUIET)


def test_parts_come_from_the_manifest_or_every_tenth(tmp_path):
    learned, held = parts_of(make_pairs(tmp_path / "a", count=12, side=16))
    assert (len(learned), [pair.name for pair in held]) == (11, ["9"])
    learned, held = parts_of(make_pairs(tmp_path / "few", count=3, side=16))
    assert ([pair.name for pair in learned], [pair.name for pair in held]) == (["0", "1"], ["2"])
    with pytest.raises(RequestError, match="0 pairs to learn from and 1 to validate on"):
        parts_of(make_pairs(tmp_path / "one", count=1, side=16))
    with pytest.raises(RequestError, match=r"holds no pairs"):
        folder = make_pairs(tmp_path / "b", count=1, side=16)
        for name in ("original", "bokeh"):
            (folder / name / "0.png").unlink()
        parts_of(folder)


PARALLEL = """
import sys
from pathlib import Path
from wideopen.train.loop import Settings, train
from wideopen.train.recipe import Recipe
recipe = Recipe.from_json(Path(sys.argv[1]).read_text())
train(recipe, Path(sys.argv[2]), Path(sys.argv[3]), Settings(workers=0, most_validated=1), tell=lambda text: None)
"""


@pytest.mark.parametrize("nodes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_two_processes_learn_as_one_with_the_whole_batch(pairs, tmp_path, nodes):
    (tmp_path / "run.py").write_text(PARALLEL)
    shared = replace(SMALL, stages=(replace(SMALL.stages[0], batch=4),))
    (tmp_path / "recipe.json").write_text(shared.to_json())
    train(shared, pairs, tmp_path / "alone", Settings(most_validated=1), **QUIET)
    script = [str(tmp_path / name) for name in ("run.py", "recipe.json", "pairs", "together")]
    torchrun = [sys.executable, "-m", "torch.distributed.run"]
    port = str(20000 + os.getpid() % 20000)
    if nodes == 1:
        commands = [[*torchrun, "--nproc-per-node", "2", "--master-port", port, *script]]
    else:
        place = ["--nnodes", "2", "--nproc-per-node", "1", "--master-addr", "127.0.0.1", "--master-port", port]
        commands = [[*torchrun, *place, "--node-rank", str(k), *script] for k in (0, 1)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    running = [subprocess.Popen(each, env=environment, stderr=subprocess.PIPE, text=True) for each in commands]
    for each in running:
        _, err = each.communicate(timeout=240)
        assert each.returncode == 0, err[-2000:]
    one, other = (weights(tmp_path / name / "last.safetensors") for name in ("alone", "together"))
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, atol=2e-5, rtol=2e-3)


def test_the_command_trains_resumes_and_renders(wideopen, pairs, tmp_path):
    words = ("train", "cet-ece", "--pairs", "pairs", "--out", "run", "--steps", 2, "--set", "stages.0.crop_px=[32,32]")
    words = (*words, "--set", "stages.0.batch=2", "--validate-on", 1)
    code, out, _ = wideopen(*words)
    assert code == 0
    assert "best.safetensors" in out
    code, _, err = wideopen(*words)
    assert code == 2
    assert "go on with it by --resume" in err
    assert wideopen("render", "pairs/original/0.png", "--with", "run/best.safetensors", "-o", "a.png")[0] == 0
    assert read_record(tmp_path / "run" / "best.safetensors").command.startswith("wideopen train cet-ece --pairs pairs")
    for more, said in (
        (("--set", "stages.0.rat=1"), "did you mean rate"), (("--set", "stages.0.batch=many"), "is no whole number"),
        (("--recipe", "none.json"), "none.json"),
    ):  # fmt: skip
        code, _, err = wideopen("train", "cet-ece", "--pairs", "pairs", "--out", "other", *more)
        assert code == 2
        assert said in err.replace("\n", " ")
    assert "did you mean cet-ece" in wideopen("train", "cet-eec", "--pairs", "pairs", "--out", "other")[2]


def test_recipes_are_shown(wideopen):
    code, out, _ = wideopen("recipes", "show", "airia-bokeh")
    assert code == 0
    assert "ssim" in out
    code, out, _ = wideopen("recipes", "show", "airia-bokeh", "--json")
    assert Recipe.from_json(out) == recipe("airia-bokeh")
