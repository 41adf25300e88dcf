"""
Pretrain on your own footage
============================

This tutorial imports a folder of images, one subfolder per door, and trains a neural statistician
on them. The statistician learns an embedding of a door from its images, without labels.

Simulated doors take the place of your photographs here. The statistician trains for 300 steps.
Real runs have hundreds of doors and thousands of steps.
"""

# sphinx_gallery_thumbnail_number = 2
from pathlib import Path
from shlex import split

import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image

from doorlab.cli import main
from doorlab.data import DoorDataset
from doorlab.doors import get_prior
from doorlab.models.io import load_model
from doorlab.seeding import stream
from doorlab.sim import make_simulator

# %%
# The footage
# -----------
#
# ``images`` contains one subfolder per door. The names and the sizes of the images do not matter.
# One video per door is possible, too.

prior, simulator = get_prior("narrow"), make_simulator("auto")
doors = [prior.sample(stream(0, "door", i)) for i in range(60)]
views = [prior.sample_views(stream(0, "view", i), door, 8) for i, door in enumerate(doors)]
angles = np.array([np.linspace(0, door.opening_limit, 8) for door in doors], np.float32)
photographs = simulator.render(doors, angles, views, 96).images
for number, frames in enumerate(photographs):
    folder = Path("runs/footage/images", f"door-{number:02d}")
    folder.mkdir(parents=True)
    for shot, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"photo-{shot}.jpg")
print(sorted(path.name for path in Path("runs/footage/images").iterdir())[:3], "...")

# %%
# Import
# ------
#
# The command crops the images to squares and resizes them to 64 pixels.

main(split("import runs/footage/images --out runs/footage/doors --frames 8 --workers 1"))
dataset = DoorDataset.open("runs/footage/doors")

figure, axes = plt.subplots(2, 8, figsize=(9, 2.5), layout="constrained")
for row, frames in zip(axes, dataset.read("images", np.array([0, 1])), strict=True):
    for axis, frame in zip(row, frames, strict=True):
        axis.imshow(frame)
        axis.axis("off")
plt.show()

# %%
# Pretrain
# --------

main(
    split(
        "pretrain --model statistician --data runs/footage/doors --out runs/footage/statistician "
        "--steps 300"
    )
)

# %%
# Reconstructions
# ---------------
#
# The statistician encodes the frames of a door into a context latent ``c``, which the frames
# share, and an instance latent ``z`` per frame. It decodes both into the frame again. After so few
# steps, the frames are blurred.

model = load_model("runs/footage/statistician").eval()
held_out = dataset.indices("test")[:2]
x = torch.from_numpy(dataset.read("images", held_out)).permute(0, 1, 4, 2, 3) / 255
with torch.no_grad():
    rebuilt = model.reconstruct(x)
    embeddings = model.embed(x)
print("embeddings:", tuple(embeddings.shape))  # doors, dimensions

figure, axes = plt.subplots(4, 6, figsize=(9, 6.2), layout="constrained")
for door in range(2):
    for axis, frame in zip(axes[2 * door], x[door], strict=False):
        axis.imshow(frame.permute(1, 2, 0))
    for axis, frame in zip(axes[2 * door + 1], rebuilt[door], strict=False):
        axis.imshow(frame.permute(1, 2, 0))
for axis in axes.flat:
    axis.axis("off")
figure.suptitle("Two held-out doors: frames, and below them their reconstructions")
plt.show()

# %%
# ``doorlab train --model statistician_np --pretrained RUN`` trains a reward model on this
# encoder. It needs a dataset with interactions, such as one of ``doorlab generate``.
