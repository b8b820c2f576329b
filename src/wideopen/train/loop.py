"""The loop: stages, steps, validation, checkpoints, and going on where a run was stopped."""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed, nn

from wideopen.errors import RequestError, TrainingError, WideopenError
from wideopen.pairs.pair import Pair, pairs_in
from wideopen.pairs.pairset import PairSet
from wideopen.train.board import Board
from wideopen.train.recipe import Recipe, Stage
from wideopen.train.start import start_from
from wideopen.train.teacher import Teacher, refuse_impossible
from wideopen.train.validation import Judgement, judge
from wideopen.zoo.catalog import solution as find
from wideopen.zoo.checkpoint import Record, save
from wideopen.zoo.run import is_lack_of_memory
from wideopen.zoo.solution import Solution

LAST, BEST, STATE, RUN, LOG = "last.safetensors", "best.safetensors", "state.pt", "run.json", "log.jsonl"


@dataclass(frozen=True)
class Settings:
    """Of a run, beside its recipe."""

    seed: int = 0
    device: str = "cpu"
    bfloat16: bool = False
    workers: int = 2
    validate_every: int = 500
    most_validated: int = 16
    """Pairs that are validated on."""
    log_every: int = 10
    vgg: Path | None = None
    random_vgg: bool = False
    body: Path | None = None
    start: Path | None = None
    """A checkpoint to start from."""
    tensorboard: bool = False
    """Write the log for TensorBoard as well, into ``out/tensorboard``."""
    data: str = ""
    """What the pairs were made of, for the record."""
    commit: str = ""
    command: str = ""


def train(
    recipe: Recipe,
    pairs: Path,
    out: Path,
    settings: Settings = Settings(),
    *,
    resume: bool = False,
    most_steps: int | None = None,
    tell: Callable[[str], None] = print,
) -> Path:
    """Learn a solution by its recipe, and return the best checkpoint.

    Args:
        recipe: For example of `wideopen.train.recipes.recipe`.
        pairs: A data set of pairs. Its parts ``train`` and ``val`` are used where a manifest tells them; else every
            tenth pair by name, or the last of a few, is validated on.
        out: Folder for ``last.safetensors``, ``best.safetensors``, ``run.json``, ``log.jsonl`` and ``state.pt``.
        settings: Of the run.
        resume: Go on with a run that was stopped, to the same end as if it had not been.
        most_steps: Stop after so many steps of this call, as if interrupted.
        tell: Told of progress.

    Raises:
        RequestError: If there are no pairs, `out` holds a run and `resume` is not set, or a file cannot be written.
        TrainingError: If the loss is not finite; the batch is kept in ``out/not-finite.npz``.
    """
    solution = find(recipe.solution)
    learned, held = parts_of(pairs)
    rank, world = _place()
    with _written(out):
        if rank == 0:
            _refuse_other_run(out, recipe, resume)
        torch.manual_seed(settings.seed)
        network = _start(solution, settings, tell)
        refuse_impossible(solution, network, recipe.stages, vgg=settings.vgg, random_vgg=settings.random_vgg)
        samples = [_samples(learned, stage, solution, settings.seed + k) for k, stage in enumerate(recipe.stages)]
        lengths = [length_of(stage, len(batches)) for stage, batches in zip(recipe.stages, samples, strict=True)]
        kept = _kept(out, settings.device) if resume else None
        out.mkdir(parents=True, exist_ok=True)
        best, at = (kept["best"], (kept["stage"], kept["step"])) if kept else (-1.0, (0, 0))
        if rank == 0 and not kept:
            _describe(out, recipe, settings, pairs, len(learned), len(held))
        board = Board(out / "tensorboard") if settings.tensorboard and rank == 0 else None
        done_here = 0
        for number, stage in enumerate(recipe.stages):
            if number < at[0]:
                continue
            batches, steps = samples[number], lengths[number]
            teacher = Teacher(
                solution, network, stage, steps, device=settings.device, vgg=settings.vgg,
                random_vgg=settings.random_vgg, bfloat16=settings.bfloat16,
            )  # fmt: skip
            first = 0
            if kept and number == at[0] and at[1] > 0:
                teacher.restore(kept["teacher"])
                first = at[1]
            else:
                best = -1.0
            if kept and number == at[0]:
                network.load_state_dict(kept["teacher"]["network"])
                torch.set_rng_state(kept["random"].cpu())
            clock, losses = time.monotonic(), []
            for step, batch in _stream(batches, stage.batch, first, steps, settings.workers, rank, world):
                loss = teacher.step(batch, step)
                if not np.isfinite(loss):
                    np.savez(out / "not-finite.npz", **batch)  # type: ignore[arg-type]
                    raise TrainingError(
                        f"the loss is {loss} at step {step} of stage {stage.name}; the batch is in "
                        f"{out / 'not-finite.npz'}, the last checkpoint is good; lower the rate, "
                        f"--set stages.{number}.rate={stage.rate / 2:g}"
                    )
                losses.append(loss)
                done_here += 1
                stops = most_steps is not None and done_here >= most_steps
                ends = step + 1 == steps
                if rank == 0 and (ends or (step + 1) % settings.log_every == 0):
                    seconds = (time.monotonic() - clock) / len(losses)
                    mean = float(np.mean(losses))
                    _log(
                        out, {"stage": stage.name, "step": step + 1, "loss": mean, "seconds": round(seconds, 4)}, board
                    )
                    left_s = seconds * (steps - step - 1)
                    tell(f"{stage.name} {step + 1}/{steps}: loss {mean:.4f}, {left_s / 60:.0f} minutes left")
                    clock, losses = time.monotonic(), []
                if rank == 0 and (ends or stops or (step + 1) % settings.validate_every == 0):
                    if not stops or ends or (step + 1) % settings.validate_every == 0:
                        found = judge(solution, teacher.judged, held[: settings.most_validated], out, stage)
                        best = _keep(out, teacher, recipe, settings, stage, step + 1, found, best, board, tell)
                        clock = time.monotonic()
                    _write_state(out, teacher, (number, step + 1), best)
                if world > 1:
                    distributed.barrier()
                if stops:
                    return out / LAST
            if teacher.mean is not None:
                network.load_state_dict(teacher.mean.module.state_dict())
            kept = None
        return out / BEST


def parts_of(folder: Path) -> tuple[list[Pair], list[Pair]]:
    """Pairs to learn from, and pairs to validate on.

    Raises:
        RequestError: If there are not two pairs.
    """
    pairs = pairs_in(folder)
    if any(pair.split for pair in pairs):
        learned = [pair for pair in pairs if pair.split == "train"]
        held = [pair for pair in pairs if pair.split == "val"]
    else:
        held = pairs[9::10] or pairs[-1:]
        learned = [pair for pair in pairs if pair not in held]
    if not learned or not held:
        raise RequestError(
            f"{folder} has {len(learned)} pairs to learn from and {len(held)} to validate on; give it parts by "
            f"wideopen pairs split {folder}"
        )
    return learned, held


def length_of(stage: Stage, samples: int) -> int:
    """Steps of a stage over so many samples an epoch."""
    if stage.steps is not None:
        return stage.steps
    if stage.epochs is None:
        raise RequestError(f"stage {stage.name} has neither steps nor epochs")
    return max(round(stage.epochs * samples / stage.batch), 1)


def _samples(pairs: Sequence[Pair], stage: Stage, solution: Solution, seed: int) -> PairSet:
    for need, folder in (("depth", "depth"), ("saliency", "matte")):
        if need in solution.needs:
            without = [pair.name for pair in pairs if getattr(pair, folder) is None]
            if without:
                raise RequestError(
                    f"{solution.name} needs {need}, and {len(without)} pairs have no map in {folder}/, the first is "
                    f"{without[0]}; wideopen pairs synthesise writes them"
                )
    return PairSet(
        pairs, stage.crop_px, seed=seed, flips=stage.flips, vertical_flips=stage.vertical_flips, rot90=stage.rot90,
        scale=stage.scale, with_depth="depth" in solution.needs, with_matte="saliency" in solution.needs,
    )  # fmt: skip


def _stream(
    samples: PairSet, batch: int, first: int, steps: int, workers: int, rank: int, world: int
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Give numbered batches from step `first` on; of several processes each gets its share of every batch."""
    if batch % world:
        raise RequestError(f"a batch of {batch} cannot be shared by {world} processes; choose another multiple")
    share = batch // world
    in_epoch = max(len(samples) // batch, 1)
    step = first
    while step < steps:
        epoch, at = divmod(step, in_epoch)
        for number in range(at, in_epoch):
            indices = [(number * batch + rank * share + k) % len(samples) for k in range(share)]
            yield step, samples.gather(epoch, indices, workers=workers)
            step += 1
            if step == steps:
                return


def _start(solution: Solution, settings: Settings, tell: Callable[[str], None]) -> nn.Module:
    network = solution.build()
    if settings.start is not None:
        tell(start_from(network, solution, settings.start))
    if settings.body is not None:
        from wideopen.zoo.body import take_body

        tell(f"the body starts from {take_body(network, settings.body)}")
    return network


def _keep(
    out: Path, teacher: Teacher, recipe: Recipe, settings: Settings, stage: Stage, step: int, found: Judgement,
    best: float, board: Board | None, tell: Callable[[str], None],
) -> float:  # fmt: skip
    """Write the last checkpoint, and the best if it is; every stage is judged by the picture."""
    record = Record(
        solution=recipe.solution,
        step=step,
        recipe=stage.name,
        data=settings.data,
        seed=settings.seed,
        commit=settings.commit,
        command=settings.command,
    )
    save(teacher.judged, out / LAST, record, overwrite=True)
    is_best = found.psnr_db > best
    if is_best:
        save(teacher.judged, out / BEST, record, overwrite=True)
    _log(out, {"stage": stage.name, "step": step, "psnr_db": found.psnr_db, "ssim": found.ssim, "best": is_best}, board)
    tell(f"{stage.name} {step}: {found.psnr_db:.2f} dB, SSIM {found.ssim:.4f}{', the best so far' if is_best else ''}")
    return max(best, found.psnr_db)


def _write_state(out: Path, teacher: Teacher, position: tuple[int, int], best: float) -> None:
    """Write what a stopped run needs, whole or not at all."""
    kept = {
        "stage": position[0], "step": position[1], "best": best, "teacher": teacher.state(),
        "random": torch.get_rng_state(),
    }  # fmt: skip
    beside = out / f".{STATE}.{os.getpid()}"
    try:
        torch.save(kept, beside)
        beside.replace(out / STATE)
    finally:
        beside.unlink(missing_ok=True)


def _kept(out: Path, device: str) -> dict[str, Any]:
    if not (out / STATE).exists():
        raise RequestError(f"{out} holds no run to go on with; leave --resume out")
    try:
        return torch.load(out / STATE, map_location=device, weights_only=True)
    except Exception as error:
        raise RequestError(f"{out / STATE} cannot be read ({' '.join(str(error).split())[:160]})") from error


def _refuse_other_run(out: Path, recipe: Recipe, resume: bool) -> None:
    there = (out / RUN).exists() or (out / STATE).exists()
    if there and not resume:
        raise RequestError(f"{out} holds a run already; go on with it by --resume, or choose another folder")
    if resume and (out / RUN).exists():
        before = json.loads((out / RUN).read_text(encoding="utf-8"))["recipe"]
        if before != json.loads(recipe.to_json()):
            raise RequestError(
                f"{out} holds a run by another recipe or with other settings; give the same, or another folder"
            )


def _describe(out: Path, recipe: Recipe, settings: Settings, pairs: Path, learned: int, held: int) -> None:
    record = {
        "recipe": json.loads(recipe.to_json()), "settings": asdict(settings), "pairs": pairs.name, "learned": learned,
        "validated": held, "torch": torch.__version__,
    }  # fmt: skip
    (out / RUN).write_text(json.dumps(record, indent=1, default=str) + "\n", encoding="utf-8")


def _log(out: Path, record: dict[str, Any], board: Board | None) -> None:
    with (out / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    if board is not None:
        board.add(record)


def _place() -> tuple[int, int]:
    """Which of how many processes this is; torchrun says so."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return int(os.environ.get("RANK", "0")), world


@contextmanager
def _written(out: Path) -> Iterator[None]:
    """Tell what a full disk or a lack of memory means, in one line."""
    try:
        yield
    except WideopenError:
        raise
    except OSError as error:
        raise RequestError(
            f"{out} cannot be written ({error.strerror or error}); make room and go on by --resume"
        ) from error
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and not is_lack_of_memory(error):
            raise
        raise RequestError(
            "memory does not suffice; make the batch smaller, --set stages.N.batch=1, or the crop, "
            "--set stages.N.crop_px=[256,256]"
        ) from error
