"""Gymnasium environments of doorlab. Importing the package registers them.

    import gymnasium as gym

    env = gym.make("doorlab_envs:doorlab/DoorBandit-v0")

The `module:id` form imports this package automatically.
"""

import gymnasium

from doorlab_envs.door_bandit import DoorBanditEnv
from doorlab_envs.door_bandit_vector import DoorBanditVectorEnv

__all__ = ["DoorBanditEnv", "DoorBanditVectorEnv"]

gymnasium.register(
    id="doorlab/DoorBandit-v0",
    entry_point="doorlab_envs.door_bandit:DoorBanditEnv",
    vector_entry_point="doorlab_envs.door_bandit_vector:DoorBanditVectorEnv",
)
