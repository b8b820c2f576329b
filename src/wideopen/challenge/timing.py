"""Timing: the runtime of a submitted model on the organiser's machine, as ``wideopen time`` measures it."""

from collections.abc import Callable
from dataclasses import replace

from wideopen.challenge.queue import Job
from wideopen.challenge.scoring import Bench, Desk, EndingError, Result, done, made_inside
from wideopen.pairs.pairset import size_of
from wideopen.score.runtime import SIZE_PX

PHONE = "gpu"
"""The track whose runtimes are a phone's."""
REPEATS = 5
_ON_PHONE = (
    "the runtime on a phone's GPU is not measured by this worker; the organiser measures it by wideopen time "
    "MODEL.tflite --device android"
)


def time_job(job: Job, team: str, bench: Bench, *, stop: Callable[[], bool] = lambda: False) -> Result:
    """Time a submitted model; `wideopen.score.leaderboard.joined` puts the runtime beside its quality.

    The photo has the size of the phase's pictures where all have one, and else the challenge's 1536x1024. The model
    may use the whole machine, and the Score says what others used of it before and meanwhile.

    Args:
        job: Of the kind ``time``.
        team: Its name.
        bench: Where.
        stop: Asked again and again; the job is left once this is true.

    Raises:
        wideopen.challenge.scoring.StoppedError: If it was left.
    """
    return done(job, team, replace(bench, threads=None), stop, _timed)


def _timed(desk: Desk) -> Result:
    if desk.submission.track == PHONE:
        raise EndingError(Result("failed", _ON_PHONE, ours=True))
    desk.inside(into=str(desk.model()), inputs=[], out="")
    sizes = {size_of(each.original) for each in desk.pairs()}
    width, height = sizes.pop() if len(sizes) == 1 else SIZE_PX
    out = desk.place / "timed" / "time.json"
    words = ["time", str(desk.model()), "--size", f"{width}x{height}", "--repeats", str(REPEATS), "-o", str(out)]
    # It measures in a process of its own; looking at both costs time that is not the model's.
    desk.run("wideopen", words, out.parent, readable=[desk.model()], processes=True, look_s=0.5)
    return Result("scored", key=desk.kept(desk.stated(made_inside(out)), ".time"))
