"""Frozen values as JSON and back, by their types: dataclasses, enums, times and their
differences in seconds, fractions as texts, tuples, and mappings of texts or differences of times.

A field that came with a newer release takes its default in a row of the older one; a key that is
not known (any more) is passed over.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints


def to_plain(value: Any) -> Any:
    """What ``json.dumps`` takes. Enums are texts already, and tuples become lists."""
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Fraction():
            return str(value)
        case list() | tuple():
            return [to_plain(item) for item in value]
        case dict():
            return {_key(key): to_plain(item) for key, item in value.items()}
        case _:
            return value


def _key(key: Any) -> str:
    return str(key.total_seconds()) if isinstance(key, timedelta) else key


def from_plain(kind: Any, value: Any) -> Any:
    """The value of type ``kind`` that ``to_plain`` wrote.

    Raises:
        KeyError: a field without a default is missing.
    """
    return _reader(kind)(value)


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    if isinstance(kind, type) and is_dataclass(kind):
        return lambda value: _read(kind, value)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind
    if kind is datetime:
        return datetime.fromisoformat
    if kind is timedelta:
        return lambda value: timedelta(seconds=value)
    if kind is Fraction:
        return Fraction
    if get_origin(kind) is tuple:
        item = _reader(get_args(kind)[0])
        return lambda value: tuple(item(one) for one in value)
    if get_origin(kind) in (dict, Mapping):
        keyed, valued = get_args(kind)[0], _reader(get_args(kind)[1])
        if keyed is timedelta:
            return lambda value: {
                timedelta(seconds=float(key)): valued(one) for key, one in value.items()
            }
        return lambda value: {key: valued(one) for key, one in value.items()}
    if get_origin(kind) in (Union, types.UnionType):
        chosen = [option for option in get_args(kind) if option is not types.NoneType]
        if chosen == [int, Fraction]:
            return Fraction
        if len(chosen) == 1:
            some = _reader(chosen[0])
            return lambda value: None if value is None else some(value)
    return lambda value: value  # numbers, texts, and what is JSON by itself


def _read(kind: Any, value: dict[str, Any]) -> Any:
    found = {}
    for name, (hint, needed) in _fields(kind).items():
        if name in value:
            found[name] = _reader(hint)(value[name])
        elif needed:
            raise KeyError(f"{kind.__name__}.{name}")
    return kind(**found)


@cache
def _fields(kind: Any) -> dict[str, tuple[Any, bool]]:
    """Type of each field, and whether it has no default."""
    hints = get_type_hints(kind)
    return {
        field.name: (
            hints[field.name],
            field.default is MISSING and field.default_factory is MISSING,
        )
        for field in fields(kind)
    }
