"""Runs one policy on many doors for some interactions. All bandit results come from this loop.

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
    """Actions, rewards and regrets of a policy."""

    actions: Float32[np.ndarray, "D T 4"]
    rewards: Float32[np.ndarray, "D T"]
    regrets: Float64[np.ndarray, "D T"]
    """Reward of the oracle minus reward of the policy, as reported by the environment."""
    slipped: Bool[np.ndarray, "D T"]


def run_policy(
    env: VectorEnv,
    policy: Policy,
    interactions: int,
    *,
    doors: Sequence[int] | None = None,
    seed: int = 0,
    advance: Callable[[int], None] = lambda steps: None,
) -> Rollout:
    """Runs `policy` for `interactions` steps on every door of `env`.

    Policies run with the same arguments get the same doors and the same stream of random numbers:
    their rollouts are paired.

    Args:
        env: vector environment of the door bandit, with a horizon of at least `interactions`.
        policy: policy to run; it receives frames, actions and rewards only.
        interactions: number of steps per door.
        doors: keys of the doors (see the environment); sampled with `seed` if None.
        seed: seed of the doors and of the policy.
        advance: called with 1 after every step, for progress bars.
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
