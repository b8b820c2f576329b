"""Tiles: a picture in parts that overlap, and one picture again."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
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
    rows, columns = (_spans(side, side_px, overlap_px, multiple_of) for side in (height, width))
    return [Tile(row, column) for row in rows for column in columns]


def _spans(length: int, side_px: int, overlap_px: int, multiple_of: int) -> list[slice]:
    side = max(side_px // multiple_of, 2) * multiple_of
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
        self._sum = torch.zeros(1, 3, height, width)
        self._weight = torch.zeros(1, 1, height, width)
        self._overlap_px = overlap_px

    def add(self, tile: Tile, picture: Float[Tensor, "1 3 h w"]) -> None:
        """Add what was made of a tile."""
        height, width = self._sum.shape[2:]
        weight = self._fade(tile.rows, height)[:, None] * self._fade(tile.columns, width)[None]
        self._sum[:, :, tile.rows, tile.columns] += picture.float().cpu() * weight
        self._weight[:, :, tile.rows, tile.columns] += weight

    def picture(self) -> Float[Tensor, "1 3 h w"]:
        """All of it."""
        return self._sum / self._weight

    def _fade(self, span: slice, length: int) -> Tensor:
        """1 inside; towards borders that are not the picture's, first 0 (nothing is known beyond), then a ramp."""
        size = span.stop - span.start
        reach = max(min(self._overlap_px, size // 2), 1)
        ramp = ((torch.arange(size) + 0.5) / reach * 2 - 1).clamp(1e-4, 1)
        fade = torch.ones(size)
        if span.start > 0:
            fade = torch.minimum(fade, ramp)
        if span.stop < length:
            fade = torch.minimum(fade, ramp.flip(0))
        return fade


def each(tiles: list[Tile], picture: Tensor) -> Iterator[tuple[Tile, Tensor]]:
    """Give each tile with its part of a picture."""
    for tile in tiles:
        yield tile, picture[:, :, tile.rows, tile.columns]
