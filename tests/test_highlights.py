"""Laws of restored highlights: lamps out of focus gain, and nothing else."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wideopen.photo.profile import from_linear, to_linear
from wideopen.renderer.highlights import CLIPPED, reach_px, restore_highlights

HEIGHT, WIDTH = 240, 360
Y, X = np.mgrid[:HEIGHT, :WIDTH]
BLURRED = np.full((HEIGHT, WIDTH), -12, np.float32)


def filed(light):
    """The light as a file of 8 bits holds it."""
    encoded = from_linear(np.asarray(light, np.float32).clip(0, 1), None)
    return to_linear((np.rint(encoded * 255) / 255).astype(np.float32), None)


def lamp(peak=40.0, sigma_px=2.0, colour=(1, 1, 1), around=0.02):
    light = peak * np.exp(-(distance_px() ** 2) / (2 * sigma_px**2))
    return (around + light[..., None] * np.array(colour)).astype(np.float32)


def distance_px():
    return np.hypot(X - 180, Y - 120)


def grey(value):
    return np.repeat(np.broadcast_to(np.asarray(value, np.float32), (HEIGHT, WIDTH))[..., None], 3, axis=2)


def night(height, width, seed=0, lamps=60):
    """Coloured lamps of many sizes in the dark."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    light = np.full((height, width, 3), 0.03)
    for _ in range(lamps):
        place = (y - random.integers(height)) ** 2 + (x - random.integers(width)) ** 2
        size = random.uniform(0.5, 4)
        light += random.uniform(1, 30) * np.exp(-place / (2 * size**2))[..., None] * random.uniform(0.1, 1, 3)
    return filed(light)


def test_at_strength_0_the_array_itself_comes_back():
    linear = filed(lamp())
    assert restore_highlights(linear, BLURRED, strength=0) is linear


def test_where_nothing_clips_the_array_itself_comes_back():
    linear = filed(lamp(peak=0.8))
    assert restore_highlights(linear, BLURRED, strength=1) is linear


@pytest.mark.parametrize("sign", [-1, 1])
def test_what_is_in_focus_keeps_its_bits_also_within_a_lamp(sign):
    linear = filed(lamp(40, 3))
    radius = (sign * np.abs(X - 180) / 5).astype(np.float32)
    restored = restore_highlights(linear, radius, strength=1)
    in_focus = np.abs(radius) <= 0.5
    assert (linear[in_focus] == 1).any()
    assert (restored[in_focus] == linear[in_focus]).all()
    assert (restored[~in_focus] > linear[~in_focus] + 0.1).any()


def test_more_strength_gives_more_light_and_never_less_than_there_was():
    linear = night(HEIGHT, WIDTH)
    steps = [restore_highlights(linear, BLURRED, strength=strength) for strength in (0.0, 0.25, 0.5, 0.75, 1.0)]
    for less, more in pairwise(steps):
        assert (more >= less).all()
        assert more.sum() > less.sum() + 10


def test_a_channel_that_is_not_clipped_gains_only_where_all_are():
    linear = night(HEIGHT, WIDTH)
    restored = restore_highlights(linear, BLURRED, strength=1)
    kept = (linear < CLIPPED[0]) & (linear.min(axis=2) < CLIPPED[0])[..., None]
    assert (restored[kept] == linear[kept]).all()


HOLES = np.where(distance_px() < 45, np.where((X % 12 < 3) & (Y % 12 < 3), 1, 0.05), 1)
NO_LAMPS = {
    "white wall": np.where(X < 20, 0.2, 1),
    "window": np.where((np.abs(X - 180) < 25) & (np.abs(Y - 120) < 40), 1, 0.05),
    "sky over land": np.where(Y < 100, 1, 0.1),
    "sky between branches": np.where((X % 9 < 3) | (Y % 17 < 4), 0.03, 1),
    "sky through leaves": HOLES,
    "paper with print": np.where((X % 7 < 2) & (Y % 11 < 6), 0.02, 1),
    "gradient": X / 250,
    "snow": 0.8 + 0.25 * np.random.default_rng(0).random((HEIGHT, WIDTH)),
    "knob on a wall in lamplight": np.where(distance_px() < 3, 1, np.where(distance_px() < 30, 0.5, 0.02)),
    "white ball in the sun": np.where(distance_px() < 5, 1, np.where(np.abs(X - 180) < 25, 0.1, 0.4)),
}


@pytest.mark.parametrize("name", NO_LAMPS)
def test_what_is_no_lamp_stays_as_it_is(name):
    linear = filed(grey(NO_LAMPS[name]))
    assert (linear >= CLIPPED[0]).any()
    assert restore_highlights(linear, BLURRED, strength=1) == pytest.approx(linear, abs=1e-6)


@pytest.mark.parametrize("sigma_px", [1.2, 2.0, 3.0])
@pytest.mark.parametrize("colour", [(1, 1, 1), (1, 0.6, 0.25)], ids=["white", "warm"])
def test_a_lamp_gets_its_energy_back_within_a_factor_of_2(sigma_px, colour):
    true = lamp(40, sigma_px, colour)
    linear = filed(true)
    restored = restore_highlights(linear, BLURRED, strength=0.5)
    near = distance_px() < 5 * sigma_px
    assert true[near].sum() > 5 * linear[near].sum()
    assert 1 / 2 < true[near].sum() / restored[near].sum() < 2


@pytest.mark.parametrize("colour", [(1, 0.5, 0.2), (0.2, 1, 0.4), (0.25, 0.4, 1), (1, 1, 1)], ids=str)
def test_a_coloured_lamp_keeps_its_hue(colour):
    linear = filed(lamp(12, 2.5, colour, around=0.005))
    restored = restore_highlights(linear, BLURRED, strength=0.5)
    near = distance_px() < 10
    shares = [light[near].sum(axis=0) / light[near].sum() for light in (linear, restored)]
    true = np.array(colour) / sum(colour)
    before, after = (np.abs(share - true).max() for share in shares)
    assert after < max(0.75 * before, 0.005)


@pytest.mark.parametrize("seed", range(4))
def test_a_strip_with_a_halo_comes_out_as_within_the_whole(seed):
    height, width, first, last = 900, 160, 400, 440
    linear = night(height, width, seed, lamps=120)
    linear[first - 60 + 20 * seed : first + 20 * seed, 100:104] = 1
    radius = np.random.default_rng(seed).uniform(-9, 9, (height, width)).astype(np.float32)
    diagonal_px = float(np.hypot(height, width))
    halo = reach_px(diagonal_px)
    assert halo < first
    whole = restore_highlights(linear, radius, strength=0.7)
    rows = slice(first - halo, last + halo)
    strip = restore_highlights(linear[rows], radius[rows], strength=0.7, diagonal_px=diagonal_px)
    assert (strip[halo:-halo] == whole[first:last]).all()
    assert (whole[first:last] > linear[first:last] + 0.1).any()


def test_a_mirrored_photo_gives_the_mirrored_result():
    linear = night(HEIGHT, WIDTH)
    radius = (X / 20).astype(np.float32)
    restored = restore_highlights(linear, radius, strength=0.5)
    for axis in (0, 1):
        mirrored = restore_highlights(np.flip(linear, axis), np.flip(radius, axis), strength=0.5)
        assert np.flip(mirrored, axis) == pytest.approx(restored, abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.floats(0.01, 1), st.floats(-40, 40), st.integers(0, 99))
def test_any_size_gives_finite_light_that_is_nowhere_darker(height, width, strength, radius_px, seed):
    random = np.random.default_rng(seed)
    linear = (random.random((height, width, 3), np.float32) ** 4 * 1.6).clip(0, 1)
    radius = np.full((height, width), radius_px, np.float32)
    before = linear.copy()
    restored = restore_highlights(linear, radius, strength=strength)
    assert (linear == before).all()
    assert restored.shape == linear.shape
    assert restored.dtype == np.float32
    assert np.isfinite(restored).all()
    assert (restored >= linear).all()
    assert restored.max() <= 4 * 60
