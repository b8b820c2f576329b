"""Tiles: a picture in parts that overlap, and one picture again."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Tile:
    """Where a tile lies: rows and columns of the picture."""

    rows: slice
    columns: slice

    @property
    def area_px(self) -> int:
        """Pixels of it."""
        return (self.rows.stop - self.rows.start) * (self.columns.stop - self.columns.start)


def tiles_of(height: int, width: int, *, side_px: int, overlap_px: int, multiple_of: int) -> list[Tile]:
    """Cover a picture by tiles of one size, row by row.

    Args:
        height: Of the picture; a multiple of `multiple_of`, as is the width.
        width: Likewise.
        side_px: Most height and width of a tile.
        overlap_px: Least that neighbours share.
        multiple_of: Of height, width and corners of all tiles.
    """
    side = max(side_px // multiple_of, 2) * multiple_of
    rows, columns = (spans_of(length, side, overlap_px, multiple_of) for length in (height, width))
    return [Tile(row, column) for row in rows for column in columns]


def spans_of(length: int, side: int, overlap_px: int, multiple_of: int = 1) -> list[slice]:
    """Cover a length by spans of one side that share the overlap or more; a length that is no longer is one span."""
    if length <= side:
        return [slice(0, length)]
    overlap = min(-(-overlap_px // multiple_of) * multiple_of, side - multiple_of)
    count = -(-(length - overlap) // (side - overlap))
    last = length - side
    starts = [round(last * k / (count - 1) / multiple_of) * multiple_of for k in range(count)]
    return [slice(start, start + side) for start in starts]


class Joined:
    """Puts tiles together; where they overlap, each fades out towards its border."""

    def __init__(self, height: int, width: int, *, overlap_px: int) -> None:
        import torch

        self._sum = torch.zeros(1, 3, height, width)
        self._weight = torch.zeros(1, 1, height, width)
        self._overlap_px = overlap_px

    def add(self, tile: Tile, picture: "Float[Tensor, '1 3 h w']") -> None:
        """Add what was made of a tile."""
        import torch

        height, width = self._sum.shape[2:]
        weight = torch.from_numpy(weights_of(tile, height, width, overlap_px=self._overlap_px))
        self._sum[:, :, tile.rows, tile.columns] += picture.float().cpu() * weight
        self._weight[:, :, tile.rows, tile.columns] += weight

    def picture(self) -> "Float[Tensor, '1 3 h w']":
        """All of it."""
        return self._sum / self._weight


def weights_of(tile: Tile, height: int, width: int, *, overlap_px: int) -> Float[np.ndarray, "h w"]:
    """How much each pixel of a tile counts in a picture of height and width; positive everywhere."""
    return _fade(tile.rows, height, overlap_px)[:, None] * _fade(tile.columns, width, overlap_px)[None]


def _fade(span: slice, length: int, overlap_px: int) -> Float[np.ndarray, "size"]:
    """1 inside; towards borders that are not the picture's, first 0 (nothing is known beyond), then a ramp."""
    size = span.stop - span.start
    reach = max(min(overlap_px, size // 2), 1)
    ramp = ((np.arange(size, dtype=np.float32) + 0.5) / reach * 2 - 1).clip(1e-4, 1)
    fade = np.ones(size, np.float32)
    if span.start > 0:
        fade = np.minimum(fade, ramp)
    if span.stop < length:
        fade = np.minimum(fade, ramp[::-1])
    return fade


def each(tiles: list[Tile], picture: "Tensor") -> "Iterator[tuple[Tile, Tensor]]":
    """Give each tile with its part of a picture."""
    for tile in tiles:
        yield tile, picture[:, :, tile.rows, tile.columns]
