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


def named_renderer(name: str, settings: dict[str, Any]) -> "Renderer":
    """Make the renderer that the options describe; a setting that cannot be is bad usage."""
    from wideopen.renderer import identity
    from wideopen.renderer.gaussian import GaussianRenderer
    from wideopen.renderer.lens import LensRenderer
    from wideopen.scene import Focus, FocusRange

    if name not in ("lens", "identity", "gaussian"):
        return renderer_of(name, settings)
    if settings.pop("saliency") is not None:
        raise click.UsageError("--saliency is for networks that need it; give a checkpoint of one")
    del settings["device"], settings["precision"]
    in_focus = settings.pop("in_focus")
    try:
        renderer = LensRenderer(
            focus=Focus.parse(settings.pop("focus")),
            in_focus=None if in_focus is None else FocusRange.parse(in_focus),
            iris=_iris(settings.pop("preset"), settings.pop("iris_file"), settings),
            **settings,
        )
    except PhotoError:
        raise
    except WideopenError as error:
        raise click.UsageError(str(error)) from error
    plain: dict[str, Renderer] = {"lens": renderer, "identity": identity, "gaussian": GaussianRenderer()}
    return plain[name]


def random_renderer(name: str, settings: dict[str, Any]) -> "Renderer":
    """Make the renderer of a solution with random weights, which are enough to time it."""
    return renderer_of(name, settings, random_weights=True)


def _iris(preset: str | None, picture: Path | None, settings: dict[str, Any]) -> "Iris":
    """Make the iris of a preset, changed by what was given on the command line, and take its settings out."""
    from wideopen.renderer.iris import Iris, read_iris

    taken = {field.name: settings.pop(field.name) for field in fields(Iris) if field.name in settings}
    context = click.get_current_context()
    given = {key: value for key, value in taken.items() if context.get_parameter_source(key) != ParameterSource.DEFAULT}
    if picture is not None:
        given["picture"] = read_iris(picture)
    elif given.keys() & {"blades", "curvature"}:
        given["picture"] = None
    return replace(Iris() if preset is None else Iris.of_preset(preset), **given)
