"""Repeats the demo with several seeds, and pools the results: other doors, encoders and processes.

Runs `doorlab demo` once per seed, each with its own dataset; finished demos are skipped. The pooled
intervals are those of Student's t over demos, which contain every source of chance: doors, encoders
and processes. Writes OUT/demo_seeds.json.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from doorlab.data import DoorDataset
from doorlab.evaluation.probes.components import COMPONENT_TARGETS
from doorlab.intervals import student_mean
from doorlab.result_schemas import read_part
from doorlab.results import result_folder, write_result
from doorlab.run_layout import DATASET_FOLDER, DIAGNOSIS_FILE, PROBES_FILE, REGRET_FILE
from doorlab.stages import bandit
from doorlab.studies import demo

MODEL, RIVALS = "contrastive_ssnp", ("np", "vae_np", "statistician_np", "contrastive_np")
ENCODERS = ("contrastive_statistician", "statistician", "vae")
TARGETS = ("handedness", "swing", "joint_angle")


@dataclass(frozen=True)
class Config:
    """Seeds of the demos, and their folder."""

    out: Path = Path("runs/demos")
    """Folder of the demos and the result."""
    preset: str = "tiny"
    """Preset of the demos."""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Seeds of the demos."""
    overwrite: bool = False
    """Replace an existing result."""


def run(config: Config) -> Path:
    """Runs the unfinished demos and writes the result; returns its path."""
    path = config.out / "demo_seeds.json"
    with result_folder(path, overwrite=config.overwrite):
        folders = [_demo(config, seed) for seed in config.seeds]
        found = [_figures(folder) for folder in folders]
        pooled = {name: student_mean(np.array([one[name] for one in found])) for name in found[0]}
        about = DoorDataset.open(folders[0] / DATASET_FOLDER)
        write_result(
            path, "repeat_demo", config, pooled, None, about.simulator,
            demos={str(seed): one for seed, one in zip(config.seeds, found, strict=True)},
        )  # fmt: skip
    return path


def _demo(config: Config, seed: int) -> Path:
    """Runs or completes one demo, and evaluates ensembles of its reward models."""
    folder = config.out / f"seed-{seed}"
    about = demo.Config(preset=config.preset, out=folder, seed=seed)
    demo.run(about)
    ensembles = folder / "ensembles"
    if not (ensembles / REGRET_FILE).exists():
        models = [
            demo.reward_model_folder(about, name, number)
            for name in (MODEL, *RIVALS)
            for number in range(about.seeds)
        ]
        bandit.run(
            replace(
                bandit.PRESETS[config.preset], data=folder / DATASET_FOLDER, models=tuple(models),
                policies=tuple(f"{name}:ensemble" for name in (MODEL, *RIVALS)),
                out=ensembles, seed=seed, overwrite=True,
            )
        )  # fmt: skip
    return folder


def _figures(folder: Path) -> dict[str, float]:
    """Name -> number of one demo."""
    regret = read_part(folder / "bandit" / REGRET_FILE, "bandit")
    ensembles = read_part(folder / "ensembles" / REGRET_FILE, "bandit")
    probes = read_part(folder / "probe" / PROBES_FILE, "probe")
    return {
        **_regrets(regret, ""),
        **_regrets(ensembles, ":ensemble"),
        **_scores(probes["probes"], "probe", TARGETS),
        **_scores(probes["components"], "components", COMPONENT_TARGETS),
        **_generation_scores(read_part(folder / "diagnose" / DIAGNOSIS_FILE, "diagnose")),
    }


def _regrets(result: dict[str, Any], suffix: str) -> dict[str, float]:
    """Mean regrets of the models, and their differences from the main one."""
    means = {
        name: result["policies"][f"{name}{suffix}"]["mean_regret"]["mean"]
        for name in (MODEL, *RIVALS)
    }
    differences = {
        f"regret/{name}{suffix} - {MODEL}{suffix}": means[name] - means[MODEL] for name in RIVALS
    }
    return {**{f"regret/{name}{suffix}": value for name, value in means.items()}, **differences}


def _scores(
    found: dict[str, dict[str, Any]], part: str, targets: tuple[str, ...]
) -> dict[str, float]:
    """Scores of the encoders in a part of probes.json, and differences of the first from others."""
    figures, (ours, *others) = {}, ENCODERS
    for target in targets:
        means = {kind: found[kind][target]["mean"] for kind in ENCODERS}
        figures |= {f"{part}/{kind}/{target}": mean for kind, mean in means.items()}
        for other in others:
            figures[f"{part}/{ours} - {other}/{target}"] = means[ours] - means[other]
    return figures


def _generation_scores(result: dict[str, Any]) -> dict[str, float]:
    """Scores of the reconstructions and samples of the encoders."""
    figures = {}
    for kind in ENCODERS:
        found = result["diagnosis"][kind]
        samples = found["two_sample"]["samples"]
        angle = found["attributes"]["reconstructions"]["scores"]["joint_angle"]
        figures |= {
            f"reconstructions/{kind}/joint_angle": angle["mean"],
            f"samples/{kind}/content": samples["content"]["accuracy"]["mean"],
            f"samples/{kind}/texture": samples["texture"]["accuracy"]["mean"],
        }
    return figures


if __name__ == "__main__":
    print(run(tyro.cli(Config, description=__doc__)))
