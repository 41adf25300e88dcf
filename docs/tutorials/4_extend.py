"""
Add a prior, a policy and a model
=================================

A prior, a simulator, a policy or a model of your own takes one Python file. doorlab does not
change. Commands accept ``MODULE:NAME`` wherever they accept a name, and find modules in the working
folder. The files of this tutorial are in ``runs/extend``.
"""

# sphinx_gallery_thumbnail_number = 1
import sys
from dataclasses import replace
from pathlib import Path
from shlex import split

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np

from doorlab.bandit import History, run_policy
from doorlab.cli import main
from doorlab.data import DoorDataset
from doorlab.doors import ACTION_DIM, get_prior
from doorlab.seeding import stream
from doorlab.sim import make_simulator

# %%
# A prior
# -------
#
# A prior is a :py:class:`~doorlab.doors.DoorPrior` with changed ranges. ``barn`` has wide sliding
# doors.

barn = replace(get_prior("default"), sliding_probability=1.0, width=(1.0, 1.1))
doors = [barn.sample(stream(0, "door", i)) for i in range(4)]
views = [barn.sample_views(stream(0, "view", i), door, 1) for i, door in enumerate(doors)]
half_open = np.array([[door.opening_limit / 2] for door in doors], np.float32)
images = make_simulator("auto").render(doors, half_open, views, 128).images

figure, axes = plt.subplots(1, 4, figsize=(9, 2.5), layout="constrained")
for axis, image in zip(axes, images[:, 0], strict=True):
    axis.imshow(image)
    axis.axis("off")
figure.suptitle("Half-open doors of the prior barn")
plt.show()

# %%
# The command line takes the same prior from a JSON file.

folder = Path("runs/extend")
folder.mkdir(parents=True, exist_ok=True)
(folder / "barn.json").write_text(
    '{"base": "default", "sliding_probability": 1, "width": [1.0, 1.1]}'
)
main(
    split(
        "generate --out runs/extend/doors --doors 24 --prior runs/extend/barn.json "
        "--workers 1 --videos 0"
    )
)
print(DoorDataset.open("runs/extend/doors").doors(np.array([0]))[0].width, "m wide")

# %%
# A policy
# --------
#
# A policy has two methods. ``begin`` receives the frames of the doors, and ``act`` returns the next
# action on every door. ``RepeatBest`` repeats the best action so far, or tries a random one.


class RepeatBest:
    """Repeats the best action if it opened the door at all; otherwise tries a random action."""

    def begin(self, frames: np.ndarray, rng: np.random.Generator) -> None:
        """Starts on new doors, with frames uint8 (D, M, H, W, 3)."""
        self._rng = rng

    def act(self, history: History) -> np.ndarray:
        """float32 (D, 4): the next action on every door, normalized."""
        count = len(history.rewards)
        random = self._rng.uniform(-1, 1, (count, ACTION_DIM)).astype(np.float32)
        if history.num_interactions == 0:
            return random
        best = history.actions[np.arange(count), history.rewards.argmax(axis=1)]
        return np.where(history.rewards.max(axis=1, keepdims=True) > 0.1, best, random)


envs = gym.make_vec(
    "doorlab_envs:doorlab/DoorBandit-v0",
    num_envs=50,
    vectorization_mode="vector_entry_point",
    horizon=30,
    frames=1,
    image_size=16,
)
rollout = run_policy(envs, RepeatBest(), 30)
envs.close()

figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
axis.plot(np.arange(1, 31), rollout.regrets.mean(axis=0), "o-", color="#0b6e75")
axis.set(xlabel="interaction", ylabel="mean regret of 50 doors", ylim=(0, 1))
plt.show()

# %%
# A model
# -------
#
# A model is a class and a spec, which describes how it is built and trained. The file below adds
# an encoder: the means of the three color channels. ``%%writefile`` writes such a file in a
# notebook.

(folder / "my_models.py").write_text('''
from doorlab.models.encoders.base import FrameEmbeddingEncoder
from doorlab.models.spec import EncoderSpec


class MeanColor(FrameEmbeddingEncoder):
    """The mean color of a frame, (B, M, 3)."""

    def __init__(self, image_size, architecture):
        super().__init__()
        self.embedding_dim = self.instance_dim = 3

    def fit(self, portions):
        """Nothing is fitted."""

    def embed_frames(self, x):
        return x.mean(dim=(-2, -1))


MEAN_COLOR = EncoderSpec(MeanColor, closed_form=True)
''')
sys.path.insert(0, str(folder))
main(
    split(
        "pretrain --model my_models:MEAN_COLOR --data runs/extend/doors "
        "--out runs/extend/mean_color"
    )
)
print(sorted(path.name for path in (folder / "mean_color").iterdir()))

# %%
# ``doorlab probe`` measures what the embedding contains, and ``doorlab represent`` compares it with
# the other encoders.
