"""Convert weights that the authors published, as far as the layout of their files is known."""

import re
from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from wideopen.errors import RequestError
from wideopen.zoo.catalog import solution
from wideopen.zoo.checkpoint import Record, fill, read_tensors, save

State = dict[str, Tensor]


def convert(source: Path, name: str, out: Path, *, licence: str = "", overwrite: bool = False) -> Record:
    """Make a checkpoint of a solution from a file of its authors, or of any file with this network's own names.

    Args:
        source: ``.pth`` of DMSHN and of Defocus to Focus, ``.h5`` of Keras and ``.index`` of TensorFlow, the last two
            also as ``.npz`` with the same names.
        name: Of the solution.
        out: A ``.safetensors`` file.
        licence: Under which the authors gave the weights, for the record.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        RequestError: If the file cannot be read, or a weight is missing, left over or of another shape.
    """
    found = solution(name)
    network = found.build()
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


def _by_order(names: list[str], wanted: list[str], what: str) -> dict[str, str]:
    if len(names) != len(wanted):
        raise RequestError(f"{what} has {len(names)} weights where {len(wanted)} are wanted")
    return dict(zip(names, wanted, strict=True))


def _numbers(text: str) -> list[int | str]:
    """Sort key by which layer 2 comes before layer 10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]


def _torch_layout(tensor: Tensor) -> Tensor:
    """From (height, width, in, out), as TensorFlow has filters, to (out, in, height, width)."""
    return tensor.permute(3, 2, 0, 1).contiguous() if tensor.ndim == 4 else tensor


def _dmshn(state: State, network: nn.Module) -> State:
    """Released DMSHN: encoders and decoders of each level, whose layers are numbered.

    Of ``encoder_lv1.layer2.0.weight`` the number says which layer; layers come in their order.
    """

    def key(name: str) -> list[int | str]:
        level = re.search(r"(encoder|decoder)_lv(\d)", name)
        if level is None:
            raise RequestError(f"weight {name} is none of DMSHN's, whose names begin with encoder_lv1 to decoder_lv3")
        return [level[1], level[2], *_numbers(name[level.end() :])]

    grouped = {
        f"{part}_lv{level}": sorted((name for name in state if f"{part}_lv{level}" in name), key=key)
        for part in ("encoder", "decoder")
        for level in (1, 2, 3)
    }
    wanted = list(network.state_dict())
    names = [name for part in _parts_in(network) for name in grouped[part]]
    return {ours: state[theirs] for theirs, ours in _by_order(_weight_first(names), wanted, "the file").items()}


def _parts_in(network: nn.Module) -> list[str]:
    """The authors' names of DMSHN's parts, in the order that this network has them."""
    parts = []
    for name in network.state_dict():
        match = re.match(r"(encoder|decoder)s?\.?_?(\d)", name)
        label = "" if match is None else f"{match[1]}_lv{int(match[2]) + 1}"
        if label and label not in parts:
            parts.append(label)
    return parts


def _weight_first(names: list[str]) -> list[str]:
    """Names in their order, but a layer's weight before its bias."""
    layers = dict.fromkeys(name.rpartition(".")[0] for name in names)
    return [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias") if f"{layer}.{kind}" in set(names)]


LAYOUTS: dict[str, Callable[[State, nn.Module], State]] = {"team-horizon": _dmshn}
