"""Published weights, in files of the layouts that their authors' code writes, become checkpoints."""

import re

import numpy as np
import pytest

from wideopen.errors import RequestError

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from wideopen.zoo.catalog import solution  # noqa: E402
from wideopen.zoo.checkpoint import fill, load  # noqa: E402
from wideopen.zoo.convert import LAYOUTS, convert, pynet_order  # noqa: E402
from wideopen.zoo.frontends import front_end, load_front_end  # noqa: E402


def sequence(*channels):
    return nn.Sequential(nn.Conv2d(channels[0], channels[1], 3), nn.ReLU(), nn.Conv2d(channels[1], channels[2], 3))


def released_dmshn():
    """Names and shapes as the released DMSHN has them."""
    whole = nn.Module()
    for level in (1, 2, 3):
        encoder, decoder = nn.Module(), nn.Module()
        for name, made in (
            ("1", nn.Conv2d(3, 32, 3)), ("2", sequence(32, 32, 32)), ("3", sequence(32, 32, 32)),
            ("5", nn.Conv2d(32, 64, 3)), ("6", sequence(64, 64, 64)), ("7", sequence(64, 64, 64)),
            ("9", nn.Conv2d(64, 128, 3)), ("10", sequence(128, 128, 128)), ("11", sequence(128, 128, 128)),
        ):  # fmt: skip
            setattr(encoder, f"layer{name}", made)
        for name, made in (
            ("13", sequence(128, 128, 128)), ("14", sequence(128, 128, 128)), ("16", nn.ConvTranspose2d(128, 64, 4)),
            ("17", sequence(64, 64, 64)), ("18", sequence(64, 64, 64)), ("20", nn.ConvTranspose2d(64, 32, 4)),
            ("21", sequence(32, 32, 32)), ("22", sequence(32, 32, 32)), ("24", nn.Conv2d(32, 3, 3)),
        ):  # fmt: skip
            setattr(decoder, f"layer{name}", made)
        setattr(whole, f"encoder_lv{level}", encoder)
        setattr(whole, f"decoder_lv{level}", decoder)
    return whole


def test_released_dmshn(tmp_path):
    state = released_dmshn().state_dict()
    torch.save(state, tmp_path / "a.pth")
    record = convert(tmp_path / "a.pth", "team-horizon", tmp_path / "a.safetensors", licence="MIT")
    assert (record.source, record.licence) == ("a.pth", "MIT")
    _, network, _ = load(tmp_path / "a.safetensors")
    found = network.state_dict()
    assert torch.equal(found["encoders.1.4.body.2.weight"], state["encoder_lv2.layer6.2.weight"])
    assert torch.equal(found["decoders.2.8.bias"], state["decoder_lv3.layer24.bias"])
    assert torch.equal(found["decoders.0.2.weight"], state["decoder_lv1.layer16.weight"])
    assert len(found) == len(state)


def test_released_stacked_dmshn_of_several_gpus(tmp_path):
    one, two = released_dmshn().state_dict(), released_dmshn().state_dict()
    state = {f"module.net1.{name}": value for name, value in one.items()}
    state |= {f"module.net2.{name}": value for name, value in two.items()}
    torch.save(state, tmp_path / "a.pth")
    convert(tmp_path / "a.pth", "team-horizon-stacked", tmp_path / "a.safetensors")
    _, network, _ = load(tmp_path / "a.safetensors")
    assert torch.equal(network.state_dict()["second.encoders.0.0.weight"], two["encoder_lv1.layer1.weight"])


def as_midas(name, regression):
    """The authors' name of one of our weights, written out from their modules."""
    name = re.sub(r"^estimator\.encoder\.conv1", "midas.pretrained.layer1.0", name)
    name = re.sub(r"^estimator\.encoder\.bn1", "midas.pretrained.layer1.1", name)
    name = re.sub(r"^estimator\.encoder\.layer1", "midas.pretrained.layer1.4", name)
    name = re.sub(r"^estimator\.encoder\.", "midas.pretrained.", name)
    name = re.sub(r"^estimator\.laterals\.(\d)", lambda m: f"midas.scratch.layer{int(m[1]) + 1}_rn", name)
    name = re.sub(r"^estimator\.fusions\.(\d)", lambda m: f"midas.scratch.refinenet{4 - int(m[1])}", name)
    name = name.replace(".beside.", ".resConfUnit1.").replace(".together.", ".resConfUnit2.")
    name = name.replace("estimator.head.", "midas.scratch.output_conv.")
    name = name.replace("estimator.last.", f"midas.scratch.output_{'conv.4' if regression else 'classify.0'}.")
    return re.sub(r"^radiance\.body\.(\d)", lambda m: f"radiance.conv{int(m[1]) // 2 + 1}", name)


@pytest.mark.parametrize("name", ["aia-smart", "aia-smart-layered"])
def test_defocus_to_focus(tmp_path, name):
    state = solution(name).build().state_dict()
    theirs = {as_midas(key, name.endswith("layered")): value for key, value in state.items()}
    assert not any(key in state for key in theirs)
    torch.save({"net": theirs, "optimizer": {}}, tmp_path / "a.pth")
    convert(tmp_path / "a.pth", name, tmp_path / "a.safetensors")
    found = load(tmp_path / "a.safetensors")[1].state_dict()
    assert all(torch.equal(found[key], value) for key, value in state.items())


def tensorflow_layout(tensor):
    return tensor.permute(2, 3, 1, 0).numpy() if tensor.ndim == 4 else tensor.numpy()


def test_bg_net_by_the_order_of_its_layers(tmp_path):
    state = solution("airia-bokeh").build().state_dict()
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in state))
    kinds = {"weight": "kernel", "bias": "bias"}
    theirs = {}
    for name, value in state.items():
        layer, _, kind = name.rpartition(".")
        label = f"generator/layer_with_weights-{layers.index(layer)}/{kinds[kind]}/.ATTRIBUTES/VARIABLE_VALUE"
        theirs[label] = tensorflow_layout(value)
    theirs["save_counter/.ATTRIBUTES/VARIABLE_VALUE"] = np.array(3)
    # As any reader of names, in another order.
    np.savez(tmp_path / "a.npz", **dict(sorted(theirs.items())))
    convert(tmp_path / "a.npz", "airia-bokeh", tmp_path / "a.safetensors")
    found = load(tmp_path / "a.safetensors")[1].state_dict()
    assert all(torch.equal(found[key], value) for key, value in state.items())


def test_bg_net_of_a_keras_file(tmp_path):
    h5py = pytest.importorskip("h5py")
    network = solution("airia-bokeh").build()
    state = network.state_dict()
    counts = {"conv2d": 0, "conv2d_transpose": 0}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for label, part in network.named_modules():
            if not isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
                continue
            kind = "conv2d_transpose" if isinstance(part, nn.ConvTranspose2d) else "conv2d"
            layer = f"{kind}_{counts[kind]}" if counts[kind] else kind
            counts[kind] += 1
            file[f"model_weights/{layer}/{layer}/kernel:0"] = tensorflow_layout(state[f"{label}.weight"])
            if part.bias is not None:
                file[f"model_weights/{layer}/{layer}/bias:0"] = state[f"{label}.bias"].numpy()
    convert(tmp_path / "a.h5", "airia-bokeh", tmp_path / "a.safetensors")
    found = load(tmp_path / "a.safetensors")[1].state_dict()
    assert all(torch.equal(found[key], value) for key, value in state.items())


def pynet_shapes():
    """Shapes of the variables in the order in which the authors' code makes them, written out from it."""
    shapes = []

    def conv(channels, maps, size, norm):
        shapes.extend([(size, size, channels, maps), (maps,)] + [(maps,)] * (2 * norm))

    def multi(channels, largest, maps, norm=True):
        for size in range(3, largest + 1, 2):
            conv(channels, maps, size, norm)
            conv(maps, maps, size, norm)
        return maps * ((largest - 1) // 2)

    def rise(channels, maps):
        shapes.append((3, 3, maps, channels))

    for channels, maps, norm in ((16, 32, False), (32, 64, True), (64, 128, True), (128, 256, True)):
        multi(channels, 3, maps, norm)
    multi(256, 3, 512)
    for _ in range(3):
        multi(512, 3, 512)
    [rise(512, 256) for _ in range(2)]
    conv(512, 3, 3, norm=False)
    for channels in (512, 256, 256, 256, 512):
        multi(channels, 3, 256)
    [rise(256, 128) for _ in range(2)]
    conv(256, 3, 3, norm=False)
    for _ in range(4):
        multi(256, 5, 128)
    multi(512, 3, 128)
    [rise(128, 64) for _ in range(2)]
    conv(128, 3, 3, norm=False)
    multi(128, 5, 64)
    for _ in range(4):
        multi(192, 7, 64)
    multi(256, 5, 64)
    multi(192, 3, 64)
    [rise(64, 32) for _ in range(2)]
    conv(64, 3, 3, norm=False)
    multi(64, 5, 32, norm=False)
    multi(96, 7, 32, norm=False)
    multi(96, 9, 32, norm=False)
    for _ in range(3):
        multi(128, 9, 32, norm=False)
    multi(128, 7, 32, norm=False)
    multi(128, 5, 32, norm=False)
    multi(128, 3, 32, norm=False)
    conv(32, 3, 3, norm=False)
    rise(32, 8)
    conv(8, 3, 3, norm=False)
    rise(3, 3)
    conv(3, 3, 3, norm=False)
    return shapes


def test_pynet_of_tensorflow():
    network = solution("pynet").build()
    shapes = pynet_shapes()
    assert sum(int(np.prod(shape)) for shape in shapes) == 47_551_791
    theirs = {
        f"generator/Variable_{k}" if k else "generator/Variable": torch.full((1,), float(k)).expand(shape)
        for k, shape in enumerate(shapes)
    }
    theirs["generator/Variable_1/Adam"] = theirs["beta1_power"] = torch.zeros(1)
    state = LAYOUTS["pynet"](dict(sorted(theirs.items())), network)
    fill(network, state, "test")
    found = network.state_dict()
    order = pynet_order(network)
    assert sorted(order) == sorted(found)
    for k in (0, 1, 2, len(shapes) - 1):
        assert bool((found[order[k]] == k).all())
    # Of a normalised filter the shift comes before the scale.
    norm = next(k for k, name in enumerate(order) if name.endswith(".bias") and len(shapes[k + 1]) == 1)
    labels = [order[norm - 1], order[norm], order[norm + 1], order[norm + 2]]
    assert [label.rpartition(".")[2] for label in labels] == ["weight", "bias", "bias", "weight"]


def test_front_ends_are_converted_by_order_or_by_our_names(tmp_path):
    state = front_end("megadepth").build().state_dict()
    torch.save({f"netG.{k}": value for k, value in enumerate(state.values())}, tmp_path / "a.pth")
    assert convert(tmp_path / "a.pth", "megadepth", tmp_path / "a.safetensors").solution == "megadepth"
    again = load_front_end(tmp_path / "a.safetensors", "depth").state_dict()
    assert all(torch.equal(again[key], value) for key, value in state.items())
    with pytest.raises(RequestError, match=r"a\.safetensors holds megadepth, which finds depth, not saliency"):
        load_front_end(tmp_path / "a.safetensors", "saliency")
    with pytest.raises(RequestError, match="there is no solution 'megadepth'"):
        load(tmp_path / "a.safetensors")


def test_what_does_not_fit_is_said_and_nothing_is_written(tmp_path):
    state = released_dmshn().state_dict()
    del state["decoder_lv3.layer24.bias"]
    state["encoder_lv1.layer1.weight"] = torch.zeros(32, 4, 3, 3)
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(RequestError, match=r"1 weights are missing, the first is decoders\.2\.8\.bias.*another shape"):
        convert(tmp_path / "a.pth", "team-horizon", tmp_path / "a.safetensors")
    torch.save({"a.weight": torch.zeros(2)}, tmp_path / "b.pth")
    for name, said in (
        ("airia-bokeh", "the file has 0 weights where"), ("cet-ece", "no published checkpoint is known"),
        ("pynet", "the file has 0 weights"), ("team-horizon", "left over, the first is a.weight"),
        ("nothing", "there is no solution"),
    ):  # fmt: skip
        with pytest.raises(RequestError, match=said) as error:
            convert(tmp_path / "b.pth", name, tmp_path / "a.safetensors")
        assert "\n" not in str(error.value)
    assert not (tmp_path / "a.safetensors").exists()


def test_weights_under_our_own_names_need_no_layout(wideopen, tmp_path):
    state = solution("cet-ece").build().state_dict()
    torch.save(state, tmp_path / "mine.pth")
    code, out, _ = wideopen("convert", "mine.pth", "--to", "cet-ece")
    assert code == 0
    assert "--with mine.safetensors" in out
    assert wideopen("convert", "mine.pth", "--to", "cet-ece")[0] == 2
