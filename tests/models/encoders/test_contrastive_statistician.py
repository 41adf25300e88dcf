from dataclasses import replace

import pytest
import torch

from doorlab.errors import ConfigError
from doorlab.models.encoders.contrastive_statistician import ContrastiveStatistician
from doorlab.objectives.elbo import image_log_likelihood


@pytest.fixture
def model(small):
    torch.manual_seed(0)
    a = replace(small, statistics=("mean", "max", "spread"), instance_dim=5, decode_fraction=0.5)
    return ContrastiveStatistician(32, a)


def test_shapes(model, frames):
    assert model.embed(frames).shape == (4, 6)
    assert model.embed_frames(frames).shape == (4, 3, 5)
    assert model.reconstruct(frames).shape == frames.shape
    assert model.sample(5, 2).shape == (5, 2, 3, 32, 32)
    assert model.embed(frames[:, :1]).shape == (4, 6)


def test_a_mirror_leaves_the_state_alone_but_for_the_sideways_part(model, frames):
    seen, mirrored = model.embed_frames(frames), model.embed_frames(frames.flip(-1))
    torch.testing.assert_close(mirrored[..., :4], seen[..., :4])
    torch.testing.assert_close(mirrored[..., 4:], -seen[..., 4:])
    assert seen[..., 4:].abs().max() > 1e-4


def test_the_state_is_read_from_its_frame_alone(model, frames):
    others = torch.cat([frames[:, :1], frames[:, 1:].flip(0)], dim=1)
    torch.testing.assert_close(model.embed_frames(others)[:, 0], model.embed_frames(frames)[:, 0])


def test_each_half_is_explained_by_the_other(model, frames, monkeypatch):
    """Without noise, the likelihood is that of frames decoded with the other half's context."""
    monkeypatch.setattr("doorlab.models.encoders.contrastive_statistician.sample", lambda q: q.mean)
    monkeypatch.setattr("doorlab.models.encoders.statistician.sample", lambda q: q.mean)
    x = torch.cat([frames, frames[:, :1].flip(0)], dim=1)
    _, scalars = model.loss(x)
    told = x[:2]  # half of the doors are decoded
    z, wanted = model.embed_frames(told), []
    for mine, other in ((slice(0, 2), slice(2, 4)), (slice(2, 4), slice(0, 2))):
        decoded = model.decode(model.embed(told[:, other]), z[:, mine])
        scale = model.architecture.likelihood_std
        wanted.append(image_log_likelihood(told[:, mine], decoded, scale).mean())
    expected = (wanted[0] + wanted[1]) / 2 / (3 * 32 * 32)
    torch.testing.assert_close(scalars["log_likelihood"], expected)


def test_every_weight_learns(model, frames):
    loss, scalars = model.loss(torch.cat([frames, frames.flip(1)], dim=1))
    loss.backward()
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still
    assert all(torch.isfinite(value) for value in scalars.values())


def test_layers_are_for_the_plain_statistician(small):
    with pytest.raises(
        ConfigError, match=r"one layer of z .* got --architecture.instance-layers 2"
    ):
        ContrastiveStatistician(32, replace(small, instance_layers=2))


def test_one_frame_has_no_other_half(model, frames):
    with pytest.raises(ConfigError, match="--frames 2"):
        model.loss(frames[:, :1])


def test_statistics_that_nobody_knows(small):
    with pytest.raises(ConfigError, match="did you mean"):
        ContrastiveStatistician(32, replace(small, statistics=("means",)))
    with pytest.raises(ConfigError, match="mean, max, spread"):
        ContrastiveStatistician(32, replace(small, statistics=()))
