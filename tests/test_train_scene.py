"""The scene network and its training: contract, laws of the losses, pictures that are learned from, resuming."""

import json

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from wideopen.errors import RequestError  # noqa: E402
from wideopen.train.scene.compose import in_a_space, make_sample, on_a_photo  # noqa: E402
from wideopen.train.scene.crops import labelled_sample, of_photo  # noqa: E402
from wideopen.train.scene.labels import Label, read_labels  # noqa: E402
from wideopen.train.scene.loop import Settings, train  # noqa: E402
from wideopen.train.scene.loss import depth_loss, matte_loss, order_loss, point_loss  # noqa: E402
from wideopen.train.scene.network import SceneNetwork  # noqa: E402
from wideopen.train.scene.objects import Part, draw  # noqa: E402
from wideopen.train.scene.sources import Labelled, Sources, is_held_out, read_sources  # noqa: E402
from wideopen.train.scene.spaces import BACK, FLOOR, LEFT, NONE_M, NOTHING, Camera, make_space, trace  # noqa: E402

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
        found.things.append(draw([Part(CUBE, SIDES)], found.textures[0], np.random.default_rng(seed)))
    return found


def test_the_network_has_so_many_parameters():
    assert sum(parameter.numel() for parameter in SceneNetwork().parameters()) == 1_480_082


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
        assert sample.points.shape == (40, 3)
        for mask in (sample.depth_known, sample.matte_known, sample.near, sample.far):
            assert set(np.unique(mask)) <= {0, 1}
        assert not (sample.near * sample.far).any()
    assert any(sample.depth_known.any() for sample in samples)
    assert any(sample.near.any() for sample in samples)


def test_a_cube_is_drawn_with_its_relief():
    colour = np.full((8, 8, 3), 200, np.uint8)
    drawn, relief = draw([Part(CUBE, SIDES)], colour, np.random.default_rng(4))
    assert drawn.shape[:2] == relief.shape
    assert min(relief.shape) > 60
    solid = drawn[..., 3] == 255
    assert solid.mean() > 0.5
    assert 0.5 < np.ptp(relief[solid]) < np.sqrt(3)


def test_a_part_is_drawn_with_its_own_picture_and_the_holes_in_it():
    square = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], float)
    own = np.zeros((2, 2, 4), np.uint8)
    # Upper left red, upper right green, lower left blue, and lower right a hole.
    own[0, 0], own[0, 1], own[1, 0] = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255)
    part = Part(square, np.array([(0, 1, 2), (0, 2, 3)]), square[:, :2] * 0.999, own)
    for seed in range(20):
        drawn, _ = draw([part], own[..., :3], np.random.default_rng(seed))
        solid = drawn[drawn[..., 3] == 255][:, :3]
        if len(solid) < 1000:
            # Seen from the edge.
            continue
        strongest, count = np.unique(solid.argmax(axis=1), return_counts=True)
        assert list(strongest) == [0, 1, 2]
        assert count.min() > 0.25 * len(solid)
        assert (np.sort(solid, axis=1)[:, :2] < 10).mean() > 0.9


def test_a_ray_meets_floor_wall_and_box_where_geometry_says():
    walls = np.array([NONE_M, 2.0, NONE_M, 10.0, 3.0])
    boxes = np.array([[0.5, 1.5, 0.0, 1.0, 4.0, 5.0]])
    depth, surface, u, v = trace(200, 300, np.array([1.5, 0.0, 0.0, 1.0]), walls, boxes)
    y, x = np.mgrid[:200, :300]
    down, across = (y + 0.5) / 200 - 0.5, ((x + 0.5) - 150) / 200
    floor, left, back = (surface == which for which in (FLOOR, LEFT, BACK))
    np.testing.assert_allclose(depth[floor], (1.5 / down)[floor], rtol=1e-5)
    np.testing.assert_allclose(depth[left], (-2 / across)[left], rtol=1e-5)
    np.testing.assert_allclose(depth[back], 10, rtol=1e-5)
    front = surface == 5 + 2
    assert front.sum() > 500
    np.testing.assert_allclose(depth[front], 4, rtol=1e-5)
    assert (u[front].min(), u[front].max()) == pytest.approx((0.5, 1.5), abs=0.05)
    assert (v[front].min(), v[front].max()) == pytest.approx((0, 1), abs=0.05)
    assert (surface[:20] == NOTHING).any()


@pytest.mark.parametrize("pitch", [-0.2, 0.0, 0.3])
def test_the_camera_knows_the_row_of_the_floor(pitch):
    camera = Camera(height_m=1.4, pitch=pitch, yaw=0.0, focal=1.2)
    walls = np.array([NONE_M, NONE_M, NONE_M, NONE_M, 0.0])
    view = np.array([camera.height_m, pitch, 0.0, camera.focal])
    depth, surface, _, _ = trace(400, 3, view, walls, np.zeros((0, 6)))
    for row in (250, 320, 390):
        if surface[row, 1] == FLOOR:
            assert camera.row_of_floor(float(depth[row, 1])) == pytest.approx((row + 0.5) / 400, abs=1e-4)


def test_spaces_differ_and_are_the_same_again(data):
    found = sources(data)
    one, again, other = (make_space(found.photos, found.tilings, (64, 48), np.random.default_rng(k)) for k in (1, 1, 2))
    np.testing.assert_array_equal(one.picture, again.picture)
    assert not np.array_equal(one.picture, other.picture)
    assert one.picture.shape == (48, 64, 3)
    assert one.dioptres.min() >= 0


def test_things_in_a_space_hide_what_is_behind_them(data):
    found = sources(data)
    for seed in range(25):
        sample = in_a_space(found, (96, 64), np.random.default_rng(seed))
        assert sample.depth_known.all()
        assert np.isfinite(sample.dioptres).all()
        assert sample.dioptres.min() >= 0


def test_of_what_is_pasted_on_a_photo_only_the_order_is_known(data):
    found = sources(data)
    for seed in range(10):
        sample = on_a_photo(found, (96, 64), np.random.default_rng(seed))
        assert not sample.depth_known.any()
        if sample.near.any():
            assert sample.matte[sample.near > 0].min() > 0.9
            assert sample.matte[sample.far > 0].max() < 0.1


def test_ground_below_a_subject_is_not_said_to_be_behind_it():
    cut = np.zeros((60, 40, 4), np.uint8)
    cut[10:40, 15:25, 3] = 255
    assert not of_photo(cut).far[40:].any()
    # A subject that the frame cuts stands before all of it.
    cut[10:, 15:25, 3] = 255
    assert of_photo(cut).far[55:, :10].all()


def test_points_follow_the_crop_and_the_mirror():
    gradient = np.zeros((100, 200, 4), np.uint8)
    gradient[..., 0] = np.arange(200)
    labelled = Labelled(gradient, np.array([[0.5, 0.5, 2.0], [0.05, 0.5, 3.0]]))
    sample = labelled_sample(labelled, (100, 100), (80, 0, 180, 100))
    points = sample.points[sample.points[:, 2] > 0]
    assert points == pytest.approx(np.array([[0.2, 0.5, 2.0]]))
    assert sample.picture[50, 20, 0] * 255 == pytest.approx(100, abs=1.5)
    sample.mirror()
    assert sample.points[0] == pytest.approx([0.8, 0.5, 2.0])
    assert sample.picture[50, 79, 0] * 255 == pytest.approx(100, abs=1.5)
    assert not sample.points[1:].any()


def test_points_in_the_right_order_cost_less():
    rows = torch.linspace(0, 1, 32).view(1, 1, 32, 1).expand(1, 1, 32, 32).contiguous()
    points = torch.tensor([[[0.5, 0.1, 9.0], [0.5, 0.5, 3.0], [0.5, 0.95, 1.0], [0.0, 0.0, 0.0]]])
    right, wrong, flat = (float(point_loss(found, points)) for found in (rows, -rows, rows * 0))
    assert right < flat < wrong
    moved = points.clone()
    moved[:, 3] = torch.tensor([0.9, 0.9, 0.0])
    assert float(point_loss(rows, moved)) == pytest.approx(right)
    assert float(point_loss(5 * rows + 3, points)) == pytest.approx(right, rel=1e-3)


def test_an_outline_is_not_known_just_at_its_border():
    label = Label(np.zeros((0, 3)), (np.array([(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)]),))
    matte = label.matte((100, 100))
    assert (matte[50, 50], matte[5, 5], matte[20, 50]) == (255, 0, 128)
    assert not Label(np.zeros((0, 3)), ()).matte((10, 10)).any()


def test_labels_are_sound():
    labels = read_labels()
    assert len(labels) > 400
    for name, label in labels.items():
        assert (label.points[:, :2] >= 0).all(), name
        assert (label.points[:, :2] <= 1).all(), name
        assert (label.points[:, 2] > 0).all(), name
        assert len(label.points) <= 40, name
        for outline in label.outlines:
            assert len(outline) >= 3, name


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
    assert make_sample(found, (64, 64), np.random.default_rng(0)).matte.any()
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
