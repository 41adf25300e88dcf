"""The loop: one policy, many doors, some interactions. Everything that is measured comes from here.

Legend: D doors, T interactions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from gymnasium.vector import VectorEnv
from jaxtyping import Bool, Float32, Float64

from doorlab.bandit.policy import History, Policy
from doorlab.seeding import stream


@dataclass(frozen=True)
class Rollout:
    """What came of a policy's interactions."""

    actions: Float32[np.ndarray, "D T 4"]
    rewards: Float32[np.ndarray, "D T"]
    regrets: Float64[np.ndarray, "D T"]
    """What the oracle obtained minus the reward, as the environment reports it."""
    slipped: Bool[np.ndarray, "D T"]


def run_policy(
    env: VectorEnv,
    policy: Policy,
    interactions: int,
    *,
    doors: Sequence[int] | None = None,
    seed: int = 0,
    advance: Callable[[int], None] = lambda tries: None,
) -> Rollout:
    """Lets `policy` try `interactions` times on every door of `env`.

    Policies that are run with the same arguments meet the same doors and get the same stream of
    random numbers: their rollouts are paired.

    Args:
        env: a vector environment of the door bandit, whose horizon is at least `interactions`.
        policy: sees frames, actions and rewards only.
        interactions: per door.
        doors: keys of the doors (see the environment); drawn by the seed when None.
        seed: of the doors and of the policy.
        advance: called with 1 after every interaction, for progress bars.
    """
    observation, _ = env.reset(seed=seed, options=None if doors is None else {"door": list(doors)})
    policy.begin(observation["images"], stream(seed, "policy"))
    history, regrets, slipped = History.empty(env.num_envs), [], []
    for _ in range(interactions):
        actions = policy.act(history)
        _, rewards, _, _, info = env.step(actions)
        history = history.extended(actions, rewards.astype(np.float32))
        regrets.append(info["regret"])
        slipped.append(info["slipped"])
        advance(1)
    return Rollout(
        history.actions, history.rewards, np.stack(regrets, axis=1), np.stack(slipped, axis=1)
    )
