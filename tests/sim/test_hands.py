"""All simulators: recorded hands are never further from the handle than the grip allows."""

import numpy as np
import pytest

from doorlab.data.sources.simulation import GenerationConfig, make_door, passive_actions
from doorlab.doors import oracle_action
from doorlab.sim import make_simulator
from doorlab.sim.grip import SLIP_DISTANCE, Handles

TRIES = 5


@pytest.fixture(scope="module")
def tried():
    """Doors and actions, the oracle's last."""
    config = GenerationConfig(doors=6, interactions=TRIES - 1, prior="default", seed=2)
    doors = [make_door(config, i) for i in range(config.doors)]
    actions = [[*passive_actions(config, i), oracle_action(d)] for i, d in enumerate(doors)]
    return doors, np.array(actions, np.float32)


def interact(name, tried, **how):
    simulator = make_simulator(name)
    try:
        return simulator.interact(*tried, **how)
    finally:
        simulator.close()


@pytest.mark.parametrize("name", ["pybullet", "torch", "panda"])
def test_recorded_hand_stays_with_handle_until_release(tried, name):
    if name != "torch":
        pytest.importorskip("pybullet")
    done = interact(name, tried, record=True)
    steps = done.trajectories.shape[-1]
    assert done.hands.shape == (*done.trajectories.shape, 3)
    held = np.isfinite(done.hands).all(-1)
    np.testing.assert_array_equal(held, np.arange(steps) < done.steps[..., None])
    assert done.slipped.any()
    assert not done.slipped.all()
    for d, door in enumerate(tried[0]):
        before = np.pad(done.trajectories[d], [(0, 0), (1, 0)])
        middle = (before[:, 1:] + before[:, :-1]) / 2
        x, y, *_ = Handles.of([door]).at(middle)
        handles = np.stack([x, y, 0 * x], axis=-1)
        lag = np.linalg.norm(done.hands[d] - handles, axis=-1)[held[d]]
        assert lag.max() < SLIP_DISTANCE + 0.01  # m; the middle of a step is only about there
        assert lag.max() > 0.01


def test_interaction_without_record_has_no_hands(tried):
    assert interact("torch", tried).hands is None


def test_recorded_hands_of_torch_match_pybullet(tried):
    pytest.importorskip("pybullet")
    one, other = (interact(name, tried, record=True).hands for name in ("torch", "pybullet"))
    both = np.isfinite(one) & np.isfinite(other)
    assert both.mean() > 0.9 * np.isfinite(one).mean()
    np.testing.assert_allclose(one[both], other[both], atol=1e-5)
