"""The matte at the photo's size: on its edges, within its range, and painted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wideopen import DepthMap
from wideopen.scene.figure import separate
from wideopen.scene.focus import dioptres_of_subject
from wideopen.scene.matte import fit_matte, view_matte
from wideopen.scene.parts import SMALL_SHARE, parts_of


def photo_with_disc(height=300, width=400):
    y, x = np.mgrid[:height, :width]
    true = ((x - 190) ** 2 + (y - 140) ** 2 < 90**2).astype(np.float32)
    rng = np.random.default_rng(0)
    pixels = np.where(true[..., None] > 0, (0.8, 0.3, 0.2), (0.2, 0.4, 0.6)) + rng.normal(0, 0.01, (height, width, 3))
    return pixels.clip(0, 1).astype(np.float32), true


def shrunk(matte, step=8):
    height, width = (side // step * step for side in matte.shape)
    return matte[:height, :width].reshape(height // step, step, width // step, step).mean(axis=(1, 3))


def test_its_border_lies_on_the_photos_edge():
    pixels, true = photo_with_disc(296, 400)
    coarse = shrunk(true).astype(np.float32)
    # Found one pixel of the matte too far to the right.
    found = fit_matte(np.roll(coarse, 1, axis=1), pixels)
    from wideopen.scene.fit import resize_linear

    plain = resize_linear(np.roll(coarse, 1, axis=1), height=296, width=400)
    assert found.shape == true.shape
    assert 0 <= found.min() <= found.max() <= 1
    assert np.abs(found - true).mean() < 0.5 * np.abs(plain - true).mean()
    assert np.abs(fit_matte(coarse, pixels) - true).mean() < 0.01


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_nothing_and_everything_stay_so(level):
    pixels, _ = photo_with_disc()
    assert (fit_matte(np.full((30, 40), level, np.float32), pixels) == level).all()


@pytest.mark.parametrize("shape", [(1, 1), (2, 500), (700, 30)])
def test_any_size_is_taken(shape):
    pixels = np.random.default_rng(0).random((*shape, 3), np.float32)
    found = fit_matte(np.random.default_rng(1).random((7, 9), np.float32), pixels)
    assert found.shape == shape
    assert np.isfinite(found).all()


def test_the_subject_is_painted_as_it_is_and_the_rest_dim():
    pixels, true = photo_with_disc()
    painted = view_matte(true, pixels) / 255
    assert painted[true > 0] == pytest.approx(pixels[true > 0], abs=0.003)
    assert painted[true == 0].max() < 0.5
    assert np.ptp(painted[true == 0], axis=1).max() < 0.01


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 25), st.integers(1, 25), st.floats(0.1, 0.9))
def test_parts_are_those_of_scipy(seed, height, width, share):
    from scipy.ndimage import label

    mask = np.random.default_rng(seed).random((height, width)) < share
    theirs, count = label(mask)
    areas = np.bincount(theirs.ravel(), minlength=count + 1)[1:]
    wanted = [theirs == k + 1 for k in range(count) if areas[k] >= SMALL_SHARE * areas.max()]
    ours = parts_of(mask)
    assert ours.max() == len(wanted)
    for k, part in enumerate(wanted, 1):
        assert np.array_equal(ours == k, part)


def two_figures():
    dioptres = np.full((60, 90), 0.1, np.float32)
    dioptres[20:50, 10:30], dioptres[20:50, 50:80] = 0.8, 0.5
    return dioptres, (dioptres > 0.3).astype(np.float32)


def test_focus_is_on_the_nearest_part_of_the_subject():
    dioptres, matte = two_figures()
    depth = DepthMap(dioptres, metric=False, origin="test")
    assert dioptres_of_subject(depth, matte) == pytest.approx(0.8)
    # A speck is no part.
    matte[:, :48] = 0
    matte[25:29, 12:16] = 1
    assert dioptres_of_subject(depth, matte) == pytest.approx(0.5)


def test_without_a_subject_focus_is_on_something_near_the_middle():
    dioptres, matte = two_figures()
    found = dioptres_of_subject(DepthMap(dioptres, metric=False, origin="test"), 0.1 * matte)
    assert 0.1 <= found <= 0.5


def test_every_part_of_the_subject_has_its_own_depth():
    dioptres, matte = two_figures()
    noisy = dioptres + np.random.default_rng(0).normal(0, 0.05, dioptres.shape).astype(np.float32)
    flat = separate(noisy, matte, relief=0.0).dioptres
    assert flat[25:45, 12:28] == pytest.approx(0.8, abs=0.02)
    assert flat[25:45, 52:78] == pytest.approx(0.5, abs=0.02)


def test_the_subjects_border_in_depth_is_the_photos_edge():
    pixels, true = photo_with_disc(296, 400)
    coarse = shrunk(true).astype(np.float32)
    # As a network gives it: a border smeared over several pixels of its map.
    found = separate(0.2 + 0.6 * fit_by_blur(coarse), coarse, relief=0.0).fit(pixels, origin="test")
    assert np.median(found.dioptres[true > 0]) - np.median(found.dioptres[true == 0]) > 0.5
    middle = (found.dioptres.max() + found.dioptres.min()) / 2
    assert ((found.dioptres > middle) != (true > 0)).mean() < 0.003
    # Nothing in between.
    assert ((found.dioptres > 0.35) & (found.dioptres < 0.65)).mean() < 0.01


def fit_by_blur(matte):
    from PIL import Image, ImageFilter

    image = Image.fromarray(np.rint(matte * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.5))
    return np.asarray(image, np.float32) / 255
