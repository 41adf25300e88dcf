"""Importance-weighted bounds where the likelihood is known in closed form."""

from __future__ import annotations

import math

import pytest
import torch
from helpers.linear_gaussian import S, T, draw_sets, log_evidence, posterior_c, posterior_z
from torch.distributions import Normal

from doorlab.nn.gaussian import sample, standard_normal
from doorlab.objectives import bounds

REPEATS, FRAMES = 4000, 3


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def wrong(q: Normal) -> Normal:
    """A posterior that is off: there has to be a gap for samples to close."""
    return Normal(q.mean + 0.5 * q.stddev, 1.3 * q.stddev)


def spread(q: Normal, count: int) -> Normal:
    return Normal(q.mean.expand(count, *q.mean.shape), q.stddev.expand(count, *q.mean.shape))


def set_ratios(x, q_c, tell_z, outer, inner):
    """log_ratio_c (K, B) and log_ratios (L, K, B, M) of the linear model for sets (B, M)."""
    c = spread(q_c, outer).sample()  # (K, B, 1)
    q_z = spread(tell_z(posterior_z(x, c)), inner)  # (L, K, B, M)
    z = q_z.sample()
    log_ratio_c = bounds.log_ratio(c, standard_normal(c), q_c)
    likelihood = Normal(z + c, S).log_prob(x)
    return log_ratio_c, likelihood + Normal(c, T).log_prob(z) - q_z.log_prob(z)


def bound(x, outer, inner, tell_z=wrong):
    ratios = set_ratios(x, wrong(posterior_c(x)), tell_z, outer, inner)
    return bounds.importance_bound(bounds.set_log_weights(*ratios)).mean().item()


def test_bounds_with_exact_posterior_equal_evidence_with_one_sample():
    x = draw_sets(50, FRAMES)
    ratios = set_ratios(x, posterior_c(x), lambda q: q, 1, 1)
    for found in (
        bounds.importance_bound(bounds.set_log_weights(*ratios)),
        bounds.set_elbo(*ratios),
    ):
        torch.testing.assert_close(found, log_evidence(x), rtol=1e-4, atol=1e-4)


def test_importance_bound_of_sets_rises_with_samples():
    x = draw_sets(1, FRAMES).expand(REPEATS, -1)
    evidence = log_evidence(x[:1]).item()
    by_outer = [bound(x, outer, 1) for outer in (1, 4, 64)]
    assert by_outer[0] < by_outer[1] < by_outer[2] < evidence + 0.01
    by_inner = [bound(x, 4, inner) for inner in (1, 4, 64)]
    assert by_inner[0] < by_inner[1] < by_inner[2] < evidence + 0.01
    assert evidence - bound(x, 64, 8) < 0.02 < evidence - by_outer[0]


def test_set_log_weights_are_unbiased():
    """The mean weight is p(x), for any number of samples and any q."""
    x = draw_sets(1, FRAMES).expand(50_000, -1)
    for outer, inner in ((1, 1), (2, 1), (1, 3)):
        ratios = set_ratios(x, wrong(posterior_c(x)), wrong, outer, inner)
        weights = (bounds.set_log_weights(*ratios) - log_evidence(x)).exp().mean(dim=0)
        error = 4 * weights.std() / math.sqrt(len(weights))
        assert abs(weights.mean() - 1) < error


def test_set_elbo_equals_bound_of_one_sample():
    x = draw_sets(20, FRAMES)
    ratios = set_ratios(x, wrong(posterior_c(x)), wrong, 1, 1)
    one = bounds.importance_bound(bounds.set_log_weights(*ratios))
    torch.testing.assert_close(one, bounds.set_elbo(*ratios))
    several = set_ratios(x, wrong(posterior_c(x)), wrong, 6, 4)
    by_hand = torch.stack(
        [several[0][k] + several[1][i, k].sum(-1) for k in range(6) for i in range(4)]
    )
    torch.testing.assert_close(bounds.set_elbo(*several), by_hand.mean(dim=0))


@pytest.mark.parametrize("samples", [1, 8, 128])
def test_importance_bound_of_frames_approaches_evidence(samples):
    """x = w z + noise."""
    w, s = 1.7, 0.4
    x = torch.linspace(-3, 3, 7).repeat(REPEATS, 1)
    variance = 1 / (1 + w**2 / s**2)
    exact = Normal(variance * w * x / s**2, torch.full_like(x, variance**0.5))
    q = spread(wrong(exact), samples)
    z = q.sample()
    log_weights = Normal(w * z, s).log_prob(x) + bounds.log_ratio(
        z[..., None], standard_normal(z[..., None]), Normal(q.mean[..., None], q.stddev[..., None])
    )
    evidence = Normal(0.0, math.hypot(w, s)).log_prob(x[0])
    gap = evidence - bounds.importance_bound(log_weights).mean(dim=0)
    assert (gap > -0.01).all()
    # The ELBO's gap is KL(q || exact posterior): shifted by 0.5 std and 1.3 times as wide.
    kl = 0.5 * (1.3**2 + 0.5**2 - 1) - math.log(1.3)
    if samples == 1:
        torch.testing.assert_close(gap, torch.full_like(gap, kl), atol=0.06, rtol=0)
    assert gap.mean() < {1: 1.1 * kl, 8: kl / 3, 128: 0.01}[samples]


def test_importance_bound_is_finite_for_tiny_weights():
    assert bounds.importance_bound(torch.full((4, 2), -1e6)).tolist() == [-1e6, -1e6]


def test_bits_per_dimension_match_code_length():
    """Against the exact probabilities of 8-bit levels under a Gaussian that is much wider."""
    mean, scale = 0.43, 0.1
    levels = torch.arange(256, dtype=torch.float64) / 255
    normal, half = Normal(torch.tensor(mean, dtype=torch.float64), scale), 0.5 / 255
    probability = normal.cdf(levels + half) - normal.cdf(levels - half)
    expected = -(probability * probability.log2()).sum()
    density = (probability * normal.log_prob(levels)).sum()
    torch.testing.assert_close(
        bounds.bits_per_dimension(7 * density, 7), expected, rtol=0, atol=1e-3
    )


def test_active_units_have_means_beyond_tenth_of_prior_std():
    data = torch.randn(2000, 1, generator=torch.Generator().manual_seed(1))
    mean = data * torch.tensor([1.0, 0.15, 0.05, 0.0])
    q = Normal(mean, torch.ones_like(mean))
    expected = mean.var(dim=0, correction=0)
    torch.testing.assert_close(bounds.activity(q, standard_normal(mean)), expected)
    assert bounds.active_units(q, standard_normal(mean)).tolist() == [True, True, False, False]


def test_activity_of_posterior_equal_to_prior_is_zero():
    door = 3 * torch.randn(50, 1, 2)
    own = torch.randn(50, 8, 2) * torch.tensor([0.0, 0.5])
    prior = Normal(door.expand(-1, 8, -1), torch.full((50, 8, 2), 2.0))
    q = Normal(door + own, torch.full((50, 8, 2), 2.0))
    expected = torch.tensor([0.0, (own[..., 1] / 2).var(correction=0)])
    torch.testing.assert_close(bounds.activity(q, prior), expected, atol=1e-6, rtol=1e-4)


def test_log_ratio_averages_to_negative_divergence():
    """E_q[log p - log q] = -KL(q || p)."""
    q = Normal(torch.tensor([[0.4, -1.0]]), torch.tensor([[0.5, 1.5]]))
    p = standard_normal(q.mean)
    z = torch.cat([sample(q) for _ in range(100_000)])
    kl = torch.distributions.kl_divergence(q, p).sum()
    assert bounds.log_ratio(z, p, q).mean().item() == pytest.approx(-kl.item(), abs=0.02)
