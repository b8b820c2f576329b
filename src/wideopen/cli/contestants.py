"""What a command scores or times: a renderer by name, a checkpoint, a solution, or a folder of pictures."""

import difflib
import os
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from wideopen.cli.options import LENS_OPTIONS
from wideopen.cli.renderers import named_renderer, random_renderer
from wideopen.cli.zoo import RUN_OPTIONS
from wideopen.errors import RequestError

if TYPE_CHECKING:
    from wideopen.pairs.pair import Pair
    from wideopen.renderer import Renderer
    from wideopen.score.contestant import Contestant
    from wideopen.score.score import Score
    from wideopen.score.timing import Timing

PLAIN = ("identity", "gaussian", "lens")


@dataclass(frozen=True)
class Entrant:
    """A contestant, and what a Score says of it beforehand."""

    solution: str
    contestant: "Contestant"
    track: str
    device: str
    jobs: int
    """Pictures at a time, where nothing else is asked for."""
    renderer: "Renderer | None" = None
    """What can be timed."""
    checkpoint: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    unranked: str = ""

    def draft(self, **known: Any) -> "Score":  # noqa: ANN401
        """The Score without figures."""
        from wideopen.score import provenance
        from wideopen.score.score import Score

        return Score(
            solution=self.solution,
            track=self.track,
            origin="measured",
            device=self.device,
            checkpoint=self.checkpoint,
            commit=provenance.commit(),
            date=datetime.now(UTC).date().isoformat(),
            command=provenance.command(),
            unranked=self.unranked,
            settings=self.settings,
            **known,
        )


def entrant(what: str, pairs: Sequence["Pair"], settings: dict[str, Any], *, random_weights: bool = False) -> Entrant:
    """Find out what is scored.

    Args:
        what: As the command line takes it.
        pairs: That a folder of pictures is checked against; without any a folder is refused.
        settings: Of the lens, the networks, and `name`, `track`, `checkpoint`, `given_depth`, `given_focus`.
        random_weights: Whether a solution may do without weights.

    Raises:
        UsageError: If there is nothing of the kind, or settings do not go with it.
        RequestError: If a folder does not answer the pairs.
    """
    name, track, checkpoint = (settings.pop(key) for key in ("name", "track", "checkpoint"))
    given_depth, given_focus = settings.pop("given_depth"), settings.pop("given_focus")
    if Path(what).is_dir() and not pairs:
        raise click.UsageError(f"{what} is a folder of pictures, which takes no time")
    if Path(what).is_dir():
        return _folder(Path(what), pairs, name, track, checkpoint)
    from wideopen.score.contestant import Rendering
    from wideopen.score.machine import machine

    stated = _stated()
    if random_weights and checkpoint is None and what in _names():
        named: tuple[Renderer, str, str | None] = (random_renderer(what, settings), what, "random weights")
    else:
        named = _renderer(what, checkpoint, settings)
    renderer, solution, record = named
    hints = [hint for hint, given in (("depth", given_depth), ("focus", given_focus)) if given]
    if hints and not hasattr(renderer, "depth"):
        raise click.UsageError(f"{what} takes no depth and no focus; leave out --given-{hints[0]}")
    if given_focus and what != "lens":
        raise click.UsageError("--given-focus is for the lens; networks find their own")
    device = str(settings.get("device", "cpu"))
    network = hasattr(renderer, "network")
    return Entrant(
        solution=name or solution,
        contestant=Rendering(renderer, given_depth=given_depth, given_focus=given_focus),
        track=track or ("cuda" if device.startswith("cuda") else "cpu"),
        device=machine(device).says(),
        jobs=1 if network else os.cpu_count() or 1,
        renderer=renderer,
        checkpoint=record,
        settings=stated | {f"given_{hint}": True for hint in hints} | ({"sigma_px": 3.0} if what == "gaussian" else {}),
        unranked=_given(hints),
    )


def _given(hints: Sequence[str]) -> str:
    """Why a row with hints is out of the ranking."""
    return f"{' and '.join(hints)} {'was' if len(hints) == 1 else 'were'} given, not found" if hints else ""


def timed_entrant(what: str, settings: dict[str, Any]) -> Entrant:
    """Find out what is timed; a solution may do without weights, for its time does not depend on them."""
    return entrant(what, [], settings | {"given_depth": False, "given_focus": False}, random_weights=True)


def timing_of(entry: Entrant, runtime: str = "torch", **settings: Any) -> "Timing":  # noqa: ANN401
    """Time a contestant's renderer in a process of its own.

    Raises:
        UsageError: If another runtime than torch is asked for what is no network.
        RequestError: If the runtime is not there.
    """
    from wideopen.score.backends import time_by
    from wideopen.score.runtime import time_in_process

    # As bytes, so that the fresh process loads nothing before its clock runs.
    make = partial(pickle.loads, pickle.dumps(entry.renderer))
    if hasattr(entry.renderer, "network"):
        return time_by(make, runtime, **settings)
    if runtime != "torch":
        raise click.UsageError(f"--runtime is for networks; {entry.solution} is none")
    return time_in_process(make, **settings)


def _renderer(what: str, checkpoint: Path | None, settings: dict[str, Any]) -> tuple["Renderer", str, str | None]:
    """A renderer, what it is called, and the record of its weights."""
    names = _names()
    if what in PLAIN:
        if checkpoint is not None:
            raise click.UsageError(f"{what} has no weights; leave out --checkpoint")
        return named_renderer(what, settings), what, None
    if what in names and checkpoint is None:
        raise click.UsageError(
            f"wideopen has no weights of {what}; give a checkpoint of `wideopen train {what}` or `wideopen convert` by "
            "--checkpoint FILE"
        )
    if what not in names and not what.endswith(".safetensors"):
        near = difflib.get_close_matches(what, [*PLAIN, *names], n=1)
        hint = f", perhaps {near[0]}" if near else ""
        raise click.UsageError(
            f"there is no renderer, checkpoint or folder '{what}'{hint}; give {', '.join(PLAIN)}, a solution with "
            "--checkpoint, a .safetensors file, or a folder of pictures"
        )
    file = Path(what) if checkpoint is None else checkpoint
    renderer: Any = named_renderer(str(file), settings)
    if what in names and renderer.solution.name != what:
        raise RequestError(f"{file} holds weights of {renderer.solution.name}, not of {what}")
    from wideopen.score.provenance import sha256_of

    return renderer, renderer.solution.name, f"{file.name} sha256:{sha256_of(file)}"


def _names() -> list[str]:
    from wideopen.zoo.catalog import SOLUTIONS

    return [each.name for each in SOLUTIONS]


def _folder(folder: Path, pairs: Sequence["Pair"], name: str | None, track: str | None, file: Path | None) -> Entrant:
    from wideopen.score.contestant import Pictures
    from wideopen.score.submission import pictures_of

    if file is not None or _stated():
        raise click.UsageError(f"{folder} is a folder of pictures, which no option of a renderer changes; leave it out")
    return Entrant(
        solution=name or folder.resolve().name,
        contestant=Pictures(pictures_of(folder, pairs)),
        track=track or "cpu",
        device="not run here: pictures made before",
        jobs=os.cpu_count() or 1,
    )


def _stated() -> dict[str, Any]:
    """Settings of renderers that were given on the command line; of files their names and checksums."""
    from wideopen.score.provenance import sha256_of

    context = click.get_current_context()
    named = {each.name for each in _params(LENS_OPTIONS + RUN_OPTIONS)}
    stated: dict[str, Any] = {}
    for key, value in context.params.items():
        if key not in named or context.get_parameter_source(key) != ParameterSource.COMMANDLINE:
            continue
        file = Path(str(value))
        is_file = key in ("depth", "iris_file", "saliency") and file.is_file()
        stated[key] = f"{file.name} sha256:{sha256_of(file)}" if is_file else value
    return stated


def _params(options: Sequence[Any]) -> list[click.Parameter]:
    """The parameters that a row of options makes."""

    def command() -> None:
        """Carry options."""

    for option in options:
        option(command)
    return list(command.__click_params__)  # type: ignore[attr-defined]
