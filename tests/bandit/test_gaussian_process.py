import numpy as np
import pytest
import torch
from helpers.bandit_worlds import features, history
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from doorlab.bandit import History
from doorlab.bandit.gaussian_process import GPConfig, GPPosterior, fit_gp, make_gp


@pytest.mark.parametrize("fitted", [False, True])
def test_gp_posterior_matches_scikit_learn(fitted):
    data, config = history(3, 8), GPConfig()
    model = make_gp(data, config)
    if fitted:
        fit_gp(model, 30)
    at = np.random.default_rng(1).uniform(-1, 1, (5, 4))
    means, stds = GPPosterior(model).moments(torch.as_tensor(at).expand(3, -1, -1))
    for door in range(3):
        kernel = model.covar_module
        lengthscale = kernel.base_kernel.lengthscale[door].detach().numpy().ravel()
        constant = model.mean_module.constant[door].item()
        other = GaussianProcessRegressor(
            ConstantKernel(kernel.outputscale[door].item()) * Matern(lengthscale, nu=2.5),
            alpha=model.likelihood.noise[door].item(),
            optimizer=None,
        ).fit(features(data.actions[door].astype(float)), data.rewards[door] - constant)
        mean, std = other.predict(features(at), return_std=True)
        np.testing.assert_allclose(means[door].detach().numpy(), mean + constant, atol=1e-6)
        np.testing.assert_allclose(stds[door].detach().numpy(), std, atol=1e-5)


def test_gp_posterior_samples_have_posterior_moments():
    """All doors have the same data, so that every door is one sample."""
    doors, config = 1500, GPConfig(noise=0.1)
    one = history(1, 5)
    data = History(np.repeat(one.actions, doors, axis=0), np.repeat(one.rewards, doors, axis=0))
    posterior = GPPosterior(make_gp(data, config))
    at = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (1, 6, 4)))
    near = torch.from_numpy(one.actions.astype(float))
    at = torch.cat([at, near], dim=1).expand(doors, -1, -1)
    with torch.no_grad():
        drawn = posterior.sample(np.random.default_rng(2))(at).numpy()
        mean, std = (part[0].numpy() for part in posterior.moments(at[:1].expand(doors, -1, -1)))
    error = std / np.sqrt(doors)
    assert (np.abs(drawn.mean(axis=0) - mean) < 4 * error + 1e-3).all()
    np.testing.assert_allclose(drawn.std(axis=0), std, rtol=0.08)


def test_gp_posterior_sample_is_one_smooth_function():
    sampled = GPPosterior(make_gp(history(2, 4), GPConfig())).sample(np.random.default_rng(0))
    at = torch.from_numpy(history(2, 10).actions.astype(float)).requires_grad_()
    torch.testing.assert_close(sampled(at), sampled(at))
    assert torch.autograd.gradcheck(sampled, at, atol=1e-4)


def test_fit_gp_raises_posterior_density_of_every_door():
    from gpytorch.mlls import ExactMarginalLogLikelihood

    def densities(model):
        mll = ExactMarginalLogLikelihood(model.likelihood, model).train()
        return mll(model(*model.train_inputs), model.train_targets).detach()

    model = make_gp(history(4, 10), GPConfig())
    before = densities(model)
    fit_gp(model, 40)
    assert (densities(model) > before).all()


def test_gp_kernel_is_periodic_in_phi():
    data = History(np.array([[[0.99, 0, 0, 0]]], np.float32), np.array([[1.0]], np.float32))
    at = torch.tensor([[[-0.99, 0, 0, 0], [0.9, 0, 0, 0]]], dtype=torch.float64)
    across, near = GPPosterior(make_gp(data, GPConfig())).moments(at)[0][0]
    assert across > near
