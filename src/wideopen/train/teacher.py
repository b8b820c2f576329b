"""Teacher: a network at one stage of its recipe, and what one step does to it."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from wideopen.errors import RequestError
from wideopen.train.adversary import Critics, adversarial_loss, constrain, critic_loss, double_critic
from wideopen.train.losses import LOSSES
from wideopen.train.recipe import Stage
from wideopen.train.vgg import perceptual
from wideopen.train.views import VIEWS, target_for
from wideopen.zoo.solution import Solution

Loss = Callable[..., Tensor]


class Teacher:
    """Holds what a stage changes: the network, its mean, the critics, and their optimisers."""

    def __init__(
        self,
        solution: Solution,
        network: nn.Module,
        stage: Stage,
        steps: int,
        *,
        device: str,
        vgg: Path | None,
        random_vgg: bool,
        bfloat16: bool,
    ) -> None:
        """Prepare a stage; `refuse_impossible` says whether it can be."""
        self.solution, self.network, self.stage, self.steps = solution, network.to(device), stage, steps
        self.device, self.bfloat16 = device, bfloat16
        self.losses: list[tuple[float, Loss]] = []
        for term in stage.losses:
            loss = LOSSES.get(term.loss) or perceptual(vgg, allow_random=random_vgg).to(device)
            self.losses.append((term.weight, loss))
        learning = []
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name.startswith(stage.learns))
            learning += [parameter] if parameter.requires_grad else []
        self.optimiser = torch.optim.Adam(learning, lr=stage.rate, betas=stage.betas)
        self.mean = None
        if stage.average is not None:
            averaging = torch.optim.swa_utils.get_ema_multi_avg_fn(stage.average)  # type: ignore[no-untyped-call]
            self.mean = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=averaging, use_buffers=True)
        self.critics: Critics | None = None
        if stage.adversary is not None:
            self.critics = double_critic().to(device)
            settings = stage.adversary
            self.critics_optimiser = torch.optim.Adam(self.critics.parameters(), lr=settings.rate, betas=settings.betas)
        self.asked: Any = _Asked(network, stage.view)
        self.scored: Any = self.critics
        if torch.distributed.is_initialized():
            self.asked = DistributedDataParallel(self.asked, find_unused_parameters=True)
            if self.critics is not None:
                self.scored = _Penalised(self.critics, settings)
                self.scored = DistributedDataParallel(self.scored)
        elif self.critics is not None:
            self.scored = _Penalised(self.critics, settings)

    @property
    def judged(self) -> nn.Module:
        """What is validated and kept: the mean of the weights, if there is one."""
        return self.network if self.mean is None else self.mean.module

    def step(self, batch: dict[str, np.ndarray], done: int) -> float:
        """Learn from a batch of a `PairSet`; `done` steps of the stage went before. Returns the loss."""
        low, high = self.solution.value_range
        _set_modes(self.network)
        picture, wanted = (self._tensor(batch[name]) * (high - low) + low for name in ("original", "bokeh"))
        maps = {"depth": "depth", "saliency": "matte"}
        guides = [self._tensor(batch[maps[need]][..., None]) * high for need in self.solution.needs]
        for group in self.optimiser.param_groups:
            group["lr"] = self.stage.rate * factor(self.stage, done / self.steps)
        kind = self.device.partition(":")[0]
        with torch.autocast(kind, torch.bfloat16, enabled=self.bfloat16):
            found = self.asked(picture, guides)
        found = found.float()
        wanted = target_for(found, wanted)
        loss = sum((weight * one(found, wanted, span=high - low) for weight, one in self.losses), found.new_zeros(()))
        if self.critics is not None and self.stage.adversary is not None:
            scaled, truth = ((each - low) / (high - low) * 2 - 1 for each in (found, wanted))
            self._teach_critics(scaled.detach(), truth)
            self.critics.requires_grad_(False)
            loss = loss + self.stage.adversary.weight * adversarial_loss(self.critics, scaled)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.critics is not None:
            self.critics.requires_grad_(True)
        if self.stage.most_gradient is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.stage.most_gradient)
        value = float(loss.detach())
        if np.isfinite(value):
            self.optimiser.step()
            if self.mean is not None:
                self.mean.update_parameters(self.network)
        return value

    def _teach_critics(self, found: Tensor, wanted: Tensor) -> None:
        assert self.critics is not None
        self.critics_optimiser.zero_grad(set_to_none=True)
        self.scored(found, wanted).backward()
        self.critics_optimiser.step()
        if self.stage.adversary is not None and self.stage.adversary.constrained:
            constrain(self.critics)

    def _tensor(self, values: np.ndarray) -> Tensor:
        """From (n, h, w, c) to (n, c, h, w) on the device."""
        return torch.from_numpy(np.ascontiguousarray(values.transpose(0, 3, 1, 2))).to(self.device)

    def state(self) -> dict[str, Any]:
        """All that a stopped run needs to go on."""
        kept = {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}
        if self.mean is not None:
            kept["mean"] = self.mean.state_dict()
        if self.critics is not None:
            kept |= {"critics": self.critics.state_dict(), "critics_optimiser": self.critics_optimiser.state_dict()}
        return kept

    def restore(self, kept: dict[str, Any]) -> None:
        """Take what `state` gave."""
        self.network.load_state_dict(kept["network"])
        self.optimiser.load_state_dict(kept["optimiser"])
        if self.mean is not None:
            self.mean.load_state_dict(kept["mean"])
        if self.critics is not None:
            self.critics.load_state_dict(kept["critics"])
            self.critics_optimiser.load_state_dict(kept["critics_optimiser"])


class _Asked(nn.Module):
    """A network, asked for one of its pictures; a module, for processes that share a batch wrap one."""

    def __init__(self, network: nn.Module, view: str) -> None:
        super().__init__()
        self.network, self.view = network, view

    def forward(self, picture: Tensor, guides: list[Tensor]) -> Tensor:
        return VIEWS[self.view](self.network, picture, guides)


class _Penalised(nn.Module):
    """Critics and their loss; a module for the same reason."""

    def __init__(self, critics: Critics, settings: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.critics, self.settings = critics, settings

    def forward(self, found: Tensor, wanted: Tensor) -> Tensor:
        return critic_loss(self.critics, found, wanted, self.settings)


def refuse_impossible(
    solution: Solution, network: nn.Module, stages: Sequence[Stage], *, vgg: Path | None, random_vgg: bool
) -> None:
    """Look through all stages before the first begins, so that none stops a run days later.

    Raises:
        RequestError: If a stage names a loss, view or part that is not there, or needs weights that are not.
    """
    names = [name for name, _ in network.named_parameters()]
    for stage in stages:
        if stage.view not in VIEWS:
            raise RequestError(f"stage {stage.name} judges {stage.view!r}; there are {', '.join(VIEWS)}")
        for term in stage.losses:
            if term.loss not in {*LOSSES, "vgg19"}:
                raise RequestError(f"there is no loss {term.loss!r}; there are {', '.join([*LOSSES, 'vgg19'])}")
        if not any(name.startswith(stage.learns) for name in names):
            raise RequestError(f"stage {stage.name} learns {stage.learns}, and {solution.name} has no such part")
    if any(term.loss == "vgg19" for stage in stages for term in stage.losses):
        perceptual(vgg, allow_random=random_vgg)


def _set_modes(network: nn.Module) -> None:
    """Let what learns train; frozen parts keep still, their statistics and dropout too."""
    network.train()
    for part in network.modules():
        parameters = list(part.parameters())
        if parameters and not any(each.requires_grad for each in parameters):
            part.eval()


def factor(stage: Stage, share: float) -> float:
    """What the rate is multiplied by when a share of the stage is done."""
    marks = [(0.0, 1.0), *sorted(stage.decay), (float("inf"), 0.0)]
    return next(value for (start, value), (end, _) in pairwise(marks) if start <= share < end)
