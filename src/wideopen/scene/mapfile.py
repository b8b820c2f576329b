"""Depth maps in files of their own: reading what a user gives, writing what was found, showing it."""

import logging
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from wideopen.errors import DepthError, PhotoExistsError
from wideopen.optics import DepthMap
from wideopen.photo import grey
from wideopen.photo.whole import whole_file
from wideopen.scene import exr, pfm
from wideopen.shapes import Float, UInt8

Kind = Literal["disparity", "dioptres", "metres"]

_MOST_PIXELS = 178_000_000
_JPEG_NOISE_LEVELS = 4
_BAND_PIXELS = 1 << 18
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def read_depth(path: str | Path, *, kind: Kind = "disparity") -> DepthMap:
    """Read a depth map from a .png, .jpg, .tif, .npy, .exr or .pfm file.

    Args:
        path: The file.
        kind: What its numbers mean. ``disparity``: relative, large is near; integers are scaled to
            [0, 1]. ``dioptres``: 1/m, true. ``metres``: distance, true; infinity is far away, 0
            dioptres. Dioptres and metres need floats: an integer does not say its unit.

    Raises:
        DepthError: If the file is missing or broken, or holds what cannot be a depth map.
    """
    path = Path(path)
    values = _values(path)
    if values.ndim != 2 or values.size == 0:
        raise DepthError(f"{path.name} has shape {values.shape}; a depth map has (height, width)")
    if values.dtype.kind in "ui":
        return DepthMap(_scaled(values, path, kind), metric=False, origin=f"file {path.name}")
    if values.dtype.kind != "f":
        raise DepthError(f"{path.name} holds values of type {values.dtype}; a depth map holds numbers")

    with np.errstate(over="ignore"):
        floats = values.astype(np.float32)
    if kind == "metres":
        return DepthMap(_of_metres(floats, path), metric=True, origin=f"file {path.name}")
    _refuse(~np.isfinite(floats), path, "not finite numbers")
    if kind == "dioptres":
        _refuse(floats < 0, path, "below 0, but dioptres begin at 0 (infinitely far)")
    return DepthMap(floats, metric=kind == "dioptres", origin=f"file {path.name}")


def write_depth(depth: DepthMap, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a depth map: .tif, .npy, .pfm and .exr hold float32 dioptres, .png disparity.

    The disparity of a 16-bit .png is the dioptres scaled to their own range, so that its unit is lost.
    The file appears whole or not at all.

    Raises:
        DepthError: If the suffix is none of these or the place cannot be written.
        PhotoExistsError: If the file is there already and `overwrite` is false.
    """
    return _write(depth.dioptres, path, None, overwrite)


def write_matte(matte: Float[np.ndarray, "h w"], path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a matte as `write_depth` writes a map; a 16-bit .png has 0 and 1 at its ends.

    Raises:
        DepthError: If the suffix is none of these or the place cannot be written.
        PhotoExistsError: If the file is there already and `overwrite` is false.
    """
    return _write(matte, path, (0.0, 1.0), overwrite)


def _write(values: np.ndarray, path: str | Path, span: tuple[float, float] | None, overwrite: bool) -> Path:
    """Write a map; `span` is what a .png scales, without one the map's own range."""
    path = Path(path)
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise DepthError(f"cannot write a map as {path.name}; choose {_listed(_WRITERS)}")
    if path.exists() and not overwrite:
        raise PhotoExistsError(f"{path} is there already; allow overwriting or choose another name")
    try:
        with whole_file(path) as beside:
            if writer is _write_png:
                _write_png(beside, values.astype(np.float32, copy=False), span)
            else:
                writer(beside, values.astype(np.float32, copy=False))
    except (OSError, RuntimeError, ValueError) as error:
        raise DepthError(f"cannot write {path} ({_line(error)}); choose another place") from error
    return path


def view(depth: DepthMap) -> UInt8[np.ndarray, "h w 3"]:
    """Paint a depth map: far is dark violet, near a pale yellow, through red and orange.

    Lightness grows evenly with nearness. One value in a thousand at either end is left out of the
    range, so that a stray pixel does not flatten the picture.

    Returns:
        sRGB, 8 bits.
    """
    step = max(1, round((depth.dioptres.size / 1_000_000) ** 0.5))
    far, near = map(float, np.quantile(depth.dioptres[::step, ::step], [0.001, 0.999]))
    ramp = _ramp()
    colours = np.empty((*depth.dioptres.shape, 3), np.uint8)
    for rows in _bands(depth.dioptres):
        colours[rows] = ramp[_steps(depth.dioptres[rows].clip(far, near), far, near, most=255).astype(np.uint8)]
    return colours


def _steps(dioptres: Float[np.ndarray, "h w"], far: float, near: float, *, most: int) -> Float[np.ndarray, "h w"]:
    """Count dioptres from `far` up to `near` in steps, halves rounded up."""
    nearness = (dioptres.astype(np.float64) - far) / ((near - far) or 1.0)
    return np.floor(nearness * most + 0.5)


def _bands(values: np.ndarray) -> Iterator[slice]:
    """Cut rows into bands whose copies take little memory."""
    rows = max(1, _BAND_PIXELS // values.shape[1])
    for top in range(0, values.shape[0], rows):
        yield slice(top, top + rows)


def _ramp() -> UInt8[np.ndarray, "256 3"]:
    """Mix 256 colours whose lightness grows evenly in OKLab while the hue turns from violet to yellow.

    Source:
        Björn Ottosson, A perceptual color space for image processing (2020).
    """
    step = np.linspace(0, 1, 256)
    lightness = 0.16 + 0.80 * step
    hue = np.deg2rad(-75 + 180 * step)
    chroma = 0.05 + 0.12 * np.sin(np.pi * step)
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)

    # OKLab to the cone responses, to linear sRGB, to sRGB.
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    mix = [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
    linear = (np.array(mix) @ np.stack([long, middle, short])).T.clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (encoded * 255 + 0.5).astype(np.uint8)


def _values(path: Path) -> np.ndarray:
    """Read the numbers of any file as they are, in two dimensions where the file allows it."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DepthError(f"cannot read {path.name} as a depth map; give {_listed(_READERS)}")
    if not path.is_file():
        raise DepthError(f"there is no depth map {path}")
    if path.stat().st_size == 0:
        raise DepthError(f"{path.name} is empty; give a depth map")
    try:
        return reader(path)
    except DepthError:
        raise
    except Exception as error:  # over a broken file, decoders raise what they like
        raise DepthError(f"cannot read {path.name} as a depth map: {_line(error)}") from error


def _read_png(path: Path) -> np.ndarray:
    data = path.read_bytes()
    _refuse_giant(grey.size(data))
    with Image.open(path, formats=("PNG",)) as image:
        image.load()
        plain = {"1": "L", "P": "RGBA"}.get(image.mode)
        pixels = np.asarray(image.convert(plain) if plain else image)
    # Of 16 bits in colour, Pillow keeps 8.
    bits, colour_type = data[24:26]
    if bits == 16 and colour_type != 0:
        from imagecodecs import png_decode

        pixels = png_decode(data)
    return _without_colour(pixels, path)


def _read_jpeg(path: Path) -> np.ndarray:
    from PIL import ImageOps

    data = path.read_bytes()
    _refuse_giant(grey.size(data))
    with Image.open(path, formats=("JPEG", "MPO")) as image:
        if image.mode not in ("L", "RGB"):
            raise ValueError(f"colour mode {image.mode}, but a depth map is grey")
        upright = ImageOps.exif_transpose(image)
        if upright.mode == "RGB":
            # A grey picture saved in colour comes back with a little colour from the compression.
            pixels = np.asarray(upright).astype(np.int16)
            if np.ptp(pixels, axis=2).mean() > _JPEG_NOISE_LEVELS:
                raise _coloured(path)
        return np.asarray(upright.convert("L"))


def _read_tiff(path: Path) -> np.ndarray:
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        _refuse_giant((page.imagewidth, page.imagelength * page.imagedepth * page.samplesperpixel // 4))
        if len(page.dataoffsets) != math.prod(page.chunked):
            raise ValueError(f"{len(page.dataoffsets)} of {math.prod(page.chunked)} pieces")
        if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
            raise _coloured(path)
        pixels: np.ndarray = page.asarray()
        if pixels.dtype == np.bool_:
            pixels = pixels.astype(np.uint8) * np.uint8(255)
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and pixels.dtype.kind == "u":
            pixels = np.iinfo(pixels.dtype).max - pixels
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and pixels.ndim == 3:
            pixels = np.moveaxis(pixels, 0, -1)
        return _without_colour(pixels, path)


def _read_npy(path: Path) -> np.ndarray:
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(values, np.ndarray):
        raise ValueError("several arrays, but one is wanted")
    return np.array(values)


def _read_exr(path: Path) -> np.ndarray:
    return exr.read(path, most_pixels=_MOST_PIXELS)


def _read_pfm(path: Path) -> np.ndarray:
    return _without_colour(pfm.decode(path.read_bytes()), path)


def _write_png(path: Path, dioptres: Float[np.ndarray, "h w"], span: tuple[float, float] | None = None) -> None:
    from imagecodecs import png_encode

    far, near = span or (float(dioptres.min()), float(dioptres.max()))
    grey_values = np.empty(dioptres.shape, np.uint16)
    for rows in _bands(dioptres):
        grey_values[rows] = _steps(dioptres[rows], far, near, most=65535)
    path.write_bytes(png_encode(grey_values))


def _write_tiff(path: Path, dioptres: Float[np.ndarray, "h w"]) -> None:
    import tifffile

    tifffile.imwrite(path, dioptres, photometric="minisblack", compression="deflate", metadata=None)


def _write_npy(path: Path, dioptres: Float[np.ndarray, "h w"]) -> None:
    np.save(path, dioptres, allow_pickle=False)


def _write_pfm(path: Path, dioptres: Float[np.ndarray, "h w"]) -> None:
    path.write_bytes(pfm.encode(dioptres))


_READERS: dict[str, Callable[[Path], np.ndarray]] = {
    ".png": _read_png,
    ".jpg": _read_jpeg,
    ".jpeg": _read_jpeg,
    ".tif": _read_tiff,
    ".tiff": _read_tiff,
    ".npy": _read_npy,
    ".exr": _read_exr,
    ".pfm": _read_pfm,
}
_WRITERS: dict[str, Callable[[Path, np.ndarray], None]] = {
    ".png": _write_png,
    ".tif": _write_tiff,
    ".tiff": _write_tiff,
    ".npy": _write_npy,
    ".exr": exr.write,
    ".pfm": _write_pfm,
}


def _without_colour(pixels: np.ndarray, path: Path) -> np.ndarray:
    """Take one channel of a picture whose colour channels are equal and which is opaque."""
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 2, 3, 4):
        return pixels
    if pixels.shape[2] in (2, 4):
        opaque = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
        _refuse(pixels[:, :, -1] < opaque, path, "transparent, but every pixel needs a depth")
        pixels = pixels[:, :, :-1]
    if any(not np.array_equal(pixels[:, :, 0], pixels[:, :, other]) for other in range(1, pixels.shape[2])):
        raise _coloured(path)
    return pixels[:, :, 0]


def _coloured(path: Path) -> DepthError:
    return DepthError(f"{path.name} is coloured, and colours have no order from far to near; give the map in grey")


def _scaled(values: np.ndarray, path: Path, kind: Kind) -> Float[np.ndarray, "h w"]:
    """Scale integer disparity to [0, 1]."""
    if kind != "disparity":
        raise DepthError(
            f"{path.name} holds integers, which do not say their unit; for {kind} give a file of floats "
            "(.tif, .npy, .exr, .pfm)"
        )
    _refuse(values < 0, path, "below 0")
    return (values / np.iinfo(values.dtype).max).astype(np.float32)


def _of_metres(metres: Float[np.ndarray, "h w"], path: Path) -> Float[np.ndarray, "h w"]:
    """Turn distances into dioptres."""
    _refuse(np.isnan(metres), path, "not numbers (NaN)")
    _refuse(metres <= 0, path, "0 m or less; write inf where it is infinitely far")
    with np.errstate(over="ignore"):
        return (1 / metres).astype(np.float32)


def _refuse(bad: np.ndarray, path: Path, what: str) -> None:
    """Refuse a map with bad pixels, and say how many.

    Raises:
        DepthError: If any is bad.
    """
    count = int(np.count_nonzero(bad))
    if count:
        raise DepthError(f"{count} of {bad.size} values in {path.name} are {what}; mend the map first")


def _refuse_giant(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > _MOST_PIXELS:
        raise ValueError(f"{width} x {height} pixels, {_MOST_PIXELS // 1_000_000} million are the limit")


def _listed(suffixes: Iterable[str]) -> str:
    return ", ".join(suffixes)


def _line(error: BaseException) -> str:
    """Make one printable line of what a decoder says."""
    said = (isinstance(error, OSError) and error.strerror) or str(error)
    text = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return text or type(error).__name__
