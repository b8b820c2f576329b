"""Protocols: what exactly a PSNR and an SSIM are of. Figures by different protocols do not compare."""

from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Literal

import numpy as np

from wideopen.errors import RequestError
from wideopen.shapes import Float, UInt8

PEAK = 255
WINDOW_PX = {"uniform": 7, "gaussian": 11}
SIGMA_PX = 1.5
_LUMA = (65481, 128553, 24966)
_LUMA_UNIT = 1000 * PEAK
_BLACK = 16

Picture = UInt8[np.ndarray, "h w 3"]
Map = Float[np.ndarray, "h w"]


@dataclass(frozen=True)
class Protocol:
    """A way to compare a picture that was found with the one that was wanted, by PSNR and SSIM.

    Both are of 8 bits a value, sRGB as encoded, with red, green and blue. Figures of a data set are means over its
    pictures.
    """

    name: str
    """With its version, as ``aim2020/1``; any change of the figures makes another version."""
    says: str
    """One line for people."""
    source: str
    """Who scores so."""
    window: Literal["uniform", "gaussian"] = "uniform"
    """Of SSIM: 7x7 px with covariances of a sample (divided by 48), or 11x11 px of a Gaussian whose standard
    deviation is 1.5 px, with covariances of all."""
    colour: Literal["rgb", "y"] = "rgb"
    """Each channel by itself, or luma alone: Y of ITU-R BT.601 in the studio range,
    ``16 + (65.481 R + 128.553 G + 24.966 B) / 255``, rounded, halves up."""
    border_px: int = 0
    """So much is taken off at each side."""

    @property
    def least_side_px(self) -> int:
        """Sides that SSIM needs."""
        return WINDOW_PX[self.window] + 2 * self.border_px

    def psnr_db(self, found: Picture, wanted: Picture) -> float:
        """Find the peak signal-to-noise ratio, ``10 log10(255^2 / mean((f - w)^2))``; infinite for equal pictures.

        The mean is over all pixels and channels that the protocol compares; it is exact.

        Raises:
            RequestError: If the pictures are not uint8 (h, w, 3) of one size, or the border leaves nothing of them.
        """
        return decibels(mean_square(*self.compared(found, wanted)))

    def ssim(self, found: Picture, wanted: Picture) -> float:
        """Find the structural similarity: 1 for equal pictures, and never above.

        Its constants are ``(0.01 * 255)^2`` and ``(0.03 * 255)^2``. Only windows wholly inside count; the mean is
        over them, then over channels.

        Source:
            Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, TIP 2004. The
            window is the protocol's; theirs is the Gaussian one. scikit-image computes it.

        Raises:
            RequestError: If the pictures are not uint8 (h, w, 3) of one size, a side is under `least_side_px`, or
                scikit-image is missing.
        """
        planes = self._windowed(found, wanted)
        return float(np.mean([_similarity(f, w, self.window, full=False) for f, w in planes]))

    def ssim_map(self, found: Picture, wanted: Picture) -> Map:
        """Find the structural similarity around each pixel, mean over channels.

        Returns:
            float64 of the pictures' size. Where the window does not lie inside of what is compared, it is not a
            number. The mean over the others is `ssim`, up to rounding.

        Raises:
            RequestError: As `ssim`.
        """
        return self.similarity(found, wanted)[1]

    def similarity(self, found: Picture, wanted: Picture) -> tuple[float, Map]:
        """Find `ssim` and `ssim_map` at once, in the time of one.

        Raises:
            RequestError: As `ssim`.
        """
        planes = self._windowed(found, wanted)
        edge_px = self.border_px + WINDOW_PX[self.window] // 2
        inside = (slice(edge_px, -edge_px),) * 2
        around = np.full(found.shape[:2], np.nan)
        around[inside] = 0
        values = []
        for f, w in planes:
            value, each = _similarity(f, w, self.window, full=True)
            values.append(value)
            around[inside] += _without_border(each, edge_px - self.border_px) / len(planes)
        return float(np.mean(values)), around

    def compared(
        self, found: Picture, wanted: Picture
    ) -> tuple[UInt8[np.ndarray, "hh ww c"], UInt8[np.ndarray, "hh ww c"]]:
        """Keep what the protocol compares of two pictures: without the border, and of luma alone if it says so.

        Raises:
            RequestError: If the pictures are not uint8 (h, w, 3) of one size, or the border leaves nothing of them.
        """
        refuse_unlike(found, wanted)
        self._refuse_small(found, 2 * self.border_px + 1, "PSNR")
        return self._kept(found), self._kept(wanted)

    def _windowed(self, found: Picture, wanted: Picture) -> list[tuple[np.ndarray, np.ndarray]]:
        """Pairs of planes, if they have room for the window."""
        refuse_unlike(found, wanted)
        self._refuse_small(found, self.least_side_px, "SSIM")
        f, w = self.compared(found, wanted)
        return [(f[..., c], w[..., c]) for c in range(f.shape[2])]

    def _kept(self, picture: Picture) -> np.ndarray:
        picture = _without_border(picture, self.border_px)
        if self.colour == "rgb":
            return picture
        # In whole numbers, for a half may fall to either side in others.
        red, green, blue = (weight * picture[..., c].astype(np.int32) for c, weight in enumerate(_LUMA))
        luma = red + green + blue
        return ((luma + _LUMA_UNIT // 2) // _LUMA_UNIT + _BLACK).astype(np.uint8)[..., None]

    def _refuse_small(self, picture: Picture, least_px: int, what: str) -> None:
        height, width = picture.shape[:2]
        if min(height, width) < least_px:
            raise RequestError(f"{what} by {self.name} needs sides of {least_px} px, this picture is {width}x{height}")


AIM2020 = Protocol(
    "aim2020/1",
    "The default: PSNR over all values of RGB, SSIM in uniform windows of 7x7 px.",
    "Scores on pictures 4400 to 4693 of EBB!, by the evaluation script published with Stacked DMSHN (Dutta et al., "
    "2021): scikit-image's functions as they are, on 8 bits a value.",
)
PROTOCOLS: tuple[Protocol, ...] = (
    AIM2020,
    Protocol(
        "pynet/1",
        "Without a border of 32 px; SSIM in Gaussian windows of 11x11 px.",
        "The test script of PyNET (Ignatov et al., Rendering Natural Camera Bokeh Effect with Deep Learning, 2020), "
        "by tf.image; there what was found is not rounded to 8 bits.",
        window="gaussian",
        border_px=32,
    ),
    Protocol(
        "gaussian/1",
        "PSNR as by aim2020/1; SSIM in Gaussian windows of 11x11 px.",
        "SSIM as Wang et al. (2004) define it, for each channel; libraries for PyTorch that later work scores by do "
        "nearly so, but treat the border in other ways.",
        window="gaussian",
    ),
    Protocol(
        "y-only/1",
        "Luma alone, in the studio range; SSIM in uniform windows of 7x7 px.",
        "The option for luma in the code of DiWTBR, by scikit-image, as in work on super-resolution.",
        colour="y",
    ),
)
"""All protocols, the default first."""


def protocol(name: str) -> Protocol:
    """Find a protocol by its name, with its version or without.

    Raises:
        RequestError: If there is none; it names the nearest.
    """
    for each in PROTOCOLS:
        if name in (each.name, each.name.split("/")[0]):
            return each
    names = [each.name for each in PROTOCOLS]
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    raise RequestError(f"there is no protocol '{name}'; {hint}All are {', '.join(names)}")


def mean_square(found: UInt8[np.ndarray, "..."], wanted: UInt8[np.ndarray, "..."]) -> float:
    """Average ``(f - w)^2`` over all values, exactly."""
    apart = found.astype(np.int16) - wanted
    return float(np.square(apart, dtype=np.int32).sum(dtype=np.int64)) / apart.size


def decibels(error: float) -> float:
    """Express a mean square of 8-bit values as PSNR; infinite for 0."""
    return float("inf") if error == 0 else 10 * float(np.log10(PEAK**2 / error))


def refuse_unlike(found: Picture, wanted: Picture) -> None:
    """Refuse what cannot be compared.

    Raises:
        RequestError: If one is not uint8 (h, w, 3), or they differ in size.
    """
    for picture in (found, wanted):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise RequestError(
                f"scores are of uint8 (h, w, 3), this picture is {picture.dtype} {picture.shape}; round it to 8 bits"
            )
    if found.shape != wanted.shape:
        raise RequestError(
            f"pictures of {found.shape[1]}x{found.shape[0]} and {wanted.shape[1]}x{wanted.shape[0]} do not compare"
        )


def load(module: str) -> Any:  # noqa: ANN401
    """Import a part of scikit-image, or of SciPy, which comes with it.

    Raises:
        RequestError: If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise RequestError("scores need scikit-image; install wideopen[score]") from error


def _without_border(values: np.ndarray, border_px: int) -> np.ndarray:
    return values[border_px : values.shape[0] - border_px, border_px : values.shape[1] - border_px]


def _similarity(found: np.ndarray, wanted: np.ndarray, window: str, *, full: bool) -> Any:  # noqa: ANN401
    """SSIM of two planes, and its map where it is asked for."""
    settings: dict[str, Any] = {"win_size": WINDOW_PX["uniform"]}
    if window == "gaussian":
        settings = {"gaussian_weights": True, "sigma": SIGMA_PX, "use_sample_covariance": False}
    return load("skimage.metrics").structural_similarity(found, wanted, data_range=PEAK, full=full, **settings)
