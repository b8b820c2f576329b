"""Compiled loops of the preview: light made smaller, lamps added to it, and light made into levels."""

import numpy as np
from numba import prange

from wideopen.compiled import compiled


@compiled(parallel=True)
def light_of_pixels(pixels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Bring encoded values to linear light.

    Args:
        pixels: float32 (h, w, 3), in [0, 1].
        table: float32 (n, 3): linear light by encoded value, evenly from 0 to 1, for each channel.
    """
    height, width, _ = pixels.shape
    top = np.float32(len(table) - 1)
    out = np.empty((height, width, 3), np.float32)
    for y in prange(height):
        for x in range(width):
            for c in range(3):
                out[y, x, c] = table[int(pixels[y, x, c] * top + np.float32(0.5)), c]
    return out


@compiled(parallel=True)
def reduced(light: np.ndarray, height: int, width: int) -> np.ndarray:
    """Average light over the area of every pixel of a smaller picture.

    Args:
        light: float32 (h, w, channels).
        height: Of the smaller one, at most that of `light`.
        width: As `height`.
    """
    own_height, own_width, channels = light.shape
    tall, wide = own_height / height, own_width / width
    out = np.empty((height, width, channels), np.float32)
    for y in prange(height):
        upper, lower = y * tall, (y + 1) * tall
        sums = np.zeros((width, channels), np.float32)
        for row in range(int(upper), min(int(np.ceil(lower)), own_height)):
            down = np.float32((min(lower, row + 1.0) - max(upper, float(row))) / (tall * wide))
            for x in range(width):
                left, right = x * wide, (x + 1) * wide
                for column in range(int(left), min(int(np.ceil(right)), own_width)):
                    share = down * np.float32(min(right, column + 1.0) - max(left, float(column)))
                    for c in range(channels):
                        sums[x, c] += share * light[row, column, c]
        out[y] = sums
    return out


@compiled(parallel=True)
def halved(pixels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Bring encoded values to linear light and average it over two by two pixels; an odd row or column is left out.

    Args:
        pixels: float32 (h, w, 3), in [0, 1].
        table: As for `light_of_pixels`.
    """
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    top = np.float32(len(table) - 1)
    out = np.empty((height, width, 3), np.float32)
    for y in prange(height):
        for x in range(width):
            for c in range(3):
                total = np.float32(0)
                for row in range(2 * y, 2 * y + 2):
                    for column in range(2 * x, 2 * x + 2):
                        total += table[int(pixels[row, column, c] * top + np.float32(0.5)), c]
                out[y, x, c] = np.float32(0.25) * total
    return out


@compiled(parallel=True)
def lit(light: np.ndarray, lamps: np.ndarray, radius: np.ndarray, gain: float, begin: float, end: float) -> np.ndarray:
    """Add the light of lamps that are out of focus, all of it from `end` on and none up to `begin`.

    Args:
        light: float32 (h, w, 3).
        lamps: As `light`: what clipping has taken from it.
        radius: Blur radius in pixels, of either sign.
        gain: Factor for `lamps`.
        begin: In pixels.
        end: In pixels.
    """
    height, width, _ = light.shape
    out = np.empty((height, width, 3), np.float32)
    for y in prange(height):
        for x in range(width):
            part = min(max((abs(radius[y, x]) - begin) / (end - begin), 0.0), 1.0)
            share = np.float32(gain * part * part * (3 - 2 * part))
            for c in range(3):
                out[y, x, c] = light[y, x, c] + share * lamps[y, x, c]
    return out


@compiled(parallel=True)
def levels_of_light(light: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Encode linear light in steps of 8 bits; what is above white is white.

    Args:
        light: float32 (h, w, 3), not below 0.
        table: uint8 (n, 3): level by the square root of light, evenly from 0 to 1, for each channel.
    """
    height, width, _ = light.shape
    top = np.float32(len(table) - 1)
    out = np.empty((height, width, 3), np.uint8)
    for y in prange(height):
        for x in range(width):
            for c in range(3):
                root = np.sqrt(min(max(light[y, x, c], np.float32(0)), np.float32(1)))
                out[y, x, c] = table[int(root * top + np.float32(0.5)), c]
    return out
