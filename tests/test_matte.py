"""The matte at the photo's size: on its edges, within its range, and painted."""

import numpy as np
import pytest

from wideopen.scene.matte import fit_matte, view_matte


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
