import numpy as np
import pytest
import torch
from bayesianbandits import NormalInverseGammaRegressor
from scipy import stats

from doorlab.bandit.linear import BayesianLinearPosterior, expand, fit_empirical_prior
from doorlab.errors import ConfigError


def random_belief(batch=(), features=4, seed=0):
    rng = torch.Generator().manual_seed(seed)
    root = torch.randn(*batch, features, features, generator=rng, dtype=torch.float64)
    precision = root @ root.mT + torch.eye(features, dtype=torch.float64)
    mean = torch.randn(*batch, features, generator=rng, dtype=torch.float64)
    ones = torch.ones(batch, dtype=torch.float64)
    return BayesianLinearPosterior(mean, torch.linalg.cholesky(precision), 4.0 * ones, 0.3 * ones)


def observations(batch=(), number=7, features=4, seed=1):
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(*batch, number, features, generator=rng, dtype=torch.float64)
    return x, torch.randn(*batch, number, generator=rng, dtype=torch.float64)


def test_linear_posterior_matches_joint_distribution():
    """In the space of observations: y ~ Student t about x m0 with shape I + x S x'."""
    prior, (x, y) = random_belief(), observations()
    posterior = prior.given(x, y)
    s = np.linalg.inv(prior.precision.numpy())
    x, left = x.numpy(), (y - x @ prior.mean).numpy()
    k = np.eye(7) + x @ s @ x.T
    gain = s @ x.T @ np.linalg.inv(k)
    np.testing.assert_allclose(posterior.mean, prior.mean.numpy() + gain @ left, atol=1e-10)
    shape = s - gain @ x @ s
    np.testing.assert_allclose(np.linalg.inv(posterior.precision.numpy()), shape, atol=1e-10)
    assert float(posterior.a) == pytest.approx(4.0 + 3.5)
    assert float(posterior.b) == pytest.approx(0.3 + 0.5 * left @ np.linalg.solve(k, left))


def test_linear_posterior_matches_bayesianbandits():
    """The posterior of LinUCB and neural-linear, and its Thompson samples of expected rewards."""
    prior, (x, y) = random_belief(), observations()
    other = NormalInverseGammaRegressor(
        mu=prior.mean.numpy(), lam=prior.precision.numpy(), a=4.0, b=0.3, random_state=0
    )
    other.fit(x[:3].numpy(), y[:3].numpy())
    other.partial_fit(x[3:].numpy(), y[3:].numpy())
    posterior = prior.given(x, y)
    np.testing.assert_allclose(posterior.mean, other.coef_, atol=1e-8)
    upper = np.triu(other.cov_inv_)  # bayesianbandits updates this half only
    np.testing.assert_allclose(np.triu(posterior.precision), upper, atol=1e-8)
    assert (float(posterior.a), float(posterior.b)) == pytest.approx((other.a_, other.b_))
    action = np.random.default_rng(0).normal(size=(1, 4))
    theirs = np.ravel(other.sample(action, size=4000))
    ours = expand(posterior, 4000).sample(np.random.default_rng(1)).numpy() @ action[0]
    assert stats.ks_2samp(ours, theirs).pvalue > 0.01


def test_linear_posterior_is_sequential_and_independent_per_regression():
    """Sequential updates equal one batch update; regressions in a batch do not mix."""
    prior, (x, y) = random_belief((3,)), observations((3,))
    whole, step = prior.given(x, y), prior
    for i in range(7):
        step = step.given(x[:, i : i + 1], y[:, i : i + 1])
    apart = random_belief((3,)).given(x[[0, 1, 1]], y[[0, 1, 1]])
    for name in ("mean", "factor", "a", "b"):
        torch.testing.assert_close(getattr(step, name), getattr(whole, name))
        torch.testing.assert_close(getattr(apart, name)[:2], getattr(whole, name)[:2])


def test_linear_posterior_samples_have_its_moments():
    belief = random_belief().given(*observations())
    many = expand(belief, 40_000)
    drawn = many.sample(np.random.default_rng(0))
    error = belief.covariance.diagonal().sqrt() / 200
    assert ((drawn.mean(dim=0) - belief.mean).abs() < 4 * error).all()
    torch.testing.assert_close(drawn.T.cov(), belief.covariance, rtol=0.1, atol=0.002)


def test_linear_posterior_is_unchanged_without_observations():
    prior = BayesianLinearPosterior.ridge((2, 3), 0.25, 6.0, 6.0)
    after = prior.given(torch.zeros(2, 0, 3), torch.zeros(2, 0))
    for name in ("mean", "factor", "a", "b"):
        torch.testing.assert_close(getattr(after, name), getattr(prior, name))
    torch.testing.assert_close(prior.precision[0], 0.25 * torch.eye(3, dtype=torch.float64))
    assert prior.noise.tolist() == pytest.approx([1.2, 1.2])


def test_empirical_prior_recovers_true_parameters():
    rng = np.random.default_rng(0)
    doors, tries = 600, 8
    mean, root = np.array([1.0, -0.5, 0.0]), np.array([[0.5, 0, 0], [0.3, 0.2, 0], [0, 0, 1e-3]])
    x = rng.normal(size=(doors, tries, 3))
    w = mean + rng.normal(size=(doors, 3)) @ root.T
    y = np.einsum("djf,df->dj", x, w) + 0.1 * rng.normal(size=(doors, tries))
    found = fit_empirical_prior(torch.from_numpy(x), torch.from_numpy(y), steps=100)
    np.testing.assert_allclose(found.mean, mean, atol=4 * 0.6 / np.sqrt(doors))
    np.testing.assert_allclose(found.covariance, root @ root.T, atol=0.04)
    assert float(found.noise) == pytest.approx(0.01, rel=0.1)


def test_expand_shifts_posterior_means():
    belief = expand(random_belief(), 2, torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 2.0]]))
    shift = belief.mean - random_belief().mean
    torch.testing.assert_close(shift, torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 2.0]]).double())


def test_empirical_prior_rejects_one_door():
    with pytest.raises(ConfigError, match="two or more doors"):
        fit_empirical_prior(torch.zeros(1, 3, 2), torch.zeros(1, 3))


@pytest.mark.parametrize("doors", [5, 20])
def test_empirical_prior_is_calibrated_with_few_doors(doors):
    """The standardized error on new doors is about one, on average over worlds."""
    squares = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(doors + 100, 12, 8))
        w = 0.5 + rng.normal(size=(doors + 100, 8)) * np.linspace(0.1, 1.0, 8)
        y = np.einsum("djf,df->dj", x, w) + 0.1 * rng.normal(size=x.shape[:2])
        found = fit_empirical_prior(torch.from_numpy(x[:doors]), torch.from_numpy(y[:doors]))
        left = y[doors:] - x[doors:] @ found.mean.numpy()
        spread = np.einsum("djf,fg,djg->dj", x[doors:], found.covariance.numpy(), x[doors:])
        squares.append((left**2 / (spread + float(found.noise))).mean())
    assert 0.8 < np.mean(squares) ** 0.5 < 1.3
