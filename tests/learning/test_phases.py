"""What becomes of a model between looking at doors and trying them."""

from __future__ import annotations

import math
from copy import deepcopy

import pytest
import torch
from torch import nn

from doorlab.data.tensors.batches import DoorData
from doorlab.learning.phases import turn
from doorlab.learning.reward_batches import BatchConfig
from doorlab.models.architecture import Architecture
from doorlab.models.processes.latent_np import LatentNeuralProcess

DOORS, EMBEDDING = 80, 4
SMALL = Architecture(interaction_dim=5, hidden=16, latent_samples=2)


class Patches(nn.Module):
    """Embeds a door as what two patches of each half show, mixed; its process is a real one."""

    def __init__(self) -> None:
        super().__init__()
        self.process = LatentNeuralProcess(EMBEDDING, SMALL)
        mixing = torch.tensor([[9.0, 1, 0, 2], [3, 2, 0, 1], [0, 1, 0.5, 0], [1, 0, 0, 4]])
        self.register_buffer("mixing", mixing)

    def embed(self, x):
        return x.mean(dim=(1, 2, 3)).unflatten(-1, (EMBEDDING, -1)).mean(-1) @ self.mixing + 7.0


@pytest.fixture
def doors():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (DOORS, 1, 3, 1, 8), generator=generator, dtype=torch.uint8)
    return DoorData(
        images=images,
        joint_position=torch.zeros(DOORS, 1),
        actions=torch.zeros(DOORS, 1, 4),
        rewards=torch.zeros(DOORS, 1),
        optimal_reward=torch.ones(DOORS),
        indices=torch.arange(DOORS),
    )


def turned(doors, labelled: int | None = 25, **settings):
    """A model whose process has learned something, after the turn; and its first weights."""
    model = Patches().eval()
    first = deepcopy(model.process.state_dict())
    with torch.no_grad():
        for parameter in model.process.parameters():
            parameter.add_(1.0)
    config = BatchConfig(steps=10, whitening_eps=0.0, **settings)
    turn(config, first, lambda: doors, labelled).do(model)
    return model, first


def test_the_process_has_fresh_weights(doors):
    model, first = turned(doors)
    for name, value in model.process.named_parameters():
        torch.testing.assert_close(value.data, first[name], rtol=0, atol=0)


@pytest.mark.parametrize("mirror", [False, True])
def test_embeddings_are_whitened(doors, mirror):
    model, _ = turned(doors, mirror=mirror)
    images = doors.images / 255.0
    views = [images, images.flip(-1)] if mirror else [images]
    white = model.process.whiten(torch.cat([model.embed(view) for view in views]))
    torch.testing.assert_close(white.mean(0), torch.zeros(EMBEDDING), rtol=0, atol=1e-3)
    covariance = torch.cov(white.T, correction=0)
    torch.testing.assert_close(covariance, torch.eye(EMBEDDING), rtol=0, atol=1e-3)


@pytest.mark.parametrize("labelled", [1, 25, 400])
def test_the_fewer_doors_are_labelled_the_more_they_are_blurred(doors, labelled):
    model, _ = turned(doors, labelled)
    assert float(model.process.whiten.noise) == pytest.approx(4 / math.sqrt(labelled))


def test_fresh_doors_are_not_blurred(doors):
    model, _ = turned(doors, labelled=None)
    assert float(model.process.whiten.noise) == 0.0
    assert not torch.equal(model.process.whiten.matrix, torch.eye(EMBEDDING))


def test_it_comes_after_looking_and_goes_back_to_what_looked_best(doors):
    """By the error before any interaction, since nothing was tried so far."""
    figures = {"reward_mse_after_0": 0.3, "reward_mse_after_4": 0.1}
    config = BatchConfig(model="np", steps=10, encoder_fraction=0.4)
    found = turn(config, {}, lambda: doors, 5)
    assert found.step == 4
    assert found.error_of is not None
    assert found.error_of(figures) == 0.3
    last = BatchConfig(model="np", steps=10, keep_best=False)
    assert turn(last, {}, lambda: doors, 5).error_of is None
