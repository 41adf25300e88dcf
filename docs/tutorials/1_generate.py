"""
Generate doors and look at them
===============================

This tutorial generates a dataset of simulated doors, reads its arrays, and shows the frames, the
actions and the rewards of a door.

The dataset has 32 doors. ``doorlab generate`` generates 1,400 doors by default, in half a minute.
"""

# sphinx_gallery_thumbnail_number = 1
from shlex import split

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np

from doorlab.cli import main
from doorlab.data import DoorDataset
from doorlab.doors import Action, oracle_action

# %%
# Generate
# --------
#
# The prior ``default`` varies every appearance. The seed determines every byte of the dataset, for
# any number of workers.

main(split("generate --out runs/look/doors --doors 32 --prior default --workers 1 --videos 1"))

# %%
# ``doorlab info`` prints the counts, the settings and the arrays.

main(split("info runs/look/doors"))

# %%
# Frames
# ------
#
# A door has 8 frames. The first frame shows the closed door. The other frames show it at random
# opening angles.

dataset = DoorDataset.open("runs/look/doors")
test = dataset.indices("test")
images = dataset.read("images", test[:4])
print(images.shape, images.dtype)  # doors, frames, height, width, channels

figure, axes = plt.subplots(3, 6, figsize=(9, 4.7), layout="constrained")
for row, frames in zip(axes, images, strict=False):
    for axis, frame in zip(row, frames, strict=False):
        axis.imshow(frame)
        axis.axis("off")
figure.suptitle("Three doors of the test split, six frames each")
plt.show()

# %%
# Actions and rewards
# -------------------
#
# A door has 32 interactions with random actions. An action is the path of the hand. The reward is
# the fraction of its full range by which the door opens.

door = dataset[int(test[0])]
best = door["rewards"].argmax()
print("best action:", Action.from_normalized(door["actions"][best]))
print(f"reward: {door['rewards'][best]:.2f}")

rewards = dataset.read("rewards")
figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
axis.hist(rewards.ravel(), bins=np.linspace(0, 1, 21), color="#0b6e75")
axis.set(xlabel="reward", ylabel="interactions", yscale="log", title="Random actions rarely open")
plt.show()

# %%
# A film of an interaction
# ------------------------
#
# The Gymnasium environment opens the same doors. The action of the oracle, which knows all
# parameters of the door, opens it fully. The disc is the hand.

env = gym.make(
    "doorlab_envs:doorlab/DoorBandit-v0",
    doors_from="runs/look/doors",
    render_mode="rgb_array_list",
)
env.reset(options={"door": int(test[0])})
(door_parameters,) = dataset.doors(test[:1])
_, reward, _, _, _ = env.step(oracle_action(door_parameters))
film = env.render()
env.close()

figure, axes = plt.subplots(1, 5, figsize=(9, 2.3), layout="constrained")
for axis, frame in zip(axes, film[:: len(film) // 5], strict=False):
    axis.imshow(frame)
    axis.axis("off")
figure.suptitle(f"The action of the oracle: reward {reward:.2f}")
plt.show()
