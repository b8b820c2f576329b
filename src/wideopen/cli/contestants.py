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
    contestant: "Contestant | None"
    """None where it can only be timed."""
    track: str
    device: str
    jobs: int
    """Pictures at a time, where nothing else is asked for."""
    renderer: "Renderer | None" = None
    """What can be timed."""
    checkpoint: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    unranked: str = ""
    file: Path | None = None
    """An exported file that it runs."""

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
    exported = hasattr(renderer, "runner")
    network = exported or hasattr(renderer, "network")
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
        file=Path(what) if exported else None,
    )


def _given(hints: Sequence[str]) -> str:
    """Why a row with hints is out of the ranking."""
    return f"{' and '.join(hints)} {'was' if len(hints) == 1 else 'were'} given, not found" if hints else ""


def timed_entrant(what: str, settings: dict[str, Any]) -> Entrant:
    """Find out what is timed; a solution may do without weights, for its time does not depend on them."""
    return entrant(what, [], settings | {"given_depth": False, "given_focus": False}, random_weights=True)


def timing_of(entry: Entrant, runtime: str | None = None, **settings: Any) -> "Timing":  # noqa: ANN401
    """Time a contestant's renderer in a process of its own.

    Raises:
        UsageError: If another runtime than torch is asked for what is no network.
        RequestError: If the runtime is not there.
    """
    from wideopen.score.backends import time_by
    from wideopen.score.runtime import time_in_process

    if entry.file is not None:
        return time_in_process(partial(file_renderer, entry.file, runtime or "auto", settings["threads"]), **settings)
    # As bytes, so that the fresh process loads nothing before its clock runs.
    make = partial(pickle.loads, pickle.dumps(entry.renderer))
    if hasattr(entry.renderer, "network"):
        return time_by(make, runtime or "torch", **settings)
    if runtime not in (None, "torch"):
        raise click.UsageError(f"--runtime is for networks; {entry.solution} is none")
    return time_in_process(make, **settings)


def file_renderer(file: Path, runtime: Any, threads: int | None) -> "Renderer":  # noqa: ANN401
    """The renderer of an exported file, for a process that times it."""
    from wideopen.export.renderer import FileRenderer, load_runner

    return FileRenderer(load_runner(file, runtime, threads=threads))


def timing_on_phone(
    what: str, settings: dict[str, Any], *, benchmark: Path | None, fallback: bool, repeats: int
) -> "tuple[Entrant, Timing]":
    """Time a LiteRT file on a phone, its answer compared with that of the CPU here.

    Raises:
        UsageError: If there is no such file, or no tool.
        RequestError: What the phone refuses.
    """
    from wideopen.export.litert_file import LiteRtRunner, litert_metadata
    from wideopen.export.parity import as_guides, as_picture
    from wideopen.export.phone import time_on_phone
    from wideopen.score.provenance import sha256_of
    from wideopen.score.runtime import timing_photo
    from wideopen.zoo.guides import guides_of

    file, device = Path(what), str(settings["device"])
    if file.suffix.lower() != ".tflite":
        raise click.UsageError("a phone runs .tflite files; make one by wideopen export --to litert")
    if benchmark is None:
        raise click.UsageError("a phone needs the official benchmark_model, --benchmark FILE; docs/phones.md says more")
    about = litert_metadata(file)
    photo = timing_photo(about.size_px)
    inputs = [as_picture(photo), *as_guides(guides_of(photo, about.needs))]
    timing = time_on_phone(
        file,
        device,
        benchmark=benchmark,
        size_px=about.size_px,
        inputs=inputs,
        expected=lambda: LiteRtRunner(file)(*inputs),
        repeats=repeats,
        fallback=fallback,
        progress=lambda text: click.echo(text, err=True),
    )
    entry = Entrant(
        solution=settings["name"] or about.solution,
        contestant=None,
        track=settings["track"] or "gpu",
        device=timing.device,
        jobs=1,
        checkpoint=f"{file.name} sha256:{sha256_of(file)}",
    )
    return entry, timing


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
    if what not in names and not what.lower().endswith((".safetensors", ".onnx", ".tflite")):
        near = difflib.get_close_matches(what, [*PLAIN, *names], n=1)
        hint = f", perhaps {near[0]}" if near else ""
        raise click.UsageError(
            f"there is no renderer, checkpoint or folder '{what}'{hint}; give {', '.join(PLAIN)}, a solution with "
            "--checkpoint, a .safetensors file, or a folder of pictures"
        )
    from wideopen.score.provenance import sha256_of

    file = Path(what) if checkpoint is None else checkpoint
    renderer: Any = named_renderer(str(file), settings)
    if hasattr(renderer, "runner"):
        return renderer, renderer.runner.metadata.solution, f"{file.name} sha256:{sha256_of(file)}"
    if what in names and renderer.solution.name != what:
        raise RequestError(f"{file} holds weights of {renderer.solution.name}, not of {what}")
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
        is_file = key in ("depth", "iris_file", "saliency", "look") and file.is_file()
        stated[key] = f"{file.name} sha256:{sha256_of(file)}" if is_file else value
    return stated


def _params(options: Sequence[Any]) -> list[click.Parameter]:
    """The parameters that a row of options makes."""

    def command() -> None:
        """Carry options."""

    for option in options:
        option(command)
    return list(command.__click_params__)  # type: ignore[attr-defined]
