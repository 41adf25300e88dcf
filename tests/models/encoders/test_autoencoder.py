from dataclasses import replace

import pytest
import torch

from doorlab.models.encoders.autoencoder import Autoencoder
from doorlab.models.encoders.vae import VAE


@pytest.fixture
def model(small):
    torch.manual_seed(0)
    return Autoencoder(32, small)


def test_autoencoder_has_shapes_of_vae(model, frames, small):
    latent = small.context_dim + small.instance_dim
    assert model.embed(frames).shape == (4, latent)
    assert model.embed_frames(frames).shape == (4, 3, latent)
    assert model.reconstruct(frames).shape == frames.shape
    sizes = [[p.shape for p in m.decoder.parameters()] for m in (model, VAE(32, small))]
    assert sizes[0] == sizes[1]


def test_autoencoder_latents_are_as_many_as_of_layered_statistician(frames, small):
    layered = replace(small, instance_layers=3)
    assert Autoencoder(32, layered).embed(frames).shape == VAE(32, layered).embed(frames).shape
    assert VAE(32, layered).embed(frames).shape == (4, small.context_dim + 3 * small.instance_dim)


def test_autoencoder_embeds_frames_independently_and_door_as_mean(model, frames):
    alone = model.embed_frames(frames[:, :1])
    torch.testing.assert_close(alone, model.embed_frames(frames)[:, :1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(model.embed(frames), model.embed_frames(frames).mean(1))


def test_autoencoder_loss_is_gaussian_likelihood(model, frames, small):
    loss, scalars = model.loss(frames)
    normal = torch.distributions.Normal(model.reconstruct(frames), small.likelihood_std)
    torch.testing.assert_close(loss, -normal.log_prob(frames).mean())
    assert torch.equal(scalars["log_likelihood"], -loss)


def test_autoencoder_is_deterministic_and_learns(model, frames):
    first = model.loss(frames)[0].item()
    assert model.loss(frames)[0].item() == first
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(30):
        optimizer.zero_grad()
        loss, _ = model.loss(frames)
        loss.backward()
        optimizer.step()
    assert model.loss(frames)[0].item() < first - 0.2
