"""What an extra brings may be missing; that is said in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from wideopen.errors import RequestError


@contextmanager
def needing(extra: str, what: str) -> Iterator[None]:
    """Say which extra to install where a library of it is missing.

    Args:
        extra: Of wideopen.
        what: Needs it, in the plural, as ``networks``.

    Raises:
        RequestError: If an import within the block finds no library.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("wideopen"):
            raise
        raise RequestError(f"{what} need {error.name}; install wideopen[{extra}]") from error
