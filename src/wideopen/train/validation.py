"""Validation: held-out pairs, whole, scored as the challenge's literature does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import nn

from wideopen.optics import DepthMap
from wideopen.pairs.pair import Pair
from wideopen.photo import read
from wideopen.scene.mapfile import read_depth
from wideopen.score.evaluate import levels_of
from wideopen.score.metrics import psnr_db, ssim
from wideopen.train.recipe import Stage
from wideopen.zoo.run import SolutionRenderer
from wideopen.zoo.solution import Solution

SAMPLES = 3
"""So many pictures are kept to look at."""


@dataclass(frozen=True)
class Judgement:
    """Means over the pairs."""

    pairs: int
    psnr_db: float
    ssim: float


def judge(solution: Solution, network: nn.Module, pairs: Sequence[Pair], out: Path, stage: Stage) -> Judgement:
    """Score a network's own answer on whole pairs; the first few are kept in ``out/samples``, beside input and truth.

    A stage that judges another view than the picture is scored by the picture as well, for that is what is wanted in
    the end.
    """
    device = str(next(network.parameters()).device)
    was_training = network.training
    network.eval()
    figures = []
    for k, pair in enumerate(pairs):
        original, bokeh = read(pair.original), read(pair.bokeh)
        renderer = SolutionRenderer(solution, network, depth=_depth(pair), saliency=_matte(pair), device=device)
        found, wanted = (levels_of(photo) for photo in (renderer(original), bokeh))
        figures.append((psnr_db(found, wanted), ssim(found, wanted)))
        if k < SAMPLES:
            sheet = np.concatenate([levels_of(original), found, wanted], axis=1)
            (out / "samples").mkdir(exist_ok=True)
            Image.fromarray(sheet).save(out / "samples" / f"{pair.name}.jpg", quality=92)
    network.train(was_training)
    psnr, similarity = np.mean(figures, axis=0)
    return Judgement(len(pairs), float(psnr), float(similarity))


def _depth(pair: Pair) -> str | DepthMap:
    return "auto" if pair.depth is None else read_depth(pair.depth)


def _matte(pair: Pair) -> np.ndarray | None:
    return None if pair.matte is None else read_depth(pair.matte).dioptres
