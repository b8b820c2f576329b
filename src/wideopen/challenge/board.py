"""Board: the ranking of a phase on a track, one row for each team, with the columns and footnotes of the report."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wideopen.challenge.files import Files
from wideopen.challenge.mos import Rated
from wideopen.challenge.plan import Phase, Plan, Track, moment
from wideopen.challenge.queue import Queue
from wideopen.challenge.standing import BEST_BY, Keep, best_or_last, gather
from wideopen.challenge.store import Store, Submission, Team
from wideopen.score.leaderboard import Row, direction_of, figure_of, ranked, warnings_of
from wideopen.score.score import Score
from wideopen.score.tables import OVERLAPS, TITLES, json_text

STAR = "*"
"""Marks who is not ranked, as in the report."""


@dataclass(frozen=True)
class Note:
    """A footnote."""

    mark: str
    """Empty for what is so of all rows that are ranked."""
    text: str


@dataclass(frozen=True)
class BoardRow:
    """A team's row."""

    rank: int | None
    """None where the team is out of the ranking, or has no figure to rank by."""
    tied: bool
    """Whether another team has this rank too."""
    overlaps_next: bool
    """Whether the 95 % interval of its mean opinion score overlaps that of the next place."""
    team: Team
    submission: Submission
    score: Score
    """With runtime and opinion, names and hardware as the fact sheet has them, and without figures of single pictures.
    """
    marks: tuple[str, ...]
    """Of its footnotes."""
    runtime: str | None
    """Key of the Score that its runtime is from, where the organiser measured it."""

    @property
    def place(self) -> Row:
        """As `wideopen.score.tables.cell` takes it."""
        return Row(self.rank, self.tied, self.score, self.overlaps_next)


@dataclass(frozen=True)
class Board:
    """A table."""

    phase: Phase
    track: Track
    number: int
    """Of the track in the plan, from 1."""
    by: str
    """What it is ranked by, of `wideopen.score.leaderboard.COLUMNS`."""
    says: str
    """How it is ranked, in a sentence or two."""
    rows: tuple[BoardRow, ...]
    notes: tuple[Note, ...]
    warnings: tuple[str, ...]
    """What of it must not be compared, or could not be read."""
    is_shown: bool
    """Whether everybody may see it."""

    def record(self) -> dict[str, Any]:
        """Give it as JSON has it; see `to_json` for infinite figures."""
        return {
            "phase": self.phase.name,
            "track": self.track.name,
            "title": self.track.title,
            "by": self.by,
            "says": self.says,
            "shown": self.is_shown,
            "rows": [_record(row) for row in self.rows],
            "notes": [{"mark": note.mark, "text": note.text} for note in self.notes],
            "warnings": list(self.warnings),
        }

    def to_json(self) -> str:
        """Write `record` on one line; an infinite figure is 1e999, which readers take for infinity."""
        return json_text(self.record())


@dataclass(frozen=True)
class Entry:
    """A submission as its own team sees it."""

    submission: Submission
    score: Score | None
    """As on the board; None where there is none, or the board is hidden."""
    stands: bool | None
    """Whether it is the one on the board; None where that would tell what is hidden."""


def board(store: Store, queue: Queue, files: Files, phase: str, track: str, *, keep: Keep | None = None) -> Board:
    """Rank the teams of a phase on a track.

    The last phase is ranked by `Plan.ranks_by` once a team has that figure; all else, and until then, by PSNR. Equal
    figures share a rank. Teams without the figure come after, and then those that are out of the ranking. A team that
    the organiser blocked has no row. Whether the board may be seen is for the caller to ask: `Board.is_shown`.

    Args:
        store: Of the challenge.
        queue: Of the challenge.
        files: Of the challenge.
        phase: Of the plan.
        track: Of the plan.
        keep: Which submission of a team counts.  [default: as the phase says]

    Raises:
        RequestError: If there is no such phase or track, or the opinions cannot be read.
        StoreError: If the database cannot be read.
    """
    asked, on = store.plan.phase(phase), store.plan.track(track)
    gathered = gather(store, queue, files, asked, on)
    kept = best_or_last(gathered.scores, keep or asked.keeps)
    scores = {number: gathered.scores[number] for number in sorted(kept)}
    by = _by(store.plan, asked, scores.values())
    places = ranked(scores.values(), by=by)
    notes, marks = _footnotes(places)
    number_of = {id(score): number for number, score in scores.items()}
    rows = []
    for place, its in zip(places, marks, strict=True):
        number = number_of[id(place.score)]
        submission = gathered.submissions[number]
        rows.append(
            BoardRow(
                place.rank,
                place.tied,
                place.overlaps_next,
                gathered.teams[submission.team],
                submission,
                place.score,
                its,
                gathered.runtimes.get(number),
            )
        )
    return Board(
        phase=asked,
        track=on,
        number=1 + store.plan.tracks.index(on),
        by=by,
        says=_says(store.plan, asked, by, keep or asked.keeps),
        rows=tuple(rows),
        notes=notes,
        # A reader knows rows by their teams, and two teams may call their methods alike.
        warnings=(
            *gathered.unreadable,
            *warnings_of(replace(row.score, solution=row.team.name) for row in rows),
        ),
        is_shown=store.shows_board(phase),
    )


def boards(store: Store, queue: Queue, files: Files, phase: str) -> tuple[Board, ...]:
    """All tables of a phase, in the order of its tracks; raises as `board` does."""
    return tuple(board(store, queue, files, phase, track.name) for track in store.plan.tracks)


def rated(tables: Iterable[Board]) -> list[Rated]:
    """What stands on boards, as `wideopen.challenge.mos.join_study` takes it."""
    return [Rated(row.submission, row.team.name) for table in tables for row in table.rows]


def submissions_board(store: Store, queue: Queue, files: Files, team: int, *, all_seen: bool = False) -> list[Entry]:
    """List all submissions of a team for its own page, the latest first.

    Args:
        store: Of the challenge.
        queue: Of the challenge.
        files: Of the challenge.
        team: Of `Team.id`.
        all_seen: Whether hidden boards are seen too, as the organiser does.
    """
    entries = {}
    for phase in store.plan.phases:
        seen = all_seen or store.shows_board(phase.name)
        for track in store.plan.tracks:
            gathered = gather(store, queue, files, phase, track, team=team)
            stands = best_or_last(gathered.scores, phase.keeps)
            told = seen or phase.keeps == "last"
            for number, submission in gathered.submissions.items():
                score = gathered.scores.get(number) if seen else None
                entries[number] = Entry(submission, score, number in stands if told else None)
    return [entries[number] for number in sorted(entries, reverse=True)]


def shows_truth(store: Store, phase: Phase) -> bool:
    """Tell whether the true pictures of a phase may be seen: once no phase asks for them any more."""
    return all(store.now() >= moment(each.ends) for each in store.plan.phases if each.part == phase.part)


def _by(plan: Plan, phase: Phase, scores: Iterable[Score]) -> str:
    if phase != plan.phases[-1]:
        return BEST_BY
    has_figure = any(not score.unranked and figure_of(score, plan.ranks_by) is not None for score in scores)
    return plan.ranks_by if has_figure else BEST_BY


def _says(plan: Plan, phase: Phase, by: str, keep: Keep) -> str:
    first = "the highest first" if direction_of(by) == "descending" else "the lowest first"
    says = f"Ranked by {title_of(by)}, {first}; equal figures share a place."
    if phase == plan.phases[-1] and by != plan.ranks_by:
        says += f" The final ranking is by {title_of(plan.ranks_by)}, which is not there yet."
    return f"{says} Of each team its {keep} submission counts."


def title_of(figure: str) -> str:
    """What a figure is called in a sentence."""
    return TITLES.get(figure, figure).split(",")[0]


def _footnotes(places: Sequence[Row]) -> tuple[tuple[Note, ...], list[tuple[str, ...]]]:
    """Mark rows: stars for those that are not ranked, numbers else, and no mark for what is so of all that are ranked.

    Notes that say the same share a mark.
    """
    notes_of = [(*place.score.notes, *([OVERLAPS] if place.overlaps_next else [])) for place in places]
    of_ranked = [set(notes) for place, notes in zip(places, notes_of, strict=True) if place.rank is not None]
    common = set.intersection(*of_ranked) if len(of_ranked) > 1 else set()
    stars: dict[str, str] = {}
    numbers: dict[str, str] = {}
    marks = []
    for place, notes in zip(places, notes_of, strict=True):
        its = []
        if place.score.unranked:
            text = f"Not ranked: {place.score.unranked}."
            its.append(stars.setdefault(text, STAR * (len(stars) + 1)))
        own = [text for text in notes if text not in common]
        its += sorted((numbers.setdefault(text, str(len(numbers) + 1)) for text in own), key=int)
        marks.append(tuple(dict.fromkeys(its)))
    said = [text for text in dict.fromkeys(text for notes in notes_of for text in notes) if text in common]
    found = [(mark, text) for text, mark in (*stars.items(), *numbers.items())]
    return tuple(Note(mark, text) for mark, text in (*found, *(("", text) for text in said))), marks


def _record(row: BoardRow) -> dict[str, Any]:
    score = row.score
    return {
        "rank": row.rank,
        "tied": row.tied,
        "overlaps_next": row.overlaps_next,
        "team": row.team.name,
        "method": score.solution,
        "author": score.author,
        "framework": score.framework,
        "hardware": score.hardware,
        **{name: figure_of(score, name) for name in ("runtime_s", "psnr_db", "ssim", "mos")},
        "mos_interval": score.mos_interval,
        "raters": score.raters,
        "others": dict(score.others),
        "unranked": score.unranked,
        "marks": list(row.marks),
        "submission": row.submission.id,
        "kind": row.submission.kind,
        "at": row.submission.at,
        "device": score.timing.get("device", ""),
        "timed": row.runtime is not None,
    }
