"""Scoring: one job of the queue to a Score among the challenge's files.

Whatever is done with what a team sent is done in the sandbox; the truth is there only once a model has ended.
"""

import json
import re
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from wideopen.challenge import inside, sandbox
from wideopen.challenge.files import Files
from wideopen.challenge.intake import HIDDEN
from wideopen.challenge.plan import Phase, Plan
from wideopen.challenge.queue import Job
from wideopen.challenge.sandbox import Ended
from wideopen.challenge.store import State
from wideopen.challenge.walls import Bounds
from wideopen.errors import RequestError, WideopenError
from wideopen.pairs.pair import Pair, pairs_in
from wideopen.score import provenance
from wideopen.score.machine import machine
from wideopen.score.score import Score, read_score

PICTURES = "pictures"
LOG_LINES = 20
_KILLED = 9
_LONGEST_LINE = 300
_MOST_SCORE_BYTES = 256_000_000
_PATH = re.compile(r"(?<![\w.:/])(?:[A-Za-z]:)?[\\/](?:[^\s\\/'\"`,;:()<>|=]+[\\/])+")
_KEPT = re.compile(r"; the others' figures are kept.*")
"""Of `wideopen.score.evaluate`, for whoever may go on."""


@dataclass(frozen=True)
class Result:
    """What became of a job."""

    state: State
    why: str = ""
    """For the team, where it was not scored."""
    ours: bool = False
    """Whether the fault is the organiser's."""
    key: str | None = None
    """Of the Score among the challenge's files."""


@dataclass(frozen=True)
class Bench:
    """Where jobs of one challenge are done."""

    plan: Plan
    folder: Path
    """Of the challenge."""
    files: Files
    threads: int | None = 1
    """Of one job; None leaves the choice to each library."""


class EndingError(Exception):
    """Ends a job with a result."""

    def __init__(self, result: Result) -> None:
        self.result = result
        super().__init__(result.why)


class StoppedError(Exception):
    """The worker was told to stop; nothing became of the job."""


class GoneError(StoppedError):
    """What does jobs is gone, and no further one can be done; nothing became of this one."""


def score_job(job: Job, team: str, bench: Bench, *, stop: Callable[[], bool] = lambda: False) -> Result:
    """Score a submission: open it, render where it is a model, and do what ``wideopen score`` does.

    Args:
        job: Of the kind ``score``.
        team: Its name.
        bench: Where.
        stop: Asked again and again; the job is left once this is true.

    Raises:
        StoppedError: If it was left.
    """
    return done(job, team, bench, stop, _scored)


def done(job: Job, team: str, bench: Bench, stop: Callable[[], bool], step: "Callable[[Desk], Result]") -> Result:
    """Do a job in a folder of its own, and say in a sentence what went wrong."""
    try:
        with TemporaryDirectory(prefix="wideopen-", ignore_cleanup_errors=True) as folder, ExitStack() as stack:
            return step(Desk(job, team, bench, Path(folder).resolve(), stop, stack))
    except EndingError as ending:
        return ending.result
    except (WideopenError, OSError) as error:
        return Result("failed", f"the organiser's machine cannot score now: {cleaned(str(error), bench)}", ours=True)


class Desk:
    """One job, its folder, and what is left of its time."""

    def __init__(
        self, job: Job, team: str, bench: Bench, place: Path, stop: Callable[[], bool], stack: ExitStack
    ) -> None:
        self.job, self.team, self.bench, self.place = job, team, bench, place
        self._stop, self._stack = stop, stack
        self.submission, self.limits = job.submission, bench.plan.limits
        self.phase: Phase = bench.plan.phase(job.submission.phase)
        self.truth = bench.folder / HIDDEN / self.phase.part
        self.opened = place / "opened"
        """Where the submission is unpacked, and a model renders."""
        self.walls: tuple[str, ...] = ()
        self._begun_s = time.monotonic()

    def pairs(self) -> list[Pair]:
        """List the pairs of the phase."""
        return pairs_in(self.truth)

    def upload(self) -> Path:
        """Give the file that the team sent, until the job ends."""
        return self._stack.enter_context(self.bench.files.local(self.submission.upload.file))

    def inside(self, **given: Any) -> Ended:  # noqa: ANN401
        """Open the submission in the sandbox, which sees it and the inputs; see `wideopen.challenge.inside.step`."""
        file, originals = self.upload(), [each.original for each in self.pairs()]
        # In a file, for a command line is too short for many pairs.
        asked = self.place / "job.json"
        asked.write_text(json.dumps({
            "kind": self.submission.kind, "file": str(file.resolve()), "folder": str(self.bench.folder.resolve()),
            "phase": asdict(self.phase), "limits": asdict(self.limits), "name": self.submission.upload.file_name,
            "readable": [str(file.resolve()), str(originals[0].resolve())], **given,
        }), encoding="utf-8")  # fmt: skip
        seen = [asked, file, originals[0].parent]
        return self.run("wideopen.challenge.inside", [str(asked)], self.opened, readable=seen, listable=[self.truth])

    def run(
        self,
        module: str,
        words: Sequence[str],
        folder: Path,
        *,
        readable: Sequence[Path],
        listable: Sequence[Path] = (),
        **bounds: Any,  # noqa: ANN401
    ) -> Ended:
        """Run a module in the sandbox.

        Args:
            module: As `wideopen.challenge.sandbox.run` takes it and the others.
            words: Of its command line.
            folder: Of its own, and new: what a model left in its own might be believed by what sees the truth.
            readable: Besides.
            listable: Besides.
            bounds: Of `wideopen.challenge.walls.Bounds`, where they are not those of the plan.

        Raises:
            EndingError: If that ends the job.
            StoppedError: If the worker was told to stop.
        """
        left_s = self.limits.seconds - (time.monotonic() - self._begun_s)
        most = {"threads": self.bench.threads, **bounds}
        folder.mkdir()
        ended = sandbox.run(
            module,
            words,
            folder,
            Bounds(
                seconds=max(left_s, 1.0),
                memory_mb=self.limits.memory_mb,
                file_mb=self.limits.written_mb,
                folder_mb=self.limits.unpacked_mb + 2 * self.limits.upload_mb,
                **most,
            ),
            readable=readable,
            listable=listable,
            secret=self.bench.folder,
            stop=self._stop,
            place=self.place,
        )
        if ended.is_stopped:
            raise StoppedError
        self.walls = ended.walls
        if ended.code != 0 or ended.why:
            raise EndingError(self._ending(ended))
        return ended

    def model(self) -> Path:
        """Where a model is copied to, under a name that is nobody's."""
        return self.opened / f"model{Path(self.submission.upload.file).suffix}"

    def stated(self, score: Score) -> Score:
        """Add to a Score whose it is, and what the fact sheet and this machine say."""
        sheet, upload = self.submission.sheet, self.submission.upload
        is_model = self.submission.kind == "model"
        return replace(
            score,
            solution=sheet.method,
            track=self.submission.track,
            device=machine().says() if is_model else score.device,
            checkpoint=f"{upload.file_name} sha256:{upload.sha256}" if is_model else None,
            commit=provenance.commit(),
            team=self.team,
            author=sheet.authors,
            framework=sheet.framework,
            hardware=sheet.hardware,
            unranked=self.bench.plan.unranked if sheet.precomputed_depth else "",
            settings={},
            data={**score.data, "sandbox": sandbox.walls_say(self.walls)},
            pictures="",
        )

    def kept(self, score: Score, kind: str = "") -> str:
        """Put a Score among the files, beside those of earlier attempts; gives its key."""
        path = self.place / "kept.json"
        path.write_text(score.to_json(), encoding="utf-8")
        attempt = self.job.attempt
        while True:
            number = f".{attempt}" if attempt > 1 else ""
            key = f"scores/{self.submission.id}{kind}{number}.json"
            if put_once(self.bench.files, key, path):
                return key
            attempt += 1

    def _ending(self, ended: Ended) -> Result:
        """Say what a process came to that did not do its work."""
        said = [line for line in ended.log.splitlines() if line.startswith(inside.SAYS)]
        folders = (self.place, *self.place.iterdir(), self.opened / PICTURES)
        sentence = cleaned(_KEPT.sub("", said[-1].removeprefix(inside.SAYS)), self.bench, *folders) if said else ""
        fault, memory = ended.fault(), f"a submission may use {self.limits.memory_mb} MB of memory"
        if _starved(ended, self.limits.memory_mb):
            return Result("failed", "the organiser's machine ran out of memory, of which this used little", ours=True)
        if fault.startswith("stopped after"):
            fault = f"stopped after {self.limits.seconds:.0f} s, all the time that a submission has"
        if not fault and ended.code == inside.HUNGRY:
            fault = f"{memory}, and this asked for more" + (f": {sentence}" if sentence else "")
        if not fault and ended.code == inside.REFUSED and sentence:
            return Result("refused", sentence)
        if not fault and ended.code == inside.OURS:
            return Result("failed", sentence, ours=True)
        lines = cleaned(ended.log, self.bench, *folders).splitlines()[-LOG_LINES:]
        last = f"scoring it ended badly: {lines[-1].strip()}" if lines else "scoring it ended badly, and said nothing"
        text = "\n".join([fault or sentence or last, *lines])
        return Result("failed", text)


def _starved(ended: Ended, memory_mb: int) -> bool:
    """Tell whether the system ended a process for want of memory that others use; it ends those of sandboxes first."""
    # Between two looks a process can grow, but not to twice its limit.
    return not ended.why and ended.code == -_KILLED and ended.peak_mb < memory_mb / 2


def _scored(desk: Desk) -> Result:
    pictures = desk.opened / PICTURES
    if desk.submission.kind == "pictures":
        desk.inside(into=str(pictures))
    else:
        inputs = [(each.name, str(each.original.resolve())) for each in desk.pairs()]
        desk.inside(into=str(desk.model()), inputs=inputs, out=str(pictures))
    refuse_links(pictures)
    out = desk.place / "scored" / "score.json"
    words = ["score", str(pictures), "--pairs", str(desk.truth.resolve()), "--protocol", desk.bench.plan.protocol]
    desk.run("wideopen", [*words, "-o", str(out), "--jobs", "1"], out.parent, readable=[pictures, desk.truth])
    score = made_inside(out)
    for file in sorted(_plain_files(out.with_name("score.files"))):
        put_once(desk.bench.files, f"galleries/{desk.submission.id}/{file.name}", file)
    stated = desk.stated(score)
    if desk.submission.kind == "model":
        again = ["wideopen", "score", desk.model().name, "--pairs", desk.truth.name]
        stated = replace(stated, command=shlex.join([*again, "--protocol", desk.bench.plan.protocol]))
    return Result("scored", key=desk.kept(stated))


def refuse_links(folder: Path) -> None:
    """Refuse files that are no plain ones: a link could show the truth as an answer.

    Raises:
        EndingError: If there is one.
    """
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink() or not (path.is_dir() or (path.is_file() and path.lstat().st_nlink == 1)):
            raise EndingError(Result("refused", f"{path.name} is no plain file; hand in pictures"))


def made_inside(path: Path) -> Score:
    """Read a Score that a process of the sandbox wrote.

    Raises:
        RequestError: If it is none.
    """
    if path not in _plain_files(path.parent) or path.stat().st_size > _MOST_SCORE_BYTES:
        raise RequestError("scoring left no Score")
    return read_score(path)


def _plain_files(folder: Path) -> list[Path]:
    if folder.is_symlink() or not folder.is_dir():
        return []
    return [each for each in folder.iterdir() if each.is_file() and not each.is_symlink()]


def put_once(files: Files, key: str, path: Path) -> bool:
    """Keep a file, unless an earlier attempt did; tells whether it was kept now."""
    if files.has(key):
        return False
    try:
        files.put(key, path)
    except RequestError:
        if not files.has(key):
            raise
        return False
    return True


def cleaned(text: str, bench: Bench, *folders: Path) -> str:
    """Take out of a log what does not print, and where things lie on this machine."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.replace("\r\n", "\n").replace("\r", "\n"))
    places = [*folders, bench.folder.absolute(), bench.folder.resolve(), Path(sys.prefix), Path(sys.base_prefix)]
    with suppress(RuntimeError):
        places.append(Path.home())
    for place in sorted(map(str, places), key=len, reverse=True):
        if len(place) > 1:
            text = re.sub(rf"{re.escape(place)}[\\/]", "", text)
    # ONNX Runtime looks for GPUs as soon as it is loaded, and complains that the sandbox shows none.
    told = (line for line in text.split("\n") if "GPU device discovery failed" not in line)
    lines = ("".join(each if each.isprintable() else " " for each in line) for line in told)
    return "\n".join(_PATH.sub("", line).rstrip()[:_LONGEST_LINE] for line in lines).strip("\n")
