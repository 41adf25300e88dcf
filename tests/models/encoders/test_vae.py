import pytest
import torch

from doorlab.models.encoders.vae import VAE


@pytest.fixture
def model(small):
    torch.manual_seed(0)
    return VAE(32, small)


def test_vae_has_expected_shapes(model, frames, small):
    latent = small.context_dim + small.instance_dim
    assert model.embed(frames).shape == (4, latent)
    assert model.embed_frames(frames).shape == (4, 3, latent)
    assert model.reconstruct(frames).shape == frames.shape
    assert model.sample(5, 2).shape == (5, 2, 3, 32, 32)


def test_vae_embeds_frames_independently(model, frames):
    """A frame's embedding does not depend on the frames beside it."""
    alone = model.embed_frames(frames[:, :1])
    torch.testing.assert_close(alone, model.embed_frames(frames)[:, :1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(model.embed(frames), model.embed_frames(frames).mean(1))


def test_vae_samples_are_deterministic_given_generator(model):
    a, b, c = (model.sample(2, 2, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_vae_loss_is_negative_elbo(model, frames):
    """Against torch.distributions, with the same noise."""
    torch.manual_seed(5)
    loss, scalars = model.loss(frames)
    torch.manual_seed(5)
    q = model.encode(frames)
    z = q.mean + q.stddev * torch.randn(q.mean.shape)
    scale = model.architecture.likelihood_std
    likelihood = torch.distributions.Normal(model.decode(z), scale).log_prob(frames)
    prior = torch.distributions.Normal(torch.zeros_like(z), torch.ones_like(z))
    kl = torch.distributions.kl_divergence(q, prior).sum(-1)
    pixels = 3 * 32 * 32
    expected = (kl - likelihood.sum((-1, -2, -3))).mean() / pixels
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(scalars["kl_z"], kl.mean())


def test_vae_trains_every_weight(model, frames):
    model.loss(frames)[0].backward()
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []
