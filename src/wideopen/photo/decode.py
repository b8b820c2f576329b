"""Decoders of every format but TIFF: file in memory in, `Stored` out.

Pillow's classes are called directly, not through `Image.open`: its limit on the number of pixels is
one global variable, and `refuse_bomb` stands in its place. A decoder is imported when a file needs it,
so that a JPEG does not wait for the rest.
"""

import math
import re
from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from wideopen.errors import PhotoError
from wideopen.photo.metadata import orientation_of
from wideopen.photo.stored import Stored, refuse_bomb
from wideopen.shapes import Shaped

_PNG_BITS_AT = 24
_BAND_PIXELS = 1 << 18


def decode_jpeg(data: bytes) -> Stored:
    """Decode a JPEG; CMYK becomes sRGB."""
    return _stored(_opened(JpegImageFile, data))


def decode_gif(data: bytes) -> Stored:
    """Decode the first frame of a GIF."""
    from PIL.GifImagePlugin import GifImageFile

    return _stored(_opened(GifImageFile, data))


def decode_webp(data: bytes) -> Stored:
    """Decode a WebP, or the first frame of an animated one."""
    from PIL.WebPImagePlugin import WebPImageFile

    return _stored(_opened(WebPImageFile, data))


def decode_png(data: bytes) -> Stored:
    """Decode a PNG with all of its 8 or 16 bits, or the first frame of an animated one."""
    from PIL.PngImagePlugin import PngImageFile

    image = _opened(PngImageFile, data)
    if data[_PNG_BITS_AT] == 16:
        from imagecodecs import png_decode

        # Pillow keeps only the upper 8 bits of colour.
        image.load()
        return _stored(image, samples=png_decode(data), white=65535.0)
    return _stored(image)


def decode_avif(data: bytes) -> Stored:
    """Decode an AVIF with all of its 8, 10 or 12 bits."""
    from imagecodecs import avif_decode
    from PIL.AvifImagePlugin import AvifImageFile

    image = _opened(AvifImageFile, data)
    bits, monochrome = _av1_samples(data)
    # Pillow gives 8 bits only, and colour even for grey.
    samples = avif_decode(data, index=0) if bits > 8 else np.asarray(image)
    if monochrome and samples.ndim == 3:
        samples = samples[..., [0, 3]] if samples.shape[2] == 4 else samples[..., :1]
    return _stored(image, samples=samples, white=2.0**bits - 1)


def decode_heif(data: bytes) -> Stored:
    """Decode an HEIC with all of its 8, 10 or 12 bits; its decoder turns it upright."""
    import pillow_heif

    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    image = file[file.primary_index]
    refuse_bomb(image.size)
    samples = np.asarray(image)
    white = 2.0 ** image.info["bit_depth"] - 1 if samples.dtype == np.uint16 else 255.0
    if image.premultiplied_alpha:
        samples = divided_by_alpha(samples, white=white)
    exif, xmp = image.info.get("exif"), image.info.get("xmp")
    return Stored(
        samples=_with_channels(samples),
        white=white,
        bits=16 if white > 255 else 8,
        icc=image.info.get("icc_profile"),
        exif=exif,
        xmp=xmp,
        orientation=orientation_of(exif),
        upright=True,
    )


def samples_of_pillow(image: Image.Image) -> tuple[Shaped[np.ndarray, "h w c"], bytes | None]:
    """Take the 8-bit samples out of any Pillow picture, and the profile that describes them."""
    icc = image.info.get("icc_profile")
    if image.mode == "CMYK":
        image, icc = _srgb_of_cmyk(image, icc), None
    elif image.mode in ("P", "PA", "1") or "transparency" in image.info:
        image = image.convert(_plain_mode(image))
    elif image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.upper())
    elif image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGB")
    return _array_of(image), icc


def _array_of(image: Image.Image) -> Shaped[np.ndarray, "h w c"]:
    """Copy samples out of Pillow a band of rows at a time: at once, it holds them three times over."""
    width, height = image.size
    samples = np.empty((height, width, len(image.getbands())), np.uint8)
    rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, rows):
        band = np.asarray(image.crop((0, top, width, min(top + rows, height))))
        samples[top : top + rows] = _with_channels(band)
    return samples


def divided_by_alpha(samples: Shaped[np.ndarray, "h w c"], *, white: float) -> Shaped[np.ndarray, "h w c"]:
    """Undo the multiplication of colour by opacity; what is wholly transparent becomes black."""
    alpha = samples[..., -1:]
    colour = samples[..., :-1] * (np.float32(white) / np.maximum(alpha, 1e-6).astype(np.float32))
    if samples.dtype.kind == "u":
        colour = np.rint(colour.clip(0, white))
    return np.concatenate([colour.astype(samples.dtype), alpha], axis=-1)


def _opened(opener: Callable[[BytesIO], ImageFile], data: bytes) -> ImageFile:
    """Read a file's header and refuse it before decoding if it is too large."""
    image = opener(BytesIO(data))
    refuse_bomb(image.size)
    return image


def _stored(image: ImageFile, *, samples: Shaped[np.ndarray, "..."] | None = None, white: float = 255.0) -> Stored:
    if samples is None:
        image.load()
        samples, icc = samples_of_pillow(image)
    else:
        samples, icc = _with_channels(samples), image.info.get("icc_profile")
    exif, xmp = image.info.get("exif"), image.info.get("xmp")
    return Stored(
        samples=samples,
        white=white,
        bits=16 if white > 255 else 8,
        icc=icc,
        exif=exif,
        xmp=xmp,
        dpi=_dpi_of(image),
        orientation=orientation_of(exif, xmp=xmp),
    )


def _dpi_of(image: Image.Image) -> tuple[float, float] | None:
    across, down = map(float, image.info.get("dpi") or (0, 0))
    return (across, down) if 0 < across < math.inf and 0 < down < math.inf else None


def _plain_mode(image: Image.Image) -> str:
    grey = image.mode in ("1", "L")
    if "transparency" in image.info or image.mode == "PA":
        return "LA" if grey else "RGBA"
    return "L" if grey else "RGB"


def _srgb_of_cmyk(image: Image.Image, icc: bytes | None) -> Image.Image:
    """Convert inks to sRGB by their profile, or without one as if they were ideal."""
    from PIL import ImageCms

    if icc:
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(BytesIO(icc)),
                ImageCms.createProfile("sRGB"),
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                outputMode="RGB",
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
        except (ImageCms.PyCMSError, OSError):
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


def _av1_samples(data: bytes) -> tuple[int, bool]:
    """Find the bits per sample of an AVIF, and whether it is grey, in its AV1 configurations.

    The opacity has a configuration of its own, which is always grey.

    Source:
        AV1 Codec ISO Media File Format Binding 1.2.0, 2.3.3: the third byte has ``high_bitdepth``
        in bit 6, ``twelve_bit`` in bit 5 and ``monochrome`` in bit 4.
    """
    flags = [data[match.end() + 2] for match in re.finditer(b"av1C", data[:-3])]
    if not flags:
        raise PhotoError("is no whole AVIF; export it again")
    deepest = max(flag & 0x60 for flag in flags)
    return {0x00: 8, 0x20: 8, 0x40: 10, 0x60: 12}[deepest], all(flag & 0x10 for flag in flags)


def _with_channels(samples: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "h w c"]:
    return samples[..., None] if samples.ndim == 2 else samples
