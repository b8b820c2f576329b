"""The stage of a scene: meshes, materials, a soft sky and a sun, over the stage of the bundled picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mitsuba as mi
import numpy as np
import paint
import shapes
from models import Library, Part
from scene import Scene, painted, rgb


@dataclass(frozen=True)
class Recipe:
    """One scene: how it is built, and where the camera looks."""

    name: str
    about: str
    build: Callable
    focus_m: float
    pitch_deg: float
    seed: int
    needs_models: bool = False
    needs_environments: bool = False


class Stage(Scene):
    """Collects a scene; ``environments`` is a folder, ``library`` finds models, or they are None."""

    def __init__(self, seed: int, *, library: Library | None = None, environments: Path | None = None):
        super().__init__(seed)
        self.library, self.environments = library, environments
        self.ambient = 0.2

    def put(self, parts: list[Part], *, through: float = 0.0) -> None:
        """Add a model in its own colours."""
        for part in parts:
            self.add(part.mesh, part.material(through=through))

    def put_in(self, parts: list[Part], material) -> None:
        """Add a model in one material."""
        for part in parts:
            self.add(part.mesh, material)

    def surround_by(self, name: str, *, level: float, turn_deg: float = 0.0, brightest: float = 3.0) -> None:
        """Light it by an environment of a mean ``level``; lamps in it are cut and its tint is taken out.

        Args:
            name: Of the file.
            level: Mean radiance over the sphere.
            turn_deg: Turn about the vertical.
            brightest: Radiance is cut at so many times the mean, because light from a small bright spot is found by
                chance here and would be noise.
        """
        picture = np.array(mi.Bitmap(str(self.environments / f"{name}.hdr")).convert(mi.Bitmap.PixelFormat.RGB))
        weight = np.sin((np.arange(len(picture)) + 0.5) / len(picture) * np.pi)[:, None, None] * np.ones_like(picture)
        for _ in range(4):
            picture = np.minimum(picture, brightest * (picture * weight).sum() / weight.sum())
        picture *= picture.mean() / picture.mean(axis=(0, 1))
        picture = np.roll(picture, int(turn_deg / 360 * picture.shape[1]), axis=1)
        self.surround(picture, level / float((picture * weight).sum() / weight.sum()))

    def shine(self, *, sun, strength: float = 0.80, sky: float = 0.92, colour=(1.0, 0.93, 0.82), width_deg=1.6) -> None:
        """Light it: a clouded sky that paths find by themselves, and a sun that they ask for at every bounce.

        Args:
            sun: Direction towards the sun.
            strength: What a white surface that faces the sun gets from it.
            sky: What a white surface below the open sky gets from it, roughly.
            colour: Of the sun.
            width_deg: Diameter of the sun, wider than the real one.
        """
        self.surround(paint.sky(self.rng), sky)
        way = np.array(sun, float) / np.linalg.norm(sun)
        distance_m = 60.0
        radius_m = distance_m * np.tan(np.radians(width_deg / 2))
        radiance = strength / np.sin(np.radians(width_deg / 2)) ** 2 * np.array(colour)
        place = mi.ScalarTransform4f().look_at(list(way * distance_m), [0, 0, 0], [0.3, 0.1, 1])
        self.items["sun"] = {
            "type": "disk",
            "to_world": place.scale([radius_m, radius_m, 1]),
            "emitter": {"type": "area", "radiance": rgb(radiance), "sampling_weight": 1.0},
        }

    def softbox(self, at, towards, *, radius_m: float, radiance, weight: float = 1.0) -> None:
        """Shine a round lamp from a point towards another; ``weight``: how often points ask for its light."""
        place = mi.ScalarTransform4f().look_at(list(at), list(towards), [0.1, 0.2, 1])
        self.items[f"softbox_{len(self.items):03d}"] = {
            "type": "disk",
            "to_world": place.scale([radius_m, radius_m, 1]),
            "emitter": {"type": "area", "radiance": rgb(radiance), "sampling_weight": weight},
        }

    def pool(self, at, intensity, *, weight: float = 0.3) -> None:
        """Light the surroundings of a point, which is not seen itself."""
        light = {"type": "point", "position": list(map(float, at)), "intensity": rgb(intensity)}
        self.items[f"pool_{len(self.items):03d}"] = light | {"sampling_weight": weight}

    def glowing_wall(self, corners, colour: np.ndarray, light: np.ndarray) -> None:
        """Put up a flat wall with windows that glow: sRGB bytes, and linear radiance that lights nothing else.

        Args:
            corners: Lower left, lower right, upper left, as seen from where it glows.
            colour: Picture of the wall.
            light: Picture of what shines.
        """
        a, b, c = (np.array(corner, float) for corner in corners)
        across, up = (b - a) / 2, (c - a) / 2
        out = np.cross(across, up)
        matrix = np.eye(4)
        matrix[:3] = np.stack([across, up, out / np.linalg.norm(out), a + across + up], axis=1)
        shine = {"type": "bitmap", "bitmap": mi.Bitmap(np.ascontiguousarray(light.astype(np.float32))), "raw": True}
        self.items[f"wall_{len(self.items):03d}"] = {
            "type": "rectangle",
            "to_world": mi.ScalarTransform4f(matrix),
            "bsdf": {"type": "diffuse", "reflectance": painted(colour)},
            "emitter": {"type": "area", "radiance": shine, "sampling_weight": 0.0},
        }

    def surround(self, picture: np.ndarray, scale: float) -> None:
        """Put a sky, linear radiance, all round; its light is found by chance, so it had better be soft."""
        self.items["sky"] = {
            "type": "envmap",
            "bitmap": mi.Bitmap(np.ascontiguousarray(picture.astype(np.float32))),
            "scale": scale,
            "sampling_weight": 0.0,
            "to_world": mi.ScalarTransform4f().rotate([1, 0, 0], 90),
        }


def plane(corners, *, repeat=(1.0, 1.0), cells: int = 1) -> shapes.Mesh:
    """Span a flat sheet from four corners (near left, near right, far left, far right)."""
    a, b, c, d = (np.array(corner, float) for corner in corners)
    u, v = np.meshgrid(np.linspace(0, 1, cells + 1), np.linspace(0, 1, cells + 1))
    u, v = u[..., None], v[..., None]
    mesh = shapes.grid(a * (1 - u) * (1 - v) + b * u * (1 - v) + c * (1 - u) * v + d * u * v)
    return shapes.Mesh(mesh.vertices, mesh.normals, mesh.uv * np.array(repeat), mesh.faces)


def scatter(template: shapes.Mesh, at: np.ndarray, turns: np.ndarray, sizes: np.ndarray) -> shapes.Mesh:
    """Copy a mesh to many places: (n, 3), each turned (n, 3, 3) and scaled (n,)."""
    count, corners = len(at), len(template.vertices)
    vertices = np.einsum("nij,vj->nvi", turns, template.vertices) * sizes[:, None, None] + at[:, None]
    normals = np.einsum("nij,vj->nvi", turns, template.normals)
    faces = template.faces[None] + (np.arange(count) * corners)[:, None, None]
    uv = np.broadcast_to(template.uv, (count, corners, 2))
    return shapes.Mesh(vertices.reshape(-1, 3), normals.reshape(-1, 3), uv.reshape(-1, 2), faces.reshape(-1, 3))


def turned(rng: np.random.Generator, directions: np.ndarray) -> np.ndarray:
    """Rotate z onto each direction (n, 3), with a random roll about it."""
    z = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    x = np.cross(rng.normal(size=z.shape), z)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return np.stack([x, np.cross(z, x), z], axis=2)


def leaves(rng: np.random.Generator, centres: np.ndarray, *, count: int, spread_m: float, leaf_m: float) -> shapes.Mesh:
    """Scatter leaves over the shells of blobs, for hedges and crowns."""
    template = shapes.blade(1.0, 0.55, rows=6, columns=3, bend_deg=-40, cup=0.25)
    outward = rng.normal(size=(count, 3))
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    at = centres[rng.integers(len(centres), size=count)] + outward * spread_m * rng.uniform(0.5, 1.05, (count, 1))
    turns = turned(rng, outward + rng.normal(0, 0.5, (count, 3)))
    return scatter(template, at, turns, leaf_m * rng.uniform(0.7, 1.25, count))
