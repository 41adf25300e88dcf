"""Reliability and coverage against predictions whose calibration is known."""

from __future__ import annotations

import numpy as np
import pytest

from doorlab.evaluation.calibration import (
    LEVELS,
    calibration_error,
    calibration_shares,
    coverage,
    reliability,
)

RNG = np.random.default_rng(0)


def test_coverage_of_calibrated_normal_matches_level():
    mean, std = RNG.random((500, 20)), RNG.uniform(0.05, 0.3, (500, 20))
    covered = coverage(mean, std, mean + std * RNG.normal(size=mean.shape))
    for level, estimate in zip(LEVELS, covered, strict=True):
        assert estimate.mean == pytest.approx(level, abs=0.02)


def test_coverage_of_small_std_is_below_level():
    mean = RNG.random((300, 10))
    outcome = mean + 0.2 * RNG.normal(size=mean.shape)
    sure, careful = (coverage(mean, np.full_like(mean, s), outcome)[4] for s in (0.1, 0.4))
    assert sure.mean < LEVELS[4] - 0.2 < LEVELS[4] < careful.mean


def test_reliability_bins_hold_means_of_their_predictions():
    mean = np.array([[0.05, 0.15], [0.12, 0.95]])
    outcome = np.array([[0.0, 0.2], [0.4, 1.0]])
    bins = reliability(mean, outcome, fewest=1)
    assert [b.predicted for b in bins] == pytest.approx([0.05, 0.135, 0.95])
    assert [b.observed.mean for b in bins] == pytest.approx([0.0, 0.3, 1.0])
    assert [b.share for b in bins] == pytest.approx([0.25, 0.5, 0.25])


def test_reliability_clamps_predictions_outside_unit_interval():
    bins = reliability(np.array([[-0.3, 1.2]]), np.array([[0.1, 0.9]]), fewest=1)
    assert [b.observed.mean for b in bins] == pytest.approx([0.1, 0.9])


def test_reliability_omits_bins_with_few_doors():
    mean = np.full((30, 4), 0.25)
    mean[:4] = 0.75  # sixteen predictions, but on four doors only
    assert [b.predicted for b in reliability(mean, mean, fewest=5)] == [0.25]
    assert len(reliability(mean, mean, fewest=4)) == 2


def test_reliability_intervals_are_over_doors():
    # Every door's 50 outcomes are equal: 40 doors are 40 values, not 2,000.
    outcome = np.repeat(RNG.random((40, 1)), 50, axis=1)
    (only,) = reliability(np.full((40, 50), 0.5), outcome)
    low, high = only.observed.ci95
    assert only.observed.n == 40
    assert high - low == pytest.approx(2 * 1.96 * outcome[:, 0].std() / np.sqrt(40), rel=0.15)


def test_calibration_error_is_weighted_gap_of_bins():
    mean = RNG.random((200, 30))
    outcome = np.clip(mean + 0.15 * (mean > 0.5) + 0.05 * RNG.normal(size=mean.shape), 0, 2)
    bins = reliability(mean, outcome, fewest=1)
    expected = sum(b.share * abs(b.predicted - b.observed.mean) for b in bins)
    found = calibration_error(mean, outcome)
    assert found.mean == pytest.approx(expected)
    assert found.mean == pytest.approx(0.075, abs=0.01)  # half of the predictions, 0.15 too low
    assert found.ci95[0] <= found.mean <= found.ci95[1] + 0.005
    assert found.n == 200


def test_calibration_error_of_calibrated_model_is_near_zero():
    mean = RNG.random((1000, 10))
    outcome = (RNG.random(mean.shape) < mean).astype(float)
    found = calibration_error(mean, outcome)
    assert found.mean < 0.02
    assert found.ci95[1] < 0.02


def test_calibration_error_counts_errors_that_cancel_between_bins():
    mean = np.tile([0.25, 0.75], (20, 1))
    assert calibration_error(mean, np.full((20, 2), 0.5)).mean == pytest.approx(0.25)


def test_calibration_shares_average_to_calibration_error():
    mean = RNG.random((200, 6))
    outcome = RNG.random((200, 6))  # nothing to do with it: too low here, too high there
    shares = calibration_shares(mean, outcome)
    assert shares.shape == (200,)
    assert shares.mean() == pytest.approx(calibration_error(mean, outcome).mean)
    low = calibration_shares(np.full((3, 2), 0.25), np.array([[0.5, 0.5], [0.75, 0.25], [1, 0]]))
    np.testing.assert_allclose(low, [0.25, 0.25, 0.25])  # one bin, in which all is too low
