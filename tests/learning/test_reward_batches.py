from dataclasses import replace

import pytest
import torch

from doorlab.configs import updated
from doorlab.data.tensors.batches import DoorData
from doorlab.learning.embedding_cache import EmbeddedBatch
from doorlab.learning.phases import recorded_phases
from doorlab.learning.reward_batches import (
    BatchSampler,
    JointBatch,
    StreamSchedules,
)
from doorlab.learning.reward_config import RewardConfig
from doorlab.models.architecture import Architecture
from doorlab.models.processes.latent_np import LatentNeuralProcess
from doorlab.models.registry import REWARD_MODELS, reward_model_spec
from doorlab.models.reward.base import RewardModel
from doorlab.nn.context_sets import RewardBatch
from doorlab.training import TrainingTask

JOINT = [name for name in REWARD_MODELS if reward_model_spec(name).joint]
DOORS, FRAMES, INTERACTIONS = 20, 5, 8
SMALL = Architecture(interaction_dim=5, hidden=16, latent_samples=2)


@pytest.fixture
def doors():
    """Rewards and images of door d are d / 255."""
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
    return updated(
        RewardConfig(),
        model="ssnp",
        steps=10,
        batch_size=4,
        frames=3,
        unlabeled_batch_size=6,
        process__batch_size=7,
        context=3,
        targets=4,
        encoder_fraction=0.25,
    )


class MeanPixel(RewardModel):
    """A reward model whose embedding of a door is the mean of its pixels."""

    def __init__(self):
        super().__init__(LatentNeuralProcess(1, SMALL))

    def embed(self, x):
        return x.mean((1, 2, 3, 4))[:, None]


def batch_at(step, config, doors):
    """A batch of the phase that the step is in."""
    model = MeanPixel()
    spans = TrainingTask(recorded_phases(config, model, doors, doors)).spans(config.steps)
    phase = next(span.phase for span in spans if step in span.steps)
    return phase.batches(step, torch.Generator().manual_seed(step), phase.batch_size)


def test_interaction_batch_accepts_empty_context(config, doors):
    rows, generator = torch.arange(40) % len(doors), torch.Generator().manual_seed(0)
    sampler = BatchSampler.of(config)
    batch = sampler.interaction_batch(doors, rows, generator, empty_context_prob=1.0)
    assert batch.x_BMCHW.shape == (40, 3, 3, 8, 8)
    assert batch.at_BTA.shape == (40, 4, 4)
    assert not batch.context.mask.any()
    frames = batch.with_float_frames().x_BMCHW
    assert torch.equal(frames[:, 0, 0, 0, 0], batch.rt_BT[:, 0])  # of the same doors


def test_recorded_batches_are_embedded_in_process_phase(config, doors):
    for step in range(10):
        batch = batch_at(step, config, doors)
        assert isinstance(batch, EmbeddedBatch) == (step >= 3)  # a quarter of ten, rounded up
    assert batch.embedding_BE.shape == (7, 1)
    torch.testing.assert_close(batch.embedding_BE[:, 0], batch.interactions.rt_BT[:, 0])


@pytest.mark.parametrize("kind", [*JOINT, "attentive_np", "np"])
def test_recorded_encoder_batches_have_unlabeled_doors_for_joint_models(config, doors, kind):
    batch = batch_at(0, replace(config, model=kind), doors)
    if kind.endswith("ssnp"):
        assert isinstance(batch, JointBatch)
        batch, frames = batch.labeled, batch.frames_BMCHW
        assert frames.shape == (6, 3, 3, 8, 8)
        assert frames.dtype == torch.uint8
    assert isinstance(batch, RewardBatch)
    assert batch.x_BMCHW.dtype == torch.uint8
    assert len(batch.x_BMCHW) == 4


def test_recorded_batches_of_frozen_encoder_are_embedded_from_start(config, doors):
    assert isinstance(batch_at(0, replace(config, model="vae_np"), doors), EmbeddedBatch)


def test_stream_schedules_have_same_batches(config):
    schedules = StreamSchedules.of(config)
    assert schedules.unlabeled is not None
    counts = [
        schedule.wanted.doors
        for schedule in (schedules.labeled, schedules.process, schedules.unlabeled)
    ]
    assert counts == [4, 7, 6]
    assert [*schedules.labeled.steps, *schedules.process.steps] == list(range(10))
    assert schedules.unlabeled.steps == schedules.labeled.steps
    assert StreamSchedules.of(replace(config, model="cnp")).unlabeled is None
