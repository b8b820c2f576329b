"""Realistic bokeh from one ordinary photo."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wideopen.errors import DepthError as DepthError
    from wideopen.errors import FocusError as FocusError
    from wideopen.errors import OpticsError as OpticsError
    from wideopen.errors import PhotoError as PhotoError
    from wideopen.errors import WideopenError as WideopenError
    from wideopen.optics import DefocusMap as DefocusMap
    from wideopen.optics import DepthMap as DepthMap
    from wideopen.optics import Lens as Lens
    from wideopen.photo import Photo as Photo
    from wideopen.photo import read as read
    from wideopen.renderer import Renderer as Renderer
    from wideopen.renderer import identity as identity
    from wideopen.renderer.iris import Iris as Iris
    from wideopen.renderer.lens import LensRenderer as LensRenderer
    from wideopen.renderer.lens import render as render
    from wideopen.scene import Focus as Focus
    from wideopen.scene import FocusRange as FocusRange
    from wideopen.scene import Scene as Scene

_HOMES = {
    "wideopen.errors": ("DepthError", "FocusError", "OpticsError", "PhotoError", "WideopenError"),
    "wideopen.optics": ("DefocusMap", "DepthMap", "Lens"),
    "wideopen.photo": ("Photo", "read"),
    "wideopen.renderer": ("Renderer", "identity"),
    "wideopen.renderer.iris": ("Iris",),
    "wideopen.renderer.lens": ("LensRenderer", "render"),
    "wideopen.scene": ("Focus", "FocusRange", "Scene"),
}
__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that `wideopen --help` does not wait for compilers."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'wideopen' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
