"""The one noun that scoring, timing, studies, export, command line and studio know."""

from typing import Protocol

from wideopen.photo import Photo


class Renderer(Protocol):
    """Turns a photo into a photo of the same size."""

    def __call__(self, photo: Photo) -> Photo:
        """Render a photo."""
        ...


def identity(photo: Photo) -> Photo:
    """Return the photo as it is: the floor of every leaderboard."""
    return photo
