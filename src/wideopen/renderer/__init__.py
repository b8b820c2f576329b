"""Renderer: anything that turns a photo into a photo of the same size."""

from wideopen.renderer.renderer import Renderer as Renderer
from wideopen.renderer.renderer import identity as identity
