"""Larger depth networks that a user may fetch: which there are, and where they are kept."""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from logging import ERROR
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from wideopen.errors import DepthError, RequestError
from wideopen.photo.whole import whole_file
from wideopen.scene.guest import Recipe, checksum


@dataclass(frozen=True)
class Offer:
    """A network on the hub of models that `huggingface_hub` speaks with."""

    repository: str
    file: str
    licence: str
    recipe: Recipe


OFFERS = {
    # Its preparation scales so that the shorter side becomes 518, in multiples of the transformer's patch of 14.
    "depth-anything-v2-small": Offer(
        repository="onnx-community/depth-anything-v2-small",
        file="onnx/model.onnx",
        licence="Apache-2.0",
        recipe=Recipe(
            input="pixel_values",
            output="predicted_depth",
            size_rule="short_side",
            size_px=518,
            multiple_of=14,
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            output_kind="disparity",
        ),
    ),
}
"""By the name that ``--depth`` takes."""


def place_of(name: str) -> Path:
    """Where a fetched network lies: ``networks/NAME.onnx`` in the user's cache of wideopen."""
    return Path(user_cache_path("wideopen", appauthor=False)) / "networks" / f"{name}.onnx"


def fetched(name: str) -> Path:
    """Find a fetched network.

    Raises:
        DepthError: If it has not been fetched.
    """
    place = place_of(name)
    if not (place.is_file() and place.with_suffix(".json").is_file()):
        raise DepthError(f"{name} is not here yet; run: wideopen fetch {name}")
    return place


def fetch(name: str, *, revision: str | None = None) -> dict[str, Any]:
    """Fetch a network into the user's cache, or check the one that is there.

    The first time its revision and checksum are recorded beside it; from then on it is that file and no other,
    unless another revision is asked for.

    Args:
        name: One of `OFFERS`.
        revision: Commit, branch or tag; without it the recorded one, else the newest.

    Returns:
        The record: recipe, repository, file, revision, licence, sha256, bytes; and "state", which is "fetched" or
        "already here".

    Raises:
        RequestError: If there is no such offer, or huggingface_hub is not installed.
        DepthError: If it cannot be fetched or is not the recorded file.
    """
    offer = OFFERS.get(name)
    if offer is None:
        raise RequestError(f"there is no network '{name}' to fetch; choose {', '.join(OFFERS)}")
    place = place_of(name)
    known = _known(place)
    if known and place.is_file() and revision in (None, known["revision"]):
        if checksum(place) != known["sha256"]:
            raise DepthError(f"{place} has changed since it was fetched; delete it and fetch it anew")
        return known | {"state": "already here"}
    found, commit = _download(name, offer, revision or (known or {}).get("revision"))
    digest = checksum(found)
    if known and known["revision"] == commit and known["sha256"] != digest:
        raise DepthError(f"what came for {name} is not the file recorded for revision {commit}; nothing was changed")
    record = {
        **asdict(offer.recipe),
        "name": name,
        "repository": offer.repository,
        "file": offer.file,
        "revision": commit,
        "licence": offer.licence,
        "sha256": digest,
        "bytes": found.stat().st_size,
    }
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(place) as beside:
            _link_or_copy(found, beside)
        with whole_file(place.with_suffix(".json")) as beside:
            beside.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise DepthError(f"cannot write to {place.parent} ({error.strerror}); make room or permit it") from error
    return record | {"state": "fetched"}


def _known(place: Path) -> dict[str, Any] | None:
    """Read what was recorded on first use, if anything that can be read."""
    try:
        record = json.loads(place.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_whole = isinstance(record, dict) and isinstance(record.get("sha256"), str)
    return record if is_whole and isinstance(record.get("revision"), str) else None


def _download(name: str, offer: Offer, revision: str | None) -> tuple[Path, str]:
    """Have the hub's library bring the file, or find it in its own cache, and tell the commit."""
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
        from huggingface_hub.utils import logging
    except ModuleNotFoundError as error:
        raise RequestError(f"fetching needs {error.name}; install wideopen[fetch]") from error
    loudness = logging.get_verbosity()
    # It would tell of every try to reach the hub; one line in the end is enough.
    logging.set_verbosity(ERROR)
    try:
        found = Path(hf_hub_download(offer.repository, offer.file, revision=revision))
    except (LocalEntryNotFoundError, ConnectionError) as error:
        raise DepthError(
            f"cannot fetch {name}: the hub cannot be reached and {offer.repository} is not in its cache; "
            "connect and try again, or use --depth built-in"
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise DepthError(f"cannot fetch {name}: {' '.join(str(error).split())[:200]}") from error
    finally:
        logging.set_verbosity(loudness)
    # The hub's cache names the folder of a file by its commit.
    parts = found.parts
    return found, parts[parts.index("snapshots") + 1]


def _link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where that cannot be."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
