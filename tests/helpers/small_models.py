"""Small networks, and doors made of random pixels."""

from dataclasses import replace

import pytest
import torch

from doorlab.models.architecture import Architecture
from doorlab.nn.context_sets import InteractionSet, RewardBatch
from helpers.small_networks import TINY

SIZE, DOORS, FRAMES, CONTEXT, TARGETS = 32, 4, 3, 5, 6

SMALL = replace(TINY, latent_samples=4, likelihood_std=0.1, frame_decode_fraction=1.0)


@pytest.fixture
def small() -> Architecture:
    return SMALL


@pytest.fixture
def frames() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(DOORS, FRAMES, 3, SIZE, SIZE, generator=generator)


@pytest.fixture
def batch(frames) -> RewardBatch:
    """Doors with 0, 1, 3 and 5 interactions seen."""
    generator = torch.Generator().manual_seed(1)

    def rand(*shape):
        return torch.rand(shape, generator=generator)

    mask = torch.arange(CONTEXT) < torch.tensor([[0], [1], [3], [5]])
    actions = (2 * rand(DOORS, CONTEXT, 4) - 1) * mask[..., None]
    return RewardBatch(
        context=InteractionSet(actions, rand(DOORS, CONTEXT) * mask, mask),
        at_BTA=2 * rand(DOORS, TARGETS, 4) - 1,
        rt_BT=rand(DOORS, TARGETS),
        x_BMCHW=frames,
    )
