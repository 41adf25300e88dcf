import numpy as np
import pytest

from doorlab.bandit import Rollout
from doorlab.errors import ConfigError
from doorlab.evaluation.regret import (
    merge,
    paired_differences,
    regret_by_group,
    steps_to_open,
    summarize,
)


def rollout(regrets, optimal=1.0):
    regrets = np.asarray(regrets, np.float64)
    doors, tries = regrets.shape
    return Rollout(
        np.zeros((doors, tries, 4), np.float32),
        (optimal - regrets).astype(np.float32),
        regrets,
        np.zeros((doors, tries), bool),
    )


def test_summarize_matches_hand_computed_rollout():
    entry = summarize(rollout([[1.0, 0.5, 0.0], [0.0, 0.5, 0.0]]))
    assert entry["mean_regret"]["mean"] == pytest.approx(1 / 3)
    assert entry["mean_regret"]["n"] == 2
    assert entry["first_reward"]["mean"] == pytest.approx(0.5)
    assert entry["last_reward"]["mean"] == pytest.approx(1.0)
    assert entry["regret_per_interaction"] == pytest.approx([0.5, 0.5, 0.0])
    assert entry["cumulative_regret"] == pytest.approx([0.5, 1.0, 1.0])
    assert entry["opened_by"] == pytest.approx([0.5, 0.5, 1.0])


def test_opened_by_counts_nine_tenths_of_optimal_reward():
    entry = summarize(rollout([[0.3, 0.04, 0.5]], optimal=0.5))
    assert entry["opened_by"] == pytest.approx([0.0, 1.0, 1.0])  # and stays counted


def test_summarize_intervals_enclose_curves():
    entry = summarize(rollout(np.random.default_rng(0).uniform(0, 1, (50, 4))))
    for name in ("regret_per_interaction", "cumulative_regret", "opened_by"):
        for mean, (low, high) in zip(entry[name], entry[f"{name}_ci95"], strict=True):
            assert low <= mean <= high


def test_summarize_intervals_match_central_limit():
    regrets = np.random.default_rng(0).exponential(0.3, (400, 1)).clip(0, 1)
    low, high = summarize(rollout(regrets))["mean_regret"]["ci95"]
    error = regrets.std() / np.sqrt(400)
    assert low == pytest.approx(regrets.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(regrets.mean() + 1.96 * error, abs=0.15 * error)


def test_summarize_intervals_cover_truth_at_nominal_rate():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(100):
        door = rng.normal(0.3, 0.1, (40, 1))  # doors differ more than the tries on one
        low, high = summarize(rollout(door + rng.normal(0, 0.02, (40, 2))))["mean_regret"]["ci95"]
        covered += low <= 0.3 <= high
    assert 0.88 <= covered / 100 <= 0.99  # two binomial standard deviations, and a little bias


def test_summarize_intervals_treat_interactions_on_door_as_dependent():
    door = np.random.default_rng(0).uniform(0, 1, (30, 1))

    def width(regrets):
        low, high = summarize(rollout(regrets))["mean_regret"]["ci95"]
        return high - low

    assert width(np.repeat(door, 10, axis=1)) == pytest.approx(width(door))


def test_paired_differences_have_narrower_intervals():
    rng = np.random.default_rng(0)
    hard = rng.uniform(0, 1, (100, 3))
    easier = hard - 0.05 + rng.normal(0, 0.01, hard.shape)
    difference = paired_differences({"a": rollout(hard), "b": rollout(easier)})
    assert difference["a"]["b"]["mean"] == pytest.approx(0.05, abs=0.005)
    assert difference["b"]["a"]["mean"] == pytest.approx(-difference["a"]["b"]["mean"])
    assert difference["a"]["b"]["ci95"][0] > 0.04
    assert set(difference["a"]) == {"b"}


def test_steps_to_open_matches_hand_computed_rollout():
    found = rollout([[1.0, 0.05, 0.0], [0.0, 0.5, 0.5], [1.0, 1.0, 0.5]])
    np.testing.assert_array_equal(steps_to_open(found), [[2.0, 1.0, 4.0]])  # 4: not within 3


def test_steps_to_open_matches_geometric_distribution():
    """Mean of min(G, T + 1) with G geometric of chance p: (1 - (1 - p)^(T + 1)) / p."""
    p, tries = 0.3, 10
    regrets = (np.random.default_rng(0).random((4000, tries)) > p).astype(float)
    found = summarize(rollout(regrets))["steps_to_open"]
    expected = (1 - (1 - p) ** (tries + 1)) / p
    assert found["ci95"][0] < expected < found["ci95"][1]


def test_summarize_omits_unopenable_doors_from_opening():
    both = Rollout(
        np.zeros((2, 2, 4), np.float32),
        np.array([[0.2, 1.0], [0.0, 0.0]], np.float32),
        np.array([[0.8, 0.0], [0.0, 0.0]]),
        np.zeros((2, 2), bool),
    )
    entry = summarize(both)
    assert entry["opened_by"] == pytest.approx([0.0, 1.0])
    assert entry["steps_to_open"]["mean"] == 2.0
    assert entry["mean_regret"]["n"] == 2


def test_merge_averages_seeds():
    parts = {3: rollout([[1.0, 0.5]] * 4), 7: rollout([[0.5, 0.0]] * 4)}
    runs = merge(parts)
    assert runs.seeds == (3, 7)
    assert runs.regrets.shape == (2, 4, 2)
    entry = summarize(runs)
    assert entry["seeds"] == 2
    assert entry["regret_per_interaction"] == pytest.approx([0.75, 0.25])
    assert summarize(merge({0: parts[3]})) == summarize(parts[3])


def test_merge_rejects_other_doors():
    one = rollout([[1.0, 0.5]] * 4)
    for other in (rollout([[1.0, 0.5]] * 5), rollout([[0.5, 0.2]] * 4, optimal=0.7)):
        with pytest.raises(ConfigError, match="same doors"):
            merge({0: one, 1: other})
    with pytest.raises(ConfigError, match="none"):
        merge({})


def test_summarize_interval_widens_with_seed_variance():
    """With equal doors only the seed is uncertain: normal theory with s - 1 of s."""
    rng = np.random.default_rng(0)
    level = rng.normal(0.5, 0.1, 20)
    runs = merge({s: rollout(np.full((50, 1), level[s])) for s in range(20)})
    low, high = summarize(runs)["mean_regret"]["ci95"]
    assert high - low == pytest.approx(2 * 1.96 * level.std() / np.sqrt(20), rel=0.15)
    one = summarize(rollout(np.full((50, 1), level[0])))["mean_regret"]["ci95"]
    assert one[1] - one[0] < 1e-9


def test_paired_differences_pair_equal_seeds():
    rng = np.random.default_rng(0)
    hard = {s: np.full((30, 2), 0.3 + 0.2 * rng.random()) for s in range(4)}
    a = merge({s: rollout(r) for s, r in hard.items()})
    b = merge({s: rollout(r - 0.05) for s, r in hard.items()})
    other = merge({s + 10: rollout(r - 0.05) for s, r in hard.items()})
    found = paired_differences(
        {"a": a, "b": b, "other": other, "alone": merge({0: rollout(hard[0])})}
    )
    paired, apart = (found["a"][name]["ci95"] for name in ("b", "other"))
    assert found["a"]["b"]["mean"] == pytest.approx(0.05)
    assert found["a"]["other"]["mean"] == pytest.approx(0.05)
    assert paired[1] - paired[0] < 1e-9  # the same in every seed
    assert apart[1] - apart[0] > 0.02
    alone = found["a"]["alone"]["ci95"]
    assert alone[0] < found["a"]["alone"]["mean"] < alone[1]


def test_regret_by_group_omits_empty_groups():
    found = rollout([[1.0, 0.5], [0.0, 0.0], [0.5, 0.5]])
    groups = {"some": np.array([True, False, True]), "none": np.zeros(3, bool)}
    parts = regret_by_group(found, groups)
    assert set(parts) == {"some"}
    assert parts["some"]["doors"] == 2
    assert parts["some"]["regret_per_interaction"] == pytest.approx([0.75, 0.5])
    assert len(parts["some"]["regret_per_interaction_ci95"]) == 2
