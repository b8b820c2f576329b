"""Demand: how many more votes an interval of the wanted width takes."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from wideopen.study.opinion import Parts, half_width

WANTED = 0.1
_MOST = 100_000


@dataclass(frozen=True)
class Demand:
    """What one method still needs."""

    half_width: float | None
    """Of the interval today; None where there is none."""
    votes_per_picture: int | None
    """In all, on the same pictures; None where no number is enough."""
    votes: int | None
    """More than today, over all pictures."""
    pictures: int | None
    """In all, that would do as well at today's votes per picture."""


def demand(parts: Parts | None, wanted: float = WANTED) -> Demand:
    r"""Find how many votes bring half the interval of a mean opinion score down to what is wanted.

    Of the variance of the mean, what pictures differ by stays and the rest falls as 1/votes: ``V(n) = V_pure +
    (V - V_pure) n_0 / n``, where ``V_pure = V_pictures - V_within``; more votes are taken to come from more raters of
    the same diligence, and degrees of freedom grow with them. More pictures at the same votes for each bring all of V
    down as 1/pictures.

    Args:
        parts: Of the votes so far.
        wanted: Half the width of the 95 % interval, in levels.
    """
    if parts is None:
        return Demand(None, None, None, None)
    now = _half_width(parts, 1.0, 1.0)
    if now <= wanted:
        return Demand(now, math.ceil(parts.votes_per_picture), 0, parts.n_pictures)
    pictures = _least(
        parts.n_pictures, lambda count: _half_width(parts, count / parts.n_pictures, count / parts.n_pictures) <= wanted
    )
    start = math.floor(parts.votes_per_picture) + 1
    votes = _least(start, lambda count: _half_width(parts, count / parts.votes_per_picture, 1.0) <= wanted)
    more = None if votes is None else math.ceil((votes - parts.votes_per_picture) * parts.n_pictures)
    return Demand(now, votes, more, pictures)


def _half_width(parts: Parts, raters: float, pictures: float) -> float:
    """Find half the width with so many times as many raters and pictures; there are `raters` times as many votes."""
    pure = parts.pictures - parts.within
    rest = parts.both - pure
    return half_width(
        pure / pictures + rest / raters,
        parts.raters / raters,
        pure / pictures + parts.within / raters,
        parts.n_raters * raters,
        parts.n_pictures * pictures,
    )


def _least(start: int, is_enough: Callable[[int], bool]) -> int | None:
    """Find the least whole number from `start` that is enough; one that is, is followed by none that is not."""
    if not is_enough(_MOST):
        return None
    low, high = start - 1, _MOST
    while high - low > 1:
        middle = (low + high) // 2
        if is_enough(middle):
            high = middle
        else:
            low = middle
    return high
