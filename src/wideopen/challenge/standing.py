"""Standing: what each submission of a phase on a track scored, and which of a team's counts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from wideopen.challenge.files import Files
from wideopen.challenge.mos import Mos, opinions
from wideopen.challenge.plan import Phase, Plan, Track
from wideopen.challenge.queue import Queue
from wideopen.challenge.store import Store, Submission, Team
from wideopen.errors import WideopenError
from wideopen.score.leaderboard import figure_of, joined
from wideopen.score.score import Score

Keep = Literal["best", "last"]
BEST_BY = "psnr_db"
"""What decides which submission of a team is its best, and ranks where there are no opinions."""
_CONTESTANT = ("solution", "track", "checkpoint", "settings", "origin")


@dataclass(frozen=True)
class Gathered:
    """What there is of a phase on a track, by the numbers of submissions."""

    submissions: Mapping[int, Submission]
    scores: Mapping[int, Score]
    teams: Mapping[int, Team]
    runtimes: Mapping[int, str]
    unreadable: tuple[str, ...]


def gather(
    store: Store, queue: Queue, files: Files, phase: Phase, track: Track, *, team: int | None = None
) -> Gathered:
    """Read the Scores of all teams but blocked ones, or of one team, with runtimes and opinions.

    Args:
        store: Of the challenge.
        queue: Of the challenge.
        files: Of the challenge.
        phase: Of its plan.
        track: Of its plan.
        team: Of `Team.id`; its own page shows a blocked one too.

    Raises:
        RequestError: If the opinions cannot be read.
        StoreError: If the database cannot be read.
    """
    teams = {each.id: each for each in store.teams() if team is not None or each.blocked is None}
    found = {
        each.id: each
        for each in store.submissions(team=team, phase=phase.name)
        if each.track == track.name and each.team in teams
    }
    timed = queue.results("time")
    of_people = opinions(store, files, phase.name, found)
    scores, unreadable = {}, []
    for number, submission in found.items():
        if submission.state != "scored" or submission.score is None:
            continue
        try:
            score = _read(files, submission.score)
            runtime = _read(files, timed[number]) if number in timed else None
        except (WideopenError, OSError, ValueError, TypeError, RecursionError) as error:
            reason = " ".join(str(error).split())[:200]
            unreadable.append(f"submission {number} is left out, for its Score cannot be read ({reason})")
            continue
        score = _as_told(score, submission, teams[submission.team], store.plan)
        scores[number] = _with_opinion(_with_runtime(score, runtime, submission), of_people.get(number))
    return Gathered(found, scores, teams, timed, tuple(unreadable))


@lru_cache(maxsize=20_000)
def _read(files: Files, key: str) -> Score:
    """Read a Score without single pictures; nothing is overwritten, so what was read once stays right."""
    return replace(Score.from_json(files.read(key).decode("utf-8")), per_image=(), worst=())


def _as_told(score: Score, submission: Submission, team: Team, plan: Plan) -> Score:
    sheet = submission.sheet
    return replace(
        score,
        solution=sheet.method,
        track=submission.track,
        team=team.name,
        author=sheet.authors,
        framework=sheet.framework,
        hardware=sheet.hardware,
        unranked=plan.unranked if sheet.precomputed_depth else score.unranked,
        mos=None,
        mos_interval=None,
        raters=None,
    )


def _with_runtime(score: Score, runtime: Score | None, submission: Submission) -> Score:
    """Put the organiser's runtime beside the figures; without one, the team's own, which a footnote says."""
    bare = replace(score, runtime_s=None, timing={})
    if runtime is not None and runtime.runtime_s is not None:
        same = {name: getattr(score, name) for name in _CONTESTANT}
        alone = replace(runtime, **same, psnr_db=None, ssim=None, mos=None, notes=())
        whole = joined([bare, alone])[0]
        # What `joined` notes is another sentence for each row; the Score of the runtime says it.
        return replace(whole, notes=(*score.notes, f"Runtime measured by the organiser on {runtime.device}."))
    sheet = submission.sheet
    if sheet.runtime_s is None:
        return bare
    device = sheet.runtime_device or "a device that is not named"
    note = f"Runtime as the team reports it, on {device}."
    return replace(bare, runtime_s=sheet.runtime_s, timing={"device": device}, notes=(*score.notes, note))


def _with_opinion(score: Score, opinion: Mos | None) -> Score:
    if opinion is None:
        return score
    notes = (*score.notes, opinion.note)
    return replace(score, mos=opinion.mos, mos_interval=opinion.interval, raters=opinion.raters, notes=notes)


def best_or_last(scores: Mapping[int, Score], keep: Keep) -> set[int]:
    """Choose a submission of each team: its last, or its best, of which those that are ranked come first."""
    chosen: dict[str, int] = {}
    for number in sorted(scores):
        score = scores[number]
        if keep == "last" or score.team not in chosen or _worth(score) > _worth(scores[chosen[score.team]]):
            chosen[score.team] = number
    return set(chosen.values())


def _worth(score: Score) -> tuple[bool, float]:
    value = figure_of(score, BEST_BY)
    return (not score.unranked, float("-inf") if value is None else value)
