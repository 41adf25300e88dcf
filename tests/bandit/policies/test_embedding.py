"""LinUCB, neural-linear and CPP, on doors with a visible side and a hidden latch direction."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.bandit_worlds import Sighted, World, features, labeled

from doorlab.bandit import History
from doorlab.bandit.acquisition import SearchConfig
from doorlab.bandit.policies import (
    ContextualPriorPolicy,
    LabeledDataset,
    LinUCBConfig,
    LinUCBPolicy,
    NeuralLinearConfig,
    NeuralLinearPolicy,
)
from doorlab.bandit.policies.cpp import RESIDUALS
from doorlab.errors import ConfigError

LABELED = labeled()
QUICK = SearchConfig(candidates=128, starts=2, steps=8)
NETWORK = NeuralLinearConfig(hidden=32, features=16, steps=300, batch=32, search=QUICK)
MAKE = {
    "linucb": lambda: LinUCBPolicy(Sighted(), LABELED, LinUCBConfig(features=64, search=QUICK)),
    "neural_linear": lambda: NeuralLinearPolicy(Sighted(), LABELED, NETWORK),
    "cpp": lambda: ContextualPriorPolicy(Sighted(), replace(RESIDUALS, search=QUICK)),
}


@pytest.fixture(scope="module", params=MAKE)
def policy(request):
    return MAKE[request.param]()


def test_embedding_policy_uses_visible_side_and_learns_hidden_latch(policy):
    world = World(30)
    past = world.play(policy, 6)
    side = np.cos(np.pi * past.actions[..., 0]) * world.side[:, None]
    assert (side[:, 0] > 0.5).mean() > 0.75  # by chance it would be one in three
    assert past.rewards[:, -1].mean() > 0.65
    assert past.rewards[:, -1].mean() > past.rewards[:, 0].mean() + 0.1


def test_embedding_policy_treats_doors_independently(policy):
    world, other = World(4), World(4, seed=5)
    other.side[0], other.way[0], other.frames[0] = world.side[0], world.way[0], world.frames[0]
    first, second = world.play(policy, 3), other.play(policy, 3)
    np.testing.assert_allclose(first.actions[0], second.actions[0], atol=2e-3)
    assert not np.allclose(first.actions[1:], second.actions[1:], atol=0.05)


def test_embedding_policy_is_deterministic_given_seed(policy):
    world = World(3)
    first, second = world.play(policy, 2), world.play(policy, 2)
    np.testing.assert_array_equal(first.actions, second.actions)
    assert first.actions.dtype == np.float32
    assert np.abs(first.actions).max() <= 1


def test_linucb_bound_matches_ridge_regression():
    """Its bound against that of ridge regression on the prior's own scale, door by door."""
    policy, world = MAKE["linucb"](), World(3)
    past = world.play(policy, 5)
    belief = policy.belief(past)
    at = torch.rand(3, 7, 4) * 2 - 1
    bound = policy._bound(belief)(at)  # `act` returns no bounds, and features are random
    x = policy._features(at).double().numpy()
    for door in range(3):
        precision = belief.precision[door].numpy()
        a = np.linalg.inv(precision) * float(belief.noise[door])
        mean = x[door] @ belief.mean[door].numpy()
        width = np.sqrt(np.einsum("nf,fg,ng->n", x[door], a, x[door]))
        np.testing.assert_allclose(bound[door].numpy(), mean + width, atol=2e-3)


def many_sided(doors, sides, rng, ways):
    """Doors with `sides` visible numbers, and rewards that depend on them by `ways`."""
    frames = rng.integers(256, size=(doors, 1, 1, sides, 3), dtype=np.uint8)
    seen = (frames[:, 0, 0, :, 0] / 255 - 0.5) * 12**0.5
    own = seen @ ways + 0.3 * rng.standard_normal((doors, ways.shape[1]))
    actions = rng.uniform(-1, 1, (doors, 16, 4)).astype(np.float32)
    rewards = np.einsum("djf,df->dj", features(actions), own)
    rewards += 0.05 * rng.standard_normal(rewards.shape)
    return LabeledDataset(frames, actions, rewards.astype(np.float32))


class Many(Sighted):
    """Sees every side in the red of a pixel."""

    def embed(self, x):
        return x[:, 0, 0, 0]


@pytest.mark.parametrize("doors", [20, 40])
@pytest.mark.parametrize("sides", [8, 16])
def test_linucb_uncertainty_is_calibrated_on_unseen_doors(sides, doors):
    squares = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        ways = rng.standard_normal((sides, 5)) * 0.7 / sides**0.5
        policy = LinUCBPolicy(
            Many(), many_sided(doors, sides, rng, ways), LinUCBConfig(features=64)
        )
        fresh = many_sided(100, sides, rng, ways)
        policy.begin(fresh.frames, rng)
        belief = policy.belief(History.empty(100))
        x = policy._features(torch.from_numpy(fresh.actions)).double()
        mean = torch.einsum("djf,df->dj", x, belief.mean)
        variance = torch.einsum("djf,dfg,djg->dj", x, belief.covariance, x)
        left = torch.from_numpy(fresh.rewards) - mean
        squares.append((left.square() / (variance + belief.noise[:, None])).mean())
    assert 0.85 < np.mean(squares) ** 0.5 < 1.25


@pytest.mark.parametrize(("name", "least"), [("linucb", 2), ("neural_linear", 3)])
def test_embedding_policy_rejects_too_few_labeled_doors(name, least):
    make = {
        "linucb": lambda doors: LinUCBPolicy(Sighted(), doors, LinUCBConfig(search=QUICK)),
        "neural_linear": lambda doors: NeuralLinearPolicy(Sighted(), doors, replace(NETWORK)),
    }[name]
    for count in range(1, least):
        with pytest.raises(ConfigError, match=f"{least} or more labeled doors.*got {count}"):
            make(labeled(count))
    actions = World(2).play(make(labeled(least)), 2).actions
    assert np.isfinite(actions).all()


@pytest.mark.parametrize("held_out", [0.0, 1.0])
def test_neural_linear_accepts_extreme_held_out_fraction(held_out):
    config = replace(NETWORK, held_out=held_out, steps=5)
    policy = NeuralLinearPolicy(Sighted(), labeled(6), config)
    assert np.isfinite(World(2).play(policy, 2).actions).all()


def test_contextual_prior_policy_has_zero_residuals_under_exact_prior(monkeypatch):
    """CPP is run on doors whose rewards are what its model predicts."""

    class Expected(World):
        def rewards(self, actions):
            embedding = torch.from_numpy(self.side[:, None])
            at = torch.from_numpy(np.ascontiguousarray(actions)).double()
            said = Sighted().predict(embedding, None, at).mean
            return said.numpy().astype(np.float32)

    policy, world, residuals = ContextualPriorPolicy(Sighted()), Expected(5), []
    posterior = policy.posterior
    monkeypatch.setattr(policy, "posterior", lambda left: residuals.append(left) or posterior(left))
    world.play(policy, 5)
    # At first the prior alone decides.
    assert [left.num_interactions for left in residuals] == [1, 2, 3, 4]
    assert np.abs(residuals[-1].rewards).max() < 1e-5
