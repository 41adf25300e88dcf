import numpy as np
import torch

from doorlab.bandit.linear import BayesianLinearPosterior
from doorlab.bandit.wheel import problem
from doorlab.bandit.wheel.neural_linear import (
    BatchedMLP,
    NeuralLinearArmsConfig,
    _SufficientStatistics,
    run_neural_linear,
)

SMALL = NeuralLinearArmsConfig(hidden=(32, 32), batch=64)

# `_SufficientStatistics` is tested directly: `run_neural_linear` returns choices, not posteriors.


def observations(problems, number, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(problems, number, width, generator=generator, dtype=torch.float64)
    arms = torch.randint(5, (problems, number), generator=generator)
    return z, arms, torch.randn(problems, number, generator=generator, dtype=torch.float64)


def test_sufficient_statistics_are_sequential():
    """Sequential updates equal one batch update."""
    z, arms, y = observations(3, 40, 32)
    whole, step = _SufficientStatistics(3, 5, SMALL), _SufficientStatistics(3, 5, SMALL)
    whole.begin(z, arms, y)
    for i in range(40):
        step.add(z[:, i], arms[:, i], y[:, i])
    for name in ("mean", "factor", "a", "b"):
        torch.testing.assert_close(getattr(step.belief, name), getattr(whole.belief, name))


def test_sufficient_statistics_use_own_observations_per_arm():
    z, arms, y = observations(2, 40, 32)
    sums = _SufficientStatistics(2, 5, SMALL)
    sums.begin(z, arms, y)
    mine = arms[1] == 3
    prior = BayesianLinearPosterior.ridge((32,), SMALL.ridge, SMALL.a, SMALL.b)
    alone = prior.given(z[1, mine], y[1, mine])
    torch.testing.assert_close(sums.belief.mean[1, 3], alone.mean)
    torch.testing.assert_close(sums.belief.b[1, 3], alone.b)


def test_batched_mlp_trains_problems_independently():
    contexts, arms, rewards = torch.rand(2, 50, 2), torch.randint(5, (2, 50)), torch.rand(2, 50)
    features = []
    for other in (1.0, 40.0):
        network = BatchedMLP(2, 2, 5, SMALL, seed=0)
        network.train(contexts, arms, rewards * torch.tensor([[1.0], [other]]))
        features.append(network.features(contexts).detach())
    torch.testing.assert_close(features[0][0], features[1][0])
    assert not torch.allclose(features[0][1], features[1][1])


def test_batched_mlp_learns_rewards_of_arms():
    generator = torch.Generator().manual_seed(0)
    contexts = torch.rand(1, 400, 2, generator=generator) * 2 - 1
    arms = torch.randint(5, (1, 400), generator=generator)
    rewards = torch.where(arms == 2, 3.0 * (contexts[..., 0] > 0), 1.0)
    network = BatchedMLP(1, 2, 5, SMALL, seed=0)
    for _ in range(8):
        network.train(contexts, arms, rewards)
    said = network.rewards(contexts).detach().gather(2, arms[..., None])[..., 0]
    assert (said - rewards).square().mean() < 0.1 * rewards.var()


def test_run_neural_linear_solves_wheel():
    """At delta 0.5 three contexts in four are on the rim: uniform choice is soon beaten."""
    rng = np.random.default_rng(0)
    contexts = np.stack([problem.sample_contexts(220, rng) for _ in range(2)])
    means = problem.mean_rewards(contexts, 0.5)
    chosen = run_neural_linear(contexts, lambda t, a: means[np.arange(2), t, a], 5, rng, SMALL)
    assert (chosen[:, :10] == np.arange(10) % 5).all()  # every arm twice, in turn
    regrets = problem.regrets(means)
    lost = np.take_along_axis(regrets, chosen[..., None], -1)[..., 0]
    assert lost[:, -60:].mean() < 0.5 * regrets[:, -60:].mean()
