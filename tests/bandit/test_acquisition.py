import numpy as np
import pytest
import torch

from doorlab.bandit.acquisition import SearchConfig, into_box, maximize, sobol_actions

# One optimum per door; the second lies just across phi's seam, the third in a corner.
OPTIMA = torch.tensor([[0.3, -0.2, 0.6, 0.1], [0.98, 0.5, -0.5, 0.0], [-0.4, 1.0, -1.0, 1.0]])


def hill(at):
    """A known function of period 2 in phi, quadratic in the rest."""
    phi, rest = at[..., 0], at[..., 1:]
    turn = torch.cos(torch.pi * (phi - OPTIMA[:, None, 0])) - 1
    return turn - (rest - OPTIMA[:, None, 1:]).square().sum(-1)


def candidates(number=256):
    return sobol_actions(number, 0, torch.float32).expand(3, -1, -1)


def test_maximize_finds_known_optimum_on_every_door():
    best = maximize(hill, [candidates()], SearchConfig(steps=60, step_size=0.03))
    torch.testing.assert_close(best, OPTIMA, atol=0.02, rtol=0)


def test_maximize_crosses_seam_of_phi():
    start = torch.tensor([[-0.97, 0.5, -0.5, 0.0]]).expand(3, 1, 4)
    best = maximize(hill, [start], SearchConfig(starts=1, steps=80, step_size=0.02))
    assert best[1, 0] == pytest.approx(0.98, abs=0.02)


def test_maximize_is_never_worse_than_best_candidate():
    def rough(at):
        return torch.sin(300 * at).sum(-1)  # gradients lead nowhere

    x = candidates()
    best = maximize(rough, [x], SearchConfig(step_size=0.5))
    assert (rough(best[:, None])[:, 0] >= rough(x).max(dim=1).values - 1e-6).all()


def test_maximize_without_steps_returns_best_candidate():
    x = candidates(64)
    best = maximize(hill, [x], SearchConfig(steps=0))
    torch.testing.assert_close(best, x[torch.arange(3), hill(x).argmax(dim=1)])


def test_maximize_accepts_more_starts_than_candidates():
    assert maximize(hill, [candidates(2)], SearchConfig(starts=8)).shape == (3, 4)


def test_maximize_gives_same_result_for_any_grouping_of_candidates():
    executed = torch.rand(3, 2, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    whole = torch.cat([executed, candidates(64)], dim=1)
    apart = maximize(hill, (executed, candidates(64)), SearchConfig(at_once=30))
    torch.testing.assert_close(apart, maximize(hill, [whole], SearchConfig()))
    torch.testing.assert_close(
        maximize(hill, (executed[:, :0], candidates(64)), SearchConfig()),
        maximize(hill, [candidates(64)], SearchConfig()),
    )


def test_sobol_actions_fill_box_evenly_given_seed():
    x = sobol_actions(512, 3, torch.float64).numpy()
    assert x.dtype == np.float64
    counts = [np.histogram(x[:, i], bins=8, range=(-1, 1))[0] for i in range(4)]
    assert np.abs(np.array(counts) - 64).max() <= 1
    np.testing.assert_array_equal(x, sobol_actions(512, 3, torch.float64).numpy())
    assert not np.array_equal(x, sobol_actions(512, 4, torch.float64).numpy())


def test_into_box_wraps_phi_and_clips_rest():
    outside = torch.tensor([[1.25, 2.0, -3.0, 0.5], [-1.25, 0.0, 0.0, 0.0]])
    expected = torch.tensor([[-0.75, 1.0, -1.0, 0.5], [0.75, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(into_box(outside), expected)
