"""TIFF: decoding and encoding with all bits, through tifffile and the libtiff of imagecodecs."""

import logging
import math
from io import BytesIO
from typing import Literal

import imagecodecs
import numpy as np
import tifffile
from PIL.TiffImagePlugin import TiffImageFile

from wideopen.errors import PhotoError
from wideopen.photo import profile
from wideopen.photo.decode import divided_by_alpha, samples_of_pillow
from wideopen.photo.exif import ORIENTATION
from wideopen.photo.stored import Stored, refuse_bomb
from wideopen.photo.tiff_exif import exif_of_tiff, insert_exif, main_texts
from wideopen.shapes import Shaped

# Odd tags are no concern of people who render photos; without any handler Python prints them.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_RAW_PHOTOMETRIC = (32803, 34892)
_SUB_DIRECTORIES, _DNG_VERSION, _ICC, _XMP = 330, 50706, 34675, 700
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296
_UNSIGNED, _FLOAT = 1, 3
_ASSOCIATED_ALPHA, _UNASSOCIATED_ALPHA = 1, 2
_SEPARATE_PLANES = 2
# None, LZW, both deflates and PackBits: a code of LZW stands for 3.8 kB at most, deflate packs 1032 bytes in one.
_LIMITED_COMPRESSIONS, _HIGHEST_RATIO = frozenset({1, 5, 8, 32773, 32946}), 1500
_MAX_CHANNELS = 5
_ORDERS: dict[str, Literal["little", "big"]] = {"<": "little", ">": "big"}
# Size, bits, compression, colours, places, planes, predictor, palette, tiles, extra samples, formats.
_PIXEL_FIELDS = frozenset(
    {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339}
)


def decode_tiff(data: bytes) -> Stored:
    """Decode the first page of a TIFF: integers of up to 32 bits, floats, strips or tiles, any byte order.

    Raises:
        PhotoError: If the page is truncated, too large, a camera's raw data or no picture.
    """
    with tifffile.TiffFile(BytesIO(data)) as file:
        page = file.pages.first
        if not isinstance(page, tifffile.TiffPage):
            raise PhotoError("has no whole first page; export it again")
        _refuse_broken_fields(file, page, data)
        _refuse_what_is_no_photo(page, data)
        tags = page.tags
        orientation = int(tags.valueof(ORIENTATION, default=1))
        photometric = int(page.photometric)
        if photometric in (_PALETTE, _CMYK) or (photometric == _YCBCR and int(page.compression) != 7):
            samples, white, bits, icc, upright = *_decode_by_pillow(data), True
        else:
            samples, white, bits = _decode_plain(page, data)
            icc, upright = tags.valueof(_ICC), False
        if bits == 32 and icc is None:
            colours = samples.shape[2] - (samples.shape[2] in (2, 4))
            samples[..., :colours] = profile.from_linear(samples[..., :colours], None)
        xmp = tags.valueof(_XMP)
        return Stored(
            samples=samples,
            white=white,
            bits=bits,
            icc=icc,
            exif=exif_of_tiff(data),
            xmp=bytes(xmp) if isinstance(xmp, bytes) else None,
            dpi=_dpi_of(tags),
            orientation=orientation if 1 <= orientation <= 8 else 1,
            upright=upright,
        )


def encode_tiff(
    samples: Shaped[np.ndarray, "h w c"],
    *,
    icc: bytes | None,
    exif: bytes | None,
    xmp: bytes | None,
    dpi: tuple[float, float] | None,
) -> bytes:
    """Encode samples losslessly, with everything that the photo carried.

    Args:
        samples: uint8, uint16 or float32 of shape (h, w, c): grey, grey and alpha, colour, colour and alpha.
        icc: Colour profile.
        exif: EXIF block; its texts go to the main directory, the rest to directories of their own.
        xmp: XMP packet.
        dpi: Pixels per inch, across and down.
    """
    channels = samples.shape[2]
    file = BytesIO()
    tifffile.imwrite(
        file,
        samples[..., 0] if channels == 1 else samples,
        photometric="minisblack" if channels < 3 else "rgb",
        planarconfig=None if channels == 1 else "contig",
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="adobe_deflate",
        predictor=True,
        rowsperstrip=max(1, 2**18 // samples[0].nbytes),
        iccprofile=icc,
        resolution=dpi,
        resolutionunit="inch" if dpi else None,
        metadata=None,
        software=False,
        byteorder="<",
        maxworkers=1,
        extratags=[*([(_XMP, 1, len(xmp), xmp, True)] if xmp else []), *main_texts(exif)],
    )
    return insert_exif(file.getvalue(), exif)


def _refuse_broken_fields(file: tifffile.TiffFile, page: tifffile.TiffPage, data: bytes) -> None:
    """Compare the fields that the directory lists with those that could be read: tifffile skips broken ones."""
    layout = file.tiff
    count = int.from_bytes(data[page.offset :][: layout.tagnosize], _ORDERS[layout.byteorder])
    first = page.offset + layout.tagnosize
    for at in range(first, first + count * layout.tagsize, layout.tagsize):
        tag = int.from_bytes(data[at : at + 2], _ORDERS[layout.byteorder])
        if tag in _PIXEL_FIELDS and tag not in page.tags:
            raise PhotoError("is truncated or broken in its header; copy or export it again")


def _refuse_what_is_no_photo(page: tifffile.TiffPage, data: bytes) -> None:
    """Check everything that the header tells, before anything is decoded."""
    raw = _DNG_VERSION in page.tags or int(page.photometric) in _RAW_PHOTOMETRIC or data[8:10] == b"CR"
    if raw or (page.subfiletype & 1 and _SUB_DIRECTORIES in page.tags):
        raise PhotoError("is a camera's raw file; develop it to TIFF or JPEG first")
    refuse_bomb((page.imagewidth, page.imagelength))
    if page.is_tiled:
        refuse_bomb((page.tilewidth, page.tilelength))
    if page.imagedepth != 1 or page.samplesperpixel > _MAX_CHANNELS:
        raise PhotoError(f"has {page.samplesperpixel} channels of depth {page.imagedepth}; a photo was wanted")
    if int(page.photometric) not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR):
        raise PhotoError(f"has colours of a kind that is not read ({page.photometric!s}); export it as RGB")
    ends = [at + size for at, size in zip(page.dataoffsets, page.databytecounts, strict=False)]
    whole_bytes = math.prod(page.chunked) * math.prod(page.chunks) * page.bitspersample / 8
    if int(page.compression) in _LIMITED_COMPRESSIONS and whole_bytes > _HIGHEST_RATIO * len(data):
        raise PhotoError("holds far too little for its size; copy or export it again")
    if len(ends) < math.prod(page.chunked) or max(ends, default=0) > len(data) or 0 in page.databytecounts:
        raise PhotoError("is truncated; copy or export it again")


def _decode_by_pillow(data: bytes) -> tuple[Shaped[np.ndarray, "h w c"], float, int, bytes | None]:
    """Decode palettes, inks and video colours to 8 bits; Pillow turns them upright."""
    image = TiffImageFile(BytesIO(data))
    image.load()
    samples, icc = samples_of_pillow(image)
    return samples, 255.0, 8, icc


def _decode_plain(page: tifffile.TiffPage, data: bytes) -> tuple[Shaped[np.ndarray, "h w c"], float, int]:
    """Decode grey or RGB to (h, w, c) with the value of white and the bits of the photo."""
    # libtiff survives damaged data, where tifffile's own decoders can end the process.
    samples = imagecodecs.tiff_decode(data, index=0)
    if samples.ndim == 2:
        samples = samples[..., None]
    elif int(page.planarconfig) == _SEPARATE_PLANES:
        samples = np.moveaxis(samples, 0, -1)

    # Keep one or three colours, and opacity where the file says that it is one.
    colours = 3 if samples.shape[2] >= 3 else 1
    extra = tuple(int(kind) for kind in page.extrasamples)[:1]
    has_alpha = extra in ((_ASSOCIATED_ALPHA,), (_UNASSOCIATED_ALPHA,)) and samples.shape[2] > colours
    samples = np.ascontiguousarray(samples[..., : colours + has_alpha])

    samples, white, bits = _in_range(samples, page)
    if int(page.photometric) == _WHITE_IS_ZERO:
        samples[..., 0] = samples.dtype.type(white) - samples[..., 0]
    if has_alpha and extra == (_ASSOCIATED_ALPHA,):
        samples = divided_by_alpha(samples, white=white)
    return samples, white, bits


def _in_range(
    samples: Shaped[np.ndarray, "h w c"], page: tifffile.TiffPage
) -> tuple[Shaped[np.ndarray, "h w c"], float, int]:
    """Bring every sample format to uint8, uint16 or float32."""
    if page.sampleformat == _FLOAT:
        bad = int((~np.isfinite(samples)).sum())
        if bad:
            raise PhotoError(f"has {bad} of {samples.size} samples that are not finite; mend it first")
        return samples.clip(0, np.finfo(np.float32).max).astype(np.float32), 1.0, 32
    if page.sampleformat != _UNSIGNED:
        raise PhotoError("has signed or complex samples; export it with 8, 16 or 32 floating bits")
    bits = int(page.bitspersample)
    if bits > 16:
        return (samples >> (bits - 16)).astype(np.uint16), 65535.0, 16
    if bits <= 8:
        return samples.astype(np.uint8), 2.0**bits - 1, 8
    return samples.astype(np.uint16), 2.0**bits - 1, 16


def _dpi_of(tags: tifffile.TiffTags) -> tuple[float, float] | None:
    per_unit = {2: 1.0, 3: 2.54}.get(int(tags.valueof(_RESOLUTION_UNIT, default=2)))
    across, down = tags.valueof(_X_RESOLUTION), tags.valueof(_Y_RESOLUTION)
    if per_unit is None or not across or not down or not across[1] or not down[1]:
        return None
    return across[0] / across[1] * per_unit, down[0] / down[1] * per_unit
