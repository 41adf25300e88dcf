"""Machine-readable results: one JSON file beside every run.

    {"stage", "doorlab_version", "provenance", "config", "seed", "dataset_checksum", "figures", ...}

Every figure is `{"mean", "ci95": [low, high], "n"}` (see `doorlab.intervals.Estimate`), or a plain
number where there is nothing to average, or null where it is undefined: then "undefined" has its
place in the file, and why.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from doorlab._version import __version__
from doorlab.errors import ResultError
from doorlab.provenance import provenance
from doorlab.serialization import to_json
from doorlab.storage.files import atomic_write_json, read_json, refuse_overwrite
from doorlab.storage.folders import output_folder
from doorlab.storage.json_schema import misfit

_EVERY_RESULT = {"stage": str, "config?": dict, "figures?": dict}


@contextlib.contextmanager
def result_folder(path: Path, *others: Path, overwrite: bool) -> Iterator[None]:
    """Keeps other processes from writing into the folder of a result while it is made.

    Args:
        path: the result file. It is written last: what is there without it is not finished.
        others: everything else that will be written.
        overwrite: replace what is there.

    Raises ResultError when one of the files is there and is not to be replaced, unless it was left
    by a process that was killed before it had finished, and when another process writes there.
    """
    with output_folder(path.parent) as was_killed:
        if not was_killed or os.path.lexists(path):
            for file in (path, *others):
                refuse_overwrite(file, overwrite)
        yield


def write_result(
    path: str | Path,
    stage: str,
    config: Any,
    figures: dict[str, Any],
    dataset_checksum: str | None = None,
    simulator: str | None = None,
    **top_level: Any,
) -> None:
    """Writes a result file, whole or not at all.

    Args:
        path: of the file.
        stage: that the result is of.
        config: of the stage, a dataclass.
        figures: name -> estimate or number.
        dataset_checksum: of the doors that it is about, if it is about a dataset.
        simulator: that the doors were made or opened in, if any.
        top_level: whatever else the stage has to say.
    """
    settings = to_json(config)
    undefined: dict[str, str] = {}
    document = {
        "stage": stage,
        "doorlab_version": __version__,
        "provenance": provenance(simulator),
        "config": settings,
        "seed": settings.get("seed"),
        "dataset_checksum": dataset_checksum,
        **{
            name: _without_undefined(to_json(value), name, undefined)
            for name, value in {"figures": figures, **top_level}.items()
        },
    }
    atomic_write_json(path, document | ({"undefined": undefined} if undefined else {}))


def read_result(
    path: str | Path, stage: str | None = None, schema: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A result file.

    Args:
        path: of the file.
        stage: whose result it has to be; None for any.
        schema: of what is needed of it, beyond what every result has
        (`doorlab.storage.json_schema`).

    Raises ResultError when it is missing, of another stage, or does not fit.
    """
    result = read_json(path, ResultError)
    if stage is not None and result.get("stage") != stage:
        raise ResultError(
            f"a result of `doorlab {stage}` in {path}",
            f"one of {result.get('stage', 'something else')!r}",
            "give the path of the right file",
        )
    wrong = misfit(result, _EVERY_RESULT | dict(schema or {}))
    if wrong:
        raise ResultError(f"a result in {path}", wrong, "restore the file or make it again")
    return result


def _without_undefined(value: Any, place: str, undefined: dict[str, str]) -> Any:
    """The value with null for every figure that is undefined; `undefined` gets place -> reason."""
    if isinstance(value, dict):
        if _is_undefined(value):
            several = f"not all of the {value.get('n')} values behind it are finite"
            undefined[place] = value.get("undefined", several)
            return None
        return {k: _without_undefined(v, f"{place}.{k}", undefined) for k, v in value.items()}
    if isinstance(value, list):
        places = (f"{place}[{number}]" for number in range(len(value)))
        return [_without_undefined(v, at, undefined) for v, at in zip(value, places, strict=True)]
    if isinstance(value, float) and not math.isfinite(value):
        undefined[place] = f"{value} is not a finite number"
        return None
    return value


def _is_undefined(figure: dict[str, Any]) -> bool:
    """Whether it is an estimate (`Estimate.to_json`) of which a part is no finite number."""
    if not figure.keys() >= {"mean", "ci95"}:
        return False
    parts = (figure["mean"], *figure["ci95"])
    return any(part is None or not math.isfinite(part) for part in parts)
