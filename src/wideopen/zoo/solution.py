"""Solution: what a network is, what it needs, and what it was said to reach."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import nn

Evidence = Literal["published code", "report only"]
Guide = Literal["depth", "saliency"]


@dataclass(frozen=True)
class Solution:
    """What a network is, needs and was said to reach; a stranger's network makes one of its own."""

    name: str
    build: "Callable[..., nn.Module]"
    """Makes the network with random weights; its keywords are the switches of the original's quirks."""
    team: str = ""
    title: str = ""
    authors: tuple[str, ...] = ()
    affiliation: str = ""
    section: str = ""
    """Of the challenge's report."""
    needs: tuple[Guide, ...] = ()
    """Maps that go in after the picture, in this order."""
    parameters: int = 0
    """That are learned."""
    multiple_of: int = 1
    """Of height and width that go in."""
    padding: Literal["reflect", "edge"] = "reflect"
    padded_at: Literal["end", "start"] = "end"
    value_range: tuple[float, float] = (0.0, 1.0)
    """Of black and white, in what goes in and comes out; guides lie between 0 and the upper one."""
    evidence: Evidence = "report only"
    """Whether the network follows its authors' code, or is a reconstruction from what the report says."""
    source: str = ""
    """Where the figures of the network come from."""
    licence: str = ""
    """Of the authors' code; nothing of it is here."""
    departures: tuple[str, ...] = ()
    """Where the network is not, or may not be, what the authors submitted."""
    framework: str = ""
    hardware: str = ""
    """That the authors trained on."""
    psnr_db: float | None = None
    """PSNR, SSIM and mean opinion score of the challenge's test; None where the report has none."""
    ssim: float | None = None
    mos: float | None = None

    @property
    def is_reconstruction(self) -> bool:
        """Whether the report is all there is."""
        return self.evidence == "report only"
