"""
Train a model and open doors
============================

This tutorial trains a semi-supervised neural process (SSNP), which predicts the reward of an action
on a door. A policy then opens unseen doors with it.

The SSNP trains for 1,500 steps on 425 doors. The SSNP of ``make demo`` starts from a statistician
that is pretrained on 1,120 doors, and needs 50 labeled doors.
"""

# sphinx_gallery_thumbnail_number = 1
import json
from pathlib import Path
from shlex import split

import matplotlib.pyplot as plt
import numpy as np

from doorlab import RewardPredictor
from doorlab.cli import main
from doorlab.data import DoorDataset
from doorlab.doors import ACTION_DIM
from doorlab.doors.action import normalized_radius
from doorlab.sim import make_simulator

# %%
# Data and training
# -----------------
#
# 425 doors are for training, and the interactions of 400 of them are used: these doors are labeled.
# The frames of all training doors are used.

main(split("generate --out runs/open/doors --doors 500 --test-fraction 0.1 --workers 1 --videos 0"))
main(
    split(
        "train --model ssnp --data runs/open/doors --out runs/open/ssnp "
        "--steps 1500 --batch-size 16 --num-labeled 400"
    )
)

# %%
# Predicted and simulated rewards
# -------------------------------
#
# The two pictures show the rewards of 400 actions on one unseen door: direction of the assumed
# hinge against swing. On the left, the model predicts them from images. On the right, the simulator
# executes them.

dataset = DoorDataset.open("runs/open/doors")
index = int(dataset.indices("test")[0])
(door,) = dataset.doors(np.array([index]))
predictor = RewardPredictor.load("runs/open/ssnp")
predictor.observe(dataset[index]["images"])

side = np.linspace(-1, 1, 20, dtype=np.float32)
actions = np.zeros((400, ACTION_DIM), np.float32)
actions[:, 0], actions[:, 2] = (axis.ravel() for axis in np.meshgrid(side, side))
actions[:, 1] = normalized_radius(door.width - door.backset)
actions[:, 3] = 0.6  # turn the handle clockwise
predicted, spread = predictor.predict(actions)
simulated = make_simulator("auto").interact([door], actions[None]).rewards[0]

figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
axes[0].imshow(dataset[index]["images"][4])
axes[0].axis("off")
axes[0].set_title("the door")
for axis, rewards, title in zip(
    axes[1:], (predicted, simulated), ("predicted reward", "simulated reward"), strict=True
):
    shown = axis.imshow(
        rewards.reshape(20, 20), origin="lower", extent=(-180, 180, -115, 115), aspect="auto",
        vmin=0, vmax=1,
    )  # fmt: skip
    axis.set(title=title, xlabel="direction of the hinge (degrees)")
axes[1].set_ylabel("swing (degrees)")
figure.colorbar(shown, ax=axes)
plt.show()

# %%
# Open unseen doors
# -----------------
#
# Every policy opens the same 40 test doors with 5 interactions each. Regret is the reward of the
# oracle minus the reward of the policy.

main(
    split(
        "bandit --data runs/open/doors --models runs/open/ssnp --out runs/open/bandit "
        "--doors 40 --horizon 5 --workers 1 --policies random ssnp visible_oracle"
    )
)

result = json.loads(Path("runs/open/bandit/regret.json").read_text())
figure, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
for name, policy in result["policies"].items():
    regret = policy["regret_per_interaction"]
    axis.plot(np.arange(1, len(regret) + 1), regret, "o-", label=name)
axis.set(xlabel="interaction", ylabel="regret", ylim=(0, 1), xticks=range(1, 6))
axis.legend()
plt.show()
