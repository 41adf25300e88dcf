from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from doorlab.data.tensors.batches import DoorData, RewardBatch
from doorlab.learning.embedding_cache import EmbeddedBatch
from doorlab.learning.reward_batches import BatchConfig, interaction_batch, plans, recorded_batches
from doorlab.models.registry import JOINT
from doorlab.training import TrainConfig

DOORS, FRAMES, INTERACTIONS = 20, 5, 8


@pytest.fixture
def doors():
    """Rewards and pictures of door d are d / 255."""
    images = torch.arange(DOORS, dtype=torch.uint8)[:, None, None, None, None]
    return DoorData(
        images=images.expand(-1, FRAMES, 3, 8, 8).clone(),
        joint_position=torch.zeros(DOORS, FRAMES),
        actions=torch.rand(DOORS, INTERACTIONS, 4),
        rewards=(torch.arange(DOORS) / 255)[:, None].expand(-1, INTERACTIONS).clone(),
        optimal_reward=torch.ones(DOORS),
        indices=torch.arange(DOORS),
    )


@pytest.fixture
def config():
    return BatchConfig(
        model="ssnp", steps=10, batch=4, frames=3, unlabelled_batch=6, process_batch_size=7,
        context=3, targets=4, encoder_fraction=0.25,
    )  # fmt: skip


def batch_at(step, config, doors):
    model = SimpleNamespace(
        training=True, embed=lambda x: x.mean((1, 2, 3, 4))[:, None], train=lambda mode: None
    )
    batches = recorded_batches(config, model, doors, doors)
    return batches(step, torch.Generator().manual_seed(step), config.batch)


def test_looking_and_trying_each_have_a_schedule(config):
    """Trying as a run of its own, looking as the first part of one that would go on."""
    config = replace(config, steps=40)
    rates = [config.learning_rate_at(step) for step in range(40)]
    whole, tries = (TrainConfig(steps=s, learning_rate=config.learning_rate) for s in (40, 30))
    assert rates[:10] == pytest.approx([whole.learning_rate_at(step) for step in range(10)])
    assert rates[10:] == pytest.approx([tries.learning_rate_at(step) for step in range(30)])


def test_looking_is_without_interactions(config, doors):
    rows, generator = torch.arange(40) % len(doors), torch.Generator().manual_seed(0)
    batch = interaction_batch(doors, rows, config, generator, empty_context_prob=1.0)
    assert batch.x_BMCHW.shape == (40, 3, 3, 8, 8)
    assert batch.at_BTA.shape == (40, 4, 4)
    assert not batch.mask_BN.any()
    assert torch.equal(batch.x_BMCHW[:, 0, 0, 0, 0], batch.rt_BT[:, 0])  # of the same doors


def test_first_one_looks_and_then_one_tries(config, doors):
    for step in range(10):
        batch = batch_at(step, config, doors)
        assert isinstance(batch, EmbeddedBatch) == (step >= 3)  # a quarter of ten, rounded up
    assert batch.embedding_BE.shape == (7, 1)
    torch.testing.assert_close(batch.embedding_BE[:, 0], batch.tries.rt_BT[:, 0])


@pytest.mark.parametrize("kind", [*sorted(JOINT), "attentive_np", "np"])
def test_only_joint_models_see_other_doors(config, doors, kind):
    batch = batch_at(0, replace(config, model=kind), doors)
    if kind.endswith("ssnp"):
        batch, frames = batch
        assert frames.shape == (6, 3, 3, 8, 8)
    assert isinstance(batch, RewardBatch)
    assert len(batch.x_BMCHW) == 4


def test_models_on_frozen_embeddings_only_try(config, doors):
    assert isinstance(batch_at(0, replace(config, model="vae_np"), doors), EmbeddedBatch)


def test_online_plans_want_the_same_batches(config):
    found = {plan.wanted.name: plan for plan in plans(config)}
    assert {name: plan.wanted.doors for name, plan in found.items()} == {
        "look": 4, "try": 7, "unlabelled": 6
    }  # fmt: skip
    assert list(found["look"].steps) + list(found["try"].steps) == list(range(10))
    assert found["unlabelled"].steps == found["look"].steps
    assert {plan.wanted.name for plan in plans(replace(config, model="cnp"))} == {"look", "try"}
