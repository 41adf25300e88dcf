"""Adds a prior, a simulator and two bandit policies to doorlab from your own file.

Commands accept an import path MODULE:NAME instead of a name. They find modules in the working
directory:

    cd examples
    doorlab generate --out ../runs/fire_doors --doors 40 --image-size 32 --test-fraction 0.5 \
        --prior add_your_own:FIRE_DOORS --simulator add_your_own:RustySimulator
    doorlab bandit --data ../runs/fire_doors --doors 20 --out ../runs/fire_doors_bandit \
        --policies random oracle add_your_own:RepeatBestPolicy

A policy that uses a reward model is given as KIND:MODULE:NAME, with the kind of the model. The
following command needs a run of `doorlab train` with the same image size:

    doorlab bandit --data ../runs/fire_doors --doors 20 --out ../runs/cautious_bandit \
        --models ../runs/ssnp --policies ssnp ssnp:add_your_own:cautious_policy

A prior can also be a JSON file with the fields that differ from a base prior. For example,
`--prior heavy.json` with {"base": "narrow", "mass": [28.0, 30.0]} in heavy.json.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from doorlab.bandit import History
from doorlab.bandit.policies import LabeledDataset, ModelConfig, ModelPolicy
from doorlab.doors import ACTION_DIM, Door, DoorPrior, get_prior
from doorlab.evaluation.policy_registry import ExplorationConfig
from doorlab.sim import InteractionResult
from doorlab.sim.torch import TorchSimulator

FIRE_DOORS: DoorPrior = replace(
    get_prior("narrow"),
    width=(0.9, 1.05),
    handle_types=("bar",),
    mass=(25.0, 30.0),
    closer_probability=1.0,
)


class RustySimulator(TorchSimulator):
    """The simulator `torch` with twice the hinge friction. Images are unchanged.

    A simulator is any callable without arguments that returns a `doorlab.sim.Simulator`. Its
    results depend on the arguments only, so that datasets do not depend on the number of workers.
    """

    name = "rusty"

    def interact(
        self, doors: Sequence[Door], actions: np.ndarray, *, record: bool = False
    ) -> InteractionResult:
        """Simulates the actions (D, J, 4) on their doors; see `doorlab.sim.Simulator.interact`."""
        rusty = [replace(door, hinge_friction=2.0 * door.hinge_friction) for door in doors]
        return super().interact(rusty, actions, record=record)


class RepeatBestPolicy:
    """Repeats the best action so far; samples a uniform action with probability epsilon.

    A policy without a model is constructed from the doors and the exploration settings of the
    command. Only privileged policies, such as the oracle, may use the doors.
    """

    def __init__(self, doors: Sequence[Door], exploration: ExplorationConfig) -> None:
        self._epsilon = exploration.epsilon

    def begin(self, frames: np.ndarray, rng: np.random.Generator) -> None:
        """Starts on new doors: frames uint8 (D, M, H, W, 3), and a random generator."""
        self._rng = rng

    def act(self, history: History) -> np.ndarray:
        """float32 (D, 4): the next action on every door, normalized."""
        count = len(history.rewards)
        uniform = self._rng.uniform(-1.0, 1.0, (count, ACTION_DIM)).astype(np.float32)
        explores = self._rng.random(count) < self._epsilon
        if history.num_interactions == 0:
            return uniform
        best = history.rewards.argmax(axis=1)
        explores |= history.rewards.max(axis=1) == 0.0
        return np.where(explores[:, None], uniform, history.actions[np.arange(count), best])


def cautious_policy(
    model: Any,
    labeled: Callable[[], LabeledDataset],
    exploration: ExplorationConfig,
    device: str,
) -> ModelPolicy:
    """A policy that maximizes the lower confidence bound mean - kappa * std of a reward model."""
    return ModelPolicy(model, ModelConfig(choice="ucb", kappa=-exploration.kappa), device)
