"""The evidence of models: linear Gaussian ones, whose likelihood is known, and small networks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from helpers.linear_gaussian import (
    S,
    T,
    TwoLayers,
    U,
    draw_sets,
    log_evidence,
    posterior_c,
    posterior_z,
)
from torch import nn
from torch.distributions import Normal

from doorlab.errors import ConfigError
from doorlab.evaluation.likelihood import estimate_bounds, has_evidence
from doorlab.models.architecture import Architecture
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.models.encoders.vae import VAE
from doorlab.models.image_likelihood import ImageLikelihood
from doorlab.models.processes.cnp import ConditionalNeuralProcess


class LinearStatistician(NeuralStatistician):
    """Images of one pixel in one color; posteriors as wide as they should be, but shifted."""

    def __init__(self, shift: float) -> None:
        nn.Module.__init__(self)
        self.architecture, self.shift = Architecture(instance_dim=1), shift
        self.likelihood = ImageLikelihood(S)
        self.encoder, self.below = nn.Flatten(2), nn.ModuleList()

    def infer_context(self, h):
        return shifted(posterior_c(h[..., 0]), self.shift)

    def infer_instances(self, h, c):
        found = shifted(posterior_z(h[..., 0], c), self.shift)
        return Normal(found.mean[..., None], found.stddev[..., None])

    def decode(self, c, z):
        return (z + c[:, None])[..., None, None]

    def instance_prior(self, c, like):
        return Normal(c[:, None].expand_as(like), torch.full_like(like, T))


class LinearLayer(nn.Module):
    """The lower z of the model with two."""

    def __init__(self, shift: float) -> None:
        super().__init__()
        self.shift = shift

    def infer(self, h, c, above):
        return shifted(TwoLayers.posterior_z1(h, c[:, None], above), self.shift)

    def prior(self, c, above):
        mean = above + c[:, None]
        return Normal(mean, torch.full_like(mean, U))


class TwoLayerStatistician(LinearStatistician):
    """The same with two layers of z."""

    def __init__(self, shift: float) -> None:
        super().__init__(shift)
        self.architecture = replace(self.architecture, instance_layers=2)
        self.below = nn.ModuleList([LinearLayer(shift)])

    def infer_context(self, h):
        return shifted(TwoLayers.posterior_c(h[..., 0]), self.shift)

    def infer_instances(self, h, c):
        return shifted(TwoLayers.posterior_z2(h, c[:, None]), self.shift)

    def decode(self, c, z):
        return super().decode(c, z.sum(dim=-1, keepdim=True))


def shifted(exact: Normal, by: float) -> Normal:
    return Normal(exact.mean + by * exact.stddev, exact.stddev)


class LinearVAE(VAE):
    """x = z + noise, p(z) = N(0, 1)."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.architecture, self.likelihood = Architecture(), ImageLikelihood(S)

    def encode(self, x):
        gain = 1 / (1 + S**2)
        mean = gain * x.flatten(-3)
        return Normal(mean, torch.full_like(mean, S * gain**0.5))

    def decode(self, z):
        return z[..., None, None]


def as_images(sets):
    return sets[..., None, None, None]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("samples", [1, 2, 5])
def test_bounds_with_exact_posteriors_equal_evidence(samples):
    x = draw_sets(6, 4)
    found = estimate_bounds(LinearStatistician(0.0), as_images(x), samples)
    torch.testing.assert_close(found.elbo, log_evidence(x), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.importance, log_evidence(x), atol=1e-4, rtol=1e-4)
    found = estimate_bounds(LinearVAE(), as_images(x), samples)
    alone = Normal(0.0, (1 + S**2) ** 0.5).log_prob(x).sum(dim=1)
    torch.testing.assert_close(found.elbo, alone, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.importance, alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("samples", [1, 6])
def test_bounds_with_exact_two_layer_posteriors_equal_evidence(samples):
    x = TwoLayers.draw_sets(6, 4)
    found = estimate_bounds(TwoLayerStatistician(0.0), as_images(x), samples)
    torch.testing.assert_close(found.elbo, TwoLayers.log_evidence(x), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.importance, found.elbo, atol=1e-4, rtol=1e-4)


def test_two_layer_elbo_gap_is_sum_of_divergences():
    x = TwoLayers.draw_sets(1, 3).expand(4000, -1)
    truth = TwoLayers.log_evidence(x[:1]).item()
    few, many = (estimate_bounds(TwoLayerStatistician(0.5), as_images(x), n) for n in (2, 64))
    # s^2 / 2 for the shift s of c and of both z of all three frames.
    assert truth - few.elbo.mean().item() == pytest.approx(7 * 0.5**2 / 2, abs=0.1)
    assert few.elbo.mean() < few.importance.mean() < many.importance.mean() < truth + 0.01
    assert truth - many.importance.mean() < 0.1


def test_two_layer_new_frames_have_spread_of_model():
    c = torch.tensor([[0.5], [-2.0]])
    drawn = TwoLayerStatistician(0.0).new_frames(c, 20_000).flatten(1)
    torch.testing.assert_close(drawn.mean(dim=1), 4 * c[:, 0], atol=0.05, rtol=0)
    expected = torch.full((2,), (4 * T**2 + U**2) ** 0.5)
    torch.testing.assert_close(drawn.std(dim=1), expected, atol=0.05, rtol=0)


def test_bounds_with_inexact_posteriors_are_below_evidence():
    """More samples tighten the importance-weighted bound."""
    x = draw_sets(1, 3).expand(3000, -1)
    truth = log_evidence(x[:1]).item()
    few, many = (estimate_bounds(LinearStatistician(0.6), as_images(x), n) for n in (2, 64))
    # Of the shift s in c and in each z: KL = s^2 / 2 each, and that is what the ELBO lacks.
    assert truth - few.elbo.mean().item() == pytest.approx(4 * 0.6**2 / 2, abs=0.1)
    assert few.elbo.mean() < few.importance.mean() < many.importance.mean() < truth + 0.01
    assert truth - many.importance.mean() < 0.05


def test_estimated_elbo_equals_training_objective(small, frames):
    """Minus the loss, times the pixels, within the noise of samples."""
    layered = replace(small, instance_layers=3)
    models = VAE(32, small), NeuralStatistician(32, small), NeuralStatistician(32, layered)
    for model in models:
        with torch.no_grad():
            losses = torch.stack([model.loss(frames)[0] for _ in range(64)])
        found = estimate_bounds(model, frames, 64).elbo.mean() / frames[0].numel()
        error = losses.std() / 8
        assert abs(found + losses.mean()) < 5 * error + 1e-6


def test_bounds_beliefs_match_model(small, frames):
    model = NeuralStatistician(32, small)
    found = estimate_bounds(model, frames, 2).beliefs
    with torch.no_grad():
        _, scalars = model.loss(frames)
        torch.testing.assert_close(found["c"].posterior.mean, model.embed(frames))
        torch.testing.assert_close(found["z"].posterior.mean, model.embed_frames(frames))
    assert found["c"].kl().shape == (4, small.context_dim)
    assert found["z"].kl().shape == (4, 3, small.instance_dim)
    torch.testing.assert_close(found["c"].kl().sum(dim=1).mean(), scalars["kl_c"])


def test_bounds_beliefs_cover_every_layer(small, frames):
    model = NeuralStatistician(32, replace(small, instance_layers=3))
    found = estimate_bounds(model, frames, 2).beliefs
    assert list(found) == ["c", "z_layer_3", "z_layer_2", "z_layer_1"]
    means = [found[name].posterior.mean for name in list(found)[1:]]
    with torch.no_grad():
        torch.testing.assert_close(torch.cat(means, dim=-1), model.embed_frames(frames))
        c, (lower, _) = model.embed(frames), model.below
        torch.testing.assert_close(found["z_layer_2"].prior.mean, lower.prior(c, means[0]).mean)


def test_bounds_are_deterministic_given_generator(small, frames):
    model = NeuralStatistician(32, small)
    first, second, third = (
        estimate_bounds(model, frames, 4, torch.Generator().manual_seed(seed)).importance
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_bounds_reject_other_models_and_zero_samples(small, frames):
    process = ConditionalNeuralProcess(small.context_dim, small)
    assert not has_evidence(process)
    assert has_evidence(VAE(32, small))
    with pytest.raises(ConfigError, match="VAE or NeuralStatistician"):
        estimate_bounds(process, frames)
    with pytest.raises(ConfigError, match="--samples"):
        estimate_bounds(VAE(32, small), frames, 0)
