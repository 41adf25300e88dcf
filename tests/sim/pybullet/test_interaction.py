import dataclasses

import numpy as np
import pytest

from doorlab.doors import Action, oracle_action
from doorlab.seeding import stream
from doorlab.sim import optimal_rewards
from doorlab.sim.grip import MAX_FORCE, SLIP_DISTANCE, STIFFNESS
from doorlab.sim.interactions import rewards_of


def one(simulator, door, action):
    outcome = simulator.interact([door], action.to_normalized()[None, None], record=True)
    return outcome.rewards[0, 0], outcome.slipped[0, 0], outcome.trajectories[0, 0]


def perfect(door, **changes):
    return dataclasses.replace(Action.from_normalized(oracle_action(door)), **changes)


def test_oracle_opens_doors_and_random_actions_do_not(simulator, doors):
    assert optimal_rewards(simulator, doors).min() >= 0.98
    actions = stream(0, "actions").uniform(-1, 1, (len(doors), 16, 4)).astype(np.float32)
    rewards = simulator.interact(doors, actions).rewards
    assert 0.02 < rewards.mean() < 0.25
    assert rewards.min() >= 0.0
    assert rewards.max() <= 1.0


def test_reward_depends_on_every_action_component(simulator, doors):
    door = next(d for d in doors if d.latch_angle > 0)
    best = perfect(door)
    assert one(simulator, door, best)[0] > 0.98
    for wrong in (
        {"phi": best.phi + np.pi / 2},
        {"radius": 0.5 * best.radius},
        {"swing": -best.swing},
        {"turn": -best.turn},
    ):
        reward, slipped, _ = one(simulator, door, dataclasses.replace(best, **wrong))
        assert slipped
        assert reward < 0.7


def test_half_swing_opens_door_halfway(simulator, doors):
    door = dataclasses.replace(doors[0], closer_stiffness=0.0, latch_angle=0.0, hinge_friction=0.2)
    reward, slipped, course = one(simulator, door, perfect(door, swing=door.swing_sign * 0.8))
    assert not slipped
    assert reward * door.opening_limit == pytest.approx(0.8, abs=0.03)
    assert course[-1] == pytest.approx(reward * door.opening_limit, rel=1e-6)


@pytest.mark.parametrize("angle", [0.5, 0.9])
def test_grip_at_its_limit_balances_moments(simulator, doors, angle):
    """A closer stops the door where k q = F R, as long as the hand leads by less than a slip."""
    door = dataclasses.replace(
        doors[0],
        latch_angle=0.0,
        hinge_friction=0.0,
        hinge_damping=25.0,
        opening_limit=1.8,
        mass=12.0,
    )
    radius = door.handle_radius
    door = dataclasses.replace(door, closer_stiffness=MAX_FORCE * radius / angle)
    saturated = (MAX_FORCE / STIFFNESS + SLIP_DISTANCE) / 2  # m: full force, and no slip yet
    _, slipped, course = one(
        simulator, door, perfect(door, swing=door.swing_sign * (angle + saturated / radius))
    )
    assert not slipped
    assert course[-1] == pytest.approx(angle, rel=0.02)
    further = angle + 1.3 * SLIP_DISTANCE / radius
    assert one(simulator, door, perfect(door, swing=door.swing_sign * further))[1]


def test_rewards_are_independent_of_rounding(doors):
    """Sines of processors differ in their last bits."""
    ends = stream(0).uniform(0, 1, (len(doors), 50))
    ends[:, :5] = 0.0
    other = ends * (1 + 2e-16) + 1e-17
    np.testing.assert_array_equal(rewards_of(doors, ends), rewards_of(doors, other))


def test_interactions_are_independent_of_history(simulator, doors):
    actions = stream(1, "actions").uniform(-1, 1, (20, 8, 4)).astype(np.float32)
    together = simulator.interact(doors[:20], actions).rewards
    for d in (3, 17):
        for j in (0, 5):
            alone = simulator.interact([doors[d]], actions[d : d + 1, j : j + 1]).rewards
            assert alone[0, 0] == together[d, j]


def test_mirrored_door_and_action_earn_equal_reward(simulator, doors):
    """A mirrored door under a mirrored action earns the same reward."""
    actions = stream(2, "actions").uniform(-1, 1, (60, 8, 4))
    mirrored = [
        dataclasses.replace(
            d,
            hinge_side="left" if d.hinge_side == "right" else "right",
            latch_direction=-d.latch_direction,
        )
        for d in doors[:60]
    ]
    flipped = actions * np.array([1.0, 1.0, 1.0, -1.0])
    flipped[..., 0] = (1.0 - actions[..., 0] + 1.0) % 2.0 - 1.0
    a = simulator.interact(doors[:60], actions).rewards
    b = simulator.interact(mirrored, flipped).rewards
    np.testing.assert_allclose(a, b, atol=1e-5)
