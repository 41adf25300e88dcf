"""Rewards of an arm for the oracle's actions and for plausible actions."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from doorlab.benchmarks.simulation import sample_doors
from doorlab.data.sources.simulation import GenerationConfig, passive_actions
from doorlab.doors import get_prior
from doorlab.intervals import Estimate, bootstrap_mean
from doorlab.seeding import stream
from doorlab.sim import make_simulator, optimal_rewards

_DOORS, _SLIDING, _PLAUSIBLE = 200, 20, (125, 4)


def panda(rounds: int) -> dict[str, Estimate]:
    """Rewards of the oracle and of plausible actions with the Panda; a single round.

    Plausible actions are compared with those of the free-floating hand.
    """
    arm, hand, doors = make_simulator("panda"), make_simulator("pybullet"), sample_doors(_DOORS)
    best = optimal_rewards(arm, doors)
    pulled = np.array([door.swing == "pull" for door in doors])
    prior = replace(get_prior("default"), sliding_probability=1.0)
    sliding = [prior.sample(stream(0, "bench", "sliding", i)) for i in range(_SLIDING)]
    count, interactions = _PLAUSIBLE
    config = GenerationConfig(interactions=interactions, prior="default")
    actions = np.stack([passive_actions(config, i) for i in range(count)])
    start = time.perf_counter()
    rewards = arm.interact(doors[:count], actions).rewards
    seconds = time.perf_counter() - start
    difference = np.abs(rewards - hand.interact(doors[:count], actions).rewards)
    figures = {
        "panda_oracle_pull": bootstrap_mean(best[pulled]),
        "panda_oracle_push": bootstrap_mean(best[~pulled]),
        "panda_oracle_sliding": bootstrap_mean(optimal_rewards(arm, sliding)),
        "panda_within_0.1_of_hand": bootstrap_mean((difference < 0.1).mean(axis=1)),
        "panda_interactions_per_s": bootstrap_mean(np.array([rewards.size / seconds])),
    }
    arm.close()
    hand.close()
    return figures
