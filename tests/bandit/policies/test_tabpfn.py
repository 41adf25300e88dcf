"""The TabPFN policy with regressors of scikit-learn behind the interface of TabPFN."""

import pickle
import sys

import numpy as np
import pytest
from helpers.bandit_worlds import Sighted, World, features, labeled
from sklearn.neighbors import KNeighborsRegressor

from doorlab.bandit import History
from doorlab.bandit.policies import TabPFNConfig, TabPFNPolicy
from doorlab.errors import ConfigError
from doorlab.evaluation.policy_registry import MODEL_POLICIES, ExplorationConfig

LABELED = labeled(60, 16)
TABLES = []


class Neighbors:
    """Stand-in for `TabPFNRegressor`: the mean over the nearest rows."""

    def fit(self, X, y):
        TABLES.append((X, y))
        self._model = KNeighborsRegressor(8, weights="distance").fit(X, y)
        return self

    def predict(self, X, *, output_type):
        assert output_type == "mean"
        return self._model.predict(X)


class WithoutWeights(Neighbors):
    def fit(self, X, y):
        raise RuntimeError("the weights\ncan't be downloaded")


def policy(**changes):
    return TabPFNPolicy(Sighted(), LABELED, TabPFNConfig(**changes), make_regressor=Neighbors)


def test_tabpfn_policy_uses_visible_side_and_learns_hidden_latch():
    world = World(20)
    past = world.play(policy(rows=800, candidates=64), 6)
    side = np.cos(np.pi * past.actions[..., 0]) * world.side[:, None]
    assert (side[:, 0] > 0.5).mean() > 0.75  # by chance it would be one in three
    assert past.rewards[:, -1].mean() > past.rewards[:, 0].mean() + 0.1


def test_tabpfn_policy_treats_doors_independently():
    world, other = World(3), World(3, seed=5)
    other.side[0], other.way[0], other.frames[0] = world.side[0], world.way[0], world.frames[0]
    first, second = (w.play(policy(rows=200, candidates=16), 3) for w in (world, other))
    np.testing.assert_array_equal(first.actions[0], second.actions[0])


def test_tabpfn_table_has_labeled_interactions_and_those_of_the_door():
    one, world = policy(rows=50, candidates=8), World(2)
    past = world.play(one, 2)
    TABLES.clear()
    one.act(past)
    assert len(TABLES) == 2  # one per door
    for door, (x, y) in enumerate(TABLES):
        assert x.shape == (52, 1 + 5)
        np.testing.assert_allclose(x[50:, 1:], features(past.actions[door]), atol=1e-6)
        np.testing.assert_array_equal(y[50:], past.rewards[door])
        known = features(LABELED.actions.reshape(-1, 4))
        assert all(np.abs(known - row).sum(-1).min() < 1e-5 for row in x[:50, 1:])
        assert len(np.unique(x[:50], axis=0)) == 50


def test_tabpfn_policy_continues_identically_after_pickling():
    one = policy(rows=50, candidates=8)
    past = World(2).play(one, 2)
    other = pickle.loads(pickle.dumps(one))
    assert isinstance(past, History)
    np.testing.assert_array_equal(other.act(past), one.act(past))


def test_tabpfn_policy_rejects_missing_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "tabpfn", None)
    with pytest.raises(ConfigError, match=r"the library tabpfn .*doorlab\[tabpfn\]"):
        MODEL_POLICIES.get_named("tabpfn")(Sighted(), lambda: LABELED, ExplorationConfig(), "cpu")


def test_tabpfn_policy_rejects_missing_weights():
    with pytest.raises(ConfigError, match="RuntimeError: the weights can't be downloaded"):
        TabPFNPolicy(Sighted(), LABELED, make_regressor=WithoutWeights)
