"""Figures beside the protocol's: matched, shifted, of parts; and all of one picture together."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("skimage")

from wideopen.errors import RequestError
from wideopen.score.beside import matched, shifted
from wideopen.score.figures import FIGURES, figures
from wideopen.score.metrics import ms_ssim
from wideopen.score.protocol import AIM2020, PROTOCOLS, protocol
from wideopen.score.within import above_half, edge_band, psnr_within_db, ssim_within


def noise(height, width, seed=0, low=0, high=256):
    return np.random.default_rng(seed).integers(low, high, (height, width, 3)).astype(np.uint8)


def test_matching_finds_gain_and_offset_of_each_channel():
    found = noise(40, 50, low=20, high=200)
    gain, offset = np.array([0.5, 1.2, 0.9]), np.array([60.0, 2.0, -15.0])
    wanted = np.rint(gain * found + offset).astype(np.uint8)
    assert AIM2020.psnr_db(found, wanted) < 30
    assert np.abs(matched(found, wanted).astype(int) - wanted).max() <= 1
    assert AIM2020.psnr_db(matched(found, wanted), wanted) > 48


def test_matching_is_least_squares():
    found, wanted = noise(20, 30, seed=1), noise(20, 30, seed=2)
    wanted = (wanted // 2 + found // 3).astype(np.uint8)
    for c in range(3):
        slope, start = np.polyfit(found[..., c].ravel().astype(float), wanted[..., c].ravel(), 1)
        line = np.rint((slope * found[..., c] + start).clip(0, 255))
        assert np.abs(matched(found, wanted)[..., c] - line).max() <= 1
        assert np.mean(matched(found, wanted)[..., c] == line) > 0.99


def test_a_flat_channel_takes_the_mean_and_no_gain_is_negative():
    wanted = noise(20, 20, high=101)
    means = np.rint(wanted.mean(axis=(0, 1)))
    assert np.array_equal(matched(np.full_like(wanted, 7), wanted), np.broadcast_to(means, wanted.shape))
    assert np.array_equal(matched(255 - wanted, wanted), np.broadcast_to(means, wanted.shape))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32), low=st.integers(0, 200), span=st.integers(1, 56), gain=st.floats(-2, 4),
    offset=st.floats(-200, 200), deviation=st.floats(0, 60),
)  # fmt: skip
def test_matching_never_loses_but_by_rounding(seed, low, span, gain, offset, deviation):
    found = noise(12, 15, seed=seed, low=low, high=low + span)
    other = np.random.default_rng(seed + 1).normal(gain * found + offset, deviation)
    wanted = np.rint(other.clip(0, 255)).astype(np.uint8)
    plain, like = (np.sqrt(np.mean((each.astype(float) - wanted) ** 2)) for each in (found, matched(found, wanted)))
    assert like <= plain + 0.5


def test_matching_leaves_an_equal_picture_as_it_is():
    picture = noise(20, 20)
    assert np.array_equal(matched(picture, picture), picture)


def best_by_loops(found, wanted, most_px):
    """PSNR of every shift, one after the other, and the best."""
    height, width = wanted.shape[:2]
    core = wanted[most_px : height - most_px, most_px : width - most_px].astype(int)
    errors = {}
    for down in range(-most_px, most_px + 1):
        for right in range(-most_px, most_px + 1):
            place = found[most_px + down : height - most_px + down, most_px + right : width - most_px + right]
            errors[math.hypot(right, down), right, down] = ((place - core) ** 2).mean()
    (_, right, down), error = min(errors.items(), key=lambda each: (each[1], each[0]))
    return right, down, 10 * np.log10(255**2 / error) if error else math.inf


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32), height=st.integers(9, 30), width=st.integers(9, 30), right=st.integers(-4, 4),
    down=st.integers(-4, 4), most_px=st.integers(0, 4), spread=st.integers(0, 255),
)  # fmt: skip
def test_the_best_shift_is_the_best_of_all(seed, height, width, right, down, most_px, spread):
    wanted = noise(height, width, seed=seed)
    error = np.random.default_rng(seed + 1).integers(-spread, spread + 1, wanted.shape)
    found = (np.roll(wanted, (down, right), (0, 1)) + error).clip(0, 255).astype(np.uint8)
    best = shifted(found, wanted, most_px=most_px)
    expected_right, expected_down, psnr_db = best_by_loops(found, wanted, most_px)
    assert (best.right_px, best.down_px) == (expected_right, expected_down)
    assert best.psnr_db == pytest.approx(psnr_db, abs=1e-9)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, -2), (-4, 4), (1, 0)])
def test_a_known_shift_is_recovered(right, down):
    scene = noise(211, 307)
    wanted, found = scene[8:-8, 8:-8], scene[8 - down : 203 - down, 8 - right : 299 - right]
    best = shifted(found, wanted)
    assert (best.right_px, best.down_px, best.psnr_db) == (right, down, math.inf)


def test_shifts_on_extreme_values_are_exact():
    wanted = np.where(noise(301, 200, seed=3) < 128, 0, 255).astype(np.uint8)
    found = wanted.copy()
    found[150, 100, 1] ^= 1
    best = shifted(found, wanted)
    assert (best.right_px, best.down_px) == (0, 0)
    assert best.psnr_db == AIM2020.psnr_db(found[4:-4, 4:-4], wanted[4:-4, 4:-4])


def test_without_shifts_it_is_plain_psnr_bit_for_bit():
    found, wanted = noise(80, 90, seed=1), noise(80, 90, seed=2)
    for each in PROTOCOLS:
        assert shifted(found, wanted, most_px=0, protocol=each).psnr_db == each.psnr_db(found, wanted)


def test_of_equal_shifts_the_shortest_counts():
    picture = np.full((20, 20, 3), 100, np.uint8)
    assert shifted(picture, picture + 1) == shifted(picture + 1, picture)
    assert (shifted(picture, picture).right_px, shifted(picture, picture).down_px) == (0, 0)


def test_too_small_for_the_shifts_is_refused():
    picture = noise(8, 20)
    with pytest.raises(RequestError, match="shifts up to 4 px need sides of 9 px, this picture is 20x8"):
        shifted(picture, picture)
    with pytest.raises(RequestError, match="shifts up to 4 px need sides of 73 px, this picture is 80x72"):
        shifted(noise(72, 80), noise(72, 80), protocol=protocol("pynet"))


def band_by_loops(edges, size, width_px):
    """Distance of every pixel to every edge pixel."""
    y, x = np.nonzero(edges)
    yy, xx = np.indices(size)
    return np.hypot(yy[..., None] - y, xx[..., None] - x).min(axis=2) <= width_px


def test_the_band_is_what_is_near_a_step():
    disparity = np.full((40, 60), 3.0)
    disparity[10:25, 20:] = 5.0
    edges = np.zeros((40, 60), bool)
    for y in range(40):
        for x in range(60):
            around = disparity[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
            edges[y, x] = np.ptp(around) > 0.1 * 2
    for width_px in (0, 1.5, 4):
        assert np.array_equal(edge_band(disparity, width_px=width_px), band_by_loops(edges, (40, 60), width_px))
    assert np.array_equal(edge_band(7 * disparity - 100, width_px=4), edge_band(disparity, width_px=4))


def test_by_default_the_band_is_one_per_cent_of_the_diagonal_to_each_side():
    disparity = np.zeros((300, 400))
    disparity[:, 200:] = 1
    band = edge_band(disparity)
    assert np.array_equal(np.nonzero(band[0])[0], np.arange(199 - 5, 200 + 5 + 1))
    assert (band == band[0]).all()


def test_only_steps_above_a_tenth_are_edges():
    disparity = np.zeros((20, 30))
    disparity[:, 10:20] = 0.09
    disparity[:, 20:] = 1
    assert not edge_band(disparity, width_px=3)[:, :16].any()
    disparity[:, 10:20] = 0.11
    assert edge_band(disparity, width_px=3)[:, 7:13].all()
    ramp = np.broadcast_to(np.linspace(0, 1, 30), (20, 30))
    assert not edge_band(ramp).any()


def test_a_map_of_another_size_gives_the_same_band_up_to_its_pixels():
    whole = np.zeros((120, 160), np.float32)
    whole[:, 80:] = 1
    expected = edge_band(whole, width_px=12)
    for other in (whole[::4, ::4], np.repeat(np.repeat(whole, 3, axis=0), 3, axis=1)):
        band = edge_band(other, size=(120, 160), width_px=12)
        assert band.shape == (120, 160)
        assert np.abs(band.sum(axis=1) - expected.sum(axis=1)).max() <= 6


def test_a_flat_map_has_no_band_and_a_broken_one_is_refused():
    assert not edge_band(np.full((20, 30), 2.0)).any()
    with pytest.raises(RequestError, match="disparity map holds what is no number"):
        edge_band(np.full((20, 30), np.nan))
    with pytest.raises(RequestError, match=r"disparity map is \(h, w\), this one \(20, 30, 3\)"):
        edge_band(np.zeros((20, 30, 3)))


def test_a_share_above_a_half_counts():
    share = np.array([[0.0, 0.5], [0.51, 1.0]])
    assert np.array_equal(above_half(share, (2, 2)), [[False, False], [True, True]])
    assert np.array_equal(above_half(np.array([[0.0, 1.0]]), (3, 8)), np.broadcast_to(np.arange(8) >= 4, (3, 8)))
    with pytest.raises(RequestError, match=r"in focus lies in \[0, 1\], this one in \[0, 255\]"):
        above_half(255 * share, (2, 2))
    with pytest.raises(RequestError, match="in focus holds what is no number"):
        above_half(np.full((2, 2), np.nan), (2, 2))


def test_psnr_within_a_mask_sees_nothing_else():
    found, wanted = noise(30, 40, seed=1), noise(30, 40, seed=2)
    mask = np.random.default_rng(0).random((30, 40)) > 0.7
    expected = 10 * np.log10(255**2 / np.square(found[mask].astype(float) - wanted[mask]).mean())
    assert psnr_within_db(found, wanted, mask) == pytest.approx(expected, abs=1e-9)
    elsewhere = np.where(mask[..., None], found, 0).astype(np.uint8)
    assert psnr_within_db(elsewhere, wanted, mask) == psnr_within_db(found, wanted, mask)


@pytest.mark.parametrize("each", PROTOCOLS, ids=lambda each: each.name)
def test_within_all_of_the_picture_it_is_the_protocols(each):
    found, wanted = noise(90, 80, seed=1), noise(90, 80, seed=2)
    found = (found // 4 + wanted // 4 * 3).astype(np.uint8)
    everywhere = np.ones((90, 80), bool)
    assert psnr_within_db(found, wanted, everywhere, protocol=each) == each.psnr_db(found, wanted)
    assert ssim_within(found, wanted, everywhere, protocol=each) == pytest.approx(each.ssim(found, wanted), abs=1e-12)


def test_ssim_within_a_mask_is_the_mean_of_the_map():
    found, wanted = noise(40, 50, seed=1), noise(40, 50, seed=2)
    found[:, 25:] = wanted[:, 25:]
    right = np.zeros((40, 50), bool)
    right[:, 28:] = True
    assert ssim_within(found, wanted, right) == pytest.approx(1, abs=1e-12)
    around = AIM2020.ssim_map(found, wanted)
    assert ssim_within(found, wanted, ~right) == pytest.approx(around[3:-3, 3:28].mean(), abs=1e-12)


def test_a_nearly_empty_mask_has_no_score():
    found, wanted = noise(40, 50, seed=1), noise(40, 50, seed=2)
    mask = np.zeros((40, 50), bool)
    mask[10:18, 10:18] = True
    assert psnr_within_db(found, wanted, mask) is not None
    assert ssim_within(found, wanted, mask) is not None
    mask[10, 10] = False
    assert psnr_within_db(found, wanted, mask) is None
    assert ssim_within(found, wanted, mask) is None
    frame = np.ones((40, 50), bool)
    frame[3:-3, 3:-3] = False
    assert psnr_within_db(found, wanted, frame) is not None
    assert ssim_within(found, wanted, frame) is None


def test_another_mask_is_refused():
    picture = noise(20, 30)
    for mask in (np.ones((30, 20), bool), np.ones((20, 30))):
        for score in (psnr_within_db, ssim_within):
            with pytest.raises(RequestError, match=r"mask is bool of the picture's \(20, 30\)"):
                score(picture, picture, mask)


def blurred_pair(height=180, width=200):
    wanted = noise(height // 4, width // 4).repeat(4, axis=0).repeat(4, axis=1)
    found = np.roll(wanted, 1, axis=1) // 2 + 50
    disparity = np.zeros((height // 2, width // 2), np.float32)
    disparity[:, width // 4 :] = 1
    return found, wanted, disparity


@pytest.mark.parametrize("each", PROTOCOLS, ids=lambda each: each.name)
def test_figures_are_those_of_their_functions(each):
    found, wanted, disparity = blurred_pair()
    told = figures(found, wanted, protocol=each, disparity=disparity, in_focus=disparity)
    band, sharp = edge_band(disparity, size=(180, 200)), above_half(disparity, (180, 200))
    like = matched(found, wanted)
    assert told == {
        "psnr_db": each.psnr_db(found, wanted),
        "ssim": each.ssim(found, wanted),
        "ms_ssim": ms_ssim(found, wanted),
        "psnr_matched_db": each.psnr_db(like, wanted),
        "ssim_matched": each.ssim(like, wanted),
        "psnr_shifted_db": shifted(found, wanted, protocol=each).psnr_db,
        "psnr_edges_db": psnr_within_db(found, wanted, band, protocol=each),
        "ssim_edges": ssim_within(found, wanted, band, protocol=each),
        "psnr_in_focus_db": psnr_within_db(found, wanted, sharp, protocol=each),
        "ssim_in_focus": ssim_within(found, wanted, sharp, protocol=each),
    }
    assert all(type(value) is float for value in told.values())
    assert told["psnr_matched_db"] > told["psnr_db"]


def test_what_cannot_be_had_is_none():
    found, wanted, _ = blurred_pair()
    told = figures(found, wanted)
    assert [name for name, value in told.items() if value is None] == [
        "psnr_edges_db", "ssim_edges", "psnr_in_focus_db", "ssim_in_focus",
    ]  # fmt: skip
    told = figures(found, wanted, disparity=np.ones((9, 9)), in_focus=np.zeros((9, 9)))
    assert told["psnr_edges_db"] is told["ssim_edges"] is told["psnr_in_focus_db"] is None
    told = figures(found[:8, :20], wanted[:8, :20], lpips=lambda found, wanted: 0.5)
    assert told["ssim"] is not None
    assert told["ms_ssim"] is told["psnr_shifted_db"] is told["lpips"] is None


def test_every_figure_is_described_and_lpips_is_only_told_when_asked():
    found, wanted, _ = blurred_pair()
    assert [*figures(found, wanted, lpips=lambda found, wanted: 0.25)] == [*FIGURES]
    assert figures(found, wanted, lpips=lambda found, wanted: 0.25)["lpips"] == 0.25
    assert "lpips" not in figures(found, wanted)
    for name, says in FIGURES.items():
        assert ("in dB" in says) == name.endswith("_db")
        assert says.endswith(("higher is better.", "lower is better."))


def test_figures_of_unlike_pictures_are_refused():
    found, wanted, _ = blurred_pair()
    with pytest.raises(RequestError, match="do not compare"):
        figures(found[:-1], wanted)
    with pytest.raises(RequestError, match="uint8"):
        figures(found / np.float32(255), wanted)
