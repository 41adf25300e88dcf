import json

import numpy as np
import pytest

from doorlab.bandit.wheel.problem import mean_rewards
from doorlab.benchmarks import wheel
from doorlab.errors import ConfigError, ResultError

CONFIG = wheel.Config(deltas=(0.5, 0.9), problems=6, steps=1500)


def test_wheel_scores_100_percent_for_uniform_choice(monkeypatch):
    def uniform(contexts, pull, arms, rng, config):
        return rng.integers(arms, size=contexts.shape[:2])

    monkeypatch.setattr(wheel, "run_neural_linear", uniform)
    for found in wheel.run(CONFIG).values():
        low, high = found["regret_percent"].ci95
        assert low - 3 < 100 < high + 3


def test_wheel_scores_0_percent_for_best_arms(monkeypatch):
    deltas = iter(CONFIG.deltas)

    def best(contexts, pull, arms, rng, config):
        chosen = mean_rewards(contexts, next(deltas)).argmax(axis=-1)
        paid = pull(0, chosen[:, 0])
        assert paid.max() > 1.1  # the problem pays what the best arm pays
        return chosen

    monkeypatch.setattr(wheel, "run_neural_linear", best)
    for found in wheel.run(CONFIG).values():
        assert found["regret_percent"].mean == found["last_regret_percent"].mean == 0


def test_wheel_problems_differ_and_are_deterministic_given_seed(monkeypatch):
    seen = []

    def record(contexts, pull, arms, rng, config):
        seen.append((contexts, pull(0, np.zeros(len(contexts), int))))
        return np.zeros(contexts.shape[:2], int)

    monkeypatch.setattr(wheel, "run_neural_linear", record)
    for seed in (0, 0, 1):
        wheel.relative_regret(0.5, wheel.Config(problems=3, steps=20, seed=seed))
    (first, paid), (again, paid_again), (other, _) = seen
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(paid, paid_again)
    assert len(np.unique(first.reshape(-1, 2), axis=0)) == 60  # no context in two problems
    assert not np.isin(first, other).any()


def test_wheel_result_shows_published_figures(tmp_path, capsys):
    path = tmp_path / "wheel.json"
    config = wheel.Config(deltas=(0.9,), problems=2, steps=30, out=path)
    wheel.run(config)
    result = json.loads(path.read_text())
    assert result["metrics"]["0.9"]["regret_percent"]["n"] == 2
    assert result["published_percent"]["0.99"] == 49.63
    assert "4.65" in capsys.readouterr().out
    with pytest.raises(ResultError, match="--overwrite"):
        wheel.run(config)


def test_wheel_rejects_invalid_settings():
    for bad in ({"problems": 0}, {"steps": 0}, {"deltas": (1.5,), "steps": 5}):
        with pytest.raises(ConfigError):
            wheel.run(wheel.Config(**bad))
