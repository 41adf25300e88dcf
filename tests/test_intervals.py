import numpy as np
import pytest
from scipy import stats

from doorlab.errors import ConfigError
from doorlab.intervals import (
    bootstrap_crossed,
    bootstrap_function,
    bootstrap_mean,
    crossed_difference,
    paired_difference,
    student_mean,
)


def test_bootstrap_mean_matches_normal_approximation():
    values = np.random.default_rng(0).normal(2.0, 3.0, 4000)
    estimate = bootstrap_mean(values)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert estimate.mean == pytest.approx(values.mean())
    assert estimate.ci95 == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)


@pytest.mark.parametrize("kind", ["values", "units", "paired"])
def test_bootstrap_mean_matches_scipy(kind):
    """The ends of both intervals differ by their Monte Carlo noise, 0.03 standard errors."""
    rng = np.random.default_rng(7)
    values, resamples = rng.exponential(2.0, (60, 4)), 20_000
    other = values + rng.normal(0.5, 1.0, values.shape)
    if kind == "paired":
        found = paired_difference(values, other).ci95
        data = (values.mean(axis=1), other.mean(axis=1))
    else:
        a = values[:, 0] if kind == "values" else values
        found = bootstrap_mean(a, resamples=resamples).ci95
        data = (a if kind == "values" else a.mean(axis=1),)  # doors are the units, not pairs

    def mean(*parts, axis):
        return parts[0].mean(axis) - (parts[1].mean(axis) if len(parts) > 1 else 0.0)

    expected = stats.bootstrap(
        data, mean, paired=True, n_resamples=resamples, method="percentile", rng=rng
    )
    tolerance = (0.25 if kind == "paired" else 0.1) * expected.standard_error
    assert found == pytest.approx(tuple(expected.confidence_interval), abs=tolerance)


def test_bootstrap_function_matches_scipy():
    rng = np.random.default_rng(8)
    values = rng.normal(1.0, 1.0, (50, 3))

    def length(means):
        return np.linalg.norm(means, axis=-1)

    def of_rows(rows, axis):
        assert axis == -1
        return length(values[rows].mean(axis=-2))

    expected = stats.bootstrap(
        (np.arange(50),), of_rows, n_resamples=20_000, batch=2_000, method="basic", rng=rng
    )
    found = bootstrap_function(values, length, resamples=20_000).ci95
    tolerance = 0.1 * expected.standard_error
    assert found == pytest.approx(tuple(expected.confidence_interval), abs=tolerance)


def test_bootstrap_mean_covers_truth_at_nominal_rate():
    rng = np.random.default_rng(1)
    hits = 0
    for i in range(300):
        low, high = bootstrap_mean(rng.exponential(1.0, 60), seed=i, resamples=500).ci95
        hits += low <= 1.0 <= high
    assert 0.90 <= hits / 300 <= 0.98


def test_bootstrap_mean_does_not_narrow_with_repeated_values():
    values = np.random.default_rng(2).normal(size=50)
    repeated = np.repeat(values[:, None], 20, axis=1)
    assert bootstrap_mean(repeated).ci95 == pytest.approx(bootstrap_mean(values).ci95)
    assert bootstrap_mean(repeated).n == 50


def test_paired_difference_removes_shared_variance():
    rng = np.random.default_rng(3)
    shared = rng.normal(0, 10, 200)
    a, b = shared + rng.normal(1.0, 0.1, 200), shared + rng.normal(0.0, 0.1, 200)
    low, high = paired_difference(a, b).ci95
    assert 0.95 < low < 1.0 < high < 1.05


def test_bootstrap_mean_rejects_empty_values():
    with pytest.raises(ConfigError, match="at least one value"):
        bootstrap_mean(np.array([]))


def test_bootstrap_crossed_of_one_run_resamples_units():
    values = np.random.default_rng(4).normal(size=(1, 80))
    assert bootstrap_crossed(values) == bootstrap_mean(values[0])


def test_bootstrap_crossed_widens_with_variance_between_runs():
    doors = np.random.default_rng(5).normal(size=100)
    agreed = np.repeat(doors[None], 5, axis=0)
    assert bootstrap_crossed(agreed).ci95 == pytest.approx(bootstrap_mean(doors).ci95)
    shifted = agreed + np.array([-1.0, -0.5, 0.0, 0.5, 1.0])[:, None]
    (low, high), (least, most) = bootstrap_mean(doors).ci95, bootstrap_crossed(shifted).ci95
    assert least < low
    assert high < most
    assert bootstrap_crossed(shifted).n == 100


@pytest.mark.parametrize("of_runs", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("runs", [2, 3, 12])
def test_bootstrap_crossed_covers_truth_at_nominal_rate(runs, of_runs):
    """Scores = effect of run + effect of door + noise; few runs must suffice."""
    rng, hits = np.random.default_rng(6), 0
    for i in range(300):
        effects = rng.normal(0, of_runs, (runs, 1)) + rng.normal(0, 0.5, (1, 60))
        values = 1.0 + effects + rng.normal(0, 0.5, (runs, 60))
        low, high = bootstrap_crossed(values, seed=i, resamples=400).ci95
        hits += low <= 1.0 <= high
    assert 0.92 <= hits / 300 <= 0.99


@pytest.mark.parametrize("runs", [(2, 2), (3, 3), (3, 1), (12, 3)])
def test_crossed_difference_covers_truth_at_nominal_rate(runs):
    rng, hits = np.random.default_rng(7), 0
    for i in range(300):
        doors = rng.normal(0, 0.5, (1, 60))
        # One run alone says nothing of others like it: then they are all the same here.
        a, b = (
            doors + rng.normal(0, 0.2 * (s > 1), (s, 1)) + rng.normal(0, 0.3, (s, 60)) for s in runs
        )
        low, high = crossed_difference(a + 1.0, b, seed=i, resamples=400).ci95
        hits += low <= 1.0 <= high
    assert 0.92 <= hits / 300 <= 0.995


def test_bootstrap_crossed_of_shares_stays_in_unit_interval():
    right = np.ones((3, 200))
    right[0, :3] = 0.0
    low, high = bootstrap_crossed(right).ci95
    assert low < right.mean() < high == 1.0


def test_bootstrap_crossed_rejects_empty_values():
    with pytest.raises(ConfigError, match="at least one value"):
        bootstrap_crossed(np.zeros((2, 0)))


def test_bootstrap_function_covers_truth():
    """|mean| of values about 0.5, many standard errors from 0: the textbook interval of a mean."""
    values = np.random.default_rng(0).normal(0.5, 1.0, (400, 1))
    found = bootstrap_function(values, lambda means: np.abs(means[..., 0]))
    error = values.std() / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.n == 400
    expected = (found.mean - 1.96 * error, found.mean + 1.96 * error)
    assert found.ci95 == pytest.approx(expected, abs=0.15 * error)


def test_bootstrap_function_corrects_upward_bias():
    """A sum of 50 |means| is about 40 standard errors where every mean is 0."""
    values = np.random.default_rng(1).normal(0.0, 1.0, (100, 50))
    found = bootstrap_function(values, lambda means: np.abs(means).sum(-1))
    assert found.mean == pytest.approx(50 * 0.1 * (2 / np.pi) ** 0.5, rel=0.2)
    assert 0 <= found.ci95[0] < found.ci95[1] < found.mean


def test_bootstrap_function_rejects_empty_values():
    with pytest.raises(ConfigError, match="at least one value"):
        bootstrap_function(np.zeros((0, 3)), lambda means: means.sum(-1))


def test_crossed_difference_of_unpaired_runs_adds_their_variances():
    """Units cancel where they act equally on all runs; variances of the runs add up."""
    rng = np.random.default_rng(0)
    units = rng.normal(0, 5, 200)
    a = rng.normal(1.0, 0.3, (30, 1)) + units
    b = rng.normal(0.6, 0.2, (20, 1)) + units
    found = crossed_difference(a, b)
    spread = np.hypot(a.mean(1).std() / np.sqrt(30), b.mean(1).std() / np.sqrt(20))
    assert found.mean == pytest.approx(a.mean() - b.mean())
    assert found.ci95[1] - found.ci95[0] == pytest.approx(2 * 1.96 * spread, rel=0.1)
    assert found.n == 200


def test_crossed_difference_rejects_other_units():
    with pytest.raises(ConfigError, match="same units"):
        crossed_difference(np.zeros((2, 3)), np.zeros((2, 4)))


def test_student_mean_matches_scipy():
    values = np.array([0.3, -0.1, 0.5, 0.2, 0.05])
    found = student_mean(values)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert found.mean == pytest.approx(values.mean())
    assert found.ci95 == pytest.approx((expected.low, expected.high))
    assert found.n == 5


def test_student_mean_of_single_value_has_undefined_interval():
    found = student_mean(np.array([0.3]))
    assert found.mean == 0.3
    assert np.isnan(found.ci95).all()


def test_student_mean_rejects_empty_values():
    with pytest.raises(ConfigError, match="at least one value"):
        student_mean(np.array([]))
