"""PairSet: pairs as the samples that a network learns from, in NumPy."""

from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from PIL import Image

from wideopen.errors import PhotoError, RequestError
from wideopen.pairs.pair import Pair
from wideopen.photo import jpeg_parts
from wideopen.photo.metadata import orientation_of
from wideopen.photo.orientation import turn_array
from wideopen.scene.fit import ASPECT_TOLERANCE
from wideopen.scene.mapfile import read_depth
from wideopen.shapes import UInt8

Sample = dict[str, np.ndarray]
"""``original`` and ``bokeh`` (h, w, 3), ``depth`` and ``matte`` (h, w); in a batch with n in front."""

GROUP = 16
"""With several crops per decode, so many pairs are drawn from in turn."""
PREFETCH = 2
"""So many batches are made ahead."""


class PairSet:
    """Random crops of pairs, the same for the same seed whatever the number of workers.

    Sample ``i`` of epoch ``e`` depends on the pairs, the settings and (seed, e, i) alone. `batches` streams them;
    ``len`` and indexing make this a data set for PyTorch as well, which counts in the epoch of `epoch`.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        crop_px: tuple[int, int],
        *,
        seed: int = 0,
        flips: bool = True,
        vertical_flips: bool = False,
        rot90: bool = False,
        scale: float = 1.0,
        with_depth: bool = False,
        with_matte: bool = False,
        as_float: bool = True,
        crops_per_decode: int = 1,
    ) -> None:
        """Look at the size of every picture, so that training does not stop over one later.

        Args:
            pairs: From `wideopen.pairs.pair.pairs_in`.
            crop_px: Height and width of the samples.
            seed: Of order and crops, 0 or more.
            flips: Whether half of the samples are mirrored.
            vertical_flips: Whether half of them are turned upside down by mirroring.
            rot90: Whether they are turned by 0, 90, 180 or 270 degrees; for square crops.
            scale: Up to 1: pictures are shrunk to this share of their size before they are cropped, by Pillow's
                bicubic filter.
            with_depth: Whether samples have depth, float32 in [0, 1], near is 1.
            with_matte: Whether they have the subject's matte, float32 in [0, 1].
            as_float: Pictures as float32 in [0, 1] as encoded, else as uint8.
            crops_per_decode: How many crops are made of a picture once it is decoded. The epoch has as many
                times more samples; `GROUP` pairs take turns, so that a batch shows several.

        Raises:
            RequestError: If there are no pairs, the two pictures of one differ in size, a picture is smaller
                than the crop, a map is missing or a setting is impossible.
            PhotoError: If a file cannot be read.
        """
        height, width = crop_px
        if height < 1 or width < 1 or seed < 0 or crops_per_decode < 1:
            raise RequestError(
                f"crop {width}x{height}, seed {seed}, {crops_per_decode} crops per decode: a seed is 0 or more, the "
                "rest 1 or more"
            )
        if not 0 < scale <= 1:
            raise RequestError(f"scale is {scale:g}, but it lies above 0 and up to 1")
        if rot90 and height != width:
            raise RequestError(f"turning by 90 degrees needs a square crop, and this one is {width}x{height}")
        if not pairs:
            raise RequestError("there are no pairs to learn from; build some first")
        self.pairs = tuple(pairs)
        self.crop_px = (height, width)
        self.epoch = 0
        """The epoch that indexing counts in."""
        self._seed, self._scale, self._as_float = seed, scale, as_float
        self._flips, self._vertical_flips, self._rot90 = flips, vertical_flips, rot90
        self._maps = [name for name, wanted in (("depth", with_depth), ("matte", with_matte)) if wanted]
        self._crops_per_decode = crops_per_decode
        for pair in self.pairs:
            self._refuse(pair)
        self._order: tuple[int, np.ndarray] | None = None
        self._decoded: OrderedDict[int, Future[Sample]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """Samples of an epoch."""
        return len(self.pairs) * self._crops_per_decode

    def __getitem__(self, index: int) -> Sample:
        """Make a sample of the current epoch; indices past the end raise IndexError."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        return self.sample(self.epoch, index % len(self))

    def __getstate__(self) -> dict[str, Any]:
        """Let worker processes begin with nothing decoded."""
        return self.__dict__ | {"_decoded": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state | {"_decoded": OrderedDict(), "_lock": Lock()}

    def sample(self, epoch: int, index: int) -> Sample:
        """Make a sample of any epoch.

        Raises:
            PhotoError: If a file is broken; the message names it.
        """
        into = self._empty(1)
        self._fill(into, 0, epoch, index)
        return {name: stack[0] for name, stack in into.items()}

    def gather(self, epoch: int, indices: Sequence[int], *, workers: int = 0) -> Sample:
        """Make a batch of any samples of an epoch, by so many threads.

        Raises:
            PhotoError: If a file is broken; the message names it.
        """
        batch = self._empty(len(indices))
        if workers < 2 or len(indices) < 2:
            for slot, index in enumerate(indices):
                self._fill(batch, slot, epoch, index)
            return batch
        with ThreadPoolExecutor(min(workers, len(indices))) as pool:
            return _finished(batch, [pool.submit(self._fill, batch, k, epoch, i) for k, i in enumerate(indices)])

    def batches(
        self, batch_size: int, *, workers: int = 2, epoch: int = 0, first: int = 0, drop_last: bool = False
    ) -> Iterator[Sample]:
        """Stream an epoch as batches.

        At most `PREFETCH` batches are made ahead. When the iterator is closed or left early, or a sample
        cannot be made, the workers end after what they are at.

        Args:
            batch_size: Samples per batch.
            workers: Threads, for decoding leaves Python's lock alone; 0 works in the caller's.
            epoch: Which one.
            first: The first batch to give, for a run that goes on in the middle.
            drop_last: Whether a last batch with fewer samples is left out.

        Raises:
            RequestError: If a number is impossible.
            PhotoError: If a file is broken; the message names it.
        """
        if batch_size < 1 or min(workers, epoch, first) < 0:
            raise RequestError(
                f"batch size {batch_size}, {workers} workers, epoch {epoch}, first batch {first}: "
                "a batch has 1 sample or more, and no number is below 0"
            )
        starts = range(first * batch_size, len(self) - (batch_size - 1 if drop_last else 0), batch_size)
        slots = [range(start, min(start + batch_size, len(self))) for start in starts]
        return self._stream(slots, workers, epoch) if workers else self._make_all(slots, epoch)

    def _make_all(self, slots: Sequence[range], epoch: int) -> Iterator[Sample]:
        for indices in slots:
            batch = self._empty(len(indices))
            for slot, index in enumerate(indices):
                self._fill(batch, slot, epoch, index)
            yield batch

    def _stream(self, slots: Sequence[range], workers: int, epoch: int) -> Iterator[Sample]:
        pool = ThreadPoolExecutor(workers, "wideopen-pairs")
        waiting: deque[tuple[Sample, list[Future[None]]]] = deque()
        try:
            for indices in slots:
                batch = self._empty(len(indices))
                made = [pool.submit(self._fill, batch, slot, epoch, index) for slot, index in enumerate(indices)]
                waiting.append((batch, made))
                # One that is waited for, and those that are made ahead; small batches need more to keep all busy.
                if len(waiting) > max(PREFETCH, -(-workers // len(indices))):
                    yield _finished(*waiting.popleft())
            while waiting:
                yield _finished(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _empty(self, count: int) -> Sample:
        kind = np.float32 if self._as_float else np.uint8
        pictures = {name: np.empty((count, *self.crop_px, 3), kind) for name in ("original", "bokeh")}
        return pictures | {name: np.empty((count, *self.crop_px), np.float32) for name in self._maps}

    def _fill(self, batch: Sample, slot: int, epoch: int, index: int) -> None:
        """Crop, mirror and turn all parts of a pair alike."""
        # Numbers are drawn even where they do not count, so that a setting changes nothing else.
        down, along, mirror, upend, turn = np.random.default_rng([self._seed, epoch, 1, index]).random(5)
        parts = self._parts(int(self._order_of(epoch)[index]))
        height, width = self.crop_px
        whole_height, whole_width = parts["original"].shape[:2]
        top, left = int(down * (whole_height - height + 1)), int(along * (whole_width - width + 1))
        for name, part in parts.items():
            crop = part[top : top + height, left : left + width]
            if self._flips and mirror < 0.5:
                crop = crop[:, ::-1]
            if self._vertical_flips and upend < 0.5:
                crop = crop[::-1]
            if self._rot90:
                crop = np.rot90(crop, int(turn * 4))
            if crop.dtype == np.uint8 and self._as_float:
                np.divide(crop, np.float32(255), out=batch[name][slot])
            else:
                batch[name][slot] = crop

    def _order_of(self, epoch: int) -> np.ndarray:
        """The pair of every sample of an epoch."""
        known = self._order
        if known is not None and known[0] == epoch:
            return known[1]
        rng = np.random.default_rng([self._seed, epoch, 0])
        order = rng.permutation(len(self.pairs))
        if self._crops_per_decode > 1:
            groups = [order[start : start + GROUP] for start in range(0, len(order), GROUP)]
            rounds = [rng.permutation(group) for group in groups for _ in range(self._crops_per_decode)]
            order = np.concatenate(rounds)
        self._order = (epoch, order)
        return order

    def _parts(self, index: int) -> Sample:
        """Decode a pair, or wait for the thread that does; those used last are remembered."""
        if self._crops_per_decode == 1:
            return self._decode(self.pairs[index])
        with self._lock:
            found = self._decoded.get(index)
            mine: Future[Sample] = Future()
            if found is None:
                self._decoded[index] = mine
                if len(self._decoded) > GROUP + GROUP // 2:
                    self._decoded.popitem(last=False)
            else:
                self._decoded.move_to_end(index)
        if found is not None:
            return found.result()
        try:
            mine.set_result(self._decode(self.pairs[index]))
        except BaseException as error:
            with self._lock:
                self._decoded.pop(index, None)
            mine.set_exception(error)
        return mine.result()

    def _decode(self, pair: Pair) -> Sample:
        parts: Sample = {"original": _scaled(decode(pair.original), self._scale)}
        parts["bokeh"] = _scaled(decode(pair.bokeh), self._scale)
        height, width = parts["original"].shape[:2]
        for name in self._maps:
            parts[name] = _fitted(read_depth(getattr(pair, name)).dioptres, height, width)
        return parts

    def _refuse(self, pair: Pair) -> None:
        """Refuse a pair that no sample can be made of, by the heads of its files.

        Raises:
            RequestError: If it is one.
        """
        (width, height), other = size_of(pair.original), size_of(pair.bokeh)
        if other != (width, height):
            raise RequestError(
                f"pair {pair.name}: the original is {width}x{height} and the bokeh {other[0]}x{other[1]}; "
                "both must show the same frame, so build the pair again"
            )
        inner_height, inner_width = _scaled_size(height, width, self._scale)
        if inner_height < self.crop_px[0] or inner_width < self.crop_px[1]:
            raise RequestError(
                f"the crop is {self.crop_px[1]}x{self.crop_px[0]} and pair {pair.name} {inner_width}x{inner_height}; "
                "use a smaller crop or leave the pair out"
            )
        for name in self._maps:
            path = getattr(pair, name)
            if path is None:
                raise RequestError(f"pair {pair.name} has no {name}; leave it out or train without {name}")
            map_width, map_height = size_of(path)
            if abs(map_width / map_height / (width / height) - 1) > ASPECT_TOLERANCE:
                raise RequestError(
                    f"pair {pair.name}: the {name} is {map_width}x{map_height} and the original {width}x{height}; "
                    "give a map of the same proportions"
                )


def size_of(path: Path) -> tuple[int, int]:
    """Read the upright width and height of a picture from the head of its file.

    Raises:
        PhotoError: If it cannot be read.
    """
    try:
        with Image.open(path) as image:
            turned = _orientation(image) >= 5
            return image.size[::-1] if turned else image.size
    except Exception as error:  # what a decoder raises over a broken file is its own affair
        raise _broken(path, error) from error


def decode(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    """Decode a picture of a data set, upright, as encoded.

    Profiles are not looked at: training counts in the numbers that the files hold. `wideopen.read` gives the same
    ones, as float32 of the whole picture and with its metadata, which takes longer than the decoding.

    Raises:
        PhotoError: If it is broken; the message names it.
    """
    from imagecodecs import jpeg8_decode

    try:
        data = path.read_bytes()
        image = Image.open(BytesIO(data))
        if image.format in ("JPEG", "MPO") and image.mode == "RGB":
            # This decoder would fill up with grey what is missing at the end.
            if not data.endswith(b"\xff\xd9"):
                jpeg_parts.length_bytes(data)
            pixels = jpeg8_decode(data)
        else:
            pixels = np.asarray(image.convert("RGB"))
        return turn_array(pixels, orientation=_orientation(image))
    except Exception as error:  # what a decoder raises over a broken file is its own affair
        raise _broken(path, error) from error


def _orientation(image: Image.Image) -> int:
    return orientation_of(image.info.get("exif"), xmp=image.info.get("xmp"))


def _broken(path: Path, error: Exception) -> PhotoError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return PhotoError(f"{path} is broken or no picture ({reason}); build the pair again or leave it out")


def _scaled_size(height: int, width: int, scale: float) -> tuple[int, int]:
    return max(1, round(height * scale)), max(1, round(width * scale))


def _scaled(pixels: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1:
        return pixels
    height, width = _scaled_size(pixels.shape[0], pixels.shape[1], scale)
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))


def _fitted(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bring a map to a size; not by Numba, whose threads may not be called from several of ours."""
    if values.shape == (height, width):
        return values
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR))


def _finished(batch: Sample, made: Sequence[Future[None]]) -> Sample:
    for future in made:
        future.result()
    return batch
