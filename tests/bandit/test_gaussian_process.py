import subprocess
import sys

import botorch
import numpy as np
import pytest
import torch
from botorch.models import SingleTaskGP
from botorch.sampling.pathwise import draw_matheron_paths
from gpytorch.kernels import MaternKernel, ScaleKernel
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


def test_gp_posterior_moments_match_botorch():
    model = make_gp(history(3, 6), GPConfig())
    at = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (3, 7, 4)))
    expected = model.eval().posterior(at)
    mean, std = GPPosterior(model).moments(at)
    torch.testing.assert_close(mean, expected.mean[..., 0])
    torch.testing.assert_close(std, expected.variance[..., 0].sqrt())


def test_gp_posterior_samples_match_paths_of_botorch():
    """Means and covariances between actions, over 2,000 samples of each library."""
    draws, config, one = 2000, GPConfig(noise=0.1), history(1, 5)
    data = History(np.repeat(one.actions, draws, axis=0), np.repeat(one.rewards, draws, axis=0))
    at = np.random.default_rng(1).uniform(-1, 1, (6, 4))
    at[3:] = 0.8 * at[:3]  # near others, so that samples at these actions correlate
    sampled = GPPosterior(make_gp(data, config)).sample(np.random.default_rng(2))
    with torch.no_grad():
        own = sampled(torch.from_numpy(at).expand(draws, -1, -1)).numpy()
        other = botorch_paths(config, one, draws)(torch.from_numpy(features(at)))
    other = other.reshape(draws, 6).numpy()
    error = other.std(axis=0) * np.sqrt(2 / draws)
    assert (np.abs(own.mean(axis=0) - other.mean(axis=0)) < 4 * error).all()
    covariance = np.cov(other.T)
    assert np.abs(np.cov(own.T) - covariance).max() < 0.1 * covariance.diagonal().max()
    assert covariance[0, 3] > 0.3 * covariance[0, 0]


def botorch_paths(config, data, draws):
    """Samples over features: BoTorch refuses input transforms that change the dimension."""
    kernel = ScaleKernel(MaternKernel(nu=2.5, ard_num_dims=5))
    with botorch.settings.validate_input_scaling(False):
        model = SingleTaskGP(
            torch.from_numpy(features(data.actions[0].astype(float))),
            torch.from_numpy(data.rewards[0].astype(float))[:, None],
            covar_module=kernel,
            outcome_transform=None,
        )
    kernel.initialize(outputscale=config.scale**2)
    kernel.base_kernel.initialize(lengthscale=config.lengthscale)
    model.mean_module.initialize(constant=config.mean)
    model.likelihood.initialize(noise=config.noise**2)
    torch.manual_seed(3)
    return draw_matheron_paths(model.eval(), sample_shape=torch.Size([draws]))


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


_TORCH_2_14 = """
import warnings
import torch
script = torch.jit.script

def deprecated(*args, **options):
    advice = "Please switch to `torch.compile` or `torch.export`."
    warnings.warn(f"`torch.jit.script` is deprecated. {advice}", FutureWarning, stacklevel=2)
    warnings.warn("something else is deprecated", FutureWarning, stacklevel=2)
    return script(*args, **options)

torch.jit.script = deprecated
import doorlab.bandit.gaussian_process
warnings.warn("`torch.jit.script` is deprecated in the program of a user", FutureWarning)
"""


def test_import_of_botorch_hides_one_warning_of_torch_2_14():
    """And no other one, neither there nor in the program that imports doorlab."""
    command = [sys.executable, "-c", _TORCH_2_14]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert "something else is deprecated" in said
    assert "in the program of a user" in said
    assert "Please switch to `torch.compile`" not in said
