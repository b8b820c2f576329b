"""Compiling inner loops, with a cache where one can be kept."""

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(*, parallel: bool = False, inline: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a function by Numba, and keep the result for the next run where a folder for it can be written.

    Without such a folder (a read-only installation of a user without a home) every run compiles anew.
    Dividing by 0 gives what IEEE 754 says: Python's exception would be a branch in every loop, and keep it
    from working on many numbers at once.
    """
    options = {"parallel": parallel, "inline": "always" if inline else "never", "error_model": "numpy"}

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:
            return njit(**options)(function)

    return decorate
