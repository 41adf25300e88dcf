"""Open doors never seen, in few tries, and count what the tries cost.

Every policy meets the same held-out doors with the same random numbers. A policy sees a door's
passive frames, its own actions and their rewards; what the best action would have obtained is
known to the evaluator alone. Regret is the difference between the two.

Policies that need no training: random; gp_ucb and gp_ts, Gaussian processes that learn each door by
touch alone; oracle, which knows every parameter of the door; and visible_oracle, which knows all
that can be seen and has to try out the rest, so that its regret is what the hidden parameters cost.

Runs of `doorlab train` given by --models go by the name of their kind of model, and --policies
says what is made of them: KIND:greedy (or KIND alone), KIND:ucb, KIND:thompson and KIND:epsilon
choose by the model's predictions; KIND:linucb, KIND:neural_linear and KIND:cpp see with the model,
and learn with linear regressions or Gaussian processes from what they try. Runs of one kind with
different seeds count as one policy, with intervals over seeds and doors.

A policy from outside doorlab goes by an import path: MODULE:NAME is a callable that makes a policy
from the doors and the exploration settings, KIND:MODULE:NAME one that makes it from a model.
`doorlab.evaluation.policy_registry` says what they are given; examples/add_your_own.py has one.

Writes OUT/regret.json (figures with 95 % intervals, on all doors and by what can't be seen of them)
and OUT/rollouts.npz (every action and reward). regret.json is written last, and names the doors and
the weights that it is about by their checksums: dataset_checksum, and model_weights in the order of
--models.
"""

from __future__ import annotations

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
from doorlab.evaluation.policy_registry import ExplorationConfig, PolicySpec, make_policy, panel
from doorlab.evaluation.regret import (
    SeededRollouts,
    merge,
    paired_differences,
    regret_by_group,
    summarize,
)
from doorlab.limits import NonNegativeInt, PositiveInt, Seed, Threads, check_limits
from doorlab.models.io import weights_checksum
from doorlab.options import Option
from doorlab.parallel.launchers import count_workers, run_local
from doorlab.results import result_folder, write_result
from doorlab.runtime.devices import resolve_device, set_num_threads
from doorlab.runtime.torch_state import process_defaults
from doorlab.sim import SIMULATORS, make_simulator
from doorlab.storage.files import atomic_write_arrays
from doorlab.terminal.progress import track
from doorlab.training.config import DEVICES

ENVIRONMENT = "doorlab_envs:doorlab/DoorBandit-v0"


@dataclass(frozen=True)
class Config:
    """Which doors, which policies, how many tries."""

    preset: str = "tiny"
    """Defaults for everything else: tiny (200 doors), small (500), full (1,000)."""
    data: Path = Path("runs/dataset")
    """Dataset whose held-out doors are opened."""
    models: tuple[Path, ...] = ()
    """Runs of `doorlab train`; several of one kind need different seeds."""
    policies: tuple[str, ...] = ()
    """Names of policies, see above; by default random, oracle, visible_oracle, gp_ucb and every
    model's greedy one. Import paths MODULE:NAME and, of what is made of a model, KIND:MODULE:NAME
    are accepted, too."""
    out: Path = Path("runs/bandit")
    """Folder of the results."""
    split: Literal["test", "validation", "train"] = "test"
    """Which doors of the dataset."""
    doors: PositiveInt = 200
    """Number of doors, the first of the split."""
    horizon: PositiveInt = 10
    """Tries on every door."""
    simulator: Annotated[str, Option(tuple(SIMULATORS))] = ""
    """Simulator that the doors are opened in: pybullet, torch, panda; empty for the dataset's. An
    import path MODULE:NAME is accepted, too."""
    exploration: ExplorationConfig = field(default_factory=ExplorationConfig)
    """How much policies explore."""
    seed: Seed = 0
    """Seed of the policies and of the bootstrap."""
    workers: NonNegativeInt = 0
    """Processes, one policy each at a time; 0 for one per core."""
    threads: Threads = 1
    """Torch threads per process; 0 leaves torch's own choice."""
    device: Annotated[str, Option(DEVICES)] = "auto"
    """Where models run: cpu, cuda, or auto for the best there is."""
    overwrite: bool = False
    """Replace earlier results in --out."""

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
        ConfigError: for doors that the split does not have, a device that the machine does not
            have, and unknown or clashing policies.
        DatasetError, CheckpointError: for what can't be read.
        ResultError: for results that are there already, or that another process writes.
    """
    path, rollouts = config.out / "regret.json", config.out / "rollouts.npz"
    with result_folder(path, rollouts, overwrite=config.overwrite):
        _evaluate(config, path, rollouts)
    return path


def _evaluate(config: Config, path: Path, rollouts: Path) -> None:
    config = replace(config, device=resolve_device(config.device))
    set_num_threads(config.threads)
    dataset = DoorDataset.open(config.data)
    dataset.require("optimal_reward")
    doors = held_out(dataset, config)
    entries = panel(config.policies, config.models, dataset)
    weights = [weights_checksum(model) for model in config.models]
    SIMULATORS.get_named(
        dataset.generation.simulator
    )  # or say why not, before anything is computed
    if config.simulator:
        make_simulator(config.simulator).close()
    workers = count_workers(config.workers)
    work = run_local(_Evaluation(config), list(entries), workers)
    found = dict(track(work, "bandit", "policies", len(entries)))
    runs = _merged(entries, found)
    policies = _summaries(runs, dataset.doors(doors), config.seed)
    differences = paired_differences(runs, config.seed)
    path.unlink(missing_ok=True)  # it says "done", and must not be found beside others' rollouts
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
    """Indices of the doors to open: the first of the split, whose order is random already."""
    indices = dataset.indices(config.split)
    if not 1 <= config.doors <= len(indices):
        raise ConfigError(
            f"--doors from 1 to the {len(indices)} of the split {config.split!r}",
            f"{config.doors}",
            "ask for fewer, or generate a larger dataset",
        )
    return indices[: config.doors]


def _merged(entries: dict[str, PolicySpec], found: dict[str, Rollout]) -> dict[str, SeededRollouts]:
    """The rollouts of every policy, in the order in which they were asked for."""
    by_name: dict[str, dict[int, Rollout]] = {}
    for key, entry in entries.items():
        by_name.setdefault(entry.name, {})[entry.seed] = found[key]
    return {name: merge(rollouts) for name, rollouts in by_name.items()}


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
    """One policy on all doors, from nothing but the config: work for any process."""

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
            entry = panel(config.policies, config.models, dataset)[key]
            policy = make_policy(
                entry, dataset, dataset.doors(doors), config.exploration, config.device
            )
            keys = doors.tolist()
            return key, run_policy(env, policy, config.horizon, doors=keys, seed=config.seed)
        finally:
            env.close()


def _write_rollouts(path: Path, doors: np.ndarray, runs: dict[str, SeededRollouts]) -> None:
    """Arrays with an axis for training seeds in front where there are several."""
    arrays: dict[str, Any] = {"doors": doors}
    for name, one in runs.items():
        parts = {part: value for part, value in vars(one).items() if part != "seeds"}
        many = len(one.seeds) > 1
        arrays |= {f"{name}/{part}": v if many else v[0] for part, v in parts.items()}
        if many:
            arrays[f"{name}/seeds"] = np.array(one.seeds)
    atomic_write_arrays(path, arrays)
