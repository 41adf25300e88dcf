"""The two phases of reward models, and what happens to a model between them."""

from __future__ import annotations

import math
from copy import deepcopy

import pytest
import torch

from doorlab.configs import updated
from doorlab.data.tensors.batches import DoorData
from doorlab.learning.phases import recorded_phases, start_process
from doorlab.learning.reward_config import RewardConfig
from doorlab.models.architecture import Architecture
from doorlab.models.processes.latent_np import LatentNeuralProcess
from doorlab.models.reward.base import RewardModel

DOORS, EMBEDDING = 80, 4
SMALL = Architecture(interaction_dim=5, hidden=16, latent_samples=2)


class Patches(RewardModel):
    """Embeds a door as what two patches of each half show, mixed; its process is a real one."""

    def __init__(self) -> None:
        super().__init__(LatentNeuralProcess(EMBEDDING, SMALL))
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


def started(doors, labeled: int | None = 25, **settings):
    """A model whose process had learned something when its phase started; its first weights."""
    model = Patches().eval()
    first = deepcopy(model.process.state_dict())
    config = updated(RewardConfig(), steps=10, whitening_eps=0.0, **settings)
    on_start = start_process(config.process, model, lambda: doors, config.mirror, labeled)
    with torch.no_grad():
        for parameter in model.process.parameters():
            parameter.add_(1.0)
    on_start(model)
    return model, first


def test_start_process_restores_initial_weights(doors):
    model, first = started(doors)
    for name, value in model.process.named_parameters():
        torch.testing.assert_close(value.data, first[name], rtol=0, atol=0)


@pytest.mark.parametrize("mirror", [False, True])
def test_start_process_whitens_embeddings(doors, mirror):
    model, _ = started(doors, mirror=mirror)
    images = doors.images / 255.0
    views = [images, images.flip(-1)] if mirror else [images]
    white = model.process.whiten(torch.cat([model.embed(view) for view in views]))
    torch.testing.assert_close(white.mean(0), torch.zeros(EMBEDDING), rtol=0, atol=1e-3)
    covariance = torch.cov(white.T, correction=0)
    torch.testing.assert_close(covariance, torch.eye(EMBEDDING), rtol=0, atol=1e-3)


@pytest.mark.parametrize("labeled", [1, 25, 400])
def test_start_process_adds_more_noise_to_fewer_labeled_doors(doors, labeled):
    model, _ = started(doors, labeled)
    assert float(model.process.whiten.noise) == pytest.approx(4 / math.sqrt(labeled))


def test_start_process_adds_no_noise_to_streamed_doors(doors):
    model, _ = started(doors, labeled=None)
    assert float(model.process.whiten.noise) == 0.0
    assert not torch.equal(model.process.whiten.matrix, torch.eye(EMBEDDING))


def phases(doors, **settings):
    config = RewardConfig(model="np", steps=10, encoder_fraction=0.4, **settings)
    return recorded_phases(config, Patches(), doors, doors)


def test_recorded_phases_select_encoder_by_error_without_interactions(doors):
    metrics = {"reward_mse_after_0": 0.3, "reward_mse_after_4": 0.1}
    encoder, process = phases(doors)
    assert (encoder.steps, encoder.schedule_steps) == (4, 10)
    assert encoder.monitor is not None
    assert encoder.monitor(metrics) == 0.3
    assert process.monitor is not None
    assert process.monitor(metrics) == pytest.approx(0.2)
    assert process.steps is None


def test_recorded_phases_keep_last_weights_without_keep_best(doors):
    assert [phase.monitor for phase in phases(doors, keep_best=False)] == [None, None]
