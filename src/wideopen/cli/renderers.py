"""The renderer that a name and the options of a command describe."""

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from wideopen.cli.zoo import renderer_of
from wideopen.errors import PhotoError, WideopenError

if TYPE_CHECKING:
    from wideopen.renderer import Renderer
    from wideopen.renderer.iris import Iris
    from wideopen.renderer.lens import LensRenderer


def named_renderer(name: str, settings: dict[str, Any]) -> "Renderer":
    """Make the renderer that the options describe; a setting that cannot be is bad usage."""
    from wideopen.renderer import identity
    from wideopen.renderer.gaussian import GaussianRenderer

    if name not in ("lens", "identity", "gaussian"):
        return renderer_of(name, settings)
    if settings.pop("saliency") is not None:
        raise click.UsageError("--saliency is for networks that need it; give a checkpoint of one")
    del settings["device"], settings["precision"]
    look = settings.pop("look")
    try:
        renderer = _lens(settings) if look is None else _looking(look, settings)
    except PhotoError:
        raise
    except WideopenError as error:
        raise click.UsageError(str(error)) from error
    plain: dict[str, Renderer] = {"lens": renderer, "identity": identity, "gaussian": GaussianRenderer()}
    return plain[name]


def _lens(settings: dict[str, Any]) -> "LensRenderer":
    from wideopen.renderer.iris import Iris
    from wideopen.renderer.lens import LensRenderer
    from wideopen.scene import Focus, FocusRange

    preset, in_focus = settings.pop("preset"), settings.pop("in_focus")
    return LensRenderer(
        focus=Focus.parse(settings.pop("focus")),
        in_focus=None if in_focus is None else FocusRange.parse(in_focus),
        iris=_iris(Iris() if preset is None else Iris.of_preset(preset), settings.pop("iris_file"), settings),
        **settings,
    )


def _looking(file: Path, settings: dict[str, Any]) -> "LensRenderer":
    """Make the renderer of a look, changed by what was given on the command line."""
    from wideopen.renderer.iris import Iris
    from wideopen.renderer.look import read_look
    from wideopen.scene import Focus, FocusRange

    renderer = read_look(file).renderer()
    given = _given(settings)
    if "focus" in given or "in_focus" in given:
        renderer = replace(renderer, focus=Focus(), in_focus=None)
    changes: dict[str, Any] = {key: value for key, value in given.items() if hasattr(renderer, key)}
    if "focus" in given:
        changes["focus"] = Focus.parse(given["focus"])
    if "in_focus" in given:
        changes["in_focus"] = FocusRange.parse(given["in_focus"])
    iris = Iris.of_preset(given["preset"]) if "preset" in given else renderer.iris
    return replace(renderer, **changes, iris=_iris(iris, settings["iris_file"], settings))


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    context = click.get_current_context()
    return {
        key: value for key, value in settings.items() if context.get_parameter_source(key) != ParameterSource.DEFAULT
    }


def random_renderer(name: str, settings: dict[str, Any]) -> "Renderer":
    """Make the renderer of a solution with random weights, which are enough to time it."""
    return renderer_of(name, settings, random_weights=True)


def _iris(iris: "Iris", picture: Path | None, settings: dict[str, Any]) -> "Iris":
    """Change an iris by what was given on the command line, and take its settings out."""
    from wideopen.renderer.iris import read_iris

    taken = {field.name: settings.pop(field.name) for field in fields(iris) if field.name in settings}
    given = _given(taken)
    if picture is not None:
        given["picture"] = read_iris(picture)
    elif given.keys() & {"blades", "curvature"}:
        given["picture"] = None
    return replace(iris, **given)
