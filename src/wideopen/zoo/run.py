"""Run a solution on photos: guides, value range, padding, tiles, and back."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from wideopen.errors import RequestError
from wideopen.optics import DepthMap
from wideopen.photo import Photo
from wideopen.scene.scene import DepthKind
from wideopen.zoo.guides import guides_of
from wideopen.zoo.layers import recalling, remembering, uses_statistics
from wideopen.zoo.solution import Solution
from wideopen.zoo.tiles import Joined, Tile, each, tiles_of

Precision = Literal["auto", "float32", "bfloat16"]
WHOLE_PX = 2_500_000
"""Larger pictures are run in tiles; this lets the challenge's 1536x1024 through whole."""
TILE_PX = 1280
OVERLAP_PX = 192


@dataclass(frozen=True)
class SolutionRenderer:
    """A Renderer that runs a network; the photo keeps its file's everything."""

    solution: Solution
    network: nn.Module
    """In evaluation mode; see `prepared`."""
    depth: str | Path | DepthMap = "auto"
    """For networks that need it; as `wideopen.scene.look` takes it."""
    depth_kind: DepthKind = "disparity"
    saliency: Float[np.ndarray, "mh mw"] | nn.Module | None = None
    """For networks that need it: a map in [0, 1], or a front end; None takes the matte of the scene."""
    depth_front_end: nn.Module | None = None
    """A front end in the place of `depth`."""
    device: str = "cpu"
    precision: Precision = "float32"
    """Of convolutions; ``bfloat16`` changes results by a few 8-bit levels at most, ``auto`` takes it where the
    processor computes with it."""
    whole_px: int = WHOLE_PX
    """Most pixels that are run at once."""
    tile_px: int = TILE_PX
    overlap_px: int = OVERLAP_PX

    def __call__(self, photo: Photo) -> Photo:
        """Render a photo.

        The picture goes in as it is encoded, values above 1 cut off, for networks have learned from JPEGs.

        Raises:
            DepthError: If a network needs depth and it cannot be had.
            RequestError: If memory does not suffice; it says what to change.
        """
        low, high = self.solution.value_range
        picture = _tensor(photo.pixels.clip(0, 1)) * (high - low) + low
        guides = [_tensor(guide[..., None]) * high for guide in self.guides(photo)]
        try:
            with torch.inference_mode(), self._arithmetic():
                found = self._run(picture, guides)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not is_lack_of_memory(error):
                raise
            raise RequestError(
                f"{self.solution.name} needs more memory for {photo.size[0]}x{photo.size[1]}; make the photo smaller, "
                f"or tiles smaller than {self.tile_px} px"
            ) from error
        pixels = ((found[0].permute(1, 2, 0).numpy() - low) / (high - low)).clip(0, 1)
        if photo.grey:
            pixels = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
        return photo.with_pixels(np.ascontiguousarray(pixels, np.float32))

    def guides(self, photo: Photo) -> list[Float[np.ndarray, "h w"]]:
        """Maps that the network needs; see `wideopen.zoo.guides.guides_of`."""
        return guides_of(
            photo,
            self.solution.needs,
            depth=self.depth,
            depth_kind=self.depth_kind,
            saliency=self.saliency,
            depth_front_end=self.depth_front_end,
        )

    def _run(self, picture: Float[Tensor, "1 3 h w"], guides: list[Tensor]) -> Float[Tensor, "1 3 h w"]:
        """Pad, run whole or in tiles, and crop."""
        height, width = picture.shape[2:]
        rows, columns = (-side % self.solution.multiple_of for side in (height, width))
        padding = (columns, 0, rows, 0) if self.solution.padded_at == "start" else (0, columns, 0, rows)
        picture, *guides = (_padded(each, padding, self.solution.padding) for each in (picture, *guides))
        if picture.shape[2] * picture.shape[3] <= self.whole_px:
            found = self._ask(picture, guides)
        else:
            found = self._run_in_tiles(picture, guides)
        top, left = (rows, columns) if self.solution.padded_at == "start" else (0, 0)
        return found[:, :, top : top + height, left : left + width]

    def _run_in_tiles(self, picture: Float[Tensor, "1 3 h w"], guides: list[Tensor]) -> Float[Tensor, "1 3 h w"]:
        """Run tile by tile; what the network wants to know of the whole picture, it asks a shrunk one."""
        height, width = picture.shape[2:]
        tiles = tiles_of(
            height, width, side_px=self.tile_px, overlap_px=self.overlap_px, multiple_of=self.solution.multiple_of
        )
        borrows = uses_statistics(self.network)
        if borrows:
            with remembering(self.network):
                self._ask(*self._shrunk(picture, guides))
        joined = Joined(height, width, overlap_px=self.overlap_px)
        for tile, part in each(tiles, picture):
            joined.add(tile, self._ask_for_tile(tile, part, guides, height * width, borrows=borrows))
        return joined.picture()

    def _ask_for_tile(
        self, tile: Tile, part: Tensor, guides: list[Tensor], area_px: int, *, borrows: bool
    ) -> Float[Tensor, "1 3 h w"]:
        beside = [guide[:, :, tile.rows, tile.columns] for guide in guides]
        if not borrows:
            return self._ask(part, beside)
        with recalling(self.network, area_ratio=area_px / tile.area_px):
            return self._ask(part, beside)

    def _shrunk(self, picture: Tensor, guides: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Bring all to a size that can be run at once."""
        multiple = self.solution.multiple_of
        height, width = picture.shape[2:]
        ratio = min((self.whole_px / (height * width)) ** 0.5, 1)
        size = [max(int(side * ratio) // multiple, 1) * multiple for side in (height, width)]
        if size == [height, width]:
            return picture, guides
        shrunk, *others = (
            functional.interpolate(each, size, mode="bilinear", antialias=True) for each in (picture, *guides)
        )
        return shrunk, others

    def _ask(self, picture: Tensor, guides: list[Tensor]) -> Float[Tensor, "1 3 h w"]:
        given = [each.to(self.device, memory_format=torch.channels_last) for each in (picture, *guides)]
        return self.network(*given).float().cpu()

    def _arithmetic(self) -> Any:  # noqa: ANN401
        kind = "cuda" if self.device.startswith("cuda") else "cpu"
        low = self.precision == "bfloat16" or (self.precision == "auto" and computes_bfloat16(self.device))
        return torch.autocast(kind, torch.bfloat16, enabled=low)


def prepared(renderer: SolutionRenderer, *, compiled: bool = False) -> SolutionRenderer:
    """Bring a renderer's network to its device, into evaluation mode and the layout that convolutions are fast in.

    Raises:
        RequestError: If the device is not there.
    """
    if renderer.device != "cpu" and not (renderer.device.startswith("cuda") and torch.cuda.is_available()):
        raise RequestError(f"there is no device {renderer.device!r} here; use cpu" + (", or cuda" * _has_cuda()))
    network: Any = renderer.network.eval().to(renderer.device)
    network = network.to(memory_format=torch.channels_last)
    if compiled:
        network = torch.compile(network)
    return replace(renderer, network=network)


def computes_bfloat16(device: str) -> bool:
    """Whether a device computes in bfloat16, and does not only hold it."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    supports: Callable[[], bool] = torch.ops.mkldnn._is_mkldnn_bf16_supported
    return bool(torch._C._has_mkldnn) and supports()


def _has_cuda() -> bool:
    return torch.cuda.is_available()


def _tensor(pixels: Float[np.ndarray, "h w c"]) -> Float[Tensor, "1 c h w"]:
    return torch.from_numpy(np.ascontiguousarray(pixels, np.float32)).permute(2, 0, 1)[None]


def _padded(x: Tensor, padding: tuple[int, int, int, int], mode: Literal["reflect", "edge"]) -> Tensor:
    """Pad left, right, top and bottom; what is smaller than its padding is repeated at the edge."""
    if not any(padding):
        return x
    fits = padding[0] + padding[1] < x.shape[3] and padding[2] + padding[3] < x.shape[2]
    return functional.pad(x, padding, mode="reflect" if mode == "reflect" and fits else "replicate")


def is_lack_of_memory(error: RuntimeError) -> bool:
    """Whether an error of torch's says that there is no memory left."""
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)
