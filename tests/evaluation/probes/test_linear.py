"""Probes against embeddings whose linear content is known, and against scikit-learn's scores."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import r2_score

from doorlab.errors import ConfigError
from doorlab.evaluation.probes.linear import PENALTIES, ProbeData, ProbeScore, fit_probe
from doorlab.intervals import paired_difference

E = 16


def make_samples(values_of, doors=(600, 200, 300), shape=(), seed=0):
    """Train, validation and test samples of gaussian embeddings; `values_of` gives the answers."""
    rng = np.random.default_rng(seed)
    samples = []
    for count in doors:
        embeddings = rng.normal(size=(count, *shape, E))
        samples.append(ProbeData(embeddings, values_of(embeddings, rng)))
    return samples


def linear_with_noise(noise: float):
    weights = np.arange(1.0, E + 1) / np.linalg.norm(np.arange(1.0, E + 1))
    return lambda x, rng: x @ weights + noise * rng.normal(size=x.shape[:-1])


def test_linear_probe_reads_linear_target_exactly():
    score = fit_probe("continuous", *make_samples(linear_with_noise(0.0)))
    assert score.estimate().mean > 0.9999
    assert score.penalty == PENALTIES[0]


def test_linear_probe_r2_is_linear_share_of_variance():
    # Unit signal, noise of standard deviation 1: R^2 = 1 / 2 in expectation.
    score = fit_probe("continuous", *make_samples(linear_with_noise(1.0), doors=(4000, 500, 4000)))
    assert score.estimate().mean == pytest.approx(0.5, abs=0.03)
    low, high = score.estimate().ci95
    assert low < 0.5 < high
    assert high - low < 0.1


def test_linear_probe_of_noise_is_at_chance():
    pure_noise = make_samples(lambda x, rng: rng.normal(size=x.shape[:-1]))
    estimate = fit_probe("continuous", *pure_noise).estimate()
    assert abs(estimate.mean) < 0.06
    coin = make_samples(lambda x, rng: rng.integers(0, 2, x.shape[:-1]))
    assert fit_probe("binary", *coin).estimate().mean == pytest.approx(0.5, abs=0.1)


def test_linear_probe_r2_matches_scikit_learn():
    samples = make_samples(linear_with_noise(0.7))
    score = fit_probe("continuous", *samples)
    expected = r2_score(samples[2].values, score.predictions)
    assert score.estimate().mean == pytest.approx(expected, abs=1e-12)
    assert score.estimate().n == 300


def test_linear_probe_reads_separable_category_and_penalizes_few_doors():
    samples = make_samples(lambda x, rng: (x[..., 3] > 0).astype(int))
    assert fit_probe("binary", *samples).estimate().mean > 0.97
    few = make_samples(
        lambda x, rng: (x[..., 3] + 2 * rng.normal(size=x.shape[:-1]) > 0).astype(int),
        (20, 400, 400),
    )
    assert fit_probe("binary", *few).penalty > PENALTIES[0]


def test_linear_probe_probabilities_are_calibrated():
    def chance(x):
        return 1 / (1 + np.exp(-2 * x[..., 0]))

    samples = make_samples(
        lambda x, rng: (rng.random(x.shape[:-1]) < chance(x)).astype(int), doors=(4000, 1000, 1000)
    )
    score = fit_probe("binary", *samples)
    assert np.abs(score.predictions - chance(samples[2].embeddings)).mean() < 0.03


def test_linear_probe_of_frames_resamples_doors():
    samples = make_samples(linear_with_noise(1.0), doors=(300, 100, 200), shape=(5,))
    score = fit_probe("continuous", *samples)
    assert score.contributions.shape == score.predictions.shape == (200, 5)
    assert score.estimate().n == 200
    assert score.estimate().mean == pytest.approx(0.5, abs=0.06)


def test_linear_probe_is_invariant_to_scale_and_shift():
    samples = make_samples(linear_with_noise(0.5))
    stretched = [ProbeData(1e3 * s.embeddings - 7.0, s.values) for s in samples]
    a, b = fit_probe("continuous", *samples), fit_probe("continuous", *stretched)
    np.testing.assert_allclose(a.predictions, b.predictions, atol=1e-6)


def test_paired_difference_detects_better_embedding():
    train, validation, test = make_samples(linear_with_noise(0.0))

    def blurred(sample: ProbeData, noise: float, seed: int) -> ProbeData:
        shift = np.random.default_rng(seed).normal(size=sample.embeddings.shape)
        return ProbeData(sample.embeddings + noise * shift, sample.values)

    def score(noise: float) -> ProbeScore:
        blurry = (blurred(s, noise, i) for i, s in enumerate((train, validation, test)))
        return fit_probe("continuous", *blurry)

    good, bad = score(0.3), score(1.0)
    difference = paired_difference(good.contributions, bad.contributions)
    assert difference.ci95[0] > 0
    assert difference.mean == pytest.approx(good.estimate().mean - bad.estimate().mean)


def test_linear_probe_of_one_training_category_predicts_it():
    samples = make_samples(lambda x, rng: np.zeros(x.shape[:-1], dtype=int))
    samples[2] = ProbeData(samples[2].embeddings, (samples[2].embeddings[:, 0] > 0).astype(int))
    assert fit_probe("binary", *samples).estimate().mean == np.mean(samples[2].values == 0)


def test_linear_probe_rejects_constant_values_and_mismatched_shapes():
    constant = make_samples(lambda x, rng: np.ones(x.shape[:-1]))
    with pytest.raises(ConfigError, match="different values of the target"):
        fit_probe("continuous", *constant)
    with pytest.raises(ConfigError, match="one value per embedding"):
        ProbeData(np.zeros((4, E)), np.zeros(3))
    with pytest.raises(ConfigError, match="at least one"):
        ProbeData(np.zeros((0, E)), np.zeros(0))
