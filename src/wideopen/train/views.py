"""Views: the pictures of a network that losses judge, and the targets at their sizes."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import functional

from wideopen.zoo.pynet import halved

View = Callable[[Any, Tensor, list[Tensor]], Tensor]


def _level(number: int) -> View:
    def view(network: Any, picture: Tensor, guides: list[Tensor]) -> Tensor:  # noqa: ANN401
        depth = halved(guides[0]) if guides else None
        return network.levels(halved(picture), depth, level=number)

    return view


VIEWS: dict[str, View] = {
    "picture": lambda network, picture, guides: network(picture, *guides),
    "first": lambda network, picture, guides: network.both(picture)[1],
    "render": lambda network, picture, guides: network.render(picture),
    **{f"level {number}": _level(number) for number in range(1, 8)},
}
"""``picture`` is what the network answers; the rest are of BG-Net, AIA-Smart and PyNET."""


def target_for(found: Tensor, bokeh: Tensor) -> Tensor:
    """Bring the target to the size of what was found, shrunk by a bicubic filter, as PyNET's are."""
    if found.shape[2:] == bokeh.shape[2:]:
        return bokeh
    size = list(found.shape[2:])
    return functional.interpolate(bokeh, size, mode="bicubic", antialias=True, align_corners=False)
