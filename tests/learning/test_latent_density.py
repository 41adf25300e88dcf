"""The density of a run's latents, with a model whose latents are the colors of its doors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from doorlab.data.tensors.batches import DoorData
from doorlab.learning.latent_density import write_latent_density
from doorlab.models.encoders.base import DoorEncoder, FitsLatentDensity
from doorlab.models.io import checksum_of
from doorlab.models.latent_density import load_latent_density
from doorlab.run_layout import LATENT_DENSITY_FILE
from doorlab.stages import pretrain

SIZE = 8


class LeftColors(DoorEncoder, FitsLatentDensity):
    """A door's latent is the mean color of the left half of its frames."""

    density_latent = "c"

    def density_latents(self, x):
        return x[..., : SIZE // 2].mean(dim=(1, 3, 4))

    def embed(self, x):
        return self.density_latents(x)

    def embed_frames(self, x):
        raise NotImplementedError

    def sample(self, doors, frames, generator=None, fitted=True):
        raise NotImplementedError


def painted(count, seed):
    """Doors whose frames are dark on the left and bright on the right, with a color each."""
    rng = np.random.default_rng(seed)
    images = np.zeros((count, 2, 3, SIZE, SIZE), np.uint8)
    images += rng.integers(0, 40, (count, 1, 3, 1, 1), dtype=np.uint8)
    images[..., SIZE // 2 :] += 200
    nothing = torch.zeros(count, 0)
    return DoorData(
        torch.from_numpy(images), torch.zeros(count, 2), torch.zeros(count, 0, 4), nothing,
        torch.zeros(count), torch.arange(count),
    )  # fmt: skip


@pytest.fixture
def config(tmp_path):
    return replace(pretrain.Config(), out=tmp_path)


@pytest.mark.parametrize("mirror", [False, True])
def test_latent_density_is_that_of_training_doors(config, mirror):
    model = LeftColors()
    write_latent_density(config, model, painted(300, 0), painted(100, 1), mirror=mirror)
    density = load_latent_density(config.out, checksum_of(model))
    assert density is not None
    assert (density.doors, density.mirrored, density.latent) == (300, mirror, "c")
    samples = density.sample(torch.zeros(4000, 3), torch.Generator().manual_seed(0)) * 255
    dark, bright = 19.5, 219.5
    expected = (dark + bright) / 2 if mirror else dark
    assert samples.mean().item() == pytest.approx(expected, abs=6)
    assert (samples > 120).double().mean().item() == pytest.approx(0.5 * mirror, abs=0.05)


def test_latent_density_needs_no_validation_doors(config):
    write_latent_density(config, LeftColors(), painted(40, 0), None, mirror=False)
    assert (config.out / LATENT_DENSITY_FILE).exists()


def test_latent_density_file_is_removed_without_density(config):
    file = config.out / LATENT_DENSITY_FILE
    for model, doors in ((LeftColors(), 19), (torch.nn.Identity(), 40)):
        file.write_bytes(b"of an earlier run")
        write_latent_density(config, model, painted(doors, 0), None, mirror=False)
        assert not file.exists()
