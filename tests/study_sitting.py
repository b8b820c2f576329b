"""A plain sitting, so that statistics are tested apart from how people are really served."""

from dataclasses import dataclass

import numpy as np

from wideopen.study.plan import Study

TRAPS = {"camera": "reference", "sharp": "input", "blurred": "anchor"}


@dataclass(frozen=True)
class Shown:
    picture: str
    method: str
    kind: str
    repeat: bool = False


def study_of(methods, n_pictures, *, traps=True, **settings):
    kinds = dict.fromkeys(methods, "result") | (TRAPS if traps else {})
    pictures = tuple(f"picture-{number:02d}" for number in range(n_pictures))
    known = {"title": "Test", "seed": 1, "created": "2026-01-02T03:04:05Z", "simulated": True}
    return Study(
        methods=kinds,
        pictures=pictures,
        files={picture: {} for picture in pictures},
        sizes=dict.fromkeys(pictures, (8, 8)),
        **(known | settings),
    )


def trials_of(study, number):
    """Give each rater the next results in turn, in an order of their own, with traps and repeats among them."""
    draw = np.random.default_rng((study.seed, number))
    methods = [name for name, kind in study.methods.items() if kind == "result"]
    every = [(picture, method) for picture in study.pictures for method in methods]
    order = np.random.default_rng(study.seed).permutation(len(every))
    most = min(study.trials, len(every))
    mine = [every[order[(number * most + step) % len(every)]] for step in range(most)]
    trials = [Shown(picture, method, "result") for picture, method in mine]
    for name, kind in study.methods.items():
        if kind != "result":
            pictures = draw.permutation(len(study.pictures))[: study.traps]
            trials += [Shown(study.pictures[index], name, kind) for index in pictures]
    trials = [trials[index] for index in draw.permutation(len(trials))]
    results = [trial for trial in trials if trial.kind == "result"]
    again = draw.permutation(len(results))[: study.repeats]
    return trials + [Shown(results[index].picture, results[index].method, "result", True) for index in again]
