"""
Use a model on a robot
======================

``RewardPredictor`` applies a trained model to one door at a time. It takes images of any size, and
returns actions in radians and meters.

The Gymnasium environment takes the place of the robot here. The model is one of the shipped
weights; ``RewardPredictor.load`` also takes the folder of a run of ``doorlab train``.
"""

# sphinx_gallery_thumbnail_number = 1
from pathlib import Path

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np

from doorlab import RewardPredictor

# %%
# Observe, suggest, record
# ------------------------
#
# On a robot, ``env.reset`` is replaced by the cameras, ``env.step`` by the arm, and the reward by a
# measurement of the opening angle.

predictor = RewardPredictor.load("narrow")
env = gym.make("doorlab_envs:doorlab/DoorBandit-v0", image_size=240, render_mode="rgb_array")
observation, _ = env.reset(seed=7)
predictor.observe(observation["images"])

predictions, rewards, pictures = [], [], []
for interaction in range(4):
    action = predictor.suggest("ucb")
    mean, std = predictor.predict([action])
    _, reward, _, _, _ = env.step(action.to_normalized())
    predictor.record(action, reward)
    predictions.append((mean[0], std[0]))
    rewards.append(reward)
    pictures.append(env.render())
    print(f"{interaction + 1}: {action}")
env.close()

figure, axes = plt.subplots(1, 4, figsize=(9, 2.8), layout="constrained")
for axis, picture, reward, (mean, std) in zip(axes, pictures, rewards, predictions, strict=True):
    axis.imshow(picture)
    axis.axis("off")
    axis.set_title(f"predicted {mean:.2f} ± {std:.2f}\nreward {reward:.2f}", fontsize=10)
plt.show()

# %%
# Stop and continue
# -----------------
#
# ``save`` writes the embedding, the interactions and the random state of the door. Another process
# continues with the same suggestion.

Path("runs").mkdir(exist_ok=True)
predictor.save("runs/robot-door.safetensors")
other = RewardPredictor.load("narrow")
other.restore("runs/robot-door.safetensors")
same = np.array_equal(other.suggest().to_normalized(), predictor.suggest().to_normalized())
print(len(other.interactions), "interactions; the same suggestion:", same)
