"""The Dilated Wavelet CNN: the transform and its inverse, the pyramid, parameters, and what is added where."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from wideopen.zoo.layers import depth_to_space, uses_statistics
from wideopen.zoo.wavelet import (
    DILATIONS,
    DilationPyramid,
    PyramidBlock,
    dilated_wavelet_cnn,
    inverse_wavelet_transform,
    wavelet_net,
    wavelet_transform,
)


def counted(*parts):
    return sum(value.numel() for part in parts for value in part.parameters())


def drawn(*shape, seed=0, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_bands_of_a_block_are_its_mean_and_its_slopes():
    block = torch.tensor([[1.0, 3.0], [6.0, 10.0]])[None, None]
    assert wavelet_transform(block).flatten().tolist() == [5.0, -1.5, -3.0, 0.5]
    assert wavelet_transform(torch.full((1, 1, 4, 4), 0.5)).flatten(2).mean(dim=2).tolist() == [[0.5, 0, 0, 0]]


def test_all_channels_of_a_band_come_together():
    x = drawn(2, 3, 4, 6)
    bands = wavelet_transform(x)
    assert bands.shape == (2, 12, 2, 3)
    for channel in range(3):
        torch.testing.assert_close(bands[:, channel::3], wavelet_transform(x[:, channel : channel + 1]))


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 2), c=st.integers(1, 5), h=st.integers(1, 5), w=st.integers(1, 5), seed=st.integers(0, 2**31))
def test_either_way_and_back_changes_nothing(n, c, h, w, seed):
    x = drawn(n, c, 2 * h, 2 * w, seed=seed)
    torch.testing.assert_close(inverse_wavelet_transform(wavelet_transform(x)), x, rtol=0, atol=5e-7)
    bands = drawn(n, 4 * c, h, w, seed=seed)
    torch.testing.assert_close(wavelet_transform(inverse_wavelet_transform(bands)), bands, rtol=0, atol=5e-7)


def test_the_inverse_is_a_sum_with_signs_moved_from_depth_to_space():
    signs = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]], dtype=torch.float64)
    bands = drawn(2, 20, 3, 4, dtype=torch.float64)
    mixed = torch.einsum("ij,njchw->nichw", signs, bands.reshape(2, 4, 5, 3, 4)).reshape(2, 20, 3, 4)
    torch.testing.assert_close(inverse_wavelet_transform(bands), depth_to_space(mixed, 2))


@pytest.mark.parametrize(
    ("widths", "share", "parameters", "multiply_adds"),
    [
        ((32, 64, 128), 0.25, 1_711_260, 85.9e9),
        ((32, 64, 128), 0.5, 4_026_636, 215.9e9),
        ((24, 48, 96), 0.25, 964_272, 48.8e9),
        ((64, 128, 256), 0.5, 16_086_540, 858.3e9),
    ],
    ids=["default", "wide pyramids", "narrow", "large"],
)
def test_parameters_and_work_are_as_specified(widths, share, parameters, multiply_adds):
    with torch.device("meta"):
        network, counter = wavelet_net(widths, pyramid_share=share), FlopCounterMode(display=False)
        with counter:
            assert network(torch.rand(1, 3, 1024, 1536)).shape == (1, 3, 1024, 1536)
    assert counted(network) == parameters
    assert counter.get_total_flops() / 2 == pytest.approx(multiply_adds, rel=1e-3)
    assert not uses_statistics(network)


def test_the_default_is_the_network_of_the_two_teams():
    assert counted(dilated_wavelet_cnn()) == 1_711_260


def test_blocks_are_those_of_the_authors_other_network():
    # Its whole, but for the blocks: three filters of 5 and one of 3 down, two transposed of 4 and one of 3 up.
    blocks = [PyramidBlock(width, width) for width in (16, 32, 64, 64, 32, 16)]
    others = [nn.Conv2d(before, after, 5) for before, after in ((48, 16), (16, 32), (32, 64))]
    others += [nn.Conv2d(16, 16, 3), nn.ConvTranspose2d(64, 32, 4), nn.ConvTranspose2d(32, 16, 4), nn.Conv2d(4, 12, 3)]
    assert counted(*blocks, *others) == 3_118_380


def test_dilations_fall_and_each_filter_sees_all_before_it():
    pyramid = DilationPyramid(8, 4)
    assert [each.dilation for each in pyramid.dilated] == [(rate, rate) for rate in DILATIONS]
    assert [each.in_channels for each in pyramid.dilated] == [8, 12, 16, 20, 24, 28]
    assert (pyramid.last.in_channels, pyramid.last.kernel_size) == (32, (1, 1))
    assert pyramid(drawn(1, 8, 6, 7)).shape == (1, 4, 6, 7)
    assert pyramid(drawn(1, 8, 6, 7)).min() >= 0


def test_a_block_adds_a_tenth_of_what_its_pyramid_finds():
    block, x = PyramidBlock(8, 4), drawn(1, 8, 6, 7)
    torch.testing.assert_close(block(x) - x, block.widen(block.pyramid(x)) / 10)


def test_the_last_filter_draws_what_is_added_to_the_picture():
    network, picture = wavelet_net((8, 12, 16)).eval(), drawn(2, 3, 16, 24)
    with torch.no_grad():
        assert not torch.allclose(network(picture), picture)
        network.last.weight.zero_()
        assert torch.equal(network(picture), picture)


def test_features_of_the_same_size_are_added_on_the_way_up():
    network, picture = wavelet_net((8, 12, 16)).eval(), drawn(1, 3, 16, 24)
    with torch.no_grad():
        first = network.descents[0](picture)
        second = network.descents[1](first)
        up = network.ascents[0](network.descents[2](second), second)
        wanted = picture + inverse_wavelet_transform(network.last(network.ascents[1](up, first)))
        torch.testing.assert_close(network(picture), wanted)


def test_gradients_reach_every_parameter():
    network = wavelet_net((8, 12, 16))
    network(drawn(1, 3, 16, 24)).square().mean().backward()
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in network.parameters())


def test_bfloat16_changes_little_of_what_is_added_to_a_picture():
    network, picture = wavelet_net((8, 12, 16)).eval(), drawn(1, 3, 16, 24)
    with torch.no_grad():
        exact = network(picture)
        with torch.autocast("cpu", torch.bfloat16):
            rough = network(picture).float()
    assert (rough - exact).abs().max() < 0.05 * (exact - picture).abs().max()
