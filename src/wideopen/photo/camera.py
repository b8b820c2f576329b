"""The lens and the sensor that took a photo, by its EXIF."""

import math
from dataclasses import dataclass, replace

from wideopen.optics import Lens
from wideopen.photo import exif
from wideopen.photo.exif import ExifBlock
from wideopen.photo.photo import Photo

FULL_FRAME_DIAGONAL_MM = math.hypot(36, 24)
"""CIPA DCG-001 (2018), 3.3: equivalent focal lengths compare diagonals with 43.27 mm."""
SMALL_SENSOR_MM = 13.0
"""Longer side below which a sensor counts as small: phones and compacts, but no system camera."""

_MM_PER_UNIT = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}  # CIPA DC-008, 4.6.5 F; 4 and 5 by usage
_SAME_SHAPE = 0.01
_DISAGREEMENT = 1.25
_COARSEST_PITCH_MM = 0.0045
"""Distance of pixels from which a small sensor is not believed."""


@dataclass(frozen=True)
class _Camera:
    """What EXIF tells: a focal length, and the longer side of the whole sensor that it stands before."""

    focal_mm: float
    sensor_mm: float
    origin: str
    equivalent: bool = False
    """Whether a small sensor has been replaced by a large one that sees the same."""


def lens_of(
    photo: Photo, *, f_number: float | None = None, focal_mm: float | None = None, sensor_mm: float | None = None
) -> Lens:
    """Find the lens that a photo is to be rendered with.

    Numbers that are given win; the others come from EXIF, or else from the default camera. The sensor
    is what the photo shows of it: a photo of another shape than EXIF states has been cropped, and keeps
    its pixels' pitch; one of the same shape may have been resized, and shows the whole sensor.

    A sensor with a longer side below 13 mm is replaced by a full-frame one with the lens that has the
    same view, since a phone's own 4 mm lens blurs next to nothing at any f-number: what is wanted is what
    a large camera in its place would have seen. A sensor that is given replaces a small one in the same
    way, with the focal length that keeps the view.

    Args:
        photo: The photo, with its EXIF.
        f_number: Aperture to render with. Without it, the one that the photo was taken with, as its
            full-frame equivalent where the lens is one (same blur, so times the focal lengths' ratio);
            1.8 where EXIF has none.
        focal_mm: Focal length.
        sensor_mm: What the longer side of the photo measures on the sensor.

    Raises:
        OpticsError: If a number is not above 0.
    """
    block = _block_of(photo)
    camera = _cropped(_camera_of(block, photo), block, photo) if block else None
    if f_number is None:
        f_number = _f_number(block, camera) if block else Lens.f_number
    if focal_mm is not None and sensor_mm is not None:
        return Lens(focal_mm=focal_mm, f_number=f_number, sensor_mm=sensor_mm, origin="given")
    lens = Lens(f_number=f_number)
    if camera:
        lens = Lens(camera.focal_mm, f_number, camera.sensor_mm, camera.origin)
    if focal_mm is not None:
        return replace(lens, focal_mm=focal_mm, origin=f"given focal length, sensor of {lens.origin}")
    if sensor_mm is not None:
        if camera and camera.equivalent:
            kept_mm = camera.focal_mm * sensor_mm / camera.sensor_mm
        else:
            kept_mm = (_focal_mm(block) if block else None) or lens.focal_mm
        source = "EXIF" if camera or (block and _focal_mm(block)) else lens.origin
        origin = f"given sensor, focal length of {source}"
        return replace(lens, focal_mm=kept_mm, sensor_mm=sensor_mm, origin=origin)
    return lens


def _f_number(block: ExifBlock, camera: _Camera | None) -> float:
    """Find the aperture that the photo was taken with."""
    f_number = _number(block, exif.F_NUMBER, low=0.5, high=128.0)
    focal_mm = _focal_mm(block)
    if f_number is None:
        return Lens.f_number
    if camera and camera.equivalent and focal_mm:
        return f_number * camera.focal_mm / focal_mm
    return f_number


def _camera_of(block: ExifBlock, photo: Photo) -> _Camera | None:
    """Find the whole sensor and its lens; None where EXIF has too little or nonsense."""
    width, height = _exif_size(block, photo)
    long_share = max(width, height) / math.hypot(width, height)
    full_frame_mm = FULL_FRAME_DIAGONAL_MM * long_share
    focal_mm = _focal_mm(block)
    equivalent_mm = _number(block, exif.FOCAL_LENGTH_35MM, low=1.0, high=5000.0)
    if focal_mm is None:
        if equivalent_mm is None:
            return None
        origin = f"EXIF: full-frame equivalent {_mm(equivalent_mm)} on {_mm(full_frame_mm)}"
        return _Camera(equivalent_mm, full_frame_mm, origin, equivalent=True)

    # The pitch of the pixels is the finer measure; the equivalent knows of digital zoom and of
    # pictures that the camera has made smaller, so that it decides where they disagree.
    sensor_mm = _sensor_by_pitch(block, max(width, height))
    if equivalent_mm is not None:
        by_equivalent_mm = full_frame_mm * focal_mm / equivalent_mm
        ratio = (sensor_mm or 0) / by_equivalent_mm
        if not 1 / _DISAGREEMENT < ratio < _DISAGREEMENT:
            sensor_mm = by_equivalent_mm if 2 < by_equivalent_mm < 100 else None
    elif sensor_mm is not None and sensor_mm < SMALL_SENSOR_MM and sensor_mm / max(width, height) > _COARSEST_PITCH_MM:
        # No small sensor has such pixels: the picture was made smaller, and its EXIF with it.
        sensor_mm = None
    if sensor_mm is None:
        return None

    origin = f"EXIF: {_mm(focal_mm)} on {_mm(sensor_mm)}"
    if sensor_mm >= SMALL_SENSOR_MM:
        return _Camera(focal_mm, sensor_mm, origin)
    large_mm = equivalent_mm or focal_mm * full_frame_mm / sensor_mm
    origin += f", taken as its full-frame equivalent {_mm(large_mm)} on {_mm(full_frame_mm)}"
    return _Camera(large_mm, full_frame_mm, origin, equivalent=True)


def _cropped(camera: _Camera | None, block: ExifBlock, photo: Photo) -> _Camera | None:
    """Keep of the sensor what the photo shows of it."""
    if camera is None:
        return None
    exif_width, exif_height = _exif_size(block, photo)
    long, short = max(photo.size), min(photo.size)
    exif_long, exif_short = max(exif_width, exif_height), min(exif_width, exif_height)
    if abs((long / short) / (exif_long / exif_short) - 1) <= _SAME_SHAPE:
        return camera
    share = long / exif_long
    if long > exif_long or short > exif_short or (long < exif_long / 2 and short < exif_short / 2):
        # Enlarged, or smaller than most crops: it has been resized as well, so that the
        # largest crop of this shape is the best guess.
        share *= min(exif_long / long, exif_short / short)
    sensor_mm = camera.sensor_mm * share
    return replace(camera, sensor_mm=sensor_mm, origin=f"{camera.origin}, cropped to {_mm(sensor_mm)}")


def _sensor_by_pitch(block: ExifBlock, long_px: float) -> float | None:
    """Find the longer side of the sensor from the number of pixels per unit on it."""
    per_unit = _number(block, exif.FOCAL_PLANE_X_RESOLUTION, low=0.0, high=math.inf)
    unit = _number(block, exif.FOCAL_PLANE_UNIT, low=0.0, high=6.0) or 2
    if per_unit is None or unit not in _MM_PER_UNIT:
        return None
    sensor_mm = long_px / per_unit * _MM_PER_UNIT[int(unit)]
    return sensor_mm if 2 < sensor_mm < 100 else None


def _focal_mm(block: ExifBlock) -> float | None:
    return _number(block, exif.FOCAL_LENGTH, low=0.5, high=5000.0)


def _exif_size(block: ExifBlock, photo: Photo) -> tuple[float, float]:
    """Find the size that the camera wrote, or else the photo's own."""
    width = _number(block, exif.PIXEL_WIDTH, low=0.0, high=math.inf)
    height = _number(block, exif.PIXEL_HEIGHT, low=0.0, high=math.inf)
    return (width, height) if width and height else (float(photo.size[0]), float(photo.size[1]))


def _number(block: ExifBlock, tag: int, *, low: float, high: float) -> float | None:
    """Read one number; None where it is missing or not between the bounds."""
    numbers = block.numbers(tag)
    return numbers[0] if len(numbers) == 1 and low < numbers[0] < high else None


def _block_of(photo: Photo) -> ExifBlock | None:
    try:
        return ExifBlock(photo.exif) if photo.exif else None
    except ValueError:
        return None


def _mm(length_mm: float) -> str:
    return f"{length_mm:.1f} mm" if length_mm < 10 else f"{length_mm:.3g} mm"
