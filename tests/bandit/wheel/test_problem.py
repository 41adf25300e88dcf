import numpy as np
import pytest
from scipy.stats import kstest

from doorlab.bandit.wheel import problem
from doorlab.errors import ConfigError


def cost_of_uniform_choice(delta):
    """Per step, in closed form: on the rim one arm pays 50, inside of it arm 0 pays 1.2."""
    rim = 1.0 - delta**2  # its share of the disc
    return rim * ((50.0 - 1.2) + 3 * (50.0 - 1.0)) / 5 + (1.0 - rim) * 4 * (1.2 - 1.0) / 5


def test_sample_contexts_are_uniform_in_disc():
    x = problem.sample_contexts(4000, np.random.default_rng(0))
    assert kstest((x**2).sum(-1), "uniform").pvalue > 0.01  # areas of discs, as shares
    assert kstest(np.arctan2(x[:, 1], x[:, 0]) / np.pi, "uniform", (-1, 2)).pvalue > 0.01


def test_mean_rewards_pay_one_arm_per_quarter_of_rim():
    contexts = np.array([[0.6, 0.6], [0.6, -0.6], [-0.6, 0.6], [-0.6, -0.6]])
    np.testing.assert_array_equal(
        problem.mean_rewards(contexts, 0.8),
        [
            [1.2, 50, 1, 1, 1],
            [1.2, 1, 50, 1, 1],
            [1.2, 1, 1, 50, 1],
            [1.2, 1, 1, 1, 50],
        ],
    )
    inside = problem.mean_rewards(contexts, 0.9)
    np.testing.assert_array_equal(inside, np.tile([1.2, 1, 1, 1, 1], (4, 1)))
    assert problem.regrets(inside)[0] == pytest.approx([0, 0.2, 0.2, 0.2, 0.2])


def test_mean_rewards_accept_delta_per_problem():
    contexts = np.full((2, 3, 2), 0.5)  # at a radius of 0.71
    found = problem.mean_rewards(contexts, np.array([[0.6], [0.8]])).argmax(axis=-1)
    assert found.tolist() == [[1, 1, 1], [0, 0, 0]]


@pytest.mark.parametrize("delta", [0.0, 0.5, 0.95, 1.0])
def test_uniform_choice_has_closed_form_regret(delta):
    contexts = problem.sample_contexts(40_000, np.random.default_rng(1))
    lost = problem.regrets(problem.mean_rewards(contexts, delta)).mean(axis=1)
    error = lost.std() / 200
    assert lost.mean() == pytest.approx(cost_of_uniform_choice(delta), abs=4 * error + 1e-9)


def test_mean_rewards_reject_delta_outside_unit_interval():
    with pytest.raises(ConfigError, match="delta from 0 to 1"):
        problem.mean_rewards(np.zeros((1, 2)), 1.5)
