"""The two phases of reward models, and what happens to a model between them."""

from __future__ import annotations

import math
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import nn

from doorlab.configs import updated
from doorlab.data.tensors.batches import DoorData
from doorlab.learning.phases import Whitener, recorded_phases, start_joint, start_process
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


def whitener(doors, labeled: int | None = 25, model="np", whitening_eps=0.0, **settings):
    config = updated(RewardConfig(model=model), steps=10, whitening_eps=whitening_eps, **settings)
    return Whitener.of(config, lambda: doors, labeled)


def started(doors, labeled: int | None = 25, **settings):
    """A model whose process had learned something when its phase started; its first weights."""
    model = Patches().eval()
    first = deepcopy(model.process.state_dict())
    on_start = start_process(model, whitener(doors, labeled, **settings))
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


@pytest.mark.parametrize(("model", "level"), [("np", 4.0), ("ssnp", 2.5), ("vae_np", 2.5)])
@pytest.mark.parametrize("labeled", [1, 25, 400])
def test_start_process_adds_more_noise_to_fewer_labeled_doors(doors, labeled, model, level):
    trained, _ = started(doors, labeled, model=model)
    assert float(trained.process.whiten.noise) == pytest.approx(level / math.sqrt(labeled))
    trained, _ = started(doors, labeled, model=model, embedding_noise=1.0)
    assert float(trained.process.whiten.noise) == pytest.approx(1.0 / math.sqrt(labeled))


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("name", ["ssnp", "statistician_np"])
def test_start_process_fits_components_if_frames_are_unlabeled(doors, mirror, name):
    """Each component of a door is the same in its mirror image, or has the other sign."""
    model, _ = started(doors, model=name, whitening_eps=None, mirror=mirror)
    images = doors.images / 255.0
    plain, other = (model.process.whiten(model.embed(view)) for view in (images, images.flip(-1)))
    assert 0.05 < float(torch.cat([plain, other]).std(dim=0).max()) < 1.1
    signs = torch.stack(
        [torch.corrcoef(torch.stack(p))[0, 1] for p in zip(plain.T, other.T, strict=True)]
    )
    assert bool((signs.abs() > 0.999).all()) == mirror
    if mirror:
        assert int((signs < 0).sum()) == EMBEDDING // 2


def test_start_joint_fits_components_without_noise(doors):
    """The process is not reset: joint training starts with its initial weights anyway."""
    model = Patches()
    start_joint(whitener(doors, model="ssnp", whitening_eps=None))(model)
    again, _ = started(doors, model="ssnp", whitening_eps=None)
    torch.testing.assert_close(model.process.whiten.matrix, again.process.whiten.matrix)
    assert float(model.process.whiten.noise) == 0.0
    assert not model.training


class NormalizedPatches(Patches):
    def __init__(self) -> None:
        super().__init__()
        self.standardize = nn.BatchNorm1d(EMBEDDING)

    def embed(self, x):
        return self.standardize(super().embed(x))


@pytest.mark.parametrize("count", [1, 2, 64, 65, 80])
def test_start_joint_standardizes_with_any_number_of_doors(doors, count):
    """The last batch of 65 doors has one door, which has no variance."""
    model = NormalizedPatches().eval()
    before = model.standardize.running_mean.clone()
    start_joint(whitener(doors.first(count), model="ssnp", whitening_eps=None))(model)
    assert torch.isfinite(model.process.whiten.matrix).all()
    assert torch.equal(model.standardize.running_mean, before) == (count == 1)
    assert not model.training


@pytest.mark.parametrize("pretrained", [None, Path("runs/statistician")])
def test_recorded_phases_fit_components_of_pretrained_encoders_first(doors, pretrained):
    encoder, _ = phases(doors, model="ssnp", pretrained=pretrained)
    assert (encoder.on_start is None) == (pretrained is None)


def test_start_process_adds_no_noise_to_streamed_doors(doors):
    model, _ = started(doors, labeled=None)
    assert float(model.process.whiten.noise) == 0.0
    assert not torch.equal(model.process.whiten.matrix, torch.eye(EMBEDDING))


def phases(doors, model="np", **settings):
    config = RewardConfig(model=model, steps=10, encoder_fraction=0.4, **settings)
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
