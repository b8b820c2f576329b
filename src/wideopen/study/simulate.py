"""A simulated panel: people with known faults look at methods of known quality, to test what finds both."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from wideopen.errors import RequestError
from wideopen.study.plan import Study
from wideopen.study.vote import Kind, Vote

Character = Literal["careful", "careless", "straight", "reversed"]
"""Answers by what is seen, at random, always the same, or with the scale upside down."""


class Trial(Protocol):
    """One result that is shown, as `wideopen.study.sitting` has it."""

    @property
    def picture(self) -> str:
        """Name of the pair."""

    @property
    def method(self) -> str:
        """Name of what is shown."""

    @property
    def kind(self) -> Kind:
        """What is judged."""

    @property
    def repeat(self) -> bool:
        """Whether it was shown before."""


TrialsOf = Callable[[Study, int], Sequence[Trial]]
"""Gives all trials of a rater's sitting, by the rater's number."""


@dataclass(frozen=True)
class Panel:
    """How many of whom vote, and how much they and the pictures differ; spreads are standard deviations in levels."""

    careful: int = 20
    careless: int = 0
    straight: int = 0
    reversed: int = 0
    bias: float = 0.35
    """Of careful raters: how much some are kinder than others."""
    preference: float = 0.2
    """Of careful raters: how much some like a method more than others do."""
    inconsistency: tuple[float, float] = (0.4, 0.9)
    """Of careful raters: every one's own noise lies evenly between these."""
    difficulty: float = 0.5
    """How much pictures differ, for all methods alike."""
    suitability: float = 0.4
    """How much a picture suits one method more than others."""
    traps: Mapping[Kind, float] = field(default_factory=lambda: {"reference": 5.2, "input": 2.0, "anchor": 1.5})
    """How good traps are; they differ by nothing else but a tenth of a level."""
    seed: int = 0

    @property
    def characters(self) -> tuple[Character, ...]:
        """Every rater's, by number."""
        counts: dict[Character, int] = {
            "careful": self.careful,
            "careless": self.careless,
            "straight": self.straight,
            "reversed": self.reversed,
        }
        return tuple(character for character, count in counts.items() for _ in range(count))


@dataclass(frozen=True)
class Simulation:
    """What a simulated panel answered, and what is true of it."""

    votes: tuple[Vote, ...]
    characters: Mapping[str, Character]
    """By rater."""
    truth: Mapping[str, float]
    """By method: the mean opinion of endlessly many careful raters on endlessly many pictures."""
    picture_truth: Mapping[tuple[str, str], float]
    """By picture and method: the mean opinion of endlessly many careful raters."""


def simulate(study: Study, qualities: Mapping[str, float], panel: Panel, trials_of: TrialsOf) -> Simulation:
    r"""Let a simulated panel vote in a study.

    A careful rater r answers ``round(q_m + d_p + s_{pm} + b_r + l_{rm} + v_r z)``, cut off at 1 and 5: the method's
    quality, the picture's difficulty, how it suits the method, the rater's bias, preference and inconsistency; all
    normal. Bias and inconsistency are those of ITU-T P.910, Annex E; difficulty, suitability and preference are added,
    so that pictures are a sample too and no test finds its own model.

    Args:
        study: Marked as simulated.
        qualities: Of each method, on the scale from 1 to 5 before rounding.
        panel: Who votes.
        trials_of: Gives a rater's sitting.

    Raises:
        RequestError: If the study is not marked as simulated, or a method has no quality.
    """
    if not study.simulated:
        raise RequestError(f"the study '{study.title}' is of people; simulated votes only go into a simulated study")
    methods = [name for name, kind in study.methods.items() if kind == "result"]
    missing = [name for name in methods if name not in qualities]
    if missing:
        raise RequestError(f"the method '{missing[0]}' has no quality; give one for each method")
    draw = np.random.default_rng(panel.seed)
    shown = _shown_qualities(study, qualities, panel, draw)
    votes: list[Vote] = []
    characters: dict[str, Character] = {}
    for number, character in enumerate(panel.characters):
        rater = f"simulated-{number + 1:03d}"
        characters[rater] = character
        votes += _sitting(rater, character, trials_of(study, number), shown, panel, draw, study.created)
    spread = panel.difficulty**2 + panel.suitability**2
    return Simulation(
        tuple(votes),
        characters,
        {name: true_opinion(qualities[name], panel, spread) for name in methods},
        {key: true_opinion(quality, panel) for key, quality in shown.items() if key[1] in methods},
    )


def true_opinion(quality: float, panel: Panel, variance: float = 0.0) -> float:
    r"""Find the mean opinion of endlessly many careful raters.

    ``1 + \sum_{k=1}^4 P(answer > k)``, the mean over the raters' inconsistencies v by 16-point Gauss-Legendre of
    normal probabilities with the variance of bias, preference, v and, over pictures, `variance`.
    """
    nodes, weights = np.polynomial.legendre.leggauss(16)
    low, high = panel.inconsistency
    noise = low + (high - low) * (nodes + 1) / 2
    total = np.sqrt(panel.bias**2 + panel.preference**2 + variance + noise**2)
    above = [
        sum(weight / 2 * _normal_cdf((quality - step) / sigma) for weight, sigma in zip(weights, total, strict=True))
        for step in (1.5, 2.5, 3.5, 4.5)
    ]
    return float(1 + sum(above))


def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _shown_qualities(
    study: Study, qualities: Mapping[str, float], panel: Panel, draw: np.random.Generator
) -> dict[tuple[str, str], float]:
    """Draw how good every result is, by picture and method."""
    shown = {}
    for picture in study.pictures:
        difficulty = draw.normal(0, panel.difficulty)
        for method, kind in study.methods.items():
            if kind == "result":
                shown[picture, method] = qualities[method] + difficulty + draw.normal(0, panel.suitability)
            else:
                shown[picture, method] = panel.traps[kind] + draw.normal(0, 0.1)
    return shown


def _sitting(
    rater: str,
    character: Character,
    trials: Sequence[Trial],
    shown: Mapping[tuple[str, str], float],
    panel: Panel,
    draw: np.random.Generator,
    at: str,
) -> list[Vote]:
    """Answer all trials of one sitting."""
    bias, noise = draw.normal(0, panel.bias), draw.uniform(*panel.inconsistency)
    likes = {method: draw.normal(0, panel.preference) for method in dict.fromkeys(trial.method for trial in trials)}
    favourite = int(draw.integers(2, 5))
    # Some careless people are quick, some just do not look.
    pace_s = {"careful": 4.0, "straight": 1.2, "reversed": 4.0}.get(character) or float(draw.choice([0.4, 2.5]))
    votes = []
    for number, trial in enumerate(trials):
        if character == "careless":
            level = int(draw.integers(1, 6))
        elif character == "straight":
            level = favourite if draw.random() > 0.04 else favourite - 1
        else:
            liking = likes[trial.method] if trial.kind == "result" else 0.0
            seen = shown[trial.picture, trial.method] + bias + liking + draw.normal(0, noise)
            level = min(max(round(float(seen)), 1), 5)
            level = 6 - level if character == "reversed" else level
        shown_s = round(float(pace_s * draw.lognormal(0, 0.4)), 3)
        votes.append(
            Vote(rater, number, trial.picture, trial.method, level, trial.kind, trial.repeat, shown_s=shown_s, at=at)
        )
    return votes
