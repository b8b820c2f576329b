"""DDDF and its DenseNet: parameters, filters, statistics, weights by torchvision's names."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from wideopen.errors import RequestError
from wideopen.zoo.densefilter import (
    MULTIPLE_OF,
    Decoder,
    DenseDecoderBlock,
    Encoder,
    PyramidHead,
    dddf,
    filtered,
)
from wideopen.zoo.densenet import DenseNetBody, load_torchvision, torchvision_names
from wideopen.zoo.layers import recalling, remembering, uses_statistics


def counted(part):
    return sum(value.numel() for value in part.parameters())


def scene(*, count=1, size=(MULTIPLE_OF, 2 * MULTIPLE_OF), seed=0):
    rng = torch.Generator().manual_seed(seed)
    return [255 * torch.rand(count, channels, *size, generator=rng) for channels in (3, 1, 1)]


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return dddf().eval()


@pytest.fixture(scope="module")
def densenet121():
    """Names and shapes of torchvision's, by the paper's arithmetic, with values that tell them apart."""
    shapes = {"features.conv0.weight": (64, 3, 7, 7)}

    def norm(name, channels):
        for kind in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{kind}"] = (channels,)

    norm("features.norm0", 64)
    channels = 64
    for block, layers in enumerate((6, 12, 24, 16), start=1):
        for layer in range(1, layers + 1):
            name = f"features.denseblock{block}.denselayer{layer}"
            norm(f"{name}.norm1", channels)
            shapes[f"{name}.conv1.weight"] = (128, channels, 1, 1)
            norm(f"{name}.norm2", 128)
            shapes[f"{name}.conv2.weight"] = (32, 128, 3, 3)
            channels += 32
        if block < 4:
            norm(f"features.transition{block}.norm", channels)
            shapes[f"features.transition{block}.conv.weight"] = (channels // 2, channels, 1, 1)
            channels //= 2
    norm("features.norm5", channels)
    shapes["classifier.weight"], shapes["classifier.bias"] = (1000, channels), (1000,)
    return {name: torch.full(shape, float(k)) for k, (name, shape) in enumerate(shapes.items())}


def test_it_has_as_many_parameters_as_the_published_network(net):
    assert counted(net) == 13_839_968
    assert counted(Decoder()) == counted(net.picture_decoder) == counted(net.kernel_decoder)
    assert counted(net.kernel_head.last) == 128 * 81 + 81


def test_features_have_the_published_widths_and_scales(net):
    picture, saliency, depth = scene()
    levels = net.encoder(picture, saliency, depth)
    assert [tuple(level.shape[1:]) for level in levels] == [(64, 16, 32), (128, 8, 16), (256, 4, 8), (512, 4, 8)]
    fine, deep = net.features(picture, saliency, depth)
    assert (tuple(fine.shape[1:]), tuple(deep.shape[1:])) == ((64, 16, 32), (256, 8, 16))
    assert net(picture, saliency, depth).shape == picture.shape


def test_the_stem_sees_pixels_then_saliency_then_depth():
    encoder = Encoder(DenseNetBody(layers=(1, 1), own_statistics=True), own_statistics=True)
    seen = []
    encoder.stem[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    picture, saliency, depth = scene()
    encoder(picture, saliency, depth)
    pixels = [picture[:, :, row::2, column::2] for row in (0, 1) for column in (0, 1)]
    torch.testing.assert_close(seen[0][:, :12], torch.cat(pixels, dim=1), rtol=0, atol=0)
    for first, guide in ((12, saliency), (15, depth)):
        mean = (guide[:, :, ::2, ::2] + guide[:, :, 1::2, ::2] + guide[:, :, ::2, 1::2] + guide[:, :, 1::2, 1::2]) / 4
        torch.testing.assert_close(seen[0][:, first : first + 3], mean.expand(-1, 3, -1, -1))


def test_the_picture_is_made_plus_filtered_plus_mean(net):
    picture, saliency, depth = scene()
    mean = picture.mean(dim=(2, 3), keepdim=True)
    fine, deep = net.features(picture - mean, saliency, depth)
    kernels = net.kernels(fine, deep)
    assert kernels.shape == (1, 81, *picture.shape[2:])
    assert kernels.min() > 0
    torch.testing.assert_close(kernels.sum(dim=1), torch.ones(1, *picture.shape[2:]))
    wanted = net.made(picture - mean, fine, deep) + filtered(picture - mean, kernels) + mean
    torch.testing.assert_close(net(picture, saliency, depth), wanted)


def test_a_brighter_channel_comes_out_as_much_brighter(net):
    picture, saliency, depth = scene()
    more = torch.tensor([20.0, -3.0, 7.0])[:, None, None]
    shifted = net(picture + more, saliency, depth)
    torch.testing.assert_close(shifted, net(picture, saliency, depth) + more, rtol=1e-4, atol=0.01)


@settings(max_examples=30, deadline=None)
@given(
    side=st.sampled_from((1, 3, 5, 9)),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    channels=st.integers(1, 3),
    seed=st.integers(0, 2**31),
)
def test_filtering_is_that_of_unfolded_pixels_with_its_gradients(side, height, width, channels, seed):
    rng = torch.Generator().manual_seed(seed)
    picture = torch.rand(2, channels, height, width, generator=rng, dtype=torch.float64, requires_grad=True)
    kernels = torch.rand(2, side**2, height, width, generator=rng, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(2, channels, height, width, generator=rng, dtype=torch.float64)
    squares = functional.unfold(picture, side, padding=side // 2)
    squares = squares.reshape(2, channels, side**2, height, width)
    plain = (squares * kernels[:, None]).sum(dim=2)
    found = filtered(picture, kernels)
    torch.testing.assert_close(found, plain)
    for mine, theirs in zip(
        torch.autograd.grad((found * weight).sum(), (picture, kernels)),
        torch.autograd.grad((plain * weight).sum(), (picture, kernels)),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)


def test_beyond_the_border_is_nothing():
    found = filtered(torch.ones(1, 3, 20, 20), torch.full((1, 81, 20, 20), 1 / 81))
    assert found[0, :, 10, 10].tolist() == pytest.approx([1, 1, 1])
    assert found[0, :, 0, 10].tolist() == pytest.approx([45 / 81] * 3)
    assert found[0, :, 19, 0].tolist() == pytest.approx([25 / 81] * 3)


def test_the_first_weight_is_for_the_pixel_above_and_to_the_left():
    picture = torch.arange(100.0).reshape(1, 1, 10, 10)
    kernels = torch.zeros(1, 9, 10, 10)
    kernels[:, 0] = 1
    torch.testing.assert_close(filtered(picture, kernels)[..., 1:, 1:], picture[..., :-1, :-1], rtol=0, atol=0)


def test_a_tested_picture_is_normalised_as_in_training_by_itself(net):
    given = scene(count=2)
    training = copy.deepcopy(net).train()
    alone = [training(*(part[k : k + 1] for part in given)) for k in range(2)]
    torch.testing.assert_close(net(*given), torch.cat(alone), rtol=1e-3, atol=0.05)
    running = dddf(batch_statistics=False).eval()
    running.load_state_dict(net.state_dict())
    assert (running(*given) - net(*given)).abs().max() > 1


def test_what_a_whole_picture_says_can_be_kept(net):
    given = scene()
    assert uses_statistics(net)
    with torch.no_grad(), remembering(net):
        whole = net(*given)
    with torch.no_grad(), recalling(net, area_ratio=1):
        torch.testing.assert_close(net(*given), whole, rtol=0, atol=0)
        darker = net(given[0] / 2, *given[1:])
    with torch.no_grad():
        assert (net(given[0] / 2, *given[1:]) - darker).abs().max() > 1


def test_gradients_reach_every_parameter():
    torch.manual_seed(0)
    net = dddf().train()
    net(*scene()).square().mean().backward()
    still = {name for name, value in net.named_parameters() if value.grad is None or not value.grad.abs().any()}
    assert not still


def test_a_decoder_block_is_that_which_normalises_all_channels_anew():
    torch.manual_seed(0)
    block = DenseDecoderBlock(8, 4, layers=3, growth=2)
    x = torch.randn(2, 8, 6, 5)
    seen = x
    for layer in block.layers:
        seen = torch.cat([seen, layer(functional.instance_norm(seen).relu())], dim=1)
    seen = block.narrow(functional.instance_norm(seen).relu())
    wanted = torch.cat([x, block.last(functional.instance_norm(seen).relu())], dim=1)
    torch.testing.assert_close(block(x), wanted, rtol=1e-4, atol=1e-5)


def test_squares_of_several_sizes_are_seen_before_the_features():
    head = PyramidHead(4, width=5, squares_px=(4, 2))
    seen = []
    head.last.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    head(torch.randn(1, 4, 8, 8), torch.randn(1, 3, 8, 8))
    assert seen[0].shape == (1, 7, 8, 8)
    for channel, side in enumerate((4, 2)):
        level = seen[0][0, channel].reshape(8 // side, side, 8 // side, side)
        assert (level == level[:, :1, :, :1]).all()
        assert level[:, 0, :, 0].unique().numel() == (8 // side) ** 2


def test_weights_of_torchvision_fit_by_their_names(densenet121):
    body = DenseNetBody(own_statistics=True)
    names = torchvision_names(body)
    assert set(names) <= set(densenet121)
    parts = ("denseblock1", "transition1", "denseblock2", "transition2", "denseblock3", "transition3")
    assert set(names) == {name for name in densenet121 if name.split(".")[1] in parts}
    load_torchvision(body, densenet121)
    own = body.state_dict()
    assert all(torch.equal(own[name.removeprefix("features.")], densenet121[name]) for name in names)


def test_names_of_torchvisions_files_are_understood(densenet121):
    old = {}
    for name, value in densenet121.items():
        for number in "12":
            for kind in ("norm", "conv"):
                name = name.replace(f".{kind}{number}.", f".{kind}.{number}.")
        old[name] = value
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    new_body, old_body = DenseNetBody(own_statistics=True), DenseNetBody(own_statistics=True)
    load_torchvision(new_body, densenet121)
    load_torchvision(old_body, old)
    assert all(torch.equal(old_body.state_dict()[name], value) for name, value in new_body.state_dict().items())


def test_weights_of_another_network_are_refused(densenet121):
    body = DenseNetBody(own_statistics=True)
    name = "features.denseblock2.denselayer1.conv1.weight"
    with pytest.raises(RequestError, match=rf"have no {name}; .*densenet121"):
        load_torchvision(body, {key: value for key, value in densenet121.items() if key != name})
    with pytest.raises(RequestError, match=rf"{name} has the shape \(2, 2\), \(128, 128, 1, 1\) is wanted"):
        load_torchvision(body, densenet121 | {name: torch.zeros(2, 2)})
