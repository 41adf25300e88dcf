"""Evaluate policies that open held-out doors in a few interactions; measure their regret.

All policies are evaluated on the same held-out doors with the same random numbers. The observations
of a policy are the frames of the door, the policy's own actions and their rewards. The optimal
reward of a door is available to the evaluator only. Regret is the optimal reward minus the obtained
reward.

Policies without a trained model:
- random: uniform random actions.
- gp_ucb and gp_ts: a Gaussian process per door, fitted to the interactions only, without frames.
- oracle: uses every parameter of the door.
- visible_oracle: uses every visible parameter of the door and explores the hidden ones. The regret
  of visible_oracle is the cost of the hidden parameters.

Policies with a trained model use the runs of `doorlab train` given by --models. KIND is the name of
the model of a run, and --policies selects how the model is used. KIND:greedy (or KIND alone),
KIND:ucb, KIND:thompson and KIND:epsilon choose actions by the predictions of the model.
KIND:ensemble averages the predictions of all runs of KIND.
KIND:linucb, KIND:neural_linear and KIND:cpp use the model's embedding of the door, and fit linear
regressions or Gaussian processes to the interactions. KIND:tabpfn predicts rewards from embeddings
with TabPFN, which `pip install 'doorlab[tabpfn]'` installs. Runs of one KIND with different seeds
are one policy, with intervals over seeds and doors.

A policy from outside doorlab is given by an import path. MODULE:NAME is a callable that makes a
policy from the doors and the exploration settings; KIND:MODULE:NAME is a callable that makes a
policy from a model. The docstring of `doorlab.evaluation.policy_registry` lists the arguments of
these callables; examples/add_your_own.py contains an example.

The command writes OUT/regret.json (metrics with 95 % intervals, on all doors and by hidden
parameter) and OUT/rollouts.npz (every action and reward). regret.json is written last. It contains
the checksums of the dataset (dataset_checksum) and of the weights of the models (model_weights, in
the order of --models).
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import gymnasium
import numpy as np

from doorlab.bandit import Rollout, run_policy
from doorlab.data.dataset import DoorDataset
from doorlab.doors import Door
from doorlab.errors import ConfigError
from doorlab.evaluation.hidden_groups import strata_by_hidden_parameter
from doorlab.evaluation.policy_registry import (
    ExplorationConfig,
    PolicySpec,
    make_policy,
    policy_specs,
)
from doorlab.evaluation.regret import (
    SeededRollouts,
    merge,
    paired_differences,
    regret_by_group,
    summarize,
)
from doorlab.evaluation.unseen_doors import check_unseen
from doorlab.limits import NonNegativeInt, PositiveInt, Seed, Threads, WorkerGpus, check_limits
from doorlab.models.hub.locate import find_models
from doorlab.models.io import weights_checksum
from doorlab.options import Option
from doorlab.parallel.launchers import get_launcher, run_items
from doorlab.results import result_folder, write_result
from doorlab.run_layout import REGRET_FILE, ROLLOUTS_FILE
from doorlab.runtime.devices import reserved_gpus, resolve_device, set_num_threads
from doorlab.runtime.torch_state import process_defaults
from doorlab.sim import SIMULATORS, make_simulator, resolve_simulator
from doorlab.storage.files import atomic_write_arrays
from doorlab.terminal.progress import track
from doorlab.training.config import DEVICES

ENVIRONMENT = "doorlab_envs:doorlab/DoorBandit-v0"


@dataclass(frozen=True)
class Config:
    """Doors, policies and number of interactions of an evaluation."""

    preset: str = "tiny"
    """Defaults of the other options: tiny (200 doors), small (500), full (1,000)."""
    data: Path = Path("runs/dataset")
    """Folder or URL of the dataset with the doors to open."""
    models: tuple[Path, ...] = ()
    """Reward models: run folders of `doorlab train`, folders of `doorlab export`, and names of
    shipped weights (narrow). Runs of one kind of model need different seeds. The policy of shipped
    weights has the name of the model and of the weights (ssnp-narrow)."""
    policies: tuple[str, ...] = ()
    """Names of the policies, as listed above. Default: random, oracle, visible_oracle, gp_ucb and
    the greedy policy of every model. Import paths are accepted: MODULE:NAME for a policy without a
    model, KIND:MODULE:NAME for a policy with a model."""
    out: Path = Path("runs/bandit")
    """Folder of the results."""
    split: Literal["test", "validation", "train"] = "test"
    """Split of the dataset to take the doors from."""
    doors: PositiveInt = 200
    """Number of doors; the first doors of the split are used."""
    horizon: PositiveInt = 10
    """Interactions per door."""
    simulator: Annotated[str, Option(tuple(SIMULATORS))] = ""
    """Simulator of the interactions: auto, pybullet, torch, panda, or an import path MODULE:NAME.
    If empty, the simulator of the dataset."""
    exploration: ExplorationConfig = field(default_factory=ExplorationConfig)
    """Exploration settings of the policies."""
    seed: Seed = 0
    """Seed of the policies and of the bootstrap."""
    workers: NonNegativeInt = 0
    """Worker processes; each evaluates one policy at a time. 0 for one per core of the machine, or
    for as many as the cluster has room for."""
    launcher: str = "local"
    """How worker processes are started. local: on this machine. ray: on the Ray cluster at
    RAY_ADDRESS, or on the cluster that `ray start` started on this machine, or else on this machine
    alone. All machines of the cluster must share the file systems of the given paths. ray needs
    `pip install 'doorlab[ray]'`."""
    worker_gpus: WorkerGpus = 1.0
    """GPUs that a worker reserves on a Ray cluster if the device is a GPU. 0.25 lets four workers
    share a GPU. Workers on one machine without Ray share its GPU."""
    threads: Threads = 1
    """Torch threads per process; 0 keeps the default of torch."""
    device: Annotated[str, Option(DEVICES)] = "auto"
    """Device of the models: cpu, cuda, or auto for the best available device."""
    overwrite: bool = False
    """Replace existing results in --out."""

    def __post_init__(self) -> None:
        check_limits(self)


PRESETS: dict[str, Config] = {
    "tiny": Config(),
    "small": Config(preset="small", doors=500),
    "full": Config(preset="full", doors=1000),
}


@process_defaults()
def run(config: Config) -> Path:
    """Evaluates every policy; returns the path of regret.json.

    Raises:
        ConfigError: if the split has fewer doors, the device is not available, or policies are
            unknown or listed twice.
        DatasetError, CheckpointError: if the dataset or a run can't be read.
        ResultError: if results exist already, or another process writes them.
    """
    path, rollouts = config.out / REGRET_FILE, config.out / ROLLOUTS_FILE
    with result_folder(path, rollouts, overwrite=config.overwrite):
        _evaluate(config, path, rollouts)
    return path


def _evaluate(config: Config, path: Path, rollouts: Path) -> None:
    get_launcher(config.launcher)
    device, simulator = resolve_device(config.device), resolve_simulator(config.simulator)
    config = replace(config, device=device, simulator=simulator)
    set_num_threads(config.threads)
    dataset = DoorDataset.open(config.data)
    dataset.require("optimal_reward")
    models = find_models(config.models, "reward")
    doors = held_out(dataset, config)
    entries = policy_specs(config.policies, models, dataset)
    for model in models:
        check_unseen(model, dataset)
    weights = [weights_checksum(model) for model in models]
    # Raises for an unknown simulator before anything is computed.
    SIMULATORS.get_named(dataset.generation.simulator)
    if config.simulator:
        make_simulator(config.simulator).close()
    gpus = reserved_gpus(device, config.worker_gpus, config.launcher)
    work, items = _Evaluation(config), list(entries)
    results = run_items(config.launcher, work, items, config.workers, config.out, gpus)
    with closing(results):
        rollouts_by_key = dict(track(results, "bandit", "policies", len(entries)))
    runs = _merged(entries, rollouts_by_key)
    policies = _summaries(runs, dataset.doors(doors), config.seed)
    differences = paired_differences(runs, config.seed)
    # regret.json marks a finished run; an old one must not remain next to new rollouts.
    path.unlink(missing_ok=True)
    _write_rollouts(rollouts, doors, runs)
    write_result(
        path,
        "bandit",
        config,
        {"mean_regret": {name: policy["mean_regret"] for name, policy in policies.items()}},
        dataset.checksum,
        config.simulator or dataset.simulator,
        doors=len(doors),
        horizon=config.horizon,
        policies=policies,
        paired_differences=differences,
        model_weights=weights,
    )


def held_out(dataset: DoorDataset, config: Config) -> np.ndarray:
    """Indices of the doors to open: the first doors of the split, whose order is random.

    Raises ConfigError if the split has fewer doors than the config requests.
    """
    indices = dataset.indices(config.split)
    if not 1 <= config.doors <= len(indices):
        raise ConfigError(
            f"--doors from 1 to {len(indices)} (the doors of the split {config.split!r})",
            f"{config.doors}",
            "lower --doors, or generate a larger dataset",
        )
    return indices[: config.doors]


def _merged(
    entries: dict[str, PolicySpec], rollouts: dict[str, Rollout]
) -> dict[str, SeededRollouts]:
    """Policy name -> the rollouts of all its training seeds, in the order of `entries`."""
    by_name: dict[str, dict[int, Rollout]] = {}
    for key, entry in entries.items():
        by_name.setdefault(entry.name, {})[entry.seed] = rollouts[key]
    return {name: merge(by_seed) for name, by_seed in by_name.items()}


def _summaries(runs: dict[str, SeededRollouts], doors: list[Door], seed: int) -> dict[str, Any]:
    groups = strata_by_hidden_parameter(doors)
    return {
        name: {
            **summarize(one, seed),
            "by_hidden": {what: regret_by_group(one, g, seed) for what, g in groups.items()},
        }
        for name, one in runs.items()
    }


@dataclass(frozen=True)
class _Evaluation:
    """Evaluates one policy on all doors.

    The config is the only state, so that the object can be sent to a worker process.
    """

    config: Config

    def __call__(self, key: str) -> tuple[str, Rollout]:
        config = self.config
        set_num_threads(config.threads)
        dataset = DoorDataset.open(config.data)
        doors = held_out(dataset, config)
        env = gymnasium.make_vec(
            ENVIRONMENT,
            num_envs=len(doors),
            vectorization_mode="vector_entry_point",
            frames=dataset.frames,
            image_size=dataset.image_size,
            horizon=config.horizon,
            simulator=config.simulator or dataset.generation.simulator,
            doors_from=config.data,
            split=config.split,
        )
        try:
            models = find_models(config.models, "reward")
            entry = policy_specs(config.policies, models, dataset)[key]
            policy = make_policy(
                entry, dataset, dataset.doors(doors), config.exploration, config.device
            )
            keys = doors.tolist()
            return key, run_policy(env, policy, config.horizon, doors=keys, seed=config.seed)
        finally:
            env.close()


def _write_rollouts(path: Path, doors: np.ndarray, runs: dict[str, SeededRollouts]) -> None:
    """Writes the arrays of all policies.

    The arrays of a policy with several training seeds have a leading axis for the seeds.
    """
    arrays: dict[str, Any] = {"doors": doors}
    for name, one in runs.items():
        parts = {part: value for part, value in vars(one).items() if part != "seeds"}
        many = len(one.seeds) > 1
        arrays |= {f"{name}/{part}": v if many else v[0] for part, v in parts.items()}
        if many:
            arrays[f"{name}/seeds"] = np.array(one.seeds)
    atomic_write_arrays(path, arrays)
