"""Front ends: the networks that found depth and saliency for DDDF, for whoever has their weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from wideopen.errors import RequestError
from wideopen.zoo.checkpoint import fill, read_record, read_tensors

if TYPE_CHECKING:
    from collections.abc import Callable

    from wideopen.zoo.solution import Guide


@dataclass(frozen=True)
class FrontEnd:
    """What a front end is."""

    name: str
    finds: "Guide"
    build: "Callable[[], nn.Module]"


def _mega_depth() -> nn.Module:
    from wideopen.zoo.megadepth import mega_depth

    return mega_depth()


def _saliency() -> nn.Module:
    from wideopen.zoo.saliency import saliency_net

    return saliency_net()


FRONT_ENDS = (FrontEnd("megadepth", "depth", _mega_depth), FrontEnd("saliency", "saliency", _saliency))


def front_end(name: str) -> FrontEnd:
    """Find a front end by name.

    Raises:
        RequestError: If there is none.
    """
    for each in FRONT_ENDS:
        if each.name == name:
            return each
    raise RequestError(f"there is no front end {name!r}; there are {', '.join(each.name for each in FRONT_ENDS)}")


def load_front_end(path: Path, finds: "Guide") -> nn.Module:
    """Build the front end of a checkpoint, in evaluation mode.

    Raises:
        RequestError: If the file holds none, or one that finds something else.
    """
    found = front_end(read_record(path).solution)
    if found.finds != finds:
        raise RequestError(f"{path} holds {found.name}, which finds {found.finds}, not {finds}")
    network = found.build()
    fill(network, read_tensors(path), f"{path} for {found.name}")
    return network.eval()


@torch.inference_mode()
def ask(network: Any, picture: Float[Tensor, "1 3 h w"]) -> Float[Tensor, "h w"]:  # noqa: ANN401
    """Ask a front end for its map in [0, 1], near or subject is 1.

    Args:
        network: From `load_front_end`.
        picture: In [0, 1].
    """
    if hasattr(network, "guide"):
        return network.guide(picture * 255)[0, 0] / 255
    height, width = picture.shape[2:]
    # As DDDF's script: a whole multiple more, also where a side is one already.
    padding = (0, (width // 32 + 1) * 32 - width, 0, (height // 32 + 1) * 32 - height)
    return network.inverse_depth(functional.pad(picture, padding, mode="replicate"))[0, 0, :height, :width]
