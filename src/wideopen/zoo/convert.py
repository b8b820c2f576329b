"""Convert weights that the authors published, as far as the layout of their files is known."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from torch import Tensor, nn

from wideopen.errors import RequestError
from wideopen.zoo.catalog import solution
from wideopen.zoo.checkpoint import Record, fill, read_tensors, save
from wideopen.zoo.frontends import FRONT_ENDS

State = dict[str, Tensor]


def convert(source: Path, name: str, out: Path, *, licence: str = "", overwrite: bool = False) -> Record:
    """Make a checkpoint of a solution from a file of its authors, or of any file with this network's own names.

    Args:
        source: ``.pth`` of DMSHN and of Defocus to Focus, ``.h5`` of Keras and ``.index`` of TensorFlow, the last two
            also as ``.npz`` with the same names.
        name: Of the solution, or ``megadepth`` or ``saliency``, DDDF's front ends.
        out: A ``.safetensors`` file.
        licence: Under which the authors gave the weights, for the record.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        RequestError: If the file cannot be read, or a weight is missing, left over or of another shape.
    """
    front = next((each for each in FRONT_ENDS if each.name == name), None)
    network = (front or solution(name)).build()
    state = read_tensors(source)
    if not state.keys() & network.state_dict().keys():
        layout = LAYOUTS.get(name)
        if layout is None:
            raise RequestError(
                f"{source} has other names than {name}, of which no published checkpoint is known; its first is "
                f"{next(iter(state))}, and {next(iter(network.state_dict()))} is wanted"
            )
        state = layout(state, network)
    fill(network, state, f"{source} for {name}")
    record = Record(solution=name, source=source.name, licence=licence)
    save(network, out, record, overwrite=overwrite)
    return record


def _numbers(text: str) -> list[int | str]:
    """Sort key by which layer 2 comes before layer 10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]


def _in_order(theirs: Iterable[Tensor], ours: list[str], what: str) -> State:
    """Give names to tensors that come in the order of the network's own."""
    tensors = list(theirs)
    if len(tensors) != len(ours):
        raise RequestError(f"{what} has {len(tensors)} weights where {len(ours)} are wanted")
    return dict(zip(ours, tensors, strict=True))


def _torch_layout(tensor: Tensor) -> Tensor:
    """From TensorFlow's (height, width, a, b) to (b, a, height, width); of transposed convolutions too."""
    return tensor.permute(3, 2, 0, 1).contiguous() if tensor.ndim == 4 else tensor


_DMSHN_LAYERS = {
    "encoder": {name: k for k, name in enumerate(("1", "2", "3", "5", "6", "7", "9", "10", "11"))},
    "decoder": {name: k for k, name in enumerate(("13", "14", "16", "17", "18", "20", "21", "22", "24"))},
}


def _dmshn(state: State, network: nn.Module) -> State:
    """Released DMSHN and its stacked form; the table of names is in `wideopen.zoo.dmshn`."""

    def ours(name: str) -> str:
        found = re.fullmatch(r"(?:net([12])\.)?(encoder|decoder)_lv([123])\.layer(\d+)\.(?:([02])\.)?(\w+)", name)
        if found is None or found[4] not in _DMSHN_LAYERS[found[2]]:
            return name
        stacked = {"1": "first.", "2": "second."}.get(found[1] or "", "")
        inner = f"body.{found[5]}." if found[5] else ""
        return f"{stacked}{found[2]}s.{int(found[3]) - 1}.{_DMSHN_LAYERS[found[2]][found[4]]}.{inner}{found[6]}"

    return {ours(name): tensor for name, tensor in state.items()}


_STEM = {"0": "conv1", "1": "bn1", "4": "layer1"}
_UNITS = {"resConfUnit1": "beside", "resConfUnit2": "together"}


def _defocus(state: State, network: nn.Module) -> State:
    """Defocus to Focus: an estimator named as MiDaS, in ``midas``, and ``radiance``."""

    def ours(name: str) -> str:
        name = name.removeprefix("midas.")
        if found := re.fullmatch(r"pretrained\.layer1\.([014])\.(.+)", name):
            return f"estimator.encoder.{_STEM[found[1]]}.{found[2]}"
        if found := re.fullmatch(r"pretrained\.(layer[234])\.(.+)", name):
            return f"estimator.encoder.{found[1]}.{found[2]}"
        if found := re.fullmatch(r"scratch\.layer([1-4])_rn\.weight", name):
            return f"estimator.laterals.{int(found[1]) - 1}.weight"
        if found := re.fullmatch(r"scratch\.refinenet([1-4])\.(resConfUnit[12])\.(.+)", name):
            return f"estimator.fusions.{4 - int(found[1])}.{_UNITS[found[2]]}.{found[3]}"
        if found := re.fullmatch(r"scratch\.output_conv\.([02])\.(.+)", name):
            return f"estimator.head.{found[1]}.{found[2]}"
        if found := re.fullmatch(r"scratch\.output_(?:conv\.4|classify\.0|classify)\.(.+)", name):
            return f"estimator.last.{found[1]}"
        if found := re.fullmatch(r"radiance\.conv([123])\.(.+)", name):
            return f"radiance.body.{2 * int(found[1]) - 2}.{found[2]}"
        return name

    return {ours(name): tensor for name, tensor in state.items()}


def _bg_net(state: State, network: nn.Module) -> State:
    """BG-Net of Keras: layers in the order of the network, or convolutions and transposed ones numbered apart.

    ``generator/layer_with_weights-3/kernel/.ATTRIBUTES/VARIABLE_VALUE`` in a checkpoint, ``conv2d_3/kernel`` in a file.
    """
    names = list(network.state_dict())
    kernels = {
        name: tensor for name, tensor in state.items() if re.search(r"layer_with_weights-\d+/(kernel|bias)/", name)
    }
    if kernels:
        layers = sorted(
            kernels, key=lambda name: (_numbers(name.partition("/kernel")[0].partition("/bias")[0]), "bias" in name)
        )
        return _in_order((_torch_layout(kernels[name]) for name in layers), names, "the file")
    transposed = {name for name, part in _owners(network).items() if isinstance(part, nn.ConvTranspose2d)}
    found: State = {}
    for pattern, group in ((r"conv2d(_\d+)?/", set(names) - transposed), (r"conv2d_transpose(_\d+)?/", transposed)):
        theirs = sorted(
            (name for name in state if re.match(pattern, name.rpartition("/")[0].rpartition("/")[2] + "/")),
            key=lambda name: (_numbers(name.rpartition("/")[0].rpartition("/")[2]), "bias" in name),
        )
        wanted = [name for name in names if name in group]
        found |= _in_order((_torch_layout(state[name]) for name in theirs), wanted, "the file")
    return found


def _owners(network: nn.Module) -> dict[str, nn.Module]:
    """Which module each weight belongs to."""
    return {
        f"{label}.{name}": part
        for label, part in network.named_modules()
        for name, _ in part.named_parameters(recurse=False)
    }


def _pynet(state: State, network: nn.Module) -> State:
    """PyNET of TensorFlow, whose variables have only numbers, in the order that `wideopen.zoo.pynet` tells."""
    theirs = sorted((name for name in state if re.fullmatch(r"generator/Variable(_\d+)?", name)), key=_numbers)
    return _in_order((_torch_layout(state[name]) for name in theirs), pynet_order(network), "the file")


def pynet_order(network: nn.Module) -> list[str]:
    """Names of PyNET's weights in the order that the authors' code makes them."""
    parts: dict[str, list[str]] = {}
    for name, part in _owners(network).items():
        kind = name.rpartition(".")[2]
        # The authors make a norm's shift before its scale.
        late = kind == "bias" if isinstance(part, nn.Conv2d | nn.ConvTranspose2d) else kind == "weight"
        layer = name.rpartition(".")[0]
        parts.setdefault(layer, []).insert(len(parts.get(layer, [])) if late else 0, name)
    rank = {layer: k for k, layer in enumerate(parts)}

    def key(layer: str) -> tuple[int, int, int, int]:
        group, number = layer.split(".")[0], int(layer.split(".")[1])
        if group == "stages":
            rise = ".rises." in f".{layer}."
            return (1, number - rise, 1 if rise else 0, rank[layer])
        if group == "heads":
            return (1, number, 2, rank[layer])
        return (0 if group == "downs" else 2, 0, 0, rank[layer])

    return [name for layer in sorted(parts, key=key) for name in parts[layer]]


def _mega_depth(state: State, network: nn.Module) -> State:
    """MegaDepth, whose layers have only numbers, in the order of the network here."""
    return _in_order(state.values(), list(network.state_dict()), "the file")


LAYOUTS: dict[str, Callable[[State, nn.Module], State]] = {
    "airia-bokeh": _bg_net,
    "aia-smart": _defocus,
    "aia-smart-layered": _defocus,
    "team-horizon": _dmshn,
    "team-horizon-stacked": _dmshn,
    "xuehuapiaopiao": _pynet,
    "terminator": _pynet,
    "pynet": _pynet,
    "megadepth": _mega_depth,
}
