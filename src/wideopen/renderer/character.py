"""Character: what sets the discs of one lens apart from those of another.

Everything here speaks in pupil coordinates: pixels from the middle of the disc, before an anamorphic
squeeze makes it oval.
"""

from functools import lru_cache

import numpy as np

from wideopen.shapes import Float

FRINGE = 0.06
"""How much larger or smaller than the others the green discs are at full fringe, as a share of the radius."""
_RAYS = 4096


def circumradius(blades: int, *, curvature: float) -> float:
    """Find the circumradius of the regular polygon of curved sides whose area is that of the unit disc.

    Every side is an arc through two corners whose radius is the circumradius over the curvature, so
    that 0 is straight and 1 lies on the circle. The area is that of the straight polygon and of one
    circular segment per side, ``(angle - sin(angle) cos(angle)) / curvature^2`` for arcs of half the
    opening ``angle``.

    Example:
        >>> round(circumradius(6, curvature=0), 4), circumradius(6, curvature=1)
        (1.0996, 1.0)
    """
    if not blades or curvature == 1:
        return 1.0
    half_chord = np.sin(np.pi / blades)
    if curvature > 1e-3:
        angle = np.arcsin(curvature * half_chord)
        segment = (angle - np.sin(angle) * np.cos(angle)) / curvature**2
    else:
        # The difference above would lose its digits; this is the first term of its series.
        segment = 2 / 3 * curvature * half_chord**3
    return float(np.sqrt(2 * np.pi / (blades * np.sin(2 * np.pi / blades) + 2 * blades * segment)))


def disc_distance(
    x: Float[np.ndarray, "1 k"], y: Float[np.ndarray, "k 1"], *, radius_px: float, squeeze: float
) -> Float[np.ndarray, "k k"]:
    """Find the distance to the rim of a disc in pixels of the photo, below 0 inside.

    Args:
        x: Columns in pupil coordinates.
        y: Rows in pupil coordinates.
        radius_px: Radius in pupil coordinates.
        squeeze: How many times as high as wide the disc is in the photo.
    """
    off_middle = np.hypot(x, y)
    distance = off_middle - radius_px
    if squeeze == 1:
        return distance
    off_middle = np.maximum(off_middle, 1e-9)
    return distance / _slope(x / off_middle, y / off_middle, squeeze)


def blade_distance(
    x: Float[np.ndarray, "1 k"],
    y: Float[np.ndarray, "k 1"],
    *,
    radius_px: float,
    blades: int,
    curvature: float,
    rotation_deg: float,
    squeeze: float,
) -> Float[np.ndarray, "k k"]:
    """Find the distance to the blades in pixels of the photo, below 0 inside.

    The opening is what the circles of all blades have in common. The distance to a circle of radius
    ``R``, whose middle is at ``m``, is written as ``(|p - m|^2 - R^2) / (|p - m| + R)`` and divided by
    ``R``, so that it holds for straight blades too, where ``R`` is infinite.

    Args:
        x: Columns in pupil coordinates.
        y: Rows in pupil coordinates.
        radius_px: Radius of the disc that has the area of the opening.
        blades: Number of blades.
        curvature: From 0, straight, to 1, on the circle.
        rotation_deg: Turns the blades, counter-clockwise.
        squeeze: How many times as high as wide the opening is in the photo.
    """
    corner = radius_px * circumradius(blades, curvature=curvature)
    apothem, half_chord = corner * np.cos(np.pi / blades), corner * np.sin(np.pi / blades)
    bend = curvature / corner
    upright = np.sqrt(1 - (bend * half_chord) ** 2)
    # The first blade lies at the bottom, so that rotation 0 stands on an edge as houses do.
    normals = np.pi / 2 - np.deg2rad(rotation_deg) + 2 * np.pi * np.arange(blades) / blades
    across = np.array([x * np.cos(angle) + y * np.sin(angle) for angle in normals])
    if squeeze == 1:
        # The nearest blade is enough
        across = across.max(axis=0, keepdims=True)
    along_squared = np.maximum(x**2 + y**2 - across**2, 0)

    # From the middle of a blade's circle to the point, in units of the circle's radius
    lean = upright - bend * apothem
    away = np.sqrt((bend * across + lean) ** 2 + bend**2 * along_squared)
    power = bend * ((across - apothem) ** 2 + along_squared - half_chord**2) + 2 * (across - apothem) * upright
    distance = power / (1 + away)
    if squeeze != 1:
        away = np.maximum(away, 1e-9)
        steer_x = (bend * x + lean * np.cos(normals)[:, None, None]) / away
        steer_y = (bend * y + lean * np.sin(normals)[:, None, None]) / away
        distance = distance / _slope(steer_x, steer_y, squeeze)
    return distance.max(axis=0)


def _slope(steer_x: np.ndarray, steer_y: np.ndarray, squeeze: float) -> np.ndarray:
    """How fast a pupil distance that grows along the unit vector `steer` grows with pixels of the photo."""
    stretch = np.sqrt(squeeze)
    return np.asarray(np.maximum(np.hypot(steer_x * stretch, steer_y / stretch), min(stretch, 1 / stretch)))


def hole(distance_px: Float[np.ndarray, "k k"], *, radius_px: float) -> Float[np.ndarray, "k k"]:
    """Share of every pixel that a central obstruction hides; one smaller than a pixel hides no more than its area."""
    return np.minimum(np.clip(0.5 - distance_px, 0, 1), np.pi * radius_px**2)


def ray_density(share: Float[np.ndarray, "k k"], *, strength: float, pixel: float) -> Float[np.ndarray, "k k"]:
    """Find how dense the rays of a lens with spherical aberration land, over those of a lens without.

    A ray that crosses the pupil at ``p`` (0 in the middle, 1 at the rim) lands at
    ``t = p (1 + w (p^2 - 1))``, as shares of the blur radius: defocus is proportional to ``p``,
    third-order spherical aberration to ``p^3``, and the focus is measured where rays from the rim
    meet, so that the rim of a disc stays in place. The light within ``t`` is ``p^2``. With ``w > 0``
    rays crowd in the middle and the rim is soft; with ``w < 0`` they crowd at the rim, which at
    ``w = -1/2`` is a caustic. Undercorrected lenses have ``w > 0`` behind the plane in focus, where rays from
    the rim have crossed first and gone farthest, and ``w < 0`` in front of it.

    Real aberrations are a length, so that their share of the blur fades far from the focus; here
    the look is the same at every blur.

    Args:
        share: Where rays land, over the blur radius; beyond 1 it is taken as 1.
        strength: ``2 w``, from -1 to 1.
        pixel: Side of a pixel over the blur radius. The density is the mean over a pixel's width, for
            a caustic has no end.

    Source:
        Third-order aberrations: Welford, Aberrations of Optical Systems, 1986. Which side is soft: Nasse,
        Depth of Field and Bokeh, Carl Zeiss Camera Lens Division, 2010; van Walree, Bokeh, toothwalker.org.
    """
    landing, pupil = _rays(strength)
    inner = np.clip(share - pixel / 2, 0, max(1 - pixel / 2, 0))
    outer = np.minimum(np.maximum(share + pixel / 2, inner + pixel / 2), 1)
    light = np.interp(outer, landing, pupil) ** 2 - np.interp(inner, landing, pupil) ** 2
    return light / (outer**2 - inner**2)


@lru_cache(maxsize=64)
def _rays(strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Where rays land, and where they cross the pupil."""
    pupil = np.linspace(0, 1, _RAYS)
    return pupil * (1 + strength / 2 * (pupil**2 - 1)), pupil


def channel_scales(radius_px: float, *, fringe: float) -> tuple[float, float, float]:
    """Find how much larger the red, green and blue discs are than those of a lens without axial colour.

    In most lenses green light comes to a focus nearest to the lens, red and blue behind it (the
    secondary spectrum of an achromat): behind the plane in focus green is blurred most, in front of it
    least.

    Source:
        Kingslake and Johnson, Lens Design Fundamentals, 2010, on the secondary spectrum.
    """
    green = -np.sign(radius_px) * FRINGE * fringe
    return 1 - green, 1 + green, 1 - green
