"""The loop: learn, validate, keep the best and the last, resume."""

import json
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wideopen.errors import RequestError
from wideopen.train.scene.compose import make_sample
from wideopen.train.scene.crops import labelled_sample, whole_photo
from wideopen.train.scene.loss import depth_loss, matte_loss, order_loss, point_loss
from wideopen.train.scene.network import SceneNetwork
from wideopen.train.scene.sample import Sample
from wideopen.train.scene.sources import Sources, read_sources

SMALL = ((128, 96), (96, 128), (96, 96), (128, 128), (96, 160), (160, 96))
LARGE = ((192, 128), (128, 192), (192, 192), (224, 160), (160, 224), (256, 192), (192, 256))
"""Width and height of batches: small ones first, for they are learned three times as fast."""
SMALL_SHARE = 0.6
"""Of the steps."""
FIELDS = ("dioptres", "depth_known", "matte", "matte_known", "near", "far")


@dataclass(frozen=True)
class Settings:
    """How to learn; written into every checkpoint."""

    steps: int = 11000
    batch: int = 24
    rate: float = 1.5e-3
    seed: int = 0
    views: int = 2
    validate_every: int = 500


def train(
    data: Path, out: Path, settings: Settings, *, minutes: float | None = None, tell: Callable[[str], None] = print
) -> Path:
    """Train the scene network, or go on where `out` was left, and return the best checkpoint.

    Args:
        data: Folder that `read_sources` reads.
        out: Folder for ``last.pt``, ``best.pt`` and ``log.jsonl``.
        settings: Of the run; a run that goes on must have the same but for `steps`.
        minutes: Stop after so long, to go on another time.
        tell: Told of progress.

    Raises:
        RequestError: If there is nothing to learn from, or `out` holds a run with other settings.
        ArithmeticError: If the loss is not finite.
    """
    start = time.monotonic()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(settings.seed)
    sources = read_sources(data, views=settings.views, seed=settings.seed, tell=tell)
    if not sources.subjects:
        raise RequestError(f"{data} holds no masks/ccp and no masks/pets to learn from")
    out.mkdir(parents=True, exist_ok=True)
    network = SceneNetwork().to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = torch.optim.swa_utils.AveragedModel(network, avg_fn=_average, use_buffers=True)
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=0.01)
    step, best = 0, -1.0
    if (out / "last.pt").exists():
        saved = torch.load(out / "last.pt", map_location=device, weights_only=True)
        if saved["settings"] | {"steps": settings.steps} != asdict(settings):
            raise RequestError(f"{out} holds a run with other settings ({saved['settings']}); choose another folder")
        network.load_state_dict(saved["network"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        step, best = saved["step"], saved["best"]
        tell(f"going on from step {step}")
    # The next batch is made while this one is learned.
    maker = ThreadPoolExecutor(1)
    coming = maker.submit(_batch, sources, settings, step)
    while step < settings.steps:
        for group in optimiser.param_groups:
            group["lr"] = _rate(step, settings)
        batch = coming.result()
        coming = maker.submit(_batch, sources, settings, step + 1)
        network.train()
        losses = learn(network, {name: value.to(device) for name, value in batch.items()})
        loss = sum(losses.values(), torch.zeros((), device=device))
        if not torch.isfinite(loss):
            torch.save(batch, out / "bad-batch.pt")
            raise ArithmeticError(f"the loss of step {step} is not finite; its batch is in {out / 'bad-batch.pt'}")
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        average.update_parameters(network)
        step += 1
        stopping = minutes is not None and time.monotonic() - start > 60 * minutes
        if step % settings.validate_every == 0 or step == settings.steps or stopping:
            overlap, order = validate(average.module, sources, device)
            found = {f"{name}_loss": round(float(value.detach()), 4) for name, value in losses.items()}
            record = {
                "step": step,
                "minutes": round((time.monotonic() - start) / 60, 2),
                **found,
                "iou": overlap,
                "order": order,
            }
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps(record) + "\n")
            tell(json.dumps(record))
            better = overlap + order >= best
            best = max(best, overlap + order)
            state = {
                "network": network.state_dict(),
                "average": average.state_dict(),
                "optimiser": optimiser.state_dict(),
                "step": step,
                "best": best,
                "settings": asdict(settings),
            }
            _save(state, out / "last.pt")
            if better:
                weights = average.module.state_dict()
                _save({"network": weights, "record": record, "settings": asdict(settings)}, out / "best.pt")
        if stopping:
            break
    maker.shutdown(cancel_futures=True)
    return out / "best.pt"


def learn(network: torch.nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Find the losses of one batch."""
    picture = batch["picture"].to(memory_format=torch.channels_last)
    with torch.autocast(picture.device.type, torch.bfloat16):
        found = network(picture)
    dioptres, logits = (value.float() for value in found)
    drawn = batch["depth_known"].flatten(1).any(dim=1)
    ordered = batch["near"].flatten(1).any(dim=1) & batch["far"].flatten(1).any(dim=1)
    told = batch["matte_known"].flatten(1).any(dim=1)
    losses = {"matte": 2 * matte_loss(logits[told], batch["matte"][told], batch["matte_known"][told]).mean()}
    if drawn.any():
        depth = depth_loss(dioptres[drawn], batch["dioptres"][drawn], batch["depth_known"][drawn])
        losses["depth"] = depth.sum() / len(dioptres)
    if ordered.any():
        order = order_loss(dioptres[ordered], batch["near"][ordered], batch["far"][ordered])
        losses["order"] = 0.3 * order.sum() / len(dioptres)
    pointed = batch["points"][..., 2].any(dim=1)
    if pointed.any():
        losses["points"] = point_loss(dioptres[pointed], batch["points"][pointed]).sum() / len(dioptres)
    return losses


def validate(network: torch.nn.Module, sources: Sources, device: torch.device) -> tuple[float, float]:
    """Look at what was kept back.

    Returns:
        Mean intersection over union of mattes, and the share of pairs of labelled points, a quarter apart in distance,
        that stand in the right order. Either is 0 where nothing was kept back.
    """
    network.eval()
    overlaps, orders = [], []
    for subject in sources.held_out:
        batch = _stack([whole_photo(subject, _whole(subject))])
        logits = _seen(network, batch, device)[1]
        known = batch["matte_known"] > 0.5
        ours, theirs = (logits > 0) & known, (batch["matte"] > 0.5) & known
        union = int((ours | theirs).sum())
        overlaps.append(int((ours & theirs).sum()) / union if union else 1.0)
    for labelled in sources.labelled_held_out:
        batch = _stack([labelled_sample(labelled, _whole(labelled.picture))])
        dioptres = _seen(network, batch, device)[0][0, 0].numpy()
        points = batch["points"][0].numpy()
        points = points[points[:, 2] > 0]
        rows, columns = (np.minimum(points[:, k] * dioptres.shape[1 - k], dioptres.shape[1 - k] - 1) for k in (1, 0))
        values, logs = dioptres[rows.astype(int), columns.astype(int)], np.log(points[:, 2])
        apart = logs[:, None] - logs[None] > np.log(1.25)
        if apart.any():
            orders.append(float((values[:, None] < values[None])[apart].mean()))
    return tuple(round(float(np.mean(found)), 4) if found else 0.0 for found in (overlaps, orders))  # type: ignore[return-value]


def _whole(picture: np.ndarray) -> tuple[int, int]:
    """Find the size, multiples of 32 up to 192, at which a whole picture is looked at."""
    width, height = (max(32, round(picture.shape[axis] / max(picture.shape) * 6) * 32) for axis in (1, 0))
    return width, height


def _seen(network: torch.nn.Module, batch: dict[str, Tensor], device: torch.device) -> list[Tensor]:
    with torch.no_grad():
        return [value.cpu() for value in network(batch["picture"].to(device))]


def _average(average: Tensor, value: Tensor, count: Tensor | int) -> Tensor:
    """Follow the weights slowly, but not at the start."""
    weight = 1 - min(0.998, float((1 + count) / (10 + count)))
    return average + (value - average) * weight


def _rate(step: int, settings: Settings) -> float:
    """Rise over 200 steps, then fall as a cosine."""
    rise = min(1.0, (step + 1) / 200)
    return settings.rate * rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / settings.steps)))


def _batch(sources: Sources, settings: Settings, step: int) -> dict[str, Tensor]:
    """Make the batch of a step, which seed and step alone decide."""
    rng = np.random.default_rng((settings.seed, step))
    sizes = SMALL if step < SMALL_SHARE * settings.steps else LARGE
    size = sizes[rng.integers(len(sizes))]
    return _stack([make_sample(sources, size, rng) for _ in range(settings.batch)])


def _stack(samples: list[Sample]) -> dict[str, Tensor]:
    """Bring samples into tensors: pictures whole, maps at half the size, as the network gives them."""
    pictures = np.stack([sample.picture for sample in samples]).transpose(0, 3, 1, 2)
    batch = {"picture": torch.from_numpy(np.ascontiguousarray(pictures))}
    for name in FIELDS:
        maps = np.stack([np.asarray(getattr(sample, name), np.float32) for sample in samples])[:, None]
        halves = maps.reshape(len(maps), 1, maps.shape[2] // 2, 2, maps.shape[3] // 2, 2)
        smaller = halves.min(axis=(3, 5)) if name in ("depth_known", "near", "far") else halves.mean(axis=(3, 5))
        batch[name] = torch.from_numpy(np.ascontiguousarray(smaller))
    batch["points"] = torch.from_numpy(np.stack([sample.points for sample in samples]).astype(np.float32))
    batch["matte_known"] = (batch["matte_known"] > 0.99).float()
    return batch


def _save(state: dict[str, Any], path: Path) -> None:
    """Write whole or not at all."""
    unfinished = path.with_suffix(".unfinished")
    torch.save(state, unfinished)
    unfinished.replace(path)
