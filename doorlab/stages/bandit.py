"""Open doors never seen, in few tries, and count what the tries cost.

Every policy meets the same held-out doors with the same random numbers. A policy sees a door's
passive frames, its own actions and their rewards; what the best action would have obtained is
known to the evaluator alone. Regret is the difference between the two.

Four policies need no training: random; gp_ucb, a Gaussian process that learns each door by touch
alone; oracle, which knows every parameter of the door; and visible_oracle, which knows all that
can be seen and has to try out the rest, so that its regret is what the hidden parameters cost.
Every run of `doorlab train` given by --models joins them under the name of its kind of model.

Writes OUT/regret.json (figures with 95 % intervals) and OUT/rollouts.npz (every action and reward).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gymnasium
import numpy as np
import torch
from rich.console import Console

from doorlab.bandit import Policy, Rollout, paired_differences, run_policy, summarise
from doorlab.bandit.policies import (
    GPUCBPolicy,
    ModelConfig,
    ModelPolicy,
    OraclePolicy,
    RandomPolicy,
    VisibleOraclePolicy,
)
from doorlab.data.dataset import DoorDataset
from doorlab.data.launching import count_workers, run_local
from doorlab.doors import Door
from doorlab.errors import CheckpointError, ConfigError, unknown_name
from doorlab.files import atomic_write_bytes, read_json, refuse_overwrite
from doorlab.models.io import load_model
from doorlab.progress import track
from doorlab.results import write_result
from doorlab.sim import make_simulator

ENVIRONMENT = "doorlab_envs:doorlab/DoorBandit-v0"

BASELINES: dict[str, Callable[[Sequence[Door]], Policy]] = {
    "random": lambda doors: RandomPolicy(),
    "oracle": OraclePolicy,
    "visible_oracle": VisibleOraclePolicy,
    "gp_ucb": lambda doors: GPUCBPolicy(),
}


@dataclass(frozen=True)
class Config:
    """Which doors, which policies, how many tries."""

    preset: str = "tiny"
    """Defaults for everything else: tiny (200 doors), small (500), full (1,000)."""
    data: Path = Path("runs/dataset")
    """Dataset whose held-out doors are opened."""
    models: tuple[Path, ...] = ()
    """Runs of `doorlab train`."""
    baselines: tuple[str, ...] = tuple(BASELINES)
    """Policies that need no training."""
    out: Path = Path("runs/bandit")
    """Folder of the results."""
    split: Literal["test", "validation", "train"] = "test"
    """Which doors of the dataset."""
    doors: int = 200
    """Number of doors, the first of the split."""
    interactions: int = 10
    """Tries on every door."""
    choice: Literal["greedy", "ucb", "thompson"] = "greedy"
    """How models choose: greedy (mean), ucb (mean + kappa * std), thompson (a sampled function)."""
    simulator: str = ""
    """Simulator that the doors are opened in: pybullet, torch, panda; empty for the dataset's."""
    kappa: float = 1.0
    """Weight of the models' uncertainty in ucb."""
    seed: int = 0
    """Seed of the policies and of the bootstrap."""
    workers: int = 0
    """Processes, one policy each at a time; 0 for one per core."""
    threads: int = 1
    """Torch threads per process."""
    device: str = "cpu"
    """Where models run: cpu, cuda."""
    overwrite: bool = False
    """Replace earlier results in --out."""


PRESETS: dict[str, Config] = {
    "tiny": Config(),
    "small": Config(preset="small", doors=500),
    "full": Config(preset="full", doors=1000),
}


def run(config: Config) -> Path:
    """Evaluates every policy; returns the path of regret.json.

    Raises:
        ConfigError: for doors that the split does not have, a device that the machine does not
            have, and unknown or clashing policies.
        DatasetError, CheckpointError: for what can't be read.
        ResultError: for results that are there already.
    """
    path = config.out / "regret.json"
    refuse_overwrite(path, config.overwrite)
    dataset = DoorDataset.open(config.data)
    dataset.require("optimal_reward")
    doors = held_out(dataset, config)
    names = policy_names(config, dataset)
    if config.simulator:
        make_simulator(config.simulator).close()  # or say why not, before anything is computed
    _check_device(config.device)
    workers = count_workers(config.workers)
    found = dict(track(run_local(_Evaluation(config), names, workers), "policies", len(names)))
    rollouts = {name: found[name] for name in names}  # in their order, not in that of their ends
    policies = {name: summarise(rollout, config.seed) for name, rollout in rollouts.items()}
    _write_rollouts(config.out / "rollouts.npz", doors, rollouts)
    write_result(
        path,
        "bandit",
        config,
        {"mean_regret": {name: policy["mean_regret"] for name, policy in policies.items()}},
        dataset.checksum,
        doors=len(doors),
        interactions=config.interactions,
        policies=policies,
        paired_differences=paired_differences(rollouts, config.seed),
    )
    _show(path)
    return path


def held_out(dataset: DoorDataset, config: Config) -> np.ndarray:
    """Indices of the doors to open: the first of the split, whose order is random already."""
    indices = dataset.indices(config.split)
    if not 1 <= config.doors <= len(indices):
        raise ConfigError(
            f"--doors from 1 to the {len(indices)} of the split {config.split!r}",
            f"{config.doors}",
            "ask for fewer, or generate a larger dataset",
        )
    if config.interactions < 1:
        raise ConfigError("--interactions of at least 1", f"{config.interactions}", "ask for more")
    return indices[: config.doors]


def policy_names(config: Config, dataset: DoorDataset) -> list[str]:
    """The baselines, then the models by their kinds. Raises for what could not be evaluated."""
    for name in config.baselines:
        if name not in BASELINES:
            raise unknown_name("baseline", name, BASELINES)
    kinds = [_kind(run, dataset) for run in config.models]
    names = [*config.baselines, *kinds]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                "every policy once", f"{name} more than once", "evaluate the two into two --out"
            )
    if not names:
        raise ConfigError("at least one policy", "none", "give --models or --baselines")
    return names


@dataclass(frozen=True)
class _Evaluation:
    """One policy on all doors, from nothing but the config: work for any process."""

    config: Config

    def __call__(self, name: str) -> tuple[str, Rollout]:
        config = self.config
        torch.set_num_threads(config.threads)
        dataset = DoorDataset.open(config.data)
        doors = held_out(dataset, config)
        env = gymnasium.make_vec(
            ENVIRONMENT,
            num_envs=len(doors),
            vectorization_mode="vector_entry_point",
            frames=dataset.frames,
            image_size=dataset.image_size,
            horizon=config.interactions,
            simulator=config.simulator or dataset.generation.simulator,
            doors_from=config.data,
            split=config.split,
        )
        try:
            policy = make_policy(name, config, dataset, dataset.doors(doors))
            keys = doors.tolist()
            return name, run_policy(env, policy, config.interactions, doors=keys, seed=config.seed)
        finally:
            env.close()


def make_policy(name: str, config: Config, dataset: DoorDataset, doors: Sequence[Door]) -> Policy:
    """The policy called `name`; only the oracles look at `doors`."""
    if name in config.baselines:
        return BASELINES[name](doors)
    run = next(run for run in config.models if _kind(run, dataset) == name)
    model: Any = load_model(run).to(config.device).eval()
    how = ModelConfig(choice=config.choice, kappa=config.kappa)
    return ModelPolicy(model, how, config.device)


def _check_device(device: str) -> None:
    known = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    if device.split(":")[0] not in known:
        raise ConfigError(f"--device {' or '.join(known)} on this machine", device, "choose one")


def _kind(run: Path, dataset: DoorDataset) -> str:
    """What kind of model a run has trained, if the model is one for this dataset's frames."""
    model = read_json(run / "model.json", CheckpointError)
    size, kind = model.get("image_size"), model.get("kind")
    if size != dataset.image_size or not isinstance(kind, str):
        raise CheckpointError(
            f"a model for frames of {dataset.image_size} pixels, as in {dataset.path}",
            f"{kind} for {size} pixels in {run}",
            "train on a dataset of the same image size",
        )
    return kind


def _write_rollouts(path: Path, doors: np.ndarray, rollouts: dict[str, Rollout]) -> None:
    arrays: dict[str, Any] = {"doors": doors}
    for name, rollout in rollouts.items():
        arrays |= {f"{name}/{key}": value for key, value in vars(rollout).items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    atomic_write_bytes(path, buffer.getvalue())


def _show(path: Path) -> None:
    from doorlab.report.tables import regret_table  # here: workers have no use for it

    Console().print(regret_table(path))
