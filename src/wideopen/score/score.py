"""Score: how good and how fast one contestant is, and how that was found."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from wideopen.errors import RequestError
from wideopen.photo.whole import whole_file

Origin = Literal["measured", "published"]


@dataclass(frozen=True)
class Score:
    """One row of a leaderboard, with all that is needed to find it again.

    Refuses a row without provenance: what was measured names its command, device, date and protocol, what was
    published its source.
    """

    solution: str
    """``identity``, ``lens``, ``gaussian``, a solution of the catalogue, or a folder's name."""
    track: str
    """What it runs on: ``cpu``, ``cuda``, or ``gpu``, that of a phone."""
    origin: Origin
    protocol: str
    """Name and version, as ``aim2020/1``, of `psnr_db` and `ssim`; of published rows as far as it is known."""
    psnr_db: float | None = None
    """Mean over pictures; infinite where one equals its truth."""
    ssim: float | None = None
    runtime_s: float | None = None
    """Median seconds for one photo, whole photo in to whole photo out."""
    mos: float | None = None
    """Mean opinion score of people, 1 (corrupted) to 5 (like the camera's)."""
    mos_interval: tuple[float, float] | None = None
    """95 % interval of `mos`."""
    raters: int | None = None
    images: int | None = None
    device: str = ""
    checkpoint: str | None = None
    """Name of the file, and its SHA-256."""
    commit: str | None = None
    """Of wideopen; None where it did not run from a checkout."""
    date: str = ""
    """ISO 8601, of the day."""
    command: str = ""
    """That gives these figures again."""
    source: str = ""
    """Where a published row stands."""
    team: str = ""
    author: str = ""
    framework: str = ""
    hardware: str = ""
    """That it was trained on."""
    unranked: str = ""
    """Why this row is out of the ranking; empty where it is in."""
    notes: tuple[str, ...] = ()
    """Footnotes."""
    others: Mapping[str, float | None] = field(default_factory=dict)
    """Further figures, means over pictures, as ``ms_ssim`` or ``psnr_matched_db``."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Those of the renderer that differ from its defaults."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """``name``, ``split`` and ``sha256`` of the pairs."""
    timing: Mapping[str, Any] = field(default_factory=dict)
    """How `runtime_s` was measured; see `wideopen.score.runtime`."""
    per_image: tuple[Mapping[str, Any], ...] = ()
    """Figures by ``name``."""
    worst: tuple[str, ...] = ()
    """Names of the ten pictures with the lowest PSNR, the worst first."""
    pictures: str = ""
    """Folder beside the file with small pictures: ``NAME.found.jpg``, ``NAME.truth.jpg`` and ``NAME.input.jpg``."""

    def __post_init__(self) -> None:
        if self.origin not in get_args(Origin):
            raise RequestError(f"a Score's origin is measured or published, not '{self.origin}'")
        provenance = ("command", "device", "date") if self.origin == "measured" else ("source",)
        missing = [name for name in ("solution", "track", "protocol", *provenance) if not getattr(self, name)]
        if missing:
            raise RequestError(f"a Score without {missing[0]} says nothing of where it is from; give it")
        if self.mos is not None and not 1 <= self.mos <= 5:
            raise RequestError(f"a mean opinion score lies from 1 to 5, not at {self.mos:g}")

    def to_json(self) -> str:
        """Write it as JSON; an infinite figure becomes 1e999, which readers of JSON take for infinity."""
        infinite = "\ue000infinite\ue000"

        def plain(value: Any) -> Any:  # noqa: ANN401
            if isinstance(value, float) and math.isinf(value):
                return infinite if value > 0 else f"-{infinite}"
            if isinstance(value, float) and math.isnan(value):
                return None
            if isinstance(value, Mapping):
                return {str(key): plain(each) for key, each in value.items()}
            if isinstance(value, list | tuple):
                return [plain(each) for each in value]
            return value

        text = json.dumps(plain(asdict(self)), indent=1, ensure_ascii=False)
        return text.replace(f'"{infinite}"', "1e999").replace(f'"-{infinite}"', "-1e999") + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Score":
        """Read what `to_json` wrote.

        Raises:
            RequestError: If it is no Score, has a field that is unknown, or a value of another kind.
        """
        try:
            record = json.loads(text)
        except json.JSONDecodeError as error:
            raise RequestError(f"no JSON ({error})") from error
        if not isinstance(record, dict) or not {"solution", "track", "origin", "protocol"} <= record.keys():
            raise RequestError("no Score: it has no solution, track, origin and protocol")
        unknown = sorted(record.keys() - {each.name for each in fields(cls)})
        if unknown:
            raise RequestError(f"a Score has no field '{unknown[0]}'; measure it again with this version")
        for name, kinds in _KINDS.items():
            if name in record and not (isinstance(record[name], kinds) and not isinstance(record[name], bool)):
                raise RequestError(f"{name} of a Score cannot be {json.dumps(record[name])[:40]}")
        for name in ("notes", "per_image", "worst"):
            record[name] = tuple(record.get(name) or ())
        interval = record.get("mos_interval")
        if interval is not None and not (
            isinstance(interval, list) and len(interval) == 2 and all(isinstance(end, int | float) for end in interval)
        ):
            raise RequestError("mos_interval of a Score is two numbers")
        record["mos_interval"] = None if interval is None else (float(interval[0]), float(interval[1]))
        return cls(**record)


_NUMBER = (int, float, type(None))
_KINDS: dict[str, Any] = (
    dict.fromkeys(("psnr_db", "ssim", "runtime_s", "mos"), _NUMBER)
    | dict.fromkeys(("images", "raters"), (int, type(None)))
    | dict.fromkeys(("solution", "track", "origin", "protocol", "device", "date", "command", "source"), str)
    | dict.fromkeys(("team", "author", "framework", "hardware", "unranked", "pictures"), str)
    | dict.fromkeys(("checkpoint", "commit"), (str, type(None)))
    | dict.fromkeys(("others", "settings", "data", "timing"), dict)
    | dict.fromkeys(("notes", "per_image", "worst"), list)
)


def read_score(path: Path) -> Score:
    """Read a Score file.

    Raises:
        RequestError: If it cannot be read or holds no Score.
    """
    try:
        return Score.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} cannot be read ({error})") from error
    except RequestError as error:
        raise RequestError(f"{path} holds no Score that can be used: {error}") from error


def write_score(score: Score, path: Path) -> None:
    """Write a Score file, whole or not at all.

    Raises:
        RequestError: If the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as beside:
            beside.write_text(score.to_json(), encoding="utf-8")
    except OSError as error:
        raise RequestError(f"{path} cannot be written ({error.strerror or error}); choose another place") from error
