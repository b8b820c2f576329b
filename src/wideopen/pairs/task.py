"""Task: one pair to be built from its two shots."""

import hashlib
import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from wideopen.errors import PhotoError, RequestError, WideopenError
from wideopen.pairs.align import Aligned, align
from wideopen.pairs.homography import NotAlignedError, Trust, opencv
from wideopen.pairs.journal import Entry
from wideopen.pairs.manifest import Row
from wideopen.pairs.pair import BOKEH, ORIGINAL
from wideopen.pairs.partners import Partners
from wideopen.pairs.source import checksum, read_shot
from wideopen.photo import Photo
from wideopen.photo.encode import encode_jpeg
from wideopen.photo.write import write_whole

QUALITY = 95
"""Of the JPEGs."""
VERSION = 1
"""Of the way from shots to pairs; when it changes, pairs are built anew."""
_LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Settings:
    """What decides a pair besides its shots."""

    height_px: int = 1024
    """Of both pictures; shots that are no higher stay as they are."""
    seed: int = 0
    match_exposure: bool = False
    """Whether the shallow shot takes the exposure and colour of the wide one; what it took is in the manifest."""
    trust: Trust = field(default_factory=Trust)

    def __post_init__(self) -> None:
        if self.height_px < 1 or not 0 <= self.seed <= _LARGEST_SEED:
            raise RequestError(
                f"height is {self.height_px} px and seed {self.seed}; a height is 1 or more, and a seed lies between 0 "
                f"and {_LARGEST_SEED}"
            )

    def to_record(self) -> dict[str, Any]:
        """Say it all as JSON does."""
        return {"version": VERSION, **asdict(self)}


@dataclass(frozen=True)
class Outcome:
    """What became of a task."""

    entry: Entry
    seconds: float = 0.0
    """Of work; 0 where there was none."""
    kept: bool = False
    """Whether it was done before, and not again."""
    passing: bool = False
    """Whether the same files may fare otherwise the next time."""
    stop: str = ""
    """Why nothing can be written there."""


@dataclass(frozen=True)
class Task:
    """A pair to be built."""

    partners: Partners
    out: Path
    settings: Settings
    before: Entry | None = None
    """What the journal says of it."""

    @property
    def files(self) -> list[Path]:
        """Where the original and the bokeh picture go."""
        return [self.out / folder / f"{self.partners.name}.jpg" for folder in (ORIGINAL, BOKEH)]

    def do(self) -> Outcome:
        """Build the pair, keep it as it is, or refuse it."""
        start = time.perf_counter()
        try:
            sums = checksum(self.partners.wide), checksum(self.partners.shallow)
        except OSError as error:
            reason = f"{error.filename} cannot be read ({error.strerror}); check its name and permissions"
            return self.refused_for_now(reason)
        if self.before is not None and self._is_done(self.before, sums):
            return Outcome(self.before, kept=True)
        try:
            aligned, pictures = self._make()
        except (NotAlignedError, PhotoError) as error:
            # The same bytes will meet the same settings with the same end.
            self._take_away()
            return Outcome(Entry(self._row(sums, str(error), error)), seconds=time.perf_counter() - start)
        except Exception as error:  # One pair must not cost the others.
            return self.refused_for_now(self._reason(error), sums)
        row = self._row(sums, "", aligned)
        try:
            for path, data in zip(self.files, pictures, strict=True):
                write_whole(path, data)
        except PhotoError as error:
            return Outcome(Entry(row), stop=str(error))
        made = [hashlib.sha256(data).hexdigest() for data in pictures]
        return Outcome(Entry(row, *made), seconds=time.perf_counter() - start)

    def refused_for_now(self, reason: str, sums: tuple[str, str] = ("", "")) -> Outcome:
        """Refuse the pair for what may be otherwise the next time."""
        return Outcome(Entry(self._row(sums, reason)), passing=True)

    def _make(self) -> tuple[Aligned, list[bytes]]:
        aligned = align(
            read_shot(self.partners.wide),
            read_shot(self.partners.shallow),
            height_px=self.settings.height_px,
            seed=self.settings.seed,
            match_exposure=self.settings.match_exposure,
            trust=self.settings.trust,
        )
        both = (aligned.wide, aligned.shallow)
        return aligned, [encode_jpeg(Photo(pixels=pixels), quality=QUALITY) for pixels in both]

    def _reason(self, error: Exception) -> str:
        wide = self.partners.wide
        if isinstance(error, WideopenError):
            return str(error)
        if isinstance(error, MemoryError):
            return f"{wide} needs more memory than there is; use fewer jobs, or make the shots smaller first"
        if isinstance(error, OSError):
            return f"{wide}: {error.strerror or error}"
        return f"{wide} met a fault in wideopen, please report it: {error!r}"

    def _is_done(self, before: Entry, sums: tuple[str, str]) -> bool:
        """Whether shots, settings and pictures are those of before."""
        row, names = before.row, (self.partners.wide.name, self.partners.shallow.name)
        if (row.wide_sha256, row.shallow_sha256) != sums or (row.wide, row.shallow) != names or not self.is_of(row):
            return False
        return not row.accepted or self._are_there(before)

    def is_of(self, row: Row) -> bool:
        """Whether a row was made with these settings; others may have added to what it says."""
        try:
            return bool(json.loads(row.settings)["align"] == self.settings.to_record())
        except (ValueError, KeyError, TypeError):
            return False

    def _are_there(self, before: Entry) -> bool:
        try:
            return [checksum(path) for path in self.files] == [before.original_sha256, before.bokeh_sha256]
        except OSError:
            return False

    def _take_away(self) -> None:
        """Remove the pictures that an earlier run made of a pair that is refused now, and nothing else."""
        if self.before is not None and self.before.row.accepted and self._are_there(self.before):
            for path in self.files:
                path.unlink(missing_ok=True)

    def _row(self, sums: tuple[str, str], reason: str, found: Aligned | Exception | None = None) -> Row:
        """Say what is known of the pair; a refusal by alignment knows what was measured until then."""
        settings: dict[str, Any] = {"align": self.settings.to_record()}
        for path in (self.partners.wide, self.partners.shallow):
            # The same shots in another folder make the same manifest.
            reason = reason.replace(str(path), path.name)
        row = Row(
            self.partners.name,
            accepted=isinstance(found, Aligned),
            reason=" ".join(reason.split()),
            wide=self.partners.wide.name,
            shallow=self.partners.shallow.name,
            wide_sha256=sums[0],
            shallow_sha256=sums[1],
        )
        if isinstance(found, (Aligned, NotAlignedError)):
            row = replace(row, inliers=found.inliers, residual_px=found.residual_px, overlap=found.overlap)
        if isinstance(found, Aligned):
            height, width = found.wide.shape[:2]
            row = replace(row, width=width, height=height, gain=" ".join(f"{number:.6g}" for number in found.gain))
            settings["homography"] = [float(f"{number:.9g}") for number in found.found.homography.ravel()]
            settings |= {"crop": found.crop, "corner_px": float(f"{found.corner_px:.3g}")}
            settings["opencv"] = opencv().__version__
        return replace(row, settings=json.dumps(settings))
