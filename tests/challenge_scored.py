"""Submissions of a small challenge that have their Scores, as workers leave them."""

import io
import json
from dataclasses import asdict, replace

import numpy as np
from PIL import Image

from challenge_folder import UPLOAD, Clock, plan_of
from wideopen.challenge.files import Files
from wideopen.challenge.plan import write_plan
from wideopen.challenge.queue import Queue
from wideopen.challenge.sheet import FactSheet
from wideopen.challenge.store import open_store
from wideopen.score.score import Score
from wideopen.study.demand import Demand
from wideopen.study.opinion import Opinion
from wideopen.study.report import Method, Panel, Report
from wideopen.study.screening import Rater, Rules

DEVICE = "a machine with 8 cores"


class Scored:
    """A challenge in a folder, whose teams hand in what is scored at once."""

    def __init__(self, folder, files=None, database=None, plan=None):
        self.folder, self.clock = folder, Clock()
        folder.mkdir(exist_ok=True)
        write_plan(plan or plan_of(), folder)
        self.store = open_store(folder, database, clock=self.clock)
        self.queue, self.files = Queue(self.store), Files(files or folder / "files")
        self.teams, self._count = {}, 0

    def team(self, name):
        if name not in self.teams:
            self.teams[name] = self.store.add_team(name)[0].id
        return self.teams[name]

    def submit(self, team, *, phase="validation", track="cpu", kind="pictures", sha256="0", **sheet):
        self._count += 1
        upload = self.folder / "upload"
        upload.write_bytes(f"answer {self._count}".encode())
        key = f"uploads/{self._count}.zip"
        self.files.put(key, upload)
        given = {"method": f"{team}'s", "authors": f"Ann of {team}", "framework": "PyTorch", "hardware": "A GPU"}
        place = replace(UPLOAD, file=key, sha256=sha256 if len(sha256) == 64 else sha256.rjust(64, "0"))
        return self.store.submit(
            self.team(team), phase, track, kind, place, FactSheet(**(given | sheet)), request=str(self._count)
        )

    def finish(self, state="scored", runtime_s=None, pictures=(), **score):
        """Do the next job as a worker does."""
        job = self.queue.take("worker", "host", kinds=("score",))
        number = job.submission.id
        if state != "scored":
            assert self.queue.finish(job, state, why="so it is")
            return job.submission
        self.put(f"scores/{number}.json", score_of(job.submission, **score).to_json())
        for name in pictures:
            for at, kind in enumerate(("found", "truth", "input")):
                self.put(f"galleries/{number}/{name}.{kind}.jpg", jpeg(40 + 60 * at + number))
        assert self.queue.finish(job, "scored", result=f"scores/{number}.json")
        if runtime_s is not None:
            job = self.queue.take("worker", "host", kinds=("time",))
            assert job.submission.id == number
            alone = score_of(job.submission, psnr_db=None, ssim=None, runtime_s=runtime_s, protocol="runtime/1")
            self.put(f"scores/{number}.time.json", alone.to_json())
            assert self.queue.finish(job, "scored", result=f"scores/{number}.time.json")
        return self.store.submission(number)

    def scored(self, team, psnr_db, *, phase="validation", runtime_s=None, pictures=(), score=None, **others):
        kind = "model" if runtime_s is not None else "pictures"
        self.submit(team, phase=phase, kind=kind, **others)
        return self.finish(psnr_db=psnr_db, runtime_s=runtime_s, pictures=pictures, **(score or {}))

    def put(self, key, content):
        beside = self.folder / "beside"
        beside.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.files.put(key, beside)

    def close(self):
        self.store.close()


def score_of(submission, **others):
    known = {
        "psnr_db": 20.0,
        "ssim": 0.8,
        "protocol": "aim2020/1",
        "device": DEVICE,
        "date": "2031-05-02",
        "command": f"wideopen score {submission.id}",
        "images": 2,
        "data": {"name": "small", "split": "val", "sha256": "aa" * 32},
        "per_image": ({"name": "1", "psnr_db": 19.0, "ssim": 0.7}, {"name": "2", "psnr_db": 21.0, "ssim": 0.9}),
    }
    return Score(submission.sheet.method, submission.track, "measured", **(known | others))


def jpeg(level):
    file = io.BytesIO()
    Image.fromarray(np.full((20, 30, 3), level % 256, np.uint8)).save(file, "JPEG")
    return file.getvalue()


def study_report(opinions, path, *, kept=3, **others):
    """Write a study's report that gives each method a mean opinion score."""
    methods = []
    for name, mos in opinions.items():
        given = None if mos is None else (mos - 0.2, mos + 0.2)
        panel = Panel(Opinion(mos, given, 40, 3, 2, (8, 8, 8, 8, 8)), mos, mos)
        methods.append(Method(name, None, False, panel, panel, Demand(None, None, None, None)))
    raters = tuple(
        Rater(f"r{at}", 30, 6, 0, 1.0, 4, 0.2, 3.0, 0, 0, 0.8, () if at < kept else ("too quick",)) for at in range(4)
    )
    known = {"title": "A study", "created": "2031-06-01T00:00:00+00:00", "simulated": False}
    report = Report(
        **(known | others), votes=100, votes_counted=90, votes_kept=80, wanted_half_width=0.1, rules=Rules(),
        methods=tuple(methods), results=(), comparisons=(), raters=raters, traps=(), alpha_kept=None,
        alpha_everyone=None, notes=(),
    )  # fmt: skip
    path.write_text(json.dumps(asdict(report)), encoding="utf-8")
    return path
