"""
Train PPO with Stable-Baselines3
================================

The environment works with common libraries of reinforcement learning. This tutorial trains PPO of
Stable-Baselines3 to open a door in one interaction, from images only.

It needs ``pip install 'doorlab[sb3]'``. Training has 768 interactions, which are too few to learn
much. ``examples/ppo.py`` trains with 20,000.
"""

# sphinx_gallery_thumbnail_number = 1
import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
from doorlab_envs.wrappers import FramesAsChannels
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

# %%
# The environment
# ---------------
#
# The wrapper ``FramesAsChannels`` stacks the frames of a door into one image, because the networks
# of PPO take single images. An episode has one interaction, because PPO has no memory.


def make_env() -> gym.Env:
    """The door bandit with one interaction, and two frames in one image."""
    env = gym.make("doorlab_envs:doorlab/DoorBandit-v0", horizon=1, frames=2, image_size=36)
    return FramesAsChannels(env)


print(make_env().observation_space.shape)  # height, width, channels of both frames

# %%
# Training
# --------


class Rewards(BaseCallback):
    """Collects the rewards of all interactions."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[float] = []

    def _on_step(self) -> bool:
        self.values.extend(self.locals["rewards"])
        return True


rewards = Rewards()
policy = PPO(
    "CnnPolicy", make_vec_env(make_env, n_envs=8, seed=0), n_steps=32, batch_size=64, n_epochs=4,
    seed=0, device="cpu",
)  # fmt: skip
policy.learn(768, callback=rewards)
policy.get_env().close()

# %%
# Rewards during training
# -----------------------

window = 128
means = np.convolve(rewards.values, np.ones(window) / window, mode="valid")
figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
axis.plot(np.arange(len(means)) + window, means, color="#0b6e75")
axis.set(xlabel="interaction", ylabel=f"mean reward of {window}", ylim=(0, None))
plt.show()
