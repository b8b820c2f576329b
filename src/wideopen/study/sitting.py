"""Sitting: what one rater is shown, and in which order; a pure function of the plan and the rater's number.

Nothing here draws from Python's own generator, whose sequences may differ between versions: an order that is
worked out again next year must be the one that was voted on.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import TypeVar

from wideopen.study.plan import Study
from wideopen.study.vote import Kind

VERSION = 1
"""Of the way in which sittings are made; votes made by another way are refused."""
APART = 5
"""A repeat comes at least so many trials after the first showing, where there is room."""
Cell = tuple[str, str]
"""Name of a picture and name of a method."""
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Trial:
    """One result to be judged."""

    picture: str
    method: str
    kind: Kind = "result"
    repeat: bool = False
    """Whether the same was shown before in this sitting."""


def trials_of(study: Study, number: int) -> tuple[Trial, ...]:
    """Work out the sitting of a rater.

    All results are dealt out in turn: a round holds every method once, on pictures as different as can be, and once
    all results have been dealt they are mixed anew. So after any number of raters, counted from the first, each result
    of each method has been given out equally often, or once more; and a rater sees all methods about equally often,
    which takes the rater's own severity out of the comparison of methods.

    Args:
        study: The plan; all of its sittings are of one length.
        number: Of the rater, from 0.
    """
    results = _arranged(_dealt(study, number), study.seed, number)
    trials = [Trial(picture, method, "result") for picture, method in results]
    trials = _with_traps(trials, study, number)
    return tuple(_with_repeats(trials, study, number))


def fingerprint(study: Study) -> str:
    """Name all that decides sittings, so that votes are never read by another plan than they were given to."""
    decides = [VERSION, study.seed, study.created, list(study.methods.items()), study.pictures]
    decides += [study.trials, study.repeats, study.traps]
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()


def _dealt(study: Study, number: int) -> list[Cell]:
    """Give the results of a sitting, in no order that matters."""
    methods = tuple(name for name, kind in study.methods.items() if kind == "result")
    cells = len(study.pictures) * len(methods)
    trials = min(study.trials, cells)
    if trials == 0:
        return []
    with _LOCK:
        key = (study.seed, study.pictures, methods, trials)
        orders = _ORDERS.setdefault(key, [])
        if len(_ORDERS) > _MOST_ORDERS:
            del _ORDERS[next(iter(_ORDERS))]
        first, last = number * trials, (number + 1) * trials - 1
        while len(orders) <= last // cells:
            orders.append(_order(key, orders))
        return [orders[place // cells][place % cells] for place in range(first, last + 1)]


_ORDERS: dict[tuple[int, tuple[str, ...], tuple[str, ...], int], list[list[Cell]]] = {}
"""All results in the order in which they are dealt, once, twice and so on; each follows from the one before."""
_MOST_ORDERS = 32
_LOCK = Lock()


def _order(key: tuple[int, tuple[str, ...], tuple[str, ...], int], before: Sequence[list[Cell]]) -> list[Cell]:
    seed, pictures, methods, trials = key
    turn, count = len(before), len(pictures)
    mixed, placed = _shuffled(pictures, seed, "pictures", turn), _shuffled(methods, seed, "methods", turn)
    order = [
        (mixed[(round_number + place) % count], method)
        for round_number in range(count)
        for place, method in _shuffled(list(enumerate(placed)), seed, "round", turn, round_number)
    ]
    # The sitting that begins in the order before must not be given the same result again.
    begun = turn * len(order) % trials
    given = set(before[-1][len(order) - begun :]) if begun else set()
    for place in range(trials - begun if begun else 0):
        if order[place] in given:
            free = [other for other in range(trials - begun, len(order)) if order[other] not in given]
            other = min(free, key=lambda other: (order[other][1] != order[place][1], other))
            order[place], order[other] = order[other], order[place]
    return order


def _arranged(cells: Sequence[Cell], seed: int, number: int) -> list[Cell]:
    """Shuffle, with no picture twice in a row where that can be avoided."""
    left = _shuffled(cells, seed, "order", number)
    counts = Counter(picture for picture, _ in left)
    arranged: list[Cell] = []
    while left:
        last = arranged[-1][0] if arranged else None
        # What fills more than half of the places that are left must come now, or it will meet itself.
        pressing = {picture for picture, count in counts.items() if 2 * count > len(left) and picture != last}
        chosen = next(
            (cell for cell in left if cell[0] in pressing),
            next((cell for cell in left if cell[0] != last), left[0]),
        )
        left.remove(chosen)
        counts[chosen[0]] -= 1
        arranged.append(chosen)
    return arranged


def _with_traps(trials: list[Trial], study: Study, number: int) -> list[Trial]:
    """Spread the traps, one in each of equal parts."""
    traps: list[tuple[str, Kind]] = []
    for kind in ("reference", "input", "anchor"):
        names = [name for name, its in study.methods.items() if its == kind]
        names = _shuffled(names, study.seed, "trap", number, kind)
        wanted = min(study.traps, len(study.pictures) * len(names))
        traps += [(names[index % len(names)], kind) for index in range(wanted)]
    traps = _shuffled(traps, study.seed, "traps", number)
    trials = list(trials)
    for index, (method, kind) in enumerate(traps):
        places = _part(len(trials), index, len(traps), first=1)
        used = {trial.picture for trial in trials if trial.kind != "result" and trial.method == method}
        candidates = [
            (place, Trial(picture, method, kind))
            for place in places
            for picture in study.pictures
            if picture not in used
        ]
        _insert(trials, candidates, [0] * len(candidates), study.seed, number, "trap", index)
    return trials


def _with_repeats(trials: list[Trial], study: Study, number: int) -> list[Trial]:
    """Show some results a second time, late enough that the first answer is not simply remembered."""
    trials = list(trials)
    wanted = min(study.repeats, sum(trial.kind == "result" for trial in trials))
    for index in range(wanted):
        candidates = _seconds(trials, _part(len(trials), index, wanted, first=APART))
        candidates = candidates or _seconds(trials, range(len(trials), len(trials) + 1))
        _insert(trials, list(candidates), list(candidates.values()), study.seed, number, "repeat", index)
    return trials


def _seconds(trials: Sequence[Trial], places: Iterable[int]) -> dict[tuple[int, Trial], int]:
    """List what may come a second time, where, and by how many trials too early that is."""
    again = {(trial.picture, trial.method) for trial in trials if trial.repeat}
    return {
        (place, replace(trial, repeat=True)): max(0, APART - (place - earlier))
        for place in places
        for earlier, trial in enumerate(trials[:place])
        if trial.kind == "result" and (trial.picture, trial.method) not in again
    }


def _part(length: int, index: int, parts: int, *, first: int) -> range:
    """Give the places of one of several equal parts at or after `first`; each part before has been given one more."""
    base = length - index
    first = min(first, base)
    start = first + (base - first) * index // parts + index
    stop = first + (base - first) * (index + 1) // parts + index + (index == parts - 1)
    return range(start, max(stop, start + 1))


def _insert(
    trials: list[Trial],
    candidates: Sequence[tuple[int, Trial]],
    nearness: Sequence[int],
    *words: Hashable,
) -> None:
    """Insert the candidate that suits best; equals are chosen among by lot."""
    if not candidates:
        return

    def unfit(index: int) -> tuple[int, int, bytes]:
        place, trial = candidates[index]
        beside = trials[max(place - 1, 0) : place + 1] if place else trials[:1]
        return sum(each.picture == trial.picture for each in beside), nearness[index], _lot(*words, index)

    place, trial = candidates[min(range(len(candidates)), key=unfit)]
    trials.insert(place, trial)


def _shuffled(items: Sequence[_Item], *words: Hashable) -> list[_Item]:
    return [items[index] for index in sorted(range(len(items)), key=lambda index: _lot(*words, index))]


def _lot(*words: Hashable) -> bytes:
    return hashlib.sha256("/".join(map(str, words)).encode()).digest()
