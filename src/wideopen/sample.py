"""The bundled photo: path-traced for this project, with its true depth inside."""

from importlib.resources import files
from pathlib import Path

from wideopen.errors import PhotoExistsError, RequestError
from wideopen.photo.write import write_whole

NAME = "sample.jpg"


def save_sample(path: Path, *, overwrite: bool = False) -> Path:
    """Save the bundled photo.

    Raises:
        PhotoExistsError: If the file is there and `overwrite` is not set.
        PhotoError: If it cannot be written.
    """
    if path.is_dir():
        path = path / NAME
    if path.suffix.lower() not in (".jpg", ".jpeg"):
        raise RequestError(f"the sample is a JPEG, and {path} would not be; give a name that ends in .jpg")
    if path.exists() and not overwrite:
        raise PhotoExistsError(f"{path} is there already; choose another name or allow --overwrite")
    write_whole(path, files("wideopen").joinpath("data", NAME).read_bytes())
    return path
