"""Let a simulated panel sit through a study, so that organisers see a report before anybody was asked."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import uuid4

from wideopen.study.plan import Study
from wideopen.study.simulate import Panel, Simulation, simulate
from wideopen.study.sitting import Trial, trials_of
from wideopen.study.store import Screen, Store
from wideopen.study.vote import Vote

SCREEN = Screen(width_px=1920, height_px=1080, pixel_ratio=1.0, zoom=1.0, touch=False)


def seat(study: Study, store: Store, qualities: Mapping[str, float], panel: Panel) -> Simulation:
    """Store the votes of a simulated panel, as new raters behind those who are there.

    Args:
        study: Marked as simulated.
        store: Of the study.
        qualities: Of each method, as `wideopen.study.simulate.simulate` takes them.
        panel: Who votes.

    Raises:
        RequestError: If the study is not marked as simulated, or a method has no quality.
        StoreError: If votes cannot be kept.
    """
    numbers = [rater.number for rater in store.raters() if rater.number is not None]
    first = max(numbers, default=-1) + 1

    def sitting(plan: Study, number: int) -> Sequence[Trial]:
        return trials_of(plan, first + number)

    found = simulate(study, qualities, panel, sitting)
    by_rater: dict[str, list[Vote]] = defaultdict(list)
    for vote in found.votes:
        by_rater[vote.rater].append(vote)
    for votes in by_rater.values():
        name = store.add_rater()
        store.consent(name, SCREEN)
        store.train(name)
        for vote in sorted(votes, key=lambda vote: vote.trial):
            store.answer(name, vote.trial, vote.level, shown_s=vote.shown_s or 0.0, request=str(uuid4()), revision=0)
    return found
