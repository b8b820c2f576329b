"""Start: weights of another run, or of a network that this one grew out of."""

from pathlib import Path

from torch import nn

from wideopen.errors import RequestError
from wideopen.zoo.checkpoint import load
from wideopen.zoo.solution import Solution


def start_from(network: nn.Module, solution: Solution, path: Path) -> str:
    """Give a network the weights of a checkpoint, and say in a line what it got.

    Of the same solution it takes all. Of another it takes what has its names and shapes; a stacked network takes those
    of a single one twice.

    Raises:
        RequestError: If less than half of the weights are there.
    """
    named, given, _ = load(path)
    state = given.state_dict()
    wanted = network.state_dict()
    if named.name == solution.name:
        network.load_state_dict(state)
        return f"starts from {path.name}"
    halves = {f"{half}.{name}": value for half in ("first", "second") for name, value in state.items()}
    found = {
        name: value for name, value in (state | halves).items() if name in wanted and value.shape == wanted[name].shape
    }
    if len(found) < len(wanted) / 2:
        raise RequestError(
            f"{path} is a checkpoint of {named.name}, of which {solution.name} can take {len(found)} of {len(wanted)} "
            "weights"
        )
    network.load_state_dict(found, strict=False)
    return f"takes {len(found)} of {len(wanted)} weights from {path.name}, of {named.name}; the others start anew"
