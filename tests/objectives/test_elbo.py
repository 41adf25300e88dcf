"""Bounds against torch.distributions, and against closed forms where everything is Gaussian."""

import itertools
import math

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from doorlab.nn.gaussian import standard_normal
from doorlab.objectives.elbo import free_bits, image_log_likelihood, statistician_loss, vae_loss


def rand_normal(*shape, seed=0):
    g = torch.Generator().manual_seed(seed)
    return Normal(torch.randn(shape, generator=g), 0.1 + torch.rand(shape, generator=g))


@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_image_log_likelihood_is_independent_gaussian(scale):
    x, mean = torch.rand(2, 5, 3, 4, 4), torch.rand(2, 5, 3, 4, 4)
    expected = Independent(Normal(mean, scale), 3).log_prob(x)
    torch.testing.assert_close(image_log_likelihood(x, mean, scale), expected, rtol=1e-4, atol=1e-3)


def test_vae_loss_weights_divergence():
    q, likelihood = rand_normal(4, 6, 3), torch.randn(4, 6)
    kl = kl_divergence(Independent(q, 1), Independent(standard_normal(q.mean), 1))
    for beta in (0.0, 1.0, 4.0):
        loss, mean_kl = vae_loss(likelihood, q, standard_normal(q.mean), beta)
        torch.testing.assert_close(loss, (beta * kl - likelihood).mean())
        torch.testing.assert_close(mean_kl, kl.mean())


def test_vae_bound_is_tight_at_true_posterior():
    """x = w z + noise: at the exact posterior the bound is log p(x), and below it elsewhere."""
    w, s, x = 1.7, 0.4, torch.tensor(0.9)
    variance = 1 / (1 + w**2 / s**2)
    posterior = Normal(variance * w * x / s**2, math.sqrt(variance))
    evidence = Normal(0.0, math.sqrt(w**2 + s**2)).log_prob(x)

    def bound(q):
        # E_q log N(x; w z, s^2) in closed form.
        square = (x - w * q.mean) ** 2 + w**2 * q.variance
        likelihood = -square / (2 * s**2) - math.log(s) - 0.5 * math.log(2 * math.pi)
        q = Normal(q.mean.view(1, 1), q.stddev.view(1, 1))
        return -vae_loss(likelihood.view(1), q, standard_normal(q.mean))[0]

    torch.testing.assert_close(bound(posterior), evidence)
    for shift, stretch in ((0.2, 1.0), (-0.1, 1.3), (0.0, 0.5)):
        assert bound(Normal(posterior.mean + shift, posterior.stddev * stretch)) < evidence


def test_losses_of_subsets_average_to_loss_of_all_frames():
    z, likelihood = rand_normal(4, 5, 3), torch.randn(4, 5)
    prior, c = standard_normal(z.mean), rand_normal(4, 6, seed=1)
    subsets = list(itertools.combinations(range(5), 2))

    def mean_over_subsets(loss):
        return torch.stack([loss(likelihood[:, list(s)]) for s in subsets]).mean()

    def of_sets(part):
        return statistician_loss(part, z, prior, c, standard_normal(c.mean), 2.0, 0.5)[0]

    def of_frames(part):
        return vae_loss(part, z, prior)[0]

    torch.testing.assert_close(mean_over_subsets(of_sets), of_sets(likelihood))
    torch.testing.assert_close(mean_over_subsets(of_frames), of_frames(likelihood))


def test_statistician_bound_is_tight_for_linear_gaussian_sets():
    """c ~ N(0,1), z_m ~ N(c, t^2), x_m ~ N(z_m + c, s^2): all posteriors are known exactly."""
    t, s, frames = 0.7, 0.5, 4
    x = torch.tensor([0.3, 1.9, -0.4, 1.1], dtype=torch.float64)
    # x_m | c ~ N(2 c, v): the posterior of c, and of z_m given x_m and c.
    v = t**2 + s**2
    precision = 1 + frames * 4 / v
    c = Normal(torch.full((1, 1), float(2 * x.sum() / v / precision)), precision**-0.5)
    covariance = v * torch.eye(frames) + 4 * torch.ones(frames, frames)
    evidence = MultivariateNormal(torch.zeros(frames).double(), covariance.double()).log_prob(x)

    g = torch.Generator().manual_seed(0)
    draws = 200_000
    c_sample = c.mean + c.stddev * torch.randn(draws, 1, generator=g)
    gain = t**2 / v  # of z_m: what x_m adds to its prior mean
    z_mean = c_sample + gain * (x.float() - 2 * c_sample)
    z = Normal(z_mean[..., None], math.sqrt(t**2 * (1 - gain)))
    z_sample = z.mean + z.stddev * torch.randn(draws, frames, 1, generator=g)
    likelihood = Normal(z_sample[..., 0] + c_sample, s).log_prob(x.float())
    prior_z = Normal(c_sample[:, None].expand(-1, frames, -1), t)
    c_all = Normal(c.mean.expand(draws, 1), c.stddev.expand(draws, 1))
    loss, kl_z, kl_c = statistician_loss(likelihood, z, prior_z, c_all, standard_normal(c_all.mean))
    assert -loss.item() * frames == pytest.approx(evidence.item(), abs=0.02)
    closed_form = kl_divergence(c, Normal(0.0, 1.0)).item()
    assert kl_c.item() == pytest.approx(closed_form, rel=1e-4)
    assert kl_z > 0


def test_statistician_loss_weights_terms_by_betas():
    likelihood, c = torch.randn(3, 5), rand_normal(3, 4, seed=1)
    z, prior = rand_normal(3, 5, 2, seed=2), rand_normal(3, 5, 2, seed=3)
    args = (likelihood, z, prior, c, standard_normal(c.mean))
    plain, kl_z, kl_c = statistician_loss(*args)
    torch.testing.assert_close(plain, -likelihood.mean() + kl_z + kl_c / 5)
    torch.testing.assert_close(statistician_loss(*args, beta_z=3.0)[0], plain + 2 * kl_z)
    torch.testing.assert_close(statistician_loss(*args, beta_c=0.0)[0], plain - kl_c / 5)


def test_free_bits_cost_limit_without_gradient():
    kl = torch.tensor([[0.1, 2.0, 0.9], [0.3, 1.0, 0.1]], requires_grad=True)  # means 0.2, 1.5, 0.5
    found = free_bits(kl, 0.5)
    assert found.tolist() == [[0.5, 2.0, 0.5], [0.5, 1.0, 0.5]]
    found.sum().backward()
    assert kl.grad is not None
    assert kl.grad.tolist() == [[0, 1, 0], [0, 1, 0]]
    assert free_bits(kl, 0.0) is kl


def test_free_nats_apply_to_each_dimension():
    likelihood, c = torch.randn(3, 5), rand_normal(3, 4, seed=1)
    z, prior = rand_normal(3, 5, 2, seed=2), rand_normal(3, 5, 2, seed=3)
    unit = standard_normal(c.mean)
    kl_z = kl_divergence(z, prior).mean(dim=(0, 1))
    kl_c = kl_divergence(c, unit).mean(dim=0)
    free = torch.cat([kl_z, kl_c]).sort().values[2:4].mean().item()  # of six, three cost as much
    cost = 2 * kl_z.clamp(min=free).sum() + 3 * kl_c.clamp(min=free).sum() / 5
    args = (likelihood, z, prior, c, unit, 2.0, 3.0)
    loss, *told = statistician_loss(*args, free_nats=free)
    torch.testing.assert_close(loss, cost - likelihood.mean())
    torch.testing.assert_close(told, [kl_z.sum(), kl_c.sum()])
    assert torch.equal(statistician_loss(*args, free_nats=0.0)[0], statistician_loss(*args)[0])
