"""Parcel: what a team sends, as one file."""

import os
import zipfile
from pathlib import Path

from wideopen.challenge.plan import Kind
from wideopen.errors import RequestError
from wideopen.score.submission import SUFFIXES

MODELS = (".safetensors", ".onnx", ".tflite")
"""Names of models end so; what a file is, the server finds out by its content."""
_MADE = (1980, 1, 1, 0, 0, 0)


def kind_of(path: Path) -> Kind:
    """Tell what a path would be submitted as, by its name.

    Raises:
        RequestError: If there is nothing, or nothing that can be submitted.
    """
    if path.is_dir() or (path.is_file() and path.suffix.lower() == ".zip"):
        return "pictures"
    if not path.is_file():
        raise RequestError(f"{path} is not there; give a zip or a folder of pictures, or a model's file")
    if path.suffix.lower() not in MODELS:
        raise RequestError(
            f"{path} is nothing that can be submitted; give a zip or a folder of pictures, or a model as "
            f"{', '.join(MODELS)}"
        )
    return "model"


def zipped(folder: Path, into: Path) -> Path:
    """Put the pictures of a folder into a zip; the same pictures give the same bytes.

    Raises:
        RequestError: If there are none, or one cannot be read.
    """
    try:
        names = sorted(
            each.name for each in folder.iterdir() if each.is_file() and each.suffix.lower() in SUFFIXES
            and not each.name.startswith(".")
        )  # fmt: skip
        if not names:
            raise RequestError(f"{folder} holds no pictures ({', '.join(SUFFIXES)}); give the folder that they are in")
        with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name in names:
                entry = zipfile.ZipInfo(name, _MADE)
                entry.external_attr = 0o100644 << 16
                entry.create_system = 3
                entry.file_size = os.stat(folder / name).st_size  # noqa: PTH116
                with (folder / name).open("rb") as source, archive.open(entry, "w") as place:
                    while piece := source.read(1 << 20):
                        place.write(piece)
    except OSError as error:
        raise RequestError(f"{folder} cannot be packed ({error.strerror or error})") from error
    return into
