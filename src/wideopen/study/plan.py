"""Study: what is asked of whom, as it stands in the folder of a study."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from wideopen.errors import RequestError
from wideopen.photo.whole import whole_file
from wideopen.study.vote import Kind

VERSION = 1
PLAN = "study.json"
PICTURES = "pictures"
TRUTH = "truth"
"""The name, in `Study.files`, of the camera's photo."""


@dataclass(frozen=True)
class Study:
    """A study's plan; nothing in it changes once people vote.

    Pictures lie in ``pictures/`` under random names, so that an address tells nothing.
    """

    title: str
    methods: Mapping[str, Kind]
    """By name, in the order in which they were given; traps among them."""
    pictures: tuple[str, ...]
    """Names of the pairs."""
    files: Mapping[str, Mapping[str, str]]
    """Of each picture: of each method, and of `TRUTH`, the file in ``pictures/``."""
    sizes: Mapping[str, tuple[int, int]]
    """Of each picture: width and height."""
    seed: int
    """Decides every rater's order, with the rater's own number."""
    created: str
    """ISO 8601, UTC."""
    votes_wanted: int = 20
    """For each picture of each method."""
    trials: int = 60
    """Most results in one sitting, without training, traps and repeats."""
    repeats: int = 4
    """So many results of a sitting come a second time."""
    traps: int = 2
    """So many of each kind of trap (reference, input, anchor) are in a sitting."""
    phones: bool = False
    """Whether small screens may take part."""
    consent: str = ""
    """What a person agrees to; empty is the usual text."""
    simulated: bool = False
    """Whether its votes come from a program; every figure then says so."""
    scores: Mapping[str, str] | None = None
    """Of methods: the Score file that the opinion is written into."""
    version: int = VERSION

    def file(self, folder: Path, picture: str, method: str) -> Path:
        """Where a picture lies."""
        return folder / PICTURES / self.files[picture][method]


def read_study(folder: Path) -> Study:
    """Read the plan of a study's folder.

    Raises:
        RequestError: If there is none, it is broken, or of a later version than this wideopen knows.
    """
    path = folder / PLAN
    try:
        record: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RequestError(f"{folder} is no study, for it has no {PLAN}; make one by wideopen study new") from error
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} cannot be read ({' '.join(str(error).split())})") from error
    version = record.get("version") if isinstance(record, dict) else None
    if not isinstance(version, int) or version < 1:
        raise RequestError(f"{path} is no plan of a study")
    if version > VERSION:
        raise RequestError(f"{path} is of version {version}, and this wideopen knows {VERSION}; use a newer wideopen")
    unknown = sorted(record.keys() - {each.name for each in fields(Study)})
    if unknown:
        raise RequestError(f"{path} has an unknown field '{unknown[0]}'")
    try:
        record["pictures"] = tuple(record["pictures"])
        record["sizes"] = {name: (int(size[0]), int(size[1])) for name, size in record["sizes"].items()}
        return Study(**record)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise RequestError(f"{path} is no plan that can be used ({' '.join(str(error).split())})") from error


def write_study(study: Study, folder: Path) -> None:
    """Write a plan, whole or not at all.

    Raises:
        OSError: If the place cannot be written.
    """
    with whole_file(folder / PLAN) as beside:
        beside.write_text(json.dumps(asdict(study), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
