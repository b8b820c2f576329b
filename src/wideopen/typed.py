"""Typed reading: what JSON gives, checked against the types of frozen dataclasses."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from math import isfinite
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from wideopen.errors import RequestError


def made(kind: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    """Make a value of a type out of what JSON gives: dataclasses, tuples, dicts, literals, numbers and texts.

    Args:
        kind: The type; of a union the first that is not None counts.
        value: What JSON gave.
        where: Names the value in messages, as ``recipe.stages.0``.

    Raises:
        RequestError: If a key is unknown or missing, or a value of the wrong type; it says which.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return _made_of_fields(kind, value, where)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return made(next(each for each in arguments if each is not type(None)), value, where)
    if origin is tuple and isinstance(value, list | tuple):
        if len(arguments) == 2 and arguments[1] is ...:
            return tuple(made(arguments[0], each, f"{where}.{k}") for k, each in enumerate(value))
        if len(arguments) == len(value):
            return tuple(made(each, one, where) for each, one in zip(arguments, value, strict=True))
    if origin is dict and isinstance(value, Mapping):
        return {key: made(arguments[1], each, f"{where}.{key}") for key, each in value.items()}
    if origin is Literal and value in arguments:
        return value
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return float(value)
    if isinstance(kind, type) and type(value) is kind and kind is not float:
        return value
    raise RequestError(f"{where}: {value!r} is no {_name(kind)}")


def _made_of_fields(kind: type, value: Any, where: str) -> Any:  # noqa: ANN401
    if not isinstance(value, Mapping):
        raise RequestError(f"{where}: {value!r} is no {kind.__name__}")
    hints = get_type_hints(kind)
    for key in value:
        if key not in hints:
            raise RequestError(f"{where}: {unknown(key, hints)}")
    missing = [each.name for each in fields(kind) if each.name not in value and _is_needed(each)]
    if missing:
        raise RequestError(f"{where}: {kind.__name__} needs {', '.join(missing)}")
    return kind(**{key: made(hints[key], each, f"{where}.{key}") for key, each in value.items()})


def _is_needed(each: Any) -> bool:  # noqa: ANN401
    return each.default is MISSING and each.default_factory is MISSING


def unknown(key: str, known: Mapping[str, Any]) -> str:
    """Say that a key is none of those that are known, and name the nearest."""
    near = get_close_matches(key, known, n=1, cutoff=0.4)
    return f"there is no {key!r}" + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}")


def _name(kind: Any) -> str:  # noqa: ANN401
    return {float: "number", int: "whole number", str: "text", bool: "true or false"}.get(kind, str(kind))
