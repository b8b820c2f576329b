"""The scene network and its training: contract, laws of the losses, pictures that are learned from, resuming."""

import json

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from wideopen.errors import RequestError  # noqa: E402
from wideopen.train.scene.compose import make_sample  # noqa: E402
from wideopen.train.scene.loop import Settings, train  # noqa: E402
from wideopen.train.scene.loss import depth_loss, matte_loss, order_loss  # noqa: E402
from wideopen.train.scene.network import SceneNetwork  # noqa: E402
from wideopen.train.scene.objects import draw  # noqa: E402
from wideopen.train.scene.sources import Sources, is_held_out, read_sources  # noqa: E402

CUBE = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
SIDES = np.array(
    [
        [(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1)],
        [(2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3)],
    ]
).reshape(-1, 3)


def picture(rng, height=90, width=70):
    return np.asarray(Image.fromarray(rng.integers(0, 255, (9, 7, 3), np.uint8)).resize((width, height)))


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    for folder in ("photos/clic", "masks/ccp", "models/textures"):
        (tmp_path / folder).mkdir(parents=True)
        for i in range(12):
            Image.fromarray(picture(rng)).save(tmp_path / folder / f"{i}.jpg")
    y, x = np.mgrid[:90, :70]
    for i in range(12):
        matte = np.where((x - 35) ** 2 / 200 + (y - 50 - i) ** 2 / 700 < 1, 255, 0).astype(np.uint8)
        Image.fromarray(matte).save(tmp_path / "masks/ccp" / f"{i}.png")
    return tmp_path


def sources(data):
    found = read_sources(data, views=1, seed=0, tell=lambda text: None)
    for seed in range(3):
        found.things.append(draw(CUBE, SIDES, found.textures[0], np.random.default_rng(seed)))
    return found


def test_the_network_has_so_many_parameters():
    assert sum(parameter.numel() for parameter in SceneNetwork().parameters()) == 1_150_274


@pytest.mark.parametrize(("height", "width"), [(192, 128), (64, 192), (160, 160)])
def test_maps_are_half_as_large_as_the_picture(height, width):
    with torch.no_grad():
        dioptres, matte = SceneNetwork().eval()(torch.rand(2, 3, height, width))
    assert dioptres.shape == matte.shape == (2, 1, height // 2, width // 2)


def test_depth_is_compared_up_to_scale_and_shift():
    wanted = torch.rand(2, 1, 24, 16)
    known = torch.ones_like(wanted)
    assert depth_loss(3 * wanted + 7, wanted, known) == pytest.approx(torch.zeros(2), abs=1e-4)
    assert (depth_loss(-wanted, wanted, known) > 1).all()
    spoiled = wanted.clone()
    spoiled[..., :8] = 100
    known[..., :8] = 0
    assert depth_loss(spoiled, wanted, known) == pytest.approx(torch.zeros(2), abs=1e-4)


def test_order_wants_the_near_nearer():
    near = torch.zeros(1, 1, 8, 8)
    near[..., 2:5, 2:5] = 1
    assert order_loss(near, near, 1 - near) < order_loss(torch.rand(1, 1, 8, 8), near, 1 - near)
    assert order_loss(near, near, 1 - near) < order_loss(-near, near, 1 - near) / 2


def test_a_perfect_matte_costs_next_to_nothing_and_the_unknown_nothing():
    wanted = (torch.rand(1, 1, 16, 16) > 0.5).float()
    known = torch.ones_like(wanted)
    assert matte_loss(40 * wanted - 20, wanted, known) < 1e-3
    assert matte_loss(20 - 40 * wanted, wanted, known) > 5
    known[..., 8:] = 0
    half = torch.where(known > 0, 40 * wanted - 20, torch.full_like(wanted, 9.0))
    assert matte_loss(half, wanted, known) < 1e-3


def test_samples_say_only_what_is_known(data):
    found = sources(data)
    rng = np.random.default_rng(1)
    samples = [make_sample(found, (96, 64), rng) for _ in range(60)]
    for sample in samples:
        assert sample.picture.shape == (64, 96, 3)
        assert sample.picture.dtype == np.float32
        assert 0 <= sample.picture.min() <= sample.picture.max() <= 1
        assert np.isfinite(sample.dioptres).all()
        assert 0 <= sample.matte.min() <= sample.matte.max() <= 1
        for mask in (sample.depth_known, sample.matte_known, sample.near, sample.far):
            assert set(np.unique(mask)) <= {0, 1}
        assert not (sample.near * sample.far).any()
    assert any(sample.depth_known.any() for sample in samples)
    assert any(sample.near.any() for sample in samples)


def test_a_composed_subject_stands_before_what_is_behind_it(data):
    found = sources(data)
    found.subjects = found.subjects[:1]
    nearer = 0
    for seed in range(40):
        sample = make_sample(found, (96, 64), np.random.default_rng(seed))
        inside = sample.matte > 0.9
        if sample.depth_known.all() and inside.any():
            top = np.flatnonzero(inside.any(axis=1))[0]
            nearer += 1
            assert sample.dioptres[inside].mean() > sample.dioptres[: top + 1][~inside[: top + 1]].min()
    assert nearer > 3


def test_a_cube_is_drawn_with_its_relief():
    colour = np.full((8, 8, 3), 200, np.uint8)
    drawn, relief = draw(CUBE, SIDES, colour, np.random.default_rng(4))
    assert drawn.shape[:2] == relief.shape
    assert min(relief.shape) > 60
    solid = drawn[..., 3] == 255
    assert solid.mean() > 0.5
    assert 0.5 < np.ptp(relief[solid]) < np.sqrt(3)


def test_names_decide_what_is_held_out(data):
    kept = [is_held_out(f"{i}.jpg") for i in range(1000)]
    assert 60 < sum(kept) < 140
    found = read_sources(data, views=1, seed=0, tell=lambda text: None)
    assert len(found.subjects) + len(found.held_out) == 12


def test_a_run_that_goes_on_equals_one_that_was_not_stopped(data, tmp_path):
    settings = Settings(steps=4, batch=2, validate_every=2, views=1)
    train(data, tmp_path / "whole", settings, tell=lambda text: None)
    train(data, tmp_path / "parts", settings, minutes=0, tell=lambda text: None)
    assert torch.load(tmp_path / "parts" / "last.pt", weights_only=True)["step"] == 1
    train(data, tmp_path / "parts", settings, tell=lambda text: None)
    one, other = (torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "parts"))
    assert one["step"] == other["step"] == 4
    for name, value in one["network"].items():
        assert torch.equal(value, other["network"][name]), name
    log = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [2, 4]


def test_nothing_to_learn_from_is_said(tmp_path):
    with pytest.raises(RequestError, match="no masks"):
        train(tmp_path, tmp_path / "out", Settings(steps=1), tell=lambda text: None)
    assert not (tmp_path / "out").exists()


def test_a_run_does_not_go_on_with_other_settings(data, tmp_path):
    train(data, tmp_path / "out", Settings(steps=1, batch=2, views=1), tell=lambda text: None)
    before = (tmp_path / "out" / "last.pt").read_bytes()
    with pytest.raises(RequestError, match="other settings"):
        train(data, tmp_path / "out", Settings(steps=2, batch=3, views=1), tell=lambda text: None)
    assert (tmp_path / "out" / "last.pt").read_bytes() == before


def test_there_may_be_no_photos(data):
    found = sources(data)
    found.photos = []
    assert make_sample(found, (64, 64), np.random.default_rng(0)).near.any()
    assert isinstance(found, Sources)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_checkpoint_is_shipped_with_its_record(data, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    from wideopen.train.scene.ship import ship

    best = train(data, tmp_path / "out", Settings(steps=2, batch=2, views=1), tell=lambda text: None)
    record = ship(best, tmp_path / "scene.onnx", commit="abc", command="wideopen train scene")
    session = onnxruntime.InferenceSession((tmp_path / "scene.onnx").read_bytes(), providers=["CPUExecutionProvider"])
    told = session.get_modelmeta().custom_metadata_map
    assert told["commit"] == record["commit"] == "abc"
    assert json.loads(told["settings"])["steps"] == 2
    dioptres, matte = session.run(None, {"picture": np.zeros((1, 3, 64, 256), np.float32)})
    assert dioptres.shape == matte.shape == (1, 1, 32, 128)
    assert 0 <= matte.min() <= matte.max() <= 1
