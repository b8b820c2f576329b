"""Vote: what one person thinks of one result; and the five levels of the challenge."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["result", "reference", "input", "anchor"]
"""What is judged: a method's result, or in its place the camera's own photo, the sharp photo, or a blurred one."""

LEVELS: dict[int, str] = {
    5: "comparable perceptual quality",
    4: "slightly worse",
    3: "notably worse",
    2: "poor perceptual quality",
    1: "completely corrupted image",
}
"""The five quality levels, in the words of the AIM 2020 report (section 2.2)."""
QUESTION = "How does this picture compare with the camera's photo?"


@dataclass(frozen=True)
class Vote:
    """One answer; of several to one trial the last counts."""

    rater: str
    """Opaque; says nothing of who it is."""
    trial: int
    """Number within the rater's sitting, from 0."""
    picture: str
    """Name of the pair."""
    method: str
    """Name of what was shown, as in `wideopen.study.plan.Study.methods`."""
    level: int
    """1 to 5."""
    kind: Kind = "result"
    repeat: bool = False
    """Whether this rater had been shown the same before, for self-consistency."""
    shown_s: float | None = None
    """Seconds for which it was looked at, by the browser's clock, which only ever goes forward."""
    at: str = ""
    """UTC, ISO 8601, by the server's clock."""
