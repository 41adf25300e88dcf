"""Facts about a training run for the model card, as plain values for config.json.

The facts come from metrics.json of the run, and from dataset.json if the dataset still lies where
the run found it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from doorlab.data.config import DatasetConfig
from doorlab.data.manifest import Manifest
from doorlab.data.sources.simulation import GenerationConfig
from doorlab.models.description import read_description
from doorlab.result_schemas import read_part
from doorlab.run_layout import METRICS_FILE, dataset_of

_EXAMPLE_DATASET = "runs/doors"  # in the commands of a card
_PROVENANCE = ("commit", "date", "doorlab", "python", "torch", "numpy")


def training_facts(run: str | Path) -> dict[str, Any]:
    """Facts about the training of the model in a run folder.

    Args:
        run: finished run folder of `doorlab pretrain` or `doorlab train`.

    Returns:
        plain values: "stage", "seed", "steps", "parameters", "dataset" (prior, seed, numbers,
        checksum, and the command that generates it), "labeled_doors" and "frame_doors", "metrics"
        (the estimates on validation doors), "generation_key" (prior and seed of the training doors)
        and "provenance".

    Raises:
        ResultError: if metrics.json is missing or damaged.
        CheckpointError: if the description of the model is.
    """
    file = Path(run) / METRICS_FILE
    result, about = read_part(file), read_description(run)
    metrics = result.get("metrics", {})
    names = ("steps", "parameters", "labeled_doors", "frame_doors")
    return {
        "stage": result.get("stage"),
        "seed": about.seed,
        **{name: metrics[name] for name in names if name in metrics},
        "dataset": _dataset_facts(file, result, about.document),
        "metrics": {
            name.removeprefix("validation_"): value
            for name, value in metrics.items()
            if name.startswith("validation_") and _is_estimate(value)
        },
        "generation_key": result.get("generation_key"),
        "provenance": {
            name: result.get("provenance", {}).get(name) for name in _PROVENANCE
        },
    }  # fmt: skip


def _dataset_facts(
    file: Path, result: Mapping[str, Any], description: Mapping[str, Any]
) -> dict[str, Any]:
    streamed = description.get("online")
    if streamed:
        return {"prior": streamed["prior"], "simulator": streamed["simulator"], "streamed": True}
    facts: dict[str, Any] = {
        **(result.get("generation_key") or {}),
        "simulator": result.get("provenance", {}).get("simulator"),
        "checksum": description.get("dataset_checksum"),
    }
    folder = dataset_of(file)
    if folder is None:
        return facts
    manifest = Manifest.read(folder)
    config = manifest.config
    facts |= {
        "doors": config.doors,
        "splits": manifest.to_json()["splits"],
        "frames": config.frames,
        "interactions": config.interactions,
    }
    return facts | ({"command": _command(config)} if isinstance(config, GenerationConfig) else {})


def _command(config: DatasetConfig) -> str:
    return config.command(_EXAMPLE_DATASET).removesuffix(" --resume")


def _is_estimate(value: Any) -> bool:
    return isinstance(value, Mapping) and {"mean", "ci95"} <= value.keys()
