"""Machine-readable results: one JSON file per run.

    {"stage", "doorlab_version", "provenance", "config", "seed", "dataset_checksum", "metrics", ...}

Every entry of "metrics" is an estimate `{"mean", "ci95": [low, high], "n"}` (see
`doorlab.intervals.Estimate`), a plain number if there is nothing to average, or null if it is
undefined. The entry "undefined" maps the path of each undefined value to the reason.
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

_EVERY_RESULT = {"stage": str, "config?": dict, "metrics?": dict}


@contextlib.contextmanager
def result_folder(path: Path, *others: Path, overwrite: bool) -> Iterator[None]:
    """Locks the folder of a result against other processes while the result is computed.

    Args:
        path: the result file. It is written last; files without it belong to an unfinished run.
        others: all other files that will be written.
        overwrite: allow replacing existing files.

    Raises ResultError if another process writes into the folder, or if one of the files exists and
    `overwrite` is False. Files that a killed process left without a result file are replaced.
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
    metrics: dict[str, Any],
    dataset_checksum: str | None = None,
    simulator: str | None = None,
    **top_level: Any,
) -> None:
    """Writes a result file atomically.

    Args:
        path: path of the file.
        stage: name of the stage that computed the result.
        config: config of the stage, a dataclass.
        metrics: name -> estimate or number.
        dataset_checksum: checksum of the dataset that the result is about, if any.
        simulator: simulator that the doors were generated or opened in, if any.
        top_level: additional entries of the document.
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
            for name, value in {"metrics": metrics, **top_level}.items()
        },
    }
    atomic_write_json(path, document | ({"undefined": undefined} if undefined else {}))


def read_result(
    path: str | Path, stage: str | None = None, schema: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Reads and checks a result file.

    Args:
        path: path of the file.
        stage: required stage of the result; None for any stage.
        schema: required entries beyond those of every result (`doorlab.storage.json_schema`).

    Raises ResultError if the file is missing, is of another stage, or does not match the schema.
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
    """Replaces undefined metrics by None, and adds their places and reasons to `undefined`."""
    if isinstance(value, dict):
        if _is_undefined(value):
            several = f"not all of its {value.get('n')} values are finite"
            undefined[place] = value.get("undefined", several)
            return None
        return {k: _without_undefined(v, f"{place}.{k}", undefined) for k, v in value.items()}
    if isinstance(value, list):
        places = (f"{place}[{number}]" for number in range(len(value)))
        return [_without_undefined(v, p, undefined) for v, p in zip(value, places, strict=True)]
    if isinstance(value, float) and not math.isfinite(value):
        undefined[place] = f"{value} is not a finite number"
        return None
    return value


def _is_undefined(figure: dict[str, Any]) -> bool:
    """Whether a dict is an estimate (`Estimate.to_json`) with a value that is not finite."""
    if not figure.keys() >= {"mean", "ci95"}:
        return False
    parts = (figure["mean"], *figure["ci95"])
    return any(part is None or not math.isfinite(part) for part in parts)
