"""Policies that see: doors whose side is in their brightness, with a latch whose way is hidden."""

from dataclasses import replace

import numpy as np
import pytest
from bandit_worlds import Sighted, World, labelled

from doorlab.bandit import History
from doorlab.bandit.policies import (
    ContextualPriorPolicy,
    LinUCBConfig,
    LinUCBPolicy,
    NeuralLinearConfig,
    NeuralLinearPolicy,
)
from doorlab.bandit.policies.cpp import RESIDUALS
from doorlab.bandit.search import SearchConfig

LABELLED = labelled()
QUICK = SearchConfig(candidates=128, starts=2, steps=8)
NETWORK = NeuralLinearConfig(hidden=32, features=16, steps=300, batch=32, search=QUICK)
MAKE = {
    "linucb": lambda: LinUCBPolicy(Sighted(), LABELLED, LinUCBConfig(features=64, search=QUICK)),
    "neural_linear": lambda: NeuralLinearPolicy(Sighted(), LABELLED, NETWORK),
    "cpp": lambda: ContextualPriorPolicy(Sighted(), replace(RESIDUALS, search=QUICK)),
}


@pytest.fixture(scope="module", params=MAKE)
def policy(request):
    return MAKE[request.param]()


def test_it_sees_the_side_at_once_and_finds_the_hidden_way_by_trying(policy):
    world = World(30)
    past = world.play(policy, 6)
    side = np.cos(np.pi * past.actions[..., 0]) * world.side[:, None]
    assert (side[:, 0] > 0.5).mean() > 0.75  # by chance it would be one in three
    assert past.rewards[:, -1].mean() > 0.65
    assert past.rewards[:, -1].mean() > past.rewards[:, 0].mean() + 0.1


def test_no_door_influences_another(policy):
    world, other = World(4), World(4, seed=5)
    other.side[0], other.way[0], other.frames[0] = world.side[0], world.way[0], world.frames[0]
    first, second = world.play(policy, 3), other.play(policy, 3)
    np.testing.assert_allclose(first.actions[0], second.actions[0], atol=2e-3)
    assert not np.allclose(first.actions[1:], second.actions[1:], atol=0.05)


def test_the_same_seed_is_the_same_door_opened_twice(policy):
    world = World(3)
    first, second = world.play(policy, 2), world.play(policy, 2)
    np.testing.assert_array_equal(first.actions, second.actions)
    assert first.actions.dtype == np.float32
    assert np.abs(first.actions).max() <= 1


def test_linucb_is_optimistic_by_as_much_as_it_is_unsure():
    """Its bound against that of ridge regression on the prior's own scale, door by door."""
    import torch

    policy, world = MAKE["linucb"](), World(3)
    past = world.play(policy, 5)
    belief = policy.belief(past)
    at = torch.rand(3, 7, 4) * 2 - 1
    bound = policy._bound(belief)(at)
    x = policy._features(at).double().numpy()
    for door in range(3):
        precision = belief.precision[door].numpy()
        a = np.linalg.inv(precision) * float(belief.noise[door])
        mean = x[door] @ belief.mean[door].numpy()
        width = np.sqrt(np.einsum("nf,fg,ng->n", x[door], a, x[door]))
        np.testing.assert_allclose(bound[door].numpy(), mean + width, atol=2e-3)


def test_a_prior_that_is_right_leaves_nothing_to_learn():
    """CPP on doors that do just what its model expects: the residuals stay at zero."""

    class Expected(World):
        def rewards(self, actions):
            import torch

            embedding = torch.from_numpy(self.side[:, None])
            at = torch.from_numpy(np.ascontiguousarray(actions)).double()
            said = Sighted().predict(embedding, None, at).mean
            return said.numpy().astype(np.float32)

    policy, world = ContextualPriorPolicy(Sighted()), Expected(5)
    past = world.play(policy, 4)
    assert np.abs(policy._left(past).rewards).max() < 1e-5
    assert np.abs(policy._left(History.empty(5)).rewards).size == 0
