"""Report: what a study found, in figures that stand alone."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import fmean
from typing import Any

import numpy as np

from wideopen.errors import RequestError
from wideopen.study.agreement import alpha
from wideopen.study.comparison import Comparison, compare, fewest_units, places
from wideopen.study.demand import WANTED, Demand, demand
from wideopen.study.likelihood import most_likely, without_bias
from wideopen.study.opinion import (
    Opinion,
    Table,
    counted,
    last_votes,
    mean_opinion,
    opinion_of,
    picture_opinion,
    table_of,
)
from wideopen.study.plan import Study
from wideopen.study.screening import Rater, Rules, screen
from wideopen.study.vote import Kind, Vote

VERSION = 1


@dataclass(frozen=True)
class Panel:
    """What one group of raters thinks of a method, by three ways of averaging."""

    opinion: Opinion
    without_bias: float | None
    """Mean after each rater's bias is taken off (ITU-T P.913, clause 12.4)."""
    most_likely: float | None
    """By SUREAL's maximum likelihood (ITU-T P.910, Annex E)."""


@dataclass(frozen=True)
class Method:
    """What was found of one method."""

    name: str
    place: int | None
    """Among methods that do not differ significantly; see `wideopen.study.comparison.places`."""
    shared: bool
    """Whether others have the same place."""
    kept: Panel
    """By the raters who are kept."""
    everyone: Panel
    """By all raters."""
    demand: Demand
    """Votes that are still needed, of raters like those kept."""


@dataclass(frozen=True)
class Result:
    """What the kept raters think of one picture of one method."""

    picture: str
    method: str
    mos: float | None
    interval: tuple[float, float] | None
    """95 %, of raters alone."""
    votes: int


@dataclass(frozen=True)
class Trap:
    """How all raters judged one kind of trap."""

    name: str
    kind: Kind
    mean: float | None
    votes: int
    failed: int
    """By the rules of screening."""


@dataclass(frozen=True)
class Report:
    """All that a study found."""

    title: str
    created: str
    """When the study was planned."""
    simulated: bool
    """Whether the votes come from a program."""
    votes: int
    """All that came in, with traps and repeats; the last of each trial."""
    votes_counted: int
    """Of results, first showings."""
    votes_kept: int
    """Of those, by kept raters."""
    wanted_half_width: float
    rules: Rules
    methods: tuple[Method, ...]
    """The best first."""
    results: tuple[Result, ...]
    comparisons: tuple[Comparison, ...]
    """Of kept raters' opinions."""
    raters: tuple[Rater, ...]
    traps: tuple[Trap, ...]
    alpha_kept: float | None
    """Krippendorff's alpha for ordinal answers, of the kept raters."""
    alpha_everyone: float | None
    notes: tuple[str, ...]
    """What a reader must know before using the figures."""
    version: int = VERSION

    @property
    def kept(self) -> tuple[Rater, ...]:
        """The raters who are kept."""
        return tuple(rater for rater in self.raters if rater.kept)

    def to_json(self) -> str:
        """Write it as JSON, without infinite figures."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """Read what `to_json` wrote.

        Raises:
            RequestError: If it is no report, or one of a later version.
        """
        try:
            record = json.loads(text)
        except json.JSONDecodeError as error:
            raise RequestError(f"no JSON ({error})") from error
        version = record.get("version") if isinstance(record, dict) else None
        if not isinstance(version, int):
            raise RequestError("no report of a study: it has no version")
        if version > VERSION:
            raise RequestError(
                f"a report of version {version}, and this wideopen knows {VERSION}; use a newer wideopen"
            )
        try:
            return _report(record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RequestError(f"no report that can be used ({' '.join(str(error).split())})") from error


def report(
    study: Study, votes: Sequence[Vote], *, rules: Rules | None = None, wanted_half_width: float = WANTED
) -> Report:
    """Find all that a study's votes say.

    Args:
        study: The plan.
        votes: All, of all raters; of several to one trial the last counts.
        rules: By what a rater is dropped.
        wanted_half_width: Of the 95 % interval of a method, in levels.

    Raises:
        RequestError: If there are no votes on results, a vote is of another study, the wanted width is not above 0, or
            SUREAL, krippendorff or SciPy are not installed.
    """
    if not (math.isfinite(wanted_half_width) and wanted_half_width > 0):
        raise RequestError(f"half the width of an interval cannot be {wanted_half_width:g}; give levels above 0")
    table, rules = table_of(study, votes), rules or Rules()
    counting = counted(votes)
    if not counting:
        raise RequestError(f"the study '{study.title}' has no votes on results yet; ask raters first")
    raters = screen(table, votes, rules)
    kept = table.of({rater.name for rater in raters if rater.kept})
    comparisons = compare(kept)
    methods = _methods(kept, table, comparisons, wanted_half_width)
    return Report(
        study.title,
        study.created,
        study.simulated,
        len(last_votes(votes)),
        len(counting),
        int((~np.isnan(kept.levels)).sum()),
        wanted_half_width,
        rules,
        methods,
        _results(kept),
        comparisons,
        raters,
        _traps(study, votes, rules),
        alpha(kept.by_stimulus),
        alpha(table.by_stimulus),
        _notes(study, methods, raters, kept),
    )


def _methods(kept: Table, everyone: Table, comparisons: Sequence[Comparison], wanted: float) -> tuple[Method, ...]:
    of_kept, of_all = _panels(kept), _panels(everyone)
    found = places({name: panel.opinion.mos for name, panel in of_kept.items()}, comparisons)
    order = [*found, *(name for name in kept.methods if name not in found)]
    parts = {name: mean_opinion(kept.levels[:, :, index])[1] for index, name in enumerate(kept.methods)}
    return tuple(
        Method(
            name,
            place=found[name][0] if name in found else None,
            shared=name in found and found[name][1],
            kept=of_kept[name],
            everyone=of_all[name],
            demand=demand(parts[name], wanted),
        )
        for name in order
    )


def _panels(table: Table) -> dict[str, Panel]:
    """Average one group's answers in all three ways."""
    likely = most_likely(table)
    unbiased = without_bias(table.by_stimulus).reshape(table.levels.shape)
    return {
        name: Panel(
            opinion_of(table.levels[:, :, index]),
            mean_opinion(unbiased[:, :, index])[0],
            None if likely is None else likely.mos.get(name),
        )
        for index, name in enumerate(table.methods)
    }


def _results(table: Table) -> tuple[Result, ...]:
    return tuple(
        Result(picture, method, *picture_opinion(table.levels[:, column, layer]))
        for column, picture in enumerate(table.pictures)
        for layer, method in enumerate(table.methods)
    )


def _traps(study: Study, votes: Sequence[Vote], rules: Rules) -> tuple[Trap, ...]:
    found = []
    for name, kind in study.methods.items():
        levels = [vote.level for vote in last_votes(votes) if vote.method == name and not vote.repeat]
        if kind != "result":
            failed = sum(rules.fails(kind, level) for level in levels)
            found.append(Trap(name, kind, fmean(levels) if levels else None, len(levels), failed))
    return tuple(found)


def _notes(study: Study, methods: Sequence[Method], raters: Sequence[Rater], kept: Table) -> tuple[str, ...]:
    """Say what a reader must know."""
    notes = []
    if study.simulated:
        notes.append("Simulated: all votes come from a program; no person has seen these pictures.")
    if len(raters) == 1:
        notes.append("There is one rater: no interval can be given, and no one's care can be told from taste.")
    if not kept.raters:
        notes.append("No rater is kept: only the figures of all raters stand, and they should not be used.")
    elif len(kept.raters) < 8 and len(raters) > 1:
        notes.append(f"Only {_count(len(kept.raters), 'rater')} kept; intervals of so few are rough.")
    for method in methods:
        opinion = method.kept.opinion
        if kept.raters and opinion.pictures < len(study.pictures):
            missing = len(study.pictures) - opinion.pictures
            notes.append(
                f"{method.name} has no kept vote on {missing} of {len(study.pictures)} pictures; its score is the mean "
                "of the others."
            )
        if opinion.interval is not None and opinion.interval[0] == opinion.interval[1]:
            notes.append(
                f"All answers to {method.name} are the same; its interval has no width, which is no certainty."
            )
    fewest = fewest_units(len(methods))
    if len(methods) > 1 and kept.raters and min(len(study.pictures), len(kept.raters)) < fewest:
        notes.append(
            f"No two methods can differ significantly by this test on {_count(len(study.pictures), 'picture')} by "
            f"{_count(len(kept.raters), 'rater')}; {len(methods)} methods need {fewest} of each."
        )
    return tuple(notes)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _report(record: Mapping[str, Any]) -> Report:
    """Make a report of its record."""
    unknown = sorted(record.keys() - {each.name for each in fields(Report)})
    if unknown:
        raise ValueError(f"unknown field '{unknown[0]}'")

    def opinion(each: Mapping[str, Any]) -> Opinion:
        return Opinion(**{**each, "interval": _pair(each["interval"]), "levels": tuple(each["levels"])})

    def panel(each: Mapping[str, Any]) -> Panel:
        return Panel(**{**each, "opinion": opinion(each["opinion"])})

    def method(each: Mapping[str, Any]) -> Method:
        made = {"kept": panel(each["kept"]), "everyone": panel(each["everyone"]), "demand": Demand(**each["demand"])}
        return Method(**{**each, **made})

    made = {
        "rules": Rules(**record["rules"]),
        "methods": tuple(method(each) for each in record["methods"]),
        "results": tuple(Result(**{**each, "interval": _pair(each["interval"])}) for each in record["results"]),
        "comparisons": tuple(Comparison(**each) for each in record["comparisons"]),
        "raters": tuple(Rater(**{**each, "reasons": tuple(each["reasons"])}) for each in record["raters"]),
        "traps": tuple(Trap(**each) for each in record["traps"]),
        "notes": tuple(record["notes"]),
    }
    return Report(**{**record, **made})


def _pair(ends: Sequence[float] | None) -> tuple[float, float] | None:
    return None if ends is None else (float(ends[0]), float(ends[1]))
