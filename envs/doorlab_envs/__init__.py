"""Gymnasium environments of doorlab. Importing this registers them.

    import gymnasium as gym

    env = gym.make("doorlab_envs:doorlab/DoorBandit-v0")

The `module:id` form imports this package by itself, wherever the id is used.
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
