"""Schemas of JSON documents: declared once, checked before values are read.

A schema is one of

    str, bool, dict, list     a value of this type
    Limits(...)               a number in a range (`doorlab.limits`)
    {"name": schema, ...}     an object with these keys; a key whose name ends in "?" may be absent;
                              other keys are allowed
    Each(schema)              an object with any keys, all of whose values match
    [schema]                  an array all of whose items match
    (schema, schema)          an array with exactly these items
    Maybe(schema)             null, or a value that matches
    Text("regex", "words")    a string that matches the regex
    OneOf("a", "b")           one of these values
    Checked(schema, check)    a value that matches, and for which `check` reports no error
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from doorlab.limits import Limits

_NAMES = {str: "a text", bool: "true or false", dict: "an object", list: "an array"}


@dataclass(frozen=True)
class Each:
    """An object with at least `least` entries; values match `schema`, and keys match `keys`."""

    schema: Any
    keys: Any = str
    least: int = 0


@dataclass(frozen=True)
class Maybe:
    """null, or a value that matches `schema`."""

    schema: Any


@dataclass(frozen=True)
class Text:
    """A string that matches `pattern` completely."""

    pattern: str
    words: str
    """Description of such a string, for messages."""


class OneOf:
    """One of the given values, which are strings, true, false or null."""

    def __init__(self, *values: str | bool | None) -> None:
        self.values = values

    def __str__(self) -> str:
        return f"one of {', '.join(map(repr, self.values))}"


@dataclass(frozen=True)
class Checked:
    """A value that matches `schema` and passes `check`, which gets matching values only."""

    schema: Any
    check: Callable[[Any], str | None]
    """Maps a value to a description of its error; None for a valid value."""


def misfit(value: Any, schema: Any, place: str = "") -> str | None:
    """Describes the first mismatch between a value and a schema; None if the value matches.

    Args:
        value: the document, or a part of it.
        schema: see the module docstring.
        place: position of the part in the document: "policies.ssnp".
    """
    if isinstance(schema, Maybe):
        return None if value is None else misfit(value, schema.schema, place)
    if isinstance(schema, Checked):
        wrong = misfit(value, schema.schema, place)
        return wrong or _prefixed(place, schema.check(value))
    if isinstance(schema, Limits | Text | OneOf):
        words = schema.words if isinstance(schema, Text) else str(schema)
        return None if _is_admitted(value, schema) else _wrong(place, value, words)
    kind = schema if isinstance(schema, type) else _kind_of(schema)
    if not isinstance(value, kind) or _has_other_length(value, schema):
        return _wrong(place, value, _described(schema, kind))
    if isinstance(schema, dict):
        absent = [k for k in schema if not k.endswith("?") and k not in value]
        if absent:
            return f"none of its {_join(place, absent[0])}"
    return next((found for part in _parts(value, schema, place) if (found := misfit(*part))), None)


def _parts(value: Any, schema: Any, place: str) -> Iterator[tuple[Any, Any, str]]:
    """Yields the parts of a value, each with its schema and its position."""
    if isinstance(schema, Each):
        for key, item in value.items():
            yield key, schema.keys, f"a key of {place or 'it'}"
            yield item, schema.schema, _join(place, key)
    elif isinstance(schema, dict):
        for name, inner in schema.items():
            key = name.removesuffix("?")
            if key in value:
                yield value[key], inner, _join(place, key)
    elif isinstance(schema, list | tuple):
        schemas = schema if isinstance(schema, tuple) else schema * len(value)
        for number, (item, inner) in enumerate(zip(value, schemas, strict=True)):
            yield item, inner, f"{place}[{number}]"


def _kind_of(schema: Any) -> type:
    return dict if isinstance(schema, Each | dict) else list


def _is_admitted(value: Any, schema: Limits | Text | OneOf) -> bool:
    if isinstance(schema, Limits):
        return schema.admits(value)
    if isinstance(schema, Text):
        return isinstance(value, str) and re.fullmatch(schema.pattern, value) is not None
    return any(type(value) is type(known) and value == known for known in schema.values)


def _has_other_length(value: Any, schema: Any) -> bool:
    if isinstance(schema, Each):
        return len(value) < schema.least
    return isinstance(schema, tuple) and len(value) != len(schema)


def _described(schema: Any, kind: type) -> str:
    if isinstance(schema, Each) and schema.least:
        return f"an object of {schema.least} or more"
    return f"an array of {len(schema)}" if isinstance(schema, tuple) else _NAMES[kind]


def _prefixed(place: str, wrong: str | None) -> str | None:
    return f"{place}: {wrong}" if place and wrong else wrong


def _join(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _wrong(place: str, value: Any, expected: str) -> str:
    text = repr(value)
    text = text if len(text) <= 40 else f"{text[:37]}..."
    return f"{place or 'the document'} as {text}, not {expected}"
