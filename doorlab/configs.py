"""Configs with parts: changes by short names, and plain settings by dotted names.

A short name selects the field of a part, like a short option on the command line: `lr` is
`optim.lr`. A field of the config itself takes precedence.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

C = TypeVar("C")


def updated(config: C, **changes: Any) -> C:
    """A copy of a config with other values: `updated(config, steps=10, lr=1e-3)`.

    Args:
        config: a dataclass; it is not changed.
        changes: field, or short name of a field of a part, or both names with two underscores
            between them (`process__batch_size`) -> value.

    Raises:
        TypeError: for a name that no field has, or that fields of several parts have.
    """
    own: dict[str, Any] = {}
    of_parts: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        part, field = _place(config, name)
        if part is None:
            own[field] = value
        else:
            of_parts.setdefault(part, {})[field] = value
    for part, inner in of_parts.items():
        own[part] = dataclasses.replace(own.get(part, getattr(config, part)), **inner)
    return dataclasses.replace(config, **own)  # pyright: ignore[reportArgumentType, reportCallIssue]


def _place(config: Any, name: str) -> tuple[str | None, str]:
    """The part that has a field, None for the config itself, and the name of the field."""
    names = {field.name for field in dataclasses.fields(config)}
    part, both, field = name.partition("__")
    if both and part in names:
        return part, field
    if name in names:
        return None, name
    parts = [n for n in names if _has_field(getattr(config, n), name)]
    if len(parts) != 1:
        got = f"parts {', '.join(sorted(parts))}" if parts else "no part"
        raise TypeError(f"{type(config).__name__} has the field {name} in {got}")
    return parts[0], name


def _has_field(part: Any, name: str) -> bool:
    is_part = dataclasses.is_dataclass(part) and not isinstance(part, type)
    return is_part and any(field.name == name for field in dataclasses.fields(part))


def flattened(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested plain settings by dotted names: {"optim": {"lr": 1}} as {"optim.lr": 1}."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            flat |= flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
