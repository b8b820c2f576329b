"""Look: how a photo shall look, as a small JSON file that goes from photo to photo and from person to person."""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from wideopen.errors import RequestError
from wideopen.photo.whole import whole_file
from wideopen.renderer.iris import Iris
from wideopen.renderer.lens import HIGHLIGHTS, MAX_BLUR_PERCENT, LensRenderer
from wideopen.scene import Focus, FocusRange, FocusSpan
from wideopen.scene.mend import Mends, Stroke
from wideopen.typed import made

FORMAT = "look/1"
MOST_BYTES = 8 << 20
_IRIS = ("blades", "rotation_deg", "cat_eye", "curvature", "squeeze", "spherical", "fringe", "obstruction")


@dataclass(frozen=True)
class Look:
    """All settings of the lens, in shares of the frame and of its depth, so that they fit a photo of any size.

    What is None is as in `preset`, or as the photo has it.
    """

    f_number: float = 1.8
    max_blur_percent: float = MAX_BLUR_PERCENT
    """For relative depth; see `LensRenderer`."""
    highlights: float = HIGHLIGHTS
    preset: str = "round"
    """Of `wideopen.renderer.presets.PRESETS`."""
    blades: int | None = None
    rotation_deg: float | None = None
    cat_eye: float | None = None
    curvature: float | None = None
    squeeze: float | None = None
    spherical: float | None = None
    fringe: float | None = None
    obstruction: float | None = None
    focus: tuple[float, float] | None = None
    """x and y as shares of width and height; without it and `focus_m` it is the subject."""
    focus_m: float | None = None
    in_focus: tuple[float, float] | None = None
    """Far and near end of what is kept sharp, as `wideopen.scene.FocusSpan` counts."""
    in_focus_m: tuple[float, float] | None = None
    """Near and far end of it in metres."""
    focal_mm: float | None = None
    sensor_mm: float | None = None
    depth: str = "auto"
    """``auto``, ``embedded``, ``built-in``, ``prior``, or the name of a fetched network."""
    strokes: tuple[Stroke, ...] = ()
    """That mend the depth."""
    fingerprint: tuple[int, ...] = ()
    """Of the photo that the strokes belong to; see `wideopen.scene.mend.fingerprint`."""

    def __post_init__(self) -> None:
        if sum(each is not None for each in (self.focus, self.focus_m, self.in_focus, self.in_focus_m)) > 1:
            raise RequestError("a look has one of focus, focus_m, in_focus and in_focus_m; leave the others out")
        self.renderer()

    @property
    def iris(self) -> Iris:
        """The preset's iris with what differs from it; blades and their curvature take the place of a picture."""
        given = {name: value for name in _IRIS if (value := getattr(self, name)) is not None}
        if given.keys() & {"blades", "curvature"}:
            given["picture"] = None
        return replace(Iris.of_preset(self.preset), **given)

    def renderer(self) -> LensRenderer:
        """Make the renderer of this look.

        Raises:
            OpticsError: If the lens cannot exist.
            FocusError: If the focus cannot be.
        """
        span: FocusSpan | FocusRange | None = None
        if self.in_focus is not None:
            span = FocusSpan(*self.in_focus)
        elif self.in_focus_m is not None:
            span = FocusRange(*self.in_focus_m)
        return LensRenderer(
            f_number=self.f_number,
            focus=Focus(point_share=self.focus, distance_m=self.focus_m),
            in_focus=span,
            depth=self.depth,
            focal_mm=self.focal_mm,
            sensor_mm=self.sensor_mm,
            max_blur_percent=self.max_blur_percent,
            iris=self.iris,
            highlights=self.highlights,
            mends=Mends(self.strokes, self.fingerprint) if self.strokes else None,
        )

    def for_any_photo(self) -> "Look":
        """The same look without what belongs to one photo: its focus and its strokes."""
        return replace(self, focus=None, focus_m=None, in_focus=None, in_focus_m=None, strokes=(), fingerprint=())

    def to_json(self) -> str:
        """As text that `from_json` reads; what is as it is by default is left out."""
        plain = asdict(Look())
        record = {key: value for key, value in asdict(self).items() if value != plain[key]}
        return json.dumps({"wideopen": FORMAT, **record}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Look":
        """Read a look.

        Raises:
            RequestError: If it is no look, or a key or a value of it cannot be; it says which.
            WideopenError: If the lens or the focus cannot be.
        """
        try:
            record: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RequestError(f"the look is no JSON ({' '.join(str(error).split())[:100]})") from error
        if not isinstance(record, dict) or "wideopen" not in record:
            raise RequestError(f'this JSON is no look; a look says "wideopen": "{FORMAT}"')
        if record["wideopen"] != FORMAT:
            raise RequestError(
                f"the look is of the format {str(record['wideopen'])[:40]!r}, and {FORMAT} is read here; "
                "save it again, or use the version of wideopen that wrote it"
            )
        look: Look = made(cls, {key: value for key, value in record.items() if key != "wideopen"}, "look")
        return look


def read_look(path: Path) -> Look:
    """Read a look's file.

    Raises:
        RequestError: If it cannot be read or is no look.
        WideopenError: If the lens or the focus in it cannot be.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise RequestError(f"{path} has more than {MOST_BYTES >> 20} MB and is no look; give what the studio saved")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot read the look {path}: {getattr(error, 'strerror', None) or error}") from error
    return Look.from_json(text)


def write_look(look: Look, path: Path, *, overwrite: bool = False) -> Path:
    """Write a look's file.

    Raises:
        RequestError: If it is there and `overwrite` is not set, or cannot be written.
    """
    if path.exists() and not overwrite:
        raise RequestError(f"{path} is there already; choose another name or allow --overwrite")
    try:
        with whole_file(path) as beside:
            beside.write_text(look.to_json(), encoding="utf-8")
    except OSError as error:
        raise RequestError(f"{path} cannot be written ({error.strerror}); choose another place") from error
    return path


NAMES = tuple(field.name for field in fields(Look))
"""Of all settings, in their order."""
