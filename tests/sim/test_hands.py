"""All simulators: recorded hands are never further from the handle than the grip allows."""

import numpy as np
import pytest

from doorlab.data.sources.simulation import GenerationConfig, make_door, passive_actions
from doorlab.doors import Action, oracle_action
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


def test_only_panda_records_arm(tried):
    assert interact("torch", tried, record=True).arm_positions is None
    pytest.importorskip("pybullet")
    assert interact("pybullet", tried, record=True).arm_targets is None


def test_recorded_arm_reaches_recorded_hand_and_follows_targets(tried):
    """The hand of the simulator against the forward kinematics of the recorded joints."""
    pytest.importorskip("pybullet")
    from doorlab.sim.panda.kinematics import grip_position, plan

    doors, actions = tried[0][:1], tried[1][:1, -2:]
    done = interact("panda", (doors, actions), record=True)
    assert done.arm_positions.shape == done.arm_targets.shape == (*done.trajectories.shape, 7)
    assert done.time_step * done.trajectories.shape[-1] == pytest.approx(3.0)
    for d, j in np.ndindex(actions.shape[:2]):
        steps = done.steps[d, j]
        arm, targets = done.arm_positions[d, j, :steps], done.arm_targets[d, j, :steps]
        assert np.isnan(done.arm_positions[d, j, steps:]).all()
        stand = plan([Action.from_normalized(actions[d, j])], done.time_step).placement
        reached = stand.position + stand.turned_out(grip_position(arm.T.astype(float)))
        middle = (reached[:, 1:] + reached[:, :-1]).T / 2
        np.testing.assert_allclose(middle, done.hands[d, j, 1:steps], atol=1e-3)
        assert np.abs(arm - targets).mean() < 0.05  # rad: the arm lags behind its targets
