"""Inside: what processes of the sandbox do with a submission; they know nothing of teams, and of the truth nothing."""

import json
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from wideopen.challenge.plan import Kind, Limits, Phase
from wideopen.errors import RequestError, WideopenError
from wideopen.typed import made

REFUSED, OURS, HUNGRY = 2, 3, 4
"""How they end where a team can mend what is wrong, where only the organiser can, and for want of memory."""
SAYS = "wideopen: "
"""Begins the line that says why."""
_LACK = re.compile(r"alloc|out of memory|more memory", re.IGNORECASE)


def look(readable: Sequence[str]) -> None:
    """See that files can be read which should be.

    Raises:
        OSError: If one cannot.
    """
    for each in readable:
        with Path(each).open("rb") as file:
            file.read(1)


def open_pictures(archive: Path, into: Path, folder: Path, phase: Phase, limits: Limits, name: str) -> None:
    """Look at a zip of pictures once more, and unpack it.

    Raises:
        RequestError: If it is not what the phase asks for.
    """
    from wideopen.challenge.intake import inspect, unpack

    print(inspect(archive, "pictures", phase, folder, limits, name=name))
    unpack(archive, into, limits)


def open_model(file: Path, into: Path, folder: Path, phase: Phase, limits: Limits, name: str) -> None:
    """Look at a model once more, and copy it so that it can be run.

    Raises:
        RequestError: If it cannot be run here.
    """
    from wideopen.challenge.intake import inspect
    from wideopen.challenge.model_head import runnable

    print(inspect(file, "model", phase, folder, limits, name=name))
    if into.suffix == ".onnx":
        runnable(file, into)
    else:
        shutil.copyfile(file, into)


def render(model: Path, inputs: Sequence[tuple[str, str]], out: Path) -> None:
    """Render all inputs by a model, each into a PNG under its name.

    Raises:
        RequestError: If the model cannot be loaded or run, or changes the size.
    """
    from wideopen.photo import Photo, read

    renderer = renderer_of(model)
    out.mkdir()
    for number, (name, path) in enumerate(inputs, 1):
        print(f"{number} of {len(inputs)}: {name}", flush=True)
        photo = read(Path(path))
        found = renderer(photo)
        if found.size != photo.size:
            raise RequestError(
                f"{model.name} makes {found.size[0]}x{found.size[1]} of {name}, which is "
                f"{photo.size[0]}x{photo.size[1]}; a renderer keeps the size"
            )
        Photo(pixels=found.pixels).save(out / f"{name}.png")


def renderer_of(model: Path) -> Any:  # noqa: ANN401
    """Load a model as the command line does."""
    if model.suffix != ".safetensors":
        from wideopen.export.renderer import FileRenderer, load_runner

        return FileRenderer(load_runner(model))
    from wideopen.zoo.checkpoint import load
    from wideopen.zoo.run import SolutionRenderer, prepared

    found, network = load(model)[:2]
    return prepared(SolutionRenderer(found, network))


def step(kind: Kind | Literal["look"], **given: Any) -> None:  # noqa: ANN401
    """Open a submission; of a model, render all that the phase asks about. Or see what can be read here."""
    try:
        look(given["readable"])
    except OSError as error:
        _end(f"a sandbox may not read {error.filename} ({error.strerror}); let the files be the worker's own", OURS)
    if kind == "look":
        return
    phase: Phase = made(Phase, given["phase"], "phase")
    limits: Limits = made(Limits, given["limits"], "limits")
    file, into, folder = (Path(given[name]) for name in ("file", "into", "folder"))
    if kind == "pictures":
        open_pictures(file, into, folder, phase, limits, given["name"])
        return
    open_model(file, into, folder, phase, limits, given["name"])
    if given["inputs"]:
        render(into, given["inputs"], Path(given["out"]))


def lacks_memory(error: BaseException | None) -> bool:
    """Tell whether memory ran out, in whatever words a runtime says so."""
    while error is not None:
        if isinstance(error, MemoryError) or _LACK.search(str(error)):
            return True
        error = error.__cause__
    return False


def _end(text: str, code: int) -> None:
    sys.stdout.flush()
    print(SAYS + " ".join(text.split()), file=sys.stderr, flush=True)
    sys.exit(code)


if __name__ == "__main__":
    try:
        step(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    except WideopenError as error:
        _end(str(error), HUNGRY if lacks_memory(error) else REFUSED if isinstance(error, RequestError) else 1)
    except MemoryError:
        _end("there is not so much memory", HUNGRY)
