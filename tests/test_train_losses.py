"""Losses: against other people's code, by hand where there is none, and what holds for all of them."""

import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402
from torch.nn import functional  # noqa: E402

from wideopen.errors import RequestError  # noqa: E402
from wideopen.train.losses import LOSSES  # noqa: E402
from wideopen.train.vgg import DEPTHS, Perceptual, VGG19Features, perceptual  # noqa: E402

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WITHOUT_WINDOW = ("l1", "mse", "charbonnier", "sobel", "gradient", "grey_l1")


def pictures(height, width, *, count=1, seed=0, noise=0.15):
    """Smooth ones in [0, 1] and what noise makes of them."""
    generator = torch.Generator().manual_seed(seed)
    smooth = functional.interpolate(
        torch.rand(count, 3, 5, 6, generator=generator), (height, width), mode="bicubic", align_corners=False
    )
    noisy = smooth + noise * torch.randn(smooth.shape, generator=generator)
    return noisy.clamp(0, 1), smooth.clamp(0, 1)


def similarity(name, found, wanted, span=1.0):
    return 1 - LOSSES[name](found, wanted, span=span).item()


def torchmetrics_parts(found, wanted):
    """SSIM of windows inside, and contrast and structure, for each picture."""
    ssim = pytest.importorskip("torchmetrics.functional.image").structural_similarity_index_measure
    _, whole = ssim(found, wanted, data_range=1.0, return_full_image=True)
    _, contrast = ssim(found, wanted, data_range=1.0, return_contrast_sensitivity=True, reduction="none")
    return whole[..., 5:-5, 5:-5].mean(dim=(1, 2, 3)), contrast


def test_ssim_is_that_of_torchmetrics():
    found, wanted = pictures(40, 53, count=2)
    whole, _ = torchmetrics_parts(found, wanted)
    assert similarity("ssim", found, wanted) == pytest.approx(whole.mean().item(), abs=2e-6)


@pytest.mark.parametrize(("low", "span"), [(0, 1), (-1, 2), (0, 255)], ids=["unit", "signed", "bytes"])
def test_ssim_is_that_of_skimage_in_every_range(low, span):
    metrics = pytest.importorskip("skimage.metrics")
    found, wanted = (low + span * each for each in pictures(33, 41))
    _, whole = metrics.structural_similarity(
        found[0].double().numpy(), wanted[0].double().numpy(), data_range=span, channel_axis=0, gaussian_weights=True,
        sigma=1.5, use_sample_covariance=False, full=True,
    )  # fmt: skip
    assert similarity("ssim", found, wanted, span) == pytest.approx(whole[:, 5:-5, 5:-5].mean(), abs=5e-6)


def test_padded_ssim_is_ssim_of_pictures_in_a_black_frame():
    found, wanted = pictures(30, 26)
    framed = [functional.pad(each, (5, 5, 5, 5)) for each in (found, wanted)]
    assert similarity("ssim_padded", found, wanted) == pytest.approx(similarity("ssim", *framed), abs=1e-6)
    assert abs(similarity("ssim_padded", found, wanted) - similarity("ssim", found, wanted)) > 1e-3


def scales(found, wanted, count=5):
    """Of torchmetrics: contrast of each scale, and SSIM of the last."""
    contrasts = []
    for _ in range(count):
        whole, contrast = torchmetrics_parts(found, wanted)
        contrasts.append(contrast)
        found, wanted = functional.avg_pool2d(found, 2), functional.avg_pool2d(wanted, 2)
    return contrasts, whole


def test_ms_ssim_is_that_of_torchmetrics_with_windows_inside():
    ms_ssim = pytest.importorskip("torchmetrics.functional.image").multiscale_structural_similarity_index_measure
    found, wanted = pictures(177, 190, count=2, noise=0.4)
    # Its last factor sees mirrored borders, which windows inside do not, so that it is left out and put in anew.
    first_four = ms_ssim(found, wanted, data_range=1.0, betas=(*WEIGHTS[:4], 0.0), reduction="none", normalize=None)
    _, whole = scales(found, wanted)
    expected = (first_four * whole ** WEIGHTS[4]).mean().item()
    assert expected < 0.95
    assert similarity("ms_ssim", found, wanted) == pytest.approx(expected, abs=3e-6)


def test_horizons_ms_ssim_counts_the_coarsest_scale_four_times():
    found, wanted = pictures(176, 180, count=2, noise=0.4)
    contrasts, whole = scales(found, wanted)
    expected = whole.mean().item() ** (4 * WEIGHTS[4])
    for contrast, weight in zip(contrasts[:4], WEIGHTS[:4], strict=True):
        expected *= contrast.mean().item() ** weight
    assert similarity("ms_ssim_horizon", found, wanted) == pytest.approx(expected, abs=3e-6)
    assert similarity("ms_ssim", found, wanted) - expected > 1e-3


@pytest.mark.parametrize(("side_px", "count"), [(175, 4), (88, 4), (87, 3), (22, 2), (21, 1), (11, 1)])
def test_small_pictures_are_compared_at_as_many_scales_as_fit(side_px, count):
    found, wanted = pictures(side_px, side_px + 7, noise=0.3)
    contrasts, whole = scales(found, wanted, count)
    used = [weight / sum(WEIGHTS[:count]) for weight in WEIGHTS[:count]]
    rest = math.prod(each.item() ** weight for each, weight in zip(contrasts[:-1], used[:-1], strict=True))
    last = whole.item() ** used[-1]
    assert similarity("ms_ssim", found, wanted) == pytest.approx(rest * last, abs=5e-6)
    assert similarity("ms_ssim_horizon", found, wanted) == pytest.approx(rest * last ** max(count - 1, 1), abs=5e-6)


@pytest.mark.parametrize("name", ["ssim", "ms_ssim", "ms_ssim_horizon"])
def test_pictures_below_the_window_are_refused(name):
    with pytest.raises(RequestError, match=r"10 x 40; learn from larger crops"):
        LOSSES[name](torch.zeros(1, 3, 10, 40), torch.zeros(1, 3, 10, 40), span=1)


@pytest.mark.parametrize("name", ["ms_ssim", "ms_ssim_horizon"])
def test_opposite_pictures_have_a_loss_and_a_gradient(name):
    found = pictures(180, 180)[1].requires_grad_()
    loss = LOSSES[name](found, 1 - found.detach(), span=1)
    loss.backward()
    assert 0.9 < loss.item() <= 1
    assert found.grad.isfinite().all()


def known_pair():
    """Rows rise by 2 and columns by 3 more in one than in the other, which is grey and 0; red only."""
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(5.0), indexing="ij")
    found = torch.zeros(2, 3, 6, 5)
    found[:, 0] = 2 * rows - 3 * columns
    return found, torch.zeros_like(found)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("l1", np.abs(2 * np.arange(6)[:, None] - 3 * np.arange(5)).mean() / 3),
        ("mse", ((2 * np.arange(6)[:, None] - 3 * np.arange(5)) ** 2).mean() / 3),
        # Sobel's filter adds four weights and looks two pixels apart.
        ("sobel", (2 * 8 + 3 * 8) / 2 / 3),
        ("gradient", (2 + 3) / 3),
        ("grey_l1", 0.299 * np.abs(2 * np.arange(6)[:, None] - 3 * np.arange(5)).mean()),
    ],
    ids=["l1", "mse", "sobel", "gradient", "grey_l1"],
)
@pytest.mark.parametrize("span", [1, 255])
def test_plain_losses_are_as_counted_by_hand_and_do_not_go_by_the_span(name, expected, span):
    assert LOSSES[name](*known_pair(), span=span).item() == pytest.approx(expected, rel=1e-6)


def test_sobel_sees_a_step_as_its_filter_does():
    found = torch.zeros(1, 3, 5, 6)
    found[..., 3:] = 1
    # Across, two of four columns of whole windows see it, each with 4; down, none.
    assert LOSSES["sobel"](found, torch.zeros_like(found), span=1).item() == pytest.approx(4 * 2 / 4 / 2)


def test_luma_weighs_the_colours():
    grey = LOSSES["grey_l1"]
    wanted = torch.zeros(1, 3, 2, 2)
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        found = wanted.clone()
        found[:, channel] = 0.5
        assert grey(found, wanted, span=1).item() == pytest.approx(weight / 2)
    opposite = torch.tensor([0.587, -0.299, 0.0])[None, :, None, None].expand(1, 3, 2, 2)
    assert grey(opposite, wanted, span=1).item() == pytest.approx(0, abs=1e-7)


def test_charbonnier_is_the_error_where_it_is_large_and_round_where_it_is_small():
    loss, zero = LOSSES["charbonnier"], torch.zeros(1, 3, 2, 2)
    assert loss(zero, zero, span=1).item() == pytest.approx(1e-3)
    assert loss(zero + 0.5, zero, span=1).item() == pytest.approx(math.hypot(0.5, 1e-3))
    assert loss(zero + 1e-3, zero, span=1).item() == pytest.approx(1e-3 * math.sqrt(2))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("kind", ["flat", "noisy"])
def test_equal_pictures_have_no_loss_and_no_gradient(name, kind):
    wanted = torch.full((1, 3, 46, 48), 0.25) if kind == "flat" else pictures(46, 48)[0]
    found = wanted.clone().requires_grad_()
    loss = LOSSES[name](found, wanted, span=1)
    loss.backward()
    assert loss.item() == pytest.approx(1e-3 if name == "charbonnier" else 0, abs=1e-6)
    assert found.grad.abs().max() < 1e-5


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_right(name):
    found, wanted = (each.double() for each in pictures(23, 24))
    direction = torch.randn(found.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    found.requires_grad_()
    LOSSES[name](found, wanted, span=1).backward()
    step = 1e-7
    with torch.no_grad():
        ahead, behind = (LOSSES[name](found + each * direction, wanted, span=1) for each in (step, -step))
    assert (found.grad * direction).sum().item() == pytest.approx(((ahead - behind) / (2 * step)).item(), rel=1e-4)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_in_float32_under_autocast_and_of_bfloat16(name):
    found, wanted = (each.bfloat16() for each in pictures(46, 48))
    expected = LOSSES[name](found.float(), wanted.float(), span=1)
    with torch.autocast("cpu", torch.bfloat16):
        again = LOSSES[name](found, wanted, span=1)
    assert again.dtype == torch.float32
    assert again.item() == expected.item()


@pytest.mark.parametrize("name", ["ssim", "ssim_padded", "ms_ssim", "ms_ssim_horizon"])
def test_similarities_do_not_go_by_the_unit(name):
    found, wanted = pictures(50, 60)
    expected = LOSSES[name](found, wanted, span=1).item()
    assert LOSSES[name](255 * found, 255 * wanted, span=255).item() == pytest.approx(expected, abs=5e-6)


@pytest.mark.parametrize("name", WITHOUT_WINDOW)
def test_losses_of_pixels_are_the_same_for_batches_and_one_by_one(name):
    found, wanted = pictures(9, 8, count=3)
    single = [LOSSES[name](found[k : k + 1], wanted[k : k + 1], span=1) for k in range(3)]
    assert LOSSES[name](found, wanted, span=1).item() == pytest.approx(torch.stack(single).mean().item(), rel=1e-5)


# VGG-19.


def test_vgg_has_torchvisions_names_and_sizes():
    with torch.device("meta"):
        state = VGG19Features().state_dict()
    convolutions = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
    assert list(state) == [f"features.{k}.{kind}" for k in convolutions for kind in ("weight", "bias")]
    assert sum(each.numel() for each in state.values()) == 20_024_384
    assert state["features.10.weight"].shape == (256, 128, 3, 3)
    assert state["features.34.weight"].shape == (512, 512, 3, 3)


def small_vgg():
    return VGG19Features((2, 3, 4, 5, 6))


def test_vgg_is_its_convolutions_with_four_halvings_between():
    network = small_vgg()
    picture = torch.randn(1, 3, 35, 48, generator=torch.Generator().manual_seed(1))
    weights = list(network.parameters())
    expected = picture
    for block, depth in enumerate(DEPTHS):
        if block:
            expected = functional.max_pool2d(expected, 2)
        for _ in range(depth):
            expected = functional.conv2d(expected, weights.pop(0), weights.pop(0), padding=1).relu()
    found = network(picture)
    assert not weights
    assert found.shape == (1, 6, 2, 3)
    assert torch.equal(found, expected)
    assert found.max() > 0


def test_perceptual_loss_sees_pictures_normalised_for_imagenet_in_every_range():
    seen = []
    loss = Perceptual(small_vgg())
    loss.network.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    found, wanted = pictures(32, 32)
    expected = loss(found, wanted, span=1.0).item()
    assert expected > 0
    assert torch.allclose(seen[0][0, :, 3, 4], (wanted[0, :, 3, 4] - loss.mean[:, 0, 0]) / loss.deviation[:, 0, 0])
    assert loss(2 * found - 1, 2 * wanted - 1, span=2.0).item() == pytest.approx(expected, rel=1e-4)
    assert loss(255 * found, 255 * wanted, span=255.0).item() == pytest.approx(expected, rel=1e-4)
    assert loss(wanted, wanted, span=1.0).item() == 0


def test_perceptual_loss_moves_the_picture_alone():
    loss = Perceptual(small_vgg())
    found, wanted = (each.requires_grad_() for each in pictures(32, 32))
    loss(found, wanted, span=1.0).backward()
    assert found.grad.abs().max() > 0
    assert wanted.grad is None
    assert all(each.grad is None and not each.requires_grad for each in loss.parameters())


def test_vgg_without_weights_is_refused_in_one_line_that_says_how_to_get_them():
    with pytest.raises(RequestError, match=r"torchvision\.models\.vgg19.*allow_random") as refusal:
        perceptual(None)
    assert "\n" not in str(refusal.value)


def test_random_vgg_is_the_same_every_time():
    torch.manual_seed(1)
    first = perceptual(None, allow_random=True)
    torch.manual_seed(2)
    second = perceptual(None, allow_random=True)
    found, wanted = pictures(16, 16)
    assert first(found, wanted, span=1.0).item() == second(found, wanted, span=1.0).item() > 0


def state(tmp_path, **changed):
    weights = {name: torch.full_like(each, 0.5) for name, each in VGG19Features().half().state_dict().items()}
    path = Path(tmp_path) / "vgg19.safetensors"
    save_file({**weights, "classifier.0.weight": torch.zeros(2), **changed}, path)
    return path


def test_vgg_takes_the_weights_of_a_file_and_leaves_the_classifier(tmp_path):
    loss = perceptual(state(tmp_path))
    assert all((each == 0.5).all() and each.dtype == torch.float32 for each in loss.network.parameters())


def test_vgg_refuses_weights_of_another_network(tmp_path):
    path = state(tmp_path, **{"features.36.weight": torch.zeros(2)})
    with pytest.raises(RequestError, match=r"for torchvision's vgg19: 1 are left over, the first is features\.36"):
        perceptual(path)
