import numpy as np
import pytest

from doorlab.bandit import Rollout, paired_differences, summarise


def rollout(regrets, optimal=1.0):
    regrets = np.asarray(regrets, np.float64)
    doors, tries = regrets.shape
    return Rollout(
        np.zeros((doors, tries, 4), np.float32),
        (optimal - regrets).astype(np.float32),
        regrets,
        np.zeros((doors, tries), bool),
    )


def test_figures_of_a_rollout_that_can_be_counted_by_hand():
    entry = summarise(rollout([[1.0, 0.5, 0.0], [0.0, 0.5, 0.0]]))
    assert entry["mean_regret"]["mean"] == pytest.approx(1 / 3)
    assert entry["mean_regret"]["n"] == 2
    assert entry["first_reward"]["mean"] == pytest.approx(0.5)
    assert entry["last_reward"]["mean"] == pytest.approx(1.0)
    assert entry["regret_per_interaction"] == pytest.approx([0.5, 0.5, 0.0])
    assert entry["cumulative_regret"] == pytest.approx([0.5, 1.0, 1.0])
    assert entry["opened_by"] == pytest.approx([0.5, 0.5, 1.0])


def test_a_door_is_open_at_nine_tenths_of_what_the_oracle_obtained():
    entry = summarise(rollout([[0.3, 0.04, 0.5]], optimal=0.5))
    assert entry["opened_by"] == pytest.approx([0.0, 1.0, 1.0])  # and stays counted


def test_bands_enclose_their_curves():
    entry = summarise(rollout(np.random.default_rng(0).uniform(0, 1, (50, 4))))
    for name in ("regret_per_interaction", "cumulative_regret", "opened_by"):
        for mean, (low, high) in zip(entry[name], entry[f"{name}_ci95"], strict=True):
            assert low <= mean <= high


def test_intervals_are_those_of_the_central_limit():
    regrets = np.random.default_rng(0).exponential(0.3, (400, 1)).clip(0, 1)
    low, high = summarise(rollout(regrets))["mean_regret"]["ci95"]
    error = regrets.std() / np.sqrt(400)
    assert low == pytest.approx(regrets.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(regrets.mean() + 1.96 * error, abs=0.15 * error)


def test_intervals_cover_the_truth_19_times_in_20():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(100):
        door = rng.normal(0.3, 0.1, (40, 1))  # doors differ more than the tries on one
        low, high = summarise(rollout(door + rng.normal(0, 0.02, (40, 2))))["mean_regret"]["ci95"]
        covered += low <= 0.3 <= high
    assert 0.88 <= covered / 100 <= 0.99  # two binomial standard deviations, and a little bias


def test_tries_on_one_door_are_not_independent_evidence():
    door = np.random.default_rng(0).uniform(0, 1, (30, 1))

    def width(regrets):
        low, high = summarise(rollout(regrets))["mean_regret"]["ci95"]
        return high - low

    assert width(np.repeat(door, 10, axis=1)) == pytest.approx(width(door))


def test_paired_differences_are_sharper_than_the_policies_apart():
    rng = np.random.default_rng(0)
    hard = rng.uniform(0, 1, (100, 3))
    easier = hard - 0.05 + rng.normal(0, 0.01, hard.shape)
    difference = paired_differences({"a": rollout(hard), "b": rollout(easier)})
    assert difference["a"]["b"]["mean"] == pytest.approx(0.05, abs=0.005)
    assert difference["b"]["a"]["mean"] == pytest.approx(-difference["a"]["b"]["mean"])
    assert difference["a"]["b"]["ci95"][0] > 0.04
    assert set(difference["a"]) == {"b"}
