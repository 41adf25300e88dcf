"""Results of an evaluated model for its card: from regret.json and probes.json.

A result belongs to a model if it contains the checksum of the model's weights.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from doorlab.errors import ResultError
from doorlab.models.hub.locate import is_shipped, shipped_name
from doorlab.result_schemas import read_part
from doorlab.run_layout import PROBES_FILE, REGRET_FILE, RESULTS

_BASELINES = ("random", "gp_ucb", "visible_oracle", "oracle")  # policies without a trained model
_POLICY = ("mean_regret", "first_reward", "last_reward")
_SCORE = ("mean", "ci95", "n", "metric")


def read_results(
    files: Iterable[str | Path], kind: str, weights: Collection[str]
) -> dict[str, dict[str, Any]]:
    """The parts of result files that are about a model.

    Args:
        files: files regret.json of `doorlab bandit` and probes.json of `doorlab probe`.
        kind: name of the model in results.
        weights: checksums of the model's weights, in the precisions in which they are stored.

    Returns:
        plain values by name of the command: "bandit" and "probe".

    Raises ResultError if a file cannot be read, or is about other weights.
    """
    found: dict[str, dict[str, Any]] = {}
    for file in map(Path, files):
        stage = _stage_of(file)
        result = read_part(file, stage)
        if not set(weights) & set(_weights(result)):
            raise ResultError(
                f"a result of the exported weights in {file}",
                "one of other weights",
                f"evaluate this model with `doorlab {stage} --models`",
            )
        name = _name_in(result, kind, weights)
        found[stage] = {**_doors(result), **_READERS[stage](result, name, file)}
    return found


def results_beside(run: str | Path, weights: Collection[str]) -> list[Path]:
    """Result files of a model in the folders around its run, as `doorlab demo` arranges them.

    Args:
        run: run folder.
        weights: checksums of the model's weights.
    """
    found = []
    for folder in (Path(run), *Path(run).absolute().parents[:2]):
        for stage in _READERS:
            for file in (folder / RESULTS[stage], folder / stage / RESULTS[stage]):
                if file.is_file() and _is_about(file, stage, weights):
                    found.append(file)
    return found


def _is_about(file: Path, stage: str, weights: Collection[str]) -> bool:
    try:
        return bool(set(weights) & set(_weights(read_part(file, stage))))
    except ResultError:
        return False


def _stage_of(file: Path) -> str:
    stage = {REGRET_FILE: "bandit", PROBES_FILE: "probe"}.get(file.name)
    if stage is None:
        raise ResultError(
            f"a result file named {REGRET_FILE} or {PROBES_FILE}",
            f"{file}",
            "give files of `doorlab bandit` and `doorlab probe` with --results",
        )
    return stage


def _weights(result: Mapping[str, Any]) -> Sequence[str]:
    found = result.get("model_weights")
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _doors(result: Mapping[str, Any]) -> dict[str, Any]:
    """The doors of a result, and the code that computed it."""
    origin = result.get("provenance", {})
    return {
        "dataset_checksum": result.get("dataset_checksum"),
        "simulator": origin.get("simulator"),
        "seed": result.get("seed"),
        "commit": origin.get("commit"),
    }


def _name_in(result: Mapping[str, Any], kind: str, weights: Collection[str]) -> str:
    """Name of the greedy policy of a model in a result, which is its kind or "ssnp-narrow"."""
    number = next(i for i, one in enumerate(_weights(result)) if one in weights)
    models = result.get("config", {}).get("models", [])
    if result["stage"] != "bandit" or not number < len(models):
        return kind
    model = f"{models[number]}"
    shipped = model if is_shipped(model) else shipped_name(model)
    return f"{kind}-{shipped.partition('/')[0]}" if shipped else kind


def _regret(result: Mapping[str, Any], kind: str, file: Path) -> dict[str, Any]:
    policies = result["policies"]
    if kind not in policies or policies[kind].get("seeds", 1) > 1:
        raise ResultError(
            f"a policy {kind} with one training seed in {file}",
            "one with several" if kind in policies else "none",
            "evaluate this model alone",
        )
    rows = {"model": kind, **{name: name for name in _BASELINES if name in policies}}
    return {
        "split": result.get("config", {}).get("split"),
        "doors": result["doors"],
        "horizon": result["horizon"],
        "policies": {
            row: {key: policies[name][key] for key in _POLICY if policies[name].get(key)}
            for row, name in rows.items()
        },
    }


def _probes(result: Mapping[str, Any], kind: str, file: Path) -> dict[str, Any]:
    if kind not in result["probes"]:
        raise ResultError(f"probes of {kind} in {file}", "none", "probe this model")
    targets = result.get("targets", {})
    return {
        "split": "test",
        "doors": result.get("doors", {}),
        "frames": result.get("frames"),
        "scores": {
            name: {
                **{key: score[key] for key in _SCORE if key in score},
                "label": targets.get(name, {}).get("label", name),
                "guessing": targets.get(name, {}).get("guessing", 0.0),
            }
            for name, score in result["probes"][kind].items()
        },
    }


_READERS: dict[str, Callable[[Mapping[str, Any], str, Path], dict[str, Any]]] = {
    "bandit": _regret,
    "probe": _probes,
}
