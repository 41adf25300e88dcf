import math

import pytest
import torch

from doorlab.objectives.reward_likelihoods import (
    END,
    censored_gaussian_log_prob,
    inflated_beta,
    mean_squared_error,
    sample_mean,
    sampled_loss,
    soft_bernoulli_score,
)


def test_soft_bernoulli_score_is_proper():
    """For skewed rewards it is highest at their mean and standard deviation."""
    g = torch.Generator().manual_seed(0)
    r = (torch.rand(4000, generator=g) ** 4).clamp(0, 1)

    def score(mean, std):
        return soft_bernoulli_score(torch.full_like(r, mean), torch.full_like(r, std), r).mean()

    best_mean, best_std = float(r.mean()), float(r.std())
    for factor in (0.7, 0.9, 1.1, 1.4):
        assert score(best_mean, best_std) > score(best_mean * factor, best_std)
        assert score(best_mean, best_std) > score(best_mean, best_std * factor)


def test_soft_bernoulli_mean_gradient_is_independent_of_std():
    mean = torch.full((5,), 0.3, requires_grad=True)
    r = torch.linspace(0, 1, 5)
    (a,) = torch.autograd.grad(soft_bernoulli_score(mean, torch.full((5,), 0.05), r).sum(), mean)
    (b,) = torch.autograd.grad(soft_bernoulli_score(mean, torch.full((5,), 0.8), r).sum(), mean)
    assert torch.equal(a, b)
    torch.testing.assert_close(a, (r - mean.detach()) / (0.3 * 0.7))  # of a Bernoulli likelihood


@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_soft_bernoulli_score_is_finite_for_certain_predictions(mean):
    for r in (0.0, 1.0):
        score = soft_bernoulli_score(torch.tensor([mean]), torch.tensor([0.02]), torch.tensor([r]))
        assert score.isfinite().all()


def test_sampled_loss_is_negative_log_mean_likelihood():
    score = torch.randn(5, 3, 4, dtype=torch.float64) * 3
    likelihood = score.sum(2).exp().mean(0)  # of a door's targets, averaged over samples
    torch.testing.assert_close(sampled_loss(score), -likelihood.log().mean() / 4)


def test_sampled_loss_of_one_sample_is_negative_log_likelihood():
    score = torch.randn(1, 3, 4)
    torch.testing.assert_close(sampled_loss(score), -score.mean())
    torch.testing.assert_close(sampled_loss(score.expand(7, -1, -1)), sampled_loss(score))


def test_sampled_loss_lets_samples_specialize():
    """Two samples, each right on one half, are together nearly as good as the better on each."""
    score = torch.tensor([[[0.0], [-50.0]], [[-50.0], [0.0]]])
    assert sampled_loss(score).item() == pytest.approx(math.log(2), abs=1e-6)


def test_mean_squared_error_matches_formula():
    a, b = torch.rand(3, 4), torch.rand(3, 4)
    torch.testing.assert_close(mean_squared_error(a, b), ((a - b) ** 2).mean())


def test_sample_mean_is_log_density_of_mixture():
    log_density = torch.randn(5, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(sample_mean(log_density).exp(), log_density.exp().mean(0))


@pytest.mark.parametrize(("r", "end"), [(0.0, 0), (END, 0), (1.0, 1), (1 - END, 1)])
def test_reward_likelihoods_treat_ends_as_intervals(r, end):
    """The ends weigh a whole interval of rewards; all of it is one and the same outcome."""
    r = torch.tensor([r])
    parts = torch.tensor([[0.5, 0.3, 0.2]]).log()
    ones = torch.ones(1)
    assert inflated_beta(parts, 2 * ones, 3 * ones, r) == parts[0, end]
    below = torch.distributions.Normal(0.4, 0.3).cdf(torch.tensor(END if end == 0 else 1 - END))
    expected = below if end == 0 else 1 - below
    found = censored_gaussian_log_prob(0.4 * ones, 0.3 * ones, r).exp()
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)


def test_inflated_beta_of_unit_parameters_is_uniform():
    r, ones = torch.linspace(0.02, 0.98, 9), torch.ones(9)
    parts = torch.tensor([0.1, 0.1, 0.8]).log().expand(9, -1)
    expected = torch.full((9,), math.log(0.8 / (1 - 2 * END)))
    torch.testing.assert_close(inflated_beta(parts, ones, ones, r), expected)
