"""The calibrated likelihood against torch.distributions and brute-force maximization."""

import math
from dataclasses import replace

import pytest
import torch
from torch.distributions import Normal

from doorlab.models.encoders.autoencoder import Autoencoder
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.models.encoders.vae import VAE
from doorlab.models.image_likelihood import ImageLikelihood
from doorlab.objectives.elbo import LEVEL, image_log_likelihood, optimal_std


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(4, 3, 3, 8, 8, generator=generator)
    return x, (x + 0.07 * torch.randn(x.shape, generator=generator)).clamp(0, 1)


def test_optimal_std_maximizes_likelihood(images):
    x, mean = images
    widths = [0.01 * 1.0005**n for n in range(10_000)]  # up to 1.5
    x, mean = x.double(), mean.double()
    best = max(widths, key=lambda std: image_log_likelihood(x, mean, std).mean().item())
    near = (Normal(mean, best).log_prob(x).sum((-1, -2, -3)), image_log_likelihood(x, mean, best))
    torch.testing.assert_close(*near)
    assert optimal_std(x, mean).item() == pytest.approx(best, rel=5e-4)


def test_image_likelihood_in_training_is_half_log_squared_error(images):
    """Value and gradient against the closed form: D / 2 (log MSE + log 2 pi + 1)."""
    x, mean = images
    ours, theirs = (mean.clone().requires_grad_() for _ in "ab")
    loss = -ImageLikelihood(0.0).train()(x, ours).mean()
    dimensions = 3 * 8 * 8
    squared = (x - theirs).square().mean()
    expected = 0.5 * dimensions * (squared.log() + math.log(2 * math.pi) + 1.0)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_image_likelihood_in_evaluation_uses_std_of_training(images):
    x, mean = images
    likelihood = ImageLikelihood(0.0).train()
    for error in (0.1, 0.3):  # variances 0.01 and 0.09 in two steps: their mean
        likelihood(x, x + error)
    likelihood.eval()
    expected = math.sqrt((0.1**2 + 0.3**2) / 2)
    assert likelihood.std.item() == pytest.approx(expected, rel=1e-5)
    for part in (x[:1], x):
        found = likelihood(part, mean[: len(part)])
        law = Normal(mean[: len(part)], expected)
        torch.testing.assert_close(found, law.log_prob(part).sum((-1, -2, -3)), rtol=1e-4, atol=0.1)
    assert likelihood.std.item() == pytest.approx(expected, rel=1e-5)


def test_image_likelihood_std_follows_decreasing_errors():
    likelihood, x = ImageLikelihood(0.0).train(), torch.zeros(1, 3, 8, 8)
    for step in range(2000):
        likelihood(x, x + (0.5 if step < 500 else 0.05))
    assert likelihood.std.item() == pytest.approx(0.05, rel=0.01)
    other = ImageLikelihood(0.0)
    other.load_state_dict(likelihood.state_dict())
    assert torch.equal(other.std, likelihood.std)


def test_image_likelihood_is_finite_without_error():
    x = torch.full((2, 3, 8, 8), 0.5)
    assert optimal_std(x, x).item() == pytest.approx(LEVEL)
    assert ImageLikelihood(0.0).train()(x, x).isfinite().all()


def test_image_likelihood_with_fixed_std_is_equal_in_both_modes(images):
    x, mean = images
    likelihood = ImageLikelihood(0.2)
    expected = Normal(mean, 0.2).log_prob(x).sum((-1, -2, -3))
    for mode in (True, False):
        torch.testing.assert_close(likelihood.train(mode)(x, mean), expected, rtol=1e-4, atol=1e-2)
    assert likelihood.std.item() == pytest.approx(0.2)


@pytest.mark.parametrize("model", [NeuralStatistician, VAE, Autoencoder])
def test_image_likelihood_calibrates_every_decoder(model, small, frames):
    torch.manual_seed(0)
    network = model(32, replace(small, likelihood_std=0.0)).train()
    loss, scalars = network.loss(frames)
    variance = network.likelihood.variance
    expected = -0.5 * (variance.log() + math.log(2 * math.pi) + 1.0)
    torch.testing.assert_close(scalars["log_likelihood"], expected, rtol=1e-4, atol=1e-4)
    assert loss.isfinite()
    assert "likelihood.variance" in network.state_dict()
