import numpy as np
import pytest
import torch

from doorlab.data.tensors.augmentation import mirror_actions
from doorlab.data.tensors.batches import DoorData
from doorlab.learning.embedding_cache import EmbeddingCache
from doorlab.models.architecture import Architecture
from doorlab.models.processes.latent_np import LatentNeuralProcess
from doorlab.models.reward.base import RewardModel

DOORS, FRAMES, INTERACTIONS = 70, 6, 8
SMALL = Architecture(interaction_dim=5, hidden=16, latent_samples=2)


class LeftAndRight(RewardModel):
    """An embedding of the mean red of the left and of the right half; counts its calls."""

    def __init__(self):
        super().__init__(LatentNeuralProcess(2, SMALL))
        self.looks = 0

    def embed(self, x):
        assert not self.training
        self.looks += len(x)
        half = x.shape[-1] // 2
        return torch.stack([x[..., :half].mean((1, 2, 3, 4)), x[..., half:].mean((1, 2, 3, 4))], 1)


@pytest.fixture
def doors():
    """Every frame of door d is d on the left, and 0 on the right."""
    images = torch.zeros(DOORS, FRAMES, 3, 8, 8, dtype=torch.uint8)
    images[..., :4] = torch.arange(DOORS, dtype=torch.uint8)[:, None, None, None, None]
    generator = torch.Generator().manual_seed(0)
    rewards = torch.arange(DOORS).float()[:, None].expand(-1, INTERACTIONS) / DOORS
    return DoorData(
        images=images,
        joint_position=torch.zeros(DOORS, FRAMES),
        actions=torch.rand(DOORS, INTERACTIONS, 4, generator=generator),
        rewards=rewards.clone(),
        optimal_reward=torch.ones(DOORS),
        indices=torch.arange(DOORS),
    )


def sample(memory, batch=500, seed=1):
    return memory.sample(batch, torch.Generator().manual_seed(seed), 3, 4, 0.1)


def test_embedding_cache_pairs_embeddings_with_interactions_of_door(doors):
    """Mirrored embeddings come with mirrored interactions."""
    model = LeftAndRight().train()
    found = sample(EmbeddingCache(model, doors, 2, 0, mirror=True))
    assert model.training
    left, right = (255 * found.embedding_BE).unbind(1)
    number = (DOORS * found.interactions.rt_BT[:, 0]).round()
    torch.testing.assert_close(left + right, number)
    mirrored = right > left
    assert 0.4 < mirrored[number > 0].float().mean() < 0.6
    for row in range(20):
        known = doors.actions[int(number[row])]
        tried = found.interactions.at_BTA[row]
        tried = mirror_actions(tried) if mirrored[row] else tried
        distance = (tried[:, None] - known).abs().amax(-1).amin(1)
        np.testing.assert_allclose(distance, 0.0, atol=1e-5)


def test_embedding_cache_encodes_each_door_once(doors):
    model = LeftAndRight()
    memory = EmbeddingCache(model, doors, 2, 0, mirror=False)
    sample(memory)
    looks = model.looks
    sample(memory, seed=2)
    assert model.looks == looks == 4 * DOORS


def test_embedding_cache_is_deterministic_given_seed(doors):
    a, b = (sample(EmbeddingCache(LeftAndRight(), doors, 2, 7, mirror=True)) for _ in range(2))
    torch.testing.assert_close(a.embedding_BE, b.embedding_BE, rtol=0, atol=0)
    torch.testing.assert_close(
        a.interactions.context.actions, b.interactions.context.actions, rtol=0, atol=0
    )
