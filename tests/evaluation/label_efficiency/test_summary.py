"""Summaries by the number of labeled doors against sums by hand."""

from __future__ import annotations

import numpy as np
import pytest

from doorlab.evaluation.label_efficiency import differences, reward_summary
from doorlab.evaluation.label_efficiency.summary import difference
from doorlab.intervals import bootstrap_crossed

RNG = np.random.default_rng(0)
ERRORS = {"ssnp": {10: RNG.random((2, 40, 3)), 80: RNG.random((2, 40, 3))}}
ERRORS["np"] = {10: ERRORS["ssnp"][10] + 0.5}


def test_reward_summary_averages_over_seeds_doors_and_interactions():
    found = reward_summary({"reward_mse": ERRORS, "log_likelihood": ERRORS}, 0.25)
    one, values = found["ssnp"]["80"], ERRORS["ssnp"][80]
    assert one["reward_mse"]["mean"] == pytest.approx(values.mean())
    assert one["reward_mse"]["n"] == 40
    share = one["reward_mse_over_variance"]
    assert share["mean"] == pytest.approx(4 * values.mean())
    assert share["ci95"] == pytest.approx([4 * x for x in one["reward_mse"]["ci95"]])
    means = [estimate["mean"] for estimate in one["after"]["log_likelihood"]]
    assert means == pytest.approx(values.mean(axis=(0, 1)))
    assert set(found["np"]) == {"10"}


def test_differences_are_paired_at_shared_label_counts():
    """A rival that is worse by 0.5 on every door is so with certainty."""
    found = differences(ERRORS, "ssnp")
    assert list(found) == ["ssnp - np"]
    assert list(found["ssnp - np"]) == ["10"]
    assert found["ssnp - np"]["10"]["mean"] == pytest.approx(-0.5)
    assert found["ssnp - np"]["10"]["ci95"] == pytest.approx([-0.5, -0.5])


def test_difference_repeats_untrained_policy_for_every_seed():
    mine, theirs = RNG.random((3, 40, 5)), RNG.random((1, 40, 5))
    found = difference(mine, theirs)
    repeated = np.repeat(theirs, 3, axis=0)
    by_hand = bootstrap_crossed(mine.mean(axis=2) - repeated.mean(axis=2))
    assert found == by_hand.to_json()
