"""Values as plain JSON."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from doorlab.intervals import Estimate
from doorlab.storage.store_urls import dataset_location


def to_json(value: Any) -> Any:
    """Dataclasses, estimates, arrays, paths and their containers as plain JSON values.

    A URL that was converted to a Path is a URL again.
    """
    if isinstance(value, Estimate):
        return value.to_json()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    return str(dataset_location(value)) if isinstance(value, Path) else value
