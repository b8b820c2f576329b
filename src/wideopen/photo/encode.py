"""Encoders of every format: a `Photo` in, a file in memory out, the same bytes each time.

As in `decode`, a library is imported when a file needs it.
"""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from wideopen.photo import profile
from wideopen.photo.exif import EXIF_DIRECTORY, MAKER_NOTE
from wideopen.photo.photo import Photo
from wideopen.shapes import Float, UInt

_JPEG_SEGMENT_BYTES = 65533
_XMP_HEAD_BYTES = 29
_BAND_PIXELS = 1 << 16
_PNG_LEVEL = 4  # less than half the time of 6 for a tenth more bytes
_AV1_SPEED = 8  # a third of the default's time for 5 % more bytes, at the same error
_HEVC_PRESET = "ultrafast"  # a tenth of the default's time for 5 % more bytes, at nearly the same error
_INCHES_PER_METRE = 1 / 0.0254


def encode_jpeg(photo: Photo, *, quality: int) -> bytes:
    """Encode 8 bits without colour subsampling; alpha is laid over white.

    EXIF that is longer than the one segment of 64 KiB that JPEG has for it loses its maker note, and
    is dropped if that is not enough; so is XMP.
    """
    exif, xmp = _short_exif(photo.exif), photo.xmp
    if xmp and len(xmp) > _JPEG_SEGMENT_BYTES - _XMP_HEAD_BYTES:
        xmp = None
    return _saved(
        Image.fromarray(_plain(_samples(photo, white=255, laid_over_white=True))),
        "JPEG",
        quality=quality,
        subsampling="4:4:4",
        optimize=True,
        icc_profile=photo.icc,
        **_given(exif=exif, xmp=xmp, dpi=photo.dpi),
    )


def encode_png(photo: Photo, *, quality: int) -> bytes:
    """Encode losslessly: 8 bits, or 16 where the photo has more. `quality` changes nothing."""
    from imagecodecs import png_encode

    samples = _samples(photo, white=255 if photo.bits == 8 else 65535)
    data = png_encode(_plain(samples), level=_PNG_LEVEL)
    head_bytes = 8 + 25  # signature and IHDR
    return b"".join([data[:head_bytes], *_png_chunks(photo), data[head_bytes:]])


def encode_tiff(photo: Photo, *, quality: int) -> bytes:
    """Encode losslessly with 8, 16 or 32 floating bits as the photo has. `quality` changes nothing.

    Floating point without a profile is written as linear light.
    """
    from wideopen.photo import tiff

    if photo.bits == 32:
        linear = photo.icc is None
        pixels = profile.to_linear(photo.pixels, None) if linear else photo.pixels
        samples = _with_alpha(pixels[..., :1] if photo.grey else pixels, photo.alpha)
    else:
        samples = _samples(photo, white=255 if photo.bits == 8 else 65535)
    return tiff.encode_tiff(samples, icc=photo.icc, exif=photo.exif, xmp=photo.xmp, dpi=photo.dpi)


def encode_webp(photo: Photo, *, quality: int) -> bytes:
    """Encode 8 bits; WebP always halves the resolution of colour below quality 100, which is lossless."""
    return _saved(
        Image.fromarray(_plain(_samples(photo, white=255))),
        "WEBP",
        quality=quality,
        lossless=quality == 100,
        exact=True,
        **_given(icc_profile=photo.icc, exif=photo.exif, xmp=photo.xmp),
    )


def encode_avif(photo: Photo, *, quality: int) -> bytes:
    """Encode 8 bits without colour subsampling: no library at hand writes more with metadata."""
    channels = 1 if photo.grey and photo.alpha is None else 3
    return _saved(
        Image.fromarray(_plain(_coloured(_samples(photo, white=255), channels=channels))),
        "AVIF",
        quality=quality,
        subsampling="4:0:0" if channels == 1 else "4:4:4",
        speed=_AV1_SPEED,
        **_given(icc_profile=photo.icc, exif=photo.exif, xmp=photo.xmp),
    )


def encode_heif(photo: Photo, *, quality: int) -> bytes:
    """Encode as HEVC: 8 bits, or 10 where the photo has more.

    Colour has half the resolution (4:2:0), as in the photos of phones: it is the only form that all of
    their hardware decoders show.
    """
    import pillow_heif

    deep = photo.bits > 8
    samples = _samples(photo, white=1023 if deep else 255)
    if samples.shape[2] == 2:
        samples = _coloured(samples, channels=3)
    if deep:
        # The encoder takes the upper 10 of 16 bits.
        samples = (samples << 6) | (samples >> 4)
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[samples.shape[2]] + (";16" if deep else "")
    file = BytesIO()
    pillow_heif.encode(
        mode,
        photo.size,
        samples.astype("<u2" if deep else "u1").tobytes(),
        file,
        quality=quality,
        chroma="420",
        enc_params={"preset": _HEVC_PRESET},
        **_given(icc_profile=photo.icc, exif=photo.exif, xmp=photo.xmp),
    )
    return file.getvalue()


def _samples(photo: Photo, *, white: int, laid_over_white: bool = False) -> UInt[np.ndarray, "h w c"]:
    """Round pixels and opacity to integers of shape (h, w, c), a band of rows at a time."""
    colours = 1 if photo.grey else 3
    alpha = photo.alpha
    width, height = photo.size
    channels = colours + (alpha is not None and not laid_over_white)
    samples = np.empty((height, width, channels), np.uint8 if white <= 255 else np.uint16)
    band_rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, band_rows):
        rows = slice(top, top + band_rows)
        colour = photo.pixels[rows, :, :colours]
        if alpha is not None and laid_over_white:
            colour = colour.clip(0, 1) * alpha[rows, :, None] + (1 - alpha[rows, :, None])
        samples[rows, :, :colours] = _rounded(colour, white)
        if alpha is not None and not laid_over_white:
            samples[rows, :, colours] = _rounded(alpha[rows], white)
    return samples


def _rounded(values: Float[np.ndarray, "..."], white: int) -> Float[np.ndarray, "..."]:
    return np.rint(values.clip(0, 1) * np.float32(white))


def _with_alpha(
    colour: Float[np.ndarray, "h w c"], alpha: Float[np.ndarray, "h w"] | None
) -> Float[np.ndarray, "h w d"]:
    return colour if alpha is None else np.concatenate([colour, alpha[..., None]], axis=2)


def _coloured(samples: UInt[np.ndarray, "h w c"], *, channels: int) -> UInt[np.ndarray, "h w d"]:
    """Repeat grey for formats that know opacity only beside colour."""
    if channels == 3 and samples.shape[2] < 3:
        return np.concatenate([samples[..., :1]] * 3 + [samples[..., 1:]], axis=2)
    return samples


def _plain(samples: UInt[np.ndarray, "h w c"]) -> UInt[np.ndarray, "..."]:
    return np.ascontiguousarray(samples[..., 0] if samples.shape[2] == 1 else samples)


def _saved(image: Image.Image, format_name: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()


def _given(**options: object) -> dict[str, Any]:
    """Leave out what is missing: encoders want no None."""
    return {name: value for name, value in options.items() if value is not None}


def _short_exif(exif: bytes | None) -> bytes | None:
    if exif is None or len(exif) <= _JPEG_SEGMENT_BYTES:
        return exif
    block = Image.Exif()
    block.load(exif)
    block.get_ifd(EXIF_DIRECTORY).pop(MAKER_NOTE, None)
    shorter = block.tobytes()
    return shorter if len(shorter) <= _JPEG_SEGMENT_BYTES else None


def _png_chunks(photo: Photo) -> list[bytes]:
    """Pack profile, resolution, EXIF and XMP as chunks that may stand before the pixels.

    Source:
        W3C, Portable Network Graphics (third edition), 11.3.2.3 iCCP, 11.3.4.3 pHYs, 11.3.3.4 iTXt and
        11.3.5.1 eXIf; Adobe, XMP Specification Part 3 (2020), 1.1.5, for the keyword.
    """
    chunks: list[bytes] = []
    if photo.icc:
        chunks.append(_png_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(photo.icc, 9)))
    if photo.dpi:
        per_metre = [round(side * _INCHES_PER_METRE) for side in photo.dpi]
        chunks.append(_png_chunk(b"pHYs", struct.pack(">LLB", *per_metre, 1)))
    if photo.exif:
        chunks.append(_png_chunk(b"eXIf", photo.exif.removeprefix(b"Exif\0\0")))
    if photo.xmp:
        chunks.append(_png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + photo.xmp))
    return chunks


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))
