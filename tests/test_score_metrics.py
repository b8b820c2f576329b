"""PSNR, SSIM and MS-SSIM by protocols: against loops written here, other people's code, and by hand."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("skimage")

from wideopen.errors import RequestError
from wideopen.score import metrics
from wideopen.score.protocol import AIM2020, PROTOCOLS, Protocol, protocol

NAMES = [each.name for each in PROTOCOLS]
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def pictures(height, width, *, seed=0, noise=12.0):
    """A smooth one with some texture, and what noise makes of it."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    phases = random.uniform(0, 6, (4, 3))
    waves = sum(np.sin(x[..., None] / (3 + k) + y[..., None] / (5 - k) + phases[k]) for k in range(4))
    wanted = 127 + 30 * waves
    found = wanted + noise * random.standard_normal(wanted.shape)
    return tuple(np.rint(each.clip(0, 255)).astype(np.uint8) for each in (found, wanted))


def flat(value, size=(9, 12)):
    return np.full((*size, 3), value, np.uint8)


def window_of(name):
    """Weights of the window, and what its covariances are multiplied by."""
    if name in ("aim2020/1", "y-only/1"):
        return np.full((7, 7), 1 / 49), 49 / 48
    line = np.exp(-(np.arange(-5.0, 6.0) ** 2) / (2 * 1.5**2))
    return np.outer(line, line) / line.sum() ** 2, 1.0


def channels_of(name, picture):
    values = picture.astype(float)
    if name == "pynet/1":
        values = values[32:-32, 32:-32]
    if name == "y-only/1":
        luma = 16 + (65.481 * values[..., 0] + 128.553 * values[..., 1] + 24.966 * values[..., 2]) / 255
        return [np.floor(luma.round(9) + 0.5)]
    return [values[..., c] for c in range(3)]


def ssim_by_loops(name, found, wanted):
    """Wang's formula, window by window."""
    window, factor = window_of(name)
    side = len(window)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    figures = []
    for f, w in zip(channels_of(name, found), channels_of(name, wanted), strict=True):
        for y in range(f.shape[0] - side + 1):
            for x in range(f.shape[1] - side + 1):
                a, b = f[y : y + side, x : x + side], w[y : y + side, x : x + side]
                mean_a, mean_b = (window * a).sum(), (window * b).sum()
                variance = factor * (window * ((a - mean_a) ** 2 + (b - mean_b) ** 2)).sum()
                covariance = factor * (window * (a - mean_a) * (b - mean_b)).sum()
                luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
                figures.append(luminance * (2 * covariance + c2) / (variance + c2))
    return np.mean(figures)


@pytest.mark.parametrize("name", NAMES)
def test_ssim_is_wangs_formula_window_by_window(name):
    found, wanted = pictures(82, 79) if name == "pynet/1" else pictures(24, 19)
    assert protocol(name).ssim(found, wanted) == pytest.approx(ssim_by_loops(name, found, wanted), abs=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_psnr_is_that_of_the_mean_square_of_what_is_compared(name):
    found, wanted = pictures(82, 79)
    f, w = (np.array(channels_of(name, each)) for each in (found, wanted))
    assert protocol(name).psnr_db(found, wanted) == pytest.approx(
        10 * np.log10(255**2 / ((f - w) ** 2).mean()), abs=1e-9
    )


def test_the_default_is_scikit_image_as_it_is():
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    found, wanted = pictures(40, 53)
    assert metrics.PROTOCOL == AIM2020.name == PROTOCOLS[0].name == "aim2020/1"
    assert metrics.psnr_db(found, wanted) == pytest.approx(peak_signal_noise_ratio(wanted, found), abs=1e-12)
    expected = structural_similarity(wanted, found, channel_axis=2)
    assert metrics.ssim(found, wanted) == pytest.approx(expected, abs=1e-12)
    assert AIM2020.ssim(found, wanted) == metrics.ssim(found, wanted) == AIM2020.similarity(found, wanted)[0]


def test_gaussian_windows_are_those_of_torchmetrics_inside():
    torch = pytest.importorskip("torch")
    ssim = pytest.importorskip("torchmetrics.functional.image").structural_similarity_index_measure
    found, wanted = pictures(40, 53)
    f, w = (torch.from_numpy(each.transpose(2, 0, 1).astype(np.float64))[None] for each in (found, wanted))
    _, around = ssim(f, w, data_range=255.0, return_full_image=True)
    expected = around[0, :, 5:-5, 5:-5].mean().item()
    assert protocol("gaussian").ssim(found, wanted) == pytest.approx(expected, abs=1e-10)


def test_by_hand_all_values_off_by_one_are_48_13_db():
    assert AIM2020.psnr_db(flat(100), flat(101)) == pytest.approx(48.1308, abs=5e-5)


def test_by_hand_one_value_of_twelve_off_by_all_is_ten_log_twelve():
    found = flat(0, (2, 2))
    wanted = found.copy()
    wanted[1, 0, 2] = 255
    assert AIM2020.psnr_db(found, wanted) == pytest.approx(10.7918, abs=5e-5)


def test_by_hand_ssim_of_two_greys_is_their_luminance_alone():
    # (2 * 100 * 50 + 6.5025) / (100^2 + 50^2 + 6.5025)
    assert AIM2020.ssim(flat(100), flat(50)) == pytest.approx(0.800104, abs=5e-7)


def test_by_hand_luma_of_red_is_81_and_that_of_black_is_16():
    red = flat(0)
    red[..., 0] = 255
    assert protocol("y-only").psnr_db(red, flat(0)) == pytest.approx(20 * math.log10(255 / 65), abs=1e-9)
    assert protocol("y-only").psnr_db(flat(255), flat(0)) == pytest.approx(20 * math.log10(255 / 219), abs=1e-9)


def test_luma_is_that_of_scikit_image_but_for_halves():
    from skimage.color import rgb2ycbcr

    found, wanted = pictures(60, 70)
    luma, _ = protocol("y-only").compared(found, wanted)
    exact = rgb2ycbcr(found)[..., 0]
    assert np.abs(luma[..., 0] - exact).max() <= 0.5 + 1e-9
    settled = np.abs(exact % 1 - 0.5) > 1e-9
    assert np.array_equal(luma[..., 0][settled], np.rint(exact)[settled])


@pytest.mark.parametrize("name", NAMES)
def test_black_against_white_does_not_overflow(name):
    black, white = flat(0, (80, 80)), flat(255, (80, 80))
    one, other = protocol(name).psnr_db(black, white), protocol(name).psnr_db(white, black)
    assert one == other
    assert one == (pytest.approx(20 * math.log10(255 / 219)) if name == "y-only/1" else 0)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32), height=st.integers(75, 90), width=st.integers(75, 90), noise=st.floats(0, 80),
    each=st.sampled_from(PROTOCOLS),
)  # fmt: skip
def test_laws_of_every_protocol(seed, height, width, noise, each):
    found, wanted = pictures(height, width, seed=seed, noise=noise)
    assert each.psnr_db(found, wanted) == each.psnr_db(wanted, found) >= 0
    assert each.ssim(found, wanted) == pytest.approx(each.ssim(wanted, found), abs=1e-12)
    assert each.ssim(found, wanted) <= 1 + 1e-12
    assert each.ssim(wanted, wanted) == pytest.approx(1, abs=1e-12)
    assert each.psnr_db(wanted, wanted) == math.inf


def test_protocols_differ_on_the_same_picture():
    found, wanted = pictures(120, 110)
    similarities = sorted(each.ssim(found, wanted) for each in PROTOCOLS)
    assert min(np.diff(similarities)) > 1e-4
    assert protocol("gaussian").psnr_db(found, wanted) == AIM2020.psnr_db(found, wanted)
    assert len({each.psnr_db(found, wanted) for each in PROTOCOLS}) == 3


@pytest.mark.parametrize(("name", "edge_px"), [("aim2020", 3), ("pynet", 37), ("gaussian", 5), ("y-only", 3)])
def test_the_map_of_ssim_lies_on_the_picture(name, edge_px):
    found, wanted = pictures(90, 100)
    each = protocol(name)
    ssim, around = each.similarity(found, wanted)
    assert around.shape == (90, 100)
    inside = np.zeros((90, 100), bool)
    inside[edge_px:-edge_px, edge_px:-edge_px] = True
    assert np.array_equal(np.isfinite(around), inside)
    assert np.nanmean(around) == pytest.approx(ssim, abs=1e-12)
    assert np.array_equal(each.ssim_map(found, wanted), around, equal_nan=True)
    spotted = wanted.copy()
    spotted[44, 51] ^= 128
    y, x = np.nonzero(each.ssim_map(spotted, wanted) < 1 - 1e-9)
    reach = 5 if each.window == "gaussian" else 3
    assert (y.min(), y.max(), x.min(), x.max()) == (44 - reach, 44 + reach, 51 - reach, 51 + reach)


def test_protocols_are_found_with_and_without_their_version():
    for each in PROTOCOLS:
        assert protocol(each.name) is protocol(each.name.split("/")[0]) is each
        assert each.says
        assert each.source
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("aim2021", "did you mean aim2020/1?"),
        ("pynet/2", "did you mean pynet/1?"),
        ("Gausian", "did you mean gaussian/1?"),
    ],
)
def test_an_unknown_protocol_is_refused_with_the_nearest_and_the_list(name, near):
    with pytest.raises(RequestError) as refusal:
        protocol(name)
    text = str(refusal.value)
    assert near in text
    assert all(each in text for each in NAMES)
    assert "\n" not in text


def test_a_name_like_none_is_refused_with_the_list_alone():
    with pytest.raises(RequestError, match=r"no protocol 'vmaf'; All are aim2020/1, ") as refusal:
        protocol("vmaf")
    assert "did you mean" not in str(refusal.value)


@pytest.mark.parametrize("score", [AIM2020.psnr_db, AIM2020.ssim, AIM2020.ssim_map, metrics.ms_ssim])
def test_what_cannot_be_compared_is_refused(score):
    good = flat(0, (200, 200))
    for bad, words in [
        (good.astype(np.float32), "float32"),
        (good.astype(np.uint16), "uint16"),
        (good[..., :1], r"\(200, 200, 1\)"),
        (good[..., 0], r"\(200, 200\)"),
    ]:
        for one, other in [(bad, good), (good, bad), (bad, bad)]:
            with pytest.raises(RequestError, match=f"uint8 .*this picture is .*{words}"):
                score(one, other)
    with pytest.raises(RequestError, match="200x200 and 190x200 do not compare"):
        score(good, good[:, :190])


@pytest.mark.parametrize("each", PROTOCOLS, ids=NAMES)
def test_ssim_needs_room_for_one_window_and_no_more(each):
    side = {"aim2020/1": 7, "pynet/1": 75, "gaussian/1": 11, "y-only/1": 7}[each.name]
    found, wanted = pictures(side, side + 3)
    assert each.least_side_px == side
    assert each.ssim(found, wanted) < 1
    with pytest.raises(
        RequestError, match=f"{each.name} needs sides of {side} px, this picture is {side + 3}x{side - 1}"
    ):
        each.ssim(found[1:], wanted[1:])


def test_psnr_needs_one_pixel_within_the_border():
    found, wanted = flat(1, (65, 65)), flat(2, (65, 65))
    assert protocol("pynet").psnr_db(found, wanted) == AIM2020.psnr_db(found, wanted)
    with pytest.raises(RequestError, match="PSNR by pynet/1 needs sides of 65 px, this picture is 65x64"):
        protocol("pynet").psnr_db(found[1:], wanted[1:])
    with pytest.raises(RequestError, match="needs sides of 1 px, this picture is 65x0"):
        AIM2020.psnr_db(found[:0], wanted[:0])


@pytest.mark.parametrize(("module", "score"), [("skimage.metrics", metrics.ssim), ("scipy.ndimage", metrics.ms_ssim)])
def test_without_scikit_image_one_line_says_what_to_install(module, score, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RequestError, match=r"^scores need scikit-image; install wideopen\[score\]$"):
        score(*pictures(180, 180))
    assert metrics.psnr_db(*pictures(180, 180)) > 20


def test_a_protocol_of_ones_own_is_a_protocol():
    own = Protocol("own/1", "Luma without a border.", "here", colour="y", border_px=4)
    found, wanted = pictures(30, 30)
    cut = (slice(4, -4), slice(4, -4))
    assert own.ssim(found, wanted) == protocol("y-only").ssim(found[cut], wanted[cut])


def torchmetrics_ms_ssim(found, wanted):
    """Of torchmetrics but for its last factor, which sees mirrored borders there and windows inside here."""
    torch = pytest.importorskip("torch")
    image = pytest.importorskip("torchmetrics.functional.image")
    f, w = (torch.from_numpy(each.transpose(2, 0, 1).astype(np.float64))[None] for each in (found, wanted))
    first = image.multiscale_structural_similarity_index_measure(f, w, data_range=255.0, betas=(*WEIGHTS[:4], 0.0))
    for _ in range(4):
        f, w = (torch.nn.functional.avg_pool2d(each, 2) for each in (f, w))
    _, around = image.structural_similarity_index_measure(f, w, data_range=255.0, return_full_image=True)
    return (first * around[..., 5:-5, 5:-5].mean() ** WEIGHTS[4]).item()


@pytest.mark.parametrize(("height", "width", "noise"), [(176, 176, 40), (181, 215, 15), (207, 190, 90)])
def test_ms_ssim_is_that_of_torchmetrics_with_windows_inside(height, width, noise):
    found, wanted = pictures(height, width, noise=noise)
    assert metrics.ms_ssim(found, wanted) < 0.999
    assert metrics.ms_ssim(found, wanted) == pytest.approx(torchmetrics_ms_ssim(found, wanted), abs=1e-7)


def test_ms_ssim_is_near_that_of_torchmetrics_as_it_is():
    torch = pytest.importorskip("torch")
    image = pytest.importorskip("torchmetrics.functional.image")
    found, wanted = pictures(300, 400, noise=40)
    f, w = (torch.from_numpy(each.transpose(2, 0, 1).astype(np.float64))[None] for each in (found, wanted))
    whole = image.multiscale_structural_similarity_index_measure(f, w, data_range=255.0).item()
    assert metrics.ms_ssim(found, wanted) == pytest.approx(whole, abs=5e-3)


def test_ms_ssim_is_the_loss_of_training():
    torch = pytest.importorskip("torch")
    from wideopen.train.losses import ms_ssim

    found, wanted = pictures(190, 180, noise=40)
    f, w = (torch.from_numpy(each.transpose(2, 0, 1) / 255.0)[None] for each in (found, wanted))
    assert metrics.ms_ssim(found, wanted) == pytest.approx(1 - ms_ssim(f, w, span=1.0).item(), abs=1e-7)


def test_ms_ssim_of_equal_pictures_is_one_and_of_a_negative_none():
    _, wanted = pictures(176, 176)
    assert metrics.ms_ssim(wanted, wanted) == pytest.approx(1, abs=1e-12)
    assert metrics.ms_ssim(255 - wanted, wanted) == 0


def test_ms_ssim_needs_176_px():
    found, wanted = pictures(176, 180)
    assert metrics.ms_ssim(found, wanted) < 1
    with pytest.raises(RequestError, match="MS-SSIM needs sides of 176 px, this picture is 180x175"):
        metrics.ms_ssim(found[1:], wanted[1:])
