"""Against scikit-learn's components, and against what projections must satisfy."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from doorlab.errors import ConfigError
from doorlab.models.encoders.pca import PrincipalComponents


@pytest.fixture
def images():
    """(40, 3, 3, 64, 64): combinations of a few patterns, with some noise."""
    generator = torch.Generator().manual_seed(0)
    patterns = torch.rand(6, 3, 64, 64, generator=generator)
    weights = torch.rand(40, 3, 6, generator=generator) * torch.linspace(1.0, 0.1, 6)
    noise = 0.05 * torch.rand(40, 3, 3, 64, 64, generator=generator)
    return (torch.einsum("bmk,kchw->bmchw", weights, patterns) / 4 + noise).clamp(0, 1)


@pytest.fixture
def coarse(small):
    """Works at 8 pixels: components of 192 numbers are found at once."""
    return replace(small, encoder_resolution=8)


@pytest.fixture
def model(coarse, images):
    model = PrincipalComponents(64, coarse)
    model.fit(images.split(7))
    return model


def test_pca_components_match_scikit_learn(model, images, small):
    latent = small.context_dim + small.instance_dim
    small_images = torch.nn.functional.avg_pool2d(images.flatten(0, 1), 8).flatten(1).numpy()
    expected = PCA(latent, svd_solver="full").fit(small_images.astype(np.float64))
    along = (model.components.numpy() * expected.components_).sum(axis=1)
    np.testing.assert_allclose(np.abs(along), 1.0, atol=1e-4)
    np.testing.assert_allclose(model.mean.numpy(), expected.mean_, atol=1e-6)
    scores = expected.transform(small_images.astype(np.float64)) * np.sign(along)
    found = model.embed_frames(images).flatten(0, 1).numpy()
    np.testing.assert_allclose(found, scores, atol=1e-3)


def test_pca_fit_is_independent_of_batches_and_order(model, images, coarse):
    other = PrincipalComponents(64, coarse)
    other.fit(images.flip(0).split(40))
    for name, value in other.state_dict().items():
        torch.testing.assert_close(value, model.state_dict()[name], atol=1e-5, rtol=0)


def test_pca_reconstructions_are_projections(model, images):
    """What went through once comes through unchanged, and the error is the variance left over."""
    once = model.reconstruct(images)
    assert once.shape == images.shape
    torch.testing.assert_close(model.reconstruct(once), once, atol=1e-4, rtol=0)
    before, after = model.embed_frames(images), model.embed_frames(once)
    torch.testing.assert_close(after, before, atol=1e-3, rtol=0)
    pooled = torch.nn.functional.avg_pool2d(images.flatten(0, 1), 8)
    left = (torch.nn.functional.avg_pool2d(once.flatten(0, 1), 8) - pooled).square().mean()
    assert left < 0.02 * pooled.var()


def test_pca_has_expected_shapes_and_no_parameters(model, frames, small):
    large = frames.repeat(1, 1, 1, 2, 2)
    assert model.embed(large).shape == (4, model.embedding_dim)
    torch.testing.assert_close(model.embed(large), model.embed_frames(large).mean(1))
    assert list(model.parameters()) == []
    assert model.state_dict().keys() == {"mean", "components"}
    with pytest.raises(ConfigError, match="image size"):
        PrincipalComponents(48, small)
