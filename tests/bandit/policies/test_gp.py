import math

import numpy as np
import pytest
import torch
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from doorlab.bandit import History
from doorlab.bandit.policies.gp import GPConfig, GPUCBPolicy, fit_gp, make_gp
from doorlab.bandit.search import SearchConfig


def history(doors, tries, seed=0, reward=None):
    rng = np.random.default_rng(seed)
    actions = rng.uniform(-1, 1, (doors, tries, 4)).astype(np.float32)
    rewards = rng.uniform(0, 1, (doors, tries)) if reward is None else reward(actions)
    return History(actions, rewards.astype(np.float32))


def features(actions):
    phi = math.pi * actions[..., :1]
    return np.concatenate([np.sin(phi), np.cos(phi), actions[..., 1:]], axis=-1)


def begin(policy, doors, seed=0):
    policy.begin(np.zeros((doors, 1, 1, 1, 3), np.uint8), np.random.default_rng(seed))
    return policy


@pytest.mark.parametrize("fitted", [False, True])
def test_the_posterior_is_that_of_scikit_learn(fitted):
    data, config = history(3, 8), GPConfig()
    model = make_gp(data, config)
    if fitted:
        fit_gp(model, 30)
    model.eval()
    at = np.random.default_rng(1).uniform(-1, 1, (5, 4))
    posterior = model.posterior(torch.as_tensor(at).expand(3, -1, -1))
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
        found = posterior.mean[door, :, 0].detach().numpy()
        np.testing.assert_allclose(found, mean + constant, atol=1e-6)
        deviation = posterior.variance[door, :, 0].detach().sqrt().numpy()
        np.testing.assert_allclose(deviation, std, atol=1e-5)


def test_fitting_raises_the_posterior_density_of_every_door():
    from gpytorch.mlls import ExactMarginalLogLikelihood

    def densities(model):
        mll = ExactMarginalLogLikelihood(model.likelihood, model).train()
        return mll(model(*model.train_inputs), model.train_targets).detach()

    model = make_gp(history(4, 10), GPConfig())
    before = densities(model)
    fit_gp(model, 40)
    assert (densities(model) > before).all()


def test_actions_across_the_seam_of_phi_are_neighbours():
    data = History(np.array([[[0.99, 0, 0, 0]]], np.float32), np.array([[1.0]], np.float32))
    model = make_gp(data, GPConfig()).eval()
    at = torch.tensor([[[-0.99, 0, 0, 0], [0.9, 0, 0, 0]]], dtype=torch.float64)
    across, near = model.posterior(at).mean[0, :, 0]
    assert across > near


OPTIMUM = np.array([0.4, -0.3, 0.5, -0.2])


def bump(actions):
    away = features(actions) - features(OPTIMUM)
    return np.exp(-0.5 * (away**2).sum(-1))


def test_with_enough_data_it_finds_the_optimum_of_a_known_function():
    policy = begin(GPUCBPolicy(GPConfig(beta=0.01, search=SearchConfig(steps=60))), doors=2)
    actions = policy.act(history(2, 60, reward=bump))
    assert (bump(actions) > 0.98).all()


def test_learns_a_known_function_faster_than_chance():
    policy, doors = begin(GPUCBPolicy(), 8), History.empty(8)
    for _ in range(20):
        actions = policy.act(doors)
        doors = doors.extended(actions, bump(actions).astype(np.float32))
    chance = bump(history(1, 5000).actions[0]).mean()
    assert doors.rewards[:, -3:].mean() > 0.9 > 3 * chance


def test_explores_where_it_knows_least():
    data = history(1, 12, reward=lambda a: np.full(a.shape[:2], 0.1))
    action = begin(GPUCBPolicy(GPConfig(first_fit=99)), 1).act(data)
    nearest = np.linalg.norm(features(data.actions[0]) - features(action), axis=-1).min()
    others = features(history(1, 300, seed=9).actions[0])
    distances = np.linalg.norm(others[:, None] - features(data.actions[0]), axis=-1).min(axis=1)
    assert nearest > np.percentile(distances, 95)


def test_no_door_influences_another():
    config = GPConfig(search=SearchConfig(candidates=64, steps=5))
    data, other = history(3, 5), history(3, 5, seed=8)
    mixed = History(
        np.stack([data.actions[0], other.actions[1], other.actions[2]]),
        np.stack([data.rewards[0], other.rewards[1], other.rewards[2]]),
    )
    first = begin(GPUCBPolicy(config), 3).act(data)
    second = begin(GPUCBPolicy(config), 3).act(mixed)
    np.testing.assert_allclose(first[0], second[0], atol=1e-5)
    assert not np.allclose(first[1], second[1], atol=1e-3)


def test_is_repeatable_and_starts_at_random():
    first, second = (begin(GPUCBPolicy(), 4, seed=2) for _ in range(2))
    np.testing.assert_array_equal(first.act(History.empty(4)), second.act(History.empty(4)))
    data = history(4, 3)
    actions = first.act(data)
    np.testing.assert_array_equal(actions, second.act(data))
    assert actions.dtype == np.float32
    assert np.abs(actions).max() <= 1


def test_equal_actions_again_and_again_are_no_trouble():
    """The nearest thing to a singular covariance; numerical warnings would fail the test."""
    actions = np.repeat(history(2, 1).actions, 12, axis=1)
    policy = begin(GPUCBPolicy(), 2)
    assert np.isfinite(policy.act(History(actions, np.zeros((2, 12), np.float32)))).all()
