"""The built-in network: contract, determinism, and that it sees at all."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from wideopen.scene import network
from wideopen.scene.figure import continued, separate
from wideopen.scene.network import see_depth


def figure(height=240, width=320):
    """Draw a person of few shapes on a meadow."""
    picture = Image.new("RGB", (width, height), (150, 190, 225))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, height * 0.55, width, height), fill=(90, 130, 60))
    pen.ellipse((width * 0.44, height * 0.15, width * 0.56, height * 0.33), fill=(205, 160, 130))
    pen.rectangle((width * 0.40, height * 0.33, width * 0.60, height * 0.68), fill=(170, 40, 45))
    pen.rectangle((width * 0.42, height * 0.68, width * 0.58, height * 0.97), fill=(40, 45, 80))
    return np.asarray(picture, np.float32) / 255


@pytest.mark.parametrize("shape", [(1, 1), (5, 400), (400, 5), (37, 61), (600, 900)])
def test_any_size_has_a_depth_and_a_matte_of_its_aspect(shape):
    depth, matte = see_depth(np.random.default_rng(0).random((*shape, 3), np.float32))
    assert depth.dioptres.shape == matte.shape
    assert max(matte.shape) <= 128
    assert np.isfinite(depth.dioptres).all()
    assert 0 <= depth.dioptres.min() <= depth.dioptres.max() <= 1
    assert 0 <= matte.min() <= matte.max() <= 1
    assert not depth.metric
    if min(shape) > 30:
        assert matte.shape[1] / matte.shape[0] == pytest.approx(shape[1] / shape[0], rel=0.03)


def test_the_same_photo_gives_the_same_bytes():
    first, again = see_depth(figure()), see_depth(figure())
    assert first[0].dioptres.tobytes() == again[0].dioptres.tobytes()
    assert first[1].tobytes() == again[1].tobytes()


def test_ground_comes_nearer_and_a_figure_stands_before_the_sky():
    depth, matte = see_depth(figure())
    height, width = matte.shape
    sky = depth.dioptres[: height // 4, : width // 4].mean()
    assert depth.dioptres[-height // 10 :].mean() > sky
    body = slice(height * 4 // 10, height * 6 // 10), slice(width * 9 // 20, width * 11 // 20)
    assert depth.dioptres[body].mean() > sky
    assert matte[body].mean() > matte[: height // 4, : width // 4].mean()


def test_a_subject_is_flattened_and_its_border_sharpened():
    rng = np.random.default_rng(1)
    dioptres = 0.2 + 0.1 * rng.random((40, 50), np.float32)
    matte = np.zeros_like(dioptres)
    assert np.array_equal(separate(dioptres, matte, relief=0.2).dioptres, dioptres)
    # A depth border as a network gives it, smeared over some pixels.
    across = np.abs(np.arange(50) - 25)
    dioptres += 0.6 * np.clip((12 - across) / 4, 0, 1)[None].astype(np.float32)
    matte[:, 16:35] = 1
    sharp = separate(dioptres, matte, relief=0.2).dioptres
    inside = slice(None), slice(18, 33)
    assert np.ptp(sharp[inside]) == pytest.approx(0.2 * np.ptp(dioptres[inside]), rel=1e-4)
    assert sharp[:, 12:16].max() < 0.45 < 0.7 < sharp[:, 16:35].min()
    assert dioptres[:, 14:16].max() > 0.5
    assert np.array_equal(sharp[:, :12], dioptres[:, :12])


def test_where_there_is_no_subject_depth_stays_as_it_is():
    dioptres = np.random.default_rng(0).random((20, 20), np.float32)
    layers = separate(dioptres, np.full_like(dioptres, 0.45), relief=0.0)
    assert np.array_equal(layers.dioptres, dioptres)
    pixels = np.random.default_rng(1).random((60, 60, 3), np.float32)
    assert layers.fit(pixels, origin="test").size == (60, 60)


def test_what_is_not_known_is_continued_from_around():
    y, x = np.mgrid[:37, :53].astype(np.float32)
    plane = 0.01 * x + 0.02 * y
    known = np.ones(plane.shape, bool)
    known[10:20, 15:30] = False
    filled = continued(np.where(known, plane, 9).astype(np.float32), known)
    assert np.array_equal(filled[known], plane[known])
    assert np.abs(filled - plane).max() < 0.15
    assert np.array_equal(continued(plane, ~np.ones_like(known)), plane)


def test_the_file_tells_where_it_comes_from():
    told = network._session().get_modelmeta().custom_metadata_map
    assert {"name", "data", "commit", "command", "settings", "validation"} <= told.keys()
    assert network.WEIGHTS.stat().st_size < 8_000_000
    assert b".py" not in network.WEIGHTS.read_bytes()
