"""Two-sample scores where the distributions are known."""

from __future__ import annotations

import numpy as np
import pytest

from doorlab.errors import ConfigError
from doorlab.evaluation.generation.two_sample import held_out_hits, mmd2, two_sample_score

DOORS, FRAMES, FEATURES = 40, 4, 6


def features(seed, shift=0.0, scale=1.0, doors=DOORS):
    """What frames of a door share, and noise."""
    rng = np.random.default_rng(seed)
    door = rng.normal(size=(doors, 1, FEATURES))
    own = rng.normal(size=(doors, FRAMES, FEATURES))
    return scale * (door + 0.5 * own) + shift


def kernel_by_hand(a, b, width):
    return np.mean([np.exp(-((x - y) ** 2).sum() / width) for x in a for y in b])


def test_mmd2_averages_pairs_of_different_doors():
    real, other = features(0, doors=5), features(1, 0.7, doors=5)
    flat = real.reshape(-1, FEATURES)
    width = np.median([((x - y) ** 2).sum() for x in flat for y in flat])
    pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
    expected = (
        np.mean([kernel_by_hand(real[i], real[j], width) for i, j in pairs])
        + np.mean([kernel_by_hand(other[i], other[j], width) for i, j in pairs])
        - 2 * kernel_by_hand(real.reshape(-1, FEATURES), other.reshape(-1, FEATURES), width)
    )
    assert mmd2(real, other).mean == pytest.approx(expected, rel=1e-9)


def test_mmd2_of_constant_features_is_undefined():
    alike = np.ones((8, 4, 3))
    for other in (alike, features(0, doors=8)[..., :3]):
        found = mmd2(alike, other)
        assert np.isnan(found.mean)
        assert found.undefined == "the features of all real images are equal"


def test_two_sample_score_is_null_for_equal_distributions():
    scores = [two_sample_score(features(2 * s), features(2 * s + 1), s) for s in range(60)]
    discrepancy = np.array([score.mmd2.mean for score in scores])
    assert abs(discrepancy.mean()) < 3 * discrepancy.std() / np.sqrt(len(scores))
    assert (discrepancy < 0).any()  # unbiased, not clipped
    accuracy = np.array([score.accuracy.mean for score in scores])
    assert abs(accuracy.mean() - 0.5) < 0.03
    assert covered([score.accuracy for score in scores], 0.5) > 0.88


@pytest.mark.parametrize("shift", [0.0, 0.4, 1.0])
def test_mmd2_intervals_match_sampling_spread(shift):
    found = [mmd2(features(2 * s), features(2 * s + 1, shift), s) for s in range(100)]
    means = np.array([one.mean for one in found])
    assert covered(found, means.mean() if shift else 0.0) > 0.88
    half_widths = np.diff([one.ci95 for one in found]) / 2
    assert 0.85 < half_widths.mean() / (1.96 * means.std()) < 1.35


def test_mmd2_intervals_cover_with_four_doors():
    found = [mmd2(features(2 * s, doors=4), features(2 * s + 1, doors=4), s) for s in range(100)]
    assert covered(found, 0.0) > 0.88


def covered(estimates, truth):
    return np.mean([low <= truth <= high for low, high in (e.ci95 for e in estimates)])


def test_two_sample_scores_grow_with_difference():
    shifts = (0.0, 0.5, 1.0, 4.0)
    scores = [two_sample_score(features(0), features(1, shift)) for shift in shifts]
    for part in ("accuracy", "mmd2"):
        levels = [getattr(score, part).mean for score in scores]
        assert levels == sorted(levels)
        assert getattr(scores[-1], part).ci95[0] > getattr(scores[0], part).ci95[1]
    assert scores[-1].accuracy.mean > 0.99


def test_linear_classifier_misses_difference_in_scale():
    """The distributions have equal means and different spreads."""
    score = two_sample_score(features(0), features(1, scale=0.3))
    assert score.mmd2.ci95[0] > 0.05
    assert abs(score.accuracy.mean - 0.5) < 0.2


def test_held_out_hits_exclude_fitted_doors():
    """Every door has its own feature: memorization would be perfect, but is of no use."""
    real = np.repeat(np.eye(20)[:10, None], FRAMES, axis=1)
    other = np.repeat(np.eye(20)[10:, None], FRAMES, axis=1)
    assert held_out_hits(real, other).mean() <= 0.6
    assert held_out_hits(real, other).shape == (5, 2 * FRAMES)


def test_two_sample_score_is_invariant_to_units():
    units = np.array([1, 10, 0.1, 1e3, 1e-3, 1.0])
    plain = two_sample_score(features(0), features(1, 0.4))
    scaled = two_sample_score(features(0) * units + 3, features(1, 0.4) * units + 3)
    assert scaled.mmd2.mean == pytest.approx(plain.mmd2.mean, rel=1e-6)
    assert scaled.accuracy.mean == pytest.approx(plain.accuracy.mean, abs=0.01)


def test_two_sample_score_ignores_constant_feature():
    real, other = features(0), features(1)
    real[..., 0] = other[..., 0] = 2.5
    assert np.isfinite(two_sample_score(real, other).mmd2.mean)


def test_two_sample_score_rejects_invalid_input():
    with pytest.raises(ConfigError, match="at least four doors"):
        two_sample_score(features(0, doors=3), features(1, doors=3))
    with pytest.raises(ConfigError, match="equal numbers of doors and frames"):
        two_sample_score(features(0), features(1, doors=8))
