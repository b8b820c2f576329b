"""The stage: a scene that collects meshes and lamps, and the few materials they are made of.

The camera stands at the origin and looks along +y; x to the right, z up; metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import mitsuba as mi
import numpy as np
from shapes import Mesh

TABLE_M = -0.17
GROUND_M = TABLE_M - 0.74
AMBER, WARM, WHITE, COOL = (1.0, 0.46, 0.09), (1.0, 0.64, 0.28), (1.0, 0.86, 0.66), (0.55, 0.78, 1.0)
RED, GREEN, ROSE = (1.0, 0.10, 0.05), (0.16, 1.0, 0.42), (1.0, 0.30, 0.42)


@dataclass(frozen=True)
class Lamp:
    """A ball that shines evenly; ``radiance`` is linear RGB, 1 is white paper in the picture."""

    at_m: tuple[float, float, float]
    radius_m: float
    radiance: tuple[float, float, float]


class Scene:
    """Collects meshes and lights into one Mitsuba dictionary, and the small lamps beside it."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.items: dict[str, object] = {"type": "scene"}
        self.lamps: list[Lamp] = []

    def add(self, mesh: Mesh, bsdf, *, radiance=None) -> None:
        """Add a mesh; with a ``radiance``, linear RGB, it shines."""
        name = f"mesh_{len(self.items):03d}"
        properties = mi.Properties()
        properties["mesh_bsdf"] = bsdf
        if radiance is not None:
            properties["mesh_emitter"] = mi.load_dict({"type": "area", "radiance": rgb(radiance)})
        made = mi.Mesh(
            name,
            len(mesh.vertices),
            len(mesh.faces),
            has_vertex_normals=True,
            has_vertex_texcoords=True,
            props=properties,
        )
        parameters = mi.traverse(made)
        parameters["vertex_positions"] = mesh.vertices.astype(np.float32).ravel()
        parameters["vertex_normals"] = mesh.normals.astype(np.float32).ravel()
        parameters["vertex_texcoords"] = mesh.uv.astype(np.float32).ravel()
        parameters["faces"] = mesh.faces.astype(np.uint32).ravel()
        parameters.update()
        self.items[name] = made

    def add_lamp(self, at_m, radius_m: float, colour, strength: float, *, lights: float = 0.0) -> None:
        """Hang a lamp; ``lights``: how often paths ask for its light, for which a point stands in; 0 is never."""
        radiance = tuple(strength * np.array(colour))
        self.lamps.append(Lamp(tuple(float(value) for value in at_m), radius_m, radiance))
        if lights:
            intensity = list(np.pi * radius_m**2 * np.array(radiance))
            self.items[f"lamp_{len(self.items):03d}"] = {
                "type": "point",
                "position": list(map(float, at_m)),
                "intensity": rgb(intensity),
                "sampling_weight": lights,
            }


def rgb(colour) -> dict:
    """Wrap a linear RGB colour."""
    return {"type": "rgb", "value": [float(value) for value in colour]}


def painted(picture: np.ndarray, *, height: bool = False) -> dict:
    """Wrap a painted picture; ``height``: its numbers are lengths, not colours."""
    return {"type": "bitmap", "bitmap": mi.Bitmap(np.ascontiguousarray(picture)), "raw": height}


def matte(colour, *, bump=None, depth: float = 0.0):
    """Make a dull, two-sided surface."""
    inner = {"type": "diffuse", "reflectance": colour}
    if bump is not None:
        inner = {"type": "bumpmap", "nested": painted(bump, height=True), "scale": depth, "bsdf": inner}
    return mi.load_dict({"type": "twosided", "bsdf": inner})


def glossy(colour, *, alpha: float = 0.06):
    """Make a glazed or varnished, two-sided surface."""
    inner = {"type": "roughplastic", "diffuse_reflectance": colour, "alpha": alpha, "nonlinear": True}
    return mi.load_dict({"type": "twosided", "bsdf": inner})


def thin(colour, *, through: float = 0.7):
    """Make a petal or a leaf, which lets light through."""
    return mi.load_dict(
        {
            "type": "principledthin",
            "base_color": colour,
            "roughness": 0.55,
            "diff_trans": through,
            "spec_trans": 0.0,
            "eta": 1.35,
        }
    )
