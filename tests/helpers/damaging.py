"""Damage to result files that the schemas of `result_schemas` let pass."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from doorlab.storage.json_schema import misfit

_REMOVED = object()
_CHOICES = (
    _REMOVED, None, "x", "", "<b>$\\x", 3, -1, 0.5, 1e300, 10**400, float("nan"), True, [], [1],
    [[]], {}, {"mean": 1}, {"": {}},
)  # fmt: skip


def damage_all(document: Any, schema: Any, first: int = 0) -> int:
    """Replaces or removes every value that can be, one after the other.

    Args:
        document: parsed JSON; it is changed.
        schema: what it must fit.
        first: of the replacements, where to begin.

    Returns:
        How many changes the schema refused.
    """
    refused = 0
    for i, place in enumerate([*_places(document)][1:]):
        refused += not _damage(document, place, _CHOICES[(first + i) % len(_CHOICES)], schema)
    return refused


def _places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Where the values of a document are; of many that are alike the first and the last."""
    yield path
    if isinstance(value, dict):
        alike = {str(item.keys()) if isinstance(item, dict) else key for key, item in value.items()}
        keys = list(value) if len(alike) > 1 else dict.fromkeys([*value][:1] + [*value][-1:])
        for key in keys:
            yield from _places(value[key], (*path, key))
    if isinstance(value, list):
        for i in sorted({0, len(value) - 1} & set(range(len(value)))):
            yield from _places(value[i], (*path, i))


def _damage(document: Any, path: tuple, new: Any, schema: Any) -> bool:
    """Changes one place, unless the document is then refused."""
    *way, last = path
    try:
        inside = document
        for key in way:
            inside = inside[key]
        whole = copy.copy(inside)
        if new is _REMOVED:
            del inside[last]
        else:
            inside[last] = copy.deepcopy(new)
    except (LookupError, TypeError):
        return True  # an earlier change has removed the place
    if misfit(document, schema) is None:
        return True
    inside.clear()
    inside.extend(whole) if isinstance(inside, list) else inside.update(whole)
    return False
