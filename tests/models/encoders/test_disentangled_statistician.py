from dataclasses import replace

import pytest
import torch

from doorlab.errors import ConfigError
from doorlab.models.encoders.disentangled_statistician import DisentangledStatistician
from doorlab.objectives.elbo import image_log_likelihood


@pytest.fixture
def model(small):
    torch.manual_seed(0)
    a = replace(small, statistics=("mean", "max", "spread"), instance_dim=5, decode_fraction=0.5)
    return DisentangledStatistician(32, a)


def test_disentangled_statistician_has_expected_shapes(model, frames):
    assert model.embed(frames).shape == (4, 6)
    assert model.embed_frames(frames).shape == (4, 3, 5)
    assert model.reconstruct(frames).shape == frames.shape
    assert model.sample(5, 2).shape == (5, 2, 3, 32, 32)
    assert model.embed(frames[:, :1]).shape == (4, 6)


def test_disentangled_statistician_state_is_equivariant_to_mirroring(model, frames):
    seen, mirrored = model.embed_frames(frames), model.embed_frames(frames.flip(-1))
    torch.testing.assert_close(mirrored[..., :4], seen[..., :4])
    torch.testing.assert_close(mirrored[..., 4:], -seen[..., 4:])
    assert seen[..., 4:].abs().max() > 1e-4


def test_disentangled_statistician_state_depends_on_its_frame_only(model, frames):
    others = torch.cat([frames[:, :1], frames[:, 1:].flip(0)], dim=1)
    torch.testing.assert_close(model.embed_frames(others)[:, 0], model.embed_frames(frames)[:, 0])


def test_disentangled_statistician_decodes_half_from_other_half(model, frames, monkeypatch):
    """Without noise, the likelihood is that of frames decoded with the other half's context."""
    monkeypatch.setattr(
        "doorlab.models.encoders.disentangled_statistician.sample", lambda q: q.mean
    )
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


def test_disentangled_statistician_trains_every_weight(model, frames):
    loss, scalars = model.loss(torch.cat([frames, frames.flip(1)], dim=1))
    loss.backward()
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still
    assert all(torch.isfinite(value) for value in scalars.values())


def test_disentangled_statistician_rejects_several_layers(small):
    with pytest.raises(
        ConfigError, match=r"one layer of z .* got --architecture.instance-layers 2"
    ):
        DisentangledStatistician(32, replace(small, instance_layers=2))


def test_disentangled_statistician_rejects_one_frame(model, frames):
    with pytest.raises(ConfigError, match="--frames 2"):
        model.loss(frames[:, :1])


def test_disentangled_statistician_rejects_unknown_statistics(small):
    with pytest.raises(ConfigError, match="Did you mean"):
        DisentangledStatistician(32, replace(small, statistics=("means",)))
    with pytest.raises(ConfigError, match="mean, max, spread"):
        DisentangledStatistician(32, replace(small, statistics=()))
